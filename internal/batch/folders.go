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

	"github.com/openctr/ctr/internal/durable"
)

// watchedFolders are the subfolders of a watched folder. They are on one disk, so that a file is always in exactly
// one of them.
type watchedFolders struct {
	root string
}

// The subfolders.
const (
	folderInbox   = "inbox"   // new files, put there by others
	folderSending = "sending" // files that are being sent, each with its hidden journal
	folderDone    = "done"    // files that were accepted completely, with their results
	folderFailed  = "failed"  // files that were not, with their results and the reason
)

// The suffixes of the files that are written next to a sent file.
const (
	resultsSuffix = ".results.csv"
	reasonSuffix  = ".why.txt"
	journalSuffix = ".journal"
)

// lockFileName is the file that the watching process locks.
const lockFileName = ".ctr-batch.lock"

// maxNameBytes leaves room for the suffixes in the 255 bytes of a file name.
const maxNameBytes = 220

// openAndLock creates missing subfolders and locks the folder against other processes until the file is closed.
func (f watchedFolders) openAndLock() (*os.File, error) {
	if info, err := os.Stat(f.root); err != nil {
		return nil, fmt.Errorf("the watched folder: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("the watched folder: %s is a file", f.root)
	}
	lock, err := openExclusive(filepath.Join(f.root, lockFileName))
	if err != nil {
		return nil, fmt.Errorf("the watched folder %s: %w", f.root, err)
	}
	for _, name := range []string{folderInbox, folderSending, folderDone, folderFailed} {
		// The umask decides who else may put and take files.
		//nolint:gosec // see above
		if err = os.Mkdir(filepath.Join(f.root, name), 0o770); err != nil && !errors.Is(err, fs.ErrExist) {
			_ = lock.Close() // nothing was written, so the error is harmless
			return nil, fmt.Errorf("the watched folder: %w", err)
		}
	}
	return lock, nil
}

func (f watchedFolders) filePath(folder, name string) string {
	return filepath.Join(f.root, folder, name)
}

// journalPath returns the path of a file's journal. The journal is hidden so that it is never taken for a file to
// send.
func (f watchedFolders) journalPath(name string) string {
	return f.filePath(folderSending, "."+name+journalSuffix)
}

// isCompleteName reports whether a file may be sent by its name. Other names belong to programs that write under a
// temporary name first.
func isCompleteName(name string) bool {
	lower := strings.ToLower(name)
	return !strings.HasPrefix(name, ".") && !strings.HasSuffix(lower, ".tmp") && !strings.HasSuffix(lower, ".part") &&
		!strings.HasSuffix(lower, ".filepart")
}

// listFiles lists the files of a subfolder, oldest first.
func (f watchedFolders) listFiles(folder string) ([]fs.FileInfo, error) {
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
		if info.Mode().IsRegular() && isCompleteName(entry.Name()) {
			files = append(files, info)
		}
	}
	slices.SortStableFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	return files, nil
}

// removeOrphanedJournals removes the journals of files that were moved on. Their content is in the results.
func (f watchedFolders) removeOrphanedJournals() error {
	entries, err := os.ReadDir(filepath.Join(f.root, folderSending))
	if err != nil {
		return fmt.Errorf("the watched folder: %w", err)
	}
	for _, entry := range entries {
		name, isJournal := strings.CutSuffix(entry.Name(), journalSuffix)
		name, isHidden := strings.CutPrefix(name, ".")
		if _, err = os.Lstat(f.filePath(folderSending, name)); !isJournal || !isHidden || !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err = os.Remove(f.filePath(folderSending, entry.Name())); err != nil {
			return fmt.Errorf("the watched folder: %w", err)
		}
	}
	return nil
}

