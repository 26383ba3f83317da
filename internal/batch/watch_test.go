package batch_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/batch"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// watchFixture is a watched folder with the register behind it.
type watchFixture struct {
	*batch.Watcher
	registry *fakeRegister
	t        *testing.T

	mu  sync.Mutex
	log strings.Builder
}

// Write records the log.
func (w *watchFixture) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *watchFixture) logText() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

func newWatchFixture(t *testing.T) *watchFixture {
	t.Helper()
	w := &watchFixture{registry: &fakeRegister{}, t: t}
	s := newSender(w.registry)
	w.Watcher = &batch.Watcher{Directory: t.TempDir(), StateDirectory: filepath.Join(t.TempDir(), "journals"), CurrentOptions: func() batch.Options { return testOptions(t) }, Sender: *s,
		Log: slog.New(slog.NewTextHandler(w, nil)), Now: time.Now}
	for _, folder := range []string{"inbox", "sending", "done", "failed"} {
		if err := os.Mkdir(w.pathOf(folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *watchFixture) pathOf(parts ...string) string {
	return filepath.Join(append([]string{w.Directory}, parts...)...)
}

func (w *watchFixture) writeFile(text string, parts ...string) {
	w.t.Helper()
	if err := os.WriteFile(w.pathOf(parts...), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watchFixture) readFile(parts ...string) string {
	w.t.Helper()
	data, err := os.ReadFile(w.pathOf(parts...))
	if err != nil {
		w.t.Error(err)
	}
	return string(data)
}

// listFiles returns the relative paths of all files in the folder, without the lock.
func (w *watchFixture) listFiles() []string {
	w.t.Helper()
	var all []string
	err := filepath.WalkDir(w.Directory, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && entry.Name() != ".ctr-batch.lock" {
			all = append(all, strings.TrimPrefix(filepath.ToSlash(path), filepath.ToSlash(w.Directory)+"/"))
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// maxLooks bounds the pauses of a watcher in which runUntil evaluates its condition.
const maxLooks = 10_000

// runUntil runs the watcher until the condition holds in one of its pauses, and stops it.
func (w *watchFixture) runUntil(is func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	var looks atomic.Int32
	w.Sender.Sleep = func(context.Context, time.Duration) {
		switch n := looks.Add(1); {
		case ctx.Err() != nil:
		case is():
			cancel()
		case n > maxLooks:
			w.t.Errorf("not in %d looks; the log: %s", n, w.logText())
			cancel()
		}
	}
	if err := w.Run(ctx); err != nil {
		w.t.Errorf("ended with %v", err)
	}
}

// isIdle reports whether no file is left to process.
func (w *watchFixture) isIdle() bool {
	return !slices.ContainsFunc(w.listFiles(), func(name string) bool {
		return strings.HasPrefix(name, "sending/") || strings.HasSuffix(name, ".csv") && strings.HasPrefix(name, "inbox/") && !strings.HasPrefix(name, "inbox/.")
	})
}

func (w *watchFixture) expectFiles(want ...string) {
	w.t.Helper()
	if all := w.listFiles(); !slices.Equal(all, want) {
		w.t.Errorf("there is %v\nwant %v\nlog %s", all, want, w.logText())
	}
}

// TestWatch checks that complete files are sent in the order of their arrival and moved to folderDone or folderFailed
// with their results and reasons.
func TestWatch(t *testing.T) {
	w := newWatchFixture(t)
	w.registry.refuse = func(reference string) bool { return reference == "C-2" }
	w.writeFile(joinLines(header, validRow("A-1"), validRow("A-2")), "inbox", "z.csv")
	w.writeFile(joinLines(header, validRow("B-1"), strings.Replace(validRow("B-2"), "48022907379", "48022907378", 1)), "inbox", "y.csv")
	w.writeFile(joinLines(header, validRow("C-1"), validRow("C-2")), "inbox", "x.csv")
	w.writeFile("", "inbox", "empty.csv")
	w.writeFile(joinLines(header, validRow("D")), "inbox", ".hidden.csv")
	w.writeFile(joinLines(header, validRow("D")), "inbox", "half.csv.tmp")
	w.writeFile(joinLines(header, validRow("D")), "inbox", "half.csv.PART")
	if err := os.Symlink(w.pathOf("inbox", "z.csv"), w.pathOf("inbox", "link")); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"z.csv", "y.csv", "x.csv", "empty.csv"} {
		at := time.Now().Add(time.Duration(i-10) * time.Hour)
		if err := os.Chtimes(w.pathOf("inbox", name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	w.runUntil(func() bool { return strings.Contains(w.logText(), "msg=moved file=empty.csv") })
	w.expectFiles("done/z.csv", "done/z.csv.results.csv", "failed/empty.csv", "failed/empty.csv.why.txt", "failed/x.csv", "failed/x.csv.results.csv", "failed/x.csv.why.txt",
		"failed/y.csv", "failed/y.csv.results.csv", "failed/y.csv.why.txt", "inbox/.hidden.csv", "inbox/half.csv.PART", "inbox/half.csv.tmp", "inbox/link")
	if results := w.readFile("done", "z.csv.results.csv"); strings.Count(results, ";accepted;1;r;A-") != 2 {
		t.Errorf("results %s", results)
	}
	if kept := len(w.registry.stored); kept != 3 {
		t.Errorf("%d kept", kept)
	}
	for name, want := range map[string]string{
		"y.csv": "Nothing of y.csv was sent, because it has faults.\n\nFaults in the file: 1. The rows with them, and other rows of the same notifications, were not sent.\n" +
			"- row 3, column patient_ssin: SSIN_INVALID: ",
		"x.csv": "Not everything of x.csv was accepted.\nNotifications accepted: 1, refused: 1, without fault and not sent: 0.\n\nRefused by the register: 1.\n- row 3: RULE: =refused; \"so\"\n\n" +
			"What became of each row is in x.csv.results.csv.\n\nWhat to do: mend the file and put it into the inbox again, ",
		"empty.csv": "Nothing of empty.csv was sent, because it has faults.\n\nFaults in the file: 1. The rows with them, and other rows of the same notifications, were not sent.\n- the file: it holds no row to send\n\nWhat to do: ",
	} {
		if got := w.readFile("failed", name+".why.txt"); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", name, got)
		}
	}
	log := w.logText()
	order := []string{"msg=watching folder=", "msg=taken file=z.csv as=z.csv", "msg=read file=z.csv encoding=UTF-8 rows=2 notifications=2 faults=0 pending=2",
		"msg=moved file=z.csv to=done accepted=2 refused=0 not_sent=0 faults=0", "msg=taken file=y.csv", "msg=moved file=y.csv to=failed accepted=0 refused=0 not_sent=1 faults=1",
		"msg=moved file=x.csv to=failed accepted=1 refused=1 not_sent=0 faults=0", "msg=moved file=empty.csv", "msg=stopped"}
	for _, words := range order {
		_, rest, found := strings.Cut(log, words)
		if !found {
			t.Fatalf("%q is not said, or too early: %s", words, w.logText())
		}
		log = rest
	}

	// Send the files again: nothing is registered twice or overwritten. With SkipBad, the valid rest of an invalid
	// file is sent.
	w.SkipBad, w.registry.refuse = true, nil
	w.writeFile(joinLines(header, validRow("A-1"), validRow("A-2")), "inbox", "z.csv")
	w.runUntil(w.isIdle)
	w.writeFile(w.readFile("failed", "y.csv"), "inbox", "y.csv")
	w.writeFile(w.readFile("failed", "x.csv"), "inbox", "x.csv")
	w.runUntil(w.isIdle)
	w.expectFiles("done/x-2.csv", "done/x-2.csv.results.csv", "done/z-2.csv", "done/z-2.csv.results.csv", "done/z.csv", "done/z.csv.results.csv", "failed/empty.csv", "failed/empty.csv.why.txt",
		"failed/x.csv", "failed/x.csv.results.csv", "failed/x.csv.why.txt", "failed/y-2.csv", "failed/y-2.csv.results.csv", "failed/y-2.csv.why.txt",
		"failed/y.csv", "failed/y.csv.results.csv", "failed/y.csv.why.txt", "inbox/.hidden.csv", "inbox/half.csv.PART", "inbox/half.csv.tmp", "inbox/link")
	if kept := len(w.registry.stored); kept != 5 || w.registry.conflict {
		t.Errorf("%d kept, conflict %v", kept, w.registry.conflict)
	}
	if why := w.readFile("failed", "y-2.csv.why.txt"); !strings.HasPrefix(why, "Not everything of y-2.csv was accepted.\nNotifications accepted: 1, refused: 0, ") {
		t.Errorf("why %s", why)
	}
}

// TestWatchSettles checks that a file that still grows is not sent, and that a complete one does not wait for it.
func TestWatchSettles(t *testing.T) {
	w := newWatchFixture(t)
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	w.Now, w.SettleTime = func() time.Time { return now }, 5*time.Second
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w.writeFile(joinLines(header), "inbox", "slow.csv")
	look := 0
	w.Sender.Sleep = func(context.Context, time.Duration) {
		look++
		now = now.Add(2 * time.Second)
		switch look {
		case 1, 2:
			w.writeFile(joinLines(header)+"\n"+validRow(strings.Repeat("A", look)), "inbox", "slow.csv")
		case 3:
			w.writeFile(joinLines(header, validRow("B")), "inbox", "quick.csv")
			if err := os.Chtimes(w.pathOf("inbox", "slow.csv"), now, now); err != nil {
				t.Error(err)
			}
		case 6: // seen 3 times each, for 4 seconds
			w.expectFiles("inbox/quick.csv", "inbox/slow.csv")
		case 7:
			w.expectFiles("done/quick.csv", "done/quick.csv.results.csv", "done/slow.csv", "done/slow.csv.results.csv")
			cancel()
		}
	}
	if err := w.Run(ctx); err != nil || look != 7 {
		t.Errorf("%v after %d looks", err, look)
	}
}

// TestWatchWrittenTo checks that rows that are added to a file during sending are sent too.
func TestWatchWrittenTo(t *testing.T) {
	w := newWatchFixture(t)
	send, added := w.Sender.Send, false
	w.Sender.Parallel = 1
	w.Sender.Send = func(ctx context.Context, request *ctr.NotifyImplantRequest) batch.Answer {
		if !added {
			added = true
			w.writeFile(joinLines(header, validRow("A"), validRow("B")), "sending", "list.csv")
		}
		return send(ctx, request)
	}
	w.writeFile(joinLines(header, validRow("A")), "inbox", "list.csv")
	w.runUntil(w.isIdle)
	w.expectFiles("done/list.csv", "done/list.csv.results.csv")
	if len(w.registry.stored) != 2 || w.registry.replays > 0 || strings.Count(w.readFile("done", "list.csv.results.csv"), "accepted") != 2 {
		t.Errorf("%d kept, %d twice; %s", len(w.registry.stored), w.registry.replays, w.logText())
	}
}

// TestWatchAway checks that a file waits while the service is unreachable, even longer than Patience, and that
// sending then continues.
func TestWatchAway(t *testing.T) {
	for _, patience := range []time.Duration{0, time.Hour} {
		w := newWatchFixture(t)
		w.Sender.Patience = patience
		w.registry.disturb = func(call int) batch.Verdict {
			if call > 3 && call < 40 {
				return batch.VerdictRetry
			}
			return batch.VerdictAccepted
		}
		w.writeFile(joinLines(header, validRow("A"), validRow("B"), validRow("C"), validRow("D"), validRow("E"), validRow("F")), "inbox", "list.csv")
		w.writeFile(joinLines(header, validRow("G")), "inbox", "next.csv")
		w.runUntil(w.isIdle)
		w.expectFiles("done/list.csv", "done/list.csv.results.csv", "done/next.csv", "done/next.csv.results.csv")
		words := []string{`msg="no answer, waiting" file=list.csv error=lost`, `msg="answers again" file=list.csv`}
		if patience == 0 {
			words = []string{`msg="still no answer, waiting" file=list.csv error="no answer for as long as the patience lasts: lost"`}
		}
		for _, output := range words {
			if !strings.Contains(w.logText(), output) {
				t.Errorf("%q is not said: %s", output, w.logText())
			}
		}
		if len(w.registry.stored) != 7 || w.registry.conflict {
			t.Errorf("%d kept", len(w.registry.stored))
		}
	}
}

// TestFindingR7WatchKeepsTheFile: a file stays in folderSending while the service has faults of its own, and is sent when
// they are over.
func TestFindingR7WatchKeepsTheFile(t *testing.T) {
	w := newWatchFixture(t)
	send, calls := w.Sender.Send, 0
	w.Sender.Parallel = 1
	w.Sender.Send = func(ctx context.Context, request *ctr.NotifyImplantRequest) batch.Answer {
		if calls++; calls <= 45 {
			w.expectFiles("sending/list.csv")
			return batch.Answer{Verdict: batch.VerdictFailed, Err: errLost}
		}
		return send(ctx, request)
	}
	w.writeFile(joinLines(header, validRow("A"), validRow("B"), validRow("C")), "inbox", "list.csv")
	w.runUntil(w.isIdle)
	w.expectFiles("done/list.csv", "done/list.csv.results.csv")
	if strings.Count(w.logText(), `msg="still no answer, waiting" file=list.csv error="the service has a fault: lost"`) != 2 {
		t.Errorf("log %s", w.logText())
	}
}

// TestWatchEnds checks that the watcher ends when the caller is rejected, and that the next one resumes the file.
func TestWatchEnds(t *testing.T) {
	w := newWatchFixture(t)
	send := w.Sender.Send
	w.Sender.Send = func(context.Context, *ctr.NotifyImplantRequest) batch.Answer {
		return batch.Answer{Verdict: batch.VerdictAbort, Err: errLost}
	}
	w.writeFile(joinLines(header, validRow("A")), "inbox", "list.csv")
	if err := w.Run(t.Context()); !errors.Is(err, errLost) || !strings.HasPrefix(err.Error(), "list.csv: ") {
		t.Errorf("ended with %v", err)
	}
	w.expectFiles("sending/list.csv")
	if _, err := os.Stat(filepath.Join(w.StateDirectory, "list.csv.journal")); err != nil {
		t.Error(err)
	}
	w.Sender.Send = send
	w.runUntil(w.isIdle)
	w.expectFiles("done/list.csv", "done/list.csv.results.csv")
	if !strings.Contains(w.logText(), `msg="taken up again" file=list.csv`) {
		t.Errorf("log %s", w.logText())
	}
}

// TestWatchRefuses checks a folder that is missing or a file, one that is already watched, and a target file that
// exists.
func TestWatchRefuses(t *testing.T) {
	w := newWatchFixture(t)
	for _, directory := range []string{w.pathOf("nowhere"), w.pathOf("file")} {
		w.writeFile("", "file")
		w.Directory, directory = directory, w.Directory
		if err := w.Run(t.Context()); err == nil {
			t.Errorf("watched %s", w.Directory)
		}
		w.Directory = directory
	}
	if err := os.Remove(w.pathOf("file")); err != nil {
		t.Fatal(err)
	}
	w.runUntil(func() bool {
		if !strings.Contains(w.logText(), "watching") {
			return false
		}
		other := *w.Watcher
		if err := other.Run(t.Context()); !errors.Is(err, batch.ErrInUse) {
			t.Errorf("watched by two: %v", err)
		}
		return true
	})
	w.writeFile(joinLines(header, validRow("A")), "sending", "list.csv")
	w.writeFile("of somebody else", "done", "list.csv")
	if err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("ended with %v", err)
	}
	if w.readFile("done", "list.csv") != "of somebody else" {
		t.Error("overwritten")
	}
}

// TestWatchNames checks that every file name leaves room for the suffixes of the files next to it.
func TestWatchNames(t *testing.T) {
	w := newWatchFixture(t)
	long := strings.Repeat("é", 125) + ".csv"
	w.writeFile(joinLines(header, validRow("A")), "inbox", long)
	w.writeFile(joinLines(header, validRow("B")), "inbox", "x"+strings.Repeat(".", 200))
	w.writeFile(joinLines(header, validRow("C")), "inbox", "name.journal")
	w.runUntil(func() bool { return strings.Count(w.logText(), "to=done") == 3 })
	w.expectFiles("done/name.journal", "done/name.journal.results.csv", "done/x"+strings.Repeat(".", 199), "done/x"+strings.Repeat(".", 199)+".results.csv",
		"done/"+strings.Repeat("é", 98)+".csv", "done/"+strings.Repeat("é", 98)+".csv.results.csv")
}

// TestWatchKilled checks that a new process continues from every state in which a killed process may leave the
// folder: everything is registered once, and each file is in one place, with its results.
func TestWatchKilled(t *testing.T) {
	w := newWatchFixture(t)
	var mu sync.Mutex
	var states []string
	const journals = "journals" // of a state, beside its watched folder
	copyState := func(state string) {
		if err := errors.Join(os.CopyFS(filepath.Join(state, "watched"), os.DirFS(w.Directory)), os.CopyFS(filepath.Join(state, journals), os.DirFS(w.StateDirectory))); err != nil {
			t.Error(err)
		}
	}
	snapshot := func() {
		mu.Lock()
		defer mu.Unlock()
		state := t.TempDir()
		copyState(state)
		states = append(states, state)
	}
	send := w.Sender.Send
	w.Sender.Parallel = 1
	w.Sender.Send = func(ctx context.Context, request *ctr.NotifyImplantRequest) batch.Answer {
		snapshot()
		answer := send(ctx, request)
		snapshot()
		return answer
	}
	w.Log = slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) { snapshot(); return w.Write(p) }), nil))
	w.writeFile(joinLines(header, validRow("A-1"), validRow("A-2"), validRow("A-3")), "inbox", "a.csv")
	w.writeFile(joinLines(header, validRow("B-1"), validRow("B-2")), "inbox", "b.csv")
	w.runUntil(w.isIdle)
	want := []string{"done/a.csv", "done/a.csv.results.csv", "done/b.csv", "done/b.csv.results.csv"}
	w.expectFiles(want...)
	results := w.readFile("done", "a.csv.results.csv") + w.readFile("done", "b.csv.results.csv")

	// Steps between these that have no log line.
	between := func(name string, change func(at func(...string) string)) {
		state := filepath.Join(t.TempDir(), name)
		copyState(state)
		change(func(parts ...string) string {
			if parts[0] == journals {
				return filepath.Join(append([]string{state}, parts...)...)
			}
			return filepath.Join(append([]string{state, "watched"}, parts...)...)
		})
		states = append(states, state)
	}
	move := func(from, to string) {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	half := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	between("taken, no journal", func(at func(...string) string) {
		move(at("done", "a.csv"), at("sending", "a.csv"))
		move(at("done", "a.csv.results.csv"), at("x"))
	})
	between("half a journal", func(at func(...string) string) {
		move(at("done", "a.csv"), at("sending", "a.csv"))
		half(at(journals, "a.csv.journal"), `{"Abo`)
	})
	between("a journal of an earlier version", func(at func(...string) string) {
		move(at("done", "a.csv"), at("sending", "a.csv"))
		half(at("sending", ".a.csv.journal"), `{"About":""}`+"\n")
	})
	between("results written", func(at func(...string) string) { move(at("done", "a.csv"), at("sending", "a.csv")) })
	between("results half written", func(at func(...string) string) {
		move(at("done", "a.csv"), at("sending", "a.csv"))
		move(at("done", "a.csv.results.csv"), at("done", ".a.csv.results.csv.ABCDEFGHIJKLMNOPQRSTUVWXYZ.tmp"))
	})
	between("results half written by an earlier version", func(at func(...string) string) {
		move(at("done", "a.csv"), at("sending", "a.csv"))
		move(at("done", "a.csv.results.csv"), at("done", ".a.csv.results.csv.tmp"))
	})
	between("moved, journal left", func(at func(...string) string) { half(at(journals, "a.csv.journal"), `{"About":""}`+"\n") })

	for _, state := range states {
		next := newWatchFixture(t)
		next.Directory, next.StateDirectory, next.registry = filepath.Join(state, "watched"), filepath.Join(state, journals), w.registry
		next.Sender.Send = w.registry.sendNotification
		_ = os.Remove(next.pathOf("x"))
		next.runUntil(next.isIdle)
		next.expectFiles(want...)
		if again := next.readFile("done", "a.csv.results.csv") + next.readFile("done", "b.csv.results.csv"); again != results {
			t.Errorf("%s: results %s\nwant %s", state, again, results)
		}
	}
	if len(states) < 20 || len(w.registry.stored) != 5 || w.registry.conflict {
		t.Errorf("%d states, %d kept, conflict %v", len(states), len(w.registry.stored), w.registry.conflict)
	}
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(p []byte) (int, error) { return w(p) }

// TestWatchUnreadable checks that an unreadable file is moved to folderFailed, with the reason.
func TestWatchUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	w := newWatchFixture(t)
	w.writeFile(joinLines(header, validRow("A")), "inbox", "list.csv")
	if err := os.Chmod(w.pathOf("inbox", "list.csv"), 0); err != nil {
		t.Fatal(err)
	}
	w.runUntil(w.isIdle)
	w.expectFiles("failed/list.csv", "failed/list.csv.why.txt")
	if why := w.readFile("failed", "list.csv.why.txt"); !strings.Contains(why, "could not be read: permission denied.") {
		t.Errorf("why %s", why)
	}
	if info, err := os.Stat(w.pathOf("failed", "list.csv.why.txt")); err != nil || info.Mode() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
}

// TestWatchMany checks that no file is lost when many arrive under one name while watchers start and stop.
func TestWatchMany(t *testing.T) {
	w := newWatchFixture(t)
	const deliveries = 30
	for i := range deliveries {
		w.writeFile(joinLines(header, validRow(fmt.Sprintf("A-%d", i)), validRow(fmt.Sprintf("B-%d", i))), "inbox", "list.csv")
		w.runUntil(func() bool { _, err := os.Lstat(w.pathOf("inbox", "list.csv")); return errors.Is(err, fs.ErrNotExist) })
	}
	w.runUntil(w.isIdle)
	if all := w.listFiles(); len(all) != 2*deliveries || len(w.registry.stored) != 2*deliveries {
		t.Errorf("%d kept; %v", len(w.registry.stored), all)
	}
}
