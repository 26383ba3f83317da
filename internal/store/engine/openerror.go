package engine

import (
	"errors"
	"fmt"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// describeOpenError says in words why a database file cannot be opened.
func describeOpenError(file string, err error) error {
	failure, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return fmt.Errorf("open %s: %w", file, err)
	}
	directory := filepath.Dir(file)
	why := explainOpenFailure(failure.Code(), directory, isDiskFull(directory))
	if why == "" {
		return fmt.Errorf("open %s: %w", file, err)
	}
	return fmt.Errorf("open %s: %s: %w", file, why, err)
}

// explainOpenFailure explains a result code of SQLite (https://sqlite.org/rescode.html), or returns nothing for one
// that is no fault of files. On a full disk SQLite fails with several codes, because it first enlarges its shared
// memory.
func explainOpenFailure(code int, directory string, diskFull bool) string {
	full := "the disk of " + directory + " is full"
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return full
	case sqlite3.SQLITE_IOERR:
		if diskFull {
			return full
		}
		return "the disk of " + directory + " fails"
	case sqlite3.SQLITE_READONLY:
		return "its folder or its disk is read-only, or this user may not write there"
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		if diskFull {
			return full
		}
		return "this user may not open it, or may not create files in " + directory
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return "another program keeps it locked"
	case sqlite3.SQLITE_NOTADB:
		return "it is not a database of the register, or its beginning is damaged: restore it from backup"
	case sqlite3.SQLITE_CORRUPT:
		return "it is damaged: restore it from backup"
	}
	return ""
}
