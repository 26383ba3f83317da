package register

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
)

// operation is one attempt to make a version of a notification.
type operation struct {
	caller     Caller
	submission Submission
	content    content
	previous   *Notification   // the version that this one follows; nil for a new notification
	version    int             // the one that the caller has before him
	digest     [32]byte        // of the content, as InputReference stands for it
	specialist ProfessionalRef // resolved
	prescriber ProfessionalRef // resolved
	facts      operationFacts
	standing   standing
	linked     bool // a therapeutic relation exists on the day; looked up where one is required
}

// content is what a notification says: a placing or a removing.
type content interface {
	head() heading
	digest(save State) [32]byte
	// lookUp gathers what the sources say about each line.
	lookUp(s Reader) error
	// check applies the rules that need no more than that.
	check(f *findings, facts operationFacts)
	// decide applies the rules that hold only inside the transaction, and completes what is kept.
	decide(w Writer, r *Registrar, o *operation, f *findings, kept *Notification) error
	// holds are what deciders about the same things wait for.
	holds() []string
}

// heading is what both kinds of content say.
type heading struct {
	kind       OperationType
	specialist ProfessionalRef
	day        ident.Date
	patient    ident.SSIN
	prescriber ProfessionalRef
	prescribed ident.Date
	comment    string
}

// NotifyImplant registers an implantation, or saves it for later, as the submission says. It is durable when NotifyImplant
// returns without an error.
//
// Refusals: Forbidden (who may), RuleViolated (every broken rule, each with its path), Conflict (InputReference with
// other content), Unauthenticated (the message was used before). Every one is recorded. A draft may break rules: they
// become warnings.
func (r *Registrar) NotifyImplant(ctx context.Context, c Caller, s Submission, n Implantation) (Receipt, error) {
	return r.submit(ctx, &operation{caller: c, submission: s, content: newPlacing(n)})
}

// NotifyExplant registers an explantation, as NotifyImplant does an implantation.
func (r *Registrar) NotifyExplant(ctx context.Context, c Caller, s Submission, n Explantation) (Receipt, error) {
	return r.submit(ctx, &operation{caller: c, submission: s, content: newRemoving(n)})
}

// submit looks up what the decision needs, and keeps what is decided.
func (r *Registrar) submit(ctx context.Context, o *operation) (Receipt, error) {
	o.submission.Save = cmp.Or(o.submission.Save, Final)
	o.digest = o.content.digest(o.submission.Save) // before the content is completed from what the sources say
	err := r.store.Read(ctx, func(s Reader) error {
		if err := r.lookUp(s, o); err != nil {
			return err
		}
		return o.content.lookUp(s)
	})
	if err != nil {
		return Receipt{}, err
	}
	found := findings{defects: slices.Clone(o.submission.Defects)}
	o.content.check(&found, o.facts)
	return r.keep(ctx, o, found)
}

// lookUp gathers what the sources say about an operation.
func (r *Registrar) lookUp(s Reader, o *operation) error {
	h := o.content.head()
	o.specialist, o.prescriber = h.specialist, h.prescriber
	o.facts.today = r.day(r.now())
	var err error
	if o.facts.patient, _, err = s.Person(h.patient); err != nil {
		return err
	}
	if o.facts.specialist, err = s.Practices(o.specialist); err != nil {
		return err
	}
	o.specialist = withPractice(o.specialist, o.facts.specialist, h.day)
	if !o.prescriber.IsZero() {
		if o.facts.prescriber, err = s.Practices(o.prescriber); err != nil {
			return err
		}
		o.prescriber = withPractice(o.prescriber, o.facts.prescriber, h.prescribed)
	}
	if o.submission.Save != Final && o.specialist.SSIN != o.caller.person {
		o.standing, err = standingTo(s, o.caller, o.specialist.SSIN, h.day, o.facts.today)
		return err
	}
	if !r.requireLink {
		return nil
	}
	links, err := s.Links(h.patient, o.specialist.SSIN)
	if err != nil {
		return err
	}
	o.linked = slices.ContainsFunc(links, func(l TherapeuticLink) bool { return l.Contains(h.day) })
	return nil
}

