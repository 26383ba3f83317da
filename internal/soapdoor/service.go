// Package soapdoor is the SOAP door for any contract. It runs the bytes of a request through the pipeline (read,
// unpack, parse, verify, find the operation, check the schema, handle) and writes every fault in one place. New mounts
// contracts on a Service; a Contract is a value, and its handlers decode, identify the caller, act and encode.
//
// It is a package of its own so that the order in which a message gains trust can be read in one function,
// endpoint.processRequest. It contains no SQL and no name of a contract, and reaches a register only through the
// contract. See SOAP 1.1 section 6 and SOAP 1.2 part 2 section 7 for the HTTP binding.
package soapdoor

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/openctr/ctr/internal/admission"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/reqlog"
)

// Config holds the contracts, dependencies and settings of a Service.
type Config struct {
	Contracts   []Contract
	Log         *reqlog.Log
	Now         func() time.Time
	NewID       func() string
	Environment string
	// SignReply signs a reply envelope; if nil, replies are unsigned.
	SignReply func(envelope []byte) ([]byte, error)
	// Admission is shared with the listener's connections; if nil, the Service has one of its own.
	Admission *admission.Controller
	// ReadyRemark is what /readyz adds, for a request from this machine, although requests are served; nil or empty for
	// nothing.
	ReadyRemark func() string
}

// Service answers SOAP requests and serves the contracts and the health endpoints.
type Service struct {
	endpoints    []*endpoint
	log          *reqlog.Log
	now          func() time.Time
	newID        func() string
	environment  string
	signReply    func([]byte) ([]byte, error)
	limits       xmldoc.Limits
	admission    *admission.Controller
	descriptions descriptionCache
	refusals     refusalCounts
	readiness    readinessProbe
	readyRemark  func() string
	drainer      drainer
	mux          *http.ServeMux
}

// endpoint is a contract at its path.
type endpoint struct {
	*Service
	Contract
	operations []operation
}

// New returns a Service with its HTTP routes. It panics if two contracts have the same path, or if the operations and
// the handlers of a contract do not match.
func New(c Config) *Service {
	s := &Service{
		log: c.Log, now: c.Now, newID: c.NewID, environment: c.Environment, signReply: c.SignReply,
		limits: xmldoc.DefaultLimits(), admission: c.Admission, drainer: newDrainer(),
		mux: http.NewServeMux(), readyRemark: c.ReadyRemark,
	}
	if s.admission == nil {
		s.admission = admission.NewController(c.Now, nil)
	}
	for _, contract := range c.Contracts {
		e := &endpoint{s, contract, contract.bindOperations()}
		s.endpoints = append(s.endpoints, e)
		for _, path := range []string{contract.Path, contract.Path + "/{$}"} { // some people and libraries add a slash
			s.mux.HandleFunc("POST "+path, e.servePost)
			s.mux.HandleFunc("GET "+path, e.serveDescription)
		}
		s.mux.HandleFunc(contract.Path+"/{below...}", e.serveNothing)
	}
	s.mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok\n") })
	s.mux.HandleFunc("GET /readyz", s.serveReadiness)
	return s
}

// ServeHTTP implements http.Handler. A panic outside of a SOAP request, which answers it with a fault, becomes a short
// answer here: it must not end without a line in the log.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if value := recover(); value != nil {
			s.logFailure(r, newPanicError(value))
			writeText(w, http.StatusInternalServerError, "The service failed. This is our fault.\n")
		}
	}()
	if r.TLS == nil && len(r.TransferEncoding) > 0 {
		// RFC 9112 section 6.1: a request with both lengths may be an attempt at smuggling through the proxy. Which of
		// the chunked ones had both cannot be seen any more, so none is followed by another on its connection.
		w.Header().Set("Connection", "close")
	}
	s.mux.ServeHTTP(w, r)
}

// Run does the periodic work of the service until ctx ends: it probes whether the registers are ready each second, and
// records the refusals of unverified messages each minute.
func (s *Service) Run(ctx context.Context) {
	const probeInterval, recordInterval = time.Second, time.Minute
	probe, record := time.NewTicker(probeInterval), time.NewTicker(recordInterval)
	defer probe.Stop()
	defer record.Stop()
	s.probeReadiness(ctx)
	for {
		select {
		case <-probe.C:
			s.probeReadiness(ctx)
		case <-record.C:
			s.recordRefusals(ctx)
		case <-ctx.Done():
			s.recordRefusals(context.WithoutCancel(ctx))
			return
		}
	}
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
