package batch

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/durable"
)

// watchedFolders are the subfolders of a watched folder. They are on one disk, so that a file is always in exactly
// one of them.
//
// Others may create, rename and remove files in all of them but folderSending at any time, and the subfolders
// themselves. So no name is trusted: everything goes through the folders as they were opened, a file is used only if
// what was opened is a regular file with one name, and the journals are in a private directory elsewhere.
type watchedFolders struct {
	path     string
	root     *os.Root
	folders  map[string]*os.Root
	journals string // a private directory
}

// The subfolders.
const (
	folderInbox   = "inbox"   // new files, put there by others
	folderSending = "sending" // files that are being sent; private
	folderDone    = "done"    // files that were accepted completely, with their results
	folderFailed  = "failed"  // files that were not, with their results and the reason
)

func folderNames() []string { return []string{folderInbox, folderSending, folderDone, folderFailed} }

// The suffixes of the files that are written next to a sent file.
const (
	resultsSuffix = ".results.csv"
	reasonSuffix  = ".why.txt"
	journalSuffix = ".journal"
)

// lockFileName is the file that the watching process locks.
const lockFileName = ".ctr-batch.lock"

// maxNameBytes leaves room for the suffixes and the temporary names in the 255 bytes of a file name.
const maxNameBytes = 200

// openAndLock opens the folder, creates missing subfolders, and locks the folder against other processes until the file
// is closed. It returns an error if others could put files into folderSending.
func openAndLock(path, journals string) (_ *watchedFolders, lock *os.File, err error) {
	f := &watchedFolders{path: path, folders: map[string]*os.Root{}, journals: journals}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("the watched folder: %w", err), f.close())
		}
	}()
	if f.root, err = os.OpenRoot(path); err != nil {
		return f, nil, err
	}
	if lock, err = openExclusiveIn(f.root, lockFileName); err != nil {
		return f, nil, fmt.Errorf("%s: %w", path, err)
	}
	if err = f.openFolders(); err != nil {
		return f, nil, errors.Join(err, lock.Close())
	}
	return f, lock, nil
}

func (f *watchedFolders) openFolders() error {
	for _, name := range folderNames() {
		// The umask decides who else may put and take files.
		if err := f.root.Mkdir(name, 0o770); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		folder, err := f.root.OpenRoot(name)
		if err != nil {
			return err
		}
		f.folders[name] = folder
	}
	if err := f.checkFolders(); err != nil {
		return err
	}
	if err := makePrivate(f.root, folderSending); err != nil {
		return err
	}
	if err := f.openJournals(); err != nil {
		return fmt.Errorf("the journals: %w", err)
	}
	return errors.Join(f.adoptJournals(), f.removeOrphanedJournals(), f.removeTemporaryFiles())
}

// openJournals creates the directory of the journals if it is missing, and makes it private.
func (f *watchedFolders) openJournals() error {
	if err := os.MkdirAll(f.journals, 0o700); err != nil {
		return err
	}
	parent, err := os.OpenRoot(filepath.Dir(f.journals))
	if err != nil {
		return err
	}
	return errors.Join(makePrivate(parent, filepath.Base(f.journals)), parent.Close())
}

func (f *watchedFolders) close() error {
	var err error
	for _, folder := range f.folders {
		err = errors.Join(err, folder.Close())
	}
	if f.root != nil {
		err = errors.Join(err, f.root.Close())
	}
	return err
}

// checkFolders returns an error if a subfolder is no longer the one that was opened, or is a link.
func (f *watchedFolders) checkFolders() error {
	for _, name := range folderNames() {
		there, err := f.root.Lstat(name)
		if err != nil {
			return err
		}
		if opened, err := f.folders[name].Stat("."); err != nil || !there.IsDir() || !os.SameFile(there, opened) {
			return errors.Join(fmt.Errorf("%s is a link, or was replaced while it was watched", name), err)
		}
	}
	return nil
}

// makePrivate takes all rights on a folder from others. It returns an error if the folder belongs to somebody else, or
// if others can still write into it.
func makePrivate(root *os.Root, name string) error {
	info, err := root.Lstat(name)
	if err != nil {
		return err
	}
	if !isOwn(info) {
		return fmt.Errorf("%s belongs to another account: let this one create it", name)
	}
	if info.Mode().Perm()&0o077 == 0 || !hasPermissions {
		return nil
	}
	if err = root.Chmod(name, 0o700); err != nil {
		return err
	}
	if info, err = root.Lstat(name); err == nil && info.Mode().Perm()&0o022 != 0 {
		err = fmt.Errorf("%s: others can write into it", name)
	}
	return err
}

