package implants

import (
	"fmt"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
)

// NextSequenceNumber returns the next sequence number of a day, starting with 1. There may be gaps, but no number is
// issued twice.
func (w Writer) NextSequenceNumber(day ident.Date) (uint64, error) {
	next := nextSQLiteNumber
	if w.tx.Kind() == engine.PostgreSQL {
		next = nextPostgresNumber
	}
	number, err := next(w.tx.Tx, day.String())
	if err != nil {
		return 0, err
	}
	if number < 1 {
		return 0, w.tx.RecordError(fmt.Errorf("sequence number %d", number))
	}
	return uint64(number), nil
}

// sequenceNumbers holds, for each day, the last sequence number that one commit on SQLite has issued. It is read once
// and stored once, however many notifications need numbers. The number of one that is rolled back stays unused.
type sequenceNumbers map[string]int64

func nextSQLiteNumber(tx *engine.Tx, day string) (int64, error) {
	type key struct{}
	numbers, _ := tx.SharedState(key{}, func() engine.CommitState { return sequenceNumbers{} }).(sequenceNumbers)
	if _, known := numbers[day]; !known {
		var last int64
		if _, err := tx.SelectRow(&last, `SELECT running FROM number_counter WHERE day = ?`, day); err != nil {
			return 0, err
		}
		numbers[day] = last
	}
	numbers[day]++
	return numbers[day], nil
}

type numberCounterRow struct {
	Day     string `db:"day"`
	Running int64  `db:"running"`
}

var numberCounterTable = engine.NewTable[numberCounterRow]("number_counter", engine.DoUpdate("day"))

// SaveState stores the last number of each day.
func (n sequenceNumbers) SaveState(tx *engine.Tx) error {
	for day, last := range n {
		if _, err := numberCounterTable.InsertNow(tx, numberCounterRow{day, last}); err != nil {
			return err
		}
	}
	return nil
}

// nextPostgresNumber counts from the value that the sequence had at its first use on the day, so that only this first
// use waits for another transaction to end. When a transaction fails, its number is lost and never issued again.
func nextPostgresNumber(tx *engine.Tx, day string) (int64, error) {
	const next = `SELECT nextval('running_number') - base FROM number_counter WHERE day = ?`
	var number int64
	found, err := tx.SelectRow(&number, next, day)
	if err != nil || found {
		return number, err
	}
	_, err = tx.ExecStatement(`INSERT INTO number_counter (day, base) VALUES (?, nextval('running_number'))
		ON CONFLICT (day) DO NOTHING`,
		day)
	if err != nil {
		return 0, err
	}
	_, err = tx.SelectRow(&number, next, day)
	return number, err
}

// inputReferenceUse is the use of the hashes of InputReference. Callers put into it what they like, names and numbers
// of persons too, and the register only compares it.
const inputReferenceUse = "input reference"

// AppendVersion appends a version of a notification. Without a patient it refers to the pseudonym of texts without a
// person, whose key then seals its texts.
func (w Writer) AppendVersion(n implants.Notification) error {
	patient, err := w.tx.FindOrCreate(identity.Patient, n.Patient, n.Patient.IsZero())
	if err != nil {
		return err
	}
	key, columns := versionKey{n.Reference, n.Version}, w.tx.NewColumnWriter()
	w.storedPatients[key] = patient
	row := newNotificationRow(columns, &n, patient)
	if err = columns.Err(); err != nil {
		return err
	}
	if err = notificationTable.Insert(w.tx.Tx, row); err != nil {
		return err
	}
	rows := &versionRows{notification: row}
	w.appended[key] = rows
	if err = w.insertLines(&n, columns, patient, rows); err != nil {
		return err
	}
	for i, warning := range n.Warnings {
		line := warningRow{key, i + 1, string(warning.Code), warning.Path.String(), warning.Detail.Encode()}
		rows.warnings = append(rows.warnings, line)
		if err = warningTable.Insert(w.tx.Tx, line); err != nil {
			return err
		}
	}
	if n.InputReference != "" {
		reference, hashErr := w.tx.HashNewText(inputReferenceUse, n.InputReference)
		if hashErr != nil {
			return hashErr
		}
		if err = submissionTable.Insert(w.tx.Tx, submissionRow{row.Signer, reference, key}); err != nil {
			return err
		}
	}
	return w.updatePendingList(&n, &row)
}

func (w Writer) insertLines(n *implants.Notification, columns *identity.ColumnWriter,
	patient *identity.Pseudonym, rows *versionRows) error {
	for i := range n.Implants {
		row := newImplantRow(columns, n, i, patient)
		if err := columns.Err(); err != nil {
			return err
		}
		rows.implants = append(rows.implants, foundImplantRow{implantRow: row, Patient: rows.notification.Patient})
		if err := implantTable.Insert(w.tx.Tx, row); err != nil {
			return err
		}
	}
	for i := range n.Removals {
		row := newRemovalRow(columns, n, i, patient)
		if err := columns.Err(); err != nil {
			return err
		}
		rows.removals = append(rows.removals, foundRemovalRow{removalRow: row, Patient: rows.notification.Patient})
		if err := removalTable.Insert(w.tx.Tx, row); err != nil {
			return err
		}
	}
	return nil
}

// updatePendingList adds the notification to the table of pending ones, or deletes it there once it is final or
// withdrawn.
func (w Writer) updatePendingList(n *implants.Notification, row *notificationRow) error {
	var err error
	switch {
	case n.State == implants.Draft || n.State == implants.ToValidate:
		_, err = pendingTable.InsertNow(w.tx.Tx, pendingRow{n.Reference, row.Specialist, row.Author, row.Organisation})
	case n.Version > 1:
		_, err = w.tx.ExecStatement(`DELETE FROM pending WHERE reference = ?`, n.Reference)
	}
	return err
}
