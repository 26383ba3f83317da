// Package dsig verifies one XML Signature over the elements of an xmldoc tree, and says which elements those are.
//
// It is separate from wsse because it knows nothing of SOAP: it is given the signature, the key, and a function that
// says what a reference points to. It never looks for a signature, a key or an identifier itself, so that whoever calls
// it decides on the node, by identity, what a signature is about.
//
// Specifications: XML Signature Syntax and Processing 1.1, sections 3.2 (validation), 4 (syntax) and 6 (algorithms),
// in the subset that signs parts of a SOAP message: same-document references by identifier, exclusive canonical form.
// SOAP Message Security 1.1.1 section 8.3 for the STR-Transform, which signs a token by way of a reference to it.
// RFC 9231 for the names of the algorithms that XML Signature does not name. What is not in the lists of this package
// is refused before any octet is hashed.
//
// Open reads and allow-lists; Verify does the cryptography, the signature before the digests: the signature costs the
// same whatever the size of the message, so that whoever has no key makes us do no work in proportion to what he sent.
package dsig

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"strconv"
	"sync"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// Namespace is the namespace of ds:Signature.
const Namespace = "http://www.w3.org/2000/09/xmldsig#"

// What a signature may hold at most. Real clients have three references, with one transform and a dozen prefixes each.
const (
	// MaxReferences bounds the references of a signature.
	MaxReferences = 8
	// MaxTransforms bounds the transforms of a reference.
	MaxTransforms = 2
	// MaxPrefixes bounds the prefixes in one InclusiveNamespaces PrefixList.
	MaxPrefixes = 32
	// MaxSignatureValue bounds the octets of a signature value: those of RSA with 4096 bits.
	MaxSignatureValue = 512
)

// Policy says what is accepted beyond the ordinary.
type Policy struct {
	// AllowSHA1 accepts SHA-1 in digests and signatures.
	AllowSHA1 bool
}

// Resolver says what an identifier names, the identifier being a reference's URI without its "#". It refuses what may not
// be signed. Its refusals are returned, placed at the reference unless they have a place.
type Resolver interface {
	// Resolve returns the element to digest.
	Resolve(id string) (xmldoc.Element, error)
	// Dereference returns what the STR-Transform puts in the place of the SecurityTokenReference that is named.
	Dereference(id string) (Token, error)
}

// Token is a security token, as the STR-Transform finds it.
type Token struct {
	// Element is the token; the reference to it when the token does not stand in the message as an element.
	Element xmldoc.Element
	// Octets appends the canonical form of a token that is not an element of the message, and is nil for one that is. It
	// is called by Verify, after the signature value has been verified.
	Octets func(dst []byte) []byte
}

// Signature is a signature that is well formed, uses accepted algorithms only, and of which every reference points to
// an element. Nothing about it is proved until Verify has succeeded.
type Signature struct {
	element    xmldoc.Element
	signedInfo xmldoc.Element
	canonical  xmldoc.C14N
	method     method
	value      []byte
	references []reference
	prefixes   []string

	// Room for the ordinary signature, so that reading one is one allocation whatever the number of its references.
	valueRoom     [MaxSignatureValue + folding]byte
	referenceRoom [MaxReferences]reference
	prefixRoom    [MaxPrefixes]string
}

// reference is one ds:Reference.
type reference struct {
	id       string
	element  xmldoc.Element // what is covered
	prefixes []string       // the PrefixList
	omits    bool           // enveloped-signature: the signature itself is left out
	token    bool           // STR-Transform: element is the token that id leads to
	octets   func(dst []byte) []byte
	digest   digest
	want     []byte
	wantRoom [maxDigest + folding]byte
}

// References returns how many elements the signature refers to.
func (s *Signature) References() int { return len(s.references) }

// Refers reports whether the signature refers to this very element, by its identifier or by way of a reference to it. That
// it covers the element is true only once Verify has succeeded.
func (s *Signature) Refers(e xmldoc.Element) bool {
	return slices.ContainsFunc(s.references, func(r reference) bool { return r.element == e })
}

