//go:build !windows

package durable

import (
	"errors"
	"os"
)

// SyncDirectory waits until the entries of a directory are on disk: new, renamed and removed files.
func SyncDirectory(name string) error {
	directory, err := os.Open(name) //nolint:gosec // the caller chooses the path
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

// SyncFolder is SyncDirectory for an open folder.
func SyncFolder(folder *os.Root) error {
	directory, err := folder.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
