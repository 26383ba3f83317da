package platform

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
)

// emergencyAssociatedData, with the event's correlation id, is the associated data of a sealed emergency reason.
const emergencyAssociatedData = "emergency "

type eventRow struct {
	Seq          int64            `db:"seq" insert:"-"`
	OccurredAt   engine.Timestamp `db:"at"`
	Correlation  string           `db:"correlation"`
	Operation    string           `db:"operation"`
	Outcome      string           `db:"outcome"`
	Codes        string           `db:"codes"`
	Reason       string           `db:"reason"`
	Emergency    []byte           `db:"emergency"`
	Signer       string           `db:"signer"`
	Organisation string           `db:"organisation"`
	Person       int64            `db:"person"`
	Capacity     string           `db:"capacity"`
	Patient      int64            `db:"patient"`
	Number       string           `db:"number"`
	Body         []byte           `db:"body_digest"`
	Version      []byte           `db:"version_digest"`
}

var eventTable = engine.NewTable[eventRow]("audit", engine.OnConflict{})

func (row eventRow) toEvent(c *identity.Converter) platform.AuditEvent {
	e := platform.AuditEvent{
		OccurredAt:  time.Time(row.OccurredAt),
		Correlation: row.Correlation,
		Operation:   row.Operation,
		Outcome:     platform.Outcome(row.Outcome),
		Reason:      row.Reason,
		EmergencyReason: c.OpenText(row.Patient, row.Emergency,
			emergencyAssociatedData, row.Correlation),
		Signer:       c.ParseSigner(row.Signer),
		Organisation: c.ParseNIHII(row.Organisation),
		Person:       c.SSIN(row.Person),
		Capacity:     platform.Capacity(row.Capacity),
		Patient:      c.SSIN(row.Patient),
		Number:       c.ParseNumber(row.Number),
	}
	if len(row.Body) > 0 { // otherwise the digest is that of the state of rights
		e.Stored = platform.StoredDigests{Body: c.ParseDigest(row.Body), Version: c.ParseDigest(row.Version)}
	}
	e.Codes = splitCodes(row.Codes)
	return e
}

var selectEvents = `SELECT seq, ` + eventTable.Columns("") + ` FROM audit WHERE `

// ReadEvents reads the audit log in the order in which it was written. It returns up to limit events after the row with
// the sequence number after, and the sequence number of the last one. To read from the start, pass 0.
func (s Store) ReadEvents(ctx context.Context, after int64, limit int) ([]platform.AuditEvent, int64, error) {
	var events []platform.AuditEvent
	err := s.db.Read(ctx, func(tx *identity.Tx) error {
		var rows []eventRow
		err := tx.SelectRows(&rows, selectEvents+`seq > ? ORDER BY seq LIMIT ?`, after, limit)
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			after = rows[len(rows)-1].Seq
		}
		events, err = identity.ConvertRows(tx, rows, "audit", eventRow.toEvent)
		return err
	})
	return events, after, err
}

// AcceptedEvents reads the events of accepted requests for the given operations after one sequence number up to
// another, with the numbers of persons that were stored. An event that cannot be read has only its sequence number.
func (s Store) AcceptedEvents(ctx context.Context, operations []string, after, last int64,
) ([]platform.RecordedEvent, error) {
	var rows []eventRow
	query := selectEvents + `seq > ? AND seq <= ? AND outcome = ? AND operation IN ` +
		engine.InList(len(operations)) + ` ORDER BY seq`
	args := append([]any{after, last, string(platform.OutcomeAccepted)}, engine.ToArgs(operations)...)
	var events []platform.RecordedEvent
	err := s.db.Read(ctx, func(tx *identity.Tx) error {
		rows = nil
		if err := tx.SelectRows(&rows, query, args...); err != nil {
			return err
		}
		events = make([]platform.RecordedEvent, len(rows))
		return tx.ConvertStored("audit", func(c *identity.Converter) {
			for i, row := range rows {
				events[i] = platform.RecordedEvent{Seq: row.Seq, AuditEvent: row.toEvent(c)}
			}
		})
	})
	switch {
	case err == nil || ctx.Err() != nil || problem.From(err).Kind == problem.Unavailable:
		return events, err
	case last-after <= 1:
		return []platform.RecordedEvent{{Seq: last}}, nil
	}
	middle := after + (last-after)/2 // one of them cannot be read: find it
	lower, err := s.AcceptedEvents(ctx, operations, after, middle)
	if err != nil {
		return nil, err
	}
	upper, err := s.AcceptedEvents(ctx, operations, middle, last)
	return append(lower, upper...), err
}

