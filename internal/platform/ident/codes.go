package ident

import "github.com/openctr/ctr/internal/problem"

// The codes of this package, for invalid identifiers and dates.
const (
	SSINInvalid               problem.Code = "SSIN_INVALID"
	NIHIIInvalid              problem.Code = "NIHII_INVALID"
	CBEInvalid                problem.Code = "CBE_INVALID"
	EHPInvalid                problem.Code = "EHP_INVALID"
	ImplantCodeInvalid        problem.Code = "IMPLANT_CODE_INVALID"
	NotificationNumberInvalid problem.Code = "NOTIFICATION_NUMBER_INVALID"
	DateInvalid               problem.Code = "DATE_INVALID"
)

func init() {
	problem.Register(problem.Properties{Kind: problem.RuleViolated}, SSINInvalid, NIHIIInvalid, CBEInvalid,
		EHPInvalid, ImplantCodeInvalid, NotificationNumberInvalid, DateInvalid)
}
