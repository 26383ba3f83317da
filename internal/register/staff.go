package register

import (
	"context"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
)

// This file holds the management of an organisation's own people. The authentic source names its chief access manager, who
// names access managers; they name the administrative staff. What the authentic source says of professionals nobody changes
// here.

// StaffChange asks for a change of somebody's role in the organisation that signs. Exactly one of its parts is given.
type StaffChange struct {
	Assign  *StaffAssignment
	End     *StaffEnd
	Defects []*problem.Error
}

// StaffAssignment gives somebody a role, from today when no day is given, and for good when none ends it.
type StaffAssignment struct {
	Person ident.SSIN
	Role   Role
	Period
}

// StaffEnd takes a role from somebody: he has it no longer.
type StaffEnd struct {
	Person ident.SSIN
	Role   Role
}

// StaffState is where somebody's role stands on a day.
type StaffState string

// The states of a role.
const (
	StaffFuture StaffState = "Future"
	StaffActive StaffState = "Active"
	StaffEnded  StaffState = "Ended"
)

// StaffMember is somebody's role with its state today.
type StaffMember struct {
	Affiliation
	State StaffState
}

func member(a Affiliation, today ident.Date) StaffMember {
	switch {
	case a.ended(today):
		return StaffMember{a, StaffEnded}
	case today.Before(a.From):
		return StaffMember{a, StaffFuture}
	}
	return StaffMember{a, StaffActive}
}

// ManageStaff gives somebody a role in the organisation that signs, or takes it from him, and returns what changed.
func (r *Registrar) ManageStaff(ctx context.Context, c Caller, change StaffChange) ([]StaffMember, error) {
	today := r.day(r.now())
	event := Event{Outcome: Accepted}
	switch {
	case change.Assign != nil:
		event.Patient = change.Assign.Person
	case change.End != nil:
		event.Patient = change.End.Person
	}
	changed, err := transacted(ctx, r, c, event, func(w Writer, e *Event) ([]Affiliation, error) {
		if err := problem.List(problem.RulesViolated, change.Defects); err != nil {
			return nil, err
		}
		manager, err := fresh(w, c)
		if err != nil {
			return nil, err
		}
		switch {
		case change.Assign != nil:
			return assignRole(w, manager, *change.Assign, today, e)
		case change.End != nil:
			return endRole(w, manager, *change.End, today, e)
		}
		return nil, problem.New(problem.InternalError)
	})
	var members []StaffMember
	for _, a := range changed {
		members = append(members, member(a, today))
	}
	return members, err
}

// fresh is the caller as the organisation's roles are now. Other changes of them wait until the transaction ends, so that
// nobody who is being dismissed names others at the same moment.
func fresh(w Writer, c Caller) (Caller, error) {
	if c.organisation.IsZero() {
		return c, nil
	}
	if err := w.Hold("staff of " + c.organisation.Base().Digits()); err != nil {
		return c, err
	}
	var err error
	c.affiliations, err = w.Affiliations(c.organisation, c.person)
	return c, err
}

func assignRole(w Writer, c Caller, a StaffAssignment, today ident.Date, e *Event) ([]Affiliation, error) {
	reason, err := mayManage(c, managedRole{a.Role, a.Person, false}, "Change/Assign", today)
	if err != nil {
		return nil, err
	}
	if a.From.IsZero() {
		a.From = today
	}
	f := findings{}
	f.period("Change/Assign", a.Period, today)
	if err = f.err(); err != nil {
		return nil, err
	}
	there, err := lastingRoles(w, c.organisation, a.Person, a.Role, today)
	switch {
	case err != nil:
		return nil, err
	case len(there) > 0:
		return nil, problem.New(problem.StaffRoleExists).In("Change/Assign/Role")
	}
	e.Reason = "assign " + string(a.Role) + ", " + reason
	assigned := Affiliation{Organisation: c.organisation, SSIN: a.Person, Role: a.Role, Period: a.Period}
	return []Affiliation{assigned}, w.KeepAffiliation(assigned)
}

// lastingRoles are a person's affiliations to an organisation in a role that have not ended.
func lastingRoles(s Reader, organisation ident.NIHII, person ident.SSIN, role Role, today ident.Date) ([]Affiliation, error) {
	all, err := s.Affiliations(organisation, person)
	if err != nil {
		return nil, err
	}
	var found []Affiliation
	for _, a := range all {
		if a.Role == role && !a.ended(today) {
			found = append(found, a)
		}
	}
	return found, nil
}

func endRole(w Writer, c Caller, end StaffEnd, today ident.Date, e *Event) ([]Affiliation, error) {
	reason, err := mayManage(c, managedRole{end.Role, end.Person, true}, "Change/End", today)
	if err != nil {
		return nil, err
	}
	all, err := lastingRoles(w, c.organisation, end.Person, end.Role, today)
	switch {
	case err != nil:
		return nil, err
	case len(all) == 0:
		return nil, problem.New(problem.StaffRoleNotFound).In("Change/End/Role")
	}
	for i := range all {
		all[i].To = today.AddDays(-1)
		if err := w.KeepAffiliation(all[i]); err != nil {
			return nil, err
		}
	}
	e.Reason = "end " + string(end.Role) + ", " + reason
	return all, nil
}

// StaffFound is a page of the people of an organisation.
type StaffFound struct {
	Total   int
	Members []StaffMember
}

// Staff lists the roles in the organisation that signs, past ones too, for its access managers.
func (r *Registrar) Staff(ctx context.Context, c Caller, page Page) (StaffFound, error) {
	event := Event{Outcome: Accepted}
	today := r.day(r.now())
	return answer(ctx, r, c, nil, &event, func(s Reader) (StaffFound, error) {
		var err error
		if event.Reason, err = maySeeStaff(c, today); err != nil {
			return StaffFound{}, err
		}
		all, total, err := s.Staff(c.organisation, page.Offset, page.Limit)
		found := StaffFound{Total: total}
		for _, a := range all {
			found.Members = append(found.Members, member(a, today))
		}
		return found, err
	})
}
