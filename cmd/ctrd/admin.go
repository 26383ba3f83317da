package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/openctr/ctr/internal/operator"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/terminal"
)

// importCommand imports an extract of an authentic source.
type importCommand struct {
	Kind   string `arg:"" optional:"" help:"devices, persons, professionals, organisations, affiliations, mandates or therapeutic-links."`
	File   string `arg:"" optional:"" help:"CSV file (semicolons, UTF-8, one header line) or, for devices, the XML form of the reimbursement list."`
	Full   bool   `help:"Full extract: entries that are not in the file have ended." xor:"form"`
	Delta  bool   `help:"Delta: the file contains only changes. The default for CSV." xor:"form"`
	Date   string `help:"First day for which the extract is valid, unless the file states it; today if omitted." placeholder:"YYYY-MM-DD"`
	Commit bool   `help:"Apply the changes. Without it, only report them."`
	List   bool   `help:"List past imports, of KIND or of every kind."`

	registerFlags
	operatorFlags
}

// databaseFlags locate the database of a register.
type databaseFlags struct {
	Data       string `help:"Data directory of the service." default:"ctr-data" type:"path" placeholder:"DIR"`
	Database   string `help:"PostgreSQL database, postgres://…; the embedded database in DIR if omitted." placeholder:"URL"`
	Unverified bool   `name:"database-unverified" help:"Accept a database on another machine without sslmode=verify-full."`
}

// registerFlags locate the database and the keys of a register.
type registerFlags struct {
	databaseFlags

	Keys string `help:"File with the keys that encrypt personal data. If omitted: keys.json of the systemd credentials or in DIR, or else ${key_file}." type:"path" placeholder:"FILE"`
}

// openStore opens the store as the service does.
func (f registerFlags) openStore(e environment) (*store.DB, error) {
	keys := e.findKeyFile(f.Keys, f.Data)
	db, err := store.Open(e.ctx, store.Config{
		URL: f.Database, AllowUnverified: f.Unverified, Directory: f.Data, KeyFile: keys.path,
		KeyFileMustExist: keys.isDefault, IsCredential: keys.isCredential,
	})
	if err != nil {
		return nil, fmt.Errorf("the database: %w", describeDatabaseError(err))
	}
	return db, nil
}

// Run reports what the file changes and, with --commit, applies all changes in one transaction.
func (c *importCommand) Run(e environment) (err error) {
	if !c.List && (c.Kind == "" || c.File == "") {
		return errors.New("KIND and FILE are required")
	}
	extract, err := c.newExtract()
	if err != nil {
		return err
	}
	open := c.openStore
	if !c.Commit && !c.List && c.Database == "" {
		// A dry run does not create a register. If there is none, it compares with an empty one.
		if _, missing := os.Stat(filepath.Join(c.Data, "ctr.sqlite")); errors.Is(missing, fs.ErrNotExist) {
			directory, tempErr := os.MkdirTemp("", "ctrd-import-")
			if tempErr != nil {
				return fmt.Errorf("create a temporary directory: %w", tempErr)
			}
			defer func() { err = errors.Join(err, os.RemoveAll(directory)) }()
			open = registerFlags{
				databaseFlags: databaseFlags{Data: directory}, Keys: filepath.Join(directory, "keys.json"),
			}.openStore
		}
	}
	db, err := open(e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if c.List {
		return c.listVersions(e, db)
	}
	importer := operator.Importer{Database: db, Operator: c.newOperator(db)}
	run, end := importer.DryRun, "dry run: nothing changed (add --commit to apply)"
	if c.Commit {
		run, end = importer.Commit, "all changes applied"
	}
	report, err := run(e.ctx, extract)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if err = report.Write(e.stdout); err == nil {
		err = terminal.Printf(e.stdout, "%s\n", end)
	}
	return err
}

func (c *importCommand) newExtract() (operator.Extract, error) {
	x := operator.Extract{
		Kind: c.Kind,
		Name: filepath.Base(c.File),
		Open: func() (io.ReadCloser, error) { return os.Open(c.File) },
	}
	switch {
	case c.Full:
		x.Form = operator.FormFull
	case c.Delta:
		x.Form = operator.FormDelta
	}
	if c.Date != "" {
		var err error
		x.Day, err = parseDay("--date", c.Date)
		return x, err
	}
	x.Day = currentDay()
	return x, nil
}

// listVersions prints the imported versions of the sources, oldest first.
func (c *importCommand) listVersions(e environment, db *store.DB) error {
	versions, err := db.SourceVersions(e.ctx, c.Kind)
	if err != nil {
		return fmt.Errorf("the database: %w", err)
	}
	for i := range versions {
		v := &versions[i]
		sequence := ""
		if v.Sequence > 0 {
			sequence = fmt.Sprintf(" %d", v.Sequence)
		}
		err = terminal.Printf(e.stdout, "%d  %s  %s  %s%s of %s  %d rows  %s  sha256:%s\n",
			v.ID, v.LoadedAt.Format(time.RFC3339), v.Kind, v.Format,
			sequence, v.AsOf, v.Rows, v.Name, hex.EncodeToString(v.Digest))
		if err != nil {
			return err
		}
	}
	return nil
}
