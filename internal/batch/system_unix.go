//go:build !windows

package batch

import (
	"errors"
	"os"
	"syscall"
)

// openAlone opens a file, which is made when it is not there, for this process alone: with flock, which the system ends
// with the process, however that ends.
func openAlone(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the caller's own path
	if err != nil {
		return nil, err
	}
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close() // nothing was written
		return nil, err
	}
	var locked error
	if err = raw.Control(func(descriptor uintptr) { locked = syscall.Flock(int(descriptor), syscall.LOCK_EX|syscall.LOCK_NB) }); err == nil {
		err = locked
	}
	switch {
	case err == nil:
		return file, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		err = ErrInUse
	}
	_ = file.Close() // nothing was written
	return nil, err
}

// syncDirectory waits until the names in a folder are on disk.
func syncDirectory(name string) error {
	directory, err := os.Open(name) //nolint:gosec // the caller's own path
	if err != nil {
		return err
	}
	err = directory.Sync()
	return errors.Join(err, directory.Close())
}
