package problem

// The codes of delegations: mandates and staff roles.
const (
	MandateToSelf      Code = "MANDATE_TO_SELF"
	MandateExists      Code = "MANDATE_EXISTS"
	MandateNotFound    Code = "MANDATE_NOT_FOUND"
	StaffRoleExists    Code = "STAFF_ROLE_EXISTS"
	StaffRoleNotFound  Code = "STAFF_ROLE_NOT_FOUND"
	PeriodBeginsInPast Code = "PERIOD_BEGINS_IN_PAST"
	PeriodReversed     Code = "PERIOD_ENDS_BEFORE_IT_BEGINS"
)

func init() {
	Register(Properties{Kind: RuleViolated}, MandateToSelf, PeriodBeginsInPast, PeriodReversed)
	Register(Properties{Kind: Conflict}, MandateExists, StaffRoleExists)
	Register(Properties{Kind: NotFound}, MandateNotFound, StaffRoleNotFound)
}
