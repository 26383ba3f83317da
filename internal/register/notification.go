package register

import (
	"time"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
)

// OperationType tells what happened in the operating theatre.
type OperationType string

// The operation types.
const (
	TypeImplantation OperationType = "Implantation"
	TypeExplantation OperationType = "Explantation"
)

// State is where a notification stands in its life.
type State string

// The states of a notification.
const (
	Draft      State = "Draft"      // saved for later; counts for nothing
	ToValidate State = "ToValidate" // prepared, waits for its specialist
	Final      State = "Final"      // counts, and has a number
	Withdrawn  State = "Withdrawn"  // counted once, or a draft that was discarded; only the history still shows it
)

// Change is what made a version of a notification.
type Change string

// The changes.
const (
	Saved     Change = "Saved"     // as a draft, or a draft saved again
	Submitted Change = "Submitted" // to the specialist, for validation
	Notified  Change = "Notified"  // became final
	Revised   Change = "Revised"   // a final one, with other content
	Discarded Change = "Discarded" // a draft
	Recanted  Change = "Withdrawn" // a final one
)

// Side is the side of the body.
type Side string

// ProfessionalRef names a professional: by SSIN, by NIHII number, or, once resolved in the professional register, by both.
type ProfessionalRef struct {
	SSIN  ident.SSIN
	NIHII ident.NIHII
}

// IsZero reports whether nobody is named.
func (p ProfessionalRef) IsZero() bool { return p.SSIN.IsZero() && p.NIHII.IsZero() }

// PharmacyRef names a pharmacy by NIHII or by CBE number.
type PharmacyRef struct {
	NIHII ident.NIHII
	CBE   ident.CBE
}

// IsZero reports whether no pharmacy is named.
func (p PharmacyRef) IsZero() bool { return p.NIHII.IsZero() && p.CBE.IsZero() }

// Submission is what every notification carries beside its content.
type Submission struct {
	// Save says how far it goes: Draft, ToValidate or Final.
	Save State
	// InputReference is the caller's own key: sent again with the same content it gives the first receipt.
	InputReference string
	// Defects are the values of the message that are no valid identifiers. They stand as zero values in the content
	// and are refused together with every broken rule.
	Defects []*problem.Error
}

// Implantation is the content of a notification of one operation in which implants were placed.
type Implantation struct {
	Specialist       ProfessionalRef
	OperationDate    ident.Date
	Patient          ident.SSIN
	Prescriber       ProfessionalRef
	PrescriptionDate ident.Date
	Comment          string
	Implants         []NotifiedImplant
}

// NotifiedImplant is one line of an implantation: Quantity times the same implant at the same place.
type NotifiedImplant struct {
	Code         ident.NotificationCode
	UDI          string // as scanned or as printed
	Lot          string
	Serial       string
	Expiry       ident.Date
	Pharmacist   ProfessionalRef
	Pharmacy     PharmacyRef
	DeliveryDate ident.Date
	Quantity     int // 1 to 99
	Location     string
	Side         Side
}

// Explantation is the content of a notification of one operation in which implants were removed.
type Explantation struct {
	Specialist    ProfessionalRef
	OperationDate ident.Date
	Patient       ident.SSIN
	Comment       string
	Explants      []Explant
}

// Explant is one removal: of a registered implant, or of one placed abroad or before the register.
type Explant struct {
	ImplantID    string
	Unregistered *NotifiedImplant // set when ImplantID is empty
	Quantity     int              // zero: all that remains
	Reason       string
}

// Notification is one version of a notification as the register keeps it. Versions never change.
type Notification struct {
	Reference        string // names the notification from its first version on
	Version          int
	State            State
	Change           Change
	ChangeReason     string // why it was withdrawn
	Number           ident.NotificationNumber
	Type             OperationType
	Specialist       ProfessionalRef // resolved
	OperationDate    ident.Date
	Patient          ident.SSIN
	Prescriber       ProfessionalRef // resolved; none for an explantation
	PrescriptionDate ident.Date
	Comment          string
	Implants         []Implant // placed by it; for an explantation the unregistered ones it declares
	Removals         []Removal
	Warnings         []Warning

	RegisteredAt   time.Time
	Digest         [32]byte // SHA-256 of the canonical signed Body
	Signer         string   // the certificate's subject, TYPE=id[, APPLICATION]
	Organisation   ident.NIHII
	Author         ident.SSIN
	InputReference string
	ContentDigest  [32]byte // what InputReference stands for
}

// Implant is a line of implants in a patient, as registered.
type Implant struct {
	ID string
	NotifiedImplant
	UDIDI         string // the device identifier read from the UDI
	Unregistered  bool   // declared with its explantation, placed abroad or before the register
	Number        ident.NotificationNumber
	Patient       ident.SSIN
	OperationDate ident.Date
	Remaining     int
	InForce       bool    // it stands in the current version of its notification, which is final
	Device        *Device // as the device list has it; nil when the list does not know it
}

// Removal is one line of an explantation as kept.
type Removal struct {
	ImplantID string
	Quantity  int
	Reason    string
	Remaining int // after this removal

	// Reference and OperationDate are those of the explantation; set where removals are asked for by implant.
	Reference     string
	OperationDate ident.Date
}

// Revision is a line of a notification's history.
type Revision struct {
	Version      int
	At           time.Time
	Organisation ident.NIHII
	Author       ident.SSIN
	State        State
	Change       Change
	ChangeReason string
}

// Warning is something the caller should know, kept with the notification.
type Warning struct {
	Code   problem.Code
	At     string // path in the message
	Public string
}

// Summary is a line of a search result.
type Summary struct {
	Reference     string
	Version       int
	Number        ident.NotificationNumber
	Type          OperationType
	OperationDate ident.Date
	Patient       ident.SSIN
	Specialist    ProfessionalRef
	State         State
	Own           bool // the caller is its specialist
	ImplantCount  int  // lines of implants placed or removed
}

// Receipt is the answer to a notification.
type Receipt struct {
	Notification
	// Touched are the implants placed or, with what remains of them, removed.
	Touched []Implant
}
