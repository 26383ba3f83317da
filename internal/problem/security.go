package problem

// Codes of message security (SOAP Message Security 1.1.1, X.509 Certificate Token Profile 1.1.1, XML Signature 1.1).
// Detail contains the algorithm, the time or the limit; Path names the element. The texts name the client setting that
// usually causes the error (WSS4J and CXF, .NET, zeep, wse-php, node-soap, gSOAP, xmlsec, curl).
const (
	// Header.
	SecurityMissing    Code = "SECURITY_HEADER_MISSING"
	SecurityUnexpected Code = "SECURITY_PART_UNEXPECTED"
	SecurityRepeated   Code = "SECURITY_PART_REPEATED"
	TimestampMissing   Code = "TIMESTAMP_MISSING"
	TokenMissing       Code = "SECURITY_TOKEN_MISSING"
	SignatureMissing   Code = "SIGNATURE_MISSING"

	// Timestamp.
	TimestampMalformed Code = "TIMESTAMP_MALFORMED"
	TimestampInstant   Code = "TIMESTAMP_INSTANT_MALFORMED"
	TimestampOrder     Code = "TIMESTAMP_EXPIRES_BEFORE_CREATED"
	TimestampFuture    Code = "TIMESTAMP_IN_FUTURE"
	TimestampExpired   Code = "TIMESTAMP_EXPIRED"

	// Token, and the signature's reference to it.
	TokenUnsupported        Code = "SECURITY_TOKEN_UNSUPPORTED"
	TokenEncoding           Code = "SECURITY_TOKEN_ENCODING"
	TokenMalformed          Code = "SECURITY_TOKEN_MALFORMED"
	TokenUnreadable         Code = "SECURITY_TOKEN_NOT_A_CERTIFICATE"
	TokenPathTooLong        Code = "SECURITY_TOKEN_PATH_TOO_LONG"
	TokenPathOrder          Code = "SECURITY_TOKEN_PATH_ORDER"
	KeyReferenceMissing     Code = "KEY_REFERENCE_MISSING"
	KeyReferenceUnsupported Code = "KEY_REFERENCE_UNSUPPORTED"
	KeyReferenceWrong       Code = "KEY_REFERENCE_NOT_THE_TOKEN"
	KeyReferenceAmbiguous   Code = "KEY_REFERENCE_AMBIGUOUS"
	KeyReferenceMalformed   Code = "KEY_REFERENCE_MALFORMED"
	KeyReferenceDisagrees   Code = "KEY_REFERENCE_DISAGREES"
	KeyUnregistered         Code = "KEY_NOT_REGISTERED"

	// Structure and algorithms of the signature.
	SignatureStructure          Code = "SIGNATURE_STRUCTURE"
	CanonicalizationUnsupported Code = "CANONICALIZATION_UNSUPPORTED"
	SignatureUnsupported        Code = "SIGNATURE_ALGORITHM_UNSUPPORTED"
	SignatureHMAC               Code = "SIGNATURE_HMAC_REFUSED"
	SignatureSHA1               Code = "SIGNATURE_SHA1_REFUSED"
	DigestUnsupported           Code = "DIGEST_ALGORITHM_UNSUPPORTED"
	DigestSHA1                  Code = "DIGEST_SHA1_REFUSED"
	TransformUnsupported        Code = "TRANSFORM_UNSUPPORTED"
	TransformSTRParameters      Code = "TRANSFORM_STR_PARAMETERS"
	TransformSTRTarget          Code = "TRANSFORM_STR_TARGET"
	TransformMissing            Code = "TRANSFORM_MISSING"
	TransformsTooMany           Code = "TRANSFORMS_TOO_MANY"
	ReferencesTooMany           Code = "REFERENCES_TOO_MANY"
	PrefixesTooMany             Code = "PREFIX_LIST_TOO_LONG"
	DigestValueMalformed        Code = "DIGEST_VALUE_MALFORMED"
	SignatureValueMalformed     Code = "SIGNATURE_VALUE_MALFORMED"

	// References of the signature.
	ReferenceEmpty    Code = "REFERENCE_EMPTY"
	ReferenceExternal Code = "REFERENCE_EXTERNAL"
	ReferencePointer  Code = "REFERENCE_POINTER"
	ReferenceUnknown  Code = "REFERENCE_NOT_FOUND"
	ReferenceIDKind   Code = "REFERENCE_ID_ATTRIBUTE"
	ReferenceTarget   Code = "REFERENCE_TARGET_REFUSED"
	ReferenceTwice    Code = "REFERENCE_REPEATED"
	BodyUnsigned      Code = "BODY_NOT_SIGNED"
	TimestampUnsigned Code = "TIMESTAMP_NOT_SIGNED"
	TokenUnsigned     Code = "SECURITY_TOKEN_NOT_SIGNED"

	// Cryptographic verification.
	SignatureKeyUnsupported Code = "SIGNATURE_KEY_UNSUPPORTED"
	SignatureKeyMismatch    Code = "SIGNATURE_KEY_MISMATCH"
	SignatureInvalid        Code = "SIGNATURE_INVALID"
	DigestMismatch          Code = "DIGEST_MISMATCH"
	MessageReplayed         Code = "MESSAGE_REPLAYED"
)

func init() {
	Register(Properties{Kind: Unauthenticated, WSSFault: "InvalidSecurity"}, SecurityMissing, SecurityUnexpected,
		SecurityRepeated, TimestampMissing, SignatureMissing, TimestampMalformed, TimestampInstant, TimestampOrder,
		KeyReferenceMissing, KeyReferenceUnsupported, KeyReferenceAmbiguous, KeyReferenceMalformed,
		SignatureStructure, TransformSTRTarget, TransformsTooMany, ReferencesTooMany, PrefixesTooMany,
		ReferenceEmpty, ReferenceExternal, ReferencePointer, ReferenceIDKind, ReferenceTarget, ReferenceTwice)
	Register(Properties{Kind: Unauthenticated, WSSFault: "SecurityTokenUnavailable"}, TokenMissing,
		KeyReferenceWrong, KeyUnregistered)
	Register(Properties{Kind: Unauthenticated, WSSFault: "MessageExpired"}, TimestampFuture, TimestampExpired)
	Register(Properties{Kind: Unauthenticated, WSSFault: "InvalidSecurityToken"}, TokenUnsupported, TokenEncoding,
		TokenMalformed, TokenUnreadable, TokenPathTooLong, TokenPathOrder, KeyReferenceDisagrees,
		SignatureKeyUnsupported)
	Register(Properties{Kind: Unauthenticated, WSSFault: "UnsupportedAlgorithm"}, CanonicalizationUnsupported,
		SignatureUnsupported, SignatureHMAC, SignatureSHA1, DigestUnsupported, DigestSHA1, TransformUnsupported,
		TransformSTRParameters, TransformMissing)
	Register(Properties{Kind: Unauthenticated, WSSFault: "FailedCheck"}, DigestValueMalformed,
		SignatureValueMalformed, ReferenceUnknown, BodyUnsigned, TimestampUnsigned, TokenUnsigned,
		SignatureKeyMismatch, SignatureInvalid, DigestMismatch)
	// Not SOA-01001: on that code the platform's connector retries at another address, although the first message may
	// have been stored.
	Register(Properties{Kind: Unauthenticated, WSSFault: "InvalidSecurity", PlatformCode: "SOA-03007"},
		MessageReplayed)
}
