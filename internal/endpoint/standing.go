package endpoint

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
type standing struct {
	proven atomic.Bool
	// verificationSlots bounds the messages read and verified at once: an HTTP/2 connection carries hundreds of
	// requests, and the first one verifies it for all of them.
	examined chan struct{}
}

type standingKey struct{}

// ConnContext attaches a connectionTrust to each connection; set it as http.Server.ConnContext. Without it every
// request counts as unverified.
func ConnContext(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, standingKey{}, newStanding())
}

func newStanding() *standing { return &standing{examined: make(chan struct{}, half())} }

func standingOf(ctx context.Context) *standing {
	if s, ok := ctx.Value(standingKey{}).(*standing); ok {
		return s
	}
	return newStanding()
}

// maxParallelVerifications is half of the CPUs, at least one.
func half() int { return max(1, runtime.GOMAXPROCS(0)/2) }

func (s *Service) roomOf(trust *standing) *room {
	if trust.proven.Load() {
		return s.others
	}
	return s.strangers
}

// verificationSlot is the right to read and verify one message. It is released when the message verifies, or else once
// the refusal is recorded and ready to be sent.
type turn struct {
	service  *Service
	standing *standing
	began    time.Time
	inLane   bool
	held     places
	verified bool
}

// acquireVerificationSlot waits for a slot: among the messages of a verified connection, or in the queue of unverified
// ones.
func (s *Service) takeTurn(ctx context.Context, trust *standing, size int) (*turn, error) {
	slot := &turn{service: s, standing: trust}
	if trust.proven.Load() {
		err := slot.held.take(ctx, trust.examined)
		if err == nil && size >= largeMessage {
			err = slot.held.take(ctx, s.large)
		}
		if err != nil {
			slot.held.giveBack()
			return nil, err
		}
		if slot.began = s.now(); trust.proven.Load() { // it may have changed during the wait
			return slot, nil
		}
		slot.held.giveBack()
	}
	if err := s.lane.enter(ctx, size); err != nil {
		return nil, err
	}
	slot.began, slot.inLane = s.now(), true
	return slot, nil
}

// markVerified marks the connection as verified and releases the slot.
func (t *turn) prove() {
	t.verified = true
	t.standing.proven.Store(true)
	t.leave()
}

// releaseWithOutcome releases the slot if it is still held. It penalises a message that failed before verification, and
// a replay, which verifies only because it is a copy: anyone who obtains a caller's message could send it all day. The
// penalty is a cooldown, and the connection becomes unverified.
func (t *turn) end(outcome error) {
	if t == nil {
		return // never acquired
	}
	if !t.verified || outcome != nil && problem.From(outcome).Code == problem.MessageReplayed {
		t.standing.proven.Store(false)
		t.service.lane.rest(t.service.now().Sub(t.began))
	}
	t.leave()
}

func (t *turn) leave() {
	t.held.giveBack()
	if t.inLane {
		t.inLane = false
		t.service.lane.leave()
	}
}
