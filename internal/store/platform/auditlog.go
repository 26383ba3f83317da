package platform

import (
	"bytes"
	"context"
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
)

// The table audit is append-only. A hash chain of signed checkpoints shows when that was circumvented; see package
// trail. This file reads the rows as stored, and makes and stores checkpoints.

// rawColumn is a stored value, whatever type the driver returns.
type rawColumn []byte

// Scan accepts the types that either driver returns. It formats any other type too: the hash shows whether the value is
// right.
func (k *rawColumn) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		*k = nil
	case string:
		*k = rawColumn(v)
	case []byte:
		*k = bytes.Clone(v)
	case int64:
		*k = strconv.AppendInt(nil, v, 10)
	case time.Time:
		*k = v.UTC().AppendFormat(nil, auditlog.TimestampLayout)
	default:
		*k = fmt.Append(nil, v)
	}
	return nil
}

// Value stores the text.
func (k rawColumn) Value() (driver.Value, error) { return string(k), nil }

// rawAuditRow is a row of audit, with the columns in the order in which they are hashed.
type rawAuditRow struct {
	Seq          int64     `db:"seq"`
	At           rawColumn `db:"at"`
	Correlation  rawColumn `db:"correlation"`
	Operation    rawColumn `db:"operation"`
	Outcome      rawColumn `db:"outcome"`
	Codes        rawColumn `db:"codes"`
	Reason       rawColumn `db:"reason"`
	Emergency    rawColumn `db:"emergency"`
	Signer       rawColumn `db:"signer"`
	Organisation rawColumn `db:"organisation"`
	Person       rawColumn `db:"person"`
	Capacity     rawColumn `db:"capacity"`
	Patient      rawColumn `db:"patient"`
	Number       rawColumn `db:"number"`
	Body         rawColumn `db:"body_digest"`
	Version      rawColumn `db:"version_digest"`
}

// hashedColumns leaves out the last two columns if both are empty: so the rows from before these columns, and all rows
// of requests that stored no version, have the hash that they always had. Lists of different lengths never have the
// same encoding, so emptying the columns shows like any other change.
func (row *rawAuditRow) hashedColumns() [][]byte {
	columns := [][]byte{strconv.AppendInt(nil, row.Seq, 10), row.At, row.Correlation, row.Operation, row.Outcome,
		row.Codes, row.Reason, row.Emergency, row.Signer, row.Organisation, row.Person, row.Capacity, row.Patient, row.Number}
	if len(row.Body)+len(row.Version) > 0 {
		columns = append(columns, row.Body, row.Version)
	}
	return columns
}

var (
	selectAuditColumns = `SELECT ` + strings.Join(engine.ColumnsOf[rawAuditRow](), ", ") + ` FROM audit `
	selectAuditRows    = selectAuditColumns + `WHERE seq > ? ORDER BY seq LIMIT ?`
)

// AuditRows reads rows of the audit log after the given sequence number. It is a method of trail.Reader.
func (s Store) AuditRows(ctx context.Context, afterSeq int64, limit int) ([]auditlog.Row, error) {
	var rows []auditlog.Row
	err := s.db.Read(ctx, func(tx *identity.Tx) (err error) {
		rows, err = hashAuditRows(tx, afterSeq, limit)
		return err
	})
	return rows, err
}

func hashAuditRows(tx *identity.Tx, after int64, limit int) ([]auditlog.Row, error) {
	var rows []rawAuditRow
	if err := tx.SelectRows(&rows, selectAuditRows, after, limit); err != nil {
		return nil, err
	}
	hashed := make([]auditlog.Row, len(rows))
	for i := range rows {
		columns := rows[i].hashedColumns()
		hashed[i] = auditlog.Row{
			Seq:         rows[i].Seq,
			Timestamp:   string(rows[i].At),
			Hash:        auditlog.HashRow(columns...),
			Correlation: string(rows[i].Correlation),
			Content:     auditlog.HashRow(columns[1:]...),
		}
	}
	return hashed, nil
}

type checkpointRow struct {
	Number    int64     `db:"number"`
	SeqTo     int64     `db:"seq_to"`
	Rows      int64     `db:"row_count"`
	Head      []byte    `db:"head"`
	At        rawColumn `db:"at"`
	KeyID     string    `db:"key_id"`
	Public    []byte    `db:"public_key"`
	Previous  []byte    `db:"previous"`
	Handover  []byte    `db:"handover"`
	Signature []byte    `db:"signature"`
}

