package platform

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
)

// sealed is the last column of a row that gives rights.
type sealed struct {
	Seal []byte `db:"seal"`
}

func (s *sealed) setSeal(seal []byte) { s.Seal = seal }

// sealedRow is a pointer to a row that gives rights.
type sealedRow[R any] interface {
	*R
	identity.SealedRow
	setSeal(seal []byte)
}

// columnsOf returns the columns of a row whose last one is the seal.
func columnsOf[R any](table engine.Table[R], row *R, seal []byte) identity.SealedColumns {
	name, names, _ := table.Definition()
	values, last := table.Values(row), len(names)-1
	return identity.SealedColumns{Table: name, Names: names[:last], Values: values[:last], Seal: seal}
}

// SealedColumns implements identity.SealedRow, as do the methods below.
func (row practiceRow) SealedColumns() identity.SealedColumns {
	return columnsOf(practiceTable, &row, row.Seal)
}

// SealedColumns implements identity.SealedRow.
func (row organisationRow) SealedColumns() identity.SealedColumns {
	return columnsOf(organisationTable, &row, row.Seal)
}

// SealedColumns implements identity.SealedRow.
func (row AffiliationRow) SealedColumns() identity.SealedColumns {
	return columnsOf(affiliationTable, &row, row.Seal)
}

// SealedColumns implements identity.SealedRow.
func (row mandateRow) SealedColumns() identity.SealedColumns {
	return columnsOf(mandateTable, &row, row.Seal)
}

// SealedColumns implements identity.SealedRow.
func (row TherapeuticLinkRow) SealedColumns() identity.SealedColumns {
	return columnsOf(therapeuticLinkTable, &row, row.Seal)
}

// saveRight adds a row that gives rights, or replaces the one with the same key.
func saveRight[R any, P sealedRow[R]](tx *identity.Tx, table engine.Table[R], row R) error {
	if err := tx.LockRights(); err != nil {
		return err
	}
	columns := P(&row).SealedColumns()
	var former []byte
	where, args := whereKey(table, &row)
	if _, err := tx.SelectRow(&former, `SELECT seal FROM `+columns.Table+where, args...); err != nil {
		return err
	}
	seal, isChanged, err := tx.SealRow(columns, former)
	if err != nil || !isChanged {
		return err
	}
	P(&row).setSeal(seal)
	_, err = table.InsertNow(tx.Tx, row)
	return err
}

// whereKey returns the condition on the row with the same key, with its parameters.
func whereKey[R any](table engine.Table[R], row *R) (string, []any) {
	_, names, key := table.Definition()
	values := table.Values(row)
	args := make([]any, len(key))
	for i, column := range key {
		args[i] = values[slices.Index(names, column)]
	}
	return ` WHERE ` + strings.Join(key, ` = ? AND `) + ` = ?`, args
}

// moveRights moves the rows with a pseudonym in a column to another one. A row that exists under the other one takes
// precedence, and a row without a good seal is not moved.
func moveRights[R any, P sealedRow[R]](table engine.Table[R], column string, set func(*R, int64),
) func(tx *identity.Tx, from, to int64) error {
	return func(tx *identity.Tx, from, to int64) error {
		if err := tx.LockRights(); err != nil {
			return err
		}
		var rows []R
		name, _, _ := table.Definition()
		if err := tx.SelectRows(&rows, table.Select()+` WHERE `+column+` = ?`, from); err != nil {
			return err
		}
		if _, err := tx.ExecStatement(`DELETE FROM `+name+` WHERE `+column+` = ?`, from); err != nil {
			return err
		}
		for i := range rows {
			row := &rows[i]
			tx.NoteRemoval(P(row).SealedColumns())
			if !tx.IsSealed(P(row)) {
				continue
			}
			set(row, to)
			where, args := whereKey(table, row)
			var exists bool
			_, err := tx.SelectRow(&exists, `SELECT EXISTS (SELECT 1 FROM `+name+where+`)`, args...)
			if err != nil {
				return err
			}
			if exists {
				continue
			}
			if err = saveRight[R, P](tx, table, *row); err != nil {
				return err
			}
		}
		return nil
	}
}

