package store

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/openctr/ctr/internal/platform/ident"
)

// Identities of persons are in one table only, subject, sealed with a key of the ring. Its rows are the pseudonyms: all
// other tables contain a pseudonym's id instead of an SSIN, and texts about the person are sealed with the pseudonym's
// data key, which is in the sealed row beside the SSIN. So key rotation does not rewrite the append-only rows. A
// pseudonym is found by an HMAC of the SSIN with a lookup key of the ring.
//
// A person whose SSIN was replaced has a pseudonym for each SSIN. All of them refer to the one with the newest SSIN,
// the current one. Rows are found under each of them, and show the newest SSIN.

// pseudonym stands for an SSIN in the database.
type pseudonym struct {
	id          int64
	personID    int64      // id of the person's current pseudonym
	ssin        ident.SSIN // zero for the pseudonym of texts without a person
	currentSSIN ident.SSIN // the person's newest SSIN
	dataKey     []byte     // seals texts about the person
}

const dataKeySize = 32

// idOrZero is the value of a column that refers to the pseudonym, 0 when it is nil.
func (p *pseudonym) idOrZero() int64 {
	if p == nil {
		return 0
	}
	return p.id
}

// sealText seals a text about the person. The associated data identifies the row and column of the text. An empty text
// stays empty.
func (p *pseudonym) sealText(text string, associatedData ...any) ([]byte, error) {
	if text == "" {
		return []byte{}, nil
	}
	aead, err := newAEAD(p.dataKey)
	if err != nil {
		return nil, err
	}
	return sealBytes(aead, []byte(text), fmt.Sprint(associatedData...)), nil
}

func (p *pseudonym) openText(sealed []byte, associatedData ...any) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	aead, err := newAEAD(p.dataKey)
	if err != nil {
		return "", err
	}
	plain, err := openBytes(aead, sealed, fmt.Sprint(associatedData...))
	if err != nil {
		return "", fmt.Errorf("a text about subject %d: %w", p.id, err)
	}
	return string(plain), nil
}

// person is a person with the pseudonyms of all their SSINs.
type person struct {
	current    *pseudonym
	pseudonyms []*pseudonym
}

// columnCondition is a condition on a column of pseudonym ids.
func (p *person) columnCondition(column string) (string, []any) {
	args := make([]any, len(p.pseudonyms))
	for i, s := range p.pseudonyms {
		args[i] = s.id
	}
	if len(args) == 1 {
		return column + ` = ?`, args
	}
	return column + ` IN (?` + strings.Repeat(`, ?`, len(args)-1) + `)`, args
}

// identityCache caches professionals and their pseudonyms, but no patients. Like the source cache, its entries are
// valid for one cache epoch: replacing an SSIN starts a new one.
type identityCache struct {
	mu     sync.RWMutex
	epoch  string
	bySSIN map[ident.SSIN]*person
	byID   map[int64]*pseudonym
}

func (c *identityCache) getPerson(epoch string, ssin ident.SSIN) *person {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.epoch != epoch {
		return nil
	}
	return c.bySSIN[ssin]
}

func (c *identityCache) getPseudonym(epoch string, id int64) *pseudonym {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.epoch != epoch {
		return nil
	}
	return c.byID[id]
}

// addFrom adds the professionals that a transaction loaded or created. The transaction must have ended, because until
// then it may be rolled back with the pseudonyms that it created.
func (c *identityCache) addFrom(tx *tx) {
	if !tx.cacheEpochLoaded || len(tx.cacheablePersons) == 0 && len(tx.cacheablePseudonyms) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil || c.epoch != tx.cacheEpoch || len(c.byID)+len(c.bySSIN) >= maxCacheEntries {
		c.epoch, c.bySSIN, c.byID = tx.cacheEpoch, make(map[ident.SSIN]*person), make(map[int64]*pseudonym)
	}
	for _, p := range tx.cacheablePersons {
		c.bySSIN[p.current.ssin] = p
	}
	for _, p := range tx.cacheablePseudonyms {
		c.byID[p.id] = p
	}
}

// identities finds and unseals persons. A process has one.
type identities struct {
	keyRing *keyRing
	cache   identityCache
	compressorPool
}

