package problem

// The codes of the caller, of the author, and of every request to a register.
const (
	// Identification.
	CertificateUnfit Code = "CERTIFICATE_TYPE_NOT_ACCEPTED"
	CertificateCBE   Code = "CERTIFICATE_CBE_NOT_ACCEPTED"
	AuthorRequired   Code = "AUTHOR_REQUIRED"
	AuthorAmbiguous  Code = "AUTHOR_AMBIGUOUS"
	AuthorDisagrees  Code = "AUTHOR_DISAGREES_WITH_CERTIFICATE"

	// Requests. The causes of RulesViolated are the broken rules.
	MessageReplayed Code = "MESSAGE_REPLAYED"
	RulesViolated   Code = "RULES_VIOLATED"
)

func init() {
	Register(Properties{Kind: Forbidden}, CertificateUnfit, CertificateCBE, AuthorDisagrees)
	Register(Properties{Kind: RuleViolated}, AuthorRequired, AuthorAmbiguous, RulesViolated)
	// Not SOA-01001: on that code the platform's connector retries at another address, although the first message may
	// have been stored.
	Register(Properties{Kind: Unauthenticated, WSSFault: "InvalidSecurity", PlatformCode: "SOA-03007"},
		MessageReplayed)
}
