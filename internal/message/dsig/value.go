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

// MethodForKey returns the algorithm and hash with which a key signs here: SHA-256, or the hash that matches a longer
// elliptic curve.
func MethodForKey(key crypto.PublicKey) (method string, hash crypto.Hash, ok bool) {
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

// SignValue returns the bytes of a SignatureValue over a canonical SignedInfo: an RSA signature as it is, an ECDSA
// signature as r and s of fixed length (XML Signature 1.1 section 6.4.3).
func SignValue(key crypto.Signer, hash crypto.Hash, signedInfo []byte) ([]byte, error) {
	h := hash.New()
	h.Write(signedInfo)
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
