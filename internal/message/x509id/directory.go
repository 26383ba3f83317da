package x509id

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // only identifies a registered certificate; it proves nothing
	"crypto/x509"
	"slices"
	"time"
)

// ThumbprintSize is the number of bytes of a thumbprint.
const ThumbprintSize = sha1.Size

// CertificateSelector selects a certificate by one or several properties, all of which must match. Zero fields do not
// restrict.
type CertificateSelector struct {
	IssuerSerial IssuerSerial
	Subject      Name
	SubjectKeyID []byte // the value of the certificate's extension; not computed if the extension is missing
	Thumbprint   []byte // SHA-1 of the whole certificate
}

// IsZero reports whether the selector restricts nothing.
func (d *CertificateSelector) IsZero() bool {
	return d.IssuerSerial == IssuerSerial{} && d.Subject == Name{} && d.SubjectKeyID == nil && d.Thumbprint == nil
}

// Matches reports whether the certificate has all the given properties.
func (d *CertificateSelector) Matches(c *x509.Certificate) bool {
	if (d.IssuerSerial != IssuerSerial{}) && d.IssuerSerial != issuerSerialFromCertificate(c) {
		return false
	}
	if (d.Subject != Name{}) {
		if subject, err := NameFromDER(c.RawSubject); err != nil || subject != d.Subject {
			return false
		}
	}
	if d.SubjectKeyID != nil && !bytes.Equal(d.SubjectKeyID, c.SubjectKeyId) {
		return false
	}
	return d.Thumbprint == nil || bytes.Equal(d.Thumbprint, computeThumbprint(c))
}

func computeThumbprint(c *x509.Certificate) []byte {
	sum := sha1.Sum(c.Raw) //nolint:gosec // see the import
	return sum[:]
}

// Directory holds the certificates registered with the service, for messages that refer to their certificate without
// containing it. Registration makes a certificate neither valid nor trusted: verify it with TrustStore. A Directory is
// immutable.
type Directory struct {
	byIssuerSerial map[IssuerSerial][]*x509.Certificate
	bySubjectKeyID map[string][]*x509.Certificate
	byThumbprint   map[string][]*x509.Certificate
}

// NewDirectory returns a Directory of certificates; duplicates are dropped.
func NewDirectory(certs []*x509.Certificate) *Directory {
	d := &Directory{
		byIssuerSerial: make(map[IssuerSerial][]*x509.Certificate, len(certs)),
		bySubjectKeyID: make(map[string][]*x509.Certificate, len(certs)),
		byThumbprint:   make(map[string][]*x509.Certificate, len(certs)),
	}
	for _, c := range certs {
		sum := string(computeThumbprint(c))
		if slices.ContainsFunc(d.byThumbprint[sum], c.Equal) {
			continue
		}
		d.byThumbprint[sum] = append(d.byThumbprint[sum], c)
		if name := issuerSerialFromCertificate(c); (name != IssuerSerial{}) {
			d.byIssuerSerial[name] = append(d.byIssuerSerial[name], c)
		}
		if id := string(c.SubjectKeyId); id != "" {
			d.bySubjectKeyID[id] = append(d.bySubjectKeyID[id], c)
		}
	}
	return d
}

// ParseDirectory returns a Directory of the certificates in PEM files, which may hold nothing else.
func ParseDirectory(files ...[]byte) (*Directory, error) {
	var all []*x509.Certificate
	for _, file := range files {
		found, err := parsePEMCertificates(file)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return NewDirectory(all), nil
}

// FindCertificate returns the matching registered certificate, or nil if there is none or if several match that have
// different holders or keys. Among several certificates of one holder for one key, which renewals produce, it prefers
// one that is valid at the given time. A nil Directory is empty. A selector with a subject alone finds nothing, because
// a subject does not identify a certificate.
func (d *Directory) FindCertificate(want *CertificateSelector, at time.Time) *x509.Certificate {
	if d == nil {
		return nil
	}
	var candidates []*x509.Certificate
	switch {
	case want.Thumbprint != nil:
		candidates = d.byThumbprint[string(want.Thumbprint)]
	case want.IssuerSerial != IssuerSerial{}:
		candidates = d.byIssuerSerial[want.IssuerSerial]
	case want.SubjectKeyID != nil:
		candidates = d.bySubjectKeyID[string(want.SubjectKeyID)]
	}
	var found *x509.Certificate
	for _, c := range candidates {
		switch {
		case !want.Matches(c):
		case found == nil:
			found = c
		case !bytes.Equal(c.RawSubject, found.RawSubject) ||
			!bytes.Equal(c.RawSubjectPublicKeyInfo, found.RawSubjectPublicKeyInfo):
			return nil
		case !at.Before(c.NotBefore) && !at.After(c.NotAfter):
			found = c
		}
	}
	return found
}
