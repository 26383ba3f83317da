package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/people"
)

var errStop = errors.New("stop")

// checkNothingStored checks that a database is empty.
func checkNothingStored(t *testing.T, db *store.DB) {
	t.Helper()
	empty, err := db.IsEmpty(context.Background())
	checkValue(t, "empty", empty, true, err)
	if trail := readEvents(t, db); len(trail) != 0 {
		t.Errorf("%d events", len(trail))
	}
}

// writeEverything stores something of every kind.
func writeEverything(t testing.TB, w implants.Writer, running uint64) error {
	n := newImplantation(t, running)
	spent, err := w.RecordReplayKey(replayKeyOf(n.Reference))
	if err == nil && !spent {
		err = errors.New("mark was spent")
	}
	return errors.Join(err, w.Lock("patient"), w.AppendVersion(n), w.AppendEvent(platform.AuditEvent{OccurredAt: registeredAt, Outcome: platform.OutcomeAccepted}),
		w.SaveEmergency(platform.Emergency{Professional: claes, Patient: leroy, Day: n.SurgeryDate, Reason: "reason"}, registeredAt))
}

func testRollback(t *testing.T, b Backend) {
	db := b.Open(t)
	err := db.RunWriteTx(t.Context(), func(w implants.Writer) error {
		if _, err := w.NextSequenceNumber(people.MustDate("2026-11-21")); err != nil {
			return err
		}
		if err := writeEverything(t, w, 1); err != nil {
			return err
		}
		return errStop
	})
	if !errors.Is(err, errStop) {
		t.Fatalf("got %v", err)
	}
	checkNothingStored(t, db)
	// Nothing of it prevents the same write from succeeding now.
	writeTx(t, db, func(w implants.Writer) error { return writeEverything(t, w, 1) })
	if trail := readEvents(t, db); len(trail) != 1 {
		t.Errorf("%d events", len(trail))
	}
}

// testSwallowed checks that an SQL error fails the transaction even when the function hides it.
func testSwallowed(t *testing.T, b Backend) {
	db := b.Open(t)
	err := db.RunWriteTx(t.Context(), func(w implants.Writer) error {
		if err := writeEverything(t, w, 1); err != nil {
			return err
		}
		_ = w.AppendVersion(newImplantation(t, 1)) // fails: the same version again
		_, _, _ = w.Implant("one")                 // flushes the pending inserts
		return nil
	})
	if err == nil || problem.From(err).Code != problem.InternalError {
		t.Errorf("got %v", err)
	}
	checkNothingStored(t, db)
}

func testPanic(t *testing.T, b Backend) {
	db := b.Open(t)
	err := db.RunWriteTx(t.Context(), func(w implants.Writer) error {
		if err := writeEverything(t, w, 1); err != nil {
			return err
		}
		panic("in a write")
	})
	if problem.From(err).Code != problem.InternalError || !strings.Contains(err.Error(), "in a write") {
		t.Errorf("got %v", err)
	}
	err = db.RunReadTx(t.Context(), func(implants.Reader) error { panic("in a read") })
	if problem.From(err).Code != problem.InternalError {
		t.Errorf("got %v", err)
	}
	checkNothingStored(t, db)
	writeTx(t, db, func(w implants.Writer) error { return writeEverything(t, w, 1) })
}

