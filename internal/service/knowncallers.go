package service

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/openctr/ctr/internal/admission"
	"github.com/openctr/ctr/internal/durable"
)

const (
	// knownCallersFileName is the file in the data directory with the addresses and certificates of the callers whose
	// messages verified lately. Who changes it can only make a stranger wait less.
	knownCallersFileName = "known-callers"
	// keepCallersInterval is how much of it a crash may lose.
	keepCallersInterval = time.Minute
	// maxKnownCallersBytes bounds what is read of the file.
	maxKnownCallersBytes = 4 << 20
)

// keepKnownCallers reads which callers were known when the last process ended, and keeps the file until ctx ends.
func (s *Service) keepKnownCallers(background context.Context, controller *admission.Controller) {
	if s.config.DataDirectory == "" {
		return
	}
	k := &callerKeeper{file: filepath.Join(s.config.DataDirectory, knownCallersFileName), controller: controller}
	if err := k.readFile(); err != nil {
		s.config.Log.WarnContext(background, "known callers not read", slog.String("error", err.Error()))
	}
	s.jobs.Go(func() {
		ticker := time.NewTicker(keepCallersInterval)
		defer ticker.Stop()
		for background.Err() == nil {
			select {
			case <-ticker.C:
			case <-background.Done():
			}
			if err := k.writeFile(); err != nil {
				s.config.Log.WarnContext(background, "known callers not kept", slog.String("error", err.Error()))
			}
		}
	})
}

type callerKeeper struct {
	file       string
	controller *admission.Controller
	written    []byte
}

func (k *callerKeeper) readFile() error {
	file, err := os.Open(k.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	k.controller.ReadTrust(io.LimitReader(file, maxKnownCallersBytes))
	return file.Close()
}

// writeFile replaces the file, unless it would be the same.
func (k *callerKeeper) writeFile() error {
	var b bytes.Buffer
	if err := k.controller.WriteTrust(&b); err != nil || bytes.Equal(b.Bytes(), k.written) {
		return err
	}
	if err := durable.Replace(k.file, b.Bytes(), 0o600); err != nil {
		return err
	}
	k.written = b.Bytes()
	return nil
}
