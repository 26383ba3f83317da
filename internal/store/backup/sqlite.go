package backup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/openctr/ctr/internal/durable"
)

// copySQLite copies one consistent state of the database. Unlike SQLite's online backup, VACUUM INTO does not begin
// again when somebody writes, and it does not stop the writers.
func copySQLite(ctx context.Context, db *sql.DB, folder string, manifest *Manifest) error {
	name := filepath.Join(folder, sqliteFileName)
	if _, err := db.ExecContext(ctx, `VACUUM INTO ?`, name); err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	if err := os.Chmod(name, 0o600); err != nil {
		return err
	}
	if err := checkCopy(ctx, folder, manifest); err != nil {
		return err
	}
	file, err := os.OpenFile(name, os.O_RDWR, 0) //nolint:gosec // a fixed name in the operator's folder
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// checkCopy reads every page of the copy, and counts its rows.
func checkCopy(ctx context.Context, folder string, manifest *Manifest) error {
	copied, err := Database{Directory: folder}.openDatabase()
	if err != nil {
		return err
	}
	defer func() { _ = copied.Close() }()
	var result string
	if err = copied.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&result); err != nil {
		return fmt.Errorf("check the copy: %w", err)
	}
	if result != "ok" {
		return fmt.Errorf("the database is damaged, and so is its copy: %s", result)
	}
	manifest.Rows, err = countRows(ctx, copied, false)
	return err
}

// restoreSQLite puts the copy into the data directory, under its name only when it is complete.
func restoreSQLite(folder string, manifest *Manifest, target Database) error {
	name := filepath.Join(target.Directory, sqliteFileName)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if _, err := os.Lstat(name + suffix); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s exists: stop the service, and move it away", name+suffix)
		}
	}
	file, _ := manifest.findFile(sqliteFileName)
	partial := name + ".partial"
	if err := copyFile(filepath.Join(folder, sqliteFileName), partial, &file); err != nil {
		return fmt.Errorf("restore the database: %w", err)
	}
	if err := os.Rename(partial, name); err != nil {
		return err
	}
	return durable.SyncDirectory(target.Directory)
}
