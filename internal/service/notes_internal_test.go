package service

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestReadInstant reads the notes of backups and verifications.
func TestReadInstant(t *testing.T) {
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
		at, err := ReadInstant(directory, LastBackupFileName)
		if !at.IsZero() {
			got = at.UTC().Format(time.RFC3339)
		}
		if got != c.want || (err != nil) != (c.note != "" && c.want == "") {
			t.Errorf("%s: %q, %v, want %q", name, got, err, c.want)
		}
	}
}
