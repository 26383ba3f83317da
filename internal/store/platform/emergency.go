package platform

import (
	"bytes"
	"time"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
)

type emergencyRow struct {
	Professional int64            `db:"professional"`
	Day          string           `db:"day"`
	Patient      int64            `db:"patient"`
	Reason       []byte           `db:"reason"`
	OpensAt      engine.Timestamp `db:"opens_at"`
}

var emergencyTable = engine.NewTable[emergencyRow](
	"emergency", engine.DoNothing("professional", "day", "patient", "reason"),
)

// newEmergencyRow converts a claim. The reason is hashed with the professional's data key: only its equality is asked.
func (w Writer) newEmergencyRow(claim platform.Emergency) (emergencyRow, error) {
	professional, err := w.tx.FindOrCreate(identity.Caller, claim.Professional, false)
	if err != nil {
		return emergencyRow{}, err
	}
	patient, err := w.tx.FindOrCreate(identity.Patient, claim.Patient, false)
	return emergencyRow{
		Professional: professional.IDOrZero(),
		Day:          claim.Day.String(),
		Patient:      patient.IDOrZero(),
		Reason:       professional.DeriveID("emergency "+claim.Reason, reasonHashSize),
	}, err
}

const reasonHashSize = 32

// PastEmergencies returns what the professional claimed before on the day of the claim.
func (w Writer) PastEmergencies(claim platform.Emergency) (platform.PastEmergencies, error) {
	key, err := w.newEmergencyRow(claim)
	if err != nil {
		return platform.PastEmergencies{}, err
	}
	var rows []emergencyRow
	if err = w.tx.SelectRows(&rows, emergencyTable.Select()+` WHERE professional = ? AND day = ?`,
		key.Professional, key.Day); err != nil {
		return platform.PastEmergencies{}, err
	}
	var past platform.PastEmergencies
	others := map[int64]bool{}
	for _, row := range rows {
		if row.Patient == key.Patient {
			past.OpensAt = earliest(past.OpensAt, time.Time(row.OpensAt))
			continue
		}
		others[row.Patient] = true
		past.IsReasonUsed = past.IsReasonUsed || bytes.Equal(row.Reason, key.Reason)
	}
	past.OtherPatients = len(others)
	return past, nil
}

// earliest returns the earlier of two instants; a zero one does not count.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// SaveEmergency adds a claim, and deletes those of earlier days.
func (w Writer) SaveEmergency(claim platform.Emergency, opensAt time.Time) error {
	row, err := w.newEmergencyRow(claim)
	if err != nil {
		return err
	}
	row.OpensAt = engine.Timestamp(opensAt)
	_, err = w.tx.ExecStatement(`DELETE FROM emergency WHERE professional = ? AND day < ?`, row.Professional, row.Day)
	if err != nil {
		return err
	}
	return emergencyTable.Insert(w.tx.Tx, row)
}
