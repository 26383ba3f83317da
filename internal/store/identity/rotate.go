package identity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/openctr/ctr/internal/store/engine"
)

// sealingKey is a key that may have sealed pseudonyms.
type sealingKey struct {
	ID    string `db:"id"`
	Proof []byte `db:"proof"`
}

var sealingKeyTable = engine.NewTable[sealingKey]("sealing_key", engine.DoNothing("id"))

// openKeyRing loads the key file, and creates it for a new register. It fails when the key file lacks a key in use or
// holds another secret under its id.
func (db *DB) openKeyRing(ctx context.Context) error {
	inUse, today, err := db.keysInUse(ctx)
	if err != nil {
		return err
	}
	err = db.ring.loadFile()
	if errors.Is(err, fs.ErrNotExist) {
		if len(inUse) > 0 {
			return fmt.Errorf(
				"persons are sealed with the key %s: restore the key file %s, without which no person can be "+
					"found",
				inUse[0].ID,
				db.ring.Path,
			)
		}
		if err = db.ring.createFile(today); errors.Is(err, fs.ErrExist) {
			err = db.ring.loadFile() // another program was faster
		}
	}
	if err != nil {
		return err
	}
	if len(inUse) == 0 {
		if inUse, err = db.activateFirstKey(ctx); err != nil {
			return err
		}
	}
	for _, used := range inUse {
		key, err := db.ring.findKey(used.ID)
		if err != nil {
			return err
		}
		if !bytes.Equal(key.proof, used.Proof) {
			return fmt.Errorf(
				"the key %s in the key file %s is not the one that sealed the persons: restore the file that "+
					"contains it",
				key.ID,
				db.ring.Path,
			)
		}
	}
	return nil
}

// keysInUse returns the keys that may have sealed pseudonyms, and the day by the clock of the database.
func (db *DB) keysInUse(ctx context.Context) (inUse []sealingKey, today string, err error) {
	err = db.engine.Read(ctx, func(tx *engine.Tx) error {
		if _, err = tx.SelectRow(&today, `SELECT CAST(CURRENT_DATE AS text)`); err != nil {
			return err
		}
		return tx.SelectRows(&inUse, `SELECT id, proof FROM sealing_key ORDER BY id`)
	})
	return inUse, today, err
}

// activateFirstKey makes the newest key of the file the current one, unless another program has just set a current key.
func (db *DB) activateFirstKey(ctx context.Context) ([]sealingKey, error) {
	var inUse []sealingKey
	newest := db.ring.allKeys()[0]
	err := db.engine.Write(ctx, func(tx *engine.Tx) error {
		inUse = nil
		n, err := tx.ExecStatement(`INSERT INTO current_key (id, key_id, layout) VALUES (1, ?, ?)
			ON CONFLICT (id) DO NOTHING`, newest.ID, layoutWithPurposes)
		if err == nil && n == 1 {
			_, err = sealingKeyTable.InsertNow(tx, sealingKey{newest.ID, newest.proof})
		}
		if err == nil && n == 1 && db.ring.areRightsSealed() {
			err = db.sealTables(db.newTx(tx, true), true)
		}
		if err != nil {
			return err
		}
		return tx.SelectRows(&inUse, `SELECT id, proof FROM sealing_key ORDER BY id`)
	})
	return inUse, err
}

// AddKey adds a new key to the key file and returns its id. The key is not used before RotateKeys, so that an operator
// can copy the file to every other node first.
func (k Keys) AddKey(ctx context.Context) (string, error) {
	_, today, err := k.db.keysInUse(ctx)
	if err != nil {
		return "", err
	}
	return k.db.ring.addKey(today)
}

