package engine

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/lib/pq"
)

// PostgreSQL plans a statement each time it gets its text, which costs more than running it. So each connection keeps
// its statements prepared on the server. A pooler in transaction mode gives each transaction another connection of the
// server: it has to know prepared statements (PgBouncer from 1.21), or the URL turns them off.

// preparedStatements holds the statements that one connection has prepared. It is used by one goroutine at a time, as
// the connection is.
type preparedStatements struct {
	conn   driver.ConnPrepareContext
	byText map[string]preparedStatement
}

// preparedStatement is what database/sql uses of a statement.
type preparedStatement interface {
	driver.Stmt
	driver.StmtQueryContext
	driver.StmtExecContext
}

// getOrPrepare returns the prepared statement of a text, or nil if it is to run unprepared.
func (p *preparedStatements) getOrPrepare(ctx context.Context, text string) (preparedStatement, error) {
	if p == nil {
		return nil, nil //nolint:nilnil // runs unprepared
	}
	if known, ok := p.byText[text]; ok || len(p.byText) >= maxPreparedStatements {
		return known, nil
	}
	prepared, err := p.conn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	usable, ok := prepared.(preparedStatement)
	if !ok {
		return nil, errors.Join(errors.New("the driver lacks a method that the engine needs"), prepared.Close())
	}
	p.byText[text] = usable
	return usable, nil
}

// Error codes of PostgreSQL about statements that were prepared.
const (
	statementMissing = "26000"
	statementExists  = "42P05"
	notSupported     = "0A000"
)

// isStatementLost reports whether the server does not have the statement that this connection prepared, or has another
// one of the same name. The next connection prepares its own.
func isStatementLost(err error) bool {
	failure, ok := errors.AsType[*pq.Error](err)
	return ok && (failure.Code == statementMissing || failure.Code == statementExists)
}

// isPlanStale reports whether a table has changed since the statement was prepared, so that its columns have other
// types: an upgrade ran beside this service.
func isPlanStale(err error) bool {
	failure, ok := errors.AsType[*pq.Error](err)
	return ok && failure.Code == notSupported && failure.Routine == "RevalidateCachedQuery"
}

// errPooler says why the service does not start.
var errPooler = errors.New("what stands between this service and PostgreSQL loses prepared statements; " +
	"use PgBouncer 1.21 or later with max_prepared_statements, or add prepared_statements=off to the database URL")

// checkPooler uses two connections in turn. Behind a pooler that gives both the same connection of the server and does
// not know prepared statements, their statements collide.
func (p *postgresEngine) checkPooler(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	one, err := p.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	defer func() { _ = one.Close() }()
	other, err := p.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	defer func() { _ = other.Close() }()
	for range 2 {
		for i, conn := range []*sql.Conn{one, other} {
			var got int
			err := conn.QueryRowContext(ctx, fmt.Sprintf(`SELECT %d + CAST($1 AS integer)`, i), 0).Scan(&got)
			if isStatementLost(err) || err == nil && got != i {
				return errPooler
			}
			if err != nil {
				return fmt.Errorf("database: %w", err)
			}
		}
	}
	return nil
}
