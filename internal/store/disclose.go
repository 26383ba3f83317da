package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

// AuditQuery says which part of the audit trail is asked for. Zero fields do not restrict.
type AuditQuery struct {
	Patient     ident.SSIN // by any number that the patient has or had
	From, To    time.Time  // To is the first instant that is left out
	Emergencies bool       // only what a caller gave the reason of an emergency for
	Reveal      bool       // with numbers of persons, and not only pseudonyms
	After       int64      // the place of an entry
	Limit       int
}

// AuditEntry is an event with its place in the trail. Person and Patient are pseudonyms: the same number for the same person
// in the whole register, 0 for nobody. Without Reveal, the event names neither, and its signer, when it is a person, is
// one too: SSIN=#pseudonym.
type AuditEntry struct {
	Seq     int64
	Person  int64
	Patient int64
	Event   register.Event
}

// operatorsActs are the operations of an operator, who is not a caller.
const operatorsActs = "Admin%"

// Audit reads a part of the audit trail, in the order in which it was written.
func (db *DB) Audit(ctx context.Context, q AuditQuery) ([]AuditEntry, error) {
	var entries []AuditEntry
	err := db.read(ctx, func(s *session) error {
		entries = nil
		where, args, err := s.auditWhere(&q)
		if err != nil || where == "" {
			return err
		}
		var rows []eventRow
		err = s.all(&rows, `SELECT seq, at, correlation, operation, outcome, codes, reason, emergency, signer, organisation,
			person, capacity, patient, number FROM audit WHERE `+where+` ORDER BY seq LIMIT ?`, append(args, q.Limit)...)
		if err != nil {
			return err
		}
		convert := eventRow.pseudonymised
		if q.Reveal {
			convert = eventRow.event
		}
		events, err := each(s, rows, "audit", convert)
		for i, event := range events {
			entries = append(entries, AuditEntry{Seq: rows[i].Seq, Person: rows[i].Person, Patient: rows[i].Patient, Event: event})
		}
		return err
	})
	return entries, err
}

// auditWhere is empty when the patient is not known, about whom there can be nothing.
func (s *session) auditWhere(q *AuditQuery) (string, []any, error) {
	where, args := []string{`seq > ?`}, []any{q.After}
	if !q.Patient.IsZero() {
		p, err := s.party(q.Patient, false)
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

// pseudonymised is the event without anybody's number.
func (row eventRow) pseudonymised(r *reading) register.Event {
	named := row
	named.Person, named.Patient, named.Emergency, named.Signer = 0, 0, nil, ""
	e := named.event(r)
	e.Emergency = r.text(row.Patient, row.Emergency, emergencyPlace, row.Correlation)
	e.Signer = row.Signer
	return e
}

// Pseudonym writes a pseudonym as it stands in what is exported; nobody has none.
func Pseudonym(id int64) string {
	if id == 0 {
		return ""
	}
	return "#" + strconv.FormatInt(id, 10)
}
