package storetest

import (
	"database/sql"
	"testing"
)

// CountNotifications counts the versions of notifications in a database. It does not use the store, so that a test need
// not trust it.
func CountNotifications(t testing.TB, raw *sql.DB) int {
	t.Helper()
	var n int
	if err := raw.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM notification`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
