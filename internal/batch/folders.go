package batch

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// folders are those of a watched folder, all on one disk, so that a file is in exactly one of them at any moment.
type folders struct {
	root string
}

// What stands in which folder.
const (
	inbox   = "inbox"   // what others put there
	sending = "sending" // what was taken, with its journal, which is hidden
	done    = "done"    // of which everything was accepted, with its results
	failed  = "failed"  // of which something was not, with its results and why
)

// The endings of what is written beside a file.
const (
	resultsEnding = ".results.csv"
	whyEnding     = ".why.txt"
	journalEnding = ".journal"
)

// lockFile is held by the process that watches.
const lockFile = ".ctr-batch.lock"

// longestName leaves room for endings in the 255 octets that a name may have.
const longestName = 220

// open makes what is missing, and keeps other processes out until the file is closed.
func (f folders) open() (*os.File, error) {
	if info, err := os.Stat(f.root); err != nil {
		return nil, fmt.Errorf("the watched folder: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("the watched folder: %s is a file", f.root)
	}
	lock, err := openAlone(filepath.Join(f.root, lockFile))
	if err != nil {
		return nil, fmt.Errorf("the watched folder %s: %w", f.root, err)
	}
	for _, name := range []string{inbox, sending, done, failed} {
		// Who else may put and take files is for the umask to say.
		if err = os.Mkdir(filepath.Join(f.root, name), 0o770); err != nil && !errors.Is(err, fs.ErrExist) { //nolint:gosec // see above
			_ = lock.Close() // nothing was written
			return nil, fmt.Errorf("the watched folder: %w", err)
		}
	}
	return lock, nil
}

func (f folders) path(folder, name string) string { return filepath.Join(f.root, folder, name) }

// journal is hidden, so that no file of that name is taken for one.
func (f folders) journal(name string) string { return f.path(sending, "."+name+journalEnding) }

// isComplete tells whether a name may be taken. The others are of those who write a file under another name first.
func isComplete(name string) bool {
	lower := strings.ToLower(name)
	return !strings.HasPrefix(name, ".") && !strings.HasSuffix(lower, ".tmp") && !strings.HasSuffix(lower, ".part") && !strings.HasSuffix(lower, ".filepart")
}

// files lists a folder, the oldest first.
func (f folders) files(folder string) ([]fs.FileInfo, error) {
	entries, err := os.ReadDir(filepath.Join(f.root, folder))
	if err != nil {
		return nil, fmt.Errorf("the watched folder: %w", err)
	}
	var files []fs.FileInfo
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil { // taken away meanwhile
			continue
		}
		if info.Mode().IsRegular() && isComplete(entry.Name()) {
			files = append(files, info)
		}
	}
	slices.SortStableFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	return files, nil
}

// sweep removes the journals of files that have left. What they told is in the results.
func (f folders) sweep() error {
	entries, err := os.ReadDir(filepath.Join(f.root, sending))
	if err != nil {
		return fmt.Errorf("the watched folder: %w", err)
	}
	for _, entry := range entries {
		name, isJournal := strings.CutSuffix(entry.Name(), journalEnding)
		name, isHidden := strings.CutPrefix(name, ".")
		if _, err = os.Lstat(f.path(sending, name)); !isJournal || !isHidden || !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err = os.Remove(f.path(sending, entry.Name())); err != nil {
			return fmt.Errorf("the watched folder: %w", err)
		}
	}
	return nil
}

// take moves a file out of the inbox: what is put there under its name afterwards is another one. It gets a name that is
// nowhere yet, so that nothing is ever overwritten.
func (f folders) take(name string) (string, error) {
	ending := filepath.Ext(name)
	if len(ending) > longestName/2 {
		ending = ""
	}
	stem := strings.TrimSuffix(name, ending)
	for len(stem)+len(ending) > longestName {
		_, size := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-size]
	}
	taken := stem + ending
	for n := 2; f.isUsed(taken); n++ {
		taken = fmt.Sprintf("%s-%d%s", stem, n, ending)
	}
	if err := os.Rename(f.path(inbox, name), f.path(sending, taken)); err != nil {
		return "", err
	}
	return taken, nil
}

// sync waits until it is on disk that a file went from one folder to another.
func (f folders) sync(from, to string) error {
	if err := errors.Join(syncDirectory(f.path(to, "")), syncDirectory(f.path(from, ""))); err != nil {
		return fmt.Errorf("the watched folder: %w", err)
	}
	return nil
}

// isUsed tells whether a file of the name, or what is written beside one, is there.
func (f folders) isUsed(name string) bool {
	for _, folder := range []string{sending, done, failed} {
		for _, ending := range []string{"", resultsEnding, whyEnding} {
			if _, err := os.Lstat(f.path(folder, name+ending)); err == nil {
				return true
			}
		}
	}
	return false
}

// state is the size and the time of a file that was taken: while they stay, so does its content.
func (f folders) state(name string) (sighting, error) {
	info, err := os.Stat(f.path(sending, name))
	if err != nil {
		return sighting{}, fmt.Errorf("the watched folder: %w", err)
	}
	return sighting{size: info.Size(), modified: info.ModTime()}, nil
}

// finish moves a file to where it ends, behind what is written beside it: who sees the file there finds all of it. When it
// is broken off at any point, the file is still where it is taken up again.
func (f folders) finish(name, folder string, beside map[string][]byte) error {
	from, to := f.path(sending, name), f.path(folder, name)
	info, err := os.Stat(from)
	if err != nil {
		return fmt.Errorf("the watched folder: %w", err)
	}
	if _, err = os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has come to be there meanwhile: move it away", to)
	}
	for ending, octets := range beside {
		mode := info.Mode()
		if ending == whyEnding {
			mode |= 0o440 // also of a file that nobody could read
		}
		if err = WriteFile(to+ending, octets, mode); err != nil {
			return fmt.Errorf("the results: %w", err)
		}
	}
	if err = os.Rename(from, to); err != nil {
		return fmt.Errorf("the watched folder: %w", err)
	}
	if err = f.sync(sending, folder); err != nil {
		return err
	}
	return f.sweep()
}

// sighting is what was seen of a file in the inbox.
type sighting struct {
	size     int64
	modified time.Time
	since    time.Time // of which it has been so
}

// arrivals are the files of the inbox as they were seen at the last look.
type arrivals map[string]sighting

// next is the file that has been complete for the longest: one that has not changed for a while. It is empty when there
// is none.
func (a arrivals) next(files []fs.FileInfo, now time.Time, settle time.Duration) string {
	there := map[string]bool{}
	var ready []string
	for _, info := range files {
		name := info.Name()
		there[name] = true
		last, seen := a[name]
		if !seen || last.size != info.Size() || !last.modified.Equal(info.ModTime()) {
			last = sighting{size: info.Size(), modified: info.ModTime(), since: now}
			a[name] = last
		}
		if now.Sub(last.since) >= settle {
			ready = append(ready, name)
		}
	}
	for name := range a {
		if !there[name] {
			delete(a, name)
		}
	}
	if len(ready) == 0 {
		return ""
	}
	return slices.MinFunc(ready, func(x, y string) int {
		return cmp.Or(a[x].since.Compare(a[y].since), a[x].modified.Compare(a[y].modified), cmp.Compare(x, y))
	})
}
