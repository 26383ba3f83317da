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
	// inFlight bounds the requests of strangers, and those of others, that are worked on at once; more are asked to come back.
	inFlight = 512
	// largeMessage is the size from which a message is large. An ordinary one has a tenth of it.
	largeMessage = 64 << 10
	// largeOfStrangers and largeOfOthers bound the large messages that are held at once.
	largeOfStrangers = 8
	largeOfOthers    = 32
	// paceOfOctets is the least time that an octet of strangers' large messages takes, of all of them together. Without it
	// what they send keeps a processor busy with decryption, however little of it is looked at.
	paceOfOctets = 10 * time.Nanosecond
)

// room bounds what the requests of strangers, or those of others, hold at once. Each have their own, so that strangers can
// fill only theirs.
type room struct {
	requests chan struct{}
	large    chan struct{}
	pace     time.Duration // of an octet of a large message
	pacing   sync.Mutex
}

func newRoom(large int, pace time.Duration) *room {
	return &room{requests: make(chan struct{}, inFlight), large: make(chan struct{}, large), pace: pace}
}

// visit is a request in a room.
type visit struct {
	room *room
	held places
}

// enter lets a request in. There is no waiting outside.
func (r *room) enter() (*visit, error) {
	select {
	case r.requests <- struct{}{}:
		return &visit{r, places{r.requests}}, nil
	default:
		return nil, problem.New(problem.Overloaded)
	}
}

func (v *visit) leave() { v.held.giveBack() }

// read reads a body of which that much is declared, or -1, at most so many octets. The part that makes it large is read
// only when there is room for a large one, and at the pace of the room.
func (v *visit) read(ctx context.Context, body io.Reader, declared int64, most int) ([]byte, error) {
	octets := &bytes.Buffer{}
	err := readUpTo(largeMessage, octets, body, declared)
	if err != nil || octets.Len() < largeMessage {
		return octets.Bytes(), err
	}
	if err = v.held.take(ctx, v.room.large); err == nil {
		err = readUpTo(most, octets, &paced{Reader: body, room: v.room}, declared)
	}
	return octets.Bytes(), err
}

func readUpTo(most int, octets *bytes.Buffer, body io.Reader, declared int64) error {
	if more := int(min(declared, int64(most))) - octets.Len(); more > 0 {
		octets.Grow(more + bytes.MinRead)
	}
	_, err := octets.ReadFrom(io.LimitReader(body, int64(most-octets.Len())))
	if err != nil {
		return problem.Wrap(problem.MessageIncomplete, err)
	}
	return nil
}

// paced reads at the pace of a room: all its readers together are as fast as one alone.
type paced struct {
	io.Reader
	room *room
	owed time.Duration
}

func (p *paced) Read(octets []byte) (int, error) {
	const worthAPause = time.Millisecond
	if p.owed >= worthAPause {
		p.room.pacing.Lock()
		time.Sleep(p.owed)
		p.room.pacing.Unlock()
		p.owed = 0
	}
	n, err := p.Reader.Read(octets)
	p.owed += time.Duration(n) * p.room.pace
	return n, err
}

// places are those that somebody holds, to be given back.
type places []chan struct{}

// take waits for one of the places that c stands for.
func (p *places) take(ctx context.Context, c chan struct{}) error {
	select {
	case c <- struct{}{}: // as nearly always, without a timer
	default:
		waiting, cancel := context.WithTimeout(ctx, longestWait)
		defer cancel()
		select {
		case c <- struct{}{}:
		case <-waiting.Done():
			return problem.Wrap(problem.Overloaded, waiting.Err())
		}
	}
	*p = append(*p, c)
	return nil
}

func (p *places) giveBack() {
	for _, c := range *p {
		<-c
	}
	*p = nil
}
