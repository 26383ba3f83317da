package service

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/admission"
)

// TestKnownCallersFile reads the file of another process and writes it again.
func TestKnownCallersFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), knownCallersFileName)
	k := &callerKeeper{file: file, controller: admission.NewController(time.Now, nil)}
	if err := k.readFile(); err != nil {
		t.Error(err)
	}
	if err := k.writeFile(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file although nobody is known")
	}
	line := "192.0.2.1 " + strings.Repeat("ab", 32) + " 4102444800\n"
	if err := os.WriteFile(file, []byte(line), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := k.readFile(); err != nil {
		t.Error(err)
	}
	if err := k.writeFile(); err != nil {
		t.Error(err)
	}
	data, err := os.ReadFile(file)
	info, statErr := os.Stat(file)
	if err != nil || statErr != nil || info.Mode().Perm() != 0o600 || !strings.HasPrefix(string(data), line[:75]) || len(data) != len(line) {
		t.Errorf("%q, %v, %v, %v", data, err, info, statErr)
	}
	if err = os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err = k.writeFile(); err != nil {
		t.Error(err)
	}
	if _, err = os.Stat(file); err == nil {
		t.Error("written again although nothing has changed")
	}
}
