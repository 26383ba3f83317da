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

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
)

// RecallQuery selects the implants of a recall. Zero fields do not restrict, and an implant must match all others. A
// query needs a product, lots or serial numbers: days alone are not enough.
type RecallQuery struct {
	Code           ident.NotificationCode
	UDIDI          string
	Lots           Range
	Serials        Range
	From           ident.Date // first surgery date
	To             ident.Date // last surgery date
	RevealPatients bool       // include the patients' SSINs and names
}

// Validate reports why a query cannot select a recall.
func (q *RecallQuery) Validate() error {
	if q.Code.IsZero() && q.UDIDI == "" && q.Lots.isZero() && q.Serials.isZero() {
		return errors.New("name what is recalled: a code, a UDI-DI, a lot or a serial number; days alone are not enough")
	}
	if !q.From.IsZero() && !q.To.IsZero() && q.To.Before(q.From) {
		return errors.New("the last day is before the first")
	}
	_, lots := q.Lots.splitByLength()
	_, serials := q.Serials.splitByLength()
	return errors.Join(lots, serials)
}

// RecallResult holds the recalled implants in the current versions of final notifications.
type RecallResult struct {
	// Implanted counts the pieces of implantations in this register: the sum of Explanted and StillImplanted.
	Implanted, Explanted, StillImplanted int
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
	SurgeryDate    ident.Date
	Code           ident.NotificationCode
	UDIDI          string
	Lot, Serial    string
	Quantity       int
	Remaining      int
	Unregistered   bool
	// MatchedByDeviceList says that the line itself lacks the code or UDI-DI of the query; it has another identifier of
	// the same product by the device list.
	MatchedByDeviceList bool
	// Patient is a pseudonym, the same for the same patient in every recall of this register. RevealedPatient is zero
	// unless the query has RevealPatients.
	Patient         string
	RevealedPatient implants.Person

	specialistID, patientID int64
}

type recalledRow struct {
	Line            int    `db:"line"`
	Number          string `db:"number"`
	SurgeryDate     string `db:"operation_date"`
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
	selectRecalled = `SELECT i.line, n.number, n.operation_date, ` +
		`COALESCE((SELECT s.person FROM subject s WHERE s.id = n.specialist), 0) AS specialist, n.specialist_nihii, n.organisation, ` +
		`i.code, i.udi_di, i.lot, i.serial, i.quantity, i.quantity - ` + removedQuantity + ` AS remaining, i.unregistered, ` +
		`p.id AS patient, p.sealed, p.key_id FROM implant i CROSS JOIN notification n CROSS JOIN subject a CROSS JOIN subject p WHERE `
	joinRecalled = ` AND n.reference = i.reference AND n.version = i.version AND a.id = n.patient AND p.id = a.person` + andInForce
)

// productCondition is a condition on the code or the UDI-DI. A line that was notified by code alone has no UDI-DI, and
// one that was notified by UDI-DI has no code when the device list did not contain the UDI-DI yet. So each also finds
// the other through the device list, for lines that state only one of them.
type productCondition struct {
	column, other string
	value         string
	listedValues  []any // the values of the other column that the device list assigns to this one
}

func (tx *tx) productConditions(q *RecallQuery) ([]productCondition, error) {
	var products []productCondition
	for _, p := range []struct {
		product productCondition
		listed  string
	}{
		{productCondition{column: `i.udi_di`, other: `i.code`, value: q.UDIDI}, `SELECT code FROM device_udi WHERE di = ? ORDER BY code`},
		{productCondition{column: `i.code`, other: `i.udi_di`, value: q.Code.Digits()}, `SELECT di FROM device_udi WHERE code = ? ORDER BY di`},
	} {
		if p.product.value == "" {
			continue
		}
		var listed []string
		if err := tx.selectRows(&listed, p.listed, p.product.value); err != nil {
			return nil, err
		}
		p.product.listedValues = toArgs(listed)
		products = append(products, p.product)
	}
	return products, nil
}

// startConditions returns conditions that together find each line of the product once, by an index.
func (p productCondition) startConditions() []conditions {
	starts := make([]conditions, 1, 2)
	starts[0].addClause(p.column+` = ? AND `+p.column+` <> ''`, p.value)
	if len(p.listedValues) > 0 {
		list, args := paddedInList(p.listedValues)
		starts = append(starts, conditions{})
		starts[1].addClause(p.other+` IN `+list+` AND `+p.other+` <> '' AND `+p.column+` = ''`, args...)
	}
	return starts
}

// checkCondition is the same condition, to filter rows that another condition found. Concatenation with the empty
// string makes the index of a column unusable: otherwise SQLite, which only guesses, might start from a product with
// 100,000 lines instead of a lot with 20.
func (p productCondition) checkCondition() (string, []any) {
	text, args := p.column+` || '' = ?`, []any{p.value}
	if len(p.listedValues) == 0 {
		return text, args
	}
	list, listed := paddedInList(p.listedValues)
	return `(` + text + ` OR ` + p.column + ` || '' = '' AND ` + p.other + ` || '' IN ` + list + `)`, append(args, listed...)
}

