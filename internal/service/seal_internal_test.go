package service

import (
	"bytes"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// sealing is a sealer with a clock that the test sets, and its log.
type sealing struct {
	*sealer
	db    *store.DB
	raw   *sql.DB
	clock time.Time
	text  bytes.Buffer
}

func newSealing(t *testing.T, b storetest.Backend, directory string) *sealing {
	t.Helper()
	s := &sealing{raw: b.OpenRaw(t), clock: time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)}
	journal, err := auditlog.OpenJournal(filepath.Join(directory, auditlog.JournalFileName))
	if err != nil {
		t.Fatal(err)
	}
	b.Config.OnEvent = journal.Add
	s.db = b.Open(t)
	s.sealer, err = startSealer(t.Context(), s.db, journal, &Config{DataDirectory: directory, Now: func() time.Time { return s.clock },
		Log: slog.New(slog.NewTextHandler(&s.text, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *sealing) record(t *testing.T) {
	t.Helper()
	err := s.db.RunWriteTx(t.Context(), func(w implants.Writer) error {
		return w.AppendEvent(platform.AuditEvent{OccurredAt: s.clock, Correlation: NewID(s.clock), Operation: "Search", Outcome: platform.OutcomeAccepted})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// An open transaction on PostgreSQL keeps the log from being sealed: this is an error within five seconds, a metric, a
// remark and a finding, each minute and until sealing goes on.
func TestFindingH6SealingStalled(t *testing.T) {
	t.Parallel()
	backend := storetest.NewPostgresBackends(t)(t)
	s := newSealing(t, backend, t.TempDir())
	s.record(t)
	if err := s.sealOnce(t.Context(), 0); err != nil || s.readStatus().stalledFor(s.clock) != 0 {
		t.Fatal(err, s.readStatus())
	}
	for _, hold := range []string{`LOCK TABLE audit IN ROW EXCLUSIVE MODE`, `INSERT INTO audit (at, correlation, operation, outcome, codes, reason, emergency, signer, organisation, person, capacity, patient, number)
		SELECT at, correlation, operation, outcome, codes, reason, emergency, signer, organisation, person, capacity, patient, number FROM audit LIMIT 1`} {
		tx, err := s.raw.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		s.text.Reset()
		s.record(t)
		if _, err = tx.ExecContext(t.Context(), hold); err != nil {
			t.Fatal(hold, err)
		}
		for range 4 {
			if err = s.sealOnce(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			s.clock = s.clock.Add(2 * time.Second)
		}
		if err = s.sealOnce(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if stalled := s.readStatus().stalledFor(s.clock); stalled < 6*time.Second || stalled > 8*time.Second {
			t.Errorf("stalled for %v", stalled)
		}
		if remark := s.readStatus().remark(s.clock); !strings.HasPrefix(remark, "degraded: sealing") {
			t.Errorf("remark %q", remark)
		}
		if n := strings.Count(s.text.String(), "level=ERROR"); n != 1 || !strings.Contains(s.text.String(), "stalled") {
			t.Errorf("%d errors: %s", n, s.text.String())
		}
		report, err := auditlog.Verify(t.Context(), s.db, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if report.CheckSealing(s.clock); len(report.Findings) == 0 || report.Findings[len(report.Findings)-1].Kind != auditlog.SealingStalled {
			t.Errorf("%+v", report.Findings)
		}
		if err = tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		if err = s.sealOnce(t.Context(), 0); err != nil || s.readStatus().stalledFor(s.clock) != 0 || s.readStatus().remark(s.clock) != "" {
			t.Errorf("%v, %+v", err, s.readStatus())
		}
		s.clock = s.clock.Add(time.Minute)
	}
	if err := s.db.Close(); err != nil { // a database that does not answer makes no progress either
		t.Fatal(err)
	}
	s.text.Reset()
	for range 4 {
		if err := s.sealOnce(t.Context(), 0); err == nil {
			t.Fatal("sealed without a database")
		}
		s.clock = s.clock.Add(3 * time.Second)
	}
	if !strings.Contains(s.text.String(), "stalled") || s.readStatus().stalledFor(s.clock) < 9*time.Second {
		t.Errorf("%+v: %s", s.readStatus(), s.text.String())
	}
}

// A cut-off log is said although another failure was said a moment before, each minute, until the process ends.
func TestFindingR5CutOffIsSaid(t *testing.T) {
	t.Parallel()
	backend, directory := storetest.NewSQLiteBackend(t), t.TempDir()
	s := newSealing(t, backend, directory)
	for range 3 {
		s.record(t)
		if err := s.sealOnce(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		s.clock = s.clock.Add(time.Second)
	}
	s.noteFailure(t.Context(), errors.New("EOF")) // as at a failover
	for _, statement := range []string{`DROP TRIGGER audit_no_delete`, `DROP TRIGGER audit_checkpoint_no_delete`,
		`DELETE FROM audit WHERE seq > 1`, `DELETE FROM audit_checkpoint WHERE number > 1`} {
		if _, err := s.raw.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for minute := range 4 { // the new checkpoints catch up with the anchor file
		s.text.Reset()
		s.record(t)
		_ = s.sealOnce(t.Context(), 0)
		if n := strings.Count(s.text.String(), "cut off"); n != 1 {
			t.Errorf("minute %d: said %d times: %s", minute, n, s.text.String())
		}
		_ = s.sealOnce(t.Context(), 0)
		if n := strings.Count(s.text.String(), "cut off"); n != 1 {
			t.Errorf("minute %d: said again within a minute", minute)
		}
		s.clock = s.clock.Add(logInterval)
	}
	if status := s.readStatus(); !status.cutOff || status.remark(s.clock) == "" {
		t.Errorf("%+v", status)
	}
}

// A clock that is set back does not keep the log from being sealed.
func TestFindingR14ClockSetBack(t *testing.T) {
	t.Parallel()
	s := newSealing(t, storetest.NewSQLiteBackend(t), t.TempDir())
	for _, step := range []time.Duration{0, -2 * time.Second, -30 * time.Second, -59 * time.Minute, -2 * time.Hour, 3 * time.Hour, -24 * time.Hour} {
		s.clock = s.clock.Add(step)
		s.record(t)
		if err := s.sealOnce(t.Context(), minSealInterval); err != nil || s.readStatus().unsealed != 0 {
			t.Errorf("after a step of %v: %v, %d events are not sealed", step, err, s.readStatus().unsealed)
		}
	}
	s.record(t) // another service sealed a moment ago
	if err := s.sealOnce(t.Context(), minSealInterval); err != nil || s.readStatus().unsealed != 1 {
		t.Errorf("%v, %d events are not sealed", err, s.readStatus().unsealed)
	}
}

// What the table holds is copied into the anchor file only if the register signed it.
func TestAnchorTakesSignedCheckpointsOnly(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	s := newSealing(t, storetest.NewSQLiteBackend(t), directory)
	s.record(t)
	if err := s.sealOnce(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(directory, auditlog.AnchorFileName))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.raw.ExecContext(t.Context(), `INSERT INTO audit_checkpoint SELECT 2, seq_to, row_count, head, at, key_id, public_key,
		previous, handover, signature FROM audit_checkpoint`); err != nil {
		t.Fatal(err)
	}
	if err = s.sealOnce(t.Context(), 0); !errors.Is(err, auditlog.ErrNotSigned) {
		t.Errorf("%v", err)
	}
	if after, err := os.ReadFile(filepath.Join(directory, auditlog.AnchorFileName)); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the anchor file has it: %s, %v", after, err)
	}
}

// A row that is changed or deleted in the second before it is sealed is found: by the service at the next sealing, and by
// a verification, also after a restart.
func TestFindingH6JournalClosesTheSecond(t *testing.T) {
	t.Parallel()
	dropTriggers := []string{`DROP TRIGGER audit_no_delete`, `DROP TRIGGER audit_no_update`}
	for name, test := range map[string]struct {
		statement string
		lost      int
	}{
		"nothing":            {`SELECT 1`, 0},
		"the last deleted":   {`DELETE FROM audit WHERE seq = 6`, 1},
		"one deleted":        {`DELETE FROM audit WHERE seq = 5`, 1},
		"all deleted":        {`DELETE FROM audit WHERE seq > 3`, 3},
		"one changed":        {`UPDATE audit SET reason = 'own patient' WHERE seq = 5`, 1},
		"another time":       {`UPDATE audit SET at = '2026-11-30T09:00:00.000001Z' WHERE seq = 6`, 1},
		"another outcome":    {`UPDATE audit SET outcome = 'refused' WHERE seq = 4`, 1},
		"two exchanged":      {`UPDATE audit SET seq = 10 - seq WHERE seq IN (4, 6)`, 0}, // the order is sealed only now
		"a patient attached": {`UPDATE audit SET patient = 7 WHERE seq > 4`, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backend, directory := storetest.NewSQLiteBackend(t), t.TempDir()
			s := newSealing(t, backend, directory)
			for range 3 {
				s.record(t)
			}
			if err := s.sealOnce(t.Context(), 0); err != nil || s.readStatus().lost != 0 {
				t.Fatal(err, s.readStatus())
			}
			for range 3 {
				s.record(t)
			}
			for _, statement := range append(dropTriggers, test.statement) {
				if strings.Contains(name, "exchanged") && statement == test.statement {
					statement = `UPDATE audit SET seq = -seq WHERE seq IN (4, 6)`
					if _, err := s.raw.ExecContext(t.Context(), statement); err != nil {
						t.Fatal(err)
					}
					statement = `UPDATE audit SET seq = 10 + seq WHERE seq < 0`
				}
				if _, err := s.raw.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(statement, err)
				}
			}
			s.clock = s.clock.Add(time.Second)
			s.record(t)
			_ = s.sealOnce(t.Context(), 0)
			if lost := s.readStatus().lost; lost != test.lost {
				t.Errorf("%d events are lost", lost)
			}
			if said := strings.Contains(s.text.String(), "before they were sealed"); said != (test.lost > 0) {
				t.Errorf("%s", s.text.String())
			}
			if err := s.sealAndStop(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, after := range []string{"stopping", "a restart"} {
				if n := countLost(t, s.db, directory); n != test.lost {
					t.Errorf("after %s the verification finds %d", after, n)
				}
				again := newSealing(t, backend, directory)
				again.clock = s.clock.Add(time.Minute)
				again.record(t)
				if err := again.sealOnce(t.Context(), 0); err != nil || again.readStatus().lost != test.lost {
					t.Errorf("%v, %d events are lost", err, again.readStatus().lost)
				}
				if err := again.sealAndStop(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func countLost(t *testing.T, db *store.DB, directory string) int {
	t.Helper()
	snapshot, err := auditlog.OpenAnchorSnapshot(filepath.Join(directory, auditlog.AnchorFileName))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = snapshot.Close() }()
	if err = snapshot.AttachJournal(filepath.Join(directory, auditlog.JournalFileName)); err != nil {
		t.Fatal(err)
	}
	report, err := auditlog.Verify(t.Context(), db, nil, snapshot)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, finding := range report.Findings {
		if finding.Kind == auditlog.RowLost {
			n++
		}
	}
	return n
}
