// Package dsig verifies one XML Signature over elements of an xmldoc tree, and returns the elements that it covers.
//
// It is separate from wsse because it does not depend on SOAP: the caller supplies the signature, the key, and a
// Resolver for references. The package never searches for a signature, a key or an identifier itself, so the caller
// decides, by node identity, what a signature covers.
//
// Start with Parse, then Signature.Verify. Inspect is for diagnosis only.
//
// Specifications: XML Signature Syntax and Processing 1.1, sections 3.2 (validation), 4 (syntax) and 6 (algorithms), in
// the subset that signs parts of a SOAP message: same-document references by identifier, exclusive canonicalisation.
// SOAP Message Security 1.1.1 section 8.3 for the STR-Transform, which signs a token through a reference to it. RFC
// 9231 for the identifiers of algorithms that XML Signature does not name. An algorithm that is not in the lists of
// this package is refused before any byte is hashed.
//
// Parse checks structure and algorithms; Verify does the cryptography, the signature before the digests: verifying the
// signature costs the same for every message size, so a sender without a key cannot cause work in proportion to the
// size of the message.
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

// Limits of a signature. Real clients send three references, with one transform and a dozen prefixes each.
const (
	// MaxReferences bounds the references of a signature.
	MaxReferences = 8
	// MaxTransforms bounds the transforms of a reference.
	MaxTransforms = 2
	// MaxPrefixes bounds the prefixes in one InclusiveNamespaces PrefixList. WSS4J lists every prefix that is declared
	// above, and JAXB declares all those of its context.
	MaxPrefixes = 64
	// MaxSignatureValueBytes bounds the signature value: that of RSA with 4096 bits.
	MaxSignatureValueBytes = 512
)

// Policy allows algorithms beyond the default.
type Policy struct {
	// AllowSHA1 accepts SHA-1 in digests and signatures.
	AllowSHA1 bool
}

// Resolver finds the element for an identifier: a reference's URI without its "#". It refuses what may not be signed.
// Its refusals are returned, with the path of the reference unless they have a path.
type Resolver interface {
	// Resolve returns the element to digest.
	Resolve(id string) (xmldoc.Element, error)
	// Dereference returns the token that the STR-Transform substitutes for the SecurityTokenReference with this
	// identifier.
	Dereference(id string) (Token, error)
}

// Token is a security token, as dereferenced by the STR-Transform.
type Token struct {
	// Element is the token, or the reference to it if the token is not an element of the message.
	Element xmldoc.Element
	// AppendCanonical appends the canonical form of a token that is not an element of the message; nil if it is one.
	// Verify calls it only after it has verified the signature value.
	AppendCanonical func(dst []byte) []byte
}

// Signature is a well-formed signature with allowed algorithms, each of whose references resolves to an element. It
// proves nothing until Verify has succeeded.
type Signature struct {
	element          xmldoc.Element
	signedInfo       xmldoc.Element
	canonicalization xmldoc.C14N
	method           signatureMethod
	value            []byte
	references       []reference
	prefixes         []string

	// Buffers for ordinary signatures, so that parsing one is a single allocation, whatever the number of references.
	valueBuffer     [MaxSignatureValueBytes + base64DecodeSlack]byte
	referenceBuffer [MaxReferences]reference
	prefixBuffer    [MaxPrefixes]string
}

// reference is one ds:Reference.
type reference struct {
	id             string
	element        xmldoc.Element // the covered element
	prefixes       []string       // the InclusiveNamespaces PrefixList
	isEnveloped    bool           // enveloped-signature: the signature itself is omitted
	isSTRTransform bool           // STR-Transform: element is the token that id refers to
	appendToken    func(dst []byte) []byte
	digest         digestMethod
	statedDigest   []byte
	digestBuffer   [maxDigestBytes + base64DecodeSlack]byte
}

// ReferenceCount returns the number of references.
func (s *Signature) ReferenceCount() int { return len(s.references) }

// RefersTo reports whether the signature refers to this very element, directly or through a SecurityTokenReference.
// Only after a successful Verify does it also cover the element.
func (s *Signature) RefersTo(e xmldoc.Element) bool {
	return slices.ContainsFunc(s.references, func(r reference) bool { return r.element == e })
}

