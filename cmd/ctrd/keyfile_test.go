package main_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// keyPlace has the files of a service that is no development service.
type keyPlace struct{ data, authorities, credentials string }

func newKeyPlace(t *testing.T) keyPlace {
	t.Helper()
	directory := t.TempDir()
	p := keyPlace{filepath.Join(directory, "data"), filepath.Join(directory, "ca.pem"), filepath.Join(directory, "cred")}
	interop.WriteFile(t, p.authorities, testpki.CAFile(t))
	if err := os.Mkdir(p.credentials, 0o700); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p keyPlace) environment() []string { return []string{"CREDENTIALS_DIRECTORY=" + p.credentials} }

// serve starts the service and stops it, and returns the log. It fails unless the service starts.
func (p keyPlace) serve(t *testing.T, environment []string, args ...string) string {
	t.Helper()
	s := interop.StartServiceWithEnv(t, environment, append([]string{"serve", "--data", p.data, "--listen", "127.0.0.1:0",
		"--http", "--drain", "0s", "--public-url", "https://ctr.example/ctr/v1", "--trust", p.authorities}, args...)...)
	if code := s.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	return s.Stderr()
}

// runOperator runs a command of the operator.
func runOperator(t *testing.T, environment []string, args ...string) interop.Result {
	t.Helper()
	return interop.RunProgramWithEnv(t, interop.ProgramPath(t, "ctrd"), environment, append([]string{"admin"}, args...)...)
}

func createKeys(t *testing.T, file string) {
	t.Helper()
	r := interop.RunProgram(t, interop.ProgramPath(t, "ctrd"), "admin", "keys", "create", file)
	if r.ExitCode != 0 || !strings.Contains(r.Stdout, "apart from the backups of the database") {
		t.Fatalf("exit code %d: %s", r.ExitCode, r.Stderr)
	}
	checkPrivate(t, file)
}

func isMissing(t *testing.T, file string) bool {
	t.Helper()
	_, err := os.Stat(file)
	return err != nil
}

// TestFindingL12KeysAreApartFromTheDatabase checks where a service finds its keys, and that nothing puts them beside the
// database.
func TestFindingL12KeysAreApartFromTheDatabase(t *testing.T) {
	t.Parallel()
	const warning = "the key file is in the data directory"
	t.Run("a new register gets no keys beside it", func(t *testing.T) {
		p := newKeyPlace(t)
		for _, environment := range [][]string{nil, p.environment()} {
			r := runOperator(t, environment, "statistics", "--data", p.data)
			if r.ExitCode != 1 || !strings.Contains(r.Stderr, "no key file /etc/ctrd/keys/keys.json: make one") {
				t.Errorf("exit code %d: %s", r.ExitCode, r.Stderr)
			}
		}
		if !isMissing(t, filepath.Join(p.data, "keys.json")) {
			t.Error("the keys are in the data directory")
		}
	})
	t.Run("a named file is created", func(t *testing.T) {
		p := newKeyPlace(t)
		file := filepath.Join(t.TempDir(), "keys", "mine.json")
		if log := p.serve(t, nil, "--keys", file); strings.Contains(log, warning) {
			t.Error(log)
		}
		checkPrivate(t, file)
		r := runOperator(t, nil, "statistics", "--data", p.data)
		if r.ExitCode != 1 || !strings.Contains(r.Stderr, "restore the key file") {
			t.Errorf("opened without its keys: exit code %d: %s", r.ExitCode, r.Stderr)
		}
	})
	t.Run("a file that is there is not replaced", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "keys.json")
		createKeys(t, file)
		before := mustReadFile(t, file)
		r := interop.RunProgram(t, interop.ProgramPath(t, "ctrd"), "admin", "keys", "create", file)
		if r.ExitCode != 1 || !strings.Contains(r.Stderr, "exists") || !bytes.Equal(mustReadFile(t, file), before) {
			t.Errorf("exit code %d: %s", r.ExitCode, r.Stderr)
		}
	})
	t.Run("a register with its keys beside it starts with a warning", func(t *testing.T) {
		p := newKeyPlace(t)
		createKeys(t, filepath.Join(p.data, "keys.json"))
		log := p.serve(t, nil)
		if !strings.Contains(log, warning) || !strings.Contains(log, "/etc/ctrd/keys/keys.json") {
			t.Error(log)
		}
		moved := filepath.Join(t.TempDir(), "keys.json")
		if err := os.Rename(filepath.Join(p.data, "keys.json"), moved); err != nil {
			t.Fatal(err)
		}
		if log = p.serve(t, nil, "--keys", moved); strings.Contains(log, warning) {
			t.Error(log)
		}
	})
	t.Run("a development register has them beside it", func(t *testing.T) {
		directory := interop.NewDevelopmentDirectory(t)
		s := interop.StartService(t, directory)
		s.Stop(t)
		if strings.Contains(s.Stderr(), warning) || isMissing(t, filepath.Join(directory, "keys.json")) {
			t.Error(s.Stderr())
		}
	})
	t.Run("a credential of the service manager", func(t *testing.T) { testCredential(t, newKeyPlace(t)) })
	t.Run("the unit of systemd", func(t *testing.T) {
		if unit := string(mustReadFile(t, unitFile)); !strings.Contains(unit, "#LoadCredentialEncrypted=keys.json:") {
			t.Error("does not say how the keys are a credential")
		}
		var settings map[string]any
		if err := json.Unmarshal(mustReadFile(t, configFile), &settings); err != nil || settings["keys"] != nil {
			t.Errorf("%v, %v", settings["keys"], err)
		}
	})
}

// testCredential checks that the file of a credential is used and left as it is. systemd gives it the mode 0400, or 0440
// when an access control list grants the read access of the service's user.
func testCredential(t *testing.T, p keyPlace) {
	t.Helper()
	file := filepath.Join(p.credentials, "keys.json")
	createKeys(t, file)
	for _, mode := range []os.FileMode{0o400, 0o440} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		p.serve(t, p.environment())
		p.serve(t, p.environment(), "--keys", file)
	}
	before := mustReadFile(t, file)
	r := runOperator(t, p.environment(), "keys", "add", "--data", p.data)
	if r.ExitCode != 1 || !strings.Contains(r.Stderr, "change its source") ||
		!bytes.Equal(mustReadFile(t, file), before) {
		t.Errorf("exit code %d: %s", r.ExitCode, r.Stderr)
	}
	r = runOperator(t, nil, "keys", "add", "--data", p.data, "--keys", file)
	if r.ExitCode != 1 || !strings.Contains(r.Stderr, "chmod 600") {
		t.Errorf("a file that the group may read, and no credential: exit code %d: %s", r.ExitCode, r.Stderr)
	}
	if err := os.Chmod(file, 0o444); err != nil {
		t.Fatal(err)
	}
	r = runOperator(t, p.environment(), "statistics", "--data", p.data)
	if r.ExitCode != 1 || !strings.Contains(r.Stderr, "other users than its owner") {
		t.Errorf("a credential that everybody may read: exit code %d: %s", r.ExitCode, r.Stderr)
	}
}
