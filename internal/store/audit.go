package store

import (
	"context"
	"time"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register"
)

// emergencyPlace, with the event's correlation, is where the reason of an emergency stands.
const emergencyPlace = "emergency "

type eventRow struct {
	Seq          int64   `db:"seq"`
	At           instant `db:"at"`
	Correlation  string  `db:"correlation"`
	Operation    string  `db:"operation"`
	Outcome      string  `db:"outcome"`
	Codes        string  `db:"codes"`
	Reason       string  `db:"reason"`
	Emergency    []byte  `db:"emergency"`
	Signer       string  `db:"signer"`
	Organisation string  `db:"organisation"`
	Person       int64   `db:"person"`
	Capacity     string  `db:"capacity"`
	Patient      int64   `db:"patient"`
	Number       string  `db:"number"`
}

func (row eventRow) event(r *reading) register.Event {
	e := register.Event{At: time.Time(row.At), Correlation: row.Correlation, Operation: row.Operation,
		Outcome: register.Outcome(row.Outcome), Reason: row.Reason, Emergency: r.text(row.Patient, row.Emergency, emergencyPlace, row.Correlation), Signer: r.signer(row.Signer),
		Organisation: r.nihii(row.Organisation), Person: r.ssin(row.Person), Capacity: register.Capacity(row.Capacity),
		Patient: r.ssin(row.Patient), Number: r.number(row.Number)}
	for _, code := range lines(row.Codes) {
		e.Codes = append(e.Codes, problem.Code(code))
	}
	return e
}

// Events reads the audit trail in the order in which it was written: up to limit events after a place, and the place of
// the last one. The first place is 0.
func (db *DB) Events(ctx context.Context, after int64, limit int) ([]register.Event, int64, error) {
	var events []register.Event
	err := db.read(ctx, func(s *session) error {
		var rows []eventRow
		err := s.all(&rows, `SELECT seq, at, correlation, operation, outcome, codes, reason, emergency, signer, organisation,
			person, capacity, patient, number FROM audit WHERE seq > ? ORDER BY seq LIMIT ?`, after, limit)
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			after = rows[len(rows)-1].Seq
		}
		events, err = each(s, rows, "audit", eventRow.event)
		return err
	})
	return events, after, err
}
