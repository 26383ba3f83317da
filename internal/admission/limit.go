package admission

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

const (
	// maxInFlight bounds the concurrent requests of unverified connections, and separately those of verified ones.
	// Further requests are refused as OVERLOADED.
	maxInFlight = 512
	// largeMessageSize is the size in bytes from which a message counts as large, ten times an ordinary message.
	largeMessageSize = 64 << 10
	// maxLargeUnverified and maxLargeVerified bound the large messages held in memory at once.
	maxLargeUnverified = 8
	maxLargeVerified   = 32
	// unverifiedByteInterval is the minimum time per byte for reading large messages of unverified connections, all of
	// them together. Without this throttle TLS decryption alone keeps a CPU busy, however little of the data is parsed.
	unverifiedByteInterval = 10 * time.Nanosecond
)

// concurrencyLimit bounds the concurrent requests and the large messages of one class of connections, verified or
// unverified. Each class has its own limit, so that unverified connections can exhaust only theirs.
type concurrencyLimit struct {
	requestSlots chan struct{}
	largeSlots   chan struct{}
	byteInterval time.Duration // minimum time per byte of a large message
	throttle     chan struct{} // held by the reader that pauses, so that all readers together keep the rate
}

func newConcurrencyLimit(maxLarge int, byteInterval time.Duration) *concurrencyLimit {
	return &concurrencyLimit{
		requestSlots: make(chan struct{}, maxInFlight), largeSlots: make(chan struct{}, maxLarge),
		byteInterval: byteInterval, throttle: make(chan struct{}, 1),
	}
}

// readBody reads at most maxBytes of the body; declared is the Content-Length, or -1. Beyond largeMessageSize it first
// acquires a permit for a large message, and reads at the throttled rate.
func (l *concurrencyLimit) readBody(
	ctx context.Context, held *permits, body io.Reader, declared int64, maxBytes int,
) ([]byte, error) {
	buffer := &bytes.Buffer{}
	err := readUpTo(largeMessageSize, buffer, body, declared)
	if err != nil || buffer.Len() < largeMessageSize {
		return buffer.Bytes(), err
	}
	if err = held.acquirePermit(ctx, l.largeSlots); err == nil {
		err = readUpTo(maxBytes, buffer, &throttledReader{Reader: body, ctx: ctx, limit: l}, declared)
	}
	return buffer.Bytes(), err
}

func readUpTo(maxBytes int, buffer *bytes.Buffer, body io.Reader, declared int64) error {
	if missing := int(min(declared, int64(maxBytes))) - buffer.Len(); missing > 0 {
		buffer.Grow(missing + bytes.MinRead)
	}
	_, err := buffer.ReadFrom(io.LimitReader(body, int64(maxBytes-buffer.Len())))
	if err != nil {
		return problem.Wrap(problem.MessageIncomplete, err)
	}
	return nil
}

// throttledReader reads at the byte rate of its limit, which all its readers share, until ctx ends.
type throttledReader struct {
	io.Reader
	ctx   context.Context //nolint:containedctx // the reader lives as long as one call of readBody
	limit *concurrencyLimit
	debt  time.Duration
}

func (r *throttledReader) Read(buffer []byte) (int, error) {
	const worthAPause = time.Millisecond
	if r.debt >= worthAPause {
		if err := r.payDebt(); err != nil {
			return 0, err
		}
	}
	n, err := r.Reader.Read(buffer)
	r.debt += time.Duration(n) * r.limit.byteInterval
	return n, err
}

// payDebt pauses for the time that the bytes read so far should have taken, after the pauses of all other readers.
func (r *throttledReader) payDebt() error {
	select {
	case r.limit.throttle <- struct{}{}:
		defer func() { <-r.limit.throttle }()
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
	pause := time.NewTimer(r.debt)
	defer pause.Stop()
	select {
	case <-pause.C:
		r.debt = 0
		return nil
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
}

// permits are the semaphore slots that a request holds.
type permits []chan struct{}

// tryAcquirePermit acquires a slot of the semaphore, or fails at once with OVERLOADED.
func (p *permits) tryAcquirePermit(slots chan struct{}) error {
	select {
	case slots <- struct{}{}:
		*p = append(*p, slots)
		return nil
	default:
		return problem.New(problem.Overloaded)
	}
}

// acquirePermit waits for a slot of the semaphore, at most maxAdmissionWait.
func (p *permits) acquirePermit(ctx context.Context, slots chan struct{}) error {
	select {
	case slots <- struct{}{}: // the usual case, without a timer
	default:
		waitCtx, cancel := context.WithTimeout(ctx, maxAdmissionWait)
		defer cancel()
		select {
		case slots <- struct{}{}:
		case <-waitCtx.Done():
			return problem.Wrap(problem.Overloaded, waitCtx.Err())
		}
	}
	*p = append(*p, slots)
	return nil
}

func (p *permits) releaseAll() {
	for _, slots := range *p {
		<-slots
	}
	*p = nil
}
