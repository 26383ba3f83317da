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

// embedded is a register in an SQLite file: one connection that writes, some that read.
type embedded struct {
	dialect *dialect
	writes  *sqlx.DB
	reads   *sqlx.DB
	writer  *writer
	// readers are the connections that nobody reads on. Closing takes all of them, and so waits for who still reads.
	readers chan *statements
	opened  int
	closed  chan struct{}
	memory  memory
	persons *persons
}

const (
	driverName = "sqlite"
	fileName   = "ctr.sqlite"
	// readerCount is how many views there are at a time. Reading is bound by processor and memory, not by waiting.
	readerCount = 8
)

// everyConnection are the settings of all connections; a PRAGMA that is executed would reach one of them only. A writer
// of another program is waited for, for as long as a list of two hundred thousand devices may take to replace another on a busy
// machine; DQS off turns a misspelt column into an error instead of a text.
const everyConnection = "_busy_timeout=20000&_foreign_keys=1&_dqs=0&_defensive=1"

// writingConnection are the settings of the one that writes: durable commits, 64 MiB of pages, and savepoints undone from
// memory instead of a temporary file. Pages go from the log into the file once 16 MiB are logged: a page that many
// commits change is then written there once.
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

// embeddedFile makes the directory and the file, for the eyes of this user only.
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

// source names the file to the driver, with the settings that it applies to each connection.
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

// read runs f in a deferred transaction, which sees the register as it was at its first statement. Once it has begun it
// is not interrupted when the caller goes: every statement follows an index and is soon done, and the driver would start
// a goroutine for each one that may be interrupted.
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

	s := &session{ctx: context.WithoutCancel(ctx), on: prepared.conn, dialect: e.dialect, prepared: prepared, memory: &e.memory,
		persons: e.persons}
	if _, err := s.change(`BEGIN`); err != nil {
		return err
	}
	err := s.run(f)
	if _, endErr := s.change(`ROLLBACK`); err == nil {
		err = endErr
	}
	e.persons.acquaintances.met(s)
	return err
}

func (e *embedded) write(ctx context.Context, f func(*session) error) error {
	return e.writer.write(ctx, f)
}

// ready really writes, because nothing less tells a full or read-only disk from a good one.
func (e *embedded) ready(ctx context.Context) error {
	return e.write(ctx, func(s *session) error {
		_, err := s.exec(`UPDATE readiness SET checks = checks + 1`)
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
