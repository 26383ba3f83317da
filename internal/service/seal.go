package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/store"
)

// sealer seals the audit log of a running service: every second if there are new events, and at shutdown.
type sealer struct {
	db  *store.DB
	log *slog.Logger
	now func() time.Time

	mu         sync.Mutex
	anchor     *auditlog.Anchor
	lastLogged time.Time // when a checkpoint was last logged
	lastWarned time.Time // when a failure was last logged
	stopped    bool
}

const (
	sealInterval = time.Second
	// minSealInterval lets several services on one database share the work: none seals sooner after another one.
	minSealInterval = 900 * time.Millisecond
	// logInterval bounds how often the log repeats a message. A log shipped to another machine is one more record of
	// the newest checkpoint.
	logInterval = time.Minute
)

// startSealer opens the anchor file and compares it with the database. It logs a difference and continues.
func startSealer(ctx context.Context, db *store.DB, c *Config) (*sealer, error) {
	anchor, err := auditlog.OpenAnchor(filepath.Join(c.DataDirectory, auditlog.AnchorFileName))
	if err != nil {
		return nil, err
	}
	s := &sealer{db: db, log: c.Log, now: c.Now, anchor: anchor}
	if err := anchor.CheckAgainst(ctx, db); err != nil {
		s.logFailure(ctx, err)
	}
	return s, nil
}

// sealPeriodically seals every sealInterval until ctx ends.
func (s *sealer) sealPeriodically(ctx context.Context) {
	ticker := time.NewTicker(sealInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.sealWithin(ctx)
		}
	}
}

// sealWithin seals as usual, and gives up a database that is silent: the next round asks again.
func (s *sealer) sealWithin(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, backgroundLimit)
	defer cancel()
	_ = s.sealOnce(ctx, minSealInterval) // logged
}

// sealAndStop seals the last events, before the database is closed. Events that it cannot seal are sealed after the
// next start.
func (s *sealer) sealAndStop(ctx context.Context) error {
	if deadline, limited := ctx.Deadline(); limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-closeMargin))
		defer cancel()
	}
	err := s.sealOnce(ctx, 0)
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	if err != nil {
		return fmt.Errorf("the last events of the audit log are not sealed: %w", err)
	}
	return nil
}

// sealOnce seals the new events unless the last checkpoint is younger than minInterval. Events that cannot be sealed
// now are sealed later; recording continues.
func (s *sealer) sealOnce(ctx context.Context, minInterval time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil
	}
	now := s.now()
	made, err := s.db.SealAuditLog(ctx, now, minInterval)
	if followErr := s.anchor.AppendMissing(ctx, s.db, made); err == nil {
		err = followErr
	}
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		s.logFailure(ctx, err)
	}
	if len(made) > 0 && now.Sub(s.lastLogged) >= logInterval {
		s.lastLogged = now
		s.log.InfoContext(ctx, "audit checkpoint", slog.Any("checkpoint", made[len(made)-1]))
	}
	return err
}

func (s *sealer) logFailure(ctx context.Context, err error) {
	if now := s.now(); now.Sub(s.lastWarned) >= logInterval {
		s.lastWarned = now
		s.log.ErrorContext(ctx, "audit log not sealed", slog.String("error", err.Error()))
	}
}
