package revocation_test

import (
	"crypto/x509"
	"testing"
	"testing/synctest"

	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// TestStill: an Offline store uses the known statuses and triggers no request; the first message that is processed
// triggers one.
func TestStill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		there := newRevocationServer(t)
		_, issuing := newCAChain(t, "CTR test", newP384Key)
		_, foreign := newCAChain(t, "CTR test", newP384Key)
		c, revoked := issuing.issueSigner(t, there.URL, there.URL), issuing.issueSigner(t, there.URL, there.URL)
		s := startChecker(t, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail}, []testCA{issuing}, nil)
		looked := func(c *x509.Certificate, want problem.Code) {
			t.Helper()
			if got := testpki.Code(s.TrustStore.Offline().Verify(c, testpki.Now())); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		for range 3 {
			looked(c, x509id.CertRevocationUnknown)
			looked(foreign.issueSigner(t, there.URL, there.URL), x509id.CertUntrusted)
		}
		waitSeveralSweeps()
		if n := there.requestCount.Load(); n != 0 {
			t.Errorf("asked %d times", n)
		}
		if err := s.AddCRL(issuing.signCRL(t, x509.RevocationList{}, revoked)); err != nil {
			t.Fatal(err)
		}
		looked(c, "")
		looked(revoked, x509id.CertRevoked)
		if got := s.verifyNow(c); got != "" {
			t.Error(got)
		}
		waitSeveralSweeps()
		if there.requestCount.Load() == 0 {
			t.Error("a message that is acted upon did not ask")
		}
		off := startChecker(t, revocation.StatusCheckerOptions{Policy: revocation.PolicyOff}, []testCA{issuing}, nil)
		if err := off.TrustStore.Offline().Verify(c, testpki.Now()); err != nil {
			t.Error(err)
		}
	})
}
