package identity

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/engine"
)

// Identities of persons are in one table only, subject, sealed with a key of the ring. Its rows are the pseudonyms: all
// other tables contain a pseudonym's id instead of an SSIN, and texts about the person are sealed with the pseudonym's
// data keys, which are in the sealed row beside the SSIN. A key rotation adds a data key to each pseudonym, which seals
// new texts, and keeps the former ones for the texts that are there. A pseudonym is found by an HMAC of its purpose and
// the SSIN with a lookup key of the ring.
//
// A person has a pseudonym for each purpose. A person whose SSIN was replaced has one for each SSIN and purpose. Those
// of one purpose refer to the one with the newest SSIN, the current one. Rows are found under each of them, and show
// the newest SSIN.

// Pseudonym represents an SSIN in the database, for one purpose.
type Pseudonym struct {
	ID          int64
	SSIN        ident.SSIN // zero for the pseudonym of texts without a person
	CurrentSSIN ident.SSIN // the person's newest SSIN
	personID    int64      // id of the person's current pseudonym
	purpose     Purpose
	dataKeys    [][]byte // seal texts about the person, the newest key first: there is one for each epoch
}

const dataKeySize = 32

func newDataKey() []byte {
	key := make([]byte, dataKeySize)
	_, _ = rand.Read(key) // never fails
	return key
}

// IDOrZero is the value of a column that refers to the pseudonym, 0 when it is nil.
func (p *Pseudonym) IDOrZero() int64 {
	if p == nil {
		return 0
	}
	return p.ID
}

// SealText seals a text about the person with the newest data key. The associated data identifies the row and column of
// the text. An empty text stays empty.
func (p *Pseudonym) SealText(text string, associatedData ...any) ([]byte, error) {
	if text == "" {
		return []byte{}, nil
	}
	aead, err := newAEAD(p.dataKeys[0])
	if err != nil {
		return nil, err
	}
	return sealBytes(aead, []byte(text), fmt.Sprint(associatedData...)), nil
}

func (p *Pseudonym) openText(sealed []byte, associatedData ...any) (string, error) {
	text, _, err := p.openWithEpoch(sealed, associatedData...)
	return text, err
}

// openWithEpoch also returns which of the data keys sealed the text, 0 for the newest. The keys are tried in turn: most
// texts were sealed with the newest.
func (p *Pseudonym) openWithEpoch(sealed []byte, associatedData ...any) (text string, epoch int, err error) {
	if len(sealed) == 0 {
		return "", 0, nil
	}
	bound := fmt.Sprint(associatedData...)
	for epoch, key := range p.dataKeys {
		aead, keyErr := newAEAD(key)
		if keyErr != nil {
			return "", 0, keyErr
		}
		plain, openErr := openBytes(aead, sealed, bound)
		if openErr == nil {
			return string(plain), epoch, nil
		}
		err = openErr
	}
	return "", 0, fmt.Errorf("a text about subject %d: %w", p.ID, err)
}

// Person is a person with the pseudonyms of all their SSINs for one purpose, and those from before there were purposes.
type Person struct {
	// Current is the pseudonym of the newest SSIN. It has another purpose when all are from before there were purposes.
	Current    *Pseudonym
	pseudonyms []*Pseudonym
}

// ColumnCondition is a condition on a column of pseudonym ids.
func (p *Person) ColumnCondition(column string) (string, []any) { return ColumnCondition(column, p) }

// ColumnCondition is a condition on a column of pseudonym ids of any of the persons, who may be nil.
func ColumnCondition(column string, persons ...*Person) (string, []any) {
	var args []any
	for _, p := range persons {
		if p == nil {
			continue
		}
		for _, s := range p.pseudonyms {
			args = append(args, s.ID)
		}
	}
	if len(args) == 1 {
		return column + ` = ?`, args
	}
	return column + ` IN ` + engine.InList(len(args)), args
}

