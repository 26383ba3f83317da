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

	"github.com/openctr/ctr/internal/admin"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/store"
)

// importCommand brings in an extract of an authentic source.
type importCommand struct {
	Kind   string `arg:"" optional:"" help:"devices, persons, professionals, organisations, affiliations, mandates or therapeutic-links."`
	File   string `arg:"" optional:"" help:"CSV file: semicolons, UTF-8, one header line; or the published list of devices as XML."`
	Full   bool   `help:"The file holds everything: what is not in it has ended." xor:"form"`
	Delta  bool   `help:"The file holds what changes; so it is for CSV when nothing is said." xor:"form"`
	Date   string `help:"The day from which on the file tells, unless it says so; today when left out." placeholder:"YYYY-MM-DD"`
	Commit bool   `help:"Do it. Without this, what would change is told."`
	List   bool   `help:"List what was brought in, of KIND or of every kind."`

	registerFlags
	who
}

// registerFlags say where the register is.
type registerFlags struct {
	Data     string `help:"Folder of the service." default:"ctr-data" type:"path" placeholder:"DIR"`
	Database string `help:"PostgreSQL database, postgres://…; the embedded one in DIR when left out." placeholder:"URL"`
	Keys     string `help:"File of the keys under which persons are kept; DIR/keys.json when left out." type:"path" placeholder:"FILE"`
}

// open opens the register as the service does.
func (f registerFlags) open(e environment) (*store.DB, error) {
	db, err := store.Open(e.ctx, store.Config{URL: f.Database, Directory: f.Data, Keys: f.Keys})
	if err != nil {
		return nil, fmt.Errorf("the database: %w", err)
	}
	return db, nil
}

// Run tells what the file changes and, with --commit, brings all of it in or nothing.
func (c *importCommand) Run(e environment) (err error) {
	if !c.List && (c.Kind == "" || c.File == "") {
		return errors.New("name the kind and the file")
	}
	extract, err := c.extract()
	if err != nil {
		return err
	}
	open := c.open
	if !c.Commit && !c.List && c.Database == "" {
		// A dry run makes no register. Where there is none it compares with an empty one.
		if _, missing := os.Stat(filepath.Join(c.Data, "ctr.sqlite")); errors.Is(missing, fs.ErrNotExist) {
			directory, failed := os.MkdirTemp("", "ctrd-import-")
			if failed != nil {
				return fmt.Errorf("a folder for the comparison: %w", failed)
			}
			defer func() { err = errors.Join(err, os.RemoveAll(directory)) }()
			open = registerFlags{Data: directory}.open
		}
	}
	db, err := open(e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if c.List {
		return c.list(e, db)
	}
	importer := admin.Importer{Database: db, Operator: c.operator(db)}
	run, end := importer.Check, "nothing was changed (add --commit to do this)"
	if c.Commit {
		run, end = importer.Commit, "all of this was done"
	}
	report, err := run(e.ctx, extract)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if err = report.Write(e.stdout); err == nil {
		_, err = fmt.Fprintln(e.stdout, end)
	}
	return err
}

func (c *importCommand) extract() (admin.Extract, error) {
	x := admin.Extract{Kind: c.Kind, Name: filepath.Base(c.File), Open: func() (io.ReadCloser, error) { return os.Open(c.File) }}
	switch {
	case c.Full:
		x.Form = admin.FormFull
	case c.Delta:
		x.Form = admin.FormDelta
	}
	if c.Date != "" {
		day, err := ident.ParseDate(c.Date)
		if err != nil {
			return x, fmt.Errorf("--date: %w", err)
		}
		x.Day = day
		return x, nil
	}
	civil, err := time.LoadLocation("Europe/Brussels")
	if err != nil {
		return x, fmt.Errorf("the time zone of Brussels: %w", err)
	}
	x.Day = ident.DateOf(time.Now().In(civil))
	return x, nil
}

// list prints the versions of the sources, oldest first.
func (c *importCommand) list(e environment, db *store.DB) error {
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
		_, err = fmt.Fprintf(e.stdout, "%d  %s  %s  %s%s of %s  %d rows  %s  sha256:%s\n", v.ID, v.LoadedAt.Format(time.RFC3339), v.Kind, v.Form,
			sequence, v.Day, v.Rows, v.Name, hex.EncodeToString(v.Digest))
		if err != nil {
			return err
		}
	}
	return nil
}
