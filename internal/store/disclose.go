package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
)

// AuditQuery selects a part of the audit log. Zero fields do not restrict.
type AuditQuery struct {
	Patient         ident.SSIN // any SSIN that the patient has or had
	From, To        time.Time  // To is exclusive
	OnlyEmergencies bool       // only events for which a caller gave an emergency reason
	RevealPersons   bool       // include SSINs besides the pseudonyms
	AfterSeq        int64      // sequence number of the last entry of the previous page
	Limit           int
}

// AuditEntry is an audit event with its sequence number. PersonPseudonym and PatientPseudonym are the same number for
// the same person in the whole register, and 0 for no person. Without RevealPersons the event contains no SSIN, and a
// signer who is a person appears as SSIN=#pseudonym.
type AuditEntry struct {
	Seq              int64
	PersonPseudonym  int64
	PatientPseudonym int64
	Event            implants.AuditEvent
}

// operatorOperations is a LIKE pattern for the operations of an operator, who is not a caller.
const operatorOperations = "Admin%"

// Audit reads a part of the audit log, in the order in which it was written.
func (db *DB) Audit(ctx context.Context, q AuditQuery) ([]AuditEntry, error) {
	var entries []AuditEntry
	err := db.readTx(ctx, func(tx *tx) error {
		entries = nil
		where, args, err := tx.auditConditions(&q)
		if err != nil || where == "" {
			return err
		}
		var rows []eventRow
		err = tx.selectRows(&rows, `SELECT seq, at, correlation, operation, outcome, codes, reason, emergency, signer, organisation,
			person, capacity, patient, number FROM audit WHERE `+where+` ORDER BY seq LIMIT ?`, append(args, q.Limit)...)
		if err != nil {
			return err
		}
		convert := eventRow.toPseudonymisedEvent
		if q.RevealPersons {
			convert = eventRow.toEvent
		}
		events, err := convertRows(tx, rows, "audit", convert)
		for i, event := range events {
			entries = append(entries, AuditEntry{Seq: rows[i].Seq, PersonPseudonym: rows[i].Person, PatientPseudonym: rows[i].Patient, Event: event})
		}
		return err
	})
	return entries, err
}

// auditConditions returns the WHERE clause of a query. It is empty when the patient is unknown: then there are no
// events.
func (tx *tx) auditConditions(q *AuditQuery) (string, []any, error) {
	where, args := []string{`seq > ?`}, []any{q.AfterSeq}
	if !q.Patient.IsZero() {
		p, err := tx.lookUpPerson(q.Patient, false)
		if err != nil || p == nil {
			return "", nil, err
		}
		condition, ids := p.columnCondition("patient")
		where, args = append(where, condition), append(args, ids...)
	}
	if !q.From.IsZero() {
		where, args = append(where, `at >= ?`), append(args, timestamp(q.From))
	}
	if !q.To.IsZero() {
		where, args = append(where, `at < ?`), append(args, timestamp(q.To))
	}
	if q.OnlyEmergencies {
		where, args = append(where, `length(emergency) > 0 AND operation NOT LIKE ?`), append(args, operatorOperations)
	}
	return strings.Join(where, " AND "), args, nil
}

// toPseudonymisedEvent converts a row to an event without SSINs.
func (row eventRow) toPseudonymisedEvent(c *rowConverter) implants.AuditEvent {
	named := row
	named.Person, named.Patient, named.Emergency, named.Signer = 0, 0, nil, ""
	e := named.toEvent(c)
	e.EmergencyReason = c.openText(row.Patient, row.Emergency, emergencyAssociatedData, row.Correlation)
	e.Signer = row.Signer
	return e
}

// FormatPseudonym writes a pseudonym for an export. The result is empty when there is no person.
func FormatPseudonym(id int64) string {
	if id == 0 {
		return ""
	}
	return "#" + strconv.FormatInt(id, 10)
}
