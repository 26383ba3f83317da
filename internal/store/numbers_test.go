package store_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/store/numbers"
	"github.com/openctr/ctr/internal/testing/people"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// numbering is a register whose numbers a test collects.
type numbering struct {
	storetest.Backend
	log   *logRecords
	given map[uint64]bool
	last  uint64
}

func newNumbering(t *testing.T, b storetest.Backend) *numbering {
	t.Helper()
	n := &numbering{Backend: b, log: newLogRecords(), given: make(map[uint64]bool)}
	n.Config.WatermarkFile, n.Config.Log = filepath.Join(t.TempDir(), "watermark", numbers.FileName), slog.New(n.log)
	if err := os.Mkdir(filepath.Dir(n.Config.WatermarkFile), 0o700); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *numbering) open(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), n.Config)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func (*numbering) close(t *testing.T, db *store.DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// give gives numbers of one day, and fails when one was given before.
func (n *numbering) give(t *testing.T, db *store.DB, count int) {
	t.Helper()
	for range count {
		var number uint64
		err := db.RunWriteTx(t.Context(), func(w implants.Writer) (err error) {
			number, err = w.NextSequenceNumber(people.MustDate("2026-11-21"))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if n.given[number] {
			t.Fatalf("%d was given before", number)
		}
		n.given[number], n.last = true, number
	}
}

// leave ends the use of a database without closing its watermark, as kill -9 does.
func (n *numbering) leave(t *testing.T, db *store.DB) {
	t.Helper()
	content, err := os.ReadFile(n.Config.WatermarkFile)
	if err != nil {
		t.Fatal(err)
	}
	n.close(t, db)
	file, err := os.OpenFile(n.Config.WatermarkFile, os.O_WRONLY, 0) // the same file as before
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt(content, 0); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// copyFolder copies the files of a folder, as a backup does.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		copyFile(t, filepath.Join(from, file.Name()), filepath.Join(to, file.Name()))
	}
}

// TestFindingR4NumbersAfterRestore restores an older copy of an SQLite register in several ways. No number is given
// twice, and the operator is told.
func TestFindingR4NumbersAfterRestore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		// between acts after 25 numbers of which a backup has 5. The folders are those of the database, its backup, and
		// the watermark with its backup.
		between func(t *testing.T, n *numbering, data, backup, mark, markBackup string)
		skips   bool
	}{
		{"ordinary restart", func(*testing.T, *numbering, string, string, string, string) {}, false},
		{"older database", func(t *testing.T, _ *numbering, data, backup, _, _ string) {
			t.Helper()
			copyFolder(t, backup, data)
		}, true},
		{"older database, watermark lost", func(t *testing.T, _ *numbering, data, backup, mark, _ string) {
			t.Helper()
			copyFolder(t, backup, data)
			if err := os.RemoveAll(filepath.Join(mark, numbers.FileName)); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"older database and older watermark", func(t *testing.T, _ *numbering, data, backup, mark, markBackup string) {
			t.Helper()
			copyFolder(t, backup, data)
			if err := os.Rename(mark, mark+".old"); err != nil { // its inode is not free for the copy
				t.Fatal(err)
			}
			copyFolder(t, markBackup, mark)
		}, true},
		{"older database, empty watermark", func(t *testing.T, n *numbering, data, backup, _, _ string) {
			t.Helper()
			copyFolder(t, backup, data)
			if err := os.Truncate(n.Config.WatermarkFile, 0); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"older database, damaged watermark", func(t *testing.T, n *numbering, data, backup, _, _ string) {
			t.Helper()
			copyFolder(t, backup, data)
			if err := os.WriteFile(n.Config.WatermarkFile, make([]byte, 1024), 0o600); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"same database, watermark lost", func(t *testing.T, n *numbering, _, _, _, _ string) {
			t.Helper()
			if err := os.Remove(n.Config.WatermarkFile); err != nil {
				t.Fatal(err)
			}
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := newNumbering(t, storetest.NewSQLiteBackend(t))
			mark := filepath.Dir(n.Config.WatermarkFile)
			backup, markBackup := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "mark")
			db := n.open(t)
			n.give(t, db, 5)
			n.close(t, db)
			copyFolder(t, n.Config.Directory, backup)
			copyFolder(t, mark, markBackup)
			db = n.open(t)
			n.give(t, db, 20)
			n.close(t, db)
			c.between(t, n, n.Config.Directory, backup, mark, markBackup)
			db = n.open(t)
			n.give(t, db, 30)
			if skips := db.Status().NumberSkips; (skips == 1) != c.skips {
				t.Errorf("left out %d times", skips)
			}
			if c.skips {
				n.log.await(t, "left out")
			} else if n.last != 55 {
				t.Errorf("the last number is %d, and nothing happened", n.last)
			}
			n.close(t, db)
			db = n.open(t)
			n.give(t, db, 1)
			n.close(t, db)
		})
	}
}

// TestFindingR4NumbersAfterKill kills a service, with and without its write-ahead log, also beyond a step of the file.
func TestFindingR4NumbersAfterKill(t *testing.T) {
	t.Parallel()
	for name, loseLog := range map[string]bool{"with its log": false, "log lost": true} {
		for _, count := range []int{1, 30, 999, 1001, 2500} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				n := newNumbering(t, storetest.NewSQLiteBackend(t))
				backup := filepath.Join(t.TempDir(), "backup")
				db := n.open(t)
				n.give(t, db, 5)
				n.leave(t, db)
				copyFolder(t, n.Config.Directory, backup)
				db = n.open(t)
				n.give(t, db, count)
				n.leave(t, db)
				if loseLog {
					copyFolder(t, backup, n.Config.Directory)
				}
				db = n.open(t)
				n.give(t, db, 10)
				n.close(t, db)
			})
		}
	}
}

