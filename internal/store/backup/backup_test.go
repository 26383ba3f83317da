package backup_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/store/backup"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// forEachDatabase runs a test on SQLite and on PostgreSQL. newTarget returns an empty database of the same kind.
func forEachDatabase(t *testing.T, test func(t *testing.T, newTarget func() backup.Database)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, func() backup.Database { return backup.Database{Directory: t.TempDir()} })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, func() backup.Database {
			return backup.Database{URL: storetest.NewPostgresDatabase(t), Directory: t.TempDir()}
		})
	})
}

func openStore(t *testing.T, d backup.Database, keys string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{URL: d.URL, Directory: d.Directory, KeyFile: keys})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func appendEvent(ctx context.Context, db *store.DB, name string) error {
	return db.RunWriteTx(ctx, func(w implants.Writer) error {
		return w.AppendEvent(platform.AuditEvent{OccurredAt: time.Now(), Correlation: name, Operation: "test"})
	})
}

func countEvents(t *testing.T, db *store.DB) int {
	t.Helper()
	events, _, err := db.ReadEvents(t.Context(), 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	return len(events)
}

// makeBackup makes a backup of a register with one event and an anchor file, and returns its folder.
func makeBackup(t *testing.T, source backup.Database) string {
	t.Helper()
	db := openStore(t, source, filepath.Join(t.TempDir(), "keys.json"))
	if err := errors.Join(appendEvent(t.Context(), db, "one"), db.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(source.Directory, auditlog.AnchorFileName), []byte("anchor\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "backup")
	if _, err := backup.Make(t.Context(), source, folder, "test", time.Now()); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestBackupUnderLoad makes backups while writers never pause, and restores each elsewhere: it has everything that was
// acknowledged before it began.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	forEachDatabase(t, func(t *testing.T, newTarget func() backup.Database) {
		t.Helper()
		source := newTarget()
		keys := filepath.Join(t.TempDir(), "keys.json")
		db := openStore(t, source, keys)
		ctx, stop := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		var acknowledged atomic.Int64
		progress := make(chan struct{}, 1)
		for i := range 8 {
			writers.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					if err := appendEvent(ctx, db, fmt.Sprint(i, "-", n)); err == nil {
						acknowledged.Add(1)
					} else if ctx.Err() == nil {
						t.Error(err)
					}
					select {
					case progress <- struct{}{}:
					default:
					}
				}
			})
		}
		for range 3 {
			<-progress // writers are at work
			least := acknowledged.Load()
			folder := filepath.Join(t.TempDir(), "backup")
			made, err := backup.Make(t.Context(), source, folder, "test", time.Now())
			if err != nil {
				t.Fatal(err)
			}
			target := newTarget()
			restored, err := backup.Restore(t.Context(), folder, target)
			if err != nil {
				t.Fatal(err)
			}
			if restored.Rows["audit"] != made.Rows["audit"] || made.Rows["audit"] < least {
				t.Errorf("%d events, %d restored, %d acknowledged before",
					made.Rows["audit"], restored.Rows["audit"], least)
			}
			copied := openStore(t, target, keys)
			if n := countEvents(t, copied); int64(n) != made.Rows["audit"] {
				t.Errorf("%d events are read", n)
			}
			if err = errors.Join(appendEvent(t.Context(), copied, "continued"), copied.Close()); err != nil {
				t.Error(err)
			}
		}
		stop()
		writers.Wait()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestBackupFiles checks what is in a backup, who can read it, and what becomes of the anchor file.
func TestBackupFiles(t *testing.T) {
	t.Parallel()
	forEachDatabase(t, func(t *testing.T, newTarget func() backup.Database) {
		t.Helper()
		folder := makeBackup(t, newTarget())
		entries, err := os.ReadDir(folder)
		if err != nil || len(entries) != 3 {
			t.Fatalf("%v, %v", entries, err)
		}
		for _, entry := range entries {
			if info, infoErr := entry.Info(); infoErr != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", entry.Name(), info, infoErr)
			}
		}
		if left, globErr := filepath.Glob(folder + "*"); globErr != nil || len(left) != 1 {
			t.Errorf("left: %v, %v", left, globErr)
		}
		target := newTarget()
		if _, err = backup.Restore(t.Context(), folder, target); err != nil {
			t.Fatal(err)
		}
		anchor := filepath.Join(target.Directory, auditlog.AnchorFileName)
		if data, readErr := os.ReadFile(anchor); readErr != nil || string(data) != "anchor\n" {
			t.Errorf("%q, %v", data, readErr)
		}
		target = newTarget()
		anchor = filepath.Join(target.Directory, auditlog.AnchorFileName)
		if err = os.WriteFile(anchor, []byte("newer\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err = backup.Restore(t.Context(), folder, target); err != nil {
			t.Fatal(err)
		}
		if data, readErr := os.ReadFile(anchor); readErr != nil || string(data) != "newer\n" {
			t.Errorf("a newer anchor file became %q, %v", data, readErr)
		}
	})
}

// editFile changes a file of a backup.
func editFile(name string, change func([]byte) []byte) func(folder string) error {
	return func(folder string) error {
		file := filepath.Join(folder, name)
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		return os.WriteFile(file, change(data), 0o600)
	}
}

func editManifest(change func(m *backup.Manifest)) func(folder string) error {
	return editFile("backup.json", func(data []byte) []byte {
		var m backup.Manifest
		if err := json.Unmarshal(data, &m); err != nil {
			return nil
		}
		change(&m)
		data, _ = json.Marshal(m) // of strings and numbers
		return data
	})
}

// TestRestoreRefuses checks that a backup that is not what was made is refused before anything is written.
func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	forEachDatabase(t, func(t *testing.T, newTarget func() backup.Database) {
		t.Helper()
		made, target := makeBackup(t, newTarget()), newTarget()
		copyName := map[bool]string{true: "ctr.pgdump", false: "ctr.sqlite"}[target.URL != ""]
		copyBackup := func() string {
			folder := filepath.Join(t.TempDir(), "backup")
			if err := os.CopyFS(folder, os.DirFS(made)); err != nil {
				t.Fatal(err)
			}
			return folder
		}
		for _, c := range []struct {
			name   string
			damage func(folder string) error
			want   string
		}{
			{"one octet", editFile(copyName, func(b []byte) []byte { b[len(b)/2] ^= 1; return b }), "other bytes"},
			{"cut off", editFile(copyName, func(b []byte) []byte { return b[:len(b)-1] }), "other bytes"},
			{"another anchor file", editFile(auditlog.AnchorFileName, func(b []byte) []byte { return append(b, 'x') }), "other bytes"},
			{"no copy", func(folder string) error { return os.Remove(filepath.Join(folder, copyName)) }, "no such file"},
			{"no manifest", func(folder string) error { return os.Remove(filepath.Join(folder, "backup.json")) }, "not a complete backup"},
			{"no JSON", editFile("backup.json", func(b []byte) []byte { return b[1:] }), "cannot be read"},
			{"a large manifest", editFile("backup.json", func(b []byte) []byte { return append(b, make([]byte, 2<<20)...) }), "cannot be read"},
			{"another format", editManifest(func(m *backup.Manifest) { m.Format = 2 }), "format 2"},
			{"a path", editManifest(func(m *backup.Manifest) { m.Files[0].Name = "../x" }), "names the file"},
			{"another kind", editManifest(func(m *backup.Manifest) { m.Database = "oracle" }), "names no copy"},
			{"no files", editManifest(func(m *backup.Manifest) { m.Files = nil }), "names no copy"},
		} {
			folder := copyBackup()
			if err := c.damage(folder); err != nil {
				t.Fatal(err)
			}
			if _, err := backup.Restore(t.Context(), folder, target); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", c.name, err)
			}
			if entries, err := os.ReadDir(target.Directory); err != nil || len(entries) > 0 {
				t.Errorf("%s: left %v, %v", c.name, entries, err)
			}
		}
		full := newTarget()
		if err := openStore(t, full, filepath.Join(t.TempDir(), "keys.json")).Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := backup.Restore(t.Context(), made, full); err == nil ||
			!strings.Contains(err.Error(), "exists") && !strings.Contains(err.Error(), "has tables") {
			t.Errorf("into a register: %v", err)
		}
		lacking := copyBackup()
		if err := editManifest(func(m *backup.Manifest) { m.Rows["audit"]++ })(lacking); err != nil {
			t.Fatal(err)
		}
		if _, err := backup.Restore(t.Context(), lacking, target); err == nil ||
			!strings.Contains(err.Error(), "the table audit has 1 rows after the restore, and had 2") {
			t.Errorf("fewer rows: %v", err)
		}
	})
	t.Run("other kind", func(t *testing.T) {
		t.Parallel()
		folder := makeBackup(t, backup.Database{Directory: t.TempDir()})
		_, err := backup.Restore(t.Context(), folder, backup.Database{URL: "postgres://127.0.0.1:1/x", Directory: t.TempDir()})
		if err == nil || err.Error() != "the backup is one of sqlite, and the target is postgresql" {
			t.Error(err)
		}
	})
}

// TestMakeRefuses checks that a failure leaves nothing that looks like a backup, and creates no database.
func TestMakeRefuses(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "backup")
	empty := backup.Database{Directory: t.TempDir()}
	if _, err := backup.Make(t.Context(), empty, folder, "test", time.Now()); err == nil ||
		!strings.Contains(err.Error(), "there is no database") {
		t.Error(err)
	}
	forEachDatabase(t, func(t *testing.T, newTarget func() backup.Database) {
		t.Helper()
		source := newTarget()
		existing := makeBackup(t, source)
		if _, err := backup.Make(t.Context(), source, existing, "test", time.Now()); err == nil ||
			!strings.Contains(err.Error(), "exists already") {
			t.Error(err)
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		other := filepath.Join(t.TempDir(), "backup")
		if _, err := backup.Make(cancelled, source, other, "test", time.Now()); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if left, err := filepath.Glob(other + "*"); err != nil || len(left) > 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	})
	for _, directory := range []string{folder, empty.Directory} {
		if left, err := filepath.Glob(directory + "/*"); err != nil || len(left) > 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	}
}
