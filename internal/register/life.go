package register

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
)

// This file holds what happens to a notification after it was first saved: it is replaced, validated or taken back. Each
// of these appends a version; none changes or deletes one.

// changeTo names what a version with a new content is to the one before.
func changeTo(save State, previous *Notification) Change {
	switch {
	case save == Draft:
		return Saved
	case save == ToValidate:
		return Submitted
	case previous != nil && previous.State == Final:
		return Revised
	}
	return Notified
}

// former are the lines of the version before, each of which keeps its id for one line that is just the same.
type former []*Implant

func (o *operation) former() former {
	var lines former
	if o.previous != nil {
		for i := range o.previous.Implants {
			lines = append(lines, &o.previous.Implants[i])
		}
	}
	return lines
}

func (f former) take(implant *Implant) (string, bool) {
	for i, old := range f {
		if old != nil && old.NotifiedImplant == implant.NotifiedImplant && old.UDIDI == implant.UDIDI && old.Unregistered == implant.Unregistered {
			f[i] = nil
			return old.ID, true
		}
	}
	return "", false
}

// tookBefore is how many of an implant the version before took away, which the new one may take again.
func (o *operation) tookBefore(implantID string) int {
	taken := 0
	if o.previous != nil && o.previous.State == Final {
		for _, removal := range o.previous.Removals {
			if removal.ImplantID == implantID {
				taken += removal.Quantity
			}
		}
	}
	return taken
}

func (o *operation) previousHolds() []string {
	if o.previous == nil {
		return nil
	}
	return []string{"notification " + o.previous.Reference, "patient " + o.previous.Patient.Digits()}
}

// Revise gives a notification other content. Lines that stay just as they were keep their ids; every other line is a new
// one. A draft may go further with it; a final notification stays final, under its number.
func (r *Registrar) Revise(ctx context.Context, c Caller, n Replacement) (Receipt, error) {
	o := &operation{caller: c, version: n.Version, submission: Submission{Save: n.Save, Defects: unwrapped(n.Defects)}}
	kind := TypeImplantation
	if n.Implantation != nil {
		o.content = newPlacing(*n.Implantation)
	} else {
		kind, o.content = TypeExplantation, newRemoving(*n.Explantation)
	}
	receipt, err := r.replace(ctx, o, n.Of, func(current *Notification) error {
		switch {
		case current.Type != kind:
			return problem.New(problem.OtherOperationType).In("Content")
		case n.Save == "":
			o.submission.Save = current.State
		case current.State == Final && n.Save != Final:
			return problem.New(problem.AlreadyFinal).In("Save")
		}
		return nil
	})
	for i := range receipt.Warnings {
		receipt.Warnings[i].At = contentPath + receipt.Warnings[i].At
	}
	return receipt, wrapped(err)
}

// Validate makes a prepared notification final, as its specialist. All rules are applied anew.
func (r *Registrar) Validate(ctx context.Context, c Caller, v Validation) (Receipt, error) {
	o := &operation{caller: c, version: v.Version, submission: Submission{Save: Final}}
	receipt, err := r.replace(ctx, o, Of{Reference: v.Reference}, func(current *Notification) error {
		if current.State == Final {
			return problem.New(problem.AlreadyFinal).In("Reference")
		}
		o.content = contentOf(current)
		return nil
	})
	return receipt, elsewhere(err)
}

// replace finds the version that the caller speaks of, prepares with it, and submits what follows it.
func (r *Registrar) replace(ctx context.Context, o *operation, of Of, prepare func(current *Notification) error) (Receipt, error) {
	event := Event{Outcome: Accepted, Number: of.Number}
	var refusal error
	err := r.store.Read(ctx, func(s Reader) error {
		var current Notification
		if current, refusal = r.changeable(s, o.caller, of, &event); refusal != nil {
			return refusal
		}
		o.previous = &current
		refusal = prepare(&current)
		return refusal
	})
	if err != nil {
		if asRefusal(err) == nil {
			return Receipt{}, err
		}
		return Receipt{}, r.conclude(ctx, o.caller, event, refusal)
	}
	return r.submit(ctx, o)
}

