package admission

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

// newSmallController returns a Controller with one slot for large messages of verified connections.
func newSmallController() *Controller {
	c := NewController(time.Now)
	c.largeVerifiedSlots = make(chan struct{}, 1)
	return c
}

// mustAdmit admits a request of the connection.
func mustAdmit(t *testing.T, c *Controller, trust *connectionTrust) *Admission {
	t.Helper()
	a, err := c.admitConnection(trust)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// mustAcquireSlot admits a request, acquires a slot for it, and returns it with the time waited.
func mustAcquireSlot(t *testing.T, c *Controller, trust *connectionTrust, size int) (*Admission, time.Duration) {
	t.Helper()
	began := time.Now()
	a := mustAdmit(t, c, trust)
	if err := a.AcquireSlot(t.Context(), size); err != nil {
		t.Fatal(err)
	}
	return a, time.Since(began)
}

// TestVerifiedConnectionDoesNotQueue checks that a connection with a verified message does not wait behind unverified
// ones, until one of its messages fails verification.
func TestVerifiedConnectionDoesNotQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, honest, stranger := newSmallController(), newConnectionTrust(), newConnectionTrust()
		first, _ := mustAcquireSlot(t, c, honest, 0)
		first.MarkVerified()
		first.Finish(false)
		if !honest.verified.Load() {
			t.Fatal("a refusal after verification costs the standing")
		}
		attack, _ := mustAcquireSlot(t, c, stranger, 0)
		time.Sleep(time.Second)
		second, waited := mustAcquireSlot(t, c, honest, 0)
		if waited != 0 {
			t.Errorf("waited %v for a stranger", waited)
		}
		second.Finish(false)
		if honest.verified.Load() {
			t.Error("a refusal before verification does not cost the standing")
		}
		attack.Finish(false)
		third, waited := mustAcquireSlot(t, c, honest, 0)
		if waited != maxCooldown {
			t.Errorf("waited %v as a stranger", waited)
		}
		third.MarkVerified()
		if !honest.verified.Load() {
			t.Error("one refusal is held against him for ever")
		}
		third.Finish(false)
	})
}

// TestReplayIsPenalised checks that a replay, although it verifies, leaves the connection unverified and causes a
// cooldown.
func TestReplayIsPenalised(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, thief := newSmallController(), newConnectionTrust()
		replay, _ := mustAcquireSlot(t, c, thief, 0)
		replay.MarkVerified()
		time.Sleep(10 * time.Millisecond)
		replay.Finish(true)
		if thief.verified.Load() {
			t.Error("a replay gives standing")
		}
		if _, waited := mustAcquireSlot(t, c, newConnectionTrust(), 0); waited != 40*time.Millisecond {
			t.Errorf("the lane rested %v", waited)
		}
	})
}

// TestVerifiedConnectionBurst checks that only a few of the concurrent requests on one verified connection, as in
// HTTP/2, are processed at a time, and that after a failed one the others count as unverified.
func TestVerifiedConnectionBurst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, insider := newSmallController(), newConnectionTrust()
		insider.verificationSlots = make(chan struct{}, 1)
		insider.verified.Store(true)
		var group sync.WaitGroup
		began := time.Now()
		for range 100 {
			group.Go(func() {
				a, err := c.admitConnection(insider)
				if err != nil {
					t.Error(err)
					return
				}
				defer a.Finish(false)
				if a.AcquireSlot(t.Context(), 0) == nil { // else it waited too long
					time.Sleep(time.Second / 10)
				}
			})
		}
		group.Wait()
		if took := time.Since(began); took < maxAdmissionWait {
			t.Errorf("a hundred refusals of a tenth of a second took only %v", took)
		}
		time.Sleep(maxCooldown)
		if c.unverifiedQueue.releaseSlot(); len(insider.verificationSlots) != 0 || c.unverifiedQueue.slotTaken {
			t.Error("places are not given back")
		}
	})
}

// TestVerifiedConnectionsShareLargeSlots checks that large messages of verified connections share the large slots and
// do not delay ordinary messages.
func TestVerifiedConnectionsShareLargeSlots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newSmallController()
		var proven [4]*connectionTrust
		for i := range proven {
			proven[i] = newConnectionTrust()
			proven[i].verified.Store(true)
		}
		held, _ := mustAcquireSlot(t, c, proven[0], largeMessageSize)
		time.AfterFunc(time.Second, held.MarkVerified)
		if _, waited := mustAcquireSlot(t, c, proven[1], largeMessageSize-1); waited != 0 {
			t.Errorf("an ordinary message waited %v", waited)
		}
		if _, waited := mustAcquireSlot(t, c, proven[2], largeMessageSize); waited != time.Second {
			t.Errorf("a large message waited %v", waited)
		}
		if err := mustAdmit(t, c, proven[3]).AcquireSlot(t.Context(), largeMessageSize); problem.From(err).Code != problem.Overloaded {
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
