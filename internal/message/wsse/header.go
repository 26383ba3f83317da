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
	timestamp, token, signature xmldoc.Element
}

// readMessage reads the Security header: one Timestamp, one BinarySecurityToken and one Signature, in any order, and
// nothing else. What else there could be either names another caller or asks for what we do not do.
func readMessage(envelope *soap.Envelope) (*message, error) {
	m := &message{header: envelope.Header(), security: envelope.Security(), body: envelope.UnverifiedBody()}
	if m.security.IsZero() {
		return nil, refuse(problem.SecurityMissing, "soap:Header")
	}
	for e := m.security.FirstChild(); !e.IsZero(); e = e.NextSibling() {
		part, err := m.part(e)
		if err != nil {
			return nil, err
		}
		if !part.IsZero() {
			return nil, refuse(problem.SecurityRepeated, atSecurity, "element", e.Local())
		}
		*part = e
	}
	switch {
	case m.timestamp.IsZero():
		return nil, refuse(problem.TimestampMissing, atSecurity)
	case m.token.IsZero():
		return nil, refuse(problem.TokenMissing, atSecurity)
	case m.signature.IsZero():
		return nil, refuse(problem.SignatureMissing, atSecurity)
	}
	return m, nil
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

// resolve says which element a reference names. What may be signed: the Body, the Timestamp and the token that are used,
// and blocks of the Header as a whole. Anything else is a sign of wrapping, and the header itself cannot cover itself.
func (m *message) resolve(id string) (xmldoc.Element, error) {
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

// checkCoverage compares nodes: the Body that will be dispatched and the Timestamp that will be checked.
func (m *message) checkCoverage(signature *dsig.Signature, strict bool) error {
	switch {
	case !signature.Refers(m.body):
		return refuse(problem.BodyUnsigned, atSignature)
	case !signature.Refers(m.timestamp):
		return refuse(problem.TimestampUnsigned, atSignature)
	case strict && !signature.Refers(m.token):
		return refuse(problem.TokenUnsigned, atSignature)
	}
	return nil
}

// checkKeyReference demands a direct reference to the token of this header (SOAP Message Security section 7.2).
func (m *message) checkKeyReference(keyInfo xmldoc.Element) error {
	holder := keyInfo.FirstChild()
	if holder.IsZero() || !holder.NextSibling().IsZero() {
		return refuse(problem.KeyReferenceMissing, atKeyInfo)
	}
	if !holder.Is(extension, "SecurityTokenReference") {
		return refuse(problem.KeyReferenceUnsupported, atKeyInfo, "element", holder.Local())
	}
	reference := holder.FirstChild()
	if reference.IsZero() || !reference.NextSibling().IsZero() {
		return refuse(problem.KeyReferenceMissing, atKeyInfo)
	}
	if !reference.Is(extension, "Reference") {
		return refuse(problem.KeyReferenceUnsupported, atKeyInfo, "element", reference.Local())
	}
	// X.509 Certificate Token Profile section 3.2.1. Some toolkits leave the type out; another one is a contradiction.
	if valueType, ok := reference.Attr("", "ValueType"); ok && valueType != x509v3 {
		return refuse(problem.KeyReferenceWrong, atReference, "attribute ValueType")
	}
	if tokenType, ok := holder.Attr(extension11, "TokenType"); ok && tokenType != x509v3 {
		return refuse(problem.KeyReferenceWrong, atReference, "attribute TokenType")
	}
	uri, _ := reference.Attr("", "URI")
	if len(uri) < 2 || uri[0] != '#' {
		return refuse(problem.KeyReferenceWrong, atReference, "attribute URI")
	}
	e, ok := m.security.Document().ByID(uri[1:])
	if !ok || e != m.token || !identifiedBy(e, uri[1:], true) {
		return refuse(problem.KeyReferenceWrong, atReference, "attribute URI")
	}
	return nil
}
