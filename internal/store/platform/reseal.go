package platform

import (
	"context"

	"github.com/openctr/ctr/internal/store/identity"
)

const resealBatchSize = 200

// ResealPersons seals the entries of the national register that a former data key sealed with the newest one, and
// returns their number. It uses small transactions.
func (s Store) ResealPersons(ctx context.Context) (int, error) {
	total, after := 0, int64(0)
	for {
		resealed, more := 0, false
		err := s.db.Write(ctx, func(tx *identity.Tx) error {
			resealed = 0
			var rows []personRow
			err := tx.SelectRows(&rows, personTable.Select()+` WHERE subject > ? ORDER BY subject LIMIT ?`+tx.ForUpdate(),
				after, resealBatchSize)
			if err != nil {
				return err
			}
			more = len(rows) > 0
			for _, row := range rows {
				changed, err := resealPerson(tx, row)
				if err != nil {
					return err
				}
				resealed += changed
			}
			if more {
				after = rows[len(rows)-1].Subject
			}
			return nil
		})
		if err != nil || !more {
			return total, err
		}
		total += resealed
	}
}

func resealPerson(tx *identity.Tx, row personRow) (int, error) {
	pseudonym, err := tx.LoadPseudonym(row.Subject)
	if err != nil {
		return 0, err
	}
	renewed, err := pseudonym.Reseal(row.Sealed, personAssociatedData)
	if err != nil || renewed == nil {
		return 0, tx.RecordError(err)
	}
	_, err = tx.ExecStatement(`UPDATE person SET sealed = ? WHERE subject = ?`, renewed, row.Subject)
	return 1, err
}
