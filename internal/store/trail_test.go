package store_test

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/people"
	"github.com/openctr/ctr/internal/testing/storetest"
)

var firstSealing = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// auditFixture is a register with an audit log and an anchor file, as a running service has them.
type auditFixture struct {
	backend storetest.Backend
	db      *store.DB
	raw     *sql.DB
	anchor  *auditlog.Anchor
	file    string
	now     time.Time
	rows    int
}

// TestAuditTrail runs every case on both engines, each on a new database.
func TestAuditTrail(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		testTrails(t, storetest.NewSQLiteBackend)
	})
	t.Run("postgres", func(t *testing.T) {
		testTrails(t, storetest.NewPostgresBackends(t))
	})
}

func testTrails(t *testing.T, backend func(testing.TB) storetest.Backend) {
	t.Helper()
	cases := map[string]func(*testing.T, *auditFixture){
		"disclosure":                 testDisclosure,
		"proofs":                     testProofs,
		"untouched trail verifies":   testUntouchedTrailVerifies,
		"forged checkpoint is found": testForgedCheckpointIsFound,
		"any bit is found":           testAnyBitIsFound,
		"trail across key rotation":  testTrailAcrossKeyRotation,
		"sealing beside writers":     testSealingBesideWriters,
		"anchor after crash":         testAnchorAfterCrash,
		"cut off is noticed at work": testCutOffIsNoticedAtWork,
	}
	for _, c := range tamperings() {
		cases["tampering/"+c.name] = c.runCase
	}
	for name, run := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, newSealed(t, backend(t)))
		})
	}
}

func newSealed(t *testing.T, b storetest.Backend) *auditFixture {
	t.Helper()
	s := &auditFixture{backend: b, db: b.Open(t), raw: b.OpenRaw(t), file: filepath.Join(t.TempDir(), auditlog.AnchorFileName), now: firstSealing}
	s.openAnchor(t)
	return s
}

func (s *auditFixture) openAnchor(t *testing.T) {
	t.Helper()
	var err error
	if s.anchor, err = auditlog.OpenAnchor(s.file); err != nil {
		t.Fatal(err)
	}
}

// recordEvents writes n events.
func (s *auditFixture) recordEvents(t *testing.T, n int) {
	t.Helper()
	for range n {
		s.rows++
		if err := s.db.RunWriteTx(t.Context(), func(w implants.Writer) error { return w.AppendEvent(newEvent(s.rows)) }); err != nil {
			t.Fatal(err)
		}
	}
}

func newEvent(n int) platform.AuditEvent {
	e := platform.AuditEvent{OccurredAt: firstSealing.Add(time.Duration(n) * time.Millisecond), Correlation: fmt.Sprintf("correlation-%d", n), Operation: "Search",
		Outcome: platform.OutcomeAccepted, Reason: "own patient", Signer: "NIHII-HOSPITAL=71000436", Organisation: people.Hospital,
		Person: testSSIN(1), Capacity: platform.CapacityDoctor, Patient: testSSIN(int64(1000 + n%3)), Number: testNumber(people.MustDate("2026-11-21"))}
	if n%2 == 0 {
		e.EmergencyReason, e.Outcome, e.Codes = "unconscious after an accident", platform.OutcomeRefused, []problem.Code{"ONE", "TWO"}
	}
	return e
}

// sealAndAnchor does what the service does once a second.
func (s *auditFixture) sealAndAnchor(t *testing.T, made int) {
	t.Helper()
	s.now = s.now.Add(time.Second)
	checkpoints, err := s.db.SealAuditLog(t.Context(), s.now, 0)
	if err == nil {
		err = s.anchor.AppendMissing(t.Context(), s.db, checkpoints)
	}
	if err != nil || len(checkpoints) != made {
		t.Fatalf("%d checkpoints, not %d: %v", len(checkpoints), made, err)
	}
}

func (s *auditFixture) verifyAudit(t *testing.T) *auditlog.Report {
	t.Helper()
	public, err := s.db.PublicKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var trusted []ed25519.PublicKey
	for _, key := range public {
		trusted = append(trusted, key.Key)
	}
	return s.verifyWith(t, trusted)
}

