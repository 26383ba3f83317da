package engine

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/store/engine/rights"
	"github.com/openctr/ctr/internal/store/postgresurl"
)

// postgresEngine is a PostgreSQL database, which any number of programs may share.
//
// No state but prepared statements outlives a transaction on its connection: no session lock, no setting. So the engine
// works behind a pooler that gives each transaction another connection, such as PgBouncer in transaction mode.
type postgresEngine struct {
	dialect *dialect
	db      *sqlx.DB
	// probe has one connection of its own, so that readiness does not wait for those of the requests.
	probe *sqlx.DB
	// dropping is held while the idle connections are being closed.
	dropping sync.Mutex
}

const (
	minPostgresVersion = 15
	// maxConnections is per program. PostgreSQL allows 100 by default, which several nodes share.
	maxConnections = 32
	// maxAttempts bounds how often a transaction runs, and initialBackoff is the wait before the second attempt; it
	// doubles each time. A failover takes longer than all attempts; until it ends, callers get STORE_UNAVAILABLE.
	maxAttempts    = 6
	initialBackoff = 10 * time.Millisecond
	// startLimit bounds the wait for the first answer of the server.
	startLimit = 10 * time.Second
)

func openPostgres(ctx context.Context, c Config) (engine, error) {
	config, prepares, err := postgresurl.Parse(c.URL, c.AllowUnverified)
	if err != nil {
		return nil, err
	}
	p := &postgresEngine{dialect: newPostgresDialect()}
	connector := newPostgresConnector(config, prepares, p.dropIdleConnections)
	p.db, p.probe = openPool(connector, maxConnections), openPool(connector, 1)
	if err = p.checkAndMigrate(ctx, c.Migrations); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func openPool(connector driver.Connector, connections int) *sqlx.DB {
	pool := sqlx.NewDb(sql.OpenDB(connector), "postgres")
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	pool.SetConnMaxLifetime(time.Hour)
	return pool
}

// dropIdleConnections closes the idle connections after one of them was silent, or led to a server that accepts no
// writes: the others lead to the same server, and each would cost another caller its time. The next callers, and a
// second attempt of this one, connect anew.
func (p *postgresEngine) dropIdleConnections() {
	p.dropping.Lock()
	defer p.dropping.Unlock()
	for _, pool := range []*sqlx.DB{p.db, p.probe} {
		pool.SetMaxIdleConns(0)
	}
	p.probe.SetMaxIdleConns(1)
	p.db.SetMaxIdleConns(maxConnections)
}

func (p *postgresEngine) checkAndMigrate(ctx context.Context, migrations fs.FS) error {
	start, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := p.checkServer(start); err != nil {
		return err
	}
	if err := p.checkPooler(ctx); err != nil {
		return err
	}
	if err := rights.CheckSchema(start, p.db); err != nil {
		return err
	}
	if err := migrateSchema(ctx, p.db.DB, p.dialect, migrations); err != nil {
		return rights.Explain(ctx, p.db, err)
	}
	ctx, stop := context.WithTimeout(ctx, startLimit)
	defer stop()
	return rights.CheckTables(ctx, p.db)
}

// checkServer checks what the service needs of the server and of its database, whatever the role may do.
func (p *postgresEngine) checkServer(ctx context.Context) error {
	var server struct {
		Version  int    `db:"version"`
		Standby  bool   `db:"standby"`
		Encoding string `db:"encoding"`
		Database string `db:"name"`
	}
	err := p.db.GetContext(ctx, &server, `SELECT CAST(current_setting('server_version_num') AS integer) / 10000 AS version,
		pg_is_in_recovery() AS standby, current_setting('server_encoding') AS encoding,
		CAST(current_database() AS text) AS name`)
	switch {
	case err != nil:
		return fmt.Errorf("database: %w", rights.Explain(ctx, p.db, err))
	case server.Version < minPostgresVersion:
		return fmt.Errorf("the database is PostgreSQL %d: at least %d is needed", server.Version, minPostgresVersion)
	case server.Encoding != "UTF8":
		return fmt.Errorf("the database %q has the encoding %s, which cannot store every name and text: UTF8 is needed. "+
			"An encoding cannot be changed; create another database with: CREATE DATABASE … TEMPLATE template0 "+
			"ENCODING 'UTF8'", server.Database, server.Encoding)
	case server.Standby:
		return errors.New("the database server is a standby, which accepts no writes: start again when it is promoted, " +
			"or name all servers in the URL, so that the one that accepts writes is found")
	}
	return nil
}

// readTx runs f over one snapshot. It uses another connection when an idle one turns out to be silent, or the server
// has lost its statements.
func (p *postgresEngine) readTx(ctx context.Context, f func(*Tx) error) error {
	for attempt := 1; ; attempt++ {
		again, err := p.attemptRead(ctx, f)
		if err == nil || !again || attempt == 2 {
			return err
		}
	}
}

func (p *postgresEngine) attemptRead(ctx context.Context, f func(*Tx) error) (bool, error) {
	sqlTx, err := p.db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return errors.Is(err, os.ErrDeadlineExceeded), p.dialect.toProblem(err)
	}
	tx := &Tx{ctx: ctx, conn: sqlTx, dialect: p.dialect}
	if err := tx.runFunc(f); err != nil {
		_ = sqlTx.Rollback() // if this fails, database/sql drops the connection
		return isStatementLost(tx.err) || isPlanStale(tx.err), p.explainRefusal(ctx, tx.err, err)
	}
	if err := sqlTx.Commit(); err != nil {
		return false, p.dialect.toProblem(err)
	}
	tx.runAfterCommit()
	return false, nil
}

