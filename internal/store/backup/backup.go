// Package backup copies the database of a register while the service runs, and puts a copy back.
//
// A backup is a folder with the copy, the anchor file of the audit log, and a manifest that says what the copy holds
// and which bytes each file has. The key file is never in it: whoever has both reads everything.
//
// It is separate from package store because it must work on any schema, also before an upgrade. Make and Restore are
// the entry points.
package backup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/durable"
	"github.com/openctr/ctr/internal/store/engine"
)

// Database is where a register is.
type Database struct {
	URL             string // of PostgreSQL; when empty, the database is an SQLite file in Directory
	AllowUnverified bool   // permits a PostgreSQL server on another machine without sslmode=verify-full
	Directory       string // data directory: the SQLite file and the anchor file
}

func (d Database) isPostgres() bool { return engine.IsPostgresURL(d.URL) }

func (d Database) openDatabase() (*sql.DB, error) {
	db, err := engine.OpenUnmigrated(engine.Config{
		URL: d.URL, AllowUnverified: d.AllowUnverified, Directory: d.Directory,
	})
	if err != nil {
		return nil, fmt.Errorf("the database: %w", err)
	}
	return db, nil
}

// Names of the files of a backup.
const (
	manifestName   = "backup.json"
	sqliteFileName = "ctr.sqlite"
	dumpFileName   = "ctr.pgdump"
)

// Make creates the folder and a backup in it. The folder has its name only when the backup is complete and on disk.
// What was acknowledged before the call is in the backup.
func Make(ctx context.Context, source Database, folder, program string, at time.Time) (Manifest, error) {
	manifest := Manifest{Format: manifestFormat, Program: program, BegunAt: at.UTC().Truncate(time.Second)}
	if _, err := os.Lstat(folder); !errors.Is(err, fs.ErrNotExist) {
		return manifest, fmt.Errorf("%s exists already", folder)
	}
	db, err := source.openDatabase()
	if err != nil {
		return manifest, err
	}
	defer func() { _ = db.Close() }()
	partial := folder + ".partial"
	if err = os.Mkdir(partial, 0o700); err != nil {
		return manifest, fmt.Errorf("create the folder: %w", err)
	}
	if err = makeIn(ctx, source, db, partial, &manifest); err == nil {
		err = os.Rename(partial, folder)
	}
	if err != nil {
		return manifest, errors.Join(err, os.RemoveAll(partial))
	}
	return manifest, durable.SyncDirectory(filepath.Dir(folder))
}

// makeIn fills a folder. The anchor file comes first: checkpoints that the copy of the database lacks would look like a
// loss.
func makeIn(ctx context.Context, source Database, db *sql.DB, folder string, manifest *Manifest) error {
	anchor := filepath.Join(source.Directory, auditlog.AnchorFileName)
	switch err := copyFile(anchor, filepath.Join(folder, auditlog.AnchorFileName), nil); {
	case err == nil:
		manifest.Files = append(manifest.Files, File{Name: auditlog.AnchorFileName})
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the anchor file: %w", err)
	}
	if source.isPostgres() {
		manifest.Database = postgresKind
		manifest.Files = append(manifest.Files, File{Name: dumpFileName})
		if err := dumpPostgres(ctx, source, db, filepath.Join(folder, dumpFileName), manifest); err != nil {
			return err
		}
	} else {
		manifest.Database = sqliteKind
		manifest.Files = append(manifest.Files, File{Name: sqliteFileName})
		if err := copySQLite(ctx, db, folder, manifest); err != nil {
			return err
		}
	}
	for i := range manifest.Files {
		if err := manifest.Files[i].measureContent(folder); err != nil {
			return err
		}
	}
	if err := manifest.writeTo(folder); err != nil {
		return fmt.Errorf("the manifest: %w", err)
	}
	return durable.SyncDirectory(folder)
}

// Restore puts a backup into an empty database, after it has checked every byte of it, and compares what is there then
// with what was there when the backup was made. It leaves an anchor file that is there already, which is newer.
func Restore(ctx context.Context, folder string, target Database) (Manifest, error) {
	manifest, err := Read(folder)
	if err != nil {
		return manifest, err
	}
	if kind := target.findKind(); kind != manifest.Database {
		return manifest, fmt.Errorf("the backup is one of %s, and the target is %s", manifest.Database, kind)
	}
	if target.Directory != "" {
		if err = os.MkdirAll(target.Directory, 0o700); err != nil {
			return manifest, fmt.Errorf("data directory: %w", err)
		}
	}
	if target.isPostgres() {
		err = restoreDump(ctx, folder, target)
	} else {
		err = restoreSQLite(folder, &manifest, target)
	}
	if err == nil {
		err = compareRows(ctx, target, &manifest)
	}
	if err == nil {
		err = restoreAnchor(folder, &manifest, target)
	}
	return manifest, err
}

func (d Database) findKind() string {
	if d.isPostgres() {
		return postgresKind
	}
	return sqliteKind
}

func restoreAnchor(folder string, manifest *Manifest, target Database) error {
	file, hasAnchor := manifest.findFile(auditlog.AnchorFileName)
	if !hasAnchor || target.Directory == "" {
		return nil
	}
	name := filepath.Join(target.Directory, auditlog.AnchorFileName)
	err := copyFile(filepath.Join(folder, file.Name), name, &file)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("the anchor file: %w", err)
	}
	return nil
}

// compareRows counts the rows of the restored tables.
func compareRows(ctx context.Context, target Database, manifest *Manifest) error {
	db, err := target.openDatabase()
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	restored, err := countRows(ctx, db, target.isPostgres())
	if err != nil {
		return err
	}
	for name, want := range manifest.Rows {
		if got, exists := restored[name]; !exists || got != want {
			return fmt.Errorf("the table %s has %d rows after the restore, and had %d", name, got, want)
		}
	}
	if len(restored) != len(manifest.Rows) {
		return fmt.Errorf("there are %d tables after the restore, and were %d", len(restored), len(manifest.Rows))
	}
	return nil
}
