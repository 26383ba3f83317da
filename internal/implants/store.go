package implants

import (
	"time"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// Store is the storage of the register.
type Store = platform.Store[Reader, Writer]

// Reader reads the register, the device list and the authentic sources. A missing entry is false or empty, never an
// error. A notification counts when its current version, which is the newest, is final.
type Reader interface {
	platform.Reader

	DeviceByCode(ident.NotificationCode) (Device, bool, error)
	DeviceByDI(di string) (Device, bool, error)
	// SearchDevices returns a page of devices ordered by code, and the total count.
	SearchDevices(DeviceQuery) ([]Device, int, error)
	// CareOf returns what opens a patient's data to a professional on a day.
	CareOf(patient, professional ident.SSIN, day ident.Date) (platform.Care, error)
	// NotificationFacts returns what decides whether a reader, who acts inside the organisation unless it is zero, may
	// see the current version of a notification on a day. The cost does not tell whether there is one.
	NotificationFacts(
		ref NotificationRef, reader ident.SSIN, organisation ident.NIHII, day ident.Date,
	) (NotificationFacts, bool, error)
	// NotificationByNumber returns the current version of a notification that has been final, with implants, removals
	// and warnings.
	NotificationByNumber(ident.NotificationNumber) (Notification, bool, error)
	// NotificationByReference returns the current version, in any state.
	NotificationByReference(reference string) (Notification, bool, error)
	// Versions returns a notification's history, oldest first.
	Versions(reference string) ([]VersionSummary, error)
	// ListPending returns a page of the pending notifications, in the order in which they were begun, and the total
	// count.
	ListPending(PendingQuery) ([]NotificationSummary, int, error)
	// NotificationByInputReference finds the notification that a signer submitted under an InputReference, in the
	// version that this submission created.
	NotificationByInputReference(signer, inputReference string) (Notification, bool, error)
	// Implant returns the newest version of a line, with its remaining quantity now. Its notification need not count.
	Implant(id string) (Implant, bool, error)
	// RemovalsByImplant returns the removals of an implant that count, ordered by surgery.
	RemovalsByImplant(implantID string) ([]Removal, error)
	// ImplantsByPatient returns a patient's implants in the order in which they were implanted; those that one
	// specialist implanted, unless specialist is zero. Remaining counts the removals up to and including the day.
	// Implants implanted later and unregistered ones are left out.
	ImplantsByPatient(patient, specialist ident.SSIN, day ident.Date) ([]Implant, error)
	// NotificationsByPatient returns a patient's notifications that count, of both types, ordered by surgery; those of
	// one specialist, unless specialist is zero.
	NotificationsByPatient(patient, specialist ident.SSIN) ([]Notification, error)
	// IsSerialImplanted reports whether an implant with this serial number and the same code or device identifier is
	// in a patient now.
	IsSerialImplanted(serial string, code ident.NotificationCode, udiDI string) (bool, error)
	// SearchNotifications returns a page of the notifications that are or were final, and the total count. They are
	// ordered by when they first became final, which neither a revision nor a new notification changes.
	SearchNotifications(NotificationQuery) ([]NotificationSummary, int, error)
}

// Writer also stores. It only appends.
type Writer interface {
	platform.Writer
	Reader

	// NextSequenceNumber returns the next notification sequence number of a day. It never returns the same number
	// twice.
	NextSequenceNumber(day ident.Date) (uint64, error)
	// AppendVersion appends a version of a notification with its implants, removals and warnings.
	AppendVersion(Notification) error
	// AppendEvidence appends the evidence of a stored version.
	AppendEvidence(Evidence) error
	// StoredDigest returns the VersionDigest of the version that this transaction appended, with this evidence, which is
	// empty when there is none.
	StoredDigest(Evidence) ([32]byte, error)
}

// NotificationFacts are the facts that decide who may see a notification, without its content.
type NotificationFacts struct {
	Reference   string
	Number      ident.NotificationNumber // zero when it has never been final
	Specialist  ident.SSIN
	Patient     ident.SSIN
	SurgeryDate ident.Date
	// Care is that of the reader for the patient.
	Care platform.Care
	// SpecialistRoles are the specialist's affiliations to the reader's organisation.
	SpecialistRoles []platform.Affiliation
}

// NotificationQuery selects notifications. Zero fields do not restrict.
type NotificationQuery struct {
	Number  ident.NotificationNumber
	Patient ident.SSIN
	Code    ident.NotificationCode
	UDI     string   // as stored
	UDIDIs  []string // readings of one device identifier
	Lot     string
	Serial  string
	From    ident.Date
	To      ident.Date
	Type    SurgeryType

	// Specialist restricts to this specialist's own notifications.
	Specialist ident.SSIN
	// TreatedBy restricts to this professional's own notifications, and to the patients with whom they have a care
	// relation of the authentic source on the day TreatedOn.
	TreatedBy ident.SSIN
	TreatedOn ident.Date

	Offset, Limit int
}

// PendingQuery selects pending notifications: those of the specialists, and those whose specialist was a professional
// of the organisation on the day of surgery. Without either, nothing matches.
type PendingQuery struct {
	State        State // Draft or ToValidate; both when empty
	Specialists  []ident.SSIN
	Organisation ident.NIHII
	// OnlyBy restricts the organisation's notifications to those of this specialist.
	OnlyBy ident.SSIN

	Offset, Limit int
}

// DeviceQuery selects devices. Zero fields do not restrict.
type DeviceQuery struct {
	// Text holds words, separated by spaces. Each must occur in the name, the reference, the manufacturer or the
	// distributor; upper and lower case are the same.
	Text     string
	Code     ident.NotificationCode
	DIs      []string // readings of one device identifier
	Category string

	Offset, Limit int
}

// Evidence proves a version of a notification: the signed message that made it, as received, and the signing
// certificate, in DER.
type Evidence struct {
	Reference   string
	Version     int
	Message     []byte
	Certificate []byte
	AcceptedAt  time.Time
}
