package service_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/testing/interop"
)

// TestFindingR14LastSealFails checks that a service that cannot seal its last events does not end as if it had.
func TestFindingR14LastSealFails(t *testing.T) {
	t.Parallel()
	directory := interop.NewDevelopmentDirectory(t)
	s, err := service.Start(t.Context(), service.Config{Now: time.Now, DataDirectory: directory, Development: true})
	if err != nil {
		t.Fatal(err)
	}
	anchor := filepath.Join(directory, auditlog.AnchorFileName)
	if err := os.Remove(anchor); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(anchor, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	running := &interop.Service{Ready: interop.Ready{URL: s.URL, CA: s.TestPKI.CA}}
	interop.MustNotify(t, running.NewClient(t, interop.HospitalKey(t)), interop.NewImplantation("LAST-1", interop.PatientSSIN, "S-1"))
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "not sealed") {
		t.Errorf("closed: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}
