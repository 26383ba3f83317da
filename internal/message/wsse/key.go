package wsse

import (
	"cmp"
	"encoding/base64"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// keyReference is the reference in ds:KeyInfo to the signer's certificate, in one of the forms of X.509 Certificate
// Token Profile section 3.2 and SOAP Message Security section 7. It locates the certificate or identifies it.
type keyReference struct {
	tokenReference xmldoc.Element // the SecurityTokenReference; zero if KeyInfo contains X509Data directly
	path           string
	isDirect       bool                       // it references the token in the header
	valueType      string                     // declared type of that token, or empty
	embedded       xmldoc.Element             // the KeyIdentifier or X509Certificate that contains the certificate, if any
	selector       x509id.CertificateSelector // identifies the certificate, possibly in addition to embedded
}

// Limits on key references.
const (
	// maxSubjectKeyIDSize is in bytes; identifiers of RFC 5280 section 4.2.1.2 have 20.
	maxSubjectKeyIDSize = 64
	// maxMarkupFactor bounds the size of an element relative to its text, to leave room for markup and character
	// references.
	maxMarkupFactor = 8
)

// readKeyInfo reads ds:KeyInfo, which must have exactly one child. A bare KeyValue proves nothing: anyone can generate
// a key.
func (m *securityNodes) readKeyInfo(keyInfo xmldoc.Element) (keyReference, error) {
	tokenReference, err := requireOnlyChild(keyInfo, keyInfoPath)
	switch {
	case err != nil:
		return keyReference{}, err
	case tokenReference.Is(dsig.Namespace, "X509Data"):
		return readX509Data(tokenReference, xmldoc.Element{}, keyInfoPath+"/ds:X509Data")
	case !tokenReference.Is(namespaceWSSE, "SecurityTokenReference"):
		return keyReference{}, newUnsupportedReferenceError(tokenReference)
	}
	inner, err := requireOnlyChild(tokenReference, keyInfoPath)
	if err != nil {
		return keyReference{}, err
	}
	// SOAP Message Security section 7.1: the type of the referenced token.
	if tokenType, ok := tokenReference.Attr(namespaceWSSE11, "TokenType"); ok && !isCertificateTokenType(tokenType) {
		return keyReference{}, newRefusal(KeyReferenceWrong, tokenReferencePath, problem.DetailAttribute.With("TokenType"))
	}
	switch {
	case inner.Is(namespaceWSSE, "Reference"):
		return m.readDirectReference(inner, tokenReference)
	case inner.Is(namespaceWSSE, "KeyIdentifier"):
		return readKeyIdentifier(inner, tokenReference)
	case inner.Is(dsig.Namespace, "X509Data"):
		return readX509Data(inner, tokenReference, tokenReferencePath+"/ds:X509Data")
	}
	return keyReference{}, newUnsupportedReferenceError(inner)
}

// newUnsupportedReferenceError includes the namespace, because gSOAP with a default namespace for its output writes the
// right local name in the namespace of XML Signature.
func newUnsupportedReferenceError(e xmldoc.Element) error {
	found := elementInNamespace.With(e.Local(), cmp.Or(e.Space(), `""`))
	if e.Is(dsig.Namespace, "SecurityTokenReference") {
		found = withoutGSOAPSetting.With(found, "SOAP_XML_DEFAULTNS")
	}
	return newRefusal(KeyReferenceUnsupported, keyInfoPath, found)
}

// requireOnlyChild returns the only child of an element, or an error.
func requireOnlyChild(e xmldoc.Element, path string) (xmldoc.Element, error) {
	child := e.FirstChild()
	if child.IsZero() {
		return child, newRefusal(KeyReferenceMissing, path)
	}
	if !child.NextSibling().IsZero() {
		return child, newRefusal(KeyReferenceAmbiguous, path)
	}
	return child, nil
}

func isCertificateTokenType(valueType string) bool {
	return valueType == tokenTypeX509v3 || valueType == tokenTypePKIPath
}

// readDirectReference reads a reference to the token in this header (SOAP Message Security section 7.2).
func (m *securityNodes) readDirectReference(reference, tokenReference xmldoc.Element) (keyReference, error) {
	key := keyReference{tokenReference: tokenReference, path: directReferencePath, isDirect: true}
	// X.509 Certificate Token Profile section 3.2.1. Some toolkits omit the type; a different one is a contradiction.
	valueType, ok := reference.Attr("", "ValueType")
	if ok && !isCertificateTokenType(valueType) {
		return key, newRefusal(KeyReferenceWrong, directReferencePath, problem.DetailAttribute.With("ValueType"))
	}
	key.valueType = valueType
	uri, _ := reference.Attr("", "URI")
	if len(uri) < 2 || uri[0] != '#' {
		return key, newRefusal(KeyReferenceWrong, directReferencePath, problem.DetailAttribute.With("URI"))
	}
	if m.token.IsZero() {
		return key, newRefusal(TokenMissing, securityPath)
	}
	e, ok := m.security.Document().ElementByID(uri[1:])
	if !ok || e != m.token || !hasIdentifier(e, uri[1:], true) {
		return key, newRefusal(KeyReferenceWrong, directReferencePath, problem.DetailAttribute.With("URI"))
	}
	return key, nil
}

// readKeyIdentifier reads a certificate, or an identifier of one, in base64 (SOAP Message Security section 7.3, X.509
// Certificate Token Profile section 3.2.2).
func readKeyIdentifier(e, tokenReference xmldoc.Element) (keyReference, error) {
	key := keyReference{tokenReference: tokenReference, path: tokenReferencePath + "/wsse:KeyIdentifier"}
	if encoding, ok := e.Attr("", "EncodingType"); ok && encoding != encodingBase64Binary {
		return key, newRefusal(TokenEncoding, key.path,
			problem.DetailReceivedExpected.With(texts.Excerpt(encoding), encodingBase64Binary))
	}
	valueType, _ := e.Attr("", "ValueType")
	var err error
	switch valueType {
	case tokenTypeX509v3:
		key.embedded = e
	case valueTypeSubjectKeyIdentifier:
		key.selector.SubjectKeyID, err = dsig.DecodeBase64(
			nil, e, maxSubjectKeyIDSize, x509id.KeyReferenceMalformed, key.path,
		)
	case valueTypeThumbprintSHA1:
		key.selector.Thumbprint, err = dsig.DecodeBase64(
			nil, e, x509id.ThumbprintSize, x509id.KeyReferenceMalformed, key.path,
		)
	default:
		err = newRefusal(KeyReferenceUnsupported, key.path, problem.DetailAttribute.With("ValueType"))
	}
	return key, err
}

// readX509Data reads a ds:X509Data (XML Signature section 4.5.4). All its parts must be about one certificate. A chain
// is refused, because nothing says which certificate is the signer's.
func readX509Data(data, tokenReference xmldoc.Element, path string) (keyReference, error) {
	key := keyReference{tokenReference: tokenReference, path: path}
	seen := 0
	for e := data.FirstChild(); !e.IsZero(); e = e.NextSibling() {
		part, err := key.readX509Part(e)
		switch {
		case err != nil:
			return key, err
		case seen&part != 0:
			return key, newRefusal(KeyReferenceAmbiguous, path, problem.DetailElement.With(e.Local()))
		}
		seen |= part
	}
	switch seen {
	case 0:
		return key, newRefusal(KeyReferenceMissing, path)
	case partSubject: // a subject has one certificate per renewal, so it does not identify one
		return key, newRefusal(KeyReferenceUnsupported, path, problem.DetailElement.With("X509SubjectName"))
	}
	return key, nil
}

// The parts of a ds:X509Data.
const (
	partCertificate = 1 << iota
	partIssuerSerial
	partSubject
	partSubjectKeyID
)

// readX509Part reads one child of a ds:X509Data.
func (k *keyReference) readX509Part(e xmldoc.Element) (part int, err error) {
	switch {
	case e.Is(dsig.Namespace, "X509Certificate"):
		part = partCertificate
		k.embedded = e
	case e.Is(dsig.Namespace, "X509IssuerSerial"):
		part = partIssuerSerial
		err = k.readIssuerSerial(e)
	case e.Is(dsig.Namespace, "X509SubjectName"):
		part = partSubject
		var text string
		if text, err = k.readText(e); err == nil {
			k.selector.Subject, err = x509id.ParseName(text)
			err = k.withPath(err)
		}
	case e.Is(dsig.Namespace, "X509SKI"):
		part = partSubjectKeyID
		k.selector.SubjectKeyID, err = dsig.DecodeBase64(nil, e, maxSubjectKeyIDSize, x509id.KeyReferenceMalformed, k.path)
	default:
		err = newRefusal(KeyReferenceUnsupported, k.path, problem.DetailElement.With(e.Local()))
	}
	return part, err
}

func (k *keyReference) readIssuerSerial(e xmldoc.Element) error {
	name := e.FirstChild()
	serial := name.NextSibling()
	if !name.Is(dsig.Namespace, "X509IssuerName") || !serial.Is(dsig.Namespace, "X509SerialNumber") ||
		!serial.NextSibling().IsZero() {
		return newRefusal(x509id.KeyReferenceMalformed, k.path, problem.DetailElement.With("X509IssuerSerial"))
	}
	issuer, err := k.readText(name)
	if err != nil {
		return err
	}
	number, err := k.readText(serial)
	if err != nil {
		return err
	}
	k.selector.IssuerSerial, err = x509id.ParseIssuerSerial(issuer, number)
	return k.withPath(err)
}

// readText returns the text of an element, a name or a number, without surrounding white space.
func (k *keyReference) readText(e xmldoc.Element) (string, error) {
	if start, end := e.Offset(); end-start > maxMarkupFactor*x509id.MaxNameTextBytes {
		return "", newRefusal(x509id.KeyReferenceMalformed, k.path, elementTooLong.With(e.Local()))
	}
	text, ok := e.Text()
	if !ok {
		return "", newRefusal(x509id.KeyReferenceMalformed, k.path, elementHasChildren.With(e.Local()))
	}
	return trimXMLSpace(text), nil
}

// withPath adds the path of the key reference to an error.
func (k *keyReference) withPath(err error) error {
	if err == nil {
		return nil
	}
	return problem.From(err).WithPath(k.path)
}

// Dereference returns the token that the STR-Transform substitutes for the SecurityTokenReference in the KeyInfo of
// this signature (SOAP Message Security section 8.3). It refuses any other reference: what is signed must be what is
// used.
func (m *securityNodes) Dereference(id string) (dsig.Token, error) {
	if m.keyRefusal != nil {
		return dsig.Token{}, m.keyRefusal
	}
	e, ok := m.security.Document().ElementByID(id)
	switch {
	case !ok:
		return dsig.Token{}, problem.New(ReferenceUnknown)
	case e != m.key.tokenReference:
		return dsig.Token{}, problem.New(TransformSTRTarget, problem.DetailElement.With(e.Local()))
	case !hasIdentifier(e, id, false):
		return dsig.Token{}, problem.New(ReferenceIDKind, problem.DetailElement.With(e.Local()))
	case m.key.isDirect:
		return dsig.Token{Element: m.token}, nil
	}
	return dsig.Token{Element: e, AppendCanonical: m.appendToken}, nil
}

// appendToken appends the BinarySecurityToken that the specification derives from a certificate outside a token, in
// canonical form: as WSS4J writes it, without EncodingType, on one line, with the prefix of the reference.
func (m *securityNodes) appendToken(dst []byte) []byte {
	prefix := m.key.tokenReference.Prefix()
	if prefix == "" {
		prefix = "wsse"
	}
	name := prefix + ":BinarySecurityToken"
	dst = append(dst, "<"+name+` xmlns="" xmlns:`+prefix+`="`+namespaceWSSE+`" ValueType="`+tokenTypeX509v3+`">`...)
	dst = base64.StdEncoding.AppendEncode(dst, m.certificate)
	return append(dst, "</"+name+">"...)
}
