package batch_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openctr/ctr/internal/batch"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// fakeRegister answers like the register: the same reference with the same content gets the first receipt.
type fakeRegister struct {
	mu       sync.Mutex
	stored   map[string]string // content by reference
	calls    int
	replays  int // notifications that were received again
	refuse   func(reference string) bool
	disturb  func(call int) batch.Verdict // how a call fails: before storing if the count is odd, after storing if even
	conflict bool
}

func (r *fakeRegister) sendNotification(ctx context.Context, request *ctr.NotifyImplantRequest) batch.Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	lost := batch.Answer{Verdict: batch.VerdictRetry, Err: errLost}
	disturbed := r.disturb != nil && r.disturb(r.calls) != batch.VerdictAccepted
	if ctx.Err() != nil || disturbed && r.calls%2 == 1 {
		return lost
	}
	if r.refuse != nil && r.refuse(request.InputReference) {
		return batch.Answer{Verdict: batch.VerdictRejected, Findings: []batch.Finding{{Code: "RULE", Message: "=refused;\n\"so\""}}}
	}
	content := fmt.Sprint(request.Implantation)
	if kept, again := r.stored[request.InputReference]; again {
		r.replays++
		r.conflict = r.conflict || kept != content
	}
	if r.stored == nil {
		r.stored = map[string]string{}
	}
	r.stored[request.InputReference] = content
	if disturbed {
		return lost
	}
	answer := batch.Answer{Verdict: batch.VerdictAccepted, Number: "1", Reference: "r"}
	for i := range request.Implantation.Implant {
		answer.Implants = append(answer.Implants, fmt.Sprintf("%s-implant-%d", request.InputReference, i+1))
	}
	return answer
}

var errLost = errors.New("lost")

// runOnce sends the pending notifications of the file, like a new process.
func runOnce(ctx context.Context, t *testing.T, s *batch.Sender, f *batch.File, name string, again bool) (batch.Progress, error) {
	t.Helper()
	j, err := batch.OpenJournal(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if failed := j.Close(); failed != nil {
			t.Error(failed)
		}
	}()
	pending, _ := f.Pending(j, again)
	s.Journal = j
	return s.Run(ctx, pending)
}

func newSender(r *fakeRegister) *batch.Sender {
	return &batch.Sender{Send: r.sendNotification, Parallel: 4, Patience: time.Hour, Sleep: func(context.Context, time.Duration) {},
		OnProgress: func(batch.Progress) {}, OnRetry: func(error) {}}
}

// TestRun checks that every notification is answered once, and that refused ones are sent again only on request.
func TestRun(t *testing.T) {
	f, name := validFile(t, 50), filepath.Join(t.TempDir(), "list.csv.journal")
	bad := true
	r := &fakeRegister{refuse: func(reference string) bool { return bad && strings.HasSuffix(reference, "7") }}
	p, err := runOnce(t.Context(), t, newSender(r), f, name, false)
	if err != nil || p != (batch.Progress{Total: 50, Accepted: 45, Refused: 5}) || r.calls != 50 || len(r.stored) != 45 {
		t.Fatalf("%+v, %v, %d calls", p, err, r.calls)
	}
	data, err := os.ReadFile(name)
	if err != nil || strings.Count(string(data), "\n") != 51 || !strings.HasPrefix(string(data), `{"About":"What the register has answered so far. `) ||
		!strings.Contains(string(data), `"Outcome":"refused","Findings":[{"Code":"RULE","Message":"=refused;\n\"so\""}]}`+"\n") {
		t.Errorf("journal %.600s, %v", data, err)
	}
	if p, err = runOnce(t.Context(), t, newSender(r), f, name, false); err != nil || p != (batch.Progress{}) || r.calls != 50 {
		t.Errorf("second run %+v, %v, %d calls", p, err, r.calls)
	}
	bad = false
	if p, err = runOnce(t.Context(), t, newSender(r), f, name, true); err != nil || p.Accepted != 5 || len(r.stored) != 50 || r.replays != 0 {
		t.Errorf("again %+v, %v", p, err)
	}
	j, err := batch.ReadJournal(name)
	if err != nil {
		t.Fatal(err)
	}
	if pending, earlier := f.Pending(j, true); len(pending) > 0 || earlier.Accepted != 50 {
		t.Errorf("%d pending, %+v", len(pending), earlier)
	}
	// A notification that was accepted and changed since is not sent.
	f.Notifications[3].Implantation.Comment = "changed"
	if pending, earlier := f.Pending(j, true); len(pending) > 0 || earlier.Accepted != 49 || len(f.RowErrors) != 1 || f.RowErrors[0].Row != 5 {
		t.Errorf("%d pending, %+v, %v", len(pending), earlier, f.RowErrors)
	}
}

