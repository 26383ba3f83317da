package store

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"strconv"
	"time"

	"github.com/openctr/ctr/internal/trail"
)

// The table audit is append-only, and a chain of signed checkpoints over it shows whether somebody went round that: package
// trail says how. Here the rows are read as they are kept, and checkpoints are made and kept.

// kept is a column as it stands in the database, whichever type the driver gives it.
type kept []byte

// Scan takes what either engine gives. What neither would give is put in too: whether it is right is for the hash to say.
func (k *kept) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		*k = nil
	case string:
		*k = kept(v)
	case []byte:
		*k = bytes.Clone(v)
	case int64:
		*k = strconv.AppendInt(nil, v, 10)
	case time.Time:
		*k = v.UTC().AppendFormat(nil, trail.InstantForm)
	default:
		*k = fmt.Append(nil, v)
	}
	return nil
}

// trailRow is a row of audit, column by column in the order in which it is hashed.
type trailRow struct {
	Seq          int64 `db:"seq"`
	At           kept  `db:"at"`
	Correlation  kept  `db:"correlation"`
	Operation    kept  `db:"operation"`
	Outcome      kept  `db:"outcome"`
	Codes        kept  `db:"codes"`
	Reason       kept  `db:"reason"`
	Emergency    kept  `db:"emergency"`
	Signer       kept  `db:"signer"`
	Organisation kept  `db:"organisation"`
	Person       kept  `db:"person"`
	Capacity     kept  `db:"capacity"`
	Patient      kept  `db:"patient"`
	Number       kept  `db:"number"`
}

func (row *trailRow) columns() [][]byte {
	return [][]byte{strconv.AppendInt(nil, row.Seq, 10), row.At, row.Correlation, row.Operation, row.Outcome, row.Codes, row.Reason,
		row.Emergency, row.Signer, row.Organisation, row.Person, row.Capacity, row.Patient, row.Number}
}

const (
	trailColumns = `SELECT seq, at, correlation, operation, outcome, codes, reason, emergency, signer, organisation, person, ` +
		`capacity, patient, number FROM audit `
	selectTrail = trailColumns + `WHERE seq > ? ORDER BY seq LIMIT ?`
)

// AuditRows reads the rows of the audit trail after one of them, as a trail.Source.
func (db *DB) AuditRows(ctx context.Context, afterSeq int64, limit int) ([]trail.Row, error) {
	var rows []trail.Row
	err := db.read(ctx, func(s *session) (err error) {
		rows, err = s.trailRows(afterSeq, limit)
		return err
	})
	return rows, err
}

func (s *session) trailRows(after int64, limit int) ([]trail.Row, error) {
	var rows []trailRow
	if err := s.all(&rows, selectTrail, after, limit); err != nil {
		return nil, err
	}
	hashed := make([]trail.Row, len(rows))
	for i := range rows {
		hashed[i] = trail.Row{Seq: rows[i].Seq, At: string(rows[i].At), Hash: trail.HashRow(rows[i].columns()...)}
	}
	return hashed, nil
}

type checkpointRow struct {
	Number    int64  `db:"number"`
	SeqTo     int64  `db:"seq_to"`
	Rows      int64  `db:"row_count"`
	Head      []byte `db:"head"`
	At        kept   `db:"at"`
	KeyID     string `db:"key_id"`
	Public    []byte `db:"public_key"`
	Previous  []byte `db:"previous"`
	Handover  []byte `db:"handover"`
	Signature []byte `db:"signature"`
}

