package store

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"maps"
	"slices"

	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

// RecallQuery says which implants a recall is about. Zero fields do not restrict, and all that is given must hold. It takes
// a product, lots or serial numbers: days alone are no recall.
type RecallQuery struct {
	Code    ident.NotificationCode
	UDIDI   string
	Lots    Range
	Serials Range
	From    ident.Date // of the operation
	To      ident.Date
	Reveal  bool // with the patients' numbers and names
}

// Check refuses what no recall can be about.
func (q *RecallQuery) Check() error {
	if q.Code.IsZero() && q.UDIDI == "" && q.Lots.isZero() && q.Serials.isZero() {
		return errors.New("name what is recalled: a code, a UDI-DI, a lot or a serial number; days alone are not enough")
	}
	if !q.From.IsZero() && !q.To.IsZero() && q.To.Before(q.From) {
		return errors.New("the last day is before the first")
	}
	_, lots := q.Lots.steps()
	_, serials := q.Serials.steps()
	return errors.Join(lots, serials)
}

// Recall is what the register holds of what is recalled: what stands in the current version of a final notification.
type Recall struct {
	// Placed are pieces that notifications of this register placed, of which some were Removed since and the others are
	// still InPlace.
	Placed, Removed, InPlace int
	// Unregistered are pieces that were placed elsewhere, or before the register, and became known when they were removed.
	// They count in none of the above.
	Unregistered int

	Patients, Notifications, Hospitals, Specialists int

	Lines []RecalledLine // by specialist, and then in the order of the operations
}

// RecalledLine is a line of implants, as the notification that placed it has it; or, when it is unregistered, the one that
// removed it.
type RecalledLine struct {
	Specialist     ident.NIHII
	SpecialistName string
	Hospital       ident.NIHII // that notified
	HospitalName   string
	Number         ident.NotificationNumber
	OperationDate  ident.Date
	Code           ident.NotificationCode
	UDIDI          string
	Lot, Serial    string
	Quantity       int
	Remaining      int
	Unregistered   bool
	// Listed says that the line itself does not state the code or the UDI-DI that is asked for: the device list tells that
	// what it states instead belongs to it.
	Listed bool
	// Patient is a pseudonym: the same for the same patient in the whole register, whatever is asked. Revealed is who the
	// patient is, and zero unless it was asked for.
	Patient  string
	Revealed register.Person

	specialist, person int64
}

type recalledRow struct {
	Line            int    `db:"line"`
	Number          string `db:"number"`
	OperationDate   string `db:"operation_date"`
	Specialist      int64  `db:"specialist"`
	SpecialistNIHII string `db:"specialist_nihii"`
	Organisation    string `db:"organisation"`
	Code            string `db:"code"`
	UDIDI           string `db:"udi_di"`
	Lot             string `db:"lot"`
	Serial          string `db:"serial"`
	Quantity        int    `db:"quantity"`
	Remaining       int    `db:"remaining"`
	Unregistered    bool   `db:"unregistered"`
	Patient         int64  `db:"patient"`
	Sealed          []byte `db:"sealed"`
	KeyID           string `db:"key_id"`
}

// A recall starts from the implants, of which there are few, and goes from each of them to its notification and to its
// patient: CROSS JOIN keeps SQLite from turning that round, which knows nothing of how many there are. Patient and
// specialist are the subjects with the persons' newest numbers.
const (
	recalledColumns = `SELECT i.line, n.number, n.operation_date, ` +
		`COALESCE((SELECT s.person FROM subject s WHERE s.id = n.specialist), 0) AS specialist, n.specialist_nihii, n.organisation, ` +
		`i.code, i.udi_di, i.lot, i.serial, i.quantity, i.quantity - ` + removed + ` AS remaining, i.unregistered, ` +
		`p.id AS patient, p.sealed, p.key_id FROM implant i CROSS JOIN notification n CROSS JOIN subject a CROSS JOIN subject p WHERE `
	recalledJoins = ` AND n.reference = i.reference AND n.version = i.version AND a.id = n.patient AND p.id = a.person` + inForce
)

// product is a condition for a code or a UDI-DI. Who notified by code alone gave no UDI-DI, and who notified by UDI-DI may have
// done so before the device list knew it. So each finds the other through the list, where a line states only one of them.
type product struct {
	column, other string
	value         string
	listed        []any // what the list says belongs to it
}

func (s *session) products(q *RecallQuery) ([]product, error) {
	var products []product
	for _, p := range []struct {
		product product
		listed  string
	}{
		{product{column: `i.udi_di`, other: `i.code`, value: q.UDIDI}, `SELECT code FROM device_udi WHERE di = ? ORDER BY code`},
		{product{column: `i.code`, other: `i.udi_di`, value: q.Code.Digits()}, `SELECT di FROM device_udi WHERE code = ? ORDER BY di`},
	} {
		if p.product.value == "" {
			continue
		}
		var listed []string
		if err := s.all(&listed, p.listed, p.product.value); err != nil {
			return nil, err
		}
		p.product.listed = asArgs(listed)
		products = append(products, p.product)
	}
	return products, nil
}

