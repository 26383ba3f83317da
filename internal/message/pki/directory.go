package pki

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // names a certificate that somebody registered; it proves nothing
	"crypto/x509"
	"encoding/pem"
	"slices"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

// ThumbprintSize is the number of octets of a thumbprint.
const ThumbprintSize = sha1.Size

// Description says which certificate is meant, in one way or in several that must all hold. The zero fields say
// nothing.
type Description struct {
	IssuerSerial IssuerSerial
	Subject      Name
	SubjectKeyID []byte // the value of the certificate's own extension, which is not computed where it is missing
	Thumbprint   []byte // SHA-1 of the whole certificate
}

// IsZero reports whether nothing is said.
func (d *Description) IsZero() bool {
	return d.IssuerSerial == IssuerSerial{} && d.Subject == Name{} && d.SubjectKeyID == nil && d.Thumbprint == nil
}

// Fits reports whether all that is said holds for the certificate.
func (d *Description) Fits(c *x509.Certificate) bool {
	if (d.IssuerSerial != IssuerSerial{}) && d.IssuerSerial != issuerSerialOf(c) {
		return false
	}
	if (d.Subject != Name{}) {
		if subject, err := ReadName(c.RawSubject); err != nil || subject != d.Subject {
			return false
		}
	}
	if d.SubjectKeyID != nil && !bytes.Equal(d.SubjectKeyID, c.SubjectKeyId) {
		return false
	}
	return d.Thumbprint == nil || bytes.Equal(d.Thumbprint, thumbprint(c))
}

func thumbprint(c *x509.Certificate) []byte {
	sum := sha1.Sum(c.Raw) //nolint:gosec // see the import
	return sum[:]
}

// Directory holds the certificates that are registered with the service, for messages that name theirs without showing
// it. That a certificate is registered makes it neither valid nor trusted: ask Trust. It does not change once made.
type Directory struct {
	byIssuerSerial map[IssuerSerial][]*x509.Certificate
	bySubjectKeyID map[string][]*x509.Certificate
	byThumbprint   map[string][]*x509.Certificate
}

// NewDirectory makes a Directory of certificates.
func NewDirectory(certs []*x509.Certificate) *Directory {
	d := &Directory{
		byIssuerSerial: make(map[IssuerSerial][]*x509.Certificate, len(certs)),
		bySubjectKeyID: make(map[string][]*x509.Certificate, len(certs)),
		byThumbprint:   make(map[string][]*x509.Certificate, len(certs)),
	}
	for _, c := range certs {
		sum := string(thumbprint(c))
		if slices.ContainsFunc(d.byThumbprint[sum], c.Equal) {
			continue
		}
		d.byThumbprint[sum] = append(d.byThumbprint[sum], c)
		if name := issuerSerialOf(c); (name != IssuerSerial{}) {
			d.byIssuerSerial[name] = append(d.byIssuerSerial[name], c)
		}
		if id := string(c.SubjectKeyId); id != "" {
			d.bySubjectKeyID[id] = append(d.bySubjectKeyID[id], c)
		}
	}
	return d
}

// ReadDirectory makes a Directory of PEM files with certificates and nothing else.
func ReadDirectory(files ...[]byte) (*Directory, error) {
	var all []*x509.Certificate
	for _, file := range files {
		found, err := readCertificates(file)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return NewDirectory(all), nil
}

// readCertificates reads the certificates of a PEM file, of which there must be some.
func readCertificates(file []byte) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for rest := file; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, problem.New(problem.TrustUnreadable, "a PEM block of another type was found")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, problem.Wrap(problem.TrustUnreadable, err)
		}
		found = append(found, c)
	}
	if len(found) == 0 {
		return nil, problem.New(problem.TrustUnreadable)
	}
	return found, nil
}

// Find returns the registered certificate that is described, or nil when there is none, or several of different holders
// or keys. Of several certificates of one holder for one key, as renewals make them, it returns one that is valid at the
// instant if it can. A nil Directory holds nothing, and a subject alone finds nothing: it names no certificate.
func (d *Directory) Find(want *Description, at time.Time) *x509.Certificate {
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
		case !want.Fits(c):
		case found == nil:
			found = c
		case !bytes.Equal(c.RawSubject, found.RawSubject) || !bytes.Equal(c.RawSubjectPublicKeyInfo, found.RawSubjectPublicKeyInfo):
			return nil
		case !at.Before(c.NotBefore) && !at.After(c.NotAfter):
			found = c
		}
	}
	return found
}
