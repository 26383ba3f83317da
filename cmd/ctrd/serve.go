package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/reqlog"
	"github.com/openctr/ctr/internal/soapdoor"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/xsd"
)

// serveCommand holds the settings of a service.
type serveCommand struct {
	Data        string   `help:"Data directory: the embedded database and, with --dev, the test PKI." default:"ctr-data" type:"path" placeholder:"DIR"`
	Dev         bool     `help:"Run a development service with a start page at /. If DIR is new, it creates a test PKI in DIR/certs and loads development data."`
	Listen      string   `help:"Address to listen on." default:"127.0.0.1:8443" placeholder:"HOST:PORT"`
	AdminListen string   `help:"Address for metrics; none if empty. Do not expose it publicly." placeholder:"HOST:PORT"`
	Database    string   `help:"PostgreSQL database, postgres://…; the embedded database in DIR if omitted." placeholder:"URL"`
	Keys        string   `help:"File with the keys that encrypt personal data, created with a new register; DIR/keys.json if omitted." type:"path" placeholder:"FILE"`
	Trust       []string `help:"PEM file of certification authorities trusted to issue signers' certificates. Repeatable." type:"path" placeholder:"FILE"`
	Known       []string `help:"PEM file of registered certificates, to which a message may refer by issuer and serial number, key identifier or thumbprint. Repeatable." type:"path" placeholder:"FILE"`
	Revocation  string   `help:"What to do if a signer's revocation status is unknown: soft accepts and hard rejects the message, and both query the authority in the background; off uses only the files files." enum:"off,soft,hard" default:"soft"`
	CRL         []string `name:"crl" help:"Revocation list: a file, reloaded when it changes, or a URL that no certificate contains or that must be loaded at startup. Repeatable." placeholder:"FILE|URL"`
	OCSP        []string `name:"ocsp" help:"File with an OCSP response about one certificate, reloaded when it changes. Repeatable." type:"path" placeholder:"FILE"`
	TLSCert     string   `name:"tls-cert" help:"PEM file with the server's certificate and its chain." type:"path" placeholder:"FILE"`
	TLSKey      string   `name:"tls-key" help:"PEM file with the server's private key." type:"path" placeholder:"FILE"`
	HTTP        bool     `name:"http" help:"Serve plain HTTP, on a loopback address only, for use behind a proxy."`
	PublicURL   string   `help:"URL of the service for callers, used in the WSDL." placeholder:"URL"`
	Environment string   `help:"Name of the environment, shown in faults." enum:"Development,Test,Integration,Acceptation,Simulation,Production" default:"Test"`
	Strict      bool     `help:"Require that the security token is signed too."`
	AllowSHA1   string   `name:"allow-sha1" help:"Accept SHA-1 in signatures through this day (UTC)." placeholder:"DATE"`
	RequireLink bool     `help:"Require an existing therapeutic relation for notifications too."`
	SignReplies bool     `help:"Sign the responses with the key in --reply-key."`
	ReplyKey    string   `help:".p12 file with the key that signs responses." type:"path" placeholder:"FILE"`
	ReplyPass   string   `name:"reply-password-file" help:"File with the password of --reply-key." type:"path" placeholder:"FILE"`
}

// startupInfo is printed as one line of JSON on standard output when the service is ready.
type startupInfo struct {
	URL   string            `json:"url"`
	Admin string            `json:"admin,omitempty"`
	Data  string            `json:"data"`
	CA    string            `json:"ca,omitempty"`
	P12   map[string]string `json:"p12,omitempty"`
}

// Run serves until the context ends.
func (c *serveCommand) Run(e environment) error {
	s, err := c.startService(e)
	if err != nil {
		return err
	}
	line, err := json.Marshal(s.startup)
	if err == nil {
		_, err = fmt.Fprintln(e.stdout, string(line))
	}
	if err != nil {
		return errors.Join(err, s.shutDown())
	}
	select {
	case <-e.ctx.Done():
		return s.shutDown()
	case err := <-s.failures:
		return errors.Join(err, s.shutDown())
	}
}

// service is a running service.
type service struct {
	startup  startupInfo
	servers  []*http.Server
	register openRegister
	failures chan error
}

