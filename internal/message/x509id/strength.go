package x509id

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"

	"github.com/openctr/ctr/internal/problem"
)

// Bounds on RSA keys, in bits. The lower one is for security; the upper one bounds the work that an unverified sender
// can cause.
const (
	minRSABits = 2048
	maxRSABits = 4096
)

// IsRSASizeAllowed reports whether an RSA key may sign: a message, or a certificate that a message contains.
func IsRSASizeAllowed(key *rsa.PublicKey) bool {
	bits := key.N.BitLen()
	return minRSABits <= bits && bits <= maxRSABits
}

// IsCurveAllowed reports whether an ECDSA key on the curve may sign.
func IsCurveAllowed(curve elliptic.Curve) bool {
	return curve == elliptic.P256() || curve == elliptic.P384() || curve == elliptic.P521()
}

// IsWeakSignatureAlgorithm reports whether anyone could forge a certificate, list or response signed with it.
func IsWeakSignatureAlgorithm(a x509.SignatureAlgorithm) bool {
	switch a {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return true
	}
	return false
}

func checkPublicKey(c *x509.Certificate) error {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if !IsRSASizeAllowed(key) {
			return problem.New(CertKeyUnsupported, problem.DetailRSABits.With(key.N.BitLen()))
		}
		return nil
	case *ecdsa.PublicKey:
		if !IsCurveAllowed(key.Curve) {
			return problem.New(CertKeyUnsupported, keyCurve.With(key.Curve.Params().Name))
		}
		return nil
	}
	return problem.New(CertKeyUnsupported, keyAlgorithm.With(describeKeyAlgorithm(c)))
}
