package service

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/countersign"
	"github.com/openctr/ctr/internal/testing/storetest"
	"github.com/openctr/ctr/internal/testing/testtsa"
)

// TestCheckpointsAreStamped: what the sealer seals is stamped, by an authority that must be trusted, and verifies. An
// authority that never answers delays no sealing.
func TestCheckpointsAreStamped(t *testing.T) {
	t.Parallel()
	a := testtsa.New(t, time.Now)
	directory := t.TempDir()
	s := newSealing(t, storetest.NewSQLiteBackend(t), directory)
	s.clock = time.Now()
	c := Config{Now: time.Now, DataDirectory: directory, TimestampURL: a.URL, TimestampTrustFile: a.TrustFile(t)}
	stamper, err := c.newStamper()
	if err != nil {
		t.Fatal(err)
	}
	s.stamper = stamper
	s.record(t)
	if err = s.sealOnce(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if n := a.Requests.Load(); n != 0 {
		t.Errorf("sealing asked the authority %d times", n)
	}
	if err = stamper.StampNewest(t.Context()); err != nil {
		t.Fatal(err)
	}
	report, err := countersign.Verify(t.Context(), s.db, filepath.Join(directory, countersign.FileName), a.Roots)
	if err != nil || report.Last != 1 || len(report.Findings) > 0 {
		t.Errorf("%+v, %v", report, err)
	}
	asked, release := make(chan struct{}), make(chan struct{})
	a.Answer(func(http.ResponseWriter, *http.Request) { close(asked); <-release })
	s.record(t)
	if err = s.sealOnce(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- stamper.StampNewest(t.Context()) }()
	<-asked
	s.record(t)
	if err = s.sealOnce(t.Context(), 0); err != nil { // while the authority is silent
		t.Error(err)
	}
	close(release)
	if err = <-ended; err == nil {
		t.Error("an empty answer was a token")
	}
}

func TestTimestampSettings(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	trust := testtsa.New(t, time.Now).TrustFile(t)
	for _, test := range []struct{ url, trust, want string }{
		{"http://tsa.example", "", "tsa-url: nobody could verify"}, {"", trust, "tsa-url: the address"},
		{"http://tsa.example", empty, "no certificate in PEM"}, {"ftp://tsa.example", trust, "tsa-url: the address"},
		{"http://tsa.example", "absent.pem", "tsa-trust: open absent.pem"},
	} {
		c := Config{Now: time.Now, TimestampURL: test.url, TimestampTrustFile: test.trust}
		_, err := c.newStamper()
		if _, isSetting := errors.AsType[*SettingError](err); !isSetting || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v", test, err)
		}
	}
	if stamper, err := (&Config{}).newStamper(); stamper != nil || err != nil {
		t.Errorf("%v, %v", stamper, err)
	}
}
