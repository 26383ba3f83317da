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

// dialect is what SQLite and PostgreSQL do differently.
type dialect struct {
	goose      goose.Dialect
	migrations string
	bind       int // how parameters are written, as sqlx numbers it
	// groups says that rows are inserted together, because each statement costs a round trip.
	groups bool
	// forUpdate ends a SELECT of rows that are about to be changed, where others may change them too.
	forUpdate string
	// unavailable tells the errors that pass, or that an operator must end, from mistakes of ours.
	unavailable func(error) bool
	spend       func(s *session, key []byte, until instant) (int64, error)
	hold        func(s *session, keys []string) error
	nextRunning func(s *session, day ident.Date) (int64, error)
	// newSubject gives an id for a subject, and the key under which to seal it. That key stays the current one until the
	// transaction ends.
	newSubject func(s *session) (id int64, keyID string, err error)
	// days is how many days one day, as the database has them, lies after another one.
	days func(later, earlier string) string
	// settle waits until no row of audit can appear any more below the highest one that this view has; false when that takes
	// too long.
	settle func(*session) (bool, error)
}

func embeddedDialect() *dialect {
	return &dialect{
		goose: goose.DialectSQLite3, migrations: "sqlite", bind: sqlx.QUESTION,
		unavailable: embeddedUnavailable,
		spend: func(s *session, key []byte, until instant) (int64, error) {
			return s.exec(`INSERT INTO replay (key, until) VALUES (?, ?) ON CONFLICT (key) DO NOTHING`, key, until)
		},
		// There is one writer at a time.
		hold:   func(*session, []string) error { return nil },
		settle: func(*session) (bool, error) { return true, nil },
		days: func(later, earlier string) string {
			return `CAST(julianday(` + later + `) - julianday(` + earlier + `) AS integer)`
		},
		nextRunning: func(s *session, day ident.Date) (int64, error) {
			return s.numbers.next(s, day.String())
		},
		newSubject: func(s *session) (int64, string, error) {
			return newSubject(s, `SELECT COALESCE((SELECT MAX(id) FROM subject), 0) + 1 AS id, key_id FROM current_key WHERE id = 1`)
		},
	}
}

func postgresDialect() *dialect {
	return &dialect{
		goose: goose.DialectPostgres, migrations: "postgres", bind: sqlx.DOLLAR, groups: true, forUpdate: ` FOR UPDATE`,
		unavailable: postgresUnavailable,
		spend: func(s *session, key []byte, until instant) (int64, error) {
			n, err := s.exec(spendWithAttempt, key, until, s.attempt)
			if n == 1 {
				s.mark = key
			}
			return n, err
		},
		hold:   holdAdvisory,
		settle: settleAudit,
		days: func(later, earlier string) string {
			return `(CAST(` + later + ` AS date) - CAST(` + earlier + ` AS date))`
		},
		nextRunning: nextOfSequence,
		newSubject: func(s *session) (int64, string, error) {
			return newSubject(s, `SELECT nextval('subject_id') AS id, key_id FROM current_key WHERE id = 1 FOR SHARE`)
		},
	}
}

const spendWithAttempt = `INSERT INTO replay (key, until, attempt) VALUES (?, ?, ?) ON CONFLICT (key) DO NOTHING`

