package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/jmoiron/sqlx"
	_ "modernc.org/sqlite" // the driver

	"github.com/openctr/ctr/internal/problem"
)

// sqliteEngine stores the register in an SQLite file, with one connection for writing and several for reading.
type embedded struct {
	dialect *dialect
	writes  *sqlx.DB
	reads   *sqlx.DB
	writer  *writer
	// idleReaders holds the reading connections that are not in use. close takes all of them, and so waits for running
	// reads.
	readers chan *statements
	opened  int
	closed  chan struct{}
	memory  memory
	persons *persons
}

const (
	driverName = "sqlite"
	fileName   = "ctr.sqlite"
	// maxReaders bounds concurrent reads. Reading is bound by CPU and memory, not by waiting.
	readerCount = 8
)

// connectionSettings apply to all connections; executing a PRAGMA would reach only one of them. The busy timeout lets
// another program finish its write: replacing a list of 200,000 devices on a busy machine takes that long. With DQS
// off, a misspelt column is an error instead of a text.
const everyConnection = "_busy_timeout=20000&_foreign_keys=1&_dqs=0&_defensive=1"

// writerSettings apply to the writing connection: durable commits, a page cache of 64 MiB, and savepoint rollback data
// in memory instead of a temporary file. A checkpoint moves pages from the WAL into the file every 16 MiB, so that a
// page that many commits change is written there once.
const writingConnection = "_journal_mode=WAL&_synchronous=FULL&_txlock=immediate&_pragma=temp_store(MEMORY)&_pragma=cache_size(-65536)&_pragma=wal_autocheckpoint(4096)"

func openEmbedded(ctx context.Context, c Config, p *persons) (*embedded, error) {
	if c.URL != "" {
		return nil, errors.New("the database URL must begin with postgres://, or be left out for the embedded database")
	}
	file, err := embeddedFile(c.Directory)
	if err != nil {
		return nil, err
	}
	e := &embedded{dialect: embeddedDialect(), persons: p, readers: make(chan *statements, readerCount), closed: make(chan struct{})}
	if err = e.open(ctx, file); err != nil {
		return nil, fmt.Errorf("open %s: %w", file, errors.Join(err, e.close()))
	}
	return e, nil
}

// createSQLiteFile creates the directory and the file if they do not exist, readable by this user only.
func embeddedFile(directory string) (string, error) {
	if directory == "" {
		return "", errors.New("the directory of the embedded database is not given")
	}
	directory, err := filepath.Abs(directory)
	if err != nil {
		return "", fmt.Errorf("data directory: %w", err)
	}
	if err = os.MkdirAll(directory, 0o700); err != nil {
		return "", fmt.Errorf("data directory: %w", err)
	}
	file := filepath.Join(directory, fileName)
	// An existing file is left alone: closing a second handle on it would drop the POSIX locks of this process.
	created, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) //nolint:gosec // the operator's own path
	switch {
	case errors.Is(err, fs.ErrExist):
		return file, nil
	case err != nil:
		return "", fmt.Errorf("data directory: %w", err)
	}
	if err = created.Close(); err != nil {
		return "", fmt.Errorf("data directory: %w", err)
	}
	return file, nil
}

// sqliteDataSource is the driver's name for the file, with the settings of each connection.
func source(file, settings string) string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(file), RawQuery: settings + "&" + everyConnection}
	return u.String()
}

func (e *embedded) open(ctx context.Context, file string) error {
	sqlx.BindDriver(driverName, e.dialect.bind)
	var err error
	if e.writes, err = sqlx.Open(driverName, source(file, writingConnection)); err != nil {
		return err
	}
	e.writes.SetMaxOpenConns(1)
	if err = migrate(ctx, e.writes.DB, e.dialect); err != nil {
		return err
	}
	conn, err := e.writes.Connx(ctx)
	if err != nil {
		return err
	}
	e.writer = startWriter(conn, e.dialect, e.persons)

	if e.reads, err = sqlx.Open(driverName, source(file, "mode=ro&_query_only=1")); err != nil {
		return err
	}
	e.reads.SetMaxIdleConns(readerCount)
	for range readerCount {
		conn, err := e.reads.Connx(ctx)
		if err != nil {
			return err
		}
		e.readers <- &statements{conn: conn, byText: make(map[string]*sqlx.Stmt)}
		e.opened++
	}
	return nil
}

// readTx runs f in a deferred transaction, which sees the register as of its first statement. Once it has begun, it
// ignores the cancellation of ctx: every statement uses an index and ends soon, and the driver would start a goroutine
// for each cancellable statement.
func (e *embedded) read(ctx context.Context, f func(*session) error) error {
	var prepared *statements
	select {
	case prepared = <-e.readers:
	case <-e.closed:
		return problem.Wrap(problem.StoreDown, errClosed)
	case <-ctx.Done():
		return e.dialect.problem(ctx.Err())
	}
	defer func() { e.readers <- prepared }()

	tx := &session{ctx: context.WithoutCancel(ctx), on: prepared.conn, dialect: e.dialect, prepared: prepared, memory: &e.memory,
		persons: e.persons}
	if _, err := tx.change(`BEGIN`); err != nil {
		return err
	}
	err := tx.run(f)
	if _, endErr := tx.change(`ROLLBACK`); err == nil {
		err = endErr
	}
	e.persons.acquaintances.met(tx)
	return err
}

func (e *embedded) write(ctx context.Context, f func(*session) error) error {
	return e.writer.write(ctx, f)
}

// checkReady writes a row, because only a write detects a full or read-only disk.
func (e *embedded) ready(ctx context.Context) error {
	return e.write(ctx, func(tx *session) error {
		_, err := tx.exec(`UPDATE readiness SET checks = checks + 1`)
		return err
	})
}

func (e *embedded) close() error {
	close(e.closed)
	var errs []error
	if e.writer != nil {
		errs = append(errs, e.writer.close())
	}
	for range e.opened {
		errs = append(errs, (<-e.readers).close())
	}
	for _, pool := range []*sqlx.DB{e.reads, e.writes} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}