// PlainDigest returns the SHA-256 of the element's exclusive canonical form without PrefixList, when a reference states
// just that. It spares a caller who needs this value from computing it again.
func (s *Signature) PlainDigest(e xmldoc.Element) (sum [sha256.Size]byte, ok bool) {
	for i := range s.references {
		r := &s.references[i]
		if r.element == e && r.digest == digestSHA256 && len(r.prefixes) == 0 && !r.omits && !r.token {
			return [sha256.Size]byte(r.want), true
		}
	}
	return sum, false
}

// Result is what a verified signature leaves.
type Result struct {
	// Covered are the elements that the signature covers, in the order of its references.
	Covered []xmldoc.Element
	// SignedInfo is the SHA-256 of the canonical SignedInfo: it names what was signed. The signature value does not,
	// for with ECDSA anybody can make a second valid one from the first.
	SignedInfo [sha256.Size]byte
}

// buffers are reused for canonical octets. None outgrows the largest message, and idle ones go with the next garbage
// collections.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// Verify checks the signature with the key, and then each digest.
func (s *Signature) Verify(key crypto.PublicKey) (*Result, error) {
	buffer, _ := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	octets := appendCanonical((*buffer)[:0], s.canonical, s.signedInfo)
	result := &Result{SignedInfo: sha256.Sum256(octets)}
	if err := s.verifyValue(key, octets, &result.SignedInfo); err != nil {
		return nil, err
	}
	result.Covered = make([]xmldoc.Element, 0, len(s.references))
	var room [maxDigest]byte
	for i := range s.references {
		r := &s.references[i]
		octets = s.appendInput(octets[:0], r)
		if err := r.compare(r.digest.sum(room[:0], octets), i); err != nil {
			return nil, err
		}
		result.Covered = append(result.Covered, r.element)
	}
	*buffer = octets[:0]
	return result, nil
}

// verifyValue checks the signature value over the canonical SignedInfo, of which the SHA-256 is there already.
func (s *Signature) verifyValue(key crypto.PublicKey, octets []byte, sum *[sha256.Size]byte) error {
	var room [maxDigest]byte
	hashed := sum[:]
	if s.method.digest != digestSHA256 {
		hashed = s.method.digest.sum(room[:0], octets)
	}
	return s.method.verify(key, hashed, s.value)
}

// compare compares a digest with the one that the reference states.
func (r *reference) compare(sum []byte, i int) error {
	if subtle.ConstantTimeCompare(sum, r.want) != 1 {
		name := r.element.Local()
		if name == binaryToken { // WSS4J makes another digest of it as long as it does not stand in the header
			name += " - WSS4J: appendBSTElementToHeader before addReferencesToSign"
		}
		return problem.New(problem.DigestMismatch, "element", name).In(atReference(i))
	}
	return nil
}

// appendInput appends what the reference digests.
func (s *Signature) appendInput(dst []byte, r *reference) []byte {
	if r.octets != nil {
		return r.octets(dst)
	}
	c14n := xmldoc.C14N{Exclusive: true, PrefixList: r.prefixes}
	if r.omits {
		c14n.Omit = s.element
	}
	dst = appendCanonical(dst, c14n, r.element)
	if !r.token {
		return dst
	}
	// The STR-Transform wants the default namespace on the token's tag even when there is none, so that the octets say the
	// same wherever the token stands. It goes before all others: right after the name.
	if space, _ := r.element.LookupNamespace(""); space == "" {
		dst = slices.Insert(dst, bytes.IndexAny(dst, " >"), noDefaultNamespace...)
	}
	return dst
}

var noDefaultNamespace = []byte(` xmlns=""`)

// appendCanonical makes room first: the canonical form is about as long as the source.
func appendCanonical(dst []byte, c xmldoc.C14N, e xmldoc.Element) []byte {
	start, end := e.Offset()
	const namespaces = 1024 // declarations that the canonical form adds
	return c.Append(slices.Grow(dst, end-start+namespaces), e)
}

func atReference(i int) string { return "ds:Reference[" + strconv.Itoa(i+1) + "]" }
