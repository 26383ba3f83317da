// Package service is the life of the register as a program: it opens the store and its keys, connects the registrar to
// the SOAP door, listens, seals the audit log and purges replay keys in the background, and shuts down in order.
//
// It is separate from the command ctrd so that a test starts a whole service in its own process, on port 0 and a
// temporary directory. Start is the entry point. The package reads no flags, no environment and no standard streams: it
// takes a Config and a logger, and its errors name settings, not flags.
package service

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openctr/ctr/internal/admission"
	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/loopback"
	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/wsse"
)

// Config configures a Service. Now is required; every other zero value is a usable default or disables the feature.
type Config struct {
	Now func() time.Time // the clock
	Log *slog.Logger     // for requests and for background work; discards if nil

	DataDirectory string // holds the embedded database and, in development, the test PKI
	DatabaseURL   string // a PostgreSQL database; the embedded one if empty
	// UnverifiedDatabase accepts a database on another machine without sslmode=verify-full.
	UnverifiedDatabase bool
	KeyFile            string // the keys that encrypt personal data; keys.json in DataDirectory if empty
	KeyFileMustExist   bool   // do not create KeyFile for a new register
	IsKeyCredential    bool   // the service manager provides KeyFile

	Listen        string // host:port; a free port of 127.0.0.1 if empty
	MetricsListen string // host:port of the metrics; none if empty
	// CertificateListen is the host:port at which browsers show a TLS client certificate to sign in; none if empty.
	CertificateListen string
	PlainHTTP         bool // no TLS; Listen must be a loopback address
	// TrustedProxies are the networks, as CIDR, of proxies whose X-Forwarded-For and Forwarded headers are believed.
	TrustedProxies []string
	PublicURL      string // the service's URL as callers see it; in development made from the listener if empty
	Environment    string // the name shown in faults; "Production" if empty, or "Development" in development

	// Development creates a test PKI and loads development data if DataDirectory is new, trusts that PKI and, unless
	// Environment is Production, serves the pages for developers.
	Development bool

	TLSCertificateFile string
	TLSKeyFile         string

	TrustFiles            []string                // PEM: the authorities of signers' certificates
	KnownCertificateFiles []string                // PEM: certificates that a message may refer to
	RevocationPolicy      revocation.StatusPolicy // if empty, hard in Production and soft elsewhere
	RevocationLists       []string                // files or URLs
	OCSPResponseFiles     []string
	ListFetchTimeout      time.Duration // how long the start waits for revocation lists; 5 s if zero
	StrictTokens          bool          // require that the security token is signed too
	AllowSHA1Until        time.Time     // accept SHA-1 in signatures before this instant

	RequireCareRelation bool // for notifications too

	Portal PortalConfig

	CardKeyFile      string // a .p12 file: signs cards; in development a key of the test PKI, elsewhere unsigned if empty
	CardPasswordFile string
	// TimestampURL is the time-stamping authority (RFC 3161) that stamps checkpoints of the audit log; none if empty.
	// TimestampTrustFile has the certificates, in PEM, to which its tokens must lead.
	TimestampURL, TimestampTrustFile string

	ReplyKeyFile      string // a .p12 file: signs responses; unsigned if empty
	ReplyPasswordFile string
}

// Errors of a configuration that contradicts itself.
var (
	// ErrNotLoopback means that plain HTTP would be served to other machines.
	ErrNotLoopback = errors.New("plain HTTP needs a loopback address")
	// ErrNoPublicURL means that the contract would send callers to whatever host a request names.
	ErrNoPublicURL = errors.New("no public URL")
	// ErrNoTrust means that no signer could ever be trusted.
	ErrNoTrust = errors.New("no trusted certification authority")
	// ErrNoTLSCertificate means that TLS lacks the certificate or its key.
	ErrNoTLSCertificate = errors.New("no TLS certificate or no private key for it")
	// ErrListURLWithoutRequests means that a revocation list has a URL but the policy forbids requests.
	ErrListURLWithoutRequests = errors.New("the policy sends no requests, so a revocation list cannot have a URL")
)

// SettingError is a setting whose file or URL is unusable.
type SettingError struct {
	Setting string // the key of the configuration file, such as "trust"
	File    string // empty if Err names the file, or if the name may contain a password
	Err     error
}

// Error returns the setting, the file and the cause.
func (e *SettingError) Error() string {
	if e.File != "" {
		return e.Setting + " " + e.File + ": " + e.Err.Error()
	}
	return e.Setting + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *SettingError) Unwrap() error { return e.Err }

