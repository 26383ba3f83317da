package store

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/openctr/ctr/internal/register/ident"
)

// Identities of persons are in one table only, subject, sealed with a key of the ring. Its rows are the pseudonyms: all
// other tables contain a pseudonym's id instead of an SSIN, and texts about the person are sealed with the pseudonym's
// data key, which is in the sealed row beside the SSIN. So key rotation does not rewrite the append-only rows. A
// pseudonym is found by an HMAC of the SSIN with a lookup key of the ring.
//
// A person whose SSIN was replaced has a pseudonym for each SSIN. All of them refer to the one with the newest SSIN,
// the current one. Rows are found under each of them, and show the newest SSIN.

// pseudonym stands for an SSIN in the database.
type subject struct {
	id     int64
	person int64      // id of the person's current pseudonym
	number ident.SSIN // zero for the pseudonym of texts without a person
	shown  ident.SSIN // the person's newest SSIN
	key    []byte     // seals texts about the person
}

const personalKeySize = 32

// idOrZero is the value of a column that refers to the pseudonym, 0 when it is nil.
func (p *subject) reference() int64 {
	if p == nil {
		return 0
	}
	return p.id
}

// sealText seals a text about the person. The associated data identifies the row and column of the text. An empty text
// stays empty.
func (p *subject) sealText(text string, associatedData ...any) ([]byte, error) {
	if text == "" {
		return []byte{}, nil
	}
	aead, err := newAEAD(p.key)
	if err != nil {
		return nil, err
	}
	return seal(aead, []byte(text), fmt.Sprint(associatedData...)), nil
}

func (p *subject) openText(sealed []byte, associatedData ...any) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	aead, err := newAEAD(p.key)
	if err != nil {
		return "", err
	}
	plain, err := open(aead, sealed, fmt.Sprint(associatedData...))
	if err != nil {
		return "", fmt.Errorf("a text about subject %d: %w", p.id, err)
	}
	return string(plain), nil
}

// person is a person with the pseudonyms of all their SSINs.
type party struct {
	current *subject
	all     []*subject
}

// columnCondition is a condition on a column of pseudonym ids.
func (p *party) in(column string) (string, []any) {
	args := make([]any, len(p.all))
	for i, s := range p.all {
		args[i] = s.id
	}
	if len(args) == 1 {
		return column + ` = ?`, args
	}
	return column + ` IN (?` + strings.Repeat(`, ?`, len(args)-1) + `)`, args
}

// identityCache caches professionals and their pseudonyms, but no patients. Like the source cache, its entries are
// valid for one cache epoch: replacing an SSIN starts a new one.
type acquaintances struct {
	mu       sync.RWMutex
	mark     string
	byNumber map[ident.SSIN]*party
	byID     map[int64]*subject
}

func (c *acquaintances) party(epoch string, ssin ident.SSIN) *party {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.mark != epoch {
		return nil
	}
	return c.byNumber[ssin]
}

func (c *acquaintances) subject(epoch string, id int64) *subject {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.mark != epoch {
		return nil
	}
	return c.byID[id]
}

// addFrom adds the professionals that a transaction loaded or created. The transaction must have ended, because until
// then it may be rolled back with the pseudonyms that it created.
func (c *acquaintances) met(tx *session) {
	if !tx.marked || len(tx.professionals) == 0 && len(tx.colleagues) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil || c.mark != tx.sourceMark || len(c.byID)+len(c.byNumber) >= rememberedAnswers {
		c.mark, c.byNumber, c.byID = tx.sourceMark, make(map[ident.SSIN]*party), make(map[int64]*subject)
	}
	for _, p := range tx.professionals {
		c.byNumber[p.current.number] = p
	}
	for _, p := range tx.colleagues {
		c.byID[p.id] = p
	}
}

// identities finds and unseals persons. A process has one.
type persons struct {
	keys          *keyring
	acquaintances acquaintances
	compressors
}

