package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/openctr/ctr/internal/operator"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/terminal"
)

// keysCommands change the keys that encrypt personal data, while the service runs: add, rotate, reseal, retire.
type keysCommands struct {
	Create createKeyFileCommand `cmd:"" help:"Create the key file of a new register."`
	Add    addKeyCommand        `cmd:"" help:"Add a new key to the key file. Nothing is encrypted with it yet: copy the file to every node."`
	Rotate rotateKeyCommand     `cmd:"" help:"Encrypt the persons, and all texts to come, with the newest key in the key file. If interrupted, run it again."`
	Reseal resealCommand        `cmd:"" help:"Re-encrypt the texts from before the rotation, so that former keys open none of them. If interrupted, run it again."`
	Retire retireKeyCommand     `cmd:"" help:"Remove an unused key from the key file."`
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

// Run encrypts the persons, and all texts to come, with the newest key.
func (c *rotateKeyCommand) Run(e environment) error {
	return c.runKeyCommand(e, c.operatorFlags, "rotate", func(db *store.DB) (string, error) {
		n, err := db.RotateKeys(e.ctx)
		return fmt.Sprintf("%d pseudonyms encrypted with the newest key, as will be all new texts; "+
			"for those that are there, run: ctrd admin keys reseal", n), err
	})
}

type resealCommand struct {
	registerFlags
	operatorFlags
}

// Run re-encrypts the texts from before the rotation.
func (c *resealCommand) Run(e environment) error {
	return c.runKeyCommand(e, c.operatorFlags, "reseal", func(db *store.DB) (string, error) {
		n, err := db.ResealTexts(e.ctx)
		return fmt.Sprintf("%d texts re-encrypted; those of the audit log stay, because its hash chain covers them", n), err
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
	err = terminal.Printf(e.stdout, "%s\n", message)
	return err
}
