package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// TestServePrintsOneLine checks the life of the process: one line of JSON when it is ready, exit code 0 after SIGTERM.
func TestServePrintsOneLine(t *testing.T) {
	t.Parallel()
	service := interop.StartService(t, interop.NewDevelopmentDirectory(t))
	if service.P12[testpki.Hospital] == "" || service.CA == "" {
		t.Errorf("the line of JSON is incomplete: %s", service.Stdout())
	}
	if code := service.Stop(t); code != 0 {
		t.Errorf("the service ended with %d: %s", code, service.Stderr())
	}
	if lines := strings.Count(service.Stdout(), "\n"); lines != 1 {
		t.Errorf("standard output is not one line:\n%s", service.Stdout())
	}
}

// checkPrivate fails for files that other users may read.
func checkPrivate(t *testing.T, files ...string) {
	t.Helper()
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is open to others: %v, %v", filepath.Base(file), info.Mode(), err)
		}
	}
}

func mustReadFile(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestSettingsFromFileEnvironmentAndFlags(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	authorities, file := filepath.Join(directory, "ca.pem"), filepath.Join(directory, "ctrd.json")
	interop.WriteFile(t, authorities, testpki.CAFile(t))
	const fromFile, fromEnvironment, fromFlag = "https://file.example/ctr/v1", "https://environment.example/ctr/v1", "https://flag.example/ctr/v1"
	content, err := json.Marshal(map[string]any{
		"data": filepath.Join(directory, "data"), "listen": "127.0.0.1:0", "http": true, "trust": []string{authorities}, "public-url": fromFile, "drain": "0s",
		"keys": filepath.Join(directory, "keys.json"),
	})
	if err != nil {
		t.Fatal(err)
	}
	interop.WriteFile(t, file, content)
	environment := []string{"CTR_PUBLIC_URL=" + fromEnvironment}
	for _, test := range []struct {
		name        string
		environment []string
		args        []string
		want        string
	}{
		{"file", nil, []string{"--config", file, "serve"}, fromFile},
		{"file after the command", nil, []string{"serve", "--config=" + file}, fromFile},
		{"environment over file", environment, []string{"--config", file, "serve"}, fromEnvironment},
		{"flag over file", nil, []string{"--config", file, "serve", "--public-url", fromFlag}, fromFlag},
		{"flag over environment over file", environment, []string{"--config", file, "serve", "--public-url", fromFlag}, fromFlag},
		{"environment alone", append(environment, "CTR_DATA="+filepath.Join(directory, "other"), "CTR_LISTEN=127.0.0.1:0", "CTR_HTTP=true", "CTR_DRAIN=0s",
			"CTR_KEYS="+filepath.Join(directory, "other.json"), "CTR_TRUST="+authorities), []string{"serve"}, fromEnvironment},
	} {
		t.Run(test.name, func(t *testing.T) {
			service := interop.StartServiceWithEnv(t, test.environment, test.args...)
			if service.URL != test.want {
				t.Errorf("the service's address is %s, not %s", service.URL, test.want)
			}
			if !strings.HasPrefix(service.Data, directory) {
				t.Errorf("the service's folder is %s", service.Data)
			}
			service.Stop(t)
		})
	}
}
