package dsig_test

import (
	"crypto"
	"crypto/dsa" //nolint:staticcheck // what older corpora are signed with; it tells whether SignedInfo came out right
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha3"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"strings"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/xmldoc"
)

// hashes maps the suffix of a digest or signature algorithm's identifier to its hash.
var hashes = map[string]crypto.Hash{
	"sha1": crypto.SHA1, "sha224": crypto.SHA224, "sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512,
	"sha3-224": crypto.SHA3_224, "sha3-256": crypto.SHA3_256, "sha3-384": crypto.SHA3_384, "sha3-512": crypto.SHA3_512,
}

// dsig11 is the namespace of the additions to KeyInfo in version 1.1.
const dsig11 = "http://www.w3.org/2009/xmldsig11#"

// decodeBase64Text decodes base64 as leniently as possible.
func decodeBase64Text(e xmldoc.Element) []byte {
	text, _ := e.Text()
	octets, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil
	}
	return octets
}

// candidateKeys returns every key in a KeyInfo: certificates may be in any order.
func candidateKeys(keyInfo xmldoc.Element) []crypto.PublicKey {
	var keys []crypto.PublicKey
	for _, e := range descendants(keyInfo) {
		var key crypto.PublicKey
		switch {
		case e.Is(dsig.Namespace, "X509Certificate"):
			if certificate, err := x509.ParseCertificate(decodeBase64Text(e)); err == nil {
				key = certificate.PublicKey
			}
		case e.Is(dsig11, "DEREncodedKeyValue"):
			key, _ = x509.ParsePKIXPublicKey(decodeBase64Text(e))
		case e.Is(dsig11, "ECKeyValue"):
			key = parseECKey(e)
		case e.Is(dsig.Namespace, "RSAKeyValue"):
			key = &rsa.PublicKey{N: parseInteger(e, "Modulus"), E: int(parseInteger(e, "Exponent").Int64())}
		case e.Is(dsig.Namespace, "DSAKeyValue"):
			key = &dsa.PublicKey{Parameters: dsa.Parameters{P: parseInteger(e, "P"), Q: parseInteger(e, "Q"), G: parseInteger(e, "G")}, Y: parseInteger(e, "Y")}
		}
		if key != nil {
			keys = append(keys, key)
		}
	}
	return keys
}

func parseInteger(e xmldoc.Element, local string) *big.Int {
	return new(big.Int).SetBytes(decodeBase64Text(e.Child(dsig.Namespace, local)))
}

// parseECKey reads a dsig11:ECKeyValue with a named curve; its key is nil if it has none, or none on that curve.
func parseECKey(e xmldoc.Element) crypto.PublicKey {
	curves := map[string]elliptic.Curve{
		"urn:oid:1.2.840.10045.3.1.7": elliptic.P256(), "urn:oid:1.3.132.0.34": elliptic.P384(), "urn:oid:1.3.132.0.35": elliptic.P521(),
	}
	name, _ := e.Child(dsig11, "NamedCurve").Attr("", "URI")
	curve, ok := curves[name]
	if !ok {
		return nil
	}
	key, err := ecdsa.ParseUncompressedPublicKey(curve, decodeBase64Text(e.Child(dsig11, "PublicKey")))
	if err != nil {
		return nil
	}
	return key
}

// verifiesWith verifies a signature value; known reports whether it supports this algorithm and key. It supports more
// than dsig, so that the canonical form of more documents is tested.
func verifiesWith(method string, key crypto.PublicKey, octets, value []byte) (good, known bool) {
	_, algorithm, _ := strings.Cut(method, "#")
	name, pss := strings.CutSuffix(algorithm, "-rsa-MGF1")
	if !pss {
		_, name, _ = strings.Cut(algorithm, "-")
	}
	hash := hashes[name]
	if !hash.Available() {
		return false, false
	}
	h := hash.New()
	h.Write(octets)
	sum := h.Sum(nil)
	const most = 8192 // bits, to bound the cost of keys in corpora
	switch k := key.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < 1024 || k.N.BitLen() > most || k.E < 3 || k.N.Bit(0) == 0 { // crypto/rsa refuses such keys
			return false, false
		}
		if pss {
			return rsa.VerifyPSS(k, hash, sum, value, nil) == nil, true
		}
		return rsa.VerifyPKCS1v15(k, hash, sum, value) == nil, strings.HasPrefix(algorithm, "rsa-")
	case *ecdsa.PublicKey:
		if len(value) != 2*((k.Params().N.BitLen()+7)/8) { // ASN.1, which XML Signature does not use
			return false, false
		}
		r, s := splitECDSAValue(value)
		return ecdsa.Verify(k, sum, r, s), strings.HasPrefix(algorithm, "ecdsa-")
	case *dsa.PublicKey:
		if k.P.BitLen() > most || k.P.Sign() == 0 {
			return false, false
		}
		r, s := splitECDSAValue(value)
		size := (k.Q.BitLen() + 7) / 8
		return dsa.Verify(k, sum[:min(size, len(sum))], r, s), strings.HasPrefix(algorithm, "dsa-")
	}
	return false, false
}

func splitECDSAValue(value []byte) (r, s *big.Int) {
	half := len(value) / 2
	return new(big.Int).SetBytes(value[:half]), new(big.Int).SetBytes(value[half:])
}
