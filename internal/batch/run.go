package batch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/wire/ctr"
)

// Verdict is the meaning of an answer for the sender.
type Verdict uint8

// The verdicts.
const (
	VerdictAccepted Verdict = iota + 1
	VerdictRejected         // refused, and a retry would be refused too
	VerdictRetry            // no answer, or a request to retry later; the notification may already be stored
	VerdictAbort            // every other notification would fail in the same way
	VerdictFailed           // a fault of the service, which says nothing about the notification; it may be stored
)

// Answer is the result of one request.
type Answer struct {
	Verdict   Verdict
	Number    string
	Reference string
	Implants  []string  // see JournalEntry
	Findings  []Finding // the reasons for a refusal, or warnings
	Err       error     // unless accepted or rejected: the error with which the run ends if it cannot continue
}

// ErrNoAnswer is wrapped when a run ends because it got no answer for longer than Sender.Patience.
var ErrNoAnswer = errors.New("no answer for as long as the patience lasts")

// ErrServiceFails is wrapped when a run ends because the service answers with faults of its own: the notifications that
// it concerns have no answer, and are sent again by the next run.
var ErrServiceFails = errors.New("the service has a fault")

// Bounds on the faults of the service: of one notification, after which the others go on without it, and of all
// notifications without any other answer in between, after which the run ends.
const (
	maxFailures      = 10
	maxFailuresInRow = 20
)

// The backoff between two attempts doubles from the first value to the second.
const (
	initialBackoff = 500 * time.Millisecond
	maxBackoff     = 15 * time.Second
)

// Sender sends notifications concurrently.
type Sender struct {
	// Send signs and sends one request. Several goroutines call it. It may modify the request. Its context does not
	// end with the context of the run, so that requests in flight finish.
	Send       func(context.Context, *ctr.NotifyImplantRequest) Answer
	Journal    *Journal
	Parallel   int
	Patience   time.Duration // limit for the total backoff of one notification
	Sleep      func(context.Context, time.Duration)
	OnProgress func(Progress)
	// OnRetry receives the reason before an attempt is repeated. Several goroutines call it.
	OnRetry func(error)
}

// Progress counts the answers that this run has put into the journal.
type Progress struct {
	Total    int
	Accepted int
	Refused  int
}

// Sleep waits for d or until ctx ends.
func Sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// Run sends notifications and writes each answer to the journal. It returns early, with the cause, when ctx ends (after
// requests in flight finish), when the service is unreachable longer than Patience, when it has faults of its own again
// and again, or when the caller is rejected. Notifications without an entry are left to another run.
func (s *Sender) Run(ctx context.Context, notifications []*Notification) (Progress, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	queue := make(chan *Notification)
	answers := make(chan JournalEntry, maxJournalGroup)
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
	var failures failureCount
	for range max(s.Parallel, 1) {
		workers.Go(func() {
			for n := range queue {
				line, err := s.sendWithRetry(ctx, n, &failures)
				switch {
				case errors.Is(err, errLeftOut):
				case err != nil:
					stop(err)
					return
				default:
					answers <- line
				}
			}
		})
	}
	go func() {
		workers.Wait()
		close(answers)
	}()
	progress := Progress{Total: len(notifications)}
	if err := s.journalAnswers(answers, &progress, stop); err != nil {
		return progress, err
	}
	if err := context.Cause(ctx); err != nil {
		return progress, err
	}
	return progress, failures.err
}

// errLeftOut means that a notification has no answer and is left to another run, while the others go on.
var errLeftOut = errors.New("left to another run")

// failureCount counts the faults of the service in a run.
type failureCount struct {
	mu    sync.Mutex
	inRow int
	err   error // the last one of a notification that was left out; read after the workers have ended
}

// record returns the number of faults without another answer in between.
func (f *failureCount) record(hasFailed bool) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.inRow++; !hasFailed {
		f.inRow = 0
	}
	return f.inRow
}

// leaveOut remembers why a notification is left to another run.
func (f *failureCount) leaveOut(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
	return errLeftOut
}

// Answers are written to the journal in groups, with one sync per group. A group that is lost when the machine stops
// is sent again, which costs less than more syncs on a disk that a local register may share.
const (
	journalGroupDelay = 50 * time.Millisecond
	maxJournalGroup   = 256
)

// collectGroup returns the first answer and those that follow within journalGroupDelay.
func collectGroup(first JournalEntry, answers <-chan JournalEntry) []JournalEntry {
	lines := []JournalEntry{first}
	timer := time.NewTimer(journalGroupDelay)
	defer timer.Stop()
	for len(lines) < maxJournalGroup {
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

// journalAnswers writes answers to the journal until the channel is closed.
func (s *Sender) journalAnswers(answers <-chan JournalEntry, progress *Progress, stop context.CancelCauseFunc) error {
	var journalErr error
	for first := range answers {
		lines := collectGroup(first, answers)
		if journalErr != nil {
			continue // drain the channel so that the workers end
		}
		if journalErr = s.Journal.Append(lines); journalErr != nil {
			stop(journalErr)
			continue
		}
		for _, line := range lines {
			if line.Outcome == OutcomeAccepted {
				progress.Accepted++
			} else {
				progress.Refused++
			}
		}
		s.OnProgress(*progress)
	}
	return journalErr
}

// sendWithRetry sends a notification until there is an answer. An error other than errLeftOut ends the whole run.
func (s *Sender) sendWithRetry(ctx context.Context, n *Notification, failures *failureCount) (JournalEntry, error) {
	var waited time.Duration
	failed := 0
	for pause := initialBackoff; ; pause = min(2*pause, maxBackoff) {
		if ctx.Err() != nil {
			return JournalEntry{}, context.Cause(ctx)
		}
		a := s.Send(context.WithoutCancel(ctx), n.NewRequest())
		inRow := failures.record(a.Verdict == VerdictFailed)
		if a.Verdict == VerdictAccepted || a.Verdict == VerdictRejected {
			return newJournalEntry(n, a), nil
		}
		if a.Verdict == VerdictFailed {
			failed++
		}
		failure := fmt.Errorf("%w: %w", ErrServiceFails, a.Err)
		switch {
		case ctx.Err() != nil:
			return JournalEntry{}, context.Cause(ctx)
		case a.Verdict == VerdictAbort:
			return JournalEntry{}, a.Err
		case inRow >= maxFailuresInRow:
			return JournalEntry{}, failure
		case a.Verdict == VerdictFailed && (failed >= maxFailures || waited >= s.Patience):
			return JournalEntry{}, failures.leaveOut(failure)
		case waited >= s.Patience:
			return JournalEntry{}, fmt.Errorf("%w: %w", ErrNoAnswer, a.Err)
		}
		s.OnRetry(a.Err)
		s.Sleep(ctx, pause)
		waited += pause
	}
}

// newJournalEntry returns the entry of a notification that was accepted or refused.
func newJournalEntry(n *Notification, a Answer) JournalEntry {
	line := JournalEntry{
		InputReference: n.Reference,
		Content:        n.ContentDigest(),
		Outcome:        OutcomeAccepted,
		Number:         a.Number,
		Reference:      a.Reference,
		Implants:       a.Implants,
		Findings:       a.Findings,
	}
	if a.Verdict == VerdictRejected {
		line.Outcome = OutcomeRefused
	}
	return line
}
