package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/storetest"
)

func TestOpenEmbeddedRefuses(t *testing.T) {
	directory := t.TempDir()
	file := filepath.Join(directory, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	rubbish := filepath.Join(directory, "rubbish")
	if err := os.MkdirAll(rubbish, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(rubbish, "ctr.sqlite"), []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		config store.Config
		want   string
	}{
		{"no directory", store.Config{}, "not given"},
		{"a file where the directory should be", store.Config{Directory: file}, "not a directory"},
		{"not a database", store.Config{Directory: rubbish}, "not a database"},
		{"another kind of database", store.Config{URL: "mysql://user:secret@host/x", Directory: directory}, "postgres://"},
	}
	for _, test := range tests {
		db, err := store.Open(t.Context(), test.config)
		if err == nil {
			t.Errorf("%s: opened, %v", test.name, db.Close())
			continue
		}
		if text := err.Error(); !strings.Contains(text, test.want) || strings.ContainsAny(text, "\n") || strings.Contains(text, "secret") {
			t.Errorf("%s: %q", test.name, text)
		}
	}
}

func TestEmbeddedFileIsPrivate(t *testing.T) {
	b := storetest.NewSQLiteBackend(t)
	b.Open(t)
	for path, want := range map[string]os.FileMode{b.Config.Directory: 0o700, filepath.Join(b.Config.Directory, "ctr.sqlite"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s: mode %o", path, got)
		}
	}
}

// TestEmbeddedWaitsForAnotherWriter checks that a write waits while another program writes.
func TestEmbeddedWaitsForAnotherWriter(t *testing.T) {
	b := storetest.NewSQLiteBackend(t)
	db := b.Open(t)
	conn, err := b.OpenRaw(t).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- db.RunWriteTx(t.Context(), func(w implants.Writer) error { return w.AppendEvent(platform.AuditEvent{OccurredAt: time.Now()}) })
	}()
	const statements = 2000 // the write begins long before the last of them
	for range statements {
		if _, err := conn.ExecContext(t.Context(), `UPDATE current_key SET key_id = key_id WHERE id = 1`); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-done:
		t.Fatalf("did not wait: %v", err)
	default:
	}
	if _, err := conn.ExecContext(t.Context(), `COMMIT`); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("got %v", err)
	}
}
