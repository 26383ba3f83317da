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
	Links(patient, professional ident.SSIN) ([]TherapeuticLink, error)

	// Notification returns the current version, with implants, removals and warnings.
	Notification(ident.NotificationNumber) (Notification, bool, error)
	// Submission finds the notification that a signer sent under an InputReference.
	Submission(signer, inputReference string) (Notification, bool, error)
	Implant(id string) (Implant, bool, error)
	// Implants returns a patient's implants in the order in which they were placed. Remaining counts the removals up to
	// and including the day; implants placed later, and unregistered ones, are left out.
	Implants(patient ident.SSIN, day ident.Date) ([]Implant, error)
	// History returns a patient's notifications of every type in the order of the operations.
	History(patient ident.SSIN) ([]Notification, error)
	// SerialInPatient reports whether an implant with this serial number and the same code or device identifier is in a
	// patient now.
	SerialInPatient(serial string, code ident.NotificationCode, udiDI string) (bool, error)
	// Search returns a page of summaries in the order of registration, and how many there are in all.
	Search(Query) ([]Summary, int, error)
}

// Writer keeps things. Everything it keeps is appended; nothing of it is ever changed.
type Writer interface {
	Reader
	// Hold makes deciders about the same things wait for one another until the transaction ends.
	Hold(keys ...string) error
	// NextRunning gives the next running number of a day. It is never given twice.
	NextRunning(day ident.Date) (uint64, error)
	// Keep appends a notification with its implants, removals and warnings.
	Keep(Notification) error
	// Link appends a therapeutic relation unless the same one is there already.
	Link(TherapeuticLink) error
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
	Signer       string
	Organisation ident.NIHII
	Person       ident.SSIN
	Capacity     Capacity
	Patient      ident.SSIN
	Number       ident.NotificationNumber
}
