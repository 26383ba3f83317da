package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// watchInterval bounds how long the service writes to files that nobody can find any more.
	watchInterval = time.Second
	// checkInterval is between two checks of all pages.
	checkInterval = 24 * time.Hour
	// maxWALBytes bounds the write-ahead log beside readers that never all pause at once.
	maxWALBytes = 64 << 20
)

// watchedFiles are the files that SQLite keeps open. A file that is deleted or replaced under it still takes writes,
// but they end with the process, or meet those of another one.
type watchedFiles struct {
	file   string
	opened map[string]os.FileInfo // by name; the ones that existed
}

// newWatchedFiles takes note of the files of an open database.
func newWatchedFiles(file string) (*watchedFiles, error) {
	w := &watchedFiles{file: file, opened: make(map[string]os.FileInfo)}
	for _, name := range []string{file, w.walFile(), file + "-shm"} {
		info, err := os.Stat(name)
		switch {
		case err == nil:
			w.opened[name] = info
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("data directory: %w", err)
		}
	}
	return w, nil
}

func (w *watchedFiles) walFile() string { return w.file + "-wal" }

// check returns an error when a file is not the one that was opened. A file that cannot be asked for, because the
// permissions of its folder changed, is still there. hasFile reports whether the database file itself is there, so that
// the write-ahead log can be saved into it.
func (w *watchedFiles) check() (hasFile bool, err error) {
	hasFile = true
	for name, opened := range w.opened {
		now, statErr := os.Stat(name)
		var what string
		switch {
		case errors.Is(statErr, fs.ErrNotExist):
			what = "was deleted or renamed"
		case statErr == nil && !os.SameFile(opened, now):
			what = "was replaced by another file"
		default:
			continue
		}
		hasFile = hasFile && name != w.file
		err = errors.Join(err, fmt.Errorf("%s %s", filepath.Base(name), what))
	}
	if err != nil {
		err = fmt.Errorf("in %s: %s", filepath.Dir(w.file), strings.ReplaceAll(err.Error(), "\n", ", "))
	}
	return hasFile, err
}

// watch watches the files, bounds the write-ahead log and checks the pages, until ctx ends.
func (e *sqliteEngine) watch(ctx context.Context) {
	e.watchers.Go(func() {
		for ticker := time.NewTicker(watchInterval); ; {
			e.checkFiles(ctx)
			select {
			case <-ticker.C:
			case <-ctx.Done():
				ticker.Stop()
				return
			}
		}
	})
	e.watchers.Go(func() {
		for ticker := time.NewTicker(checkInterval); ; {
			e.checkPages(ctx)
			select {
			case <-ticker.C:
			case <-ctx.Done():
				ticker.Stop()
				return
			}
		}
	})
}

// checkFiles checks the files once. When only the write-ahead log is gone, it saves what is in it: this process still
// has it open, and nobody will after it.
func (e *sqliteEngine) checkFiles(ctx context.Context) {
	if e.status.get().Failure != nil {
		return
	}
	hasFile, err := e.files.check()
	if err != nil {
		e.status.latch(ctx, err)
		if hasFile {
			e.committer.checkpoint(func(complete bool) {
				e.status.log.WarnContext(ctx, "the write-ahead log was saved into the database file",
					slog.Bool("complete", complete))
			})
		}
		return
	}
	if info, statErr := os.Stat(e.files.walFile()); statErr == nil && info.Size() > maxWALBytes {
		e.committer.checkpoint(func(bool) {}) // if readers are in the way, the next second tries again
	}
}

// checkPages reads every page of every table and index, beside readers and the writer, and refuses writes when one is
// damaged. It reads table by table, so that no long snapshot keeps the write-ahead log growing.
func (e *sqliteEngine) checkPages(ctx context.Context) {
	damage, err := e.findDamage(ctx)
	switch {
	case ctx.Err() != nil:
	case damage != "" || isDamage(err):
		if err == nil {
			err = errors.New(damage)
		}
		e.status.latch(ctx, fmt.Errorf("check of all pages: %w", err))
	case err != nil:
		e.status.log.WarnContext(ctx, "the pages of the database were not checked", slog.String("error", err.Error()))
	default:
		e.status.recordCheck(ctx)
	}
}

// findDamage returns the first damage that SQLite finds, or nothing.
func (e *sqliteEngine) findDamage(ctx context.Context) (string, error) {
	conn, err := e.readPool.Connx(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	var tables []string
	if err = conn.SelectContext(ctx, &tables, `SELECT name FROM sqlite_schema WHERE type = 'table'`); err != nil {
		return "", err
	}
	for _, table := range tables {
		var found []string
		// A PRAGMA takes no parameters; the name is one of the schema.
		query := `PRAGMA quick_check("` + strings.ReplaceAll(table, `"`, `""`) + `")`
		if err = conn.SelectContext(ctx, &found, query); err != nil {
			return "", err
		}
		if len(found) != 1 || found[0] != "ok" {
			return "table " + table + ": " + strings.Join(found[:min(1, len(found))], ""), nil
		}
	}
	return "", nil
}
