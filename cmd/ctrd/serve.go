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

	"github.com/openctr/ctr/internal/endpoint"
	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/reqlog"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/xsd"
)

// serveCommand are the settings of a service.
type serveCommand struct {
	Data        string   `help:"Folder of the service: the embedded database and, with --dev, the test PKI." default:"ctr-data" type:"path" placeholder:"DIR"`
	Dev         bool     `help:"A development service, with a start page at /: makes a test PKI in DIR/certs and loads the development data when DIR is new."`
	Listen      string   `help:"Where to listen." default:"127.0.0.1:8443" placeholder:"HOST:PORT"`
	AdminListen string   `help:"Where to serve metrics; nowhere when empty. Keep it internal." placeholder:"HOST:PORT"`
	Database    string   `help:"PostgreSQL database, postgres://…; the embedded one in DIR when left out." placeholder:"URL"`
	Keys        string   `help:"File of the keys under which persons are kept, made when the register is new; DIR/keys.json when left out." type:"path" placeholder:"FILE"`
	Trust       []string `help:"PEM file of certification authorities whose certificates may sign. Repeatable." type:"path" placeholder:"FILE"`
	Known       []string `help:"PEM file of registered certificates, to which a message may refer by issuer and serial number, key identifier or thumbprint. Repeatable." type:"path" placeholder:"FILE"`
	Revocation  string   `help:"A signer's certificate of which it is not known now whether it is revoked: soft accepts it, hard refuses it, and both ask its authority in the background; off asks nobody." enum:"off,soft,hard" default:"soft"`
	CRL         []string `name:"crl" help:"Revocation list: a file, read again when it changes, or the address of one that no certificate names or that must be there early. Repeatable." placeholder:"FILE|URL"`
	OCSP        []string `name:"ocsp" help:"File of an OCSP response about one certificate, read again when it changes. Repeatable." type:"path" placeholder:"FILE"`
	TLSCert     string   `name:"tls-cert" help:"PEM file of the server's certificate and its chain." type:"path" placeholder:"FILE"`
	TLSKey      string   `name:"tls-key" help:"PEM file of the server's private key." type:"path" placeholder:"FILE"`
	HTTP        bool     `name:"http" help:"Plain HTTP, on a loopback address only, for use behind a proxy."`
	PublicURL   string   `help:"The service's address as callers see it, for the WSDL." placeholder:"URL"`
	Environment string   `help:"Which environment faults say this is." enum:"Development,Test,Integration,Acceptation,Simulation,Production" default:"Test"`
	Strict      bool     `help:"Ask that the security token be signed too."`
	AllowSHA1   string   `name:"allow-sha1" help:"Accept SHA-1 in signatures until the end of this day (UTC)." placeholder:"DATE"`
	RequireLink bool     `help:"Ask for an existing therapeutic relation also to notify."`
	SignReplies bool     `help:"Sign the replies, with the key in --reply-key."`
	ReplyKey    string   `help:"The .p12 file that signs replies." type:"path" placeholder:"FILE"`
	ReplyPass   string   `name:"reply-password-file" help:"File with the password of --reply-key." type:"path" placeholder:"FILE"`
}

// ready is the last line of start-up on standard output.
type ready struct {
	URL   string            `json:"url"`
	Admin string            `json:"admin,omitempty"`
	Data  string            `json:"data"`
	CA    string            `json:"ca,omitempty"`
	P12   map[string]string `json:"p12,omitempty"`
}

// Run serves until the context ends.
func (c *serveCommand) Run(e environment) error {
	s, err := c.start(e)
	if err != nil {
		return err
	}
	line, err := json.Marshal(s.ready)
	if err == nil {
		_, err = fmt.Fprintln(e.stdout, string(line))
	}
	if err != nil {
		return errors.Join(err, s.stop())
	}
	select {
	case <-e.ctx.Done():
		return s.stop()
	case err := <-s.failed:
		return errors.Join(err, s.stop())
	}
}

// service is a running service.
type service struct {
	ready   ready
	servers []*http.Server
	books   books
	failed  chan error
}

