package implants

import (
	"context"
	"encoding/base32"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
	platformstore "github.com/openctr/ctr/internal/store/platform"
)

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
		`COALESCE((SELECT s.person FROM subject s WHERE s.id = n.specialist), 0) AS specialist, n.specialist_nihii, ` +
		`n.organisation, ` +
		`i.code, i.udi_di, i.lot, i.serial, i.quantity, i.quantity - ` + removedQuantity + ` AS remaining, i.unregistered, ` +
		`p.id AS patient, p.sealed, p.key_id FROM implant i CROSS JOIN notification n CROSS JOIN subject a ` +
		`CROSS JOIN subject p WHERE `
	joinRecalled = ` AND n.reference = i.reference AND n.version = i.version AND a.id = n.patient AND p.id = a.person` +
		andInForce
)

// productCondition is a condition on the code or the UDI-DI. A line that was notified by code alone has no UDI-DI, and
// one that was notified by UDI-DI has no code when the device list did not contain the UDI-DI yet. So each also finds
// the other through the device list, for lines that state only one of them.
type productCondition struct {
	column, other string
	value         string
	listedValues  []any // the values of the other column that the device list assigns to this one
}

func productConditions(tx *identity.Tx, q *implants.RecallQuery) ([]productCondition, error) {
	var products []productCondition
	for _, p := range []struct {
		product productCondition
		listed  string
	}{
		{productCondition{column: `i.udi_di`, other: `i.code`, value: q.UDIDI},
			`SELECT code FROM device_udi WHERE di = ? ORDER BY code`},
		{productCondition{column: `i.code`, other: `i.udi_di`, value: q.Code.Digits()},
			`SELECT di FROM device_udi WHERE code = ? ORDER BY di`},
	} {
		if p.product.value == "" {
			continue
		}
		var listed []string
		if err := tx.SelectRows(&listed, p.listed, p.product.value); err != nil {
			return nil, err
		}
		p.product.listedValues = engine.ToArgs(listed)
		products = append(products, p.product)
	}
	return products, nil
}

