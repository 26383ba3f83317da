package service_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// runningService is a service in this process, with the clients of package interop.
type runningService struct {
	interop.Service

	close func()
}

// startService starts a service that ends with the test. A configuration without a directory gets a new one with the
// frozen test PKI.
func startService(t *testing.T, c service.Config) *runningService {
	t.Helper()
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.DataDirectory == "" {
		c.DataDirectory = interop.NewDevelopmentDirectory(t)
	}
	s, err := service.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	running := &runningService{close: func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}}
	running.Ready = interop.Ready{URL: s.URL, Admin: s.MetricsURL, Data: c.DataDirectory, CA: s.TestPKI.CA, P12: s.TestPKI.P12}
	t.Cleanup(running.close)
	return running
}

// logBuffer collects the log of a service.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// verifyAuditLog fails if the audit log of a closed service does not verify, together with its anchor file.
func verifyAuditLog(t *testing.T, directory string) {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{Directory: directory})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := db.PublicKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	trusted := make([]ed25519.PublicKey, len(keys))
	for i, key := range keys {
		trusted[i] = key.Key
	}
	anchor, err := auditlog.OpenAnchorSnapshot(filepath.Join(directory, auditlog.AnchorFileName))
	if err != nil {
		t.Fatal(err)
	}
	report, err := auditlog.Verify(t.Context(), db, trusted, anchor)
	if err = errors.Join(err, anchor.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	if len(report.Findings) != 0 {
		t.Errorf("the audit log: %v", report.Findings)
	}
}

func TestDevelopmentServiceKeepsItsFolder(t *testing.T) {
	t.Parallel()
	directory := filepath.Join(t.TempDir(), "new", "data")
	config := service.Config{DataDirectory: directory, Development: true}
	service := startService(t, config)
	for _, entry := range []string{
		"NIHII-HOSPITAL=71000436", "NIHII-HOSPITAL=71012413", "NIHII-RETIREMENT=76123422", "CBE=0403227020", "SSIN=78031412250",
		"SSIN=69092234126", "SSIN=85073003328", "SSIN=81050511813", "SSIN=91021706490", "SSIN=48022907379", authority.EntryExpired, authority.EntryRevoked, authority.EntryEC,
	} {
		if service.P12[entry] == "" {
			t.Errorf("there is no .p12 file for %s", entry)
		}
	}
	if got, want := service.PasswordFile(), filepath.Join(directory, "certs", "password.txt"); got != want || service.CA != filepath.Join(directory, "certs", "ca.pem") {
		t.Errorf("password in %s, authorities in %s", got, service.CA)
	}
	checkPrivate(t, filepath.Join(directory, "ctr.sqlite"), service.PasswordFile(), service.P12[testpki.Hospital])
	keyFile, password := mustReadFile(t, service.P12[testpki.Hospital]), mustReadFile(t, service.PasswordFile())
	key, err := p12.DecodeSigningKey(keyFile, strings.TrimSpace(string(password)), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	number := interop.MustNotify(t, service.NewClient(t, key), interop.NewImplantation("RESTART-1", interop.PatientSSIN, "S-1")).Receipt.NotificationNumber
	service.close()

	again := startService(t, config)
	if !maps.Equal(again.P12, service.P12) || !bytes.Equal(mustReadFile(t, again.P12[testpki.Hospital]), keyFile) || !bytes.Equal(mustReadFile(t, again.PasswordFile()), password) {
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
	for _, entry := range []string{"NIHII-HOSPITAL=71012413", authority.EntryEC} {
		t.Run(entry, func(t *testing.T) {
			t.Parallel()
			directory := interop.NewDevelopmentDirectory(t)
			index, err := authority.ReadDevelopmentFiles(filepath.Join(directory, "certs"))
			if err != nil {
				t.Fatal(err)
			}
			service := startService(t, service.Config{
				DataDirectory: directory, Development: true, ReplyKeyFile: index.P12[entry], ReplyPasswordFile: index.Password,
			})
			c := service.NewClient(t, interop.HospitalKey(t))
			reply := interop.PostMessage(t, c, interop.SignRequest(t, c, "NotifyImplant", interop.NewImplantation("SIGNED-1", interop.PatientSSIN, "S-1")))
			if !bytes.Contains(reply, []byte("urn:be:fgov:ehealth:2.0:status:Success")) {
				t.Fatalf("the service answers %s", reply)
			}
			interop.VerifyWithXmlsec(t, reply, testpki.Key(t, entry), 2)
		})
	}
}
