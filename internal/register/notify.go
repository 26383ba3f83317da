package register

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
)

// submission is one attempt to store a version of a notification.
type operation struct {
	caller     Caller
	submission Submission
	content    content
	previous   *Notification   // the version to replace; nil for a new notification
	version    int             // the version that the caller has read
	digest     [32]byte        // of the submitted content; compared when InputReference is repeated
	specialist ProfessionalRef // resolved
	prescriber ProfessionalRef // resolved
	facts      operationFacts
	standing   standing
	linked     bool // a care relation exists on the surgery date; loaded only where it is required
}

// contentPlan is the content of a notification while it is checked and completed: an implantationPlan or an
// explantationPlan.
type content interface {
	head() heading
	digest(save State) [32]byte
	// loadFacts loads the device list's and the authentic sources' data about each line.
	lookUp(s Reader) error
	// checkRules applies the rules that need only these facts.
	check(results *findings, facts operationFacts)
	// decideLines applies the rules that need the transaction, and completes the lines to store.
	decide(w Writer, r *Registrar, sub *operation, results *findings, next *Notification) error
	// lockKeys names what concurrent submissions must not decide at the same time.
	holds() []string
}

// commonFields are the fields that implantations and explantations share.
type heading struct {
	kind       OperationType
	specialist ProfessionalRef
	day        ident.Date
	patient    ident.SSIN
	prescriber ProfessionalRef
	prescribed ident.Date
	comment    string
}

// NotifyImplant stores an implantation in the state that the options select. The result is durable when NotifyImplant
// returns without error.
//
// Refusals: Forbidden (authorisation), RuleViolated (all violations, each with its path), Conflict (InputReference
// with different content), Unauthenticated (replayed message). All of them are recorded in the audit log. The
// violations of a draft become warnings.
func (r *Registrar) NotifyImplant(ctx context.Context, c Caller, s Submission, n Implantation) (Receipt, error) {
	return r.submit(ctx, &operation{caller: c, submission: s, content: newPlacing(n)})
}

// NotifyExplant stores an explantation, in the same way as NotifyImplant stores an implantation.
func (r *Registrar) NotifyExplant(ctx context.Context, c Caller, s Submission, n Explantation) (Receipt, error) {
	return r.submit(ctx, &operation{caller: c, submission: s, content: newRemoving(n)})
}

// submitNotification loads the facts, checks the rules that need no transaction, and submits the version.
func (r *Registrar) submit(ctx context.Context, sub *operation) (Receipt, error) {
	sub.submission.Save = cmp.Or(sub.submission.Save, Final)
	sub.digest = sub.content.digest(sub.submission.Save) // before the content is completed from the authentic sources
	err := r.store.Read(ctx, func(s Reader) error {
		if err := r.lookUp(s, sub); err != nil {
			return err
		}
		return sub.content.lookUp(s)
	})
	if err != nil {
		return Receipt{}, err
	}
	results := findings{defects: slices.Clone(sub.submission.Defects)}
	sub.content.check(&results, sub.facts)
	return r.keep(ctx, sub, results)
}

// loadSurgeryFacts loads the authentic sources' data about a surgery.
func (r *Registrar) lookUp(s Reader, sub *operation) error {
	fields := sub.content.head()
	sub.specialist, sub.prescriber = fields.specialist, fields.prescriber
	sub.facts.today = r.day(r.now())
	var err error
	if sub.facts.patient, _, err = s.Person(fields.patient); err != nil {
		return err
	}
	if sub.facts.specialist, err = s.Practices(sub.specialist); err != nil {
		return err
	}
	sub.specialist = withPractice(sub.specialist, sub.facts.specialist, fields.day)
	if !sub.prescriber.IsZero() {
		if sub.facts.prescriber, err = s.Practices(sub.prescriber); err != nil {
			return err
		}
		sub.prescriber = withPractice(sub.prescriber, sub.facts.prescriber, fields.prescribed)
	}
	if sub.submission.Save != Final && sub.specialist.SSIN != sub.caller.person {
		sub.standing, err = standingTo(s, sub.caller, sub.specialist.SSIN, fields.day, sub.facts.today)
		return err
	}
	if !r.requireLink {
		return nil
	}
	links, err := s.Links(fields.patient, sub.specialist.SSIN)
	if err != nil {
		return err
	}
	sub.linked = slices.ContainsFunc(links, func(l TherapeuticLink) bool { return l.Contains(fields.day) })
	return nil
}