// settleAudit waits for everybody who may have taken a number for a row of audit and not committed it yet. An INSERT locks
// its table before it takes the number, and keeps that lock until its transaction ends (section 13.3.1 of PostgreSQL's
// manual). So whoever has a number below one that is there already is among those who hold the lock now: once all of them
// have ended, every such number is committed or lost, and the next ones are higher, since an identity's sequence caches none.
//
// To take a lock that conflicts would hold up all who write, and the vacuum of the table too; looking holds up nobody.
func settleAudit(s *session) (bool, error) {
	const holders = `SELECT DISTINCT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted
		AND relation = CAST('audit' AS regclass) AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
	var waiting []string
	if err := s.all(&waiting, holders); err != nil {
		return false, err
	}
	for range settleAttempts {
		if len(waiting) == 0 {
			return true, nil
		}
		if err := pause(s.ctx, settlePause); err != nil {
			return false, s.fail(err)
		}
		var now []string
		if err := s.all(&now, holders); err != nil {
			return false, err
		}
		waiting = slices.DeleteFunc(waiting, func(one string) bool { return !slices.Contains(now, one) })
	}
	return false, nil
}

// settleAttempts and settlePause bound the wait for who has just recorded something.
const (
	settleAttempts = 50
	settlePause    = 10 * time.Millisecond
)

func newSubject(s *session, query string) (int64, string, error) {
	var row subjectRow
	found, err := s.get(&row, query)
	if err == nil && !found {
		err = s.fail(errNoKey)
	}
	return row.ID, row.KeyID, err
}

// holdAdvisory takes a lock for each key, always in the same order, until the transaction ends. Two keys with the same
// hash merely wait for one another.
func holdAdvisory(s *session, keys []string) error {
	locks := make([]int64, len(keys))
	for i, key := range keys {
		hash := sha256.Sum256([]byte(key))
		locks[i] = int64(binary.BigEndian.Uint64(hash[:8])) //nolint:gosec // every 64 bits are a lock
	}
	slices.Sort(locks)
	_, err := s.exec(`SELECT pg_advisory_xact_lock(lock) FROM unnest(CAST(? AS bigint[])) AS held (lock)`,
		pq.Array(slices.Compact(locks)))
	return err
}

// nextOfSequence counts from the value that the sequence had at the first use on the day, so that nobody waits for
// another transaction to end except at that first use. A number whose transaction fails is lost, never given again.
func nextOfSequence(s *session, day ident.Date) (int64, error) {
	const next = `SELECT nextval('running_number') - base FROM number_counter WHERE day = ?`
	var running int64
	found, err := s.get(&running, next, day.String())
	if err != nil || found {
		return running, err
	}
	_, err = s.exec(`INSERT INTO number_counter (day, base) VALUES (?, nextval('running_number')) ON CONFLICT (day) DO NOTHING`,
		day.String())
	if err != nil {
		return 0, err
	}
	_, err = s.get(&running, next, day.String())
	return running, err
}

// problem is what a failure of SQL means to the caller.
func (d *dialect) problem(err error) *problem.Error {
	if isEnded(err) || d.unavailable(err) {
		return problem.Wrap(problem.StoreDown, err)
	}
	return problem.Wrap(problem.InternalError, err)
}

// isEnded reports whether the caller gave up.
func isEnded(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// embeddedUnavailable follows https://sqlite.org/rescode.html; the low byte is the primary result code.
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

// postgresUnavailable tells what another attempt may still mend. A key that is taken time after time is a mistake.
func postgresUnavailable(err error) bool {
	failure, ok := errors.AsType[*pq.Error](err)
	return isLost(err) || ok && failure.Code != uniqueViolation && isRace(err)
}

// The codes of errors are those of appendix A of PostgreSQL's manual.
const (
	readOnlyTransaction  = "25006" // as on a standby, before it is promoted
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	uniqueViolation      = "23505"
)

// isLost reports whether the connection was lost or refused, or the server may not be written to at the moment.
func isLost(err error) bool {
	if isEnded(err) {
		return false // the caller has gone, not the server; and the context's errors look like those of a network
	}
	if failure, ok := errors.AsType[*pq.Error](err); ok {
		switch failure.Code.Class() {
		case "08", "53", "57", "58": // connection, resources, operator's intervention, system
			return true
		}
		return failure.Code == readOnlyTransaction
	}
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF)
}

// isRace reports whether the transaction lost against another one and will do better when it is run again: serialization
// failure, deadlock, or the same InputReference, message, version or unknown person at the same
// time. Rows of several tables go in together, so any of their keys may be the one that is taken.
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