// Reasons not to use a file.
var (
	errNotRegular  = errors.New("it is not a regular file")
	errSeveralName = errors.New("it has another name somewhere (a hard link)")
	errExchanged   = errors.New("it was exchanged while it was being opened")
)

// openRegular opens a file for reading if it is a regular file with one name, and not a link.
func openRegular(folder *os.Root, name string) (*os.File, fs.FileInfo, error) {
	before, err := folder.Lstat(name)
	if err != nil {
		return nil, nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, nil, errNotRegular
	}
	file, err := folder.OpenFile(name, os.O_RDONLY|openWithoutWaiting, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case !os.SameFile(before, info) || !info.Mode().IsRegular():
		err = errExchanged
	case countNames(info) > 1:
		err = errSeveralName
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, info, nil
}

// journalPath returns the path of a file's journal.
func (f *watchedFolders) journalPath(name string) string {
	return filepath.Join(f.journals, name+journalSuffix)
}

// isCompleteName reports whether a file may be sent by its name. Other names belong to programs that write under a
// temporary name first.
func isCompleteName(name string) bool {
	lower := strings.ToLower(name)
	return !strings.HasPrefix(name, ".") && !strings.HasSuffix(lower, ".tmp") && !strings.HasSuffix(lower, ".part") &&
		!strings.HasSuffix(lower, ".filepart")
}

// listFiles lists the files of a subfolder that may be sent, oldest first, and the names of others that have another
// name somewhere: a program that delivers by linking removes it in a moment.
func (f *watchedFolders) listFiles(folder string) (files []fs.FileInfo, linked []string, err error) {
	entries, err := f.readFolder(folder)
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range entries {
		info, err := f.folders[folder].Lstat(entry)
		switch {
		case err != nil: // removed in the meantime
		case !info.Mode().IsRegular() || !isCompleteName(entry):
		case countNames(info) > 1:
			linked = append(linked, entry)
		default:
			files = append(files, info)
		}
	}
	slices.SortStableFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	return files, linked, nil
}

// readFolder returns the names in a subfolder, sorted.
func (f *watchedFolders) readFolder(folder string) (names []string, err error) {
	directory, err := f.folders[folder].Open(".")
	if err != nil {
		return nil, fmt.Errorf("the watched folder: %w", err)
	}
	names, err = directory.Readdirnames(-1)
	if err = errors.Join(err, directory.Close()); err != nil {
		return nil, fmt.Errorf("the watched folder: %w", err)
	}
	slices.Sort(names)
	return names, nil
}

// adoptJournals moves the journals that an earlier version kept in folderSending, under hidden names, to the private
// directory, once.
func (f *watchedFolders) adoptJournals() error {
	names, err := f.readFolder(folderSending)
	if err != nil {
		return err
	}
	sending := f.folders[folderSending]
	for _, entry := range names {
		name, isJournal := strings.CutSuffix(entry, journalSuffix)
		name, isHidden := strings.CutPrefix(name, ".")
		if !isJournal || !isHidden {
			continue
		}
		if _, err = os.Lstat(f.journalPath(name)); errors.Is(err, fs.ErrNotExist) {
			if err = copyJournal(sending, entry, f.journalPath(name)); err != nil {
				return fmt.Errorf("%s: %w", entry, err)
			}
		}
		if err = sending.Remove(entry); err != nil {
			return err
		}
	}
	return nil
}

// copyJournal copies a journal unless it is a link or the like: its notifications are then sent again, which is safe.
func copyJournal(sending *os.Root, entry, target string) error {
	file, _, err := openRegular(sending, entry)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	data, err := io.ReadAll(io.LimitReader(file, MaxFileBytes))
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return durable.Create(target, data)
}

// removeOrphanedJournals removes the journals of files that were moved on. Their content is in the results.
func (f *watchedFolders) removeOrphanedJournals() error {
	entries, err := os.ReadDir(f.journals)
	if err != nil {
		return fmt.Errorf("the journals: %w", err)
	}
	for _, entry := range entries {
		name, isJournal := strings.CutSuffix(entry.Name(), journalSuffix)
		if _, err = f.folders[folderSending].Lstat(name); !isJournal || !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err = os.Remove(filepath.Join(f.journals, entry.Name())); err != nil {
			return fmt.Errorf("the journals: %w", err)
		}
	}
	return nil
}

// temporaryPattern matches the names under which this program writes results and reasons before it renames them.
var temporaryPattern = regexp.MustCompile(`^\..+(\.results\.csv|\.why\.txt)(\.[A-Z2-7]{26})?\.tmp$`)

// removeTemporaryFiles removes what a killed process left in the folders of results.
func (f *watchedFolders) removeTemporaryFiles() error {
	for _, folder := range []string{folderDone, folderFailed} {
		names, err := f.readFolder(folder)
		if err != nil {
			return err
		}
		for _, name := range names {
			if !temporaryPattern.MatchString(name) {
				continue
			}
			if err = f.folders[folder].Remove(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// moveToSending moves a file out of the inbox, so that a new file of the same name is a different one. The file gets
// a name that is not used in any subfolder, so that nothing is overwritten, and that a terminal shows as it is.
func (f *watchedFolders) moveToSending(name string) (string, error) {
	target := f.chooseName(name)
	if err := f.root.Rename(filepath.Join(folderInbox, name), filepath.Join(folderSending, target)); err != nil {
		return "", err
	}
	return target, nil
}

func (f *watchedFolders) chooseName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '_'
		}
		return r
	}, name)
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
	return target
}

// syncMove waits until the move of a file between two subfolders is on disk.
func (f *watchedFolders) syncMove(from, to string) error {
	if err := errors.Join(durable.SyncFolder(f.folders[to]), durable.SyncFolder(f.folders[from])); err != nil {
		return fmt.Errorf("the watched folder: %w", err)
	}
	return nil
}

// isNameUsed reports whether a file of that name, or one that is written next to it, exists.
func (f *watchedFolders) isNameUsed(name string) bool {
	for _, folder := range []string{folderSending, folderDone, folderFailed} {
		for _, suffix := range []string{"", resultsSuffix, reasonSuffix} {
			if _, err := f.folders[folder].Lstat(name + suffix); err == nil {
				return true
			}
		}
	}
	return false
}

// readSending reads a file in folderSending, and returns its state. If that is unchanged later, so is the content.
func (f *watchedFolders) readSending(name string, o Options) (*File, fileSnapshot, error) {
	file, info, err := openRegular(f.folders[folderSending], name)
	if err != nil {
		return nil, fileSnapshot{}, err
	}
	parsed, err := readOpened(file, name, o)
	return parsed, newFileSnapshot(info), errors.Join(err, file.Close())
}

// statSending returns the state of a file in folderSending.
func (f *watchedFolders) statSending(name string) (fileSnapshot, error) {
	info, err := f.folders[folderSending].Lstat(name)
	if err != nil {
		return fileSnapshot{}, fmt.Errorf("the watched folder: %w", err)
	}
	return newFileSnapshot(info), nil
}

// moveWithResults writes the result files and then moves the file next to them, so that anyone who sees the file
// there finds all of them. If it is interrupted at any point, the file is still in folderSending, from which the next
// run resumes.
func (f *watchedFolders) moveWithResults(name, folder string, files map[string][]byte) error {
	if err := f.checkFolders(); err != nil {
		return fmt.Errorf("the watched folder: %w", err)
	}
	info, err := f.folders[folderSending].Lstat(name)
	if err != nil {
		return fmt.Errorf("the watched folder: %w", err)
	}
	if _, err = f.folders[folder].Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has come to be there meanwhile: move it away", filepath.Join(f.path, folder, name))
	}
	for suffix, data := range files {
		mode := ResultsMode(info)
		if suffix == reasonSuffix {
			mode = 0o640 // readable by the group, even if the file itself is not
		}
		if err = durable.ReplaceIn(f.folders[folder], name+suffix, data, mode); err != nil {
			return fmt.Errorf("the results: %w", err)
		}
	}
	if err = f.root.Rename(filepath.Join(folderSending, name), filepath.Join(folder, name)); err != nil {
		return fmt.Errorf("the watched folder: %w", err)
	}
	if err = f.syncMove(folderSending, folder); err != nil {
		return err
	}
	return f.removeOrphanedJournals()
}

// ResultsMode returns the mode of the results of a file: for its owner, and for the group if that may read the file.
func ResultsMode(of fs.FileInfo) fs.FileMode { return 0o600 | of.Mode()&0o040 }

// fileSnapshot is the last seen state of a file.
type fileSnapshot struct {
	size           int64
	modified       time.Time
	unchangedSince time.Time // when this state was first seen
}

func newFileSnapshot(info fs.FileInfo) fileSnapshot {
	return fileSnapshot{size: info.Size(), modified: info.ModTime()}
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
