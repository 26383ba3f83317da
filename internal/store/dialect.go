package store

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
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// dialect holds the differences between SQLite and PostgreSQL.
type dialect struct {
	gooseDialect        goose.Dialect
	migrationsDirectory string
	bindType            int // parameter style, an sqlx constant
	// batchesInserts delays inserts to send several rows in one statement, because each statement costs a round trip.
	batchesInserts bool
	// forUpdate is the suffix of a SELECT of rows that are about to be changed, where concurrent writers exist.
	forUpdate string
	// isUnavailable reports whether an error is temporary or for an operator to solve, as opposed to a bug.
	isUnavailable      func(error) bool
	recordReplayKey    func(tx *tx, key []byte, until timestamp) (int64, error)
	lockKeys           func(tx *tx, keys []string) error
	nextSequenceNumber func(tx *tx, day ident.Date) (int64, error)
	// newPseudonymID returns an id for a pseudonym and the id of the key to seal it with. That key stays the current
	// one until the transaction ends.
	newPseudonymID func(tx *tx) (id int64, keyID string, err error)
	// daysBetween is an expression for the number of days from earlier to later, both expressions for dates.
	daysBetween func(later, earlier string) string
	// waitForInFlightInserts waits until no row of audit can appear below the highest one that this transaction sees.
	// It returns false when that takes too long.
	waitForInFlightInserts func(*tx) (bool, error)
}

func newSQLiteDialect() *dialect {
	return &dialect{
		gooseDialect: goose.DialectSQLite3, migrationsDirectory: "sqlite", bindType: sqlx.QUESTION,
		isUnavailable: isSQLiteUnavailable,
		recordReplayKey: func(tx *tx, key []byte, until timestamp) (int64, error) {
			return tx.execStatement(`INSERT INTO replay (key, until) VALUES (?, ?) ON CONFLICT (key) DO NOTHING`, key, until)
		},
		// SQLite has one writer at a time, so there is nothing to lock.
		lockKeys:               func(*tx, []string) error { return nil },
		waitForInFlightInserts: func(*tx) (bool, error) { return true, nil },
		daysBetween: func(later, earlier string) string {
			return `CAST(julianday(` + later + `) - julianday(` + earlier + `) AS integer)`
		},
		nextSequenceNumber: func(tx *tx, day ident.Date) (int64, error) {
			return tx.numbers.nextOfDay(tx, day.String())
		},
		newPseudonymID: func(tx *tx) (int64, string, error) {
			return queryNewPseudonymID(tx, `SELECT COALESCE((SELECT MAX(id) FROM subject), 0) + 1 AS id, key_id FROM current_key WHERE id = 1`)
		},
	}
}

func newPostgresDialect() *dialect {
	return &dialect{
		gooseDialect: goose.DialectPostgres, migrationsDirectory: "postgres", bindType: sqlx.DOLLAR, batchesInserts: true, forUpdate: ` FOR UPDATE`,
		isUnavailable: isPostgresUnavailable,
		recordReplayKey: func(tx *tx, key []byte, until timestamp) (int64, error) {
			n, err := tx.execStatement(insertReplayKey, key, until, tx.attemptID)
			if n == 1 {
				tx.replayKey = key
			}
			return n, err
		},
		lockKeys:               lockAdvisory,
		waitForInFlightInserts: waitForAuditInserts,
		daysBetween: func(later, earlier string) string {
			return `(CAST(` + later + ` AS date) - CAST(` + earlier + ` AS date))`
		},
		nextSequenceNumber: nextPostgresNumber,
		newPseudonymID: func(tx *tx) (int64, string, error) {
			return queryNewPseudonymID(tx, `SELECT nextval('subject_id') AS id, key_id FROM current_key WHERE id = 1 FOR SHARE`)
		},
	}
}

const insertReplayKey = `INSERT INTO replay (key, until, attempt) VALUES (?, ?, ?) ON CONFLICT (key) DO NOTHING`

