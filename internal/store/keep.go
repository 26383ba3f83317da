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

// Keep appends a version of a notification.
func (u update) Keep(n register.Notification) error {
	who, err := u.whoIn(&n)
	if err != nil {
		return err
	}
	at := version{n.Reference, n.Version}
	if u.s.keptAbout == nil {
		u.s.keptAbout = make(map[version]int64, 1)
	}
	u.s.keptAbout[at] = who.patient.reference()
	comment, reason := who.seal(n.Comment, at.place("comment")), who.seal(n.ChangeReason, at.place("change reason"))
	if who.err != nil {
		return u.s.fail(who.err)
	}
	err = u.s.insert(insertNotification, n.Reference, n.Version, n.Number.Digits(), string(n.Type), string(n.State),
		string(n.Change), reason, who.specialist, n.Specialist.NIHII.Digits(), n.OperationDate.String(), who.patient.reference(),
		who.prescriber, n.Prescriber.NIHII.Digits(), n.PrescriptionDate.String(), comment, instant(n.RegisteredAt), n.Digest[:],
		who.signer, n.Organisation.Digits(), who.author, n.InputReference, n.ContentDigest[:])
	if err != nil {
		return err
	}
	for i := range n.Implants {
		if err := u.keepImplant(&n, i, who); err != nil {
			return err
		}
	}
	for i, r := range n.Removals {
		reason := who.seal(r.Reason, at.place("reason", i+1))
		if who.err != nil {
			return u.s.fail(who.err)
		}
		err := u.s.insert(insertRemoval, n.Reference, n.Version, i+1, r.ImplantID, r.Quantity, reason, r.Remaining,
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
	if n.InputReference != "" {
		if err := u.s.insert(insertSubmission, who.signer, n.InputReference, n.Reference, n.Version); err != nil {
			return err
		}
	}
	return u.keepPending(&n, who)
}

// who are the persons whom a notification names, as its rows name them.
type who struct {
	patient                        *subject
	specialist, prescriber, author int64
	signer                         string
	err                            error // the first failure of seal
}

func (u update) whoIn(n *register.Notification) (*who, error) {
	texts := []string{n.Comment, n.ChangeReason}
	for i := range n.Implants {
		texts = append(texts, n.Implants[i].Location)
	}
	for i := range n.Removals {
		texts = append(texts, n.Removals[i].Reason)
	}
	w := &who{}
	var err error
	if w.patient, err = u.about(n.Patient, texts...); err != nil {
		return nil, err
	}
	if w.specialist, err = u.colleague(n.Specialist.SSIN); err != nil {
		return nil, err
	}
	if w.prescriber, err = u.colleague(n.Prescriber.SSIN); err != nil {
		return nil, err
	}
	if w.author, err = u.colleague(n.Author); err != nil {
		return nil, err
	}
	w.signer, err = u.signer(n.Signer)
	return w, err
}

// seal seals what is told about the patient.
func (w *who) seal(text, place string) []byte {
	sealed, err := w.patient.sealText(text, place)
	if w.err == nil {
		w.err = err
	}
	return sealed
}

// keepPending keeps the list of what waits to become final.
func (u update) keepPending(n *register.Notification, who *who) error {
	var err error
	switch {
	case n.State == register.Draft || n.State == register.ToValidate:
		_, err = u.s.exec(upsertPending, n.Reference, who.specialist, who.author, n.Organisation.Digits())
	case n.Version > 1:
		_, err = u.s.exec(deletePending, n.Reference)
	}
	return err
}

func (u update) keepImplant(n *register.Notification, line int, who *who) error {
	i := &n.Implants[line]
	pharmacist, err := u.colleague(i.Pharmacist.SSIN)
	if err != nil {
		return err
	}
	location := who.seal(i.Location, version{n.Reference, n.Version}.place("location", line+1))
	if who.err != nil {
		return u.s.fail(who.err)
	}
	return u.s.insert(insertImplant, i.ID, n.Reference, n.Version, line+1, i.Code.Digits(), i.UDI, i.Lot, i.Serial,
		i.Expiry.String(), pharmacist, i.Pharmacist.NIHII.Digits(), i.Pharmacy.NIHII.Digits(), i.Pharmacy.CBE.Digits(),
		i.DeliveryDate.String(), i.Quantity, location, string(i.Side), i.UDIDI, i.Unregistered)
}

// Link appends a therapeutic relation. One with the same people, type and first day stays as it is.
func (u update) Link(l register.TherapeuticLink) error {
	patient, professional, err := u.linked(l)
	if err != nil {
		return err
	}
	return u.s.insert(insertLink, patient, professional, l.Type, l.From.String(), l.To.String())
}

// linked is how a row names who is in a therapeutic relation.
func (u update) linked(l register.TherapeuticLink) (patient, professional int64, err error) {
	one, err := u.establish(l.Patient, false)
	if err != nil {
		return 0, 0, err
	}
	professional, err = u.colleague(l.Professional)
	return one.id, professional, err
}

// Record appends to the audit trail.
func (u update) Record(e register.Event) error {
	patient, err := u.about(e.Patient, e.Emergency)
	if err != nil {
		return err
	}
	emergency, err := patient.sealText(e.Emergency, emergencyPlace, e.Correlation)
	if err != nil {
		return u.s.fail(err)
	}
	person, err := u.about(e.Person)
	if err != nil {
		return err
	}
	signer, err := u.signer(e.Signer)
	if err != nil {
		return err
	}
	return u.s.insert(insertAudit, instant(e.At), e.Correlation, e.Operation, string(e.Outcome), codes(e.Codes), e.Reason,
		emergency, signer, e.Organisation.Digits(), person.reference(), string(e.Capacity), patient.reference(), e.Number.Digits())
}

// codes are joined by newlines, as lines splits them.
func codes(all []problem.Code) string {
	texts := make([]string, len(all))
	for i, code := range all {
		texts[i] = string(code)
	}
	return strings.Join(texts, "\n")
}
