package main_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
)

func TestDevelopmentServiceKeepsItsFolder(t *testing.T) {
	t.Parallel()
	directory := filepath.Join(t.TempDir(), "new", "data")
	service := interop.StartService(t, directory)
	for _, entry := range []string{
		"NIHII-HOSPITAL=71000436", "NIHII-HOSPITAL=71012413", "NIHII-RETIREMENT=76123422", "CBE=0403227020", "SSIN=78031412250",
		"SSIN=69092234126", "SSIN=85073003328", "SSIN=81050511813", "SSIN=91021706490", "SSIN=48022907379", pki.EntryExpired, pki.EntryRevoked, pki.EntryEC,
	} {
		if service.P12[entry] == "" {
			t.Errorf("there is no .p12 file for %s", entry)
		}
	}
	if got, want := service.PasswordFile(), filepath.Join(directory, "certs", "password.txt"); got != want || service.CA != filepath.Join(directory, "certs", "ca.pem") {
		t.Errorf("password in %s, authorities in %s", got, service.CA)
	}
	checkPrivate(t, filepath.Join(directory, "ctr.sqlite"), service.PasswordFile(), service.P12[testpki.Hospital])
	p12, password := mustReadFile(t, service.P12[testpki.Hospital]), mustReadFile(t, service.PasswordFile())
	key, err := pki.DecodeSigningKey(p12, strings.TrimSpace(string(password)))
	if err != nil {
		t.Fatal(err)
	}
	number := interop.MustNotify(t, service.NewClient(t, key), interop.NewImplantation("RESTART-1", interop.PatientSSIN, "S-1")).Receipt.NotificationNumber
	if code := service.Stop(t); code != 0 {
		t.Errorf("the service ended with %d: %s", code, service.Stderr())
	}
	if lines := strings.Count(service.Stdout(), "\n"); lines != 1 {
		t.Errorf("standard output is not one line:\n%s", service.Stdout())
	}

	again := interop.StartService(t, directory)
	if !maps.Equal(again.P12, service.P12) || !bytes.Equal(mustReadFile(t, again.P12[testpki.Hospital]), p12) || !bytes.Equal(mustReadFile(t, again.PasswordFile()), password) {
		t.Error("the keys are others after a restart")
	}
	if found := interop.MustSearch(t, again.NewClient(t, key), interop.CriteriaByNumber(number)); found.Total != 1 {
		t.Errorf("%d notifications have the number that was given before the restart", found.Total)
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

func TestSignedReplies(t *testing.T) {
	t.Parallel()
	interop.FindXmlsec(t)
	for _, entry := range []string{"NIHII-HOSPITAL=71012413", pki.EntryEC} {
		t.Run(entry, func(t *testing.T) {
			t.Parallel()
			directory := interop.NewDevelopmentDirectory(t)
			index, err := pki.ReadDevelopmentFiles(filepath.Join(directory, "certs"))
			if err != nil {
				t.Fatal(err)
			}
			service := interop.StartService(t, directory, "--sign-replies", "--reply-key", index.P12[entry], "--reply-password-file", index.Password)
			c := service.NewClient(t, interop.HospitalKey(t))
			reply := interop.PostMessage(t, c, interop.SignRequest(t, c, "NotifyImplant", interop.NewImplantation("SIGNED-1", interop.PatientSSIN, "S-1")))
			if !bytes.Contains(reply, []byte("urn:be:fgov:ehealth:2.0:status:Success")) {
				t.Fatalf("the service answers %s", reply)
			}
			interop.VerifyWithXmlsec(t, reply, testpki.Key(t, entry), 2)
		})
	}
}

func TestSettingsFromFileEnvironmentAndFlags(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	authorities, file := filepath.Join(directory, "ca.pem"), filepath.Join(directory, "ctrd.json")
	interop.WriteFile(t, authorities, testpki.CAFile(t))
	const fromFile, fromEnvironment, fromFlag = "https://file.example/ctr/v1", "https://environment.example/ctr/v1", "https://flag.example/ctr/v1"
	content, err := json.Marshal(map[string]any{
		"data": filepath.Join(directory, "data"), "listen": "127.0.0.1:0", "http": true, "trust": []string{authorities}, "public-url": fromFile,
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
		{"environment alone", append(environment, "CTR_DATA="+filepath.Join(directory, "other"), "CTR_LISTEN=127.0.0.1:0", "CTR_HTTP=true",
			"CTR_TRUST="+authorities), []string{"serve"}, fromEnvironment},
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
