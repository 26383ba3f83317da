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
	Start func(tb testing.TB) *Service
	Raw   func(tb testing.TB) *sql.DB // as any other program would open it
}

// Embedded is an empty SQLite database. Its services share one folder.
func Embedded(tb testing.TB) Place {
	tb.Helper()
	directory := DevelopmentDirectory(tb)
	return Place{
		Start: func(tb testing.TB) *Service { tb.Helper(); return Start(tb, directory) },
		Raw:   func(tb testing.TB) *sql.DB { tb.Helper(); return OpenEmbedded(tb, directory) },
	}
}

// Postgres is an empty PostgreSQL database. Each of its services has a folder of its own, as on machines of their own.
func Postgres(tb testing.TB) Place {
	tb.Helper()
	address := storetest.Postgres(tb)
	return Place{
		Start: func(tb testing.TB) *Service {
			tb.Helper()
			return Start(tb, DevelopmentDirectory(tb), "--database", address)
		},
		Raw: func(tb testing.TB) *sql.DB { tb.Helper(); return openRaw(tb, "postgres", address) },
	}
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
