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

// session runs SQL in the transaction that is open on a connection.
type session struct {
	ctx     context.Context // of this transaction only
	on      querier
	dialect *dialect
	// prepared are the connection's prepared statements; nil where none may outlive a transaction.
	prepared *statements
	// numbers are the running numbers that the writer's transaction has given; of SQLite only.
	numbers numbers
	// memory is of the authentic sources, under the mark that they have in this view; nil where nothing is remembered.
	memory     *memory
	marked     bool
	sourceMark string
	// persons are all of whom this process knows how to find and unseal, and known those that this session met.
	*persons
	known
	// currentKey is the one under which subjects were kept when the session last looked a number up.
	currentKey string
	// keptAbout are the patients of the versions that this session kept.
	keptAbout map[version]int64
	// pending are rows that wait to be inserted, where each statement costs a round trip.
	pending []insertion
	// attempt tells this attempt to commit from every other, and mark is a message that it used.
	attempt []byte
	mark    []byte
	// err is the first failure of SQL. A transaction with a failure is never committed, even when the function that
	// runs in it returns nil.
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

// run calls f. A panic in it is our fault and nobody else's: it ends this transaction, not the program.
func (s *session) run(f func(*session) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = problem.Wrap(problem.InternalError, fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
		}
	}()
	if err = f(s); err == nil {
		err = s.flush()
	}
	if s.err != nil {
		return s.dialect.problem(s.err)
	}
	return err
}

// get reads one row into dest, and reports whether there was one.
func (s *session) get(dest any, query string, args ...any) (bool, error) {
	if err := s.flush(); err != nil {
		return false, err
	}
	q, err := s.statement(query)
	if err == nil {
		err = q.get(s.ctx, dest, args...)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, s.fail(err)
}

// all reads every row into dest, a pointer to a slice.
func (s *session) all(dest any, query string, args ...any) error {
	if err := s.flush(); err != nil {
		return err
	}
	q, err := s.statement(query)
	if err == nil {
		err = q.all(s.ctx, dest, args...)
	}
	return s.fail(err)
}

// exec changes rows and returns how many.
func (s *session) exec(query string, args ...any) (int64, error) {
	if err := s.flush(); err != nil {
		return 0, err
	}
	return s.change(query, args...)
}

func (s *session) change(query string, args ...any) (int64, error) {
	q, err := s.statement(query)
	if err != nil {
		return 0, s.fail(err)
	}
	result, err := q.exec(s.ctx, args...)
	if err != nil {
		return 0, s.fail(err)
	}
	n, err := result.RowsAffected()
	return n, s.fail(err)
}

// insert appends a row. It may happen later in the transaction, together with others.
func (s *session) insert(statement string, args ...any) error {
	if !s.dialect.groups {
		_, err := s.change(statement, args...)
		return err
	}
	s.pending = append(s.pending, insertion{statement, args})
	if len(s.pending) < groupedRows {
		return nil
	}
	return s.flush()
}

// groupedRows bounds a statement. A notification has far fewer rows; only loading a list comes to it.
const groupedRows = 500

// flush inserts the rows that wait, all in one statement.
func (s *session) flush() error {
	if len(s.pending) == 0 {
		return nil
	}
	query, args := group(s.pending)
	s.pending = s.pending[:0]
	_, err := s.change(query, args...)
	return err
}

// group makes one statement of many insertions: a common table expression for each table, in the order in which the
// tables come first. PostgreSQL checks foreign keys when the whole statement is done.
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

// fail remembers a failure of SQL and makes it a problem.
func (s *session) fail(err error) error {
	if err == nil {
		return nil
	}
	if s.err == nil {
		s.err = err
	}
	return s.dialect.problem(err)
}

// statement is a query that is ready to run.
type statement struct {
	on       querier
	text     string
	prepared *sqlx.Stmt // used when there is one
}

func (s *session) statement(query string) (statement, error) {
	if s.prepared == nil {
		return statement{on: s.on, text: sqlx.Rebind(s.dialect.bind, query)}, nil
	}
	prepared, err := s.prepared.of(s.ctx, query)
	return statement{on: s.on, text: query, prepared: prepared}, err
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

// statements are the prepared statements of one connection.
type statements struct {
	conn   *sqlx.Conn
	byText map[string]*sqlx.Stmt
}

// preparedStatements bounds what a connection keeps. The program has some sixty fixed statements; beside them a search
// has one form for each combination of its criteria, and the rare ones run unprepared.
const preparedStatements = 200

// of returns the prepared statement of a query, or nil when the connection keeps enough of them.
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

// close finalises the statements and gives the connection back.
func (c *statements) close() error {
	var errs []error
	for _, prepared := range c.byText {
		errs = append(errs, prepared.Close())
	}
	return errors.Join(append(errs, c.conn.Close())...)
}