// loadDelegation finds out on which grounds a caller may prepare notifications for a specialist.
func standingTo(s Reader, c Caller, specialist ident.SSIN, day, today ident.Date) (standing, error) {
	var found standing
	mandates, err := s.MandatesTo(c.person)
	if err != nil {
		return found, err
	}
	found.mandated = slices.ContainsFunc(mandates, func(m Mandate) bool { return m.Grantor == specialist && m.holdsOn(today) })
	if c.organisation.IsZero() {
		return found, nil
	}
	affiliations, err := s.Affiliations(c.organisation, specialist)
	found.colleague = professionalOn(affiliations, day)
	return found, err
}

// withPractice completes a reference with both numbers of the practice on a day.
func withPractice(p ProfessionalRef, practices []Practice, day ident.Date) ProfessionalRef {
	for _, practice := range practices {
		if practice.Contains(day) || p.SSIN.IsZero() {
			p = ProfessionalRef{SSIN: practice.SSIN, NIHII: practice.NIHII}
		}
	}
	return p
}

// submitVersion ends every submission in one transaction: consume the replay key, answer a repeated InputReference,
// decide, number, store and record. A refusal is recorded too; nothing else is stored then.
func (r *Registrar) keep(ctx context.Context, sub *operation, results findings) (Receipt, error) {
	fields := sub.content.head()
	event := Event{Outcome: Accepted, Patient: fields.patient}
	if sub.previous != nil {
		event.Number, event.former = sub.previous.Number, sub.previous.Patient // set early, so that a refusal has them too
	}
	if practisesOn(sub.caller.practices, fields.day) {
		event.Capacity = sub.caller.capacityOn(fields.day)
	}
	return r.transact(ctx, sub.caller, event, func(w Writer, e *Event) (Receipt, error) {
		return r.decide(w, sub, results, e)
	})
}

// storeVersion runs act in a transaction (see inTransaction) and puts the notification's number into the audit event.
func (r *Registrar) transact(ctx context.Context, c Caller, initial Event, act func(Writer, *Event) (Receipt, error)) (Receipt, error) {
	return transacted(ctx, r, c, initial, func(w Writer, e *Event) (Receipt, error) {
		receipt, err := act(w, e)
		if err == nil && !receipt.Number.IsZero() {
			e.Number = receipt.Number
		}
		return receipt, err
	})
}

// inTransaction consumes the replay key, calls act, and records the outcome, in one transaction. A refusal also
// commits: so act must reject the request before it stores anything.
func transacted[T any](ctx context.Context, r *Registrar, c Caller, initial Event, act func(Writer, *Event) (T, error)) (T, error) {
	var zero, result T
	var refusal error
	err := r.store.Write(ctx, func(w Writer) error {
		result, refusal = zero, nil
		event := initial
		err := spend(w, c)
		if err == nil {
			result, err = act(w, &event)
		}
		if err != nil {
			result = zero
			if refusal = asRefusal(err); refusal == nil {
				return err
			}
		}
		return record(w, r.event(c, event, refusal))
	})
	if err != nil {
		return zero, err
	}
	return result, refusal
}

// reportMalformedSpecialist reports the malformed specialist number instead of MAY_NOT_PREPARE: without the number,
// the specialist is unknown. This reveals nothing about registered data.
func unreadable(sub *operation, refusal error) error {
	if sub.specialist.IsZero() && problem.From(refusal).Code == problem.MayNotPrepare {
		if defects := problem.List(problem.RulesViolated, sub.submission.Defects); defects != nil {
			return defects
		}
	}
	return refusal
}

