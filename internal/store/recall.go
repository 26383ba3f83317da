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

// RecallQuery selects the implants of a recall. Zero fields do not restrict, and an implant must match all others. A
// query needs a product, lots or serial numbers: days alone are not enough.
type RecallQuery struct {
	Code    ident.NotificationCode
	UDIDI   string
	Lots    Range
	Serials Range
	From    ident.Date // first surgery date
	To      ident.Date // last surgery date
	Reveal  bool       // include the patients' SSINs and names
}

// Validate reports why a query cannot select a recall.
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

// RecallResult holds the recalled implants in the current versions of final notifications.
type Recall struct {
	// Implanted counts the pieces of implantations in this register: the sum of Explanted and StillImplanted.
	Placed, Removed, InPlace int
	// Unregistered counts pieces that were implanted elsewhere, or before the register existed, and became known by
	// their explantation. The counts above do not include them.
	Unregistered int

	Patients, Notifications, Hospitals, Specialists int

	Lines []RecalledLine // sorted by specialist, then by surgery date
}

// RecalledLine is an implant line of an implantation or, when it is unregistered, of the explantation that declared it.
type RecalledLine struct {
	Specialist     ident.NIHII
	SpecialistName string
	Hospital       ident.NIHII // the notifying hospital
	HospitalName   string
	Number         ident.NotificationNumber
	OperationDate  ident.Date
	Code           ident.NotificationCode
	UDIDI          string
	Lot, Serial    string
	Quantity       int
	Remaining      int
	Unregistered   bool
	// MatchedByDeviceList says that the line itself lacks the code or UDI-DI of the query; it has another identifier of
	// the same product by the device list.
	Listed bool
	// Patient is a pseudonym, the same for the same patient in every recall of this register. RevealedPatient is zero
	// unless the query has RevealPatients.
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

// A recall starts from the implants, which are few, and joins the notification and the patient of each. CROSS JOIN
// prevents SQLite from reordering the tables, because it has no statistics about their sizes. Patient and specialist
// are the current pseudonyms of the persons.
const (
	recalledColumns = `SELECT i.line, n.number, n.operation_date, ` +
		`COALESCE((SELECT s.person FROM subject s WHERE s.id = n.specialist), 0) AS specialist, n.specialist_nihii, n.organisation, ` +
		`i.code, i.udi_di, i.lot, i.serial, i.quantity, i.quantity - ` + removed + ` AS remaining, i.unregistered, ` +
		`p.id AS patient, p.sealed, p.key_id FROM implant i CROSS JOIN notification n CROSS JOIN subject a CROSS JOIN subject p WHERE `
	recalledJoins = ` AND n.reference = i.reference AND n.version = i.version AND a.id = n.patient AND p.id = a.person` + inForce
)

// productCondition is a condition on the code or the UDI-DI. A line that was notified by code alone has no UDI-DI, and
// one that was notified by UDI-DI has no code when the device list did not contain the UDI-DI yet. So each also finds
// the other through the device list, for lines that state only one of them.
type product struct {
	column, other string
	value         string
	listed        []any // the values of the other column that the device list assigns to this one
}

func (tx *session) products(q *RecallQuery) ([]product, error) {
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
		if err := tx.all(&listed, p.listed, p.product.value); err != nil {
			return nil, err
		}
		p.product.listed = asArgs(listed)
		products = append(products, p.product)
	}
	return products, nil
}

// startConditions returns conditions that together find each line of the product once, by an index.
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

// checkCondition is the same condition, to filter rows that another condition found. Concatenation with the empty
// string makes the index of a column unusable: otherwise SQLite, which only guesses, might start from a product with
// 100,000 lines instead of a lot with 20.
func (p product) check() (string, []any) {
	text, args := p.column+` || '' = ?`, []any{p.value}
	if len(p.listed) == 0 {
		return text, args
	}
	list, listed := filled(p.listed)
	return `(` + text + ` OR ` + p.column + ` || '' = '' AND ` + p.other + ` || '' IN ` + list + `)`, append(args, listed...)
}

// Recall finds the recalled implants in one consistent view.
func (db *DB) Recall(ctx context.Context, q RecallQuery) (*Recall, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	var recall *Recall
	err := db.read(ctx, func(tx *session) error {
		var err error
		recall, err = tx.recall(&q)
		return err
	})
	if err != nil {
		return nil, err
	}
	return recall, nil
}

