// Package admission bounds how much of its work a door does at once, and for whom: concurrent requests, large messages
// in memory, and messages being verified. A door calls Controller.Admit for each request and sets ConnContext on its
// http.Server.
//
// It is a package of its own so that every door has the same limits, and so that the pipeline of a door can be read
// without them. It knows neither the format of messages nor who sends them; the door tells it which messages verified.
package admission

import (
	"context"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"time"
)

// Controller admits the requests of one door. Requests of verified connections never wait behind those of unverified
// ones, and each class can exhaust only its own permits.
type Controller struct {
	now                func() time.Time
	unverifiedLimit    *concurrencyLimit
	verifiedLimit      *concurrencyLimit
	largeVerifiedSlots chan struct{} // slots to verify large messages of verified connections
	unverifiedQueue    *unverifiedQueue
}

// NewController returns a Controller with all permits free.
func NewController(now func() time.Time) *Controller {
	return &Controller{
		now:                now,
		unverifiedLimit:    newConcurrencyLimit(maxLargeUnverified, unverifiedByteInterval),
		verifiedLimit:      newConcurrencyLimit(maxLargeVerified, 0),
		largeVerifiedSlots: make(chan struct{}, maxParallelVerifications()),
		unverifiedQueue:    &unverifiedQueue{now: now},
	}
}

// maxParallelVerifications is half of the CPUs, at least one.
func maxParallelVerifications() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// connectionTrust records whether a connection is verified. It is once a message on it verifies, until a later one
// fails before verification. Messages of verified connections do not wait behind those of unverified ones, among which
// an attacker cannot be told from a new caller.
type connectionTrust struct {
	verified atomic.Bool
	// verificationSlots bounds the messages read and verified at once: an HTTP/2 connection carries hundreds of
	// requests, and the first one verifies it for all of them.
	verificationSlots chan struct{}
}

type connectionTrustKey struct{}

// ConnContext attaches a connectionTrust to each connection; set it as http.Server.ConnContext. Without it every
// request counts as unverified.
func ConnContext(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, connectionTrustKey{}, newConnectionTrust())
}

func newConnectionTrust() *connectionTrust {
	return &connectionTrust{verificationSlots: make(chan struct{}, maxParallelVerifications())}
}

func connectionTrustFromContext(ctx context.Context) *connectionTrust {
	if s, ok := ctx.Value(connectionTrustKey{}).(*connectionTrust); ok {
		return s
	}
	return newConnectionTrust()
}

// Admission is an admitted request with the permits that it holds. It belongs to one goroutine.
type Admission struct {
	controller *Controller
	limit      *concurrencyLimit
	trust      *connectionTrust
	permits    permits // held until Finish
	slot       verificationSlot
}

// verificationSlot is the right to verify one message.
type verificationSlot struct {
	acquiredAt time.Time // zero until acquired
	fromQueue  bool
	permits    permits
	verified   bool
}

// Admit admits a request of the connection in ctx, or fails at once with OVERLOADED. The caller must call Finish.
func (c *Controller) Admit(ctx context.Context) (*Admission, error) {
	return c.admitConnection(connectionTrustFromContext(ctx))
}

func (c *Controller) admitConnection(trust *connectionTrust) (*Admission, error) {
	a := &Admission{controller: c, limit: c.unverifiedLimit, trust: trust}
	if trust.verified.Load() {
		a.limit = c.verifiedLimit
	}
	if err := a.permits.tryAcquirePermit(a.limit.requestSlots); err != nil {
		return nil, err
	}
	return a, nil
}

// ReadBody reads at most maxBytes of the body; declared is the Content-Length, or -1. A large message waits for a
// permit, and is read at the throttled rate.
func (a *Admission) ReadBody(ctx context.Context, body io.Reader, declared int64, maxBytes int) ([]byte, error) {
	return a.limit.readBody(ctx, &a.permits, body, declared, maxBytes)
}

// AcquireSlot waits for the right to verify a message of size bytes: among the messages of a verified connection, or in
// the queue of unverified ones.
func (a *Admission) AcquireSlot(ctx context.Context, size int) error {
	if a.trust.verified.Load() {
		err := a.slot.permits.acquirePermit(ctx, a.trust.verificationSlots)
		if err == nil && size >= largeMessageSize {
			err = a.slot.permits.acquirePermit(ctx, a.controller.largeVerifiedSlots)
		}
		if err != nil {
			a.slot.permits.releaseAll()
			return err
		}
		if a.trust.verified.Load() { // it may have changed during the wait
			a.slot.acquiredAt = a.controller.now()
			return nil
		}
		a.slot.permits.releaseAll()
	}
	if err := a.controller.unverifiedQueue.acquireSlot(ctx, size); err != nil {
		return err
	}
	a.slot.acquiredAt, a.slot.fromQueue = a.controller.now(), true
	return nil
}

// MarkVerified marks the connection as verified and releases the slot: what follows costs a known caller's own work.
func (a *Admission) MarkVerified() {
	a.slot.verified = true
	a.trust.verified.Store(true)
	a.releaseSlot()
}

// Finish releases everything that the request holds. Call it once the response is ready, before anything is sent: a
// client that reads its response slowly must not delay other requests. It penalises a message that failed before
// verification, and a replay, which verifies only because it is a copy: anyone who obtains a caller's message could
// send it all day. The penalty is a cooldown, and the connection becomes unverified.
func (a *Admission) Finish(isReplay bool) {
	if a == nil {
		return // never admitted
	}
	if !a.slot.acquiredAt.IsZero() {
		if !a.slot.verified || isReplay {
			a.trust.verified.Store(false)
			a.controller.unverifiedQueue.addCooldown(a.controller.now().Sub(a.slot.acquiredAt))
		}
		a.releaseSlot()
	}
	a.permits.releaseAll()
}

func (a *Admission) releaseSlot() {
	a.slot.permits.releaseAll()
	if a.slot.fromQueue {
		a.slot.fromQueue = false
		a.controller.unverifiedQueue.releaseSlot()
	}
}
