// Package durable writes files that survive a loss of power: what a function wrote is on disk, under its name, when the
// function returns.
//
// It is separate because a key file, an answer in a watched folder and a renewed .p12 file need the same order of
// write, sync and rename, in which a mistake shows only after a crash. It depends on nothing and its errors are those
// of package os: callers say which file they are about.
package durable

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Create writes a new file that only its owner can read. It fails if the file exists, and leaves no incomplete file.
func Create(name string, data []byte) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the caller chooses the path
	if err != nil {
		return err
	}
	if err = writeAndClose(file, data); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return SyncDirectory(filepath.Dir(name))
}

// CreateWith writes a new file that only its owner can read, with what write writes. It fails if the file exists, also
// if it is made meanwhile. The content has another name until it is complete, which nobody can guess; a crash leaves
// that file, and at worst an empty one under the name.
func CreateWith(name string, write func(io.Writer) error) error {
	directory, base := filepath.Split(name)
	switch _, err := os.Lstat(name); {
	case err == nil:
		return &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	temporary := filepath.Join(directory, "."+base+"."+rand.Text()+".tmp")
	//nolint:gosec // the caller chooses the path
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err = write(file); err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = takeName(temporary, name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return SyncDirectory(filepath.Dir(name))
}

// takeName renames a file to a name that nobody has.
func takeName(temporary, name string) error {
	//nolint:gosec // the caller chooses the path
	reserved, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err = reserved.Close(); err == nil {
		err = os.Rename(temporary, name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

// Replace replaces the content of a file, or creates it, completely or not at all. A symbolic link is itself replaced.
// The owner can always read and write the new file; mode may give others the same. The temporary file has always the
// same name, so that a crash leaves at most one, which the next call removes; two calls at a time may fail.
func Replace(name string, data []byte, mode fs.FileMode) error {
	directory, base := filepath.Split(name)
	temporary := filepath.Join(directory, "."+base+".tmp")
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	//nolint:gosec // the caller chooses the path
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = file.Chmod(mode&0o666 | 0o600)
	if writeErr := writeAndClose(file, data); err == nil {
		err = writeErr
	}
	if err == nil {
		err = os.Rename(temporary, name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return SyncDirectory(filepath.Dir(name))
}

// Save writes a file that holds what only its owner should see, such as a patient's card: beside the name, and renamed,
// with mode 0600 whatever the mode of an existing file. It refuses to replace anything but a regular file, so that it
// neither follows a link nor takes the place of a device.
func Save(name string, data []byte) error {
	switch info, err := os.Lstat(name); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return &fs.PathError{Op: "replace", Path: name, Err: errNotRegular}
	}
	return Replace(name, data, 0o600)
}

var errNotRegular = errors.New("it is not a regular file")

// ReplaceIn is Replace for a file in a folder in which others may create, rename and remove files at any time. It never
// leaves the folder, whatever becomes of its path, and follows no link in it. The temporary file has a name that nobody
// can guess, ".NAME.RANDOM.tmp"; a crash leaves it.
func ReplaceIn(folder *os.Root, name string, data []byte, mode fs.FileMode) error {
	temporary := "." + name + "." + rand.Text() + ".tmp"
	file, err := folder.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = file.Chmod(mode&0o666 | 0o600)
	if writeErr := writeAndClose(file, data); err == nil {
		err = writeErr
	}
	if err == nil {
		err = folder.Rename(temporary, name)
	}
	if err != nil {
		return errors.Join(err, folder.Remove(temporary))
	}
	return SyncFolder(folder)
}

func writeAndClose(file *os.File, data []byte) error {
	_, err := file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}
