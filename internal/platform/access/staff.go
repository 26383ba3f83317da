package access

import (
	"context"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// This file holds the management of an organisation's roles. The authentic source names the chief access manager, who
// assigns access managers; they assign administrative staff. The roles of professionals come from the authentic source
// and cannot be changed here.

// ManageStaffRequest changes a person's role in the signing organisation. Exactly one of its parts is set.
type ManageStaffRequest struct {
	Assign  *StaffAssignment
	End     *StaffEnd
	Defects []*problem.Error
}

// StaffAssignment assigns a role to a person. Without a first day it begins today; without a last day it does not end.
type StaffAssignment struct {
	Person ident.SSIN
	Role   platform.Role
	platform.Period
}

// StaffEnd ends a person's role in the signing organisation. With their own certificate, persons end a role of their
// own, in the Organisation.
type StaffEnd struct {
	Person       ident.SSIN
	Role         platform.Role
	Organisation ident.NIHII
}

// StaffState is the state of a role on a day.
type StaffState string

// The states of a role.
const (
	StaffFuture StaffState = "Future"
	StaffActive StaffState = "Active"
	StaffEnded  StaffState = "Ended"
)

// StaffMember is a person's role with its state today.
type StaffMember struct {
	platform.Affiliation
	State StaffState
}

// newStaffMember leaves out the organisation when it is the one whose certificate signed.
func newStaffMember(c platform.Caller, a platform.Affiliation, today ident.Date) StaffMember {
	if !c.Organisation().IsZero() {
		a.Organisation = ident.NIHII{}
	}
	switch {
	case a.HasEnded(today):
		return StaffMember{a, StaffEnded}
	case today.Before(a.From):
		return StaffMember{a, StaffFuture}
	}
	return StaffMember{a, StaffActive}
}

// ManageStaff assigns or ends a person's role in the signing organisation, and returns what changed.
func (s *Service) ManageStaff(ctx context.Context, c platform.Caller, req ManageStaffRequest) ([]StaffMember, error) {
	today := s.runner.Today()
	event := platform.AuditEvent{Outcome: platform.OutcomeAccepted, ConcernsColleague: true}
	switch {
	case req.Assign != nil:
		event.Patient = req.Assign.Person
	case req.End != nil:
		event.Patient = req.End.Person
	}
	changed, err := platform.InTransaction(ctx, s.runner, c, event,
		func(w platform.Writer, e *platform.AuditEvent) ([]platform.Affiliation, error) {
			if err := problem.List(platform.RulesViolated, req.Defects); err != nil {
				return nil, err
			}
			if req.End != nil && c.Organisation().IsZero() {
				return refuseRole(w, c, *req.End, today, e)
			}
			manager, err := lockAndReloadCaller(w, c)
			if err != nil {
				return nil, err
			}
			switch {
			case req.Assign != nil:
				return assignRole(w, manager, *req.Assign, today, e)
			case req.End != nil:
				return endRole(w, manager, *req.End, today, e)
			}
			return nil, problem.New(problem.InternalError)
		})
	var members []StaffMember
	for _, a := range changed {
		members = append(members, newStaffMember(c, a, today))
	}
	return members, err
}

// lockAndReloadCaller returns the caller with their current roles. It locks the organisation's roles until the
// transaction ends, so that a manager whose role is being ended cannot assign roles at the same moment.
func lockAndReloadCaller(w platform.Writer, c platform.Caller) (platform.Caller, error) {
	if c.Organisation().IsZero() {
		return c, nil
	}
	if err := lockStaff(w, c.Organisation()); err != nil {
		return c, err
	}
	affiliations, err := w.Affiliations(c.Organisation(), c.Person())
	return c.WithAffiliations(affiliations), err
}

func lockStaff(w platform.Writer, organisation ident.NIHII) error {
	return w.Lock("staff of " + organisation.Base().Digits())
}

func assignRole(
	w platform.Writer, c platform.Caller, a StaffAssignment, today ident.Date, e *platform.AuditEvent,
) ([]platform.Affiliation, error) {
	reason, err := authorization.MayManageRole(
		c, authorization.RoleChange{Role: a.Role, Person: a.Person}, "Assign", today,
	)
	if err != nil {
		return nil, err
	}
	if a.From.IsZero() {
		a.From = today
	}
	results := platform.RuleResults{}
	checkPeriod(&results, "Assign.Period", a.Period, today)
	if err = results.ToError(); err != nil {
		return nil, err
	}
	existing, err := findUnendedRoles(w, c.Organisation(), a.Person, a.Role, today)
	switch {
	case err != nil:
		return nil, err
	case len(existing) > 0:
		return nil, problem.New(StaffRoleExists).WithPath("Assign.Role")
	}
	e.Reason = "assign " + string(a.Role) + ", " + reason
	assigned := platform.Affiliation{Organisation: c.Organisation(), SSIN: a.Person, Role: a.Role, Period: a.Period}
	return []platform.Affiliation{assigned}, w.SaveAffiliation(assigned)
}

// findUnendedRoles returns a person's affiliations to an organisation with the given role that have not ended.
func findUnendedRoles(
	s platform.Reader, organisation ident.NIHII, person ident.SSIN, role platform.Role, today ident.Date,
) ([]platform.Affiliation, error) {
	all, err := s.Affiliations(organisation, person)
	if err != nil {
		return nil, err
	}
	var found []platform.Affiliation
	for _, a := range all {
		if a.Role == role && !a.HasEnded(today) {
			found = append(found, a)
		}
	}
	return found, nil
}

func endRole(
	w platform.Writer, c platform.Caller, end StaffEnd, today ident.Date, e *platform.AuditEvent,
) ([]platform.Affiliation, error) {
	if !end.Organisation.IsZero() && end.Organisation.Base() != c.Organisation().Base() {
		return nil, problem.New(authorization.MayNotManageStaff)
	}
	reason, err := authorization.MayManageRole(
		c, authorization.RoleChange{Role: end.Role, Person: end.Person, IsEnding: true}, "End", today,
	)
	if err != nil {
		return nil, err
	}
	return endRoles(w, c.Organisation(), end, reason, today, e)
}

// refuseRole ends a role that an organisation gave the caller, who signs with their own certificate.
func refuseRole(
	w platform.Writer, c platform.Caller, end StaffEnd, today ident.Date, e *platform.AuditEvent,
) ([]platform.Affiliation, error) {
	reason, err := authorization.MayRefuseRole(
		c, authorization.RoleChange{Role: end.Role, Person: end.Person, IsEnding: true}, "End",
	)
	switch {
	case err != nil:
		return nil, err
	case end.Organisation.IsZero():
		return nil, problem.New(StaffRoleNotFound).WithPath("End.Role")
	}
	if err = lockStaff(w, end.Organisation); err != nil {
		return nil, err
	}
	return endRoles(w, end.Organisation, end, reason, today, e)
}

// endRoles ends a person's roles with yesterday as their last day.
func endRoles(
	w platform.Writer, organisation ident.NIHII, end StaffEnd, reason string, today ident.Date, e *platform.AuditEvent,
) ([]platform.Affiliation, error) {
	all, err := findUnendedRoles(w, organisation, end.Person, end.Role, today)
	switch {
	case err != nil:
		return nil, err
	case len(all) == 0:
		return nil, problem.New(StaffRoleNotFound).WithPath("End.Role")
	}
	for i := range all {
		all[i].To, all[i].EndedOn = today.AddDays(-1), today
		if err := w.SaveAffiliation(all[i]); err != nil {
			return nil, err
		}
	}
	e.Reason = "end " + string(end.Role) + ", " + reason
	return all, nil
}

// ListStaffResult is a page of an organisation's staff.
type ListStaffResult struct {
	Total   int
	Members []StaffMember
}

// ListStaff lists the roles in the signing organisation, including past ones; only its access managers may see them.
// Persons who sign with their own certificate see their own roles, in any organisation.
func (s *Service) ListStaff(ctx context.Context, c platform.Caller, page platform.Page) (ListStaffResult, error) {
	event := platform.AuditEvent{Outcome: platform.OutcomeAccepted}
	today := s.runner.Today()
	return platform.ReadAndRecord(ctx, s.runner, c, nil, &event, func(reader platform.Reader) (ListStaffResult, error) {
		var err error
		if c.Organisation().IsZero() {
			event.Reason = "own roles"
			return listOwnRoles(reader, c, page, today)
		}
		if event.Reason, err = authorization.MaySeeStaff(c, today); err != nil {
			return ListStaffResult{}, err
		}
		all, total, err := reader.ListStaff(c.Organisation(), page.Offset, page.Limit)
		found := ListStaffResult{Total: total}
		for _, a := range all {
			found.Members = append(found.Members, newStaffMember(c, a, today))
		}
		return found, err
	})
}

// listOwnRoles lists the caller's roles in all organisations, ordered by their first day.
func listOwnRoles(
	reader platform.Reader, c platform.Caller, page platform.Page, today ident.Date,
) (ListStaffResult, error) {
	all, err := reader.Affiliations(ident.NIHII{}, c.Person())
	found := ListStaffResult{Total: len(all)}
	for _, a := range platform.SlicePage(all, page) {
		found.Members = append(found.Members, newStaffMember(c, a, today))
	}
	return found, err
}
