package authorization

import (
	"errors"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

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

// surgeryCareMonths is how long the care relation of a surgery lasts, from the surgery date.
const surgeryCareMonths = 15

// SurgeryCare returns the days on which a surgery opens the patient's data to its specialist.
func SurgeryCare(surgery ident.Date) platform.Period {
	return platform.Period{From: surgery, To: surgery.AddMonths(surgeryCareMonths)}
}

// MayRead decides who may read a patient's data. A doctor may read everything with a care relation of the authentic
// source, else as long as their own surgery on the patient is recent, else in an emergency that was admitted. Data that
// the caller may not see is withheld, which is not a refusal: the answer is the same as if the data did not exist.
func MayRead(
	c platform.Caller, patient ident.SSIN, care platform.Care, today ident.Date, isEmergency bool,
) (PatientAccess, error) {
	if c.Organisation().IsZero() && patient == c.Person() {
		return PatientAccess{SeesAll: true, Reason: platform.ReasonOwnData}, nil
	}
	if !c.IsAttachedOn(today) {
		return PatientAccess{}, problem.New(AuthorNotAttached).WithPath(platform.AuthorPath)
	}
	switch c.CapacityOn(today) {
	case platform.CapacityDoctor:
		switch {
		case care.Relation != "":
			return PatientAccess{SeesAll: true, Reason: platform.RelationReason + care.Relation}, nil
		case !care.LastSurgery.IsZero() && SurgeryCare(care.LastSurgery).Contains(today):
			return PatientAccess{SeesAll: true, Reason: platform.ReasonOwnSurgery}, nil
		case isEmergency:
			return PatientAccess{SeesAll: true, IsEmergency: true, Reason: "emergency"}, nil
		}
		return PatientAccess{SeesOwn: true, Reason: reasonOwnNotifications}, nil
	case platform.CapacityPatient:
		return PatientAccess{}, nil
	case platform.CapacityProfessional, platform.CapacityManager, platform.CapacityStaff:
	}
	return PatientAccess{}, problem.New(MayNotRead)
}

const reasonOwnNotifications = "own notifications"

// MayReadNotification is [MayRead] for a single notification. A doctor needs no relation for their own ones.
func MayReadNotification(
	c platform.Caller, patient, specialist ident.SSIN, care platform.Care, today ident.Date, isEmergency bool,
) (PatientAccess, error) {
	a, err := MayRead(c, patient, care, today, isEmergency)
	if a.Reason == platform.ReasonOwnSurgery && specialist == c.Person() {
		a.Reason = reasonOwnNotifications
	}
	return a, err
}

// MayReadAnyPatient rejects callers who may read no patient data, whether or not the item exists.
func MayReadAnyPatient(c platform.Caller, today ident.Date) error {
	_, err := MayRead(c, ident.SSIN{}, platform.Care{}, today, false)
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
