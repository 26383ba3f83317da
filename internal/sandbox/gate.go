package sandbox

import (
	"io"
	"net/http"
	"sync"
)

// Gate lets requests through to a service that can be replaced while none is under way.
type Gate struct {
	mu      sync.RWMutex // held for reading by every request under way
	service http.Handler
}

// NewGate makes an open gate before a service.
func NewGate(service http.Handler) *Gate { return &Gate{service: service} }

// ServeHTTP lets a request through. While the gate is closed, or waits to be, the answer is to come back soon.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.mu.TryRLock() {
		w.Header().Set("Retry-After", "2")
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "The sandbox begins anew. Nothing was done. Try again in a moment.\n")
		return
	}
	defer g.mu.RUnlock()
	g.service.ServeHTTP(w, r)
}

// Replace closes the gate, waits for the requests under way, and opens it before what f returns. What f could not make leaves
// the service as it was, if there is still one.
func (g *Gate) Replace(f func() (http.Handler, error)) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	service, err := f()
	if err == nil {
		g.service = service
	}
	return err
}
