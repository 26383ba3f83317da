package implants

import (
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// This file holds the authorisation decisions. A decision is a reason, which the audit log stores, or a refusal.
//
//	action               | operating doctor         | other doctor             | staff of the doctor's      | patient,
//	                     |                          |                          | organisation, or mandated  | others
//	notify or revise as  | yes, the own surgery     | only when mandated       | yes                        | no
//	  Draft, Submit      |                          |                          |                            |
//	see, discard pending | yes, the own surgery     | only when mandated       | yes                        | no
//	notify as Final,     | yes, the own surgery     | no                       | no                         | no
//	  validate, revise,  |                          |                          |                            |
//	  withdraw           |                          |                          |                            |
//	search by patient,   | own notifications, all   | all with a care          | no                         | own data
//	  list, card         |   with a relation        |   relation that day, or  |                            |
//	                     |                          |   in an emergency        |                            |
//	search by implant    | own patients             | own patients             | no                         | no
//	read by number       | own, or with a relation  | with a relation, or in   | no                         | own data
//	                     |                          |   an emergency           |                            |
//	search the devices   | yes                      | yes                      | yes                        | yes
//	grant, transfer a    | yes                      | yes                      | no                         | no
//	  mandate            |                          |                          |                            |
//	accept a mandate     | as grantee               | as grantee               | as grantee                 | as grantee
//	end a mandate        | as either party          | as either party          | as either party            | as either party
//	list mandates        | own                      | own                      | own                        | own
//
// Managing the roles in an organisation depends on the caller's role there only:
//
//	action               | chief access manager     | access manager           | others
//	assign, end          | yes                      | yes                      | no
//	  AdministrativeStaff|                          |                          |
//	assign AccessManager | yes                      | yes                      | no
//	end AccessManager    | yes                      | only their own           | no
//	assign, end any      | no                       | no                       | no
//	  other role         |                          |                          |
//	list the staff       | yes                      | yes                      | no
//
// docs/permissions.md has the same tables with the refusals, and TestPermissions checks every cell of them.
//
// Which day counts: a read needs its right on the day of the request. A final notification needs it on the surgery
// date, on which the author must also be attached to the signing organisation. Anyone who prepares a notification must
// be attached today; if they prepare as staff, the doctor must be attached on the surgery date. A mandate must be
// accepted and in force today. A management role must be in force today, in the signing organisation; it includes no
// staff rights.
//
// Inside an organisation, a person acts as a doctor only if the authentic source attaches them to it as a professional:
// otherwise an access manager could make any doctor one of the organisation and act in that doctor's name.

// notifyFacts are the facts that decide whether a caller may submit a notification.
type notifyFacts struct {
	save                State
	specialist          ProfessionalRef // resolved
	specialistPractices []Practice      // of the specialist
	surgeryDate         ident.Date      // the date of the surgery
	today               ident.Date
	delegation          delegation
	requireCareRelation bool
	hasCareRelation     bool // a care relation exists on the surgery date; loaded only where it is required
}

// delegation holds the grounds on which a caller may prepare notifications for a specialist.
type delegation struct {
	isColleague bool // on the surgery date, the specialist belongs to the caller's organisation
	isMandated  bool // the specialist's mandate to the caller is accepted and in force today
}

// mayNotify decides who may submit a notification. It rejects another doctor's surgery, but leaves to the rules
// (rules.go) whether the named specialist was a doctor on that day, so that this violation is reported with the
// others.
func mayNotify(c Caller, a notifyFacts) (string, error) {
	doctor := slices.ContainsFunc(c.practices, func(p Practice) bool { return p.Profession == Physician || p.Profession == Dentist })
	own := a.specialist.SSIN == c.person
	switch {
	case a.save != Final && (!doctor || !own):
		return mayPrepare(c, a.delegation, a.today)
	case !doctor:
		return "", problem.New(problem.MayNotNotify)
	// Dates before minSurgeryYear are left to the rules, which report a more precise violation.
	case a.surgeryDate.Year() >= minSurgeryYear && !c.canPractiseOn(a.surgeryDate):
		return "", problem.New(problem.AuthorNotAttached).WithPath(authorPath)
	case !own && hasPracticeOn(a.specialistPractices, a.surgeryDate, Physician, Dentist):
		return "", problem.New(problem.NotYourOperation)
	case a.save == Final && a.requireCareRelation && !a.hasCareRelation:
		return "", problem.New(problem.LinkRequired)
	}
	return reasonSpecialist, nil
}

const reasonSpecialist = "specialist of the operation"

// mayPrepare decides who may prepare a notification for another specialist.
func mayPrepare(c Caller, s delegation, today ident.Date) (string, error) {
	switch {
	case !c.isAttachedOn(today):
		return "", problem.New(problem.AuthorNotAttached).WithPath(authorPath)
	case s.isMandated:
		return "mandate of the specialist", nil
	case s.isColleague && c.isStaffOn(today):
		return "administrative staff of the specialist's organisation", nil
	}
	return "", problem.New(problem.MayNotPrepare)
}

// maySeePending decides who may see a notification that is not final: its specialist, and anyone who may prepare it.
func maySeePending(c Caller, n *Notification, s delegation, today ident.Date) (string, bool) {
	switch {
	case !c.isAttachedOn(today):
		return "", false
	case n.Specialist.SSIN == c.person && c.canPractiseOn(today):
		return reasonSpecialist, true
	case s.isMandated:
		return "mandate of the specialist", true
	case c.isStaffOn(today) && n.Organisation.Base() == c.organisation.Base():
		return "administrative staff of the organisation", true
	}
	return "", false
}

// mayListPending decides which pending notifications a caller may list: their own, those of the organisation whose
// staff they are, and those of the doctors whose mandate they hold.
func mayListPending(c Caller, mandates []Mandate, today ident.Date) (PendingQuery, string, error) {
	if !c.isAttachedOn(today) {
		return PendingQuery{}, "", problem.New(problem.AuthorNotAttached).WithPath(authorPath)
	}
	var q PendingQuery
	var reasons []string
	if c.capacityOn(today) == CapacityDoctor {
		q.Specialist = c.person
		reasons = append(reasons, "own notifications")
	}
	if c.isStaffOn(today) {
		q.Organisation = c.organisation
		reasons = append(reasons, "administrative staff of the organisation")
	}
	for _, m := range mandates {
		if m.isInForceOn(today) {
			q.MandateGrantors = append(q.MandateGrantors, m.Grantor)
		}
	}
	if len(q.MandateGrantors) > 0 {
		reasons = append(reasons, "mandates")
	}
	if len(reasons) == 0 {
		return q, "", problem.New(problem.MayNotPrepare)
	}
	return q, strings.Join(reasons, ", "), nil
}

// patientAccess is how much of a patient's data a caller may see.
type patientAccess struct {
	seesAll     bool   // all data
	seesOwn     bool   // only the caller's own notifications
	isEmergency bool   // all data, but only because of an emergency
	reason      string // why; empty when the caller may see nothing
}

// mayRead decides who may read a patient's data. In an emergency a doctor who gives a reason may read everything; the
// reason is recorded in the audit log. Data that the caller may not see is withheld, which is not a refusal: the
// answer is the same as if the data did not exist.
func mayRead(c Caller, patient ident.SSIN, links []TherapeuticLink, today ident.Date, emergency string) (patientAccess, error) {
	if c.organisation.IsZero() && patient == c.person {
		return patientAccess{seesAll: true, reason: "patient's own data"}, nil
	}
	if !c.isAttachedOn(today) {
		return patientAccess{}, problem.New(problem.AuthorNotAttached).WithPath(authorPath)
	}
	switch c.capacityOn(today) {
	case CapacityDoctor:
		for _, l := range links {
			if l.Contains(today) {
				return patientAccess{seesAll: true, reason: "therapeutic relation: " + l.Type}, nil
			}
		}
		if emergency != "" {
			return patientAccess{seesAll: true, isEmergency: true, reason: "emergency"}, nil
		}
		return patientAccess{seesOwn: true, reason: "own notifications"}, nil
	case CapacityPatient:
		return patientAccess{}, nil
	case CapacityProfessional, CapacityManager, CapacityStaff:
	}
	return patientAccess{}, problem.New(problem.MayNotRead)
}

// maySearchByImplant decides who may search for an implant among their own patients.
func maySearchByImplant(c Caller, today ident.Date) (string, error) {
	if !c.isAttachedOn(today) {
		return "", problem.New(problem.AuthorNotAttached).WithPath(authorPath)
	}
	if c.capacityOn(today) != CapacityDoctor {
		return "", problem.New(problem.MayNotSearch)
	}
	return "own patients", nil
}

// mayGrantMandate decides who may grant a mandate or transfer one.
func mayGrantMandate(c Caller, today ident.Date) (string, error) {
	if err := mayActForSelf(c, today); err != nil {
		return "", err
	}
	if c.capacityOn(today) != CapacityDoctor {
		return "", problem.New(problem.MayNotMandate)
	}
	return "doctor, grantor of the mandate", nil
}

// mayActForSelf decides who may perform the actions that are open to everyone in their own name.
func mayActForSelf(c Caller, today ident.Date) error {
	if !c.isAttachedOn(today) {
		return problem.New(problem.AuthorNotAttached).WithPath(authorPath)
	}
	return nil
}

// roleChange is a person's role that begins or ends.
type roleChange struct {
	role     Role
	person   ident.SSIN
	isEnding bool
}

// mayManageRole decides who may assign and end roles in the signing organisation.
func mayManageRole(c Caller, m roleChange, path string, today ident.Date) (string, error) {
	reason, err := maySeeStaff(c, today)
	switch {
	case err != nil:
		return "", err
	case !m.role.isAssignable():
		return "", problem.New(problem.RoleOfSource).WithPath(path + "/Role")
	case m.role == RoleManager && m.isEnding && m.person != c.person && !c.hasRole(RoleChiefManager, today):
		return "", problem.New(problem.ManagerNotYours).WithPath(path + "/Role")
	}
	return reason, nil
}

// maySeeStaff decides who may see the roles in the signing organisation: only its access managers.
func maySeeStaff(c Caller, today ident.Date) (string, error) {
	switch {
	case c.hasRole(RoleChiefManager, today):
		return "chief access manager of the organisation", nil
	case c.hasRole(RoleManager, today):
		return "access manager of the organisation", nil
	case !c.isAttachedOn(today):
		return "", problem.New(problem.AuthorNotAttached).WithPath(authorPath)
	}
	return "", problem.New(problem.MayNotManageStaff)
}