// testFailedCommit checks that a failed commit returns an error, stores nothing, and does not affect the next write.
func testFailedCommit(t *testing.T, b Backend) {
	db := b.Open(t)
	raw := b.OpenRaw(t)
	// Each engine needs another way to make a transaction fail at its commit only.
	statements := []string{
		`CREATE TABLE probe (id integer REFERENCES readiness (id) DEFERRABLE INITIALLY DEFERRED)`,
		`CREATE TRIGGER late AFTER INSERT ON audit BEGIN INSERT INTO probe (id) VALUES (2); END`,
	}
	if b.Config.URL != "" {
		statements = []string{`CREATE CONSTRAINT TRIGGER late AFTER INSERT ON audit DEFERRABLE INITIALLY DEFERRED
			FOR EACH ROW EXECUTE FUNCTION refuse_change()`}
	}
	for _, statement := range statements {
		if _, err := raw.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	err := db.RunWriteTx(t.Context(), func(w implants.Writer) error { return writeEverything(t, w, 1) })
	if problem.From(err).Code != problem.InternalError {
		t.Errorf("got %v", err)
	}
	checkNothingStored(t, db)
	keepAll(t, db, newImplantation(t, 1))
}

// testIsolation checks that writes that fail or panic do not affect concurrent ones, even in the same group commit.
func testIsolation(t *testing.T, b Backend) {
	db := b.Open(t)
	const writes = 90
	var group sync.WaitGroup
	for i := range writes {
		group.Go(func() {
			err := db.RunWriteTx(t.Context(), func(w implants.Writer) error {
				if err := writeEverything(t, w, uint64(i+1)); err != nil {
					return err
				}
				switch i % 3 {
				case 1:
					return errStop
				case 2:
					panic("one of many")
				}
				return nil
			})
			if (err == nil) != (i%3 == 0) {
				t.Errorf("write %d: %v", i, err)
			}
		})
	}
	group.Wait()
	readTx(t, db, func(r implants.Reader) error {
		_, total, err := r.SearchNotifications(implants.NotificationQuery{})
		checkValue(t, "kept", total, writes/3, err)
		return nil
	})
	if trail := readEvents(t, db); len(trail) != writes/3 {
		t.Errorf("%d events", len(trail))
	}
}

func testReplay(t *testing.T, b Backend) {
	checkRecordedOnce(t, b.Open(t))
}

func testReplayNodes(t *testing.T, b Backend) {
	checkRecordedOnce(t, b.Open(t), b.Open(t))
}

// checkRecordedOnce lets 32 callers, spread over the nodes, record the same replay key, and checks that one of them
// succeeds.
func checkRecordedOnce(t *testing.T, nodes ...*store.DB) {
	t.Helper()
	for round := range 5 {
		var group sync.WaitGroup
		var accepted atomic.Int32
		for i := range 32 {
			group.Go(func() {
				fresh := false
				err := nodes[i%len(nodes)].RunWriteTx(t.Context(), func(w implants.Writer) error {
					var err error
					fresh, err = w.RecordReplayKey(replayKeyOf(fmt.Sprint(round)))
					return err
				})
				if err != nil {
					t.Errorf("spend: %v", err)
				}
				if fresh {
					accepted.Add(1)
				}
			})
		}
		group.Wait()
		if n := accepted.Load(); n != 1 {
			t.Fatalf("a message was accepted %d times", n)
		}
	}
}

func testPurge(t *testing.T, b Backend) {
	db := b.Open(t)
	const old = 2500
	writeTx(t, db, func(w implants.Writer) error {
		for i := range old {
			m := replayKeyOf(fmt.Sprint(i))
			m.ExpiresAt = registeredAt.Add(-time.Duration(i+1) * time.Microsecond)
			if _, err := w.RecordReplayKey(m); err != nil {
				return err
			}
		}
		m := replayKeyOf("fresh")
		m.ExpiresAt = registeredAt
		_, err := w.RecordReplayKey(m)
		return err
	})
	purged, err := db.PurgeReplayKeys(t.Context(), registeredAt)
	checkValue(t, "purged", purged, old, err)
	purged, err = db.PurgeReplayKeys(t.Context(), registeredAt)
	checkValue(t, "purged again", purged, 0, err)
	writeTx(t, db, func(w implants.Writer) error {
		fresh, err := w.RecordReplayKey(replayKeyOf("fresh"))
		checkValue(t, "kept", fresh, false, err)
		fresh, err = w.RecordReplayKey(replayKeyOf("0"))
		checkValue(t, "forgotten", fresh, true, err)
		return nil
	})
}

func testNumbers(t *testing.T, b Backend) {
	nodes := []*store.DB{b.Open(t), b.Open(t)}
	type taken struct {
		day     string
		running uint64
	}
	var mutex sync.Mutex
	given := make(map[taken]bool)
	var group sync.WaitGroup
	for i := range 96 {
		group.Go(func() {
			var got taken
			err := nodes[i%2].RunWriteTx(t.Context(), func(w implants.Writer) error {
				got.day = []string{"2026-11-21", "2026-11-22", "2020-01-01"}[i%3]
				var err error
				if got.running, err = w.NextSequenceNumber(people.MustDate(got.day)); err != nil {
					return err
				}
				if i%8 == 0 {
					return errStop
				}
				return w.AppendEvent(platform.AuditEvent{OccurredAt: registeredAt})
			})
			if err != nil {
				if !errors.Is(err, errStop) {
					t.Errorf("number: %v", err)
				}
				return
			}
			mutex.Lock()
			defer mutex.Unlock()
			if given[got] || got.running < 1 {
				t.Errorf("%s: number %d", got.day, got.running)
			}
			given[got] = true
		})
	}
	group.Wait()
	if len(given) != 84 {
		t.Errorf("%d numbers", len(given))
	}
	writeTx(t, nodes[0], func(w implants.Writer) error {
		one, err := w.NextSequenceNumber(people.MustDate("2026-11-21"))
		if err != nil {
			return err
		}
		two, err := w.NextSequenceNumber(people.MustDate("2026-11-21"))
		if two <= one {
			t.Errorf("%d after %d in one transaction", two, one)
		}
		return err
	})
}

// testHold checks that transactions that lock the same key see one another's results, and that locking several keys
// causes no deadlock.
func testHold(t *testing.T, b Backend) {
	nodes := []*store.DB{b.Open(t), b.Open(t)}
	var group sync.WaitGroup
	for i := range 32 {
		group.Go(func() {
			keys := []string{"patient 1", "serial 2", fmt.Sprint("other ", i)}
			if i%2 == 0 {
				keys[0], keys[1] = keys[1], keys[0]
			}
			err := nodes[i%2].RunWriteTx(t.Context(), func(w implants.Writer) error {
				if err := w.Lock(keys...); err != nil {
					return err
				}
				history, err := w.NotificationsByPatient(leroy, ident.SSIN{})
				if err != nil {
					return err
				}
				return w.AppendVersion(newImplantation(t, uint64(len(history)+1)))
			})
			if err != nil {
				t.Errorf("write %d: %v", i, err)
			}
		})
	}
	group.Wait()
	readTx(t, nodes[0], func(r implants.Reader) error {
		history, err := r.NotificationsByPatient(leroy, ident.SSIN{})
		checkValue(t, "kept one after the other", len(history), 32, err)
		return nil
	})
}

// testSubmissionRace submits the same idempotency key concurrently without locking it: one notification is stored, and
// all other transactions find it.
func testSubmissionRace(t *testing.T, b Backend) {
	nodes := []*store.DB{b.Open(t), b.Open(t)}
	var kept atomic.Int32
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			mine := false
			err := nodes[i%2].RunWriteTx(t.Context(), func(w implants.Writer) error {
				n := newImplantation(t, uint64(i+1))
				n.InputReference = "the same"
				_, there, err := w.NotificationByInputReference(n.Signer, n.InputReference)
				if mine = !there; err != nil || there {
					return err
				}
				return w.AppendVersion(n)
			})
			if err != nil {
				t.Errorf("write %d: %v", i, err)
			}
			if mine {
				kept.Add(1)
			}
		})
	}
	group.Wait()
	if n := kept.Load(); n != 1 {
		t.Errorf("kept %d times", n)
	}
}

