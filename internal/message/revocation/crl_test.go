package revocation_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"

	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

func TestAddCRL(t *testing.T) {
	authority := testpki.NewAuthority(t, testpki.Date(2020, 1, 1), testpki.Date(2100, 1, 1))
	first, second := testpki.IssueKey(t, authority, nil), testpki.IssueKey(t, authority, nil)
	list := func(number int64, revoked ...*x509.Certificate) []byte {
		der, err := authority.SignCRL(number, testpki.Now(), testpki.Now().AddDate(0, 0, 7), revoked...)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	trust := testpki.TrustAuthority(authority)
	crls := revocation.NewCRLStore(trust)
	check := func(step string, wantFirst, wantSecond problem.Code) {
		t.Helper()
		if err := trust.Verify(first.Certificate, testpki.Now()); testpki.Code(err) != wantFirst {
			t.Errorf("%s: the first is %v", step, err)
		}
		if err := trust.Verify(second.Certificate, testpki.Now()); testpki.Code(err) != wantSecond {
			t.Errorf("%s: the second is %v", step, err)
		}
	}
	add := func(crl []byte) {
		t.Helper()
		if err := crls.AddCRL(crl); err != nil {
			t.Fatal(err)
		}
	}
	check("without a list", "", "")
	add(list(2, first.Certificate))
	check("after the first list", x509id.CertRevoked, "")
	add(list(1, second.Certificate))
	check("after an older one", x509id.CertRevoked, "")
	add(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: list(3, first.Certificate, second.Certificate)}))
	check("after a newer one", x509id.CertRevoked, x509id.CertRevoked)
}

func TestAddCRLRefuses(t *testing.T) {
	authority, foreign := testpki.NewAuthority(t, testpki.Date(2020, 1, 1), testpki.Date(2100, 1, 1)), testpki.NewAuthority(t, testpki.Date(2020, 1, 1), testpki.Date(2100, 1, 1))
	trust := testpki.TrustAuthority(authority)
	strange, err := foreign.SignCRL(1, testpki.Now(), testpki.Now())
	if err != nil {
		t.Fatal(err)
	}
	signer, chain := testpki.NewSelfSignedCA(t, x509.SHA256WithRSA)
	own := x509id.NewTrustStore(chain, nil, 10)
	crl := func(template *x509.RevocationList) []byte {
		template.Number, template.ThisUpdate, template.NextUpdate = big.NewInt(1), testpki.Now(), testpki.Now()
		der, err := x509.CreateRevocationList(rand.Reader, template, chain[0], signer)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	delta := crl(&x509.RevocationList{ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}}}})
	indirect := crl(&x509.RevocationList{RevokedCertificateEntries: []x509.RevocationListEntry{{
		SerialNumber: big.NewInt(5), RevocationTime: testpki.Now(),
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 29}, Critical: true, Value: []byte{0x30, 0}}},
	}}})
	for name, tt := range map[string]struct {
		trust *x509id.TrustStore
		crl   []byte
		want  problem.Code
	}{
		"nothing":           {trust, nil, revocation.CRLUnreadable},
		"broken":            {trust, strange[:40], revocation.CRLUnreadable},
		"another authority": {trust, strange, revocation.CRLUntrusted},
		"delta":             {own, delta, revocation.CRLUnreadable},
		"indirect":          {own, indirect, revocation.CRLUnreadable},
	} {
		if err := revocation.NewCRLStore(tt.trust).AddCRL(tt.crl); testpki.Code(err) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Certificates of a revoked issuing authority are not trusted any more.
func TestVerifyUnderARevokedAuthority(t *testing.T) {
	signer, chain := testpki.NewSelfSignedCA(t, x509.SHA256WithRSA)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	between := testpki.CreateCertificate(t, &x509.Certificate{IsCA: true, KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{CommonName: "between"}},
		chain[0], key.Public(), signer)
	leaf := testpki.CreateCertificate(t, &x509.Certificate{}, between, testpki.NewRSAKey(2048), key)
	trust := x509id.NewTrustStore(chain, []*x509.Certificate{between}, 10)
	crls := revocation.NewCRLStore(trust)
	if err = trust.Verify(leaf, testpki.Now()); err != nil {
		t.Fatal(err)
	}
	crl, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: testpki.Now(), NextUpdate: testpki.Now(),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: between.SerialNumber, RevocationTime: testpki.Now()}},
	}, chain[0], signer)
	if err != nil {
		t.Fatal(err)
	}
	if err = crls.AddCRL(crl); err != nil {
		t.Fatal(err)
	}
	if err = trust.Verify(leaf, testpki.Now()); testpki.Code(err) != x509id.CertUntrusted || errors.Is(err, problem.Internal) {
		t.Errorf("got %v", err)
	}
}
