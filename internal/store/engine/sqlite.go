package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/jmoiron/sqlx"
	_ "modernc.org/sqlite" // the driver

	"github.com/openctr/ctr/internal/problem"
)

// sqliteEngine is a database in an SQLite file, with one connection for writing and several for reading.
type sqliteEngine struct {
	dialect   *dialect
	writePool *sqlx.DB
	readPool  *sqlx.DB
	committer *groupCommitter
	// idleReaders holds the reading connections that are not in use. close takes all of them, and so waits for running
	// reads.
	idleReaders chan *statementCache
	openReaders int
	closed      chan struct{}
	status      *statusKeeper
	files       *watchedFiles // nil unless they are watched
	watchers    sync.WaitGroup
	endWatch    context.CancelFunc
}

const (
	sqliteDriver   = "sqlite"
	sqliteFileName = "ctr.sqlite"
	// maxReaders bounds concurrent reads. Reading is bound by CPU and memory, not by waiting.
	maxReaders = 8
)

// connectionSettings apply to all connections; executing a PRAGMA would reach only one of them. The busy timeout lets
// another program finish its write: replacing a list of 200,000 devices on a busy machine takes that long. With DQS
// off, a misspelt column is an error instead of a text.
const connectionSettings = "_busy_timeout=20000&_foreign_keys=1&_dqs=0&_defensive=1"

// writerSettings apply to the writing connection: durable commits, a page cache of 64 MiB, savepoint rollback data in
// memory instead of a temporary file, and zeros over what is deleted or replaced, because a former key opens it. A
// checkpoint moves pages from the WAL into the file every 16 MiB, so that a page that many commits change is written
// there once.
const writerSettings = "_journal_mode=WAL&_synchronous=FULL&_txlock=immediate" +
	"&_pragma=secure_delete(ON)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-65536)&_pragma=wal_autocheckpoint(4096)" +
	"&_pragma=journal_size_limit(67108864)"

func openSQLite(ctx context.Context, c Config, status *statusKeeper) (*sqliteEngine, error) {
	if c.URL != "" {
		return nil, errors.New("the database URL must begin with postgres://, or be left out for the embedded database")
	}
	file, err := createSQLiteFile(c.Directory)
	if err != nil {
		return nil, err
	}
	e := &sqliteEngine{dialect: newSQLiteDialect(), idleReaders: make(chan *statementCache, maxReaders),
		closed: make(chan struct{}), status: status}
	if err = e.openPools(ctx, c, file); err != nil {
		return nil, errors.Join(describeOpenError(file, err), e.close())
	}
	if c.Watch {
		if e.files, err = newWatchedFiles(file); err != nil {
			return nil, errors.Join(err, e.close())
		}
		var watching context.Context
		watching, e.endWatch = context.WithCancel(context.WithoutCancel(ctx))
		e.watch(watching)
	}
	return e, nil
}

// createSQLiteFile creates the directory and the file if they do not exist, readable by this user only.
func createSQLiteFile(directory string) (string, error) {
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
	file := filepath.Join(directory, sqliteFileName)
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
func sqliteDataSource(file, settings string) string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(file), RawQuery: settings + "&" + connectionSettings}
	return u.String()
}

func (e *sqliteEngine) openPools(ctx context.Context, c Config, file string) error {
	sqlx.BindDriver(sqliteDriver, e.dialect.bindType)
	var err error
	if e.writePool, err = sqlx.Open(sqliteDriver, sqliteDataSource(file, writerSettings)); err != nil {
		return err
	}
	e.writePool.SetMaxOpenConns(1)
	if err = migrateSchema(ctx, e.writePool.DB, e.dialect, c.Migrations); err != nil {
		return err
	}
	conn, err := e.writePool.Connx(ctx)
	if err != nil {
		return err
	}
	e.committer = startGroupCommitter(conn, e.dialect)

	if e.readPool, err = sqlx.Open(sqliteDriver, sqliteDataSource(file, "mode=ro&_query_only=1")); err != nil {
		return err
	}
	e.readPool.SetMaxIdleConns(maxReaders)
	for range maxReaders {
		conn, err := e.readPool.Connx(ctx)
		if err != nil {
			return err
		}
		e.idleReaders <- &statementCache{conn: conn, byText: make(map[string]*sqlx.Stmt)}
		e.openReaders++
	}
	return nil
}

// readTx runs f in a deferred transaction, which sees the register as of its first statement. Once it has begun, it
// ignores the cancellation of ctx: every statement uses an index and ends soon, and the driver would start a goroutine
// for each cancellable statement.
func (e *sqliteEngine) readTx(ctx context.Context, f func(*Tx) error) error {
	var prepared *statementCache
	select {
	case prepared = <-e.idleReaders:
	case <-e.closed:
		return problem.Wrap(problem.StoreDown, errClosed)
	case <-ctx.Done():
		return e.dialect.toProblem(ctx.Err())
	}
	defer func() { e.idleReaders <- prepared }()

	tx := &Tx{ctx: context.WithoutCancel(ctx), conn: prepared.conn, dialect: e.dialect, statements: prepared}
	if _, err := tx.execWithoutFlush(`BEGIN`); err != nil {
		return err
	}
	err := tx.runFunc(f)
	if _, endErr := tx.execWithoutFlush(`ROLLBACK`); err == nil {
		err = endErr
	}
	if err == nil {
		tx.runAfterCommit()
	}
	return err
}

func (e *sqliteEngine) writeTx(ctx context.Context, f func(*Tx) error) error {
	return e.committer.submitAndWait(ctx, f)
}

// checkReady writes a row, because only a write detects a full or read-only disk.
func (e *sqliteEngine) checkReady(ctx context.Context) error {
	if e.files != nil {
		e.checkFiles(ctx)
		if err := e.status.failure(); err != nil {
			return err
		}
	}
	return e.writeTx(ctx, func(tx *Tx) error {
		_, err := tx.ExecStatement(`UPDATE readiness SET checks = checks + 1`)
		return err
	})
}

func (e *sqliteEngine) close() error {
	close(e.closed)
	if e.endWatch != nil {
		e.endWatch()
		e.watchers.Wait()
	}
	var errs []error
	if e.committer != nil {
		errs = append(errs, e.committer.close())
	}
	for range e.openReaders {
		errs = append(errs, (<-e.idleReaders).close())
	}
	for _, pool := range []*sqlx.DB{e.readPool, e.writePool} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}
