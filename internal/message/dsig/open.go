package dsig

import (
	"encoding/base64"
	"strings"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Paths of refusals.
const (
	pathSignature              = "ds:Signature"
	pathSignedInfo             = "ds:SignedInfo"
	pathCanonicalizationMethod = "ds:CanonicalizationMethod"
	pathSignatureMethod        = "ds:SignatureMethod"
	pathSignatureValue         = "ds:SignatureValue"
	pathKeyInfo                = "ds:KeyInfo"
	pathTransform              = "ds:Transform"
	pathDigestMethod           = "ds:DigestMethod"
	pathDigestValue            = "ds:DigestValue"
)

// STRTransform is the transform of SOAP Message Security 1.1.1 section 8.3, with the identifier that all
// implementations use; the specification's table of identifiers omits the hyphen.
const STRTransform = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform"

// binarySecurityToken is an element for which some refusals hint at a toolkit's known mistake.
const binarySecurityToken = "BinarySecurityToken"

// securityNamespace is the namespace of the STR-Transform's parameters.
const securityNamespace = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"

// Parse parses a ds:Signature. Its structure must be exactly that of section 4 of the specification, without ds:Object;
// every algorithm must be allowed, and every reference must resolve, each to a different element.
func Parse(signature xmldoc.Element, p Policy, resolver Resolver) (*Signature, error) {
	if !signature.Is(Namespace, "Signature") {
		return nil, newStructureError(pathSignature, absent)
	}
	s := &Signature{element: signature}
	s.references, s.prefixes = s.referenceBuffer[:0], s.prefixBuffer[:0]
	value, err := s.splitSignature()
	if err != nil {
		return nil, err
	}
	if err = s.readSignedInfo(p); err != nil {
		return nil, err
	}
	if err = s.readSignatureValue(value); err != nil {
		return nil, err
	}
	for i := range s.references {
		if err = s.resolveReference(i, resolver); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// splitSignature finds the children of the signature.
func (s *Signature) splitSignature() (value xmldoc.Element, err error) {
	parts := newChildCursor(s.element)
	s.signedInfo = parts.takeIfNamed("SignedInfo")
	value = parts.takeIfNamed("SignatureValue")
	keyInfo := parts.takeIfNamed("KeyInfo")
	switch isComplete := !s.signedInfo.IsZero() && !value.IsZero() && parts.isDone(); {
	case isComplete && keyInfo.IsZero():
		return value, newStructureError(pathSignature,
			keyInfoMissing.With("attachTokentoSig", "X509SubjectKeyIdentifier", "WSSecurityCert", "1.2"))
	case !isComplete:
		return value, newStructureError(pathSignature, signatureChildren)
	}
	return value, nil
}

func (s *Signature) readSignatureValue(value xmldoc.Element) error {
	decoded, err := DecodeBase64(
		s.valueBuffer[:0], value, MaxSignatureValueBytes, SignatureValueMalformed, pathSignatureValue,
	)
	s.value = decoded
	return err
}

func newStructureError(path string, detail texts.Text) error {
	return problem.New(SignatureStructure, detail).WithPath(path)
}

// childCursor iterates over child elements in order.
type childCursor struct{ next xmldoc.Element }

func newChildCursor(e xmldoc.Element) *childCursor { return &childCursor{e.FirstChild()} }

// takeIfNamed returns the next child and advances if it has this name; otherwise it returns the zero Element.
func (s *childCursor) takeIfNamed(local string) xmldoc.Element {
	e := s.next
	if !e.Is(Namespace, local) {
		return xmldoc.Element{}
	}
	s.next = e.NextSibling()
	return e
}

func (s *childCursor) isDone() bool { return s.next.IsZero() }

func (s *Signature) readSignedInfo(p Policy) error {
	parts := newChildCursor(s.signedInfo)
	canonicalizationElement := parts.takeIfNamed("CanonicalizationMethod")
	methodElement := parts.takeIfNamed("SignatureMethod")
	if canonicalizationElement.IsZero() || methodElement.IsZero() {
		return newStructureError(pathSignedInfo, signedInfoStart)
	}
	if err := s.readCanonicalization(canonicalizationElement); err != nil {
		return err
	}
	if err := s.readSignatureMethod(methodElement, p); err != nil {
		return err
	}
	for e := parts.takeIfNamed("Reference"); !e.IsZero(); e = parts.takeIfNamed("Reference") {
		if err := s.readReference(e, p); err != nil {
			return err
		}
	}
	return s.checkReferences(parts)
}

// checkReferences checks that there are references and nothing after them.
func (s *Signature) checkReferences(rest *childCursor) error {
	if len(s.references) == 0 || !rest.isDone() {
		return newStructureError(pathSignedInfo, referencesOnly)
	}
	return nil
}

// readCanonicalization reads the canonicalisation method of SignedInfo, if it is allowed.
func (s *Signature) readCanonicalization(e xmldoc.Element) error {
	name, _ := e.Attr("", "Algorithm")
	switch name {
	case ExclusiveC14N:
		prefixes, err := s.readPrefixList(e, pathCanonicalizationMethod)
		s.canonicalization = xmldoc.C14N{Exclusive: true, PrefixList: prefixes}
		return err
	case InclusiveC14N:
		if !e.FirstChild().IsZero() {
			return newStructureError(pathCanonicalizationMethod, noParameters)
		}
		return nil
	}
	return problem.New(
		CanonicalizationUnsupported, describeAlgorithm(name),
	).WithPath(pathCanonicalizationMethod)
}

func (s *Signature) readSignatureMethod(e xmldoc.Element, p Policy) error {
	name, _ := e.Attr("", "Algorithm")
	m, err := parseMethod(name, p)
	if err != nil {
		return withPath(err, pathSignatureMethod)
	}
	if !e.FirstChild().IsZero() {
		return newStructureError(pathSignatureMethod, noParameters)
	}
	s.method = m
	return nil
}

// readReference reads a ds:Reference (sections 4.4.3 to 4.4.3.6).
func (s *Signature) readReference(e xmldoc.Element, p Policy) error {
	r, i, err := s.newReference()
	if err != nil {
		return err
	}
	if err = r.readURI(e, i); err != nil {
		return err
	}
	parts, err := splitReference(e, i)
	if err != nil {
		return err
	}
	if err = s.readTransforms(r, parts.transforms, i); err != nil {
		return err
	}
	if err = r.readDigestMethod(parts.method, p, i); err != nil {
		return err
	}
	return r.readDigestValue(parts.value, i)
}

// newReference appends a reference, and returns it with its index.
func (s *Signature) newReference() (r *reference, i int, err error) {
	i = len(s.references)
	if i == MaxReferences {
		return nil, i, problem.New(ReferencesTooMany, problem.DetailAtMost.With(MaxReferences)).WithPath(pathSignedInfo)
	}
	s.references = s.references[:i+1]
	return &s.references[i], i, nil
}

func (r *reference) readURI(e xmldoc.Element, i int) error {
	uri, _ := e.Attr("", "URI")
	var err error
	if r.id, err = parseSameDocumentURI(uri); err != nil {
		return withPath(err, referencePath(i))
	}
	return nil
}

// referenceParts are the children of a ds:Reference. Transforms are optional in the specification.
type referenceParts struct{ transforms, method, value xmldoc.Element }

func splitReference(e xmldoc.Element, i int) (p referenceParts, err error) {
	parts := newChildCursor(e)
	p.transforms = parts.takeIfNamed("Transforms")
	p.method = parts.takeIfNamed("DigestMethod")
	p.value = parts.takeIfNamed("DigestValue")
	if p.method.IsZero() || p.value.IsZero() || !parts.isDone() {
		return p, newStructureError(referencePath(i), referenceChildren)
	}
	return p, nil
}

func (r *reference) readDigestMethod(e xmldoc.Element, p Policy, i int) error {
	name, _ := e.Attr("", "Algorithm")
	var err error
	if r.digest, err = parseDigestMethod(name, p); err != nil {
		return withPath(err, referencePath(i)+"/"+pathDigestMethod)
	}
	if !e.FirstChild().IsZero() {
		return newStructureError(referencePath(i)+"/"+pathDigestMethod, noParameters)
	}
	return nil
}

// readDigestValue checks that the value has the length of the digest method.
func (r *reference) readDigestValue(e xmldoc.Element, i int) error {
	var err error
	r.statedDigest, err = DecodeBase64(r.digestBuffer[:0], e, maxDigestBytes, DigestValueMalformed, pathDigestValue)
	if err != nil {
		return withPath(err, referencePath(i)+"/"+pathDigestValue)
	}
	if size := r.digest.cryptoHash().Size(); len(r.statedDigest) != size {
		return problem.New(
			DigestValueMalformed, wrongDigestLength.With(len(r.statedDigest), size),
		).WithPath(referencePath(i) + "/" + pathDigestValue)
	}
	return nil
}

// readTransforms accepts exclusive canonicalisation, optionally after an enveloped-signature transform; or the
// STR-Transform alone.
func (s *Signature) readTransforms(r *reference, transforms xmldoc.Element, i int) error {
	count, hasCanonicalization := 0, false
	for e := transforms.FirstChild(); !e.IsZero(); e = e.NextSibling() {
		if count++; count > MaxTransforms {
			return problem.New(TransformsTooMany, problem.DetailAtMost.With(MaxTransforms)).WithPath(referencePath(i))
		}
		if !e.Is(Namespace, "Transform") {
			return newStructureError(referencePath(i), transformsOnly)
		}
		name, _ := e.Attr("", "Algorithm")
		switch {
		case name == ExclusiveC14N && !hasCanonicalization:
			hasCanonicalization = true
			var err error
			if r.prefixes, err = s.readPrefixList(e, pathTransform); err != nil {
				return withPath(err, referencePath(i)+"/"+pathTransform)
			}
		case name == Enveloped && !hasCanonicalization && !r.isEnveloped:
			r.isEnveloped = true
			if !e.FirstChild().IsZero() {
				return newStructureError(referencePath(i)+"/"+pathTransform, noParameters)
			}
		case name == STRTransform && !hasCanonicalization && !r.isEnveloped:
			hasCanonicalization, r.isSTRTransform = true, true
			if err := s.readTokenParameters(r, e); err != nil {
				return withPath(err, referencePath(i)+"/"+pathTransform)
			}
		default:
			return problem.New(
				TransformUnsupported, describeAlgorithm(name),
			).WithPath(referencePath(i) + "/" + pathTransform)
		}
	}
	if !hasCanonicalization {
		// Section 4.4.3.2 defaults to Canonical XML 1.0, which makes the signed bytes depend on the surrounding
		// elements.
		return problem.New(TransformMissing, texts.Literal(ExclusiveC14N)).WithPath(referencePath(i))
	}
	return nil
}

// readTokenParameters reads the parameter of the STR-Transform: the token's canonicalisation method. The default
// namespace is treated as if it were in the PrefixList, which is how all implementations read the requirement to
// declare it.
func (s *Signature) readTokenParameters(r *reference, transform xmldoc.Element) error {
	parameters := transform.FirstChild()
	method := parameters.FirstChild()
	if !parameters.Is(securityNamespace, "TransformationParameters") || !parameters.NextSibling().IsZero() ||
		!method.Is(Namespace, "CanonicalizationMethod") || !method.NextSibling().IsZero() {
		return problem.New(TransformSTRParameters)
	}
	if name, _ := method.Attr("", "Algorithm"); name != ExclusiveC14N {
		return problem.New(TransformSTRParameters, describeAlgorithm(name))
	}
	from := len(s.prefixes)
	if _, err := s.readPrefixList(method, pathTransform); err != nil {
		return err
	}
	s.prefixes = append(s.prefixes, "#default")
	r.prefixes = s.prefixes[from:len(s.prefixes):len(s.prefixes)]
	return nil
}

// readPrefixList reads the parameter of exclusive canonicalisation (Exclusive XML Canonicalization section 4).
func (s *Signature) readPrefixList(method xmldoc.Element, path string) ([]string, error) {
	e := method.FirstChild()
	if e.IsZero() {
		return nil, nil
	}
	if !e.Is(ExclusiveC14N, "InclusiveNamespaces") || !e.NextSibling().IsZero() || !e.FirstChild().IsZero() {
		return nil, newStructureError(path, oneInclusiveNamespaces)
	}
	list, _ := e.Attr("", "PrefixList")
	from := len(s.prefixes)
	for prefix := range strings.FieldsFuncSeq(list, isSpace) {
		if len(s.prefixes)-from == MaxPrefixes {
			received := len(strings.FieldsFunc(list, isSpace))
			return nil, problem.New(PrefixesTooMany, prefixesReceived.With(received, MaxPrefixes)).WithPath(path)
		}
		s.prefixes = append(s.prefixes, prefix)
	}
	return s.prefixes[from:len(s.prefixes):len(s.prefixes)], nil
}

func isSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }

// resolveReference finds the element of a reference. No element may be referenced twice: that would add nothing, and
// let a short message cause a lot of work.
func (s *Signature) resolveReference(i int, resolver Resolver) error {
	r := &s.references[i]
	target, err := r.findTarget(resolver)
	if err != nil {
		refusal := problem.From(err)
		if refusal.Path != "" {
			return refusal
		}
		return refusal.WithDetail(texts.Join(refusal.Detail, uriDetail("#"+r.id))).WithPath(referencePath(i))
	}
	if target.IsZero() || target == s.element || target.IsWithin(s.signedInfo) {
		// A signature cannot cover itself; with itself omitted, it would cover nothing.
		return problem.New(ReferenceTarget, problem.DetailElement.With(target.Local())).WithPath(referencePath(i))
	}
	if s.RefersTo(target) {
		return problem.New(ReferenceTwice, problem.DetailElement.With(target.Local())).WithPath(referencePath(i))
	}
	r.element = target
	return nil
}

func (r *reference) findTarget(resolver Resolver) (xmldoc.Element, error) {
	if !r.isSTRTransform {
		return resolver.Resolve(r.id)
	}
	token, err := resolver.Dereference(r.id)
	r.appendToken = token.AppendCanonical
	return token.Element, err
}

// parseSameDocumentURI returns the identifier of a same-document reference (section 4.4.3.3), the only kind allowed.
func parseSameDocumentURI(uri string) (string, error) {
	id, found := strings.CutPrefix(uri, "#")
	switch {
	case uri == "":
		return "", problem.New(ReferenceEmpty)
	case !found:
		return "", problem.New(ReferenceExternal, uriDetail(uri))
	case id == "" || strings.ContainsAny(id, "()"):
		return "", problem.New(ReferencePointer, uriDetail(uri))
	}
	return id, nil
}

// withPath sets the path of a refusal.
func withPath(err error, path string) error { return problem.From(err).WithPath(path) }

// base64DecodeSlack is the extra capacity that the decoder requires: it does not know the padding and line ends in
// advance.
const base64DecodeSlack = 32

// strictBase64 refuses non-zero padding bits, which would allow two texts for one value.
var strictBase64 = base64.StdEncoding.Strict()

// DecodeBase64 appends the decoded base64 content of an element, folded in any way, of at most max bytes. Comments
// cannot hide text: the whole text counts. Refusals have the given code and path.
func DecodeBase64(dst []byte, e xmldoc.Element, maxBytes int, code problem.Code, path string) ([]byte, error) {
	// No legitimate text is longer, however folded and indented; a longer one is not even read.
	const maxExpansion = 8
	if start, end := e.Offset(); end-start > (maxBytes+64)*maxExpansion {
		return nil, problem.New(code, problem.DetailLongerThan.With(maxBytes)).WithPath(path)
	}
	text, ok := e.Text()
	if !ok {
		return nil, problem.New(code, hasChildren).WithPath(path)
	}
	text = strings.TrimFunc(text, isSpace)
	if strings.ContainsAny(text, " \t") { // the decoder itself skips line ends
		text = strings.Map(func(r rune) rune {
			if isSpace(r) {
				return -1
			}
			return r
		}, text)
	}
	decoded, err := strictBase64.AppendDecode(dst, []byte(text))
	if err != nil {
		return nil, problem.Wrap(code, err, notBase64).WithPath(path)
	}
	switch n := len(decoded) - len(dst); {
	case n == 0 && e.Local() == binarySecurityToken: // while signing, WSS4J consumes the attachment with its bytes
		return nil, problem.New(code, cxfMTOM.With(problem.DetailEmpty, "storeBytesInAttachment=false")).WithPath(path)
	case n == 0:
		return nil, problem.New(code, problem.DetailEmpty).WithPath(path)
	case n > maxBytes:
		return nil, problem.New(code, problem.DetailLongerThan.With(maxBytes)).WithPath(path)
	}
	return decoded, nil
}
