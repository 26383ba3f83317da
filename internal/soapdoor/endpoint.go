package soapdoor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/admission"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/reqlog"
)

// requestState accumulates what is known about a request while it passes through the pipeline.
type requestState struct {
	Call
	transport

	event    *reqlog.Event
	store    context.Context // of everything that the register does for the request; nil before that
	endStore context.CancelFunc
	admitted *admission.Admission // nil if the request was not admitted

	isRepeatable bool // the request has an idempotency key
}

// transport is what the HTTP header says about a message.
type transport struct {
	media       soap.Media
	actions     []namedAction // the operations that it names; usually one at most
	acceptsMTOM bool          // the client accepts attachments
}

// namedAction is the URI of an operation in a field of the HTTP header.
type namedAction struct{ field, uri string }

// readActions returns what SOAPAction and the action parameter name. Both count: a gateway may have chosen by either.
func readActions(media soap.Media, header http.Header) []namedAction {
	var all []namedAction
	for _, value := range header.Values("SOAPAction") {
		all = append(all, namedAction{"SOAPAction", value})
	}
	all = append(all, namedAction{"Content-Type", media.Action})
	for i := range all {
		all[i].uri = strings.Trim(all[i].uri, `" `)
	}
	return slices.DeleteFunc(all, func(a namedAction) bool { return a.uri == "" })
}

// storeLimit bounds the time in which the register acts for one request, from its admission on. A register that takes
// longer is as good as unavailable, and the caller is told so while it still listens.
const storeLimit = 10 * time.Second

// limitStore returns the request's context for the register, whose time begins with the first call.
func (c *requestState) limitStore(r *http.Request) context.Context {
	if c.store == nil {
		c.store, c.endStore = context.WithTimeout(r.Context(), storeLimit)
	}
	return c.store
}

// version is the SOAP version of the response.
func (t transport) version() soap.Version {
	if t.media.Version == 0 {
		return soap.SOAP11 // not known
	}
	return t.media.Version
}

// serveSOAP answers one SOAP request and logs it.
func (e *endpoint) serveSOAP(w http.ResponseWriter, r *http.Request) {
	c := &requestState{event: e.log.Begin(e.newID()), Call: Call{Now: e.now}}
	c.Message = platform.SignedMessage{Correlation: c.event.ID, ReceivedAt: e.now()}
	answer := e.respond(r, c, w.Header()) //nolint:contextcheck // the schema check is pure, bounded by the message
	e.log.End(r.Context(), c.event)
	w.Header().Set("Cache-Control", "no-store")
	if c.event.Status != http.StatusOK {
		e.drainer.drain(w, r, 2*e.limits.Bytes)
	}
	w.WriteHeader(c.event.Status)
	_, _ = w.Write(answer) // a client that is gone retries with the same idempotency key (InputReference)
}

// respond processes the request and returns the response body; it records a refusal that the register has not recorded.
// It contains the only call of soap.FaultFrom.
func (e *endpoint) respond(r *http.Request, c *requestState, header http.Header) []byte {
	var err error
	defer func() {
		c.admitted.Finish(isReplay(err))
		if c.endStore != nil {
			c.endStore()
		}
	}()
	answer, err := e.processRequest(r, c)
	if err != nil && !c.audited {
		err = e.Register.RecordRefusal(c.limitStore(r), c.Message, err)
	}
	contentType := c.version().ContentType()
	if err == nil && c.acceptsMTOM && e.Attachment != (ElementName{}) {
		contentType, answer, err = soap.PackMTOM(c.version(), answer, e.Attachment.Space, e.Attachment.Local)
		err = wrapResponseFailure(err)
	}
	c.event.Status = http.StatusOK
	if err != nil {
		fault := soap.FaultFrom(err, soap.FaultContext{
			Version: c.version(), ID: c.event.ID, Environment: e.environment, Namespaces: e.Namespaces,
			IsRepeatable: c.isRepeatable,
		})
		c.event.Code, c.event.Err, c.event.Status = string(problem.From(err).Code), err, fault.Status
		contentType, answer = c.version().ContentType(), e.signFault(fault.Body, c.event)
		if fault.RetryAfter != "" {
			header.Set("Retry-After", fault.RetryAfter)
		}
	}
	header.Set("Content-Type", contentType)
	return answer
}

// isReplay reports whether a message was refused because it has been sent before.
func isReplay(err error) bool {
	return err != nil && problem.From(err).Code == platform.MessageReplayed
}

// wrapResponseFailure marks a failure after the register has performed the request and recorded it as accepted. The
// caller gets INTERNAL and sends the request again; the log tells the operator why the audit log says otherwise.
func wrapResponseFailure(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the request was performed, but its response failed: %w", err)
}

// signFault signs a fault if replies are signed. If signing fails it returns the unsigned fault, which is better than
// none.
func (e *endpoint) signFault(fault []byte, event *reqlog.Event) []byte {
	if e.signReply == nil {
		return fault
	}
	signed, err := e.signReply(fault)
	if err != nil {
		event.Err = errors.Join(event.Err, fmt.Errorf("the fault is not signed: %w", err))
		return fault
	}
	return signed
}

