package service

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestLastBackup reads the time that a backup noted.
func TestLastBackup(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		note string
		want string // empty if none is known
	}{
		"a backup":      {"2026-11-30T11:00:00Z\n", "2026-11-30T11:00:00Z"},
		"another zone":  {"2026-11-30T12:30:00+01:00", "2026-11-30T11:30:00Z"},
		"none":          {"", ""},
		"not a time":    {"yesterday\n", ""},
		"a larger file": {"2026-11-30T11:00:00Z" + string(make([]byte, 1<<20)), ""},
	} {
		directory := t.TempDir()
		if c.note != "" {
			if err := os.WriteFile(filepath.Join(directory, LastBackupFileName), []byte(c.note), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got := ""
		if at, known := readLastBackup(directory); known {
			got = at.UTC().Format(time.RFC3339)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
