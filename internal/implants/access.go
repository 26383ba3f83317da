package implants

import (
	"cmp"
	"context"
	"errors"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/access"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// This file decides what a caller may see of patients' data, before any of it is read. Every read of patient data goes
// through readPatientData, and then through accessPatient or findVisible.

// EmergencyClaim is the emergency that a doctor without a care relation claims, in a request; zero for none.
type EmergencyClaim struct {
	EmergencyReason  string     // why the doctor needs access now
	EmergencyPatient ident.SSIN // whose data; needed where the request names a notification instead
}

// toEmergency returns the emergency of a request that names a patient or a notification.
func (c EmergencyClaim) toEmergency(patient ident.SSIN, namesNotification bool) access.Emergency {
	e := access.Emergency{Reason: c.EmergencyReason, Patient: c.EmergencyPatient}
	if namesNotification {
		e.IsUnnamed = e.Patient.IsZero()
		return e
	}
	e.IsUnnamed = !e.Patient.IsZero() && e.Patient != patient
	e.Patient = patient
	return e
}

// readPatientData decides about the emergency that the caller claims, if any, and runs a read as
// [platform.ReadAndRecord] does.
func readPatientData[T any](
	ctx context.Context, r *Registrar, c platform.Caller, claim access.Emergency, defects []*problem.Error,
	event *platform.AuditEvent, read func(Reader, emergency) (T, error),
) (T, error) {
	var e emergency
	var none T
	if defects = claim.AppendDefects(defects); len(defects) == 0 && claim.Reason != "" && !claim.Patient.IsZero() {
		var err error
		if e, err = r.admitEmergency(ctx, c, claim); err != nil {
			if platform.AsRefusal(err) == nil {
				return none, err
			}
			event.Patient, event.EmergencyReason = claim.Patient, claim.Reason
			return none, r.runner.RecordOutcome(ctx, c, *event, err)
		}
	}
	return platform.ReadAndRecord(ctx, r.runner, c, defects, event, func(s Reader) (T, error) { return read(s, e) })
}

// emergency is an emergency that was admitted, zero for none.
type emergency struct {
	reason  string
	patient ident.SSIN // the newest number
}

// concerns reports whether the emergency opens a patient's data.
func (e emergency) concerns(patient ident.SSIN) bool { return e.reason != "" && patient == e.patient }

// admitEmergency decides about an emergency. Where the patient's data is open to the caller anyway, or stays closed to
// them even in an emergency, there is nothing to admit.
func (r *Registrar) admitEmergency(
	ctx context.Context, c platform.Caller, claim access.Emergency,
) (emergency, error) {
	var admitted emergency
	var refusal error
	today := r.runner.Today()
	failure := r.runner.Store.RunWriteTx(ctx, func(w Writer) error {
		admitted, refusal = emergency{}, nil
		care, err := w.CareOf(claim.Patient, c.Person(), today)
		if err != nil {
			return err
		}
		a, readErr := authorization.MayRead(c, claim.Patient, care, today, true)
		if readErr != nil || !a.IsEmergency {
			return nil //nolint:nilerr // the read will be refused for the same reason
		}
		newest, err := w.CurrentSSIN(claim.Patient)
		if err != nil {
			return err
		}
		if err = access.AdmitEmergency(w, c, claim, r.runner.Now(), today); err == nil {
			admitted = emergency{reason: claim.Reason, patient: newest}
			return nil
		}
		if refusal = platform.AsRefusal(err); refusal != nil {
			err = nil // commits the time at which it will be admitted
		}
		return err
	})
	return admitted, cmp.Or(failure, refusal)
}

// accessPatient decides how much of a patient's data the caller may see, and records it in the audit event.
func (r *Registrar) accessPatient(
	s Reader, c platform.Caller, patient ident.SSIN, e emergency, event *platform.AuditEvent,
) (authorization.PatientAccess, error) {
	today := r.runner.Today()
	care, err := s.CareOf(patient, c.Person(), today)
	if err != nil {
		return authorization.PatientAccess{}, err
	}
	a, err := authorization.MayRead(c, patient, care, today, e.reason != "") // it was admitted for this patient
	event.Reason, event.EmergencyReason = a.Reason, e.reason
	if err == nil && a.SeesNothing() {
		event.Outcome = platform.OutcomeWithheld
	}
	return a, err
}

// located says whether a notification exists and whether the caller may see it. Nothing of it is read for that.
type located struct{ exists, isVisible bool }

// locate decides whether the caller may see a notification. One that was ever final is part of the patient's data; any
// other is visible to whoever may prepare it. A number or reference that does not exist is decided in the same way.
func (r *Registrar) locate(
	s Reader, c platform.Caller, ref NotificationRef, e emergency, event *platform.AuditEvent,
) (located, error) {
	today := r.runner.Today()
	n, exists, err := s.NotificationFacts(ref, c.Person(), c.Organisation(), today)
	if err != nil {
		return located{}, err
	}
	var mandates []platform.Mandate
	if ref.Number.IsZero() {
		if mandates, err = s.MandatesByGrantee(c.Person()); err != nil {
			return located{}, err
		}
	}
	event.Patient, event.Number, event.EmergencyReason = n.Patient, cmp.Or(n.Number, ref.Number), e.reason
	if e.reason != "" {
		event.Patient = e.patient // also when the notification is not theirs, or does not exist
	}
	found := located{exists: exists}
	if ref.Number.IsZero() && n.Number.IsZero() {
		event.Reason, err = authorization.MayPrepare(c, authorization.Preparation{
			Specialist: n.Specialist, SurgeryDate: n.SurgeryDate,
			Delegation: authorization.NewDelegation(c, n.Specialist, mandates, n.SpecialistRoles, n.SurgeryDate, today),
		}, today)
		found.isVisible = err == nil
	} else {
		var a authorization.PatientAccess
		a, err = authorization.MayReadNotification(c, n.Patient, n.Specialist, n.Care, today, e.concerns(n.Patient))
		event.Reason, found.isVisible = a.Reason, err == nil && exists && a.Sees(n.Specialist == c.Person())
	}
	if !exists {
		event.Reason = ""
	}
	return found, err
}

// findVisible returns the current version of a notification. A notification that the caller may not see gives the same
// answer as one that does not exist.
func (r *Registrar) findVisible(
	s Reader, c platform.Caller, ref NotificationRef, e emergency, event *platform.AuditEvent,
) (Notification, error) {
	found, err := r.locate(s, c, ref, e, event)
	if err != nil && platform.AsRefusal(err) == nil {
		return Notification{}, err
	}
	err = authorization.Withhold(found.isVisible, err, !ref.Number.IsZero())
	switch {
	case err == nil:
		return loadCurrent(s, ref)
	case !errors.Is(err, problem.Withheld):
	case found.exists:
		event.Outcome = platform.OutcomeWithheld
	default:
		err = problem.New(authorization.NotificationNotFound)
	}
	return Notification{}, err
}

// loadCurrent returns the current version of a notification that exists.
func loadCurrent(s Reader, ref NotificationRef) (n Notification, err error) {
	var exists bool
	if ref.Number.IsZero() {
		n, exists, err = s.NotificationByReference(ref.Reference)
	} else {
		n, exists, err = s.NotificationByNumber(ref.Number)
	}
	if err == nil && !exists {
		err = problem.New(problem.InternalError)
	}
	return n, err
}
