package soapdoor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
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
	answer := e.respond(w, r, c)
	e.log.End(r.Context(), c.event)
	w.Header().Set("Cache-Control", "no-store")
	if c.event.Status != http.StatusOK && c.event.Code != string(problem.MessageIncomplete) {
		e.drainer.drainBody(w, r, 2*e.limits.Bytes)
	}
	w.WriteHeader(c.event.Status)
	_, _ = w.Write(answer) // a client that is gone retries with the same idempotency key (InputReference)
}

// respond processes the request and returns the response body; it records a refusal that the register has not recorded.
// It contains the only call of soap.FaultFrom.
func (e *endpoint) respond(w http.ResponseWriter, r *http.Request, c *requestState) []byte {
	var err error
	defer func() {
		c.admitted.Finish(outcomeOf(err))
		if c.endStore != nil {
			c.endStore()
		}
	}()
	answer, err := e.processRecovering(w, r, c)
	if err != nil && !c.audited {
		store := c.limitStore(r)
		err = e.recordRefusal(store, c, err) //nolint:contextcheck // made from that of the request
	}
	contentType := c.version().ContentType()
	if err == nil && c.acceptsMTOM && e.Attachment != (ElementName{}) {
		contentType, answer, err = soap.PackMTOM(c.version(), answer, e.Attachment.Space, e.Attachment.Local)
		err = wrapResponseFailure(err)
	}
	c.event.Status = http.StatusOK
	if err != nil {
		err = replaceIfCallerGone(r.Context(), err)
		fault := soap.FaultFrom(err, soap.FaultContext{
			Version: c.version(), ID: c.event.ID, Environment: e.environment, Namespaces: e.Namespaces,
			IsRepeatable: c.isRepeatable,
		})
		c.event.Code, c.event.Err, c.event.Status = string(problem.From(err).Code), err, fault.Status
		contentType, answer = c.version().ContentType(), e.signFault(fault.Body, c)
		switch c.event.Code {
		case string(problem.CallerGone):
			c.event.Status = statusCallerGone
		case string(problem.MessageIncomplete):
			w.Header().Set("Connection", "close") // the rest of the body may still arrive
		}
		switch wait := problem.From(err).RetryAfter; {
		case wait > 0: // rounded up: a retry after it must not come too early
			w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
		case fault.Retry:
			w.Header().Set("Retry-After", strconv.Itoa(int(e.admission.RetryAfter().Seconds())))
		}
	}
	w.Header().Set("Content-Type", contentType)
	return answer
}

// statusCallerGone is the status in the log of a request whose caller hung up, as nginx has it. Nobody receives it.
const statusCallerGone = 499

// replaceIfCallerGone returns CALLER_GONE for a request that failed because its caller hung up: it is no failure of the
// service.
func replaceIfCallerGone(ctx context.Context, err error) error {
	kind := problem.From(err).Kind
	if errors.Is(ctx.Err(), context.Canceled) && (kind == problem.Unavailable || kind == problem.Internal) {
		return problem.Wrap(problem.CallerGone, err)
	}
	return err
}

// outcomeOf tells the admission control how a request ended that verified.
func outcomeOf(err error) admission.Outcome {
	if err == nil {
		return admission.Proved
	}
	switch refusal := problem.From(err); {
	case refusal.Code == platform.MessageReplayed, isOfTransport(err): // a copy could be sent so, again and again
		return admission.Replayed
	case refusal.Kind == problem.Unavailable, refusal.Kind == problem.Internal:
		return admission.Undecided
	}
	return admission.Proved
}

// recordRefusal records a refusal. The audit log begins where a sender proved who they are; before that, refusals are
// only counted, so that nobody can fill the log with noise. It returns the refusal that the caller must see.
func (e *endpoint) recordRefusal(ctx context.Context, c *requestState, refusal error) error {
	if !c.isVerified() {
		e.refusals.count(problem.From(refusal).Code)
		return refusal
	}
	message := c.Message
	if isOfTransport(refusal) {
		message.ReplayKey = platform.ReplayKey{} // not used: the same message, sent rightly, is a first one
	}
	return e.Register.RecordRefusal(ctx, message, refusal)
}

// isOfTransport reports whether a message was refused for its HTTP header, which is not signed: whoever holds a copy of
// the message can write another one. Such a refusal says nothing about the message.
func isOfTransport(refusal error) bool { return problem.From(refusal).Code == soap.ActionMismatch }

