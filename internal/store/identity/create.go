package identity

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/engine"
)

// subjectRow is a row of the table subject.
type subjectRow struct {
	ID       int64  `db:"id"`
	PersonID int64  `db:"person"`
	Sealed   []byte `db:"sealed"`
	KeyID    string `db:"key_id"`
}

type lookupRow struct {
	Lookup  []byte `db:"lookup"`
	Subject int64  `db:"subject"`
}

var (
	subjectTable = engine.NewTable[subjectRow]("subject", engine.OnConflict{})
	lookupTable  = engine.NewTable[lookupRow]("subject_lookup", engine.OnConflict{})
)

// FindOrCreate returns the current pseudonym of a person, and creates one for an SSIN that the register does not know.
func (tx *Tx) FindOrCreate(ssin ident.SSIN, remember bool) (*Pseudonym, error) {
	for {
		p, err := tx.lookUpPerson(ssin, remember)
		if err != nil {
			return nil, err
		}
		if p != nil {
			return p.Current, nil
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
		created := &Pseudonym{ID: id, personID: id, SSIN: ssin, CurrentSSIN: ssin, dataKey: make([]byte, dataKeySize)}
		_, _ = rand.Read(created.dataKey) // never fails
		row := subjectRow{ID: id, PersonID: id, Sealed: key.sealPseudonym(created), KeyID: key.ID}
		if err := subjectTable.Insert(tx.Tx, row); err != nil {
			return nil, err
		}
		if err := lookupTable.Insert(tx.Tx, lookupRow{Lookup: key.lookupHash(ssin.Digits()), Subject: id}); err != nil {
			return nil, err
		}
		p = &Person{Current: created, pseudonyms: []*Pseudonym{created}}
		tx.addPerson(ssin, p)
		if remember {
			tx.cachePerson(p)
		}
		return created, nil
	}
}

// ProfessionalID is the pseudonym id of a professional for a column, or 0 for none.
func (tx *Tx) ProfessionalID(ssin ident.SSIN) (int64, error) {
	if ssin.IsZero() {
		return 0, nil
	}
	pseudonym, err := tx.FindOrCreate(ssin, true)
	return pseudonym.IDOrZero(), err
}

// OptionalPseudonym returns the pseudonym of a person that a row may name, whose key seals the given texts. Texts
// without a person have a pseudonym of their own, without an SSIN. Without a person and texts it returns nil.
func (tx *Tx) OptionalPseudonym(patient ident.SSIN, texts ...string) (*Pseudonym, error) {
	if patient.IsZero() && strings.Join(texts, "") == "" {
		return nil, nil
	}
	return tx.FindOrCreate(patient, patient.IsZero())
}

// FindOrCreateExact returns the pseudonym of this very SSIN, even when the person has a newer one.
func (tx *Tx) FindOrCreateExact(ssin ident.SSIN) (*Pseudonym, error) {
	found, err := tx.FindOrCreate(ssin, false)
	if err != nil || found.SSIN == ssin {
		return found, err
	}
	for _, other := range tx.persons[ssin].pseudonyms {
		if other.SSIN == ssin {
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
	query := `SELECT COALESCE((SELECT MAX(id) FROM subject), 0) + 1 AS id, key_id FROM current_key WHERE id = 1`
	if tx.Kind() == engine.PostgreSQL {
		query = `SELECT nextval('subject_id') AS id, key_id FROM current_key WHERE id = 1 FOR SHARE`
	}
	var row struct {
		ID    int64  `db:"id"`
		KeyID string `db:"key_id"`
	}
	found, err := tx.SelectRow(&row, query)
	if err == nil && !found {
		err = tx.RecordError(errNoCurrentKey)
	}
	return row.ID, row.KeyID, err
}

// TextPseudonym returns the pseudonym of texts without a person, or nil when there are no such texts.
func (tx *Tx) TextPseudonym() (*Pseudonym, error) {
	p, err := tx.lookUpPerson(ident.SSIN{}, true)
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

// MergePersons makes the person of the former pseudonym the person of the newer one.
func (tx *Tx) MergePersons(former, newer *Pseudonym) error {
	_, err := tx.ExecStatement(`UPDATE subject SET person = ? WHERE person IN (?, ?)`, newer.ID, former.personID,
		newer.personID)
	tx.persons, tx.pseudonyms = nil, nil // what they say about both persons is out of date
	return err
}
