package main_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/testing/interop"
)

// TestBackupBesideTheService makes a backup while the service runs, rehearses the restore, and restores it on an empty
// machine: everything verifies there.
func TestBackupBesideTheService(t *testing.T) {
	t.Parallel()
	source := interop.NewDevelopmentDirectory(t)
	service := interop.StartService(t, source, "--admin-listen", "127.0.0.1:0")
	c := service.NewClient(t, interop.HospitalKey(t))
	interop.MustNotify(t, c, interop.NewImplantation("BACKUP-1", interop.PatientSSIN, "S-BACKUP-1"))
	run := func(want int, args ...string) interop.Result {
		t.Helper()
		result := interop.RunProgram(t, interop.ProgramPath(t, "ctrd"), append([]string{"admin"}, args...)...)
		if result.ExitCode != want {
			t.Fatalf("%v: exit %d\n%s%s", args, result.ExitCode, result.Stdout, result.Stderr)
		}
		return result
	}
	backups, keys := filepath.Join(t.TempDir(), "backups"), filepath.Join(source, "keys.json")
	made := run(0, "backup", backups, "--data", source)
	folder, rest, _ := strings.Cut(made.Stdout, "\n")
	if filepath.Dir(folder) != backups || !strings.Contains(rest, "versions of notifications: 1,") ||
		!strings.Contains(rest, "The key file is not in it") {
		t.Errorf("%s", made.Stdout)
	}
	if found, err := filepath.Glob(filepath.Join(folder, "*key*")); err != nil || len(found) > 0 {
		t.Errorf("keys in the backup: %v, %v", found, err)
	}
	if metrics := string(interop.FetchPage(t, c.HTTP, service.Admin)); !strings.Contains(metrics, "ctr_backup_age_seconds") {
		t.Error("no age of the backup among the metrics")
	}
	interop.MustNotify(t, c, interop.NewImplantation("BACKUP-2", interop.PatientSSIN, "S-BACKUP-2"))

	service.Stop(t) // which seals the audit log: this backup has an anchor file
	stopped, _, _ := strings.Cut(run(0, "backup", t.TempDir(), "--data", source).Stdout, "\n")
	if info, statErr := os.Stat(filepath.Join(stopped, "audit-checkpoints.jsonl")); statErr != nil || info.Size() == 0 {
		t.Errorf("the anchor file: %v, %v", info, statErr)
	}
	before, err := os.ReadFile(keys)
	if err != nil {
		t.Fatal(err)
	}
	rehearsed := run(0, "rehearse", stopped, "--keys", keys)
	if !strings.Contains(rehearsed.Stdout, "restored: backup of ") || !strings.Contains(rehearsed.Stdout, "versions") {
		t.Errorf("%s", rehearsed.Stdout)
	}
	if after, readErr := os.ReadFile(keys); readErr != nil || !bytes.Equal(after, before) {
		t.Errorf("the rehearsal changed the key file: %v", readErr)
	}

	empty := t.TempDir()
	run(0, "restore", stopped, "--data", empty)
	if result := run(1, "restore", stopped, "--data", empty); !strings.Contains(result.Stderr, "exists: stop the service") {
		t.Errorf("%s", result.Stderr)
	}
	if err = os.WriteFile(filepath.Join(empty, "keys.json"), before, 0o600); err != nil {
		t.Fatal(err)
	}
	run(0, "verify", "--data", empty, "--fast")

	copied := filepath.Join(stopped, "ctr.sqlite")
	data, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err = os.WriteFile(copied, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if result := run(1, "rehearse", stopped, "--keys", keys); !strings.Contains(result.Stderr, "the backup is damaged") {
		t.Errorf("%s", result.Stderr)
	}
}