// TestInterrupted interrupts a batch at random, truncates its journal and loses answers after the register has stored
// the notification. In the end every notification is stored, none with different content.
func TestInterrupted(t *testing.T) {
	const count = 300
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(seed, 5))
		f, name := validFile(t, count), filepath.Join(t.TempDir(), "list.csv.journal")
		r := &fakeRegister{disturb: func(call int) batch.Verdict {
			if call%17 < 2 {
				return batch.VerdictRetry
			}
			return batch.VerdictAccepted
		}}
		interrupted := 0
		for {
			ctx, cancel := context.WithCancel(t.Context())
			s, left := newSender(r), random.IntN(80)+1
			send := s.Send
			var mu sync.Mutex
			s.Send = func(ctx context.Context, request *ctr.NotifyImplantRequest) batch.Answer {
				a := send(ctx, request)
				mu.Lock()
				defer mu.Unlock()
				if left--; left == 0 {
					cancel()
				}
				return a
			}
			_, err := runOnce(ctx, t, s, f, name, false)
			cancel()
			if err == nil {
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			interrupted++
			truncateFile(t, name, random.IntN(90))
		}
		if len(r.stored) != count || r.conflict || interrupted == 0 {
			t.Errorf("seed %d: %d kept, conflict %v, %d interruptions", seed, len(r.stored), r.conflict, interrupted)
		}
		j, err := batch.ReadJournal(name)
		if err != nil {
			t.Fatal(err)
		}
		if pending, earlier := f.Pending(j, false); len(pending) > 0 || earlier.Accepted != count || j.UnreadableLines > 0 {
			t.Errorf("seed %d: %d pending, %+v, %d unreadable", seed, len(pending), earlier, j.UnreadableLines)
		}
	}
}

// truncateFile cuts off the end of a file, like a machine that stops while it writes.
func truncateFile(t *testing.T, name string, by int) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err = os.WriteFile(name, data[:max(0, len(data)-by)], 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestGivesUp checks that the batch ends when there is no answer for longer than Patience, or when the caller is
// rejected, and that notifications without an answer have no journal entry.
func TestGivesUp(t *testing.T) {
	f := validFile(t, 20)
	for verdict, attempts := range map[batch.Verdict]int{batch.VerdictRetry: 5, batch.VerdictAbort: 1} {
		name := filepath.Join(t.TempDir(), "list.csv.journal")
		var pauses []time.Duration
		calls := 0
		delayed := 0
		s := &batch.Sender{Parallel: 1, Patience: 7 * time.Second, Sleep: func(_ context.Context, d time.Duration) { pauses = append(pauses, d) },
			OnProgress: func(batch.Progress) {}, OnRetry: func(error) { delayed++ },
			Send: func(context.Context, *ctr.NotifyImplantRequest) batch.Answer {
				calls++
				return batch.Answer{Verdict: verdict, Err: errLost}
			}}
		p, err := runOnce(t.Context(), t, s, f, name, false)
		if !errors.Is(err, errLost) || p != (batch.Progress{Total: 20}) || calls != attempts || delayed != attempts-1 ||
			errors.Is(err, batch.ErrNoAnswer) != (verdict == batch.VerdictRetry) {
			t.Errorf("%+v, %v, %d calls, %d delays", p, err, calls, delayed)
		}
		if verdict == batch.VerdictRetry && !slices.Equal(pauses, []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second}) {
			t.Errorf("pauses %v", pauses)
		}
		j, err := batch.ReadJournal(name)
		if err != nil {
			t.Fatal(err)
		}
		if pending, _ := f.Pending(j, false); len(pending) != 20 {
			t.Errorf("%d pending", len(pending))
		}
	}
}

