package service

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/openctr/ctr/internal/admission"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/card/issuer"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/reqlog"
	"github.com/openctr/ctr/internal/soapdoor"
	"github.com/openctr/ctr/internal/soapdoor/ctrdoor"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// mostConnections bounds the open connections to what memory allows: an idle one takes 45 kB.
const mostConnections = 8192

// handlerFactory makes the SOAP handler for an open register, and starts its periodic work.
type handlerFactory func(*openRegister) (http.Handler, error)

// newHandlerFactory prepares everything that does not depend on the store. A reset calls the factory again.
func (c *Config) newHandlerFactory(
	registry *prometheus.Registry, verifier *wsse.Verifier, controller *admission.Controller,
	signReply func([]byte) ([]byte, error), parts *portalParts, cards cardSettings,
) (handlerFactory, error) {
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	log, err := reqlog.New(c.Log, c.Now, registry)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	schemas, err := ctr.CompileSchema()
	if err != nil {
		return nil, fmt.Errorf("the schemas: %w", err)
	}
	newID := func() string { return NewID(c.Now()) }
	return func(r *openRegister) (http.Handler, error) {
		cardIssuer := issuer.New(issuer.Config{
			Store: r.store, Key: cards.key, Origin: cards.origin, Now: c.Now, Log: c.Log,
		})
		registrar := implants.New(implants.Config{
			Store:               cardIssuer.Watch(r.store),
			Now:                 c.Now,
			NewID:               newID,
			Location:            ident.BelgianTime(),
			RequireCareRelation: c.RequireCareRelation,
		})
		door := soapdoor.New(soapdoor.Config{
			Contracts: []soapdoor.Contract{ctrdoor.NewContract(ctrdoor.Config{
				Registrar: registrar, Verifier: verifier, Schema: schemas, PublicURL: c.PublicURL,
				RenderCard: cardIssuer.Issue,
			})},
			Log: log, Now: c.Now, NewID: newID, Environment: c.Environment, SignReply: signReply,
			Admission: controller, ReadyRemark: func() string { return r.sealing().remark(c.Now()) },
		})
		r.startJob(door.Run)
		r.startJob(cardIssuer.Run)
		handler, err := newCardPage(c, cardIssuer, controller, door)
		if err != nil || parts == nil {
			return handler, err
		}
		return parts.newPortal(c, registrar, cardIssuer, r, controller, handler)
	}, nil
}

// startServer serves on a listener. The timeouts protect the service from slow or silent clients. Errors of
// connections, such as failed TLS handshakes, are the clients' mistakes and only of interest while debugging.
func (s *Service) startServer(listener net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10, ConnContext: admission.ConnContext,
		HTTP2:       &http.HTTP2Config{MaxConcurrentStreams: admission.MaxStreams},
		ErrorLog:    slog.NewLogLogger(s.config.Log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return s.requests },
	}
	s.servers = append(s.servers, server)
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.failures <- err
		}
	}()
}

func (s *Service) startMetricsServer(ctx context.Context, registry *prometheus.Registry) error {
	if s.config.MetricsListen == "" {
		return nil
	}
	listener, err := listenTCP(ctx, s.config.MetricsListen)
	if err != nil {
		return err
	}
	s.MetricsURL = "http://" + listener.Addr().String() + "/metrics"
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	s.startServer(listener, mux)
	return nil
}

func newTLSConfig(certificate tls.Certificate, controller *admission.Controller) *tls.Config {
	return &tls.Config{
		GetCertificate: controller.FairHandshakes(certificate),
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
	}
}

func listenTCP(ctx context.Context, address string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", address, err)
	}
	return listener, nil
}

// closeListener closes a listener that is not served, if there is one.
func closeListener(l net.Listener) error {
	if l == nil {
		return nil
	}
	return l.Close()
}

func (c *Config) serviceURL(address net.Addr) string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	scheme := "https"
	if c.PlainHTTP {
		scheme = "http"
	}
	return scheme + "://" + address.String() + ctr.Path
}
