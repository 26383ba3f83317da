package store

import (
	"fmt"
	"strings"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

// update keeps things within a transaction. It is a register.Writer.
type update struct{ view }

// Hold makes whoever holds one of the same keys wait until this transaction ends.
func (u update) Hold(keys ...string) error {
	if len(keys) == 0 {
		return nil
	}
	return u.s.dialect.hold(u.s, keys)
}

// NextRunning gives the next running number of a day, from 1. Numbers may be left out, and none is given twice.
func (u update) NextRunning(day ident.Date) (uint64, error) {
	running, err := u.s.dialect.nextRunning(u.s, day)
	if err != nil {
		return 0, err
	}
	if running < 1 {
		return 0, u.s.fail(fmt.Errorf("running number %d", running))
	}
	return uint64(running), nil
}

// Spend marks a message as used; false when it was used before.
func (u update) Spend(mark register.ReplayMark) (bool, error) {
	n, err := u.s.dialect.spend(u.s, mark.Key[:], instant(mark.Until))
	return n == 1, err
}

const (
	insertNotification = `INSERT INTO notification (reference, version, number, type, state, specialist_ssin, ` +
		`specialist_nihii, operation_date, patient_ssin, prescriber_ssin, prescriber_nihii, prescription_date, comment, ` +
		`registered_at, digest, signer, organisation, author, input_reference, content_digest) ` +
		`VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertImplant = `INSERT INTO implant (id, reference, version, line, code, udi, lot, serial, expiry, pharmacist_ssin, ` +
		`pharmacist_nihii, pharmacy_nihii, pharmacy_cbe, delivery_date, quantity, location, side, udi_di, unregistered) ` +
		`VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertRemoval = `INSERT INTO removal (reference, version, line, implant_id, quantity, reason, remaining, operation_date) ` +
		`VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	insertWarning    = `INSERT INTO warning (reference, version, line, code, path, facts) VALUES (?, ?, ?, ?, ?, ?)`
	insertSubmission = `INSERT INTO submission (signer, input_reference, reference, version) VALUES (?, ?, ?, ?)`
	insertAudit      = `INSERT INTO audit (at, correlation, operation, outcome, codes, reason, signer, organisation, person, ` +
		`capacity, patient, number) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertLink = `INSERT INTO therapeutic_link (patient, professional, type, valid_from, valid_to) ` +
		`VALUES (?, ?, ?, ?, ?) ON CONFLICT (patient, professional, type, valid_from) DO NOTHING`
)

// Keep appends a version of a notification.
func (u update) Keep(n register.Notification) error {
	err := u.s.insert(insertNotification, n.Reference, n.Version, n.Number.Digits(), string(n.Type), string(n.State),
		n.Specialist.SSIN.Digits(), n.Specialist.NIHII.Digits(), n.OperationDate.String(), n.Patient.Digits(),
		n.Prescriber.SSIN.Digits(), n.Prescriber.NIHII.Digits(), n.PrescriptionDate.String(), n.Comment,
		instant(n.RegisteredAt), n.Digest[:], n.Signer, n.Organisation.Digits(), n.Author.Digits(), n.InputReference,
		n.ContentDigest[:])
	if err != nil {
		return err
	}
	for i := range n.Implants {
		if err := u.keepImplant(&n, i); err != nil {
			return err
		}
	}
	for i, r := range n.Removals {
		err := u.s.insert(insertRemoval, n.Reference, n.Version, i+1, r.ImplantID, r.Quantity, r.Reason, r.Remaining,
			n.OperationDate.String())
		if err != nil {
			return err
		}
	}
	for i, w := range n.Warnings {
		if err := u.s.insert(insertWarning, n.Reference, n.Version, i+1, string(w.Code), w.At, w.Public); err != nil {
			return err
		}
	}
	if n.InputReference == "" {
		return nil
	}
	return u.s.insert(insertSubmission, n.Signer, n.InputReference, n.Reference, n.Version)
}

func (u update) keepImplant(n *register.Notification, line int) error {
	i := &n.Implants[line]
	return u.s.insert(insertImplant, i.ID, n.Reference, n.Version, line+1, i.Code.Digits(), i.UDI, i.Lot, i.Serial,
		i.Expiry.String(), i.Pharmacist.SSIN.Digits(), i.Pharmacist.NIHII.Digits(), i.Pharmacy.NIHII.Digits(),
		i.Pharmacy.CBE.Digits(), i.DeliveryDate.String(), i.Quantity, i.Location, string(i.Side), i.UDIDI, i.Unregistered)
}

// Link appends a therapeutic relation. One with the same people, type and first day stays as it is.
func (u update) Link(l register.TherapeuticLink) error {
	return u.s.insert(insertLink, l.Patient.Digits(), l.Professional.Digits(), l.Type, l.From.String(), l.To.String())
}

// Record appends to the audit trail.
func (u update) Record(e register.Event) error {
	return u.s.insert(insertAudit, instant(e.At), e.Correlation, e.Operation, string(e.Outcome), codes(e.Codes), e.Reason,
		e.Signer, e.Organisation.Digits(), e.Person.Digits(), string(e.Capacity), e.Patient.Digits(), e.Number.Digits())
}

// codes are joined by newlines, as lines splits them.
func codes(all []problem.Code) string {
	texts := make([]string, len(all))
	for i, code := range all {
		texts[i] = string(code)
	}
	return strings.Join(texts, "\n")
}