// standingTo finds out how a caller stands to the specialist of an operation.
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

// keep runs the end of every notification: spend the message, answer a repeated InputReference, decide, number, store
// and record, all in one transaction. A refusal is recorded too, and nothing else is kept then.
func (r *Registrar) keep(ctx context.Context, o *operation, found findings) (Receipt, error) {
	h := o.content.head()
	event := Event{Outcome: Accepted, Patient: h.patient}
	if o.previous != nil {
		event.Number, event.former = o.previous.Number, o.previous.Patient // also of a refusal
	}
	if practisesOn(o.caller.practices, h.day) {
		event.Capacity = o.caller.capacityOn(h.day)
	}
	return r.transact(ctx, o.caller, event, func(w Writer, e *Event) (Receipt, error) {
		return r.decide(w, o, found, e)
	})
}

// transact makes a version of a notification in one transaction, as transacted says.
func (r *Registrar) transact(ctx context.Context, c Caller, about Event, act func(Writer, *Event) (Receipt, error)) (Receipt, error) {
	return transacted(ctx, r, c, about, func(w Writer, e *Event) (Receipt, error) {
		receipt, err := act(w, e)
		if err == nil && !receipt.Number.IsZero() {
			e.Number = receipt.Number
		}
		return receipt, err
	})
}

// transacted spends the caller's message, acts, and records how it ended, in one transaction. After a refusal, which is
// recorded too, nothing else is kept: so who acts refuses before he keeps anything.
func transacted[T any](ctx context.Context, r *Registrar, c Caller, about Event, act func(Writer, *Event) (T, error)) (T, error) {
	var none, result T
	var refusal error
	err := r.store.Write(ctx, func(w Writer) error {
		result, refusal = none, nil
		event := about
		err := spend(w, c)
		if err == nil {
			result, err = act(w, &event)
		}
		if err != nil {
			result = none
			if refusal = asRefusal(err); refusal == nil {
				return err
			}
		}
		return record(w, r.event(c, event, refusal))
	})
	if err != nil {
		return none, err
	}
	return result, refusal
}

// unreadable tells what is wrong with the number of a specialist, rather than that nothing may be prepared for him: whose
// operation it is cannot be said yet. It tells nothing that is registered.
func unreadable(o *operation, refusal error) error {
	if o.specialist.IsZero() && problem.From(refusal).Code == problem.MayNotPrepare {
		if wrong := problem.List(problem.RulesViolated, o.submission.Defects); wrong != nil {
			return wrong
		}
	}
	return refusal
}

// decide authorises and decides, and keeps what was decided. It writes nothing before all is decided: content applies the
// rules and completes what is kept.
func (r *Registrar) decide(w Writer, o *operation, found findings, event *Event) (Receipt, error) {
	h := o.content.head()
	save := o.submission.Save
	var err error
	event.Reason, err = mayNotify(o.caller, attempt{save: save, specialist: o.specialist, practices: o.facts.specialist,
		day: h.day, today: o.facts.today, standing: o.standing, requireLink: r.requireLink, linked: o.linked})
	if err != nil {
		return Receipt{}, unreadable(o, err)
	}
	m := o.caller.message
	holds := append(o.content.holds(), "patient "+h.patient.Digits())
	if o.submission.InputReference != "" {
		holds = append(holds, "input "+m.Signer.String()+"\x00"+o.submission.InputReference)
	}
	if err = w.Hold(append(holds, o.previousHolds()...)...); err != nil {
		return Receipt{}, err
	}
	first, there, err := earlier(w, o)
	if err != nil {
		return Receipt{}, err
	}
	if there {
		if first.ContentDigest != o.digest {
			return Receipt{}, problem.New(problem.InputReferenceConflict).In("InputReference")
		}
		event.Reason = "repeated InputReference"
		return touched(w, first)
	}
	kept := r.version(o.caller.message, o.previous)
	kept.State, kept.Type, kept.Specialist, kept.OperationDate, kept.Patient = save, h.kind, o.specialist, h.day, h.patient
	kept.Prescriber, kept.PrescriptionDate, kept.Comment = o.prescriber, h.prescribed, h.comment
	kept.Organisation, kept.Author = o.caller.organisation, o.caller.person
	kept.InputReference, kept.ContentDigest = o.submission.InputReference, o.digest
	kept.Change = changeTo(save, o.previous)
	if o.previous != nil {
		if err = stillCurrent(w, o.previous, o.version); err != nil {
			return Receipt{}, err
		}
	}
	f := found.clone()
	if err = o.content.decide(w, r, o, &f, &kept); err != nil {
		return Receipt{}, err
	}
	if save == Draft {
		f.forgive()
	}
	if err = f.err(); err != nil {
		return Receipt{}, err
	}
	kept.Warnings = f.warned
	return r.register(w, &kept, m)
}

