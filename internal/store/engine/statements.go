package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
)

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
