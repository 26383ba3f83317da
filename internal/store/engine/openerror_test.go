package engine

import (
	"strings"
	"testing"

	sqlite3 "modernc.org/sqlite/lib"
)

// TestFindingR14StartErrorsInWords checks that a database that cannot be opened is explained without a look into the
// documentation of SQLite.
func TestFindingR14StartErrorsInWords(t *testing.T) {
	const directory = "/srv/ctr"
	for _, c := range []struct {
		name string
		code int
		full bool
		want string
	}{
		{"full", sqlite3.SQLITE_FULL, false, "the disk of /srv/ctr is full"},
		{"shared memory cannot grow", sqlite3.SQLITE_IOERR_SHMSIZE, true, "the disk of /srv/ctr is full"},
		{"no file for it", sqlite3.SQLITE_CANTOPEN, true, "the disk of /srv/ctr is full"},
		{"broken disk", sqlite3.SQLITE_IOERR_READ, false, "the disk of /srv/ctr fails"},
		{"broken disk at sync", sqlite3.SQLITE_IOERR_FSYNC, false, "the disk of /srv/ctr fails"},
		{"read-only folder", sqlite3.SQLITE_READONLY_DIRECTORY, false, "read-only"},
		{"read-only disk", sqlite3.SQLITE_READONLY, false, "read-only"},
		{"permissions", sqlite3.SQLITE_CANTOPEN, false, "may not create files in /srv/ctr"},
		{"locked", sqlite3.SQLITE_BUSY, false, "another program"},
		{"locked for recovery", sqlite3.SQLITE_BUSY_RECOVERY, false, "another program"},
		{"not a database", sqlite3.SQLITE_NOTADB, false, "not a database"},
		{"damaged", sqlite3.SQLITE_CORRUPT, false, "restore it from backup"},
		{"an error of a statement", sqlite3.SQLITE_ERROR, true, ""},
	} {
		got := explainOpenFailure(c.code, directory, c.full)
		if !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}
