// Package authority is a certification authority for development and tests (Authority), and the set of keys,
// certificates and lists that a development service and its callers need (DevelopmentPKI).
//
// It is apart from internal/message, which only verifies: no code that handles a message can issue a certificate.
package authority

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"time"

	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/x509id"
)

// Authority is a certification authority for development and tests: a root and an issuing authority below it, both with
// P-384 keys like the platform's newer ones. It issues the platform's certificates, and invalid ones that the platform
// would never issue.
type Authority struct {
	namePrefix string
	root       *x509id.Key
	issuing    *x509id.Key
	random     io.Reader
}

// Options configures an Authority.
type Options struct {
	Name                string    // "CTR test" gives the CA names "CTR test root CA" and "CTR test issuing CA"
	NotBefore, NotAfter time.Time // the validity of both certificates
	// Random is the source of serial numbers and signature randomness; it must be safe for concurrent use. Keys always
	// come from the system's source: Go's key generators accept no other.
	Random io.Reader
}

// New generates the two keys and certificates.
func New(options Options) (*Authority, error) {
	a := &Authority{namePrefix: options.Name, random: options.Random}
	var err error
	if a.root, err = a.newCA("root", nil, options); err != nil {
		return nil, err
	}
	if a.issuing, err = a.newCA("issuing", a.root, options); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *Authority) newCA(role string, issuer *x509id.Key, options Options) (*x509id.Key, error) {
	signer, err := KeyECP384.generateKey(a.random)
	if err != nil {
		return nil, err
	}
	return a.signCertificate(signer, issuer, &x509.Certificate{
		Subject: pkix.Name{
			Country:      []string{x509id.CountryCode},
			Organization: []string{"Worthless test certificates"},
			CommonName:   a.namePrefix + " " + role + " CA",
		},
		NotBefore:             options.NotBefore,
		NotAfter:              options.NotAfter,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLen:            -1,
	})
}

// Certificates returns the authority's own certificates, the issuing one first.
func (a *Authority) Certificates() []*x509.Certificate {
	return []*x509.Certificate{a.issuing.Certificate, a.root.Certificate}
}

// KeyAlgorithm is the type and size of a key.
type KeyAlgorithm uint8

// Key algorithms. KeyRSA1024 is too weak to be accepted anywhere.
const (
	KeyRSA2048 KeyAlgorithm = iota
	KeyRSA1024
	KeyECP256
	KeyECP384
)

func (a KeyAlgorithm) generateKey(random io.Reader) (crypto.Signer, error) {
	var key crypto.Signer
	var err error
	switch a {
	case KeyECP256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), random)
	case KeyECP384:
		key, err = ecdsa.GenerateKey(elliptic.P384(), random)
	case KeyRSA1024:
		key, err = rsa.GenerateKey(random, 1024) //nolint:gosec // a key that the verifier must refuse
	default:
		key, err = rsa.GenerateKey(random, 2048)
	}
	if err != nil {
		return nil, fmt.Errorf("authority: generating a key: %w", err)
	}
	return key, nil
}

// Order describes a key and a certificate in the platform's profile.
type Order struct {
	Subject             x509id.Subject
	NotBefore, NotAfter time.Time
	Algorithm           KeyAlgorithm
	KeyUsage            x509.KeyUsage // zero means the platform's: digitalSignature, nonRepudiation, keyEncipherment
	IsCA                bool          // a CA certificate that carries a caller's name
	EntryName           string        // Key.Name; "authentication" when empty
}

// Issue generates a key and issues its certificate. The result's Chain holds the authority's certificates.
func (a *Authority) Issue(order Order) (*x509id.Key, error) { return a.issueFrom(order, a.issuing) }

// SelfSign is like Issue, but the certificate is signed by its own key instead of the authority's.
func (a *Authority) SelfSign(order Order) (*x509id.Key, error) { return a.issueFrom(order, nil) }