// TestFindingR7FaultsOfTheService: a fault of the service is no property of a row. Nothing is written off, one bad row
// does not stop the others, and a broken service ends the run.
func TestFindingR7FaultsOfTheService(t *testing.T) {
	failed := batch.Answer{Verdict: batch.VerdictFailed, Err: errLost}
	for name, tt := range map[string]struct {
		patience  time.Duration
		parallel  int
		fails     func(reference string, call int) bool // the call is counted for each reference
		accepted  int
		calls     int // 0: not counted, because the workers run at once
		wantError error
	}{
		"a table is away for a moment":    {time.Hour, 4, func(_ string, call int) bool { return call <= 2 }, 30, 90, nil},
		"one by one":                      {time.Hour, 1, func(_ string, call int) bool { return call <= 9 }, 30, 300, nil},
		"one row fails for ever":          {time.Hour, 1, func(reference string, _ int) bool { return reference == "A-3" }, 29, 39, batch.ErrServiceFails},
		"one row fails, among many":       {time.Hour, 8, func(reference string, _ int) bool { return reference == "A-3" }, 29, 39, batch.ErrServiceFails},
		"one row fails, without patience": {0, 1, func(reference string, _ int) bool { return reference == "A-3" }, 29, 30, batch.ErrServiceFails},
		"every other row":                 {time.Hour, 1, func(reference string, _ int) bool { return reference[len(reference)-1]%2 == 0 }, 15, 165, batch.ErrServiceFails},
		"everything fails":                {time.Hour, 1, func(string, int) bool { return true }, 0, 20, batch.ErrServiceFails},
		"everything fails, eight at once": {time.Hour, 8, func(string, int) bool { return true }, 0, 0, batch.ErrServiceFails},
		"it breaks in the middle":         {time.Hour, 1, func(reference string, _ int) bool { return reference >= "A-2" }, 2, 22, batch.ErrServiceFails},
		"the fault is over at the tenth":  {time.Hour, 1, func(reference string, call int) bool { return reference == "A-3" && call < 10 }, 30, 39, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f, journal := validFile(t, 30), filepath.Join(t.TempDir(), "list.csv.journal")
			var mu sync.Mutex
			calls, total := map[string]int{}, 0
			s := newSender(&fakeRegister{})
			s.Parallel, s.Patience = tt.parallel, tt.patience
			isMended := false
			s.Send = func(_ context.Context, request *ctr.NotifyImplantRequest) batch.Answer {
				mu.Lock()
				defer mu.Unlock()
				total++
				calls[request.InputReference]++
				if !isMended && tt.fails(request.InputReference, calls[request.InputReference]) {
					return failed
				}
				return batch.Answer{Verdict: batch.VerdictAccepted, Number: "1", Reference: "r"}
			}
			p, err := runOnce(t.Context(), t, s, f, journal, false)
			if tt.wantError == nil && err != nil || !errors.Is(err, tt.wantError) || p.Refused != 0 || p.Accepted != tt.accepted {
				t.Errorf("%+v, %v", p, err)
			}
			if tt.calls > 0 && total != tt.calls {
				t.Errorf("%d calls", total)
			}
			j, err := batch.ReadJournal(journal)
			if err != nil {
				t.Fatal(err)
			}
			if pending, earlier := f.Pending(j, false); earlier.Refused != 0 || earlier.Accepted != tt.accepted || len(pending) != 30-tt.accepted {
				t.Errorf("%d pending, %+v", len(pending), earlier)
			}
			isMended = true
			if p, err = runOnce(t.Context(), t, s, f, journal, false); err != nil || p.Accepted != 30-tt.accepted {
				t.Errorf("the next run: %+v, %v", p, err)
			}
		})
	}
}