var (
	selectCheckpointColumns = checkpointTable.Select() + ` `
	selectCheckpoints       = selectCheckpointColumns + `WHERE number > ? ORDER BY number LIMIT ?`
	selectLastCheckpoint    = selectCheckpointColumns + `ORDER BY number DESC LIMIT 1`
)

var checkpointTable = engine.NewTable[checkpointRow]("audit_checkpoint", engine.OnConflict{})

func newCheckpointRow(c *auditlog.Checkpoint) checkpointRow {
	return checkpointRow{
		Number:    c.Number,
		SeqTo:     c.LastSeq,
		Rows:      c.RowCount,
		Head:      c.Head[:],
		At:        rawColumn(c.SealedAt.UTC().Truncate(time.Microsecond).Format(engine.TimestampLayout)),
		KeyID:     c.KeyID,
		Public:    c.PublicKey,
		Previous:  c.PreviousLink[:],
		Handover:  c.Handover,
		Signature: c.Signature,
	}
}

// toCheckpoint converts the stored row. A malformed timestamp or hash becomes another value, which then fails
// the signature check.
func (row *checkpointRow) toCheckpoint() auditlog.Checkpoint {
	c := auditlog.Checkpoint{
		Number:    row.Number,
		LastSeq:   row.SeqTo,
		RowCount:  row.Rows,
		KeyID:     row.KeyID,
		PublicKey: row.Public,
		Handover:  row.Handover,
		Signature: row.Signature,
	}
	c.SealedAt, _ = time.Parse(auditlog.TimestampLayout, string(row.At))
	copy(c.Head[:], row.Head)
	copy(c.PreviousLink[:], row.Previous)
	return c
}

// AuditCheckpoints reads checkpoints after the given number. It is a method of trail.Reader.
func (s Store) AuditCheckpoints(ctx context.Context, afterNumber int64, limit int) ([]auditlog.Checkpoint, error) {
	var rows []checkpointRow
	err := s.db.Read(ctx, func(tx *identity.Tx) error {
		return tx.SelectRows(&rows, selectCheckpoints, afterNumber, limit)
	})
	if err != nil {
		return nil, err
	}
	all := make([]auditlog.Checkpoint, len(rows))
	for i := range rows {
		all[i] = rows[i].toCheckpoint()
	}
	return all, nil
}

// loadLastCheckpoint returns nil when there is no checkpoint yet.
func loadLastCheckpoint(tx *identity.Tx) (*auditlog.Checkpoint, error) {
	var row checkpointRow
	found, err := tx.SelectRow(&row, selectLastCheckpoint)
	if err != nil || !found {
		return nil, err
	}
	last := row.toCheckpoint()
	return &last, nil
}

// maxRowsPerCheckpoint bounds the rows of one checkpoint, and so the duration of the transaction that reads a backlog.
// auditPageSize bounds the rows in memory.
const (
	maxRowsPerCheckpoint = 50_000
	auditPageSize        = 2000
)

// SealAuditLog makes the checkpoints that are due: over the rows since the last one, and after a change of the current
// key. Usually there is one or none. Any number of programs may call it; one that loses the race makes no checkpoint.
// It does nothing while the last checkpoint is younger than minInterval, so that several programs can share the work.
func (s Store) SealAuditLog(ctx context.Context, now time.Time, minInterval time.Duration,
) ([]auditlog.Checkpoint, error) {
	due := false
	err := s.db.Read(ctx, func(tx *identity.Tx) (err error) {
		due, err = isSealingDue(tx, now, minInterval)
		return err
	})
	if err != nil || !due {
		return nil, err
	}
	stable, err := s.stableUpTo(ctx)
	if err != nil {
		return nil, err
	}
	var made []auditlog.Checkpoint
	for {
		c, err := s.storeNextCheckpoint(ctx, stable, now)
		if err != nil || c == nil {
			return made, err
		}
		made = append(made, *c)
	}
}