func testConsistentView(t *testing.T, b Backend) {
	db := b.Open(t)
	keepAll(t, db, newImplantation(t, 1))
	readTx(t, db, func(r implants.Reader) error {
		_, before, err := r.SearchNotifications(implants.NotificationQuery{})
		if err != nil {
			return err
		}
		keepAll(t, db, newImplantation(t, 2))
		_, after, err := r.SearchNotifications(implants.NotificationQuery{})
		checkValue(t, "in the view", []int{before, after}, []int{1, 1}, err)
		return nil
	})
	readTx(t, db, func(r implants.Reader) error {
		_, total, err := r.SearchNotifications(implants.NotificationQuery{})
		checkValue(t, "afterwards", total, 2, err)
		return nil
	})
}

func testAppendOnly(t *testing.T, b Backend) {
	db := b.Open(t)
	n := newImplantation(t, 1)
	keepAll(t, db, n, newExplantation(t, 2, "2026-11-21", implants.Removal{ImplantID: n.Implants[0].ID, Quantity: 1}))
	writeTx(t, db, func(w implants.Writer) error {
		return errors.Join(w.AppendEvent(platform.AuditEvent{OccurredAt: registeredAt}), w.AppendEvidence(newEvidence(n, "the message")))
	})
	raw := b.OpenRaw(t)
	for table, column := range map[string]string{"notification": "comment", "implant": "serial", "removal": "reason",
		"warning": "facts", "submission": "reference", "audit": "reason", "evidence": "message"} {
		statements := []string{`UPDATE ` + table + ` SET ` + column + ` = ` + column, `DELETE FROM ` + table}
		if b.Config.URL != "" {
			statements = append(statements, `TRUNCATE `+table+` CASCADE`)
		}
		for _, statement := range statements {
			_, err := raw.ExecContext(t.Context(), statement)
			if err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v", statement, err)
			}
		}
	}
	readTx(t, db, func(r implants.Reader) error {
		got, there, err := r.NotificationByNumber(n.Number)
		n.Implants[0].Remaining = 0
		checkFound(t, "afterwards", got, n, there, err)
		return nil
	})
}