// processRequest runs the request through the pipeline. Each step needs a value that only the step before it can make.
func (e *endpoint) processRequest(r *http.Request, c *requestState) ([]byte, error) {
	data, err := e.receiveMessage(r, c)
	if err != nil {
		return nil, err
	}
	verified, err := e.verifyEnvelope(r.Context(), c, data)
	if err != nil {
		return nil, err
	}
	c.applyVerified(verified)
	called, err := e.findOperation(verified.Body(), c.actions)
	if err != nil {
		return nil, err
	}
	c.Message.Operation, c.event.Operation = called.name, called.name
	checked, err := e.Schema.Check(verified.Body())
	if err != nil {
		return nil, err
	}
	c.isRepeatable = hasChild(checked.Root(), e.IdempotencyKey)
	response, err := called.handle(c.limitStore(r), &c.Call, checked.Root())
	if err != nil {
		return nil, err
	}
	return e.wrapResponse(c, response)
}

// hasChild reports whether an element has a child of that name.
func hasChild(parent xmldoc.Element, name ElementName) bool {
	for e := parent.FirstChild(); !e.IsZero(); e = e.NextSibling() {
		if e.Is(name.Space, name.Local) {
			return true
		}
	}
	return false
}

// receiveMessage admits the request, reads it, and waits for the right to verify it. A message that is refused unread
// waits too, because the refusal is recorded.
func (e *endpoint) receiveMessage(r *http.Request, c *requestState) ([]byte, error) {
	var err error
	if c.admitted, err = e.admission.Admit(r.Context()); err != nil {
		return nil, err
	}
	data, refusal := e.readRequest(r, c) //nolint:contextcheck // the admission ends with the request
	if refusal != nil && problem.From(refusal).Kind == problem.Unavailable {
		return nil, refusal
	}
	if err = c.admitted.AcquireSlot(r.Context(), len(data)); err != nil {
		return nil, err
	}
	return data, refusal
}

func (e *endpoint) readRequest(r *http.Request, c *requestState) ([]byte, error) {
	data, err := e.readMessage(r, &c.transport, func(maxBytes int) ([]byte, error) {
		return c.admitted.ReadBody(r.Context(), r.Body, r.ContentLength, maxBytes)
	})
	c.event.Bytes = len(data)
	if err != nil {
		return nil, err
	}
	return data, nil
}

// readMessage reads the body with readBody, unless the declared content type or length already rules the message out.
// It returns what it has read, and fills in t, with an error too.
func (s *Service) readMessage(
	r *http.Request, t *transport, readBody func(maxBytes int) ([]byte, error),
) ([]byte, error) {
	media, err := soap.ParseMedia(r.Header.Get("Content-Type"))
	*t = transport{media, readActions(media, r.Header), media.MTOM || soap.AcceptsMTOM(r.Header.Values("Accept"))}
	if err == nil {
		err = soap.CheckContentEncoding(r.Header.Values("Content-Encoding"))
	}
	switch {
	case err != nil:
		return nil, err
	case r.ContentLength > int64(s.limits.Bytes):
		return nil, s.newTooLargeError()
	}
	data, err := readBody(s.limits.Bytes + 1)
	if err == nil && len(data) > s.limits.Bytes {
		err = s.newTooLargeError()
	}
	return data, err
}

func (s *Service) newTooLargeError() error {
	return problem.New(soap.MessageTooLarge, problem.DetailAtMostBytes.With(s.limits.Bytes))
}

// verifyEnvelope unpacks and parses the envelope and authenticates its signer. If an authority has to be asked about a
// new certificate, it waits for the answer without holding anything that others need.
func (e *endpoint) verifyEnvelope(ctx context.Context, c *requestState, data []byte) (*wsse.Verified, error) {
	data, err := c.media.UnpackEnvelope(data, e.limits)
	if err != nil {
		return nil, err
	}
	document, err := xmldoc.Parse(data, e.limits)
	if err != nil {
		return nil, err
	}
	envelope, err := soap.Open(document)
	if err != nil {
		return nil, err
	}
	if envelope.Version() != c.media.Version {
		return nil, problem.New(soap.SOAPVersion).WithPath("Content-Type")
	}
	c.Message.Envelope = data
	return e.Verifier.VerifyAndWait(ctx, envelope, c.admitted.GiveBack)
}

// applyVerified tells the admission control that the message verified, and copies what the register needs from it.
func (c *requestState) applyVerified(v *wsse.Verified) {
	c.admitted.MarkVerified()
	signer := v.Signer()
	c.Message.Signer = platform.Signer{Type: signer.Type, ID: signer.ID, Application: signer.Application}
	c.Message.Digest = v.Digest()
	c.Message.Certificate = v.Certificate().Raw
	c.Message.ReplayKey = platform.ReplayKey{Hash: v.ReplayKey(), ExpiresAt: v.ValidUntil()}
	c.event.SignerType = signer.Type
}

// wrapResponse makes the reply envelope, signed if replies are signed.
func (e *endpoint) wrapResponse(c *requestState, response []byte) ([]byte, error) {
	answer := soap.WrapBody(c.version(), response)
	if e.signReply == nil {
		return answer, nil
	}
	signed, err := e.signReply(answer)
	return signed, wrapResponseFailure(err)
}
