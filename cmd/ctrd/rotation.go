package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/openctr/ctr/internal/operator"
	"github.com/openctr/ctr/internal/store"
)

// keysCommands change the keys that encrypt personal data, while the service runs: add, rotate, retire.
type keysCommands struct {
	Add    addKeyCommand    `cmd:"" help:"Add a new key to the key file. Nothing is encrypted with it yet: copy the file to every node."`
	Rotate rotateKeyCommand `cmd:"" help:"Re-encrypt all personal data with the newest key in the key file. If interrupted, run it again."`
	Retire retireKeyCommand `cmd:"" help:"Remove an unused key from the key file."`
}

type addKeyCommand struct {
	registerFlags
	operatorFlags
}

// Run adds a key and prints its ID.
func (c *addKeyCommand) Run(e environment) error {
	return c.runKeyCommand(e, c.operatorFlags, "add", func(db *store.DB) (string, error) {
		id, err := db.AddKey(e.ctx)
		return fmt.Sprintf("added the key %s; copy the key file to every node, then run: ctrd admin keys rotate", id), err
	})
}

type rotateKeyCommand struct {
	registerFlags
	operatorFlags
}

// Run re-encrypts personal data with the newest key.
func (c *rotateKeyCommand) Run(e environment) error {
	return c.runKeyCommand(e, c.operatorFlags, "rotate", func(db *store.DB) (string, error) {
		n, err := db.RotateKeys(e.ctx)
		return fmt.Sprintf("%d persons re-encrypted with the newest key", n), err
	})
}

type retireKeyCommand struct {
	ID string `arg:"" help:"ID of the key in the key file."`

	registerFlags
	operatorFlags
}

// Run removes a key from the key file.
func (c *retireKeyCommand) Run(e environment) error {
	return c.runKeyCommand(e, c.operatorFlags, "retire", func(db *store.DB) (string, error) {
		return fmt.Sprintf("removed the key %s from the key file", c.ID), db.RetireKey(e.ctx, c.ID)
	})
}

// runKeyCommand changes the keys and prints the message that change returns. It records the action before the change
// and seals the audit log after it, so that a checkpoint hands over from an old key to the next before the old one is
// retired.
func (f registerFlags) runKeyCommand(
	e environment, identity operatorFlags, detail string, change func(*store.DB) (string, error),
) (err error) {
	db, err := f.openStore(e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err = identity.newOperator(db).RecordActions(
		e.ctx, operator.Action{Operation: operator.ActionKeys, Detail: detail},
	); err != nil {
		return err
	}
	message, err := change(db)
	if err == nil {
		err = operator.SealAuditLog(e.ctx, db, f.Data, time.Now())
	}
	if err != nil {
		return fmt.Errorf("the keys: %w", err)
	}
	_, err = fmt.Fprintln(e.stdout, message)
	return err
}