func (a *Authority) issueFrom(order Order, issuer *x509id.Key) (*x509id.Key, error) {
	signer, err := order.Algorithm.generateKey(a.random)
	if err != nil {
		return nil, err
	}
	name, err := order.Subject.EncodeDER()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		RawSubject:            name,
		NotBefore:             order.NotBefore,
		NotAfter:              order.NotAfter,
		KeyUsage:              order.KeyUsage,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageEmailProtection},
		BasicConstraintsValid: true,
		IsCA:                  order.IsCA,
	}
	if order.KeyUsage == 0 {
		template.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment | x509.KeyUsageKeyEncipherment
	}
	key, err := a.signCertificate(signer, issuer, template)
	if err != nil {
		return nil, err
	}
	if key.Name = order.EntryName; key.Name == "" {
		key.Name = p12.SigningEntryName
	}
	return key, nil
}

// IssueServerCertificate generates the TLS key and certificate of a service on localhost.
func (a *Authority) IssueServerCertificate(from, until time.Time) (*x509id.Key, error) {
	signer, err := KeyECP256.generateKey(a.random)
	if err != nil {
		return nil, err
	}
	return a.signCertificate(signer, a.issuing, &x509.Certificate{
		Subject:               pkix.Name{CommonName: "localhost"},
		NotBefore:             from,
		NotAfter:              until,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	})
}

// signCertificate signs a certificate for a key with the issuer's key, or with the key itself if issuer is nil.
func (a *Authority) signCertificate(
	signer crypto.Signer, issuer *x509id.Key, template *x509.Certificate,
) (*x509id.Key, error) {
	serial := make([]byte, 16)
	if _, err := io.ReadFull(a.random, serial); err != nil {
		return nil, fmt.Errorf("authority: reading randomness: %w", err)
	}
	serial[0] = serial[0]&0x7f | 0x40 // positive and of fixed length (RFC 5280 §4.1.2.2)
	template.SerialNumber = new(big.Int).SetBytes(serial)

	key := &x509id.Key{Signer: signer}
	parent, signingKey := template, signer
	if issuer != nil {
		parent, signingKey = issuer.Certificate, issuer.Signer
		key.Chain = append([]*x509.Certificate{issuer.Certificate}, issuer.Chain...)
	}
	der, err := x509.CreateCertificate(a.random, template, parent, signer.Public(), signingKey)
	if err != nil {
		return nil, fmt.Errorf("authority: issuing a certificate: %w", err)
	}
	if key.Certificate, err = x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("authority: issuing a certificate: %w", err)
	}
	return key, nil
}

// SignCRL returns a revocation list of the issuing authority in DER. The number must rise from list to list.
func (a *Authority) SignCRL(
	number int64, thisUpdate, nextUpdate time.Time, revoked ...*x509.Certificate,
) ([]byte, error) {
	return a.signCRL(a.issuing, number, thisUpdate, nextUpdate, revoked...)
}

// SignRootCRL returns a revocation list of the root, which would list the issuing authority.
func (a *Authority) SignRootCRL(
	number int64, thisUpdate, nextUpdate time.Time, revoked ...*x509.Certificate,
) ([]byte, error) {
	return a.signCRL(a.root, number, thisUpdate, nextUpdate, revoked...)
}

func (a *Authority) signCRL(
	issuer *x509id.Key, number int64, thisUpdate, nextUpdate time.Time, revoked ...*x509.Certificate,
) ([]byte, error) {
	template := &x509.RevocationList{Number: big.NewInt(number), ThisUpdate: thisUpdate, NextUpdate: nextUpdate}
	for _, c := range revoked {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: thisUpdate, ReasonCode: 1}) // keyCompromise
	}
	der, err := x509.CreateRevocationList(a.random, template, issuer.Certificate, issuer.Signer)
	if err != nil {
		return nil, fmt.Errorf("authority: signing a revocation list: %w", err)
	}
	return der, nil
}
