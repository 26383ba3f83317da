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

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
)

// dialect holds the differences between SQLite and PostgreSQL.
type dialect struct {
	goose      goose.Dialect
	migrations string
	bind       int // parameter style, an sqlx constant
	// batchesInserts delays inserts to send several rows in one statement, because each statement costs a round trip.
	groups bool
	// forUpdate is the suffix of a SELECT of rows that are about to be changed, where concurrent writers exist.
	forUpdate string
	// isUnavailable reports whether an error is temporary or for an operator to solve, as opposed to a bug.
	unavailable func(error) bool
	spend       func(tx *session, key []byte, until instant) (int64, error)
	hold        func(tx *session, keys []string) error
	nextRunning func(tx *session, day ident.Date) (int64, error)
	// newPseudonymID returns an id for a pseudonym and the id of the key to seal it with. That key stays the current
	// one until the transaction ends.
	newSubject func(tx *session) (id int64, keyID string, err error)
	// daysBetween is an expression for the number of days from earlier to later, both expressions for dates.
	days func(later, earlier string) string
	// waitForInFlightInserts waits until no row of audit can appear below the highest one that this transaction sees.
	// It returns false when that takes too long.
	settle func(*session) (bool, error)
}

func embeddedDialect() *dialect {
	return &dialect{
		goose: goose.DialectSQLite3, migrations: "sqlite", bind: sqlx.QUESTION,
		unavailable: embeddedUnavailable,
		spend: func(tx *session, key []byte, until instant) (int64, error) {
			return tx.exec(`INSERT INTO replay (key, until) VALUES (?, ?) ON CONFLICT (key) DO NOTHING`, key, until)
		},
		// SQLite has one writer at a time, so there is nothing to lock.
		hold:   func(*session, []string) error { return nil },
		settle: func(*session) (bool, error) { return true, nil },
		days: func(later, earlier string) string {
			return `CAST(julianday(` + later + `) - julianday(` + earlier + `) AS integer)`
		},
		nextRunning: func(tx *session, day ident.Date) (int64, error) {
			return tx.numbers.next(tx, day.String())
		},
		newSubject: func(tx *session) (int64, string, error) {
			return newSubject(tx, `SELECT COALESCE((SELECT MAX(id) FROM subject), 0) + 1 AS id, key_id FROM current_key WHERE id = 1`)
		},
	}
}

func postgresDialect() *dialect {
	return &dialect{
		goose: goose.DialectPostgres, migrations: "postgres", bind: sqlx.DOLLAR, groups: true, forUpdate: ` FOR UPDATE`,
		unavailable: postgresUnavailable,
		spend: func(tx *session, key []byte, until instant) (int64, error) {
			n, err := tx.exec(spendWithAttempt, key, until, tx.attempt)
			if n == 1 {
				tx.mark = key
			}
			return n, err
		},
		hold:   holdAdvisory,
		settle: settleAudit,
		days: func(later, earlier string) string {
			return `(CAST(` + later + ` AS date) - CAST(` + earlier + ` AS date))`
		},
		nextRunning: nextOfSequence,
		newSubject: func(tx *session) (int64, string, error) {
			return newSubject(tx, `SELECT nextval('subject_id') AS id, key_id FROM current_key WHERE id = 1 FOR SHARE`)
		},
	}
}

const spendWithAttempt = `INSERT INTO replay (key, until, attempt) VALUES (?, ?, ?) ON CONFLICT (key) DO NOTHING`

// waitForAuditInserts waits for all transactions that may have drawn a sequence number for a row of audit and not
// committed it yet. An INSERT locks its table before it draws the number and keeps that lock until its transaction ends
// (section 13.3.1 of the PostgreSQL manual). So each transaction with a number below a visible one holds the lock now.
// Once all current holders have ended, every such number is committed or lost. Later numbers are higher, because the
// sequence of an identity column caches none.
//
// A conflicting lock would block all writers and the vacuum of the table; reading pg_locks blocks no one.
func settleAudit(tx *session) (bool, error) {
	const holders = `SELECT DISTINCT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted
		AND relation = CAST('audit' AS regclass) AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
	var waiting []string
	if err := tx.all(&waiting, holders); err != nil {
		return false, err
	}
	for range settleAttempts {
		if len(waiting) == 0 {
			return true, nil
		}
		if err := pause(tx.ctx, settlePause); err != nil {
			return false, tx.fail(err)
		}
		var now []string
		if err := tx.all(&now, holders); err != nil {
			return false, err
		}
		waiting = slices.DeleteFunc(waiting, func(id string) bool { return !slices.Contains(now, id) })
	}
	return false, nil
}

// maxInFlightPolls and inFlightPollInterval bound the wait for inserts in flight.
const (
	settleAttempts = 50
	settlePause    = 10 * time.Millisecond
)

func newSubject(tx *session, query string) (int64, string, error) {
	var row subjectRow
	found, err := tx.get(&row, query)
	if err == nil && !found {
		err = tx.fail(errNoKey)
	}
	return row.ID, row.KeyID, err
}

// lockAdvisory takes an advisory lock for each key until the transaction ends. The order is always the same, which
// prevents deadlocks. Two keys with the same hash share a lock, which only costs waiting time.
func holdAdvisory(tx *session, keys []string) error {
	locks := make([]int64, len(keys))
	for i, key := range keys {
		hash := sha256.Sum256([]byte(key))
		locks[i] = int64(binary.BigEndian.Uint64(hash[:8])) //nolint:gosec // any 64 bits identify a lock
	}
	slices.Sort(locks)
	_, err := tx.exec(`SELECT pg_advisory_xact_lock(lock) FROM unnest(CAST(? AS bigint[])) AS held (lock)`,
		pq.Array(slices.Compact(locks)))
	return err
}

// nextPostgresNumber counts from the value that the sequence had at its first use on the day, so that only this first
// use waits for another transaction to end. When a transaction fails, its number is lost and never issued again.
func nextOfSequence(tx *session, day ident.Date) (int64, error) {
	const next = `SELECT nextval('running_number') - base FROM number_counter WHERE day = ?`
	var running int64
	found, err := tx.get(&running, next, day.String())
	if err != nil || found {
		return running, err
	}
	_, err = tx.exec(`INSERT INTO number_counter (day, base) VALUES (?, nextval('running_number')) ON CONFLICT (day) DO NOTHING`,
		day.String())
	if err != nil {
		return 0, err
	}
	_, err = tx.get(&running, next, day.String())
	return running, err
}

// toProblem converts an SQL error to the refusal that the caller gets.
func (d *dialect) problem(err error) *problem.Error {
	if isEnded(err) || d.unavailable(err) {
		return problem.Wrap(problem.StoreDown, err)
	}
	return problem.Wrap(problem.InternalError, err)
}

// isContextError reports whether the caller gave up.
func isEnded(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// isSQLiteUnavailable follows https://sqlite.org/rescode.html; the low byte is the primary result code.
func embeddedUnavailable(err error) bool {
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
func postgresUnavailable(err error) bool {
	failure, ok := errors.AsType[*pq.Error](err)
	return isLost(err) || ok && failure.Code != uniqueViolation && isRace(err)
}

// Error codes, from appendix A of the PostgreSQL manual.
const (
	readOnlyTransaction  = "25006" // for example on a standby before its promotion
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	uniqueViolation      = "23505"
)

// isConnectionLost reports whether the connection was lost or refused, or the server is read-only at the moment.
func isLost(err error) bool {
	if isEnded(err) {
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
func isRace(err error) bool {
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