// TestFindingR4NumbersOnPostgres takes back what PostgreSQL has stored, as a failover with loss or a restore does, while
// services run and between their runs.
func TestFindingR4NumbersOnPostgres(t *testing.T) {
	t.Parallel()
	backend := storetest.NewPostgresBackends(t)
	const day = "2026-11-21"
	lose := func(t *testing.T, n *numbering, lost int, isFailover, dayToo bool) {
		t.Helper()
		raw := n.OpenRaw(t)
		statements := []string{`SELECT setval('running_number', (SELECT last_value FROM running_number) - $1)`}
		if isFailover { // what is restored has the cluster of before
			statements = append(statements, `UPDATE number_counter SET cluster = '1:00000001' WHERE $1 = $1`)
		}
		if dayToo {
			statements = append(statements, `INSERT INTO number_counter (day, base, cluster) SELECT '2026-11-20', base, cluster FROM number_counter
				WHERE $1 = $1`, `DELETE FROM number_counter WHERE day = '`+day+`' AND $1 = $1`)
		}
		for _, statement := range statements {
			if _, err := raw.ExecContext(t.Context(), statement, lost); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
	}
	for _, c := range []struct {
		name                 string
		isFailover, dayToo   bool
		restart, otherFirst  bool
		watermarkLost, quiet bool
	}{
		{name: "ordinary restart", restart: true, quiet: true},
		{name: "at work"},
		{name: "at work, failover", isFailover: true},
		{name: "restart", restart: true},
		{name: "restart, failover", restart: true, isFailover: true},
		{name: "restart, watermark lost, failover", restart: true, isFailover: true, watermarkLost: true},
		{name: "the service that gave nothing is first, failover", otherFirst: true, isFailover: true},
		{name: "the same, the whole day lost", otherFirst: true, isFailover: true, dayToo: true},
		{name: "at work, the whole day lost", dayToo: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := backend(t)
			n, other := newNumbering(t, b), newNumbering(t, b)
			other.given = n.given
			db, beside := n.open(t), other.open(t)
			defer func() { other.close(t, beside) }()
			n.give(t, db, 25)
			if c.restart {
				n.close(t, db)
			}
			if !c.quiet {
				lose(t, n, 20, c.isFailover, c.dayToo)
			}
			if c.watermarkLost {
				if err := os.Remove(n.Config.WatermarkFile); err != nil {
					t.Fatal(err)
				}
			}
			if c.restart {
				db = n.open(t)
			}
			defer func() { n.close(t, db) }()
			if c.otherFirst {
				other.give(t, beside, 40)
			}
			n.give(t, db, 40)
			other.give(t, beside, 40)
			n.give(t, db, 5)
			if skips := db.Status().NumberSkips + beside.Status().NumberSkips; (skips == 0) != c.quiet {
				t.Errorf("left out %d times", skips)
			}
		})
	}
}
