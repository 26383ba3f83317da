package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/testing/interop"
)

// Responses of a running service are the same before, during and after a rotation of the key that encrypts personal
// data.
func TestKeysAreChangedBesideTheService(t *testing.T) {
	t.Parallel()
	directory := interop.NewDevelopmentDirectory(t)
	service := interop.StartService(t, directory)
	c := service.NewClient(t, interop.HospitalKey(t))
	interop.MustNotify(t, c, interop.NewImplantation("KEYS-1", interop.PatientSSIN, "S-1"))
	file := filepath.Join(directory, "keys.json")
	ids := func() []string {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var keys []struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(data, &keys); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, key := range keys {
			ids = append(ids, key.ID)
		}
		return ids
	}
	former := ids()
	if len(former) != 1 {
		t.Fatalf("%d keys at first", len(former))
	}
	for _, step := range []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr string
		keys   int
	}{
		{"retire the only key", []string{"retire", former[0]}, 1, "", "add another one and rotate first", 1},
		{"retire a key that is not there", []string{"retire", "unknown"}, 1, "", "there is no key unknown", 1},
		{"add", []string{"add"}, 0, "added the key ", "", 2},
		{"retire too early", []string{"retire", former[0]}, 1, "", "rotate first", 2},
		{"rotate", []string{"rotate"}, 0, " pseudonyms encrypted with the newest key, as will be all new texts", "", 2},
		{"rotate again", []string{"rotate"}, 0, "0 pseudonyms encrypted with the newest key", "", 2},
		{"reseal", []string{"reseal"}, 0, " texts re-encrypted; those of the audit log stay", "", 2},
		{"reseal again", []string{"reseal"}, 0, "0 texts re-encrypted", "", 2},
		{"retire", []string{"retire", former[0]}, 0, "removed the key " + former[0], "", 1},
	} {
		args := append(append([]string{"admin", "keys"}, step.args...), "--data", directory)
		result := interop.RunProgram(t, interop.ProgramPath(t, "ctrd"), args...)
		if result.ExitCode != step.code || !strings.Contains(result.Stdout, step.stdout) || !strings.Contains(result.Stderr, step.stderr) {
			t.Errorf("%s: exit %d\n%s%s", step.name, result.ExitCode, result.Stdout, result.Stderr)
		}
		if n := len(ids()); n != step.keys {
			t.Errorf("%s: %d keys in the file", step.name, n)
		}
		found := interop.MustSearch(t, c, interop.CriteriaByPatient(interop.PatientSSIN))
		if len(found.Notification) != 1 || found.Notification[0].Patient != interop.PatientSSIN {
			t.Errorf("%s: %d notifications found", step.name, len(found.Notification))
		}
	}
	service.Stop(t)
	verified := interop.RunProgram(t, interop.ProgramPath(t, "ctrd"), "admin", "verify", "--data", directory)
	if verified.ExitCode != 0 {
		t.Errorf("the register does not verify after the rotation: exit %d\n%s%s", verified.ExitCode, verified.Stdout, verified.Stderr)
	}
	again := interop.StartService(t, directory)
	c = again.NewClient(t, interop.HospitalKey(t))
	if found := interop.MustSearch(t, c, interop.CriteriaByPatient(interop.PatientSSIN)); len(found.Notification) != 1 {
		t.Errorf("%d notifications found after a restart", len(found.Notification))
	}
	again.Stop(t)
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	lost := interop.RunProgram(t, interop.ProgramPath(t, "ctrd"), "serve", "--dev", "--data", directory, "--listen", "127.0.0.1:0")
	if lost.ExitCode != 1 || !strings.Contains(lost.Stderr, "restore the key file") {
		t.Errorf("started without the key file: exit %d\n%s", lost.ExitCode, lost.Stderr)
	}
}