// Recall finds the recalled implants in one consistent view.
func (db *DB) Recall(ctx context.Context, q RecallQuery) (*RecallResult, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	var recall *RecallResult
	err := db.readTx(ctx, func(tx *tx) error {
		var err error
		recall, err = tx.findRecalled(&q)
		return err
	})
	if err != nil {
		return nil, err
	}
	return recall, nil
}

func (tx *tx) findRecalled(q *RecallQuery) (*RecallResult, error) {
	products, err := tx.productConditions(q)
	if err != nil {
		return nil, err
	}
	starts, err := q.startConditions(products)
	if err != nil {
		return nil, err
	}
	recall, patients := &RecallResult{}, &recallPseudonyms{tx: tx, reveal: q.RevealPatients, made: make(map[int64]string)}
	for _, start := range starts {
		var rows []recalledRow
		err := tx.selectRows(&rows, selectRecalled+start.String()+joinRecalled, append([]any{maxDate}, start.args...)...)
		if err != nil {
			return nil, err
		}
		lines, err := convertRows(tx, rows, "implant", recalledRow.toRecalledLine)
		if err != nil {
			return nil, err
		}
		for i := range lines {
			if !q.Lots.contains(lines[i].Lot) || !q.Serials.contains(lines[i].Serial) {
				continue
			}
			lines[i].MatchedByDeviceList = !q.isStatedBy(&lines[i])
			if lines[i].Patient, err = patients.pseudonymOf(&rows[i]); err != nil {
				return nil, tx.recordError(err)
			}
			recall.Lines = append(recall.Lines, lines[i])
		}
	}
	if err := tx.fillRecalledNames(recall.Lines, q.RevealPatients); err != nil {
		return nil, err
	}
	recall.countTotals()
	slices.SortFunc(recall.Lines, compareRecalledLines)
	return recall, nil
}

func (row recalledRow) toRecalledLine(c *rowConverter) RecalledLine {
	return RecalledLine{Specialist: c.parseNIHII(row.SpecialistNIHII), Hospital: c.parseNIHII(row.Organisation), Number: c.parseNumber(row.Number),
		SurgeryDate: c.parseDate(row.SurgeryDate), Code: c.parseCode(row.Code), UDIDI: row.UDIDI, Lot: row.Lot, Serial: row.Serial,
		Quantity: row.Quantity, Remaining: row.Remaining, Unregistered: row.Unregistered, specialistID: row.Specialist, patientID: row.Patient}
}

// startConditions returns conditions that together find each line once. They start from the most selective criterion:
// serial numbers, then lots, then the product. Their ranges may include texts that Range.contains excludes.
func (q *RecallQuery) startConditions(products []productCondition) ([]conditions, error) {
	var starts []conditions
	for _, among := range []struct {
		column string
		Range
	}{{`i.serial`, q.Serials}, {`i.lot`, q.Lots}} {
		steps, err := among.splitByLength()
		if err != nil {
			return nil, err
		}
		for _, step := range steps {
			text, args := step.columnCondition(among.column)
			starts = append(starts, conditions{[]string{text}, args})
		}
		if len(starts) > 0 {
			break
		}
	}
	if len(starts) == 0 {
		starts, products = products[0].startConditions(), products[1:]
	}
	for i := range starts {
		for _, p := range products {
			text, args := p.checkCondition()
			starts[i].addClause(text, args...)
		}
		starts[i].addIfSet(`n.operation_date >= ?`, q.From.String())
		starts[i].addIfSet(`n.operation_date <= ?`, q.To.String())
	}
	return starts, nil
}

// isStatedBy reports whether the line itself has the code and the UDI-DI of the query.
func (q *RecallQuery) isStatedBy(line *RecalledLine) bool {
	return (q.Code.IsZero() || line.Code == q.Code) && (q.UDIDI == "" || line.UDIDI == q.UDIDI)
}

// recallPseudonyms makes the pseudonyms of the patients of one recall.
type recallPseudonyms struct {
	tx     *tx
	reveal bool
	made   map[int64]string
}

// pseudonymOf derives a patient's pseudonym from their data key, which the database holds in sealed form and which key
// rotation does not change. It takes the database and the key file to attribute a pseudonym; trying all SSINs does not
// help.
func (p *recallPseudonyms) pseudonymOf(row *recalledRow) (string, error) {
	if known, ok := p.made[row.Patient]; ok {
		return known, nil
	}
	patient, err := p.tx.unsealPseudonym(row.Patient, row.Patient, row.Sealed, row.KeyID)
	if err != nil {
		return "", err
	}
	if p.reveal {
		p.tx.addPseudonym(patient)
	}
	hash := hmac.New(sha256.New, patient.dataKey)
	hash.Write([]byte("ctr recall pseudonym"))
	pseudonym := "P-" + base32.StdEncoding.EncodeToString(hash.Sum(nil)[:recallPseudonymSize])
	p.made[row.Patient] = pseudonym
	return pseudonym, nil
}

