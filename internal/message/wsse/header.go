package wsse

import (
	"slices"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// securityNodes holds the nodes that verification is about. They are looked up once; all later checks compare with
// them.
type securityNodes struct {
	header, security, body      xmldoc.Element
	timestamp, token, signature xmldoc.Element // the token is optional

	key         keyReference
	keyRefusal  error  // why there is no key
	certificate []byte // DER of the certificate that verifies the signature
}

// readMessage reads the Security header: one Timestamp, one Signature and at most one BinarySecurityToken, in any
// order, and nothing else. Any other element either names another signer or requires an unsupported feature.
func readMessage(envelope *soap.Envelope) (*securityNodes, error) {
	m := &securityNodes{header: envelope.Header(), security: envelope.Security(), body: envelope.UnverifiedBody()}
	if m.security.IsZero() {
		return nil, newRefusal(SecurityMissing, "soap:Header")
	}
	for e := m.security.FirstChild(); !e.IsZero(); e = e.NextSibling() {
		if err := m.assignChild(e); err != nil {
			return nil, err
		}
	}
	if err := m.checkTimestamp(); err != nil {
		return nil, err
	}
	if err := m.checkSignature(); err != nil {
		return nil, err
	}
	// Refusals of the key are reported after those of the references, unless a reference needs the key.
	m.key, m.keyRefusal = m.readKeyInfo(m.signature.Child(dsig.Namespace, "KeyInfo"))
	return m, nil
}

// assignChild stores a child of the Security header in its field.
func (m *securityNodes) assignChild(e xmldoc.Element) error {
	part, err := m.fieldFor(e)
	if err != nil {
		return err
	}
	if !part.IsZero() {
		return newRefusal(SecurityRepeated, securityPath, problem.DetailElement.With(e.Local()))
	}
	*part = e
	return nil
}

func (m *securityNodes) checkTimestamp() error {
	if m.timestamp.IsZero() {
		return newRefusal(TimestampMissing, securityPath)
	}
	return nil
}

func (m *securityNodes) checkSignature() error {
	if m.signature.IsZero() {
		return newRefusal(SignatureMissing, securityPath)
	}
	return nil
}

// fieldFor returns the field for a child of the Security header.
func (m *securityNodes) fieldFor(e xmldoc.Element) (*xmldoc.Element, error) {
	switch {
	case e.Is(namespaceWSU, "Timestamp"):
		return &m.timestamp, nil
	case e.Is(namespaceWSSE, "BinarySecurityToken"):
		return &m.token, nil
	case e.Is(dsig.Namespace, "Signature"):
		return &m.signature, nil
	}
	switch e.Local() {
	case "UsernameToken", "Assertion", "EncryptedKey", "SecurityContextToken", "DerivedKeyToken":
		return nil, newRefusal(TokenUnsupported, securityPath, problem.DetailElement.With(e.Local()))
	}
	return nil, newRefusal(SecurityUnexpected, securityPath, problem.DetailElement.With(e.Local()))
}

// Resolve returns the element that a reference identifies. It accepts the Body, the Timestamp and the token in use, and
// whole blocks of the Header. Anything else indicates a wrapping attack, and the Security header cannot cover itself.
func (m *securityNodes) Resolve(id string) (xmldoc.Element, error) {
	e, ok := m.security.Document().ElementByID(id)
	if !ok {
		return e, problem.New(ReferenceUnknown)
	}
	ours := e == m.body || e == m.timestamp || e == m.token
	if !ours && (e.Parent() != m.header || e == m.security) {
		return e, problem.New(dsig.ReferenceTarget, problem.DetailElement.With(e.Local()))
	}
	if !hasIdentifier(e, id, ours) {
		return e, problem.New(ReferenceIDKind, problem.DetailElement.With(e.Local()))
	}
	return e, nil
}

// hasIdentifier reports whether id is the element's wsu:Id or, if plain is true, its unqualified Id, which node-soap
// needs. XML recognises more attributes as identifiers than WS-Security does (SOAP Message Security section 4).
func hasIdentifier(e xmldoc.Element, id string, plain bool) bool {
	if value, ok := e.Attr(namespaceWSU, "Id"); ok && value == id {
		return true
	}
	value, ok := e.Attr("", "Id")
	return plain && ok && value == id
}

// coverage says which of the required parts a signature covers.
type coverage struct{ body, timestamp, certificate bool }

// referenceSet is the set of elements that a signature refers to.
type referenceSet interface{ RefersTo(e xmldoc.Element) bool }

// determineCoverage compares nodes: the Body that will be dispatched and the Timestamp that will be checked. A
// certificate outside a token can be covered only by an STR-Transform, because its SecurityTokenReference can be
// covered in no other way.
func (m *securityNodes) determineCoverage(signature referenceSet) coverage {
	covers := func(e xmldoc.Element) bool { return !e.IsZero() && signature.RefersTo(e) }
	return coverage{covers(m.body), covers(m.timestamp), covers(m.token) || covers(m.key.tokenReference)}
}

func (c coverage) checkRequired(strict bool) error {
	switch {
	case !c.body:
		return newRefusal(BodyUnsigned, signaturePath)
	case !c.timestamp:
		return newRefusal(TimestampUnsigned, signaturePath)
	case strict && !c.certificate:
		return newRefusal(TokenUnsigned, signaturePath)
	}
	return nil
}

// checkSingleReading refuses what this service reads in one way and another tool, which verifies the kept message
// later, may read in another: a second ds:Signature in the Header, of which a tool may take the first, and a signed
// element that has a second identifier or whose identifier is also the value of another attribute with such a name. The
// content of the Body is signed, and comes later.
func (m *securityNodes) checkSingleReading(signature referenceSet) error {
	for e := range m.header.Descendants() {
		if e.Is(dsig.Namespace, "Signature") && e != m.signature {
			return newRefusal(SignatureElsewhere, "soap:Header")
		}
	}
	signed := []xmldoc.Element{m.body, m.timestamp, m.token, m.key.tokenReference}
	for _, e := range slices.AppendSeq(signed, m.header.Children()) {
		if !e.IsZero() && signature.RefersTo(e) && !e.HasOneIdentifier() {
			return newRefusal(ReferenceIDTwice, signaturePath, problem.DetailElement.With(e.Local()))
		}
	}
	return nil
}
