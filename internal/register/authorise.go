package register

import (
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
)

// This file holds every decision about who may. A decision is a reason, which the audit trail keeps, or a refusal.
//
//	action               | operating doctor         | other doctor             | staff of the doctor's      | patient,
//	                     |                          |                          | organisation, or mandated  | others
//	notify or revise as  | yes, the own operation   | only when mandated       | yes                        | no
//	  Draft, Submit      |                          |                          |                            |
//	see, discard pending | yes, the own operation   | only when mandated       | yes                        | no
//	notify as Final,     | yes, the own operation   | no                       | no                         | no
//	  validate, revise,  |                          |                          |                            |
//	  withdraw           |                          |                          |                            |
//	search by patient,   | own notifications, all   | all with a therapeutic   | no                         | own data
//	  list, card         |   with a relation        |   relation that day, or  |                            |
//	                     |                          |   in an emergency        |                            |
//	search by implant    | own patients             | own patients             | no                         | no
//	read by number       | own, or with a relation  | with a relation, or in   | no                         | own data
//	                     |                          |   an emergency           |                            |
//	search the devices   | yes                      | yes                      | yes                        | yes
//	grant, transfer a    | yes                      | yes                      | no                         | no
//	  mandate            |                          |                          |                            |
//	accept a mandate     | as its holder            | as its holder            | as its holder              | as its holder
//	end a mandate        | as grantor or holder     | as grantor or holder     | as grantor or holder       | as grantor or holder
//	list mandates        | own                      | own                      | own                        | own
//
// The roles in an organisation are another matter, whatever one is otherwise:
//
//	action               | chief access manager     | access manager           | everybody else
//	assign, end          | yes                      | yes                      | no
//	  AdministrativeStaff|                          |                          |
//	assign AccessManager | yes                      | yes: a co-manager        | no
//	end AccessManager    | yes                      | only the own             | no
//	assign, end any      | no                       | no                       | no
//	  other role         |                          |                          |
//	list the staff       | yes                      | yes                      | no
//
// docs/permissions.md tells the same with the answers that refusals get, and TestPermissions holds every cell of it.
//
// Reads ask for the day of the request; a final notification asks for the day of the operation, on which the author must
// be attached to the organisation that signs. Who prepares must be attached today, and his doctor on the day of the
// operation. A mandate must have been accepted and hold today. A role of management must hold today, in the organisation that
// signs; it gives none of the rights of staff. Inside an organisation only those act as doctors whom the authentic source
// attaches to it as professionals: no access manager can make a doctor of the organisation, and speak in his name.

// attempt is what somebody wants to become of a notification of an operation.
type attempt struct {
	save        State
	specialist  ProfessionalRef // resolved
	practices   []Practice      // of the specialist
	day         ident.Date      // of the operation
	today       ident.Date
	standing    standing
	requireLink bool
	linked      bool // a therapeutic relation exists on the day; looked up where one is required
}

// standing is how a caller stands to the specialist of an operation.
type standing struct {
	colleague bool // the specialist belongs, on the day of the operation, to the organisation for which the caller signs
	mandated  bool // the specialist gave the caller a mandate that is accepted and holds today
}

// mayNotify decides about a notification of an operation. Whether the specialist named was a doctor on that day is
// a rule (see rules.go), told together with the others; so only another doctor's operation is refused here.
func mayNotify(c Caller, a attempt) (string, error) {
	doctor := slices.ContainsFunc(c.practices, func(p Practice) bool { return p.Profession == Physician || p.Profession == Dentist })
	own := a.specialist.SSIN == c.person
	switch {
	case a.save != Final && (!doctor || !own):
		return mayPrepare(c, a.standing, a.today)
	case !doctor:
		return "", problem.New(problem.MayNotNotify)
	// A day before the register's time is left to the rules: they refuse it, and say better what is wrong with it.
	case a.day.Year() >= firstYear && !c.practisesInside(a.day):
		return "", problem.New(problem.AuthorNotAttached).In(authorPath)
	case !own && practisesOn(a.practices, a.day, Physician, Dentist):
		return "", problem.New(problem.NotYourOperation)
	case a.save == Final && a.requireLink && !a.linked:
		return "", problem.New(problem.LinkRequired)
	}
	return reasonSpecialist, nil
}

const reasonSpecialist = "specialist of the operation"

// mayPrepare decides about a draft of another's notification.
func mayPrepare(c Caller, s standing, today ident.Date) (string, error) {
	switch {
	case !c.attachedOn(today):
		return "", problem.New(problem.AuthorNotAttached).In(authorPath)
	case s.mandated:
		return "mandate of the specialist", nil
	case s.colleague && c.staffOn(today):
		return "administrative staff of the specialist's organisation", nil
	}
	return "", problem.New(problem.MayNotPrepare)
}

