package main

import (
	"errors"
	"fmt"
)

// migrateCommand migrates the schema under a role that owns the tables, so that the service needs none of its rights.
type migrateCommand struct {
	registerFlags
	RuntimeRole string `help:"Role of PostgreSQL that the service uses. It gets what the service needs: no right to change or delete what is append-only." placeholder:"ROLE"`
}

// Run migrates the schema, as opening the register does, and grants the rights.
func (c *migrateCommand) Run(e environment) (err error) {
	db, err := c.openStore(e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if c.RuntimeRole == "" {
		return nil
	}
	if err = db.GrantTo(e.ctx, c.RuntimeRole); err != nil {
		return fmt.Errorf("--runtime-role: %w", err)
	}
	return nil
}
