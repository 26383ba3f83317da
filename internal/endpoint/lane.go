package endpoint

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
	longestWait = 10 * time.Second
	// delayPerByte is the queueing delay added per byte of a message. An ordinary message overtakes the large ones that
	// arrived in the seconds before it, and no message that arrives much later overtakes a large one.
	perOctet = time.Microsecond
	// penaltyFactor is the length of the cooldown after a refusal, as a multiple of the time that the refusal took.
	// Unverified connections that send only refused messages therefore use at most a fifth of one CPU and of the commit
	// capacity of the store, whatever they send and however many they are.
	restRatio = 4
	// maxCooldown bounds the cooldown. No refusal should take a fifth of a second, so it matters only when something
	// else went wrong.
	longestRest = time.Second
)

// unverifiedQueue grants a single slot to the waiting requests of unverified connections, one after another. It needs
// only a clock; otherwise the zero value is ready to use.
type lane struct {
	now func() time.Time

	mutex   sync.Mutex
	taken   bool      // by a request, or by a cooldown
	rested  time.Time // end of the cooldown
	waiting []*waiter // in order of due time
}

type waiter struct {
	due    time.Time
	called chan struct{}
}

// acquireSlot blocks until a request of size bytes holds the single slot; the caller must release it. It fails with
// OVERLOADED when ctx ends or after maxAdmissionWait.
func (l *lane) enter(ctx context.Context, size int) error {
	w := &waiter{due: l.now().Add(time.Duration(size) * perOctet), called: make(chan struct{})}
	l.queue(w)
	ctx, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	select {
	case <-w.called:
		return nil
	case <-ctx.Done():
		l.giveUp(w)
		return problem.Wrap(problem.Overloaded, ctx.Err())
	}
}

func (l *lane) queue(w *waiter) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	index, _ := slices.BinarySearchFunc(l.waiting, w.due, func(other *waiter, due time.Time) int {
		if other.due.After(due) {
			return 1
		}
		return -1 // first in, first out
	})
	l.waiting = slices.Insert(l.waiting, index, w)
	l.next()
}

// cancelWaiter removes w from the queue. If the slot was granted to w at the same moment, it releases the slot.
func (l *lane) giveUp(w *waiter) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if index := slices.Index(l.waiting, w); index >= 0 {
		l.waiting = slices.Delete(l.waiting, index, index+1)
		return
	}
	l.taken = false
	l.next()
}

// releaseSlot frees the slot and grants it to the next request.
func (l *lane) leave() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.taken = false
	l.next()
}

// addCooldown keeps the slot free for a time proportional to the cost of a refusal. Cooldowns add up.
func (l *lane) rest(cost time.Duration) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	now := l.now()
	if l.rested.Before(now) {
		l.rested = now
	}
	l.rested = l.rested.Add(restRatio * cost)
	if latest := now.Add(longestRest); l.rested.After(latest) {
		l.rested = latest
	}
}

// grantNext grants the slot to the first waiting request, now or after the cooldown. The caller holds the mutex.
func (l *lane) next() {
	if l.taken || len(l.waiting) == 0 {
		return
	}
	l.taken = true
	if pause := l.rested.Sub(l.now()); pause > 0 {
		time.AfterFunc(min(pause, longestRest), l.leave)
		return
	}
	close(l.waiting[0].called)
	l.waiting = slices.Delete(l.waiting, 0, 1)
}