// maySeePending decides about a notification that is not final yet: its specialist, and who may prepare it.
func maySeePending(c Caller, n *Notification, s standing, today ident.Date) (string, bool) {
	switch {
	case !c.attachedOn(today):
		return "", false
	case n.Specialist.SSIN == c.person && c.practisesInside(today):
		return reasonSpecialist, true
	case s.mandated:
		return "mandate of the specialist", true
	case c.staffOn(today) && n.Organisation.Base() == c.organisation.Base():
		return "administrative staff of the organisation", true
	}
	return "", false
}

// mayListPending decides whose notifications that wait somebody is shown: the own, those of the organisation whose staff he
// is, and those of the doctors who mandated him.
func mayListPending(c Caller, mandates []Mandate, today ident.Date) (PendingQuery, string, error) {
	if !c.attachedOn(today) {
		return PendingQuery{}, "", problem.New(problem.AuthorNotAttached).In(authorPath)
	}
	var q PendingQuery
	var reasons []string
	if c.capacityOn(today) == CapacityDoctor {
		q.Specialist = c.person
		reasons = append(reasons, "own notifications")
	}
	if c.staffOn(today) {
		q.Organisation = c.organisation
		reasons = append(reasons, "administrative staff of the organisation")
	}
	for _, m := range mandates {
		if m.holdsOn(today) {
			q.Specialists = append(q.Specialists, m.Grantor)
		}
	}
	if len(q.Specialists) > 0 {
		reasons = append(reasons, "mandates")
	}
	if len(reasons) == 0 {
		return q, "", problem.New(problem.MayNotPrepare)
	}
	return q, strings.Join(reasons, ", "), nil
}

// Access is how much of a patient's data a caller may see.
type access struct {
	all       bool   // everything
	own       bool   // only the caller's own notifications
	emergency bool   // everything, because of an emergency alone
	reason    string // why; empty when nothing may be seen
}

// mayRead decides about reading a patient's data. An emergency opens them to a doctor who says why, and is reported. What
// may not be seen is withheld, which is no refusal: the caller gets the answer that he would get if nothing were there.
func mayRead(c Caller, patient ident.SSIN, links []TherapeuticLink, today ident.Date, emergency string) (access, error) {
	if c.organisation.IsZero() && patient == c.person {
		return access{all: true, reason: "patient's own data"}, nil
	}
	if !c.attachedOn(today) {
		return access{}, problem.New(problem.AuthorNotAttached).In(authorPath)
	}
	switch c.capacityOn(today) {
	case CapacityDoctor:
		for _, l := range links {
			if l.Contains(today) {
				return access{all: true, reason: "therapeutic relation: " + l.Type}, nil
			}
		}
		if emergency != "" {
			return access{all: true, emergency: true, reason: "emergency"}, nil
		}
		return access{own: true, reason: "own notifications"}, nil
	case CapacityPatient:
		return access{}, nil
	case CapacityProfessional, CapacityManager, CapacityStaff:
	}
	return access{}, problem.New(problem.MayNotRead)
}

// maySearchByImplant decides about searching an implant among the caller's own patients.
func maySearchByImplant(c Caller, today ident.Date) (string, error) {
	if !c.attachedOn(today) {
		return "", problem.New(problem.AuthorNotAttached).In(authorPath)
	}
	if c.capacityOn(today) != CapacityDoctor {
		return "", problem.New(problem.MayNotSearch)
	}
	return "own patients", nil
}

// mayGrant decides about giving a mandate, or moving one to another holder.
func mayGrant(c Caller, today ident.Date) (string, error) {
	if err := mayActForSelf(c, today); err != nil {
		return "", err
	}
	if c.capacityOn(today) != CapacityDoctor {
		return "", problem.New(problem.MayNotMandate)
	}
	return "doctor, grantor of the mandate", nil
}

// mayActForSelf decides about what everybody may do in his own name.
func mayActForSelf(c Caller, today ident.Date) error {
	if !c.attachedOn(today) {
		return problem.New(problem.AuthorNotAttached).In(authorPath)
	}
	return nil
}

// managedRole is a role of a person that is to begin or to end.
type managedRole struct {
	role   Role
	person ident.SSIN
	ends   bool
}

// mayManage decides about giving and taking a role in the organisation that signs.
func mayManage(c Caller, m managedRole, at string, today ident.Date) (string, error) {
	reason, err := maySeeStaff(c, today)
	switch {
	case err != nil:
		return "", err
	case !m.role.assignable():
		return "", problem.New(problem.RoleOfSource).In(at + "/Role")
	case m.role == RoleManager && m.ends && m.person != c.person && !c.hasRole(RoleChiefManager, today):
		return "", problem.New(problem.ManagerNotYours).In(at + "/Role")
	}
	return reason, nil
}

// maySeeStaff decides about the roles in the organisation that signs: they are the business of its access managers.
func maySeeStaff(c Caller, today ident.Date) (string, error) {
	switch {
	case c.hasRole(RoleChiefManager, today):
		return "chief access manager of the organisation", nil
	case c.hasRole(RoleManager, today):
		return "access manager of the organisation", nil
	case !c.attachedOn(today):
		return "", problem.New(problem.AuthorNotAttached).In(authorPath)
	}
	return "", problem.New(problem.MayNotManageStaff)
}
