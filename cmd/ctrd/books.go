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

// books are the open register of a service, and what works on it beside the requests.
type books struct {
	mu     sync.Mutex // against being closed while they are begun anew
	store  *store.DB
	sealer *sealer
	end    context.CancelFunc
	beside sync.WaitGroup
}

// open opens the register, loads the development data into a new one of a development service, and begins to seal and to purge.
func (b *books) open(ctx context.Context, c *serveCommand, log *slog.Logger) (err error) {
	if b.store, err = store.Open(ctx, store.Config{URL: c.Database, Directory: c.Data, Keys: c.Keys}); err != nil {
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

// close ends what works on the register, and closes it. To close what is closed does nothing.
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

// renew throws an embedded register away and opens a new one. Nobody may use it meanwhile.
func (b *books) renew(ctx context.Context, c *serveCommand, log *slog.Logger) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.store == nil {
		return errors.New("the register is closed")
	}
	if err := b.shut(ctx); err != nil {
		return fmt.Errorf("close the register: %w", err)
	}
	// The database goes last: a service that is stopped in between finds it again with what it held. The keys stay, because they
	// may lie with those of others.
	for _, name := range []string{trail.AnchorName, "ctr.sqlite-wal", "ctr.sqlite-shm", "ctr.sqlite"} {
		if err := os.Remove(filepath.Join(c.Data, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("throw the register away: %w", err)
		}
	}
	return b.open(ctx, c, log)
}

// purge forgets, now and then, the marks of messages that are too old to be accepted again.
func (b *books) purge(ctx context.Context, log *slog.Logger) {
	const every, margin = 10 * time.Minute, 10 * time.Minute
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			if _, err := b.store.PurgeReplay(ctx, now.Add(-margin)); err != nil && ctx.Err() == nil {
				log.WarnContext(ctx, "replay marks not purged", slog.String("error", err.Error()))
			}
		}
	}
}
