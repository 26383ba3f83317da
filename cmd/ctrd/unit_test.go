package main_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// unitFile and configFile are what an operator installs.
const (
	unitFile   = "../../deploy/ctrd.service"
	configFile = "../../deploy/ctrd.json"
)

// TestServiceUnit: systemd accepts the unit file, and finds it well protected.
func TestServiceUnit(t *testing.T) {
	t.Parallel()
	analyze := interop.FindTool(t, "systemd-analyze", "systemd")
	file := filepath.Join(t.TempDir(), "ctrd.service")
	unit := strings.ReplaceAll(string(mustReadFile(t, unitFile)), "/usr/local/bin/ctrd", interop.ProgramPath(t, "ctrd"))
	interop.WriteFile(t, file, []byte(unit))
	r := interop.RunProgram(t, analyze, "verify", "--man=no", "--recursive-errors=no", file)
	if r.ExitCode != 0 || strings.Contains(r.Stderr, "ctrd") {
		t.Errorf("exit code %d: %s%s", r.ExitCode, r.Stdout, r.Stderr)
	}
	const maxExposure = 1.5 // of 10; 1.1 with systemd 252
	r = interop.RunProgram(t, analyze, "security", "--offline=true", "--no-pager", file)
	found := regexp.MustCompile(`Overall exposure level for ctrd\.service: ([0-9.]+)`).FindStringSubmatch(r.Stdout)
	if found == nil {
		t.Fatalf("exit code %d, no exposure level: %s%s", r.ExitCode, r.Stdout, r.Stderr)
	}
	if level, err := strconv.ParseFloat(found[1], 64); err != nil || level > maxExposure {
		t.Errorf("exposure level %s (%v), more than %.1f:\n%s", found[1], err, maxExposure, r.Stdout)
	}
}

// TestServiceUnitCommand: the unit's command with its environment, its credentials and the example configuration
// serves requests, and a stop ends it without an error.
func TestServiceUnitCommand(t *testing.T) {
	t.Parallel()
	directory, credentials := t.TempDir(), t.TempDir()
	authorities := filepath.Join(directory, "trust.pem")
	interop.WriteFile(t, authorities, testpki.CAFile(t))
	development := filepath.Join(interop.NewDevelopmentDirectory(t), "certs")
	for name, source := range map[string]string{"tls-cert": "server.pem", "tls-key": "server-key.pem"} {
		interop.WriteFile(t, filepath.Join(credentials, name), mustReadFile(t, filepath.Join(development, source)))
	}

	var settings map[string]any
	if err := json.Unmarshal(mustReadFile(t, configFile), &settings); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"data": "/var/lib/ctrd", "environment": "Production"} {
		if settings[key] != want {
			t.Errorf("%s sets %s to %v, not %s", configFile, key, settings[key], want)
		}
	}
	settings["data"] = filepath.Join(directory, "data")
	settings["trust"] = []string{authorities}
	settings["listen"], settings["admin-listen"] = "127.0.0.1:0", "127.0.0.1:0"
	content, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(directory, "ctrd.json")
	interop.WriteFile(t, config, content)

	words := strings.Fields(strings.ReplaceAll(unitSetting(t, "ExecStart"), "/etc/ctrd/ctrd.json", config))
	if words[0] != "/usr/local/bin/ctrd" || strings.ContainsAny(strings.Join(words, " "), "$%") {
		t.Fatalf("it starts %q", words)
	}
	environment := strings.Fields(strings.ReplaceAll(unitSetting(t, "Environment"), "%d", credentials))
	environment = append(environment, "CREDENTIALS_DIRECTORY="+credentials)
	keys := filepath.Join(credentials, "keys.json")
	if r := interop.RunProgram(t, interop.ProgramPath(t, "ctrd"), "admin", "keys", "create", keys); r.ExitCode != 0 {
		t.Fatalf("exit code %d: %s", r.ExitCode, r.Stderr)
	}
	service := interop.StartServiceWithEnv(t, environment, words[1:]...)
	if service.URL != settings["public-url"] {
		t.Errorf("the service is at %s", service.URL)
	}
	if code := service.Stop(t); code != 0 {
		t.Errorf("exit code %d: %s", code, service.Stderr())
	}
}

// TestServiceUnitHasNoSecrets: passwords and keys reach the service as files that only it can read.
func TestServiceUnitHasNoSecrets(t *testing.T) {
	t.Parallel()
	credential := regexp.MustCompile(`^CTR_[A-Z_]+=%d/[a-z-]+( CTR_[A-Z_]+=%d/[a-z-]+)*$`)
	for line := range strings.Lines(string(mustReadFile(t, unitFile))) {
		if value, found := strings.CutPrefix(strings.TrimLeft(strings.TrimSpace(line), "#"), "Environment="); found && !credential.MatchString(value) {
			t.Errorf("not only credentials in: %s", line)
		}
	}
	if strings.Contains(unitSetting(t, "ExecStart"), "password") {
		t.Error("a password is in the command")
	}
}

// unitSetting returns the value of a setting that the unit has exactly once.
func unitSetting(t *testing.T, name string) (value string) {
	t.Helper()
	count := 0
	for line := range strings.Lines(string(mustReadFile(t, unitFile))) {
		if v, found := strings.CutPrefix(line, name+"="); found {
			value = strings.TrimSpace(v)
			count++
		}
	}
	if count != 1 {
		t.Fatalf("%s has %s= %d times", unitFile, name, count)
	}
	return value
}
