// Package soap opens and writes SOAP envelopes, versions 1.1 and 1.2, also those that come and go with attachments (MTOM),
// and is the only place that turns a refusal into a Fault.
//
// It is separate from WS-Security because an envelope says nothing about who sent it: what Open returns is unverified,
// and its Body is reachable only through a method that package wsse alone may call. See SOAP 1.1 sections 4 (envelope,
// mustUnderstand, fault) and 6.1.1 (SOAPAction), SOAP 1.2 part 1 section 5, part 2 section 7; MTOM, XOP
// and RFC 2387 for attachments.
package soap

import (
	"strings"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// Version is a version of SOAP.
type Version uint8

// The versions.
const (
	SOAP11 Version = iota + 1
	SOAP12
)

// The namespaces of the envelope and of WS-Security's header.
const (
	Namespace11       = "http://schemas.xmlsoap.org/soap/envelope/"
	Namespace12       = "http://www.w3.org/2003/05/soap-envelope"
	NamespaceSecurity = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
)

// Namespace is the version's envelope namespace.
func (v Version) Namespace() string {
	if v == SOAP12 {
		return Namespace12
	}
	return Namespace11
}

// ContentType is the media type of the version's messages.
func (v Version) ContentType() string {
	if v == SOAP12 {
		return "application/soap+xml; charset=utf-8"
	}
	return "text/xml; charset=utf-8"
}

// Envelope is an opened, unverified message.
type Envelope struct {
	version  Version
	header   xmldoc.Element
	body     xmldoc.Element
	security xmldoc.Element
}

// Version is the message's version of SOAP.
func (e *Envelope) Version() Version { return e.version }

// Header is the Header element, or none.
func (e *Envelope) Header() xmldoc.Element { return e.header }

// Security is the one WS-Security header for this service, or none.
func (e *Envelope) Security() xmldoc.Element { return e.security }

// UnverifiedBody is the Body element. Only package wsse may call it: everybody else gets the Body from wsse.Verified.
func (e *Envelope) UnverifiedBody() xmldoc.Element { return e.body }

// Open opens an envelope: at most one Header, exactly one Body with exactly one child, no header that must be understood
// and is not, at most one Security header for us. Kinds of refusal: Malformed, NotUnderstood, Unauthenticated.
func Open(d *xmldoc.Document) (*Envelope, error) {
	e, err := open(d)
	if err != nil {
		return nil, err
	}
	first := e.body.FirstChild()
	if first.IsZero() {
		return nil, problem.New(problem.BodyMissing).In("soap:Body")
	}
	if !first.NextSibling().IsZero() {
		return nil, problem.New(problem.BodyNotSingle).In("soap:Body")
	}
	if err := e.readHeaders(); err != nil {
		return nil, err
	}
	return e, nil
}

func open(d *xmldoc.Document) (*Envelope, error) {
	root := d.Root()
	e := &Envelope{}
	switch {
	case root.Is(Namespace11, "Envelope"):
		e.version = SOAP11
	case root.Is(Namespace12, "Envelope"):
		e.version = SOAP12
	case root.Local() == "Envelope":
		return nil, problem.New(problem.SOAPVersion).In("Envelope")
	default:
		return nil, problem.New(problem.NotSOAP)
	}
	ns := e.version.Namespace()
	for child := range root.Children() {
		switch {
		case child.Is(ns, "Header") && e.header.IsZero() && e.body.IsZero():
			e.header = child
		case child.Is(ns, "Body") && e.body.IsZero():
			e.body = child
		default:
			return nil, problem.New(problem.EnvelopeMalformed).In("soap:Envelope")
		}
	}
	if e.body.IsZero() {
		return nil, problem.New(problem.BodyMissing).In("soap:Envelope")
	}
	return e, nil
}

func (e *Envelope) readHeaders() error {
	if e.header.IsZero() {
		return nil
	}
	for block := range e.header.Children() {
		if !e.forUs(block) {
			continue
		}
		if block.Is(NamespaceSecurity, "Security") {
			if !e.security.IsZero() {
				return problem.New(problem.SecurityTwice).In("wsse:Security")
			}
			e.security = block
			continue
		}
		must, _ := block.Attr(e.version.Namespace(), "mustUnderstand")
		if must = strings.Trim(must, " \t\r\n"); must == "1" || must == "true" {
			return problem.New(problem.HeaderNotUnderstood).In("soap:Header")
		}
	}
	return nil
}

// forUs reports whether a header block is addressed to the ultimate receiver or to the next node, which we are.
func (e *Envelope) forUs(block xmldoc.Element) bool {
	if e.version == SOAP11 {
		actor, _ := block.Attr(Namespace11, "actor")
		return actor == "" || actor == "http://schemas.xmlsoap.org/soap/actor/next"
	}
	role, _ := block.Attr(Namespace12, "role")
	return role == "" || role == Namespace12+"/role/next" || role == Namespace12+"/role/ultimateReceiver"
}

// Wrap puts the octets of a Body's child into an envelope.
func Wrap(v Version, content []byte) []byte {
	const before, between, after = `<soap:Envelope xmlns:soap="`, `"><soap:Body>`, `</soap:Body></soap:Envelope>`
	out := make([]byte, 0, len(before)+len(between)+len(after)+64+len(content))
	out = append(out, before...)
	out = append(out, v.Namespace()...)
	out = append(out, between...)
	out = append(out, content...)
	return append(out, after...)
}
