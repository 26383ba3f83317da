// Package soapdoor is the SOAP door. It runs the bytes of a request through the pipeline (read, unpack, parse, verify,
// find the operation, check the schema, decode, identify the caller, act, encode) and writes every fault in one place.
//
// It is a package of its own so that the order in which a message gains trust can be read in one function,
// Service.processRequest. It contains no SQL and reaches the register only through a *register.Registrar. See the
// contract in wsdl/ and xsd/, and SOAP 1.1 section 6 and SOAP 1.2 part 2 section 7 for the HTTP binding.
package soapdoor

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/admission"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/reqlog"
	"github.com/openctr/ctr/internal/wire/ctr"
	"github.com/openctr/ctr/wsdl"
)

// Config holds the dependencies and settings of a Service.
type Config struct {
	Registrar   *implants.Registrar
	Verifier    *wsse.Verifier
	Schema      *schema.Schema
	Log         *reqlog.Log
	Now         func() time.Time
	NewID       func() string
	Environment string
	PublicURL   string // if empty, the address of the request is used
	// SignReply signs a reply envelope; if nil, replies are unsigned.
	SignReply func(envelope []byte) ([]byte, error)
}

// Service answers SOAP requests and serves the contract and the health endpoints.
type Service struct {
	registrar   *implants.Registrar
	verifier    *wsse.Verifier
	schema      *schema.Schema
	log         *reqlog.Log
	now         func() time.Time
	newID       func() string
	environment string
	publicURL   string
	signReply   func([]byte) ([]byte, error)
	limits      xmldoc.Limits
	admission   *admission.Controller
	mux         *http.ServeMux
	contract    wsdl.Contract
}

// New returns a Service with its HTTP routes.
func New(c Config) *Service {
	s := &Service{
		registrar: c.Registrar, verifier: c.Verifier, schema: c.Schema, log: c.Log, now: c.Now, newID: c.NewID,
		environment: c.Environment, publicURL: c.PublicURL, signReply: c.SignReply,
		limits: xmldoc.DefaultLimits(), admission: admission.NewController(c.Now), mux: http.NewServeMux(), contract: ctr.Contract(),
	}
	s.mux.HandleFunc("POST "+s.contract.Path, s.withDryRun(s.serveSOAP))
	s.mux.HandleFunc("GET "+s.contract.Path, s.serveDescription)
	s.mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok\n") })
	s.mux.HandleFunc("GET /readyz", s.serveReadiness)
	return s
}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// requestState accumulates what is known about a request while it passes through the pipeline.
type requestState struct {
	event              *reqlog.Event
	message            implants.SignedMessage
	admitted           *admission.Admission // nil if the request was not admitted
	version            soap.Version
	media              soap.Media
	action             string // the operation named by SOAPAction or the action parameter, or empty
	acceptsMTOM        bool   // the client accepts attachments
	auditedByRegistrar bool   // the registrar writes the audit event of this request
}

// serveSOAP answers one SOAP request and logs it.
func (s *Service) serveSOAP(w http.ResponseWriter, r *http.Request) {
	c := &requestState{event: s.log.Begin(s.newID()), version: soap.SOAP11}
	c.message = implants.SignedMessage{Correlation: c.event.ID, ReceivedAt: s.now()}
	answer := s.respond(r, c, w.Header())
	s.log.End(r.Context(), c.event)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(c.event.Status)
	_, _ = w.Write(answer) // a client that is gone retries with the same idempotency key (InputReference)
}

// respond processes the request and returns the response body; it records a refusal that the registrar has not
// recorded. It contains the only call of soap.FaultFrom.
func (s *Service) respond(r *http.Request, c *requestState, header http.Header) []byte {
	var err error
	defer func() { c.admitted.Finish(err != nil && problem.From(err).Code == problem.MessageReplayed) }()
	answer, err := s.processRequest(r, c)
	contentType := c.version.ContentType()
	if err == nil && c.acceptsMTOM {
		contentType, answer, err = soap.PackMTOM(c.version, answer, ctr.NamespaceCore, "Content") // the card PDF
	}
	if err != nil && !c.auditedByRegistrar {
		err = s.registrar.RecordRefusal(r.Context(), c.message, err)
	}
	c.event.Status = http.StatusOK
	if err != nil {
		fault := soap.FaultFrom(err, soap.FaultContext{
			Version: c.version, ID: c.event.ID, Environment: s.environment, Namespaces: ctr.FaultNamespaces(),
		})
		c.event.Code, c.event.Err = string(problem.From(err).Code), err
		contentType, answer, c.event.Status = c.version.ContentType(), s.signFault(fault.Body), fault.Status
		if fault.RetryAfter != "" {
			header.Set("Retry-After", fault.RetryAfter)
		}
	}
	header.Set("Content-Type", contentType)
	return answer
}

// signFault signs a fault if replies are signed. If signing fails it returns the unsigned fault, which is better than
// none.
func (s *Service) signFault(fault []byte) []byte {
	if s.signReply != nil {
		if signed, err := s.signReply(fault); err == nil {
			return signed
		}
	}
	return fault
}

