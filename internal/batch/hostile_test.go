//go:build !windows

package batch_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/openctr/ctr/internal/batch"
	"github.com/openctr/ctr/internal/wire/ctr"
)

const secret = "correct_horse_battery_staple"

// hostileFixture is a watched folder beside a file that only the watcher may read and write.
type hostileFixture struct {
	*watchFixture

	victim string
}

func newHostileFixture(t *testing.T) *hostileFixture {
	t.Helper()
	h := &hostileFixture{newWatchFixture(t), filepath.Join(t.TempDir(), "password")}
	if err := os.WriteFile(h.victim, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

// expectNoHarm fails if the victim was changed, or if its content is in the watched folder or in the log.
func (h *hostileFixture) expectNoHarm() {
	h.t.Helper()
	if data, err := os.ReadFile(h.victim); err != nil || string(data) != secret+"\n" {
		h.t.Errorf("the victim holds %q, %v", data, err)
	}
	for _, name := range h.listFiles() {
		if isWritten := strings.HasSuffix(name, ".why.txt") || strings.HasSuffix(name, ".results.csv"); isWritten && strings.Contains(h.readFile(name), secret) {
			h.t.Errorf("%s tells the secret", name)
		}
	}
	if strings.Contains(h.logText(), secret) {
		h.t.Errorf("the log tells the secret: %s", h.logText())
	}
}

func (h *hostileFixture) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// duringSend runs a function once, while the first notification of a file is sent.
func (h *hostileFixture) duringSend(do func()) {
	send, done := h.Sender.Send, false
	h.Sender.Parallel = 1
	h.Sender.Send = func(ctx context.Context, request *ctr.NotifyImplantRequest) batch.Answer {
		if !done {
			done = true
			do()
		}
		return send(ctx, request)
	}
}

// TestFindingM7FilesOfOthers: whatever others do to names in the watched folder, the watcher reads and writes no file
// outside it, does not hang, and repeats no content.
func TestFindingM7FilesOfOthers(t *testing.T) {
	list := joinLines(header, validRow("A"))
	for name, tt := range map[string]struct {
		attack func(h *hostileFixture)
		done   func(h *hostileFixture) bool
		ends   string // the error with which the watcher ends; empty: it goes on
		want   []string
	}{
		"the taken file becomes a link": {func(h *hostileFixture) {
			h.writeFile(list, "inbox", "list.csv")
			h.duringSend(func() {
				h.must(os.Remove(h.pathOf("sending", "list.csv")))
				h.must(os.Symlink(h.victim, h.pathOf("sending", "list.csv")))
			})
		}, nil, "", []string{"failed/list.csv", "failed/list.csv.why.txt"}},
		"the taken file becomes a hard link": {func(h *hostileFixture) {
			h.writeFile(list, "inbox", "list.csv")
			h.duringSend(func() {
				h.must(os.Remove(h.pathOf("sending", "list.csv")))
				h.must(os.Link(h.victim, h.pathOf("sending", "list.csv")))
			})
		}, nil, "", []string{"failed/list.csv", "failed/list.csv.why.txt"}},
		"the taken file becomes a pipe": {func(h *hostileFixture) {
			h.writeFile(list, "inbox", "list.csv")
			h.duringSend(func() {
				h.must(os.Remove(h.pathOf("sending", "list.csv")))
				h.must(syscall.Mkfifo(h.pathOf("sending", "list.csv"), 0o600))
			})
		}, nil, "", []string{"failed/list.csv", "failed/list.csv.why.txt"}},
		"links and pipes in the inbox": {func(h *hostileFixture) {
			h.must(os.Symlink(h.victim, h.pathOf("inbox", "a.csv")))
			h.must(syscall.Mkfifo(h.pathOf("inbox", "b.csv"), 0o600))
			h.must(os.Mkdir(h.pathOf("inbox", "c.csv"), 0o700))
			h.must(os.Symlink("/dev/zero", h.pathOf("inbox", "d.csv")))
			h.writeFile(list, "inbox", "list.csv")
		}, func(h *hostileFixture) bool { return strings.Contains(h.logText(), "to=done") }, "",
			[]string{"done/list.csv", "done/list.csv.results.csv", "inbox/a.csv", "inbox/b.csv", "inbox/d.csv"}},
		"a hard link in the inbox": {func(h *hostileFixture) {
			h.must(os.Link(h.victim, h.pathOf("inbox", "a.csv")))
			h.writeFile(list, "inbox", "list.csv")
		}, func(h *hostileFixture) bool {
			return strings.Contains(h.logText(), "to=done") && strings.Count(h.logText(), "cannot take it yet") == 1
		}, "", []string{"done/list.csv", "done/list.csv.results.csv", "inbox/a.csv"}},
		"a secret as header": {func(h *hostileFixture) {
			h.writeFile(secret+";x\n1;2\n", "inbox", "list.csv")
			h.writeFile(`{"`+secret+`":1}`, "inbox", "list.jsonl")
		}, nil, "", []string{"failed/list.csv", "failed/list.csv.why.txt", "failed/list.jsonl", "failed/list.jsonl.results.csv", "failed/list.jsonl.why.txt"}},
		"a link where the results are written": {func(h *hostileFixture) {
			h.writeFile(list, "inbox", "list.csv")
			h.must(os.Symlink(h.victim, h.pathOf("done", ".list.csv.results.csv.tmp")))
			h.duringSend(func() { h.must(os.Symlink(h.victim, h.pathOf("done", "list.csv.results.csv"))) })
		}, nil, "", []string{"done/list.csv", "done/list.csv.results.csv"}},
		"the journal of an earlier version is a link": {func(h *hostileFixture) {
			h.writeFile(list, "sending", "list.csv")
			h.must(os.Symlink(h.victim, h.pathOf("sending", ".list.csv.journal")))
		}, nil, "", []string{"done/list.csv", "done/list.csv.results.csv"}},
		"the lock is a link": {func(h *hostileFixture) { h.must(os.Symlink(h.victim, h.pathOf(".ctr-batch.lock"))) },
			nil, "path escapes from parent", nil},
		"the lock is a link inside": {func(h *hostileFixture) {
			h.writeFile("x", "inbox", ".x")
			h.must(os.Symlink("inbox/.x", h.pathOf(".ctr-batch.lock")))
		}, nil, "not a regular file", []string{"inbox/.x"}},
		"a folder is a link to the outside": {func(h *hostileFixture) {
			h.must(os.Remove(h.pathOf("done")))
			h.must(os.Symlink(filepath.Dir(h.victim), h.pathOf("done")))
		}, nil, "escapes from parent", []string{"done"}},
		"a folder is a link to another one": {func(h *hostileFixture) {
			h.must(os.Remove(h.pathOf("sending")))
			h.must(os.Symlink("inbox", h.pathOf("sending")))
		}, nil, "sending is a link", []string{"sending"}},
		"a folder is exchanged while a file is sent": {func(h *hostileFixture) {
			h.writeFile(list, "inbox", "list.csv")
			h.duringSend(func() {
				h.must(os.Rename(h.pathOf("done"), h.pathOf("before")))
				h.must(os.Symlink(filepath.Dir(h.victim), h.pathOf("done")))
			})
		}, nil, "done is a link, or was replaced", []string{"done", "sending/list.csv"}},
		"sending is exchanged while a file is sent": {func(h *hostileFixture) {
			h.writeFile(list, "inbox", "list.csv")
			h.duringSend(func() {
				h.must(os.Rename(h.pathOf("sending"), h.pathOf("before")))
				h.must(os.Mkdir(h.pathOf("sending"), 0o700))
				h.must(os.Symlink(h.victim, h.pathOf("sending", "list.csv")))
			})
		}, nil, "sending is a link, or was replaced", []string{"before/list.csv", "sending/list.csv"}},
		"a name that a terminal obeys": {func(h *hostileFixture) {
			h.writeFile(list, "inbox", "a\x1b[2J\u202e\nb\xff.csv")
		}, nil, "", []string{"done/a_[2J__b_.csv", "done/a_[2J__b_.csv.results.csv"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHostileFixture(t)
			tt.attack(h)
			switch {
			case tt.ends != "":
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if err := h.Run(ctx); err == nil || !strings.Contains(err.Error(), tt.ends) {
					t.Errorf("ended with %v", err)
				}
			case tt.done != nil:
				h.runUntil(func() bool { return tt.done(h) })
			default:
				h.runUntil(h.isIdle)
			}
			h.expectNoHarm()
			h.expectFiles(tt.want...)
			if entries, err := os.ReadDir(filepath.Dir(h.victim)); err != nil || len(entries) != 1 {
				t.Errorf("beside the victim: %v, %v", entries, err)
			}
		})
	}
}

// TestFindingM7Rights: nobody else can write into folderSending or into the journals, and results are for the owner, and
// for the group if that could read the file.
func TestFindingM7Rights(t *testing.T) {
	w := newWatchFixture(t)
	for _, folder := range []string{"sending", "done", "failed"} {
		if err := os.Chmod(w.pathOf(folder), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for i, mode := range []os.FileMode{0o600, 0o640, 0o666, 0o604} {
		name := string(rune('a'+i)) + ".csv"
		w.writeFile(joinLines(header, validRow("A")), "inbox", name)
		if err := os.Chmod(w.pathOf("inbox", name), mode); err != nil {
			t.Fatal(err)
		}
	}
	w.writeFile("", "inbox", "empty.csv")
	w.runUntil(w.isIdle)
	for name, want := range map[string]os.FileMode{
		"sending": 0o700, "done/a.csv.results.csv": 0o600, "done/b.csv.results.csv": 0o640, "done/c.csv.results.csv": 0o640,
		"done/d.csv.results.csv": 0o600, "failed/empty.csv.why.txt": 0o640, "done": 0o777,
	} {
		if info, err := os.Stat(w.pathOf(name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
	if info, err := os.Stat(w.StateDirectory); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the journals: %v, %v", info.Mode(), err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	if err := os.Chown(w.pathOf("sending"), 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "sending belongs to another account") {
		t.Errorf("ended with %v", err)
	}
}

// TestFindingM7EarlierJournals: the journals that an earlier version kept in the watched folder are used once more, from
// their new place.
func TestFindingM7EarlierJournals(t *testing.T) {
	w := newWatchFixture(t)
	abort := func(context.Context, *ctr.NotifyImplantRequest) batch.Answer {
		return batch.Answer{Verdict: batch.VerdictAbort, Err: errLost}
	}
	send := w.Sender.Send
	w.Sender.Parallel = 1
	w.Sender.Send = func(ctx context.Context, request *ctr.NotifyImplantRequest) batch.Answer {
		if request.InputReference == "B" {
			return abort(ctx, request)
		}
		return send(ctx, request)
	}
	w.writeFile(joinLines(header, validRow("A"), validRow("B")), "inbox", "list.csv")
	if err := w.Run(t.Context()); !errors.Is(err, errLost) {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(w.StateDirectory, "list.csv.journal"), w.pathOf("sending", ".list.csv.journal")); err != nil {
		t.Fatal(err)
	}
	w.Sender.Send = send
	w.runUntil(w.isIdle)
	w.expectFiles("done/list.csv", "done/list.csv.results.csv")
	if len(w.registry.stored) != 2 || w.registry.replays != 0 {
		t.Errorf("%d kept, %d sent again", len(w.registry.stored), w.registry.replays)
	}
	if entries, err := os.ReadDir(w.StateDirectory); err != nil || len(entries) != 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

// TestFindingM7JournalOfAFile: the journal of a single file is never a link, a pipe, or a file with another name.
func TestFindingM7JournalOfAFile(t *testing.T) {
	h := newHostileFixture(t)
	for name, attack := range map[string]func(journal string) error{
		"link":      func(journal string) error { return os.Symlink(h.victim, journal) },
		"hard link": func(journal string) error { return os.Link(h.victim, journal) },
		"pipe":      func(journal string) error { return syscall.Mkfifo(journal, 0o600) },
		"folder":    func(journal string) error { return os.Mkdir(journal, 0o700) },
		"device":    func(journal string) error { return os.Symlink("/dev/full", journal) },
	} {
		journal := filepath.Join(t.TempDir(), "list.csv.journal")
		h.must(attack(journal))
		if j, err := batch.OpenJournal(journal); err == nil {
			t.Errorf("%s: opened", name)
			h.must(j.Close())
		}
		if _, err := batch.ReadJournal(journal); err == nil {
			t.Errorf("%s: read", name)
		}
		h.expectNoHarm()
	}
}
