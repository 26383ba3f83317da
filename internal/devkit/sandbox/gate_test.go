package sandbox_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/openctr/ctr/internal/devkit/sandbox"
)

func newNamedHandler(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })
}

func requestThroughGate(g *sandbox.Gate) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	g.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	return w
}

// TestGate: no request reaches the service while it is replaced, and requests in progress finish first.
func TestGate(t *testing.T) {
	t.Parallel()
	inside, leave := make(chan struct{}), make(chan struct{})
	var blocked, left atomic.Bool
	g := sandbox.NewGate(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if blocked.CompareAndSwap(false, true) {
			close(inside)
			<-leave
		}
		_, _ = io.WriteString(w, "old")
	}))
	early := make(chan string)
	go func() { early <- requestThroughGate(g).Body.String() }()
	<-inside
	replaced := make(chan error)
	go func() {
		replaced <- g.Replace(func() (http.Handler, error) {
			if !left.Load() {
				t.Error("the service was replaced under a request")
			}
			if w := requestThroughGate(g); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
				t.Errorf("meanwhile: HTTP %d %v", w.Code, w.Header())
			}
			return newNamedHandler("new"), nil
		})
	}()
	for requestThroughGate(g).Code != http.StatusServiceUnavailable { // until Replace waits for the lock
		runtime.Gosched()
	}
	left.Store(true)
	close(leave)
	if body := <-early; body != "old" {
		t.Errorf("the early one was told %q", body)
	}
	if err := <-replaced; err != nil {
		t.Fatal(err)
	}
	if body := requestThroughGate(g).Body.String(); body != "new" {
		t.Errorf("afterwards: %q", body)
	}
	failed := errors.New("failed")
	if err := g.Replace(func() (http.Handler, error) { return nil, failed }); !errors.Is(err, failed) {
		t.Error(err)
	}
	if body := requestThroughGate(g).Body.String(); body != "new" {
		t.Errorf("after a failure: %q", body)
	}
}
