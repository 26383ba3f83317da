package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"time"
)

// Authority is a certification authority for development and tests: a root and an issuing authority below it, both with
// P-384 keys like the platform's newer ones. It issues what the platform issues, and what it never would.
type Authority struct {
	name    string
	root    *Key
	issuing *Key
	random  io.Reader
}

// AuthorityOptions says how to make an Authority.
type AuthorityOptions struct {
	Name        string    // "CTR test" makes the authorities "CTR test root CA" and "CTR test issuing CA"
	From, Until time.Time // the validity of both
	// Random gives serial numbers and signatures; it must be safe for concurrent use. Keys come from the system's
	// source in any case: Go's key generators take no other.
	Random io.Reader
}

// NewAuthority makes the two keys and certificates.
func NewAuthority(o AuthorityOptions) (*Authority, error) {
	a := &Authority{name: o.Name, random: o.Random}
	var err error
	if a.root, err = a.newCA("root", nil, o); err != nil {
		return nil, err
	}
	if a.issuing, err = a.newCA("issuing", a.root, o); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *Authority) newCA(role string, issuer *Key, o AuthorityOptions) (*Key, error) {
	signer, err := NewECP384.generate(a.random)
	if err != nil {
		return nil, err
	}
	return a.certify(signer, issuer, &x509.Certificate{
		Subject:               pkix.Name{Country: []string{countryCode}, Organization: []string{"Worthless test certificates"}, CommonName: a.name + " " + role + " CA"},
		NotBefore:             o.From,
		NotAfter:              o.Until,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLen:            -1,
	})
}

// Certificates returns those of the authority itself, the issuing one first.
func (a *Authority) Certificates() []*x509.Certificate {
	return []*x509.Certificate{a.issuing.Certificate, a.root.Certificate}
}

// Algorithm is the kind of key that an Order asks for.
type Algorithm uint8

// The kinds of keys. NewRSA1024 is what nobody may use any more.
const (
	NewRSA2048 Algorithm = iota
	NewRSA1024
	NewECP256
	NewECP384
)

func (a Algorithm) generate(random io.Reader) (crypto.Signer, error) {
	var key crypto.Signer
	var err error
	switch a {
	case NewECP256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), random)
	case NewECP384:
		key, err = ecdsa.GenerateKey(elliptic.P384(), random)
	case NewRSA1024:
		key, err = rsa.GenerateKey(random, 1024) //nolint:gosec // a key that the verifier must refuse
	default:
		key, err = rsa.GenerateKey(random, 2048)
	}
	if err != nil {
		return nil, fmt.Errorf("pki: generating a key: %w", err)
	}
	return key, nil
}

// Order asks for a key and a certificate in the platform's profile.
type Order struct {
	Subject     Subject
	From, Until time.Time
	Algorithm   Algorithm
	Usage       x509.KeyUsage // zero for the platform's: digitalSignature, nonRepudiation, keyEncipherment
	IsAuthority bool          // a certificate that could issue others, under a caller's name
	EntryName   string        // the Key's Name, "authentication" when empty
}

// Issue fulfils an order. The result's Chain holds the authority's certificates.
func (a *Authority) Issue(o Order) (*Key, error) { return a.issue(o, a.issuing) }

// SelfSign fulfils an order without the authority: the certificate is signed by its own key.
func (a *Authority) SelfSign(o Order) (*Key, error) { return a.issue(o, nil) }

func (a *Authority) issue(o Order, issuer *Key) (*Key, error) {
	signer, err := o.Algorithm.generate(a.random)
	if err != nil {
		return nil, err
	}
	name, err := encodeSubject(o.Subject)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		RawSubject:            name,
		NotBefore:             o.From,
		NotAfter:              o.Until,
		KeyUsage:              o.Usage,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageEmailProtection},
		BasicConstraintsValid: true,
		IsCA:                  o.IsAuthority,
	}
	if o.Usage == 0 {
		template.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment | x509.KeyUsageKeyEncipherment
	}
	key, err := a.certify(signer, issuer, template)
	if err != nil {
		return nil, err
	}
	if key.Name = o.EntryName; key.Name == "" {
		key.Name = signingEntry
	}
	return key, nil
}

// IssueServer makes the TLS key and certificate of a service on this machine.
func (a *Authority) IssueServer(from, until time.Time) (*Key, error) {
	signer, err := NewECP256.generate(a.random)
	if err != nil {
		return nil, err
	}
	return a.certify(signer, a.issuing, &x509.Certificate{
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

// certify signs a certificate for a key with the issuer's, or with its own when there is none.
func (a *Authority) certify(signer crypto.Signer, issuer *Key, template *x509.Certificate) (*Key, error) {
	serial := make([]byte, 16)
	if _, err := io.ReadFull(a.random, serial); err != nil {
		return nil, fmt.Errorf("pki: reading randomness: %w", err)
	}
	serial[0] = serial[0]&0x7f | 0x40 // positive and of one length (RFC 5280 §4.1.2.2)
	template.SerialNumber = new(big.Int).SetBytes(serial)

	key := &Key{Signer: signer}
	parent, with := template, signer
	if issuer != nil {
		parent, with = issuer.Certificate, issuer.Signer
		key.Chain = append([]*x509.Certificate{issuer.Certificate}, issuer.Chain...)
	}
	der, err := x509.CreateCertificate(a.random, template, parent, signer.Public(), with)
	if err != nil {
		return nil, fmt.Errorf("pki: issuing a certificate: %w", err)
	}
	if key.Certificate, err = x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("pki: issuing a certificate: %w", err)
	}
	return key, nil
}

// RevocationList signs a list of revoked certificates, in DER. The number must rise from list to list.
func (a *Authority) RevocationList(number int64, at, next time.Time, revoked ...*x509.Certificate) ([]byte, error) {
	template := &x509.RevocationList{Number: big.NewInt(number), ThisUpdate: at, NextUpdate: next}
	for _, c := range revoked {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: at, ReasonCode: 1}) // keyCompromise
	}
	der, err := x509.CreateRevocationList(a.random, template, a.issuing.Certificate, a.issuing.Signer)
	if err != nil {
		return nil, fmt.Errorf("pki: signing a revocation list: %w", err)
	}
	return der, nil
}

// encodeSubject writes a name in the platform's order: C, O, OU=TYPE=id, OU=NAME, OU=the platform, OU=application, CN.
func encodeSubject(s Subject) ([]byte, error) {
	var name pkix.RDNSequence
	add := func(attribute int, value string) {
		name = append(name, pkix.RelativeDistinguishedNameSET{
			{Type: asn1.ObjectIdentifier{2, 5, 4, attribute}, Value: value},
		})
	}
	add(6, countryCode)
	add(10, governmentName)
	add(11, s.Type+"="+s.ID)
	add(11, s.Name)
	add(11, platformUnit)
	if s.Application != "" {
		add(11, s.Application)
	}
	add(3, s.String())
	raw, err := asn1.Marshal(name)
	if err != nil {
		return nil, fmt.Errorf("pki: writing a name: %w", err)
	}
	return raw, nil
}

// EncodePEM writes certificates as PEM, one after the other.
func EncodePEM(certificates ...*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, c := range certificates {
		out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return out.Bytes()
}