// start opens everything, cheapest refusals first, and listens.
func (c *serveCommand) start(e environment) (_ *service, err error) {
	until, err := c.sha1Until()
	if err != nil {
		return nil, err
	}
	if c.HTTP && !isLoopback(c.Listen) {
		return nil, fmt.Errorf("--http is for loopback addresses only, and %s is none: use TLS, or put a proxy before it", c.Listen)
	}
	listener, err := listen(e.ctx, c.Listen)
	if err != nil {
		return nil, err
	}
	s := &service{failed: make(chan error, 2)}
	defer func() {
		if err != nil {
			err = errors.Join(err, listener.Close(), s.stop())
		}
	}()
	signReply, err := c.replySigner()
	if err != nil {
		return nil, err
	}
	var given files
	if !c.Dev { // a development service makes them below, in a folder that is there then
		if given, err = c.files(e.stderr); err != nil {
			return nil, err
		}
	}
	if err = s.books.open(e.ctx, c, slog.New(slog.NewJSONHandler(e.stderr, nil))); err != nil {
		return nil, err
	}
	if c.Dev {
		if given, err = c.files(e.stderr); err != nil {
			return nil, err
		}
	}
	registry := prometheus.NewRegistry()
	door, err := c.door(e, registry, &wsse.Verifier{Trust: given.trust, Known: given.known, Now: time.Now, Strict: c.Strict, AllowSHA1Until: until}, signReply)
	if err != nil {
		return nil, err
	}
	handler := door(s.books.store)
	if c.hasSandbox() {
		if handler, err = c.sandbox(e, s, given.dev, door); err != nil {
			return nil, err
		}
	}
	s.ready = ready{URL: c.url(listener.Addr()), Data: c.Data, CA: given.dev.CA, P12: given.dev.P12}
	if err = s.serveMetrics(e.ctx, c.AdminListen, registry); err != nil {
		return nil, err
	}
	if !c.HTTP {
		listener = tls.NewListener(listener, &tls.Config{
			Certificates: []tls.Certificate{given.certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		})
	}
	s.serve(listener, handler)
	go given.revocation.Run(e.ctx)
	return s, nil
}

// door puts together what answers messages, but for the register behind it.
func (c *serveCommand) door(e environment, registry *prometheus.Registry, verifier *wsse.Verifier, signReply func([]byte) ([]byte, error)) (func(*store.DB) http.Handler, error) {
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	log, err := reqlog.New(slog.New(slog.NewJSONHandler(e.stderr, nil)), time.Now, registry)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	schemas, err := schema.Compile(xsd.Files, xsd.Protocol)
	if err != nil {
		return nil, fmt.Errorf("the schemas: %w", err)
	}
	civil, err := time.LoadLocation("Europe/Brussels")
	if err != nil {
		return nil, fmt.Errorf("the time zone: %w", err)
	}
	return func(db *store.DB) http.Handler {
		registrar := register.New(register.Config{Store: db, Now: time.Now, NewID: newID, Location: civil, RequireLink: c.RequireLink})
		return endpoint.New(endpoint.Config{
			Registrar: registrar, Verifier: verifier, Schema: schemas, Log: log, Now: time.Now, NewID: newID,
			Environment: c.Environment, PublicURL: c.PublicURL, SignReply: signReply,
		})
	}, nil
}

// serve answers on a listener. The time-outs keep slow or silent callers from holding the service.
func (s *service) serve(listener net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10, ConnContext: endpoint.ConnContext, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	s.servers = append(s.servers, server)
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
}

func (s *service) serveMetrics(ctx context.Context, address string, registry *prometheus.Registry) error {
	if address == "" {
		return nil
	}
	listener, err := listen(ctx, address)
	if err != nil {
		return err
	}
	s.ready.Admin = "http://" + listener.Addr().String() + "/metrics"
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	s.serve(listener, mux)
	return nil
}

// stop lets the requests under way finish and closes the database.
func (s *service) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var err error
	for _, server := range s.servers {
		err = errors.Join(err, server.Shutdown(ctx))
	}
	return errors.Join(err, s.books.close(ctx))
}

func listen(ctx context.Context, address string) (net.Listener, error) {
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

func (c *serveCommand) url(address net.Addr) string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	scheme := "https"
	if c.HTTP {
		scheme = "http"
	}
	return scheme + "://" + address.String() + endpoint.Path
}

func (c *serveCommand) sha1Until() (time.Time, error) {
	if c.AllowSHA1 == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, c.AllowSHA1)
	if err != nil {
		return time.Time{}, fmt.Errorf("--allow-sha1 takes a day as YYYY-MM-DD, not %q", c.AllowSHA1)
	}
	return day.AddDate(0, 0, 1), nil
}
