package soapdoor

import (
	"context"
	"fmt"
	"time"

	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/wsdl"
)

// Contract is a SOAP service that the door answers: what its WSDL describes, and what is needed to answer it. The
// operations of the WSDL are those of the door; each must have a handler.
type Contract struct {
	wsdl.Contract

	Title      string                  // for a person who opens the address in a browser
	PublicURL  string                  // address for callers; if empty, that of the request is used
	Verifier   *wsse.Verifier          // the security policy: whose signatures are accepted, and which parts they cover
	Schema     *schema.Schema          // of the requests
	Namespaces soap.ContractNamespaces // of the detail of a fault
	Attachment ElementName             // the element that a client of MTOM gets as an attachment, if there is one
	// IdempotencyKey is the child of a request that lets the register recognise the request when it is sent again.
	IdempotencyKey ElementName
	Register       Register
	Handlers       map[string]Handler // by the name of the operation
}

// ElementName is the name of an element.
type ElementName struct{ Space, Local string }

// Register is what the door itself needs of the register behind a contract.
type Register interface {
	// RecordRefusal records a message that was refused before its handler called MarkAudited. It returns the refusal
	// that the caller must see.
	RecordRefusal(ctx context.Context, message platform.SignedMessage, refusal error) error
	// RecordRefusalCounts records how many messages were refused before they verified, by code.
	RecordRefusalCounts(ctx context.Context, correlation string, counts map[problem.Code]int) error
	// CheckReady returns an error when the register cannot accept a request now.
	CheckReady(ctx context.Context) error
}

// Handler performs an operation and returns the content of the response's Body. The request is valid against the
// schema and covered by the signature.
type Handler func(ctx context.Context, call *Call, request xmldoc.Element) ([]byte, error)

// Call is a verified request on its way to a handler.
type Call struct {
	Message platform.SignedMessage
	Now     func() time.Time
	audited bool
}

// MarkAudited says that from here on the register records the outcome of the call itself.
func (c *Call) MarkAudited() { c.audited = true }

// operation is an operation of a contract with its handler.
type operation struct {
	name    string
	element string // local name of its request
	action  string
	handle  Handler
}

// bindOperations joins the operations of the contract with their handlers. It panics if they do not match: both are
// part of the program.
func (c *Contract) bindOperations() []operation {
	all := make([]operation, 0, len(c.Operations))
	for _, o := range c.Operations {
		handle := c.Handlers[o.Name]
		if handle == nil {
			panic(fmt.Sprintf("soapdoor: the operation %s of %s has no handler", o.Name, c.Name))
		}
		all = append(all, operation{o.Name, o.Name + "Request", c.Action(o.Name), handle})
	}
	if len(all) != len(c.Handlers) {
		panic(fmt.Sprintf("soapdoor: %s has %d operations and %d handlers", c.Name, len(all), len(c.Handlers)))
	}
	return all
}

// findOperation returns the operation for the element in the Body. If the transport names an operation (SOAPAction in
// SOAP 1.1, the action parameter in SOAP 1.2), it must be the same one.
func (e *endpoint) findOperation(body xmldoc.Element, actions []namedAction) (operation, error) {
	for _, o := range e.operations {
		if !body.Is(e.Namespace, o.element) {
			continue
		}
		for _, named := range actions {
			if named.uri != o.action {
				return operation{}, problem.New(soap.ActionMismatch, actionReceived.With(
					texts.Excerpt(named.uri), named.field, o.element, o.action,
				)).WithPath("SOAPAction")
			}
		}
		return o, nil
	}
	return operation{}, problem.New(soap.OperationUnknown, elementReceived.With(
		texts.Excerpt(body.Local()), texts.Excerpt(body.Space()), e.Namespace,
	)).WithPath("soap:Body")
}
