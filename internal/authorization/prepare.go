package authorization

import (
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// Submission holds the facts that decide whether a caller may submit a notification.
type Submission struct {
	Preparation
	IsFinal             bool // it becomes or stays final
	SpecialistPractices []platform.Practice
	// IsDateImplausible leaves a surgery date before all affiliations to the rules, which report a more precise
	// violation.
	IsDateImplausible   bool
	Today               ident.Date
	RequireCareRelation bool
	// HasCareRelation says that a care relation of the authentic source exists on the surgery date; loaded only where it
	// is required.
	HasCareRelation bool
}

// Preparation is a notification that waits to become final, with the grounds on which the caller may prepare it.
type Preparation struct {
	Specialist  ident.SSIN // zero when unknown
	SurgeryDate ident.Date
	Delegation  Delegation // from the specialist to the caller
}

// Delegation holds the grounds on which a caller may prepare notifications for a specialist.
type Delegation struct {
	IsColleague bool // on the surgery date, the specialist belongs to the caller's organisation
	// IsMandated says that the specialist's mandate to the caller is accepted and in force today; inside an organisation,
	// that the specialist also belongs to it today.
	IsMandated bool
}

// NewDelegation returns the grounds on which a caller may prepare notifications of a specialist's surgery on a day,
// given the mandates that the caller received and the specialist's affiliations to the caller's organisation. Neither
// the caller nor the organisation can make a specialist one of the organisation: only the authentic source can.
func NewDelegation(
	c platform.Caller, specialist ident.SSIN, mandates []platform.Mandate, roles []platform.Affiliation,
	day, today ident.Date,
) Delegation {
	isMandated := slices.ContainsFunc(
		mandates, func(m platform.Mandate) bool { return m.Grantor == specialist && m.IsInForceOn(today) },
	)
	if c.Organisation().IsZero() {
		return Delegation{IsMandated: isMandated}
	}
	return Delegation{
		IsColleague: platform.HasProfessionalRoleOn(roles, day),
		IsMandated:  isMandated && platform.HasProfessionalRoleOn(roles, today),
	}
}

// MayNotify decides who may submit a notification. It rejects another doctor's surgery, but leaves to the rules of the
// register whether the named specialist was a doctor on that day, so that this violation is reported with the others.
func MayNotify(c platform.Caller, s Submission) (string, error) {
	own := s.Specialist == c.Person()
	switch {
	case !s.IsFinal:
		return MayPrepare(c, s.Preparation, s.Today)
	case !c.IsDoctor():
		return "", problem.New(MayNotNotify)
	case !s.IsDateImplausible && !c.CanPractiseOn(s.SurgeryDate):
		return "", problem.New(AuthorNotAttached).WithPath(platform.AuthorPath)
	case !own && platform.HasPracticeOn(s.SpecialistPractices, s.SurgeryDate, platform.Physician, platform.Dentist):
		return "", problem.New(NotYourOperation)
	case s.RequireCareRelation && !s.HasCareRelation:
		return "", problem.New(LinkRequired)
	}
	return reasonSpecialist, nil
}

const reasonSpecialist = "specialist of the operation"

// MayPrepare decides who may prepare a notification. The same people, and nobody else, may see and discard it as long
// as it was never final.
func MayPrepare(c platform.Caller, p Preparation, today ident.Date) (string, error) {
	own := p.Specialist == c.Person() && c.IsDoctor()
	switch {
	case !c.IsAttachedOn(today) || own && !c.CanPractiseOn(p.SurgeryDate):
		return "", problem.New(AuthorNotAttached).WithPath(platform.AuthorPath)
	case own:
		return reasonSpecialist, nil
	case p.Delegation.IsMandated:
		return "mandate of the specialist", nil
	case p.Delegation.IsColleague && c.IsStaffOn(today):
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

// PendingScope selects the pending notifications that a caller may prepare: those of any of the specialists, and those
// whose specialist was a professional of the organisation on the day of surgery.
type PendingScope struct {
	Specialists  []ident.SSIN
	Organisation ident.NIHII
	OnlyBy       ident.SSIN // unless it is zero, restricts those of the organisation to this specialist's
}

// MayListPending decides which pending notifications a caller may list: all that [MayPrepare] lets the caller prepare.
// The grantors are those whose mandate the caller may use.
func MayListPending(c platform.Caller, grantors []ident.SSIN, today ident.Date) (PendingScope, string, error) {
	if !c.IsAttachedOn(today) {
		return PendingScope{}, "", problem.New(AuthorNotAttached).WithPath(platform.AuthorPath)
	}
	scope := PendingScope{Specialists: grantors}
	var reasons []string
	if c.IsDoctor() {
		reasons = append(reasons, "own notifications")
		if c.Organisation().IsZero() {
			scope.Specialists = append(slices.Clip(grantors), c.Person())
		} else {
			scope.Organisation, scope.OnlyBy = c.Organisation(), c.Person()
		}
	}
	if c.IsStaffOn(today) {
		scope.Organisation, scope.OnlyBy = c.Organisation(), ident.SSIN{}
		reasons = append(reasons, "administrative staff of the organisation")
	}
	if len(grantors) > 0 {
		reasons = append(reasons, "mandates")
	}
	if len(reasons) == 0 {
		return PendingScope{}, "", problem.New(MayNotPrepare)
	}
	return scope, strings.Join(reasons, ", "), nil
}
