package storetest

import (
	"database/sql"
	"testing"
)

// Notifications counts the versions of notifications in a database, past the store: what a test must not have to
// believe is that the store says so.
func Notifications(t testing.TB, raw *sql.DB) int {
	t.Helper()
	var n int
	if err := raw.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM notification`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
