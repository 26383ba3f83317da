package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// logRecords is a log whose records a test waits for.
type logRecords struct {
	records chan slog.Record
}

func newLogRecords() *logRecords { return &logRecords{make(chan slog.Record, 1000)} }

func (l *logRecords) logger() *slog.Logger { return slog.New(l) }

func (*logRecords) Enabled(context.Context, slog.Level) bool        { return true }
func (l *logRecords) WithAttrs([]slog.Attr) slog.Handler            { return l }
func (l *logRecords) WithGroup(string) slog.Handler                 { return l }
func (l *logRecords) Handle(_ context.Context, r slog.Record) error { l.records <- r; return nil }

// await waits for a record with a text in its message, and returns all its text.
func (l *logRecords) await(t *testing.T, text string) string {
	t.Helper()
	for {
		select {
		case r := <-l.records:
			if !strings.Contains(r.Message, text) {
				t.Logf("log: %s", r.Message)
				continue
			}
			all := r.Level.String() + " " + r.Message
			r.Attrs(func(a slog.Attr) bool { all += " " + a.String(); return true })
			return all
		case <-t.Context().Done():
			t.Fatalf("the log does not say %q", text)
		}
	}
}

// appendEvents appends events with the correlations NAME-0, NAME-1, …
func appendEvents(ctx context.Context, db *store.DB, name string, n int) error {
	for i := range n {
		err := db.RunWriteTx(ctx, func(w implants.Writer) error {
			return w.AppendEvent(platform.AuditEvent{OccurredAt: time.Now(), Correlation: fmt.Sprint(name, "-", i), Operation: strings.Repeat("x", 200)})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func countAllEvents(t *testing.T, db *store.DB) int {
	t.Helper()
	events, _, err := db.ReadEvents(t.Context(), 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	return len(events)
}

// checkLatched checks that a store writes no more and says so.
func checkLatched(t *testing.T, db *store.DB) {
	t.Helper()
	if err := appendEvents(t.Context(), db, "refused", 1); problem.From(err).Code != problem.StoreDown {
		t.Errorf("a write: %v", err)
	}
	if err := db.CheckReady(t.Context()); problem.From(err).Code != problem.StoreDown {
		t.Errorf("ready: %v", err)
	}
	if db.Status().Failure == nil {
		t.Error("the status has no failure")
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestFindingR9FilesTakenAway takes files away from under an open database. Nothing more is written, the operator is
// told, and what was acknowledged is in the database file even if the process is killed then.
func TestFindingR9FilesTakenAway(t *testing.T) {
	t.Parallel()
	replace := func(name string) error {
		content, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(name+".copy", content, 0o600)
		}
		return errors.Join(err, os.Rename(name+".copy", name))
	}
	for _, c := range []struct {
		name   string
		take   func(file string) error
		want   string // in the log; empty if nothing is wrong
		isKept bool   // the database file is still there
	}{
		{"log deleted", func(file string) error { return os.Remove(file + "-wal") }, "ctr.sqlite-wal was deleted", true},
		{"log renamed", func(file string) error { return os.Rename(file+"-wal", file+"-old") }, "ctr.sqlite-wal was deleted or renamed", true},
		{"log replaced by a copy", func(file string) error { return replace(file + "-wal") }, "ctr.sqlite-wal was replaced", true},
		{"shared memory deleted", func(file string) error { return os.Remove(file + "-shm") }, "ctr.sqlite-shm was deleted", true},
		{"database deleted", os.Remove, "ctr.sqlite was deleted", false},
		{"database renamed", func(file string) error { return os.Rename(file, file+".old") }, "ctr.sqlite was deleted or renamed", false},
		{"database replaced by a copy", replace, "ctr.sqlite was replaced", false},
		{"database replaced by a folder", func(file string) error { return errors.Join(os.Remove(file), os.Mkdir(file, 0o700)) }, "ctr.sqlite was replaced", false},
		{"folder deleted", func(file string) error { return os.RemoveAll(filepath.Dir(file)) }, "ctr.sqlite was deleted", false},
		{"folder renamed", func(file string) error { return os.Rename(filepath.Dir(file), filepath.Dir(file)+".old") }, "ctr.sqlite was deleted", false},
		{"nothing", func(file string) error { return os.Link(file, file+".link") }, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := storetest.NewSQLiteBackend(t)
			b.Config.Directory = filepath.Join(t.TempDir(), "data")
			log := newLogRecords()
			b.Config.Watch, b.Config.Log = true, slog.New(log)
			db, err := store.Open(t.Context(), b.Config)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = db.Close() }() // without its files it may fail
			log.await(t, "pages of the database are not damaged")
			if err = appendEvents(t.Context(), db, "acknowledged", 50); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(b.Config.Directory, "ctr.sqlite")
			keys := filepath.Join(t.TempDir(), "keys.json")
			copyFile(t, filepath.Join(b.Config.Directory, "keys.json"), keys)
			if err = c.take(file); err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				// Another program opens and closes the database, which leaves its files where they are.
				other, openErr := store.Open(t.Context(), store.Config{Directory: b.Config.Directory})
				if openErr != nil {
					t.Fatal(openErr)
				}
				if err = other.Close(); err != nil {
					t.Fatal(err)
				}
				if err = db.CheckReady(t.Context()); err != nil || appendEvents(t.Context(), db, "more", 1) != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if text := log.await(t, "restore from backup"); !strings.Contains(text, c.want) || !strings.HasPrefix(text, "ERROR") {
				t.Errorf("the log says %q", text)
			}
			checkLatched(t, db)
			if !c.isKept {
				return
			}
			if text := log.await(t, "saved into the database file"); !strings.Contains(text, "complete=true") {
				t.Errorf("the log says %q", text)
			}
			killed := filepath.Join(t.TempDir(), "killed") // what is left after kill -9
			if err = os.Mkdir(killed, 0o700); err != nil {
				t.Fatal(err)
			}
			copyFile(t, file, filepath.Join(killed, "ctr.sqlite"))
			left, err := store.Open(t.Context(), store.Config{Directory: killed, KeyFile: keys})
			if err != nil {
				t.Fatal(err)
			}
			if n := countAllEvents(t, left); n != 50 {
				t.Errorf("%d of 50 acknowledged events are left", n)
			}
			if err := left.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestFindingR8DamagedPages damages a closed database and opens it. The check of all pages finds the damage, and a
// statement that meets it does too.
func TestFindingR8DamagedPages(t *testing.T) {
	t.Parallel()
	const pageSize = 4096
	zero := func(page []byte) { clear(page) }
	for _, c := range []struct {
		name   string
		object string // whose root page is damaged
		damage func(page []byte)
	}{
		{"page zeroed", "audit", zero},
		{"40 bytes flipped", "audit", func(page []byte) {
			for i := range 40 {
				page[i] ^= 0xff
			}
		}},
		{"page of random bytes", "audit", func(page []byte) { copy(page, strings.Repeat("any bytes", pageSize/9+1)) }},
		{"page of another table", "device", zero},
		{"page of an index", "subject_person", zero},
		{"half a page", "audit", func(page []byte) { clear(page[pageSize/2:]) }},
		{"cell pointers beyond the page", "audit", func(page []byte) { page[8], page[9] = 0xff, 0xff }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := storetest.NewSQLiteBackend(t)
			db, err := store.Open(t.Context(), b.Config)
			if err != nil {
				t.Fatal(err)
			}
			if err = appendEvents(t.Context(), db, "stored", 200); err != nil {
				t.Fatal(err)
			}
			if err = db.Close(); err != nil {
				t.Fatal(err)
			}
			damageRootPage(t, b, c.object, c.damage)
			log := newLogRecords()
			b.Config.Watch, b.Config.Log = true, slog.New(log)
			db, err = store.Open(t.Context(), b.Config)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			if text := log.await(t, "restore from backup"); !strings.HasPrefix(text, "ERROR") {
				t.Errorf("the log says %q", text)
			}
			checkLatched(t, db)
		})
	}
	t.Run("met by a statement", func(t *testing.T) {
		t.Parallel()
		b := storetest.NewSQLiteBackend(t)
		db := b.Open(t)
		if err := appendEvents(t.Context(), db, "stored", 200); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		damageRootPage(t, b, "audit", zero)
		db, err := store.Open(t.Context(), b.Config) // nothing checks
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		if err := appendEvents(t.Context(), db, "one more", 1); problem.From(err).Code != problem.StoreDown {
			t.Errorf("got %v", err)
		}
		checkLatched(t, db)
	})
}

// damageRootPage changes the first page of a table or index in a closed database.
func damageRootPage(t *testing.T, b storetest.Backend, object string, damage func([]byte)) {
	t.Helper()
	const pageSize = 4096
	var number int64
	query := `SELECT rootpage FROM sqlite_schema WHERE name = ?`
	if err := b.OpenRaw(t).QueryRowContext(t.Context(), query, object).Scan(&number); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(filepath.Join(b.Config.Directory, "ctr.sqlite"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	page := make([]byte, pageSize)
	if _, err := file.ReadAt(page, (number-1)*pageSize); err != nil {
		t.Fatal(err)
	}
	damage(page)
	if _, err := file.WriteAt(page, (number-1)*pageSize); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestFindingR8DamagedPostgres checks that a data corruption that PostgreSQL reports takes the node out.
func TestFindingR8DamagedPostgres(t *testing.T) {
	t.Parallel()
	backend := storetest.NewPostgresBackends(t)
	for code, isDamage := range map[string]bool{"XX001": true, "XX002": true, "XX000": false, "22012": false, "53100": false} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			b := backend(t)
			log := newLogRecords()
			b.Config.Log = slog.New(log)
			db := b.Open(t)
			raw := b.OpenRaw(t)
			for _, statement := range []string{
				`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '` + code + `'; END $$`,
				`CREATE TRIGGER fail BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION fail()`,
			} {
				if _, err := raw.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			err := appendEvents(t.Context(), db, "damaged", 1)
			if err == nil {
				t.Fatal("stored")
			}
			if isDamage {
				log.await(t, "restore from backup")
				checkLatched(t, db)
			} else if db.Status().Failure != nil || db.CheckReady(t.Context()) != nil {
				t.Errorf("taken out by %v", err)
			}
		})
	}
}

// TestFindingR14WriteAheadLog checks that the write-ahead log does not keep growing beside readers that overlap.
func TestFindingR14WriteAheadLog(t *testing.T) {
	t.Parallel()
	b := storetest.NewSQLiteBackend(t)
	b.Config.Directory, b.Config.Watch = filepath.Join(t.TempDir(), "data"), true
	db := b.Open(t)
	wal := filepath.Join(b.Config.Directory, "ctr.sqlite-wal")
	var readers sync.WaitGroup
	stop := make(chan struct{})
	held := make(chan struct{})
	readers.Go(func() { // reads an old state, so that no ordinary checkpoint can begin the log anew
		_ = db.RunReadTx(t.Context(), func(r implants.Reader) error {
			_, _, err := r.Implant("one")
			close(held)
			<-stop
			return err
		})
	})
	<-held
	size := func() int64 {
		info, err := os.Stat(wal)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	large := strings.Repeat("x", 1<<20)
	for size() <= 64<<20 {
		err := db.RunWriteTx(t.Context(), func(w implants.Writer) error {
			return w.AppendEvent(platform.AuditEvent{OccurredAt: time.Now(), Reason: large})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.CheckReady(t.Context()); err != nil { // the reader is in the way, and no writer waits for it
		t.Fatal(err)
	}
	if err := appendEvents(t.Context(), db, "beside", 1); err != nil {
		t.Fatal(err)
	}
	close(stop)
	readers.Wait()
	if err := db.CheckReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := appendEvents(t.Context(), db, "after", 1); err != nil { // behind the checkpoint
		t.Fatal(err)
	}
	if n := size(); n > 1<<20 {
		t.Errorf("the log has %d bytes", n)
	}
}
