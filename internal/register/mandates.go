package register

import (
	"cmp"
	"context"
	"slices"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
)

// This file holds what becomes of mandates: they are granted, accepted, ended and moved to another holder. A mandate names
// days, both included; so one that ends now ends with yesterday, and holds no longer.

// MandateState is where a mandate stands on a day.
type MandateState string

// The states of a mandate.
const (
	MandatePending MandateState = "Pending" // waits for its holder to accept it
	MandateFuture  MandateState = "Future"  // accepted, and not begun
	MandateActive  MandateState = "Active"
	MandateEnded   MandateState = "Ended"
)

// StateOn tells where the mandate stands on a day.
func (m Mandate) StateOn(day ident.Date) MandateState {
	switch {
	case m.ended(day):
		return MandateEnded
	case m.AcceptedOn.IsZero():
		return MandatePending
	case day.Before(m.From) || day.Before(m.AcceptedOn):
		return MandateFuture
	}
	return MandateActive
}

// ended reports whether the period is over on a day, or never comes.
func (p Period) ended(day ident.Date) bool {
	return !p.To.IsZero() && (p.To.Before(day) || p.To.Before(p.From))
}

// MandateChange asks for a change of mandates for this register. Exactly one of its parts is given.
type MandateChange struct {
	Grant    *MandateGrant
	Accept   *MandateAcceptance
	End      *MandateEnd
	Transfer *MandateTransfer
	Defects  []*problem.Error
}

// MandateGrant gives somebody a mandate, from today when no day is given, and for good when none ends it.
type MandateGrant struct {
	Grantee ident.SSIN
	Period
}

// MandateAcceptance accepts the mandates that somebody gave the caller.
type MandateAcceptance struct {
	Grantor ident.SSIN
}

// MandateEnd ends the mandates that the caller gave the Grantee, or that he has from the Grantor, whichever is named.
type MandateEnd struct {
	Grantee ident.SSIN
	Grantor ident.SSIN
}

// MandateTransfer moves the mandates that the caller gave the Grantee to another holder, who must accept them.
type MandateTransfer struct {
	Grantee ident.SSIN
	To      ident.SSIN
}

// about is the other person of a change. Of a transfer it is the one who gains.
func (m MandateChange) about() ident.SSIN {
	switch {
	case m.Grant != nil:
		return m.Grant.Grantee
	case m.Accept != nil:
		return m.Accept.Grantor
	case m.End != nil:
		return cmp.Or(m.End.Grantee, m.End.Grantor)
	case m.Transfer != nil:
		return m.Transfer.To
	}
	return ident.SSIN{}
}

// StandingMandate is a mandate with its state today.
type StandingMandate struct {
	Mandate
	State MandateState
}

// ManageMandate grants, accepts, ends or transfers mandates, and returns those that changed. That the other person exists is
// not asked: the refusal would tell who is registered.
func (r *Registrar) ManageMandate(ctx context.Context, c Caller, change MandateChange) ([]StandingMandate, error) {
	today := r.day(r.now())
	changed, err := transacted(ctx, r, c, Event{Outcome: Accepted, Patient: change.about()}, func(w Writer, e *Event) ([]Mandate, error) {
		if err := problem.List(problem.RulesViolated, change.Defects); err != nil {
			return nil, err
		}
		switch {
		case change.Grant != nil:
			return grantMandate(w, c, *change.Grant, today, e)
		case change.Accept != nil:
			return acceptMandates(w, c, change.Accept.Grantor, today, e)
		case change.End != nil:
			return endMandates(w, c, *change.End, today, e)
		case change.Transfer != nil:
			return transferMandates(w, c, *change.Transfer, today, e)
		}
		return nil, problem.New(problem.InternalError)
	})
	return standingMandates(changed, today), err
}

func standingMandates(all []Mandate, today ident.Date) []StandingMandate {
	var out []StandingMandate
	for _, m := range all {
		out = append(out, StandingMandate{m, m.StateOn(today)})
	}
	return out
}

func grantMandate(w Writer, c Caller, grant MandateGrant, today ident.Date, e *Event) ([]Mandate, error) {
	var err error
	if e.Reason, err = mayGrant(c, today); err != nil {
		return nil, err
	}
	const at = "Change/Grant"
	if grant.From.IsZero() {
		grant.From = today
	}
	f := findings{}
	if grant.Grantee == c.person {
		f.refuse(problem.MandateToSelf, at+"/Grantee")
	}
	f.period(at, grant.Period, today)
	if err = f.err(); err != nil {
		return nil, err
	}
	e.Reason = "grant, " + e.Reason
	m := Mandate{Grantor: c.person, Grantee: grant.Grantee, Service: MandateService, Period: grant.Period}
	return []Mandate{m}, newMandate(w, m, at+"/Grantee", today)
}

// period refuses a period that begins in the past, which would change what was, or ends before it begins.
func (f *findings) period(at string, p Period, today ident.Date) {
	if p.From.Before(today) {
		f.refuse(problem.PeriodBeginsInPast, at+"/From")
	}
	if !p.To.IsZero() && p.To.Before(p.From) {
		f.refuse(problem.PeriodReversed, at+"/To")
	}
}

