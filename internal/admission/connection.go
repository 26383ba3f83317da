package admission

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

const (
	// MaxStreams is the number of concurrent streams to allow on an HTTP/2 connection.
	MaxStreams = 32
	// maxVerifiedPerConnection and maxUnverifiedPerConnection bound the requests of one connection that are read and
	// answered at once. Others wait, and only for requests of their own connection.
	maxVerifiedPerConnection   = 16
	maxUnverifiedPerConnection = 4
	// restAfterOverload is how long a connection rests after a request that was turned away: a caller who repeats it at
	// once must not use the time that the service lacks. A verified caller's rest is short.
	restAfterOverload         = time.Second
	verifiedRestAfterOverload = 250 * time.Millisecond
)

// connection is the state of a connection. It is verified once a message on it verifies, until a later one fails before
// verification. Messages of verified connections do not wait behind those of unverified ones, among which an attacker
// cannot be told from a new caller.
type connection struct {
	net.Conn
	limit  *connectionLimit // nil outside of a listener
	source owner

	signer     atomic.Pointer[owner] // of the last message that verified; nil on an unverified connection
	restUntil  atomic.Int64          // in nanoseconds since 1970
	inProgress atomic.Int32
	requests   chan struct{} // held by each request
	unverified chan struct{} // held too by each request that began on an unverified connection
	closeOnce  sync.Once
}

func newConnection(source owner) *connection {
	return &connection{
		source:     source,
		requests:   make(chan struct{}, maxVerifiedPerConnection),
		unverified: make(chan struct{}, maxUnverifiedPerConnection),
	}
}

type connectionKey struct{}

// ConnContext attaches the state of a connection; set it as http.Server.ConnContext. Without it every request counts as
// the only one of an unverified connection.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if wrapped, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = wrapped.NetConn() // TLS
	}
	state, ok := c.(*connection)
	if !ok {
		state = newConnection(owner{})
	}
	return context.WithValue(ctx, connectionKey{}, state)
}

func connectionFromContext(ctx context.Context) *connection {
	if c, ok := ctx.Value(connectionKey{}).(*connection); ok {
		return c
	}
	return newConnection(owner{})
}

// begin waits until the connection may have one more request in progress, and until it has rested.
func (c *connection) begin(ctx context.Context, now time.Time) (permits, error) {
	var held permits
	c.inProgress.Add(1)
	err := held.acquire(ctx, c.requests)
	if err == nil && c.signer.Load() == nil {
		err = held.acquire(ctx, c.unverified)
	}
	if err == nil {
		err = c.awaitRest(ctx, now)
	}
	if err != nil {
		c.end(held)
		return nil, err
	}
	return held, nil
}

func (c *connection) end(held permits) {
	held.releaseAll()
	c.inProgress.Add(-1)
}

func (c *connection) awaitRest(ctx context.Context, now time.Time) error {
	left := time.Unix(0, c.restUntil.Load()).Sub(now)
	if left <= 0 {
		return nil
	}
	pause := time.NewTimer(min(left, restAfterOverload))
	defer pause.Stop()
	select {
	case <-pause.C:
		return nil
	case <-ctx.Done():
		return problem.Wrap(problem.Overloaded, ctx.Err())
	}
}

// restFrom makes the next request of the connection wait.
func (c *connection) restFrom(now time.Time) {
	pause := restAfterOverload
	if c.signer.Load() != nil {
		pause = verifiedRestAfterOverload
	}
	c.restUntil.Store(now.Add(pause).UnixNano())
}

// Close closes the connection and gives its place back.
func (c *connection) Close() error {
	if c.limit != nil {
		c.closeOnce.Do(func() { c.limit.remove(c) })
	}
	return c.Conn.Close()
}

// permits are the semaphore slots that a request holds.
type permits []chan struct{}

// acquire waits for a slot of the semaphore, at most maxWait.
func (p *permits) acquire(ctx context.Context, slots chan struct{}) error {
	select {
	case slots <- struct{}{}: // the usual case, without a timer
	default:
		timeout := time.NewTimer(maxWait)
		defer timeout.Stop()
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return problem.Wrap(problem.Overloaded, ctx.Err())
		case <-timeout.C:
			return problem.Wrap(problem.Overloaded, context.DeadlineExceeded)
		}
	}
	*p = append(*p, slots)
	return nil
}

func (p permits) releaseAll() {
	for _, slots := range p {
		<-slots
	}
}
