package platform

import "github.com/openctr/ctr/internal/problem"

// The codes of the caller, of the author, and of every request to a register.
const (
	// Identification.
	CertificateUnfit problem.Code = "CERTIFICATE_TYPE_NOT_ACCEPTED"
	CertificateCBE   problem.Code = "CERTIFICATE_CBE_NOT_ACCEPTED"
	AuthorRequired   problem.Code = "AUTHOR_REQUIRED"
	AuthorAmbiguous  problem.Code = "AUTHOR_AMBIGUOUS"
	AuthorDisagrees  problem.Code = "AUTHOR_DISAGREES_WITH_CERTIFICATE"

	// Requests. The causes of RulesViolated are the broken rules.
	MessageReplayed problem.Code = "MESSAGE_REPLAYED"
	RulesViolated   problem.Code = "RULES_VIOLATED"
)

func init() {
	problem.Register(problem.Properties{Kind: problem.Forbidden}, CertificateUnfit, CertificateCBE, AuthorDisagrees)
	problem.Register(problem.Properties{Kind: problem.RuleViolated}, AuthorRequired, AuthorAmbiguous, RulesViolated)
	// Not SOA-01001: on that code the platform's connector retries at another address, although the first message may
	// have been stored.
	problem.Register(problem.Properties{
		Kind:         problem.Unauthenticated,
		WSSFault:     "InvalidSecurity",
		PlatformCode: "SOA-03007",
	},
		MessageReplayed)
}