// starts find every line of the product once, by an index.
func (p product) starts() []conditions {
	starts := make([]conditions, 1, 2)
	starts[0].add(p.column+` = ? AND `+p.column+` <> ''`, p.value)
	if len(p.listed) > 0 {
		list, args := filled(p.listed)
		starts = append(starts, conditions{})
		starts[1].add(p.other+` IN `+list+` AND `+p.other+` <> '' AND `+p.column+` = ''`, args...)
	}
	return starts
}

// check is the same as a check of a row. Joined to the empty text, a column has no index: SQLite, which guesses, might
// otherwise start from a product of which there are a hundred thousand, when there are twenty of the lot.
func (p product) check() (string, []any) {
	text, args := p.column+` || '' = ?`, []any{p.value}
	if len(p.listed) == 0 {
		return text, args
	}
	list, listed := filled(p.listed)
	return `(` + text + ` OR ` + p.column + ` || '' = '' AND ` + p.other + ` || '' IN ` + list + `)`, append(args, listed...)
}

// Recall finds what is recalled. It is one consistent view.
func (db *DB) Recall(ctx context.Context, q RecallQuery) (*Recall, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	var recall *Recall
	err := db.read(ctx, func(s *session) error {
		var err error
		recall, err = s.recall(&q)
		return err
	})
	if err != nil {
		return nil, err
	}
	return recall, nil
}

func (s *session) recall(q *RecallQuery) (*Recall, error) {
	products, err := s.products(q)
	if err != nil {
		return nil, err
	}
	starts, err := q.starts(products)
	if err != nil {
		return nil, err
	}
	recall, patients := &Recall{}, &pseudonyms{s: s, reveal: q.Reveal, known: make(map[int64]string)}
	for _, start := range starts {
		var rows []recalledRow
		err := s.all(&rows, recalledColumns+start.String()+recalledJoins, append([]any{anyDay}, start.args...)...)
		if err != nil {
			return nil, err
		}
		lines, err := each(s, rows, "implant", recalledRow.line)
		if err != nil {
			return nil, err
		}
		for i := range lines {
			if !q.Lots.contains(lines[i].Lot) || !q.Serials.contains(lines[i].Serial) {
				continue
			}
			lines[i].Listed = !q.isStated(&lines[i])
			if lines[i].Patient, err = patients.of(&rows[i]); err != nil {
				return nil, s.fail(err)
			}
			recall.Lines = append(recall.Lines, lines[i])
		}
	}
	if err := s.nameRecalled(recall.Lines, q.Reveal); err != nil {
		return nil, err
	}
	recall.count()
	slices.SortFunc(recall.Lines, compareRecalled)
	return recall, nil
}

func (row recalledRow) line(r *reading) RecalledLine {
	return RecalledLine{Specialist: r.nihii(row.SpecialistNIHII), Hospital: r.nihii(row.Organisation), Number: r.number(row.Number),
		OperationDate: r.date(row.OperationDate), Code: r.code(row.Code), UDIDI: row.UDIDI, Lot: row.Lot, Serial: row.Serial,
		Quantity: row.Quantity, Remaining: row.Remaining, Unregistered: row.Unregistered, specialist: row.Specialist, person: row.Patient}
}

// starts are conditions that together find every line once. They start from what there is least of: serial numbers, then
// lots, then a product. The ranges are coarser here than what they contain.
func (q *RecallQuery) starts(products []product) ([]conditions, error) {
	var starts []conditions
	for _, among := range []struct {
		column string
		Range
	}{{`i.serial`, q.Serials}, {`i.lot`, q.Lots}} {
		steps, err := among.steps()
		if err != nil {
			return nil, err
		}
		for _, step := range steps {
			text, args := step.in(among.column)
			starts = append(starts, conditions{[]string{text}, args})
		}
		if len(starts) > 0 {
			break
		}
	}
	if len(starts) == 0 {
		starts, products = products[0].starts(), products[1:]
	}
	for i := range starts {
		for _, p := range products {
			text, args := p.check()
			starts[i].add(text, args...)
		}
		starts[i].addGiven(`n.operation_date >= ?`, q.From.String())
		starts[i].addGiven(`n.operation_date <= ?`, q.To.String())
	}
	return starts, nil
}

// isStated reports whether the line itself states the product that is asked for.
func (q *RecallQuery) isStated(line *RecalledLine) bool {
	return (q.Code.IsZero() || line.Code == q.Code) && (q.UDIDI == "" || line.UDIDI == q.UDIDI)
}

// pseudonyms are those of the patients of one recall.
type pseudonyms struct {
	s      *session
	reveal bool
	known  map[int64]string
}

// of makes a pseudonym with the patient's own key, which stands sealed in the database and which no change of the key file
// changes. Without both nobody can tell whose a pseudonym is, not even by trying every number.
func (p *pseudonyms) of(row *recalledRow) (string, error) {
	if known, ok := p.known[row.Patient]; ok {
		return known, nil
	}
	patient, err := p.s.unseal(row.Patient, row.Patient, row.Sealed, row.KeyID)
	if err != nil {
		return "", err
	}
	if p.reveal {
		p.s.addSubject(patient)
	}
	hash := hmac.New(sha256.New, patient.key)
	hash.Write([]byte("ctr recall pseudonym"))
	pseudonym := "P-" + base32.StdEncoding.EncodeToString(hash.Sum(nil)[:pseudonymSize])
	p.known[row.Patient] = pseudonym
	return pseudonym, nil
}

