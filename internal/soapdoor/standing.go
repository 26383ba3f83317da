package soapdoor

import (
	"context"
	"net"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

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

// maxParallelVerifications is half of the CPUs, at least one.
func maxParallelVerifications() int { return max(1, runtime.GOMAXPROCS(0)/2) }

func (s *Service) concurrencyLimitFor(trust *connectionTrust) *concurrencyLimit {
	if trust.verified.Load() {
		return s.verifiedLimit
	}
	return s.unverifiedLimit
}

// verificationSlot is the right to read and verify one message. It is released when the message verifies, or else once
// the refusal is recorded and ready to be sent.
type verificationSlot struct {
	service    *Service
	trust      *connectionTrust
	acquiredAt time.Time
	fromQueue  bool
	permits    permits
	verified   bool
}

// acquireVerificationSlot waits for a slot: among the messages of a verified connection, or in the queue of unverified
// ones.
func (s *Service) acquireVerificationSlot(ctx context.Context, trust *connectionTrust, size int) (*verificationSlot, error) {
	slot := &verificationSlot{service: s, trust: trust}
	if trust.verified.Load() {
		err := slot.permits.acquirePermit(ctx, trust.verificationSlots)
		if err == nil && size >= largeMessageSize {
			err = slot.permits.acquirePermit(ctx, s.largeVerifiedSlots)
		}
		if err != nil {
			slot.permits.releaseAll()
			return nil, err
		}
		if slot.acquiredAt = s.now(); trust.verified.Load() { // it may have changed during the wait
			return slot, nil
		}
		slot.permits.releaseAll()
	}
	if err := s.unverifiedQueue.acquireSlot(ctx, size); err != nil {
		return nil, err
	}
	slot.acquiredAt, slot.fromQueue = s.now(), true
	return slot, nil
}

// markVerified marks the connection as verified and releases the slot.
func (t *verificationSlot) markVerified() {
	t.verified = true
	t.trust.verified.Store(true)
	t.releasePermits()
}

// releaseWithOutcome releases the slot if it is still held. It penalises a message that failed before verification, and
// a replay, which verifies only because it is a copy: anyone who obtains a caller's message could send it all day. The
// penalty is a cooldown, and the connection becomes unverified.
func (t *verificationSlot) releaseWithOutcome(outcome error) {
	if t == nil {
		return // never acquired
	}
	if !t.verified || outcome != nil && problem.From(outcome).Code == problem.MessageReplayed {
		t.trust.verified.Store(false)
		t.service.unverifiedQueue.addCooldown(t.service.now().Sub(t.acquiredAt))
	}
	t.releasePermits()
}

func (t *verificationSlot) releasePermits() {
	t.permits.releaseAll()
	if t.fromQueue {
		t.fromQueue = false
		t.service.unverifiedQueue.releaseSlot()
	}
}
