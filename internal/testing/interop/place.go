package interop

import (
	"database/sql"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/openctr/ctr/internal/testing/storetest"
)

// TestDatabase is a database that several services can share.
type TestDatabase struct {
	StartService func(tb testing.TB, args ...string) *Service // starts a service on the database
	OpenRaw      func(tb testing.TB) *sql.DB                  // opens a connection without the store
	AdminFlags   []string                                     // that locate the register for the operator's commands
	KeyFile      string                                       // file of the encryption keys for personal data
	URL          string                                       // of the database; empty for SQLite
}

// NewEmbeddedDatabase returns an empty SQLite database. Its services share one data directory.
func NewEmbeddedDatabase(tb testing.TB) TestDatabase {
	tb.Helper()
	directory := NewDevelopmentDirectory(tb)
	return TestDatabase{
		StartService: func(tb testing.TB, args ...string) *Service { tb.Helper(); return StartService(tb, directory, args...) },
		OpenRaw:      func(tb testing.TB) *sql.DB { tb.Helper(); return OpenEmbedded(tb, directory) },
		AdminFlags:   []string{"--data", directory},
		KeyFile:      filepath.Join(directory, "keys.json"),
	}
}

// NewPostgresDatabase returns an empty PostgreSQL database. Each of its services has its own data directory, as if on
// its own machine; they share the key file.
func NewPostgresDatabase(tb testing.TB) TestDatabase {
	tb.Helper()
	address := storetest.NewPostgresDatabase(tb)
	keys := filepath.Join(tb.TempDir(), "keys.json")
	return TestDatabase{
		StartService: func(tb testing.TB, args ...string) *Service {
			tb.Helper()
			return StartService(tb, NewDevelopmentDirectory(tb), append([]string{"--database", address, "--keys", keys}, args...)...)
		},
		OpenRaw:    func(tb testing.TB) *sql.DB { tb.Helper(); return openDatabase(tb, "postgres", address) },
		AdminFlags: []string{"--database", address, "--keys", keys},
		KeyFile:    keys,
		URL:        address,
	}
}

// RunAdmin runs a command of the operator on the register. Services may be running.
func (p TestDatabase) RunAdmin(tb testing.TB, args ...string) Result {
	tb.Helper()
	return RunProgram(tb, ProgramPath(tb, "ctrd"), append(append([]string{"admin"}, args...), p.AdminFlags...)...)
}

// OpenEmbedded opens the SQLite database in a service's data directory.
func OpenEmbedded(tb testing.TB, directory string) *sql.DB {
	tb.Helper()
	file := url.URL{Scheme: "file", Path: filepath.Join(directory, "ctr.sqlite"), RawQuery: "_busy_timeout=5000"}
	return openDatabase(tb, "sqlite", file.String())
}

// openDatabase opens a database with a driver that the store registers. The test closes it at its end.
func openDatabase(tb testing.TB, driver, source string) *sql.DB {
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
