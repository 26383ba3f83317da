package storetest

import (
	"crypto/rand"
	"database/sql"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/store"
)

// NewSQLiteBackend creates an SQLite database in a temporary directory of the test.
func NewSQLiteBackend(t testing.TB) Backend {
	t.Helper()
	directory := filepath.Join(t.TempDir(), "data ?#%") // characters with a special meaning in a URL
	return Backend{
		Config: store.Config{Directory: directory},
		OpenRaw: func(t testing.TB) *sql.DB {
			t.Helper()
			file := url.URL{Scheme: "file", Path: filepath.Join(directory, "ctr.sqlite"), RawQuery: "_busy_timeout=5000"}
			return openRaw(t, "sqlite", file.String())
		},
	}
}

// NewPostgresBackends returns a function that creates backends in one new PostgreSQL database. Each has its own schema,
// which takes a tenth of the time of its own database.
func NewPostgresBackends(t testing.TB) func(testing.TB) Backend {
	t.Helper()
	address, err := url.Parse(NewPostgresDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	return func(t testing.TB) Backend {
		t.Helper()
		schema := "case_" + strings.ToLower(rand.Text())
		execAsAdmin(t, address.String(), "CREATE SCHEMA "+schema)
		inSchema := *address
		query := inSchema.Query()
		query.Set("search_path", schema)
		inSchema.RawQuery = query.Encode()
		own := inSchema.String()
		return Backend{
			Config: store.Config{URL: own, KeyFile: filepath.Join(t.TempDir(), "keys.json")},
			OpenRaw: func(t testing.TB) *sql.DB {
				t.Helper()
				return openRaw(t, "postgres", own)
			},
		}
	}
}

func openRaw(t testing.TB, driver, source string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}
