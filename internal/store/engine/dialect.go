package engine

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/store/engine/rights"
)

// Kind is a database engine.
type Kind int

// The engines.
const (
	SQLite Kind = iota
	PostgreSQL
)

// dialect holds the differences between SQLite and PostgreSQL.
type dialect struct {
	kind                Kind
	gooseDialect        goose.Dialect
	migrationsDirectory string
	bindType            int // parameter style, an sqlx constant
	// batchesInserts delays inserts to send several rows in one statement, because each statement costs a round trip.
	batchesInserts bool
	// isUnavailable reports whether an error is temporary or for an operator to solve, as opposed to a bug.
	isUnavailable func(error) bool
}

func newSQLiteDialect() *dialect {
	return &dialect{kind: SQLite, gooseDialect: goose.DialectSQLite3, migrationsDirectory: "sqlite",
		bindType:      sqlx.QUESTION,
		isUnavailable: isSQLiteUnavailable}
}

func newPostgresDialect() *dialect {
	return &dialect{kind: PostgreSQL, gooseDialect: goose.DialectPostgres, migrationsDirectory: "postgres",
		bindType:       sqlx.DOLLAR,
		batchesInserts: true, isUnavailable: isPostgresUnavailable}
}

// Kind returns the engine, for the few statements that have a form for each.
func (tx *Tx) Kind() Kind { return tx.dialect.kind }

// ForUpdate is the suffix of a SELECT of rows that are about to be changed. SQLite has one writer and needs none.
func (tx *Tx) ForUpdate() string {
	if tx.dialect.kind == SQLite {
		return ""
	}
	return ` FOR UPDATE`
}

// DaysBetween is an SQL expression for the number of days from earlier to later, both expressions for dates.
func (tx *Tx) DaysBetween(later, earlier string) string {
	if tx.dialect.kind == SQLite {
		return `CAST(julianday(` + later + `) - julianday(` + earlier + `) AS integer)`
	}
	return `(CAST(` + later + ` AS date) - CAST(` + earlier + ` AS date))`
}

// AnyOf is the end of a condition that a column equals one of the texts, of which there are 1 to size. For SQLite it
// pads the list, so that there is one statement to prepare; PostgreSQL reads one array parameter faster than hundreds
// of parameters.
func (tx *Tx) AnyOf(texts []string, size int) (string, []any) {
	if tx.dialect.kind == PostgreSQL {
		return `= ANY (CAST(? AS text[]))`, []any{pq.Array(texts)}
	}
	args := make([]any, size)
	for i := range args {
		args[i] = texts[min(i, len(texts)-1)]
	}
	return `IN ` + InList(size), args
}

// UnnestTexts returns a FROM item with a column for each slice of texts, and its arguments. PostgreSQL reads one array
// for each column several times faster than one parameter for each value; SQLite has no arrays.
func UnnestTexts(columns [][]string) (string, []any) {
	args := make([]any, len(columns))
	for i, column := range columns {
		args[i] = pq.Array(column)
	}
	return `unnest(CAST(? AS text[])` + strings.Repeat(`, CAST(? AS text[])`, len(columns)-1) + `)`, args
}

// Lock makes other transactions that lock one of the same keys wait until this one ends. SQLite has one writer at a
// time, so there is nothing to lock. On PostgreSQL it takes an advisory lock for each key. The order is always the
// same, which prevents deadlocks. Two keys with the same hash share a lock, which only costs waiting time.
func (tx *Tx) Lock(keys ...string) error {
	if len(keys) == 0 || tx.dialect.kind == SQLite {
		return nil
	}
	locks := make([]int64, len(keys))
	for i, key := range keys {
		hash := sha256.Sum256([]byte(key))
		locks[i] = int64(binary.BigEndian.Uint64(hash[:8])) //nolint:gosec // any 64 bits identify a lock
	}
	slices.Sort(locks)
	_, err := tx.ExecStatement(`SELECT pg_advisory_xact_lock(lock) FROM unnest(CAST(? AS bigint[])) AS held (lock)`,
		pq.Array(slices.Compact(locks)))
	return err
}

