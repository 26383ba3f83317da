package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

// The acts of an operator, as the audit trail calls them.
const (
	ActImport     = "AdminImport"
	ActKeys       = "AdminKeys"
	ActReveal     = "AdminReveal"
	ActAudit      = "AdminAudit" // reading the audit trail
	ActEvidence   = "AdminEvidence"
	ActRecall     = "AdminRecall"     // tracing what is recalled, or marking a device
	ActStatistics = "AdminStatistics" // with small numbers
)

// maxReason bounds what an operator says about an act.
const maxReason = 500

// Operator is who acts on the register without a signed message. His acts stand in the same audit trail as those of callers.
type Operator struct {
	Store register.Store
	Name  string // his account, or what he says it is
	Now   func() time.Time
	NewID func() string
}

// Act is one of them.
type Act struct {
	Operation string
	Detail    string // of what kind, in words of the program
	Reason    string // that the operator stated; sealed
	Patient   ident.SSIN
	Number    ident.NotificationNumber
}

// Record writes acts to the audit trail, all or none, under one correlation. What reads or hands out something does so
// first: what could not be recorded is not done.
func (o Operator) Record(ctx context.Context, acts ...Act) error {
	events, err := o.events(acts...)
	if err != nil {
		return err
	}
	err = o.Store.Write(ctx, func(w register.Writer) error {
		for i := range events {
			if recordErr := w.Record(events[i]); recordErr != nil {
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

// events are the acts as the audit trail keeps them.
func (o Operator) events(acts ...Act) ([]register.Event, error) {
	name := strings.TrimSpace(o.Name)
	if name == "" {
		return nil, errors.New("the audit trail must say who does this: give --by NAME")
	}
	at, correlation := o.Now(), o.NewID()
	events := make([]register.Event, len(acts))
	for i, a := range acts {
		events[i] = register.Event{At: at, Correlation: correlation, Operation: a.Operation, Outcome: register.Accepted, Reason: a.Detail,
			Emergency: a.Reason, Signer: "operator=" + name, Patient: a.Patient, Number: a.Number}
	}
	return events, nil
}

// CheckReason refuses the reason of an act when there is none, or when it is no text to keep.
func CheckReason(reason string) error {
	switch trimmed := strings.TrimSpace(reason); {
	case trimmed == "":
		return errors.New("state the reason: it is kept in the audit trail")
	case len(trimmed) > maxReason || !utf8.ValidString(trimmed):
		return fmt.Errorf("state the reason in at most %d characters", maxReason)
	}
	return nil
}
