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

// Who a person is stands in one place of the database, the table subject, sealed under a key of the ring. Everywhere else
// stands the subject's id, and what is told about the person is sealed with the person's own key, which stands beside the
// number. So rows that never change need not be rewritten when the ring gets a new key. A subject is found by a hash of the
// number under the ring's lookup key.
//
// Somebody whose number was replaced has a subject for each number, and all of them name the one with the newest number
// as the person. Rows are found under every one of them, and show the newest number.

// subject is what the register keeps of a number.
type subject struct {
	id     int64
	person int64      // the id of the subject with the person's newest number
	number ident.SSIN // none for the subject of what is told about nobody
	shown  ident.SSIN // the person's newest
	key    []byte     // the person's own
}

const personalKeySize = 32

// reference is how a row names the subject: 0 for nobody.
func (p *subject) reference() int64 {
	if p == nil {
		return 0
	}
	return p.id
}

// sealText seals what is told about the person. The place is that of the text in the database. No text stays none.
func (p *subject) sealText(text string, place ...any) ([]byte, error) {
	if text == "" {
		return []byte{}, nil
	}
	aead, err := newAEAD(p.key)
	if err != nil {
		return nil, err
	}
	return seal(aead, []byte(text), fmt.Sprint(place...)), nil
}

func (p *subject) openText(sealed []byte, place ...any) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	aead, err := newAEAD(p.key)
	if err != nil {
		return "", err
	}
	plain, err := open(aead, sealed, fmt.Sprint(place...))
	if err != nil {
		return "", fmt.Errorf("a text about subject %d: %w", p.id, err)
	}
	return string(plain), nil
}

// party is a person with all subjects that were made for the person's numbers.
type party struct {
	current *subject
	all     []*subject
}

// in is a condition on a column that holds subjects.
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

// acquaintances are the professionals whom this process met, with their subjects; patients are forgotten at once. They are
// good under one mark of the authentic sources, as what the memory keeps is: replacing a number renews the mark.
type acquaintances struct {
	mu       sync.RWMutex
	mark     string
	byNumber map[ident.SSIN]*party
	byID     map[int64]*subject
}

func (a *acquaintances) party(mark string, number ident.SSIN) *party {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.mark != mark {
		return nil
	}
	return a.byNumber[number]
}

func (a *acquaintances) subject(mark string, id int64) *subject {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.mark != mark {
		return nil
	}
	return a.byID[id]
}

// met remembers whom a transaction met. It must have ended: what it made itself may still be undone before.
func (a *acquaintances) met(s *session) {
	if !s.marked || len(s.professionals) == 0 && len(s.colleagues) == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byID == nil || a.mark != s.sourceMark || len(a.byID)+len(a.byNumber) >= rememberedAnswers {
		a.mark, a.byNumber, a.byID = s.sourceMark, make(map[ident.SSIN]*party), make(map[int64]*subject)
	}
	for _, p := range s.professionals {
		a.byNumber[p.current.number] = p
	}
	for _, p := range s.colleagues {
		a.byID[p.id] = p
	}
}

// persons is how a process finds and unseals whom the register knows.
type persons struct {
	keys          *keyring
	acquaintances acquaintances
	compressors
}

// known is what a session knows of persons.
type known struct {
	parties  map[ident.SSIN]*party
	subjects map[int64]*subject
	// professionals and colleagues are those of them that may be remembered.
	professionals []*party
	colleagues    []*subject
}

