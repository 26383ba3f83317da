package service

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/testing/interop"
)

// startDevelopment starts a development service with the frozen test PKI.
func startDevelopment(t *testing.T) *Service {
	t.Helper()
	s, err := Start(t.Context(), Config{Now: time.Now, DataDirectory: interop.NewDevelopmentDirectory(t), Development: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func postReset(t *testing.T, s *Service) int {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // the certificate is not under test
	defer transport.CloseIdleConnections()
	address := strings.TrimSuffix(s.URL, "/ctr/v1") + "/sandbox/reset"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(url.Values{"confirm": {"yes"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Error(err)
		return 0
	}
	if err = response.Body.Close(); err != nil {
		t.Error(err)
	}
	return response.StatusCode
}

// TestConcurrentResets checks that concurrent resets succeed and that closing the register afterwards is safe.
func TestConcurrentResets(t *testing.T) {
	t.Parallel()
	s := startDevelopment(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if status := postReset(t, s); status != http.StatusSeeOther {
				t.Errorf("HTTP %d", status)
			}
		})
	}
	all.Wait()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	if err := s.register.reset(t.Context(), &Config{DataDirectory: t.TempDir()}); err == nil {
		t.Error("a closed register was reset")
	}
	select {
	case err := <-s.failures:
		t.Errorf("the service ends: %v", err)
	default:
	}
}

// TestResetThatFails checks that the service reports a failed reset and stops.
func TestResetThatFails(t *testing.T) {
	t.Parallel()
	s := startDevelopment(t)
	anchor := filepath.Join(s.config.DataDirectory, auditlog.AnchorFileName)
	if err := os.Remove(anchor); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(anchor, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if status := postReset(t, s); status != http.StatusInternalServerError {
		t.Errorf("HTTP %d", status)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := s.Wait(ctx); err == nil || !strings.Contains(err.Error(), "reset: delete the register: ") {
		t.Errorf("the service goes on without a register: %v", err)
	}
	if _, err := os.Stat(filepath.Join(s.config.DataDirectory, "ctr.sqlite")); err != nil {
		t.Errorf("the register is gone: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