// recallPseudonymSize is in bytes: 80 bits, or 16 letters and digits, make collisions between patients improbable.
const recallPseudonymSize = 10

// fillRecalledNames adds the names of the specialists, the hospitals and, with reveal, the patients.
func (tx *tx) fillRecalledNames(lines []RecalledLine, reveal bool) error {
	people, hospitals := make(map[int64]bool), make(map[string]bool)
	for i := range lines {
		people[lines[i].specialistID] = true
		hospitals[lines[i].Hospital.Base().Digits()] = true
		if reveal {
			people[lines[i].patientID] = true
		}
	}
	persons, err := tx.loadPersons(people)
	if err != nil {
		return err
	}
	names, err := tx.loadNames(`id, name FROM organisation WHERE id IN `, hospitals)
	if err != nil {
		return err
	}
	for i := range lines {
		specialist := persons[lines[i].specialistID]
		lines[i].SpecialistName = fullName(specialist)
		lines[i].HospitalName = names[lines[i].Hospital.Base().Digits()]
		if reveal {
			lines[i].RevealedPatient = persons[lines[i].patientID]
			// Also for patients without an entry in the national register.
			lines[i].RevealedPatient.SSIN = tx.knownPseudonym(lines[i].patientID).ssin
		}
	}
	return nil
}

func fullName(p implants.Person) string {
	if p.FirstName == "" || p.LastName == "" {
		return p.FirstName + p.LastName
	}
	return p.FirstName + " " + p.LastName
}

func (tx *tx) loadPersons(subjects map[int64]bool) (map[int64]implants.Person, error) {
	found := make(map[int64]implants.Person, len(subjects))
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(subjects)), maxListParameters) {
		list, args := paddedInList(toArgs(chunk))
		var rows []personRow
		if err := tx.selectRows(&rows, `SELECT subject, sealed FROM person WHERE subject IN `+list, args...); err != nil {
			return nil, err
		}
		persons, err := convertRows(tx, rows, "person", personRow.toPerson)
		if err != nil {
			return nil, err
		}
		for i, p := range persons {
			found[rows[i].PseudonymID] = p
		}
	}
	return found, nil
}

func toArgs[T any](values []T) []any {
	args := make([]any, len(values))
	for i, value := range values {
		args[i] = value
	}
	return args
}

func (r *RecallResult) countTotals() {
	patients, specialists := make(map[int64]bool), make(map[int64]bool)
	notifications, hospitals := make(map[ident.NotificationNumber]bool), make(map[ident.NIHII]bool)
	for i := range r.Lines {
		line := &r.Lines[i]
		patients[line.patientID], specialists[line.specialistID], notifications[line.Number] = true, true, true
		if !line.Hospital.IsZero() {
			hospitals[line.Hospital.Base()] = true
		}
		if line.Unregistered {
			r.Unregistered += line.Quantity
			continue
		}
		r.Implanted += line.Quantity
		r.StillImplanted += line.Remaining
	}
	r.Explanted = r.Implanted - r.StillImplanted
	r.Patients, r.Specialists, r.Notifications, r.Hospitals = len(patients), len(specialists), len(notifications), len(hospitals)
}

func compareRecalledLines(a, b RecalledLine) int {
	return cmp.Or(cmp.Compare(a.SpecialistName, b.SpecialistName), cmp.Compare(a.specialistID, b.specialistID),
		a.SurgeryDate.Compare(b.SurgeryDate), cmp.Compare(a.Number.Digits(), b.Number.Digits()),
		cmp.Compare(a.Serial, b.Serial), cmp.Compare(a.Lot, b.Lot), cmp.Compare(a.Code.Digits(), b.Code.Digits()), cmp.Compare(a.Quantity, b.Quantity))
}

// MarkRecalled sets a device's status to recalled from a day on, or lifts the recall when the day is zero, and records
// the event in the same transaction. All nodes see the change at once. It returns false when the device list has no
// such device, or when there is no recall to lift.
func (db *DB) MarkRecalled(ctx context.Context, code ident.NotificationCode, on ident.Date, e implants.AuditEvent) (bool, error) {
	var changed bool
	epoch := rand.Text()
	err := db.writeTx(ctx, func(tx *tx) error {
		statement, args := markRecalled, []any{on.String(), code.Digits()}
		if on.IsZero() {
			statement, args = liftRecall, args[1:]
		}
		n, err := tx.execStatement(statement, args...)
		changed = n > 0
		if err != nil || !changed {
			return err
		}
		if _, err = tx.execStatement(updateCacheEpoch, epoch); err != nil {
			return err
		}
		return txWriter{txReader{tx}}.AppendEvent(e)
	})
	return changed, err
}

// Lifting a recall restores the status that the device list would have.
const (
	markRecalled = `UPDATE device SET status = 'Recalled', recalled_on = ? WHERE code = ?`
	liftRecall   = `UPDATE device SET status = CASE WHEN deleted_on <> '' THEN 'Deleted' ELSE 'Active' END, recalled_on = '' ` +
		`WHERE code = ? AND status = 'Recalled'`
)
