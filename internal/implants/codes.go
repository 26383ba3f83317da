package implants

import "github.com/openctr/ctr/internal/problem"

// The codes of the register of implants.
const (
	// Broken rules.
	PrescriptionAfter       problem.Code = "PRESCRIPTION_AFTER_OPERATION"
	DeliveryAfter           problem.Code = "DELIVERY_AFTER_OPERATION"
	OperationInFuture       problem.Code = "OPERATION_IN_FUTURE"
	OperationBeforeBirth    problem.Code = "OPERATION_BEFORE_BIRTH"
	OperationTooOld         problem.Code = "OPERATION_BEFORE_1950"
	ImplantUnidentified     problem.Code = "IMPLANT_NOT_IDENTIFIED"
	CodeRequired            problem.Code = "IMPLANT_CODE_REQUIRED"
	CodeUnknown             problem.Code = "IMPLANT_CODE_UNKNOWN"
	SpecialistUnknown       problem.Code = "SPECIALIST_UNKNOWN"
	SpecialistUnqualified   problem.Code = "SPECIALIST_NOT_QUALIFIED"
	PrescriberUnknown       problem.Code = "PRESCRIBER_UNKNOWN"
	PrescriberUnqualified   problem.Code = "PRESCRIBER_NOT_QUALIFIED"
	PharmacistUnknown       problem.Code = "PHARMACIST_UNKNOWN"
	PharmacistUnqualified   problem.Code = "PHARMACIST_NOT_QUALIFIED"
	PharmacistNotTitular    problem.Code = "PHARMACIST_NOT_TITULAR"
	LotContradictsUDI       problem.Code = "LOT_CONTRADICTS_UDI"
	SerialContradictsUDI    problem.Code = "SERIAL_CONTRADICTS_UDI"
	ExpiryContradictsUDI    problem.Code = "EXPIRY_CONTRADICTS_UDI"
	QuantityOutOfRange      problem.Code = "QUANTITY_OUT_OF_RANGE"
	ImplantNotOfPatient     problem.Code = "IMPLANT_NOT_OF_PATIENT"
	ExplantExceedsRemaining problem.Code = "EXPLANT_EXCEEDS_REMAINING"
	ExplantBeforeImplant    problem.Code = "EXPLANT_BEFORE_IMPLANT"

	// Versions of a notification.
	ImplantRemovedSince    problem.Code = "IMPLANT_REMOVED_SINCE"
	ReasonRequired         problem.Code = "REASON_REQUIRED"
	VersionOutdated        problem.Code = "VERSION_OUTDATED"
	OtherOperationType     problem.Code = "OTHER_OPERATION_TYPE"
	AlreadyFinal           problem.Code = "NOTIFICATION_ALREADY_FINAL"
	AlreadyWithdrawn       problem.Code = "NOTIFICATION_WITHDRAWN"
	InputReferenceConflict problem.Code = "INPUT_REFERENCE_CONFLICT"

	// Reading.
	CardNotFound problem.Code = "CARD_NOT_FOUND"
	CardWithheld problem.Code = "CARD_WITHHELD"

	// Warnings: the notification is accepted, and the warning is stored with it. A UDI that cannot be parsed causes a
	// warning with a code of package udi.
	WarnDeviceDeleted  problem.Code = "WARN_DEVICE_DELETED"
	WarnDeviceRecalled problem.Code = "WARN_DEVICE_RECALLED"
	WarnUDIOtherCode   problem.Code = "WARN_UDI_OF_ANOTHER_CODE"
	WarnExpired        problem.Code = "WARN_EXPIRED_BEFORE_OPERATION"
	WarnSerialPlaced   problem.Code = "WARN_SERIAL_ALREADY_PLACED"
	WarnLate           problem.Code = "WARN_LATE_NOTIFICATION"
)

func init() {
	problem.Register(problem.Properties{Kind: problem.RuleViolated}, PrescriptionAfter, DeliveryAfter, OperationInFuture,
		OperationBeforeBirth, OperationTooOld, ImplantUnidentified, CodeRequired, CodeUnknown,
		SpecialistUnknown, SpecialistUnqualified, PrescriberUnknown, PrescriberUnqualified,
		PharmacistUnknown, PharmacistUnqualified, PharmacistNotTitular, LotContradictsUDI,
		SerialContradictsUDI, ExpiryContradictsUDI, QuantityOutOfRange, ImplantNotOfPatient,
		ExplantExceedsRemaining, ExplantBeforeImplant, ImplantRemovedSince, ReasonRequired,
		VersionOutdated, OtherOperationType)
	problem.Register(problem.Properties{Kind: problem.Conflict}, AlreadyFinal, AlreadyWithdrawn, InputReferenceConflict)
	problem.Register(problem.Properties{Kind: problem.NotFound}, CardNotFound)
	problem.Register(problem.Properties{Kind: problem.Withheld, Public: CardNotFound}, CardWithheld)
	problem.Register(problem.Properties{}, WarnDeviceDeleted, WarnDeviceRecalled, WarnUDIOtherCode, WarnExpired,
		WarnSerialPlaced, WarnLate)
}
