package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/openctr/ctr/internal/batch"
)

// pollInterval is the interval between two looks into the inbox. Polling is necessary because folders on another
// machine do not notify us of new files.
const pollInterval = time.Second

// watchFolder sends the files that are put into a folder until ctx ends. It logs each event on standard error.
func (b *batchCommand) watchFolder(ctx context.Context, t *commandContext, stderr io.Writer) error {
	c, err := t.newServiceClient()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	if t.json {
		log = slog.New(slog.NewJSONHandler(stderr, nil))
	}
	state, err := b.stateDirectory()
	if err != nil {
		return err
	}
	warned := t.now()
	w := &batch.Watcher{
		Directory: b.Watch,

		StateDirectory: state,
		SkipBad:        b.SkipBad,
		SettleTime:     b.Settle,
		PollInterval:   min(pollInterval, max(b.Settle, time.Second/10)),
		Sender:         b.newSender(c),
		Log:            log,
		Now:            t.now,
		CurrentOptions: func() batch.Options {
			// This process can run for months, so the warning at its start is not enough.
			if now := t.now(); now.Sub(warned) > 24*time.Hour {
				warned = now
				if warning := expiryWarning(c.client.Key.Certificate, now); warning != "" {
					log.LogAttrs(ctx, slog.LevelWarn, "certificate", slog.String("warning", warning))
				}
			}
			return b.readOptions(t)
		},
	}
	return w.Run(ctx)
}

// stateDirectory returns the directory for the journals of the watched folder. Each folder has its own.
func (b *batchCommand) stateDirectory() (string, error) {
	state := b.State
	if state == "" {
		base := os.Getenv("XDG_STATE_HOME")
		if !filepath.IsAbs(base) {
			home, err := os.UserHomeDir()
			if err != nil {
				return "", fmt.Errorf("--state is missing: %w", err)
			}
			base = filepath.Join(home, ".local", "state")
		}
		state = filepath.Join(base, "ctr")
	}
	folder, err := filepath.Abs(b.Watch)
	if err == nil {
		folder, err = filepath.EvalSymlinks(folder)
	}
	if err != nil {
		return "", fmt.Errorf("the watched folder: %w", err)
	}
	sum := sha256.Sum256([]byte(folder))
	return filepath.Join(state, "batch-"+hex.EncodeToString(sum[:8])), nil
}
