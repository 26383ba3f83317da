package store

import (
	"fmt"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// txWriter implements register.Writer within a transaction.
type txWriter struct{ txReader }

// Lock makes other transactions that lock one of the same keys wait until this one ends.
func (w txWriter) Lock(keys ...string) error {
	if len(keys) == 0 {
		return nil
	}
	return w.tx.dialect.lockKeys(w.tx, keys)
}

// NextSequenceNumber returns the next sequence number of a day, starting with 1. There may be gaps, but no number is
// issued twice.
func (w txWriter) NextSequenceNumber(day ident.Date) (uint64, error) {
	running, err := w.tx.dialect.nextSequenceNumber(w.tx, day)
	if err != nil {
		return 0, err
	}
	if running < 1 {
		return 0, w.tx.recordError(fmt.Errorf("running number %d", running))
	}
	return uint64(running), nil
}

// RecordReplayKey records that a message was used. It returns false when the message was used before.
func (w txWriter) RecordReplayKey(mark implants.ReplayKey) (bool, error) {
	n, err := w.tx.dialect.recordReplayKey(w.tx, mark.Hash[:], timestamp(mark.ExpiresAt))
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
	deletePending         = `DELETE FROM pending WHERE reference = ?`
	insertTherapeuticLink = `INSERT INTO therapeutic_link (patient, professional, type, valid_from, valid_to) ` +
		`VALUES (?, ?, ?, ?, ?) ON CONFLICT (patient, professional, type, valid_from) DO NOTHING`
)

// AppendVersion appends a version of a notification.
func (w txWriter) AppendVersion(n implants.Notification) error {
	persons, err := w.resolvePersons(&n)
	if err != nil {
		return err
	}
	key := versionKey{n.Reference, n.Version}
	if w.tx.storedPatients == nil {
		w.tx.storedPatients = make(map[versionKey]int64, 1)
	}
	w.tx.storedPatients[key] = persons.patient.idOrZero()
	comment, reason := persons.sealText(n.Comment, key.associatedData("comment")), persons.sealText(n.ChangeReason, key.associatedData("change reason"))
	if persons.err != nil {
		return w.tx.recordError(persons.err)
	}
	err = w.tx.insertRow(insertNotification, n.Reference, n.Version, n.Number.Digits(), string(n.Type), string(n.State),
		string(n.Change), reason, persons.specialistID, n.Specialist.NIHII.Digits(), n.SurgeryDate.String(), persons.patient.idOrZero(),
		persons.prescriberID, n.Prescriber.NIHII.Digits(), n.PrescriptionDate.String(), comment, timestamp(n.RegisteredAt), n.Digest[:],
		persons.signer, n.Organisation.Digits(), persons.authorID, n.InputReference, n.ContentDigest[:])
	if err != nil {
		return err
	}
	for i := range n.Implants {
		if err := w.insertImplantLine(&n, i, persons); err != nil {
			return err
		}
	}
	for i, r := range n.Removals {
		reason := persons.sealText(r.Reason, key.associatedData("reason", i+1))
		if persons.err != nil {
			return w.tx.recordError(persons.err)
		}
		err := w.tx.insertRow(insertRemoval, n.Reference, n.Version, i+1, r.ImplantID, r.Quantity, reason, r.Remaining,
			n.SurgeryDate.String())
		if err != nil {
			return err
		}
	}
	for i, warning := range n.Warnings {
		if err := w.tx.insertRow(insertWarning, n.Reference, n.Version, i+1, string(warning.Code), warning.Path, warning.Detail.Encode()); err != nil {
			return err
		}
	}
	if n.InputReference != "" {
		if err := w.tx.insertRow(insertSubmission, persons.signer, n.InputReference, n.Reference, n.Version); err != nil {
			return err
		}
	}
	return w.updatePendingList(&n, persons)
}

// personColumns are the persons in a notification, as its rows refer to them.
type personColumns struct {
	patient                              *pseudonym
	specialistID, prescriberID, authorID int64
	signer                               string
	err                                  error // the first error of sealText
}

func (w txWriter) resolvePersons(n *implants.Notification) (*personColumns, error) {
	texts := []string{n.Comment, n.ChangeReason}
	for i := range n.Implants {
		texts = append(texts, n.Implants[i].Location)
	}
	for i := range n.Removals {
		texts = append(texts, n.Removals[i].Reason)
	}
	persons := &personColumns{}
	var err error
	if persons.patient, err = w.optionalPseudonym(n.Patient, texts...); err != nil {
		return nil, err
	}
	if persons.specialistID, err = w.professionalID(n.Specialist.SSIN); err != nil {
		return nil, err
	}
	if persons.prescriberID, err = w.professionalID(n.Prescriber.SSIN); err != nil {
		return nil, err
	}
	if persons.authorID, err = w.professionalID(n.Author); err != nil {
		return nil, err
	}
	persons.signer, err = w.signerColumn(n.Signer)
	return persons, err
}

// sealText seals a text about the patient.
func (persons *personColumns) sealText(text, associatedData string) []byte {
	sealed, err := persons.patient.sealText(text, associatedData)
	if persons.err == nil {
		persons.err = err
	}
	return sealed
}

// updatePendingList adds the notification to the table of pending ones, or deletes it there once it is final or
// withdrawn.
func (w txWriter) updatePendingList(n *implants.Notification, persons *personColumns) error {
	var err error
	switch {
	case n.State == implants.Draft || n.State == implants.ToValidate:
		_, err = w.tx.execStatement(upsertPending, n.Reference, persons.specialistID, persons.authorID, n.Organisation.Digits())
	case n.Version > 1:
		_, err = w.tx.execStatement(deletePending, n.Reference)
	}
	return err
}

func (w txWriter) insertImplantLine(n *implants.Notification, line int, persons *personColumns) error {
	i := &n.Implants[line]
	pharmacist, err := w.professionalID(i.Pharmacist.SSIN)
	if err != nil {
		return err
	}
	location := persons.sealText(i.Location, versionKey{n.Reference, n.Version}.associatedData("location", line+1))
	if persons.err != nil {
		return w.tx.recordError(persons.err)
	}
	return w.tx.insertRow(insertImplant, i.ID, n.Reference, n.Version, line+1, i.Code.Digits(), i.UDI, i.Lot, i.Serial,
		i.Expiry.String(), pharmacist, i.Pharmacist.NIHII.Digits(), i.Pharmacy.NIHII.Digits(), i.Pharmacy.CBE.Digits(),
		i.DeliveryDate.String(), i.Quantity, location, string(i.Side), i.UDIDI, i.Unregistered)
}

// AddTherapeuticLink appends a therapeutic link. An existing one with the same people, type and first day stays
// unchanged.
func (w txWriter) AddTherapeuticLink(l implants.TherapeuticLink) error {
	patient, professional, err := w.therapeuticLinkIDs(l)
	if err != nil {
		return err
	}
	return w.tx.insertRow(insertTherapeuticLink, patient, professional, l.Type, l.From.String(), l.To.String())
}

// therapeuticLinkIDs are the pseudonym ids of the people of a therapeutic link.
func (w txWriter) therapeuticLinkIDs(l implants.TherapeuticLink) (patient, professional int64, err error) {
	patientPseudonym, err := w.findOrCreate(l.Patient, false)
	if err != nil {
		return 0, 0, err
	}
	professional, err = w.professionalID(l.Professional)
	return patientPseudonym.id, professional, err
}

// AppendEvent appends an event to the audit log.
func (w txWriter) AppendEvent(e implants.AuditEvent) error {
	patient, err := w.optionalPseudonym(e.Patient, e.EmergencyReason)
	if err != nil {
		return err
	}
	emergency, err := patient.sealText(e.EmergencyReason, emergencyAssociatedData, e.Correlation)
	if err != nil {
		return w.tx.recordError(err)
	}
	person, err := w.optionalPseudonym(e.Person)
	if err != nil {
		return err
	}
	signer, err := w.signerColumn(e.Signer)
	if err != nil {
		return err
	}
	return w.tx.insertRow(insertAudit, timestamp(e.OccurredAt), e.Correlation, e.Operation, string(e.Outcome), joinCodes(e.Codes), e.Reason,
		emergency, signer, e.Organisation.Digits(), person.idOrZero(), string(e.Capacity), patient.idOrZero(), e.Number.Digits())
}

// joinCodes joins codes by newlines, as splitLines splits them.
func joinCodes(all []problem.Code) string {
	texts := make([]string, len(all))
	for i, code := range all {
		texts[i] = string(code)
	}
	return strings.Join(texts, "\n")
}
