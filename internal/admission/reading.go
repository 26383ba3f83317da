package admission

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

const (
	// largeMessageSize is the size in bytes from which a message counts as large, ten times an ordinary message.
	largeMessageSize = 64 << 10
	// blockTime is the time for the first largeMessageSize bytes of a body, and for each as many after it: a least rate
	// of 21 KiB a second. A slower sender is cut off.
	blockTime = 3 * time.Second
	// maxUnverifiedReading and maxVerifiedReading bound the bytes of memory for bodies that are being read, and
	// firstChunk is what a body takes at first: an ordinary message.
	maxUnverifiedReading = 80 << 20
	maxVerifiedReading   = 320 << 20
	firstChunk           = 8 << 10
	// unverifiedByteInterval is the minimum time per byte for reading large messages of unverified connections, all of
	// them together. Without this throttle TLS decryption alone keeps a CPU busy, however little of the data is parsed.
	unverifiedByteInterval = 10 * time.Nanosecond
)

// readingBudget bounds the memory for bodies that are being read, in total and, at half of that, for each address. When
// it is spent, the slowest sender of the address that holds most is cut off, and not the newest.
type readingBudget struct {
	now      func() time.Time
	max      int
	throttle *throttle // nil for no maximum rate

	mutex   sync.Mutex
	used    int
	byOwner map[owner]int
	readers map[*bodyReader]struct{}
}

func newReadingBudget(now func() time.Time, limit int, t *throttle) *readingBudget {
	return &readingBudget{
		now: now, max: limit, throttle: t, byOwner: map[owner]int{}, readers: map[*bodyReader]struct{}{},
	}
}

// bodyReader reads one body.
type bodyReader struct {
	budget   *readingBudget
	source   owner
	started  time.Time
	reserved int
	received atomic.Int64
	evicted  atomic.Bool
	cut      func() // makes the read in progress fail; called with the mutex of the budget
	timer    *time.Timer
}

// read reads at most maxBytes of the body; declared is the Content-Length, or -1. cutOff makes the reads of the body
// fail.
func (b *readingBudget) read(
	ctx context.Context, source owner, body io.Reader, declared int64, maxBytes int, cutOff func(),
) ([]byte, error) {
	r := &bodyReader{budget: b, source: source, started: b.now(), cut: cutOff}
	b.mutex.Lock()
	b.readers[r] = struct{}{}
	b.mutex.Unlock()
	r.timer = time.AfterFunc(blockTime, func() { b.cutOff(r) })
	defer b.forget(r)
	limit := maxBytes
	if declared >= 0 && declared < int64(limit) {
		limit = int(declared) + 1 // one more, to meet the end of the body without growing
	}
	var buffer []byte
	for len(buffer) < maxBytes {
		if len(buffer) == cap(buffer) {
			grown, err := r.grow(buffer, min(limit, max(firstChunk, 2*cap(buffer))), maxBytes)
			if err != nil {
				return buffer, err
			}
			buffer = grown
		}
		n, err := body.Read(buffer[len(buffer):min(cap(buffer), maxBytes)])
		buffer = buffer[:len(buffer)+n]
		switch {
		case err == io.EOF: //nolint:errorlint // what io.Reader returns
			return buffer, nil
		case err != nil:
			return buffer, r.refusal(err)
		}
		if err = r.advance(ctx, n); err != nil {
			return buffer, problem.Wrap(problem.MessageIncomplete, err)
		}
	}
	return buffer, nil
}

// grow returns a larger copy of the buffer, within the budget.
func (r *bodyReader) grow(buffer []byte, size, maxBytes int) ([]byte, error) {
	if size <= cap(buffer) { // more than declared
		size = min(2*cap(buffer), maxBytes)
	}
	if !r.budget.reserve(r, size) {
		return nil, r.refusal(nil)
	}
	grown := make([]byte, len(buffer), size)
	copy(grown, buffer)
	return grown, nil
}

