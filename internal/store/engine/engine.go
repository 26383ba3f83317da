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
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"

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
	trace      atomic.Pointer[func(query string, args []any)] // nil outside of tests
}

// engine runs functions in transactions.
type engine interface {
	readTx(ctx context.Context, f func(*Tx) error) error
	writeTx(ctx context.Context, f func(*Tx) error) error
	checkReady(ctx context.Context) error
	close() error
}

// maxWaitingWrites bounds the writes in progress and waiting, to about 0.1 s of work.
const maxWaitingWrites = 1024

// Open opens the database and migrates its schema. It rejects a database with the schema of a newer program.
func Open(ctx context.Context, c Config) (*DB, error) {
	var e engine
	var err error
	if IsPostgresURL(c.URL) {
		e, err = openPostgres(ctx, c)
	} else {
		e, err = openSQLite(ctx, c)
	}
	if err != nil {
		return nil, err
	}
	return &DB{engine: e, closeEngine: sync.OnceValue(e.close), writeSlots: make(chan struct{}, maxWaitingWrites)}, nil
}

// IsPostgresURL reports whether the URL is one of a PostgreSQL database.
func IsPostgresURL(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}

// Close finishes the accepted writes and closes the database.
func (db *DB) Close() error {
	db.closed.Store(true)
	return db.closeEngine()
}

// Read runs f over one consistent view.
func (db *DB) Read(ctx context.Context, f func(*Tx) error) error {
	if err := db.checkUsable(ctx); err != nil {
		return err
	}
	return db.engine.readTx(ctx, db.traced(f))
}

// Write runs f in one transaction, and may run it again. It fails with OVERLOADED when too many writes wait, and with
// STORE_UNAVAILABLE when the database is unreachable or cannot store anything.
func (db *DB) Write(ctx context.Context, f func(*Tx) error) error {
	if err := db.checkUsable(ctx); err != nil {
		return err
	}
	select {
	case db.writeSlots <- struct{}{}:
	default:
		return problem.New(problem.Overloaded)
	}
	defer func() { <-db.writeSlots }()
	return db.engine.writeTx(ctx, db.traced(f))
}

// Trace calls trace with each query of later transactions, as the driver gets it, before it runs. Tests use it to check
// the plans and the order of queries.
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

// CheckReady reports whether the database can accept a write now.
func (db *DB) CheckReady(ctx context.Context) error {
	if err := db.checkUsable(ctx); err != nil {
		return err
	}
	return db.engine.checkReady(ctx)
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
