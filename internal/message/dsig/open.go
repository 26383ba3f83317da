package dsig

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// Where refusals are placed.
const (
	atSignature       = "ds:Signature"
	atSignedInfo      = "ds:SignedInfo"
	atCanonicalMethod = "ds:CanonicalizationMethod"
	atSignatureMethod = "ds:SignatureMethod"
	atSignatureValue  = "ds:SignatureValue"
	atKeyInfo         = "ds:KeyInfo"
	atTransform       = "ds:Transform"
	atDigestMethod    = "ds:DigestMethod"
	atDigestValue     = "ds:DigestValue"
)

// strTransform is the transform of SOAP Message Security 1.1.1 section 8.3.
const strTransform = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform"

// Open reads a ds:Signature. Its structure must be exactly that of section 4 of the specification, without ds:Object;
// every algorithm must be an accepted one, and every reference must resolve, each to another element.
func Open(signature xmldoc.Element, p Policy, resolve Resolver) (*Signature, error) {
	if !signature.Is(Namespace, "Signature") {
		return nil, misbuilt(atSignature, "it is not there")
	}
	s := &Signature{element: signature}
	s.references, s.prefixes = s.referenceRoom[:0], s.prefixRoom[:0]
	parts := children(signature)
	s.signedInfo = parts.take("SignedInfo")
	value := parts.take("SignatureValue")
	s.keyInfo = parts.take("KeyInfo")
	if s.signedInfo.IsZero() || value.IsZero() || s.keyInfo.IsZero() || !parts.done() {
		return nil, misbuilt(atSignature, "it must hold SignedInfo, SignatureValue and KeyInfo, in this order, and nothing else")
	}
	if err := s.readSignedInfo(p); err != nil {
		return nil, err
	}
	octets, err := Base64(s.valueRoom[:0], value, MaxSignatureValue, problem.SignatureValueMalformed, atSignatureValue)
	if err != nil {
		return nil, err
	}
	s.value = octets
	if err := s.resolve(resolve); err != nil {
		return nil, err
	}
	return s, nil
}

func misbuilt(at, fact string) error { return problem.New(problem.SignatureStructure, fact).In(at) }

// sequence hands out child elements in their order.
type sequence struct{ next xmldoc.Element }

func children(e xmldoc.Element) *sequence { return &sequence{e.FirstChild()} }

// take returns the next child if it has this name, and the zero Element otherwise.
func (s *sequence) take(local string) xmldoc.Element {
	e := s.next
	if !e.Is(Namespace, local) {
		return xmldoc.Element{}
	}
	s.next = e.NextSibling()
	return e
}

func (s *sequence) done() bool { return s.next.IsZero() }

func (s *Signature) readSignedInfo(p Policy) error {
	parts := children(s.signedInfo)
	canonical, signing := parts.take("CanonicalizationMethod"), parts.take("SignatureMethod")
	if canonical.IsZero() || signing.IsZero() {
		return misbuilt(atSignedInfo, "it must begin with CanonicalizationMethod and SignatureMethod")
	}
	if err := s.readCanonicalization(canonical); err != nil {
		return err
	}
	if err := s.readMethod(signing, p); err != nil {
		return err
	}
	for e := parts.take("Reference"); !e.IsZero(); e = parts.take("Reference") {
		if len(s.references) == MaxReferences {
			return problem.New(problem.ReferencesTooMany, "at most", strconv.Itoa(MaxReferences)).In(atSignedInfo)
		}
		if err := s.readReference(e, p); err != nil {
			return err
		}
	}
	if len(s.references) == 0 || !parts.done() {
		return misbuilt(atSignedInfo, "after SignatureMethod it must hold References only, and at least one")
	}
	return nil
}

// readCanonicalization allow-lists the canonical form of SignedInfo.
func (s *Signature) readCanonicalization(e xmldoc.Element) error {
	name, _ := e.Attr("", "Algorithm")
	switch name {
	case ExclusiveC14N:
		prefixes, err := s.readPrefixList(e, atCanonicalMethod)
		s.canonical = xmldoc.C14N{Exclusive: true, PrefixList: prefixes}
		return err
	case InclusiveC14N:
		if !e.FirstChild().IsZero() {
			return misbuilt(atCanonicalMethod, "this algorithm has no parameters")
		}
		return nil
	}
	return problem.New(problem.CanonicalizationUnsupported, shown(name)).In(atCanonicalMethod)
}

