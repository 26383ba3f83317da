package endpoint

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
func queues() *Service {
	return &Service{
		now: time.Now, lane: &lane{now: time.Now}, large: make(chan struct{}, 1),
		strangers: newRoom(largeOfStrangers, paceOfOctets), others: newRoom(largeOfOthers, 0),
	}
}

// mustAcquireSlot acquires a verification slot and returns it with the time waited.
func mustTurn(t *testing.T, s *Service, trust *standing, size int) (*turn, time.Duration) {
	t.Helper()
	began := time.Now()
	slot, err := s.takeTurn(t.Context(), trust, size)
	if err != nil {
		t.Fatal(err)
	}
	return slot, time.Since(began)
}

// TestVerifiedConnectionDoesNotQueue checks that a connection with a verified message does not wait behind unverified
// ones, until one of its messages fails verification.
func TestProvenPasses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, honest, stranger := queues(), newStanding(), newStanding()
		first, _ := mustTurn(t, s, honest, 0)
		first.prove()
		first.end(problem.New(problem.SchemaValue))
		if !honest.proven.Load() {
			t.Fatal("a refusal after verification costs the standing")
		}
		attack, _ := mustTurn(t, s, stranger, 0)
		time.Sleep(time.Second)
		second, waited := mustTurn(t, s, honest, 0)
		if waited != 0 {
			t.Errorf("waited %v for a stranger", waited)
		}
		second.end(errForged)
		if honest.proven.Load() {
			t.Error("a refusal before verification does not cost the standing")
		}
		attack.end(errForged)
		third, waited := mustTurn(t, s, honest, 0)
		if waited != longestRest {
			t.Errorf("waited %v as a stranger", waited)
		}
		third.prove()
		if !honest.proven.Load() {
			t.Error("one refusal is held against him for ever")
		}
		third.end(nil)
	})
}

// TestReplayIsPenalised checks that a replay, although it verifies, leaves the connection unverified and causes a
// cooldown.
func TestReplayPaysToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, thief := queues(), newStanding()
		replay, _ := mustTurn(t, s, thief, 0)
		replay.prove()
		time.Sleep(10 * time.Millisecond)
		replay.end(problem.New(problem.MessageReplayed))
		if thief.proven.Load() {
			t.Error("a replay gives standing")
		}
		if _, waited := mustTurn(t, s, newStanding(), 0); waited != 40*time.Millisecond {
			t.Errorf("the lane rested %v", waited)
		}
	})
}

// TestVerifiedConnectionBurst checks that only a few of the concurrent requests on one verified connection, as in
// HTTP/2, are processed at a time, and that after a failed one the others count as unverified.
func TestProvenBurst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, insider := queues(), newStanding()
		insider.examined = make(chan struct{}, 1)
		insider.proven.Store(true)
		var group sync.WaitGroup
		began := time.Now()
		for range 100 {
			group.Go(func() {
				slot, err := s.takeTurn(t.Context(), insider, 0)
				if err != nil {
					return // it waited too long
				}
				time.Sleep(time.Second / 10)
				slot.end(errForged)
			})
		}
		group.Wait()
		if took := time.Since(began); took < longestWait {
			t.Errorf("a hundred refusals of a tenth of a second took only %v", took)
		}
		time.Sleep(longestRest)
		if s.lane.leave(); len(insider.examined) != 0 || s.lane.taken {
			t.Error("places are not given back")
		}
	})
}

// TestVerifiedConnectionsShareLargeSlots checks that large messages of verified connections share the large slots and
// do not delay ordinary messages.
func TestProvenLarge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := queues()
		var proven [4]*standing
		for i := range proven {
			proven[i] = newStanding()
			proven[i].proven.Store(true)
		}
		held, _ := mustTurn(t, s, proven[0], largeMessage)
		time.AfterFunc(time.Second, held.prove)
		if _, waited := mustTurn(t, s, proven[1], largeMessage-1); waited != 0 {
			t.Errorf("an ordinary message waited %v", waited)
		}
		if _, waited := mustTurn(t, s, proven[2], largeMessage); waited != time.Second {
			t.Errorf("a large message waited %v", waited)
		}
		if _, err := s.takeTurn(t.Context(), proven[3], largeMessage); problem.From(err).Code != problem.Overloaded {
			t.Errorf("beyond the longest wait: %v", err)
		}
		if len(proven[3].examined) != 0 {
			t.Error("a place is not given back")
		}
	})
}

// TestConnContext checks that all requests of a connection share one connectionTrust, in HTTP/2 too, and that two
// connections do not.
func TestConnContext(t *testing.T) {
	t.Parallel()
	for _, second := range []bool{false, true} {
		seen := make(chan *standing, 3)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if (r.ProtoMajor == 2) != second {
				t.Errorf("%s", r.Proto)
			}
			seen <- standingOf(r.Context())
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
	if one, other := standingOf(t.Context()), standingOf(t.Context()); one == other {
		t.Error("without a connection, strangers share their standing")
	}
}
