package platform

import (
	"errors"
	"strconv"
	"time"

	"github.com/openctr/ctr/internal/platform/ident"
)

// AuditQuery selects a part of the audit log. Zero fields do not restrict.
type AuditQuery struct {
	Patient         ident.SSIN // any SSIN that the patient has or had
	From, To        time.Time  // To is exclusive
	OnlyEmergencies bool       // only events for which a caller gave an emergency reason
	OnlyOwnSurgery  bool       // only accesses that rest on the reader's own surgery alone
	RevealPersons   bool       // include SSINs besides the pseudonyms
	AfterSeq        int64      // sequence number of the last entry of the previous page
	Limit           int
}

// AuditEntry is an audit event with its sequence number. PersonPseudonym and PatientPseudonym are the same number for
// the same person in the whole register, and 0 for no person. Without RevealPersons the event contains no SSIN, and a
// signer who is a person appears as SSIN=#pseudonym.
type AuditEntry struct {
	Seq              int64
	PersonPseudonym  int64
	PatientPseudonym int64
	Event            AuditEvent
}

// OwnSurgeryReview says about a read that only the reader's own surgery opened what may make it suspect. It is derived
// from the notifications that opened the patient's data at that moment, and from what became of them.
type OwnSurgeryReview struct {
	OpenSince        time.Time // when the first of them was registered as it was; zero if none is found
	IsWithdrawnLater bool      // one of them was withdrawn after the read
	IsMovedLater     bool      // one of them got another patient after the read
	PatientsThatDay  int       // whose data was opened to the reader in this way only, on the day of the read
}

// FormatPseudonym writes a pseudonym for an export. The result is empty when there is no person.
func FormatPseudonym(id int64) string {
	if id == 0 {
		return ""
	}
	return "#" + strconv.FormatInt(id, 10)
}

// ErrTooLarge means that a report has more lines than its reader takes.
var ErrTooLarge = errors.New("the report has more lines than are read at once: narrow the search")

// Recall is a recall that an operator follows until every responsible specialist is informed.
type Recall struct {
	ID        string
	StartedAt time.Time
	Person    ident.SSIN // who started it
	Name      string     // of that person, when it is read
	Criteria  string     // of the search, as its form encodes them
	Informed  int        // specialists who were informed and did not answer yet, when it is listed
	Answered  int
}

// NoticeState is how far a specialist is informed of a recall.
type NoticeState string

// The states, in their order.
const (
	NoticeOpen     NoticeState = "to-inform"
	NoticeInformed NoticeState = "informed"
	NoticeAnswered NoticeState = "answered"
)

// NoticeStates returns the states in their order.
func NoticeStates() []NoticeState { return []NoticeState{NoticeOpen, NoticeInformed, NoticeAnswered} }

// RecallNotice is the state of one specialist in a recall.
type RecallNotice struct {
	Specialist ident.NIHII
	State      NoticeState
	ChangedAt  time.Time
}

// AuditReview is the mark that an operator reviewed an event of the audit log.
type AuditReview struct {
	Seq        int64 // of the reviewed event
	ReviewedAt time.Time
	Name       string // of the operator
	Remark     string
}

// RightsFinding is a row that gives rights and is not as the program wrote it, or a finding about a table of them.
type RightsFinding struct {
	Table string
	Row   string // the columns that name the row, without a number of a person; empty for the table as a whole
	Text  string
}
