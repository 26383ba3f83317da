package pki

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// watchedFile is a file that is reloaded when it changes.
type watchedFile struct {
	name     string
	limit    int64
	take     func([]byte) error
	modified time.Time
	size     int64
}

// AddCRLFile loads the CRL in a file, now and whenever the file changes. Call it before Run.
func (r *Revocation) AddFile(name string) error {
	return r.watch(&watchedFile{name: name, limit: MaxCRL, take: r.trust.AddCRL})
}

// AddOCSPFile loads the OCSP response in a file, now and whenever the file changes: for services without network
// access, where another process fetches the response. The response is about one certificate of an authority in the
// TrustStore, and counts like a fetched one. Call it before Run.
func (r *Revocation) AddResponseFile(name string) error {
	return r.watch(&watchedFile{name: name, limit: MaxOCSP, take: r.addResponse})
}

func (r *Revocation) addResponse(der []byte) error {
	var lastErr error
	for _, authority := range r.trust.authorities {
		serial, a, err := readOCSP(der, nil, authority, r.o.Now(), r.trust.revoked.Load().holds)
		if err == nil {
			r.record(identify(authority, serial), a)
			return nil
		}
		lastErr = err
	}
	return lastErr
}

func (r *Revocation) watch(f *watchedFile) error {
	if _, err := f.read(); err != nil {
		return err
	}
	r.files = append(r.files, f)
	return nil
}

// reloadChangedFiles loads the changed files. A file that cannot be read or is refused changes nothing, and is logged
// once.
func (r *Revocation) rereadFiles(ctx context.Context) {
	for _, f := range r.files {
		switch isNew, err := f.read(); {
		case err != nil:
			r.o.Log.WarnContext(ctx, "revocation file not taken", slog.String("file", filepath.Base(f.name)), slog.String("error", err.Error()))
		case isNew:
			r.o.Log.InfoContext(ctx, "revocation file taken", slog.String("file", filepath.Base(f.name)))
		}
	}
}

// loadIfChanged loads the file unless it is unchanged since the last load.
func (f *watchedFile) read() (isNew bool, err error) {
	info, err := os.Stat(f.name)
	if err != nil {
		isKnown := f.size < 0
		f.size, f.modified = -1, time.Time{}
		if isKnown {
			return false, nil
		}
		return false, fmt.Errorf("reading a file: %w", err)
	}
	if info.Size() == f.size && info.ModTime().Equal(f.modified) {
		return false, nil
	}
	f.size, f.modified = info.Size(), info.ModTime()
	data, err := readBounded(f.name, f.limit)
	if err != nil {
		return false, err
	}
	return true, f.take(data)
}

// readFileBounded reads at most one byte beyond the limit, so that acceptContent can refuse a file that is too long.
func readBounded(name string, limit int64) (data []byte, err error) {
	file, err := os.Open(name) //nolint:gosec // the operator's own path
	if err != nil {
		return nil, fmt.Errorf("reading a file: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if data, err = io.ReadAll(io.LimitReader(file, limit+1)); err != nil {
		return nil, fmt.Errorf("reading a file: %w", err)
	}
	return data, nil
}
