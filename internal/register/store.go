package register

import (
	"context"
	"time"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
)

// Store keeps the register. It is the only interface of the domain, declared by its only consumer.
type Store interface {
	// Read runs f over one consistent view.
	Read(ctx context.Context, f func(Reader) error) error
	// Write runs f in one transaction. Once Write returns nil, all that f kept is durable; on an error nothing of it is.
	// f may be called more than once, so it must set its results afresh each time. It must not call Read or Write itself.
	Write(ctx context.Context, f func(Writer) error) error
	// Ready reports whether the store can take a write now.
	Ready(ctx context.Context) error
}

// Reader answers questions about the authentic sources and the register. A "not there" is false or empty, never an error.
type Reader interface {
	Person(ident.SSIN) (Person, bool, error)
	// Practices returns every period of practice of a professional, found by SSIN or else by the first eight digits of
	// the NIHII number.
	Practices(ProfessionalRef) ([]Practice, error)
	// Organisation finds by NIHII or else by CBE number.
	Organisation(PharmacyRef) (Organisation, bool, error)
	// Affiliations returns a person's affiliations to an organisation, or, when none is given, to any.
	Affiliations(organisation ident.NIHII, person ident.SSIN) ([]Affiliation, error)
	DeviceByCode(ident.NotificationCode) (Device, bool, error)
	DeviceByDI(di string) (Device, bool, error)
	// SearchDevice returns a page of devices in the order of their codes, and how many there are in all.
	SearchDevice(DeviceQuery) ([]Device, int, error)
	Links(patient, professional ident.SSIN) ([]TherapeuticLink, error)
	// Staff returns a page of the affiliations of an organisation, in an order that nothing changes but new ones, and how
	// many there are in all.
	Staff(organisation ident.NIHII, offset, limit int) ([]Affiliation, int, error)
	// MandatesTo returns every mandate that somebody was given, and MandatesFrom every one that somebody gave.
	MandatesTo(grantee ident.SSIN) ([]Mandate, error)
	MandatesFrom(grantor ident.SSIN) ([]Mandate, error)

	// Of a notification only the current version counts, which is the newest, and only when it is final.

	// Notification returns the current version of a notification that has been final, with implants, removals and
	// warnings.
	Notification(ident.NotificationNumber) (Notification, bool, error)
	// ByReference returns the current version, in whatever state.
	ByReference(reference string) (Notification, bool, error)
	// Versions returns a notification's history, oldest first.
	Versions(reference string) ([]Revision, error)
	// Pending returns a page of the notifications that wait to become final, in the order in which they were begun, and
	// how many there are in all.
	Pending(PendingQuery) ([]Summary, int, error)
	// Submission finds the notification that a signer sent under an InputReference, in the version that it became then.
	Submission(signer, inputReference string) (Notification, bool, error)
	// Implant returns a line as its newest version has it, with what remains of it now. It may have no force any more, or
	// not yet.
	Implant(id string) (Implant, bool, error)
	// RemovalsOf returns the removals of an implant that count, in the order of the operations.
	RemovalsOf(implantID string) ([]Removal, error)
	// Implants returns a patient's implants in the order in which they were placed. Remaining counts the removals up to
	// and including the day; implants placed later, and unregistered ones, are left out.
	Implants(patient ident.SSIN, day ident.Date) ([]Implant, error)
	// History returns a patient's notifications that count, of every type, in the order of the operations.
	History(patient ident.SSIN) ([]Notification, error)
	// SerialInPatient reports whether an implant with this serial number and the same code or device identifier is in a
	// patient now.
	SerialInPatient(serial string, code ident.NotificationCode, udiDI string) (bool, error)
	// Search returns a page of the notifications that are or were final, and how many there are in all. They come in the
	// order in which they first became final, which neither a revision nor a new notification changes.
	Search(Query) ([]Summary, int, error)
}

// Writer keeps things. Everything it keeps is appended, and nothing of it is ever changed, but for mandates and
// affiliations, of which the audit trail tells each change.
type Writer interface {
	Reader
	// Hold makes deciders about the same things wait for one another until the transaction ends.
	Hold(keys ...string) error
	// NextRunning gives the next running number of a day. It is never given twice.
	NextRunning(day ident.Date) (uint64, error)
	// Keep appends a notification with its implants, removals and warnings.
	Keep(Notification) error
	// Prove appends the evidence of a version that was kept.
	Prove(Evidence) error
	// Link appends a therapeutic relation unless the same one is there already.
	Link(TherapeuticLink) error
	// KeepMandate and KeepAffiliation add an entry, or put it in the place of the one with the same people, service or
	// role, and first day. Every node sees it from then on.
	KeepMandate(Mandate) error
	KeepAffiliation(Affiliation) error
	// Spend marks a message as used. It is false when the message was used before.
	Spend(ReplayMark) (bool, error)
	Record(Event) error
}

// Query says which notifications are asked for. Zero fields do not restrict.
type Query struct {
	Number  ident.NotificationNumber
	Patient ident.SSIN
	Code    ident.NotificationCode
	UDI     string // as kept
	UDIDI   string
	Lot     string
	Serial  string
	From    ident.Date
	To      ident.Date
	Type    OperationType

	// Specialist restricts to this specialist's own notifications.
	Specialist ident.SSIN
	// PatientsOf restricts to this professional's own notifications and to patients with whom he has a therapeutic
	// relation on the day On.
	PatientsOf ident.SSIN
	On         ident.Date

	Offset, Limit int
}

// PendingQuery says whose pending notifications are asked for: of one of the specialists, or last saved by the author, or for
// the organisation; whichever of them is given.
type PendingQuery struct {
	State        State // Draft or ToValidate; both when empty
	Specialist   ident.SSIN
	Specialists  []ident.SSIN // further ones, who gave a mandate
	Author       ident.SSIN
	Organisation ident.NIHII

	Offset, Limit int
}

// DeviceQuery says which devices are asked for. Zero fields do not restrict.
type DeviceQuery struct {
	// Text holds words, each of which stands in the name, the reference, the manufacturer or the distributor, in capitals
	// or not.
	Text     string
	Code     ident.NotificationCode
	DI       string
	Category string

	Offset, Limit int
}

// Evidence proves a version of a notification: the signed message that made it, as it came, and the certificate that signed
// it, in DER.
type Evidence struct {
	Reference   string
	Version     int
	Message     []byte
	Certificate []byte
	Accepted    time.Time
}

// ReplayMark identifies a signed message for as long as its Timestamp would let it in again.
type ReplayMark struct {
	Key   [32]byte
	Until time.Time
}

// Outcome is how a request ended.
type Outcome string

// The outcomes. A withheld answer looks to the caller as if nothing existed.
const (
	Accepted Outcome = "accepted"
	Refused  Outcome = "refused"
	Withheld Outcome = "withheld"
)

// Event is a record of the audit trail: who, in which capacity, about whom, when, and why allowed or refused.
type Event struct {
	At           time.Time
	Correlation  string // the id in the log and in the fault
	Operation    string // the operation's name in the contract
	Outcome      Outcome
	Codes        []problem.Code // of the refusals
	Reason       string         // why it was allowed
	Emergency    string         // the reason that a doctor without a relation stated
	Signer       string
	Organisation ident.NIHII
	Person       ident.SSIN
	Capacity     Capacity
	Patient      ident.SSIN // about whom; of mandates and roles, the other person
	Number       ident.NotificationNumber

	// former is somebody else whom it concerned: the patient before a revision, the holder before a transfer. A second
	// record says the same about him.
	former ident.SSIN
}
