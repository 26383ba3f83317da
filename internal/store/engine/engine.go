// Package engine runs transactions in SQLite or in PostgreSQL. It knows no table of a register: the packages above it
// pass the migrations and the statements.
//
// Open returns a DB, whose Read and Write run a function in a transaction. sqlite.go and postgres.go make transactions
// durable, committer.go commits several writes to SQLite together, and dialect.go holds what the engines do
// differently.
//
// Durability relies on SQLite's WAL mode with synchronous=FULL (https://sqlite.org/wal.html, section 2.2) and on
// PostgreSQL's synchronous_commit=on.
package engine

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

// Config locates the database.
type Config struct {
	// URL of a PostgreSQL database, postgres://…; when empty, the database is an SQLite file in Directory.
	URL string
	// AllowUnverified permits a PostgreSQL server on another machine without sslmode=verify-full.
	AllowUnverified bool
	// Directory of the SQLite file ctr.sqlite. Both are created if they do not exist.
	Directory string
	// Limit bounds a transaction whose context has no earlier deadline; an hour if zero.
	Limit time.Duration
	// Log gets what the operator must know about the database; discards if nil.
	Log *slog.Logger
	// Watch watches the files of SQLite and checks their pages, for a service.
	Watch bool
	// Migrations has the directories sqlite and postgres with the migrations of each engine.
	Migrations fs.FS
}

// DB is an open database.
type DB struct {
	engine      engine
	closed      atomic.Bool
	closeEngine func() error // closes the engine once
	// writeSlots bounds the writes in progress and waiting. Beyond it a write fails at once with OVERLOADED: failing
	// fast beats queueing longer than the client's timeout.
	writeSlots chan struct{}
	limit      time.Duration
	status     *statusKeeper
	trace      atomic.Pointer[func(query string, args []any)] // nil outside of tests
}

// engine runs functions in transactions.
type engine interface {
	readTx(ctx context.Context, f func(*Tx) error) error
	writeTx(ctx context.Context, f func(*Tx) error) error
	checkReady(ctx context.Context) error
	close() error
}

const (
	// defaultLimit is for the commands of an operator, who sees that they wait and can end them.
	defaultLimit = time.Hour
	// readyLimit bounds a check of readiness, which is worth nothing when it comes late.
	readyLimit = 2 * time.Second
	// closeWait bounds the wait for the accepted writes when the database is closed.
	closeWait = 5 * time.Second
)

// maxWaitingWrites bounds the writes in progress and waiting, to about 0.1 s of work.
const maxWaitingWrites = 1024

// Open opens the database and migrates its schema. It rejects a database with the schema of a newer program.
func Open(ctx context.Context, c Config) (*DB, error) {
	var e engine
	var err error
	status := newStatusKeeper(c.Log)
	if IsPostgresURL(c.URL) {
		e, err = openPostgres(ctx, c)
	} else {
		e, err = openSQLite(ctx, c, status)
	}
	if err != nil {
		return nil, err
	}
	db := &DB{
		engine: e, closeEngine: sync.OnceValue(e.close), writeSlots: make(chan struct{}, maxWaitingWrites),
		limit: cmp.Or(c.Limit, defaultLimit), status: status,
	}
	return db, nil
}

// IsPostgresURL reports whether the URL is one of a PostgreSQL database.
func IsPostgresURL(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}

// Close finishes the accepted writes and closes the database. It gives up waiting for a disk or server that is silent.
func (db *DB) Close() error {
	db.closed.Store(true)
	done := make(chan error, 1)
	go func() { done <- db.closeEngine() }()
	timer := time.NewTimer(closeWait)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return errors.New("the database does not answer, and is left open")
	}
}

// Status returns what the operator should know.
func (db *DB) Status() Status { return db.status.get() }

// Read runs f over one consistent view.
func (db *DB) Read(ctx context.Context, f func(*Tx) error) error {
	return db.runWithin(ctx, db.limit, func(ctx context.Context) error { return db.engine.readTx(ctx, db.traced(f)) })
}

// Write runs f in one transaction, and may run it again. It fails with OVERLOADED when too many writes wait, and with
// STORE_UNAVAILABLE when the database is unreachable, silent or damaged, or cannot store anything.
func (db *DB) Write(ctx context.Context, f func(*Tx) error) error {
	return db.WriteWithin(ctx, db.limit, f)
}

// WriteWithin is Write with another limit, for work that no request waits for.
func (db *DB) WriteWithin(ctx context.Context, limit time.Duration, f func(*Tx) error) error {
	if err := db.status.failure(); err != nil {
		return err
	}
	return db.runWithin(ctx, limit, func(ctx context.Context) error {
		select {
		case db.writeSlots <- struct{}{}:
		default:
			return problem.New(problem.Overloaded)
		}
		defer func() { <-db.writeSlots }()
		return db.engine.writeTx(ctx, db.traced(f))
	})
}

// CheckReady reports, within readyLimit, whether the database can accept a write now.
func (db *DB) CheckReady(ctx context.Context) error {
	if err := db.status.failure(); err != nil {
		return err
	}
	return db.runWithin(ctx, readyLimit, db.engine.checkReady)
}

// runWithin runs an operation under the limit, and takes note of its outcome.
func (db *DB) runWithin(ctx context.Context, limit time.Duration, operate func(context.Context) error) error {
	if err := db.checkUsable(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := operate(ctx)
	db.status.record(ctx, err, isDamage)
	return err
}

// Trace calls trace with each statement of later transactions, as the driver gets it, before it runs. Tests use it to
// check the plans, the order and the number of statements.
func (db *DB) Trace(trace func(query string, args []any)) { db.trace.Store(&trace) }

func (db *DB) traced(f func(*Tx) error) func(*Tx) error {
	trace := db.trace.Load()
	if trace == nil {
		return f
	}
	return func(tx *Tx) error {
		tx.trace = *trace
		return f(tx)
	}
}

var errClosed = errors.New("the store is closed")

func (db *DB) checkUsable(ctx context.Context) error {
	if db.closed.Load() {
		return problem.Wrap(problem.StoreDown, errClosed)
	}
	if err := ctx.Err(); err != nil {
		return problem.Wrap(problem.StoreDown, err)
	}
	return nil
}
