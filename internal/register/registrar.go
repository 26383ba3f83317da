package register

import (
	"context"
	"time"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
)

// Registrar implements the operations of the register. Every entry point calls it; it authorises each request, applies
// the rules, stores the result and records the audit event.
type Registrar struct {
	store       Store
	now         func() time.Time
	newID       func() string
	civil       *time.Location
	requireLink bool
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
	RequireLink bool
}

// New creates a Registrar.
func New(c Config) *Registrar {
	return &Registrar{store: c.Store, now: c.Now, newID: c.NewID, civil: c.Location, requireLink: c.RequireLink}
}

// CheckReady returns an error when the register cannot accept a notification now.
func (r *Registrar) Ready(ctx context.Context) error { return r.store.Ready(ctx) }

// dateOf returns the local date of a time.
func (r *Registrar) day(t time.Time) ident.Date { return ident.DateOf(t.In(r.civil)) }

// RecordRefusal records a message that was rejected before any operation ran. It returns the refusal that the caller
// must see: the given one, or MESSAGE_REPLAYED when the message was used before. An internal failure is not a refusal;
// it is returned unchanged and not recorded.
func (r *Registrar) Refuse(ctx context.Context, m Message, refusal error) error {
	if asRefusal(refusal) == nil {
		return refusal
	}
	return r.conclude(ctx, Caller{message: m}, Event{}, refusal)
}

// recordOutcome consumes the replay key and records how the request ended, in one transaction. Every request that
// stores nothing else ends here.
func (r *Registrar) conclude(ctx context.Context, c Caller, e Event, outcome error) error {
	var refusal error
	err := r.store.Write(ctx, func(w Writer) error {
		refusal = outcome
		if err := spend(w, c); err != nil {
			if refusal = asRefusal(err); refusal == nil {
				return err
			}
		}
		return record(w, r.event(c, e, refusal))
	})
	if err != nil {
		return err
	}
	return refusal
}

// consumeReplayKey records the caller's message as used and rejects one that was used before. An unverified message
// has no replay key.
func spend(w Writer, c Caller) error {
	if c.message.Mark == (ReplayMark{}) {
		return nil
	}
	fresh, err := w.Spend(c.message.Mark)
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
func record(w Writer, e Event) error {
	if err := w.Record(e); err != nil || e.former.IsZero() || e.former == e.Patient {
		return err
	}
	e.Patient = e.former
	return w.Record(e)
}

// completeEvent fills in the caller, the time and the refusal's codes.
func (r *Registrar) event(c Caller, e Event, refusal error) Event {
	e.At = r.now()
	e.Correlation = c.message.Correlation
	e.Operation = c.message.Operation
	if c.message.Signer != (Signer{}) {
		e.Signer = c.message.Signer.String()
	}
	e.Organisation = c.organisation
	e.Person = c.person
	if !c.person.IsZero() && e.Capacity == "" {
		e.Capacity = c.capacityOn(r.day(e.At))
	}
	if refusal != nil {
		if problem.From(refusal).Kind != problem.Withheld {
			e.Outcome = Refused
		}
		for _, leaf := range problem.From(refusal).All() {
			e.Codes = append(e.Codes, leaf.Code)
		}
	}
	return e
}