func (s *Signature) readMethod(e xmldoc.Element, p Policy) error {
	name, _ := e.Attr("", "Algorithm")
	m, err := methodOf(name, p)
	if err != nil {
		return placed(err, atSignatureMethod)
	}
	if !e.FirstChild().IsZero() {
		return misbuilt(atSignatureMethod, "this algorithm has no parameters")
	}
	s.method = m
	return nil
}

// readReference reads a ds:Reference (sections 4.4.3 to 4.4.3.6).
func (s *Signature) readReference(e xmldoc.Element, p Policy) error {
	i := len(s.references)
	s.references = s.references[:i+1]
	r := &s.references[i]
	uri, _ := e.Attr("", "URI")
	var err error
	if r.id, err = identifier(uri); err != nil {
		return placed(err, atReference(i))
	}
	parts := children(e)
	transforms, method, value := parts.take("Transforms"), parts.take("DigestMethod"), parts.take("DigestValue")
	if method.IsZero() || value.IsZero() || !parts.done() {
		return misbuilt(atReference(i), "it must hold Transforms, DigestMethod and DigestValue, in this order, and nothing else")
	}
	if err = s.readTransforms(r, transforms, i); err != nil {
		return err
	}
	name, _ := method.Attr("", "Algorithm")
	if r.digest, err = digestOf(name, p); err != nil {
		return placed(err, atReference(i)+"/"+atDigestMethod)
	}
	if !method.FirstChild().IsZero() {
		return misbuilt(atReference(i)+"/"+atDigestMethod, "this algorithm has no parameters")
	}
	r.want, err = Base64(r.wantRoom[:0], value, maxDigest, problem.DigestValueMalformed, atDigestValue)
	if err != nil {
		return placed(err, atReference(i)+"/"+atDigestValue)
	}
	if size := r.digest.hash().Size(); len(r.want) != size {
		return problem.New(problem.DigestValueMalformed, strconv.Itoa(len(r.want)), "octets where the algorithm gives",
			strconv.Itoa(size)).In(atReference(i) + "/" + atDigestValue)
	}
	return nil
}

// readTransforms accepts the exclusive canonical form, and an enveloped-signature transform before it.
func (s *Signature) readTransforms(r *reference, transforms xmldoc.Element, i int) error {
	count, canonical := 0, false
	for e := transforms.FirstChild(); !e.IsZero(); e = e.NextSibling() {
		if count++; count > MaxTransforms {
			return problem.New(problem.TransformsTooMany, "at most", strconv.Itoa(MaxTransforms)).In(atReference(i))
		}
		if !e.Is(Namespace, "Transform") {
			return misbuilt(atReference(i), "Transforms must hold Transform elements only")
		}
		name, _ := e.Attr("", "Algorithm")
		switch {
		case name == ExclusiveC14N && !canonical:
			canonical = true
			var err error
			if r.prefixes, err = s.readPrefixList(e, atTransform); err != nil {
				return placed(err, atReference(i)+"/"+atTransform)
			}
		case name == Enveloped && !canonical && !r.omits:
			r.omits = true
			if !e.FirstChild().IsZero() {
				return misbuilt(atReference(i)+"/"+atTransform, "this algorithm has no parameters")
			}
		case name == strTransform:
			return problem.New(problem.TransformSTR, name).In(atReference(i) + "/" + atTransform)
		default:
			return problem.New(problem.TransformUnsupported, shown(name)).In(atReference(i) + "/" + atTransform)
		}
	}
	if !canonical {
		// Section 4.4.3.2 would take Canonical XML 1.0 here, which makes what is signed depend on the elements around it.
		return problem.New(problem.TransformMissing, ExclusiveC14N).In(atReference(i))
	}
	return nil
}

