package problem

// Codes of the register: authorisation, and broken rules.
const (
	CertificateUnfit  Code = "CERTIFICATE_TYPE_NOT_ACCEPTED"
	CertificateCBE    Code = "CERTIFICATE_CBE_NOT_ACCEPTED"
	AuthorRequired    Code = "AUTHOR_REQUIRED"
	AuthorAmbiguous   Code = "AUTHOR_AMBIGUOUS"
	AuthorDisagrees   Code = "AUTHOR_DISAGREES_WITH_CERTIFICATE"
	AuthorNotAttached Code = "AUTHOR_NOT_ATTACHED"
	NotYourOperation  Code = "NOT_YOUR_OPERATION"
	MayNotNotify      Code = "MAY_NOT_NOTIFY"
	MayNotPrepare     Code = "MAY_NOT_PREPARE"
	MayNotRead        Code = "MAY_NOT_READ"
	MayNotSearch      Code = "MAY_NOT_SEARCH_BY_IMPLANT"

	RulesViolated           Code = "RULES_VIOLATED"
	PrescriptionAfter       Code = "PRESCRIPTION_AFTER_OPERATION"
	DeliveryAfter           Code = "DELIVERY_AFTER_OPERATION"
	OperationInFuture       Code = "OPERATION_IN_FUTURE"
	OperationBeforeBirth    Code = "OPERATION_BEFORE_BIRTH"
	OperationTooOld         Code = "OPERATION_BEFORE_1950"
	ImplantUnidentified     Code = "IMPLANT_NOT_IDENTIFIED"
	CodeRequired            Code = "IMPLANT_CODE_REQUIRED"
	CodeUnknown             Code = "IMPLANT_CODE_UNKNOWN"
	SpecialistUnknown       Code = "SPECIALIST_UNKNOWN"
	SpecialistUnqualified   Code = "SPECIALIST_NOT_QUALIFIED"
	PrescriberUnknown       Code = "PRESCRIBER_UNKNOWN"
	PrescriberUnqualified   Code = "PRESCRIBER_NOT_QUALIFIED"
	PharmacistUnknown       Code = "PHARMACIST_UNKNOWN"
	PharmacistUnqualified   Code = "PHARMACIST_NOT_QUALIFIED"
	PharmacistNotTitular    Code = "PHARMACIST_NOT_TITULAR"
	LotContradictsUDI       Code = "LOT_CONTRADICTS_UDI"
	SerialContradictsUDI    Code = "SERIAL_CONTRADICTS_UDI"
	ExpiryContradictsUDI    Code = "EXPIRY_CONTRADICTS_UDI"
	QuantityOutOfRange      Code = "QUANTITY_OUT_OF_RANGE"
	ImplantNotOfPatient     Code = "IMPLANT_NOT_OF_PATIENT"
	ExplantExceedsRemaining Code = "EXPLANT_EXCEEDS_REMAINING"
	ExplantBeforeImplant    Code = "EXPLANT_BEFORE_IMPLANT"

	ImplantRemovedSince Code = "IMPLANT_REMOVED_SINCE"
	ReasonRequired      Code = "REASON_REQUIRED"
	VersionOutdated     Code = "VERSION_OUTDATED"
	OtherOperationType  Code = "OTHER_OPERATION_TYPE"
	AlreadyFinal        Code = "NOTIFICATION_ALREADY_FINAL"
	AlreadyWithdrawn    Code = "NOTIFICATION_WITHDRAWN"

	MayNotMandate      Code = "MAY_NOT_MANDATE"
	MandateToSelf      Code = "MANDATE_TO_SELF"
	MandateExists      Code = "MANDATE_EXISTS"
	MandateNotFound    Code = "MANDATE_NOT_FOUND"
	MayNotManageStaff  Code = "MAY_NOT_MANAGE_STAFF"
	RoleOfSource       Code = "ROLE_OF_AUTHENTIC_SOURCE"
	ManagerNotYours    Code = "MANAGER_NOT_YOURS_TO_END"
	StaffRoleExists    Code = "STAFF_ROLE_EXISTS"
	StaffRoleNotFound  Code = "STAFF_ROLE_NOT_FOUND"
	PeriodBeginsInPast Code = "PERIOD_BEGINS_IN_PAST"
	PeriodReversed     Code = "PERIOD_ENDS_BEFORE_IT_BEGINS"
	EmergencyBlank     Code = "EMERGENCY_REASON_BLANK"

	LinkRequired           Code = "THERAPEUTIC_RELATION_REQUIRED"
	InputReferenceConflict Code = "INPUT_REFERENCE_CONFLICT"
	NotificationNotFound   Code = "NOTIFICATION_NOT_FOUND"
	NotificationWithheld   Code = "NOTIFICATION_WITHHELD"
	CardNotFound           Code = "CARD_NOT_FOUND"
	CardWithheld           Code = "CARD_WITHHELD"
)

