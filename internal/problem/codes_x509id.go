package problem

// The codes of certificates, in messages and in files of operators and callers, and those of key references and tokens
// that package wsse raises too.
//
// CertUntrusted has one text for all reasons, so that an outsider cannot find out which authorities are trusted.
const (
	// Certificates.
	CertSubjectForm       Code = "CERT_SUBJECT_FORM"
	CertSubjectType       Code = "CERT_SUBJECT_TYPE"
	CertSubjectNumber     Code = "CERT_SUBJECT_NUMBER"
	CertSubjectDisagrees  Code = "CERT_SUBJECT_DISAGREES"
	CertSignatureWeak     Code = "CERT_SIGNATURE_WEAK"
	CertUntrusted         Code = "CERT_UNTRUSTED"
	CertRevoked           Code = "CERT_REVOKED"
	CertRevocationUnknown Code = "CERT_REVOCATION_UNKNOWN"
	CertNotYetValid       Code = "CERT_NOT_YET_VALID"
	CertExpired           Code = "CERT_EXPIRED"
	CertIsAuthority       Code = "CERT_IS_AUTHORITY"
	CertKeyUsage          Code = "CERT_KEY_USAGE"
	CertKeyUnsupported    Code = "CERT_KEY_UNSUPPORTED"

	// Files of trusted authorities.
	TrustUnreadable   Code = "TRUST_UNREADABLE"
	TrustNotAuthority Code = "TRUST_NOT_AUTHORITY"

	// Tokens and key references of a message.
	TokenUnreadable       Code = "SECURITY_TOKEN_NOT_A_CERTIFICATE"
	TokenPathTooLong      Code = "SECURITY_TOKEN_PATH_TOO_LONG"
	TokenPathOrder        Code = "SECURITY_TOKEN_PATH_ORDER"
	KeyReferenceMalformed Code = "KEY_REFERENCE_MALFORMED"
)

func init() {
	Register(Properties{Kind: Unauthenticated, WSSFault: "InvalidSecurityToken"}, CertSubjectForm,
		CertSubjectType, CertSubjectNumber, CertSubjectDisagrees, CertSignatureWeak, CertRevoked,
		CertNotYetValid, CertExpired, CertIsAuthority, CertKeyUsage, CertKeyUnsupported,
		TokenUnreadable, TokenPathTooLong, TokenPathOrder)
	Register(Properties{Kind: Unauthenticated, WSSFault: "FailedAuthentication"}, CertUntrusted)
	Register(Properties{Kind: Unauthenticated, WSSFault: "FailedAuthentication", Retry: true},
		CertRevocationUnknown)
	Register(Properties{Kind: Unauthenticated, WSSFault: "InvalidSecurity"}, KeyReferenceMalformed)
	Register(Properties{Kind: Malformed}, TrustUnreadable, TrustNotAuthority)
}
