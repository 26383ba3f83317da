package dsig

import (
	"crypto"
	"crypto/sha256"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Inspection describes a signature, good or bad. It proves nothing: only Parse and Verify do, and an Inspection cannot
// be converted to a Result. It reads each part with the functions of those two, and continues where they stop.
type Inspection struct {
	// Canonicalization and Method are the algorithm identifiers in the message, truncated for display.
	Canonicalization, Method string
	// StructureRefusals concern the signature's structure and the algorithms of SignedInfo.
	StructureRefusals []*problem.Error
	// References are in message order, at most MaxReferences.
	References []ReferenceInspection
	// ValueRefusals concern the signature value: its form and, after ComputeValues, its verification.
	ValueRefusals []*problem.Error
	// ValueVerified is set once the signature value was verified, with whatever result.
	ValueVerified bool

	signature            *Signature
	canComputeSignedInfo bool // the canonicalisation of SignedInfo and the method are known
	hasValue             bool // the signature value is valid base64
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
	StatedDigest, ComputedDigest []byte
	// Refusals are the errors found in the reference.
	Refusals []*problem.Error

	canComputeDigest bool
}

// Inspect reads a signature as Parse does, but collects all refusals, including the one that Parse would return.
func Inspect(signature xmldoc.Element, p Policy, resolver Resolver) *Inspection {
	s := &Signature{element: signature}
	s.references, s.prefixes = s.referenceBuffer[:0], s.prefixBuffer[:0]
	n := &Inspection{signature: s}
	_, err := s.splitSignature()
	n.addStructureRefusal(err)
	s.signedInfo = signature.Child(Namespace, "SignedInfo") // even at the wrong position
	value := signature.Child(Namespace, "SignatureValue")
	if !value.IsZero() {
		refusal := s.readSignatureValue(value)
		n.ValueRefusals, n.hasValue = appendRefusal(n.ValueRefusals, refusal), refusal == nil
	}
	if !s.signedInfo.IsZero() {
		n.readSignedInfo(p, resolver)
	}
	return n
}

// appendRefusal appends err, unless it is nil.
func appendRefusal(all []*problem.Error, err error) []*problem.Error {
	if err == nil {
		return all
	}
	return append(all, problem.From(err))
}

func (n *Inspection) addStructureRefusal(err error) {
	n.StructureRefusals = appendRefusal(n.StructureRefusals, err)
}

func (n *Inspection) readSignedInfo(p Policy, resolver Resolver) {
	s := n.signature
	parts := newChildCursor(s.signedInfo)
	canonicalizationElement := parts.takeIfNamed("CanonicalizationMethod")
	methodElement := parts.takeIfNamed("SignatureMethod")
	if canonicalizationElement.IsZero() || methodElement.IsZero() {
		n.addStructureRefusal(s.readSignedInfo(p)) // returns the error
		return
	}
	n.Canonicalization, n.Method = algorithmName(canonicalizationElement), algorithmName(methodElement)
	refusal := s.readCanonicalization(canonicalizationElement)
	n.addStructureRefusal(refusal)
	n.addStructureRefusal(s.readSignatureMethod(methodElement, p))
	if s.method == (signatureMethod{}) {
		// Also worth knowing whether an outdated algorithm was used correctly.
		_ = s.readSignatureMethod(methodElement, Policy{AllowSHA1: true})
	}
	n.canComputeSignedInfo = refusal == nil && s.method != signatureMethod{}
	for e := parts.takeIfNamed("Reference"); !e.IsZero(); e = parts.takeIfNamed("Reference") {
		if !n.readReference(e, p, resolver) {
			return
		}
	}
	n.addStructureRefusal(s.checkReferences(parts))
}

// readReference reports whether there was room for the reference.
func (n *Inspection) readReference(e xmldoc.Element, p Policy, resolver Resolver) bool {
	s := n.signature
	r, i, err := s.newReference()
	if err != nil {
		n.addStructureRefusal(err)
		return false
	}
	uri, _ := e.Attr("", "URI")
	inspection := ReferenceInspection{URI: texts.Excerpt(uri)}
	hasError := func(err error) bool {
		inspection.Refusals = appendRefusal(inspection.Refusals, err)
		return err != nil
	}
	uriRefused := hasError(r.readURI(e, i))
	parts, err := splitReference(e, i)
	hasError(err)
	transformsRefused := hasError(s.readTransforms(r, parts.transforms, i))
	for t := range parts.transforms.Children() {
		if len(inspection.Transforms) <= MaxTransforms {
			inspection.Transforms = append(inspection.Transforms, algorithmName(t))
		}
	}
	if !parts.method.IsZero() {
		inspection.DigestMethod = algorithmName(parts.method)
		hasError(r.readDigestMethod(parts.method, p, i))
		if r.digest == 0 {
			_ = r.readDigestMethod(parts.method, Policy{AllowSHA1: true}, i)
		}
	}
	if !parts.value.IsZero() && r.digest != 0 {
		hasError(r.readDigestValue(parts.value, i))
		inspection.StatedDigest = r.statedDigest
	}
	if !uriRefused {
		hasError(s.resolveReference(i, resolver))
	}
	inspection.Target = r.element.Local()
	inspection.canComputeDigest = !transformsRefused && r.digest != 0 && !r.element.IsZero()
	n.References = append(n.References, inspection)
	return true
}

func algorithmName(e xmldoc.Element) string {
	name, _ := e.Attr("", "Algorithm")
	return texts.Excerpt(name)
}

// RefersTo is Signature.RefersTo for the references that could be read.
func (n *Inspection) RefersTo(e xmldoc.Element) bool { return !e.IsZero() && n.signature.RefersTo(e) }

// ComputeValues does the cryptography: it verifies the signature value, unless key is nil or the signed content is
// unknown, and computes every digest that can be computed.
func (n *Inspection) ComputeValues(key crypto.PublicKey) {
	s := n.signature
	if key != nil && n.canComputeSignedInfo && n.hasValue {
		signedInfo := n.CanonicalSignedInfo()
		sum := sha256.Sum256(signedInfo)
		n.ValueRefusals, n.ValueVerified = appendRefusal(n.ValueRefusals, s.verifyValue(key, signedInfo, &sum)), true
	}
	for i := range n.References {
		inspection, r := &n.References[i], &s.references[i]
		if !inspection.canComputeDigest || r.appendToken != nil && key == nil { // such a token is built from the certificate
			continue
		}
		inspection.ComputedDigest = r.digest.appendSum(nil, n.CanonicalReference(i))
		if len(inspection.StatedDigest) == len(inspection.ComputedDigest) {
			inspection.Refusals = appendRefusal(inspection.Refusals, r.compareDigest(inspection.ComputedDigest, i))
		}
	}
}

// CanonicalReference returns the digest input of a reference, or nil if it is unknown.
func (n *Inspection) CanonicalReference(i int) []byte {
	if !n.References[i].canComputeDigest {
		return nil
	}
	return n.signature.appendDigestInput(nil, &n.signature.references[i])
}

// CanonicalSignedInfo returns the input of the signature, or nil if it is unknown.
func (n *Inspection) CanonicalSignedInfo() []byte {
	if !n.canComputeSignedInfo {
		return nil
	}
	return appendCanonical(nil, n.signature.canonicalization, n.signature.signedInfo)
}

// AllRefusals returns the refusals of all parts.
func (n *Inspection) AllRefusals() []*problem.Error {
	all := append([]*problem.Error(nil), n.StructureRefusals...)
	for i := range n.References {
		all = append(all, n.References[i].Refusals...)
	}
	return append(all, n.ValueRefusals...)
}
