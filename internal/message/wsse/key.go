package wsse

import (
	"cmp"
	"encoding/base64"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// keyReference is what ds:KeyInfo says about the certificate of the signer, in one of the ways of X.509 Certificate Token
// Profile section 3.2 and SOAP Message Security section 7: where it stands, or which one it is.
type keyReference struct {
	holder    xmldoc.Element // the SecurityTokenReference; none if X509Data stands in KeyInfo itself
	at        string
	direct    bool            // it points to the token of the header
	valueType string          // what it says of that token, if it does
	embedded  xmldoc.Element  // it holds the certificate: a KeyIdentifier or an X509Certificate
	names     pki.Description // it names the certificate, perhaps besides holding it
}

// Bounds on what names a certificate.
const (
	// maxKeyID bounds the octets of a subject key identifier; those of RFC 5280 section 4.2.1.2 have 20.
	maxKeyID = 64
	// spread is how much longer than a text of ours its element may be, for markup and references.
	spread = 8
)

// readKey reads ds:KeyInfo, which must hold exactly one thing. A bare KeyValue proves nothing: anybody can make a key.
func (m *message) readKey(keyInfo xmldoc.Element) (keyReference, error) {
	holder, err := only(keyInfo, atKeyInfo)
	switch {
	case err != nil:
		return keyReference{}, err
	case holder.Is(dsig.Namespace, "X509Data"):
		return readX509Data(holder, xmldoc.Element{}, atKeyInfo+"/ds:X509Data")
	case !holder.Is(extension, "SecurityTokenReference"):
		return keyReference{}, unsupported(holder)
	}
	inner, err := only(holder, atKeyInfo)
	if err != nil {
		return keyReference{}, err
	}
	// SOAP Message Security section 7.1: what kind of token is meant.
	if tokenType, ok := holder.Attr(extension11, "TokenType"); ok && !isCertificate(tokenType) {
		return keyReference{}, refuse(problem.KeyReferenceWrong, atHolder, "attribute TokenType")
	}
	switch {
	case inner.Is(extension, "Reference"):
		return m.readDirect(inner, holder)
	case inner.Is(extension, "KeyIdentifier"):
		return readKeyIdentifier(inner, holder)
	case inner.Is(dsig.Namespace, "X509Data"):
		return readX509Data(inner, holder, atHolder+"/ds:X509Data")
	}
	return keyReference{}, unsupported(inner)
}

// unsupported refuses a way to name the key. The namespace is said too: with a default one for its output, gSOAP writes the
// right name in that of XML Signature.
func unsupported(e xmldoc.Element) error {
	space := cmp.Or(e.Space(), `""`)
	if e.Is(dsig.Namespace, "SecurityTokenReference") {
		space += " - gSOAP: without SOAP_XML_DEFAULTNS"
	}
	return refuse(problem.KeyReferenceUnsupported, atKeyInfo, "element", e.Local(), "in namespace", space)
}

// only returns the one child of an element.
func only(e xmldoc.Element, at string) (xmldoc.Element, error) {
	child := e.FirstChild()
	if child.IsZero() {
		return child, refuse(problem.KeyReferenceMissing, at)
	}
	if !child.NextSibling().IsZero() {
		return child, refuse(problem.KeyReferenceAmbiguous, at)
	}
	return child, nil
}

func isCertificate(valueType string) bool { return valueType == x509v3 || valueType == pkiPath }

// readDirect reads a reference to the token of this header (SOAP Message Security section 7.2).
func (m *message) readDirect(reference, holder xmldoc.Element) (keyReference, error) {
	key := keyReference{holder: holder, at: atReference, direct: true}
	// X.509 Certificate Token Profile section 3.2.1. Some toolkits leave the type out; another one is a contradiction.
	valueType, ok := reference.Attr("", "ValueType")
	if ok && !isCertificate(valueType) {
		return key, refuse(problem.KeyReferenceWrong, atReference, "attribute ValueType")
	}
	key.valueType = valueType
	uri, _ := reference.Attr("", "URI")
	if len(uri) < 2 || uri[0] != '#' {
		return key, refuse(problem.KeyReferenceWrong, atReference, "attribute URI")
	}
	if m.token.IsZero() {
		return key, refuse(problem.TokenMissing, atSecurity)
	}
	e, ok := m.security.Document().ByID(uri[1:])
	if !ok || e != m.token || !identifiedBy(e, uri[1:], true) {
		return key, refuse(problem.KeyReferenceWrong, atReference, "attribute URI")
	}
	return key, nil
}

// readKeyIdentifier reads a certificate, or the name of one, in base64 (SOAP Message Security section 7.3, X.509
// Certificate Token Profile section 3.2.2).
func readKeyIdentifier(e, holder xmldoc.Element) (keyReference, error) {
	key := keyReference{holder: holder, at: atHolder + "/wsse:KeyIdentifier"}
	if encoding, ok := e.Attr("", "EncodingType"); ok && encoding != base64Binary {
		return key, refuse(problem.TokenEncoding, key.at)
	}
	valueType, _ := e.Attr("", "ValueType")
	var err error
	switch valueType {
	case x509v3:
		key.embedded = e
	case subjectKeyIdentifier:
		key.names.SubjectKeyID, err = dsig.Base64(nil, e, maxKeyID, problem.KeyReferenceMalformed, key.at)
	case thumbprintSHA1:
		key.names.Thumbprint, err = dsig.Base64(nil, e, pki.ThumbprintSize, problem.KeyReferenceMalformed, key.at)
	default:
		err = refuse(problem.KeyReferenceUnsupported, key.at, "attribute ValueType")
	}
	return key, err
}

// readX509Data reads a ds:X509Data (XML Signature section 4.5.4), all parts of which must be about one certificate. A
// chain is not accepted: nothing says which of its certificates is the signer's.
func readX509Data(data, holder xmldoc.Element, at string) (keyReference, error) {
	key := keyReference{holder: holder, at: at}
	seen := 0
	for e := data.FirstChild(); !e.IsZero(); e = e.NextSibling() {
		part, err := key.readPart(e)
		switch {
		case err != nil:
			return key, err
		case seen&part != 0:
			return key, refuse(problem.KeyReferenceAmbiguous, at, "element", e.Local())
		}
		seen |= part
	}
	switch seen {
	case 0:
		return key, refuse(problem.KeyReferenceMissing, at)
	case partSubject: // of which there are as many certificates as there were renewals
		return key, refuse(problem.KeyReferenceUnsupported, at, "element X509SubjectName")
	}
	return key, nil
}

// The parts of a ds:X509Data.
const (
	partCertificate = 1 << iota
	partIssuerSerial
	partSubject
	partKeyID
)

// readPart reads one child of a ds:X509Data.
func (k *keyReference) readPart(e xmldoc.Element) (part int, err error) {
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
		if text, err = k.text(e); err == nil {
			k.names.Subject, err = pki.ParseName(text)
			err = k.placed(err)
		}
	case e.Is(dsig.Namespace, "X509SKI"):
		part = partKeyID
		k.names.SubjectKeyID, err = dsig.Base64(nil, e, maxKeyID, problem.KeyReferenceMalformed, k.at)
	default:
		err = refuse(problem.KeyReferenceUnsupported, k.at, "element", e.Local())
	}
	return part, err
}