// startConditions returns conditions that together find each line of the product once, by an index.
func (p productCondition) startConditions() []engine.Conditions {
	starts := make([]engine.Conditions, 1, 2)
	starts[0].Add(p.column+` = ? AND `+p.column+` <> ''`, p.value)
	if len(p.listedValues) > 0 {
		list, args := engine.PaddedInList(p.listedValues)
		starts = append(starts, engine.Conditions{})
		starts[1].Add(p.other+` IN `+list+` AND `+p.other+` <> '' AND `+p.column+` = ''`, args...)
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
	list, listed := engine.PaddedInList(p.listedValues)
	return `(` + text + ` OR ` + p.column + ` || '' = '' AND ` + p.other + ` || '' IN ` + list + `)`,
		append(args, listed...)
}

// Recall finds the recalled implants in one consistent view.
func (s Register) Recall(ctx context.Context, q implants.RecallQuery) (*implants.RecallResult, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	var recall *implants.RecallResult
	err := s.db.Read(ctx, func(tx *identity.Tx) error {
		var err error
		recall, err = findRecalled(tx, &q)
		return err
	})
	if err != nil {
		return nil, err
	}
	return recall, nil
}

func findRecalled(tx *identity.Tx, q *implants.RecallQuery) (*implants.RecallResult, error) {
	products, err := productConditions(tx, q)
	if err != nil {
		return nil, err
	}
	starts, err := recallConditions(q, products)
	if err != nil {
		return nil, err
	}
	var found []implants.RecalledLine
	patients := &recallPseudonyms{tx: tx, reveal: q.RevealPatients, made: make(map[int64]string)}
	for _, start := range starts {
		var rows []recalledRow
		err := tx.SelectRows(
			&rows,
			selectRecalled+start.String()+joinRecalled,
			append([]any{maxDate}, start.Args...)...)
		if err != nil {
			return nil, err
		}
		lines, err := identity.ConvertRows(tx, rows, "implant", recalledRow.toRecalledLine)
		if err != nil {
			return nil, err
		}
		for i := range lines {
			if !q.Lots.Contains(lines[i].Lot) || !q.Serials.Contains(lines[i].Serial) {
				continue
			}
			lines[i].MatchedByDeviceList = !q.IsStatedBy(&lines[i])
			if lines[i].Patient, err = patients.pseudonymOf(&rows[i]); err != nil {
				return nil, tx.RecordError(err)
			}
			found = append(found, lines[i])
		}
	}
	if err := fillRecalledNames(tx, found, q.RevealPatients); err != nil {
		return nil, err
	}
	return implants.NewRecallResult(found), nil
}

func (row recalledRow) toRecalledLine(c *identity.Converter) implants.RecalledLine {
	return implants.RecalledLine{
		Specialist:    c.ParseNIHII(row.SpecialistNIHII),
		Hospital:      c.ParseNIHII(row.Organisation),
		Number:        c.ParseNumber(row.Number),
		SurgeryDate:   c.ParseDate(row.SurgeryDate),
		Code:          c.ParseCode(row.Code),
		UDIDI:         row.UDIDI,
		Lot:           row.Lot,
		Serial:        row.Serial,
		Quantity:      row.Quantity,
		Remaining:     row.Remaining,
		Unregistered:  row.Unregistered,
		SpecialistKey: row.Specialist,
		PatientKey:    row.Patient,
	}
}

// recallConditions returns conditions that together find each line once. They start from the most selective criterion:
// serial numbers, then lots, then the product. Their ranges may include texts that Range.Contains excludes.
func recallConditions(q *implants.RecallQuery, products []productCondition) ([]engine.Conditions, error) {
	var starts []engine.Conditions
	for _, among := range []struct {
		column string
		implants.Range
	}{{`i.serial`, q.Serials}, {`i.lot`, q.Lots}} {
		steps, err := among.SplitByLength()
		if err != nil {
			return nil, err
		}
		for _, step := range steps {
			text, args := rangeCondition(among.column, step)
			starts = append(starts, engine.Conditions{Clauses: []string{text}, Args: args})
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
			starts[i].Add(text, args...)
		}
		starts[i].AddIfSet(`n.operation_date >= ?`, q.From.String())
		starts[i].AddIfSet(`n.operation_date <= ?`, q.To.String())
	}
	return starts, nil
}

// recallPseudonyms makes the pseudonyms of the patients of one recall.
type recallPseudonyms struct {
	tx     *identity.Tx
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
	patient, err := p.tx.UnsealCurrent(row.Patient, row.Sealed, row.KeyID)
	if err != nil {
		return "", err
	}
	if p.reveal {
		p.tx.Remember(patient)
	}
	pseudonym := "P-" + base32.StdEncoding.EncodeToString(patient.DeriveID("ctr recall pseudonym", recallPseudonymSize))
	p.made[row.Patient] = pseudonym
	return pseudonym, nil
}

// recallPseudonymSize is in bytes: 80 bits, or 16 letters and digits, make collisions between patients improbable.
const recallPseudonymSize = 10

// rangeCondition is a condition on a column that can use its index. Both ends must have the same length.
func rangeCondition(column string, r implants.Range) (string, []any) {
	if r.From == r.To {
		return column + ` = ? AND ` + column + ` <> ''`, []any{r.From}
	}
	return column + ` >= ? AND ` + column + ` <= ? AND ` + column + ` <> '' AND length(` + column + `) = ?`,
		[]any{r.From, r.To, utf8.RuneCountInString(r.From)}
}

// fillRecalledNames adds the names of the specialists, the hospitals and, with reveal, the patients.
func fillRecalledNames(tx *identity.Tx, lines []implants.RecalledLine, reveal bool) error {
	specialists, patients, hospitals := make(map[int64]bool), make(map[int64]bool), make(map[string]bool)
	for i := range lines {
		specialists[lines[i].SpecialistKey] = true
		hospitals[lines[i].Hospital.Base().Digits()] = true
		if reveal {
			patients[lines[i].PatientKey] = true
		}
	}
	professionals, err := platformstore.LoadProfessionals(tx, specialists)
	if err != nil {
		return err
	}
	persons, err := platformstore.LoadPersons(tx, patients)
	if err != nil {
		return err
	}
	names, err := loadNames(tx, `id, name FROM organisation WHERE id IN `, hospitals)
	if err != nil {
		return err
	}
	for i := range lines {
		lines[i].SpecialistName = fullName(professionals[lines[i].SpecialistKey])
		lines[i].HospitalName = names[lines[i].Hospital.Base().Digits()]
		if reveal {
			lines[i].RevealedPatient = persons[lines[i].PatientKey]
			// Also for patients without an entry in the national register.
			lines[i].RevealedPatient.SSIN = tx.KnownPseudonym(lines[i].PatientKey).SSIN
		}
	}
	return nil
}

func fullName(p platform.Person) string {
	if p.FirstName == "" || p.LastName == "" {
		return p.FirstName + p.LastName
	}
	return p.FirstName + " " + p.LastName
}

// MarkRecalled sets a device's status to recalled from a day on, or lifts the recall when the day is zero, and records
// the event in the same transaction. All nodes see the change at once. It returns false when the device list has no
// such device, or when there is no recall to lift.
func (s Register) MarkRecalled(ctx context.Context, code ident.NotificationCode, on ident.Date,
	e platform.AuditEvent) (bool, error) {
	var changed bool
	err := s.db.Write(ctx, func(tx *identity.Tx) error {
		statement, args := markRecalled, []any{on.String(), code.Digits()}
		if on.IsZero() {
			statement, args = liftRecall, args[1:]
		}
		n, err := tx.ExecStatement(statement, args...)
		changed = n > 0
		if err != nil || !changed {
			return err
		}
		if err = tx.InvalidateCache(); err != nil {
			return err
		}
		return platformstore.NewWriter(tx).AppendEvent(e)
	})
	return changed, err
}

// Lifting a recall restores the status that the device list would have.
const (
	markRecalled = `UPDATE device SET status = 'Recalled', recalled_on = ? WHERE code = ?`
	liftRecall   = `UPDATE device SET status = CASE WHEN deleted_on <> '' THEN 'Deleted' ELSE 'Active' END, ` +
		`recalled_on = '' ` +
		`WHERE code = ? AND status = 'Recalled'`
)
