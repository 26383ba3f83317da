package dsig

import "github.com/openctr/ctr/internal/problem"

// The codes of this package (XML Signature 1.1). The detail contains the algorithm or the limit; the path names the
// element. The texts name the client setting that usually causes the error.
const (
	// Structure and algorithms of the signature.
	SignatureStructure          problem.Code = "SIGNATURE_STRUCTURE"
	CanonicalizationUnsupported problem.Code = "CANONICALIZATION_UNSUPPORTED"
	SignatureUnsupported        problem.Code = "SIGNATURE_ALGORITHM_UNSUPPORTED"
	SignatureHMAC               problem.Code = "SIGNATURE_HMAC_REFUSED"
	SignatureSHA1               problem.Code = "SIGNATURE_SHA1_REFUSED"
	DigestUnsupported           problem.Code = "DIGEST_ALGORITHM_UNSUPPORTED"
	DigestSHA1                  problem.Code = "DIGEST_SHA1_REFUSED"
	TransformUnsupported        problem.Code = "TRANSFORM_UNSUPPORTED"
	TransformSTRParameters      problem.Code = "TRANSFORM_STR_PARAMETERS"
	TransformMissing            problem.Code = "TRANSFORM_MISSING"
	TransformsTooMany           problem.Code = "TRANSFORMS_TOO_MANY"
	ReferencesTooMany           problem.Code = "REFERENCES_TOO_MANY"
	PrefixesTooMany             problem.Code = "PREFIX_LIST_TOO_LONG"
	DigestValueMalformed        problem.Code = "DIGEST_VALUE_MALFORMED"
	SignatureValueMalformed     problem.Code = "SIGNATURE_VALUE_MALFORMED"

	// References of the signature.
	ReferenceEmpty    problem.Code = "REFERENCE_EMPTY"
	ReferenceExternal problem.Code = "REFERENCE_EXTERNAL"
	ReferencePointer  problem.Code = "REFERENCE_POINTER"
	ReferenceTarget   problem.Code = "REFERENCE_TARGET_REFUSED"
	ReferenceTwice    problem.Code = "REFERENCE_REPEATED"

	// Cryptographic verification.
	SignatureKeyUnsupported problem.Code = "SIGNATURE_KEY_UNSUPPORTED"
	SignatureKeyMismatch    problem.Code = "SIGNATURE_KEY_MISMATCH"
	SignatureInvalid        problem.Code = "SIGNATURE_INVALID"
	DigestMismatch          problem.Code = "DIGEST_MISMATCH"
)

func init() {
	problem.Register(problem.Properties{Kind: problem.Unauthenticated, WSSFault: "InvalidSecurity"},
		SignatureStructure, TransformsTooMany, ReferencesTooMany, PrefixesTooMany, ReferenceEmpty, ReferenceExternal,
		ReferencePointer, ReferenceTarget, ReferenceTwice)
	problem.Register(problem.Properties{Kind: problem.Unauthenticated, WSSFault: "UnsupportedAlgorithm"},
		CanonicalizationUnsupported, SignatureUnsupported, SignatureHMAC, SignatureSHA1, DigestUnsupported,
		DigestSHA1, TransformUnsupported, TransformSTRParameters, TransformMissing)
	problem.Register(problem.Properties{Kind: problem.Unauthenticated, WSSFault: "FailedCheck"},
		DigestValueMalformed, SignatureValueMalformed, SignatureKeyMismatch, SignatureInvalid, DigestMismatch)
	problem.Register(problem.Properties{Kind: problem.Unauthenticated, WSSFault: "InvalidSecurityToken"},
		SignatureKeyUnsupported)
}