// txIdentities holds the persons and pseudonyms that a transaction has loaded.
type txIdentities struct {
	persons    map[ident.SSIN]*person
	pseudonyms map[int64]*pseudonym
	// cacheablePersons and cacheablePseudonyms are those that the identity cache may hold.
	cacheablePersons    []*person
	cacheablePseudonyms []*pseudonym
}

func (k *txIdentities) addPerson(ssin ident.SSIN, p *person) {
	if k.persons == nil {
		k.persons = make(map[ident.SSIN]*person)
	}
	k.persons[ssin] = p
	for _, s := range p.pseudonyms {
		k.addPseudonym(s)
	}
}

func (k *txIdentities) addPseudonym(s *pseudonym) {
	if k.pseudonyms == nil {
		k.pseudonyms = make(map[int64]*pseudonym)
	}
	k.pseudonyms[s.id] = s
}

// cacheAfterCommit marks a person for the identity cache, which takes it when the transaction has ended.
func (k *txIdentities) cacheAfterCommit(p *person) {
	k.cacheablePersons = append(k.cacheablePersons, p)
}

// knownPseudonym returns a pseudonym that the transaction has loaded or the identity cache holds, or nil.
func (tx *tx) knownPseudonym(id int64) *pseudonym {
	if pseudonym := tx.pseudonyms[id]; pseudonym != nil {
		return pseudonym
	}
	if tx.cacheEpochLoaded {
		return tx.cache.getPseudonym(tx.cacheEpoch, id)
	}
	return nil
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
	selectPersonByLookups = `SELECT m.mark, k.key_id AS current_key, COALESCE(a.id, 0) AS id, COALESCE(a.person, 0) AS person, a.sealed,
		COALESCE(a.key_id, '') AS key_id FROM source_mark m JOIN current_key k ON k.id = m.id
		LEFT JOIN subject_lookup l ON l.lookup IN (?`
	selectPersonByLookupsEnd = `) LEFT JOIN subject f ON f.id = l.subject LEFT JOIN subject a ON a.person = f.person
		WHERE m.id = 1 ORDER BY a.id`
)

// findPerson returns a person, or nil when the SSIN is zero or unknown to the register. A lookup alone never adds a
// person to the identity cache.
func (tx *tx) findPerson(ssin ident.SSIN) (*person, error) {
	if ssin.IsZero() {
		return nil, nil
	}
	return tx.lookUpPerson(ssin, false)
}

func (tx *tx) lookUpPerson(ssin ident.SSIN, remember bool) (*person, error) {
	if p, ok := tx.persons[ssin]; ok {
		return p, nil
	}
	if tx.cacheEpochLoaded {
		if p := tx.cache.getPerson(tx.cacheEpoch, ssin); p != nil {
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
		tx.cacheAfterCommit(p)
	}
	return p, nil
}

// queryPerson queries the database. An SSIN that is not found is certainly unknown only when the lookup used the
// current key; otherwise the function loads the key file and tries again.
func (tx *tx) queryPerson(ssin ident.SSIN) (*person, error) {
	for {
		keys := tx.keyRing.allKeys()
		lookups := make([]any, len(keys))
		for i, key := range keys {
			lookups[i] = key.lookupHash(ssin.Digits())
		}
		var rows []pseudonymRow
		if err := tx.selectRows(&rows, selectPersonByLookups+strings.Repeat(`, ?`, len(keys)-1)+selectPersonByLookupsEnd, lookups...); err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			return nil, tx.recordError(errors.New("the database has lost its mark"))
		}
		tx.cacheEpochLoaded, tx.cacheEpoch, tx.currentKeyID = true, rows[0].CacheEpoch, rows[0].CurrentKeyID
		if rows[0].ID != 0 {
			return tx.personFromRows(rows)
		}
		if tx.keyRing.cachedKey(tx.currentKeyID) != nil {
			return nil, nil
		}
		if _, err := tx.keyRing.findKey(tx.currentKeyID); err != nil {
			return nil, tx.recordError(err)
		}
	}
}

