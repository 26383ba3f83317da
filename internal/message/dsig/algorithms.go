package dsig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // refused unless the operator allows it, until a given date
	"crypto/sha256"
	"crypto/sha512"
	"math/big"
	"strings"

	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Algorithm identifiers of XML Signature 1.1 section 6.1 and RFC 9231.
const (
	ExclusiveC14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
	InclusiveC14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	Enveloped     = Namespace + "enveloped-signature"

	SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
	SHA384 = namespaceMore2001 + "sha384"
	SHA512 = "http://www.w3.org/2001/04/xmlenc#sha512"
	SHA1   = Namespace + "sha1"

	RSASHA256 = namespaceMore2001 + "rsa-sha256"
	RSASHA384 = namespaceMore2001 + "rsa-sha384"
	RSASHA512 = namespaceMore2001 + "rsa-sha512"
	RSASHA1   = Namespace + "rsa-sha1"

	PSSSHA256 = namespaceMore2007 + "sha256-rsa-MGF1"
	PSSSHA384 = namespaceMore2007 + "sha384-rsa-MGF1"
	PSSSHA512 = namespaceMore2007 + "sha512-rsa-MGF1"

	ECDSASHA256 = namespaceMore2001 + "ecdsa-sha256"
	ECDSASHA384 = namespaceMore2001 + "ecdsa-sha384"
	ECDSASHA512 = namespaceMore2001 + "ecdsa-sha512"
	ECDSASHA1   = namespaceMore2001 + "ecdsa-sha1"

	namespaceMore2001 = "http://www.w3.org/2001/04/xmldsig-more#"
	namespaceMore2007 = "http://www.w3.org/2007/05/xmldsig-more#"
)

// digestMethod is a hash function.
type digestMethod uint8

const (
	digestSHA256 digestMethod = iota + 1
	digestSHA384
	digestSHA512
	digestSHA1
)

const maxDigestBytes = sha512.Size

// appendSum appends the hash of the data. Calling the functions by name keeps the sums on the stack.
func (d digestMethod) appendSum(dst, data []byte) []byte {
	switch d {
	case digestSHA256:
		sum := sha256.Sum256(data)
		return append(dst, sum[:]...)
	case digestSHA384:
		sum := sha512.Sum384(data)
		return append(dst, sum[:]...)
	case digestSHA512:
		sum := sha512.Sum512(data)
		return append(dst, sum[:]...)
	default:
		sum := sha1.Sum(data) //nolint:gosec // see the import
		return append(dst, sum[:]...)
	}
}

func (d digestMethod) cryptoHash() crypto.Hash {
	switch d {
	case digestSHA256:
		return crypto.SHA256
	case digestSHA384:
		return crypto.SHA384
	case digestSHA512:
		return crypto.SHA512
	default:
		return crypto.SHA1
	}
}

// parseDigestMethod returns the digest algorithm of an identifier, if it is allowed.
func parseDigestMethod(name string, p Policy) (digestMethod, error) {
	switch name {
	case SHA256:
		return digestSHA256, nil
	case SHA384:
		return digestSHA384, nil
	case SHA512:
		return digestSHA512, nil
	case SHA1:
		if p.AllowSHA1 {
			return digestSHA1, nil
		}
		return 0, problem.New(DigestSHA1, texts.Literal(name))
	}
	return 0, problem.New(DigestUnsupported, describeAlgorithm(name))
}

// keyFamily is the kind of key and padding that a signature algorithm requires.
type keyFamily uint8

const (
	familyRSA keyFamily = iota + 1
	familyPSS
	familyECDSA
)

// signatureMethod is a signature algorithm.
type signatureMethod struct {
	name   string
	family keyFamily
	digest digestMethod
}

// parseMethod returns the signature algorithm of an identifier, if it is allowed.
func parseMethod(name string, p Policy) (signatureMethod, error) {
	switch name {
	case RSASHA256:
		return signatureMethod{name, familyRSA, digestSHA256}, nil
	case RSASHA384:
		return signatureMethod{name, familyRSA, digestSHA384}, nil
	case RSASHA512:
		return signatureMethod{name, familyRSA, digestSHA512}, nil
	case PSSSHA256:
		return signatureMethod{name, familyPSS, digestSHA256}, nil
	case PSSSHA384:
		return signatureMethod{name, familyPSS, digestSHA384}, nil
	case PSSSHA512:
		return signatureMethod{name, familyPSS, digestSHA512}, nil
	case ECDSASHA256:
		return signatureMethod{name, familyECDSA, digestSHA256}, nil
	case ECDSASHA384:
		return signatureMethod{name, familyECDSA, digestSHA384}, nil
	case ECDSASHA512:
		return signatureMethod{name, familyECDSA, digestSHA512}, nil
	case RSASHA1, ECDSASHA1:
		return parseSHA1Method(name, p)
	}
	if strings.Contains(name, "#hmac-") {
		// Using a public key as the secret of a MAC is the classical confusion attack (XML Signature section 12.2.2).
		return signatureMethod{}, problem.New(SignatureHMAC, describeAlgorithm(name))
	}
	return signatureMethod{}, problem.New(SignatureUnsupported, describeAlgorithm(name))
}