// waitForAuditInserts waits for all transactions that may have drawn a sequence number for a row of audit and not
// committed it yet. An INSERT locks its table before it draws the number and keeps that lock until its transaction ends
// (section 13.3.1 of the PostgreSQL manual). So each transaction with a number below a visible one holds the lock now.
// Once all current holders have ended, every such number is committed or lost. Later numbers are higher, because the
// sequence of an identity column caches none.
//
// A conflicting lock would block all writers and the vacuum of the table; reading pg_locks blocks no one.
func waitForAuditInserts(tx *tx) (bool, error) {
	const holders = `SELECT DISTINCT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted
		AND relation = CAST('audit' AS regclass) AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
	var waiting []string
	if err := tx.selectRows(&waiting, holders); err != nil {
		return false, err
	}
	for range maxInFlightPolls {
		if len(waiting) == 0 {
			return true, nil
		}
		if err := sleepContext(tx.ctx, inFlightPollInterval); err != nil {
			return false, tx.recordError(err)
		}
		var now []string
		if err := tx.selectRows(&now, holders); err != nil {
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

func queryNewPseudonymID(tx *tx, query string) (int64, string, error) {
	var row pseudonymRow
	found, err := tx.selectRow(&row, query)
	if err == nil && !found {
		err = tx.recordError(errNoCurrentKey)
	}
	return row.ID, row.KeyID, err
}

// lockAdvisory takes an advisory lock for each key until the transaction ends. The order is always the same, which
// prevents deadlocks. Two keys with the same hash share a lock, which only costs waiting time.
func lockAdvisory(tx *tx, keys []string) error {
	locks := make([]int64, len(keys))
	for i, key := range keys {
		hash := sha256.Sum256([]byte(key))
		locks[i] = int64(binary.BigEndian.Uint64(hash[:8])) //nolint:gosec // any 64 bits identify a lock
	}
	slices.Sort(locks)
	_, err := tx.execStatement(`SELECT pg_advisory_xact_lock(lock) FROM unnest(CAST(? AS bigint[])) AS held (lock)`,
		pq.Array(slices.Compact(locks)))
	return err
}

// nextPostgresNumber counts from the value that the sequence had at its first use on the day, so that only this first
// use waits for another transaction to end. When a transaction fails, its number is lost and never issued again.
func nextPostgresNumber(tx *tx, day ident.Date) (int64, error) {
	const next = `SELECT nextval('running_number') - base FROM number_counter WHERE day = ?`
	var running int64
	found, err := tx.selectRow(&running, next, day.String())
	if err != nil || found {
		return running, err
	}
	_, err = tx.execStatement(`INSERT INTO number_counter (day, base) VALUES (?, nextval('running_number')) ON CONFLICT (day) DO NOTHING`,
		day.String())
	if err != nil {
		return 0, err
	}
	_, err = tx.selectRow(&running, next, day.String())
	return running, err
}

// toProblem converts an SQL error to the refusal that the caller gets.
func (d *dialect) toProblem(err error) *problem.Error {
	if isContextError(err) || d.isUnavailable(err) {
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

// isPostgresUnavailable reports whether another attempt may succeed. A unique violation that persists over all attempts
// is a bug.
func isPostgresUnavailable(err error) bool {
	failure, ok := errors.AsType[*pq.Error](err)
	return isConnectionLost(err) || ok && failure.Code != uniqueViolation && isTransactionConflict(err)
}

// Error codes, from appendix A of the PostgreSQL manual.
const (
	readOnlyTransaction  = "25006" // for example on a standby before its promotion
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	uniqueViolation      = "23505"
)

// isConnectionLost reports whether the connection was lost or refused, or the server is read-only at the moment.
func isConnectionLost(err error) bool {
	if isContextError(err) {
		return false // the caller gave up, not the server; context errors also look like network errors
	}
	if failure, ok := errors.AsType[*pq.Error](err); ok {
		switch failure.Code.Class() {
		case "08", "53", "57", "58": // connection, resources, operator intervention, system
			return true
		}
		return failure.Code == readOnlyTransaction
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
