package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/jmoiron/sqlx"

	"github.com/openctr/ctr/internal/problem"
)

// Tx runs SQL in one transaction.
type Tx struct {
	ctx     context.Context // of this transaction only
	conn    querier
	dialect *dialect
	// statements holds the connection's prepared statements; nil where none may outlive a transaction.
	statements *statementCache
	// states are shared with the other transactions of the same commit.
	states *sharedStates
	// insertions hold delayed rows, where the dialect batches inserts.
	insertions  []insertion
	delayedRows int
	afterCommit []func()
	// isCommitted finds out after a lost commit whether the transaction was committed; see ProveCommit.
	isCommitted func(*Tx) (bool, error)
	// trace sees each statement before it runs; nil outside of tests.
	trace func(query string, args []any)
	// err is the first SQL error. A transaction with an error is never committed, even when the function that runs in
	// it returns nil.
	err error
}

// AfterCommit calls f when the transaction has ended without an error. A result that depends on rows of this
// transaction must not leave it before, because until then they may be rolled back.
func (tx *Tx) AfterCommit(f func()) { tx.afterCommit = append(tx.afterCommit, f) }

func (tx *Tx) runAfterCommit() {
	for _, f := range tx.afterCommit {
		f()
	}
}

// querier is a connection or a transaction of sqlx.
type querier interface {
	GetContext(ctx context.Context, dest any, query string, args ...any) error
	SelectContext(ctx context.Context, dest any, query string, args ...any) error
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// runFunc calls f. It converts a panic to an error: a bug in one request must not end the program.
func (tx *Tx) runFunc(f func(*Tx) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = problem.Wrap(problem.InternalError, fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
		}
	}()
	if err = f(tx); err == nil {
		err = tx.FlushInserts()
	}
	if tx.err != nil {
		return tx.dialect.toProblem(tx.err)
	}
	return err
}

// SelectRow reads one row into dest, and reports whether there was one.
func (tx *Tx) SelectRow(dest any, query string, args ...any) (bool, error) {
	if err := tx.FlushInserts(); err != nil {
		return false, err
	}
	q, err := tx.prepareStatement(query)
	if tx.trace != nil {
		tx.trace(q.text, args)
	}
	if err == nil {
		err = q.selectRow(tx.ctx, dest, args...)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, tx.RecordError(err)
}

// SelectRows reads all rows into dest, a pointer to a slice.
func (tx *Tx) SelectRows(dest any, query string, args ...any) error {
	if err := tx.FlushInserts(); err != nil {
		return err
	}
	q, err := tx.prepareStatement(query)
	if tx.trace != nil {
		tx.trace(q.text, args)
	}
	if err == nil {
		err = q.selectRows(tx.ctx, dest, args...)
	}
	return tx.RecordError(err)
}

// ExecStatement executes a statement and returns the number of changed rows.
func (tx *Tx) ExecStatement(query string, args ...any) (int64, error) {
	if err := tx.FlushInserts(); err != nil {
		return 0, err
	}
	return tx.execWithoutFlush(query, args...)
}

func (tx *Tx) execWithoutFlush(query string, args ...any) (int64, error) {
	q, err := tx.prepareStatement(query)
	if tx.trace != nil {
		tx.trace(q.text, args)
	}
	if err != nil {
		return 0, tx.RecordError(err)
	}
	result, err := q.execContext(tx.ctx, args...)
	if err != nil {
		return 0, tx.RecordError(err)
	}
	n, err := result.RowsAffected()
	return n, tx.RecordError(err)
}

// RecordError records an SQL error and converts it to a problem.
func (tx *Tx) RecordError(err error) error {
	if err == nil {
		return nil
	}
	if tx.err == nil {
		tx.err = err
	}
	return tx.dialect.toProblem(err)
}

// statement is a query that is ready to run on a connection.
type statement struct {
	conn     querier
	text     string
	prepared *sqlx.Stmt // preferred to text when not nil
}

func (tx *Tx) prepareStatement(query string) (statement, error) {
	if tx.statements == nil {
		return statement{conn: tx.conn, text: sqlx.Rebind(tx.dialect.bindType, query)}, nil
	}
	prepared, err := tx.statements.getOrPrepare(tx.ctx, query)
	return statement{conn: tx.conn, text: query, prepared: prepared}, err
}

func (q statement) selectRow(ctx context.Context, dest any, args ...any) error {
	if q.prepared != nil {
		return q.prepared.GetContext(ctx, dest, args...)
	}
	return q.conn.GetContext(ctx, dest, q.text, args...)
}

func (q statement) selectRows(ctx context.Context, dest any, args ...any) error {
	if q.prepared != nil {
		return q.prepared.SelectContext(ctx, dest, args...)
	}
	return q.conn.SelectContext(ctx, dest, q.text, args...)
}

func (q statement) execContext(ctx context.Context, args ...any) (sql.Result, error) {
	if q.prepared != nil {
		return q.prepared.ExecContext(ctx, args...)
	}
	return q.conn.ExecContext(ctx, q.text, args...)
}
