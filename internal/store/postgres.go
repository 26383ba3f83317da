package store

import (
	"context"
	crand "crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/openctr/ctr/internal/problem"
)

// postgres is a register in a PostgreSQL database, which any number of programs may share.
//
// Nothing outlives a transaction on a connection: no prepared statement, no session lock, no setting. So it works
// behind a pooler that gives each transaction another connection, such as PgBouncer in transaction mode.
type postgres struct {
	dialect *dialect
	db      *sqlx.DB
	memory  memory
	persons *persons
}

const (
	oldestPostgres = 15
	// connections at a time. PostgreSQL allows a hundred by default, which several nodes share.
	connections = 32
	// attempts bounds how often a transaction is run, and firstPause how long it waits before the second time; the wait
	// doubles each time. A failover takes longer: until it is over, callers hear that the store is unavailable.
	attempts   = 6
	firstPause = 10 * time.Millisecond
)

func openPostgres(ctx context.Context, url string, persons *persons) (engine, error) {
	config, err := pq.NewConfig(url)
	if err != nil {
		// The error may repeat the URL, and with it the password.
		return nil, errors.New("the database URL is not a valid postgres:// URL")
	}
	// Parameters go along with the statement: one round trip, and no named statement that a pooler would lose.
	config.BinaryParameters = true
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	connector, err := pq.NewConnectorConfig(config)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	p := &postgres{dialect: postgresDialect(), persons: persons, db: sqlx.NewDb(sql.OpenDB(connector), "postgres")}
	p.db.SetMaxOpenConns(connections)
	p.db.SetMaxIdleConns(connections)
	p.db.SetConnMaxIdleTime(5 * time.Minute)
	p.db.SetConnMaxLifetime(time.Hour)
	if err = p.open(ctx); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *postgres) open(ctx context.Context) error {
	var version int
	if err := p.db.GetContext(ctx, &version, `SELECT CAST(current_setting('server_version_num') AS integer)`); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if version /= 10000; version < oldestPostgres {
		return fmt.Errorf("the database is PostgreSQL %d: at least %d is needed", version, oldestPostgres)
	}
	return migrate(ctx, p.db.DB, p.dialect)
}

// read runs f over one snapshot.
func (p *postgres) read(ctx context.Context, f func(*session) error) error {
	tx, err := p.db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return p.dialect.problem(err)
	}
	s := &session{ctx: ctx, on: tx, dialect: p.dialect, memory: &p.memory, persons: p.persons}
	if err := s.run(f); err != nil {
		_ = tx.Rollback() // the connection is dropped when even that fails
		return err
	}
	if err := tx.Commit(); err != nil {
		return p.dialect.problem(err)
	}
	p.persons.acquaintances.met(s)
	return nil
}

// write runs f, and again when the transaction lost a race or its connection.
func (p *postgres) write(ctx context.Context, f func(*session) error) error {
	wait := firstPause
	for n := 1; ; n++ {
		again, err := p.attempt(ctx, f)
		if err == nil || !again || n == attempts {
			return err
		}
		// Between half and all of the wait, so that those who collided do not meet again.
		if pause(ctx, wait/2+rand.N(wait/2)) != nil { //nolint:gosec // nobody gains by guessing it
			return err
		}
		wait *= 2
	}
}

// attempt runs f once. When it fails, it reports whether f may be run again: nothing of it is kept, and it may go better
// the next time.
func (p *postgres) attempt(ctx context.Context, f func(*session) error) (bool, error) {
	tx, err := p.db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return isLost(err), p.dialect.problem(err)
	}
	s := &session{ctx: ctx, on: tx, dialect: p.dialect, persons: p.persons, attempt: []byte(crand.Text())}
	if err = s.run(f); err != nil {
		_ = tx.Rollback() // the connection is dropped when even that fails
		return isLost(s.err) || isRace(s.err), err
	}
	// When the caller gives up before COMMIT is sent, this is the context's error, and nothing is kept.
	err = tx.Commit()
	switch {
	case err == nil:
		p.persons.acquaintances.met(s)
		return false, nil
	case isLost(err):
		return p.afterLostCommit(context.WithoutCancel(ctx), s, err)
	}
	return isRace(err), p.dialect.problem(err)
}

// afterLostCommit finds out what became of a transaction whose answer to COMMIT was lost. Running it again blindly would
// find its own message used, and not running it again would tell the caller that nothing was stored when all was.
//
// The transaction marked its message as used, together with a random number of this attempt. Inserting the same message
// waits until the server has ended the lost transaction; then either the mark with our number is there, and all of it
// is kept, or it is not, and nothing can be any more. This holds across a failover too, because the mark is lost
// exactly when the rest is. A transaction that used no message cannot be told apart: its caller hears that the store
// is unavailable.
func (p *postgres) afterLostCommit(ctx context.Context, s *session, lost error) (bool, error) {
	unknown := p.dialect.problem(fmt.Errorf("what became of the transaction is not known: %w", lost))
	if s.mark == nil {
		return false, unknown
	}
	wait := firstPause
	for range attempts {
		kept, err := p.isKept(ctx, s)
		switch {
		case err == nil && kept:
			return false, nil
		case err == nil:
			return true, p.dialect.problem(lost)
		case !isLost(err):
			return false, unknown
		}
		if pause(ctx, wait) != nil {
			return false, unknown
		}
		wait *= 2
	}
	return false, unknown
}

// isKept reports whether this attempt's mark was committed. It changes nothing.
func (p *postgres) isKept(ctx context.Context, s *session) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	tx, err := p.db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(ctx, sqlx.Rebind(p.dialect.bind, spendWithAttempt), s.mark, instant(time.Unix(0, 0)), []byte{})
	if err != nil {
		return false, err
	}
	var kept bool
	err = tx.GetContext(ctx, &kept, `SELECT attempt = $1 FROM replay WHERE key = $2`, s.attempt, s.mark)
	return kept, err
}

// ready asks whether this server takes writes: a standby, or one whose disk is protected, does not.
func (p *postgres) ready(ctx context.Context) error {
	var readOnly bool
	err := p.db.GetContext(ctx, &readOnly, `SELECT CAST(current_setting('transaction_read_only') AS boolean)`)
	switch {
	case err != nil:
		return p.dialect.problem(err)
	case readOnly:
		return problem.Wrap(problem.StoreDown, errors.New("the database is read-only"))
	}
	return nil
}

func (p *postgres) close() error {
	if err := p.db.Close(); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return nil
}