// changeable finds the current version of a notification for somebody who wants to change it.
func (r *Registrar) changeable(s Reader, c Caller, of Of, event *Event) (Notification, error) {
	n, err := r.find(s, c, of, "", event)
	switch {
	case err != nil:
		return n, err
	case n.State == Withdrawn:
		return n, problem.New(problem.AlreadyWithdrawn).In("Of")
	case n.State == Final && n.Specialist.SSIN != c.person:
		return n, problem.New(problem.NotYourOperation)
	}
	return n, nil
}

// find finds the current version of a notification. To whom it may not be shown, it is not there.
func (r *Registrar) find(s Reader, c Caller, of Of, emergency string, event *Event) (Notification, error) {
	n, there, err := current(s, of)
	if err != nil {
		return n, err
	}
	if !there {
		if !of.Number.IsZero() {
			err = mayReadNobody(c, r.day(r.now()))
		}
		if err == nil {
			err = problem.New(problem.NotificationNotFound)
		}
		return n, err
	}
	event.Patient, event.Number = n.Patient, n.Number
	visible, err := r.visible(s, c, &n, emergency, event)
	if of.Number.IsZero() && errors.Is(err, problem.Forbidden) {
		err = nil // who may read nobody is told so of numbers, which can be guessed; of a reference he learns nothing
	}
	if err == nil && !visible {
		event.Outcome = Withheld
		err = problem.New(problem.NotificationWithheld)
	}
	return n, err
}

// current finds the current version of a notification.
func current(s Reader, of Of) (Notification, bool, error) {
	if !of.Number.IsZero() {
		return s.Notification(of.Number)
	}
	return s.ByReference(of.Reference)
}

// visible decides whether a notification is shown: one that was ever final as the patient's data, one that was not to
// who may prepare it.
func (r *Registrar) visible(s Reader, c Caller, n *Notification, emergency string, event *Event) (bool, error) {
	today := r.day(r.now())
	if !n.Number.IsZero() {
		a, err := accessTo(s, c, n.Patient, today, emergency)
		if err != nil {
			return false, err
		}
		event.explain(a, emergency)
		return a.all || a.own && n.Specialist.SSIN == c.person, nil
	}
	stands, err := standingTo(s, c, n.Specialist.SSIN, n.OperationDate, today)
	if err != nil {
		return false, err
	}
	reason, seen := maySeePending(c, n, stands, today)
	event.Reason = reason
	return seen, nil
}

// stillCurrent refuses when the caller does not speak of the current version, or somebody made another meanwhile.
func stillCurrent(s Reader, previous *Notification, version int) error {
	now, there, err := s.ByReference(previous.Reference)
	switch {
	case err != nil:
		return err
	case !there:
		return problem.New(problem.NotificationNotFound).In("Of")
	case now.Version != version || now.Version != previous.Version:
		return problem.New(problem.VersionOutdated, strconv.Itoa(version)+" < "+strconv.Itoa(now.Version)).In("Version")
	}
	return nil
}

// Discard takes a notification back. A draft disappears from the lists; a final one, for which a reason is asked, stays in
// the history as withdrawn and counts no longer.
func (r *Registrar) Discard(ctx context.Context, c Caller, d Discarding) (Receipt, error) {
	about := Event{Outcome: Accepted, Number: d.Of.Number}
	return r.transact(ctx, c, about, func(w Writer, e *Event) (Receipt, error) {
		if err := problem.List(problem.RulesViolated, d.Defects); err != nil {
			return Receipt{}, err
		}
		previous, err := r.changeable(w, c, d.Of, e)
		if err != nil {
			return Receipt{}, err
		}
		if err = w.Hold("notification "+previous.Reference, "patient "+previous.Patient.Digits()); err != nil {
			return Receipt{}, err
		}
		if err = stillCurrent(w, &previous, d.Version); err != nil {
			return Receipt{}, err
		}
		change := Discarded
		if previous.State == Final {
			change = Recanted
			if err = r.mayWithdraw(w, c, &previous, d.Reason, e); err != nil {
				return Receipt{}, err
			}
		}
		next := previous // with its lines, so that the history shows what it said
		version := r.version(c.message, &previous)
		next.Version, next.RegisteredAt, next.Digest, next.Signer = version.Version, version.RegisteredAt, version.Digest, version.Signer
		next.Organisation, next.Author = c.organisation, c.person
		next.State, next.Change, next.ChangeReason, next.InputReference = Withdrawn, change, d.Reason, ""
		if err = keepProved(w, &next, c.message); err != nil {
			return Receipt{}, err
		}
		return Receipt{Notification: next}, nil
	})
}

