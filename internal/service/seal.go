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
	"github.com/openctr/ctr/internal/countersign"
	"github.com/openctr/ctr/internal/store"
)

// sealer seals the audit log of a running service: every second if there are new events, and at shutdown.
type sealer struct {
	db  *store.DB
	log *slog.Logger
	now func() time.Time

	mu         sync.Mutex // while it seals
	anchor     *auditlog.Anchor
	journal    *auditlog.Journal    // what the store has committed
	stamper    *countersign.Stamper // nil for none
	lastLogged time.Time            // when a checkpoint was last logged
	stopped    bool

	statusMu   sync.Mutex // never held while the database is asked
	status     sealingStatus
	lastWarned map[string]time.Time // when each kind of message was last logged
}

// sealingStatus is what alarms watch. The times are read with the monotonic clock: setting the clock changes nothing.
type sealingStatus struct {
	unsealed      int64     // events that are not sealed yet
	sealedUpTo    int64     // the last sealed row
	unsealedSince time.Time // when sealing last made progress, zero while there is nothing to seal
	lastSealed    time.Time // when this process last saw everything sealed
	lost          int       // committed events that are not there as they were
	cutOff        bool      // the database was once behind the anchor file, since the process started
}

const (
	sealInterval = time.Second
	// minSealInterval lets several services on one database share the work: none seals sooner after another one.
	minSealInterval = 900 * time.Millisecond
	// logInterval bounds how often the log repeats a message of one kind. A log shipped to another machine is one more
	// record of the newest checkpoint.
	logInterval = time.Minute
	// maxUnsealed is how long events may stay unsealed. Until they are sealed, who writes to the database can change
	// them without a trace; a transaction that stays open on PostgreSQL keeps the log from being sealed.
	maxUnsealed = 5 * time.Second
)

// startSealer opens the anchor file and compares it with the database. It logs a difference and continues.
func startSealer(ctx context.Context, db *store.DB, journal *auditlog.Journal, c *Config) (*sealer, error) {
	anchor, err := auditlog.OpenAnchor(filepath.Join(c.DataDirectory, auditlog.AnchorFileName))
	if err != nil {
		return nil, err
	}
	s := &sealer{db: db, log: c.Log, now: c.Now, anchor: anchor, journal: journal, lastWarned: make(map[string]time.Time)}
	s.status.lastSealed = c.Now()
	_, sealed, err := db.UnsealedEvents(ctx)
	if err != nil {
		return nil, err
	}
	if err = journal.Begin(sealed); err != nil {
		return nil, err
	}
	if err := anchor.CheckAgainst(ctx, db); err != nil {
		s.noteFailure(ctx, err)
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
	watch := time.AfterFunc(maxUnsealed, func() { s.warnStalled(ctx) }) // while the database is silent
	defer watch.Stop()
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
	err = errors.Join(err, s.journal.Close())
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
	s.journal.BeginRound()
	newest, newestErr := s.db.LastEvent(ctx)
	made, err := s.db.SealAuditLog(ctx, now, minInterval)
	if followErr := s.anchor.AppendMissing(ctx, s.db, made); err == nil || errors.Is(followErr, auditlog.ErrTruncated) {
		err = errors.Join(err, followErr)
	}
	if len(made) > 0 && s.stamper != nil {
		s.stamper.Note(made[len(made)-1])
	}
	unsealed, sealedUpTo, countErr := s.db.UnsealedEvents(ctx)
	if countErr == nil && newestErr == nil {
		lost, journalErr := s.journal.Compare(ctx, s.db, sealedUpTo, sealedUpTo >= newest)
		err = errors.Join(err, journalErr)
		s.noteLost(lost)
	}
	if err == nil {
		err = errors.Join(newestErr, countErr)
	}
	s.noteProgress(unsealed, sealedUpTo, countErr)
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		s.noteFailure(ctx, err)
	}
	s.warnStalled(ctx)
	if len(made) > 0 && now.Sub(s.lastLogged) >= logInterval {
		s.lastLogged = now
		s.log.InfoContext(ctx, "audit checkpoint", slog.Any("checkpoint", made[len(made)-1]))
	}
	return err
}