// RightsTables returns the tables whose rows give rights.
func RightsTables() []identity.RightsTable {
	return []identity.RightsTable{
		newRightsTable(affiliationTable), newRightsTable(mandateTable), newRightsTable(organisationTable),
		newRightsTable(practiceTable), newRightsTable(therapeuticLinkTable),
	}
}

func newRightsTable[R any, P sealedRow[R]](table engine.Table[R]) identity.RightsTable {
	name, _, key := table.Definition()
	t := identity.RightsTable{Name: name, Key: key}
	order := ` ORDER BY ` + strings.Join(key, ", ") + ` LIMIT ?`
	t.ReadPage = func(tx *identity.Tx, after *identity.SealedColumns, limit int) ([]identity.SealedColumns, error) {
		where, args := t.AfterKey(after)
		var rows []R
		if err := tx.SelectRows(&rows, table.Select()+where+order, append(args, limit)...); err != nil {
			return nil, err
		}
		page := make([]identity.SealedColumns, len(rows))
		for i := range rows {
			page[i] = P(&rows[i]).SealedColumns()
		}
		return page, nil
	}
	return t
}

// changesOfRights are the operations whose events commit to the state of the tables that give rights.
const changesOfRights = ` FROM audit WHERE length(version_digest) > 0 AND length(body_digest) = 0`

// VerifyRights verifies the rows that give rights, and returns what is not as this program wrote it and the number of
// rows.
func (s Store) VerifyRights(ctx context.Context) (findings []platform.RightsFinding, rows int64, err error) {
	err = s.db.Read(ctx, func(tx *identity.Tx) error {
		findings = nil
		state, n, failure := tx.VerifyRights(RightsTables(), func(f identity.RightsFinding) {
			findings = append(findings, platform.RightsFinding{Table: f.Table, Row: f.Row, Text: f.Text})
		})
		if failure != nil {
			return failure
		}
		rows = n
		return compareState(tx, state, func(text string) {
			findings = append(findings, platform.RightsFinding{Table: "rights_total", Text: text})
		})
	})
	return findings, rows, err
}

// compareState compares the state with what the audit log commits to: the newest event that changed it has this state,
// and no two events have the same.
func compareState(tx *identity.Tx, state [32]byte, add func(string)) error {
	var last struct {
		Seq    int64  `db:"seq"`
		Digest []byte `db:"version_digest"`
	}
	found, err := tx.SelectRow(&last, `SELECT seq, version_digest`+changesOfRights+` ORDER BY seq DESC LIMIT 1`)
	if err != nil || !found {
		return err
	}
	if !slices.Equal(last.Digest, state[:]) {
		add(fmt.Sprintf("the tables that give rights have not the state that row %d of the audit log has: they were set "+
			"back, or changed without an event", last.Seq))
	}
	var twice int64
	found, err = tx.SelectRow(&twice, `SELECT MAX(seq)`+changesOfRights+
		` GROUP BY version_digest HAVING COUNT(*) > 1 LIMIT 1`)
	if err == nil && found {
		add(fmt.Sprintf("the tables that give rights were set back before row %d of the audit log", twice))
	}
	return err
}

// optionalColumns are the columns of a row that an outer join may leave out, for a field of a row with the tag of the
// alias.
func optionalColumns[R any](table engine.Table[R], alias string) string {
	var none R
	_, names, _ := table.Definition()
	values := table.Values(&none)
	columns := make([]string, len(names))
	for i, name := range names {
		column := alias + "." + name
		columns[i] = column + ` AS "` + column + `"`
		switch values[i].(type) {
		case string:
			columns[i] = `COALESCE(` + column + `, '') AS "` + column + `"`
		case int64:
			columns[i] = `COALESCE(` + column + `, 0) AS "` + column + `"`
		}
	}
	return strings.Join(columns, ", ")
}

// OptionalLinkColumns and OptionalAffiliationColumns are the columns of rows that a query joins to what they open.
func OptionalLinkColumns(alias string) string { return optionalColumns(therapeuticLinkTable, alias) }

// OptionalAffiliationColumns are those of affiliation.
func OptionalAffiliationColumns(alias string) string { return optionalColumns(affiliationTable, alias) }
