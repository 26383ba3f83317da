package service

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/devkit/sandbox"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// hasSandbox reports whether the service has the pages for developers of client software. A service with the
// environment Production never has them.
func (c *Config) hasSandbox() bool { return c.Development && c.Environment != "Production" }

// newHandler returns the SOAP handler, in development with the pages for developers.
func (s *Service) newHandler(
	background context.Context, files authority.DevelopmentFiles, newHandler handlerFactory,
) (http.Handler, error) {
	if !s.config.hasSandbox() {
		return newHandler(&s.register)
	}
	return s.newSandbox(background, files, newHandler)
}

// newSandbox returns a handler that adds the pages of a development service to the SOAP handler.
func (s *Service) newSandbox(
	background context.Context, files authority.DevelopmentFiles, newHandler handlerFactory,
) (http.Handler, error) {
	handler, err := newHandler(&s.register)
	if err != nil {
		return nil, err
	}
	gate := sandbox.NewGate(handler)
	config := sandbox.Config{
		Service:   gate,
		Path:      ctr.Path,
		PublicURL: s.config.PublicURL,
		Files:     files,
		Now:       s.config.Now,
		NewID:     s.config.newNCName,
	}
	if s.config.DatabaseURL == "" { // a database with a URL may be shared
		config.Reset = func() error { return s.resetRegister(background, gate, newHandler) }
	}
	return sandbox.New(config)
}

// resetRegister replaces the register by a new one while the gate holds requests back. If that fails the service stops;
// it opens a new register at the next start.
func (s *Service) resetRegister(ctx context.Context, gate *sandbox.Gate, newHandler handlerFactory) error {
	err := gate.Replace(func() (http.Handler, error) {
		if err := s.register.reset(ctx, &s.config); err != nil {
			return nil, err
		}
		return newHandler(&s.register)
	})
	if err != nil {
		s.config.Log.ErrorContext(ctx, "sandbox reset failed", slog.String("error", err.Error()))
		select {
		case s.failures <- fmt.Errorf("reset: %w", err):
		default: // the service stops already
		}
		return err
	}
	s.config.Log.InfoContext(ctx, "sandbox reset")
	return nil
}
