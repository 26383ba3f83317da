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
	"testing"
	"time"

	"github.com/openctr/ctr/internal/batch"
	"github.com/openctr/ctr/internal/wire"
)

// watchFixture is a watched folder with the register behind it.
type watched struct {
	*batch.Watcher
	registry *registry
	t        *testing.T

	mu  sync.Mutex
	log strings.Builder
}

// Write records the log.
func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *watched) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

func watch(t *testing.T) *watched {
	t.Helper()
	w := &watched{registry: &registry{}, t: t}
	s := sender(w.registry)
	s.Pause = func(ctx context.Context, d time.Duration) { batch.Pause(ctx, min(d, time.Millisecond)) }
	w.Watcher = &batch.Watcher{Directory: t.TempDir(), Options: func() batch.Options { return options(t) }, Sender: *s,
		Log: slog.New(slog.NewTextHandler(w, nil)), Now: time.Now}
	for _, folder := range []string{"inbox", "sending", "done", "failed"} {
		if err := os.Mkdir(w.path(folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *watched) path(parts ...string) string {
	return filepath.Join(append([]string{w.Directory}, parts...)...)
}

func (w *watched) put(text string, parts ...string) {
	w.t.Helper()
	if err := os.WriteFile(w.path(parts...), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watched) read(parts ...string) string {
	w.t.Helper()
	data, err := os.ReadFile(w.path(parts...))
	if err != nil {
		w.t.Error(err)
	}
	return string(data)
}

// listFiles returns the relative paths of all files in the folder, without the lock.
func (w *watched) all() []string {
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

// runUntil runs the watcher until the condition holds, and stops it.
func (w *watched) until(is func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	for began := time.Now(); !is(); time.Sleep(time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			w.t.Errorf("it does not come; the log: %s", w.logged())
			break
		}
	}
	cancel()
	if err := <-ended; err != nil {
		w.t.Errorf("ended with %v", err)
	}
}

// isIdle reports whether no file is left to process.
func (w *watched) idle() bool {
	return !slices.ContainsFunc(w.all(), func(name string) bool {
		return strings.HasPrefix(name, "sending/") || strings.HasSuffix(name, ".csv") && strings.HasPrefix(name, "inbox/") && !strings.HasPrefix(name, "inbox/.")
	})
}

func (w *watched) expect(want ...string) {
	w.t.Helper()
	if all := w.all(); !slices.Equal(all, want) {
		w.t.Errorf("there is %v\nwant %v\nlog %s", all, want, w.logged())
	}
}

// TestWatch checks that complete files are sent in the order of their arrival and moved to folderDone or folderFailed
// with their results and reasons.
func TestWatch(t *testing.T) {
	w := watch(t)
	w.registry.refuse = func(reference string) bool { return reference == "C-2" }
	w.put(lines(header, good("A-1"), good("A-2")), "inbox", "z.csv")
	w.put(lines(header, good("B-1"), strings.Replace(good("B-2"), "48022907379", "48022907378", 1)), "inbox", "y.csv")
	w.put(lines(header, good("C-1"), good("C-2")), "inbox", "x.csv")
	w.put("", "inbox", "empty.csv")
	w.put(lines(header, good("D")), "inbox", ".hidden.csv")
	w.put(lines(header, good("D")), "inbox", "half.csv.tmp")
	w.put(lines(header, good("D")), "inbox", "half.csv.PART")
	if err := os.Symlink(w.path("inbox", "z.csv"), w.path("inbox", "link")); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"z.csv", "y.csv", "x.csv", "empty.csv"} {
		at := time.Now().Add(time.Duration(i-10) * time.Hour)
		if err := os.Chtimes(w.path("inbox", name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	w.until(func() bool { return strings.Contains(w.logged(), "msg=moved file=empty.csv") })
	w.expect("done/z.csv", "done/z.csv.results.csv", "failed/empty.csv", "failed/empty.csv.why.txt", "failed/x.csv", "failed/x.csv.results.csv", "failed/x.csv.why.txt",
		"failed/y.csv", "failed/y.csv.results.csv", "failed/y.csv.why.txt", "inbox/.hidden.csv", "inbox/half.csv.PART", "inbox/half.csv.tmp", "inbox/link")
	if results := w.read("done", "z.csv.results.csv"); strings.Count(results, ";accepted;1;r;A-") != 2 {
		t.Errorf("results %s", results)
	}
	if kept := len(w.registry.kept); kept != 3 {
		t.Errorf("%d kept", kept)
	}
	for name, want := range map[string]string{
		"y.csv": "Nothing of y.csv was sent, because it has faults.\n\nFaults in the file: 1. The rows with them, and other rows of the same notifications, were not sent.\n" +
			"- row 3, column patient_ssin: SSIN_INVALID: ",
		"x.csv": "Not everything of x.csv was accepted.\nNotifications accepted: 1, refused: 1, without fault and not sent: 0.\n\nRefused by the register: 1.\n- row 3: RULE: =refused; \"so\"\n\n" +
			"What became of each row is in x.csv.results.csv.\n\nWhat to do: mend the file and put it into the inbox again, ",
		"empty.csv": "Nothing of empty.csv was sent, because it has faults.\n\nFaults in the file: 1. The rows with them, and other rows of the same notifications, were not sent.\n- the file: it holds no row to send\n\nWhat to do: ",
	} {
		if got := w.read("failed", name+".why.txt"); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", name, got)
		}
	}
	log := w.logged()
	order := []string{"msg=watching folder=", "msg=taken file=z.csv as=z.csv", "msg=read file=z.csv encoding=UTF-8 rows=2 notifications=2 faults=0 pending=2",
		"msg=moved file=z.csv to=done accepted=2 refused=0 not_sent=0 faults=0", "msg=taken file=y.csv", "msg=moved file=y.csv to=failed accepted=0 refused=0 not_sent=1 faults=1",
		"msg=moved file=x.csv to=failed accepted=1 refused=1 not_sent=0 faults=0", "msg=moved file=empty.csv", "msg=stopped"}
	for _, words := range order {
		_, rest, found := strings.Cut(log, words)
		if !found {
			t.Fatalf("%q is not said, or too early: %s", words, w.logged())
		}
		log = rest
	}

	// Send the files again: nothing is registered twice or overwritten. With SkipBad, the valid rest of an invalid
	// file is sent.
	w.SkipBad, w.registry.refuse = true, nil
	w.put(lines(header, good("A-1"), good("A-2")), "inbox", "z.csv")
	w.until(w.idle)
	w.put(w.read("failed", "y.csv"), "inbox", "y.csv")
	w.put(w.read("failed", "x.csv"), "inbox", "x.csv")
	w.until(w.idle)
	w.expect("done/x-2.csv", "done/x-2.csv.results.csv", "done/z-2.csv", "done/z-2.csv.results.csv", "done/z.csv", "done/z.csv.results.csv", "failed/empty.csv", "failed/empty.csv.why.txt",
		"failed/x.csv", "failed/x.csv.results.csv", "failed/x.csv.why.txt", "failed/y-2.csv", "failed/y-2.csv.results.csv", "failed/y-2.csv.why.txt",
		"failed/y.csv", "failed/y.csv.results.csv", "failed/y.csv.why.txt", "inbox/.hidden.csv", "inbox/half.csv.PART", "inbox/half.csv.tmp", "inbox/link")
	if kept := len(w.registry.kept); kept != 5 || w.registry.conflict {
		t.Errorf("%d kept, conflict %v", kept, w.registry.conflict)
	}
	if why := w.read("failed", "y-2.csv.why.txt"); !strings.HasPrefix(why, "Not everything of y-2.csv was accepted.\nNotifications accepted: 1, refused: 0, ") {
		t.Errorf("why %s", why)
	}
}

// TestWatchSettles checks that a file that still grows is not sent, and that a complete one does not wait for it.
func TestWatchSettles(t *testing.T) {
	w := watch(t)
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	w.Now, w.Settle = func() time.Time { return now }, 5*time.Second
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w.put(lines(header), "inbox", "slow.csv")
	look := 0
	w.Sender.Pause = func(context.Context, time.Duration) {
		look++
		now = now.Add(2 * time.Second)
		switch look {
		case 1, 2:
			w.put(lines(header)+"\n"+good(strings.Repeat("A", look)), "inbox", "slow.csv")
		case 3:
			w.put(lines(header, good("B")), "inbox", "quick.csv")
			if err := os.Chtimes(w.path("inbox", "slow.csv"), now, now); err != nil {
				t.Error(err)
			}
		case 6: // seen 3 times each, for 4 seconds
			w.expect("inbox/quick.csv", "inbox/slow.csv")
		case 7:
			w.expect("done/quick.csv", "done/quick.csv.results.csv", "done/slow.csv", "done/slow.csv.results.csv")
			cancel()
		}
	}
	if err := w.Run(ctx); err != nil || look != 7 {
		t.Errorf("%v after %d looks", err, look)
	}
}

// TestWatchWrittenTo checks that rows that are added to a file during sending are sent too.
func TestWatchWrittenTo(t *testing.T) {
	w := watch(t)
	send, added := w.Sender.Send, false
	w.Sender.Parallel = 1
	w.Sender.Send = func(ctx context.Context, request *wire.NotifyImplantRequest) batch.Answer {
		if !added {
			added = true
			w.put(lines(header, good("A"), good("B")), "sending", "list.csv")
		}
		return send(ctx, request)
	}
	w.put(lines(header, good("A")), "inbox", "list.csv")
	w.until(w.idle)
	w.expect("done/list.csv", "done/list.csv.results.csv")
	if len(w.registry.kept) != 2 || w.registry.twice > 0 || strings.Count(w.read("done", "list.csv.results.csv"), "accepted") != 2 {
		t.Errorf("%d kept, %d twice; %s", len(w.registry.kept), w.registry.twice, w.logged())
	}
}

// TestWatchAway checks that a file waits while the service is unreachable, even longer than Patience, and that
// sending then continues.
func TestWatchAway(t *testing.T) {
	for _, patience := range []time.Duration{0, time.Hour} {
		w := watch(t)
		w.Sender.Patience = patience
		w.registry.disturb = func(call int) batch.Verdict {
			if call > 3 && call < 40 {
				return batch.Later
			}
			return batch.Yes
		}
		w.put(lines(header, good("A"), good("B"), good("C"), good("D"), good("E"), good("F")), "inbox", "list.csv")
		w.put(lines(header, good("G")), "inbox", "next.csv")
		w.until(w.idle)
		w.expect("done/list.csv", "done/list.csv.results.csv", "done/next.csv", "done/next.csv.results.csv")
		words := []string{`msg="no answer, waiting" file=list.csv error=lost`, `msg="answers again" file=list.csv`}
		if patience == 0 {
			words = []string{`msg="still no answer, waiting" file=list.csv error="no answer for as long as the patience lasts: lost"`}
		}
		for _, output := range words {
			if !strings.Contains(w.logged(), output) {
				t.Errorf("%q is not said: %s", output, w.logged())
			}
		}
		if len(w.registry.kept) != 7 || w.registry.conflict {
			t.Errorf("%d kept", len(w.registry.kept))
		}
	}
}

// TestWatchEnds checks that the watcher ends when the caller is rejected, and that the next one resumes the file.
func TestWatchEnds(t *testing.T) {
	w := watch(t)
	send := w.Sender.Send
	w.Sender.Send = func(context.Context, *wire.NotifyImplantRequest) batch.Answer {
		return batch.Answer{Verdict: batch.Stop, Err: errLost}
	}
	w.put(lines(header, good("A")), "inbox", "list.csv")
	if err := w.Run(t.Context()); !errors.Is(err, errLost) || !strings.HasPrefix(err.Error(), "list.csv: ") {
		t.Errorf("ended with %v", err)
	}
	w.expect("sending/.list.csv.journal", "sending/list.csv")
	w.Sender.Send = send
	w.until(w.idle)
	w.expect("done/list.csv", "done/list.csv.results.csv")
	if !strings.Contains(w.logged(), `msg="taken up again" file=list.csv`) {
		t.Errorf("log %s", w.logged())
	}
}

// TestWatchRefuses checks a folder that is missing or a file, one that is already watched, and a target file that
// exists.
func TestWatchRefuses(t *testing.T) {
	w := watch(t)
	for _, directory := range []string{w.path("nowhere"), w.path("file")} {
		w.put("", "file")
		w.Directory, directory = directory, w.Directory
		if err := w.Run(t.Context()); err == nil {
			t.Errorf("watched %s", w.Directory)
		}
		w.Directory = directory
	}
	if err := os.Remove(w.path("file")); err != nil {
		t.Fatal(err)
	}
	w.until(func() bool {
		if !strings.Contains(w.logged(), "watching") {
			return false
		}
		other := *w.Watcher
		if err := other.Run(t.Context()); !errors.Is(err, batch.ErrInUse) {
			t.Errorf("watched by two: %v", err)
		}
		return true
	})
	w.put(lines(header, good("A")), "sending", "list.csv")
	w.put("of somebody else", "done", "list.csv")
	if err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("ended with %v", err)
	}
	if w.read("done", "list.csv") != "of somebody else" {
		t.Error("overwritten")
	}
}

// TestWatchNames checks that every file name leaves room for the suffixes of the files next to it.
func TestWatchNames(t *testing.T) {
	w := watch(t)
	long := strings.Repeat("é", 125) + ".csv"
	w.put(lines(header, good("A")), "inbox", long)
	w.put(lines(header, good("B")), "inbox", "x"+strings.Repeat(".", 200))
	w.put(lines(header, good("C")), "inbox", "name.journal")
	w.until(func() bool { return strings.Count(w.logged(), "to=done") == 3 })
	w.expect("done/name.journal", "done/name.journal.results.csv", "done/x"+strings.Repeat(".", 200), "done/x"+strings.Repeat(".", 200)+".results.csv",
		"done/"+strings.Repeat("é", 108)+".csv", "done/"+strings.Repeat("é", 108)+".csv.results.csv")
}

// TestWatchKilled checks that a new process continues from every state in which a killed process may leave the
// folder: everything is registered once, and each file is in one place, with its results.
func TestWatchKilled(t *testing.T) {
	w := watch(t)
	var mu sync.Mutex
	var states []string
	snapshot := func() {
		mu.Lock()
		defer mu.Unlock()
		state := t.TempDir()
		if err := os.CopyFS(state, os.DirFS(w.Directory)); err != nil {
			t.Error(err)
		}
		states = append(states, state)
	}
	send := w.Sender.Send
	w.Sender.Parallel = 1
	w.Sender.Send = func(ctx context.Context, request *wire.NotifyImplantRequest) batch.Answer {
		snapshot()
		answer := send(ctx, request)
		snapshot()
		return answer
	}
	w.Log = slog.New(slog.NewTextHandler(writer(func(p []byte) (int, error) { snapshot(); return w.Write(p) }), nil))
	w.put(lines(header, good("A-1"), good("A-2"), good("A-3")), "inbox", "a.csv")
	w.put(lines(header, good("B-1"), good("B-2")), "inbox", "b.csv")
	w.until(w.idle)
	want := []string{"done/a.csv", "done/a.csv.results.csv", "done/b.csv", "done/b.csv.results.csv"}
	w.expect(want...)
	results := w.read("done", "a.csv.results.csv") + w.read("done", "b.csv.results.csv")

	// Steps between these that have no log line.
	between := func(name string, change func(at func(...string) string)) {
		state := filepath.Join(t.TempDir(), name)
		if err := os.CopyFS(state, os.DirFS(w.Directory)); err != nil {
			t.Fatal(err)
		}
		change(func(parts ...string) string { return filepath.Join(append([]string{state}, parts...)...) })
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
		half(at("sending", ".a.csv.journal"), `{"Abo`)
	})
	between("results written", func(at func(...string) string) { move(at("done", "a.csv"), at("sending", "a.csv")) })
	between("results half written", func(at func(...string) string) {
		move(at("done", "a.csv"), at("sending", "a.csv"))
		move(at("done", "a.csv.results.csv"), at("done", ".a.csv.results.csv.tmp"))
	})
	between("moved, journal left", func(at func(...string) string) { half(at("sending", ".a.csv.journal"), `{"About":""}`+"\n") })

	for _, state := range states {
		next := watch(t)
		next.Directory, next.registry = state, w.registry
		next.Sender.Send = w.registry.send
		_ = os.Remove(next.path("x"))
		next.until(next.idle)
		next.expect(want...)
		if again := next.read("done", "a.csv.results.csv") + next.read("done", "b.csv.results.csv"); again != results {
			t.Errorf("%s: results %s\nwant %s", state, again, results)
		}
	}
	if len(states) < 20 || len(w.registry.kept) != 5 || w.registry.conflict {
		t.Errorf("%d states, %d kept, conflict %v", len(states), len(w.registry.kept), w.registry.conflict)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// TestWatchUnreadable checks that an unreadable file is moved to folderFailed, with the reason.
func TestWatchUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	w := watch(t)
	w.put(lines(header, good("A")), "inbox", "list.csv")
	if err := os.Chmod(w.path("inbox", "list.csv"), 0); err != nil {
		t.Fatal(err)
	}
	w.until(w.idle)
	w.expect("failed/list.csv", "failed/list.csv.why.txt")
	if why := w.read("failed", "list.csv.why.txt"); !strings.Contains(why, "could not be read: permission denied.") {
		t.Errorf("why %s", why)
	}
	if info, err := os.Stat(w.path("failed", "list.csv.why.txt")); err != nil || info.Mode() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
}

// TestWatchMany checks that no file is lost when many arrive under one name while watchers start and stop.
func TestWatchMany(t *testing.T) {
	w := watch(t)
	const deliveries = 30
	for i := range deliveries {
		w.put(lines(header, good(fmt.Sprintf("A-%d", i)), good(fmt.Sprintf("B-%d", i))), "inbox", "list.csv")
		w.until(func() bool { _, err := os.Lstat(w.path("inbox", "list.csv")); return errors.Is(err, fs.ErrNotExist) })
	}
	w.until(w.idle)
	if all := w.all(); len(all) != 2*deliveries || len(w.registry.kept) != 2*deliveries {
		t.Errorf("%d kept; %v", len(w.registry.kept), all)
	}
}
