package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/lib/pq"
)

// ErrNoRoles means that the engine has no roles: who can write to the file of SQLite can do everything.
var ErrNoRoles = errors.New("only PostgreSQL has roles")

type grantedTable struct {
	Name         string `db:"name"`
	IsAppendOnly bool   `db:"append_only"`
}

// Tables that are append-only are those with the trigger.
const selectTables = `SELECT CAST(c.relname AS text) AS name, EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid
	AND t.tgname LIKE '%append_only') AS append_only FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = current_schema() AND c.relkind = 'r' ORDER BY c.relname`

// GrantTo gives a role what the service needs, and nothing else: it cannot change or delete rows of tables that are
// append-only, nor their triggers. The role that migrates the schema owns the tables and calls this.
func (db *DB) GrantTo(ctx context.Context, role string) error {
	return db.Write(ctx, func(tx *Tx) error {
		if tx.Kind() != PostgreSQL {
			return tx.RecordError(ErrNoRoles)
		}
		var schema string
		if _, err := tx.SelectRow(&schema, `SELECT CAST(current_schema() AS text)`); err != nil {
			return err
		}
		var tables []grantedTable
		if err := tx.SelectRows(&tables, selectTables); err != nil {
			return err
		}
		to, in := ` TO `+pq.QuoteIdentifier(role), pq.QuoteIdentifier(schema)
		statements := []string{`GRANT USAGE ON SCHEMA ` + in + to, `GRANT USAGE ON ALL SEQUENCES IN SCHEMA ` + in + to}
		for _, table := range tables {
			name := pq.QuoteIdentifier(table.Name)
			statements = append(statements, `REVOKE ALL ON `+name+` FROM `+pq.QuoteIdentifier(role),
				fmt.Sprintf(`GRANT %s ON %s%s`, table.privileges(), name, to))
		}
		for _, statement := range statements {
			if _, err := tx.ExecStatement(statement); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t grantedTable) privileges() string {
	switch {
	case t.Name == "goose_db_version" || t.Name == "resealing": // the owner migrates, and seals texts anew
		return `SELECT`
	case t.IsAppendOnly:
		return `SELECT, INSERT`
	}
	return `SELECT, INSERT, UPDATE, DELETE`
}
