package admission

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

// acquireSlotAs acquires the slot in a goroutine, appends its name to order, and releases the slot at once.
func acquireSlotAs(t *testing.T, l *unverifiedQueue, size int, name string, order *[]string) {
	t.Helper()
	go func() {
		if err := l.acquireSlot(t.Context(), size); err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		*order = append(*order, name)
		l.releaseSlot()
	}()
	synctest.Wait()
	time.Sleep(time.Millisecond)
}

// TestUnverifiedQueueOrder checks that small messages go first, in order of arrival, and that a large one is overtaken
// only by those that arrive soon after it.
func TestUnverifiedQueueOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &unverifiedQueue{now: time.Now}
		if err := l.acquireSlot(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		var order []string
		acquireSlotAs(t, l, 4<<20, "large", &order)
		acquireSlotAs(t, l, 1<<20, "less large", &order)
		acquireSlotAs(t, l, 6<<10, "small", &order)
		acquireSlotAs(t, l, 6<<10, "second small", &order)
		time.Sleep(4500 * time.Millisecond)
		acquireSlotAs(t, l, 6<<10, "late", &order)
		l.releaseSlot()
		synctest.Wait()
		if want := []string{"small", "second small", "less large", "large", "late"}; !slices.Equal(order, want) {
			t.Errorf("%v, want %v", order, want)
		}
	})
}

// TestUnverifiedQueueCooldown checks that the slot stays free for four times the duration of a refusal, at most a
// second.
func TestUnverifiedQueueCooldown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &unverifiedQueue{now: time.Now}
		for _, c := range []struct {
			name  string
			took  []time.Duration
			pause time.Duration
		}{
			{"a verified message", nil, 0},
			{"one refusal", []time.Duration{10 * time.Millisecond}, 40 * time.Millisecond},
			{"two refusals", []time.Duration{10 * time.Millisecond, 5 * time.Millisecond}, 60 * time.Millisecond},
			{"a refusal that took very long", []time.Duration{time.Minute}, time.Second},
			{"a refusal in no time", []time.Duration{0}, 0},
		} {
			if err := l.acquireSlot(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			for _, took := range c.took {
				l.addCooldown(took)
			}
			l.releaseSlot()
			left := time.Now()
			if err := l.acquireSlot(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			if pause := time.Since(left); pause != c.pause {
				t.Errorf("%s: rests for %v, want %v", c.name, pause, c.pause)
			}
			l.releaseSlot()
		}
	})
}

// TestUnverifiedQueueCancelled checks that a request that is cancelled or times out is refused and no longer delays
// others.
func TestUnverifiedQueueCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &unverifiedQueue{now: time.Now}
		if err := l.acquireSlot(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		gone, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		for _, c := range []struct {
			ctx  context.Context
			wait time.Duration
			why  error
		}{
			{gone, time.Second, context.DeadlineExceeded},
			{t.Context(), time.Second + maxAdmissionWait, context.DeadlineExceeded},
		} {
			err := l.acquireSlot(c.ctx, 0)
			if problem.From(err).Code != problem.Overloaded || !errors.Is(err, c.why) || time.Since(began) != c.wait {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
		}
		if len(l.waiters) != 0 {
			t.Error("they wait still")
		}
		l.releaseSlot()
		if err := l.acquireSlot(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	})
}

// TestUnverifiedQueueGrantedTooLate grants the slot to a waiter that is cancelled at that moment: the next one gets it.
func TestUnverifiedQueueGrantedTooLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &unverifiedQueue{now: time.Now}
		called := &waiter{due: time.Now(), granted: make(chan struct{})}
		l.addWaiter(called)
		next := make(chan error)
		go func() { next <- l.acquireSlot(t.Context(), 0) }()
		synctest.Wait()
		l.cancelWaiter(called)
		if err := <-next; err != nil {
			t.Error(err)
		}
	})
}

// TestUnverifiedQueueCancelledInCooldown cancels a waiter during a cooldown: the queue remains usable.
func TestUnverifiedQueueCancelledInCooldown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &unverifiedQueue{now: time.Now}
		l.addCooldown(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := l.acquireSlot(ctx, 0); problem.From(err).Code != problem.Overloaded {
			t.Error(err)
		}
		if err := l.acquireSlot(t.Context(), 0); err != nil {
			t.Error(err)
		}
	})
}