// newMandate keeps a mandate unless the two have one that has not ended.
func newMandate(w Writer, m Mandate, at string, today ident.Date) error {
	there, err := lasting(w, m.Grantor, m.Grantee, today)
	if err != nil {
		return err
	}
	if len(there) > 0 {
		return problem.New(problem.MandateExists).In(at)
	}
	return w.KeepMandate(m)
}

// lasting are the mandates between two people that have not ended, in the order in which they begin. Whoever decides by
// them makes the other changes of this grantor's mandates wait.
func lasting(w Writer, grantor, grantee ident.SSIN, today ident.Date) ([]Mandate, error) {
	if err := w.Hold("mandates of " + grantor.Digits()); err != nil {
		return nil, err
	}
	all, err := w.MandatesFrom(grantor)
	if err != nil {
		return nil, err
	}
	var found []Mandate
	for _, m := range all {
		if m.Grantee == grantee && m.Service == MandateService && !m.ended(today) {
			found = append(found, m)
		}
	}
	return found, nil
}

func acceptMandates(w Writer, c Caller, grantor ident.SSIN, today ident.Date, e *Event) ([]Mandate, error) {
	if err := mayActForSelf(c, today); err != nil {
		return nil, err
	}
	all, err := lasting(w, grantor, c.person, today)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(m Mandate) bool { return !m.AcceptedOn.IsZero() })
	if len(all) == 0 {
		return nil, problem.New(problem.MandateNotFound).In("Change/Accept/Grantor")
	}
	for i := range all {
		all[i].AcceptedOn = today
		if err := w.KeepMandate(all[i]); err != nil {
			return nil, err
		}
	}
	e.Reason = "accept, grantee of the mandate"
	return all, nil
}

func endMandates(w Writer, c Caller, end MandateEnd, today ident.Date, e *Event) ([]Mandate, error) {
	if err := mayActForSelf(c, today); err != nil {
		return nil, err
	}
	grantor, grantee, at, reason := c.person, end.Grantee, "Change/End/Grantee", "end, grantor of the mandate"
	if !end.Grantor.IsZero() {
		grantor, grantee, at, reason = end.Grantor, c.person, "Change/End/Grantor", "end, grantee of the mandate"
	}
	all, err := lasting(w, grantor, grantee, today)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, problem.New(problem.MandateNotFound).In(at)
	}
	e.Reason = reason
	return all, endAll(w, all, today)
}

// endAll ends mandates with yesterday.
func endAll(w Writer, all []Mandate, today ident.Date) error {
	for i := range all {
		all[i].To = today.AddDays(-1)
		if err := w.KeepMandate(all[i]); err != nil {
			return err
		}
	}
	return nil
}

func transferMandates(w Writer, c Caller, t MandateTransfer, today ident.Date, e *Event) ([]Mandate, error) {
	reason, err := mayGrant(c, today)
	if err != nil {
		return nil, err
	}
	const at = "Change/Transfer"
	if t.To == c.person {
		return nil, problem.New(problem.MandateToSelf).In(at + "/To")
	}
	old, err := lasting(w, c.person, t.Grantee, today)
	switch {
	case err != nil:
		return nil, err
	case len(old) == 0:
		return nil, problem.New(problem.MandateNotFound).In(at + "/Grantee")
	}
	there, err := lasting(w, c.person, t.To, today)
	switch {
	case err != nil:
		return nil, err
	case len(there) > 0: // also when both are the same person
		return nil, problem.New(problem.MandateExists).In(at + "/To")
	}
	var moved []Mandate
	for _, m := range old {
		next := Mandate{Grantor: c.person, Grantee: t.To, Service: MandateService, Period: m.Period}
		if next.From.Before(today) {
			next.From = today
		}
		if err := w.KeepMandate(next); err != nil {
			return nil, err
		}
		moved = append(moved, next)
	}
	e.Reason, e.former = "transfer, "+reason, t.Grantee
	if err := endAll(w, old, today); err != nil {
		return nil, err
	}
	return append(old, moved...), nil
}

// MandatesFound is a page of mandates.
type MandatesFound struct {
	Total    int
	Mandates []StandingMandate
}

// Mandates lists the mandates for this register that the caller gave and got, past ones too, in the order in which they
// begin.
func (r *Registrar) Mandates(ctx context.Context, c Caller, page Page) (MandatesFound, error) {
	event := Event{Outcome: Accepted, Reason: "own mandates"}
	today := r.day(r.now())
	return answer(ctx, r, c, nil, &event, func(s Reader) (MandatesFound, error) {
		if err := mayActForSelf(c, today); err != nil {
			return MandatesFound{}, err
		}
		given, err := s.MandatesFrom(c.person)
		if err != nil {
			return MandatesFound{}, err
		}
		got, err := s.MandatesTo(c.person)
		if err != nil {
			return MandatesFound{}, err
		}
		all := slices.DeleteFunc(slices.Concat(given, got), func(m Mandate) bool { return m.Service != MandateService })
		slices.SortFunc(all, func(a, b Mandate) int {
			return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Grantor.Digits(), b.Grantor.Digits()), cmp.Compare(a.Grantee.Digits(), b.Grantee.Digits()))
		})
		return MandatesFound{Total: len(all), Mandates: standingMandates(cut(all, page), today)}, nil
	})
}

// cut is a page of a list.
func cut[T any](all []T, page Page) []T {
	from := min(page.Offset, len(all))
	return all[from : from+min(page.Limit, len(all)-from)]
}