// pseudonymSize is long enough that no two patients share one: 80 bits, 16 letters and digits.
const pseudonymSize = 10

// nameRecalled looks up who the specialists, the hospitals and, if asked for, the patients are.
func (s *session) nameRecalled(lines []RecalledLine, reveal bool) error {
	people, hospitals := make(map[int64]bool), make(map[string]bool)
	for i := range lines {
		people[lines[i].specialist] = true
		hospitals[lines[i].Hospital.Base().Digits()] = true
		if reveal {
			people[lines[i].person] = true
		}
	}
	persons, err := s.namesOf(people)
	if err != nil {
		return err
	}
	names, err := s.names(`id, name FROM organisation WHERE id IN `, hospitals)
	if err != nil {
		return err
	}
	for i := range lines {
		specialist := persons[lines[i].specialist]
		lines[i].SpecialistName = fullName(specialist)
		lines[i].HospitalName = names[lines[i].Hospital.Base().Digits()]
		if reveal {
			lines[i].Revealed = persons[lines[i].person]
			lines[i].Revealed.SSIN = s.subject(lines[i].person).number // also of those of whom the sources say nothing
		}
	}
	return nil
}

func fullName(p register.Person) string {
	if p.FirstName == "" || p.LastName == "" {
		return p.FirstName + p.LastName
	}
	return p.FirstName + " " + p.LastName
}

func (s *session) namesOf(subjects map[int64]bool) (map[int64]register.Person, error) {
	found := make(map[int64]register.Person, len(subjects))
	for some := range slices.Chunk(slices.Sorted(maps.Keys(subjects)), askedAtOnce) {
		list, args := filled(asArgs(some))
		var rows []personRow
		if err := s.all(&rows, `SELECT subject, sealed FROM person WHERE subject IN `+list, args...); err != nil {
			return nil, err
		}
		persons, err := each(s, rows, "person", personRow.person)
		if err != nil {
			return nil, err
		}
		for i, p := range persons {
			found[rows[i].Subject] = p
		}
	}
	return found, nil
}

func asArgs[T any](values []T) []any {
	args := make([]any, len(values))
	for i, value := range values {
		args[i] = value
	}
	return args
}

func (r *Recall) count() {
	patients, specialists := make(map[int64]bool), make(map[int64]bool)
	notifications, hospitals := make(map[ident.NotificationNumber]bool), make(map[ident.NIHII]bool)
	for i := range r.Lines {
		line := &r.Lines[i]
		patients[line.person], specialists[line.specialist], notifications[line.Number] = true, true, true
		if !line.Hospital.IsZero() {
			hospitals[line.Hospital.Base()] = true
		}
		if line.Unregistered {
			r.Unregistered += line.Quantity
			continue
		}
		r.Placed += line.Quantity
		r.InPlace += line.Remaining
	}
	r.Removed = r.Placed - r.InPlace
	r.Patients, r.Specialists, r.Notifications, r.Hospitals = len(patients), len(specialists), len(notifications), len(hospitals)
}

func compareRecalled(a, b RecalledLine) int {
	return cmp.Or(cmp.Compare(a.SpecialistName, b.SpecialistName), cmp.Compare(a.specialist, b.specialist),
		a.OperationDate.Compare(b.OperationDate), cmp.Compare(a.Number.Digits(), b.Number.Digits()),
		cmp.Compare(a.Serial, b.Serial), cmp.Compare(a.Lot, b.Lot), cmp.Compare(a.Code.Digits(), b.Code.Digits()), cmp.Compare(a.Quantity, b.Quantity))
}

// MarkRecalled marks a device recalled from a day on, or lifts the mark when there is no day, and records the event in the same
// transaction. Every node warns accordingly from then on. It reports false when the list has no such device, or when there
// is no mark to lift.
func (db *DB) MarkRecalled(ctx context.Context, code ident.NotificationCode, on ident.Date, e register.Event) (bool, error) {
	var changed bool
	mark := rand.Text()
	err := db.write(ctx, func(s *session) error {
		statement, args := markRecalled, []any{on.String(), code.Digits()}
		if on.IsZero() {
			statement, args = liftRecall, args[1:]
		}
		n, err := s.exec(statement, args...)
		changed = n > 0
		if err != nil || !changed {
			return err
		}
		if _, err = s.exec(updateMark, mark); err != nil {
			return err
		}
		return update{view{s}}.Record(e)
	})
	return changed, err
}

// When the mark is lifted, the list says again what it would have said.
const (
	markRecalled = `UPDATE device SET status = 'Recalled', recalled_on = ? WHERE code = ?`
	liftRecall   = `UPDATE device SET status = CASE WHEN deleted_on <> '' THEN 'Deleted' ELSE 'Active' END, recalled_on = '' ` +
		`WHERE code = ? AND status = 'Recalled'`
)
