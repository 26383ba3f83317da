package service

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/testing/interop"
)

// newTestServer returns a service that only serves, with the address of its listener.
func newTestServer(t *testing.T, log *slog.Logger) (*Service, string) {
	t.Helper()
	listener, err := listenTCP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{config: Config{Log: log}, failures: make(chan error, 1), cancel: func() {}}
	s.requests, s.endRequests = context.WithCancel(context.Background())
	s.startServer(listener, http.NotFoundHandler())
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, listener.Addr().String()
}

// TestConnectionTrustIsEnabled checks that the server records trust per connection. Without it every request counts as
// unverified, which nothing else would reveal before an attack.
func TestConnectionTrustIsEnabled(t *testing.T) {
	t.Parallel()
	if s, _ := newTestServer(t, slog.New(slog.DiscardHandler)); s.servers[0].ConnContext == nil {
		t.Error("connections have no trust")
	}
}

// handshakeError begins the message of net/http about a failed handshake.
const handshakeError = "TLS handshake error"

// logBuffer collects log records and signals those about failed handshakes.
type logBuffer struct {
	mu        sync.Mutex
	text      bytes.Buffer
	handshake chan struct{}
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if bytes.Contains(p, []byte(handshakeError)) {
		b.handshake <- struct{}{}
	}
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// TestFailedHandshakeIsLoggedForDebugging checks that a client that cannot agree on TLS leaves a record of level debug,
// and none at the usual level.
func TestFailedHandshakeIsLoggedForDebugging(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		level  slog.Level
		logged bool
	}{{slog.LevelDebug, true}, {slog.LevelInfo, false}} {
		t.Run(test.level.String(), func(t *testing.T) {
			t.Parallel()
			buffer := &logBuffer{handshake: make(chan struct{}, 10)}
			s, err := Start(t.Context(), Config{
				Now: time.Now, Log: slog.New(slog.NewJSONHandler(buffer, &slog.HandlerOptions{Level: test.level})),
				DataDirectory: interop.NewDevelopmentDirectory(t), Development: true,
			})
			if err != nil {
				t.Fatal(err)
			}
			plain, err := (&http.Transport{}).RoundTrip(newRequest(t, strings.Replace(s.URL, "https://", "http://", 1)))
			if err == nil {
				err = plain.Body.Close()
			}
			if err != nil {
				t.Log("the client: ", err) // the server answers plain HTTP with a hint or closes the connection
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if test.logged {
				select {
				case <-buffer.handshake:
				case <-ctx.Done():
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if got := strings.Contains(buffer.String(), handshakeError); got != test.logged || got && !strings.Contains(buffer.String(), `"level":"DEBUG"`) {
				t.Errorf("logged: %t\n%s", got, buffer)
			}
		})
	}
}

func newRequest(t *testing.T, url string) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return request
}
