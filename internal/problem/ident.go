package problem

// Codes for invalid identifiers and dates.
const (
	SSINInvalid               Code = "SSIN_INVALID"
	NIHIIInvalid              Code = "NIHII_INVALID"
	CBEInvalid                Code = "CBE_INVALID"
	EHPInvalid                Code = "EHP_INVALID"
	ImplantCodeInvalid        Code = "IMPLANT_CODE_INVALID"
	NotificationNumberInvalid Code = "NOTIFICATION_NUMBER_INVALID"
	DateInvalid               Code = "DATE_INVALID"
	UDIUnparsable             Code = "UDI_UNPARSABLE"
	UDIGTINCheck              Code = "UDI_GTIN_CHECK"
)

func init() {
	Register(Properties{Kind: RuleViolated}, SSINInvalid, NIHIIInvalid, CBEInvalid, EHPInvalid, ImplantCodeInvalid,
		NotificationNumberInvalid, DateInvalid, UDIUnparsable, UDIGTINCheck)
}
