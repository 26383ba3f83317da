// Package registertest gives tests a register at work: a Registrar on a real database that holds the development data,
// with a clock that the test sets and identifiers that count up.
//
// It is separate so that every door is tested against the same register, with nothing doubled but time and chance. It is
// for tests only; production code never imports it.
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

	"github.com/openctr/ctr/internal/admin"
	"github.com/openctr/ctr/internal/devdata"
	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/storetest"
)

// Start is where every clock stands first: a Saturday morning, the day after the operation of the usual notification.
func Start() time.Time { return time.Date(2026, 11, 21, 10, 0, 30, 0, time.UTC) }

// Clock is a clock that stands still until it is set.
type Clock struct{ nanoseconds atomic.Int64 }

// NewClock makes a clock that stands at Start.
func NewClock() *Clock {
	c := &Clock{}
	c.Set(Start())
	return c
}

// Now is the instant at which the clock stands.
func (c *Clock) Now() time.Time { return time.Unix(0, c.nanoseconds.Load()).UTC() }

// Set sets the clock.
func (c *Clock) Set(t time.Time) { c.nanoseconds.Store(t.UnixNano()) }

// Counter returns a source of identifiers: the prefix with 1, 2, 3, …
func Counter(prefix string) func() string {
	var n atomic.Int64
	return func() string { return prefix + strconv.FormatInt(n.Add(1), 10) }
}

// Register is a register at work.
type Register struct {
	*register.Registrar
	Clock   *Clock
	store   *store.DB
	backend storetest.Backend
}

// Options are what a register may do otherwise than the usual one.
type Options struct {
	// RequireLink asks for an existing therapeutic relation also to notify.
	RequireLink bool
	// Node names the register's identifiers, so that two nodes on one database do not give the same.
	Node string
}

// New makes a register in a new SQLite file that holds the development data.
func New(t testing.TB, o Options) *Register {
	t.Helper()
	return Open(t, Embedded(t), o)
}

// Open opens the register of a database as one more node.
func Open(t testing.TB, backend storetest.Backend, o Options) *Register {
	t.Helper()
	civil, err := time.LoadLocation("Europe/Brussels")
	if err != nil {
		t.Fatal(err)
	}
	r := &Register{Clock: NewClock(), store: backend.Open(t), backend: backend}
	r.Registrar = register.New(register.Config{
		Store: r.store, Now: r.Clock.Now, NewID: Counter(o.Node + "id-"), Location: civil, RequireLink: o.RequireLink,
	})
	return r
}

// Backend is the register's database, for another node to open.
func (r *Register) Backend() storetest.Backend { return r.backend }

// Close ends this node's use of the database, as stopping the service does.
func (r *Register) Close(t testing.TB) {
	t.Helper()
	if err := r.store.Close(); err != nil {
		t.Error(err)
	}
}

// Events is the whole audit trail, from the record after the first so many.
func (r *Register) Events(t testing.TB, after int64) []register.Event {
	t.Helper()
	all, _, err := r.store.Events(context.Background(), after, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Evidence is what is kept to prove the versions of a notification.
func (r *Register) Evidence(t testing.TB, number string) []register.Evidence {
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

// Kept is how many notifications the database holds, asked past the store.
func (r *Register) Kept(t testing.TB) int {
	t.Helper()
	return storetest.Notifications(t, r.raw(t))
}

func (r *Register) raw(t testing.TB) *sql.DB {
	t.Helper()
	return r.backend.Raw(t)
}

// Embedded makes a new SQLite file that holds the development data. It is a copy of one that is made once per process:
// loading takes longer than most tests.
func Embedded(t testing.TB) storetest.Backend {
	t.Helper()
	files, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	backend := storetest.Embedded(t)
	if err := os.MkdirAll(backend.Config.Directory, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, octets := range files {
		if err := os.WriteFile(filepath.Join(backend.Config.Directory, name), octets, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return backend
}

// loaded are the store's files, by name: the database, and the keys under which it keeps persons.
var loaded = sync.OnceValues(func() (files map[string][]byte, err error) {
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
	err = load(db)
	if closeErr := db.Close(); err == nil { // closing brings the write-ahead log into the file
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

// Load brings the development data into a database.
func Load(t testing.TB, backend storetest.Backend) {
	t.Helper()
	if err := load(backend.Open(t)); err != nil {
		t.Fatal(err)
	}
}

func load(db *store.DB) error {
	var all store.Sources
	for _, kind := range admin.Kinds() {
		file, err := devdata.Files.Open(kind + ".csv")
		if err != nil {
			return err
		}
		if _, err := admin.Read(kind, file, &all); err != nil {
			return err
		}
		if err := file.Close(); err != nil {
			return err
		}
	}
	return db.Load(context.Background(), all)
}
