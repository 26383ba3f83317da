// Package endpoint is the SOAP door: it takes the octets of a request through the pipeline of the architecture (accept,
// parse, open, verify, dispatch, check, decode, identify, act, answer) and writes every fault in one single place.
//
// It is separate so that the order in which a message is believed can be read in one function. It knows no SQL: all it
// has of the register is a *register.Registrar. See the contract in wsdl/ and xsd/; SOAP 1.1 section 6 and SOAP 1.2 part
// 2 section 7 for the HTTP binding.
package endpoint

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/reqlog"
	"github.com/openctr/ctr/internal/wire"
)

// Path is where the service lives.
const Path = "/ctr/v1"

// Config is what the door needs.
type Config struct {
	Registrar   *register.Registrar
	Verifier    *wsse.Verifier
	Schema      *schema.Schema
	Log         *reqlog.Log
	Now         func() time.Time
	NewID       func() string
	Environment string
	PublicURL   string // empty: the address that the request came to
	// SignReply signs an envelope; nil leaves replies unsigned.
	SignReply func(envelope []byte) ([]byte, error)
}

// Service answers SOAP requests, and serves the contract and the health of the service.
type Service struct {
	registrar   *register.Registrar
	verifier    *wsse.Verifier
	schema      *schema.Schema
	log         *reqlog.Log
	now         func() time.Time
	newID       func() string
	environment string
	publicURL   string
	signReply   func([]byte) ([]byte, error)
	limits      xmldoc.Limits
	strangers   *room
	others      *room         // of callers on proven connections
	large       chan struct{} // of the large messages of proven connections, those that are read and verified
	lane        *lane
	mux         *http.ServeMux
}

// New makes the service.
func New(c Config) *Service {
	s := &Service{
		registrar: c.Registrar, verifier: c.Verifier, schema: c.Schema, log: c.Log, now: c.Now, newID: c.NewID,
		environment: c.Environment, publicURL: c.PublicURL, signReply: c.SignReply,
		limits: xmldoc.DefaultLimits(), strangers: newRoom(largeOfStrangers, paceOfOctets), others: newRoom(largeOfOthers, 0),
		large: make(chan struct{}, half()), lane: &lane{now: c.Now}, mux: http.NewServeMux(),
	}
	s.mux.HandleFunc("POST "+Path, s.checkInstead(s.serve))
	s.mux.HandleFunc("GET "+Path, s.describe)
	s.mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok\n") })
	s.mux.HandleFunc("GET /readyz", s.ready)
	return s
}

// ServeHTTP makes the service an http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// call is what is known of a request on its way.
type call struct {
	event     *reqlog.Event
	message   register.Message
	standing  *standing
	turn      *turn // to have its message verified, once it has one
	version   soap.Version
	media     soap.Media
	action    string // the operation that the transport names, if any
	packs     bool   // the caller takes attachments
	concluded bool   // the register has recorded, or will record, how it ends
}

// serve answers one request.
func (s *Service) serve(w http.ResponseWriter, r *http.Request) {
	c := &call{event: s.log.Begin(s.newID()), version: soap.SOAP11, standing: standingOf(r.Context())}
	c.message = register.Message{Correlation: c.event.ID, Received: s.now()}
	answer := s.conclude(r, c, w.Header())
	s.log.End(r.Context(), c.event)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(c.event.Status)
	_, _ = w.Write(answer) // a caller who is gone asks again with the same InputReference
}

// conclude answers one request, and records it if it is refused. It holds the only call of soap.FaultFrom. The turn of
// the request ends here, before anything is sent: who reads his answer slowly keeps nobody waiting.
func (s *Service) conclude(r *http.Request, c *call, header http.Header) []byte {
	var err error
	defer func() { c.turn.end(err) }()
	answer, err := s.answer(r, c)
	contentType := c.version.ContentType()
	if err == nil && c.packs {
		contentType, answer, err = soap.Pack(c.version, answer, wire.NamespaceCore, "Content") // of a card
	}
	if err != nil && !c.concluded {
		err = s.registrar.Refuse(r.Context(), c.message, err)
	}
	c.event.Status = http.StatusOK
	if err != nil {
		fault := soap.FaultFrom(err, soap.FaultContext{Version: c.version, ID: c.event.ID, Environment: s.environment})
		c.event.Code, c.event.Err = string(problem.From(err).Code), err
		contentType, answer, c.event.Status = c.version.ContentType(), s.signed(fault.Body), fault.Status
		if fault.RetryAfter != "" {
			header.Set("Retry-After", fault.RetryAfter)
		}
	}
	header.Set("Content-Type", contentType)
	return answer
}

