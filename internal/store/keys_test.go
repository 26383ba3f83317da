package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/testing/storetest"
)

// TestRetireOnlyKey checks that a refusal to retire changes nothing in the database: the key file of this node has one
// key, while another node has made a newer one the current one.
func TestRetireOnlyKey(t *testing.T) {
	b := storetest.NewSQLiteBackend(t)
	db := b.Open(t)
	file := filepath.Join(b.Config.Directory, "keys.json")
	oldKeys, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	newKey, err := db.AddKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err = db.RotateKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err = os.WriteFile(file, oldKeys, 0o600); err != nil {
		t.Fatal(err)
	}
	raw := b.OpenRaw(t)
	var oldKey string
	if err = raw.QueryRowContext(t.Context(), `SELECT id FROM sealing_key WHERE id <> ?`, newKey).Scan(&oldKey); err != nil {
		t.Fatal(err)
	}
	if err = db.RetireKey(t.Context(), oldKey); err == nil || !strings.Contains(err.Error(), "is the only one") {
		t.Errorf("got %v", err)
	}
	var kept int
	if err = raw.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM sealing_key`).Scan(&kept); err != nil || kept != 2 {
		t.Errorf("%d keys, %v", kept, err)
	}
}
