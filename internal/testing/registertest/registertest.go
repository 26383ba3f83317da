// Package registertest provides a working register for tests: a Registrar on a real database with the development
// data, with a clock that the test sets and sequential identifiers. Call [New].
//
// It is separate so that every entry point is tested against the same register, in which only time and randomness are
// replaced. It is for tests only; production code never imports it.
package registertest

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/devkit/devdata"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/operator"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// StartTime is the initial time of every clock: a Saturday morning, the day after the surgery of the usual
// notification.
func StartTime() time.Time { return time.Date(2026, 11, 21, 10, 0, 30, 0, time.UTC) }

// Clock is a clock that advances only when it is set.
type Clock struct{ nanoseconds atomic.Int64 }

// NewClock returns a clock set to StartTime.
func NewClock() *Clock {
	c := &Clock{}
	c.Set(StartTime())
	return c
}

// Now returns the time of the clock.
func (c *Clock) Now() time.Time { return time.Unix(0, c.nanoseconds.Load()).UTC() }

// Set sets the clock.
func (c *Clock) Set(t time.Time) { c.nanoseconds.Store(t.UnixNano()) }

// NewIDCounter returns a source of identifiers: the prefix followed by 1, 2, 3, …
func NewIDCounter(prefix string) func() string {
	var n atomic.Int64
	return func() string { return prefix + strconv.FormatInt(n.Add(1), 10) }
}

// Register is a register with its clock and its database.
type Register struct {
	*implants.Registrar
	Clock   *Clock
	store   *store.DB
	backend storetest.Backend
}

// Options change a register from the default one.
type Options struct {
	// RequireCareRelation also requires an existing care relation to submit a final notification.
	RequireCareRelation bool
	// NodePrefix begins the register's identifiers, so that two nodes on one database use different ones.
	NodePrefix string
}

// New creates a register in a new SQLite file with the development data.
func New(t testing.TB, o Options) *Register {
	t.Helper()
	return OpenNode(t, NewEmbedded(t), o)
}

// OpenNode opens the register of an existing database as another node.
func OpenNode(t testing.TB, backend storetest.Backend, o Options) *Register {
	t.Helper()
	location, err := time.LoadLocation("Europe/Brussels")
	if err != nil {
		t.Fatal(err)
	}
	r := &Register{Clock: NewClock(), store: backend.Open(t), backend: backend}
	r.Registrar = implants.New(implants.Config{
		Store: r.store, Now: r.Clock.Now, NewID: NewIDCounter(o.NodePrefix + "id-"), Location: location, RequireCareRelation: o.RequireCareRelation,
	})
	return r
}

// Backend returns the register's database, for another node to open.
func (r *Register) Backend() storetest.Backend { return r.backend }

// Close closes this node's connection to the database, as stopping the service does.
func (r *Register) Close(t testing.TB) {
	t.Helper()
	if err := r.store.Close(); err != nil {
		t.Error(err)
	}
}

// AuditEvents returns the audit log (at most 1000 events) after a sequence number.
func (r *Register) AuditEvents(t testing.TB, after int64) []platform.AuditEvent {
	t.Helper()
	all, _, err := r.store.ReadEvents(context.Background(), after, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Evidence returns the evidence of all versions of a notification.
func (r *Register) Evidence(t testing.TB, number string) []implants.Evidence {
	t.Helper()
	parsed, err := ident.ParseNotificationNumber(number)
	if err != nil {
		t.Fatal(err)
	}
	all, err := r.store.Evidence(context.Background(), parsed)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// CountNotifications returns the number of notifications in the database, without using the store.
func (r *Register) CountNotifications(t testing.TB) int {
	t.Helper()
	return storetest.CountNotifications(t, r.rawDB(t))
}

func (r *Register) rawDB(t testing.TB) *sql.DB {
	t.Helper()
	return r.backend.OpenRaw(t)
}

// NewEmbedded creates a new SQLite file with the development data. It copies a file that is made once per process,
// because loading takes longer than most tests.
func NewEmbedded(t testing.TB) storetest.Backend {
	t.Helper()
	files, err := developmentFiles()
	if err != nil {
		t.Fatal(err)
	}
	backend := storetest.NewSQLiteBackend(t)
	if err := os.MkdirAll(backend.Config.Directory, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(backend.Config.Directory, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return backend
}

// developmentFiles returns the store's files by name: the database, and the keys that encrypt personal data.
var developmentFiles = sync.OnceValues(func() (files map[string][]byte, err error) {
	directory, err := os.MkdirTemp("", "ctr-registertest-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if removeErr := os.RemoveAll(directory); err == nil {
			err = removeErr
		}
	}()
	db, err := store.Open(context.Background(), store.Config{Directory: directory})
	if err != nil {
		return nil, err
	}
	err = loadDevelopmentData(db)
	if closeErr := db.Close(); err == nil { // closing moves the write-ahead log into the file
		err = closeErr
	}
	if err != nil {
		return nil, err
	}
	files = map[string][]byte{"ctr.sqlite": nil, "keys.json": nil}
	for name := range files {
		if files[name], err = os.ReadFile(filepath.Join(directory, name)); err != nil {
			return nil, err
		}
	}
	return files, nil
})

// LoadDevelopmentData loads the development data into a database.
func LoadDevelopmentData(t testing.TB, backend storetest.Backend) {
	t.Helper()
	if err := loadDevelopmentData(backend.Open(t)); err != nil {
		t.Fatal(err)
	}
}

func loadDevelopmentData(db *store.DB) error {
	all, err := readDevelopmentData()
	if err != nil {
		return err
	}
	return db.LoadSources(context.Background(), all)
}

// DevelopmentSources returns the development data in the form that a store loads.
func DevelopmentSources(t testing.TB) implants.SourceEntries {
	t.Helper()
	all, err := readDevelopmentData()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func readDevelopmentData() (all implants.SourceEntries, err error) {
	for _, kind := range operator.Kinds() {
		file, err := devdata.Files.Open(kind + ".csv")
		if err != nil {
			return all, err
		}
		if _, err := operator.ReadCSV(kind, file, &all); err != nil {
			return all, err
		}
		if err := file.Close(); err != nil {
			return all, err
		}
	}
	return all, nil
}
