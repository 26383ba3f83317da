package revocation_test

import (
	"crypto/x509"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// answerOCSP answers each request with the response that the function returns for its certificate.
func (s *revocationServer) answerOCSP(tb testing.TB, a testCA, says func(r *ocsp.Request) ocsp.Response) {
	tb.Helper()
	s.setHandler(func(w http.ResponseWriter, r *http.Request) {
		question := parseOCSPRequest(tb, r)
		response := says(question)
		response.SerialNumber = question.SerialNumber
		_, _ = w.Write(a.signOCSPResponse(tb, response, a.key))
	})
}

// A response is refreshed before it ends, without any message, and a revoked certificate stays revoked.
func TestAnswersAreRenewed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		responder := newRevocationServer(t)
		_, issuing := newCAChain(t, "CTR test", newP384Key)
		s := startChecker(t, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail}, []testCA{issuing}, nil)
		var status, reason atomic.Int64
		responder.answerOCSP(t, issuing, func(*ocsp.Request) ocsp.Response {
			at := s.clock.now()
			return ocsp.Response{Status: int(status.Load()), RevocationReason: int(reason.Load()), RevokedAt: at, ThisUpdate: at, NextUpdate: at.Add(time.Hour)}
		})
		c := issuing.issueSigner(t, responder.URL, "")
		s.waitForCode(t, c, "")
		later := func(want problem.Code) {
			t.Helper()
			waitUntil(t, "the answer "+string(want), func() bool {
				s.clock.advance(5 * time.Second)
				return s.verifyNow(c) == want
			})
		}
		waitUntil(t, "another question", func() bool {
			s.clock.advance(5 * time.Second)
			if got := s.verifyNow(c); got != "" {
				t.Errorf("meanwhile: %q", got)
			}
			return responder.requestCount.Load() == 3
		})
		status.Store(ocsp.Revoked)
		reason.Store(ocsp.CertificateHold)
		later(x509id.CertRevoked)
		status.Store(ocsp.Good)
		later("")
		status.Store(ocsp.Revoked)
		reason.Store(ocsp.KeyCompromise)
		later(x509id.CertRevoked)
		asked := responder.requestCount.Load()
		status.Store(ocsp.Good)
		for range 3 {
			s.clock.advance(3 * time.Hour)
			waitSeveralSweeps()
			if got := s.verifyNow(c); got != x509id.CertRevoked {
				t.Errorf("later: %q", got)
			}
		}
		if n := responder.requestCount.Load(); n != asked {
			t.Errorf("asked %d times more", n-asked)
		}
	})
}

// After a response ends without a successor, the policy decides.
func TestAnswersEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for policy, want := range map[revocation.StatusPolicy]problem.Code{revocation.PolicySoftFail: "", revocation.PolicyHardFail: x509id.CertRevocationUnknown} {
			responder := newRevocationServer(t)
			_, issuing := newCAChain(t, "CTR test", newP384Key)
			s := startChecker(t, revocation.StatusCheckerOptions{Policy: policy}, []testCA{issuing}, nil)
			good, bad := issuing.issueSigner(t, responder.URL, ""), issuing.issueSigner(t, responder.URL, "")
			responder.answerOCSP(t, issuing, func(q *ocsp.Request) ocsp.Response {
				r := ocsp.Response{ThisUpdate: testpki.Now(), NextUpdate: testpki.Now().Add(time.Hour)}
				if q.SerialNumber.Cmp(bad.SerialNumber) == 0 {
					r.Status, r.RevokedAt = ocsp.Revoked, testpki.Now()
				}
				return r
			})
			s.waitForCode(t, bad, x509id.CertRevoked)
			s.waitForCode(t, good, "")
			waitUntil(t, "two questions", func() bool { return responder.requestCount.Load() == 2 })
			waitSeveralSweeps()
			responder.Close()
			s.clock.advance(2 * time.Hour)
			for range 2 {
				if got := s.verifyNow(good); got != want {
					t.Errorf("%s: %q", policy, got)
				}
				if got := s.verifyNow(bad); got != x509id.CertRevoked {
					t.Errorf("%s: %q", policy, got)
				}
				waitSeveralSweeps()
			}
		}
	})
}

// A response without nextUpdate counts for minutes only.
func TestAnswerWithoutNextUpdate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		responder := newRevocationServer(t)
		_, issuing := newCAChain(t, "CTR test", newP384Key)
		s := startChecker(t, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail}, []testCA{issuing}, nil)
		responder.answerOCSP(t, issuing, func(*ocsp.Request) ocsp.Response { return ocsp.Response{ThisUpdate: s.clock.now()} })
		c := issuing.issueSigner(t, responder.URL, "")
		s.waitForCode(t, c, "")
		responder.Close()
		s.clock.advance(11 * time.Minute)
		if got := s.verifyNow(c); got != x509id.CertRevocationUnknown {
			t.Errorf("%q", got)
		}
	})
}

