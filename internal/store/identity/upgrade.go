package identity

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/openctr/ctr/internal/store/engine"
)

// Layouts of what is sealed, in the column layout of current_key. A migration cannot change sealed bytes, because it
// has no keys.
const (
	// layoutWithoutPurposes: a person has one pseudonym for every role, and the sealed bytes of a pseudonym are bound to
	// its id only.
	layoutWithoutPurposes = 1
	layoutWithPurposes    = 2
)

// upgradeLimit bounds an upgrade, which writes every version anew.
const upgradeLimit = 24 * time.Hour

// Upgrade brings a register of the former layout to the present one, in one transaction, and lets f do the same for the
// tables of the other packages. It does nothing for a register that has the present layout.
func (db *DB) Upgrade(ctx context.Context, f func(*Tx) error) error {
	const selectLayout = `SELECT layout FROM current_key WHERE id = 1`
	var layout int
	err := db.engine.Read(ctx, func(tx *engine.Tx) error {
		_, err := tx.SelectRow(&layout, selectLayout)
		return err
	})
	if err != nil || layout == layoutWithPurposes {
		return err
	}
	return db.engine.WriteWithin(ctx, upgradeLimit, func(etx *engine.Tx) error {
		tx := db.newTx(etx, true)
		_, err := tx.SelectRow(&layout, selectLayout+tx.ForUpdate())
		if err != nil || layout == layoutWithPurposes { // another program was faster
			return err
		}
		for _, step := range []func(*Tx) error{upgradeSubjects, upgradeReplaced, f} {
			if err = step(tx); err != nil {
				return err
			}
		}
		if err = tx.InvalidateCache(); err != nil {
			return err
		}
		_, err = tx.ExecStatement(`UPDATE current_key SET layout = ? WHERE id = 1`, layoutWithPurposes)
		return err
	})
}

// upgradeSubjects binds the sealed bytes of each pseudonym to the columns of its row.
func upgradeSubjects(tx *Tx) error {
	const batch = 1000
	for after := int64(0); ; {
		var rows []subjectRow
		err := tx.SelectRows(&rows, subjectTable.Select()+` WHERE id > ? ORDER BY id LIMIT ?`, after, batch)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			key, err := tx.ring.findKey(row.KeyID)
			if err != nil {
				return tx.RecordError(err)
			}
			pseudonym := &Pseudonym{ID: row.ID, personID: row.PersonID, purpose: Patient}
			plain, err := openBytes(key.aead, row.Sealed, fmt.Sprintf("subject %d", row.ID))
			if err == nil {
				err = pseudonym.parse(plain)
			}
			if err != nil {
				return tx.RecordError(fmt.Errorf("subject %d: %w", row.ID, err))
			}
			if err = tx.updatePseudonym(pseudonym, key); err != nil {
				return err
			}
			after = row.ID
		}
	}
}

// upgradeReplaced creates the pseudonyms for the other purposes of persons whose SSIN was replaced.
func upgradeReplaced(tx *Tx) error {
	var ids []int64
	if err := tx.SelectRows(&ids, `SELECT id FROM subject WHERE person <> id ORDER BY id`); err != nil {
		return err
	}
	for _, id := range ShuffleIDs(ids) {
		replaced, err := tx.LoadPseudonym(id)
		if err != nil {
			return err
		}
		for _, purpose := range []Purpose{Professional, Caller} {
			from, err := tx.FindOrCreate(purpose, replaced.SSIN, false)
			if err != nil {
				return err
			}
			to, err := tx.FindOrCreateExact(purpose, replaced.CurrentSSIN)
			if err != nil {
				return err
			}
			if err = tx.MergePersons(from, to); err != nil {
				return err
			}
		}
	}
	return nil
}

// ShuffleIDs returns the ids in a random order, so that pseudonyms that are created in that order do not tell of which
// others.
func ShuffleIDs(ids []int64) []int64 {
	places := make(map[int64]string, len(ids))
	for _, id := range ids {
		places[id] = rand.Text()
	}
	shuffled := slices.Clone(ids)
	slices.SortFunc(shuffled, func(a, b int64) int {
		switch {
		case places[a] < places[b]:
			return -1
		case places[a] > places[b]:
			return 1
		}
		return 0
	})
	return shuffled
}