// TestDamagedJournal checks that notifications with unreadable entries are sent again.
func TestDamagedJournal(t *testing.T) {
	f, name := validFile(t, 3), filepath.Join(t.TempDir(), "list.csv.journal")
	content := f.Notifications[0].ContentDigest()
	text := `{"About":"x"}` + "\r\n" + `{"InputReference":"A-0","Content":"` + content + `","Outcome":"accepted","Number":"1","Reference":"r"}` +
		"\n\x00\x00\x00\n" + `{"InputReference":"A-1"}` + "\n" + `{"InputReference":"A-2","Outcome":"maybe"}` + "\n[]\n" + `{"InputReference":"A-2","Outcome":"acc`
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if j, err := batch.ReadJournal(name); err != nil || j.UnreadableLines != 5 {
		t.Errorf("%v, %+v", err, j)
	}
	r := &fakeRegister{}
	if p, err := runOnce(t.Context(), t, newSender(r), f, name, false); err != nil || p.Accepted != 2 {
		t.Errorf("%+v, %v", p, err)
	}
	j, err := batch.ReadJournal(name)
	if err != nil || j.UnreadableLines != 4 {
		t.Errorf("%v, %+v", err, j)
	}
	if pending, earlier := f.Pending(j, false); len(pending) > 0 || earlier.Accepted != 3 {
		t.Errorf("%d pending, %+v", len(pending), earlier)
	}
	if _, err = batch.OpenJournal(t.TempDir()); err == nil {
		t.Error("a folder is no journal")
	}
}

// TestOneAtATime checks that an open journal cannot be opened again, but can be read.
func TestOneAtATime(t *testing.T) {
	name := filepath.Join(t.TempDir(), "list.csv.journal")
	first, err := batch.OpenJournal(name)
	if err != nil {
		t.Fatal(err)
	}
	if err = first.Append([]batch.JournalEntry{{InputReference: "A", Outcome: batch.OutcomeAccepted}}); err != nil {
		t.Fatal(err)
	}
	if _, err = batch.OpenJournal(name); !errors.Is(err, batch.ErrInUse) {
		t.Errorf("opened twice: %v", err)
	}
	if j, failed := batch.ReadJournal(name); failed != nil || j.UnreadableLines > 0 {
		t.Errorf("%+v, %v", j, failed)
	}
	if err = first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := batch.OpenJournal(name)
	if err != nil {
		t.Fatal(err)
	}
	if line, found := second.Entry("A"); !found || line.Outcome != batch.OutcomeAccepted {
		t.Errorf("%+v", line)
	}
	if err = second.Close(); err != nil {
		t.Error(err)
	}
}

// TestStopsCleanly checks that requests in flight finish when a run is stopped, and that their answers are stored.
func TestStopsCleanly(t *testing.T) {
	f, name := validFile(t, 50), filepath.Join(t.TempDir(), "list.csv.journal")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := &fakeRegister{}
	s := newSender(r)
	s.Send = func(ctx context.Context, request *ctr.NotifyImplantRequest) batch.Answer {
		cancel()
		return r.sendNotification(ctx, request)
	}
	p, err := runOnce(ctx, t, s, f, name, false)
	if !errors.Is(err, context.Canceled) || p.Accepted == 0 || p.Accepted != len(r.stored) || p.Accepted > s.Parallel {
		t.Errorf("%+v, %v, %d kept", p, err, len(r.stored))
	}
}

// TestDiskFull checks that the batch ends with the error when an answer cannot be stored.
func TestDiskFull(t *testing.T) {
	f, name := validFile(t, 30), filepath.Join(t.TempDir(), "list.csv.journal")
	j, err := batch.OpenJournal(name)
	if err != nil {
		t.Fatal(err)
	}
	if err = j.Close(); err != nil {
		t.Fatal(err)
	}
	s := newSender(&fakeRegister{})
	s.Journal = j
	if p, failed := s.Run(t.Context(), f.Notifications); failed == nil || p.Accepted > 0 {
		t.Errorf("%+v, %v", p, failed)
	}
}

// TestPause checks that Sleep lasts as long as it should, and ends with its context.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		batch.Sleep(t.Context(), time.Minute)
		if took := time.Since(began); took != time.Minute {
			t.Errorf("a minute lasted %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		batch.Sleep(ctx, time.Hour)
		if took := time.Since(began); took != time.Second {
			t.Errorf("with a second left, an hour lasted %v", took)
		}
	})
}
