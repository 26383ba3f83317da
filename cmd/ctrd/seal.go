package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/trail"
)

// sealer seals the audit trail of a running service: every second when there is something to seal, and at its end.
type sealer struct {
	db  *store.DB
	log *slog.Logger

	mu      sync.Mutex
	anchor  *trail.Anchor
	said    time.Time // when a checkpoint was logged
	warned  time.Time // when a failure was
	stopped bool
}

const (
	sealEvery = time.Second
	// sealPatience lets several services on one database share the work.
	sealPatience = 900 * time.Millisecond
	// sayEvery bounds how often the log tells of the same thing. A log that goes elsewhere is one more place where the end of
	// the trail is known.
	sayEvery = time.Minute
)

// startSealer opens the anchor file and compares it with the database.
func startSealer(ctx context.Context, db *store.DB, directory string, log *slog.Logger) (*sealer, error) {
	anchor, err := trail.OpenAnchor(filepath.Join(directory, trail.AnchorName))
	if err != nil {
		return nil, err
	}
	s := &sealer{db: db, log: log, anchor: anchor}
	if err := anchor.Check(ctx, db); err != nil {
		s.warn(ctx, err)
	}
	return s, nil
}

// run seals until the context ends.
func (s *sealer) run(ctx context.Context) {
	ticker := time.NewTicker(sealEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.seal(ctx, sealPatience)
		}
	}
}

// stop seals what is left, before the database is closed.
func (s *sealer) stop(ctx context.Context) {
	s.seal(ctx, 0)
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
}

// seal seals once. What cannot be sealed now is sealed later; the trail goes on.
func (s *sealer) seal(ctx context.Context, patience time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	now := time.Now()
	made, err := s.db.Seal(ctx, now, patience)
	if followErr := s.anchor.Follow(ctx, s.db, made); err == nil {
		err = followErr
	}
	if err != nil && ctx.Err() == nil {
		s.warn(ctx, err)
	}
	if len(made) > 0 && now.Sub(s.said) >= sayEvery {
		s.said = now
		s.log.InfoContext(ctx, "audit checkpoint", slog.Any("checkpoint", made[len(made)-1]))
	}
}

func (s *sealer) warn(ctx context.Context, err error) {
	if now := time.Now(); now.Sub(s.warned) >= sayEvery {
		s.warned = now
		s.log.ErrorContext(ctx, "audit trail not sealed", slog.String("error", err.Error()))
	}
}

// seal seals beside the service, and writes to its anchor file.
func (f registerFlags) seal(e environment, db *store.DB) error {
	anchor, err := trail.JoinAnchor(filepath.Join(f.Data, trail.AnchorName))
	if err != nil {
		return err
	}
	made, err := db.Seal(e.ctx, time.Now(), 0)
	if err != nil {
		return fmt.Errorf("the audit trail: %w", err)
	}
	return anchor.Follow(e.ctx, db, made)
}
