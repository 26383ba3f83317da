package platform

import (
	"context"
	"errors"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
)

// AcceptedEvent describes the audit event of an accepted request by the columns of what the request stored.
type AcceptedEvent struct {
	At         time.Time // of what was stored; the event is at most a minute later
	Patient    int64     // pseudonym id
	Signer     string
	Number     string // empty for any
	Operations []string
}

// The transaction of a request also writes its event, a moment after the timestamp of what it stores. Rows of audit are
// nearly in the order of their timestamps; maxAuditDelay is the margin for those that are not.
const maxAuditDelay = time.Minute

// FindAcceptedEvent finds the event of an accepted request. It returns nil when the audit log has none.
func FindAcceptedEvent(tx *identity.Tx, e AcceptedEvent) (*platform.AuditRecord, error) {
	from, to, err := FindSeqsBetween(tx, e.At, e.At.Add(maxAuditDelay))
	if err != nil {
		return nil, err
	}
	where := &engine.Conditions{}
	where.Add(`seq >= ? AND seq <= ? AND patient = ? AND signer = ? AND outcome = ?`, from, to, e.Patient, e.Signer,
		string(platform.OutcomeAccepted))
	where.Add(`at >= ? AND at < ?`, engine.Timestamp(e.At), engine.Timestamp(e.At.Add(maxAuditDelay)))
	where.Add(`operation IN `+engine.InList(len(e.Operations)), engine.ToArgs(e.Operations)...)
	where.AddIfSet(`number = ?`, e.Number)
	var row rawAuditRow
	found, err := tx.SelectRow(&row, selectAuditColumns+`WHERE `+where.String()+` ORDER BY seq LIMIT 1`, where.Args...)
	if err != nil || !found {
		return nil, err
	}
	r := &platform.AuditRecord{
		Seq:         row.Seq,
		Correlation: string(row.Correlation),
		Operation:   string(row.Operation),
		Outcome:     platform.Outcome(row.Outcome),
		Reason:      string(row.Reason),
	}
	if r.OccurredAt, err = time.Parse(auditlog.TimestampLayout, string(row.At)); err != nil {
		return nil, tx.RecordError(err)
	}
	r.Proof, err = buildAuditProof(tx, &row)
	return r, err
}

// FindSeqsBetween returns the first and last sequence number of the rows of audit in a period, with a margin on both
// sides: a query bounds by them what it searches, and still compares the times.
func FindSeqsBetween(tx *identity.Tx, from, to time.Time) (first, last int64, err error) {
	if first, err = FindSeqAt(tx, "audit", "at", from.Add(-maxAuditDelay)); err == nil {
		last, err = FindSeqAt(tx, "audit", "at", to.Add(maxAuditDelay))
	}
	return first, last, err
}

// LastEventBefore returns a sequence number after which are the events since a time.
func (s Store) LastEventBefore(ctx context.Context, at time.Time) (int64, error) {
	var seq int64
	err := s.db.Read(ctx, func(tx *identity.Tx) (err error) {
		seq, err = FindSeqAt(tx, "audit", "at", at)
		return err
	})
	return max(seq-1, 0), err
}

// FindSeqAt returns the sequence number of a row of a table near a time, by binary search: the rows are nearly in the
// order of that column.
func FindSeqAt(tx *identity.Tx, table, column string, at time.Time) (int64, error) {
	var last int64
	if _, err := tx.SelectRow(&last, `SELECT COALESCE(MAX(seq), 0) FROM `+table); err != nil {
		return 0, err
	}
	low, high := int64(0), last
	for low < high {
		middle := low + (high-low)/2
		var found engine.Timestamp
		if _, err := tx.SelectRow(
			&found,
			`SELECT `+column+` FROM `+table+` WHERE seq >= ? ORDER BY seq LIMIT 1`,
			middle,
		); err != nil {
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
func buildAuditProof(tx *identity.Tx, row *rawAuditRow) (*auditlog.Proof, error) {
	var covering []checkpointRow
	err := tx.SelectRows(
		&covering,
		selectCheckpointColumns+`WHERE seq_to >= ? ORDER BY seq_to, number LIMIT 1`,
		row.Seq,
	)
	if err != nil || len(covering) == 0 {
		return nil, err
	}
	p := &auditlog.Proof{Columns: row.hashedColumns(), Checkpoint: covering[0].toCheckpoint()}
	var before []checkpointRow
	if err = tx.SelectRows(&before, selectCheckpoints, p.Checkpoint.Number-2, 1); err != nil {
		return nil, err
	}
	seq := int64(0)
	if len(before) > 0 && before[0].Number == p.Checkpoint.Number-1 {
		seq, p.PreviousHead = before[0].SeqTo, before[0].toCheckpoint().Head
	}
	for seq < p.Checkpoint.LastSeq {
		page, err := hashAuditRows(tx, seq, auditPageSize)
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
		return nil, tx.RecordError(
			errors.New("the audit log does not verify at the event of this notification: run ctrd " +
				"admin audit verify"),
		)
	}
	return p, nil
}
