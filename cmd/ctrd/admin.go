package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/openctr/ctr/internal/admin"
	"github.com/openctr/ctr/internal/store"
)

// importCommand brings in an extract of an authentic source.
type importCommand struct {
	Kind     string `arg:"" help:"devices, persons, professionals, organisations, affiliations, mandates or therapeutic-links."`
	File     string `arg:"" help:"CSV file: semicolons, UTF-8, one header line." type:"existingfile"`
	Commit   bool   `help:"Do it. Without this the file is only checked."`
	Data     string `help:"Folder of the service." default:"ctr-data" type:"path" placeholder:"DIR"`
	Database string `help:"PostgreSQL database, postgres://…; the embedded one in DIR when left out." placeholder:"URL"`
}

// Run checks the file and, with --commit, loads all of it or nothing.
func (c *importCommand) Run(e environment) (err error) {
	file, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("the file: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var all store.Sources
	n, err := admin.Read(c.Kind, file, &all)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if !c.Commit {
		_, err = fmt.Fprintf(e.stdout, "%d %s read without a fault; nothing was changed (add --commit to load them)\n", n, c.Kind)
		return err
	}
	db, err := store.Open(e.ctx, store.Config{URL: c.Database, Directory: c.Data})
	if err != nil {
		return fmt.Errorf("the database: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err = db.Load(e.ctx, all); err != nil {
		return fmt.Errorf("the database: %w", err)
	}
	_, err = fmt.Fprintf(e.stdout, "%d %s loaded\n", n, c.Kind)
	return err
}
