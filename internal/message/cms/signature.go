package cms

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.Hash
	_ "crypto/sha512"
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/openctr/ctr/internal/message/x509id"
)

// signatureKind is a family of signature algorithms.
type signatureKind uint8

const (
	signaturePSS signatureKind = iota + 1
	signaturePKCS1
	signatureECDSA
)

// signatureAlgorithm is an algorithm with its parameters.
type signatureAlgorithm struct {
	kind       signatureKind
	hash       crypto.Hash
	saltLength int
}

// isProfile reports whether the platform writes the algorithm.
func (a signatureAlgorithm) isProfile() bool {
	return a == signatureAlgorithm{signaturePSS, crypto.SHA256, crypto.SHA256.Size()}
}

// String names the algorithm.
func (a signatureAlgorithm) String() string {
	switch a.kind {
	case signaturePSS:
		return "RSASSA-PSS with " + a.hash.String()
	case signaturePKCS1:
		return "RSA PKCS #1 v1.5 with " + a.hash.String()
	default:
		return "ECDSA with " + a.hash.String()
	}
}

// fixedSignatures are the algorithms whose identifier names the hash function, and those that leave it to the digest.
var fixedSignatures = []struct {
	id   asn1.ObjectIdentifier
	kind signatureKind
	hash crypto.Hash // zero: that of the digest
}{
	{oidRSA, signaturePKCS1, 0},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, signaturePKCS1, crypto.SHA256},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}, signaturePKCS1, crypto.SHA384},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}, signaturePKCS1, crypto.SHA512},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}, signatureECDSA, crypto.SHA256},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}, signatureECDSA, crypto.SHA384},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}, signatureECDSA, crypto.SHA512},
}

// findSignatureAlgorithm returns the algorithm that an identifier names, if its hash function is that of the digest.
func findSignatureAlgorithm(a algorithm, digest crypto.Hash) (signatureAlgorithm, bool) {
	if a.id.Equal(oidRSAPSS) {
		return parsePSS(a.parameters, digest)
	}
	for _, known := range fixedSignatures {
		if known.id.Equal(a.id) && (known.hash == 0 || known.hash == digest) {
			return signatureAlgorithm{kind: known.kind, hash: digest}, true
		}
	}
	return signatureAlgorithm{}, false
}

// parsePSS parses RSASSA-PSS-params ::= SEQUENCE { [0] hash, [1] mask generation, [2] salt length DEFAULT 20, [3]
// trailer DEFAULT 1 } (RFC 4055 section 3.1). Absent hash functions mean SHA-1, which is refused.
func parsePSS(parameters cryptobyte.String, digest crypto.Hash) (signatureAlgorithm, bool) {
	var list, hashDER, maskDER, tagged cryptobyte.String
	if !parameters.ReadASN1(&list, tags.SEQUENCE) || !list.ReadASN1(&hashDER, tag0Constructed) ||
		!list.ReadASN1(&maskDER, tag1Constructed) {
		return signatureAlgorithm{}, false
	}
	hash, isHash := readAlgorithm(&hashDER)
	mask, isMask := readAlgorithm(&maskDER)
	if !isHash || !isMask || !mask.id.Equal(oidMGF1) {
		return signatureAlgorithm{}, false
	}
	maskHash, ok := readAlgorithm(&mask.parameters)
	if !ok {
		return signatureAlgorithm{}, false
	}
	for _, id := range []asn1.ObjectIdentifier{hash.id, maskHash.id} {
		if found, isKnown := findDigest(id); !isKnown || found != digest {
			return signatureAlgorithm{}, false
		}
	}
	salt, trailer := 20, 1
	var isGiven bool
	if !list.ReadOptionalASN1(&tagged, &isGiven, tag2Constructed) || isGiven && !tagged.ReadASN1Integer(&salt) ||
		!list.ReadOptionalASN1(&tagged, &isGiven, tags.Tag(3).ContextSpecific().Constructed()) ||
		isGiven && !tagged.ReadASN1Integer(&trailer) || !list.Empty() {
		return signatureAlgorithm{}, false
	}
	const maxSalt = 64 // longer than any hash makes no sense
	return signatureAlgorithm{signaturePSS, digest, salt}, trailer == 1 && 0 < salt && salt <= maxSalt
}

// verify reports whether the signature of a digest is that of a key, and the key may sign.
func (a signatureAlgorithm) verify(key crypto.PublicKey, digest, signature []byte) bool {
	switch public := key.(type) {
	case *rsa.PublicKey:
		switch {
		case !x509id.IsRSASizeAllowed(public):
			return false
		case a.kind == signaturePSS:
			options := &rsa.PSSOptions{SaltLength: a.saltLength, Hash: a.hash}
			return rsa.VerifyPSS(public, a.hash, digest, signature, options) == nil
		}
		return a.kind == signaturePKCS1 && rsa.VerifyPKCS1v15(public, a.hash, digest, signature) == nil
	case *ecdsa.PublicKey:
		return a.kind == signatureECDSA && x509id.IsCurveAllowed(public.Curve) &&
			ecdsa.VerifyASN1(public, digest, signature)
	}
	return false
}
