// Package store keeps the register, in SQLite or in PostgreSQL: all SQL of the program is here.
//
// It implements register.Store, so it knows the domain, and nothing of XML, HTTP or who may do what. It is separate so
// that the domain can be decided and tested without SQL, and so that one suite (package storetest) can prove both
// engines against the same contract. The statements are written once; what the engines do differently stands in
// dialect.go, and how each gets a transaction to disk in embedded.go and postgres.go.
//
// What was registered is never changed: the tables of the register refuse UPDATE and DELETE by trigger, and a revision
// is another version. Durable means SQLite's WAL mode with synchronous=FULL (https://sqlite.org/wal.html, section 2.2)
// and PostgreSQL's synchronous_commit=on.
package store

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register"
)

// Config says where the register is kept.
type Config struct {
	// URL of a PostgreSQL database, postgres://…; when it is empty the register is kept in Directory.
	URL string
	// Directory of the embedded database, made when it is not there. The file in it is called ctr.sqlite.
	Directory string
	// Keys is the file of the keys under which persons are kept, keys.json in the directory when it is not given. It is made
	// when the register is new.
	Keys string
}

// DB is an open register. It is a register.Store.
type DB struct {
	engine engine
	keys   *keyring
	closed atomic.Bool
	end    func() error // closes the engine, once
	// slots bounds how many writes are under way or waiting: beyond it the answer is "later" at once, which is better
	// for the caller than a place in a queue that is longer than his patience.
	slots chan struct{}
}

// engine is what an open database does: it runs a function in a transaction.
type engine interface {
	read(ctx context.Context, f func(*session) error) error
	write(ctx context.Context, f func(*session) error) error
	ready(ctx context.Context) error
	close() error
}

// waitingWrites bounds the writes under way and waiting, at about a tenth of a second's work.
const waitingWrites = 1024

// Open opens the register, and makes or renews its tables. It refuses a database that a newer program has renewed.
func Open(ctx context.Context, c Config) (*DB, error) {
	p := &persons{keys: &keyring{path: c.Keys}}
	if c.Keys == "" {
		if c.Directory == "" && isPostgres(c.URL) {
			return nil, errors.New("the file of the keys under which persons are kept is not given")
		}
		p.keys.path = filepath.Join(c.Directory, keyFileName)
	}
	var e engine
	var err error
	if isPostgres(c.URL) {
		e, err = openPostgres(ctx, c.URL, p)
	} else {
		e, err = openEmbedded(ctx, c, p)
	}
	if err != nil {
		return nil, err
	}
	db := &DB{engine: e, keys: p.keys, end: sync.OnceValue(e.close), slots: make(chan struct{}, waitingWrites)}
	if err = db.openKeys(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func isPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}

// Close finishes the writes that were let in and closes the database.
func (db *DB) Close() error {
	db.closed.Store(true)
	return db.end()
}

// Read runs f over one consistent view.
func (db *DB) Read(ctx context.Context, f func(register.Reader) error) error {
	return db.read(ctx, func(s *session) error { return f(view{s}) })
}

// Write runs f in one transaction, as register.Store says. It refuses with OVERLOADED when too many writes wait and
// with STORE_UNAVAILABLE when the database cannot be reached or cannot keep anything; a retry with the same
// InputReference is safe after both.
func (db *DB) Write(ctx context.Context, f func(register.Writer) error) error {
	return db.write(ctx, func(s *session) error { return f(update{view{s}}) })
}

func (db *DB) read(ctx context.Context, f func(*session) error) error {
	if err := db.usable(ctx); err != nil {
		return err
	}
	return db.engine.read(ctx, f)
}

func (db *DB) write(ctx context.Context, f func(*session) error) error {
	if err := db.usable(ctx); err != nil {
		return err
	}
	select {
	case db.slots <- struct{}{}:
	default:
		return problem.New(problem.Overloaded)
	}
	defer func() { <-db.slots }()
	return db.engine.write(ctx, f)
}

// Ready reports whether the store can take a write now.
func (db *DB) Ready(ctx context.Context) error {
	if err := db.usable(ctx); err != nil {
		return err
	}
	return db.engine.ready(ctx)
}

var errClosed = errors.New("the store is closed")

func (db *DB) usable(ctx context.Context) error {
	if db.closed.Load() {
		return problem.Wrap(problem.StoreDown, errClosed)
	}
	if err := ctx.Err(); err != nil {
		return problem.Wrap(problem.StoreDown, err)
	}
	return nil
}

// purgeBatch bounds how long other writes wait for PurgeReplay.
const purgeBatch = 1000

// PurgeReplay forgets the used messages that are too old to be let in before the given instant, and returns how many
// they were. It does so in small transactions.
func (db *DB) PurgeReplay(ctx context.Context, before time.Time) (int, error) {
	for total := 0; ; {
		purged := 0
		err := db.write(ctx, func(s *session) error {
			n, err := s.exec(purgeReplay, instant(before), purgeBatch)
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

const purgeReplay = `DELETE FROM replay WHERE key IN (SELECT key FROM replay WHERE until < ? ORDER BY until LIMIT ?)`
