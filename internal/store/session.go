package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/openctr/ctr/internal/problem"
)

// tx runs SQL in the transaction that is open on a connection.
type tx struct {
	ctx     context.Context // of this transaction only
	conn    querier
	dialect *dialect
	// statements holds the connection's prepared statements; nil where none may outlive a transaction.
	statements *statementCache
	// numbers holds the sequence numbers that a transaction of the group committer has issued; SQLite only.
	numbers sequenceNumbers
	// sourceCache is nil in a writing transaction. cacheEpoch is its epoch in this transaction's snapshot.
	sourceCache      *sourceCache
	cacheEpochLoaded bool
	cacheEpoch       string
	// identities belongs to the process, txIdentities to this transaction.
	*identities
	txIdentities
	// currentKeyID is the key that sealed new pseudonyms at the transaction's last lookup of an SSIN.
	currentKeyID string
	// storedPatients are the pseudonym ids of the patients of the versions that this transaction stored.
	storedPatients map[versionKey]int64
	// pendingInserts are delayed rows, where the dialect batches inserts.
	pendingInserts []insertion
	// attemptID is random and identifies this attempt to commit. replayKey is one that it recorded.
	attemptID []byte
	replayKey []byte
	// err is the first SQL error. A transaction with an error is never committed, even when the function that runs in
	// it returns nil.
	err error
}

// querier is a connection or a transaction of sqlx.
type querier interface {
	GetContext(ctx context.Context, dest any, query string, args ...any) error
	SelectContext(ctx context.Context, dest any, query string, args ...any) error
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// insertion is one row of an INSERT … VALUES (…) statement.
type insertion struct {
	statement string
	args      []any
}

// runFunc calls f. It converts a panic to an error: a bug in one request must not end the program.
func (tx *tx) runFunc(f func(*tx) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = problem.Wrap(problem.InternalError, fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
		}
	}()
	if err = f(tx); err == nil {
		err = tx.flushInserts()
	}
	if tx.err != nil {
		return tx.dialect.toProblem(tx.err)
	}
	return err
}

// selectRow reads one row into dest, and reports whether there was one.
func (tx *tx) selectRow(dest any, query string, args ...any) (bool, error) {
	if err := tx.flushInserts(); err != nil {
		return false, err
	}
	q, err := tx.prepareStatement(query)
	if err == nil {
		err = q.selectRow(tx.ctx, dest, args...)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, tx.recordError(err)
}

// selectRows reads all rows into dest, a pointer to a slice.
func (tx *tx) selectRows(dest any, query string, args ...any) error {
	if err := tx.flushInserts(); err != nil {
		return err
	}
	q, err := tx.prepareStatement(query)
	if err == nil {
		err = q.selectRows(tx.ctx, dest, args...)
	}
	return tx.recordError(err)
}

// execStatement executes a statement and returns the number of changed rows.
func (tx *tx) execStatement(query string, args ...any) (int64, error) {
	if err := tx.flushInserts(); err != nil {
		return 0, err
	}
	return tx.execWithoutFlush(query, args...)
}

func (tx *tx) execWithoutFlush(query string, args ...any) (int64, error) {
	q, err := tx.prepareStatement(query)
	if err != nil {
		return 0, tx.recordError(err)
	}
	result, err := q.execContext(tx.ctx, args...)
	if err != nil {
		return 0, tx.recordError(err)
	}
	n, err := result.RowsAffected()
	return n, tx.recordError(err)
}

// insertRow inserts a row, possibly later in the transaction and together with others.
func (tx *tx) insertRow(statement string, args ...any) error {
	if !tx.dialect.batchesInserts {
		_, err := tx.execWithoutFlush(statement, args...)
		return err
	}
	tx.pendingInserts = append(tx.pendingInserts, insertion{statement, args})
	if len(tx.pendingInserts) < maxInsertRows {
		return nil
	}
	return tx.flushInserts()
}

// maxInsertRows bounds the rows of one statement. A notification has far fewer; only the import of a list reaches it.
const maxInsertRows = 500

// flushInserts inserts the pending rows in one statement.
func (tx *tx) flushInserts() error {
	if len(tx.pendingInserts) == 0 {
		return nil
	}
	query, args := combineInserts(tx.pendingInserts)
	tx.pendingInserts = tx.pendingInserts[:0]
	_, err := tx.execWithoutFlush(query, args...)
	return err
}

// combineInserts combines insertions into one statement: a common table expression for each distinct statement, in the
// order of first use. PostgreSQL checks foreign keys at the end of the whole statement.
func combineInserts(rows []insertion) (string, []any) {
	var order []string
	byStatement := make(map[string][]insertion)
	for _, r := range rows {
		if byStatement[r.statement] == nil {
			order = append(order, r.statement)
		}
		byStatement[r.statement] = append(byStatement[r.statement], r)
	}
	var b strings.Builder
	var args []any
	for i, statement := range order {
		last := i == len(order)-1
		switch {
		case last && i > 0:
			b.WriteString(" ")
		case !last && i == 0:
			b.WriteString("WITH ")
		case !last:
			b.WriteString(", ")
		}
		if !last {
			fmt.Fprintf(&b, "part%d AS (", i)
		}
		head, tail, _ := strings.Cut(statement, " VALUES ")
		values, onConflict, _ := strings.Cut(tail, " ON ")
		b.WriteString(head + " VALUES " + values)
		for j, row := range byStatement[statement] {
			if j > 0 {
				b.WriteString(", " + values)
			}
			args = append(args, row.args...)
		}
		if onConflict != "" {
			b.WriteString(" ON " + onConflict)
		}
		if !last {
			b.WriteString(")")
		}
	}
	return b.String(), args
}

// recordError records an SQL error and converts it to a problem.
func (tx *tx) recordError(err error) error {
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

func (tx *tx) prepareStatement(query string) (statement, error) {
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

// statementCache holds the prepared statements of one connection.
type statementCache struct {
	conn   *sqlx.Conn
	byText map[string]*sqlx.Stmt
}

// maxPreparedStatements bounds the statements per connection. The program has about 60 fixed statements. A search adds
// one statement for each combination of criteria; those beyond the bound run unprepared.
const maxPreparedStatements = 200

// getOrPrepare returns the prepared statement of a query, or nil when the cache is full.
func (c *statementCache) getOrPrepare(ctx context.Context, query string) (*sqlx.Stmt, error) {
	if prepared, ok := c.byText[query]; ok {
		return prepared, nil
	}
	if len(c.byText) >= maxPreparedStatements {
		return nil, nil
	}
	prepared, err := c.conn.PreparexContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	c.byText[query] = prepared
	return prepared, nil
}

// close finalises the statements and returns the connection to its pool.
func (c *statementCache) close() error {
	var errs []error
	for _, prepared := range c.byText {
		errs = append(errs, prepared.Close())
	}
	return errors.Join(append(errs, c.conn.Close())...)
}
