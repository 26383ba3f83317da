package register

import (
	"context"
	"time"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
)

// Registrar is the register at work: every door calls it, and it alone authorises, decides and keeps.
type Registrar struct {
	store       Store
	now         func() time.Time
	newID       func() string
	civil       *time.Location
	requireLink bool
}

// Config is what a Registrar needs.
type Config struct {
	Store Store
	Now   func() time.Time
	// NewID makes references and implant ids: unique, and not to be guessed.
	NewID func() string
	// Location is where days begin: Europe/Brussels for the Belgian register.
	Location *time.Location
	// RequireLink asks for an existing therapeutic relation on the operation date also to notify.
	RequireLink bool
}

// New makes a Registrar.
func New(c Config) *Registrar {
	return &Registrar{store: c.Store, now: c.Now, newID: c.NewID, civil: c.Location, requireLink: c.RequireLink}
}

// Ready reports whether the register can take a notification now.
func (r *Registrar) Ready(ctx context.Context) error { return r.store.Ready(ctx) }

// day is the civil day of an instant.
func (r *Registrar) day(t time.Time) ident.Date { return ident.DateOf(t.In(r.civil)) }

// Refuse records a message that was refused before anybody could act on it. It returns the refusal that the caller must
// see: the one given, or, when the message was used before, that. A failure of ours is no refusal and is not recorded.
func (r *Registrar) Refuse(ctx context.Context, m Message, refusal error) error {
	if asRefusal(refusal) == nil {
		return refusal
	}
	return r.conclude(ctx, Caller{message: m}, Event{}, refusal)
}

// conclude spends the message and records how it ended, in one transaction. It is the end of every request that keeps
// nothing else.
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

// spend marks the caller's message as used, and refuses one that was used before. Who has proved nothing has no mark to
// spend.
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

// asRefusal returns an error that is a decision about the request, and nil for a failure of the store or of ours.
func asRefusal(err error) error {
	switch refusal := problem.From(err); refusal.Kind {
	case problem.Internal, problem.Unavailable:
		return nil
	default:
		return refusal
	}
}

// record keeps what happened: once about each person whom it concerned.
func record(w Writer, e Event) error {
	if err := w.Record(e); err != nil || e.former.IsZero() || e.former == e.Patient {
		return err
	}
	e.Patient = e.former
	return w.Record(e)
}

// event completes an audit record with what is known of the caller and of the refusal.
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
		for _, leaf := range problem.From(refusal).Leaves() {
			e.Codes = append(e.Codes, leaf.Code)
		}
	}
	return e
}
