package interop

import (
	"bufio"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	certstestdata "github.com/openctr/ctr/certs-testdata"
	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// Ready is the line of JSON that the service prints when it is ready.
type Ready struct {
	URL   string            `json:"url"`
	Admin string            `json:"admin"`
	Data  string            `json:"data"`
	CA    string            `json:"ca"`
	P12   map[string]string `json:"p12"`
}

// PasswordFile returns the path of the file with the password of the .p12 files.
func (r Ready) PasswordFile() string { return filepath.Join(filepath.Dir(r.CA), "password.txt") }

// Service is a running ctrd.
type Service struct {
	Ready

	command *exec.Cmd
	stdout  *outputBuffer
	stderr  *outputBuffer
	ended   chan struct{}
}

// outputBuffer stores the output of a running process.
type outputBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *outputBuffer) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *outputBuffer) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// NewDevelopmentDirectory creates the data directory of a development service with the frozen test PKI. Generating a
// PKI would take seconds, and a fixed one has known keys.
func NewDevelopmentDirectory(tb testing.TB) string {
	tb.Helper()
	directory := filepath.Join(tb.TempDir(), "data")
	if err := os.CopyFS(filepath.Join(directory, "certs"), certstestdata.Files); err != nil {
		tb.Fatal(err)
	}
	return directory
}

// StartService starts a development service on a data directory, with additional arguments of ctrd serve, and waits
// until it is ready.
func StartService(tb testing.TB, directory string, args ...string) *Service {
	tb.Helper()
	return StartServiceWithEnv(tb, nil, append([]string{"serve", "--dev", "--data", directory, "--listen", "127.0.0.1:0"}, args...)...)
}

// StartServiceWithEnv starts ctrd with these arguments and environment variables, and waits until it is ready.
func StartServiceWithEnv(tb testing.TB, environment []string, args ...string) *Service {
	tb.Helper()
	s := &Service{command: NewCommand(tb, ProgramPath(tb, "ctrd"), environment, args...), stdout: &outputBuffer{}, stderr: &outputBuffer{}, ended: make(chan struct{})}
	s.command.Stderr = s.stderr
	out, err := s.command.StdoutPipe()
	if err == nil {
		err = s.command.Start()
	}
	if err != nil {
		tb.Fatal("start the service: ", err)
	}
	tb.Cleanup(s.Kill)
	ready := make(chan string, 1)
	go s.watchOutput(out, ready)
	select {
	case line := <-ready:
		if err := json.Unmarshal([]byte(line), &s.Ready); err != nil {
			s.Kill()
			tb.Fatalf("the service did not say that it is ready: %q\n%s", line, s.stderr)
		}
	case <-time.After(30 * time.Second):
		s.Kill()
		tb.Fatalf("the service is not ready after 30 seconds\n%s", s.stderr)
	}
	return s
}

// watchOutput sends the first line of output to ready, stores all output, and waits for the process to end.
func (s *Service) watchOutput(out io.Reader, ready chan<- string) {
	lines := bufio.NewReader(io.TeeReader(out, s.stdout))
	line, _ := lines.ReadString('\n') // on an error the test reports the incomplete line
	ready <- line
	_, _ = io.Copy(io.Discard, lines)
	_ = s.command.Wait() // Stop returns the exit code
	close(s.ended)
}

// Kill ends the service with SIGKILL. It has no effect if the service has ended.
func (s *Service) Kill() {
	_ = s.command.Process.Kill()
	<-s.ended
}

// Stop ends the service with SIGTERM, waits, and returns the exit code.
func (s *Service) Stop(tb testing.TB) int {
	tb.Helper()
	s.Signal(tb, syscall.SIGTERM)
	return s.AwaitEnd(tb, 30*time.Second)
}

// Signal sends a signal to the service.
func (s *Service) Signal(tb testing.TB, signal os.Signal) {
	tb.Helper()
	if err := s.command.Process.Signal(signal); err != nil {
		tb.Fatal("signal the service: ", err)
	}
}

// AwaitEnd waits until the service has ended, and returns the exit code: -1 if a signal ended it.
func (s *Service) AwaitEnd(tb testing.TB, limit time.Duration) int {
	tb.Helper()
	select {
	case <-s.ended:
	case <-time.After(limit):
		tb.Fatalf("the service has not ended after %s\n%s", limit, s.stderr)
	}
	return s.command.ProcessState.ExitCode()
}

// Stdout returns the standard output so far.
func (s *Service) Stdout() string { return s.stdout.String() }

// Stderr returns the standard error output so far.
func (s *Service) Stderr() string { return s.stderr.String() }

// NewClient returns a client that signs with key. Clients of one service do not share connections.
func (s *Service) NewClient(tb testing.TB, key *x509id.Key) *client.Client {
	tb.Helper()
	return &client.Client{URL: s.URL, Key: key, HTTP: s.NewHTTPClient(tb), Now: time.Now, NewID: NewID}
}

// NewHTTPClient returns an HTTP client that trusts the service's certificate and uses no proxy.
func (s *Service) NewHTTPClient(tb testing.TB) *http.Client {
	tb.Helper()
	authorities, err := os.ReadFile(s.CA)
	if err != nil {
		tb.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authorities)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	tb.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// HospitalKey returns the key that most tests sign with: a P-256 key of the first hospital. Signing with RSA would
// take 30 times as long.
func HospitalKey(tb testing.TB) *x509id.Key {
	tb.Helper()
	return testpki.ECKey(tb)
}

// NewID returns a random identifier that is an NCName.
func NewID() string { return "_" + rand.Text() }
