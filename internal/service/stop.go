package service

import (
	"context"
	"errors"
	"net/http"
	"time"
)

const (
	// stopLimit bounds Close, whatever the callers, the database and the disk do.
	stopLimit = 9 * time.Second
	// answerLimit is how long running requests may still wait for the register. Later they are refused, which their
	// callers learn before the connection ends.
	answerLimit = 5 * time.Second
	// closeMargin is left of stopLimit for closing, when sealing the audit log takes all the time.
	closeMargin = time.Second
)

// ErrStopTimeout means that something did not end in time. What was acknowledged is stored.
var ErrStopTimeout = errors.New("the service did not stop in time, and ends without waiting any longer")

// Drain tells callers and load balancers to go elsewhere, and returns after the given time or when ctx ends. Until then
// every request is served, /readyz says that the service is not ready, and each response ends its connection. Without
// it a request may arrive on a connection that Close is closing.
func (s *Service) Drain(ctx context.Context, duration time.Duration) {
	s.draining.Store(true)
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// announceDrain adds to a handler what callers must know while the service drains.
func (s *Service) announceDrain(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.draining.Load() {
			w.Header().Set("Connection", "close") // net/http sends GOAWAY instead on an HTTP/2 connection
			if r.URL.Path == "/readyz" {
				http.Error(w, "not ready: the service is stopping", http.StatusServiceUnavailable)
				return
			}
		}
		handler.ServeHTTP(w, r)
	})
}

// Close waits for the requests in progress, seals the audit log and closes the register. After stopLimit it returns
// ErrStopTimeout without waiting for what is left. Closing again does nothing.
func (s *Service) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.closeWithin(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ErrStopTimeout
	}
}

func (s *Service) closeWithin(ctx context.Context) error {
	refusing := time.AfterFunc(answerLimit, s.endRequests)
	defer refusing.Stop()
	var err error
	for _, server := range s.servers {
		err = errors.Join(err, server.Shutdown(ctx))
	}
	s.endRequests()
	s.cancel()
	s.jobs.Wait()
	return errors.Join(err, s.register.close(ctx))
}