// RotateKeys seals all pseudonyms with the newest key of the key file, gives each a new data key for the texts to come,
// and returns how many had another key. It uses small transactions and can run while the service works. When it was
// interrupted, it can be called again.
func (k Keys) RotateKeys(ctx context.Context) (int, error) {
	if err := k.db.ring.loadFile(); err != nil {
		return 0, err
	}
	newest := k.db.ring.allKeys()[0]
	err := k.db.engine.Write(ctx, func(tx *engine.Tx) error {
		if _, err := sealingKeyTable.InsertNow(tx, sealingKey{newest.ID, newest.proof}); err != nil {
			return err
		}
		// On PostgreSQL this waits for transactions that are creating pseudonyms under the former key.
		_, err := tx.ExecStatement(`UPDATE current_key SET key_id = ? WHERE id = 1`, newest.ID)
		return err
	})
	if err != nil {
		return 0, err
	}
	if err = k.db.resealRights(ctx); err != nil {
		return 0, err
	}
	total := 0
	for after := int64(0); ; {
		moved := 0
		last := after
		err := k.db.engine.Write(ctx, func(tx *engine.Tx) error {
			var err error
			moved, last, err = k.db.rotateBatch(k.db.newTx(tx, true), newest, after)
			return err
		})
		if err != nil {
			return total, err
		}
		total += moved
		if last == after {
			return total, nil
		}
		after = last
	}
}

// rotationBatchSize bounds how long other writes wait for RotateKeys.
const rotationBatchSize = 200

var selectUnderOtherKeys = subjectTable.Select() + ` WHERE id > ? AND key_id <> ? ORDER BY id LIMIT ?`

// rotateBatch seals the next pseudonyms with the newest key, and returns their number and the id of the last one.
func (db *DB) rotateBatch(tx *Tx, newest *ringKey, after int64) (moved int, last int64, err error) {
	var rows []subjectRow
	if err = tx.SelectRows(
		&rows,
		selectUnderOtherKeys+tx.ForUpdate(),
		after,
		newest.ID,
		rotationBatchSize,
	); err != nil {
		return 0, after, err
	}
	last = after
	for _, row := range rows {
		former, err := db.ring.findKey(row.KeyID)
		if err != nil {
			return 0, after, tx.RecordError(err)
		}
		pseudonym, err := former.openPseudonym(&row)
		if err != nil {
			return 0, after, tx.RecordError(err)
		}
		pseudonym.dataKeys = slices.Insert(pseudonym.dataKeys, 0, newDataKey())
		if err = tx.updatePseudonym(pseudonym, newest); err != nil {
			return 0, after, err
		}
		digits := pseudonym.SSIN.Digits()
		n, err := tx.ExecStatement(`UPDATE subject_lookup SET lookup = ? WHERE lookup = ?`,
			newest.lookupHash(row.Purpose, digits), former.lookupHash(row.Purpose, digits))
		if err == nil && n != 1 {
			err = tx.RecordError(fmt.Errorf("subject %d has %d lookups", row.ID, n))
		}
		if err != nil {
			return 0, after, err
		}
		last = row.ID
	}
	if len(rows) == 0 {
		return 0, last, nil
	}
	// A service that keeps using a former data key would seal new texts with it.
	return len(rows), last, tx.InvalidateCache()
}

// RetireKey deletes a key from the key file. It fails while the key is current or seals any pseudonym.
func (k Keys) RetireKey(ctx context.Context, id string) error {
	if err := k.db.ring.loadFile(); err != nil {
		return err
	}
	if k.db.ring.cachedKey(id) == nil {
		return fmt.Errorf("there is no key %s in the key file %s", id, k.db.ring.Path)
	}
	only := len(k.db.ring.allKeys()) == 1
	if !only { // what a transaction wrote while the keys were rotated
		if err := k.db.resealRights(ctx); err != nil {
			return err
		}
	}
	var current string
	used := false
	err := k.db.engine.Write(ctx, func(tx *engine.Tx) error {
		if _, err := tx.SelectRow(&current, `SELECT key_id FROM current_key WHERE id = 1`); err != nil {
			return err
		}
		if _, err := tx.SelectRow(&used, `SELECT EXISTS (SELECT 1 FROM subject WHERE key_id = ?)`, id); err != nil {
			return err
		}
		if current == id || used || only {
			return nil
		}
		_, err := tx.ExecStatement(`DELETE FROM sealing_key WHERE id = ?`, id)
		return err
	})
	switch {
	case err != nil:
		return err
	case current == id:
		return fmt.Errorf("persons are sealed with the key %s: add another one and rotate first", id)
	case used:
		return fmt.Errorf("some persons are still sealed with the key %s: rotate first", id)
	case only:
		return fmt.Errorf("the key %s is the only one", id)
	}
	return k.db.ring.removeKey(id)
}