// txIdentities holds the persons and pseudonyms that a transaction has loaded.
type known struct {
	parties  map[ident.SSIN]*party
	subjects map[int64]*subject
	// cacheablePersons and cacheablePseudonyms are those that the identity cache may hold.
	professionals []*party
	colleagues    []*subject
}

func (k *known) add(ssin ident.SSIN, p *party) {
	if k.parties == nil {
		k.parties = make(map[ident.SSIN]*party)
	}
	k.parties[ssin] = p
	for _, s := range p.all {
		k.addSubject(s)
	}
}

func (k *known) addSubject(s *subject) {
	if k.subjects == nil {
		k.subjects = make(map[int64]*subject)
	}
	k.subjects[s.id] = s
}

// cacheAfterCommit marks a person for the identity cache, which takes it when the transaction has ended.
func (k *known) remember(p *party) { k.professionals = append(k.professionals, p) }

// knownPseudonym returns a pseudonym that the transaction has loaded or the identity cache holds, or nil.
func (tx *session) subject(id int64) *subject {
	if pseudonym := tx.subjects[id]; pseudonym != nil {
		return pseudonym
	}
	if tx.marked {
		return tx.acquaintances.subject(tx.sourceMark, id)
	}
	return nil
}

// pseudonymRow is a row of the statements below. Its id is 0 when none was found.
type subjectRow struct {
	Mark       string `db:"mark"`
	CurrentKey string `db:"current_key"`
	ID         int64  `db:"id"`
	Person     int64  `db:"person"`
	Sealed     []byte `db:"sealed"`
	KeyID      string `db:"key_id"`
	Shown      []byte `db:"shown"`
	ShownKeyID string `db:"shown_key_id"`
}

// selectPersonByLookups returns all pseudonyms of a person, found by the lookup hashes of an SSIN under each key of the
// ring. It returns the current key and the cache epoch even when it finds no person.
const (
	selectParty = `SELECT m.mark, k.key_id AS current_key, COALESCE(a.id, 0) AS id, COALESCE(a.person, 0) AS person, a.sealed,
		COALESCE(a.key_id, '') AS key_id FROM source_mark m JOIN current_key k ON k.id = m.id
		LEFT JOIN subject_lookup l ON l.lookup IN (?`
	fromLookup = `) LEFT JOIN subject f ON f.id = l.subject LEFT JOIN subject a ON a.person = f.person
		WHERE m.id = 1 ORDER BY a.id`
)

// findPerson returns a person, or nil when the SSIN is zero or unknown to the register. A lookup alone never adds a
// person to the identity cache.
func (tx *session) person(ssin ident.SSIN) (*party, error) {
	if ssin.IsZero() {
		return nil, nil
	}
	return tx.party(ssin, false)
}

func (tx *session) party(ssin ident.SSIN, remember bool) (*party, error) {
	if p, ok := tx.parties[ssin]; ok {
		return p, nil
	}
	if tx.marked {
		if p := tx.acquaintances.party(tx.sourceMark, ssin); p != nil {
			tx.add(ssin, p)
			return p, nil
		}
	}
	p, err := tx.lookUp(ssin)
	if err != nil || p == nil {
		return nil, err
	}
	tx.add(ssin, p)
	if remember {
		tx.remember(p)
	}
	return p, nil
}

// queryPerson queries the database. An SSIN that is not found is certainly unknown only when the lookup used the
// current key; otherwise the function loads the key file and tries again.
func (tx *session) lookUp(ssin ident.SSIN) (*party, error) {
	for {
		keys := tx.keys.all()
		lookups := make([]any, len(keys))
		for i, key := range keys {
			lookups[i] = key.of(ssin.Digits())
		}
		var rows []subjectRow
		if err := tx.all(&rows, selectParty+strings.Repeat(`, ?`, len(keys)-1)+fromLookup, lookups...); err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			return nil, tx.fail(errors.New("the database has lost its mark"))
		}
		tx.marked, tx.sourceMark, tx.currentKey = true, rows[0].Mark, rows[0].CurrentKey
		if rows[0].ID != 0 {
			return tx.partyOf(rows)
		}
		if tx.keys.key(tx.currentKey) != nil {
			return nil, nil
		}
		if _, err := tx.keys.find(tx.currentKey); err != nil {
			return nil, tx.fail(err)
		}
	}
}