// readPrefixList reads the parameter of the exclusive form (Exclusive XML Canonicalization section 4).
func (s *Signature) readPrefixList(method xmldoc.Element, at string) ([]string, error) {
	e := method.FirstChild()
	if e.IsZero() {
		return nil, nil
	}
	if !e.Is(ExclusiveC14N, "InclusiveNamespaces") || !e.NextSibling().IsZero() || !e.FirstChild().IsZero() {
		return nil, misbuilt(at, "its only parameter is one InclusiveNamespaces")
	}
	list, _ := e.Attr("", "PrefixList")
	from := len(s.prefixes)
	for prefix := range strings.FieldsFuncSeq(list, isSpace) {
		if len(s.prefixes)-from == MaxPrefixes {
			return nil, problem.New(problem.PrefixesTooMany, "at most", strconv.Itoa(MaxPrefixes)).In(at)
		}
		s.prefixes = append(s.prefixes, prefix)
	}
	return s.prefixes[from:len(s.prefixes):len(s.prefixes)], nil
}

func isSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }

// resolve finds what each reference points to. No element may be referred to twice: it would say nothing more, and let
// a short message ask for much work.
func (s *Signature) resolve(resolve Resolver) error {
	for i := range s.references {
		r := &s.references[i]
		target, err := resolve(r.id)
		if err != nil {
			refusal := problem.From(err)
			refusal.Public = strings.TrimSpace(refusal.Public + " URI " + shown("#"+r.id))
			return refusal.In(atReference(i))
		}
		if target.IsZero() || target == s.element || target.Within(s.signedInfo) {
			// A signature cannot cover itself; without itself, it would cover nothing at all.
			return problem.New(problem.ReferenceTarget, "element", target.Local()).In(atReference(i))
		}
		if s.Refers(target) {
			return problem.New(problem.ReferenceTwice, "element", target.Local()).In(atReference(i))
		}
		r.element = target
	}
	return nil
}

// identifier returns the identifier of a same-document reference (section 4.4.3.3), the only kind that is followed.
func identifier(uri string) (string, error) {
	id, found := strings.CutPrefix(uri, "#")
	switch {
	case uri == "":
		return "", problem.New(problem.ReferenceEmpty)
	case !found:
		return "", problem.New(problem.ReferenceExternal)
	case id == "" || strings.ContainsAny(id, "()"):
		return "", problem.New(problem.ReferencePointer, "URI", shown(uri))
	}
	return id, nil
}

// placed says where a refusal happened.
func placed(err error, at string) error { return problem.From(err).In(at) }

// folding is the room that the decoder wants beyond the octets: it does not know what padding and line ends there are.
const folding = 32

// strictBase64 refuses padding bits that are not zero: two texts for one value.
var strictBase64 = base64.StdEncoding.Strict()

// Base64 appends the octets that an element holds as base64, folded in any way, and at most so many. Comments do not
// hide anything: the whole text counts. A refusal has the given code and place.
func Base64(dst []byte, e xmldoc.Element, most int, code problem.Code, at string) ([]byte, error) {
	// However it is folded and indented, no sane text is longer than this; it is not even read.
	const spread = 8
	if start, end := e.Offset(); end-start > (most+64)*spread {
		return nil, problem.New(code, "longer than", strconv.Itoa(most), "octets").In(at)
	}
	text, ok := e.Text()
	if !ok {
		return nil, problem.New(code, "it holds elements").In(at)
	}
	text = strings.TrimFunc(text, isSpace)
	if strings.ContainsAny(text, " \t") { // line ends the decoder skips itself
		text = strings.Map(func(r rune) rune {
			if isSpace(r) {
				return -1
			}
			return r
		}, text)
	}
	octets, err := strictBase64.AppendDecode(dst, []byte(text))
	if err != nil {
		return nil, problem.Wrap(code, err, "it is not base64").In(at)
	}
	switch n := len(octets) - len(dst); {
	case n == 0:
		return nil, problem.New(code, "it is empty").In(at)
	case n > most:
		return nil, problem.New(code, "longer than", strconv.Itoa(most), "octets").In(at)
	}
	return octets, nil
}
