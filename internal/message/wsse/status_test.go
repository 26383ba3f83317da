package wsse_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// askedAuthority is the status of all certificates while an authority is being asked about them.
type askedAuthority struct {
	mu      sync.Mutex
	learned chan struct{} // nil: nobody is asked
	status  problem.Code
}

func newAskedAuthority(status problem.Code) *askedAuthority {
	return &askedAuthority{status: status, learned: make(chan struct{})}
}

func (a *askedAuthority) CurrentLists() x509id.RevocationLists { return a }
func (a *askedAuthority) Offline() x509id.RevocationSource     { return a }
func (*askedAuthority) IsRevoked(*x509.Certificate) bool       { return false }
func (a *askedAuthority) NewStatusCheck([]*x509.Certificate) x509id.StatusCheck {
	return func(time.Time) (<-chan struct{}, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.status == "" {
			return a.learned, nil
		}
		return a.learned, problem.New(a.status)
	}
}

// answer ends the question with a status; more tells that another authority is still asked.
func (a *askedAuthority) answer(status problem.Code, more bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.learned)
	a.status, a.learned = status, nil
	if more {
		a.learned = make(chan struct{})
	}
}

// newAskingVerifier returns a Verifier on the virtual clock, whose authorities are the given one.
func newAskingVerifier(tb testing.TB, a *askedAuthority) *wsse.Verifier {
	tb.Helper()
	trust, err := x509id.ParseTrustStore(64, testpki.CAFile(tb))
	if err != nil {
		tb.Fatal(err)
	}
	trust.SetRevocationSource(a)
	began := time.Now()
	return &wsse.Verifier{Trust: trust, Now: func() time.Time { return now.Add(time.Since(began)) }}
}

// TestFindingM4FirstSightWaits: a message with a certificate of unknown status waits for the answer, for two seconds at
// most, and only then does the policy decide. Soft is the status "", hard is CERT_REVOCATION_UNKNOWN.
func TestFindingM4FirstSightWaits(t *testing.T) {
	t.Parallel()
	const soft, hard, revoked = problem.Code(""), x509id.CertRevocationUnknown, x509id.CertRevoked
	good := signTemplate(t, testpki.Key(t, testpki.Hospital))
	late := signTemplate(t, testpki.Key(t, testpki.Hospital), edit{"10:01:00Z", "10:00:31Z"})
	forged := applyEdits(t, good, []edit{{content, forgedContent}})
	for name, tt := range map[string]struct {
		message string
		before  problem.Code
		then    func(a *askedAuthority, gone context.CancelFunc)
		want    problem.Code
		took    time.Duration
	}{
		"good after a second":       {good, soft, func(a *askedAuthority, _ context.CancelFunc) { time.Sleep(time.Second); a.answer("", false) }, "", time.Second},
		"good after a second, hard": {good, hard, func(a *askedAuthority, _ context.CancelFunc) { time.Sleep(time.Second); a.answer("", false) }, "", time.Second},
		"revoked after a second":    {good, soft, func(a *askedAuthority, _ context.CancelFunc) { time.Sleep(time.Second); a.answer(revoked, false) }, revoked, time.Second},
		"revoked at the last moment": {good, soft, func(a *askedAuthority, _ context.CancelFunc) {
			time.Sleep(1999 * time.Millisecond)
			a.answer(revoked, false)
		}, revoked, 1999 * time.Millisecond},
		"the second answer decides": {good, soft, func(a *askedAuthority, _ context.CancelFunc) {
			time.Sleep(time.Second)
			a.answer("", true)
			time.Sleep(time.Second / 2)
			a.answer(revoked, false)
		}, revoked, 1500 * time.Millisecond},
		"no answer":                {good, soft, func(*askedAuthority, context.CancelFunc) {}, "", 2 * time.Second},
		"no answer, hard":          {good, hard, func(*askedAuthority, context.CancelFunc) {}, hard, 2 * time.Second},
		"the responder fails":      {good, soft, func(a *askedAuthority, _ context.CancelFunc) { time.Sleep(time.Second / 10); a.answer(soft, false) }, "", time.Second / 10},
		"the responder fails hard": {good, hard, func(a *askedAuthority, _ context.CancelFunc) { time.Sleep(time.Second / 10); a.answer(hard, false) }, hard, time.Second / 10},
		"the caller hangs up":      {good, soft, func(_ *askedAuthority, gone context.CancelFunc) { time.Sleep(time.Second); gone() }, hard, time.Second},
		"the message expires": {late, soft, func(a *askedAuthority, _ context.CancelFunc) {
			time.Sleep(1900 * time.Millisecond)
			a.answer("", false)
		}, wsse.TimestampExpired, 1900 * time.Millisecond},
		"a bad signature":       {forged, soft, func(*askedAuthority, context.CancelFunc) {}, dsig.DigestMismatch, 0},
		"a bad signature, hard": {forged, hard, func(*askedAuthority, context.CancelFunc) {}, dsig.DigestMismatch, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := newAskedAuthority(tt.before)
				v := newAskingVerifier(t, a)
				ctx, gone := context.WithCancel(t.Context())
				defer gone()
				go tt.then(a, gone)
				began, given := time.Now(), 0
				verified, err := v.VerifyAndWait(ctx, openEnvelope(t, tt.message), func() { given++ })
				if took := time.Since(began); took != tt.took || given != min(1, int(tt.took)) {
					t.Errorf("waited %v, gave back %d times", took, given)
				}
				if tt.want == "" && (err != nil || verified == nil) {
					t.Errorf("refused: %v", err)
				} else if tt.want != "" {
					wantRefusal(t, verified, err, tt.want)
				}
			})
		})
	}
}

