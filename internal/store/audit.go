package store

import (
	"context"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/problem"
)

// emergencyAssociatedData, with the event's correlation id, is the associated data of a sealed emergency reason.
const emergencyAssociatedData = "emergency "

type eventRow struct {
	Seq          int64     `db:"seq"`
	OccurredAt   timestamp `db:"at"`
	Correlation  string    `db:"correlation"`
	Operation    string    `db:"operation"`
	Outcome      string    `db:"outcome"`
	Codes        string    `db:"codes"`
	Reason       string    `db:"reason"`
	Emergency    []byte    `db:"emergency"`
	Signer       string    `db:"signer"`
	Organisation string    `db:"organisation"`
	Person       int64     `db:"person"`
	Capacity     string    `db:"capacity"`
	Patient      int64     `db:"patient"`
	Number       string    `db:"number"`
}

func (row eventRow) toEvent(c *rowConverter) implants.AuditEvent {
	e := implants.AuditEvent{OccurredAt: time.Time(row.OccurredAt), Correlation: row.Correlation, Operation: row.Operation,
		Outcome: implants.Outcome(row.Outcome), Reason: row.Reason, EmergencyReason: c.openText(row.Patient, row.Emergency, emergencyAssociatedData, row.Correlation), Signer: c.parseSigner(row.Signer),
		Organisation: c.parseNIHII(row.Organisation), Person: c.currentSSIN(row.Person), Capacity: implants.Capacity(row.Capacity),
		Patient: c.currentSSIN(row.Patient), Number: c.parseNumber(row.Number)}
	for _, code := range splitLines(row.Codes) {
		e.Codes = append(e.Codes, problem.Code(code))
	}
	return e
}

// ReadEvents reads the audit log in the order in which it was written. It returns up to limit events after the row with
// the sequence number after, and the sequence number of the last one. To read from the start, pass 0.
func (db *DB) ReadEvents(ctx context.Context, after int64, limit int) ([]implants.AuditEvent, int64, error) {
	var events []implants.AuditEvent
	err := db.readTx(ctx, func(tx *tx) error {
		var rows []eventRow
		err := tx.selectRows(&rows, `SELECT seq, at, correlation, operation, outcome, codes, reason, emergency, signer, organisation,
			person, capacity, patient, number FROM audit WHERE seq > ? ORDER BY seq LIMIT ?`, after, limit)
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			after = rows[len(rows)-1].Seq
		}
		events, err = convertRows(tx, rows, "audit", eventRow.toEvent)
		return err
	})
	return events, after, err
}
