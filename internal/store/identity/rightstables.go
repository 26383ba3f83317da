package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/store/engine"
)

// RightsTable is a table whose rows give rights.
type RightsTable struct {
	Name string
	Key  []string // the columns of its primary key
	// ReadPage reads rows in the order of their key after a row, or from the start.
	ReadPage func(tx *Tx, after *SealedColumns, limit int) ([]SealedColumns, error)
}

const rightsPageSize = 500

// keyOf returns the values of a row's key.
func (t *RightsTable) keyOf(row *SealedColumns) []any {
	values := make([]any, len(t.Key))
	for i, column := range t.Key {
		for j, name := range row.Names {
			if name == column {
				values[i] = row.Values[j]
			}
		}
	}
	return values
}

// AfterKey returns the condition on the rows after one, with its parameters.
func (t *RightsTable) AfterKey(after *SealedColumns) (string, []any) {
	if after == nil {
		return "", nil
	}
	return ` WHERE (` + strings.Join(t.Key, ", ") + `) > ` + engine.InList(len(t.Key)), t.keyOf(after)
}

func (t *RightsTable) updateSeal(tx *Tx, row *SealedColumns, seal []byte) error {
	_, err := tx.ExecStatement(`UPDATE `+t.Name+` SET seal = ? WHERE `+strings.Join(t.Key, ` = ? AND `)+` = ?`,
		append([]any{seal}, t.keyOf(row)...)...)
	return err
}

// forEachPage reads the whole table.
func (t *RightsTable) forEachPage(tx *Tx, f func([]SealedColumns) error) error {
	for after := (*SealedColumns)(nil); ; {
		page, err := t.ReadPage(tx, after, rightsPageSize)
		if err != nil || len(page) == 0 {
			return err
		}
		if err = f(page); err != nil {
			return err
		}
		after = &page[len(page)-1]
	}
}

var totalTable = engine.NewTable[totalRow]("rights_total", engine.DoNothing("name"))

var errTotalsMissing = errors.New("the totals of the tables that give rights are missing, and the key file says that " +
	"they were sealed: restore the database; for a backup from before they were sealed, remove rights_sealed from the " +
	"key file")

