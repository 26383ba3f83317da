package service

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/durable"
)

// Files in the data directory, each with an instant.
const (
	VerifiedFileName   = "verified-until" // when the last verification began that found nothing
	LastBackupFileName = "last-backup"    // when the last backup by "ctrd admin backup" began
)

// maxNoteBytes bounds what is read of such a file.
const maxNoteBytes = 64

// NoteInstant writes an instant to a file in the data directory. Where there is none, nothing is noted: a PostgreSQL
// database is verified and backed up from anywhere.
func NoteInstant(directory, name string, at time.Time) error {
	text := at.UTC().Format(time.RFC3339) + "\n"
	err := durable.Replace(filepath.Join(directory, name), []byte(text), 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// ReadInstant reads what NoteInstant wrote, zero if nothing was noted.
func ReadInstant(directory, name string) (time.Time, error) {
	path := filepath.Join(directory, name)
	file, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxNoteBytes))
	if err != nil {
		return time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339, strings.TrimSpace(string(text)))
	if err != nil {
		return time.Time{}, fmt.Errorf("%s holds no time: remove it", path)
	}
	return at, nil
}
