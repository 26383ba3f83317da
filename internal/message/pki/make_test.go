package pki_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/message/pki"
)

func newAuthority(t testing.TB, from, until time.Time) *pki.Authority {
	t.Helper()
	a, err := pki.NewAuthority(pki.AuthorityOptions{Name: "CTR test", NotBefore: from, NotAfter: until, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newTrustStore(a *pki.Authority) *pki.TrustStore {
	return pki.NewTrustStore(a.Certificates()[1:], a.Certificates()[:1], 10)
}

// issueKey issues a P-256 key of the hospital, with the given change to the order.
func issueKey(t testing.TB, a *pki.Authority, change func(*pki.Order)) *pki.Key {
	t.Helper()
	o := pki.Order{
		Subject:   pki.Subject{Type: "NIHII-HOSPITAL", ID: "71000436", Name: "ZIEKENHUIS SINT-ELOOI"},
		NotBefore: now(),
		NotAfter:  now().AddDate(3, 0, 0),
		Algorithm: pki.KeyECP256,
	}
	if change != nil {
		change(&o)
	}
	key, err := a.Issue(o)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// newSelfSignedCA creates an RSA authority without package pki, for certificates that Authority does not issue.
func newSelfSignedCA(t testing.TB, algorithm x509.SignatureAlgorithm) (crypto.Signer, []*x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "own CA"}, IsCA: true, SignatureAlgorithm: algorithm,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	return key, []*x509.Certificate{createCertificate(t, template, template, key.Public(), key)}
}

func createCertificate(t testing.TB, template, parent *x509.Certificate, public any, signer crypto.Signer) *x509.Certificate {
	t.Helper()
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = day(2020, 1, 1), day(2100, 1, 1)
	template.BasicConstraintsValid = true
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newRSAKey returns a number of the right size and shape that is not a real key, but fits into a certificate.
func newRSAKey(bits uint) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}
}

func newEd25519Key(t testing.TB) ed25519.PublicKey {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return public
}
