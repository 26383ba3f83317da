package endpoint

import (
	"context"
	"net"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

// standing is what a connection has shown. One on which a message was verified is proven, until one is refused before that.
// Its messages do not wait for those of strangers, among whom nobody can tell an attacker from a new caller.
type standing struct {
	proven atomic.Bool
	// examined bounds the messages that are read and verified at once: in HTTP/2 one connection carries hundreds, all
	// proven by one.
	examined chan struct{}
}

type standingKey struct{}

// ConnContext gives each connection its standing; it is for http.Server.ConnContext. Without it everybody is a stranger.
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

// half of the processors, or the only one.
func half() int { return max(1, runtime.GOMAXPROCS(0)/2) }

func (s *Service) roomOf(of *standing) *room {
	if of.proven.Load() {
		return s.others
	}
	return s.strangers
}

// turn is a request's right to have its message read and verified. It ends when the message is verified, or else when its
// refusal is recorded and ready to be sent.
type turn struct {
	service  *Service
	standing *standing
	began    time.Time
	inLane   bool
	held     places
	verified bool
}

// takeTurn waits for a turn: behind the other messages of a proven connection, or in the lane of strangers.
func (s *Service) takeTurn(ctx context.Context, of *standing, size int) (*turn, error) {
	t := &turn{service: s, standing: of}
	if of.proven.Load() {
		err := t.held.take(ctx, of.examined)
		if err == nil && size >= largeMessage {
			err = t.held.take(ctx, s.large)
		}
		if err != nil {
			t.held.giveBack()
			return nil, err
		}
		if t.began = s.now(); of.proven.Load() { // also after the wait
			return t, nil
		}
		t.held.giveBack()
	}
	if err := s.lane.enter(ctx, size); err != nil {
		return nil, err
	}
	t.began, t.inLane = s.now(), true
	return t, nil
}

// prove ends the turn with a verified message.
func (t *turn) prove() {
	t.verified = true
	t.standing.proven.Store(true)
	t.leave()
}

// end ends the turn, if it has not ended, and makes the sender pay for what was refused before it was verified, or was
// verified only because it is a copy: whoever got hold of somebody's message can send it all day.
func (t *turn) end(outcome error) {
	if t == nil {
		return // it never came
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