func (k *keyReference) readIssuerSerial(e xmldoc.Element) error {
	name := e.FirstChild()
	serial := name.NextSibling()
	if !name.Is(dsig.Namespace, "X509IssuerName") || !serial.Is(dsig.Namespace, "X509SerialNumber") || !serial.NextSibling().IsZero() {
		return refuse(problem.KeyReferenceMalformed, k.at, "element X509IssuerSerial")
	}
	issuer, err := k.text(name)
	if err != nil {
		return err
	}
	number, err := k.text(serial)
	if err != nil {
		return err
	}
	k.names.IssuerSerial, err = pki.ParseIssuerSerial(issuer, number)
	return k.placed(err)
}

// text returns the text of an element, a name or a number, without the white space around it.
func (k *keyReference) text(e xmldoc.Element) (string, error) {
	if start, end := e.Offset(); end-start > spread*pki.MaxNameText {
		return "", refuse(problem.KeyReferenceMalformed, k.at, "element", e.Local(), "is too long")
	}
	text, ok := e.Text()
	if !ok {
		return "", refuse(problem.KeyReferenceMalformed, k.at, "element", e.Local(), "holds elements")
	}
	return trimmed(text), nil
}

// placed puts a refusal at the key reference.
func (k *keyReference) placed(err error) error {
	if err == nil {
		return nil
	}
	return problem.From(err).In(k.at)
}

// Dereference returns the token that the STR-Transform signs in place of the SecurityTokenReference of this signature's
// KeyInfo. To any other it leads nowhere: what is signed must be what we act upon. (SOAP Message Security section 8.3.)
func (m *message) Dereference(id string) (dsig.Token, error) {
	if m.keyRefusal != nil {
		return dsig.Token{}, m.keyRefusal
	}
	e, ok := m.security.Document().ByID(id)
	switch {
	case !ok:
		return dsig.Token{}, problem.New(problem.ReferenceUnknown)
	case e != m.key.holder:
		return dsig.Token{}, problem.New(problem.TransformSTRTarget, "element", e.Local())
	case !identifiedBy(e, id, false):
		return dsig.Token{}, problem.New(problem.ReferenceIDKind, "element", e.Local())
	case m.key.direct:
		return dsig.Token{Element: m.token}, nil
	}
	return dsig.Token{Element: e, Octets: m.appendToken}, nil
}

// appendToken appends the token that the specification makes of a certificate that does not stand in one, in canonical
// form: like those of WSS4J without EncodingType, in one line, with the prefix of the reference.
func (m *message) appendToken(dst []byte) []byte {
	prefix := m.key.holder.Prefix()
	if prefix == "" {
		prefix = "wsse"
	}
	name := prefix + ":BinarySecurityToken"
	dst = append(dst, "<"+name+` xmlns="" xmlns:`+prefix+`="`+extension+`" ValueType="`+x509v3+`">`...)
	dst = base64.StdEncoding.AppendEncode(dst, m.certificate)
	return append(dst, "</"+name+">"...)
}