// PlainSHA256 returns the SHA-256 of the element's exclusive canonical form without PrefixList, if a reference states
// exactly this. It saves the caller from computing the value again.
func (s *Signature) PlainSHA256(e xmldoc.Element) (sum [sha256.Size]byte, ok bool) {
	for i := range s.references {
		r := &s.references[i]
		if r.element == e && r.digest == digestSHA256 && len(r.prefixes) == 0 && !r.isEnveloped && !r.isSTRTransform {
			return [sha256.Size]byte(r.statedDigest), true
		}
	}
	return sum, false
}

// Result is the result of a successful Verify.
type Result struct {
	// CoveredElements are the elements that the signature covers, in the order of its references.
	CoveredElements []xmldoc.Element
	// SignedInfoDigest is the SHA-256 of the canonical SignedInfo: it identifies the signed content. The signature
	// value does not, because with ECDSA anyone can derive a second valid value from the first.
	SignedInfoDigest [sha256.Size]byte
}

// canonicalBuffers are reused for canonical forms. None grows beyond the largest message, and the garbage collector
// frees idle ones.
var canonicalBuffers = sync.Pool{New: func() any { return new([]byte) }}

// Verify verifies the signature value with the key, and then each digest.
func (s *Signature) Verify(key crypto.PublicKey) (*Result, error) {
	buffer, _ := canonicalBuffers.Get().(*[]byte)
	defer canonicalBuffers.Put(buffer)
	data := appendCanonical((*buffer)[:0], s.canonicalization, s.signedInfo)
	result := &Result{SignedInfoDigest: sha256.Sum256(data)}
	if err := s.verifyValue(key, data, &result.SignedInfoDigest); err != nil {
		return nil, err
	}
	result.CoveredElements = make([]xmldoc.Element, 0, len(s.references))
	var sumBuffer [maxDigestBytes]byte
	for i := range s.references {
		r := &s.references[i]
		data = s.appendDigestInput(data[:0], r)
		if err := r.compareDigest(r.digest.appendSum(sumBuffer[:0], data), i); err != nil {
			return nil, err
		}
		result.CoveredElements = append(result.CoveredElements, r.element)
	}
	*buffer = data[:0]
	return result, nil
}

// verifyValue verifies the signature value over the canonical SignedInfo, whose SHA-256 is already computed.
func (s *Signature) verifyValue(key crypto.PublicKey, signedInfo []byte, sum *[sha256.Size]byte) error {
	var sumBuffer [maxDigestBytes]byte
	hashed := sum[:]
	if s.method.digest != digestSHA256 {
		hashed = s.method.digest.appendSum(sumBuffer[:0], signedInfo)
	}
	return s.method.verifySignature(key, hashed, s.value)
}

// compareDigest compares a digest with the one that the reference states.
func (r *reference) compareDigest(sum []byte, i int) error {
	if subtle.ConstantTimeCompare(sum, r.statedDigest) != 1 {
		changed := problem.DetailElement.With(r.element.Local())
		if r.element.Local() == binarySecurityToken { // WSS4J digests it differently until it is appended to the header
			changed = wss4jOrder.With(changed, "appendBSTElementToHeader", "addReferencesToSign")
		}
		return problem.New(DigestMismatch, changed).WithPath(referencePath(i))
	}
	return nil
}

// appendDigestInput appends the input of the reference's digest.
func (s *Signature) appendDigestInput(dst []byte, r *reference) []byte {
	if r.appendToken != nil {
		return r.appendToken(dst)
	}
	c14n := xmldoc.C14N{Exclusive: true, PrefixList: r.prefixes}
	if r.isEnveloped {
		c14n.Omit = s.element
	}
	dst = appendCanonical(dst, c14n, r.element)
	if !r.isSTRTransform {
		return dst
	}
	// The STR-Transform requires a default namespace declaration on the token's tag even when there is none, so that
	// the bytes do not depend on the token's position. It precedes all others: right after the name.
	if space, _ := r.element.LookupNamespace(""); space == "" {
		dst = slices.Insert(dst, bytes.IndexAny(dst, " >"), noDefaultNamespace...)
	}
	return dst
}

var noDefaultNamespace = []byte(` xmlns=""`)

// appendCanonical grows dst first: the canonical form is about as long as the source.
func appendCanonical(dst []byte, c xmldoc.C14N, e xmldoc.Element) []byte {
	start, end := e.Offset()
	const namespaces = 1024 // declarations that the canonical form adds
	return c.Append(slices.Grow(dst, end-start+namespaces), e)
}

func referencePath(i int) string { return "ds:Reference[" + strconv.Itoa(i+1) + "]" }