// startService checks the settings, cheapest first, opens the register and listens.
func (c *serveCommand) startService(e environment) (_ *service, err error) {
	until, err := c.parseSHA1Deadline()
	if err != nil {
		return nil, err
	}
	if c.HTTP && !isLoopback(c.Listen) {
		return nil, fmt.Errorf("--http needs a loopback address, which %s is not: use TLS, or a proxy in front", c.Listen)
	}
	listener, err := listenTCP(e.ctx, c.Listen)
	if err != nil {
		return nil, err
	}
	s := &service{failures: make(chan error, 2)}
	defer func() {
		if err != nil {
			err = errors.Join(err, listener.Close(), s.shutDown())
		}
	}()
	signReply, err := c.newReplySigner()
	if err != nil {
		return nil, err
	}
	var files serviceFiles
	if !c.Dev { // a development service creates them below, once its directory exists
		if files, err = c.readFiles(e.stderr); err != nil {
			return nil, err
		}
	}
	if err = s.register.openStore(e.ctx, c, slog.New(slog.NewJSONHandler(e.stderr, nil))); err != nil {
		return nil, err
	}
	if c.Dev {
		if files, err = c.readFiles(e.stderr); err != nil {
			return nil, err
		}
	}
	registry := prometheus.NewRegistry()
	newHandler, err := c.newHandlerFactory(e, registry, &wsse.Verifier{Trust: files.trust, Registered: files.knownCertificates, Now: time.Now, Strict: c.Strict, AllowSHA1Until: until}, signReply)
	if err != nil {
		return nil, err
	}
	handler := newHandler(s.register.store)
	if c.hasSandbox() {
		if handler, err = c.newSandbox(e, s, files.development, newHandler); err != nil {
			return nil, err
		}
	}
	s.startup = startupInfo{URL: c.serviceURL(listener.Addr()), Data: c.Data, CA: files.development.CA, P12: files.development.P12}
	if err = s.startMetricsServer(e.ctx, c.AdminListen, registry); err != nil {
		return nil, err
	}
	if !c.HTTP {
		listener = tls.NewListener(listener, &tls.Config{
			Certificates: []tls.Certificate{files.tlsCertificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		})
	}
	s.startServer(listener, handler)
	go files.revocation.Run(e.ctx)
	return s, nil
}

// newHandlerFactory prepares everything that does not depend on the store, and returns a function that makes the SOAP
// handler for a store. A reset calls that function again.
func (c *serveCommand) newHandlerFactory(e environment, registry *prometheus.Registry, verifier *wsse.Verifier, signReply func([]byte) ([]byte, error)) (func(*store.DB) http.Handler, error) {
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	log, err := reqlog.New(slog.New(slog.NewJSONHandler(e.stderr, nil)), time.Now, registry)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	schemas, err := schema.Compile(xsd.Files, xsd.Protocol)
	if err != nil {
		return nil, fmt.Errorf("the schemas: %w", err)
	}
	location, err := time.LoadLocation("Europe/Brussels")
	if err != nil {
		return nil, fmt.Errorf("the time zone: %w", err)
	}
	return func(db *store.DB) http.Handler {
		registrar := implants.New(implants.Config{Store: db, Now: time.Now, NewID: newID, Location: location, RequireCareRelation: c.RequireLink})
		return soapdoor.New(soapdoor.Config{
			Registrar: registrar, Verifier: verifier, Schema: schemas, Log: log, Now: time.Now, NewID: newID,
			Environment: c.Environment, PublicURL: c.PublicURL, SignReply: signReply,
		})
	}, nil
}

// startServer serves on a listener. The timeouts protect the service from slow or silent clients.
func (s *service) startServer(listener net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10, ConnContext: soapdoor.ConnContext, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	s.servers = append(s.servers, server)
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.failures <- err
		}
	}()
}

func (s *service) startMetricsServer(ctx context.Context, address string, registry *prometheus.Registry) error {
	if address == "" {
		return nil
	}
	listener, err := listenTCP(ctx, address)
	if err != nil {
		return err
	}
	s.startup.Admin = "http://" + listener.Addr().String() + "/metrics"
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	s.startServer(listener, mux)
	return nil
}

// shutDown waits for the requests in progress and closes the register, for at most 20 seconds.
func (s *service) shutDown() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var err error
	for _, server := range s.servers {
		err = errors.Join(err, server.Shutdown(ctx))
	}
	return errors.Join(err, s.register.closeStore(ctx))
}

func listenTCP(ctx context.Context, address string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", address, err)
	}
	return listener, nil
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c *serveCommand) serviceURL(address net.Addr) string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	scheme := "https"
	if c.HTTP {
		scheme = "http"
	}
	return scheme + "://" + address.String() + soapdoor.Path
}

func (c *serveCommand) parseSHA1Deadline() (time.Time, error) {
	if c.AllowSHA1 == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, c.AllowSHA1)
	if err != nil {
		return time.Time{}, fmt.Errorf("--allow-sha1 takes a day as YYYY-MM-DD, not %q", c.AllowSHA1)
	}
	return day.AddDate(0, 0, 1), nil
}
