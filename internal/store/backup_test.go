package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// TestFindingR3BackupUnderLoad makes the documented backup of SQLite while writers never pause. Each backup ends, opens
// as a register, is not damaged, and has everything that was acknowledged before it began.
func TestFindingR3BackupUnderLoad(t *testing.T) {
	t.Parallel()
	b := storetest.NewSQLiteBackend(t)
	db := b.Open(t)
	if err := appendEvents(t.Context(), db, "before", 500); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	var acknowledged atomic.Int64
	progress := make(chan struct{}, 1)
	acknowledged.Store(500)
	for i := range 8 {
		writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if err := appendEvents(ctx, db, fmt.Sprint(i, "-", n), 1); err == nil {
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
	keys := filepath.Join(b.Config.Directory, "keys.json")
	raw := b.OpenRaw(t)
	for range 5 {
		<-progress // writers are at work
		restored := t.TempDir()
		least := acknowledged.Load()
		if _, err := raw.ExecContext(t.Context(), `VACUUM INTO ?`, filepath.Join(restored, "ctr.sqlite")); err != nil {
			t.Fatal(err)
		}
		checkRestored(t, restored, keys, int(least))
	}
	stop()
	writers.Wait()
}

// checkRestored opens a restored register.
func checkRestored(t *testing.T, directory, keys string, least int) {
	t.Helper()
	log := newLogRecords()
	db, err := store.Open(t.Context(), store.Config{Directory: directory, KeyFile: keys, Watch: true, Log: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	log.await(t, "pages of the database are not damaged")
	if n := countAllEvents(t, db); n < least {
		t.Errorf("%d of %d acknowledged events are in the backup", n, least)
	}
	if err := appendEvents(t.Context(), db, "continued", 1); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(directory); err != nil {
		t.Error(err)
	}
}
