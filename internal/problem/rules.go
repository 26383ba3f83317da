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

func init() {
	Register(Properties{Kind: Forbidden}, CertificateUnfit, CertificateCBE, AuthorDisagrees, AuthorNotAttached,
		NotYourOperation, MayNotNotify, MayNotPrepare, MayNotRead, MayNotSearch, MayNotMandate, MayNotManageStaff,
		RoleOfSource, ManagerNotYours, LinkRequired)
	Register(Properties{Kind: RuleViolated}, AuthorRequired, AuthorAmbiguous, RulesViolated, PrescriptionAfter,
		DeliveryAfter, OperationInFuture, OperationBeforeBirth, OperationTooOld, ImplantUnidentified, CodeRequired,
		CodeUnknown, SpecialistUnknown, SpecialistUnqualified, PrescriberUnknown, PrescriberUnqualified,
		PharmacistUnknown, PharmacistUnqualified, PharmacistNotTitular, LotContradictsUDI, SerialContradictsUDI,
		ExpiryContradictsUDI, QuantityOutOfRange, ImplantNotOfPatient, ExplantExceedsRemaining, ExplantBeforeImplant,
		ImplantRemovedSince, ReasonRequired, VersionOutdated, OtherOperationType, MandateToSelf, PeriodBeginsInPast,
		PeriodReversed, EmergencyBlank)
	Register(Properties{Kind: Conflict}, AlreadyFinal, AlreadyWithdrawn, MandateExists, StaffRoleExists,
		InputReferenceConflict)
	Register(Properties{Kind: NotFound}, MandateNotFound, StaffRoleNotFound, NotificationNotFound, CardNotFound)
	Register(Properties{Kind: Withheld, Public: NotificationNotFound}, NotificationWithheld)
	Register(Properties{Kind: Withheld, Public: CardNotFound}, CardWithheld)
}
