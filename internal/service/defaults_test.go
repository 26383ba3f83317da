package service_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/testing/interop"
)

// newOperationalConfig returns a configuration outside development, whose public URL is that of its listener. certs
// contains a test PKI.
func newOperationalConfig(t *testing.T, certs string) service.Config {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return service.Config{
		DataDirectory: filepath.Join(t.TempDir(), "data"), TrustFiles: []string{filepath.Join(certs, "ca.pem")},
		Listen: address, PublicURL: "https://" + address + "/ctr/v1",
		TLSCertificateFile: filepath.Join(certs, "server.pem"), TLSKeyFile: filepath.Join(certs, "server-key.pem"),
	}
}

// request sends a request and returns the status and the body.
func request(t *testing.T, c *http.Client, r *http.Request) (int, []byte) {
	t.Helper()
	response, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body
}

func newPost(t *testing.T, address, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/xml")
	return r
}

// TestFindingL2ProductionUnlessSaid checks that only a service that says so is none for production: faults name the
// environment, and ?check answers outside production only.
func TestFindingL2ProductionUnlessSaid(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		development bool
		environment string
		want        string
		checks      bool
	}{
		{"nothing said", false, "", "Production", false},
		{"development", true, "", "Development", true},
		{"production said", false, "Production", "Production", false},
		{"production with development data", true, "Production", "Production", false},
		{"acceptance", false, "Acceptation", "Acceptation", true},
		{"test with development data", true, "Test", "Test", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			directory := interop.NewDevelopmentDirectory(t)
			certs := filepath.Join(directory, "certs")
			config := newOperationalConfig(t, certs)
			if config.Environment = c.environment; c.development {
				config = service.Config{DataDirectory: directory, Development: true, Environment: c.environment}
			}
			running := startService(t, config)
			running.CA = filepath.Join(certs, "ca.pem")
			browser := running.NewHTTPClient(t)
			if _, fault := request(t, browser, newPost(t, running.URL, "<a/>")); !bytes.Contains(fault, []byte("Environment>"+c.want+"<")) {
				t.Errorf("the fault does not name %s: %s", c.want, fault)
			}
			want := http.StatusNotFound
			if c.checks {
				want = http.StatusOK
			}
			if status, answer := request(t, browser, newPost(t, running.URL+"?check", "<a/>")); status != want {
				t.Errorf("?check: HTTP %d, not %d: %s", status, want, answer)
			}
		})
	}
}

// TestFindingL8PublicURLIsGiven checks that the contract names the address that the operator gave, whatever Host says,
// and that a service without one does not start.
func TestFindingL8PublicURLIsGiven(t *testing.T) {
	t.Parallel()
	certs := filepath.Join(interop.NewDevelopmentDirectory(t), "certs")
	running := startService(t, newOperationalConfig(t, certs))
	running.CA = filepath.Join(certs, "ca.pem")
	for _, query := range []string{"?wsdl", "?wsdl=flat", "?xsd=ctr-core-1_0.xsd", ""} {
		for _, host := range []string{"", "evil.example", "evil.example:8443", "[::1]:1"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, running.URL+query, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			r.Header.Set("X-Forwarded-Host", "evil.example")
			_, body := request(t, running.NewHTTPClient(t), r)
			if bytes.Contains(body, []byte("evil.example")) || bytes.Contains(body, []byte("://[::1]")) {
				t.Errorf("%q at host %q names another address: %s", query, host, body)
			}
			if strings.HasPrefix(query, "?wsdl") && !bytes.Contains(body, []byte(running.URL)) {
				t.Errorf("%q at host %q does not name %s", query, host, running.URL)
			}
		}
	}
	for name, change := range map[string]func(*service.Config){
		"TLS":                func(*service.Config) {},
		"plain HTTP":         func(c *service.Config) { c.PlainHTTP = true },
		"a test environment": func(c *service.Config) { c.Environment = "Test" },
	} {
		config := newOperationalConfig(t, certs)
		config.Now, config.PublicURL = time.Now, ""
		change(&config)
		if s, err := service.Start(t.Context(), config); !errors.Is(err, service.ErrNoPublicURL) {
			t.Errorf("%s: started without a public URL: %v, %v", name, s, err)
		}
	}
}
