package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

// AuditQuery selects a part of the audit log. Zero fields do not restrict.
type AuditQuery struct {
	Patient     ident.SSIN // any SSIN that the patient has or had
	From, To    time.Time  // To is exclusive
	Emergencies bool       // only events for which a caller gave an emergency reason
	Reveal      bool       // include SSINs besides the pseudonyms
	After       int64      // sequence number of the last entry of the previous page
	Limit       int
}

// AuditEntry is an audit event with its sequence number. PersonPseudonym and PatientPseudonym are the same number for
// the same person in the whole register, and 0 for no person. Without RevealPersons the event contains no SSIN, and a
// signer who is a person appears as SSIN=#pseudonym.
type AuditEntry struct {
	Seq     int64
	Person  int64
	Patient int64
	Event   register.AuditEvent
}

// operatorOperations is a LIKE pattern for the operations of an operator, who is not a caller.
const operatorsActs = "Admin%"

// Audit reads a part of the audit log, in the order in which it was written.
func (db *DB) Audit(ctx context.Context, q AuditQuery) ([]AuditEntry, error) {
	var entries []AuditEntry
	err := db.read(ctx, func(tx *session) error {
		entries = nil
		where, args, err := tx.auditWhere(&q)
		if err != nil || where == "" {
			return err
		}
		var rows []eventRow
		err = tx.all(&rows, `SELECT seq, at, correlation, operation, outcome, codes, reason, emergency, signer, organisation,
			person, capacity, patient, number FROM audit WHERE `+where+` ORDER BY seq LIMIT ?`, append(args, q.Limit)...)
		if err != nil {
			return err
		}
		convert := eventRow.pseudonymised
		if q.Reveal {
			convert = eventRow.event
		}
		events, err := each(tx, rows, "audit", convert)
		for i, event := range events {
			entries = append(entries, AuditEntry{Seq: rows[i].Seq, Person: rows[i].Person, Patient: rows[i].Patient, Event: event})
		}
		return err
	})
	return entries, err
}

// auditConditions returns the WHERE clause of a query. It is empty when the patient is unknown: then there are no
// events.
func (tx *session) auditWhere(q *AuditQuery) (string, []any, error) {
	where, args := []string{`seq > ?`}, []any{q.After}
	if !q.Patient.IsZero() {
		p, err := tx.party(q.Patient, false)
		if err != nil || p == nil {
			return "", nil, err
		}
		condition, ids := p.in("patient")
		where, args = append(where, condition), append(args, ids...)
	}
	if !q.From.IsZero() {
		where, args = append(where, `at >= ?`), append(args, instant(q.From))
	}
	if !q.To.IsZero() {
		where, args = append(where, `at < ?`), append(args, instant(q.To))
	}
	if q.Emergencies {
		where, args = append(where, `length(emergency) > 0 AND operation NOT LIKE ?`), append(args, operatorsActs)
	}
	return strings.Join(where, " AND "), args, nil
}

// toPseudonymisedEvent converts a row to an event without SSINs.
func (row eventRow) pseudonymised(c *reading) register.AuditEvent {
	named := row
	named.Person, named.Patient, named.Emergency, named.Signer = 0, 0, nil, ""
	e := named.event(c)
	e.EmergencyReason = c.text(row.Patient, row.Emergency, emergencyPlace, row.Correlation)
	e.Signer = row.Signer
	return e
}

// FormatPseudonym writes a pseudonym for an export. The result is empty when there is no person.
func Pseudonym(id int64) string {
	if id == 0 {
		return ""
	}
	return "#" + strconv.FormatInt(id, 10)
}
