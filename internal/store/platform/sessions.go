package platform

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
)

// Sessions stores the sessions of the portal, as the package scs specifies. Every service on the database shares them.
type Sessions struct {
	db  *identity.DB
	now func() time.Time
}

// Sessions returns the sessions of the portal by a clock.
func (s Store) Sessions(now func() time.Time) Sessions { return Sessions{s.db, now} }

type sessionRow struct {
	Token  []byte           `db:"token"`  // its hash: who reads the database cannot take a session over
	KeyID  string           `db:"key_id"` // empty once the session has ended
	Sealed []byte           `db:"sealed"`
	Until  engine.Timestamp `db:"until"`
}

var (
	sessionTable  = engine.NewTable[sessionRow]("portal_session", engine.DoNothing("token"))
	selectSession = sessionTable.Select() + ` WHERE token = ?`
)

// A session that ended keeps its row until it would have expired: a request that began before must not store it again.
const (
	commitSession = `INSERT INTO portal_session (token, key_id, sealed, until) VALUES (?, ?, ?, ?)
		ON CONFLICT (token) DO UPDATE SET key_id = excluded.key_id, sealed = excluded.sealed, until = excluded.until
		WHERE portal_session.key_id <> ''`
	endSession            = `UPDATE portal_session SET key_id = '', sealed = ? WHERE token = ?`
	deleteExpiredSessions = `DELETE FROM portal_session WHERE token IN (SELECT token FROM portal_session WHERE until < ?
		ORDER BY until LIMIT ?)`
)

func hashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// sealedPlace binds a sealed session to its row.
func sealedPlace(hash []byte) string { return "portal_session " + string(hash) }

// FindCtx returns the data of a session that has not expired.
func (s Sessions) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	hash := hashToken(token)
	err = s.db.Read(ctx, func(tx *identity.Tx) error {
		data, found = nil, false
		var row sessionRow
		isThere, failure := tx.SelectRow(&row, selectSession, hash)
		if failure != nil || !isThere || row.KeyID == "" || !s.now().Before(time.Time(row.Until)) {
			return failure
		}
		data, found, failure = tx.OpenSession(row.KeyID, row.Sealed, sealedPlace(hash))
		return failure
	})
	return data, found && err == nil, err
}

// CommitCtx stores a session, or replaces it unless it has ended.
func (s Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	hash := hashToken(token)
	return s.db.Write(ctx, func(tx *identity.Tx) error {
		keyID, sealed, err := tx.SealSession(data, sealedPlace(hash))
		if err != nil {
			return err
		}
		_, err = tx.ExecStatement(commitSession, hash, keyID, sealed, engine.Timestamp(expiry))
		return err
	})
}

// DeleteCtx ends a session, if it is there, for good.
func (s Sessions) DeleteCtx(ctx context.Context, token string) error {
	return s.db.Write(ctx, func(tx *identity.Tx) error {
		_, err := tx.ExecStatement(endSession, []byte{}, hashToken(token))
		return err
	})
}

// Find is FindCtx for callers without a context.
func (s Sessions) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx for callers without a context.
func (s Sessions) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx for callers without a context.
func (s Sessions) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
