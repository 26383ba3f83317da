package x509id_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"

	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// encodePkiPath encodes a PkiPath.
func encodePkiPath(t testing.TB, certs ...*x509.Certificate) []byte {
	t.Helper()
	all := make([]asn1.RawValue, 0, len(certs))
	for _, c := range certs {
		all = append(all, asn1.RawValue{FullBytes: c.Raw})
	}
	octets, err := asn1.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return octets
}

func TestReadPath(t *testing.T) {
	a := testpki.NewAuthority(t, testpki.Now(), testpki.Now().AddDate(9, 0, 0))
	leaf := testpki.IssueKey(t, a, nil).Certificate
	issuing, root := a.Certificates()[0], a.Certificates()[1]
	for name, certs := range map[string][]*x509.Certificate{
		"the leaf alone": {leaf}, "with its issuer": {issuing, leaf}, "with the root": {root, issuing, leaf},
		"as many as may be": {root, root, root, issuing, leaf},
	} {
		path, err := x509id.ParsePkiPath(encodePkiPath(t, certs...))
		if err != nil || len(path) != len(certs) || !path[len(path)-1].Equal(leaf) {
			t.Errorf("%s: %d, %v", name, len(path), err)
		}
	}
	whole := encodePkiPath(t, root, issuing, leaf)
	for name, c := range map[string]struct {
		octets []byte
		want   problem.Code
	}{
		"leaf first":           {encodePkiPath(t, leaf, issuing, root), x509id.TokenPathOrder},
		"leaf in the middle":   {encodePkiPath(t, root, leaf, issuing), x509id.TokenPathOrder},
		"two leaves":           {encodePkiPath(t, leaf, testpki.IssueKey(t, a, nil).Certificate), x509id.TokenPathOrder},
		"one left out":         {encodePkiPath(t, root, leaf), x509id.TokenPathOrder},
		"one too many":         {encodePkiPath(t, root, root, root, root, issuing, leaf), x509id.TokenPathTooLong},
		"thousands of nothing": {append([]byte{0x30, 0x82, 0x20, 0}, bytes.Repeat([]byte{0x30, 0}, 0x1000)...), x509id.TokenPathTooLong},
		"nothing":              {nil, x509id.TokenUnreadable},
		"empty":                {encodePkiPath(t), x509id.TokenUnreadable},
		"a certificate":        {leaf.Raw, x509id.TokenUnreadable},
		"more behind":          {append(bytes.Clone(whole), 0), x509id.TokenUnreadable},
		"cut off":              {whole[:len(whole)-1], x509id.TokenUnreadable},
		"a number inside":      {[]byte{0x30, 3, 2, 1, 1}, x509id.TokenUnreadable},
		"no certificate":       {[]byte{0x30, 2, 0x30, 0}, x509id.TokenUnreadable},
	} {
		if _, err := x509id.ParsePkiPath(c.octets); err == nil || problem.From(err).Code != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// TestVerifyWith: the issuers in a message fill a gap between its certificate and an anchor, and have no other effect.
func TestVerifyWith(t *testing.T) {
	a := testpki.NewAuthority(t, testpki.Now(), testpki.Now().AddDate(9, 0, 0))
	leaf := testpki.IssueKey(t, a, nil).Certificate
	issuing, root := a.Certificates()[0], a.Certificates()[1]
	stranger := testpki.NewAuthority(t, testpki.Now(), testpki.Now().AddDate(9, 0, 0))
	strange := testpki.IssueKey(t, stranger, nil).Certificate
	all := func(certs ...*x509.Certificate) []*x509.Certificate { return certs }
	at := testpki.Now().AddDate(0, 1, 0)
	for name, c := range map[string]struct {
		issuers []*x509.Certificate
		leaf    *x509.Certificate
		anchors []*x509.Certificate
		want    problem.Code
	}{
		"not needed":                  {nil, leaf, all(issuing), ""},
		"the issuer is missing":       {nil, leaf, all(root), x509id.CertUntrusted},
		"the issuer came with it":     {all(issuing), leaf, all(root), ""},
		"and the root too":            {all(root, issuing), leaf, all(root), ""},
		"the root that came with it":  {all(root, issuing), leaf, all(stranger.Certificates()[1]), x509id.CertUntrusted},
		"a stranger with all of his":  {stranger.Certificates(), strange, all(root), x509id.CertUntrusted},
		"a stranger with ours":        {all(root, issuing), strange, all(root), x509id.CertUntrusted},
		"a leaf as issuer":            {all(leaf), strange, all(root), x509id.CertUntrusted},
		"an authority as leaf":        {all(root), issuing, all(root), x509id.CertIsAuthority},
		"an authority as leaf, alone": {nil, issuing, all(root), x509id.CertIsAuthority},
	} {
		t.Run(name, func(t *testing.T) {
			trust := x509id.NewTrustStore(c.anchors, nil, 10)
			for range 2 {
				if err := trust.VerifyWithIssuers(c.issuers, c.leaf, at); (c.want == "") != (err == nil) || err != nil && problem.From(err).Code != c.want {
					t.Errorf("%v, want %q", err, c.want)
				}
			}
		})
	}
	trust := x509id.NewTrustStore(all(root), nil, 10)
	if err := trust.VerifyWithIssuers(all(issuing), leaf, at); err != nil {
		t.Fatal(err)
	}
	if err := trust.Verify(leaf, at); problem.From(err) == nil {
		t.Error("the issuer of an earlier message is believed in a later one")
	}
	list, err := a.SignCRL(1, testpki.Now(), testpki.Now().AddDate(1, 0, 0), leaf)
	if err != nil {
		t.Fatal(err)
	}
	trust = x509id.NewTrustStore(all(root), all(issuing), 10)
	if err = revocation.NewCRLStore(trust).AddCRL(list); err != nil {
		t.Fatal(err)
	}
	if err = trust.VerifyWithIssuers(all(issuing), leaf, at); problem.From(err) == nil || problem.From(err).Code != x509id.CertRevoked {
		t.Errorf("revoked: %v", err)
	}
}

// TestVerifyWithBoundsTheKeysOfIssuers: a huge key from an unverified sender is never used.
func TestVerifyWithBoundsTheKeysOfIssuers(t *testing.T) {
	signer, cas := testpki.NewSelfSignedCA(t, x509.SHA256WithRSA)
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "huge"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign}
	huge := testpki.CreateCertificate(t, template, cas[0], testpki.NewRSAKey(8192), signer)
	// The leaf claims to be issued by the huge key, whose private key does not exist.
	leaf := testpki.CreateCertificate(t, &x509.Certificate{Subject: pkix.Name{CommonName: "leaf"}}, &x509.Certificate{RawSubject: huge.RawSubject}, testpki.NewRSAKey(2048), signer)
	err := x509id.NewTrustStore(cas, nil, 10).VerifyWithIssuers([]*x509.Certificate{huge}, leaf, testpki.Now())
	if e := problem.From(err); e == nil || e.Code != x509id.CertUntrusted || bytes.Contains([]byte(e.Error()), []byte("crypto/rsa")) {
		t.Errorf("%v", err)
	}
}