// A host that is down gets one request at a time, at growing intervals, and recovers when it is back.
func TestHostThatIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		responder := newRevocationServer(t)
		_, issuing := newCAChain(t, "CTR test", newP384Key)
		s := startChecker(t, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail, Workers: 2}, []testCA{issuing}, nil)
		responder.setHandler(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
		var all []*x509.Certificate
		for range 30 {
			all = append(all, issuing.issueSigner(t, responder.URL, ""))
		}
		see := func(want problem.Code) {
			t.Helper()
			for _, c := range all {
				if got := s.verifyNow(c); got != want {
					t.Errorf("%q", got)
				}
			}
		}
		see(x509id.CertRevocationUnknown)
		waitSeveralSweeps()
		if n := responder.requestCount.Load(); n < 1 || n > 2 {
			t.Errorf("asked %d times at first", n)
		}
		before := responder.requestCount.Load()
		for _, wait := range []time.Duration{31 * time.Second, time.Second, time.Second} {
			s.clock.advance(wait)
			waitSeveralSweeps()
		}
		if n := responder.requestCount.Load() - before; n != 1 {
			t.Errorf("asked %d times in the next half minute", n)
		}
		responder.answerOCSP(t, issuing, func(*ocsp.Request) ocsp.Response {
			return ocsp.Response{ThisUpdate: s.clock.now(), NextUpdate: s.clock.now().Add(240 * time.Hour)}
		})
		waitUntil(t, "an answer for each", func() bool {
			s.clock.advance(10 * time.Second)
			return !slices.ContainsFunc(all, func(c *x509.Certificate) bool { return s.verifyNow(c) != "" })
		})
		if text := s.log.String(); strings.Count(text, "WARN") > 5 || !strings.Contains(text, "known again") {
			t.Errorf("the log says %s", text)
		}
	})
}

func TestWorkersAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for given, want := range map[int]int64{1: 1, 3: 3, 100: 4} {
			var at, tooMany atomic.Int64
			responder := newRevocationServer(t)
			_, issuing := newCAChain(t, "CTR test", newP384Key)
			responder.answerOCSP(t, issuing, func(*ocsp.Request) ocsp.Response {
				defer at.Add(-1)
				if n := at.Add(1); n > want {
					tooMany.Store(n)
				}
				time.Sleep(5 * time.Millisecond)
				return ocsp.Response{}
			})
			s := startChecker(t, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail, Workers: given}, []testCA{issuing}, nil)
			var group sync.WaitGroup
			for range 20 {
				c := issuing.issueSigner(t, responder.URL, "")
				for range 4 { // concurrently, but still one request per certificate
					group.Go(func() { s.waitForCode(t, c, "") })
				}
			}
			group.Wait()
			if n, asked := tooMany.Load(), responder.requestCount.Load(); n > 0 || asked != 20 {
				t.Errorf("%d workers: %d questions, up to %d at a time", given, asked, n)
			}
		}
	})
}

// The oldest statuses are evicted, but not revoked ones; when there is no room at all, certificates remain unknown.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		responder := newRevocationServer(t)
		_, issuing := newCAChain(t, "CTR test", newP384Key)
		s := startChecker(t, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail, Capacity: 4}, []testCA{issuing}, nil)
		var isBad atomic.Bool
		responder.answerOCSP(t, issuing, func(*ocsp.Request) ocsp.Response {
			if isBad.Load() {
				return ocsp.Response{Status: ocsp.Revoked, RevokedAt: testpki.Now()}
			}
			return ocsp.Response{}
		})
		isBad.Store(true)
		ends := func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = testpki.Date(2020, 1, 1), testpki.Now().AddDate(1, 0, 0)
		}
		revoked := []*x509.Certificate{issuing.issueSigner(t, responder.URL, "", ends)}
		s.waitForCode(t, revoked[0], x509id.CertRevoked)
		isBad.Store(false)
		var good []*x509.Certificate
		for range 12 {
			c := issuing.issueSigner(t, responder.URL, "")
			s.waitForCode(t, c, "")
			good = append(good, c)
		}
		if got := s.verifyNow(revoked[0]); got != x509id.CertRevoked {
			t.Errorf("revoked and forgotten: %q", got)
		}
		asked := responder.requestCount.Load()
		if got := s.verifyNow(good[11]); got != "" {
			t.Errorf("the last: %q", got)
		}
		if got := s.verifyNow(good[0]); got != x509id.CertRevocationUnknown {
			t.Errorf("the first should be forgotten: %q", got)
		}
		s.waitForCode(t, good[0], "")
		if n := responder.requestCount.Load() - asked; n != 1 {
			t.Errorf("asked %d times more", n)
		}
		isBad.Store(true)
		for range 3 {
			revoked = append(revoked, issuing.issueSigner(t, responder.URL, "", ends))
			s.waitForCode(t, revoked[len(revoked)-1], x509id.CertRevoked)
		}
		isBad.Store(false)
		one := issuing.issueSigner(t, responder.URL, "")
		for range 2 {
			if got := s.verifyNow(one); got != x509id.CertRevocationUnknown {
				t.Errorf("without a place: %q", got)
			}
			waitSeveralSweeps()
		}
		for _, c := range revoked {
			if got := s.verifyNow(c); got != x509id.CertRevoked {
				t.Errorf("revoked: %q", got)
			}
		}
		s.clock.advance(2 * 365 * 24 * time.Hour) // the revoked ones have expired: there is room again, though the responses are old
		for _, c := range revoked {
			if got := s.verifyNow(c); got != x509id.CertExpired {
				t.Errorf("expired: %q", got)
			}
		}
		asked = responder.requestCount.Load()
		_ = s.verifyNow(one)
		waitUntil(t, "a question", func() bool { return responder.requestCount.Load() > asked })
	})
}
