package access

import (
	"cmp"
	"context"
	"slices"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// This file holds the changes to mandates: grant, accept, end and transfer. The period of a mandate is in whole days,
// both included. A mandate that is ended today therefore gets yesterday as its last day and is no longer in force
// today.

// ManageMandateRequest changes mandates for this register. Exactly one of its parts is set.
type ManageMandateRequest struct {
	Grant    *MandateGrant
	Accept   *MandateAcceptance
	End      *MandateEnd
	Transfer *MandateTransfer
	Defects  []*problem.Error
}

// MandateGrant grants a mandate. Without a first day it begins today; without a last day it does not end.
type MandateGrant struct {
	Grantee ident.SSIN
	platform.Period
}

// MandateAcceptance accepts the mandates that the Grantor gave the caller.
type MandateAcceptance struct {
	Grantor ident.SSIN
}

// MandateEnd ends the mandates from the caller to the Grantee, or from the Grantor to the caller, whichever is set.
type MandateEnd struct {
	Grantee ident.SSIN
	Grantor ident.SSIN
}

// MandateTransfer moves the mandates that the caller gave the Grantee to another person, who must accept them.
type MandateTransfer struct {
	Grantee ident.SSIN
	To      ident.SSIN
}

// otherPerson returns the other person concerned by a change; for a transfer, the new grantee.
func (m ManageMandateRequest) otherPerson() ident.SSIN {
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

// MandateDetail is a mandate with its state today.
type MandateDetail struct {
	platform.Mandate
	State platform.MandateState
}

// ManageMandate grants, accepts, ends or transfers mandates, and returns those that changed. It does not check that
// the other person exists: a refusal would reveal who is registered.
func (s *Service) ManageMandate(
	ctx context.Context, c platform.Caller, req ManageMandateRequest,
) ([]MandateDetail, error) {
	today := s.runner.Today()
	changed, err := platform.InTransaction(ctx, s.runner, c, platform.AuditEvent{
		Outcome:           platform.OutcomeAccepted,
		Patient:           req.otherPerson(),
		ConcernsColleague: true,
	}, func(w platform.Writer, e *platform.AuditEvent) ([]platform.Mandate, error) {
		if err := problem.List(platform.RulesViolated, req.Defects); err != nil {
			return nil, err
		}
		switch {
		case req.Grant != nil:
			return grantMandate(w, c, *req.Grant, today, e)
		case req.Accept != nil:
			return acceptMandates(w, c, req.Accept.Grantor, today, e)
		case req.End != nil:
			return endMandates(w, c, *req.End, today, e)
		case req.Transfer != nil:
			return transferMandates(w, c, *req.Transfer, today, e)
		}
		return nil, problem.New(problem.InternalError)
	})
	return toMandateDetails(changed, today), err
}

func toMandateDetails(all []platform.Mandate, today ident.Date) []MandateDetail {
	var out []MandateDetail
	for _, m := range all {
		out = append(out, MandateDetail{m, m.StateOn(today)})
	}
	return out
}

func grantMandate(
	w platform.Writer, c platform.Caller, grant MandateGrant, today ident.Date, e *platform.AuditEvent,
) ([]platform.Mandate, error) {
	var err error
	if e.Reason, err = authorization.MayGrantMandate(c, today); err != nil {
		return nil, err
	}
	const path platform.Path = "Grant"
	if grant.From.IsZero() {
		grant.From = today
	}
	results := platform.RuleResults{}
	if grant.Grantee == c.Person() {
		results.AddViolation(MandateToSelf, path.Field("Grantee"))
	}
	checkPeriod(&results, path.Field("Period"), grant.Period, today)
	if err = results.ToError(); err != nil {
		return nil, err
	}
	e.Reason = "grant, " + e.Reason
	m := platform.Mandate{
		Grantor: c.Person(),
		Grantee: grant.Grantee,
		Service: platform.MandateService,
		Period:  grant.Period,
	}
	return []platform.Mandate{m}, addMandate(w, m, path.Field("Grantee"), today)
}

// addMandate stores a mandate unless the two persons already have one that has not ended.
func addMandate(w platform.Writer, m platform.Mandate, path platform.Path, today ident.Date) error {
	existing, err := lockUnendedMandates(w, m.Grantor, m.Grantee, today)
	if err != nil {
		return err
	}
	if len(existing) > 0 {
		return problem.New(MandateExists).WithPath(path.String())
	}
	return w.SaveMandate(m)
}

// lockUnendedMandates returns the mandates between two persons that have not ended, ordered by their first day. It
// locks the grantor's mandates, so that concurrent changes wait until the transaction ends.
func lockUnendedMandates(w platform.Writer, grantor, grantee ident.SSIN, today ident.Date) ([]platform.Mandate, error) {
	if err := w.Lock("mandates of " + grantor.Digits()); err != nil {
		return nil, err
	}
	all, err := w.MandatesByGrantor(grantor)
	if err != nil {
		return nil, err
	}
	var found []platform.Mandate
	for _, m := range all {
		if m.Grantee == grantee && m.Service == platform.MandateService && !m.HasEnded(today) {
			found = append(found, m)
		}
	}
	return found, nil
}

func acceptMandates(
	w platform.Writer, c platform.Caller, grantor ident.SSIN, today ident.Date, e *platform.AuditEvent,
) ([]platform.Mandate, error) {
	if err := authorization.MayActPersonally(c); err != nil {
		return nil, err
	}
	all, err := lockUnendedMandates(w, grantor, c.Person(), today)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(m platform.Mandate) bool { return !m.AcceptedOn.IsZero() })
	if len(all) == 0 {
		return nil, problem.New(MandateNotFound).WithPath("Accept.Grantor")
	}
	for i := range all {
		all[i].AcceptedOn = today
		if err := w.SaveMandate(all[i]); err != nil {
			return nil, err
		}
	}
	e.Reason = "accept, grantee of the mandate"
	return all, nil
}

func endMandates(
	w platform.Writer, c platform.Caller, end MandateEnd, today ident.Date, e *platform.AuditEvent,
) ([]platform.Mandate, error) {
	if err := authorization.MayActPersonally(c); err != nil {
		return nil, err
	}
	grantor, grantee, path, reason := c.Person(), end.Grantee, "End.Grantee", "end, grantor of the mandate"
	if !end.Grantor.IsZero() {
		grantor, grantee, path, reason = end.Grantor, c.Person(), "End.Grantor", "end, grantee of the mandate"
	}
	all, err := lockUnendedMandates(w, grantor, grantee, today)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, problem.New(MandateNotFound).WithPath(path)
	}
	e.Reason = reason
	return all, endBeforeToday(w, all, today)
}

