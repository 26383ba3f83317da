package endpoint

import (
	"bytes"
	"context"
	"io"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

const (
	// maxInFlight bounds the concurrent requests of unverified connections, and separately those of verified ones.
	// Further requests are refused as OVERLOADED.
	inFlight = 512
	// largeMessageSize is the size in bytes from which a message counts as large, ten times an ordinary message.
	largeMessage = 64 << 10
	// maxLargeUnverified and maxLargeVerified bound the large messages held in memory at once.
	largeOfStrangers = 8
	largeOfOthers    = 32
	// unverifiedByteInterval is the minimum time per byte for reading large messages of unverified connections, all of
	// them together. Without this throttle TLS decryption alone keeps a CPU busy, however little of the data is parsed.
	paceOfOctets = 10 * time.Nanosecond
)

// concurrencyLimit bounds the concurrent requests and the large messages of one class of connections, verified or
// unverified. Each class has its own limit, so that unverified connections can exhaust only theirs.
type room struct {
	requests chan struct{}
	large    chan struct{}
	pace     time.Duration // minimum time per byte of a large message
	pacing   sync.Mutex
}

func newRoom(large int, pace time.Duration) *room {
	return &room{requests: make(chan struct{}, inFlight), large: make(chan struct{}, large), pace: pace}
}

// admission is an admitted request with the permits that it holds.
type visit struct {
	room *room
	held places
}

// tryAcquire admits a request, or fails at once with OVERLOADED.
func (r *room) enter() (*visit, error) {
	select {
	case r.requests <- struct{}{}:
		return &visit{r, places{r.requests}}, nil
	default:
		return nil, problem.New(problem.Overloaded)
	}
}

func (v *visit) leave() { v.held.giveBack() }

// readBody reads at most maxBytes of the body; declared is the Content-Length, or -1. Beyond largeMessageSize it first
// acquires a permit for a large message, and reads at the throttled rate.
func (v *visit) read(ctx context.Context, body io.Reader, declared int64, maxBytes int) ([]byte, error) {
	buffer := &bytes.Buffer{}
	err := readUpTo(largeMessage, buffer, body, declared)
	if err != nil || buffer.Len() < largeMessage {
		return buffer.Bytes(), err
	}
	if err = v.held.take(ctx, v.room.large); err == nil {
		err = readUpTo(maxBytes, buffer, &paced{Reader: body, room: v.room}, declared)
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

// throttledReader reads at the byte rate of its limit, which all its readers share.
type paced struct {
	io.Reader
	room *room
	owed time.Duration
}

func (p *paced) Read(buffer []byte) (int, error) {
	const worthAPause = time.Millisecond
	if p.owed >= worthAPause {
		p.room.pacing.Lock()
		time.Sleep(p.owed)
		p.room.pacing.Unlock()
		p.owed = 0
	}
	n, err := p.Reader.Read(buffer)
	p.owed += time.Duration(n) * p.room.pace
	return n, err
}

// permits are the semaphore slots that a request holds.
type places []chan struct{}

// acquirePermit waits for a slot of the semaphore c, at most maxAdmissionWait.
func (p *places) take(ctx context.Context, slots chan struct{}) error {
	select {
	case slots <- struct{}{}: // the usual case, without a timer
	default:
		waitCtx, cancel := context.WithTimeout(ctx, longestWait)
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

func (p *places) giveBack() {
	for _, slots := range *p {
		<-slots
	}
	*p = nil
}
