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
	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/testpki"
)

// Ready is the last line of the service's start-up.
type Ready struct {
	URL   string            `json:"url"`
	Admin string            `json:"admin"`
	Data  string            `json:"data"`
	CA    string            `json:"ca"`
	P12   map[string]string `json:"p12"`
}

// Password is the file with the password of the .p12 files.
func (r Ready) Password() string { return filepath.Join(filepath.Dir(r.CA), "password.txt") }

// Service is a running ctrd.
type Service struct {
	Ready

	command *exec.Cmd
	stdout  *record
	stderr  *record
	ended   chan struct{}
}

// record keeps what a process says while it runs.
type record struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// DevelopmentDirectory makes the folder of a development service with the frozen test PKI in it: making one takes
// seconds, and tests that share it need not ask which key is whose.
func DevelopmentDirectory(tb testing.TB) string {
	tb.Helper()
	directory := filepath.Join(tb.TempDir(), "data")
	if err := os.CopyFS(filepath.Join(directory, "certs"), certstestdata.Files); err != nil {
		tb.Fatal(err)
	}
	return directory
}

// Start starts a development service on a folder, with more arguments of ctrd serve, and waits until it is ready.
func Start(tb testing.TB, directory string, args ...string) *Service {
	tb.Helper()
	return StartWith(tb, nil, append([]string{"serve", "--dev", "--data", directory, "--listen", "127.0.0.1:0"}, args...)...)
}

// StartWith starts ctrd with these arguments and settings in its environment, and waits until it is ready.
func StartWith(tb testing.TB, environment []string, args ...string) *Service {
	tb.Helper()
	s := &Service{command: Command(tb, Program(tb, "ctrd"), environment, args...), stdout: &record{}, stderr: &record{}, ended: make(chan struct{})}
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
	go s.watch(out, ready)
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

// watch hands on the first line, which is the only one, keeps all that follows, and waits for the end.
func (s *Service) watch(out io.Reader, ready chan<- string) {
	lines := bufio.NewReader(io.TeeReader(out, s.stdout))
	line, _ := lines.ReadString('\n') // what there is of a line is told to the test
	ready <- line
	_, _ = io.Copy(io.Discard, lines)
	_ = s.command.Wait() // whoever wants to know asks Stop
	close(s.ended)
}

// Kill ends the service as kill -9 does. To kill one that has ended does nothing.
func (s *Service) Kill() {
	_ = s.command.Process.Kill()
	<-s.ended
}

// Stop asks the service to end, waits for that, and returns its exit code.
func (s *Service) Stop(tb testing.TB) int {
	tb.Helper()
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		tb.Fatal("stop the service: ", err)
	}
	select {
	case <-s.ended:
	case <-time.After(30 * time.Second):
		tb.Fatalf("the service has not ended after 30 seconds\n%s", s.stderr)
	}
	return s.command.ProcessState.ExitCode()
}

// Stdout is all that the service has said on standard output so far.
func (s *Service) Stdout() string { return s.stdout.String() }

// Stderr is all that the service has said on standard error so far.
func (s *Service) Stderr() string { return s.stderr.String() }

// Client makes a client that signs with a key. Clients of one service do not share connections.
func (s *Service) Client(tb testing.TB, key *pki.Key) *client.Client {
	tb.Helper()
	return &client.Client{URL: s.URL, Key: key, HTTP: s.HTTP(tb), Now: time.Now, NewID: NewID}
}

// HTTP makes an HTTP client that trusts the service and asks no proxy.
func (s *Service) HTTP(tb testing.TB) *http.Client {
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

// Hospital is the key that most tests sign with: of the first hospital, on P-256, because signing with RSA would take
// thirty times as long.
func Hospital(tb testing.TB) *pki.Key {
	tb.Helper()
	return testpki.EC(tb)
}

// NewID makes an identifier that is an NCName.
func NewID() string { return "_" + rand.Text() }