// stableUpTo returns the highest row below which no other can appear, or 0 when a transaction takes too long to commit
// its row.
func (s Store) stableUpTo(ctx context.Context) (int64, error) {
	var highest int64
	err := s.db.Read(ctx, func(tx *identity.Tx) error {
		if _, err := tx.SelectRow(&highest, `SELECT COALESCE(MAX(seq), 0) FROM audit`); err != nil {
			return err
		}
		settled, err := tx.WaitForInserts("audit")
		if !settled {
			highest = 0
		}
		return err
	})
	return highest, err
}

// isSealingDue reports whether there is something to seal and no checkpoint was made within the interval. A checkpoint
// from later than that was made before the clock was set back, and delays nothing. It blocks no other transaction.
func isSealingDue(tx *identity.Tx, now time.Time, minInterval time.Duration) (bool, error) {
	last, err := loadLastCheckpoint(tx)
	if err != nil {
		return false, err
	}
	sealed, sealedUnder := int64(0), ""
	if last != nil {
		if now.Sub(last.SealedAt).Abs() < minInterval {
			return false, nil
		}
		sealed, sealedUnder = last.LastSeq, last.KeyID
	}
	var newest int64
	_, err = tx.SelectRow(&newest, `SELECT COALESCE(MAX(seq), 0) FROM audit`)
	if err != nil || newest == 0 && last == nil {
		return false, err
	}
	if newest < sealed {
		return false, fmt.Errorf("audit ends at row %d and was sealed up to row %d: %w", newest, sealed,
			auditlog.ErrTruncated)
	}
	current, err := identity.CurrentKeyID(tx.Tx)
	return newest > sealed || current != sealedUnder, err
}

// storeNextCheckpoint makes and stores the next checkpoint, up to the row stable. It returns nil when there is none to
// make.
func (s Store) storeNextCheckpoint(ctx context.Context, stable int64, now time.Time) (*auditlog.Checkpoint, error) {
	var next *auditlog.Checkpoint
	err := s.db.Read(ctx, func(tx *identity.Tx) (err error) {
		next, err = makeNextCheckpoint(tx, stable, now)
		return err
	})
	if err != nil || next == nil {
		return nil, err
	}
	err = s.db.Write(ctx, func(tx *identity.Tx) error {
		if holdErr := tx.Lock("audit checkpoint"); holdErr != nil {
			return holdErr
		}
		var last int64
		if _, lastErr := tx.SelectRow(&last, `SELECT COALESCE(MAX(number), 0) FROM audit_checkpoint`); lastErr != nil {
			return lastErr
		}
		if last != next.Number-1 { // another program was faster
			next = nil
			return nil
		}
		return checkpointTable.Insert(tx.Tx, newCheckpointRow(next))
	})
	return next, err
}

func makeNextCheckpoint(tx *identity.Tx, stable int64, now time.Time) (*auditlog.Checkpoint, error) {
	last, err := loadLastCheckpoint(tx)
	if err != nil {
		return nil, err
	}
	before := auditlog.Checkpoint{}
	if last != nil {
		before = *last
	}
	head, seq, count := before.Head, before.LastSeq, int64(0)
	for count < maxRowsPerCheckpoint {
		page, pageErr := hashAuditRows(tx, seq, auditPageSize)
		if pageErr != nil {
			return nil, pageErr
		}
		done := len(page) < auditPageSize
		for _, row := range page {
			if row.Seq > stable {
				done = true
				break
			}
			head, seq, count = head.Next(row.Hash), row.Seq, count+1
		}
		if done {
			break
		}
	}
	current, former, err := tx.SigningKeys(last)
	if err != nil || count == 0 && (last == nil || last.KeyID == current.KeyID) {
		return nil, err
	}
	c := auditlog.SealCheckpoint(last, seq, before.RowCount+count, head, now, current, former)
	return &c, nil
}

// UnsealedEvents returns the number of rows after the last checkpoint, and the sequence number of the last row that it
// covers.
func (s Store) UnsealedEvents(ctx context.Context) (count, sealed int64, err error) {
	err = s.db.Read(ctx, func(tx *identity.Tx) error {
		last, lastErr := loadLastCheckpoint(tx)
		if lastErr != nil {
			return lastErr
		}
		if sealed = 0; last != nil {
			sealed = last.LastSeq
		}
		_, countErr := tx.SelectRow(&count, `SELECT COUNT(*) FROM audit WHERE seq > ?`, sealed)
		return countErr
	})
	return count, sealed, err
}