// writeTx runs f, and runs it again when the transaction lost a race or its connection.
func (p *postgresEngine) writeTx(ctx context.Context, f func(*Tx) error) error {
	wait := initialBackoff
	for n := 1; ; n++ {
		again, err := p.attemptTx(ctx, p.db, f)
		if err == nil || !again || n == maxAttempts {
			return err
		}
		// Random jitter between half and all of the wait, so that transactions that collided do not collide again.
		if sleepContext(ctx, wait/2+rand.N(wait/2)) != nil { //nolint:gosec // the jitter is no secret
			return err
		}
		wait *= 2
	}
}

// attemptTx runs f once. On an error, it reports whether f may run again: nothing is stored, and the next attempt may
// succeed.
func (p *postgresEngine) attemptTx(ctx context.Context, pool *sqlx.DB, f func(*Tx) error) (bool, error) {
	sqlTx, err := p.beginWrite(ctx, pool)
	if err != nil {
		return isConnectionLost(err), p.dialect.toProblem(err)
	}
	tx := &Tx{ctx: ctx, conn: sqlTx, dialect: p.dialect, states: &sharedStates{}}
	if err = tx.runFunc(f); err == nil {
		err = tx.states.saveStates(tx)
	}
	if err != nil {
		_ = sqlTx.Rollback() // if this fails, database/sql drops the connection
		if isReadOnlyServer(tx.err) {
			p.dropIdleConnections()
		}
		return isConnectionLost(tx.err) || isTransactionConflict(tx.err), p.explainRefusal(ctx, tx.err, err)
	}
	// When the caller gives up before COMMIT is sent, this is the context's error, and nothing is stored.
	err = sqlTx.Commit()
	switch {
	case err == nil:
		tx.runAfterCommit()
		return false, nil
	case isConnectionLost(err):
		return p.resolveLostCommit(ctx, tx, err)
	}
	return isTransactionConflict(err), p.dialect.toProblem(err)
}

