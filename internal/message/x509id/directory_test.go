package x509id_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"

	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// selectorsFor returns every way to select a certificate.
func selectorsFor(t testing.TB, c *x509.Certificate) map[string]*x509id.CertificateSelector {
	t.Helper()
	is, err := x509id.ParseIssuerSerial(c.Issuer.String(), c.SerialNumber.String())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha1.Sum(c.Raw)
	return map[string]*x509id.CertificateSelector{
		"issuer and serial":      {IssuerSerial: is},
		"subject key identifier": {SubjectKeyID: c.SubjectKeyId},
		"thumbprint":             {Thumbprint: sum[:]},
	}
}

func TestDirectoryFindsWhatIsRegistered(t *testing.T) {
	signer, cas := testpki.NewSelfSignedCA(t, x509.SHA256WithRSA)
	made := func(id string) *x509.Certificate {
		template := &x509.Certificate{Subject: pkix.Name{CommonName: "same"}, SubjectKeyId: []byte(id)}
		return testpki.CreateCertificate(t, template, cas[0], testpki.NewRSAKey(2048), signer)
	}
	one, other := made("one"), made("other")
	subject, err := x509id.NameFromDER(one.RawSubject)
	if err != nil {
		t.Fatal(err)
	}
	d := x509id.NewDirectory([]*x509.Certificate{one, cas[0], one})
	var none *x509id.Directory
	for name, want := range selectorsFor(t, one) {
		if want.IsZero() || !want.Matches(one) || want.Matches(other) {
			t.Errorf("%s: it fits wrongly", name)
		}
		if got := d.FindCertificate(want, testpki.Now()); got != one {
			t.Errorf("%s: found %v", name, got)
		}
		if got := none.FindCertificate(want, testpki.Now()); got != nil {
			t.Errorf("%s: nothing holds %v", name, got)
		}
		want.Subject = subject
		if got := d.FindCertificate(want, testpki.Now()); got != one {
			t.Errorf("%s with the subject: found %v", name, got)
		}
		if want.Subject, err = x509id.ParseName("CN=another"); err != nil || d.FindCertificate(want, testpki.Now()) != nil {
			t.Errorf("%s with another subject: found", name)
		}
	}
	for name, want := range selectorsFor(t, other) {
		if got := d.FindCertificate(want, testpki.Now()); got != nil {
			t.Errorf("%s: found %v", name, got)
		}
	}
	mixed := selectorsFor(t, one)["thumbprint"]
	mixed.IssuerSerial = selectorsFor(t, other)["issuer and serial"].IssuerSerial
	for name, want := range map[string]*x509id.CertificateSelector{
		"nothing": {}, "the subject alone": {Subject: subject}, "two that disagree": mixed, "empty identifier": {SubjectKeyID: []byte{}},
	} {
		if got := d.FindCertificate(want, testpki.Now()); got != nil {
			t.Errorf("%s: found %v", name, got)
		}
	}
	if zero := (&x509id.CertificateSelector{}); !zero.IsZero() || !zero.Matches(one) {
		t.Error("the zero description says something")
	}
}

// TestDirectoryWithOneIdentifierTwice: renewals for one key belong to one signer; other certificates that share an
// identifier are ambiguous and not found.
func TestDirectoryWithOneIdentifierTwice(t *testing.T) {
	signer, cas := testpki.NewSelfSignedCA(t, x509.SHA256WithRSA)
	key := testpki.IssueKey(t, testpki.NewAuthority(t, testpki.Now(), testpki.Now().AddDate(9, 0, 0)), nil)
	made := func(name string, serial, firstYear int, public any) *x509.Certificate {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(serial)), SubjectKeyId: []byte("same"),
			NotBefore: testpki.Date(firstYear, 1, 1), NotAfter: testpki.Date(firstYear+3, 1, 1),
		}
		template.Subject.CommonName = name
		octets, err := x509.CreateCertificate(rand.Reader, template, cas[0], public, signer)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(octets)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	old, renewed := made("a", 1, 2020, key.Signer.Public()), made("a", 2, 2022, key.Signer.Public())
	want := &x509id.CertificateSelector{SubjectKeyID: []byte("same")}
	d := x509id.NewDirectory([]*x509.Certificate{old, renewed})
	if d.FindCertificate(want, testpki.Date(2020, 6, 1)) != old || d.FindCertificate(want, testpki.Date(2024, 6, 1)) != renewed || d.FindCertificate(want, testpki.Date(2040, 1, 1)) != old {
		t.Error("the other generation was found")
	}
	for name, second := range map[string]*x509.Certificate{
		"another holder": made("b", 3, 2020, key.Signer.Public()), "another key": made("a", 4, 2020, signer.Public()),
	} {
		if got := x509id.NewDirectory([]*x509.Certificate{old, second}).FindCertificate(want, testpki.Date(2020, 6, 1)); got != nil {
			t.Errorf("%s: found %v", name, got)
		}
	}
	if got := x509id.NewDirectory([]*x509.Certificate{old, made("b", 1, 2020, signer.Public())}).FindCertificate(selectorsFor(t, old)["issuer and serial"], testpki.Date(2020, 6, 1)); got != nil {
		t.Errorf("two of one serial number: found %v", got)
	}
}

func TestReadDirectory(t *testing.T) {
	a := testpki.NewAuthority(t, testpki.Now(), testpki.Now().AddDate(9, 0, 0))
	one, other := testpki.IssueKey(t, a, nil).Certificate, testpki.IssueKey(t, a, nil).Certificate
	d, err := x509id.ParseDirectory(x509id.EncodePEM(one), x509id.EncodePEM(other, one))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*x509.Certificate{one, other} {
		if got := d.FindCertificate(selectorsFor(t, c)["thumbprint"], testpki.Now()); got == nil || !bytes.Equal(got.Raw, c.Raw) {
			t.Errorf("found %v", got)
		}
	}
	if _, err = x509id.ParseDirectory(); err != nil {
		t.Error(err)
	}
	for name, file := range map[string][]byte{
		"empty":         nil,
		"no PEM":        []byte("hello"),
		"a key":         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}),
		"no X.509":      pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}),
		"more than one": append(x509id.EncodePEM(one), pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: []byte("x")})...),
	} {
		if _, err = x509id.ParseDirectory(file); err == nil || problem.From(err).Code != x509id.TrustUnreadable {
			t.Errorf("%s: %v", name, err)
		}
	}
}
