package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/engine"
)

// Identities of persons are in one table only, subject, sealed with a key of the ring. Its rows are the pseudonyms: all
// other tables contain a pseudonym's id instead of an SSIN, and texts about the person are sealed with the pseudonym's
// data key, which is in the sealed row beside the SSIN. So key rotation does not rewrite the append-only rows. A
// pseudonym is found by an HMAC of the SSIN with a lookup key of the ring.
//
// A person whose SSIN was replaced has a pseudonym for each SSIN. All of them refer to the one with the newest SSIN,
// the current one. Rows are found under each of them, and show the newest SSIN.

// Pseudonym represents an SSIN in the database.
type Pseudonym struct {
	ID          int64
	SSIN        ident.SSIN // zero for the pseudonym of texts without a person
	CurrentSSIN ident.SSIN // the person's newest SSIN
	personID    int64      // id of the person's current pseudonym
	dataKey     []byte     // seals texts about the person
}

const dataKeySize = 32

// IDOrZero is the value of a column that refers to the pseudonym, 0 when it is nil.
func (p *Pseudonym) IDOrZero() int64 {
	if p == nil {
		return 0
	}
	return p.ID
}

// SealText seals a text about the person. The associated data identifies the row and column of the text. An empty text
// stays empty.
func (p *Pseudonym) SealText(text string, associatedData ...any) ([]byte, error) {
	if text == "" {
		return []byte{}, nil
	}
	aead, err := newAEAD(p.dataKey)
	if err != nil {
		return nil, err
	}
	return sealBytes(aead, []byte(text), fmt.Sprint(associatedData...)), nil
}

func (p *Pseudonym) openText(sealed []byte, associatedData ...any) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	aead, err := newAEAD(p.dataKey)
	if err != nil {
		return "", err
	}
	plain, err := openBytes(aead, sealed, fmt.Sprint(associatedData...))
	if err != nil {
		return "", fmt.Errorf("a text about subject %d: %w", p.ID, err)
	}
	return string(plain), nil
}

// Person is a person with the pseudonyms of all their SSINs.
type Person struct {
	Current    *Pseudonym // of the newest SSIN
	pseudonyms []*Pseudonym
}

// ColumnCondition is a condition on a column of pseudonym ids.
func (p *Person) ColumnCondition(column string) (string, []any) {
	args := make([]any, len(p.pseudonyms))
	for i, s := range p.pseudonyms {
		args[i] = s.ID
	}
	if len(args) == 1 {
		return column + ` = ?`, args
	}
	return column + ` IN ` + engine.InList(len(args)), args
}

// Keys of the cache.
type (
	personKey    struct{ ssin ident.SSIN } // of a *Person
	pseudonymKey struct{ id int64 }        // of a *Pseudonym
)

// KnownPseudonym returns a pseudonym that the transaction has loaded or the cache holds, or nil.
func (tx *Tx) KnownPseudonym(id int64) *Pseudonym {
	if known := tx.pseudonyms[id]; known != nil {
		return known
	}
	cached, _ := tx.cache.Get(pseudonymKey{id})
	known, _ := cached.(*Pseudonym)
	return known
}

func (tx *Tx) addPerson(ssin ident.SSIN, p *Person) {
	if tx.persons == nil {
		tx.persons = make(map[ident.SSIN]*Person)
	}
	tx.persons[ssin] = p
	for _, s := range p.pseudonyms {
		tx.addPseudonym(s)
	}
}

func (tx *Tx) addPseudonym(s *Pseudonym) {
	if tx.pseudonyms == nil {
		tx.pseudonyms = make(map[int64]*Pseudonym)
	}
	tx.pseudonyms[s.ID] = s
}

// cachePerson adds a person to the cache when the transaction has ended.
func (tx *Tx) cachePerson(p *Person) {
	key := personKey{p.Current.SSIN}
	if _, cached := tx.cache.Get(key); !cached {
		tx.cache.PutAfterCommit(key, p)
	}
}

