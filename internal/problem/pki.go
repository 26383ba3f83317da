package problem

// Codes of packages x509id, p12 and revocation: for certificates in messages, and for files of operators and callers (.p12, trusted
// certificates, revocation lists).
//
// CertUntrusted has one text for all reasons, so that an outsider cannot find out which authorities are trusted.
const (
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
	TrustUnreadable       Code = "TRUST_UNREADABLE"
	TrustNotAuthority     Code = "TRUST_NOT_AUTHORITY"
	CRLUnreadable         Code = "CRL_UNREADABLE"
	CRLUntrusted          Code = "CRL_UNTRUSTED"
	CRLAddress            Code = "CRL_ADDRESS"
	OCSPUnreadable        Code = "OCSP_UNREADABLE"
	OCSPUntrusted         Code = "OCSP_UNTRUSTED"
	P12Unreadable         Code = "P12_UNREADABLE"
	P12Unsupported        Code = "P12_UNSUPPORTED"
	P12TooCostly          Code = "P12_TOO_COSTLY"
	P12Password           Code = "P12_PASSWORD"
	P12NoKey              Code = "P12_NO_KEY"
)

func init() {
	Register(Properties{Kind: Unauthenticated, WSSFault: "InvalidSecurityToken"}, CertSubjectForm, CertSubjectType,
		CertSubjectNumber, CertSubjectDisagrees, CertSignatureWeak, CertRevoked, CertNotYetValid, CertExpired,
		CertIsAuthority, CertKeyUsage, CertKeyUnsupported)
	Register(Properties{Kind: Unauthenticated, WSSFault: "FailedAuthentication"}, CertUntrusted)
	Register(Properties{Kind: Unauthenticated, WSSFault: "FailedAuthentication", Retry: true}, CertRevocationUnknown)
	Register(Properties{Kind: Malformed}, TrustUnreadable, TrustNotAuthority, CRLUnreadable, CRLUntrusted,
		CRLAddress, OCSPUnreadable, OCSPUntrusted, P12Unreadable, P12Unsupported, P12TooCostly, P12Password, P12NoKey)
}