// Service is a running service. Its exported fields are set when Start returns and do not change.
type Service struct {
	URL        string // of the SOAP door, for callers
	MetricsURL string // empty without metrics
	// CertificateURL is where browsers show a certificate; empty without CertificateListen.
	CertificateURL string
	TestPKI        authority.DevelopmentFiles // of a development service

	config      Config
	servers     []*http.Server
	register    openRegister
	failures    chan error
	cancel      context.CancelFunc // ends the background work
	jobs        sync.WaitGroup
	requests    context.Context    // of all requests
	endRequests context.CancelFunc // refuses what the running requests still ask of the register
	draining    atomic.Bool
}

// Start checks the configuration, cheapest first, opens the register and listens. Ending ctx aborts the start; it does
// not stop a service that has started: call Close.
func Start(ctx context.Context, c Config) (_ *Service, err error) {
	c = c.withDefaults()
	if c.PlainHTTP && !loopback.IsAddress(c.Listen) {
		return nil, fmt.Errorf("%w, not %s", ErrNotLoopback, c.Listen)
	}
	if err = c.checkPublicURL(); err != nil {
		return nil, err
	}
	listener, err := listenTCP(ctx, c.Listen)
	if err != nil {
		return nil, err
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &Service{config: c, failures: make(chan error, 3), cancel: cancel}
	s.requests, s.endRequests = context.WithCancel(context.WithoutCancel(ctx))
	var certificates net.Listener
	defer func() { //nolint:contextcheck // closing outlives an aborted start
		if err != nil {
			err = errors.Join(err, listener.Close(), closeListener(certificates), s.Close())
		}
	}()
	replyKey, err := c.readReplyKey()
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	files, err := c.readFiles(registry)
	if err != nil {
		return nil, err
	}
	if err = s.register.open(ctx, background, &s.config); err != nil {
		return nil, err
	}
	registry.MustRegister(newStoreMetrics(s.register.status)...)
	registry.MustRegister(newSealingMetrics(s.register.sealing, c.Now)...)
	registry.MustRegister(newStampMetrics(s.register.currentStamper, c.Now)...)
	registry.MustRegister(newVerificationMetrics(s.register.currentVerifier, c.Now)...)
	registry.MustRegister(newBackupMetric(c.DataDirectory, c.Now(), c.Now))
	verifier := &wsse.Verifier{
		Trust:          files.trust,
		Registered:     files.knownCertificates,
		Now:            c.Now,
		Strict:         c.StrictTokens,
		AllowSHA1Until: c.AllowSHA1Until,
	}
	controller := admission.NewController(c.Now, files.trustedProxies)
	s.keepKnownCallers(background, controller)
	s.URL, s.TestPKI = c.serviceURL(listener.Addr()), files.development
	parts, err := c.newPortalParts(files.development, verifier, originOf(s.URL))
	if err != nil {
		return nil, err
	}
	if certificates, err = s.listenForCertificates(ctx, parts); err != nil {
		return nil, err
	}
	cards, err := c.newCardSettings(files, originOf(s.URL))
	if err != nil {
		return nil, err
	}
	parts.addOperatorState(files, replyKey, cards)
	newHandler, err := c.newHandlerFactory(registry, verifier, controller, c.newReplySigner(replyKey), parts, cards)
	if err != nil {
		return nil, err
	}
	handler, err := s.newHandler(background, files.development, newHandler)
	if err != nil {
		return nil, err
	}
	if err = s.startMetricsServer(ctx, registry); err != nil {
		return nil, err
	}
	listener = admission.LimitConnections(listener, maxConnections())
	if !c.PlainHTTP {
		listener = tls.NewListener(listener, newTLSConfig(files.tlsCertificate, controller))
	}
	s.startRevocation(ctx, background, files.revocation)
	s.serveCertificates(certificates, parts, files.tlsCertificate, controller)
	s.startServer(listener, s.announceDrain(handler))
	return s, nil
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.Environment == "" {
		c.Environment = "Production"
		if c.Development {
			c.Environment = "Development"
		}
	}
	if c.RevocationPolicy == "" {
		c.RevocationPolicy = revocation.PolicySoftFail
		if c.Environment == "Production" {
			c.RevocationPolicy = revocation.PolicyHardFail
		}
	}
	if c.ListFetchTimeout == 0 {
		c.ListFetchTimeout = 5 * time.Second
	}
	return c
}

// checkPublicURL refuses a URL that no caller can use. Only a development service may take its own from each request.
func (c *Config) checkPublicURL() error {
	if c.PublicURL == "" {
		if c.Development {
			return nil
		}
		return ErrNoPublicURL
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil ||
		u.RawQuery != "" || u.Fragment != "" {
		return &SettingError{Setting: "public-url", Err: errors.New("not an absolute http or https URL of the service")}
	}
	return nil
}

// Wait returns nil when ctx ends, or the error of a part of the service that failed. The service then still needs
// Close.
func (s *Service) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failures:
		return err
	}
}
