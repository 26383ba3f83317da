package implants

import (
	"time"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// SurgeryType is the type of a notified surgery.
type SurgeryType string

// The surgery types.
const (
	TypeImplantation SurgeryType = "Implantation"
	TypeExplantation SurgeryType = "Explantation"
)

// State is the state of a notification.
type State string

// The states of a notification.
const (
	Draft      State = "Draft"      // saved for later; does not count
	ToValidate State = "ToValidate" // prepared; its specialist must validate it
	Final      State = "Final"      // counts, and has a number
	Withdrawn  State = "Withdrawn"  // a withdrawn final notification or a discarded draft; visible only in the history
)

// Change is what a version changed.
type Change string

// The changes.
const (
	ChangeSaved     Change = "Saved"     // a draft was saved, for the first time or again
	ChangeSubmitted Change = "Submitted" // sent to the specialist for validation
	ChangeNotified  Change = "Notified"  // became final
	ChangeRevised   Change = "Revised"   // a final notification got new content
	ChangeDiscarded Change = "Discarded" // a draft was discarded
	ChangeWithdrawn Change = "Withdrawn" // a final notification was withdrawn
)

// Side is the side of the body.
type Side string

// SubmissionOptions holds what every submission carries besides its content.
type SubmissionOptions struct {
	// Save is the state to save in: Draft, ToValidate or Final.
	Save State
	// InputReference is the caller's idempotency key: a retry with the same content returns the first receipt.
	InputReference string
	// Defects are the values of the message that are not valid identifiers. They are zero values in the content and
	// are reported together with all violations.
	Defects []*problem.Error
}

// Implantation is the content of a notification of one surgery in which devices were implanted.
type Implantation struct {
	Specialist       platform.ProfessionalRef
	SurgeryDate      ident.Date
	Patient          ident.SSIN
	Prescriber       platform.ProfessionalRef
	PrescriptionDate ident.Date
	Comment          string
	Implants         []NotifiedImplant
}

// NotifiedImplant is one line of an implantation: Quantity copies of the same device at the same location.
type NotifiedImplant struct {
	Code         ident.NotificationCode
	UDI          string // as scanned or as printed
	Lot          string
	Serial       string
	Expiry       ident.Date
	Pharmacist   platform.ProfessionalRef
	Pharmacy     platform.OrganisationRef
	DeliveryDate ident.Date
	Quantity     int // 1 to 99
	Location     string
	Side         Side
}

// Explantation is the content of a notification of one surgery in which implants were removed.
type Explantation struct {
	Specialist  platform.ProfessionalRef
	SurgeryDate ident.Date
	Patient     ident.SSIN
	Comment     string
	Explants    []Explant
}

// Explant is one removal: of a registered implant, or of one that was implanted abroad or before the register existed.
type Explant struct {
	ImplantID    string
	Unregistered *NotifiedImplant // set when ImplantID is empty
	Quantity     int              // zero: all that remain
	Reason       string
}

// Notification is one stored version of a notification. A version never changes.
type Notification struct {
	Reference        string // identifies the notification from its first version on
	Version          int
	State            State
	Change           Change
	ChangeReason     string // why it was withdrawn
	Number           ident.NotificationNumber
	Type             SurgeryType
	Specialist       platform.ProfessionalRef // resolved
	SurgeryDate      ident.Date
	Patient          ident.SSIN
	Prescriber       platform.ProfessionalRef // resolved; zero for an explantation
	PrescriptionDate ident.Date
	Comment          string
	Implants         []Implant // of an implantation: all lines; of an explantation: the unregistered implants it declares
	Removals         []Removal
	Warnings         []platform.Warning

	RegisteredAt   time.Time
	Digest         [32]byte // SHA-256 of the canonical signed Body
	Signer         string   // the certificate's subject, TYPE=id[, APPLICATION]
	Organisation   ident.NIHII
	Author         ident.SSIN
	InputReference string
	ContentDigest  [32]byte // of the content that InputReference identifies
}

// Implant is one registered line of implants in a patient.
type Implant struct {
	ID string
	NotifiedImplant
	UDIDI        string // the device identifier from the UDI
	Unregistered bool   // implanted abroad or before the register existed, and declared by its explantation
	Number       ident.NotificationNumber
	Patient      ident.SSIN
	SurgeryDate  ident.Date
	Remaining    int
	InForce      bool    // part of the current version of its notification, which is final
	Device       *Device // the device list's entry; nil when there is none
}

// Removal is one stored line of an explantation.
type Removal struct {
	ImplantID string
	Quantity  int
	Reason    string
	Remaining int // after this removal

	// Reference and SurgeryDate belong to the explantation. They are set only when removals are loaded by implant.
	Reference   string
	SurgeryDate ident.Date
}

// VersionSummary is one line of a notification's history.
type VersionSummary struct {
	Version      int
	RegisteredAt time.Time
	Organisation ident.NIHII
	Author       ident.SSIN
	State        State
	Change       Change
	ChangeReason string
}

// NotificationSummary is one line of a search result.
type NotificationSummary struct {
	Reference    string
	Version      int
	Number       ident.NotificationNumber
	Type         SurgeryType
	SurgeryDate  ident.Date
	Patient      ident.SSIN
	Specialist   platform.ProfessionalRef
	State        State
	Own          bool // the caller is its specialist
	ImplantCount int  // lines of implants implanted or removed
}

// Receipt is the result of a submission.
type Receipt struct {
	Notification
	// AffectedImplants are the implants that the notification implanted or removed; removed ones with their remaining
	// quantity.
	AffectedImplants []Implant
	// stored are the digests of the version that the submission stored, zero if it stored none.
	stored platform.StoredDigests
}