// refusal is why a body was not read: what the sender cannot help is worth another try.
func (r *bodyReader) refusal(err error) error {
	if r.evicted.Load() {
		return problem.Wrap(problem.Overloaded, err)
	}
	return problem.Wrap(problem.MessageIncomplete, err)
}

// advance notes n more bytes: each further block has its own time, and a large message a maximum rate.
func (r *bodyReader) advance(ctx context.Context, n int) error {
	received := r.received.Add(int64(n))
	if received/largeMessageSize > (received-int64(n))/largeMessageSize {
		r.timer.Reset(blockTime)
	}
	if received < largeMessageSize || r.budget.throttle == nil {
		return nil
	}
	return r.budget.throttle.pass(ctx, n)
}

// reserve reserves size bytes for r in all, at the expense of others if need be. It returns false if r is the one to
// give way.
func (b *readingBudget) reserve(r *bodyReader, size int) bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if _, reading := b.readers[r]; !reading {
		return false // cut off
	}
	more := size - r.reserved
	for {
		from := r.source
		switch {
		case b.byOwner[r.source]+more > b.max/2:
		case b.used+more > b.max:
			from = b.largestHolder()
		default:
			r.reserved += more
			b.byOwner[r.source] += more
			b.used += more
			return true
		}
		slowest := b.slowestOf(from, r)
		slowest.evicted.Store(true)
		if slowest == r {
			return false
		}
		b.remove(slowest)
		slowest.cut()
	}
}

func (b *readingBudget) largestHolder() (largest owner) {
	for o, held := range b.byOwner {
		if held > b.byOwner[largest] {
			largest = o
		}
	}
	return largest
}

// slowestOf returns the reader of an owner with the lowest rate; without another one it is r. The first moment of a
// reader does not count against it.
func (b *readingBudget) slowestOf(o owner, r *bodyReader) (slowest *bodyReader) {
	const grace = time.Second / 10
	now, lowest := b.now(), 0.0
	slowest = r
	for other := range b.readers {
		if other.source != o || other.reserved == 0 {
			continue
		}
		rate := float64(other.received.Load()+firstChunk) / (now.Sub(other.started) + grace).Seconds()
		if lowest == 0 || rate < lowest {
			slowest, lowest = other, rate
		}
	}
	return slowest
}

// cutOff ends a reader that took too long.
func (b *readingBudget) cutOff(r *bodyReader) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if _, reading := b.readers[r]; reading {
		b.remove(r)
		r.cut()
	}
}

// forget ends a reader that is done. After it, the reader is not cut off any more.
func (b *readingBudget) forget(r *bodyReader) {
	r.timer.Stop()
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if _, reading := b.readers[r]; reading {
		b.remove(r)
	}
}

func (b *readingBudget) remove(r *bodyReader) {
	delete(b.readers, r)
	b.used -= r.reserved
	if b.byOwner[r.source] -= r.reserved; b.byOwner[r.source] == 0 {
		delete(b.byOwner, r.source)
	}
	r.reserved = 0
}

// newCutOff returns a function that makes reads of the body fail from now on.
func newCutOff(w http.ResponseWriter) func() {
	return func() { _ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) } // long ago
}

// throttle bounds the rate at which several readers read, all of them together.
type throttle struct {
	byteInterval time.Duration
	turn         chan struct{} // held by the reader that pauses
	mutex        sync.Mutex
	debt         time.Duration
}

func newThrottle(byteInterval time.Duration) *throttle {
	return &throttle{byteInterval: byteInterval, turn: make(chan struct{}, 1)}
}

// pass notes n bytes, and pauses once the bytes of all readers should have taken some time longer.
func (t *throttle) pass(ctx context.Context, n int) error {
	const worthAPause = time.Millisecond
	t.mutex.Lock()
	t.debt += time.Duration(n) * t.byteInterval
	due := t.debt >= worthAPause
	t.mutex.Unlock()
	if !due {
		return nil
	}
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	t.mutex.Lock()
	debt := t.debt
	t.debt = 0
	t.mutex.Unlock()
	pause := time.NewTimer(debt)
	defer pause.Stop()
	select {
	case <-pause.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