func (tx *session) recall(q *RecallQuery) (*Recall, error) {
	products, err := tx.products(q)
	if err != nil {
		return nil, err
	}
	starts, err := q.starts(products)
	if err != nil {
		return nil, err
	}
	recall, patients := &Recall{}, &pseudonyms{s: tx, reveal: q.Reveal, known: make(map[int64]string)}
	for _, start := range starts {
		var rows []recalledRow
		err := tx.all(&rows, recalledColumns+start.String()+recalledJoins, append([]any{anyDay}, start.args...)...)
		if err != nil {
			return nil, err
		}
		lines, err := each(tx, rows, "implant", recalledRow.line)
		if err != nil {
			return nil, err
		}
		for i := range lines {
			if !q.Lots.contains(lines[i].Lot) || !q.Serials.contains(lines[i].Serial) {
				continue
			}
			lines[i].Listed = !q.isStated(&lines[i])
			if lines[i].Patient, err = patients.of(&rows[i]); err != nil {
				return nil, tx.fail(err)
			}
			recall.Lines = append(recall.Lines, lines[i])
		}
	}
	if err := tx.nameRecalled(recall.Lines, q.Reveal); err != nil {
		return nil, err
	}
	recall.count()
	slices.SortFunc(recall.Lines, compareRecalled)
	return recall, nil
}

func (row recalledRow) line(c *reading) RecalledLine {
	return RecalledLine{Specialist: c.nihii(row.SpecialistNIHII), Hospital: c.nihii(row.Organisation), Number: c.number(row.Number),
		OperationDate: c.date(row.OperationDate), Code: c.code(row.Code), UDIDI: row.UDIDI, Lot: row.Lot, Serial: row.Serial,
		Quantity: row.Quantity, Remaining: row.Remaining, Unregistered: row.Unregistered, specialist: row.Specialist, person: row.Patient}
}

// startConditions returns conditions that together find each line once. They start from the most selective criterion:
// serial numbers, then lots, then the product. Their ranges may include texts that Range.contains excludes.
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

// isStatedBy reports whether the line itself has the code and the UDI-DI of the query.
func (q *RecallQuery) isStated(line *RecalledLine) bool {
	return (q.Code.IsZero() || line.Code == q.Code) && (q.UDIDI == "" || line.UDIDI == q.UDIDI)
}

// recallPseudonyms makes the pseudonyms of the patients of one recall.
type pseudonyms struct {
	s      *session
	reveal bool
	known  map[int64]string
}

// pseudonymOf derives a patient's pseudonym from their data key, which the database holds in sealed form and which key
// rotation does not change. It takes the database and the key file to attribute a pseudonym; trying all SSINs does not
// help.
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

// recallPseudonymSize is in bytes: 80 bits, or 16 letters and digits, make collisions between patients improbable.
const pseudonymSize = 10

// fillRecalledNames adds the names of the specialists, the hospitals and, with reveal, the patients.
func (tx *session) nameRecalled(lines []RecalledLine, reveal bool) error {
	people, hospitals := make(map[int64]bool), make(map[string]bool)
	for i := range lines {
		people[lines[i].specialist] = true
		hospitals[lines[i].Hospital.Base().Digits()] = true
		if reveal {
			people[lines[i].person] = true
		}
	}
	persons, err := tx.namesOf(people)
	if err != nil {
		return err
	}
	names, err := tx.names(`id, name FROM organisation WHERE id IN `, hospitals)
	if err != nil {
		return err
	}
	for i := range lines {
		specialist := persons[lines[i].specialist]
		lines[i].SpecialistName = fullName(specialist)
		lines[i].HospitalName = names[lines[i].Hospital.Base().Digits()]
		if reveal {
			lines[i].Revealed = persons[lines[i].person]
			// Also for patients without an entry in the national register.
			lines[i].Revealed.SSIN = tx.subject(lines[i].person).number
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

func (tx *session) namesOf(subjects map[int64]bool) (map[int64]register.Person, error) {
	found := make(map[int64]register.Person, len(subjects))
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(subjects)), askedAtOnce) {
		list, args := filled(asArgs(chunk))
		var rows []personRow
		if err := tx.all(&rows, `SELECT subject, sealed FROM person WHERE subject IN `+list, args...); err != nil {
			return nil, err
		}
		persons, err := each(tx, rows, "person", personRow.person)
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

// MarkRecalled sets a device's status to recalled from a day on, or lifts the recall when the day is zero, and records
// the event in the same transaction. All nodes see the change at once. It returns false when the device list has no
// such device, or when there is no recall to lift.
func (db *DB) MarkRecalled(ctx context.Context, code ident.NotificationCode, on ident.Date, e register.AuditEvent) (bool, error) {
	var changed bool
	epoch := rand.Text()
	err := db.write(ctx, func(tx *session) error {
		statement, args := markRecalled, []any{on.String(), code.Digits()}
		if on.IsZero() {
			statement, args = liftRecall, args[1:]
		}
		n, err := tx.exec(statement, args...)
		changed = n > 0
		if err != nil || !changed {
			return err
		}
		if _, err = tx.exec(updateMark, epoch); err != nil {
			return err
		}
		return update{view{tx}}.AppendEvent(e)
	})
	return changed, err
}

// Lifting a recall restores the status that the device list would have.
const (
	markRecalled = `UPDATE device SET status = 'Recalled', recalled_on = ? WHERE code = ?`
	liftRecall   = `UPDATE device SET status = CASE WHEN deleted_on <> '' THEN 'Deleted' ELSE 'Active' END, recalled_on = '' ` +
		`WHERE code = ? AND status = 'Recalled'`
)
