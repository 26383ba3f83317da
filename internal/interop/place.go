package interop

import (
	"database/sql"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/openctr/ctr/internal/storetest"
)

// Place is a database that several services can share.
type Place struct {
	Start func(tb testing.TB, args ...string) *Service
	Raw   func(tb testing.TB) *sql.DB // as any other program would open it
	Flags []string                    // that tell the operator's commands where the register is
	Keys  string                      // the file of the keys under which persons are kept
	URL   string                      // of the database; empty for the embedded one
}

// Embedded is an empty SQLite database. Its services share one folder.
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

// Postgres is an empty PostgreSQL database. Each of its services has a folder of its own, as on machines of their own,
// and the same key file.
func Postgres(tb testing.TB) Place {
	tb.Helper()
	address := storetest.Postgres(tb)
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

// Operate runs a command of the operator on the register, while services run or not.
func (p Place) Operate(tb testing.TB, args ...string) Result {
	tb.Helper()
	return Run(tb, Program(tb, "ctrd"), append(append([]string{"admin"}, args...), p.Flags...)...)
}

// OpenEmbedded opens the SQLite database of a service's folder.
func OpenEmbedded(tb testing.TB, directory string) *sql.DB {
	tb.Helper()
	file := url.URL{Scheme: "file", Path: filepath.Join(directory, "ctr.sqlite"), RawQuery: "_busy_timeout=5000"}
	return openRaw(tb, "sqlite", file.String())
}

// openRaw opens a database with a driver that the store has registered.
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