func (tx *tx) personFromRows(rows []pseudonymRow) (*person, error) {
	p := &person{}
	for i := range rows {
		pseudonym, err := tx.unsealPseudonym(rows[i].ID, rows[i].PersonID, rows[i].Sealed, rows[i].KeyID)
		if err != nil {
			return nil, tx.recordError(err)
		}
		p.pseudonyms = append(p.pseudonyms, pseudonym)
		if pseudonym.id == pseudonym.personID {
			p.current = pseudonym
		}
	}
	if p.current == nil {
		return nil, tx.recordError(fmt.Errorf("person %d has lost the newest number", rows[0].PersonID))
	}
	for _, pseudonym := range p.pseudonyms {
		pseudonym.currentSSIN = p.current.ssin
	}
	return p, nil
}

// unsealPseudonym opens a row of the table subject.
func (tx *tx) unsealPseudonym(id, person int64, sealed []byte, keyID string) (*pseudonym, error) {
	key, err := tx.keyRing.findKey(keyID)
	if err != nil {
		return nil, err
	}
	return key.openPseudonym(id, person, sealed)
}

func (k *ringKey) openPseudonym(id, person int64, sealed []byte) (*pseudonym, error) {
	plain, err := openBytes(k.aead, sealed, pseudonymAssociatedData(id))
	if err != nil || len(plain) < dataKeySize {
		return nil, fmt.Errorf("subject %d does not open with the key %s: %w", id, k.ID, err)
	}
	pseudonym := &pseudonym{id: id, personID: person, dataKey: plain[:dataKeySize]}
	if digits := string(plain[dataKeySize:]); digits != "" {
		if pseudonym.ssin, err = ident.ParseSSIN(digits); err != nil {
			return nil, fmt.Errorf("subject %d: %w", id, err)
		}
	}
	pseudonym.currentSSIN = pseudonym.ssin
	return pseudonym, nil
}

func (k *ringKey) sealPseudonym(pseudonym *pseudonym) []byte {
	plain := append(append(make([]byte, 0, dataKeySize+11), pseudonym.dataKey...), pseudonym.ssin.Digits()...)
	return sealBytes(k.aead, plain, pseudonymAssociatedData(pseudonym.id))
}

func pseudonymAssociatedData(id int64) string { return "subject " + strconv.FormatInt(id, 10) }

const selectPseudonyms = `SELECT a.id, a.person, a.sealed, a.key_id, c.sealed AS shown, c.key_id AS shown_key_id
	FROM subject a JOIN subject c ON c.id = a.person WHERE a.id IN `

// loadPseudonyms reads pseudonyms by id; a value is true when the identity cache may hold the pseudonym.
func (tx *tx) loadPseudonyms(ids map[int64]bool) error {
	wanted := make([]any, 0, len(ids))
	for id := range ids {
		wanted = append(wanted, id)
	}
	for chunk := range slices.Chunk(wanted, maxListParameters) {
		list, args := paddedInList(chunk)
		var rows []pseudonymRow
		if err := tx.selectRows(&rows, selectPseudonyms+list, args...); err != nil {
			return err
		}
		for i := range rows {
			pseudonym, err := tx.pseudonymFromRow(&rows[i])
			if err != nil {
				return tx.recordError(err)
			}
			tx.addPseudonym(pseudonym)
			if ids[pseudonym.id] {
				tx.cacheablePseudonyms = append(tx.cacheablePseudonyms, pseudonym)
			}
		}
	}
	return nil
}

// maxListParameters bounds the parameters of the operator IN.
const maxListParameters = 64

// paddedInList returns a parameter list for the operator IN and its arguments. It pads the list to one of three
// lengths, so that there are few distinct statements to prepare.
func paddedInList(args []any) (string, []any) {
	length := 1
	for length < len(args) {
		length *= 8
	}
	args = slices.Clone(args)
	for len(args) < length {
		args = append(args, args[0])
	}
	return `(?` + strings.Repeat(`, ?`, length-1) + `)`, args
}

func (tx *tx) pseudonymFromRow(row *pseudonymRow) (*pseudonym, error) {
	pseudonym, err := tx.unsealPseudonym(row.ID, row.PersonID, row.Sealed, row.KeyID)
	if err != nil || row.PersonID == row.ID {
		return pseudonym, err
	}
	newest, err := tx.unsealPseudonym(row.PersonID, row.PersonID, row.CurrentSealed, row.CurrentSealedKeyID)
	if err != nil {
		return nil, err
	}
	pseudonym.currentSSIN = newest.ssin
	return pseudonym, nil
}
