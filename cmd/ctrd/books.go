package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/trail"
)

// openRegister is the open store of a service with its background jobs.
type books struct {
	mu     sync.Mutex // serialises closing and resetting
	store  *store.DB
	sealer *sealer
	end    context.CancelFunc
	beside sync.WaitGroup
}

// openStore opens the store, loads the development data into a new development register, and starts the jobs that seal
// the audit log and purge replay keys.
func (b *books) open(ctx context.Context, c *serveCommand, log *slog.Logger) (err error) {
	if b.store, err = store.Open(ctx, store.Config{URL: c.Database, Directory: c.Data, KeyFile: c.Keys}); err != nil {
		return fmt.Errorf("the database: %w", err)
	}
	if c.Dev {
		if err = loadDevelopmentData(ctx, b.store); err != nil {
			return err
		}
	}
	if b.sealer, err = startSealer(ctx, b.store, c.Data, log); err != nil {
		return err
	}
	ctx, b.end = context.WithCancel(ctx)
	b.beside.Go(func() { b.sealer.run(ctx) })
	b.beside.Go(func() { b.purge(ctx, log) })
	return nil
}

// closeStore stops the jobs and closes the store. Closing it again does nothing.
func (b *books) close(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.shut(ctx)
}

func (b *books) shut(ctx context.Context) error {
	if b.end != nil {
		b.end()
		b.beside.Wait()
	}
	if b.sealer != nil {
		b.sealer.stop(ctx)
	}
	var err error
	if b.store != nil {
		err = b.store.Close()
	}
	b.store, b.sealer, b.end = nil, nil, nil
	return err
}

// resetStore deletes an embedded register and opens a new one. The caller must keep requests away meanwhile.
func (b *books) renew(ctx context.Context, c *serveCommand, log *slog.Logger) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.store == nil {
		return errors.New("the register is closed")
	}
	if err := b.shut(ctx); err != nil {
		return fmt.Errorf("close the register: %w", err)
	}
	// Delete the database last: a service that stops in between still has its data. Keep the key file, which other
	// registers may use too.
	for _, name := range []string{trail.AnchorFileName, "ctr.sqlite-wal", "ctr.sqlite-shm", "ctr.sqlite"} {
		if err := os.Remove(filepath.Join(c.Data, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("delete the register: %w", err)
		}
	}
	return b.open(ctx, c, log)
}

// purgeReplayKeys periodically deletes the replay keys of messages that have expired and would be rejected anyway.
func (b *books) purge(ctx context.Context, log *slog.Logger) {
	const interval, margin = 10 * time.Minute, 10 * time.Minute
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			if _, err := b.store.PurgeReplayKeys(ctx, now.Add(-margin)); err != nil && ctx.Err() == nil {
				log.WarnContext(ctx, "replay keys not purged", slog.String("error", err.Error()))
			}
		}
	}
}
