package revocation_test

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// TestSummarize: the oldest list counts, and a list past its next update is overdue.
func TestSummarize(t *testing.T) {
	t.Parallel()
	root, issuing := newCAChain(t, "CTR test", newP384Key)
	now := testpki.Now()
	trust := x509id.NewTrustStore([]*x509.Certificate{root.certificate}, []*x509.Certificate{issuing.certificate}, 16)
	checker := revocation.NewStatusChecker(trust, revocation.StatusCheckerOptions{Now: func() time.Time { return now }})
	if got := checker.Summarize(); got != (revocation.Summary{}) {
		t.Errorf("nothing known: %+v", got)
	}
	issued := now.Add(-2 * time.Hour).Truncate(time.Second).UTC()
	for ca, template := range map[*testCA]x509.RevocationList{
		&root: {ThisUpdate: issued, NextUpdate: now.Add(time.Hour)}, &issuing: {},
	} {
		if err := checker.AddCRL(ca.signCRL(t, template)); err != nil {
			t.Fatal(err)
		}
	}
	if got := checker.Summarize(); got != (revocation.Summary{Lists: 2, Oldest: issued}) {
		t.Errorf("%+v", got)
	}
	now = now.Add(90 * time.Minute)
	if got := checker.Summarize(); got != (revocation.Summary{Lists: 2, Overdue: 1, Oldest: issued}) {
		t.Errorf("later: %+v", got)
	}
}