// moveToSending moves a file out of the inbox, so that a new file of the same name is a different one. The file gets
// a name that is not used in any subfolder, so that nothing is overwritten.
func (f watchedFolders) moveToSending(name string) (string, error) {
	extension := filepath.Ext(name)
	if len(extension) > maxNameBytes/2 {
		extension = ""
	}
	stem := strings.TrimSuffix(name, extension)
	for len(stem)+len(extension) > maxNameBytes {
		_, size := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-size]
	}
	target := stem + extension
	for n := 2; f.isNameUsed(target); n++ {
		target = fmt.Sprintf("%s-%d%s", stem, n, extension)
	}
	if err := os.Rename(f.filePath(folderInbox, name), f.filePath(folderSending, target)); err != nil {
		return "", err
	}
	return target, nil
}

// syncMove waits until the move of a file between two subfolders is on disk.
func (f watchedFolders) syncMove(from, to string) error {
	if err := errors.Join(
		durable.SyncDirectory(f.filePath(to, "")), durable.SyncDirectory(f.filePath(from, "")),
	); err != nil {
		return fmt.Errorf("the watched folder: %w", err)
	}
	return nil
}

// isNameUsed reports whether a file of that name, or one that is written next to it, exists.
func (f watchedFolders) isNameUsed(name string) bool {
	for _, folder := range []string{folderSending, folderDone, folderFailed} {
		for _, suffix := range []string{"", resultsSuffix, reasonSuffix} {
			if _, err := os.Lstat(f.filePath(folder, name+suffix)); err == nil {
				return true
			}
		}
	}
	return false
}

// statFile returns the size and modification time of a file in folderSending. If they are unchanged, so is its
// content.
func (f watchedFolders) statFile(name string) (fileSnapshot, error) {
	info, err := os.Stat(f.filePath(folderSending, name))
	if err != nil {
		return fileSnapshot{}, fmt.Errorf("the watched folder: %w", err)
	}
	return fileSnapshot{size: info.Size(), modified: info.ModTime()}, nil
}

// moveWithResults writes the result files and then moves the file next to them, so that anyone who sees the file
// there finds all of them. If it is interrupted at any point, the file is still in folderSending, from which the next
// run resumes.
func (f watchedFolders) moveWithResults(name, folder string, files map[string][]byte) error {
	from, to := f.filePath(folderSending, name), f.filePath(folder, name)
	info, err := os.Stat(from)
	if err != nil {
		return fmt.Errorf("the watched folder: %w", err)
	}
	if _, err = os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has come to be there meanwhile: move it away", to)
	}
	for suffix, data := range files {
		mode := info.Mode()
		if suffix == reasonSuffix {
			mode |= 0o440 // readable by the group, even if the file itself is not
		}
		if err = durable.Replace(to+suffix, data, mode); err != nil {
			return fmt.Errorf("the results: %w", err)
		}
	}
	if err = os.Rename(from, to); err != nil {
		return fmt.Errorf("the watched folder: %w", err)
	}
	if err = f.syncMove(folderSending, folder); err != nil {
		return err
	}
	return f.removeOrphanedJournals()
}

// fileSnapshot is the last seen state of a file in the inbox.
type fileSnapshot struct {
	size           int64
	modified       time.Time
	unchangedSince time.Time // when this state was first seen
}

// inboxSnapshot maps the names of the files in the inbox to their last seen state.
type inboxSnapshot map[string]fileSnapshot

// nextSettledFile returns the file that has been unchanged for the longest time, and for at least settle, or an empty
// string.
func (a inboxSnapshot) nextSettledFile(files []fs.FileInfo, now time.Time, settle time.Duration) string {
	present := map[string]bool{}
	var ready []string
	for _, info := range files {
		name := info.Name()
		present[name] = true
		last, seen := a[name]
		if !seen || last.size != info.Size() || !last.modified.Equal(info.ModTime()) {
			last = fileSnapshot{size: info.Size(), modified: info.ModTime(), unchangedSince: now}
			a[name] = last
		}
		if now.Sub(last.unchangedSince) >= settle {
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
		return cmp.Or(
			a[x].unchangedSince.Compare(a[y].unchangedSince), a[x].modified.Compare(a[y].modified), cmp.Compare(x, y),
		)
	})
}