// LastEvent returns the sequence number of the newest event.
func (s Store) LastEvent(ctx context.Context) (int64, error) {
	var last int64
	err := s.db.Read(ctx, func(tx *identity.Tx) error {
		_, err := tx.SelectRow(&last, `SELECT COALESCE(MAX(seq), 0) FROM audit`)
		return err
	})
	return last, err
}

// AppendEvent appends an event to the audit log. It sends the same statements for an event about nobody: a request for
// data that is withheld from the caller, whose patient is recorded, must not take longer than one for data that does
// not exist.
func (w Writer) AppendEvent(e platform.AuditEvent) error {
	concerned, acting := identity.Patient, identity.Caller
	if e.ConcernsColleague {
		concerned = identity.Professional
	}
	if e.Reason == platform.ReasonOwnData {
		// Beside the pseudonym of the patient, any other one of the same person would join the two.
		acting = identity.Patient
	}
	patient, err := w.tx.OptionalPseudonym(concerned, e.Patient, e.EmergencyReason)
	if err == nil && patient == nil {
		err = w.tx.LookUpNobody(concerned)
	}
	if err != nil {
		return err
	}
	emergency, err := patient.SealText(e.EmergencyReason, emergencyAssociatedData, e.Correlation)
	if err != nil {
		return w.tx.RecordError(err)
	}
	person, err := w.actingPerson(acting, e)
	if err != nil {
		return err
	}
	signer, err := w.tx.SignerColumn(acting, e.Signer)
	if err != nil {
		return err
	}
	body, version := []byte{}, []byte{}
	rights, isChanged, err := w.tx.CommitRights()
	if err != nil {
		return err
	}
	if isChanged {
		version = rights[:]
	}
	if e.Stored != (platform.StoredDigests{}) {
		body, version = e.Stored.Body[:], e.Stored.Version[:]
	}
	row := eventRow{
		OccurredAt:   engine.Timestamp(e.OccurredAt),
		Correlation:  e.Correlation,
		Operation:    e.Operation,
		Outcome:      string(e.Outcome),
		Codes:        joinCodes(e.Codes),
		Reason:       e.Reason,
		Emergency:    emergency,
		Signer:       signer,
		Organisation: e.Organisation.Digits(),
		Person:       person.IDOrZero(),
		Capacity:     string(e.Capacity),
		Patient:      patient.IDOrZero(),
		Number:       e.Number.Digits(),
		Body:         body,
		Version:      version,
	}
	w.tx.NoteEvent(row.journalEntry)
	return eventTable.Insert(w.tx.Tx, row)
}

// actingPerson returns the pseudonym of the person who acts, or nil. The cache may hold professionals and staff.
func (w Writer) actingPerson(purpose identity.Purpose, e platform.AuditEvent) (*identity.Pseudonym, error) {
	if e.Person.IsZero() {
		return nil, nil
	}
	return w.tx.FindOrCreate(purpose, e.Person, purpose == identity.Caller && e.Capacity != platform.CapacityPatient)
}

// journalEntry returns how the journal names the row. The columns have the form in which they are read for the hash.
func (row *eventRow) journalEntry() auditlog.JournalEntry {
	at := time.Time(row.OccurredAt).UTC().Truncate(time.Microsecond)
	raw := rawAuditRow{
		At: rawColumn(at.Format(auditlog.TimestampLayout)), Correlation: rawColumn(row.Correlation),
		Operation: rawColumn(row.Operation), Outcome: rawColumn(row.Outcome), Codes: rawColumn(row.Codes),
		Reason: rawColumn(row.Reason), Emergency: row.Emergency, Signer: rawColumn(row.Signer),
		Organisation: rawColumn(row.Organisation), Person: strconv.AppendInt(nil, row.Person, 10),
		Capacity: rawColumn(row.Capacity), Patient: strconv.AppendInt(nil, row.Patient, 10),
		Number: rawColumn(row.Number), Body: row.Body, Version: row.Version,
	}
	return auditlog.JournalEntry{
		Correlation: row.Correlation, Content: auditlog.HashRow(raw.hashedColumns()[1:]...),
	}
}

// joinCodes joins codes by newlines, as splitCodes splits them. A code contains no newline.
func joinCodes(all []problem.Code) string {
	texts := make([]string, len(all))
	for i, code := range all {
		texts[i] = string(code)
	}
	return strings.Join(texts, "\n")
}

func splitCodes(joined string) []problem.Code {
	if joined == "" {
		return nil
	}
	var all []problem.Code
	for code := range strings.SplitSeq(joined, "\n") {
		all = append(all, problem.Code(code))
	}
	return all
}
