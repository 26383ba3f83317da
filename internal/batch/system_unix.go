//go:build !windows

package batch

import (
	"errors"
	"os"
	"syscall"
)

// openExclusive opens or creates a file and locks it for this process with flock. The system releases the lock when
// the process ends, however it ends.
func openExclusive(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the path is the user's own
	if err != nil {
		return nil, err
	}
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close() // nothing was written, so the error is harmless
		return nil, err
	}
	var lockErr error
	if err = raw.Control(
		func(descriptor uintptr) { lockErr = syscall.Flock(int(descriptor), syscall.LOCK_EX|syscall.LOCK_NB) },
	); err == nil {
		err = lockErr
	}
	switch {
	case err == nil:
		return file, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		err = ErrInUse
	}
	_ = file.Close() // nothing was written, so the error is harmless
	return nil, err
}