// noteProgress notes what is not sealed yet. A database that does not answer makes no progress.
func (s *sealer) noteProgress(unsealed, sealedUpTo int64, err error) {
	s.statusMu.Lock()
	defer s.statusMu.Unlock()
	now := s.now()
	switch {
	case err != nil:
		if s.status.unsealedSince.IsZero() {
			s.status.unsealedSince = now
		}
		return
	case unsealed == 0:
		s.status.unsealedSince, s.status.lastSealed = time.Time{}, now
	case s.status.unsealedSince.IsZero() || sealedUpTo > s.status.sealedUpTo:
		s.status.unsealedSince = now
	}
	s.status.unsealed, s.status.sealedUpTo = unsealed, sealedUpTo
}

func (s *sealer) noteLost(lost int) {
	s.statusMu.Lock()
	defer s.statusMu.Unlock()
	s.status.lost = lost
}

// noteFailure logs a failure. That the database was cut off is remembered until the process ends: once new checkpoints
// have caught up with the anchor file, nothing else would tell.
func (s *sealer) noteFailure(ctx context.Context, err error) {
	if errors.Is(err, auditlog.ErrTruncated) {
		s.statusMu.Lock()
		s.status.cutOff = true
		s.statusMu.Unlock()
		s.db.RaiseNumbers() // what was lost with the events had numbers
		return              // warnStalled says it each minute
	}
	if s.isWarningDue("failure") {
		s.log.ErrorContext(ctx, "audit log not sealed", slog.String("error", err.Error()))
	}
}

// warnStalled says each minute that sealing makes no progress, and that the log was cut off.
func (s *sealer) warnStalled(ctx context.Context) {
	status := s.readStatus()
	if stalled := status.stalledFor(s.now()); stalled > maxUnsealed && s.isWarningDue("stalled") {
		s.log.ErrorContext(ctx, "sealing of the audit log is stalled: events of this time can be changed without a trace",
			slog.Float64("seconds", stalled.Seconds()), slog.Int64("events", status.unsealed))
	}
	if status.lost > 0 && s.isWarningDue("lost") {
		s.log.ErrorContext(ctx, "events of the audit log were changed or deleted before they were sealed",
			slog.Int("events", status.lost))
	}
	if status.cutOff && s.isWarningDue("cut off") {
		s.log.ErrorContext(ctx, "audit log not sealed", slog.String("error", auditlog.ErrTruncated.Error()))
	}
}

// isWarningDue reports whether a kind of message was not logged within the last minute, and notes that it is now.
func (s *sealer) isWarningDue(kind string) bool {
	s.statusMu.Lock()
	defer s.statusMu.Unlock()
	now := s.now()
	last, warned := s.lastWarned[kind]
	if warned && now.Sub(last) < logInterval {
		return false
	}
	s.lastWarned[kind] = now
	return true
}

func (s *sealer) readStatus() sealingStatus {
	s.statusMu.Lock()
	defer s.statusMu.Unlock()
	return s.status
}

// stalledFor returns how long events have waited without any progress.
func (s sealingStatus) stalledFor(now time.Time) time.Duration {
	if s.unsealedSince.IsZero() {
		return 0
	}
	return now.Sub(s.unsealedSince)
}

// remark says what an operator should know although requests are served; empty for nothing.
func (s sealingStatus) remark(now time.Time) string {
	switch {
	case s.cutOff:
		return "degraded: the audit log was cut off"
	case s.lost > 0:
		return "degraded: events of the audit log are lost"
	case s.stalledFor(now) > maxUnsealed:
		return "degraded: sealing of the audit log is stalled"
	}
	return ""
}
