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

// watchedFolders are the subfolders of a watched folder. They are on one disk, so that a file is always in exactly
// one of them.
type folders struct {
	root string
}

// The subfolders.
const (
	inbox   = "inbox"   // new files, put there by others
	sending = "sending" // files that are being sent, each with its hidden journal
	done    = "done"    // files that were accepted completely, with their results
	failed  = "failed"  // files that were not, with their results and the reason
)

// The suffixes of the files that are written next to a sent file.
const (
	resultsEnding = ".results.csv"
	whyEnding     = ".why.txt"
	journalEnding = ".journal"
)

// lockFileName is the file that the watching process locks.
const lockFile = ".ctr-batch.lock"

// maxNameBytes leaves room for the suffixes in the 255 bytes of a file name.
const longestName = 220

// openAndLock creates missing subfolders and locks the folder against other processes until the file is closed.
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
		// The umask decides who else may put and take files.
		if err = os.Mkdir(filepath.Join(f.root, name), 0o770); err != nil && !errors.Is(err, fs.ErrExist) { //nolint:gosec // see above
			_ = lock.Close() // nothing was written, so the error is harmless
			return nil, fmt.Errorf("the watched folder: %w", err)
		}
	}
	return lock, nil
}

func (f folders) path(folder, name string) string { return filepath.Join(f.root, folder, name) }

// journalPath returns the path of a file's journal. The journal is hidden so that it is never taken for a file to
// send.
func (f folders) journal(name string) string { return f.path(sending, "."+name+journalEnding) }

// isCompleteName reports whether a file may be sent by its name. Other names belong to programs that write under a
// temporary name first.
func isComplete(name string) bool {
	lower := strings.ToLower(name)
	return !strings.HasPrefix(name, ".") && !strings.HasSuffix(lower, ".tmp") && !strings.HasSuffix(lower, ".part") && !strings.HasSuffix(lower, ".filepart")
}

// listFiles lists the files of a subfolder, oldest first.
func (f folders) files(folder string) ([]fs.FileInfo, error) {
	entries, err := os.ReadDir(filepath.Join(f.root, folder))
	if err != nil {
		return nil, fmt.Errorf("the watched folder: %w", err)
	}
	var files []fs.FileInfo
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil { // removed in the meantime
			continue
		}
		if info.Mode().IsRegular() && isComplete(entry.Name()) {
			files = append(files, info)
		}
	}
	slices.SortStableFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	return files, nil
}

// removeOrphanedJournals removes the journals of files that were moved on. Their content is in the results.
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

// moveToSending moves a file out of the inbox, so that a new file of the same name is a different one. The file gets
// a name that is not used in any subfolder, so that nothing is overwritten.
func (f folders) take(name string) (string, error) {
	extension := filepath.Ext(name)
	if len(extension) > longestName/2 {
		extension = ""
	}
	stem := strings.TrimSuffix(name, extension)
	for len(stem)+len(extension) > longestName {
		_, size := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-size]
	}
	target := stem + extension
	for n := 2; f.isUsed(target); n++ {
		target = fmt.Sprintf("%s-%d%s", stem, n, extension)
	}
	if err := os.Rename(f.path(inbox, name), f.path(sending, target)); err != nil {
		return "", err
	}
	return target, nil
}

// syncMove waits until the move of a file between two subfolders is on disk.
func (f folders) sync(from, to string) error {
	if err := errors.Join(syncDirectory(f.path(to, "")), syncDirectory(f.path(from, ""))); err != nil {
		return fmt.Errorf("the watched folder: %w", err)
	}
	return nil
}

// isNameUsed reports whether a file of that name, or one that is written next to it, exists.
func (f folders) isUsed(name string) bool {
	for _, folder := range []string{sending, done, failed} {
		for _, suffix := range []string{"", resultsEnding, whyEnding} {
			if _, err := os.Lstat(f.path(folder, name+suffix)); err == nil {
				return true
			}
		}
	}
	return false
}

// statFile returns the size and modification time of a file in folderSending. If they are unchanged, so is its
// content.
func (f folders) state(name string) (sighting, error) {
	info, err := os.Stat(f.path(sending, name))
	if err != nil {
		return sighting{}, fmt.Errorf("the watched folder: %w", err)
	}
	return sighting{size: info.Size(), modified: info.ModTime()}, nil
}

// moveWithResults writes the result files and then moves the file next to them, so that anyone who sees the file
// there finds all of them. If it is interrupted at any point, the file is still in folderSending, from which the next
// run resumes.
func (f folders) finish(name, folder string, files map[string][]byte) error {
	from, to := f.path(sending, name), f.path(folder, name)
	info, err := os.Stat(from)
	if err != nil {
		return fmt.Errorf("the watched folder: %w", err)
	}
	if _, err = os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has come to be there meanwhile: move it away", to)
	}
	for suffix, data := range files {
		mode := info.Mode()
		if suffix == whyEnding {
			mode |= 0o440 // readable by the group, even if the file itself is not
		}
		if err = WriteFile(to+suffix, data, mode); err != nil {
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

// fileSnapshot is the last seen state of a file in the inbox.
type sighting struct {
	size     int64
	modified time.Time
	since    time.Time // when this state was first seen
}

// inboxSnapshot maps the names of the files in the inbox to their last seen state.
type arrivals map[string]sighting

// nextSettledFile returns the file that has been unchanged for the longest time, and for at least settle, or an empty
// string.
func (a arrivals) next(files []fs.FileInfo, now time.Time, settle time.Duration) string {
	present := map[string]bool{}
	var ready []string
	for _, info := range files {
		name := info.Name()
		present[name] = true
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
		if !present[name] {
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
