package store

import (
	"context"
	"errors"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
)

// VersionProof is a version of a notification with its evidence and its record in the audit log.
type VersionProof struct {
	Reference    string
	Version      int
	Number       ident.NotificationNumber // zero for a version that was not final
	Type         implants.SurgeryType
	State        implants.State
	Change       implants.Change
	RegisteredAt time.Time
	Digest       [32]byte
	Signer       string
	Organisation ident.NIHII
	Evidence     *implants.Evidence // nil when none was stored
	AuditRecord  *AuditRecord       // nil when the audit log has no matching event
}

// AuditRecord is the audit event that records the outcome of a request, with the proof by the checkpoint that covers
// it.
type AuditRecord struct {
	Seq         int64
	OccurredAt  time.Time
	Correlation string
	Operation   string
	Outcome     implants.Outcome
	Reason      string
	Proof       *auditlog.Proof // nil while the row is not sealed
}

type versionProofRow struct {
	versionKey
	Number       string    `db:"number"`
	Type         string    `db:"type"`
	State        string    `db:"state"`
	Change       string    `db:"change"`
	RegisteredAt timestamp `db:"registered_at"`
	Digest       []byte    `db:"digest"`
	Signer       string    `db:"signer"`
	Organisation string    `db:"organisation"`
	Patient      int64     `db:"patient"`
}

func (row versionProofRow) toVersionProof(c *rowConverter) VersionProof {
	return VersionProof{Reference: row.Reference, Version: row.Version, Number: c.parseNumber(row.Number), Type: implants.SurgeryType(row.Type),
		State: implants.State(row.State), Change: implants.Change(row.Change), RegisteredAt: time.Time(row.RegisteredAt),
		Digest: c.parseDigest(row.Digest), Signer: c.parseSigner(row.Signer), Organisation: c.parseNIHII(row.Organisation)}
}

const selectVersionProofs = `SELECT reference, version, number, type, state, change, registered_at, digest, signer, organisation, patient
	FROM notification WHERE reference = (SELECT reference FROM notification WHERE number = ? AND number <> '' ORDER BY version LIMIT 1)
	ORDER BY version`

// Proofs returns the versions of a notification with their proofs, oldest first.
func (db *DB) Proofs(ctx context.Context, number ident.NotificationNumber) ([]VersionProof, error) {
	var all []VersionProof
	err := db.readTx(ctx, func(tx *tx) error {
		var rows []versionProofRow
		if err := tx.selectRows(&rows, selectVersionProofs, number.Digits()); err != nil {
			return err
		}
		var err error
		if all, err = convertRows(tx, rows, "notification", versionProofRow.toVersionProof); err != nil {
			return err
		}
		for i := range rows {
			if all[i].AuditRecord, err = tx.findAuditRecord(&rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	evidence, err := db.Evidence(ctx, number)
	if err != nil {
		return nil, err
	}
	for i := range all {
		for j := range evidence {
			if evidence[j].Version == all[i].Version {
				all[i].Evidence = &evidence[j]
			}
		}
	}
	return all, nil
}

// The transaction that creates a version also writes the event, a moment after the version's own timestamp. Rows of
// audit are nearly in the order of their timestamps; maxAuditDelay is the margin for those that are not.
const (
	maxAuditDelay     = time.Minute
	selectAuditRecord = selectAuditColumns + `WHERE seq >= ? AND seq <= ? AND patient = ? AND signer = ? AND outcome = ? AND at >= ? AND at < ?
		AND operation IN ('NotifyImplant', 'NotifyExplant', 'ReviseNotification', 'ValidateNotification', 'DiscardNotification')
		AND (number = ? OR ? = '') ORDER BY seq LIMIT 1`
)

// findAuditRecord finds the event of the request that created a version.
func (tx *tx) findAuditRecord(of *versionProofRow) (*AuditRecord, error) {
	at := time.Time(of.RegisteredAt)
	from, err := tx.findSeqAt(at.Add(-maxAuditDelay))
	if err != nil {
		return nil, err
	}
	to, err := tx.findSeqAt(at.Add(2 * maxAuditDelay))
	if err != nil {
		return nil, err
	}
	var row rawAuditRow
	found, err := tx.selectRow(&row, selectAuditRecord, from, to, of.Patient, of.Signer, string(implants.OutcomeAccepted), timestamp(at),
		timestamp(at.Add(maxAuditDelay)), of.Number, of.Number)
	if err != nil || !found {
		return nil, err
	}
	r := &AuditRecord{Seq: row.Seq, Correlation: string(row.Correlation), Operation: string(row.Operation),
		Outcome: implants.Outcome(row.Outcome), Reason: string(row.Reason)}
	if r.OccurredAt, err = time.Parse(auditlog.TimestampLayout, string(row.At)); err != nil {
		return nil, tx.recordError(err)
	}
	r.Proof, err = tx.buildAuditProof(&row)
	return r, err
}

// findSeqAt returns the sequence number of a row of audit near a time, by binary search.
func (tx *tx) findSeqAt(at time.Time) (int64, error) {
	var last int64
	if _, err := tx.selectRow(&last, `SELECT COALESCE(MAX(seq), 0) FROM audit`); err != nil {
		return 0, err
	}
	low, high := int64(0), last
	for low < high {
		middle := low + (high-low)/2
		var found timestamp
		if _, err := tx.selectRow(&found, `SELECT at FROM audit WHERE seq >= ? ORDER BY seq LIMIT 1`, middle); err != nil {
			return 0, err
		}
		if time.Time(found).Before(at) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, nil
}

// buildAuditProof builds the proof of a row. It returns nil while no checkpoint covers the row.
func (tx *tx) buildAuditProof(row *rawAuditRow) (*auditlog.Proof, error) {
	var covering []checkpointRow
	err := tx.selectRows(&covering, selectCheckpointColumns+`WHERE seq_to >= ? ORDER BY seq_to, number LIMIT 1`, row.Seq)
	if err != nil || len(covering) == 0 {
		return nil, err
	}
	p := &auditlog.Proof{Columns: row.hashedColumns(), Checkpoint: covering[0].toCheckpoint()}
	var before []checkpointRow
	if err = tx.selectRows(&before, selectCheckpoints, p.Checkpoint.Number-2, 1); err != nil {
		return nil, err
	}
	seq := int64(0)
	if len(before) > 0 && before[0].Number == p.Checkpoint.Number-1 {
		seq, p.PreviousHead = before[0].SeqTo, before[0].toCheckpoint().Head
	}
	for seq < p.Checkpoint.LastSeq {
		page, err := tx.hashAuditRows(seq, auditPageSize)
		if err != nil {
			return nil, err
		}
		for _, hashed := range page {
			if hashed.Seq <= p.Checkpoint.LastSeq {
				p.RowHashes = append(p.RowHashes, hashed.Hash)
			}
			seq = hashed.Seq
		}
		if len(page) == 0 {
			break
		}
	}
	if !p.IsValid() {
		return nil, tx.recordError(errors.New("the audit trail does not verify where it tells of this notification: see ctrd admin audit verify"))
	}
	return p, nil
}
