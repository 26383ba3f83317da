package wsse

import (
	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// message holds the nodes that the proof is about. They are found once; everything after compares with them.
type message struct {
	header, security, body      xmldoc.Element
	timestamp, token, signature xmldoc.Element // there need not be a token

	key         keyReference
	keyRefusal  error  // why there is no key
	certificate []byte // the one that the signature is verified with
}

// readMessage reads the Security header: one Timestamp, one Signature and at most one BinarySecurityToken, in any order,
// and nothing else. What else there could be either names another caller or asks for what we do not do.
func readMessage(envelope *soap.Envelope) (*message, error) {
	m := &message{header: envelope.Header(), security: envelope.Security(), body: envelope.UnverifiedBody()}
	if m.security.IsZero() {
		return nil, refuse(problem.SecurityMissing, "soap:Header")
	}
	for e := m.security.FirstChild(); !e.IsZero(); e = e.NextSibling() {
		if err := m.take(e); err != nil {
			return nil, err
		}
	}
	if err := m.checkTimestamp(); err != nil {
		return nil, err
	}
	if err := m.checkSignature(); err != nil {
		return nil, err
	}
	// What is wrong with the key is said after what is wrong with the references, unless these need the key.
	m.key, m.keyRefusal = m.readKey(m.signature.Child(dsig.Namespace, "KeyInfo"))
	return m, nil
}

// take keeps a child of the Security header where it belongs.
func (m *message) take(e xmldoc.Element) error {
	part, err := m.part(e)
	if err != nil {
		return err
	}
	if !part.IsZero() {
		return refuse(problem.SecurityRepeated, atSecurity, "element", e.Local())
	}
	*part = e
	return nil
}

func (m *message) checkTimestamp() error {
	if m.timestamp.IsZero() {
		return refuse(problem.TimestampMissing, atSecurity)
	}
	return nil
}

func (m *message) checkSignature() error {
	if m.signature.IsZero() {
		return refuse(problem.SignatureMissing, atSecurity)
	}
	return nil
}

// part returns where a child of the Security header belongs.
func (m *message) part(e xmldoc.Element) (*xmldoc.Element, error) {
	switch {
	case e.Is(utility, "Timestamp"):
		return &m.timestamp, nil
	case e.Is(extension, "BinarySecurityToken"):
		return &m.token, nil
	case e.Is(dsig.Namespace, "Signature"):
		return &m.signature, nil
	}
	switch e.Local() {
	case "UsernameToken", "Assertion", "EncryptedKey", "SecurityContextToken", "DerivedKeyToken":
		return nil, refuse(problem.TokenUnsupported, atSecurity, "element", e.Local())
	}
	return nil, refuse(problem.SecurityUnexpected, atSecurity, "element", e.Local())
}

// Resolve says which element a reference names. What may be signed: the Body, the Timestamp and the token that are used,
// and blocks of the Header as a whole. Anything else is a sign of wrapping, and the header itself cannot cover itself.
func (m *message) Resolve(id string) (xmldoc.Element, error) {
	e, ok := m.security.Document().ByID(id)
	if !ok {
		return e, problem.New(problem.ReferenceUnknown)
	}
	ours := e == m.body || e == m.timestamp || e == m.token
	if !ours && (e.Parent() != m.header || e == m.security) {
		return e, problem.New(problem.ReferenceTarget, "element", e.Local())
	}
	if !identifiedBy(e, id, ours) {
		return e, problem.New(problem.ReferenceIDKind, "element", e.Local())
	}
	return e, nil
}

// identifiedBy reports whether the identifier is a wsu:Id, or where node-soap needs it a plain Id. XML reads more
// attributes as identifiers than WS-Security does (SOAP Message Security section 4).
func identifiedBy(e xmldoc.Element, id string, plain bool) bool {
	if value, ok := e.Attr(utility, "Id"); ok && value == id {
		return true
	}
	value, ok := e.Attr("", "Id")
	return plain && ok && value == id
}

// coverage is what a signature refers to, of what matters.
type coverage struct{ body, timestamp, certificate bool }

// referrer is a signature that tells what it refers to.
type referrer interface{ Refers(e xmldoc.Element) bool }

// coverage compares nodes: the Body that will be dispatched and the Timestamp that will be checked. The certificate is
// covered in its token, or by an STR-Transform where it does not stand in one: the SecurityTokenReference itself cannot be
// covered in another way.
func (m *message) coverage(signature referrer) coverage {
	covers := func(e xmldoc.Element) bool { return !e.IsZero() && signature.Refers(e) }
	return coverage{covers(m.body), covers(m.timestamp), covers(m.token) || covers(m.key.holder)}
}

func (c coverage) check(strict bool) error {
	switch {
	case !c.body:
		return refuse(problem.BodyUnsigned, atSignature)
	case !c.timestamp:
		return refuse(problem.TimestampUnsigned, atSignature)
	case strict && !c.certificate:
		return refuse(problem.TokenUnsigned, atSignature)
	}
	return nil
}
