package dsig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"fmt"
	"math/big"
)

// MethodOf returns the algorithm in which a key signs here, and its hash: with SHA-256, or with the hash that fits a longer
// elliptic curve.
func MethodOf(key crypto.PublicKey) (method string, hash crypto.Hash, known bool) {
	switch public := key.(type) {
	case *rsa.PublicKey:
		return RSASHA256, crypto.SHA256, true
	case *ecdsa.PublicKey:
		switch bits := public.Params().BitSize; {
		case bits <= 256:
			return ECDSASHA256, crypto.SHA256, true
		case bits <= 384:
			return ECDSASHA384, crypto.SHA384, true
		}
		return ECDSASHA512, crypto.SHA512, true
	}
	return "", 0, false
}

// SignValue makes the octets of a SignatureValue over those of a canonical SignedInfo: what an RSA key answers as it is, what
// an ECDSA key answers as r and s of fixed length (XML Signature 1.1 section 6.4.3).
func SignValue(key crypto.Signer, hash crypto.Hash, octets []byte) ([]byte, error) {
	h := hash.New()
	h.Write(octets)
	value, err := key.Sign(rand.Reader, h.Sum(nil), hash)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	public, elliptic := key.Public().(*ecdsa.PublicKey)
	if !elliptic {
		return value, nil
	}
	var pair struct{ R, S *big.Int }
	if _, err = asn1.Unmarshal(value, &pair); err != nil {
		return nil, fmt.Errorf("sign: read the key's answer: %w", err)
	}
	size := (public.Params().N.BitLen() + 7) / 8
	fixed := make([]byte, 2*size)
	pair.R.FillBytes(fixed[:size])
	pair.S.FillBytes(fixed[size:])
	return fixed, nil
}
