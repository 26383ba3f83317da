package dsig

import (
	"crypto"
	"crypto/sha256"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// Inspection tells all that can be told of a signature, good or bad. It proves nothing: only Open and Verify do, and nothing
// leads from an Inspection to a Result. It reads each part with the functions of those two, and goes on where they stop.
type Inspection struct {
	// Canonicalization and Method are the names of the algorithms, as the message has them, cut to a length that can be shown.
	Canonicalization, Method string
	// Structure are the refusals of the signature's structure and of the algorithms of SignedInfo.
	Structure []*problem.Error
	// References are in the order of the message, at most MaxReferences.
	References []ReferenceInspection
	// Value are the refusals of the signature value, for its form, and after Judge because it does not verify.
	Value []*problem.Error
	// Judged tells whether the signature value was verified, with whatever result.
	Judged bool

	signature *Signature
	legible   bool // SignedInfo's canonical form and the method are known
	readable  bool // the value is octets
}

// ReferenceInspection tells all that can be told of one reference.
type ReferenceInspection struct {
	// URI is what the reference points to, as the message has it, and Target the name of the element that was found there.
	URI, Target string
	// Transforms and DigestMethod are names of algorithms, as the message has them.
	Transforms   []string
	DigestMethod string
	// Stated is the digest in the message, and Computed that of what the reference leads to now; none where it could not be
	// read, or not be computed.
	Stated, Computed []byte
	// Refusals are what is wrong.
	Refusals []*problem.Error

	computable bool
}

// Inspect reads a signature as Open does, and collects what Open refuses. What Open refuses first is among it.
func Inspect(signature xmldoc.Element, p Policy, resolver Resolver) *Inspection {
	s := &Signature{element: signature}
	s.references, s.prefixes = s.referenceRoom[:0], s.prefixRoom[:0]
	n := &Inspection{signature: s}
	_, err := s.divide()
	n.structure(err)
	s.signedInfo = signature.Child(Namespace, "SignedInfo") // also where it does not stand in its place
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

// note adds a refusal, if there is one.
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
	canonical, signing := parts.take("CanonicalizationMethod"), parts.take("SignatureMethod")
	if canonical.IsZero() || signing.IsZero() {
		n.structure(s.readSignedInfo(p)) // which says so
		return
	}
	n.Canonicalization, n.Method = algorithm(canonical), algorithm(signing)
	refusal := s.readCanonicalization(canonical)
	n.structure(refusal)
	n.structure(s.readMethod(signing, p))
	if s.method == (method{}) {
		// That an outdated algorithm was used well is worth knowing too.
		_ = s.readMethod(signing, Policy{AllowSHA1: true})
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
	about := ReferenceInspection{URI: shown(uri)}
	refused := func(err error) bool {
		about.Refusals = note(about.Refusals, err)
		return err != nil
	}
	unnamed := refused(r.readURI(e, i))
	parts, err := partsOf(e, i)
	refused(err)
	untransformed := refused(s.readTransforms(r, parts.transforms, i))
	for t := range parts.transforms.Children() {
		if len(about.Transforms) <= MaxTransforms {
			about.Transforms = append(about.Transforms, algorithm(t))
		}
	}
	if !parts.method.IsZero() {
		about.DigestMethod = algorithm(parts.method)
		refused(r.readDigestMethod(parts.method, p, i))
		if r.digest == 0 {
			_ = r.readDigestMethod(parts.method, Policy{AllowSHA1: true}, i)
		}
	}
	if !parts.value.IsZero() && r.digest != 0 {
		refused(r.readDigestValue(parts.value, i))
		about.Stated = r.want
	}
	if !unnamed {
		refused(s.resolve(i, resolver))
	}
	about.Target = r.element.Local()
	about.computable = !untransformed && r.digest != 0 && !r.element.IsZero()
	n.References = append(n.References, about)
	return true
}

func algorithm(e xmldoc.Element) string {
	name, _ := e.Attr("", "Algorithm")
	return shown(name)
}

// Refers is Signature.Refers, for what could be read.
func (n *Inspection) Refers(e xmldoc.Element) bool { return !e.IsZero() && n.signature.Refers(e) }

// Judge does the cryptography: it verifies the signature value, unless there is no key or no telling what was signed, and
// computes every digest that can be computed.
func (n *Inspection) Judge(key crypto.PublicKey) {
	s := n.signature
	if key != nil && n.legible && n.readable {
		octets := n.SignedInfo()
		sum := sha256.Sum256(octets)
		n.Value, n.Judged = note(n.Value, s.verifyValue(key, octets, &sum)), true
	}
	for i := range n.References {
		about, r := &n.References[i], &s.references[i]
		if !about.computable || r.octets != nil && key == nil { // such a token is made of the certificate
			continue
		}
		about.Computed = r.digest.sum(nil, n.Canonical(i))
		if len(about.Stated) == len(about.Computed) {
			about.Refusals = note(about.Refusals, r.compare(about.Computed, i))
		}
	}
}

// Canonical returns the octets that a reference digests, and none where that cannot be told.
func (n *Inspection) Canonical(i int) []byte {
	if !n.References[i].computable {
		return nil
	}
	return n.signature.appendInput(nil, &n.signature.references[i])
}

// SignedInfo returns the octets that the signature value is about, and none where that cannot be told.
func (n *Inspection) SignedInfo() []byte {
	if !n.legible {
		return nil
	}
	return appendCanonical(nil, n.signature.canonical, n.signature.signedInfo)
}

// Refusals are all refusals.
func (n *Inspection) Refusals() []*problem.Error {
	all := append([]*problem.Error(nil), n.Structure...)
	for i := range n.References {
		all = append(all, n.References[i].Refusals...)
	}
	return append(all, n.Value...)
}
