package platform

import (
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

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

// RelationReason begins the reason of a read that a therapeutic relation opens; the type of the relation follows.
const RelationReason = "therapeutic relation: "

// ReasonOwnSurgery is the reason of a read that only the caller's own surgery opens. Notifying it made the relation, so
// the operator reviews these reads.
const ReasonOwnSurgery = "own operation"

// ReasonOwnData is the reason of those who read their own data as a patient.
const ReasonOwnData = "patient's own data"

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
	// ConcernsColleague says that Patient is the other person of a mandate or a role, and no patient here.
	ConcernsColleague bool
	Number            ident.NotificationNumber
	Stored            StoredDigests // zero if the request stored no version

	// OtherPerson is a second person concerned: the patient before a revision, the grantee before a transfer. A second
	// event with the same facts is recorded about them.
	OtherPerson ident.SSIN
}

// StoredDigests commit an audit event to what its request stored.
type StoredDigests struct {
	Body    [32]byte // SHA-256 of the canonical signed Body
	Version [32]byte // SHA-256 of the stored version, its lines, warnings and evidence
}

// RecordedEvent is an event as stored.
type RecordedEvent struct {
	Seq int64
	AuditEvent
}

// AuditRecord is the audit event that records the outcome of a request, with the proof by the checkpoint that covers
// it.
type AuditRecord struct {
	Seq         int64
	OccurredAt  time.Time
	Correlation string
	Operation   string
	Outcome     Outcome
	Reason      string
	Proof       *auditlog.Proof // nil while the row is not sealed
}
