package problem

// Codes of message security that more than one package raises.
const (
	TokenUnreadable       Code = "SECURITY_TOKEN_NOT_A_CERTIFICATE"
	TokenPathTooLong      Code = "SECURITY_TOKEN_PATH_TOO_LONG"
	TokenPathOrder        Code = "SECURITY_TOKEN_PATH_ORDER"
	KeyReferenceMalformed Code = "KEY_REFERENCE_MALFORMED"
	MessageReplayed       Code = "MESSAGE_REPLAYED"
)

func init() {
	Register(Properties{Kind: Unauthenticated, WSSFault: "InvalidSecurityToken"}, TokenUnreadable, TokenPathTooLong,
		TokenPathOrder)
	Register(Properties{Kind: Unauthenticated, WSSFault: "InvalidSecurity"}, KeyReferenceMalformed)
	// Not SOA-01001: on that code the platform's connector retries at another address, although the first message may
	// have been stored.
	Register(Properties{Kind: Unauthenticated, WSSFault: "InvalidSecurity", PlatformCode: "SOA-03007"},
		MessageReplayed)
}