// WaitForInserts waits until no row of the table can appear below the highest one that this transaction sees. The table
// must number its rows by an identity column. It returns false when the wait takes too long.
//
// On PostgreSQL it waits for all transactions that may have drawn a number and not committed it yet. An INSERT locks
// its table before it draws the number and keeps that lock until its transaction ends (section 13.3.1 of the PostgreSQL
// manual). So each transaction with a number below a visible one holds the lock now. Once all current holders have
// ended, every such number is committed or lost. Later numbers are higher, because the sequence of an identity column
// caches none.
//
// A conflicting lock would block all writers and the vacuum of the table; reading pg_locks blocks no one.
func (tx *Tx) WaitForInserts(table string) (bool, error) {
	if tx.dialect.kind == SQLite {
		return true, nil
	}
	const holders = `SELECT DISTINCT virtualtransaction FROM pg_locks WHERE locktype = 'relation' 
		AND mode = 'RowExclusiveLock' AND granted AND relation = CAST(CAST(? AS text) AS regclass) 
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
	var waiting []string
	if err := tx.SelectRows(&waiting, holders, table); err != nil {
		return false, err
	}
	for range maxInFlightPolls {
		if len(waiting) == 0 {
			return true, nil
		}
		if err := sleepContext(tx.ctx, inFlightPollInterval); err != nil {
			return false, tx.RecordError(err)
		}
		var now []string
		if err := tx.SelectRows(&now, holders, table); err != nil {
			return false, err
		}
		waiting = slices.DeleteFunc(waiting, func(id string) bool { return !slices.Contains(now, id) })
	}
	return false, nil
}

// maxInFlightPolls and inFlightPollInterval bound the wait for inserts in flight.
const (
	maxInFlightPolls     = 50
	inFlightPollInterval = 10 * time.Millisecond
)

// toProblem converts an SQL error to the refusal that the caller gets.
func (d *dialect) toProblem(err error) *problem.Error {
	if isContextError(err) || d.isUnavailable(err) || isDamage(err) {
		return problem.Wrap(problem.StoreDown, err)
	}
	return problem.Wrap(problem.InternalError, err)
}

// isContextError reports whether the caller gave up.
func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// isSQLiteUnavailable follows https://sqlite.org/rescode.html; the low byte is the primary result code.
func isSQLiteUnavailable(err error) bool {
	failure, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return errors.Is(err, sql.ErrConnDone)
	}
	switch failure.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT:
		return true
	}
	return false
}

// isDamage reports whether the database said that what it has stored is damaged, which no retry mends.
func isDamage(err error) bool {
	if failure, ok := errors.AsType[*sqlite.Error](err); ok {
		code := failure.Code() & 0xff
		return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
	}
	failure, ok := errors.AsType[*pq.Error](err)
	return ok && (failure.Code == dataCorrupted || failure.Code == indexCorrupted)
}

// isPostgresUnavailable reports whether another attempt may succeed. A unique violation that persists over all attempts
// is a bug.
func isPostgresUnavailable(err error) bool {
	failure, ok := errors.AsType[*pq.Error](err)
	return isConnectionLost(err) || ok && failure.Code != uniqueViolation && isTransactionConflict(err) ||
		rights.IsDenied(err)
}

// Error codes, from appendix A of the PostgreSQL manual.
const (
	readOnlyTransaction  = "25006"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	uniqueViolation      = "23505"
	invalidPassword      = "28P01"
	dataCorrupted        = "XX001"
	indexCorrupted       = "XX002"
)

// errStandby means that a server accepts no transaction that writes.
var errStandby = errors.New("the database server is a standby")

// isReadOnlyServer reports whether the server accepts no writes: a standby before its promotion, or a server that was
// made read-only. Another server may accept them, or this one later.
func isReadOnlyServer(err error) bool {
	failure, ok := errors.AsType[*pq.Error](err)
	return ok && failure.Code == readOnlyTransaction || errors.Is(err, errStandby)
}

// isConnectionLost reports whether the connection was lost or refused, its statements were, or the server is read-only
// at the moment.
func isConnectionLost(err error) bool {
	if _, socket := errors.AsType[*net.OpError](err); socket {
		return true // a time-out of the socket also counts as the context's, and a dial has one of its own
	}
	if isContextError(err) {
		return false // the caller gave up, not the server; context errors also look like network errors
	}
	if failure, ok := errors.AsType[*pq.Error](err); ok {
		switch failure.Code.Class() {
		case "08", "53", "57", "58": // connection, resources, operator intervention, system
			return true
		}
		return isReadOnlyServer(err) || isStatementLost(err) || isPlanStale(err)
	}
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF)
}

// isTransactionConflict reports whether the transaction lost a race and may succeed when it runs again: a serialization
// failure, a deadlock, or a concurrent insert of the same idempotency key, replay key, version or new person. Rows of
// several tables are inserted in one statement, so the violated key may be any of theirs.
func isTransactionConflict(err error) bool {
	failure, ok := errors.AsType[*pq.Error](err)
	if !ok {
		return false
	}
	switch failure.Code {
	case serializationFailure, deadlockDetected, uniqueViolation:
		return true
	}
	return false
}
