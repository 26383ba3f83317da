package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/openctr/ctr/internal/endpoint"
	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/sandbox"
	"github.com/openctr/ctr/internal/store"
)

// hasSandbox reports whether the service explains itself to those who write callers of it. One that says it is in production
// does not, however it was started.
func (c *serveCommand) hasSandbox() bool { return c.Dev && c.Environment != "Production" }

// sandbox puts the pages of a development service before its door.
func (c *serveCommand) sandbox(e environment, s *service, files pki.DevelopmentFiles, door func(*store.DB) http.Handler) (http.Handler, error) {
	gate := sandbox.NewGate(door(s.books.store))
	config := sandbox.Config{
		Service: gate, Path: endpoint.Path, PublicURL: c.PublicURL, Files: files, Now: time.Now, NewID: newNCName,
	}
	if c.Database == "" { // one that was named may be somebody else's too
		config.Reset = func() error { return c.reset(e, s, gate, door) }
	}
	return sandbox.New(config)
}

// reset begins the register anew while nobody uses it. A service that has lost its register over it ends: started again, it
// begins with a new one.
func (c *serveCommand) reset(e environment, s *service, gate *sandbox.Gate, door func(*store.DB) http.Handler) error {
	log := slog.New(slog.NewJSONHandler(e.stderr, nil))
	err := gate.Replace(func() (http.Handler, error) {
		if err := s.books.renew(e.ctx, c, log); err != nil {
			return nil, err
		}
		return door(s.books.store), nil
	})
	if err != nil {
		log.ErrorContext(e.ctx, "the sandbox could not begin anew", slog.String("error", err.Error()))
		select {
		case s.failed <- fmt.Errorf("begin anew: %w", err):
		default: // it ends already
		}
		return err
	}
	log.InfoContext(e.ctx, "the sandbox began anew")
	return nil
}
