package batch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const (
	openWithoutWaiting = 0
	hasPermissions     = false // access lists decide, which are not ours to change
)

func countNames(fs.FileInfo) uint64 { return 1 }

func isOwn(fs.FileInfo) bool { return true }

// openExclusiveIn is openExclusive for a file in an open folder.
func openExclusiveIn(folder *os.Root, name string) (*os.File, error) {
	return openExclusive(filepath.Join(folder.Name(), name))
}

// sharingViolation is ERROR_SHARING_VIOLATION: another process has the file open.
const sharingViolation = syscall.Errno(32)

// openExclusive opens or creates a file for this process only. Others may read it, but cannot open it for writing
// before it is closed or the process has ended.
func openExclusive(name string) (*os.File, error) {
	path, err := syscall.UTF16PtrFromString(name)
	if err != nil {
		return nil, err
	}
	handle, err := syscall.CreateFile(path, syscall.GENERIC_READ|syscall.GENERIC_WRITE, syscall.FILE_SHARE_READ, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	switch {
	case errors.Is(err, sharingViolation):
		return nil, ErrInUse
	case err != nil:
		return nil, err
	}
	return os.NewFile(uintptr(handle), name), nil
}
