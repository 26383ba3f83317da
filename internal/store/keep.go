package store

import (
	"fmt"
	"strings"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

// txWriter implements register.Writer within a transaction.
type update struct{ view }

// Lock makes other transactions that lock one of the same keys wait until this one ends.
func (w update) Lock(keys ...string) error {
	if len(keys) == 0 {
		return nil
	}
	return w.s.dialect.hold(w.s, keys)
}

// NextSequenceNumber returns the next sequence number of a day, starting with 1. There may be gaps, but no number is
// issued twice.
func (w update) NextSequenceNumber(day ident.Date) (uint64, error) {
	running, err := w.s.dialect.nextRunning(w.s, day)
	if err != nil {
		return 0, err
	}
	if running < 1 {
		return 0, w.s.fail(fmt.Errorf("running number %d", running))
	}
	return uint64(running), nil
}

// RecordReplayKey records that a message was used. It returns false when the message was used before.
func (w update) RecordReplayKey(mark register.ReplayKey) (bool, error) {
	n, err := w.s.dialect.spend(w.s, mark.Hash[:], instant(mark.ExpiresAt))
	return n == 1, err
}

const (
	insertNotification = `INSERT INTO notification (reference, version, number, type, state, change, change_reason, specialist, ` +
		`specialist_nihii, operation_date, patient, prescriber, prescriber_nihii, prescription_date, comment, ` +
		`registered_at, digest, signer, organisation, author, input_reference, content_digest) ` +
		`VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertImplant = `INSERT INTO implant (id, reference, version, line, code, udi, lot, serial, expiry, pharmacist, ` +
		`pharmacist_nihii, pharmacy_nihii, pharmacy_cbe, delivery_date, quantity, location, side, udi_di, unregistered) ` +
		`VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertRemoval = `INSERT INTO removal (reference, version, line, implant_id, quantity, reason, remaining, operation_date) ` +
		`VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	insertWarning    = `INSERT INTO warning (reference, version, line, code, path, facts) VALUES (?, ?, ?, ?, ?, ?)`
	insertSubmission = `INSERT INTO submission (signer, input_reference, reference, version) VALUES (?, ?, ?, ?)`
	insertAudit      = `INSERT INTO audit (at, correlation, operation, outcome, codes, reason, emergency, signer, organisation, ` +
		`person, capacity, patient, number) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	upsertPending = `INSERT INTO pending (reference, specialist, author, organisation) VALUES (?, ?, ?, ?) ` +
		`ON CONFLICT (reference) DO UPDATE SET specialist = excluded.specialist, author = excluded.author, ` +
		`organisation = excluded.organisation`
	deletePending = `DELETE FROM pending WHERE reference = ?`
	insertLink    = `INSERT INTO therapeutic_link (patient, professional, type, valid_from, valid_to) ` +
		`VALUES (?, ?, ?, ?, ?) ON CONFLICT (patient, professional, type, valid_from) DO NOTHING`
)

// AppendVersion appends a version of a notification.
func (w update) AppendVersion(n register.Notification) error {
	persons, err := w.whoIn(&n)
	if err != nil {
		return err
	}
	key := version{n.Reference, n.Version}
	if w.s.keptAbout == nil {
		w.s.keptAbout = make(map[version]int64, 1)
	}
	w.s.keptAbout[key] = persons.patient.reference()
	comment, reason := persons.seal(n.Comment, key.place("comment")), persons.seal(n.ChangeReason, key.place("change reason"))
	if persons.err != nil {
		return w.s.fail(persons.err)
	}
	err = w.s.insert(insertNotification, n.Reference, n.Version, n.Number.Digits(), string(n.Type), string(n.State),
		string(n.Change), reason, persons.specialist, n.Specialist.NIHII.Digits(), n.SurgeryDate.String(), persons.patient.reference(),
		persons.prescriber, n.Prescriber.NIHII.Digits(), n.PrescriptionDate.String(), comment, instant(n.RegisteredAt), n.Digest[:],
		persons.signer, n.Organisation.Digits(), persons.author, n.InputReference, n.ContentDigest[:])
	if err != nil {
		return err
	}
	for i := range n.Implants {
		if err := w.keepImplant(&n, i, persons); err != nil {
			return err
		}
	}
	for i, r := range n.Removals {
		reason := persons.seal(r.Reason, key.place("reason", i+1))
		if persons.err != nil {
			return w.s.fail(persons.err)
		}
		err := w.s.insert(insertRemoval, n.Reference, n.Version, i+1, r.ImplantID, r.Quantity, reason, r.Remaining,
			n.SurgeryDate.String())
		if err != nil {
			return err
		}
	}
	for i, warning := range n.Warnings {
		if err := w.s.insert(insertWarning, n.Reference, n.Version, i+1, string(warning.Code), warning.Path, warning.Detail); err != nil {
			return err
		}
	}
	if n.InputReference != "" {
		if err := w.s.insert(insertSubmission, persons.signer, n.InputReference, n.Reference, n.Version); err != nil {
			return err
		}
	}
	return w.keepPending(&n, persons)
}

// personColumns are the persons in a notification, as its rows refer to them.
type who struct {
	patient                        *subject
	specialist, prescriber, author int64
	signer                         string
	err                            error // the first error of sealText
}

func (w update) whoIn(n *register.Notification) (*who, error) {
	texts := []string{n.Comment, n.ChangeReason}
	for i := range n.Implants {
		texts = append(texts, n.Implants[i].Location)
	}
	for i := range n.Removals {
		texts = append(texts, n.Removals[i].Reason)
	}
	persons := &who{}
	var err error
	if persons.patient, err = w.about(n.Patient, texts...); err != nil {
		return nil, err
	}
	if persons.specialist, err = w.colleague(n.Specialist.SSIN); err != nil {
		return nil, err
	}
	if persons.prescriber, err = w.colleague(n.Prescriber.SSIN); err != nil {
		return nil, err
	}
	if persons.author, err = w.colleague(n.Author); err != nil {
		return nil, err
	}
	persons.signer, err = w.signer(n.Signer)
	return persons, err
}

// sealText seals a text about the patient.
func (persons *who) seal(text, associatedData string) []byte {
	sealed, err := persons.patient.sealText(text, associatedData)
	if persons.err == nil {
		persons.err = err
	}
	return sealed
}

// updatePendingList adds the notification to the table of pending ones, or deletes it there once it is final or
// withdrawn.
func (w update) keepPending(n *register.Notification, persons *who) error {
	var err error
	switch {
	case n.State == register.Draft || n.State == register.ToValidate:
		_, err = w.s.exec(upsertPending, n.Reference, persons.specialist, persons.author, n.Organisation.Digits())
	case n.Version > 1:
		_, err = w.s.exec(deletePending, n.Reference)
	}
	return err
}

func (w update) keepImplant(n *register.Notification, line int, persons *who) error {
	i := &n.Implants[line]
	pharmacist, err := w.colleague(i.Pharmacist.SSIN)
	if err != nil {
		return err
	}
	location := persons.seal(i.Location, version{n.Reference, n.Version}.place("location", line+1))
	if persons.err != nil {
		return w.s.fail(persons.err)
	}
	return w.s.insert(insertImplant, i.ID, n.Reference, n.Version, line+1, i.Code.Digits(), i.UDI, i.Lot, i.Serial,
		i.Expiry.String(), pharmacist, i.Pharmacist.NIHII.Digits(), i.Pharmacy.NIHII.Digits(), i.Pharmacy.CBE.Digits(),
		i.DeliveryDate.String(), i.Quantity, location, string(i.Side), i.UDIDI, i.Unregistered)
}

// AddTherapeuticLink appends a therapeutic link. An existing one with the same people, type and first day stays
// unchanged.
func (w update) AddTherapeuticLink(l register.TherapeuticLink) error {
	patient, professional, err := w.linked(l)
	if err != nil {
		return err
	}
	return w.s.insert(insertLink, patient, professional, l.Type, l.From.String(), l.To.String())
}

// therapeuticLinkIDs are the pseudonym ids of the people of a therapeutic link.
func (w update) linked(l register.TherapeuticLink) (patient, professional int64, err error) {
	patientPseudonym, err := w.establish(l.Patient, false)
	if err != nil {
		return 0, 0, err
	}
	professional, err = w.colleague(l.Professional)
	return patientPseudonym.id, professional, err
}

// AppendEvent appends an event to the audit log.
func (w update) AppendEvent(e register.AuditEvent) error {
	patient, err := w.about(e.Patient, e.EmergencyReason)
	if err != nil {
		return err
	}
	emergency, err := patient.sealText(e.EmergencyReason, emergencyPlace, e.Correlation)
	if err != nil {
		return w.s.fail(err)
	}
	person, err := w.about(e.Person)
	if err != nil {
		return err
	}
	signer, err := w.signer(e.Signer)
	if err != nil {
		return err
	}
	return w.s.insert(insertAudit, instant(e.OccurredAt), e.Correlation, e.Operation, string(e.Outcome), codes(e.Codes), e.Reason,
		emergency, signer, e.Organisation.Digits(), person.reference(), string(e.Capacity), patient.reference(), e.Number.Digits())
}

// joinCodes joins codes by newlines, as splitLines splits them.
func codes(all []problem.Code) string {
	texts := make([]string, len(all))
	for i, code := range all {
		texts[i] = string(code)
	}
	return strings.Join(texts, "\n")
}
