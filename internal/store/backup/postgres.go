package backup

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/store/postgresurl"
)

// dumpPostgres copies the state that a snapshot shows with PostgreSQL's own program, and counts the rows of the same
// snapshot.
func dumpPostgres(ctx context.Context, source Database, db *sql.DB, name string, manifest *Manifest) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("the database: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	var snapshot string
	if err = tx.QueryRowContext(ctx, `SELECT pg_export_snapshot()`).Scan(&snapshot); err != nil {
		return fmt.Errorf("the database: %w", err)
	}
	if manifest.Rows, err = countRows(ctx, tx, true); err != nil {
		return err
	}
	if err = runProgram(ctx, source, "pg_dump", "--format=custom", "--no-owner", "--no-privileges",
		"--snapshot="+snapshot, "--file="+name); err != nil {
		return err
	}
	return os.Chmod(name, 0o600)
}

// restoreDump restores a dump into a database without tables, all of it or nothing.
func restoreDump(ctx context.Context, folder string, target Database) error {
	db, err := target.openDatabase()
	if err != nil {
		return err
	}
	existing, err := countRows(ctx, db, true)
	var name string
	if err == nil {
		err = db.QueryRowContext(ctx, `SELECT current_database()`).Scan(&name)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("the database: %w", err)
	}
	if len(existing) > 0 {
		return fmt.Errorf("the database %s has tables: restore into a new one", name)
	}
	return runProgram(ctx, target, "pg_restore", "--exit-on-error", "--single-transaction", "--no-owner",
		"--no-privileges", "--dbname="+name, filepath.Join(folder, dumpFileName))
}

// maxProgramOutput bounds what is kept of what a program says.
const maxProgramOutput = 4 << 10

// runProgram runs a program of PostgreSQL, with the address and the password of the database in its environment.
func runProgram(ctx context.Context, d Database, name string, args ...string) error {
	path, err := findProgram(name)
	if err != nil {
		return err
	}
	environment, err := postgresurl.BuildEnvironment(d.URL, d.AllowUnverified)
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, path, args...) //nolint:gosec // a program of PostgreSQL
	command.Env = environment
	said := limitedBuffer{rest: maxProgramOutput}
	command.Stdout, command.Stderr = &said, &said
	if err = command.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(said.String()))
	}
	return nil
}

// findProgram finds a program of PostgreSQL: on the PATH, or where Debian installs the newest version.
func findProgram(name string) (string, error) {
	if found, err := exec.LookPath(name); err == nil {
		return found, nil
	}
	newest, best := "", 0
	installed, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name) // the pattern is valid
	for _, path := range installed {
		version, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // 0 for another name
		if version > best {
			newest, best = path, version
		}
	}
	if newest == "" {
		return "", fmt.Errorf("%s is not here; install PostgreSQL's client programs, of the server's version or newer", name)
	}
	return newest, nil
}

// limitedBuffer keeps the first bytes that are written to it.
type limitedBuffer struct {
	bytes.Buffer

	rest int
}

// Write implements io.Writer.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	kept := p[:min(len(p), b.rest)]
	b.rest -= len(kept)
	b.Buffer.Write(kept)
	return len(p), nil
}
