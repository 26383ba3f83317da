package sandbox

import (
	"io"
	"net/http"
	"sync"
)

// Gate forwards requests to a service. The service can be replaced while no request is in progress.
type Gate struct {
	mu      sync.RWMutex // each request in progress holds a read lock
	service http.Handler
}

// NewGate returns an open gate in front of service.
func NewGate(service http.Handler) *Gate { return &Gate{service: service} }

// ServeHTTP forwards a request. While the gate is closed or closing, it responds 503 with Retry-After.
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

// Replace closes the gate, waits for the requests in progress, and reopens it in front of the service that f returns.
// If f fails, the previous service stays in place.
func (g *Gate) Replace(f func() (http.Handler, error)) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	service, err := f()
	if err == nil {
		g.service = service
	}
	return err
}
