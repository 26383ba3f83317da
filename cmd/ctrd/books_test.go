package main

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	certstestdata "github.com/openctr/ctr/certs-testdata"
	"github.com/openctr/ctr/internal/auditlog"
)

// startDevelopmentService starts a development service in this process, so that the race detector covers it.
func startDevelopmentService(t *testing.T) (*serveCommand, *service) {
	t.Helper()
	directory := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(filepath.Join(directory, "certs"), certstestdata.Files); err != nil {
		t.Fatal(err)
	}
	c := &serveCommand{Data: directory, Dev: true, Listen: "127.0.0.1:0", Environment: "Test", Revocation: "soft"}
	s, err := c.startService(environment{ctx: t.Context(), getenv: func(string) string { return "" }, stdout: io.Discard, stderr: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

func postReset(t *testing.T, s *service) int {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // the certificate is not under test
	defer transport.CloseIdleConnections()
	address := strings.TrimSuffix(s.startup.URL, "/ctr/v1") + "/reset"
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
	_, s := startDevelopmentService(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if status := postReset(t, s); status != http.StatusSeeOther {
				t.Errorf("HTTP %d", status)
			}
		})
	}
	all.Wait()
	if err := s.shutDown(); err != nil {
		t.Error(err)
	}
	if err := s.register.closeStore(context.Background()); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	if err := s.register.resetStore(t.Context(), &serveCommand{Data: t.TempDir()}, nil); err == nil {
		t.Error("a closed register was begun anew")
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
	c, s := startDevelopmentService(t)
	anchor := filepath.Join(c.Data, auditlog.AnchorFileName)
	if err := os.Remove(anchor); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(anchor, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if status := postReset(t, s); status != http.StatusInternalServerError {
		t.Errorf("HTTP %d", status)
	}
	select {
	case err := <-s.failures:
		if !strings.Contains(err.Error(), "reset: delete the register: ") {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the service goes on without a register")
	}
	if _, err := os.Stat(filepath.Join(c.Data, "ctr.sqlite")); err != nil {
		t.Errorf("the register is gone: %v", err)
	}
	if err := s.shutDown(); err != nil {
		t.Error(err)
	}
}
