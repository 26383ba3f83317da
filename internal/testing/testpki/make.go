package testpki

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
)

// NewAuthority returns an authority with new keys, valid from and until the given instants.
func NewAuthority(tb testing.TB, from, until time.Time) *authority.Authority {
	tb.Helper()
	a, err := authority.New(authority.Options{Name: "CTR test", NotBefore: from, NotAfter: until, Random: rand.Reader})
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// TrustAuthority returns a TrustStore whose only anchor is the root of the authority.
func TrustAuthority(a *authority.Authority) *x509id.TrustStore {
	return x509id.NewTrustStore(a.Certificates()[1:], a.Certificates()[:1], 10)
}

// IssueKey issues a P-256 key of the hospital, valid for three years from Now, with the given change to
// the order.
func IssueKey(tb testing.TB, a *authority.Authority, change func(*authority.Order)) *x509id.Key {
	tb.Helper()
	o := authority.Order{
		Subject:   x509id.Subject{Type: "NIHII-HOSPITAL", ID: "71000436", Name: "ZIEKENHUIS SINT-ELOOI"},
		NotBefore: Now(),
		NotAfter:  Now().AddDate(3, 0, 0),
		Algorithm: authority.KeyECP256,
	}
	if change != nil {
		change(&o)
	}
	key, err := a.Issue(o)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// NewSelfSignedCA returns the key and certificate of an RSA authority, for certificates that Authority does not issue.
func NewSelfSignedCA(tb testing.TB, algorithm x509.SignatureAlgorithm) (crypto.Signer, []*x509.Certificate) {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "own CA"}, IsCA: true, SignatureAlgorithm: algorithm,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	return key, []*x509.Certificate{CreateCertificate(tb, template, template, key.Public(), key)}
}

// CreateCertificate signs a certificate with the given key and issuer, valid from 2020 to 2100.
func CreateCertificate(tb testing.TB, template, parent *x509.Certificate, public any, signer crypto.Signer) *x509.Certificate {
	tb.Helper()
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = Date(2020, 1, 1), Date(2100, 1, 1)
	template.BasicConstraintsValid = true
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// NewRSAKey returns a number of the right size and shape that is not a real key, but fits into a certificate.
func NewRSAKey(bits uint) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}
}

// Date returns noon of a day.
func Date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
}

// Now returns the instant at which the tests of certificates run.
func Now() time.Time { return Date(2026, time.November, 20) }

// Code returns the code of a refusal, or "" without an error.
func Code(err error) problem.Code {
	if err == nil {
		return ""
	}
	return problem.From(err).Code
}
