package admission

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

const (
	// maxAdmissionWait bounds the wait for a verification slot or for a permit to read a large message; after it the
	// request is refused as OVERLOADED. It is well below the response timeouts of the usual toolkits.
	maxAdmissionWait = 10 * time.Second
	// delayPerByte is the queueing delay added per byte of a message. An ordinary message overtakes the large ones that
	// arrived in the seconds before it, and no message that arrives much later overtakes a large one.
	delayPerByte = time.Microsecond
	// penaltyFactor is the length of the cooldown after a refusal, as a multiple of the time that the refusal took.
	// Unverified connections that send only refused messages therefore use at most a fifth of one CPU and of the commit
	// capacity of the store, whatever they send and however many they are.
	penaltyFactor = 4
	// maxCooldown bounds the cooldown. No refusal should take a fifth of a second, so it matters only when something
	// else went wrong.
	maxCooldown = time.Second
)

// unverifiedQueue grants a single slot to the waiting requests of unverified connections, one after another. It needs
// only a clock; otherwise the zero value is ready to use.
type unverifiedQueue struct {
	now func() time.Time

	mutex         sync.Mutex
	slotTaken     bool      // by a request, or by a cooldown
	cooldownUntil time.Time // end of the cooldown
	waiters       []*waiter // in order of due time
}

type waiter struct {
	due     time.Time
	granted chan struct{}
}

// acquireSlot blocks until a request of size bytes holds the single slot; the caller must release it. It fails with
// OVERLOADED when ctx ends or after maxAdmissionWait.
func (l *unverifiedQueue) acquireSlot(ctx context.Context, size int) error {
	w := &waiter{due: l.now().Add(time.Duration(size) * delayPerByte), granted: make(chan struct{})}
	l.addWaiter(w)
	ctx, cancel := context.WithTimeout(ctx, maxAdmissionWait)
	defer cancel()
	select {
	case <-w.granted:
		return nil
	case <-ctx.Done():
		l.cancelWaiter(w)
		return problem.Wrap(problem.Overloaded, ctx.Err())
	}
}

func (l *unverifiedQueue) addWaiter(w *waiter) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	index, _ := slices.BinarySearchFunc(l.waiters, w.due, func(other *waiter, due time.Time) int {
		if other.due.After(due) {
			return 1
		}
		return -1 // first in, first out
	})
	l.waiters = slices.Insert(l.waiters, index, w)
	l.grantNext()
}

// cancelWaiter removes w from the queue. If the slot was granted to w at the same moment, it releases the slot.
func (l *unverifiedQueue) cancelWaiter(w *waiter) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if index := slices.Index(l.waiters, w); index >= 0 {
		l.waiters = slices.Delete(l.waiters, index, index+1)
		return
	}
	l.slotTaken = false
	l.grantNext()
}

// releaseSlot frees the slot and grants it to the next request.
func (l *unverifiedQueue) releaseSlot() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.slotTaken = false
	l.grantNext()
}

// addCooldown keeps the slot free for a time proportional to the cost of a refusal. Cooldowns add up.
func (l *unverifiedQueue) addCooldown(cost time.Duration) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	now := l.now()
	if l.cooldownUntil.Before(now) {
		l.cooldownUntil = now
	}
	l.cooldownUntil = l.cooldownUntil.Add(penaltyFactor * cost)
	if latest := now.Add(maxCooldown); l.cooldownUntil.After(latest) {
		l.cooldownUntil = latest
	}
}

// grantNext grants the slot to the first waiting request, now or after the cooldown. The caller holds the mutex.
func (l *unverifiedQueue) grantNext() {
	if l.slotTaken || len(l.waiters) == 0 {
		return
	}
	l.slotTaken = true
	if pause := l.cooldownUntil.Sub(l.now()); pause > 0 {
		time.AfterFunc(min(pause, maxCooldown), l.releaseSlot)
		return
	}
	close(l.waiters[0].granted)
	l.waiters = slices.Delete(l.waiters, 0, 1)
}
