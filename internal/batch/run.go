package batch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/wire"
)

// Verdict is what an answer means for the one who sends.
type Verdict uint8

// The verdicts.
const (
	Yes   Verdict = iota + 1 // accepted
	No                       // refused, and so it would be again
	Later                    // no answer, or one that asks to try later: what was sent may be kept already
	Stop                     // whatever else is sent would fare alike
)

// Answer is what became of one request.
type Answer struct {
	Verdict   Verdict
	Number    string
	Reference string
	Implants  []string  // see Line
	Findings  []Finding // of a refusal, or warnings
	Err       error     // of Later and Stop: with what a run ends that goes no further
}

// ErrNoAnswer is wrapped by the end of a run that had no answer for longer than its patience.
var ErrNoAnswer = errors.New("no answer for as long as the patience lasts")

// The pauses between two attempts: doubled from the first to the longest.
const (
	firstPause   = 500 * time.Millisecond
	longestPause = 15 * time.Second
)

// Sender sends notifications, several at a time.
type Sender struct {
	// Send signs and sends one request, and is called from several goroutines. The request is its own, to stamp. Its
	// context does not end with that of the run: what is on its way is waited for.
	Send     func(context.Context, *wire.NotifyImplantRequest) Answer
	Journal  *Journal
	Parallel int
	Patience time.Duration // how long the pauses of one notification may last together
	Pause    func(context.Context, time.Duration)
	Progress func(Progress)
	// Delayed is told why an attempt got no answer that counts, from several goroutines, before the next one.
	Delayed func(error)
}

// Progress counts what this run has in its journal.
type Progress struct {
	Total    int
	Accepted int
	Refused  int
}

// Pause waits, and no longer than the context lives.
func Pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// Run sends notifications and writes each answer into the journal. It ends early, with the reason, when the context does
// (and what is on its way has its answer), when nobody answers for longer than its patience, and when the caller himself is refused: what has no line then is for
// another run.
func (s *Sender) Run(ctx context.Context, notifications []*Notification) (Progress, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	queue := make(chan *Notification)
	answers := make(chan Line, groupSize)
	go func() {
		defer close(queue)
		for _, n := range notifications {
			select {
			case queue <- n:
			case <-ctx.Done():
				return
			}
		}
	}()
	var workers sync.WaitGroup
	for range max(s.Parallel, 1) {
		workers.Go(func() {
			for n := range queue {
				line, err := s.deliver(ctx, n)
				if err != nil {
					stop(err)
					return
				}
				answers <- line
			}
		})
	}
	go func() {
		workers.Wait()
		close(answers)
	}()
	progress := Progress{Total: len(notifications)}
	if err := s.record(answers, &progress, stop); err != nil {
		return progress, err
	}
	return progress, context.Cause(ctx)
}

// A group of answers is written together, and the disk waited for once: what is in no group yet when the machine stops
// is asked again, which costs less than a disk that the register beside us waits for too.
const (
	groupTime = 50 * time.Millisecond
	groupSize = 256
)

// gather takes the answers that come soon after the first.
func gather(first Line, answers <-chan Line) []Line {
	lines := []Line{first}
	timer := time.NewTimer(groupTime)
	defer timer.Stop()
	for len(lines) < groupSize {
		select {
		case line, more := <-answers:
			if !more {
				return lines
			}
			lines = append(lines, line)
		case <-timer.C:
			return lines
		}
	}
	return lines
}

// record writes answers into the journal.
func (s *Sender) record(answers <-chan Line, progress *Progress, stop context.CancelCauseFunc) error {
	var failed error
	for first := range answers {
		lines := gather(first, answers)
		if failed != nil {
			continue // drained, so that the workers end
		}
		if failed = s.Journal.Add(lines); failed != nil {
			stop(failed)
			continue
		}
		for _, line := range lines {
			if line.Outcome == Accepted {
				progress.Accepted++
			} else {
				progress.Refused++
			}
		}
		s.Progress(*progress)
	}
	return failed
}

// deliver sends until there is an answer. The error is for the whole run.
func (s *Sender) deliver(ctx context.Context, n *Notification) (Line, error) {
	var waited time.Duration
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		if ctx.Err() != nil {
			return Line{}, context.Cause(ctx)
		}
		a := s.Send(context.WithoutCancel(ctx), n.Request())
		line := Line{InputReference: n.Reference, Content: n.Content(), Number: a.Number, Reference: a.Reference, Implants: a.Implants, Findings: a.Findings}
		switch {
		case a.Verdict == Yes:
			line.Outcome = Accepted
			return line, nil
		case a.Verdict == No:
			line.Outcome = Refused
			return line, nil
		case ctx.Err() != nil:
			return Line{}, context.Cause(ctx)
		case a.Verdict == Stop:
			return Line{}, a.Err
		case waited >= s.Patience:
			return Line{}, fmt.Errorf("%w: %w", ErrNoAnswer, a.Err)
		}
		s.Delayed(a.Err)
		s.Pause(ctx, pause)
		waited += pause
	}
}
