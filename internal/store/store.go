// Package store stores the register in SQLite or in PostgreSQL. It contains all SQL of the program.
//
// It implements register.Store, so it depends on the domain, but not on XML, HTTP or authorisation. It is separate so
// that the domain can be tested without SQL, and so that one suite (package storetest) can test both engines against
// the same contract. Most statements are common to both engines. dialect.go holds most differences; embedded.go and
// postgres.go make transactions durable.
//
// Registered data never changes: triggers on the register's tables reject UPDATE and DELETE, and a revision is another
// version. Durability relies on SQLite's WAL mode with synchronous=FULL (https://sqlite.org/wal.html, section 2.2) and
// on PostgreSQL's synchronous_commit=on.
package store

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/problem"
)

// Config locates the database and the key file.
type Config struct {
	// URL of a PostgreSQL database, postgres://…; when empty, the register is an SQLite file in Directory.
	URL string
	// Directory of the SQLite file ctr.sqlite. Both are created if they do not exist.
	Directory string
	// KeyFile is the path of the key file, by default keys.json in Directory. It is created for a new register.
	KeyFile string
}

// DB is an open register. It implements register.Store.
type DB struct {
	engine      engine
	keyRing     *keyRing
	closed      atomic.Bool
	closeEngine func() error // closes the engine once
	// writeSlots bounds the writes in progress and waiting. Beyond it a write fails at once with OVERLOADED: failing
	// fast beats queueing longer than the client's timeout.
	writeSlots chan struct{}
}

// engine is an open database, which runs functions in transactions.
type engine interface {
	readTx(ctx context.Context, f func(*tx) error) error
	writeTx(ctx context.Context, f func(*tx) error) error
	checkReady(ctx context.Context) error
	close() error
}

// maxWaitingWrites bounds the writes in progress and waiting, to about 0.1 s of work.
const maxWaitingWrites = 1024

// Open opens the register and migrates its schema. It rejects a database with the schema of a newer program.
func Open(ctx context.Context, c Config) (*DB, error) {
	p := &identities{keyRing: &keyRing{path: c.KeyFile}}
	if c.KeyFile == "" {
		if c.Directory == "" && isPostgres(c.URL) {
			return nil, errors.New("the file of the keys under which persons are kept is not given")
		}
		p.keyRing.path = filepath.Join(c.Directory, keyFileName)
	}
	var e engine
	var err error
	if isPostgres(c.URL) {
		e, err = openPostgres(ctx, c.URL, p)
	} else {
		e, err = openSQLite(ctx, c, p)
	}
	if err != nil {
		return nil, err
	}
	db := &DB{engine: e, keyRing: p.keyRing, closeEngine: sync.OnceValue(e.close), writeSlots: make(chan struct{}, maxWaitingWrites)}
	if err = db.openKeyRing(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func isPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}

// Close finishes the accepted writes and closes the database.
func (db *DB) Close() error {
	db.closed.Store(true)
	return db.closeEngine()
}

// RunReadTx runs f over one consistent view.
func (db *DB) RunReadTx(ctx context.Context, f func(implants.Reader) error) error {
	return db.readTx(ctx, func(tx *tx) error { return f(txReader{tx}) })
}

// RunWriteTx runs f in one transaction, as register.Store specifies. It fails with OVERLOADED when too many writes
// wait, and with STORE_UNAVAILABLE when the database is unreachable or cannot store anything. After both, a retry with
// the same idempotency key is safe.
func (db *DB) RunWriteTx(ctx context.Context, f func(implants.Writer) error) error {
	return db.writeTx(ctx, func(tx *tx) error { return f(txWriter{txReader{tx}}) })
}

func (db *DB) readTx(ctx context.Context, f func(*tx) error) error {
	if err := db.checkUsable(ctx); err != nil {
		return err
	}
	return db.engine.readTx(ctx, f)
}

func (db *DB) writeTx(ctx context.Context, f func(*tx) error) error {
	if err := db.checkUsable(ctx); err != nil {
		return err
	}
	select {
	case db.writeSlots <- struct{}{}:
	default:
		return problem.New(problem.Overloaded)
	}
	defer func() { <-db.writeSlots }()
	return db.engine.writeTx(ctx, f)
}

// CheckReady reports whether the store can accept a write now.
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

// purgeBatch bounds how long other writes wait for PurgeReplayKeys.
const purgeBatch = 1000

// PurgeReplayKeys deletes the replay keys that expired before the given time, and returns their number. It uses small
// transactions.
func (db *DB) PurgeReplayKeys(ctx context.Context, before time.Time) (int, error) {
	for total := 0; ; {
		purged := 0
		err := db.writeTx(ctx, func(tx *tx) error {
			n, err := tx.execStatement(deleteExpiredReplayKeys, timestamp(before), purgeBatch)
			purged = int(n)
			return err
		})
		if err != nil {
			return total, err
		}
		if total += purged; purged < purgeBatch {
			return total, nil
		}
	}
}

const deleteExpiredReplayKeys = `DELETE FROM replay WHERE key IN (SELECT key FROM replay WHERE until < ? ORDER BY until LIMIT ?)`
