package authorization

import (
	"errors"
	"strings"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// MayActInside decides whether a person may act inside the signing organisation at all: the authentic source or the
// organisation must attach them to it. The day is decided by each action.
func MayActInside(person ident.SSIN, affiliations []platform.Affiliation) error {
	if person.IsZero() || len(affiliations) == 0 {
		return problem.New(AuthorNotAttached).WithPath(platform.AuthorPath)
	}
	return nil
}

// Submission holds the facts that decide whether a caller may submit a notification.
type Submission struct {
	IsFinal             bool       // it becomes or stays final
	Specialist          ident.SSIN // zero when unknown
	SpecialistPractices []platform.Practice
	SurgeryDate         ident.Date
	// IsDateImplausible leaves a surgery date before all affiliations to the rules, which report a more precise
	// violation.
	IsDateImplausible   bool
	Today               ident.Date
	Delegation          Delegation
	RequireCareRelation bool
	HasCareRelation     bool // a care relation exists on the surgery date; loaded only where it is required
}

// Delegation holds the grounds on which a caller may prepare notifications for a specialist.
type Delegation struct {
	IsColleague bool // on the surgery date, the specialist belongs to the caller's organisation
	IsMandated  bool // the specialist's mandate to the caller is accepted and in force today
}

// MayNotify decides who may submit a notification. It rejects another doctor's surgery, but leaves to the rules of the
// register whether the named specialist was a doctor on that day, so that this violation is reported with the others.
func MayNotify(c platform.Caller, s Submission) (string, error) {
	doctor := c.IsDoctor()
	own := s.Specialist == c.Person()
	switch {
	case !s.IsFinal && (!doctor || !own):
		return mayPrepare(c, s.Delegation, s.Today)
	case !doctor:
		return "", problem.New(MayNotNotify)
	case !s.IsDateImplausible && !c.CanPractiseOn(s.SurgeryDate):
		return "", problem.New(AuthorNotAttached).WithPath(platform.AuthorPath)
	case !own && platform.HasPracticeOn(s.SpecialistPractices, s.SurgeryDate, platform.Physician, platform.Dentist):
		return "", problem.New(NotYourOperation)
	case s.IsFinal && s.RequireCareRelation && !s.HasCareRelation:
		return "", problem.New(LinkRequired)
	}
	return reasonSpecialist, nil
}

const reasonSpecialist = "specialist of the operation"

// mayPrepare decides who may prepare a notification for another specialist.
func mayPrepare(c platform.Caller, d Delegation, today ident.Date) (string, error) {
	switch {
	case !c.IsAttachedOn(today):
		return "", problem.New(AuthorNotAttached).WithPath(platform.AuthorPath)
	case d.IsMandated:
		return "mandate of the specialist", nil
	case d.IsColleague && c.IsStaffOn(today):
		return "administrative staff of the specialist's organisation", nil
	}
	return "", problem.New(MayNotPrepare)
}

// MayChangeFinal decides who may change a final notification: only its specialist.
func MayChangeFinal(c platform.Caller, specialist ident.SSIN) error {
	if specialist != c.Person() {
		return problem.New(NotYourOperation)
	}
	return nil
}

// Pending is a notification that was never final.
type Pending struct {
	Specialist   ident.SSIN
	Organisation ident.NIHII // that saved it last
	Delegation   Delegation  // from its specialist to the caller
}

// MaySeePending decides who may see a notification that was never final: its specialist, and anyone who may prepare it.
func MaySeePending(c platform.Caller, n Pending, today ident.Date) (string, bool) {
	switch {
	case !c.IsAttachedOn(today):
		return "", false
	case n.Specialist == c.Person() && c.CanPractiseOn(today):
		return reasonSpecialist, true
	case n.Delegation.IsMandated:
		return "mandate of the specialist", true
	case c.IsStaffOn(today) && n.Organisation.Base() == c.Organisation().Base():
		return "administrative staff of the organisation", true
	}
	return "", false
}

// PendingScope limits which pending notifications a caller may list: those of any of the specialists, and those of the
// organisation.
type PendingScope struct {
	Specialist      ident.SSIN
	MandateGrantors []ident.SSIN // specialists who gave the caller a mandate
	Organisation    ident.NIHII
}

// MayListPending decides which pending notifications a caller may list: their own, those of the organisation whose
// staff they are, and those of the doctors whose mandate they hold.
func MayListPending(c platform.Caller, mandates []platform.Mandate, today ident.Date) (PendingScope, string, error) {
	if !c.IsAttachedOn(today) {
		return PendingScope{}, "", problem.New(AuthorNotAttached).WithPath(platform.AuthorPath)
	}
	var scope PendingScope
	var reasons []string
	if c.CapacityOn(today) == platform.CapacityDoctor {
		scope.Specialist = c.Person()
		reasons = append(reasons, "own notifications")
	}
	if c.IsStaffOn(today) {
		scope.Organisation = c.Organisation()
		reasons = append(reasons, "administrative staff of the organisation")
	}
	for _, m := range mandates {
		if m.IsInForceOn(today) {
			scope.MandateGrantors = append(scope.MandateGrantors, m.Grantor)
		}
	}
	if len(scope.MandateGrantors) > 0 {
		reasons = append(reasons, "mandates")
	}
	if len(reasons) == 0 {
		return PendingScope{}, "", problem.New(MayNotPrepare)
	}
	return scope, strings.Join(reasons, ", "), nil
}

// PatientAccess is how much of a patient's data a caller may see.
type PatientAccess struct {
	SeesAll     bool   // all data
	SeesOwn     bool   // only the caller's own notifications
	IsEmergency bool   // all data, but only because of an emergency
	Reason      string // why; empty when the caller may see nothing
}

// SeesNothing reports whether the caller may see none of the data.
func (a PatientAccess) SeesNothing() bool { return !a.SeesAll && !a.SeesOwn }

// Sees reports whether the caller may see a notification; own says whether they are its specialist.
func (a PatientAccess) Sees(own bool) bool { return a.SeesAll || a.SeesOwn && own }

// MayRead decides who may read a patient's data. In an emergency a doctor who gives a reason may read everything; the
// reason is recorded in the audit log. Data that the caller may not see is withheld, which is not a refusal: the
// answer is the same as if the data did not exist.
func MayRead(
	c platform.Caller, patient ident.SSIN, links []platform.TherapeuticLink, today ident.Date, emergency string,
) (PatientAccess, error) {
	if c.Organisation().IsZero() && patient == c.Person() {
		return PatientAccess{SeesAll: true, Reason: platform.ReasonOwnData}, nil
	}
	if !c.IsAttachedOn(today) {
		return PatientAccess{}, problem.New(AuthorNotAttached).WithPath(platform.AuthorPath)
	}
	switch c.CapacityOn(today) {
	case platform.CapacityDoctor:
		for _, l := range links {
			if l.Contains(today) {
				return PatientAccess{SeesAll: true, Reason: "therapeutic relation: " + l.Type}, nil
			}
		}
		if emergency != "" {
			return PatientAccess{SeesAll: true, IsEmergency: true, Reason: "emergency"}, nil
		}
		return PatientAccess{SeesOwn: true, Reason: "own notifications"}, nil
	case platform.CapacityPatient:
		return PatientAccess{}, nil
	case platform.CapacityProfessional, platform.CapacityManager, platform.CapacityStaff:
	}
	return PatientAccess{}, problem.New(MayNotRead)
}

// MayReadAnyPatient rejects callers who may read no patient data, whether or not the item exists.
func MayReadAnyPatient(c platform.Caller, today ident.Date) error {
	_, err := MayRead(c, ident.SSIN{}, nil, today, "")
	return err
}

// Withhold decides what a caller is told about an existing notification, given whether they may see it and the refusal
// of that decision. Only a caller who names the number, which can be guessed, gets MAY_NOT_READ; a reference must
// reveal nothing.
func Withhold(visible bool, refusal error, namesNumber bool) error {
	if !namesNumber && errors.Is(refusal, problem.Forbidden) {
		refusal = nil
	}
	if refusal == nil && !visible {
		return problem.New(NotificationWithheld)
	}
	return refusal
}

// MaySearchByImplant decides who may search for an implant among their own patients.
func MaySearchByImplant(c platform.Caller, today ident.Date) (string, error) {
	if !c.IsAttachedOn(today) {
		return "", problem.New(AuthorNotAttached).WithPath(platform.AuthorPath)
	}
	if c.CapacityOn(today) != platform.CapacityDoctor {
		return "", problem.New(MayNotSearch)
	}
	return "own patients", nil
}

// MayGrantMandate decides who may grant a mandate or transfer one.
func MayGrantMandate(c platform.Caller, today ident.Date) (string, error) {
	if err := MayActForSelf(c, today); err != nil {
		return "", err
	}
	if c.CapacityOn(today) != platform.CapacityDoctor {
		return "", problem.New(MayNotMandate)
	}
	return "doctor, grantor of the mandate", nil
}

// MayActForSelf decides who may perform the actions that are open to everyone in their own name.
func MayActForSelf(c platform.Caller, today ident.Date) error {
	if !c.IsAttachedOn(today) {
		return problem.New(AuthorNotAttached).WithPath(platform.AuthorPath)
	}
	return nil
}

// RoleChange is a person's role that begins or ends.
type RoleChange struct {
	Role     platform.Role
	Person   ident.SSIN
	IsEnding bool
}

// MayManageRole decides who may assign and end roles in the signing organisation.
func MayManageRole(c platform.Caller, m RoleChange, path platform.Path, today ident.Date) (string, error) {
	reason, err := MaySeeStaff(c, today)
	switch {
	case err != nil:
		return "", err
	case !m.Role.IsAssignable():
		return "", problem.New(RoleOfSource).WithPath(path.Field("Role").String())
	case m.Role == platform.RoleManager && m.IsEnding && m.Person != c.Person() &&
		!c.HasRole(platform.RoleChiefManager, today):
		return "", problem.New(ManagerNotYours).WithPath(path.Field("Role").String())
	}
	return reason, nil
}

// MaySeeStaff decides who may see the roles in the signing organisation: only its access managers.
func MaySeeStaff(c platform.Caller, today ident.Date) (string, error) {
	switch {
	case c.HasRole(platform.RoleChiefManager, today):
		return "chief access manager of the organisation", nil
	case c.HasRole(platform.RoleManager, today):
		return "access manager of the organisation", nil
	case !c.IsAttachedOn(today):
		return "", problem.New(AuthorNotAttached).WithPath(platform.AuthorPath)
	}
	return "", problem.New(MayNotManageStaff)
}
