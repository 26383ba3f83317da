package pki_test

import (
	"crypto/x509"
	"testing"

	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/problem"
)

// TestStill: an Offline store uses the known statuses and triggers no request; the first message that is processed
// triggers one.
func TestStill(t *testing.T) {
	t.Parallel()
	there := newServer(t)
	_, issuing := newLine(t, "CTR test", newP384)
	_, foreign := newLine(t, "CTR test", newP384)
	c, revoked := issuing.signer(t, there.URL, there.URL), issuing.signer(t, there.URL, there.URL)
	s := serve(t, pki.RevocationOptions{Policy: pki.RevocationHard}, []authority{issuing}, nil)
	looked := func(c *x509.Certificate, want problem.Code) {
		t.Helper()
		if got := code(s.Still().Verify(c, now())); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for range 3 {
		looked(c, problem.CertRevocationUnknown)
		looked(foreign.signer(t, there.URL, there.URL), problem.CertUntrusted)
	}
	quiet()
	if n := there.asked.Load(); n != 0 {
		t.Errorf("asked %d times", n)
	}
	if err := s.AddCRL(issuing.list(t, x509.RevocationList{}, revoked)); err != nil {
		t.Fatal(err)
	}
	looked(c, "")
	looked(revoked, problem.CertRevoked)
	if got := s.verify(c); got != "" {
		t.Error(got)
	}
	quiet()
	if there.asked.Load() == 0 {
		t.Error("a message that is acted upon did not ask")
	}
	off := serve(t, pki.RevocationOptions{Policy: pki.RevocationOff}, []authority{issuing}, nil)
	if err := off.Still().Verify(c, now()); err != nil {
		t.Error(err)
	}
}
