package engine

import (
	"context"
	"errors"

	"github.com/openctr/ctr/internal/store/engine/rights"
)

// ErrNoRoles means that the engine has no roles: who can write to the file of SQLite can do everything.
var ErrNoRoles = errors.New("only PostgreSQL has roles")

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
		var tables []rights.Table
		if err := tx.SelectRows(&tables, rights.SelectTables); err != nil {
			return err
		}
		for _, statement := range rights.GrantStatements(tables, schema, role) {
			if _, err := tx.ExecStatement(statement); err != nil {
				return err
			}
		}
		return nil
	})
}