// decideVersion authorises the request, applies the rules of the transaction, and stores the version. It writes
// nothing before all decisions are made.
func (r *Registrar) decide(w Writer, sub *operation, results findings, event *Event) (Receipt, error) {
	fields := sub.content.head()
	save := sub.submission.Save
	var err error
	event.Reason, err = mayNotify(sub.caller, attempt{save: save, specialist: sub.specialist, practices: sub.facts.specialist,
		day: fields.day, today: sub.facts.today, standing: sub.standing, requireLink: r.requireLink, linked: sub.linked})
	if err != nil {
		return Receipt{}, unreadable(sub, err)
	}
	m := sub.caller.message
	keys := append(sub.content.holds(), "patient "+fields.patient.Digits())
	if sub.submission.InputReference != "" {
		keys = append(keys, "input "+m.Signer.String()+"\x00"+sub.submission.InputReference)
	}
	if err = w.Hold(append(keys, sub.previousHolds()...)...); err != nil {
		return Receipt{}, err
	}
	repeated, found, err := earlier(w, sub)
	if err != nil {
		return Receipt{}, err
	}
	if found {
		if repeated.ContentDigest != sub.digest {
			return Receipt{}, problem.New(problem.InputReferenceConflict).WithPath("InputReference")
		}
		event.Reason = "repeated InputReference"
		return touched(w, repeated)
	}
	next := r.version(sub.caller.message, sub.previous)
	next.State, next.Type, next.Specialist, next.OperationDate, next.Patient = save, fields.kind, sub.specialist, fields.day, fields.patient
	next.Prescriber, next.PrescriptionDate, next.Comment = sub.prescriber, fields.prescribed, fields.comment
	next.Organisation, next.Author = sub.caller.organisation, sub.caller.person
	next.InputReference, next.ContentDigest = sub.submission.InputReference, sub.digest
	next.Change = changeTo(save, sub.previous)
	if sub.previous != nil {
		if err = stillCurrent(w, sub.previous, sub.version); err != nil {
			return Receipt{}, err
		}
	}
	checked := results.clone()
	if err = sub.content.decide(w, r, sub, &checked, &next); err != nil {
		return Receipt{}, err
	}
	if save == Draft {
		checked.forgive()
	}
	if err = checked.err(); err != nil {
		return Receipt{}, err
	}
	next.Warnings = checked.warned
	return r.register(w, &next, m)
}

// newVersion begins the version after previous, or version 1 when previous is nil.
func (r *Registrar) version(m Message, previous *Notification) Notification {
	next := Notification{Version: 1, RegisteredAt: r.now().UTC().Truncate(time.Microsecond), Digest: m.Digest, Signer: m.Signer.String()}
	if previous == nil {
		next.Reference = r.newID()
		return next
	}
	next.Reference, next.Version, next.Number = previous.Reference, previous.Version+1, previous.Number
	return next
}

// numberAndStore assigns a number to a notification that becomes final, and stores the version with its effects.
func (r *Registrar) register(w Writer, next *Notification, m Message) (Receipt, error) {
	if next.State == Final && next.Number.IsZero() {
		day := r.day(next.RegisteredAt)
		sequence, err := w.NextRunning(day)
		if err != nil {
			return Receipt{}, err
		}
		if next.Number, err = ident.NewNotificationNumber(day, sequence); err != nil {
			return Receipt{}, err
		}
	}
	for i := range next.Implants {
		next.Implants[i].Number = next.Number
	}
	if err := keepProved(w, next, m); err != nil {
		return Receipt{}, err
	}
	if next.State == Final {
		link := TherapeuticLink{Patient: next.Patient, Professional: next.Specialist.SSIN, Type: LinkOperation, Period: Period{From: next.OperationDate}}
		if err := w.Link(link); err != nil {
			return Receipt{}, err
		}
	}
	return touched(w, *next)
}

// storeWithEvidence stores a version together with the signed message that made it.
func keepProved(w Writer, version *Notification, m Message) error {
	if err := w.Keep(*version); err != nil || len(m.Original) == 0 {
		return err
	}
	return w.Prove(Evidence{Reference: version.Reference, Version: version.Version, Message: m.Original, Certificate: m.Certificate,
		Accepted: version.RegisteredAt})
}

// findRepeated returns the notification that the same signer already submitted under the same InputReference.
func earlier(w Writer, sub *operation) (Notification, bool, error) {
	if sub.submission.InputReference == "" || len(sub.submission.Defects) > 0 {
		return Notification{}, false, nil
	}
	return w.Submission(sub.caller.message.Signer.String(), sub.submission.InputReference)
}

// newReceipt returns the receipt of a notification, with the affected implants. A removed implant has the quantity
// that remained after that removal.
func touched(reader Reader, n Notification) (Receipt, error) {
	receipt := Receipt{Notification: n}
	if n.Type == TypeImplantation {
		receipt.Touched = slices.Clone(n.Implants)
		for i := range receipt.Touched {
			receipt.Touched[i].Remaining = receipt.Touched[i].Quantity
		}
		return receipt, nil
	}
	for _, removal := range n.Removals {
		implant, ok, err := reader.Implant(removal.ImplantID)
		if err != nil {
			return receipt, err
		}
		if !ok {
			return receipt, problem.New(problem.InternalError)
		}
		if n.State == Final {
			implant.Remaining = removal.Remaining
		}
		receipt.Touched = append(receipt.Touched, implant)
	}
	return receipt, nil
}
