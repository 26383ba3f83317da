package dsig

import (
	"crypto"
	"crypto/sha256"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// Inspection describes a signature, good or bad. It proves nothing: only Parse and Verify do, and an Inspection cannot
// be converted to a Result. It reads each part with the functions of those two, and continues where they stop.
type Inspection struct {
	// Canonicalization and Method are the algorithm identifiers in the message, truncated for display.
	Canonicalization, Method string
	// StructureRefusals concern the signature's structure and the algorithms of SignedInfo.
	Structure []*problem.Error
	// References are in message order, at most MaxReferences.
	References []ReferenceInspection
	// ValueRefusals concern the signature value: its form and, after ComputeValues, its verification.
	Value []*problem.Error
	// ValueVerified is set once the signature value was verified, with whatever result.
	Judged bool

	signature *Signature
	legible   bool // the canonicalisation of SignedInfo and the method are known
	readable  bool // the signature value is valid base64
}

// ReferenceInspection describes one reference.
type ReferenceInspection struct {
	// URI is the URI in the message, and Target the name of the element that it refers to.
	URI, Target string
	// Transforms and DigestMethod are the algorithm identifiers in the message.
	Transforms   []string
	DigestMethod string
	// StatedDigest is the digest in the message, ComputedDigest that of the referenced content as received; nil if it
	// could not be read or computed.
	Stated, Computed []byte
	// Refusals are the errors found in the reference.
	Refusals []*problem.Error

	computable bool
}

// Inspect reads a signature as Parse does, but collects all refusals, including the one that Parse would return.
func Inspect(signature xmldoc.Element, p Policy, resolver Resolver) *Inspection {
	s := &Signature{element: signature}
	s.references, s.prefixes = s.referenceRoom[:0], s.prefixRoom[:0]
	n := &Inspection{signature: s}
	_, err := s.divide()
	n.structure(err)
	s.signedInfo = signature.Child(Namespace, "SignedInfo") // even at the wrong position
	value := signature.Child(Namespace, "SignatureValue")
	if !value.IsZero() {
		refusal := s.readValue(value)
		n.Value, n.readable = note(n.Value, refusal), refusal == nil
	}
	if !s.signedInfo.IsZero() {
		n.readSignedInfo(p, resolver)
	}
	return n
}

// appendRefusal appends err, unless it is nil.
func note(all []*problem.Error, err error) []*problem.Error {
	if err == nil {
		return all
	}
	return append(all, problem.From(err))
}

func (n *Inspection) structure(err error) { n.Structure = note(n.Structure, err) }

func (n *Inspection) readSignedInfo(p Policy, resolver Resolver) {
	s := n.signature
	parts := children(s.signedInfo)
	canonicalizationElement, methodElement := parts.take("CanonicalizationMethod"), parts.take("SignatureMethod")
	if canonicalizationElement.IsZero() || methodElement.IsZero() {
		n.structure(s.readSignedInfo(p)) // returns the error
		return
	}
	n.Canonicalization, n.Method = algorithm(canonicalizationElement), algorithm(methodElement)
	refusal := s.readCanonicalization(canonicalizationElement)
	n.structure(refusal)
	n.structure(s.readMethod(methodElement, p))
	if s.method == (method{}) {
		// Also worth knowing whether an outdated algorithm was used correctly.
		_ = s.readMethod(methodElement, Policy{AllowSHA1: true})
	}
	n.legible = refusal == nil && s.method != method{}
	for e := parts.take("Reference"); !e.IsZero(); e = parts.take("Reference") {
		if !n.readReference(e, p, resolver) {
			return
		}
	}
	n.structure(s.checkReferences(parts))
}

// readReference reports whether there was room for the reference.
func (n *Inspection) readReference(e xmldoc.Element, p Policy, resolver Resolver) bool {
	s := n.signature
	r, i, err := s.newReference()
	if err != nil {
		n.structure(err)
		return false
	}
	uri, _ := e.Attr("", "URI")
	inspection := ReferenceInspection{URI: shown(uri)}
	hasError := func(err error) bool {
		inspection.Refusals = note(inspection.Refusals, err)
		return err != nil
	}
	uriRefused := hasError(r.readURI(e, i))
	parts, err := partsOf(e, i)
	hasError(err)
	transformsRefused := hasError(s.readTransforms(r, parts.transforms, i))
	for t := range parts.transforms.Children() {
		if len(inspection.Transforms) <= MaxTransforms {
			inspection.Transforms = append(inspection.Transforms, algorithm(t))
		}
	}
	if !parts.method.IsZero() {
		inspection.DigestMethod = algorithm(parts.method)
		hasError(r.readDigestMethod(parts.method, p, i))
		if r.digest == 0 {
			_ = r.readDigestMethod(parts.method, Policy{AllowSHA1: true}, i)
		}
	}
	if !parts.value.IsZero() && r.digest != 0 {
		hasError(r.readDigestValue(parts.value, i))
		inspection.Stated = r.want
	}
	if !uriRefused {
		hasError(s.resolve(i, resolver))
	}
	inspection.Target = r.element.Local()
	inspection.computable = !transformsRefused && r.digest != 0 && !r.element.IsZero()
	n.References = append(n.References, inspection)
	return true
}

func algorithm(e xmldoc.Element) string {
	name, _ := e.Attr("", "Algorithm")
	return shown(name)
}

// RefersTo is Signature.RefersTo for the references that could be read.
func (n *Inspection) Refers(e xmldoc.Element) bool { return !e.IsZero() && n.signature.Refers(e) }

// ComputeValues does the cryptography: it verifies the signature value, unless key is nil or the signed content is
// unknown, and computes every digest that can be computed.
func (n *Inspection) Judge(key crypto.PublicKey) {
	s := n.signature
	if key != nil && n.legible && n.readable {
		signedInfo := n.SignedInfo()
		sum := sha256.Sum256(signedInfo)
		n.Value, n.Judged = note(n.Value, s.verifyValue(key, signedInfo, &sum)), true
	}
	for i := range n.References {
		inspection, r := &n.References[i], &s.references[i]
		if !inspection.computable || r.octets != nil && key == nil { // such a token is built from the certificate
			continue
		}
		inspection.Computed = r.digest.sum(nil, n.Canonical(i))
		if len(inspection.Stated) == len(inspection.Computed) {
			inspection.Refusals = note(inspection.Refusals, r.compare(inspection.Computed, i))
		}
	}
}

// CanonicalReference returns the digest input of a reference, or nil if it is unknown.
func (n *Inspection) Canonical(i int) []byte {
	if !n.References[i].computable {
		return nil
	}
	return n.signature.appendInput(nil, &n.signature.references[i])
}

// CanonicalSignedInfo returns the input of the signature, or nil if it is unknown.
func (n *Inspection) SignedInfo() []byte {
	if !n.legible {
		return nil
	}
	return appendCanonical(nil, n.signature.canonical, n.signature.signedInfo)
}

// AllRefusals returns the refusals of all parts.
func (n *Inspection) Refusals() []*problem.Error {
	all := append([]*problem.Error(nil), n.Structure...)
	for i := range n.References {
		all = append(all, n.References[i].Refusals...)
	}
	return append(all, n.Value...)
}
