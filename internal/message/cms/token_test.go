package cms_test

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/cms"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/bertest"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// tokenFixture is an authority of its own with a depot, and a holder with both keys.
type tokenFixture struct {
	trust              *x509id.TrustStore
	authority          *authority.Authority
	depot              *x509id.Key
	holder, encryption *x509id.Key
}

func newTokenFixture(t *testing.T) *tokenFixture {
	t.Helper()
	now := testpki.Now()
	f := &tokenFixture{authority: testpki.NewAuthority(t, now.AddDate(-1, 0, 0), now.AddDate(9, 0, 0))}
	f.trust = testpki.TrustAuthority(f.authority)
	var err error
	if f.depot, err = f.authority.IssueDepotKey(now.AddDate(-1, 0, 0), now.AddDate(5, 0, 0)); err != nil {
		t.Fatal(err)
	}
	f.holder = testpki.IssueKey(t, f.authority, nil)
	f.encryption = issueEncryption(t, f.holder)
	return f
}

func issueEncryption(t *testing.T, holder *x509id.Key) *x509id.Key {
	t.Helper()
	key, err := authority.IssueEncryptionKey(holder, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signToken countersigns an encryption certificate with the certificates of a holder.
func signToken(t *testing.T, depot, holder *x509id.Key, c *x509.Certificate) []byte {
	t.Helper()
	token, err := cms.SignToken(depot, c, append([]*x509.Certificate{holder.Certificate}, holder.Chain...), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestParseToken(t *testing.T) {
	f := newTokenFixture(t)
	now, good := testpki.Now(), signToken(t, f.depot, f.holder, f.encryption.Certificate)
	for _, data := range [][]byte{good, bertest.Spread(good, 60)} {
		before := bytes.Clone(data)
		token, err := cms.ParseToken(data, f.trust, now)
		if err != nil {
			t.Fatal(err)
		}
		if !token.Certificate.Equal(f.encryption.Certificate) || token.Holder.String() != "NIHII-HOSPITAL=71000436" || !bytes.Equal(before, data) {
			t.Errorf("%+v", token)
		}
	}
	other := testpki.IssueKey(t, f.authority, func(o *authority.Order) { o.Subject.ID = "71012413" })
	sameName := testpki.IssueKey(t, f.authority, nil)
	elsewhere := newTokenFixture(t)
	changed := bytes.Clone(good)
	changed[bytes.Index(good, f.encryption.Certificate.Raw)+300] ^= 1
	expired := f.holder.Certificate.NotAfter
	for name, c := range map[string]struct {
		token []byte
		at    time.Time
		want  problem.Code
		words string
	}{
		"of another depot":        {signToken(t, elsewhere.depot, elsewhere.holder, elsewhere.encryption.Certificate), now, x509id.CertUntrusted, ""},
		"of another holder":       {signToken(t, f.depot, other, f.encryption.Certificate), now, cms.TokenInvalid, "the holder did not sign"},
		"of a namesake":           {signToken(t, f.depot, sameName, f.encryption.Certificate), now, cms.TokenInvalid, "the holder did not sign"},
		"holder not trusted":      {signToken(t, f.depot, elsewhere.holder, elsewhere.encryption.Certificate), now, x509id.CertUntrusted, ""},
		"changed":                 {changed, now, cms.TokenInvalid, "signature is wrong"},
		"without the depot's":     {cms.SignLayer(testpki.Key(t, sender), false, f.encryption.Certificate.Raw, now, rand.Reader), now, cms.TokenInvalid, "is missing"},
		"signed by somebody":      {cms.SignLayer(testpki.Key(t, sender), true, f.encryption.Certificate.Raw, now, rand.Reader), now, cms.TokenInvalid, "ETK-RA"},
		"before its time":         {good, f.holder.Certificate.NotBefore.Add(-time.Second), x509id.CertNotYetValid, ""},
		"after its time":          {good, expired.Add(time.Second), x509id.CertExpired, ""},
		"holder's own":            {signToken(t, f.depot, f.holder, f.holder.Certificate), now, cms.TokenInvalid, "the holder did not sign"},
		"no certificate in it":    {signToken(t, f.depot, f.holder, &x509.Certificate{Raw: []byte("text")}), now, cms.TokenInvalid, "no certificate"},
		"nothing":                 {nil, now, cms.Unreadable, "the token"},
		"larger than any":         {make([]byte, cms.MaxTokenBytes+1), now, cms.TokenInvalid, "larger"},
		"a sealed message":        {seal(t, newSealer(t), "content"), now, cms.TokenInvalid, "ETK-RA"},
		"with bytes behind":       {append(bytes.Clone(good), 0), now, cms.Unreadable, "the token"},
		"a certificate by itself": {f.encryption.Certificate.Raw, now, cms.Unreadable, "the token"},
	} {
		_, err := cms.ParseToken(c.token, f.trust, c.at)
		if testpki.Code(err) != c.want || !strings.Contains(problem.From(err).Detail.String(), c.words) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := cms.SignToken(f.holder, f.encryption.Certificate, nil, rand.Reader); testpki.Code(err) != cms.KeyUnfit {
		t.Errorf("a depot with an EC key: %v", err)
	}
}
