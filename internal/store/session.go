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
type session struct {
	ctx     context.Context // of this transaction only
	on      querier
	dialect *dialect
	// statements holds the connection's prepared statements; nil where none may outlive a transaction.
	prepared *statements
	// numbers holds the sequence numbers that a transaction of the group committer has issued; SQLite only.
	numbers numbers
	// sourceCache is nil in a writing transaction. cacheEpoch is its epoch in this transaction's snapshot.
	memory     *memory
	marked     bool
	sourceMark string
	// identities belongs to the process, txIdentities to this transaction.
	*persons
	known
	// currentKeyID is the key that sealed new pseudonyms at the transaction's last lookup of an SSIN.
	currentKey string
	// storedPatients are the pseudonym ids of the patients of the versions that this transaction stored.
	keptAbout map[version]int64
	// pendingInserts are delayed rows, where the dialect batches inserts.
	pending []insertion
	// attemptID is random and identifies this attempt to commit. replayKey is one that it recorded.
	attempt []byte
	mark    []byte
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
func (tx *session) run(f func(*session) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = problem.Wrap(problem.InternalError, fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
		}
	}()
	if err = f(tx); err == nil {
		err = tx.flush()
	}
	if tx.err != nil {
		return tx.dialect.problem(tx.err)
	}
	return err
}

// selectRow reads one row into dest, and reports whether there was one.
func (tx *session) get(dest any, query string, args ...any) (bool, error) {
	if err := tx.flush(); err != nil {
		return false, err
	}
	q, err := tx.statement(query)
	if err == nil {
		err = q.get(tx.ctx, dest, args...)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, tx.fail(err)
}

// selectRows reads all rows into dest, a pointer to a slice.
func (tx *session) all(dest any, query string, args ...any) error {
	if err := tx.flush(); err != nil {
		return err
	}
	q, err := tx.statement(query)
	if err == nil {
		err = q.all(tx.ctx, dest, args...)
	}
	return tx.fail(err)
}

// execStatement executes a statement and returns the number of changed rows.
func (tx *session) exec(query string, args ...any) (int64, error) {
	if err := tx.flush(); err != nil {
		return 0, err
	}
	return tx.change(query, args...)
}

func (tx *session) change(query string, args ...any) (int64, error) {
	q, err := tx.statement(query)
	if err != nil {
		return 0, tx.fail(err)
	}
	result, err := q.exec(tx.ctx, args...)
	if err != nil {
		return 0, tx.fail(err)
	}
	n, err := result.RowsAffected()
	return n, tx.fail(err)
}

// insertRow inserts a row, possibly later in the transaction and together with others.
func (tx *session) insert(statement string, args ...any) error {
	if !tx.dialect.groups {
		_, err := tx.change(statement, args...)
		return err
	}
	tx.pending = append(tx.pending, insertion{statement, args})
	if len(tx.pending) < groupedRows {
		return nil
	}
	return tx.flush()
}

// maxInsertRows bounds the rows of one statement. A notification has far fewer; only the import of a list reaches it.
const groupedRows = 500

// flushInserts inserts the pending rows in one statement.
func (tx *session) flush() error {
	if len(tx.pending) == 0 {
		return nil
	}
	query, args := group(tx.pending)
	tx.pending = tx.pending[:0]
	_, err := tx.change(query, args...)
	return err
}

// combineInserts combines insertions into one statement: a common table expression for each distinct statement, in the
// order of first use. PostgreSQL checks foreign keys at the end of the whole statement.
func group(rows []insertion) (string, []any) {
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
func (tx *session) fail(err error) error {
	if err == nil {
		return nil
	}
	if tx.err == nil {
		tx.err = err
	}
	return tx.dialect.problem(err)
}

// statement is a query that is ready to run on a connection.
type statement struct {
	on       querier
	text     string
	prepared *sqlx.Stmt // preferred to text when not nil
}

func (tx *session) statement(query string) (statement, error) {
	if tx.prepared == nil {
		return statement{on: tx.on, text: sqlx.Rebind(tx.dialect.bind, query)}, nil
	}
	prepared, err := tx.prepared.of(tx.ctx, query)
	return statement{on: tx.on, text: query, prepared: prepared}, err
}

func (q statement) get(ctx context.Context, dest any, args ...any) error {
	if q.prepared != nil {
		return q.prepared.GetContext(ctx, dest, args...)
	}
	return q.on.GetContext(ctx, dest, q.text, args...)
}

func (q statement) all(ctx context.Context, dest any, args ...any) error {
	if q.prepared != nil {
		return q.prepared.SelectContext(ctx, dest, args...)
	}
	return q.on.SelectContext(ctx, dest, q.text, args...)
}

func (q statement) exec(ctx context.Context, args ...any) (sql.Result, error) {
	if q.prepared != nil {
		return q.prepared.ExecContext(ctx, args...)
	}
	return q.on.ExecContext(ctx, q.text, args...)
}

// statementCache holds the prepared statements of one connection.
type statements struct {
	conn   *sqlx.Conn
	byText map[string]*sqlx.Stmt
}

// maxPreparedStatements bounds the statements per connection. The program has about 60 fixed statements. A search adds
// one statement for each combination of criteria; those beyond the bound run unprepared.
const preparedStatements = 200

// getOrPrepare returns the prepared statement of a query, or nil when the cache is full.
func (c *statements) of(ctx context.Context, query string) (*sqlx.Stmt, error) {
	if prepared, ok := c.byText[query]; ok {
		return prepared, nil
	}
	if len(c.byText) >= preparedStatements {
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
func (c *statements) close() error {
	var errs []error
	for _, prepared := range c.byText {
		errs = append(errs, prepared.Close())
	}
	return errors.Join(append(errs, c.conn.Close())...)
}
