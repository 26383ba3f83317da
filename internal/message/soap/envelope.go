// Package soap parses and writes SOAP 1.1 and 1.2 envelopes, also in MTOM packages with attachments, and is the only
// package that turns a refusal into a SOAP Fault.
//
// It is separate from WS-Security because an envelope does not establish who sent it: Open returns an unverified
// envelope, whose Body only package wsse may read. See SOAP 1.1 sections 4 (envelope, mustUnderstand, fault) and 6.1.1
// (SOAPAction); SOAP 1.2 part 1 section 5 and part 2 section 7; MTOM, XOP and RFC 2387 for attachments.
package soap

import (
	"strings"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Version is a SOAP version.
type Version uint8

// The supported versions.
const (
	SOAP11 Version = iota + 1
	SOAP12
)

// The namespaces of the envelope and of the WS-Security header.
const (
	Namespace11       = "http://schemas.xmlsoap.org/soap/envelope/"
	Namespace12       = "http://www.w3.org/2003/05/soap-envelope"
	NamespaceSecurity = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
)

// String returns the number of the version.
func (v Version) String() string {
	if v == SOAP12 {
		return "1.2"
	}
	return "1.1"
}

// Namespace returns the envelope namespace of the version.
func (v Version) Namespace() string {
	if v == SOAP12 {
		return Namespace12
	}
	return Namespace11
}

// ContentType returns the media type of messages of the version, with the charset.
func (v Version) ContentType() string { return v.mediaType() + "; charset=utf-8" }

func (v Version) mediaType() string {
	if v == SOAP12 {
		return "application/soap+xml"
	}
	return "text/xml"
}

// Envelope is a parsed, unverified message.
type Envelope struct {
	version  Version
	header   xmldoc.Element
	body     xmldoc.Element
	security xmldoc.Element
}

// Version returns the SOAP version.
func (e *Envelope) Version() Version { return e.version }

// Header returns the Header element, or the zero Element.
func (e *Envelope) Header() xmldoc.Element { return e.header }

// Security returns the WS-Security header addressed to this service, or the zero Element.
func (e *Envelope) Security() xmldoc.Element { return e.security }

// UnverifiedBody returns the Body element. Only package wsse may call it; all other code uses wsse.Verified.Body.
func (e *Envelope) UnverifiedBody() xmldoc.Element { return e.body }

// Open checks the structure of an envelope: at most one Header, exactly one Body with exactly one child, no unsupported
// header block with mustUnderstand, at most one Security header for this service. Refusals are of the kinds Malformed,
// NotUnderstood and Unauthenticated.
func Open(d *xmldoc.Document) (*Envelope, error) {
	e, err := parseEnvelope(d)
	if err != nil {
		return nil, err
	}
	first := e.body.FirstChild()
	if first.IsZero() {
		return nil, problem.New(BodyMissing).WithPath("soap:Body")
	}
	if !first.NextSibling().IsZero() {
		return nil, problem.New(BodyNotSingle).WithPath("soap:Body")
	}
	if err := e.readHeaders(); err != nil {
		return nil, err
	}
	return e, nil
}

func parseEnvelope(d *xmldoc.Document) (*Envelope, error) {
	root := d.Root()
	e := &Envelope{}
	switch {
	case root.Is(Namespace11, "Envelope"):
		e.version = SOAP11
	case root.Is(Namespace12, "Envelope"):
		e.version = SOAP12
	case root.Local() == "Envelope":
		return nil, problem.New(SOAPVersion, namespaceReceived.With(texts.Excerpt(root.Space()))).WithPath("Envelope")
	default:
		return nil, problem.New(NotSOAP, rootReceived.With(texts.Excerpt(root.Local()), texts.Excerpt(root.Space())))
	}
	ns := e.version.Namespace()
	for child := range root.Children() {
		switch {
		case child.Is(ns, "Header") && e.header.IsZero() && e.body.IsZero():
			e.header = child
		case child.Is(ns, "Body") && e.body.IsZero():
			e.body = child
		default:
			return nil, problem.New(EnvelopeMalformed).WithPath("soap:Envelope")
		}
	}
	if e.body.IsZero() {
		return nil, problem.New(BodyMissing).WithPath("soap:Envelope")
	}
	return e, nil
}

func (e *Envelope) readHeaders() error {
	if e.header.IsZero() {
		return nil
	}
	for block := range e.header.Children() {
		if !e.isTargetedAtThisNode(block) {
			continue
		}
		if block.Is(NamespaceSecurity, "Security") {
			if !e.security.IsZero() {
				return problem.New(SecurityTwice).WithPath("wsse:Security")
			}
			e.security = block
			continue
		}
		must, _ := block.Attr(e.version.Namespace(), "mustUnderstand")
		if must = strings.Trim(must, " \t\r\n"); must == "1" || must == "true" {
			unknown := &headerBlock{space: block.Space(), local: block.Local()}
			return problem.Wrap(HeaderNotUnderstood, unknown, headerUnknown.With(texts.Excerpt(unknown.Error()))).
				WithPath("soap:Header")
		}
	}
	return nil
}

// headerBlock is the name of a header block that is not understood.
type headerBlock struct{ space, local string }

// Error returns the name with its namespace, as {namespace}local.
func (b *headerBlock) Error() string { return "{" + b.space + "}" + b.local }

// isTargetedAtThisNode reports whether a header block targets the ultimate receiver or the next node. The service is
// both.
func (e *Envelope) isTargetedAtThisNode(block xmldoc.Element) bool {
	if e.version == SOAP11 {
		actor, _ := block.Attr(Namespace11, "actor")
		return actor == "" || actor == "http://schemas.xmlsoap.org/soap/actor/next"
	}
	role, _ := block.Attr(Namespace12, "role")
	return role == "" || role == Namespace12+"/role/next" || role == Namespace12+"/role/ultimateReceiver"
}

// WrapBody returns an envelope with content, the serialized child element of the Body.
func WrapBody(v Version, content []byte) []byte { return wrapMessage(v, "", content) }

// wrapMessage returns an envelope with a serialized Header, or none, and the content of the Body.
func wrapMessage(v Version, header string, content []byte) []byte {
	const before, between, after = `<soap:Envelope xmlns:soap="`, `<soap:Body>`, `</soap:Body></soap:Envelope>`
	out := make([]byte, 0, len(before)+len(between)+len(after)+64+len(header)+len(content))
	out = append(out, before...)
	out = append(out, v.Namespace()...)
	out = append(out, '"', '>')
	out = append(out, header...)
	out = append(out, between...)
	out = append(out, content...)
	return append(out, after...)
}
