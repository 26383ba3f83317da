package platform

import (
	"context"
	"strings"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
)

// operatorOperations is a LIKE pattern for the operations of an operator, who is not a caller.
const operatorOperations = "Admin%"

// Audit reads a part of the audit log, in the order in which it was written.
func (s Store) Audit(ctx context.Context, q platform.AuditQuery) ([]platform.AuditEntry, error) {
	var entries []platform.AuditEntry
	err := s.db.Read(ctx, func(tx *identity.Tx) error {
		entries = nil
		where, args, err := auditConditions(tx, &q)
		if err != nil || where == "" {
			return err
		}
		var rows []eventRow
		err = tx.SelectRows(&rows, selectEvents+where+` ORDER BY seq LIMIT ?`, append(args, q.Limit)...)
		if err != nil {
			return err
		}
		convert := eventRow.toPseudonymisedEvent
		if q.RevealPersons {
			convert = eventRow.toEvent
		}
		events, err := identity.ConvertRows(tx, rows, "audit", convert)
		for i, event := range events {
			entries = append(entries, platform.AuditEntry{
				Seq:              rows[i].Seq,
				PersonPseudonym:  rows[i].Person,
				PatientPseudonym: rows[i].Patient,
				Event:            event,
			})
		}
		return err
	})
	return entries, err
}

// auditConditions returns the WHERE clause of a query. It is empty when the patient is unknown: then there are no
// events.
func auditConditions(tx *identity.Tx, q *platform.AuditQuery) (string, []any, error) {
	where, args := []string{`seq > ?`}, []any{q.AfterSeq}
	if !q.Patient.IsZero() {
		asPatient, err := tx.FindPerson(identity.Patient, q.Patient)
		if err != nil {
			return "", nil, err
		}
		asColleague, err := tx.FindPerson(identity.Professional, q.Patient)
		if err != nil || asPatient == nil && asColleague == nil {
			return "", nil, err
		}
		condition, ids := identity.ColumnCondition("patient", asPatient, asColleague)
		where, args = append(where, condition), append(args, ids...)
	}
	if !q.From.IsZero() {
		where, args = append(where, `at >= ?`), append(args, engine.Timestamp(q.From))
	}
	if !q.To.IsZero() {
		where, args = append(where, `at < ?`), append(args, engine.Timestamp(q.To))
	}
	if q.OnlyOwnSurgery {
		where, args = append(where, `reason = ?`), append(args, platform.ReasonOwnSurgery)
	}
	if q.OnlyEmergencies {
		where, args = append(where, `length(emergency) > 0 AND operation NOT LIKE ?`), append(args, operatorOperations)
	}
	return strings.Join(where, " AND "), args, nil
}

// toPseudonymisedEvent converts a row to an event without SSINs.
func (row eventRow) toPseudonymisedEvent(c *identity.Converter) platform.AuditEvent {
	named := row
	named.Person, named.Patient, named.Emergency, named.Signer = 0, 0, nil, ""
	e := named.toEvent(c)
	e.EmergencyReason = c.OpenText(row.Patient, row.Emergency, emergencyAssociatedData, row.Correlation)
	e.Signer = row.Signer
	return e
}

// EventsByPatient returns a page of the events about a person as a patient, newest first, without the person's own
// reads, and the total count.
func (r Reader) EventsByPatient(patient ident.SSIN, offset, limit int) ([]platform.AuditEvent, int, error) {
	ids, err := r.tx.FindIDs(identity.Patient, patient)
	if err != nil {
		return nil, 0, err
	}
	where := `patient IN ` + engine.InList(len(ids)) + ` AND reason <> ?`
	args := append(engine.ToArgs(ids), platform.ReasonOwnData)
	var total int
	if _, err = r.tx.SelectRow(&total, `SELECT COUNT(*) FROM audit WHERE `+where, args...); err != nil {
		return nil, 0, err
	}
	var rows []eventRow
	err = r.tx.SelectRows(&rows, selectEvents+where+` ORDER BY seq DESC LIMIT ? OFFSET ?`, append(args, limit, offset)...)
	if err != nil {
		return nil, 0, err
	}
	events, err := identity.ConvertRows(r.tx, rows, "audit", eventRow.toEvent)
	return events, total, err
}
