package x509id

import (
	"crypto/x509"
	"encoding/asn1"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/openctr/ctr/internal/problem"
)

// ParseCertificate parses the certificate of a message. Its refusals tell what is unusual about a certificate that
// crypto/x509 does not read: the curve of its key, or its serial number.
func ParseCertificate(der []byte) (*x509.Certificate, error) {
	c, err := x509.ParseCertificate(der)
	if err == nil {
		return c, nil
	}
	serial, key, ok := outlineCertificate(der)
	switch {
	case !ok:
	case serial.Sign() < 0:
		return nil, problem.Wrap(TokenUnreadable, err, serialNegative.With(serial.String()))
	default:
		if curve, isCurve := describeCurve(key); isCurve {
			return nil, problem.Wrap(CertKeyUnsupported, err, keyCurve.With(curve))
		}
	}
	return nil, problem.Wrap(TokenUnreadable, err)
}

// publicKeyInfo is the algorithm of a SubjectPublicKeyInfo.
type publicKeyInfo struct {
	algorithm  asn1.ObjectIdentifier
	parameters cryptobyte.String
}

// outlineCertificate reads the serial number and the algorithm of the key (RFC 5280 section 4.1).
func outlineCertificate(der []byte) (*big.Int, publicKeyInfo, bool) {
	var certificate, body, skipped, info, algorithm cryptobyte.String
	var key publicKeyInfo
	serial := new(big.Int)
	input := cryptobyte.String(der)
	if !input.ReadASN1(&certificate, tags.SEQUENCE) || !certificate.ReadASN1(&body, tags.SEQUENCE) ||
		!body.SkipOptionalASN1(tags.Tag(0).ContextSpecific().Constructed()) || !body.ReadASN1Integer(serial) {
		return nil, key, false
	}
	for range 4 { // signature, issuer, validity, subject
		if !body.ReadASN1(&skipped, tags.SEQUENCE) {
			return nil, key, false
		}
	}
	if !body.ReadASN1(&info, tags.SEQUENCE) || !info.ReadASN1(&algorithm, tags.SEQUENCE) ||
		!algorithm.ReadASN1ObjectIdentifier(&key.algorithm) {
		return nil, key, false
	}
	key.parameters = algorithm
	return serial, key, true
}

// The curves that certificates have and crypto/x509 does not read, by object identifier.
var otherCurves = map[string]string{
	"1.3.132.0.10":          "secp256k1",
	"1.2.840.10045.3.1.1":   "secp192r1",
	"1.3.36.3.3.2.8.1.1.3":  "brainpoolP192r1",
	"1.3.36.3.3.2.8.1.1.5":  "brainpoolP224r1",
	"1.3.36.3.3.2.8.1.1.7":  "brainpoolP256r1",
	"1.3.36.3.3.2.8.1.1.8":  "brainpoolP256t1",
	"1.3.36.3.3.2.8.1.1.9":  "brainpoolP320r1",
	"1.3.36.3.3.2.8.1.1.11": "brainpoolP384r1",
	"1.3.36.3.3.2.8.1.1.12": "brainpoolP384t1",
	"1.3.36.3.3.2.8.1.1.13": "brainpoolP512r1",
	"1.3.36.3.3.2.8.1.1.14": "brainpoolP512t1",
}

var oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}

// describeCurve names the curve of an EC key (RFC 5480 section 2.1.1). It reports false for other keys.
func describeCurve(key publicKeyInfo) (string, bool) {
	if !key.algorithm.Equal(oidECPublicKey) {
		return "", false
	}
	var id asn1.ObjectIdentifier
	parameters := key.parameters
	if !parameters.ReadASN1ObjectIdentifier(&id) {
		return "explicit parameters instead of a name", true
	}
	if name, ok := otherCurves[id.String()]; ok {
		return name, true
	}
	return id.String(), true
}

// The algorithms of keys that crypto/x509 does not know, by object identifier.
var otherKeyAlgorithms = map[string]string{
	"1.2.840.113549.1.1.10": "RSASSA-PSS",
	"1.2.840.113549.1.1.7":  "RSAES-OAEP",
	"1.2.840.113549.1.3.1":  "DH",
	"1.2.840.10046.2.1":     "DH",
	"1.3.101.110":           "X25519",
	"1.3.101.111":           "X448",
	"1.3.101.113":           "Ed448",
}

// describeKeyAlgorithm names the algorithm of a key that may not sign.
func describeKeyAlgorithm(c *x509.Certificate) string {
	if c.PublicKeyAlgorithm != x509.UnknownPublicKeyAlgorithm {
		return c.PublicKeyAlgorithm.String()
	}
	_, key, ok := outlineCertificate(c.Raw)
	if !ok {
		return c.PublicKeyAlgorithm.String()
	}
	if name, known := otherKeyAlgorithms[key.algorithm.String()]; known {
		return name
	}
	return key.algorithm.String()
}
