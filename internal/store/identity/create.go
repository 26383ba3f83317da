package identity

import (
	"errors"
	"fmt"
	"strings"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/engine"
)

// subjectRow is a row of the table subject.
type subjectRow struct {
	ID       int64   `db:"id"`
	PersonID int64   `db:"person"`
	Purpose  Purpose `db:"purpose"`
	Sealed   []byte  `db:"sealed"`
	KeyID    string  `db:"key_id"`
}

type lookupRow struct {
	Lookup  []byte `db:"lookup"`
	Subject int64  `db:"subject"`
}

var (
	subjectTable = engine.NewTable[subjectRow]("subject", engine.OnConflict{})
	lookupTable  = engine.NewTable[lookupRow]("subject_lookup", engine.OnConflict{})
)

// FindOrCreate returns the current pseudonym of a person for a purpose, and creates one for an SSIN that the register
// does not know for that purpose.
func (tx *Tx) FindOrCreate(purpose Purpose, ssin ident.SSIN, remember bool) (*Pseudonym, error) {
	for {
		p, err := tx.lookUpPerson(purpose, ssin, remember)
		if err != nil {
			return nil, err
		}
		if p != nil && p.Current.purpose == purpose {
			return p.Current, nil
		}
		former := &Person{} // the pseudonyms of a person from before there were purposes
		if p != nil {
			former = p
		}
		current := tx.currentKeyID
		id, keyID, err := tx.newPseudonymID()
		if err != nil {
			return nil, err
		}
		key, err := tx.ring.findKey(keyID)
		if err != nil {
			return nil, tx.RecordError(err)
		}
		if keyID != current {
			// The key ring has a new key since the lookup, and another program may have created the same person under it.
			continue
		}
		created := &Pseudonym{ID: id, personID: id, purpose: purpose, SSIN: ssin, CurrentSSIN: ssin,
			dataKeys: [][]byte{newDataKey()}}
		row := subjectRow{ID: id, PersonID: id, Purpose: purpose, Sealed: key.sealPseudonym(created), KeyID: key.ID}
		if err := subjectTable.Insert(tx.Tx, row); err != nil {
			return nil, err
		}
		lookup := lookupRow{Lookup: key.lookupHash(purpose, ssin.Digits()), Subject: id}
		if err := lookupTable.Insert(tx.Tx, lookup); err != nil {
			return nil, err
		}
		p = &Person{Current: created, pseudonyms: append([]*Pseudonym{created}, former.pseudonyms...)}
		tx.addPerson(personKey{purpose, ssin}, p)
		if remember {
			tx.cachePerson(purpose, p)
		}
		return created, nil
	}
}

// ProfessionalID is the pseudonym id of a professional for a column, or 0 for none.
func (tx *Tx) ProfessionalID(ssin ident.SSIN) (int64, error) {
	return tx.optionalID(Professional, ssin)
}

func (tx *Tx) optionalID(purpose Purpose, ssin ident.SSIN) (int64, error) {
	if ssin.IsZero() {
		return 0, nil
	}
	pseudonym, err := tx.FindOrCreate(purpose, ssin, true)
	return pseudonym.IDOrZero(), err
}

// OptionalPseudonym returns the pseudonym of a person that a row may name, whose key seals the given texts. Texts
// without a person have a pseudonym of their own, without an SSIN. Without a person and texts it returns nil.
func (tx *Tx) OptionalPseudonym(purpose Purpose, ssin ident.SSIN, texts ...string) (*Pseudonym, error) {
	switch {
	case !ssin.IsZero():
		return tx.FindOrCreate(purpose, ssin, false)
	case strings.Join(texts, "") == "":
		return nil, nil
	}
	return tx.FindOrCreate(Patient, ssin, true)
}

// FindOrCreateExact returns the pseudonym of this very SSIN, even when the person has a newer one.
func (tx *Tx) FindOrCreateExact(purpose Purpose, ssin ident.SSIN) (*Pseudonym, error) {
	found, err := tx.FindOrCreate(purpose, ssin, false)
	if err != nil || found.SSIN == ssin {
		return found, err
	}
	for _, other := range tx.persons[personKey{purpose, ssin}].pseudonyms {
		if other.purpose == purpose && other.SSIN == ssin {
			return other, nil
		}
	}
	return found, nil
}

// errNoCurrentKey reports that the only row of current_key is missing.
var errNoCurrentKey = errors.New("the database does not name the key that seals persons")

// newPseudonymID returns an id for a pseudonym and the id of the key to seal it with. That key stays the current one
// until the transaction ends.
func (tx *Tx) newPseudonymID() (int64, string, error) {
	query := `SELECT key_id, EXISTS (SELECT 1 FROM subject s WHERE s.id = ?) AS taken FROM current_key WHERE id = 1`
	if tx.Kind() == engine.PostgreSQL {
		query += ` FOR SHARE`
	}
	for {
		id := newRandomID()
		var row struct {
			KeyID   string `db:"key_id"`
			IsTaken bool   `db:"taken"`
		}
		found, err := tx.SelectRow(&row, query, id)
		if err == nil && !found {
			err = tx.RecordError(errNoCurrentKey)
		}
		if err != nil || !row.IsTaken {
			return id, row.KeyID, err
		}
	}
}

// TextPseudonym returns the pseudonym of texts without a person, or nil when there are no such texts.
func (tx *Tx) TextPseudonym() (*Pseudonym, error) {
	p, err := tx.lookUpPerson(Patient, ident.SSIN{}, true)
	if err != nil || p == nil {
		return nil, err
	}
	return p.Current, nil
}

// LoadPseudonym returns the pseudonym with an id, which must exist.
func (tx *Tx) LoadPseudonym(id int64) (*Pseudonym, error) {
	if known := tx.KnownPseudonym(id); known != nil {
		return known, nil
	}
	if err := tx.loadPseudonyms(map[int64]bool{id: false}); err != nil {
		return nil, err
	}
	if known := tx.KnownPseudonym(id); known != nil {
		return known, nil
	}
	return nil, tx.RecordError(fmt.Errorf("subject %d is missing", id))
}

// MergePersons makes the person of the former pseudonym the person of the newer one, for the purpose of both.
func (tx *Tx) MergePersons(former, newer *Pseudonym) error {
	var rows []subjectRow
	err := tx.SelectRows(&rows, subjectTable.Select()+` WHERE person IN (?, ?) ORDER BY id`+tx.ForUpdate(),
		former.personID, newer.personID)
	if err != nil {
		return err
	}
	for _, row := range rows {
		key, err := tx.ring.findKey(row.KeyID)
		if err != nil {
			return tx.RecordError(err)
		}
		pseudonym, err := key.openPseudonym(&row)
		if err != nil {
			return tx.RecordError(err)
		}
		pseudonym.personID = newer.ID
		if err = tx.updatePseudonym(pseudonym, key); err != nil {
			return err
		}
	}
	tx.persons, tx.pseudonyms = nil, nil // what they say about both persons is out of date
	return nil
}

// updatePseudonym stores a changed pseudonym, sealed with a key.
func (tx *Tx) updatePseudonym(p *Pseudonym, key *ringKey) error {
	_, err := tx.ExecStatement(`UPDATE subject SET person = ?, purpose = ?, sealed = ?, key_id = ? WHERE id = ?`,
		p.personID, string(p.purpose), key.sealPseudonym(p), key.ID, p.ID)
	return err
}