// Keys of the cache.
type (
	personKey struct { // of a *Person
		purpose Purpose
		ssin    ident.SSIN
	}
	pseudonymKey struct{ id int64 } // of a *Pseudonym
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

func (tx *Tx) addPerson(key personKey, p *Person) {
	if tx.persons == nil {
		tx.persons = make(map[personKey]*Person)
	}
	tx.persons[key] = p
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

// cachePerson adds a person to the cache when the transaction has ended, unless they may yet get a pseudonym for the
// purpose.
func (tx *Tx) cachePerson(purpose Purpose, p *Person) {
	key := personKey{purpose, p.Current.SSIN}
	if _, cached := tx.cache.Get(key); !cached && p.Current.purpose == purpose {
		tx.cache.PutAfterCommit(key, p)
	}
}

// pseudonymRow is a row of the statements below. Its id is 0 when none was found.
type pseudonymRow struct {
	CacheEpoch   string `db:"mark"`
	CurrentKeyID string `db:"current_key"`
	Lookup       []byte `db:"lookup"`
	FoundID      int64  `db:"found"` // the pseudonym that the lookup names
	subjectRow
	CurrentSealed      []byte `db:"shown"`
	CurrentSealedKeyID string `db:"shown_key_id"`
}

// selectPersonByLookups returns all pseudonyms of a person, found by the lookup hashes of an SSIN under each key of the
// ring. It returns the current key and the cache epoch even when it finds no person.
const (
	selectPersonByLookups = `SELECT m.mark, k.key_id AS current_key, l.lookup, COALESCE(l.subject, 0) AS found,
		COALESCE(a.id, 0) AS id, COALESCE(a.person, 0) AS person, COALESCE(a.purpose, '') AS purpose, a.sealed,
		COALESCE(a.key_id, '') AS key_id
		FROM source_mark m JOIN current_key k ON k.id = m.id
		LEFT JOIN subject_lookup l ON l.lookup IN `
	selectPersonByLookupsEnd = ` LEFT JOIN subject f ON f.id = l.subject LEFT JOIN subject a ON a.person = f.person
		WHERE m.id = 1 ORDER BY a.id`
)

// FindPerson returns a person for a purpose, or nil when the SSIN is zero or unknown to the register. A lookup alone
// never adds a person to the cache.
func (tx *Tx) FindPerson(purpose Purpose, ssin ident.SSIN) (*Person, error) {
	if ssin.IsZero() {
		return nil, nil
	}
	return tx.lookUpPerson(purpose, ssin, false)
}

// Nobody is the id of no pseudonym. Statements about an unknown person use it, so that they are sent as those about a
// known one: neither their number nor the time they take tells the two apart.
const Nobody int64 = -1

// FindIDs returns the ids of all pseudonyms of a person for a purpose, the id of the current one first, or Nobody.
func (tx *Tx) FindIDs(purpose Purpose, ssin ident.SSIN) ([]int64, error) {
	p, err := tx.FindPerson(purpose, ssin)
	if err != nil || p == nil {
		return []int64{Nobody}, err
	}
	ids := []int64{p.Current.ID}
	for _, s := range p.pseudonyms {
		if s.ID != p.Current.ID {
			ids = append(ids, s.ID)
		}
	}
	return ids, nil
}

// LookUpNobody looks up a number that nobody has, for a row that names no person where it could name one.
func (tx *Tx) LookUpNobody(purpose Purpose) error {
	_, err := tx.queryPerson(personKey{purpose: purpose})
	return err
}

// LoadPseudonyms reads pseudonyms by id, always from the database, in one statement. An id that is 0 or Nobody has
// none.
func (tx *Tx) LoadPseudonyms(ids ...int64) (map[int64]*Pseudonym, error) {
	wanted, found := make(map[int64]bool, len(ids)), make(map[int64]*Pseudonym, len(ids))
	for _, id := range ids {
		wanted[id] = false
	}
	err := tx.loadPseudonyms(wanted)
	for id := range wanted {
		if p := tx.pseudonyms[id]; p != nil {
			found[id] = p
		}
	}
	return found, err
}

// PersonID is the id of the person's current pseudonym, or Nobody for nil.
func (p *Pseudonym) PersonID() int64 {
	if p == nil {
		return Nobody
	}
	return p.personID
}

func (tx *Tx) lookUpPerson(purpose Purpose, ssin ident.SSIN, remember bool) (*Person, error) {
	key := personKey{purpose, ssin}
	if p, ok := tx.persons[key]; ok {
		return p, nil
	}
	if remember || purpose == Professional {
		// The person may be in the cache, and the statement that reads the epoch costs less than the one that looks for a
		// person.
		if err := tx.cache.LoadEpoch(); err != nil {
			return nil, err
		}
	}
	if cached, _ := tx.cache.Get(key); cached != nil {
		if p, ok := cached.(*Person); ok {
			tx.addPerson(key, p)
			return p, nil
		}
	}
	p, err := tx.queryPerson(key)
	if err != nil {
		return nil, err
	}
	if p == nil {
		tx.rememberUnknown(key)
		return nil, nil
	}
	tx.addPerson(key, p)
	if remember {
		tx.cachePerson(purpose, p)
	}
	return p, nil
}

// rememberUnknown makes a reading transaction look an unknown SSIN up once, like a known one. A writing transaction may
// be about to create it.
func (tx *Tx) rememberUnknown(key personKey) {
	if tx.isWriting {
		return
	}
	if tx.persons == nil {
		tx.persons = make(map[personKey]*Person)
	}
	tx.persons[key] = nil
}

// queryPerson queries the database. An SSIN that is not found is certainly unknown only when the lookup used the
// current key; otherwise the function loads the key file and tries again.
func (tx *Tx) queryPerson(wanted personKey) (*Person, error) {
	for {
		lookups, formerLookups := tx.lookupHashes(wanted)
		var rows []pseudonymRow
		if err := tx.SelectRows(&rows, selectPersonByLookups+engine.InList(len(lookups))+selectPersonByLookupsEnd,
			lookups...); err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			return nil, tx.RecordError(errors.New("the row of the cache epoch or of the current key is missing"))
		}
		tx.currentKeyID = rows[0].CurrentKeyID
		tx.cache.SetEpoch(rows[0].CacheEpoch)
		if rows[0].FoundID != 0 {
			p, err := tx.personFromRows(wanted, formerLookups, rows)
			return p, tx.RecordError(err)
		}
		if tx.ring.cachedKey(tx.currentKeyID) != nil {
			return nil, nil
		}
		if _, err := tx.ring.findKey(tx.currentKeyID); err != nil {
			return nil, tx.RecordError(err)
		}
	}
}

// lookupHashes returns the lookup hashes that may find a person under each key of the ring. The last ones find a
// pseudonym from before there were purposes, as a patient's.
func (tx *Tx) lookupHashes(wanted personKey) (lookups []any, formerLookups [][]byte) {
	keys, digits := tx.ring.allKeys(), wanted.ssin.Digits()
	for _, key := range keys {
		lookups = append(lookups, key.lookupHash(wanted.purpose, digits))
	}
	if !tx.hasFormerIDs || wanted.purpose == Patient {
		return lookups, nil
	}
	for _, key := range keys {
		lookup := key.lookupHash(Patient, digits)
		lookups, formerLookups = append(lookups, lookup), append(formerLookups, lookup)
	}
	return lookups, formerLookups
}

// ErrChangedSubject reports that a row about a person is not as the store wrote it: somebody changed the database.
var ErrChangedSubject = errors.New("a row of subject or subject_lookup was changed")

// personFromRows returns the person of the rows, or nil when the rows are of another purpose only.
func (tx *Tx) personFromRows(wanted personKey, formerLookups [][]byte, rows []pseudonymRow) (*Person, error) {
	p, former := &Person{}, &Person{}
	for i := range rows {
		found := wanted.purpose
		if slices.ContainsFunc(formerLookups, func(l []byte) bool { return bytes.Equal(rows[i].Lookup, l) }) {
			found = Patient
		}
		pseudonym, err := tx.unsealFound(&rows[i], personKey{found, wanted.ssin})
		if err != nil {
			return nil, err
		}
		of := p
		if found != wanted.purpose {
			of = former
		}
		if pseudonym.ID == pseudonym.personID {
			of.Current = pseudonym
		}
		if of == p || pseudonym.ID < firstRandomID {
			of.pseudonyms = append(of.pseudonyms, pseudonym)
		}
	}
	if len(p.pseudonyms) == 0 {
		p.Current = former.Current
	}
	p.pseudonyms = append(p.pseudonyms, former.pseudonyms...)
	switch {
	case len(p.pseudonyms) == 0:
		return nil, nil
	case p.Current == nil:
		return nil, fmt.Errorf("person %d has no current pseudonym: %w", rows[0].PersonID, ErrChangedSubject)
	}
	for _, pseudonym := range p.pseudonyms {
		pseudonym.CurrentSSIN = p.Current.SSIN
	}
	return p, nil
}

// unsealFound opens a row that a lookup found. The lookup must lead to the purpose and the SSIN that it was made of:
// two lookups that changed places must not give one person the data of another.
func (tx *Tx) unsealFound(row *pseudonymRow, by personKey) (*Pseudonym, error) {
	if row.ID == 0 || row.Purpose != by.purpose {
		return nil, fmt.Errorf("the lookup of subject %d: %w", row.FoundID, ErrChangedSubject)
	}
	pseudonym, err := tx.unsealPseudonym(&row.subjectRow)
	if err == nil && row.ID == row.FoundID && pseudonym.SSIN != by.ssin {
		err = fmt.Errorf("the lookup of subject %d: %w", row.FoundID, ErrChangedSubject)
	}
	return pseudonym, err
}

// UnsealCurrent opens the row of a patient's current pseudonym that a query has read. It is not remembered.
func (tx *Tx) UnsealCurrent(id int64, sealed []byte, keyID string) (*Pseudonym, error) {
	return tx.unsealPseudonym(&subjectRow{ID: id, PersonID: id, Purpose: Patient, Sealed: sealed, KeyID: keyID})
}

// Remember keeps a pseudonym until the transaction ends, so that conversions find it.
func (tx *Tx) Remember(p *Pseudonym) { tx.addPseudonym(p) }

// DeriveID derives an identifier of the person for one use from their first data key, which the database holds in
// sealed form and which key rotation does not change. It takes the database and the key file to attribute it to a
// person; trying all SSINs does not help.
func (p *Pseudonym) DeriveID(use string, size int) []byte {
	return hashUnder(p.dataKeys[len(p.dataKeys)-1], use)[:size]
}

func hashUnder(key []byte, text string) []byte {
	hash := hmac.New(sha256.New, key)
	hash.Write([]byte(text))
	return hash.Sum(nil)
}

// HashText returns hashes of a text that the register only compares, such as a caller's reference: one under each data
// key of the texts without a person, the newest first. New rows have the first. Without such a key there is no hash.
func (tx *Tx) HashText(use, text string) ([]string, error) {
	pseudonym, err := tx.TextPseudonym()
	if err != nil || pseudonym == nil {
		return nil, err
	}
	hashes := make([]string, len(pseudonym.dataKeys))
	for i := range hashes {
		hashes[i] = pseudonym.hashText(use, text, i)
	}
	return hashes, nil
}

// HashNewText returns the first hash of HashText, and makes the key if there is none.
func (tx *Tx) HashNewText(use, text string) (string, error) {
	pseudonym, err := tx.FindOrCreate(Patient, ident.SSIN{}, true)
	if err != nil {
		return "", err
	}
	return pseudonym.hashText(use, text, 0), nil
}

func (p *Pseudonym) hashText(use, text string, epoch int) string {
	return base64.RawURLEncoding.EncodeToString(hashUnder(p.dataKeys[epoch], use+" "+text))
}

// unsealPseudonym opens a row of the table subject.
func (tx *Tx) unsealPseudonym(row *subjectRow) (*Pseudonym, error) {
	key, err := tx.ring.findKey(row.KeyID)
	if err != nil {
		return nil, err
	}
	return key.openPseudonym(row)
}

// openPseudonym opens a row, which holds the data keys and then the digits of the SSIN.
func (k *ringKey) openPseudonym(row *subjectRow) (*Pseudonym, error) {
	pseudonym := &Pseudonym{ID: row.ID, personID: row.PersonID, purpose: row.Purpose}
	plain, err := openBytes(k.aead, row.Sealed, k.pseudonymAssociatedData(pseudonym))
	if err != nil {
		return nil, fmt.Errorf("subject %d does not open with the key %s: %w: %w", row.ID, k.ID, ErrChangedSubject, err)
	}
	if err = pseudonym.parse(plain); err != nil {
		return nil, err
	}
	return pseudonym, nil
}

func (p *Pseudonym) parse(plain []byte) error {
	for len(plain) >= dataKeySize {
		p.dataKeys = append(p.dataKeys, plain[:dataKeySize:dataKeySize])
		plain = plain[dataKeySize:]
	}
	if len(p.dataKeys) == 0 {
		return fmt.Errorf("subject %d: %d bytes are too few for a data key", p.ID, len(plain))
	}
	if digits := string(plain); digits != "" {
		var err error
		if p.SSIN, err = ident.ParseSSIN(digits); err != nil {
			return fmt.Errorf("subject %d: %w", p.ID, err)
		}
	}
	p.CurrentSSIN = p.SSIN
	return nil
}

func (k *ringKey) sealPseudonym(p *Pseudonym) []byte {
	plain := append(slices.Concat(p.dataKeys...), p.SSIN.Digits()...)
	return sealBytes(k.aead, plain, k.pseudonymAssociatedData(p))
}

// pseudonymAssociatedData binds the sealed bytes to every other column of the row.
func (k *ringKey) pseudonymAssociatedData(p *Pseudonym) string {
	return "subject " + strconv.FormatInt(p.ID, 10) + " of " + strconv.FormatInt(p.personID, 10) +
		" as " + string(p.purpose) + " under " + k.ID
}

const selectPseudonyms = `SELECT a.id, a.person, a.purpose, a.sealed, a.key_id, c.sealed AS shown, 
	c.key_id AS shown_key_id FROM subject a JOIN subject c ON c.id = a.person WHERE a.id IN `

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
	pseudonym, err := tx.unsealPseudonym(&row.subjectRow)
	if err != nil || row.PersonID == row.ID {
		return pseudonym, err
	}
	newest, err := tx.unsealPseudonym(&subjectRow{ID: row.PersonID, PersonID: row.PersonID, Purpose: row.Purpose,
		Sealed: row.CurrentSealed, KeyID: row.CurrentSealedKeyID})
	if err != nil {
		return nil, err
	}
	pseudonym.CurrentSSIN = newest.SSIN
	return pseudonym, nil
}
