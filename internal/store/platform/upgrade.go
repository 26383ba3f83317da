package platform

import "github.com/openctr/ctr/internal/store/identity"

// UpgradePurposes gives the professionals of a register from before there were purposes ids of their own in the
// authentic sources.
func UpgradePurposes(tx *identity.Tx) error {
	for _, m := range movesFor(identity.Professional) {
		if err := UpgradeColumn(tx, identity.Professional, m.table, m.column); err != nil {
			return err
		}
	}
	return nil
}

// UpgradeColumn replaces the ids in a column by those of the same persons for a purpose.
func UpgradeColumn(tx *identity.Tx, purpose identity.Purpose, table, column string) error {
	var ids []int64
	err := tx.SelectRows(&ids, `SELECT DISTINCT `+column+` FROM `+table+` WHERE `+column+` <> 0`)
	if err != nil {
		return err
	}
	for _, id := range identity.ShuffleIDs(ids) {
		former, err := tx.LoadPseudonym(id)
		if err != nil {
			return err
		}
		own, err := tx.FindOrCreate(purpose, former.CurrentSSIN, false)
		if err != nil {
			return err
		}
		statement := `UPDATE ` + table + ` SET ` + column + ` = ? WHERE ` + column + ` = ?`
		if _, err = tx.ExecStatement(statement, own.ID, id); err != nil {
			return err
		}
	}
	return nil
}