// beginWrite begins a transaction that writes. A standby refuses that as not supported, for example after a failover
// while the address in the URL still leads to it. It stays alive, so its connections are closed here: the next attempt
// connects anew, to whichever server the address leads to then.
func (p *postgresEngine) beginWrite(ctx context.Context, pool *sqlx.DB) (*sqlx.Tx, error) {
	sqlTx, err := pool.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if failure, ok := errors.AsType[*pq.Error](err); ok && failure.Code == notSupported {
		err = fmt.Errorf("%w: %w", errStandby, err)
	}
	if isReadOnlyServer(err) {
		p.dropIdleConnections()
	}
	return sqlTx, err
}

// explainRefusal returns the refusal of a transaction, or one that explains it when its SQL error is a missing right.
func (p *postgresEngine) explainRefusal(ctx context.Context, sqlError, refusal error) error {
	if !rights.IsDenied(sqlError) {
		return refusal
	}
	return p.dialect.toProblem(rights.Explain(ctx, p.db, sqlError))
}

// ProveCommit makes the outcome of a lost COMMIT known: when its response is lost, the engine runs isCommitted in a new
// transaction, which it rolls back, to find out whether this transaction was committed. isCommitted must wait until the
// server has ended the lost transaction, for example because it inserts the same key.
//
// Running a transaction again blindly would find its own rows; not running it again would report that nothing was
// stored when everything was. Without ProveCommit the outcome stays unknown, and the caller gets STORE_UNAVAILABLE.
// SQLite loses no response, and never calls it.
func (tx *Tx) ProveCommit(isCommitted func(*Tx) (bool, error)) { tx.isCommitted = isCommitted }

// resolveLostCommit finds out whether a transaction was committed whose response to COMMIT was lost, and reports
// whether it may run again. This also holds across a failover, because a lost row of the proof means that all others
// are lost.
func (p *postgresEngine) resolveLostCommit(ctx context.Context, tx *Tx, lost error) (bool, error) {
	unknown := p.dialect.toProblem(fmt.Errorf("the outcome of the transaction is unknown: %w", lost))
	if tx.isCommitted == nil {
		return false, unknown
	}
	// A caller that has gone does not end the search, because the outcome also decides whether to run again.
	deadline, limited := ctx.Deadline()
	ctx = context.WithoutCancel(ctx)
	if limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(answerGrace))
		defer cancel()
	}
	wait := initialBackoff
	for range maxAttempts {
		committed, err := p.proveCommit(ctx, tx.isCommitted)
		switch {
		case err == nil && committed:
			return false, nil
		case err == nil:
			return true, p.dialect.toProblem(lost)
		case !isConnectionLost(err):
			return false, unknown
		}
		if sleepContext(ctx, wait) != nil {
			return false, unknown
		}
		wait *= 2
	}
	return false, unknown
}

// proveCommit runs the proof in a transaction of its own and rolls it back. Its error is that of the driver.
func (p *postgresEngine) proveCommit(ctx context.Context, isCommitted func(*Tx) (bool, error)) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	sqlTx, err := p.beginWrite(ctx, p.db)
	if err != nil {
		return false, err
	}
	defer func() { _ = sqlTx.Rollback() }()
	tx := &Tx{ctx: ctx, conn: sqlTx, dialect: p.dialect}
	committed, err := isCommitted(tx)
	if tx.err != nil {
		err = tx.err
	}
	return committed, err
}

// checkReady checks that the server accepts writes: a standby, or a server with a read-only disk, does not. Its
// connection may be one from before a restart of the server, so it tries twice.
func (p *postgresEngine) checkReady(ctx context.Context) error {
	again, err := p.attemptTx(ctx, p.probe, checkWritable)
	if again && ctx.Err() == nil {
		_, err = p.attemptTx(ctx, p.probe, checkWritable)
	}
	return err
}

func checkWritable(tx *Tx) error {
	var readOnly bool
	_, err := tx.SelectRow(&readOnly, `SELECT CAST(current_setting('transaction_read_only') AS boolean)`)
	if err == nil && readOnly {
		err = problem.Wrap(problem.StoreDown, errors.New("the database is read-only"))
	}
	return err
}

func (p *postgresEngine) close() error {
	if err := errors.Join(p.probe.Close(), p.db.Close()); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return nil
}
