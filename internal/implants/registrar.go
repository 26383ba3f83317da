package implants

import (
	"context"
	"time"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// Registrar implements the operations of the register. Every entry point calls it; it authorises each request, applies
// the rules, stores the result and records the audit event.
type Registrar struct {
	store               Store
	now                 func() time.Time
	newID               func() string
	location            *time.Location
	requireCareRelation bool
}

// Config holds the dependencies and settings of a Registrar.
type Config struct {
	Store Store
	Now   func() time.Time
	// NewID makes references and implant IDs. They must be unique and unpredictable.
	NewID func() string
	// Location is the time zone in which a day begins: Europe/Brussels for the Belgian register.
	Location *time.Location
	// RequireCareRelation also requires an existing care relation on the surgery date to submit a final notification.
	RequireCareRelation bool
}

// New creates a Registrar.
func New(c Config) *Registrar {
	return &Registrar{store: c.Store, now: c.Now, newID: c.NewID, location: c.Location, requireCareRelation: c.RequireCareRelation}
}

// CheckReady returns an error when the register cannot accept a notification now.
func (r *Registrar) CheckReady(ctx context.Context) error { return r.store.CheckReady(ctx) }

// dateOf returns the local date of a time.
func (r *Registrar) dateOf(t time.Time) ident.Date { return ident.DateOf(t.In(r.location)) }

// RecordRefusal records a message that was rejected before any operation ran. It returns the refusal that the caller
// must see: the given one, or MESSAGE_REPLAYED when the message was used before. An internal failure is not a refusal;
// it is returned unchanged and not recorded.
func (r *Registrar) RecordRefusal(ctx context.Context, m SignedMessage, refusal error) error {
	if asRefusal(refusal) == nil {
		return refusal
	}
	return r.recordOutcome(ctx, Caller{message: m}, AuditEvent{}, refusal)
}

// recordOutcome consumes the replay key and records how the request ended, in one transaction. Every request that
// stores nothing else ends here.
func (r *Registrar) recordOutcome(ctx context.Context, c Caller, e AuditEvent, outcome error) error {
	var refusal error
	err := r.store.RunWriteTx(ctx, func(w Writer) error {
		refusal = outcome
		if err := consumeReplayKey(w, c); err != nil {
			if refusal = asRefusal(err); refusal == nil {
				return err
			}
		}
		return appendEvent(w, r.completeEvent(c, e, refusal))
	})
	if err != nil {
		return err
	}
	return refusal
}

// consumeReplayKey records the caller's message as used and rejects one that was used before. An unverified message
// has no replay key.
func consumeReplayKey(w Writer, c Caller) error {
	if c.message.ReplayKey == (ReplayKey{}) {
		return nil
	}
	fresh, err := w.RecordReplayKey(c.message.ReplayKey)
	if err == nil && !fresh {
		err = problem.New(problem.MessageReplayed)
	}
	return err
}

// asRefusal returns err when it is a decision about the request, and nil when it is a failure of the store or an
// internal one.
func asRefusal(err error) error {
	switch refusal := problem.From(err); refusal.Kind {
	case problem.Internal, problem.Unavailable:
		return nil
	default:
		return refusal
	}
}

// appendEvent appends an audit event, once for each person concerned.
func appendEvent(w Writer, e AuditEvent) error {
	if err := w.AppendEvent(e); err != nil || e.otherPerson.IsZero() || e.otherPerson == e.Patient {
		return err
	}
	e.Patient = e.otherPerson
	return w.AppendEvent(e)
}

// completeEvent fills in the caller, the time and the refusal's codes.
func (r *Registrar) completeEvent(c Caller, e AuditEvent, refusal error) AuditEvent {
	e.OccurredAt = r.now()
	e.Correlation = c.message.Correlation
	e.Operation = c.message.Operation
	if c.message.Signer != (Signer{}) {
		e.Signer = c.message.Signer.String()
	}
	e.Organisation = c.organisation
	e.Person = c.person
	if !c.person.IsZero() && e.Capacity == "" {
		e.Capacity = c.capacityOn(r.dateOf(e.OccurredAt))
	}
	if refusal != nil {
		if problem.From(refusal).Kind != problem.Withheld {
			e.Outcome = OutcomeRefused
		}
		for _, leaf := range problem.From(refusal).All() {
			e.Codes = append(e.Codes, leaf.Code)
		}
	}
	return e
}