func parseSHA1Method(name string, p Policy) (signatureMethod, error) {
	switch {
	case !p.AllowSHA1:
		return signatureMethod{}, problem.New(SignatureSHA1, texts.Literal(name))
	case name == RSASHA1:
		return signatureMethod{name, familyRSA, digestSHA1}, nil
	}
	return signatureMethod{name, familyECDSA, digestSHA1}, nil
}

// verifySignature verifies a signature value. The key must be of the algorithm's kind and of an accepted size.
func (m signatureMethod) verifySignature(key crypto.PublicKey, hashed, value []byte) error {
	switch public := key.(type) {
	case *rsa.PublicKey:
		return m.verifyRSA(public, hashed, value)
	case *ecdsa.PublicKey:
		return m.verifyECDSA(public, hashed, value)
	}
	return problem.New(SignatureKeyUnsupported).WithPath(pathKeyInfo)
}

func (m signatureMethod) verifyRSA(key *rsa.PublicKey, hashed, value []byte) error {
	if !x509id.IsRSASizeAllowed(key) {
		return problem.New(SignatureKeyUnsupported, problem.DetailRSABits.With(key.N.BitLen())).WithPath(pathKeyInfo)
	}
	if m.family != familyRSA && m.family != familyPSS {
		return problem.New(SignatureKeyMismatch, keyIsRSA.With(m.name)).WithPath(pathSignatureMethod)
	}
	if len(value) != key.Size() {
		return newValueLengthError(len(value), key.Size())
	}
	var err error
	if m.family == familyPSS {
		// RFC 9231 section 2.3.10: the salt is as long as the hash.
		err = rsa.VerifyPSS(
			key, m.digest.cryptoHash(), hashed, value, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash},
		)
	} else {
		err = rsa.VerifyPKCS1v15(key, m.digest.cryptoHash(), hashed, value)
	}
	if err != nil {
		return problem.Wrap(SignatureInvalid, err).WithPath(pathSignatureValue)
	}
	return nil
}

func (m signatureMethod) verifyECDSA(key *ecdsa.PublicKey, hashed, value []byte) error {
	if !x509id.IsCurveAllowed(key.Curve) {
		return problem.New(SignatureKeyUnsupported, otherCurve).WithPath(pathKeyInfo)
	}
	if m.family != familyECDSA {
		return problem.New(SignatureKeyMismatch, keyIsECDSA.With(m.name)).WithPath(pathSignatureMethod)
	}
	// XML Signature section 6.4.3: r and s, each as long as the order of the curve. ASN.1 is not accepted: it has
	// several encodings of one pair, and so several signature values.
	size := (key.Params().N.BitLen() + 7) / 8
	if len(value) != 2*size {
		return newValueLengthError(len(value), 2*size)
	}
	r, s := new(big.Int).SetBytes(value[:size]), new(big.Int).SetBytes(value[size:])
	if !ecdsa.Verify(key, hashed, r, s) {
		return problem.New(SignatureInvalid).WithPath(pathSignatureValue)
	}
	return nil
}

func newValueLengthError(got, want int) error {
	return problem.New(SignatureValueMalformed, wrongValueLength.With(got, want)).WithPath(pathSignatureValue)
}

// describeAlgorithm returns an identifier that was received, for a refusal. Blanks around a URI belong to it, but are
// invisible: they are named.
func describeAlgorithm(uri string) texts.Text {
	if strings.TrimFunc(uri, isSpace) != uri {
		return blanksAround.With(texts.Excerpt(uri))
	}
	return texts.Literal(texts.Excerpt(uri))
}

// uriDetail is the URI of a reference, which may be too long for a fault.
func uriDetail(uri string) texts.Text { return texts.Literal("URI " + texts.Excerpt(uri)) }
