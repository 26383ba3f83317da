// Package identity keeps who the persons in the database are. All other packages of the store see pseudonyms: it alone
// has the keys, finds and creates pseudonyms, seals and opens texts about persons, and rotates the keys.
//
// Open returns a DB, whose Read and Write run a function in a transaction that finds persons. It knows no table but its
// own and the cache's: subject, subject_lookup, sealing_key, current_key.
package identity

import (
	"context"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/store/cache"
	"github.com/openctr/ctr/internal/store/engine"
)

// DB is an open database in which persons can be found.
type DB struct {
	engine *engine.DB
	ring   *keyRing
	cache  cache.Cache
	// hasFormerIDs is true for a register with ids from before there were purposes, which may stand for a person in any
	// role.
	hasFormerIDs bool
	// onEvent gets each event of the audit log after its commit; nil for nobody.
	onEvent func(auditlog.JournalEntry)
	// onUnsealed gets the table of each row that was refused because its seal is not good; nil for nobody.
	onUnsealed   func(table string)
	rightsTables []RightsTable
}

// Tx is a transaction that also finds persons.
type Tx struct {
	*engine.Tx
	ring  *keyRing
	cache *cache.View
	// isWriting is true for a transaction that may read its own uncommitted rows.
	isWriting bool
	// hasFormerIDs is that of the DB.
	hasFormerIDs bool
	// persons and pseudonyms are those that the transaction has loaded or created.
	persons    map[personKey]*Person
	pseudonyms map[int64]*Pseudonym
	// currentKeyID is the key that sealed new pseudonyms at the transaction's last lookup of an SSIN.
	currentKeyID string
	onEvent      func(auditlog.JournalEntry) // that of the DB
	onUnsealed   func(table string)          // that of the DB
	// rights are the tables that give rights and that the transaction has changed, rightsKey is what seals their rows.
	rights map[string]*rightsChange
	// ownsRights says that no other transaction changes rows that give rights until this one ends.
	ownsRights bool
	rightsKey  *ringKey
}

// OnEvent sets the function that gets each event of the audit log after its commit. Call it before the first Write.
func (db *DB) OnEvent(f func(auditlog.JournalEntry)) { db.onEvent = f }

// NoteEvent passes on an event of the audit log when the transaction is committed.
func (tx *Tx) NoteEvent(entry func() auditlog.JournalEntry) {
	if tx.onEvent != nil {
		noted := entry()
		tx.AfterCommit(func() { tx.onEvent(noted) })
	}
}

// OnUnsealed sets the function that gets the table of each refused row. Call it before the first transaction.
func (db *DB) OnUnsealed(f func(table string)) { db.onUnsealed = f }

// Open loads the key file, and creates it for a new register. Rights are the tables whose rows give rights.
func Open(ctx context.Context, e *engine.DB, keys KeyFile, rights []RightsTable) (*DB, error) {
	db := &DB{engine: e, ring: &keyRing{KeyFile: keys}, rightsTables: rights}
	if err := db.openKeyRing(ctx); err != nil {
		return nil, err
	}
	err := e.Read(ctx, func(tx *engine.Tx) error {
		_, err := tx.SelectRow(&db.hasFormerIDs, `SELECT EXISTS (SELECT 1 FROM subject WHERE id < ?)`, firstRandomID)
		return err
	})
	return db, err
}

// Read runs f over one consistent view.
func (db *DB) Read(ctx context.Context, f func(*Tx) error) error {
	return db.engine.Read(ctx, func(tx *engine.Tx) error { return f(db.newTx(tx, false)) })
}

// Write runs f in one transaction, and may run it again.
func (db *DB) Write(ctx context.Context, f func(*Tx) error) error {
	return db.engine.Write(ctx, func(etx *engine.Tx) error {
		tx := db.newTx(etx, true)
		if err := f(tx); err != nil {
			return err
		}
		_, _, err := tx.CommitRights()
		return err
	})
}

func (db *DB) newTx(tx *engine.Tx, isWriting bool) *Tx {
	return &Tx{Tx: tx, ring: db.ring, cache: db.cache.NewView(tx), isWriting: isWriting,
		hasFormerIDs: db.hasFormerIDs, onEvent: db.onEvent, onUnsealed: db.onUnsealed}
}

// InvalidateCache makes every program that uses this database forget what it has cached about persons and the authentic
// sources, when the transaction is committed.
func (tx *Tx) InvalidateCache() error { return tx.cache.RenewEpoch() }

// Keys manages the keys of the key file, and signs with them.
type Keys struct{ db *DB }

// Keys returns the keys of the database.
func (db *DB) Keys() Keys { return Keys{db} }
