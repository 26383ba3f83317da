package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// errNoKey is what is wrong with a database whose only row of current_key is gone.
var errNoKey = errors.New("the database does not say under which key persons are kept")

// sealingKey is a key under which subjects may be sealed.
type sealingKey struct {
	ID    string `db:"id"`
	Proof []byte `db:"proof"`
}

const insertSealingKey = `INSERT INTO sealing_key (id, proof) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`

// openKeys reads the key file, and makes it for a new register. A register whose persons cannot be read is not opened.
func (db *DB) openKeys(ctx context.Context) error {
	inUse, today, err := db.keysInUse(ctx)
	if err != nil {
		return err
	}
	err = db.keys.read()
	if errors.Is(err, fs.ErrNotExist) {
		if len(inUse) > 0 {
			return fmt.Errorf("persons are kept under the key %s: bring back the key file %s, without which nobody can be found any more",
				inUse[0].ID, db.keys.path)
		}
		if err = db.keys.create(today); errors.Is(err, fs.ErrExist) {
			err = db.keys.read() // another program was faster
		}
	}
	if err != nil {
		return err
	}
	if len(inUse) == 0 {
		if inUse, err = db.firstKey(ctx); err != nil {
			return err
		}
	}
	for _, used := range inUse {
		key, err := db.keys.find(used.ID)
		if err != nil {
			return err
		}
		if !bytes.Equal(key.proof, used.Proof) {
			return fmt.Errorf("the key %s in the key file %s is not the one under which persons are kept: bring back the file that holds it", key.ID, db.keys.path)
		}
	}
	return nil
}

// keysInUse are the keys under which subjects may be sealed, and the day as the database has it.
func (db *DB) keysInUse(ctx context.Context) (inUse []sealingKey, today string, err error) {
	err = db.read(ctx, func(s *session) error {
		if _, err = s.get(&today, `SELECT CAST(CURRENT_DATE AS text)`); err != nil {
			return err
		}
		return s.all(&inUse, `SELECT id, proof FROM sealing_key ORDER BY id`)
	})
	return inUse, today, err
}

// firstKey makes the newest key of the file the current one, unless another program has just made another one so.
func (db *DB) firstKey(ctx context.Context) ([]sealingKey, error) {
	var inUse []sealingKey
	newest := db.keys.all()[0]
	err := db.write(ctx, func(s *session) error {
		inUse = nil
		n, err := s.exec(`INSERT INTO current_key (id, key_id) VALUES (1, ?) ON CONFLICT (id) DO NOTHING`, newest.ID)
		if err == nil && n == 1 {
			_, err = s.exec(insertSealingKey, newest.ID, newest.proof)
		}
		if err != nil {
			return err
		}
		return s.all(&inUse, `SELECT id, proof FROM sealing_key ORDER BY id`)
	})
	return inUse, err
}

// AddKey puts a new key into the key file, before the others, and returns its name. Nothing is kept under it until
// RotateKeys, so that the file can be given to every other node first.
func (db *DB) AddKey(ctx context.Context) (string, error) {
	_, today, err := db.keysInUse(ctx)
	if err != nil {
		return "", err
	}
	return db.keys.add(today)
}

// RotateKeys keeps everybody under the newest key of the key file, and returns how many subjects were under another one. It
// does so in small transactions, beside a service at work; when it is broken off, it can be called again.
func (db *DB) RotateKeys(ctx context.Context) (int, error) {
	if err := db.keys.read(); err != nil {
		return 0, err
	}
	newest := db.keys.all()[0]
	err := db.write(ctx, func(s *session) error {
		if _, err := s.exec(insertSealingKey, newest.ID, newest.proof); err != nil {
			return err
		}
		// On PostgreSQL this waits for those who are just keeping somebody under the former key.
		_, err := s.exec(`UPDATE current_key SET key_id = ? WHERE id = 1`, newest.ID)
		return err
	})
	if err != nil {
		return 0, err
	}
	total := 0
	for after := int64(0); ; {
		moved := 0
		last := after
		err := db.write(ctx, func(s *session) error {
			var err error
			moved, last, err = s.rotate(newest, after)
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

// rotatedAtOnce bounds how long other writes wait for RotateKeys.
const rotatedAtOnce = 200

const selectOtherKeys = `SELECT id, person, sealed, key_id FROM subject WHERE id > ? AND key_id <> ? ORDER BY id LIMIT ?`

// rotate seals the next subjects with the newest key, and returns how many and the id of the last one.
func (s *session) rotate(newest *ringKey, after int64) (moved int, last int64, err error) {
	var rows []subjectRow
	if err = s.all(&rows, selectOtherKeys+s.dialect.forUpdate, after, newest.ID, rotatedAtOnce); err != nil {
		return 0, after, err
	}
	last = after
	for _, row := range rows {
		former, err := s.keys.find(row.KeyID)
		if err != nil {
			return 0, after, s.fail(err)
		}
		one, err := former.open(row.ID, row.Person, row.Sealed)
		if err != nil {
			return 0, after, s.fail(err)
		}
		digits := one.number.Digits()
		_, err = s.exec(`UPDATE subject SET sealed = ?, key_id = ? WHERE id = ?`, newest.sealSubject(one), newest.ID, row.ID)
		if err != nil {
			return 0, after, err
		}
		n, err := s.exec(`UPDATE subject_lookup SET lookup = ? WHERE lookup = ?`, newest.of(digits), former.of(digits))
		if err == nil && n != 1 {
			err = s.fail(fmt.Errorf("subject %d has %d lookups", row.ID, n))
		}
		if err != nil {
			return 0, after, err
		}
		last = row.ID
	}
	return len(rows), last, nil
}

// RetireKey takes a key out of the key file. It refuses while anybody is kept under it.
func (db *DB) RetireKey(ctx context.Context, id string) error {
	if err := db.keys.read(); err != nil {
		return err
	}
	if db.keys.key(id) == nil {
		return fmt.Errorf("there is no key %s in the key file %s", id, db.keys.path)
	}
	var current string
	used := false
	err := db.write(ctx, func(s *session) error {
		if _, err := s.get(&current, `SELECT key_id FROM current_key WHERE id = 1`); err != nil {
			return err
		}
		if _, err := s.get(&used, `SELECT EXISTS (SELECT 1 FROM subject WHERE key_id = ?)`, id); err != nil {
			return err
		}
		if current == id || used {
			return nil
		}
		_, err := s.exec(`DELETE FROM sealing_key WHERE id = ?`, id)
		return err
	})
	switch {
	case err != nil:
		return err
	case current == id:
		return fmt.Errorf("persons are kept under the key %s: add another one and rotate first", id)
	case used:
		return fmt.Errorf("some persons are still kept under the key %s: rotate first", id)
	case len(db.keys.all()) == 1:
		return fmt.Errorf("the key %s is the only one", id)
	}
	return db.keys.remove(id)
}