func (tx *session) partyOf(rows []subjectRow) (*party, error) {
	p := &party{}
	for i := range rows {
		pseudonym, err := tx.unseal(rows[i].ID, rows[i].Person, rows[i].Sealed, rows[i].KeyID)
		if err != nil {
			return nil, tx.fail(err)
		}
		p.all = append(p.all, pseudonym)
		if pseudonym.id == pseudonym.person {
			p.current = pseudonym
		}
	}
	if p.current == nil {
		return nil, tx.fail(fmt.Errorf("person %d has lost the newest number", rows[0].Person))
	}
	for _, pseudonym := range p.all {
		pseudonym.shown = p.current.number
	}
	return p, nil
}

// unsealPseudonym opens a row of the table subject.
func (tx *session) unseal(id, person int64, sealed []byte, keyID string) (*subject, error) {
	key, err := tx.keys.find(keyID)
	if err != nil {
		return nil, err
	}
	return key.open(id, person, sealed)
}

func (k *ringKey) open(id, person int64, sealed []byte) (*subject, error) {
	plain, err := open(k.aead, sealed, subjectPurpose(id))
	if err != nil || len(plain) < personalKeySize {
		return nil, fmt.Errorf("subject %d does not open with the key %s: %w", id, k.ID, err)
	}
	pseudonym := &subject{id: id, person: person, key: plain[:personalKeySize]}
	if digits := string(plain[personalKeySize:]); digits != "" {
		if pseudonym.number, err = ident.ParseSSIN(digits); err != nil {
			return nil, fmt.Errorf("subject %d: %w", id, err)
		}
	}
	pseudonym.shown = pseudonym.number
	return pseudonym, nil
}

func (k *ringKey) sealSubject(pseudonym *subject) []byte {
	plain := append(append(make([]byte, 0, personalKeySize+11), pseudonym.key...), pseudonym.number.Digits()...)
	return seal(k.aead, plain, subjectPurpose(pseudonym.id))
}

func subjectPurpose(id int64) string { return "subject " + strconv.FormatInt(id, 10) }

const selectSubjects = `SELECT a.id, a.person, a.sealed, a.key_id, c.sealed AS shown, c.key_id AS shown_key_id
	FROM subject a JOIN subject c ON c.id = a.person WHERE a.id IN `

// loadPseudonyms reads pseudonyms by id; a value is true when the identity cache may hold the pseudonym.
func (tx *session) meet(ids map[int64]bool) error {
	wanted := make([]any, 0, len(ids))
	for id := range ids {
		wanted = append(wanted, id)
	}
	for chunk := range slices.Chunk(wanted, askedAtOnce) {
		list, args := filled(chunk)
		var rows []subjectRow
		if err := tx.all(&rows, selectSubjects+list, args...); err != nil {
			return err
		}
		for i := range rows {
			pseudonym, err := tx.shownSubject(&rows[i])
			if err != nil {
				return tx.fail(err)
			}
			tx.addSubject(pseudonym)
			if ids[pseudonym.id] {
				tx.colleagues = append(tx.colleagues, pseudonym)
			}
		}
	}
	return nil
}

// maxListParameters bounds the parameters of the operator IN.
const askedAtOnce = 64

// paddedInList returns a parameter list for the operator IN and its arguments. It pads the list to one of three
// lengths, so that there are few distinct statements to prepare.
func filled(args []any) (string, []any) {
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

func (tx *session) shownSubject(row *subjectRow) (*subject, error) {
	pseudonym, err := tx.unseal(row.ID, row.Person, row.Sealed, row.KeyID)
	if err != nil || row.Person == row.ID {
		return pseudonym, err
	}
	newest, err := tx.unseal(row.Person, row.Person, row.Shown, row.ShownKeyID)
	if err != nil {
		return nil, err
	}
	pseudonym.shown = newest.number
	return pseudonym, nil
}