var ruleCodes = []Entry{
	{CertificateUnfit, Forbidden},
	{CertificateCBE, Forbidden},
	{AuthorRequired, RuleViolated},
	{AuthorAmbiguous, RuleViolated},
	{AuthorDisagrees, Forbidden},
	{AuthorNotAttached, Forbidden},
	{NotYourOperation, Forbidden},
	{MayNotNotify, Forbidden},
	{MayNotPrepare, Forbidden},
	{MayNotRead, Forbidden},
	{MayNotSearch, Forbidden},
	{RulesViolated, RuleViolated},
	{PrescriptionAfter, RuleViolated},
	{DeliveryAfter, RuleViolated},
	{OperationInFuture, RuleViolated},
	{OperationBeforeBirth, RuleViolated},
	{OperationTooOld, RuleViolated},
	{ImplantUnidentified, RuleViolated},
	{CodeRequired, RuleViolated},
	{CodeUnknown, RuleViolated},
	{SpecialistUnknown, RuleViolated},
	{SpecialistUnqualified, RuleViolated},
	{PrescriberUnknown, RuleViolated},
	{PrescriberUnqualified, RuleViolated},
	{PharmacistUnknown, RuleViolated},
	{PharmacistUnqualified, RuleViolated},
	{PharmacistNotTitular, RuleViolated},
	{LotContradictsUDI, RuleViolated},
	{SerialContradictsUDI, RuleViolated},
	{ExpiryContradictsUDI, RuleViolated},
	{QuantityOutOfRange, RuleViolated},
	{ImplantNotOfPatient, RuleViolated},
	{ExplantExceedsRemaining, RuleViolated},
	{ExplantBeforeImplant, RuleViolated},
	{ImplantRemovedSince, RuleViolated},
	{ReasonRequired, RuleViolated},
	{VersionOutdated, RuleViolated},
	{OtherOperationType, RuleViolated},
	{AlreadyFinal, Conflict},
	{AlreadyWithdrawn, Conflict},
	{MayNotMandate, Forbidden},
	{MandateToSelf, RuleViolated},
	{MandateExists, Conflict},
	{MandateNotFound, NotFound},
	{MayNotManageStaff, Forbidden},
	{RoleOfSource, Forbidden},
	{ManagerNotYours, Forbidden},
	{StaffRoleExists, Conflict},
	{StaffRoleNotFound, NotFound},
	{PeriodBeginsInPast, RuleViolated},
	{PeriodReversed, RuleViolated},
	{EmergencyBlank, RuleViolated},
	{LinkRequired, Forbidden},
	{InputReferenceConflict, Conflict},
	{NotificationNotFound, NotFound},
	{NotificationWithheld, Withheld},
	{CardNotFound, NotFound},
	{CardWithheld, Withheld},
}

// PublicCode returns the code that a caller may see: for a withheld item, that of a missing item.
func (c Code) PublicCode() Code {
	switch c {
	case NotificationWithheld:
		return NotificationNotFound
	case CardWithheld:
		return CardNotFound
	}
	return c
}
