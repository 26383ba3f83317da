package revocation

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
	path          string
	maxBytes      int64
	acceptContent func([]byte) error
	modTime       time.Time
	size          int64
}

// AddCRLFile loads the CRL in a file, now and whenever the file changes. Call it before Run.
func (r *StatusChecker) AddCRLFile(name string) error {
	return r.watchFile(&watchedFile{path: name, maxBytes: MaxCRLBytes, acceptContent: r.AddCRL})
}

// AddOCSPFile loads the OCSP response in a file, now and whenever the file changes: for services without network
// access, where another process fetches the response. The response is about one certificate of an authority in the
// TrustStore, and counts like a fetched one. Call it before Run.
func (r *StatusChecker) AddOCSPFile(name string) error {
	return r.watchFile(&watchedFile{path: name, maxBytes: MaxOCSPResponseBytes, acceptContent: r.addOCSPResponse})
}

func (r *StatusChecker) addOCSPResponse(der []byte) error {
	var lastErr error
	for _, authority := range r.authorities {
		serial, a, err := parseOCSPResponse(der, nil, authority, r.options.Now(), r.CurrentLists().IsRevoked)
		if err == nil {
			r.recordStatus(newCertificateID(authority, serial), a, time.Time{})
			return nil
		}
		lastErr = err
	}
	return lastErr
}

func (r *StatusChecker) watchFile(f *watchedFile) error {
	if _, err := f.loadIfChanged(); err != nil {
		return err
	}
	r.watchedFiles = append(r.watchedFiles, f)
	return nil
}

// reloadChangedFiles loads the changed files. A file that cannot be read or is refused changes nothing, and is logged
// once.
func (r *StatusChecker) reloadChangedFiles(ctx context.Context) {
	for _, f := range r.watchedFiles {
		switch isNew, err := f.loadIfChanged(); {
		case err != nil:
			r.options.Log.WarnContext(
				ctx, "revocation file not taken", slog.String("file", filepath.Base(f.path)), slog.String("error", err.Error()),
			)
		case isNew:
			r.options.Log.InfoContext(ctx, "revocation file taken", slog.String("file", filepath.Base(f.path)))
		}
	}
}

// loadIfChanged loads the file unless it is unchanged since the last load.
func (f *watchedFile) loadIfChanged() (isNew bool, err error) {
	info, err := os.Stat(f.path)
	if err != nil {
		isKnown := f.size < 0
		f.size, f.modTime = -1, time.Time{}
		if isKnown {
			return false, nil
		}
		return false, fmt.Errorf("reading a file: %w", err)
	}
	if info.Size() == f.size && info.ModTime().Equal(f.modTime) {
		return false, nil
	}
	f.size, f.modTime = info.Size(), info.ModTime()
	data, err := readFileBounded(f.path, f.maxBytes)
	if err != nil {
		return false, err
	}
	return true, f.acceptContent(data)
}

// readFileBounded reads at most one byte beyond the limit, so that acceptContent can refuse a file that is too long.
func readFileBounded(name string, limit int64) (data []byte, err error) {
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
