package platform

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// Runner runs the requests to one register, whose store reads with R and writes with W. Every request ends in exactly
// one transaction that consumes the message's replay key and records how the request ended.
type Runner[R Reader, W Writer] struct {
	Store Store[R, W]
	Now   func() time.Time
	// Location is the time zone in which a day begins.
	Location *time.Location
}

// DateOf returns the local date of a time.
func (r Runner[R, W]) DateOf(t time.Time) ident.Date { return ident.DateOf(t.In(r.Location)) }

// Today returns the local date.
func (r Runner[R, W]) Today() ident.Date { return r.DateOf(r.Now()) }

// InTransaction consumes the replay key, calls act, and records the outcome, in one transaction. A refusal also
// commits: so act must reject the request before it stores anything.
func InTransaction[R Reader, W Writer, T any](ctx context.Context, r Runner[R, W], c Caller, initial AuditEvent,
	act func(W, *AuditEvent) (T, error),
) (T, error) {
	var zero, result T
	var refusal error
	err := r.Store.RunWriteTx(ctx, func(w W) error {
		result, refusal = zero, nil
		event := initial
		err := consumeReplayKey(w, c)
		if err == nil {
			result, err = act(w, &event)
		}
		if err != nil {
			result = zero
			if refusal = AsRefusal(err); refusal == nil {
				return err
			}
		}
		return appendEvent(w, r.completeEvent(c, event, refusal))
	})
	if err != nil {
		return zero, err
	}
	return result, refusal
}

// ReadAndRecord runs a read over one consistent view and records it. It returns the result only after the audit event
// is durable. A request with defects is rejected before anything is read.
func ReadAndRecord[R Reader, W Writer, T any](ctx context.Context, r Runner[R, W], c Caller,
	defects []*problem.Error, e *AuditEvent,
	read func(R) (T, error),
) (T, error) {
	var zero, result T
	err := problem.List(RulesViolated, defects)
	if err == nil {
		var failed error
		err = r.Store.RunReadTx(ctx, func(s R) error {
			result, failed = read(s)
			return failed
		})
	}
	if err != nil && AsRefusal(err) == nil {
		return zero, err
	}
	if err = r.RecordOutcome(ctx, c, *e, err); err != nil {
		return zero, err
	}
	return result, nil
}

// RecordOutcome consumes the replay key and records how the request ended, in one transaction. Every request that
// stores nothing else ends here.
func (r Runner[R, W]) RecordOutcome(ctx context.Context, c Caller, e AuditEvent, outcome error) error {
	var refusal error
	err := r.Store.RunWriteTx(ctx, func(w W) error {
		refusal = outcome
		if err := consumeReplayKey(w, c); err != nil {
			if refusal = AsRefusal(err); refusal == nil {
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

// RecordRefusal records a message that was rejected before any operation ran. It returns the refusal that the caller
// must see: the given one, or MESSAGE_REPLAYED when the message was used before. An internal failure is not a refusal;
// it is returned unchanged and not recorded.
func (r Runner[R, W]) RecordRefusal(ctx context.Context, m SignedMessage, refusal error) error {
	if AsRefusal(refusal) == nil {
		return refusal
	}
	return r.RecordOutcome(ctx, Caller{message: m}, AuditEvent{}, refusal)
}

// UnverifiedRefusals is the operation of an event that counts messages which were refused before they verified. Nobody
// proved anything, so they have no events of their own.
const UnverifiedRefusals = "UnverifiedRefusals"

// RecordRefusalCounts records, in one event, how many messages were refused before they verified. The reason has the
// counts in the order of the codes.
func (r Runner[R, W]) RecordRefusalCounts(ctx context.Context, correlation string, counts map[problem.Code]int) error {
	codes := slices.Sorted(maps.Keys(counts))
	texts := make([]string, len(codes))
	for i, code := range codes {
		texts[i] = strconv.Itoa(counts[code])
	}
	return r.Store.RunWriteTx(ctx, func(w W) error {
		return w.AppendEvent(AuditEvent{
			OccurredAt: r.Now(), Correlation: correlation, Operation: UnverifiedRefusals, Outcome: OutcomeRefused,
			Codes: codes, Reason: "counts: " + strings.Join(texts, " "),
		})
	})
}

// completeEvent fills in the caller, the time and the refusal's codes.
func (r Runner[R, W]) completeEvent(c Caller, e AuditEvent, refusal error) AuditEvent {
	e.OccurredAt = r.Now()
	e.Correlation = c.message.Correlation
	e.Operation = c.message.Operation
	if c.message.Signer != (Signer{}) {
		e.Signer = c.message.Signer.String()
	}
	e.Organisation = c.organisation
	e.Person = c.person
	switch {
	case e.Reason == ReasonOwnData: // also a doctor who reads their own data does so as a patient
		e.Capacity = CapacityPatient
	case !c.person.IsZero() && e.Capacity == "":
		e.Capacity = c.CapacityOn(r.DateOf(e.OccurredAt))
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

// consumeReplayKey records the caller's message as used and rejects one that was used before. An unverified message
// has no replay key.
func consumeReplayKey(w Writer, c Caller) error {
	if c.message.ReplayKey == (ReplayKey{}) {
		return nil
	}
	fresh, err := w.RecordReplayKey(c.message.ReplayKey)
	if err == nil && !fresh {
		err = problem.New(MessageReplayed)
	}
	return err
}

// AsRefusal returns err when it is a decision about the request, and nil when it is a failure of the store or an
// internal one.
func AsRefusal(err error) error {
	switch refusal := problem.From(err); refusal.Kind {
	case problem.Internal, problem.Unavailable:
		return nil
	default:
		return refusal
	}
}

// appendEvent appends an audit event, once for each person concerned.
func appendEvent(w Writer, e AuditEvent) error {
	if err := w.AppendEvent(e); err != nil || e.OtherPerson.IsZero() || e.OtherPerson == e.Patient {
		return err
	}
	e.Patient = e.OtherPerson
	return w.AppendEvent(e)
}
