package durable_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/openctr/ctr/internal/durable"
)

// expectFile fails unless the file has this content and mode, and is alone in its directory.
func expectFile(t *testing.T, name, content string, mode fs.FileMode) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(data) != content || info.Mode() != mode {
		t.Errorf("%q with mode %v", data, info.Mode())
	}
	if entries, err := os.ReadDir(filepath.Dir(name)); err != nil || len(entries) != 1 {
		t.Errorf("files: %v, %v", entries, err)
	}
}

func TestCreate(t *testing.T) {
	name := filepath.Join(t.TempDir(), "key")
	if err := durable.Create(name, []byte("first")); err != nil {
		t.Fatal(err)
	}
	expectFile(t, name, "first", 0o600)
	if err := durable.Create(name, []byte("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("created twice: %v", err)
	}
	expectFile(t, name, "first", 0o600)
	if err := durable.Create(filepath.Join(name, "below"), nil); err == nil {
		t.Error("created below a file")
	}
}

func TestReplace(t *testing.T) {
	name := filepath.Join(t.TempDir(), "answer")
	for _, step := range []struct {
		content    string
		mode, want fs.FileMode
	}{{"first", 0o644, 0o644}, {"second", 0o400, 0o600}, {"", 0o2770, 0o660}} {
		if err := durable.Replace(name, []byte(step.content), step.mode); err != nil {
			t.Fatal(err)
		}
		expectFile(t, name, step.content, step.want)
	}
	if err := durable.Replace(filepath.Join(name, "below"), nil, 0o600); err == nil {
		t.Error("written below a file")
	}
	directory := filepath.Join(t.TempDir(), "directory")
	if err := os.Mkdir(directory, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := durable.Replace(directory, []byte("x"), 0); err == nil {
		t.Error("a directory was replaced by a file")
	}
	if entries, err := os.ReadDir(filepath.Dir(directory)); err != nil || len(entries) != 1 {
		t.Errorf("left after a failure: %v, %v", entries, err)
	}
}

// TestReplaceIn also checks that nothing outside the folder is written, whatever a name in it is.
func TestReplaceIn(t *testing.T) {
	directory, outside := t.TempDir(), filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(outside, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	folder, err := os.OpenRoot(directory)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(directory, "answer")
	if err = os.Symlink(outside, name); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		content    string
		mode, want fs.FileMode
	}{{"first", 0o640, 0o640}, {"second", 0o400, 0o600}, {"", 0o2770, 0o660}} {
		if err = durable.ReplaceIn(folder, "answer", []byte(step.content), step.mode); err != nil {
			t.Fatal(err)
		}
		expectFile(t, name, step.content, step.want)
	}
	expectFile(t, outside, "kept", 0o600)
	for _, bad := range []string{"../" + filepath.Base(filepath.Dir(outside)) + "/victim", "below/answer", ""} {
		if err = durable.ReplaceIn(folder, bad, []byte("x"), 0); err == nil {
			t.Errorf("%q was written", bad)
		}
	}
	expectFile(t, outside, "kept", 0o600)
	if err = os.Rename(directory, directory+"-before"); err != nil { // the folder stays the same, its path does not
		t.Fatal(err)
	}
	if err = durable.ReplaceIn(folder, "answer", []byte("third"), 0o600); err != nil {
		t.Error(err)
	}
	if _, err = os.Stat(directory); err == nil {
		t.Error("written to where the folder was")
	}
	if err = folder.Close(); err != nil {
		t.Error(err)
	}
}

// TestFindingL3Save: what only its owner should see is written for its owner, and through no link.
func TestFindingL3Save(t *testing.T) {
	type place struct{ name, victim string }
	for name, tt := range map[string]struct {
		prepare func(p place) error
		refused bool
	}{
		"new":          {func(place) error { return nil }, false},
		"readable":     {func(p place) error { return os.WriteFile(p.name, []byte("old"), 0o644) }, false},
		"a link":       {func(p place) error { return os.Symlink(p.victim, p.name) }, true},
		"into nowhere": {func(p place) error { return os.Symlink(p.victim+"-missing", p.name) }, true},
		"a hard link":  {func(p place) error { return os.Link(p.victim, p.name) }, false},
		"a folder":     {func(p place) error { return os.Mkdir(p.name, 0o700) }, true},
		"a device":     {func(p place) error { return os.Symlink("/dev/null", p.name) }, true},
		"a link where it is written first": {func(p place) error {
			return os.Symlink(p.victim, filepath.Join(filepath.Dir(p.name), ".card.pdf.tmp"))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := place{filepath.Join(t.TempDir(), "card.pdf"), filepath.Join(t.TempDir(), "victim")}
			if err := os.WriteFile(p.victim, []byte("kept"), 0o640); err != nil {
				t.Fatal(err)
			}
			if err := tt.prepare(p); err != nil {
				t.Fatal(err)
			}
			if err := durable.Save(p.name, []byte("a card")); (err != nil) != tt.refused {
				t.Errorf("saved with %v", err)
			}
			if !tt.refused {
				expectFile(t, p.name, "a card", 0o600)
			}
			expectFile(t, p.victim, "kept", 0o640)
		})
	}
}

// TestCreateWith: the file has its name only when it is complete, and never the place of another.
func TestCreateWith(t *testing.T) {
	name := filepath.Join(t.TempDir(), "letter")
	write := func(text string, err error) func(io.Writer) error {
		return func(w io.Writer) error {
			if _, statErr := os.Lstat(name); !errors.Is(statErr, fs.ErrNotExist) {
				t.Errorf("incomplete under its name: %v", statErr)
			}
			_, writeErr := io.WriteString(w, text)
			return errors.Join(err, writeErr)
		}
	}
	broken := errors.New("broken")
	if err := durable.CreateWith(name, write("half", broken)); !errors.Is(err, broken) {
		t.Errorf("broken: %v", err)
	}
	if err := durable.CreateWith(name, write("first", nil)); err != nil {
		t.Fatal(err)
	}
	expectFile(t, name, "first", 0o600)
	if err := durable.CreateWith(name, write("second", nil)); !errors.Is(err, fs.ErrExist) {
		t.Errorf("created twice: %v", err)
	}
	expectFile(t, name, "first", 0o600)
	late := filepath.Join(t.TempDir(), "late")
	err := durable.CreateWith(late, func(io.Writer) error { return os.WriteFile(late, []byte("theirs"), 0o600) })
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("made meanwhile: %v", err)
	}
	expectFile(t, late, "theirs", 0o600)
}
