package problem

// The codes of the register of implants.
const (
	// Broken rules.
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

	// Versions of a notification.
	ImplantRemovedSince    Code = "IMPLANT_REMOVED_SINCE"
	ReasonRequired         Code = "REASON_REQUIRED"
	VersionOutdated        Code = "VERSION_OUTDATED"
	OtherOperationType     Code = "OTHER_OPERATION_TYPE"
	AlreadyFinal           Code = "NOTIFICATION_ALREADY_FINAL"
	AlreadyWithdrawn       Code = "NOTIFICATION_WITHDRAWN"
	InputReferenceConflict Code = "INPUT_REFERENCE_CONFLICT"

	// Reading.
	EmergencyBlank Code = "EMERGENCY_REASON_BLANK"
	CardNotFound   Code = "CARD_NOT_FOUND"
	CardWithheld   Code = "CARD_WITHHELD"

	// Warnings: the notification is accepted, and the warning is stored with it. A UDI that cannot be parsed causes a
	// warning with a code of package udi.
	WarnDeviceDeleted  Code = "WARN_DEVICE_DELETED"
	WarnDeviceRecalled Code = "WARN_DEVICE_RECALLED"
	WarnUDIOtherCode   Code = "WARN_UDI_OF_ANOTHER_CODE"
	WarnExpired        Code = "WARN_EXPIRED_BEFORE_OPERATION"
	WarnSerialPlaced   Code = "WARN_SERIAL_ALREADY_PLACED"
	WarnLate           Code = "WARN_LATE_NOTIFICATION"
)

func init() {
	Register(Properties{Kind: RuleViolated}, PrescriptionAfter, DeliveryAfter, OperationInFuture,
		OperationBeforeBirth, OperationTooOld, ImplantUnidentified, CodeRequired, CodeUnknown,
		SpecialistUnknown, SpecialistUnqualified, PrescriberUnknown, PrescriberUnqualified,
		PharmacistUnknown, PharmacistUnqualified, PharmacistNotTitular, LotContradictsUDI,
		SerialContradictsUDI, ExpiryContradictsUDI, QuantityOutOfRange, ImplantNotOfPatient,
		ExplantExceedsRemaining, ExplantBeforeImplant, ImplantRemovedSince, ReasonRequired,
		VersionOutdated, OtherOperationType, EmergencyBlank)
	Register(Properties{Kind: Conflict}, AlreadyFinal, AlreadyWithdrawn, InputReferenceConflict)
	Register(Properties{Kind: NotFound}, CardNotFound)
	Register(Properties{Kind: Withheld, Public: CardNotFound}, CardWithheld)
	Register(Properties{}, WarnDeviceDeleted, WarnDeviceRecalled, WarnUDIOtherCode, WarnExpired,
		WarnSerialPlaced, WarnLate)
}