func (k *known) add(number ident.SSIN, p *party) {
	if k.parties == nil {
		k.parties = make(map[ident.SSIN]*party)
	}
	k.parties[number] = p
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

// remember lets a person be remembered once the transaction has ended.
func (k *known) remember(p *party) { k.professionals = append(k.professionals, p) }

// subject finds a subject that is known, or returns nil.
func (s *session) subject(id int64) *subject {
	if one := s.subjects[id]; one != nil {
		return one
	}
	if s.marked {
		return s.acquaintances.subject(s.sourceMark, id)
	}
	return nil
}

// subjectRow is a row of the statements below. Its id is 0 where nobody was found.
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

// selectParty finds every subject of a person, by lookups under each key of the ring. Whatever it finds, it tells under
// which key persons are kept now, and the mark of the sources.
const (
	selectParty = `SELECT m.mark, k.key_id AS current_key, COALESCE(a.id, 0) AS id, COALESCE(a.person, 0) AS person, a.sealed,
		COALESCE(a.key_id, '') AS key_id FROM source_mark m JOIN current_key k ON k.id = m.id
		LEFT JOIN subject_lookup l ON l.lookup IN (?`
	fromLookup = `) LEFT JOIN subject f ON f.id = l.subject LEFT JOIN subject a ON a.person = f.person
		WHERE m.id = 1 ORDER BY a.id`
)

// person finds a person; nil when nobody is named, or when the register has never heard of the number. Nobody is remembered
// only because he was asked about.
func (s *session) person(number ident.SSIN) (*party, error) {
	if number.IsZero() {
		return nil, nil
	}
	return s.party(number, false)
}

func (s *session) party(number ident.SSIN, remember bool) (*party, error) {
	if p, ok := s.parties[number]; ok {
		return p, nil
	}
	if s.marked {
		if p := s.acquaintances.party(s.sourceMark, number); p != nil {
			s.add(number, p)
			return p, nil
		}
	}
	p, err := s.lookUp(number)
	if err != nil || p == nil {
		return nil, err
	}
	s.add(number, p)
	if remember {
		s.remember(p)
	}
	return p, nil
}

// lookUp asks the database. A number that is not found is not there for sure only when the key under which persons are kept
// now was among those that it was looked up under.
func (s *session) lookUp(number ident.SSIN) (*party, error) {
	for {
		keys := s.keys.all()
		lookups := make([]any, len(keys))
		for i, key := range keys {
			lookups[i] = key.of(number.Digits())
		}
		var rows []subjectRow
		if err := s.all(&rows, selectParty+strings.Repeat(`, ?`, len(keys)-1)+fromLookup, lookups...); err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			return nil, s.fail(errors.New("the database has lost its mark"))
		}
		s.marked, s.sourceMark, s.currentKey = true, rows[0].Mark, rows[0].CurrentKey
		if rows[0].ID != 0 {
			return s.partyOf(rows)
		}
		if s.keys.key(s.currentKey) != nil {
			return nil, nil
		}
		if _, err := s.keys.find(s.currentKey); err != nil {
			return nil, s.fail(err)
		}
	}
}

func (s *session) partyOf(rows []subjectRow) (*party, error) {
	p := &party{}
	for i := range rows {
		one, err := s.unseal(rows[i].ID, rows[i].Person, rows[i].Sealed, rows[i].KeyID)
		if err != nil {
			return nil, s.fail(err)
		}
		p.all = append(p.all, one)
		if one.id == one.person {
			p.current = one
		}
	}
	if p.current == nil {
		return nil, s.fail(fmt.Errorf("person %d has lost the newest number", rows[0].Person))
	}
	for _, one := range p.all {
		one.shown = p.current.number
	}
	return p, nil
}

// unseal opens a row of the table subject.
func (s *session) unseal(id, person int64, sealed []byte, keyID string) (*subject, error) {
	key, err := s.keys.find(keyID)
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
	one := &subject{id: id, person: person, key: plain[:personalKeySize]}
	if digits := string(plain[personalKeySize:]); digits != "" {
		if one.number, err = ident.ParseSSIN(digits); err != nil {
			return nil, fmt.Errorf("subject %d: %w", id, err)
		}
	}
	one.shown = one.number
	return one, nil
}

func (k *ringKey) sealSubject(one *subject) []byte {
	plain := append(append(make([]byte, 0, personalKeySize+11), one.key...), one.number.Digits()...)
	return seal(k.aead, plain, subjectPurpose(one.id))
}

func subjectPurpose(id int64) string { return "subject " + strconv.FormatInt(id, 10) }

const selectSubjects = `SELECT a.id, a.person, a.sealed, a.key_id, c.sealed AS shown, c.key_id AS shown_key_id
	FROM subject a JOIN subject c ON c.id = a.person WHERE a.id IN `

// meet reads subjects that rows name.
func (s *session) meet(ids map[int64]bool) error {
	asked := make([]any, 0, len(ids))
	for id := range ids {
		asked = append(asked, id)
	}
	for some := range slices.Chunk(asked, askedAtOnce) {
		list, args := filled(some)
		var rows []subjectRow
		if err := s.all(&rows, selectSubjects+list, args...); err != nil {
			return err
		}
		for i := range rows {
			one, err := s.shownSubject(&rows[i])
			if err != nil {
				return s.fail(err)
			}
			s.addSubject(one)
			if ids[one.id] {
				s.colleagues = append(s.colleagues, one)
			}
		}
	}
	return nil
}

// askedAtOnce bounds a list in a question.
const askedAtOnce = 64

// filled makes a list of parameters for the operator IN. It is filled up to one of three lengths, so that a question has
// few forms.
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

func (s *session) shownSubject(row *subjectRow) (*subject, error) {
	one, err := s.unseal(row.ID, row.Person, row.Sealed, row.KeyID)
	if err != nil || row.Person == row.ID {
		return one, err
	}
	newest, err := s.unseal(row.Person, row.Person, row.Shown, row.ShownKeyID)
	if err != nil {
		return nil, err
	}
	one.shown = newest.number
	return one, nil
}
