package cms

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"slices"
	"time"

	"github.com/openctr/ctr/internal/message/x509id"
)

// TokenSigner is the common name of the depot's certificate, which countersigns the encryption tokens.
const TokenSigner = "ETK-RA"

// MaxTokenBytes bounds an encryption token. One of the platform has four kilobytes.
const MaxTokenBytes = 64 << 10

// Token is a verified encryption token (ETK): the encryption certificate that a holder signed with the authentication
// key, countersigned by the depot.
type Token struct {
	// Certificate is the encryption certificate. Its issuer is the holder, so no path leads to it: never verify it with a
	// TrustStore.
	Certificate *x509.Certificate
	Holder      x509id.Subject
}

// ParseToken parses an encryption token and verifies it: the depot's signature and certificate, the holder's
// certificate, and the holder's signature of the encryption certificate. The refusals name the part that is wrong.
func ParseToken(data []byte, trust *x509id.TrustStore, at time.Time) (*Token, error) {
	if len(data) > MaxTokenBytes {
		return nil, newTokenError("it is larger than any token")
	}
	signed, err := parseSignedData(bytes.Clone(data), "the token")
	if err != nil {
		return nil, err
	}
	depot := signed.findSigner()
	switch {
	case depot == nil:
		return nil, newTokenError("the certificate of the depot is missing")
	case depot.Subject.CommonName != TokenSigner:
		return nil, newTokenError("it is not signed by " + TokenSigner)
	case !signed.verify(depot):
		return nil, newTokenError("the depot's signature is wrong")
	}
	if err = trust.VerifyWithIssuers(signed.certificates, depot, at); err != nil {
		return nil, err //nolint:wrapcheck // a refusal
	}
	c, err := x509.ParseCertificate(signed.content)
	if err != nil {
		return nil, newTokenError("it contains no certificate")
	}
	holder := findHolder(signed.certificates, c)
	if holder == nil {
		return nil, newTokenError("the holder did not sign the encryption certificate")
	}
	if err = trust.VerifyWithIssuers(signed.certificates, holder, at); err != nil {
		return nil, err //nolint:wrapcheck // a refusal
	}
	t := &Token{Certificate: c}
	if t.Holder, err = x509id.SubjectFromCertificate(holder); err != nil {
		return nil, err //nolint:wrapcheck // a refusal
	}
	return t, checkEncryptionCertificate(c, at)
}

// findHolder returns the certificate with whose key an encryption certificate is signed, and whose name it has.
func findHolder(certificates []*x509.Certificate, c *x509.Certificate) *x509.Certificate {
	for _, holder := range certificates {
		if IsEncryptionCertificateOf(c, holder) {
			return holder
		}
	}
	return nil
}

// IsEncryptionCertificateOf reports whether the holder of a certificate signed an encryption certificate for
// themselves.
func IsEncryptionCertificateOf(c, holder *x509.Certificate) bool {
	return x509id.EqualNames(c.RawSubject, holder.RawSubject) && x509id.EqualNames(c.RawIssuer, holder.RawSubject) &&
		!x509id.IsWeakSignatureAlgorithm(c.SignatureAlgorithm) && !c.Equal(holder) &&
		holder.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// FindEncryptionCertificate returns the newest certificate of a holder's keys that is the encryption certificate of
// another of them and valid at an instant, or nil.
func FindEncryptionCertificate(keys []*x509id.Key, at time.Time) (newest *x509.Certificate) {
	for _, key := range keys {
		candidate := key.Certificate
		if _, isRSA := key.Signer.(*rsa.PrivateKey); !isRSA || at.Before(candidate.NotBefore) ||
			at.After(candidate.NotAfter) || newest != nil && !candidate.NotBefore.After(newest.NotBefore) {
			continue
		}
		for _, holder := range keys {
			if IsEncryptionCertificateOf(candidate, holder.Certificate) {
				newest = candidate
			}
		}
	}
	return newest
}

// checkEncryptionCertificate refuses a certificate whose key may not encrypt at an instant.
func checkEncryptionCertificate(c *x509.Certificate, at time.Time) error {
	public, isRSA := c.PublicKey.(*rsa.PublicKey)
	hasUsage := slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.String() == "2.5.29.15" })
	switch {
	case at.Before(c.NotBefore):
		return newTokenError("the encryption certificate is not valid yet")
	case at.After(c.NotAfter):
		return newTokenError("the encryption certificate has expired")
	case !isRSA || !x509id.IsRSASizeAllowed(public):
		return newTokenError("the encryption key is not RSA with 2048 to 4096 bits")
	case hasUsage && c.KeyUsage&x509.KeyUsageKeyEncipherment == 0:
		return newTokenError("the encryption certificate is not for encryption")
	}
	return nil
}