// processRequest runs the request through the pipeline. Each step needs a value that only the step before it can make.
func (s *Service) processRequest(r *http.Request, c *requestState) ([]byte, error) {
	data, err := s.receiveMessage(r, c)
	if err != nil {
		return nil, err
	}
	verified, err := s.verifyEnvelope(c, data)
	if err != nil {
		return nil, err
	}
	c.admitted.MarkVerified()
	c.applyVerified(verified)
	operation, err := findOperation(verified.Body(), c.action)
	if err != nil {
		return nil, err
	}
	c.message.Operation, c.event.Operation = operation.name, operation.name
	checked, err := s.schema.Check(verified.Body()) //nolint:contextcheck // pure computation, bounded by the message
	if err != nil {
		return nil, err
	}
	response, err := operation.handle(r.Context(), s, c, checked.Root())
	if err != nil {
		return nil, err
	}
	answer := soap.WrapBody(c.version, response)
	if s.signReply != nil {
		return s.signReply(answer)
	}
	return answer, nil
}

// verifyEnvelope unpacks and parses the envelope and authenticates its signer.
func (s *Service) verifyEnvelope(c *requestState, data []byte) (*wsse.Verified, error) {
	data, err := c.media.UnpackEnvelope(data, s.limits)
	if err != nil {
		return nil, err
	}
	document, err := xmldoc.Parse(data, s.limits)
	if err != nil {
		return nil, err
	}
	envelope, err := soap.Open(document)
	if err != nil {
		return nil, err
	}
	if envelope.Version() != c.version {
		return nil, problem.New(problem.SOAPVersion).WithPath("Content-Type")
	}
	c.message.Envelope = data
	return s.verifier.Verify(envelope)
}

// receiveMessage admits the request, reads it, and waits for the right to verify it. A message that is refused unread
// waits too, because the refusal is recorded.
func (s *Service) receiveMessage(r *http.Request, c *requestState) ([]byte, error) {
	var err error
	if c.admitted, err = s.admission.Admit(r.Context()); err != nil {
		return nil, err
	}
	data, refusal := s.readRequest(r, c)
	if refusal != nil && problem.From(refusal).Kind == problem.Unavailable {
		return nil, refusal
	}
	if err = c.admitted.AcquireSlot(r.Context(), len(data)); err != nil {
		return nil, err
	}
	return data, refusal
}

// readRequest reads the body, unless the declared content type or length already rules the request out.
func (s *Service) readRequest(r *http.Request, c *requestState) (data []byte, err error) {
	c.media, err = soap.ParseMedia(r.Header.Get("Content-Type"))
	c.version, c.action = c.media.Version, c.media.Action
	c.acceptsMTOM = c.media.MTOM || soap.AcceptsMTOM(r.Header.Values("Accept"))
	if soapAction := r.Header.Get("SOAPAction"); soapAction != "" {
		c.action = soapAction
	}
	if err != nil {
		return nil, err
	}
	if r.Header.Get("Content-Encoding") != "" {
		return nil, problem.New(problem.ContentTypeUnknown)
	}
	if r.ContentLength <= int64(s.limits.Bytes) {
		data, err = c.admitted.ReadBody(r.Context(), r.Body, r.ContentLength, s.limits.Bytes+1)
		c.event.Bytes = len(data)
	}
	switch {
	case err != nil:
		return nil, err
	case max(r.ContentLength, int64(len(data))) > int64(s.limits.Bytes):
		return nil, problem.New(problem.MessageTooLarge, problem.DetailAtMostBytes.With(s.limits.Bytes))
	}
	return data, nil
}

// applyVerified copies what the registrar needs from the verified message.
func (c *requestState) applyVerified(v *wsse.Verified) {
	signer := v.Signer()
	c.message.Signer = implants.Signer{Type: signer.Type, ID: signer.ID, Application: signer.Application}
	c.message.Digest = v.Digest()
	c.message.Certificate = v.Certificate().Raw
	c.message.ReplayKey = implants.ReplayKey{Hash: v.ReplayKey(), ExpiresAt: v.ValidUntil()}
	c.event.SignerType = signer.Type
}

// findOperation returns the operation for the element in the Body. If the transport names an operation (SOAPAction in
// SOAP 1.1, the action parameter in SOAP 1.2), it must be the same one.
func findOperation(body xmldoc.Element, action string) (operation, error) {
	action = strings.Trim(action, `" `)
	for _, o := range operations {
		if !body.Is(ctr.NamespaceProtocol, o.name+"Request") {
			continue
		}
		if action != "" && action != ctr.Contract().Action(o.name) {
			return operation{}, problem.New(problem.ActionMismatch, expected.With(ctr.Contract().Action(o.name))).WithPath("SOAPAction")
		}
		return o, nil
	}
	return operation{}, problem.New(problem.OperationUnknown).WithPath("soap:Body")
}

// serveReadiness reports whether the register can accept a notification now.
func (s *Service) serveReadiness(w http.ResponseWriter, r *http.Request) {
	if err := s.registrar.CheckReady(r.Context()); err != nil {
		writeText(w, http.StatusServiceUnavailable, "not ready: the register's store does not answer\n")
		return
	}
	writeText(w, http.StatusOK, "ok\n")
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
