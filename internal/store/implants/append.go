package implants

import (
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/store/identity"
)

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
