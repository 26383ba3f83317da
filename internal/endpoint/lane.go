package endpoint

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

const (
	// longestWait bounds how long a request waits for its turn, or for a place to be read into; then it is asked to come
	// back. It is well within the time that toolkits wait for an answer.
	longestWait = 10 * time.Second
	// perOctet is how much later a message is due for each octet of it: an ordinary one passes all the large ones that came
	// in the seconds before it, and a large one is passed by nothing that comes much later.
	perOctet = time.Microsecond
	// restRatio is how many times longer than a refusal took the lane rests after it. So strangers who send what is refused
	// take a fifth of one processor and of the store's commits, however many they are and whatever they send.
	restRatio = 4
	// longestRest bounds the rest. No refusal may take a fifth of a second, so it bounds only what went wrong otherwise.
	longestRest = time.Second
)

// lane lets strangers pass one after another. The zero lane with a clock is free.
type lane struct {
	now func() time.Time

	mutex   sync.Mutex
	taken   bool      // by a stranger, or by a rest
	rested  time.Time // when the lane will have rested enough
	waiting []*waiter // the first is called next
}

type waiter struct {
	due    time.Time
	called chan struct{}
}

// enter waits until the caller of a message of that size has the lane for himself, which he must leave.
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
	at, _ := slices.BinarySearchFunc(l.waiting, w.due, func(other *waiter, due time.Time) int {
		if other.due.After(due) {
			return 1
		}
		return -1 // who came first goes first
	})
	l.waiting = slices.Insert(l.waiting, at, w)
	l.next()
}

// giveUp takes w out of the queue, or out of the lane when it was called at the same moment.
func (l *lane) giveUp(w *waiter) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if at := slices.Index(l.waiting, w); at >= 0 {
		l.waiting = slices.Delete(l.waiting, at, at+1)
		return
	}
	l.taken = false
	l.next()
}

// leave lets the next one in.
func (l *lane) leave() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.taken = false
	l.next()
}

// rest keeps the lane free for a time in proportion to what a refusal took. Rests add up.
func (l *lane) rest(took time.Duration) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	now := l.now()
	if l.rested.Before(now) {
		l.rested = now
	}
	l.rested = l.rested.Add(restRatio * took)
	if latest := now.Add(longestRest); l.rested.After(latest) {
		l.rested = latest
	}
}

// next calls the first who waits, now or when the lane has rested. The mutex is held.
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
