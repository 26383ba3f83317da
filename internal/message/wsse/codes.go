package wsse

import "github.com/openctr/ctr/internal/problem"

// The codes of this package (SOAP Message Security 1.1.1, X.509 Certificate Token Profile 1.1.1). The detail contains
// the time or the element; the path names the place. The texts name the client setting that usually causes the error.
const (
	// Header.
	SecurityMissing    problem.Code = "SECURITY_HEADER_MISSING"
	SecurityUnexpected problem.Code = "SECURITY_PART_UNEXPECTED"
	SecurityRepeated   problem.Code = "SECURITY_PART_REPEATED"
	TimestampMissing   problem.Code = "TIMESTAMP_MISSING"
	TokenMissing       problem.Code = "SECURITY_TOKEN_MISSING"
	SignatureMissing   problem.Code = "SIGNATURE_MISSING"
	SignatureElsewhere problem.Code = "SIGNATURE_ELSEWHERE"

	// Timestamp.
	TimestampMalformed problem.Code = "TIMESTAMP_MALFORMED"
	TimestampInstant   problem.Code = "TIMESTAMP_INSTANT_MALFORMED"
	TimestampOrder     problem.Code = "TIMESTAMP_EXPIRES_BEFORE_CREATED"
	TimestampFuture    problem.Code = "TIMESTAMP_IN_FUTURE"
	TimestampExpired   problem.Code = "TIMESTAMP_EXPIRED"

	// Token, and the signature's reference to it.
	TokenUnsupported        problem.Code = "SECURITY_TOKEN_UNSUPPORTED"
	TokenEncoding           problem.Code = "SECURITY_TOKEN_ENCODING"
	TokenMalformed          problem.Code = "SECURITY_TOKEN_MALFORMED"
	KeyReferenceMissing     problem.Code = "KEY_REFERENCE_MISSING"
	KeyReferenceUnsupported problem.Code = "KEY_REFERENCE_UNSUPPORTED"
	KeyReferenceWrong       problem.Code = "KEY_REFERENCE_NOT_THE_TOKEN"
	KeyReferenceAmbiguous   problem.Code = "KEY_REFERENCE_AMBIGUOUS"
	KeyReferenceDisagrees   problem.Code = "KEY_REFERENCE_DISAGREES"
	KeyUnregistered         problem.Code = "KEY_NOT_REGISTERED"

	// Structure and algorithms of the signature.
	TransformSTRTarget problem.Code = "TRANSFORM_STR_TARGET"

	// References of the signature.
	ReferenceUnknown  problem.Code = "REFERENCE_NOT_FOUND"
	ReferenceIDKind   problem.Code = "REFERENCE_ID_ATTRIBUTE"
	ReferenceIDTwice  problem.Code = "REFERENCE_ID_AMBIGUOUS"
	BodyUnsigned      problem.Code = "BODY_NOT_SIGNED"
	TimestampUnsigned problem.Code = "TIMESTAMP_NOT_SIGNED"
	TokenUnsigned     problem.Code = "SECURITY_TOKEN_NOT_SIGNED"
)

func init() {
	problem.Register(problem.Properties{Kind: problem.Unauthenticated, WSSFault: "InvalidSecurity"}, SecurityMissing,
		SecurityUnexpected, SecurityRepeated, TimestampMissing, SignatureMissing, TimestampMalformed,
		TimestampInstant, TimestampOrder, KeyReferenceMissing, KeyReferenceUnsupported, KeyReferenceAmbiguous,
		TransformSTRTarget, ReferenceIDKind, ReferenceIDTwice, SignatureElsewhere)
	problem.Register(problem.Properties{Kind: problem.Unauthenticated, WSSFault: "SecurityTokenUnavailable"},
		TokenMissing, KeyReferenceWrong, KeyUnregistered)
	problem.Register(problem.Properties{Kind: problem.Unauthenticated, WSSFault: "MessageExpired"}, TimestampFuture,
		TimestampExpired)
	problem.Register(problem.Properties{Kind: problem.Unauthenticated, WSSFault: "InvalidSecurityToken"},
		TokenUnsupported, TokenEncoding, TokenMalformed, KeyReferenceDisagrees)
	problem.Register(problem.Properties{Kind: problem.Unauthenticated, WSSFault: "FailedCheck"}, ReferenceUnknown,
		BodyUnsigned, TimestampUnsigned, TokenUnsigned)
}
