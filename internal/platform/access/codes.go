package access

import "github.com/openctr/ctr/internal/problem"

// The codes of delegations (mandates and staff roles) and of emergencies.
const (
	MandateToSelf      problem.Code = "MANDATE_TO_SELF"
	MandateExists      problem.Code = "MANDATE_EXISTS"
	MandateNotFound    problem.Code = "MANDATE_NOT_FOUND"
	StaffRoleExists    problem.Code = "STAFF_ROLE_EXISTS"
	StaffRoleNotFound  problem.Code = "STAFF_ROLE_NOT_FOUND"
	PeriodBeginsInPast problem.Code = "PERIOD_BEGINS_IN_PAST"
	PeriodReversed     problem.Code = "PERIOD_ENDS_BEFORE_IT_BEGINS"

	EmergencyBlank   problem.Code = "EMERGENCY_REASON_BLANK"
	EmergencyReused  problem.Code = "EMERGENCY_REASON_REUSED"
	EmergencyUnnamed problem.Code = "EMERGENCY_PATIENT_REQUIRED"
	EmergencyWait    problem.Code = "EMERGENCY_WAIT"
)

func init() {
	problem.Register(problem.Properties{Kind: problem.RuleViolated}, MandateToSelf, PeriodBeginsInPast, PeriodReversed,
		EmergencyBlank, EmergencyReused, EmergencyUnnamed)
	problem.Register(problem.Properties{Kind: problem.Conflict, Retry: true, Alarm: true}, EmergencyWait)
	problem.Register(problem.Properties{Kind: problem.Conflict}, MandateExists, StaffRoleExists)
	problem.Register(problem.Properties{Kind: problem.NotFound}, MandateNotFound, StaffRoleNotFound)
}