// TestFindingM4WaitersAreBounded: beyond the bounds a message is refused at once, whatever the policy.
func TestFindingM4WaitersAreBounded(t *testing.T) {
	t.Parallel()
	const perCertificate, all = 8, 256
	ecdsaMethod := edit{"#rsa-sha256", "#ecdsa-sha256"}
	var keys []*x509id.Key
	for range all/perCertificate + 1 {
		keys = append(keys, testpki.IssueKey(t, testAuthority(t), nil))
	}
	for name, used := range map[string]int{"one certificate": 1, "many": len(keys)} {
		synctest.Test(t, func(t *testing.T) {
			a := newAskedAuthority("")
			v := newAskingVerifier(t, a)
			v.Trust = trustBoth(t)
			v.Trust.SetRevocationSource(a)
			var mu sync.Mutex
			outcomes := map[string]int{}
			for i := range used * (perCertificate + 1) {
				message := signTemplate(t, keys[i%used], ecdsaMethod)
				go func() {
					began := time.Now()
					_, err := v.VerifyAndWait(t.Context(), openEnvelope(t, message), func() {})
					mu.Lock()
					defer mu.Unlock()
					outcomes[fmt.Sprint(testpki.Code(err), time.Since(began))]++
				}()
			}
			synctest.Wait()
			mu.Lock()
			refused := outcomes[string(x509id.CertRevocationUnknown)+"0s"]
			mu.Unlock()
			waiting := min(used*perCertificate, all)
			if want := used*(perCertificate+1) - waiting; refused != want {
				t.Errorf("%s: %d refused at once, want %d", name, refused, want)
			}
			time.Sleep(wsse.MaxStatusWait)
			synctest.Wait()
			if outcomes["2s"] != waiting {
				t.Errorf("%s: %v", name, outcomes)
			}
			a.answer("", false)
			if _, err := v.VerifyAndWait(t.Context(), openEnvelope(t, signTemplate(t, keys[0], ecdsaMethod)), func() {}); err != nil {
				t.Errorf("%s: afterwards: %v", name, err)
			}
		})
	}
}
