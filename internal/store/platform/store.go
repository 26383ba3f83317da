// Package platform stores what all registers share: the authentic sources, the mandates and staff that callers change
// themselves, the versions of imports, replay keys, the sessions of the portal, and the audit log with its checkpoints.
//
// Store does what needs transactions of its own. Reader and Writer are parts of the reader and writer of a register
// within one transaction. It knows no table of a register.
package platform

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
)

// Store does what needs transactions of its own.
type Store struct{ db *identity.DB }

// NewStore returns the store of an open database.
func NewStore(db *identity.DB) Store { return Store{db} }

// Reader reads within a transaction.
type Reader struct{ tx *identity.Tx }

// NewReader returns the reader of a transaction.
func NewReader(tx *identity.Tx) Reader { return Reader{tx} }

// Writer stores within a transaction.
type Writer struct{ tx *identity.Tx }

// NewWriter returns the writer of a transaction.
func NewWriter(tx *identity.Tx) Writer { return Writer{tx} }

// Lock makes other transactions that lock one of the same keys wait until this one ends.
func (w Writer) Lock(keys ...string) error { return w.tx.Lock(keys...) }

type replayRow struct {
	Key   []byte           `db:"key"`
	Until engine.Timestamp `db:"until"`
}

// attemptRow is a replayRow on PostgreSQL, with a random id of the attempt to commit.
type attemptRow struct {
	replayRow
	Attempt []byte `db:"attempt"`
}

var (
	replayTable  = engine.NewTable[replayRow]("replay", engine.DoNothing("key"))
	attemptTable = engine.NewTable[attemptRow]("replay", engine.DoNothing("key"))
)

// RecordReplayKey records that a message was used. It returns false when the message was used before.
//
// On PostgreSQL it also proves whether the transaction was committed, in case the response to COMMIT is lost. Inserting
// the same replay key waits until the server has ended the lost transaction. Then either the replay key with the id of
// this attempt is there and everything is stored, or it is not there and nothing of the transaction can appear any
// more.
func (w Writer) RecordReplayKey(key platform.ReplayKey) (bool, error) {
	row := replayRow{key.Hash[:], engine.Timestamp(key.ExpiresAt)}
	if w.tx.Kind() == engine.SQLite {
		n, err := replayTable.InsertNow(w.tx.Tx, row)
		return n == 1, err
	}
	attempt := []byte(rand.Text())
	n, err := attemptTable.InsertNow(w.tx.Tx, attemptRow{row, attempt})
	if n == 1 {
		w.tx.ProveCommit(func(proof *engine.Tx) (committed bool, err error) {
			if _, err = attemptTable.InsertNow(proof, attemptRow{replayRow{Key: row.Key}, []byte{}}); err == nil {
				_, err = proof.SelectRow(&committed, `SELECT attempt = ? FROM replay WHERE key = ?`, attempt, row.Key)
			}
			return committed, err
		})
	}
	return n == 1, err
}

// purgeBatch bounds how long other writes wait for a purge.
const purgeBatch = 1000

// PurgeReplayKeys deletes the replay keys that expired before the given time, and returns their number. It uses small
// transactions.
func (s Store) PurgeReplayKeys(ctx context.Context, before time.Time) (int, error) {
	return s.purge(ctx, deleteExpiredReplayKeys, before)
}

const deleteExpiredReplayKeys = `DELETE FROM replay WHERE key IN (SELECT key FROM replay WHERE until < ?
	ORDER BY until LIMIT ?)`

// PurgeSessions deletes the sessions of the portal that expired before the given time, and returns their number. It
// uses small transactions.
func (s Store) PurgeSessions(ctx context.Context, before time.Time) (int, error) {
	return s.purge(ctx, deleteExpiredSessions, before)
}

// purge runs a statement that deletes at most purgeBatch rows, until it deletes fewer.
func (s Store) purge(ctx context.Context, statement string, before time.Time) (int, error) {
	for total := 0; ; {
		purged := 0
		err := s.db.Write(ctx, func(tx *identity.Tx) error {
			n, err := tx.ExecStatement(statement, engine.Timestamp(before), purgeBatch)
			purged = int(n)
			return err
		})
		if err != nil {
			return total, err
		}
		if total += purged; purged < purgeBatch {
			return total, nil
		}
	}
}