// pseudonymRow is a row of the statements below. Its id is 0 when none was found.
type pseudonymRow struct {
	CacheEpoch         string `db:"mark"`
	CurrentKeyID       string `db:"current_key"`
	ID                 int64  `db:"id"`
	PersonID           int64  `db:"person"`
	Sealed             []byte `db:"sealed"`
	KeyID              string `db:"key_id"`
	CurrentSealed      []byte `db:"shown"`
	CurrentSealedKeyID string `db:"shown_key_id"`
}

// selectPersonByLookups returns all pseudonyms of a person, found by the lookup hashes of an SSIN under each key of the
// ring. It returns the current key and the cache epoch even when it finds no person.
const (
	selectPersonByLookups = `SELECT m.mark, k.key_id AS current_key, COALESCE(a.id, 0) AS id, 
		COALESCE(a.person, 0) AS person, a.sealed, COALESCE(a.key_id, '') AS key_id
		FROM source_mark m JOIN current_key k ON k.id = m.id
		LEFT JOIN subject_lookup l ON l.lookup IN `
	selectPersonByLookupsEnd = ` LEFT JOIN subject f ON f.id = l.subject LEFT JOIN subject a ON a.person = f.person
		WHERE m.id = 1 ORDER BY a.id`
)

// FindPerson returns a person, or nil when the SSIN is zero or unknown to the register. A lookup alone never adds a
// person to the cache.
func (tx *Tx) FindPerson(ssin ident.SSIN) (*Person, error) {
	if ssin.IsZero() {
		return nil, nil
	}
	return tx.lookUpPerson(ssin, false)
}

func (tx *Tx) lookUpPerson(ssin ident.SSIN, remember bool) (*Person, error) {
	if p, ok := tx.persons[ssin]; ok {
		return p, nil
	}
	if cached, _ := tx.cache.Get(personKey{ssin}); cached != nil {
		if p, ok := cached.(*Person); ok {
			tx.addPerson(ssin, p)
			return p, nil
		}
	}
	p, err := tx.queryPerson(ssin)
	if err != nil || p == nil {
		return nil, err
	}
	tx.addPerson(ssin, p)
	if remember {
		tx.cachePerson(p)
	}
	return p, nil
}

// queryPerson queries the database. An SSIN that is not found is certainly unknown only when the lookup used the
// current key; otherwise the function loads the key file and tries again.
func (tx *Tx) queryPerson(ssin ident.SSIN) (*Person, error) {
	for {
		keys := tx.ring.allKeys()
		lookups := make([]any, len(keys))
		for i, key := range keys {
			lookups[i] = key.lookupHash(ssin.Digits())
		}
		var rows []pseudonymRow
		if err := tx.SelectRows(&rows, selectPersonByLookups+engine.InList(len(keys))+selectPersonByLookupsEnd,
			lookups...); err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			return nil, tx.RecordError(errors.New("the row of the cache epoch or of the current key is missing"))
		}
		tx.currentKeyID = rows[0].CurrentKeyID
		tx.cache.SetEpoch(rows[0].CacheEpoch)
		if rows[0].ID != 0 {
			return tx.personFromRows(rows)
		}
		if tx.ring.cachedKey(tx.currentKeyID) != nil {
			return nil, nil
		}
		if _, err := tx.ring.findKey(tx.currentKeyID); err != nil {
			return nil, tx.RecordError(err)
		}
	}
}

func (tx *Tx) personFromRows(rows []pseudonymRow) (*Person, error) {
	p := &Person{}
	for i := range rows {
		pseudonym, err := tx.unsealPseudonym(rows[i].ID, rows[i].PersonID, rows[i].Sealed, rows[i].KeyID)
		if err != nil {
			return nil, tx.RecordError(err)
		}
		p.pseudonyms = append(p.pseudonyms, pseudonym)
		if pseudonym.ID == pseudonym.personID {
			p.Current = pseudonym
		}
	}
	if p.Current == nil {
		return nil, tx.RecordError(fmt.Errorf("person %d has no current pseudonym", rows[0].PersonID))
	}
	for _, pseudonym := range p.pseudonyms {
		pseudonym.CurrentSSIN = p.Current.SSIN
	}
	return p, nil
}

// UnsealCurrent opens the row of a person's current pseudonym that a query has read. It is not remembered.
func (tx *Tx) UnsealCurrent(id int64, sealed []byte, keyID string) (*Pseudonym, error) {
	return tx.unsealPseudonym(id, id, sealed, keyID)
}

