package implants

import (
	"context"
	"time"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// Store is the storage of the register. It is declared here because the Registrar is its only consumer.
type Store interface {
	// RunReadTx runs f over one consistent view.
	RunReadTx(ctx context.Context, f func(Reader) error) error
	// RunWriteTx runs f in one transaction. When it returns nil, everything that f stored is durable; on an error,
	// nothing is stored. It may call f more than once, so f must reset its results each time. f must not call
	// RunReadTx or RunWriteTx.
	RunWriteTx(ctx context.Context, f func(Writer) error) error
	// CheckReady returns an error when the store cannot accept a write now.
	CheckReady(ctx context.Context) error
}

// Reader reads the authentic sources and the register. A missing entry is false or empty, never an error.
type Reader interface {
	Person(ident.SSIN) (Person, bool, error)
	// Practices returns all practice periods of a professional, found by SSIN or else by the first eight digits of the
	// NIHII number.
	Practices(ProfessionalRef) ([]Practice, error)
	// Organisation finds an organisation by NIHII or else by CBE number.
	Organisation(PharmacyRef) (Organisation, bool, error)
	// Affiliations returns a person's affiliations to an organisation or, when it is zero, to any.
	Affiliations(organisation ident.NIHII, person ident.SSIN) ([]Affiliation, error)
	DeviceByCode(ident.NotificationCode) (Device, bool, error)
	DeviceByDI(di string) (Device, bool, error)
	// SearchDevices returns a page of devices ordered by code, and the total count.
	SearchDevices(DeviceQuery) ([]Device, int, error)
	TherapeuticLinks(patient, professional ident.SSIN) ([]TherapeuticLink, error)
	// ListStaff returns a page of an organisation's affiliations, and the total count. The order is stable: only new
	// affiliations change it.
	ListStaff(organisation ident.NIHII, offset, limit int) ([]Affiliation, int, error)
	// MandatesByGrantee returns all mandates given to a person, MandatesByGrantor all mandates given by one.
	MandatesByGrantee(grantee ident.SSIN) ([]Mandate, error)
	MandatesByGrantor(grantor ident.SSIN) ([]Mandate, error)

	// Below, a notification counts when its current version, which is the newest, is final.

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
	// ImplantsByPatient returns a patient's implants in the order in which they were implanted. Remaining counts the
	// removals up to and including the day. Implants implanted later and unregistered ones are left out.
	ImplantsByPatient(patient ident.SSIN, day ident.Date) ([]Implant, error)
	// NotificationsByPatient returns a patient's notifications that count, of both types, ordered by surgery.
	NotificationsByPatient(patient ident.SSIN) ([]Notification, error)
	// IsSerialImplanted reports whether an implant with this serial number and the same code or device identifier is
	// in a patient now.
	IsSerialImplanted(serial string, code ident.NotificationCode, udiDI string) (bool, error)
	// SearchNotifications returns a page of the notifications that are or were final, and the total count. They are
	// ordered by when they first became final, which neither a revision nor a new notification changes.
	SearchNotifications(NotificationQuery) ([]NotificationSummary, int, error)
}

// Writer also stores. It only appends, except for mandates and affiliations, whose changes are all in the audit log.
type Writer interface {
	Reader
	// Lock makes concurrent transactions with one of these keys wait until this transaction ends.
	Lock(keys ...string) error
	// NextSequenceNumber returns the next notification sequence number of a day. It never returns the same number
	// twice.
	NextSequenceNumber(day ident.Date) (uint64, error)
	// AppendVersion appends a version of a notification with its implants, removals and warnings.
	AppendVersion(Notification) error
	// AppendEvidence appends the evidence of a stored version.
	AppendEvidence(Evidence) error
	// AddTherapeuticLink adds a care relation unless the same one exists.
	AddTherapeuticLink(TherapeuticLink) error
	// SaveMandate and SaveAffiliation add an entry, or replace the one with the same persons, the same service or
	// role, and the same first day. All nodes see it after the commit.
	SaveMandate(Mandate) error
	SaveAffiliation(Affiliation) error
	// RecordReplayKey records a message as used. It returns false when the message was used before.
	RecordReplayKey(ReplayKey) (bool, error)
	AppendEvent(AuditEvent) error
}

// NotificationQuery selects notifications. Zero fields do not restrict.
type NotificationQuery struct {
	Number  ident.NotificationNumber
	Patient ident.SSIN
	Code    ident.NotificationCode
	UDI     string // as stored
	UDIDI   string
	Lot     string
	Serial  string
	From    ident.Date
	To      ident.Date
	Type    SurgeryType

	// Specialist restricts to this specialist's own notifications.
	Specialist ident.SSIN
	// TreatedBy restricts to this professional's own notifications, and to the patients with whom they have a care
	// relation on the day TreatedOn.
	TreatedBy ident.SSIN
	TreatedOn ident.Date

	Offset, Limit int
}

// PendingQuery selects pending notifications of one of the specialists, last saved by the author, or of the
// organisation. The given conditions are combined with OR; without any, nothing matches.
type PendingQuery struct {
	State           State // Draft or ToValidate; both when empty
	Specialist      ident.SSIN
	MandateGrantors []ident.SSIN // specialists who gave the caller a mandate
	Author          ident.SSIN
	Organisation    ident.NIHII

	Offset, Limit int
}

// DeviceQuery selects devices. Zero fields do not restrict.
type DeviceQuery struct {
	// Text holds words, separated by spaces. Each must occur in the name, the reference, the manufacturer or the
	// distributor; upper and lower case are the same.
	Text     string
	Code     ident.NotificationCode
	DI       string
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

// ReplayKey identifies a signed message as long as its Timestamp would allow a replay.
type ReplayKey struct {
	Hash      [32]byte
	ExpiresAt time.Time
}

// Outcome is how a request ended.
type Outcome string

// The outcomes. To the caller, a withheld answer looks as if the item did not exist.
const (
	OutcomeAccepted Outcome = "accepted"
	OutcomeRefused  Outcome = "refused"
	OutcomeWithheld Outcome = "withheld"
)

// AuditEvent is an entry of the audit log: who, in which capacity, about whom, when, and why allowed or rejected.
type AuditEvent struct {
	OccurredAt      time.Time
	Correlation     string // the ID in the request log and in the fault
	Operation       string // the operation's name in the contract
	Outcome         Outcome
	Codes           []problem.Code // of the refusals
	Reason          string         // why it was allowed
	EmergencyReason string         // the reason given by a doctor without a care relation
	Signer          string
	Organisation    ident.NIHII
	Person          ident.SSIN
	Capacity        Capacity
	Patient         ident.SSIN // the person concerned; for mandates and roles, the other person
	Number          ident.NotificationNumber

	// otherPerson is a second person concerned: the patient before a revision, the grantee before a transfer. A second
	// event with the same facts is recorded about them.
	otherPerson ident.SSIN
}
