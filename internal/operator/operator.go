package operator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// The operator's actions, as named in the audit log.
const (
	ActionImport     = "AdminImport"
	ActionKeys       = "AdminKeys"
	ActionReveal     = "AdminReveal"
	ActionAudit      = "AdminAudit" // exporting the audit log
	ActionEvidence   = "AdminEvidence"
	ActionRecall     = "AdminRecall"     // tracing a recall, or marking a device recalled
	ActionStatistics = "AdminStatistics" // exporting exact small counts
	ActionReview     = "AdminReview"     // marking an event of the audit log as reviewed
)

// maxReasonLength bounds the reason that an operator gives, in bytes.
const maxReasonLength = 500

// Operator acts on the register without a signed message. The audit log of the callers also records their actions.
type Operator struct {
	Store implants.Store
	Name  string // the name of the account, and the one given on the command line; or the portal
	// Person is the operator who signed in to the portal; zero for a command.
	Person ident.SSIN
	Now    func() time.Time
	NewID  func() string
}

// Action is an operator's action as recorded in the audit log.
type Action struct {
	Operation string
	Detail    string // what was done, in the program's words
	Reason    string // what the operator stated; stored encrypted
	Patient   ident.SSIN
	Number    ident.NotificationNumber
}

// RecordActions writes the actions to the audit log in one transaction, with one correlation ID. A function that
// discloses data calls it first, so that nothing unrecorded is disclosed.
func (o Operator) RecordActions(ctx context.Context, acts ...Action) error {
	events, err := o.newEvents(acts...)
	if err != nil {
		return err
	}
	err = o.Store.RunWriteTx(ctx, func(w implants.Writer) error {
		for i := range events {
			if recordErr := w.AppendEvent(events[i]); recordErr != nil {
				return recordErr
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("the audit trail: %w", err)
	}
	return nil
}

// newEvents returns the audit events of the actions.
func (o Operator) newEvents(acts ...Action) ([]platform.AuditEvent, error) {
	name := strings.TrimSpace(o.Name)
	if name == "" {
		return nil, errors.New("the audit trail must say who does this: give --by NAME")
	}
	at, correlation := o.Now(), o.NewID()
	events := make([]platform.AuditEvent, len(acts))
	for i, a := range acts {
		events[i] = platform.AuditEvent{
			OccurredAt:      at,
			Correlation:     correlation,
			Operation:       a.Operation,
			Outcome:         platform.OutcomeAccepted,
			Reason:          a.Detail,
			EmergencyReason: a.Reason,
			Signer:          "operator=" + name,
			Person:          o.Person,
			Patient:         a.Patient,
			Number:          a.Number,
		}
	}
	return events, nil
}

// CheckReason rejects a reason that is empty, too long or not UTF-8.
func CheckReason(reason string) error {
	switch trimmed := strings.TrimSpace(reason); {
	case trimmed == "":
		return errors.New("state the reason: it is kept in the audit trail")
	case len(trimmed) > maxReasonLength || !utf8.ValidString(trimmed):
		return fmt.Errorf("state the reason in at most %d characters", maxReasonLength)
	}
	return nil
}