// SealRights seals the rows of a register from before there were seals, once, and notes it in the key file. Unsealed
// rows that appear later give no right. It returns why the key file could not be changed.
func (db *DB) SealRights(ctx context.Context) (unmarked error, err error) {
	var rows []totalRow
	if err = db.Read(ctx, func(tx *Tx) error { return tx.SelectRows(&rows, selectTotals) }); err != nil {
		return nil, err
	}
	isMarked := db.ring.areRightsSealed()
	switch {
	case len(rows) == 0 && isMarked:
		return nil, errTotalsMissing
	case len(rows) == 0:
		err = db.engine.WriteWithin(ctx, upgradeLimit, func(etx *engine.Tx) error {
			tx := db.newTx(etx, true)
			failure := tx.Lock("rights")
			if failure == nil {
				failure = tx.SelectRows(&rows, selectTotals)
			}
			if failure != nil || len(rows) > 0 {
				return failure
			}
			return db.sealTables(tx, false)
		})
	case isMarked:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return db.ring.markRights(), nil
}

// sealTables seals every row, and the totals. In a new register no row may be there: it is none if somebody only
// removed the rows by which a register in use is known.
func (db *DB) sealTables(tx *Tx, isNew bool) error {
	key, err := tx.sealingKey()
	if err != nil {
		return err
	}
	for i := range db.rightsTables {
		table := &db.rightsTables[i]
		row := totalRow{Table: table.Name}
		var sum total
		err = table.forEachPage(tx, func(page []SealedColumns) error {
			if isNew {
				return tx.RecordError(errTotalsMissing)
			}
			for j := range page {
				seal := key.sealContent(page[j].encodeColumns())
				row.Rows++
				sum = sum.addTotal(db.ring.elementOf(seal))
				if updateErr := table.updateSeal(tx, &page[j], seal); updateErr != nil {
					return updateErr
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		row.Total = sum.toBytes()
		row.Seal = key.sealContent(row.encodeColumns())
		if err = totalTable.Insert(tx.Tx, row); err != nil {
			return err
		}
	}
	return tx.InvalidateCache()
}

// resealRights seals the rows and totals that another key sealed with the current one, in small transactions. Rows
// without a good seal stay as they are.
func (db *DB) resealRights(ctx context.Context) error {
	for i := range db.rightsTables {
		table := &db.rightsTables[i]
		for after, more := (*SealedColumns)(nil), true; more; {
			err := db.Write(ctx, func(tx *Tx) error {
				last, failure := db.resealPage(tx, table, after)
				if more = last != nil; more {
					after = last
				}
				return failure
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// resealPage seals the rows after one, and returns the last of them, nil if there is none.
func (db *DB) resealPage(tx *Tx, table *RightsTable, after *SealedColumns) (last *SealedColumns, err error) {
	if err = tx.LockRights(); err != nil {
		return nil, err
	}
	page, err := table.ReadPage(tx, after, rotationBatchSize)
	if err != nil {
		return nil, err
	}
	change := tx.rightsChange(table.Name) // seals the total anew, also without a row
	for i := range page {
		last = &page[i]
		if err = db.resealRow(tx, table, change, last); err != nil {
			return nil, err
		}
	}
	return last, nil
}

func (db *DB) resealRow(tx *Tx, table *RightsTable, change *rightsChange, row *SealedColumns) error {
	key, err := tx.sealingKey()
	if err != nil {
		return err
	}
	content := row.encodeColumns()
	former := db.ring.sealKey(row.Seal)
	if former == nil || former.ID == key.ID || !db.ring.isSealOf(row.Seal, content) {
		return nil
	}
	seal := key.sealContent(content)
	change.replaceSeal(db.ring, row.Seal, seal)
	return table.updateSeal(tx, row, seal)
}

// RightsFinding is a row that gives rights and is not as this program wrote it, or the total of a table.
type RightsFinding struct {
	Table string
	Row   string // the values of some of its key columns; empty for the table as a whole
	Text  string
}

// VerifyRights verifies every row that gives rights, and the totals, over one consistent view. It also returns the
// digest of the state, and how many rows there are.
func (tx *Tx) VerifyRights(tables []RightsTable, add func(RightsFinding)) (state [32]byte, rows int64, err error) {
	var totals []totalRow
	if err = tx.SelectRows(&totals, selectTotals); err != nil {
		return state, 0, err
	}
	byTable := make(map[string]*totalRow)
	for i := range totals {
		byTable[totals[i].Table] = &totals[i]
	}
	for i := range totals {
		if !slices.ContainsFunc(tables, func(t RightsTable) bool { return t.Name == totals[i].Table }) {
			add(RightsFinding{Table: totals[i].Table,
				Text: "it is no table that gives rights, and rights_total has a row for it"})
		}
	}
	for i := range tables {
		n, sum := int64(0), total{}
		err = tables[i].forEachPage(tx, func(page []SealedColumns) error {
			for j := range page {
				n++
				sum = sum.addTotal(tx.ring.elementOf(page[j].Seal))
				if !tx.ring.isSealOf(page[j].Seal, page[j].encodeColumns()) {
					add(RightsFinding{tables[i].Name, tables[i].describeKey(&page[j]),
						"a column was changed, or the row was inserted, beside the program; it gives no right"})
				}
			}
			return nil
		})
		if err != nil {
			return state, 0, err
		}
		rows += n
		if text := tx.compareTotal(byTable[tables[i].Name], n, sum); text != "" {
			add(RightsFinding{Table: tables[i].Name, Text: text})
		}
	}
	return digestTotals(totals), rows, nil
}

func (tx *Tx) compareTotal(row *totalRow, n int64, sum total) string {
	switch {
	case row == nil:
		return "its row of rights_total is missing"
	case !tx.ring.isSealOf(row.Seal, row.encodeColumns()):
		return "its row of rights_total was changed"
	case n < row.Rows:
		return fmt.Sprintf("rows were removed: there are %d, and %d were written", n, row.Rows)
	case n > row.Rows:
		return fmt.Sprintf("rows were inserted: there are %d, and %d were written", n, row.Rows)
	case sum != parseTotal(row.Total):
		return "a row has a former state of itself, or rows were removed and others inserted"
	}
	return ""
}

// describeKey names a row by the columns of its key that tell no number of a person.
func (t *RightsTable) describeKey(row *SealedColumns) string {
	var parts []string
	for i, value := range t.keyOf(row) {
		if t.Key[i] != "nihii" {
			parts = append(parts, t.Key[i]+" "+columnText(value))
		}
	}
	return strings.Join(parts, ", ")
}
