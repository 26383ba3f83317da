package interop

import (
	"database/sql"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/openctr/ctr/internal/storetest"
)

// TestDatabase is a database that several services can share.
type Place struct {
	Start func(tb testing.TB, args ...string) *Service // starts a service on the database
	Raw   func(tb testing.TB) *sql.DB                  // opens a connection without the store
	Flags []string                                     // that locate the register for the operator's commands
	Keys  string                                       // file of the encryption keys for personal data
	URL   string                                       // of the database; empty for SQLite
}

// NewEmbeddedDatabase returns an empty SQLite database. Its services share one data directory.
func Embedded(tb testing.TB) Place {
	tb.Helper()
	directory := DevelopmentDirectory(tb)
	return Place{
		Start: func(tb testing.TB, args ...string) *Service { tb.Helper(); return Start(tb, directory, args...) },
		Raw:   func(tb testing.TB) *sql.DB { tb.Helper(); return OpenEmbedded(tb, directory) },
		Flags: []string{"--data", directory},
		Keys:  filepath.Join(directory, "keys.json"),
	}
}

// NewPostgresDatabase returns an empty PostgreSQL database. Each of its services has its own data directory, as if on
// its own machine; they share the key file.
func Postgres(tb testing.TB) Place {
	tb.Helper()
	address := storetest.NewPostgresDatabase(tb)
	keys := filepath.Join(tb.TempDir(), "keys.json")
	return Place{
		Start: func(tb testing.TB, args ...string) *Service {
			tb.Helper()
			return Start(tb, DevelopmentDirectory(tb), append([]string{"--database", address, "--keys", keys}, args...)...)
		},
		Raw:   func(tb testing.TB) *sql.DB { tb.Helper(); return openRaw(tb, "postgres", address) },
		Flags: []string{"--database", address, "--keys", keys},
		Keys:  keys,
		URL:   address,
	}
}

// RunAdmin runs a command of the operator on the register. Services may be running.
func (p Place) Operate(tb testing.TB, args ...string) Result {
	tb.Helper()
	return Run(tb, Program(tb, "ctrd"), append(append([]string{"admin"}, args...), p.Flags...)...)
}

// OpenEmbedded opens the SQLite database in a service's data directory.
func OpenEmbedded(tb testing.TB, directory string) *sql.DB {
	tb.Helper()
	file := url.URL{Scheme: "file", Path: filepath.Join(directory, "ctr.sqlite"), RawQuery: "_busy_timeout=5000"}
	return openRaw(tb, "sqlite", file.String())
}

// openDatabase opens a database with a driver that the store registers. The test closes it at its end.
func openRaw(tb testing.TB, driver, source string) *sql.DB {
	tb.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Errorf("close the database: %v", err)
		}
	})
	return db
}
