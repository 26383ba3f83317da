package register

import (
	"slices"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
)

// This file holds every decision about who may. A decision is a reason, which the audit trail keeps, or a refusal.
//
//	action              | operating doctor         | other doctor            | staff, others | patient
//	notify as Final     | yes, the own operation   | no                      | no            | no
//	search by patient,  | own notifications, all   | all with a therapeutic  | no            | own data
//	  list, card        |   with a relation        |   relation that day     |               |
//	search by implant   | own patients             | own patients            | no            | no
//	search by number    | own, or with a relation  | with a relation         | no            | own data
//
// Reads ask for the day of the request; a notification asks for the day of the operation, on which the author must be
// attached to the organisation that signs.

// mayNotify decides about a final notification of an operation. Whether the specialist named was a doctor on that day is
// a rule (see rules.go), told together with the others; so only another doctor's operation is refused here.
func mayNotify(c Caller, specialist ProfessionalRef, practices []Practice, day ident.Date, linked, requireLink bool) (string, error) {
	if !slices.ContainsFunc(c.practices, func(p Practice) bool { return p.Profession == Physician || p.Profession == Dentist }) {
		return "", problem.New(problem.MayNotNotify)
	}
	// A day before the register's time is left to the rules: they refuse it, and say better what is wrong with it.
	if day.Year() >= firstYear && !c.attachedOn(day) {
		return "", problem.New(problem.AuthorNotAttached).In(authorPath)
	}
	if specialist.SSIN != c.person && practisesOn(practices, day, Physician, Dentist) {
		return "", problem.New(problem.NotYourOperation)
	}
	if requireLink && !linked {
		return "", problem.New(problem.LinkRequired)
	}
	return "specialist of the operation", nil
}

// Access is how much of a patient's data a caller may see.
type access struct {
	all    bool   // everything
	own    bool   // only the caller's own notifications
	reason string // why; empty when nothing may be seen
}

// mayRead decides about reading a patient's data. What may not be seen is withheld, which is no refusal: the caller
// gets the answer that he would get if nothing were there.
func mayRead(c Caller, patient ident.SSIN, links []TherapeuticLink, today ident.Date) (access, error) {
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
		return access{own: true, reason: "own notifications"}, nil
	case CapacityPatient:
		return access{}, nil
	case CapacityProfessional, CapacityStaff:
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