// Remember keeps a pseudonym until the transaction ends, so that conversions find it.
func (tx *Tx) Remember(p *Pseudonym) { tx.addPseudonym(p) }

// DeriveID derives an identifier of the person for one purpose from their data key, which the database holds in sealed
// form and which key rotation does not change. It takes the database and the key file to attribute it to a person;
// trying all SSINs does not help.
func (p *Pseudonym) DeriveID(purpose string, size int) []byte {
	hash := hmac.New(sha256.New, p.dataKey)
	hash.Write([]byte(purpose))
	return hash.Sum(nil)[:size]
}

// unsealPseudonym opens a row of the table subject.
func (tx *Tx) unsealPseudonym(id, person int64, sealed []byte, keyID string) (*Pseudonym, error) {
	key, err := tx.ring.findKey(keyID)
	if err != nil {
		return nil, err
	}
	return key.openPseudonym(id, person, sealed)
}

func (k *ringKey) openPseudonym(id, person int64, sealed []byte) (*Pseudonym, error) {
	plain, err := openBytes(k.aead, sealed, pseudonymAssociatedData(id))
	if err == nil && len(plain) < dataKeySize {
		err = fmt.Errorf("%d bytes are too few for a data key", len(plain))
	}
	if err != nil {
		return nil, fmt.Errorf("subject %d does not open with the key %s: %w", id, k.ID, err)
	}
	pseudonym := &Pseudonym{ID: id, personID: person, dataKey: plain[:dataKeySize]}
	if digits := string(plain[dataKeySize:]); digits != "" {
		if pseudonym.SSIN, err = ident.ParseSSIN(digits); err != nil {
			return nil, fmt.Errorf("subject %d: %w", id, err)
		}
	}
	pseudonym.CurrentSSIN = pseudonym.SSIN
	return pseudonym, nil
}

func (k *ringKey) sealPseudonym(pseudonym *Pseudonym) []byte {
	plain := append(append(make([]byte, 0, dataKeySize+11), pseudonym.dataKey...), pseudonym.SSIN.Digits()...)
	return sealBytes(k.aead, plain, pseudonymAssociatedData(pseudonym.ID))
}

func pseudonymAssociatedData(id int64) string { return "subject " + strconv.FormatInt(id, 10) }

const selectPseudonyms = `SELECT a.id, a.person, a.sealed, a.key_id, c.sealed AS shown, c.key_id AS shown_key_id
	FROM subject a JOIN subject c ON c.id = a.person WHERE a.id IN `

// loadPseudonyms reads pseudonyms by id; a value is true when the cache may hold the pseudonym.
func (tx *Tx) loadPseudonyms(ids map[int64]bool) error {
	wanted := make([]any, 0, len(ids))
	for id := range ids {
		wanted = append(wanted, id)
	}
	for chunk := range slices.Chunk(wanted, engine.MaxListParameters) {
		list, args := engine.PaddedInList(chunk)
		var rows []pseudonymRow
		if err := tx.SelectRows(&rows, selectPseudonyms+list, args...); err != nil {
			return err
		}
		for i := range rows {
			pseudonym, err := tx.pseudonymFromRow(&rows[i])
			if err != nil {
				return tx.RecordError(err)
			}
			tx.addPseudonym(pseudonym)
			if ids[pseudonym.ID] {
				tx.cache.PutAfterCommit(pseudonymKey{pseudonym.ID}, pseudonym)
			}
		}
	}
	return nil
}

func (tx *Tx) pseudonymFromRow(row *pseudonymRow) (*Pseudonym, error) {
	pseudonym, err := tx.unsealPseudonym(row.ID, row.PersonID, row.Sealed, row.KeyID)
	if err != nil || row.PersonID == row.ID {
		return pseudonym, err
	}
	newest, err := tx.unsealPseudonym(row.PersonID, row.PersonID, row.CurrentSealed, row.CurrentSealedKeyID)
	if err != nil {
		return nil, err
	}
	pseudonym.CurrentSSIN = newest.SSIN
	return pseudonym, nil
}