// version begins the version that follows another, or the first one.
func (r *Registrar) version(m Message, previous *Notification) Notification {
	kept := Notification{Version: 1, RegisteredAt: r.now().UTC().Truncate(time.Microsecond), Digest: m.Digest, Signer: m.Signer.String()}
	if previous == nil {
		kept.Reference = r.newID()
		return kept
	}
	kept.Reference, kept.Version, kept.Number = previous.Reference, previous.Version+1, previous.Number
	return kept
}

// register numbers a decided notification that is final for the first time, and keeps it with its effects.
func (r *Registrar) register(w Writer, kept *Notification, m Message) (Receipt, error) {
	if kept.State == Final && kept.Number.IsZero() {
		day := r.day(kept.RegisteredAt)
		running, err := w.NextRunning(day)
		if err != nil {
			return Receipt{}, err
		}
		if kept.Number, err = ident.NewNotificationNumber(day, running); err != nil {
			return Receipt{}, err
		}
	}
	for i := range kept.Implants {
		kept.Implants[i].Number = kept.Number
	}
	if err := keepProved(w, kept, m); err != nil {
		return Receipt{}, err
	}
	if kept.State == Final {
		link := TherapeuticLink{Patient: kept.Patient, Professional: kept.Specialist.SSIN, Type: LinkOperation, Period: Period{From: kept.OperationDate}}
		if err := w.Link(link); err != nil {
			return Receipt{}, err
		}
	}
	return touched(w, *kept)
}

// keepProved keeps a version with the message that made it.
func keepProved(w Writer, kept *Notification, m Message) error {
	if err := w.Keep(*kept); err != nil || len(m.Original) == 0 {
		return err
	}
	return w.Prove(Evidence{Reference: kept.Reference, Version: kept.Version, Message: m.Original, Certificate: m.Certificate,
		Accepted: kept.RegisteredAt})
}

// earlier finds the notification that the same signer sent under the same InputReference.
func earlier(w Writer, o *operation) (Notification, bool, error) {
	if o.submission.InputReference == "" || len(o.submission.Defects) > 0 {
		return Notification{}, false, nil
	}
	return w.Submission(o.caller.message.Signer.String(), o.submission.InputReference)
}

// touched makes the receipt of a notification: what it placed, or what it removed with what remained then.
func touched(w Reader, n Notification) (Receipt, error) {
	receipt := Receipt{Notification: n}
	if n.Type == TypeImplantation {
		receipt.Touched = slices.Clone(n.Implants)
		for i := range receipt.Touched {
			receipt.Touched[i].Remaining = receipt.Touched[i].Quantity
		}
		return receipt, nil
	}
	for _, removal := range n.Removals {
		implant, there, err := w.Implant(removal.ImplantID)
		if err != nil {
			return receipt, err
		}
		if !there {
			return receipt, problem.New(problem.InternalError)
		}
		if n.State == Final {
			implant.Remaining = removal.Remaining
		}
		receipt.Touched = append(receipt.Touched, implant)
	}
	return receipt, nil
}