func testContext(t *testing.T, b Backend) {
	db := b.Open(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err := db.RunWriteTx(ended, func(w implants.Writer) error { return w.AppendEvent(platform.AuditEvent{OccurredAt: registeredAt}) })
	if problem.From(err).Code != problem.StoreDown || !errors.Is(err, context.Canceled) {
		t.Errorf("write: %v", err)
	}
	err = db.RunReadTx(ended, func(implants.Reader) error {
		t.Error("read for a caller who has gone")
		return nil
	})
	if problem.From(err).Code != problem.StoreDown || !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v", err)
	}
	checkNothingStored(t, db)
}

// testOverload checks that the next write fails at once when too many are waiting, and that the accepted ones are
// stored.
func testOverload(t *testing.T, b Backend) {
	db := b.Open(t)
	started, release := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		err := db.RunWriteTx(t.Context(), func(w implants.Writer) error {
			close(started)
			<-release
			return w.Lock("one")
		})
		if err != nil {
			t.Errorf("first: %v", err)
		}
	})
	<-started
	var kept atomic.Int32
	refused := make(chan struct{}, 1500)
	for range 1500 {
		group.Go(func() {
			err := db.RunWriteTx(t.Context(), func(w implants.Writer) error {
				<-release
				return w.AppendEvent(platform.AuditEvent{OccurredAt: registeredAt})
			})
			switch {
			case err == nil:
				kept.Add(1)
			case problem.From(err).Code == problem.Overloaded:
				refused <- struct{}{}
			default:
				t.Errorf("got %v", err)
			}
		})
	}
	<-refused // while all the others wait for release
	close(release)
	group.Wait()
	if n := len(readEventsUpTo(t, db, 2000)); n != int(kept.Load()) {
		t.Errorf("%d events of %d kept", n, kept.Load())
	}
}

func readEventsUpTo(t testing.TB, db *store.DB, limit int) []platform.AuditEvent {
	t.Helper()
	all, _, err := db.ReadEvents(context.Background(), 0, limit)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func testReady(t *testing.T, b Backend) {
	db, err := store.Open(t.Context(), b.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.CheckReady(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
	for range 2 {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	for name, err := range map[string]error{
		"ready": db.CheckReady(t.Context()),
		"write": db.RunWriteTx(t.Context(), func(implants.Writer) error { return nil }),
		"read":  db.RunReadTx(t.Context(), func(r implants.Reader) error { _, _, err := r.Person(claes); return err }),
	} {
		if problem.From(err).Code != problem.StoreDown {
			t.Errorf("%s of a closed store: %v", name, err)
		}
	}
}

func testReopen(t *testing.T, b Backend) {
	n := newImplantation(t, 1)
	db, err := store.Open(t.Context(), b.Config)
	if err != nil {
		t.Fatal(err)
	}
	keepAll(t, db, n)
	if err = db.Close(); err != nil {
		t.Fatal(err)
	}
	migrations := readMigrations(t, b)
	again := b.Open(t)
	if got := readMigrations(t, b); got != migrations {
		t.Errorf("opening an existing database migrated it: %s, before %s", got, migrations)
	}
	readTx(t, again, func(r implants.Reader) error {
		got, there, err := r.NotificationByNumber(n.Number)
		checkFound(t, "notification", got, n, there, err)
		return nil
	})
}

// readMigrations describes the migrations that were applied to a database: their number, and when the last one was.
func readMigrations(t testing.TB, b Backend) string {
	t.Helper()
	var count, last string
	err := b.OpenRaw(t).QueryRowContext(t.Context(), `SELECT COUNT(*), MAX(tstamp) FROM goose_db_version`).Scan(&count, &last)
	if err != nil {
		t.Fatal(err)
	}
	return count + " until " + last
}

func testNewerTables(t *testing.T, b Backend) {
	db, err := store.Open(t.Context(), b.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err = db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = b.OpenRaw(t).ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (1000, true)`)
	if err != nil {
		t.Fatal(err)
	}
	db, err = store.Open(t.Context(), b.Config)
	if err == nil {
		t.Error(errors.Join(errors.New("opened newer tables"), db.Close()))
	} else if text := err.Error(); !strings.Contains(text, "version 1000") || strings.Contains(text, "\n") {
		t.Errorf("error %q", text)
	}
}
