package implants

import (
	"context"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/identity"
)

// sealedColumn is a column of texts that the key of a version's patient seals.
type sealedColumn struct {
	table, column string
	what          string // in the associated data
	hasLine       bool
	hasState      bool // of a card
}

func sealedColumns() []sealedColumn {
	return []sealedColumn{
		{table: "notification", column: "change_reason", what: "change reason"},
		{table: "notification", column: "comment", what: "comment"},
		{table: "notification", column: "input_reference", what: "input reference"},
		{table: "notification", column: "content_digest", what: "content digest"},
		{table: "implant", column: "location", what: "location", hasLine: true},
		{table: "removal", column: "reason", what: "reason", hasLine: true},
		{table: "evidence", column: "message", what: "message"},
		{table: "evidence", column: "certificate", what: "certificate"},
		{table: "card", column: "document", what: "card", hasState: true},
	}
}

// resealBatchSize is the number of versions whose texts one transaction seals; it bounds how long other writes wait.
const resealBatchSize = 200

// ResealTexts seals the texts about patients that a former data key sealed with the newest one, and returns their
// number. It uses small transactions and can run while the service works.
func (s Register) ResealTexts(ctx context.Context) (int, error) {
	total, after := 0, int64(0)
	for {
		resealed, last := 0, after
		err := s.db.Write(ctx, func(tx *identity.Tx) error {
			resealed = 0
			_, err := tx.SelectRow(&last, `SELECT COALESCE(MAX(seq), 0) FROM (SELECT seq FROM notification WHERE seq > ?
				ORDER BY seq LIMIT ?) AS batch`, after, resealBatchSize)
			if err != nil || last == 0 {
				return err
			}
			return tx.AllowResealing(func() (err error) {
				resealed, err = resealVersions(tx, after, last)
				return err
			})
		})
		if err != nil || last == 0 {
			return total, err
		}
		total, after = total+resealed, last
	}
}

type sealedTextRow struct {
	versionKey
	Line    int    `db:"line"`
	State   string `db:"state"`
	Patient int64  `db:"patient"`
	Sealed  []byte `db:"sealed"`
}

// resealVersions seals the texts of the versions after one sequence number up to another.
func resealVersions(tx *identity.Tx, after, last int64) (int, error) {
	resealed := 0
	for _, c := range sealedColumns() {
		var rows []sealedTextRow
		if err := tx.SelectRows(&rows, c.selectTexts(), after, last); err != nil {
			return 0, err
		}
		for i := range rows {
			changed, err := c.reseal(tx, &rows[i])
			if err != nil {
				return 0, err
			}
			resealed += changed
		}
	}
	return resealed, nil
}

func (c sealedColumn) selectTexts() string {
	line, state := `0`, `''`
	if c.hasLine {
		line = `t.line`
	}
	if c.hasState {
		state = `t.state`
	}
	return `SELECT t.reference, t.version, ` + line + ` AS line, ` + state + ` AS state, n.patient,
		t.` + c.column + ` AS sealed
		FROM notification n JOIN ` + c.table + ` t ON t.reference = n.reference AND t.version = n.version
		WHERE n.seq > ? AND n.seq <= ? AND length(t.` + c.column + `) > 0`
}

func (c sealedColumn) reseal(tx *identity.Tx, row *sealedTextRow) (int, error) {
	patient, err := textOwner(tx, row.Patient)
	if err != nil {
		return 0, err
	}
	bound, where := row.associatedData(c.what), ` WHERE reference = ? AND version = ?`
	key := []any{row.Reference, row.Version}
	if c.hasLine {
		bound, where, key = row.associatedData(c.what, row.Line), where+` AND line = ?`, append(key, row.Line)
	}
	if c.hasState {
		bound, where, key = row.cardData(row.State), where+` AND state = ?`, append(key, row.State)
	}
	renewed, err := patient.Reseal(row.Sealed, bound)
	if err != nil || renewed == nil {
		return 0, tx.RecordError(err)
	}
	_, err = tx.ExecStatement(`UPDATE `+c.table+` SET `+c.column+` = ?`+where, append([]any{renewed}, key...)...)
	return 1, err
}

// textOwner returns the pseudonym whose key seals the texts of a version. Versions from before there were purposes have
// id 0 when they have no patient.
func textOwner(tx *identity.Tx, patient int64) (*identity.Pseudonym, error) {
	if patient == 0 {
		return tx.FindOrCreate(identity.Patient, ident.SSIN{}, true)
	}
	return tx.LoadPseudonym(patient)
}
