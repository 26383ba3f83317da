package soapdoor

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

var errForged = problem.New(problem.SignatureInvalid)

// newAdmissionService returns a Service with nothing but its admission control.
func newAdmissionService() *Service {
	return &Service{
		now: time.Now, unverifiedQueue: &unverifiedQueue{now: time.Now}, largeVerifiedSlots: make(chan struct{}, 1),
		unverifiedLimit: newConcurrencyLimit(maxLargeUnverified, unverifiedByteInterval), verifiedLimit: newConcurrencyLimit(maxLargeVerified, 0),
	}
}

// mustAcquireSlot acquires a verification slot and returns it with the time waited.
func mustAcquireSlot(t *testing.T, s *Service, trust *connectionTrust, size int) (*verificationSlot, time.Duration) {
	t.Helper()
	began := time.Now()
	slot, err := s.acquireVerificationSlot(t.Context(), trust, size)
	if err != nil {
		t.Fatal(err)
	}
	return slot, time.Since(began)
}

// TestVerifiedConnectionDoesNotQueue checks that a connection with a verified message does not wait behind unverified
// ones, until one of its messages fails verification.
func TestVerifiedConnectionDoesNotQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, honest, stranger := newAdmissionService(), newConnectionTrust(), newConnectionTrust()
		first, _ := mustAcquireSlot(t, s, honest, 0)
		first.markVerified()
		first.releaseWithOutcome(problem.New(problem.SchemaValue))
		if !honest.verified.Load() {
			t.Fatal("a refusal after verification costs the standing")
		}
		attack, _ := mustAcquireSlot(t, s, stranger, 0)
		time.Sleep(time.Second)
		second, waited := mustAcquireSlot(t, s, honest, 0)
		if waited != 0 {
			t.Errorf("waited %v for a stranger", waited)
		}
		second.releaseWithOutcome(errForged)
		if honest.verified.Load() {
			t.Error("a refusal before verification does not cost the standing")
		}
		attack.releaseWithOutcome(errForged)
		third, waited := mustAcquireSlot(t, s, honest, 0)
		if waited != maxCooldown {
			t.Errorf("waited %v as a stranger", waited)
		}
		third.markVerified()
		if !honest.verified.Load() {
			t.Error("one refusal is held against him for ever")
		}
		third.releaseWithOutcome(nil)
	})
}

// TestReplayIsPenalised checks that a replay, although it verifies, leaves the connection unverified and causes a
// cooldown.
func TestReplayIsPenalised(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, thief := newAdmissionService(), newConnectionTrust()
		replay, _ := mustAcquireSlot(t, s, thief, 0)
		replay.markVerified()
		time.Sleep(10 * time.Millisecond)
		replay.releaseWithOutcome(problem.New(problem.MessageReplayed))
		if thief.verified.Load() {
			t.Error("a replay gives standing")
		}
		if _, waited := mustAcquireSlot(t, s, newConnectionTrust(), 0); waited != 40*time.Millisecond {
			t.Errorf("the lane rested %v", waited)
		}
	})
}

// TestVerifiedConnectionBurst checks that only a few of the concurrent requests on one verified connection, as in
// HTTP/2, are processed at a time, and that after a failed one the others count as unverified.
func TestVerifiedConnectionBurst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, insider := newAdmissionService(), newConnectionTrust()
		insider.verificationSlots = make(chan struct{}, 1)
		insider.verified.Store(true)
		var group sync.WaitGroup
		began := time.Now()
		for range 100 {
			group.Go(func() {
				slot, err := s.acquireVerificationSlot(t.Context(), insider, 0)
				if err != nil {
					return // it waited too long
				}
				time.Sleep(time.Second / 10)
				slot.releaseWithOutcome(errForged)
			})
		}
		group.Wait()
		if took := time.Since(began); took < maxAdmissionWait {
			t.Errorf("a hundred refusals of a tenth of a second took only %v", took)
		}
		time.Sleep(maxCooldown)
		if s.unverifiedQueue.releaseSlot(); len(insider.verificationSlots) != 0 || s.unverifiedQueue.slotTaken {
			t.Error("places are not given back")
		}
	})
}

// TestVerifiedConnectionsShareLargeSlots checks that large messages of verified connections share the large slots and
// do not delay ordinary messages.
func TestVerifiedConnectionsShareLargeSlots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newAdmissionService()
		var proven [4]*connectionTrust
		for i := range proven {
			proven[i] = newConnectionTrust()
			proven[i].verified.Store(true)
		}
		held, _ := mustAcquireSlot(t, s, proven[0], largeMessageSize)
		time.AfterFunc(time.Second, held.markVerified)
		if _, waited := mustAcquireSlot(t, s, proven[1], largeMessageSize-1); waited != 0 {
			t.Errorf("an ordinary message waited %v", waited)
		}
		if _, waited := mustAcquireSlot(t, s, proven[2], largeMessageSize); waited != time.Second {
			t.Errorf("a large message waited %v", waited)
		}
		if _, err := s.acquireVerificationSlot(t.Context(), proven[3], largeMessageSize); problem.From(err).Code != problem.Overloaded {
			t.Errorf("beyond the longest wait: %v", err)
		}
		if len(proven[3].verificationSlots) != 0 {
			t.Error("a place is not given back")
		}
	})
}

// TestConnContext checks that all requests of a connection share one connectionTrust, in HTTP/2 too, and that two
// connections do not.
func TestConnContext(t *testing.T) {
	t.Parallel()
	for _, second := range []bool{false, true} {
		seen := make(chan *connectionTrust, 3)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if (r.ProtoMajor == 2) != second {
				t.Errorf("%s", r.Proto)
			}
			seen <- connectionTrustFromContext(r.Context())
		}))
		server.Config.ConnContext = ConnContext
		server.EnableHTTP2 = second
		server.StartTLS()
		for range 3 {
			if len(seen) == 2 {
				server.Client().CloseIdleConnections()
			}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			response, err := server.Client().Do(request)
			if err != nil {
				t.Fatal(err)
			}
			if err := response.Body.Close(); err != nil {
				t.Fatal(err)
			}
		}
		server.Close()
		if a, b, c := <-seen, <-seen, <-seen; a != b || b == c {
			t.Error("standing is not that of the connection")
		}
	}
	if one, other := connectionTrustFromContext(t.Context()), connectionTrustFromContext(t.Context()); one == other {
		t.Error("without a connection, strangers share their standing")
	}
}