// isVerified reports whether the message has verified.
func (c *requestState) isVerified() bool { return c.Message.Signer != (platform.Signer{}) }

// processRecovering is processRequest, with a panic as an internal error. Of a panic's value only what the runtime says
// is logged: any other value may quote the message.
func (e *endpoint) processRecovering(
	w http.ResponseWriter, r *http.Request, c *requestState,
) (answer []byte, err error) {
	defer func() {
		if value := recover(); value != nil {
			answer, err = nil, newPanicError(value)
			e.refusals.count(problem.InternalError)
		}
	}()
	return e.processRequest(w, r, c)
}

func newPanicError(value any) error {
	what := fmt.Sprintf("%T", value)
	if failure, ok := value.(runtime.Error); ok {
		what = failure.Error()
	}
	return problem.Wrap(problem.InternalError, fmt.Errorf("panic: %s\n%s", what, debug.Stack()))
}

// wrapResponseFailure marks a failure after the register has performed the request and recorded it as accepted. The
// caller gets INTERNAL and sends the request again; the log tells the operator why the audit log says otherwise.
func wrapResponseFailure(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the request was performed, but its response failed: %w", err)
}

// signFault signs a fault if replies are signed and the message verified: a signature is too much work for a stranger.
// If signing fails it returns the unsigned fault, which is better than none.
func (e *endpoint) signFault(fault []byte, c *requestState) []byte {
	if e.signReply == nil || !c.isVerified() {
		return fault
	}
	signed, err := e.signReply(fault)
	if err != nil {
		c.event.Err = errors.Join(c.event.Err, fmt.Errorf("the fault is not signed: %w", err))
		return fault
	}
	return signed
}

// processRequest runs the request through the pipeline. Each step needs a value that only the step before it can make.
func (e *endpoint) processRequest(w http.ResponseWriter, r *http.Request, c *requestState) ([]byte, error) {
	data, err := e.receiveMessage(w, r, c)
	if err != nil {
		return nil, err
	}
	verified, err := e.verifyEnvelope(r.Context(), c, data)
	if err != nil {
		return nil, err
	}
	if err = c.applyVerified(r.Context(), verified); err != nil {
		return nil, err
	}
	called, err := e.findOperation(verified.Body(), c.actions)
	if err != nil {
		return nil, err
	}
	c.Message.Operation, c.event.Operation = called.name, called.name
	checked, err := e.Schema.Check(verified.Body()) //nolint:contextcheck // pure computation, bounded by the message
	if err != nil {
		return nil, err
	}
	c.isRepeatable = hasChild(checked.Root(), e.IdempotencyKey)
	ctx := c.limitStore(r)
	response, err := called.handle(ctx, &c.Call, checked.Root()) //nolint:contextcheck // made from that of the request
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

// receiveMessage admits the request, reads it, and waits for the right to verify it.
func (e *endpoint) receiveMessage(w http.ResponseWriter, r *http.Request, c *requestState) ([]byte, error) {
	var err error
	if c.admitted, err = e.admission.Admit(r); err != nil {
		return nil, err
	}
	data, err := e.readMessage(r, &c.transport, func(maxBytes int) ([]byte, error) {
		return c.admitted.ReadBody(w, r, maxBytes)
	})
	c.event.Bytes = len(data)
	if err != nil {
		return nil, err
	}
	return data, c.admitted.AcquireSlot(r.Context(), data)
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
		received := versionReceived.With(envelope.Version().String(), c.media.Version.String())
		return nil, problem.New(soap.SOAPVersion, received).WithPath("Content-Type")
	}
	c.Message.Envelope = data
	return e.Verifier.VerifyAndWait(ctx, envelope, c.admitted.GiveBack)
}

// applyVerified copies what the register needs from a verified message, and waits for the turn of its signer.
func (c *requestState) applyVerified(ctx context.Context, v *wsse.Verified) error {
	signer := v.Signer()
	c.Message.Signer = platform.Signer{Type: signer.Type, ID: signer.ID, Application: signer.Application}
	c.Message.Digest = v.Digest()
	c.Message.Certificate = v.Certificate().Raw
	c.Message.ReplayKey = platform.ReplayKey{Hash: v.ReplayKey(), ExpiresAt: v.ValidUntil()}
	c.event.SignerType = signer.Type
	return c.admitted.AcquireWork(ctx, signer.Type+"="+signer.ID)
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