const (
	checkpointColumns = `SELECT number, seq_to, row_count, head, at, key_id, public_key, previous, handover, signature FROM audit_checkpoint `
	selectCheckpoints = checkpointColumns + `WHERE number > ? ORDER BY number LIMIT ?`
	selectLast        = checkpointColumns + `ORDER BY number DESC LIMIT 1`
	insertCheckpoint  = `INSERT INTO audit_checkpoint (number, seq_to, row_count, head, at, key_id, public_key, previous, handover, signature) ` +
		`VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
)

// checkpoint is the row as it is kept. An instant or a hash that is none any more becomes another one, and then no signature
// fits.
func (row *checkpointRow) checkpoint() trail.Checkpoint {
	c := trail.Checkpoint{Number: row.Number, SeqTo: row.SeqTo, Rows: row.Rows, KeyID: row.KeyID, Public: row.Public,
		Handover: row.Handover, Signature: row.Signature}
	c.At, _ = time.Parse(trail.InstantForm, string(row.At))
	copy(c.Head[:], row.Head)
	copy(c.Previous[:], row.Previous)
	return c
}

// AuditCheckpoints reads the checkpoints after one of them, as a trail.Source.
func (db *DB) AuditCheckpoints(ctx context.Context, afterNumber int64, limit int) ([]trail.Checkpoint, error) {
	var rows []checkpointRow
	err := db.read(ctx, func(s *session) error { return s.all(&rows, selectCheckpoints, afterNumber, limit) })
	if err != nil {
		return nil, err
	}
	all := make([]trail.Checkpoint, len(rows))
	for i := range rows {
		all[i] = rows[i].checkpoint()
	}
	return all, nil
}

// lastCheckpoint is nil when there is none yet.
func (s *session) lastCheckpoint() (*trail.Checkpoint, error) {
	var row checkpointRow
	found, err := s.get(&row, selectLast)
	if err != nil || !found {
		return nil, err
	}
	last := row.checkpoint()
	return &last, nil
}

// sealedAtOnce bounds the rows of one checkpoint, and so how long a backlog is read in one view; sealedPage those in memory.
const (
	sealedAtOnce = 50_000
	sealedPage   = 2000
)

// Seal makes the checkpoints that the audit trail needs: over the rows since the last one, and when the register has got
// another key. Mostly it is none or one. Any number of programs may call it; who loses the race makes none. When patience is
// given, so may several share the work: nothing is made as long as the last checkpoint is younger than that.
func (db *DB) Seal(ctx context.Context, now time.Time, patience time.Duration) ([]trail.Checkpoint, error) {
	due := false
	err := db.read(ctx, func(s *session) (err error) {
		due, err = s.isSealingDue(now.Add(-patience))
		return err
	})
	if err != nil || !due {
		return nil, err
	}
	settled, err := db.settled(ctx)
	if err != nil {
		return nil, err
	}
	var made []trail.Checkpoint
	for {
		c, err := db.sealNext(ctx, settled, now)
		if err != nil || c == nil {
			return made, err
		}
		made = append(made, *c)
	}
}

// settled is the highest row below which none can appear any more, or 0 when somebody takes too long to commit one.
func (db *DB) settled(ctx context.Context) (int64, error) {
	var highest int64
	err := db.read(ctx, func(s *session) error {
		if _, err := s.get(&highest, `SELECT COALESCE(MAX(seq), 0) FROM audit`); err != nil {
			return err
		}
		settled, err := s.dialect.settle(s)
		if !settled {
			highest = 0
		}
		return err
	})
	return highest, err
}

// isSealingDue reports whether there is anything to seal and the last checkpoint is from before an instant. It holds
// nobody up.
func (s *session) isSealingDue(before time.Time) (bool, error) {
	last, err := s.lastCheckpoint()
	if err != nil {
		return false, err
	}
	sealed, sealedUnder := int64(0), ""
	if last != nil {
		if last.At.After(before) && !last.At.After(before.Add(time.Hour)) { // unless the clock was set back
			return false, nil
		}
		sealed, sealedUnder = last.SeqTo, last.KeyID
	}
	var newest int64
	if _, err = s.get(&newest, `SELECT COALESCE(MAX(seq), 0) FROM audit`); err != nil || newest == 0 && last == nil {
		return false, err
	}
	if newest < sealed {
		return false, fmt.Errorf("audit ends at row %d and was sealed up to row %d: %w", newest, sealed, trail.ErrCutOff)
	}
	current, err := s.currentKeyID()
	return newest > sealed || current != sealedUnder, err
}

func (s *session) currentKeyID() (string, error) {
	var id string
	found, err := s.get(&id, `SELECT key_id FROM current_key WHERE id = 1`)
	if err == nil && !found {
		err = s.fail(errNoKey)
	}
	return id, err
}

// sealNext makes the next checkpoint up to a row, or none.
func (db *DB) sealNext(ctx context.Context, settled int64, now time.Time) (*trail.Checkpoint, error) {
	var next *trail.Checkpoint
	err := db.read(ctx, func(s *session) (err error) {
		next, err = s.nextCheckpoint(settled, now)
		return err
	})
	if err != nil || next == nil {
		return nil, err
	}
	err = db.write(ctx, func(s *session) error {
		if holdErr := s.dialect.hold(s, []string{"audit checkpoint"}); holdErr != nil {
			return holdErr
		}
		var last int64
		if _, lastErr := s.get(&last, `SELECT COALESCE(MAX(number), 0) FROM audit_checkpoint`); lastErr != nil {
			return lastErr
		}
		if last != next.Number-1 { // another program was faster
			next = nil
			return nil
		}
		return s.insert(insertCheckpoint, next.Number, next.SeqTo, next.Rows, next.Head[:], instant(next.At), next.KeyID,
			[]byte(next.Public), next.Previous[:], next.Handover, next.Signature)
	})
	return next, err
}

func (s *session) nextCheckpoint(settled int64, now time.Time) (*trail.Checkpoint, error) {
	last, err := s.lastCheckpoint()
	if err != nil {
		return nil, err
	}
	before := trail.Checkpoint{}
	if last != nil {
		before = *last
	}
	head, seq, count := before.Head, before.SeqTo, int64(0)
	for count < sealedAtOnce {
		page, pageErr := s.trailRows(seq, sealedPage)
		if pageErr != nil {
			return nil, pageErr
		}
		done := len(page) < sealedPage
		for _, row := range page {
			if row.Seq > settled {
				done = true
				break
			}
			head, seq, count = head.Next(row.Hash), row.Seq, count+1
		}
		if done {
			break
		}
	}
	current, former, err := s.sealers(last)
	if err != nil || count == 0 && (last == nil || last.KeyID == current.KeyID) {
		return nil, err
	}
	c := trail.Seal(last, seq, before.Rows+count, head, now, current, former)
	return &c, nil
}

// sealers are the current signing key and, when the last checkpoint has another one that is there still, that.
func (s *session) sealers(last *trail.Checkpoint) (current trail.Signer, former *trail.Signer, err error) {
	id, err := s.currentKeyID()
	if err != nil {
		return current, nil, err
	}
	key, err := s.keys.find(id)
	if err != nil {
		return current, nil, s.fail(err)
	}
	if current, err = key.signer(); err != nil || last == nil || last.KeyID == id {
		return current, nil, err
	}
	if key = s.keys.key(last.KeyID); key == nil { // retired
		return current, nil, nil
	}
	signer, err := key.signer()
	return current, &signer, err
}

// signer is the signing key that is derived from a key of the ring.
func (k *ringKey) signer() (trail.Signer, error) {
	seed, err := hkdf.Key(sha256.New, k.Secret, nil, "ctr service signature", ed25519.SeedSize)
	if err != nil {
		return trail.Signer{}, fmt.Errorf("derive a key: %w", err)
	}
	return trail.Signer{KeyID: k.ID, Key: ed25519.NewKeyFromSeed(seed)}, nil
}

// PublicKey is the public half of a signing key, under the name of the key that it is derived from.
type PublicKey struct {
	KeyID string
	Key   ed25519.PublicKey
}

// PublicKeys are those of all keys of the key file: first the one that signs now, then the others, newest first.
func (db *DB) PublicKeys(ctx context.Context) ([]PublicKey, error) {
	var current trail.Signer
	err := db.read(ctx, func(s *session) (err error) {
		current, _, err = s.sealers(nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	all := []PublicKey{{current.KeyID, current.Public()}}
	for _, key := range db.keys.all() {
		signer, err := key.signer()
		if err != nil {
			return nil, err
		}
		if key.ID != current.KeyID {
			all = append(all, PublicKey{key.ID, signer.Public()})
		}
	}
	return all, nil
}

// Sign signs a statement of the service with the current signing key.
func (db *DB) Sign(ctx context.Context, statement []byte) ([]byte, PublicKey, error) {
	var current trail.Signer
	err := db.read(ctx, func(s *session) (err error) {
		current, _, err = s.sealers(nil)
		return err
	})
	if err != nil {
		return nil, PublicKey{}, err
	}
	return ed25519.Sign(current.Key, statement), PublicKey{current.KeyID, current.Public()}, nil
}