func (s *auditFixture) verifyWith(t *testing.T, trusted []ed25519.PublicKey) *auditlog.Report {
	t.Helper()
	file, err := auditlog.OpenAnchorSnapshot(s.file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	report, err := auditlog.Verify(t.Context(), s.db, trusted, file)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// expectFindings fails unless the report has findings of exactly these kinds, each at least once.
func expectFindings(t *testing.T, report *auditlog.Report, kinds ...auditlog.FindingKind) {
	t.Helper()
	var found []auditlog.FindingKind
	for _, finding := range report.Findings {
		found = append(found, finding.Kind)
		if strings.ContainsAny(finding.Text, "\n%") {
			t.Errorf("finding %q", finding.Text)
		}
	}
	slices.Sort(found)
	slices.Sort(kinds)
	if found = slices.Compact(found); !slices.Equal(found, kinds) {
		t.Errorf("found %q, not %q: %+v", found, kinds, report.Findings)
	}
}

// tamperWith drops the append-only triggers and executes the statements.
func (s *auditFixture) tamperWith(t *testing.T, statements ...string) {
	t.Helper()
	postgres := s.backend.Config.URL != ""
	if postgres {
		statements = append([]string{`DROP TRIGGER IF EXISTS audit_append_only ON audit`, `ALTER TABLE audit ALTER COLUMN seq DROP IDENTITY IF EXISTS`,
			`DROP TRIGGER IF EXISTS audit_checkpoint_append_only ON audit_checkpoint`}, statements...)
	} else {
		statements = append([]string{`DROP TRIGGER IF EXISTS audit_no_update`, `DROP TRIGGER IF EXISTS audit_no_delete`,
			`DROP TRIGGER IF EXISTS audit_checkpoint_no_update`, `DROP TRIGGER IF EXISTS audit_checkpoint_no_delete`}, statements...)
	}
	for _, statement := range statements {
		if _, err := s.raw.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func testUntouchedTrailVerifies(t *testing.T, s *auditFixture) {
	t.Helper()
	s.sealAndAnchor(t, 0)
	expectFindings(t, s.verifyAudit(t))
	for n := range 5 {
		s.recordEvents(t, n+1)
		s.sealAndAnchor(t, 1)
		s.sealAndAnchor(t, 0)
	}
	report := s.verifyAudit(t)
	expectFindings(t, report)
	if report.Rows != 15 || report.Checkpoints != 5 || report.AnchorLines != 5 || report.UnsealedRows != 0 || report.LastCheckpoint.LastSeq != 15 {
		t.Errorf("%+v", report)
	}
	s.recordEvents(t, 2)
	report = s.verifyAudit(t)
	expectFindings(t, report)
	if report.UnsealedRows != 2 || report.OldestUnsealed != "2026-11-22T09:00:00.016000Z" {
		t.Errorf("%+v", report)
	}
	if made, err := s.db.SealAuditLog(t.Context(), s.now.Add(-500*time.Millisecond), time.Second); err != nil || len(made) != 0 {
		t.Errorf("sealed before its time: %v, %v", made, err)
	}
	for _, statement := range []string{`UPDATE audit_checkpoint SET row_count = 1`, `DELETE FROM audit_checkpoint`} {
		if _, err := s.raw.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// testTrailAcrossKeyRotation checks that the former key is not needed after a rotation, and that a verifier who trusts
// only the former key still accepts the new one by the handover.
func testTrailAcrossKeyRotation(t *testing.T, s *auditFixture) {
	t.Helper()
	s.recordEvents(t, 2)
	s.sealAndAnchor(t, 1)
	former, err := s.db.PublicKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.db.AddKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err = s.db.RotateKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.sealAndAnchor(t, 1) // a checkpoint without new rows, for the handover
	s.recordEvents(t, 2)
	s.sealAndAnchor(t, 1)
	if err = s.db.RetireKey(t.Context(), former[0].KeyID); err != nil {
		t.Fatal(err)
	}
	current, err := s.db.PublicKeys(t.Context())
	if err != nil || len(current) != 1 || current[0].KeyID == former[0].KeyID {
		t.Fatalf("%v, %v", current, err)
	}
	report := s.verifyAudit(t)
	expectFindings(t, report)
	if report.Checkpoints != 3 || report.LastCheckpoint.KeyID != current[0].KeyID {
		t.Errorf("%+v", report)
	}
	expectFindings(t, s.verifyWith(t, []ed25519.PublicKey{former[0].Key}))

	// The key is retired before a handover: a verifier who trusts the new key still accepts all former checkpoints by
	// its signature.
	if _, err = s.db.AddKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err = s.db.RotateKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err = s.db.RetireKey(t.Context(), current[0].KeyID); err != nil {
		t.Fatal(err)
	}
	s.recordEvents(t, 1)
	s.sealAndAnchor(t, 1)
	expectFindings(t, s.verifyAudit(t))
	expectFindings(t, s.verifyWith(t, []ed25519.PublicKey{former[0].Key}), auditlog.CheckpointForeign)
}

// testSealingBesideWriters checks that no row is inserted below a checkpoint while two programs seal and others write.
func testSealingBesideWriters(t *testing.T, s *auditFixture) {
	t.Helper()
	const writers, each = 8, 40
	other := s.backend.Open(t)
	ctx, stop := context.WithCancel(t.Context())
	var sealing, writing sync.WaitGroup
	for n, db := range []*store.DB{s.db, other} {
		sealing.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if _, err := db.SealAuditLog(ctx, firstSealing.Add(time.Duration(2*i+n)*time.Millisecond), 0); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	for w := range writers {
		writing.Go(func() {
			for n := range each {
				db := s.db
				if n%2 == 0 {
					db = other
				}
				err := db.RunWriteTx(ctx, func(writer implants.Writer) error { return writer.AppendEvent(newEvent(w*each + n)) })
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	stop()
	sealing.Wait()
	if _, err := s.db.SealAuditLog(t.Context(), firstSealing.Add(time.Hour), 0); err != nil {
		t.Fatal(err)
	}
	if err := s.anchor.AppendMissing(t.Context(), s.db, nil); err != nil {
		t.Fatal(err)
	}
	report := s.verifyAudit(t)
	expectFindings(t, report)
	if report.Rows != writers*each || report.UnsealedRows != 0 || report.Checkpoints < 2 {
		t.Errorf("%+v", report)
	}
	t.Logf("%d checkpoints over %d rows", report.Checkpoints, report.Rows)
}

// TestSealingWaitsForLateRows checks that sealing waits for a transaction that has a low sequence number and commits
// late.
func TestSealingWaitsForLateRows(t *testing.T) {
	t.Parallel()
	s := newSealed(t, storetest.NewPostgresBackends(t)(t))
	s.recordEvents(t, 1)
	var early sync.WaitGroup
	recorded, leave := make(chan struct{}), make(chan struct{})
	early.Go(func() {
		err := s.db.RunWriteTx(t.Context(), func(w implants.Writer) error {
			if err := w.AppendEvent(newEvent(2)); err != nil {
				return err
			}
			if _, _, err := w.NotificationByReference("anything"); err != nil { // flushes the pending insert
				return err
			}
			close(recorded)
			<-leave
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-recorded
	s.rows = 2
	s.recordEvents(t, 1) // commits before the row with the lower number
	store.ObserveSealingWait(s.db, func() { close(leave) })
	s.sealAndAnchor(t, 1)
	early.Wait()
	report := s.verifyAudit(t)
	expectFindings(t, report)
	if report.Rows != 3 || report.UnsealedRows != 0 {
		t.Errorf("%+v", report)
	}
}

// testAnchorAfterCrash checks the recovery from a crash: the anchor file lacks a checkpoint and ends in a partial line.
func testAnchorAfterCrash(t *testing.T, s *auditFixture) {
	t.Helper()
	s.recordEvents(t, 1)
	s.sealAndAnchor(t, 1)
	s.recordEvents(t, 1)
	if made, err := s.db.SealAuditLog(t.Context(), s.now.Add(time.Second), 0); err != nil || len(made) != 1 {
		t.Fatal(made, err)
	}
	file, err := os.OpenFile(s.file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(`{"number":2,"seq_to":2,"ro`); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	expectFindings(t, s.verifyAudit(t))
	s.openAnchor(t)
	if err := s.anchor.CheckAgainst(t.Context(), s.db); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(time.Second)
	s.recordEvents(t, 1)
	s.sealAndAnchor(t, 1)
	report := s.verifyAudit(t)
	expectFindings(t, report)
	if report.AnchorLines != 3 || report.Checkpoints != 3 {
		t.Errorf("%+v", report)
	}
}

// testCutOffIsNoticedAtWork checks that a service on a truncated database reports it, and that further checkpoints do
// not hide it.
func testCutOffIsNoticedAtWork(t *testing.T, s *auditFixture) {
	t.Helper()
	for range 3 {
		s.recordEvents(t, 1)
		s.sealAndAnchor(t, 1)
	}
	s.tamperWith(t, `DELETE FROM audit WHERE seq > 1`)
	if _, err := s.db.SealAuditLog(t.Context(), s.now, 0); !errors.Is(err, auditlog.ErrTruncated) {
		t.Errorf("rows: %v", err)
	}
	s.tamperWith(t, `DELETE FROM audit_checkpoint WHERE number > 1`)
	s.openAnchor(t)
	if err := s.anchor.CheckAgainst(t.Context(), s.db); !errors.Is(err, auditlog.ErrTruncated) {
		t.Errorf("checkpoints: %v", err)
	}
	checkpoints, err := s.db.AuditCheckpoints(t.Context(), 0, 10)
	if err != nil || len(checkpoints) != 1 {
		t.Fatal(checkpoints, err)
	}
	forged := auditlog.SealCheckpoint(&checkpoints[0], 1, 1, checkpoints[0].Head, s.now, auditlog.SigningKey{KeyID: "x", PrivateKey: ed25519.NewKeyFromSeed(make([]byte, 32))}, nil)
	if err := s.anchor.AppendMissing(t.Context(), s.db, []auditlog.Checkpoint{forged}); !errors.Is(err, auditlog.ErrTruncated) {
		t.Errorf("goes on: %v", err)
	}
	expectFindings(t, s.verifyAudit(t), auditlog.TailTruncated)
}

// BenchmarkVerifyTrail verifies a long audit log from its first row.
func BenchmarkVerifyTrail(b *testing.B) {
	const rows = 200_000
	forEachEngine(b, func(b *testing.B, backend storetest.Backend) {
		db, raw := backend.Open(b), backend.OpenRaw(b)
		numbers := fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) `, rows)
		columns := `'correlation-' || i, 'ListPatientImplants', 'accepted', '', 'therapeutic relation', '', 'NIHII-HOSPITAL=71000436', '71000436', i % 50, 'doctor', i % 9999, '' FROM n`
		insert := `INSERT INTO audit (at, correlation, operation, outcome, codes, reason, emergency, signer, organisation, person, capacity, patient, number) ` +
			numbers + `SELECT '2026-11-22T09:00:00.123456Z', ` + columns
		if backend.Config.URL != "" {
			insert = strings.Replace(insert, `'2026-11-22T09:00:00.123456Z'`, `TIMESTAMPTZ '2026-11-22T09:00:00.123456Z'`, 1)
		} else {
			insert = strings.Replace(insert, `'therapeutic relation', ''`, `'therapeutic relation', x''`, 1)
		}
		if _, err := raw.ExecContext(b.Context(), insert); err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		if _, err := db.SealAuditLog(b.Context(), firstSealing, 0); err != nil {
			b.Fatal(err)
		}
		sealing := time.Since(start)
		keys, err := db.PublicKeys(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			report, err := auditlog.Verify(b.Context(), db, []ed25519.PublicKey{keys[0].Key}, nil)
			if err != nil || report.Rows != rows || len(report.Findings) != 1 { // there is no anchor file
				b.Fatal(report, err)
			}
		}
		b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		b.ReportMetric(rows/sealing.Seconds(), "sealed-rows/s")
	})
}