// endBeforeToday ends mandates with yesterday as their last day.
func endBeforeToday(w platform.Writer, all []platform.Mandate, today ident.Date) error {
	for i := range all {
		all[i].To, all[i].EndedOn = today.AddDays(-1), today
		if err := w.SaveMandate(all[i]); err != nil {
			return err
		}
	}
	return nil
}

func transferMandates(
	w platform.Writer, c platform.Caller, t MandateTransfer, today ident.Date, e *platform.AuditEvent,
) ([]platform.Mandate, error) {
	reason, err := authorization.MayGrantMandate(c, today)
	if err != nil {
		return nil, err
	}
	if t.To == c.Person() {
		return nil, problem.New(MandateToSelf).WithPath("Transfer.To")
	}
	old, err := lockUnendedMandates(w, c.Person(), t.Grantee, today)
	switch {
	case err != nil:
		return nil, err
	case len(old) == 0:
		return nil, problem.New(MandateNotFound).WithPath("Transfer.Grantee")
	}
	existing, err := lockUnendedMandates(w, c.Person(), t.To, today)
	switch {
	case err != nil:
		return nil, err
	case len(existing) > 0: // also when both are the same person
		return nil, problem.New(MandateExists).WithPath("Transfer.To")
	}
	var moved []platform.Mandate
	for _, m := range old {
		next := platform.Mandate{Grantor: c.Person(), Grantee: t.To, Service: platform.MandateService, Period: m.Period}
		if next.From.Before(today) {
			next.From = today
		}
		if err := w.SaveMandate(next); err != nil {
			return nil, err
		}
		moved = append(moved, next)
	}
	e.Reason, e.OtherPerson = "transfer, "+reason, t.Grantee
	if err := endBeforeToday(w, old, today); err != nil {
		return nil, err
	}
	return append(old, moved...), nil
}

// ListMandatesResult is a page of mandates.
type ListMandatesResult struct {
	Total    int
	Mandates []MandateDetail
}

// ListMandates lists the mandates for this register that the caller granted or received, including past ones, ordered
// by their first day.
func (s *Service) ListMandates(ctx context.Context, c platform.Caller, page platform.Page) (ListMandatesResult, error) {
	event := platform.AuditEvent{Outcome: platform.OutcomeAccepted}
	today := s.runner.Today()
	return platform.ReadAndRecord(ctx, s.runner, c, nil, &event, func(reader platform.Reader) (ListMandatesResult, error) {
		if err := authorization.MayActPersonally(c); err != nil {
			return ListMandatesResult{}, err
		}
		event.Reason = "own mandates"
		given, err := reader.MandatesByGrantor(c.Person())
		if err != nil {
			return ListMandatesResult{}, err
		}
		received, err := reader.MandatesByGrantee(c.Person())
		if err != nil {
			return ListMandatesResult{}, err
		}
		all := slices.DeleteFunc(
			slices.Concat(given, received), func(m platform.Mandate) bool { return m.Service != platform.MandateService },
		)
		slices.SortFunc(all, func(a, b platform.Mandate) int {
			return cmp.Or(
				a.From.Compare(b.From), cmp.Compare(a.Grantor.Digits(), b.Grantor.Digits()),
				cmp.Compare(a.Grantee.Digits(), b.Grantee.Digits()),
			)
		})
		return ListMandatesResult{Total: len(all), Mandates: toMandateDetails(platform.SlicePage(all, page), today)}, nil
	})
}
