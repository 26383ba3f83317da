package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/openctr/ctr/cmd/internal/cli"
	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/durable"
	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/store/backup"
	"github.com/openctr/ctr/internal/terminal"
)

func (f databaseFlags) locateDatabase() backup.Database {
	return backup.Database{URL: f.Database, AllowUnverified: f.Unverified, Directory: f.Data}
}

// backupCommand makes a backup while the service runs.
type backupCommand struct {
	To string `arg:"" type:"path" help:"Folder in which the backup gets a folder of its own, ctr-DATE-TIME."`

	databaseFlags
}

// Run makes the backup, and notes in the data directory when, for the service's metrics.
func (c *backupCommand) Run(e environment, program cli.Program) error {
	now := time.Now()
	if err := os.MkdirAll(c.To, 0o700); err != nil {
		return fmt.Errorf("create the folder: %w", err)
	}
	folder := filepath.Join(c.To, "ctr-"+now.UTC().Format("20060102-150405"))
	manifest, err := backup.Make(e.ctx, c.locateDatabase(), folder, program.Version, now)
	if err != nil {
		return err
	}
	if err = service.NoteInstant(c.Data, service.LastBackupFileName, manifest.BegunAt); err != nil {
		return fmt.Errorf("the backup is complete, but its time was not noted: %w", err)
	}
	return terminal.Printf(e.stdout, "%s\n%s\nThe key file is not in it: keep a copy of that elsewhere.\n",
		folder, describeBackup(&manifest))
}

func describeBackup(m *backup.Manifest) string {
	var size int64
	for _, f := range m.Files {
		size += f.Size
	}
	return fmt.Sprintf("backup of %s, %s; versions of notifications: %d, audit events: %d, bytes: %d",
		m.BegunAt.Format(time.RFC3339), m.Database, m.Rows["notification"], m.Rows["audit"], size)
}

// restoreCommand puts a backup into an empty data directory or database.
type restoreCommand struct {
	Folder string `arg:"" type:"path" help:"Folder of the backup."`

	databaseFlags
}

// Run restores the backup.
func (c *restoreCommand) Run(e environment) error {
	manifest, err := backup.Restore(e.ctx, c.Folder, c.locateDatabase())
	if err != nil {
		return err
	}
	return terminal.Printf(e.stdout,
		"restored: %s\nPut the key file back, start the service, and run ctrd admin verify.\n", describeBackup(&manifest))
}

// rehearseCommand restores a backup elsewhere and verifies it.
type rehearseCommand struct {
	Folder     string `arg:"" type:"path" help:"Folder of the backup."`
	Database   string `help:"Empty PostgreSQL database for the rehearsal, postgres://…, for a backup of PostgreSQL. Drop it afterwards." placeholder:"URL"`
	Unverified bool   `name:"database-unverified" help:"Accept a database on another machine without sslmode=verify-full."`
	Keys       string `required:"" help:"Copy of the key file. It is not changed." type:"path" placeholder:"FILE"`
	Anchor     string `name:"checkpoints" help:"Anchor file; that of the backup if omitted." type:"path" placeholder:"FILE"`
}

// Run restores the backup into a temporary directory, or into the database, and verifies all of it there.
func (c *rehearseCommand) Run(e environment) (err error) {
	directory, err := os.MkdirTemp("", "ctrd-rehearsal-")
	if err != nil {
		return fmt.Errorf("create a temporary directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(directory)) }()
	flags := databaseFlags{Data: directory, Database: c.Database, Unverified: c.Unverified}
	manifest, err := backup.Restore(e.ctx, c.Folder, flags.locateDatabase())
	if err != nil {
		return err
	}
	if err = terminal.Printf(e.stdout, "restored: %s\n", describeBackup(&manifest)); err != nil {
		return err
	}
	keys, err := os.ReadFile(c.Keys)
	if err != nil {
		return fmt.Errorf("the key file: %w", err)
	}
	copied := filepath.Join(directory, "keys.json")
	if err = durable.Create(copied, keys); err != nil {
		return fmt.Errorf("the key file: %w", err)
	}
	verify := verifyRegisterCommand{Fast: true}
	verify.registerFlags = registerFlags{databaseFlags: flags, Keys: copied}
	verify.Checkpoints = cmp.Or(c.Anchor, filepath.Join(directory, auditlog.AnchorFileName))
	return verify.Run(e)
}
