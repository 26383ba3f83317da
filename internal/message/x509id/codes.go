package x509id

import "github.com/openctr/ctr/internal/problem"

// The codes of certificates, in messages and in files of operators and callers, and those of key references and tokens
// that package wsse raises too.
//
// CertUntrusted has one text for all reasons, so that an outsider cannot find out which authorities are trusted.
const (
	// Certificates.
	CertSubjectForm       problem.Code = "CERT_SUBJECT_FORM"
	CertSubjectType       problem.Code = "CERT_SUBJECT_TYPE"
	CertSubjectNumber     problem.Code = "CERT_SUBJECT_NUMBER"
	CertSubjectDisagrees  problem.Code = "CERT_SUBJECT_DISAGREES"
	CertSignatureWeak     problem.Code = "CERT_SIGNATURE_WEAK"
	CertUntrusted         problem.Code = "CERT_UNTRUSTED"
	CertRevoked           problem.Code = "CERT_REVOKED"
	CertRevocationUnknown problem.Code = "CERT_REVOCATION_UNKNOWN"
	CertNotYetValid       problem.Code = "CERT_NOT_YET_VALID"
	CertExpired           problem.Code = "CERT_EXPIRED"
	CertIsAuthority       problem.Code = "CERT_IS_AUTHORITY"
	CertKeyUsage          problem.Code = "CERT_KEY_USAGE"
	CertExtendedKeyUsage  problem.Code = "CERT_EXTENDED_KEY_USAGE"
	CertKeyUnsupported    problem.Code = "CERT_KEY_UNSUPPORTED"

	// Files of trusted authorities.
	TrustUnreadable   problem.Code = "TRUST_UNREADABLE"
	TrustNotAuthority problem.Code = "TRUST_NOT_AUTHORITY"

	// Tokens and key references of a message.
	TokenUnreadable       problem.Code = "SECURITY_TOKEN_NOT_A_CERTIFICATE"
	TokenPathTooLong      problem.Code = "SECURITY_TOKEN_PATH_TOO_LONG"
	TokenPathOrder        problem.Code = "SECURITY_TOKEN_PATH_ORDER"
	KeyReferenceMalformed problem.Code = "KEY_REFERENCE_MALFORMED"
)

func init() {
	problem.Register(problem.Properties{Kind: problem.Unauthenticated, WSSFault: "InvalidSecurityToken"}, CertSubjectForm,
		CertSubjectType, CertSubjectNumber, CertSubjectDisagrees, CertSignatureWeak, CertRevoked,
		CertNotYetValid, CertExpired, CertIsAuthority, CertKeyUsage, CertExtendedKeyUsage, CertKeyUnsupported,
		TokenUnreadable, TokenPathTooLong, TokenPathOrder)
	problem.Register(problem.Properties{Kind: problem.Unauthenticated, WSSFault: "FailedAuthentication"}, CertUntrusted)
	problem.Register(problem.Properties{Kind: problem.Unauthenticated, WSSFault: "FailedAuthentication", Retry: true},
		CertRevocationUnknown)
	problem.Register(problem.Properties{Kind: problem.Unauthenticated, WSSFault: "InvalidSecurity"}, KeyReferenceMalformed)
	problem.Register(problem.Properties{Kind: problem.Malformed}, TrustUnreadable, TrustNotAuthority)
}
