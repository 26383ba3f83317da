package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/openctr/ctr/internal/devkit/sandbox"
	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/soapdoor"
	"github.com/openctr/ctr/internal/store"
)

// hasSandbox reports whether the service has the pages for developers of client software. A service with the
// environment Production never has them.
func (c *serveCommand) hasSandbox() bool { return c.Dev && c.Environment != "Production" }

// newSandbox returns a handler that adds the pages of a development service to the SOAP handler.
func (c *serveCommand) newSandbox(e environment, s *service, files pki.DevelopmentFiles, newHandler func(*store.DB) http.Handler) (http.Handler, error) {
	gate := sandbox.NewGate(newHandler(s.register.store))
	config := sandbox.Config{
		Service: gate, Path: soapdoor.Path, PublicURL: c.PublicURL, Files: files, Now: time.Now, NewID: newNCName,
	}
	if c.Database == "" { // a database given with --database may be shared
		config.Reset = func() error { return c.resetRegister(e, s, gate, newHandler) }
	}
	return sandbox.New(config)
}

// resetRegister replaces the register by a new one while the gate holds requests back. If that fails the service stops;
// it opens a new register at the next start.
func (c *serveCommand) resetRegister(e environment, s *service, gate *sandbox.Gate, newHandler func(*store.DB) http.Handler) error {
	log := slog.New(slog.NewJSONHandler(e.stderr, nil))
	err := gate.Replace(func() (http.Handler, error) {
		if err := s.register.resetStore(e.ctx, c, log); err != nil {
			return nil, err
		}
		return newHandler(s.register.store), nil
	})
	if err != nil {
		log.ErrorContext(e.ctx, "sandbox reset failed", slog.String("error", err.Error()))
		select {
		case s.failures <- fmt.Errorf("reset: %w", err):
		default: // the service stops already
		}
		return err
	}
	log.InfoContext(e.ctx, "sandbox reset")
	return nil
}
