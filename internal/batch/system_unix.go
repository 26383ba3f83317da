//go:build !windows

package batch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const (
	// openWithoutWaiting keeps a named pipe from blocking until somebody writes into it.
	openWithoutWaiting = syscall.O_NONBLOCK
	hasPermissions     = true
)

// countNames returns the number of hard links of a file.
func countNames(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Nlink) //nolint:unconvert // its type depends on the system
	}
	return 1
}

// isOwn reports whether a file belongs to the account of this process.
func isOwn(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int64(stat.Uid) == int64(os.Geteuid())
}

// openExclusive is openExclusiveIn for a path.
func openExclusive(name string) (*os.File, error) {
	folder, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	file, err := openExclusiveIn(folder, filepath.Base(name))
	return file, errors.Join(err, folder.Close())
}

// openExclusiveIn opens or creates a regular file with one name and locks it for this process with flock. The system
// releases the lock when the process ends, however it ends.
func openExclusiveIn(folder *os.Root, name string) (*os.File, error) {
	file, err := folder.OpenFile(name, os.O_RDWR|os.O_CREATE|openWithoutWaiting, 0o600)
	if err != nil {
		return nil, err
	}
	if err = errors.Join(checkOpened(folder, name, file), lockFile(file)); err != nil {
		_ = file.Close() // nothing was written, so the error is harmless
		return nil, err
	}
	return file, nil
}

// checkOpened returns an error unless an opened file is the regular file of that name, and has no other.
func checkOpened(folder *os.Root, name string, file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	there, err := folder.Lstat(name)
	switch {
	case err != nil:
		return err
	case !there.Mode().IsRegular():
		return errNotRegular
	case !os.SameFile(there, info):
		return errExchanged
	case countNames(info) > 1:
		return errSeveralName
	}
	return nil
}

func lockFile(file *os.File) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var lockErr error
	if err = raw.Control(
		func(descriptor uintptr) { lockErr = syscall.Flock(int(descriptor), syscall.LOCK_EX|syscall.LOCK_NB) },
	); err == nil {
		err = lockErr
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrInUse
	}
	return err
}
