package implants

import (
	"github.com/openctr/ctr/internal/store/identity"
	platformstore "github.com/openctr/ctr/internal/store/platform"
)

// UpgradePurposes gives the professionals of a register from before there were purposes ids of their own where rows may
// change, and seals what was plain: the InputReferences and the content digests. Versions keep the ids that they have.
func UpgradePurposes(tx *identity.Tx) error {
	err := platformstore.UpgradeColumn(tx, identity.Professional, `pending`, `specialist`)
	if err == nil {
		err = platformstore.UpgradeColumn(tx, identity.Caller, `pending`, `author`)
	}
	if err != nil {
		return err
	}
	return tx.AllowResealing(func() error { return sealPlainVersions(tx) })
}

// plainVersionRow has the columns of a version that were plain.
type plainVersionRow struct {
	versionKey
	Seq            int64  `db:"seq"`
	Patient        int64  `db:"patient"`
	Signer         string `db:"signer"`
	InputReference []byte `db:"input_reference"`
	ContentDigest  []byte `db:"content_digest"`
}

const selectPlainVersions = `SELECT seq, reference, version, patient, signer, input_reference, content_digest
	FROM notification WHERE seq > ? ORDER BY seq LIMIT ?`

func sealPlainVersions(tx *identity.Tx) error {
	for after := int64(0); ; {
		var rows []plainVersionRow
		if err := tx.SelectRows(&rows, selectPlainVersions, after, resealBatchSize); err != nil || len(rows) == 0 {
			return err
		}
		for i := range rows {
			if err := sealPlainVersion(tx, &rows[i]); err != nil {
				return err
			}
			after = rows[i].Seq
		}
	}
}

// sealPlainVersion also hashes the InputReference of the submission. A version without a patient had id 0.
func sealPlainVersion(tx *identity.Tx, row *plainVersionRow) error {
	patient, err := textOwner(tx, row.Patient)
	if err != nil {
		return err
	}
	columns := tx.NewColumnWriter()
	reference := columns.SealText(patient, string(row.InputReference), row.associatedData("input reference"))
	digest := columns.SealText(patient, string(row.ContentDigest), row.associatedData("content digest"))
	if err = columns.Err(); err != nil {
		return err
	}
	_, err = tx.ExecStatement(`UPDATE notification SET input_reference = ?, content_digest = ? WHERE seq = ?`,
		reference, digest, row.Seq)
	if err != nil || len(row.InputReference) == 0 {
		return err
	}
	hash, err := tx.HashNewText(inputReferenceUse, string(row.InputReference))
	if err != nil {
		return err
	}
	_, err = tx.ExecStatement(`UPDATE submission SET input_reference = ? WHERE signer = ? AND input_reference = ?
		AND reference = ? AND version = ?`, hash, row.Signer, string(row.InputReference), row.Reference, row.Version)
	return err
}