// mayWithdraw decides about taking back a final notification.
func (r *Registrar) mayWithdraw(s Reader, c Caller, n *Notification, reason string, e *Event) error {
	practices, err := s.Practices(n.Specialist)
	if err != nil {
		return err
	}
	e.Reason, err = mayNotify(c, attempt{save: Final, specialist: n.Specialist, practices: practices, day: n.OperationDate, today: r.day(r.now())})
	if err != nil {
		return err
	}
	var removed map[string]ident.Date
	if n.Type == TypeImplantation {
		if removed, err = removedSince(s, n); err != nil {
			return err
		}
	}
	var f findings
	checkWithdrawal(&f, n, reason, removed)
	return f.err()
}

// contentOf is what a saved notification says, to be decided anew.
func contentOf(n *Notification) content {
	if n.Type == TypeImplantation {
		p := Implantation{Specialist: n.Specialist, OperationDate: n.OperationDate, Patient: n.Patient, Prescriber: n.Prescriber,
			PrescriptionDate: n.PrescriptionDate, Comment: n.Comment}
		for _, i := range n.Implants {
			p.Implants = append(p.Implants, i.NotifiedImplant)
		}
		return newPlacing(p)
	}
	x := Explantation{Specialist: n.Specialist, OperationDate: n.OperationDate, Patient: n.Patient, Comment: n.Comment}
	for _, removal := range n.Removals {
		explant := Explant{ImplantID: removal.ImplantID, Quantity: removal.Quantity, Reason: removal.Reason}
		if i := slices.IndexFunc(n.Implants, func(i Implant) bool { return i.ID == removal.ImplantID }); i >= 0 {
			explant.ImplantID, explant.Unregistered = "", &n.Implants[i].NotifiedImplant
		}
		x.Explants = append(x.Explants, explant)
	}
	return newRemoving(x)
}

// contentPath stands before the places of a replacement's content.
const contentPath = "Content/"

// unwrapped takes contentPath from the places of defects, so that the rules know them.
func unwrapped(defects []*problem.Error) []*problem.Error {
	out := make([]*problem.Error, len(defects))
	for i, d := range defects {
		out[i] = d.In(strings.TrimPrefix(d.At, contentPath))
	}
	return out
}

// wrapped puts contentPath before the places of a refusal that are in the content.
func wrapped(err error) error {
	return placed(err, func(at string) string {
		if strings.HasPrefix(at, "Implantation") || strings.HasPrefix(at, "Explantation") {
			return contentPath + at
		}
		return at
	})
}

// elsewhere tells the places of a refusal as facts: they are not in the message, but in what was prepared.
func elsewhere(err error) error {
	if err == nil || asRefusal(err) == nil {
		return err
	}
	return told(problem.From(err))
}

func told(e *problem.Error) *problem.Error {
	out := *e
	switch {
	case e.At == "Of":
		out.At = "Reference"
	case strings.HasPrefix(e.At, "Implantation") || strings.HasPrefix(e.At, "Explantation"):
		out.At, out.Public = "Reference", strings.TrimSpace(e.At+" "+e.Public)
	}
	out.Sub = make([]*problem.Error, len(e.Sub))
	for i, sub := range e.Sub {
		out.Sub[i] = told(sub)
	}
	return &out
}

func placed(err error, place func(string) string) error {
	if err == nil || asRefusal(err) == nil {
		return err
	}
	e := problem.From(err)
	out := *e
	out.At = place(e.At)
	out.Sub = make([]*problem.Error, len(e.Sub))
	for i, sub := range e.Sub {
		out.Sub[i] = problem.From(placed(sub, place))
	}
	return &out
}
