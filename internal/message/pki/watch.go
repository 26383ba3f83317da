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

// watchedFile is a file that is read again when it changes.
type watchedFile struct {
	name     string
	limit    int64
	take     func([]byte) error
	modified time.Time
	size     int64
}

// AddFile takes in the revocation list of a file, now and whenever the file changes. It must be called before Run.
func (r *Revocation) AddFile(name string) error {
	return r.watch(&watchedFile{name: name, limit: MaxCRL, take: r.trust.AddCRL})
}

// AddResponseFile takes in the OCSP response of a file, now and whenever the file changes: one that was fetched by others,
// where the service itself may call nobody. It is about one certificate, of an authority that is trusted here, and counts
// like a response that was asked for. It must be called before Run.
func (r *Revocation) AddResponseFile(name string) error {
	return r.watch(&watchedFile{name: name, limit: MaxOCSP, take: r.addResponse})
}

func (r *Revocation) addResponse(der []byte) error {
	var refused error
	for _, authority := range r.trust.authorities {
		serial, a, err := readOCSP(der, nil, authority, r.o.Now(), r.trust.revoked.Load().holds)
		if err == nil {
			r.record(identify(authority, serial), a)
			return nil
		}
		refused = err
	}
	return refused
}

func (r *Revocation) watch(f *watchedFile) error {
	if _, err := f.read(); err != nil {
		return err
	}
	r.files = append(r.files, f)
	return nil
}

// rereadFiles takes in what changed. A file that cannot be read or taken changes nothing, and is told of once.
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

// read takes in the file if it is not the one that was read last.
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
	octets, err := readBounded(f.name, f.limit)
	if err != nil {
		return false, err
	}
	return true, f.take(octets)
}

// readBounded reads no more than one octet beyond the limit, so that whoever takes the file can refuse it.
func readBounded(name string, limit int64) (octets []byte, err error) {
	file, err := os.Open(name) //nolint:gosec // the operator's own path
	if err != nil {
		return nil, fmt.Errorf("reading a file: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if octets, err = io.ReadAll(io.LimitReader(file, limit+1)); err != nil {
		return nil, fmt.Errorf("reading a file: %w", err)
	}
	return octets, nil
}
