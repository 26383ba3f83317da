package main

import (
	"errors"
	"fmt"

	"github.com/openctr/ctr/internal/admin"
	"github.com/openctr/ctr/internal/store"
)

// keysCommands change the keys under which persons are kept, while the service runs: add, rotate, retire.
type keysCommands struct {
	Add    addKeyCommand    `cmd:"" help:"Put a new key into the key file. Nothing is kept under it yet: give the file to every node."`
	Rotate rotateKeyCommand `cmd:"" help:"Keep everybody under the newest key of the key file. Broken off, it can be run again."`
	Retire retireKeyCommand `cmd:"" help:"Take a key out of the key file, under which nobody is kept any more."`
}

type addKeyCommand struct {
	registerFlags
	who
}

// Run adds a key and says its name.
func (c *addKeyCommand) Run(e environment) error {
	return c.with(e, c.who, "add", func(db *store.DB) (string, error) {
		id, err := db.AddKey(e.ctx)
		return fmt.Sprintf("added the key %s; give the key file to every node, then run: ctrd admin keys rotate", id), err
	})
}

type rotateKeyCommand struct {
	registerFlags
	who
}

// Run rotates.
func (c *rotateKeyCommand) Run(e environment) error {
	return c.with(e, c.who, "rotate", func(db *store.DB) (string, error) {
		n, err := db.RotateKeys(e.ctx)
		return fmt.Sprintf("%d persons moved to the newest key", n), err
	})
}

type retireKeyCommand struct {
	ID string `arg:"" help:"The key's id in the key file."`

	registerFlags
	who
}

// Run retires a key.
func (c *retireKeyCommand) Run(e environment) error {
	return c.with(e, c.who, "retire", func(db *store.DB) (string, error) {
		return fmt.Sprintf("the key %s is needed no more, and gone from the key file", c.ID), db.RetireKey(e.ctx, c.ID)
	})
}

// with does something to the keys and prints what it says of itself. It is recorded first, and sealed afterwards: so a key
// that is about to be retired has handed over to the next one.
func (f registerFlags) with(e environment, by who, detail string, act func(*store.DB) (string, error)) (err error) {
	db, err := f.open(e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err = by.operator(db).Record(e.ctx, admin.Act{Operation: admin.ActKeys, Detail: detail}); err != nil {
		return err
	}
	said, err := act(db)
	if err == nil {
		err = f.seal(e, db)
	}
	if err != nil {
		return fmt.Errorf("the keys: %w", err)
	}
	_, err = fmt.Fprintln(e.stdout, said)
	return err
}