// signed signs a fault where replies are signed. A fault that cannot be signed is better than none.
func (s *Service) signed(fault []byte) []byte {
	if s.signReply != nil {
		if signed, err := s.signReply(fault); err == nil {
			return signed
		}
	}
	return fault
}

// answer takes a request through the pipeline. Each step can be reached only with what the step before has given.
func (s *Service) answer(r *http.Request, c *call) ([]byte, error) {
	visit, err := s.roomOf(c.standing).enter()
	if err != nil {
		return nil, err
	}
	defer visit.leave()
	octets, refusal := s.accept(r, c, visit)
	if refusal != nil && problem.From(refusal).Kind == problem.Unavailable {
		return nil, refusal
	}
	if c.turn, err = s.takeTurn(r.Context(), c.standing, len(octets)); err != nil {
		return nil, err
	}
	if refusal != nil {
		return nil, refusal // to record it costs a turn too
	}
	verified, err := s.verify(c, octets)
	if err != nil {
		return nil, err
	}
	c.turn.prove()
	c.remember(verified)
	operation, err := dispatch(verified.Body(), c.action)
	if err != nil {
		return nil, err
	}
	c.message.Operation, c.event.Operation = operation.name, operation.name
	checked, err := s.schema.Check(verified.Body()) //nolint:contextcheck // works in memory, in proportion to what is signed
	if err != nil {
		return nil, err
	}
	response, err := operation.run(r.Context(), s, c, checked.Root())
	if err != nil {
		return nil, err
	}
	answer := soap.Wrap(c.version, response)
	if s.signReply != nil {
		return s.signReply(answer)
	}
	return answer, nil
}

// verify takes the envelope out of its package, reads it and proves who signed it.
func (s *Service) verify(c *call, octets []byte) (*wsse.Verified, error) {
	octets, err := c.media.Unpack(octets, s.limits)
	if err != nil {
		return nil, err
	}
	document, err := xmldoc.Parse(octets, s.limits)
	if err != nil {
		return nil, err
	}
	envelope, err := soap.Open(document)
	if err != nil {
		return nil, err
	}
	if envelope.Version() != c.version {
		return nil, problem.New(problem.SOAPVersion).In("Content-Type")
	}
	c.message.Original = octets
	return s.verifier.Verify(envelope)
}

// accept reads the octets, after the declared type and size allow it.
func (s *Service) accept(r *http.Request, c *call, v *visit) (octets []byte, err error) {
	c.media, err = soap.ParseMedia(r.Header.Get("Content-Type"))
	c.version, c.action = c.media.Version, c.media.Action
	c.packs = c.media.Packed || soap.AcceptsPackage(r.Header.Values("Accept"))
	if named := r.Header.Get("SOAPAction"); named != "" {
		c.action = named
	}
	if err != nil {
		return nil, err
	}
	if r.Header.Get("Content-Encoding") != "" {
		return nil, problem.New(problem.ContentTypeUnknown)
	}
	if r.ContentLength <= int64(s.limits.Bytes) {
		octets, err = v.read(r.Context(), r.Body, r.ContentLength, s.limits.Bytes+1)
		c.event.Bytes = len(octets)
	}
	switch {
	case err != nil:
		return nil, err
	case max(r.ContentLength, int64(len(octets))) > int64(s.limits.Bytes):
		return nil, problem.New(problem.MessageTooLarge, fmt.Sprintf("at most %d octets", s.limits.Bytes))
	}
	return octets, nil
}

// remember keeps what the register needs to know of a verified message.
func (c *call) remember(v *wsse.Verified) {
	signer := v.Signer()
	c.message.Signer = register.Signer{Type: signer.Type, ID: signer.ID, Application: signer.Application}
	c.message.Digest = v.Digest()
	c.message.Certificate = v.Certificate().Raw
	c.message.Mark = register.ReplayMark{Key: v.MessageKey(), Until: v.Until()}
	c.event.SignerType = signer.Type
}

// dispatch finds the operation of a Body's element. What the transport names, as SOAPAction in SOAP 1.1 and as the action
// parameter in SOAP 1.2, must not be another.
func dispatch(body xmldoc.Element, action string) (operation, error) {
	action = strings.Trim(action, `" `)
	for _, o := range operations {
		if !body.Is(wire.NamespaceProtocol, o.name+"Request") {
			continue
		}
		if action != "" && action != wire.NamespaceProtocol+":"+o.name {
			return operation{}, problem.New(problem.ActionMismatch, "expected "+wire.NamespaceProtocol+":"+o.name).In("SOAPAction")
		}
		return o, nil
	}
	return operation{}, problem.New(problem.OperationUnknown).In("soap:Body")
}

// ready tells whether the register can take a notification now.
func (s *Service) ready(w http.ResponseWriter, r *http.Request) {
	if err := s.registrar.Ready(r.Context()); err != nil {
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
