package tracing

import (
	"cmp"
	"context"
	"encoding/base32"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/udi"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
	implantstore "github.com/openctr/ctr/internal/store/implants"
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
	UDI             string `db:"udi"`
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
		`i.code, i.udi, i.udi_di, i.lot, i.serial, i.quantity, ` +
		`i.quantity - ` + implantstore.RemovedQuantity + ` AS remaining, i.unregistered, ` +
		`p.id AS patient, p.sealed, p.key_id FROM implant i CROSS JOIN notification n CROSS JOIN subject a ` +
		`CROSS JOIN subject p WHERE `
	joinRecalled = ` AND n.reference = i.reference AND n.version = i.version AND a.id = n.patient AND p.id = a.person` +
		implantstore.AndInForce
)

// productCondition is a condition on the code or the UDI-DI. A line that was notified by code alone has no UDI-DI, and
// one that was notified by UDI-DI has no code when the device list did not contain the UDI-DI yet. So each also finds
// the other through the device list, for lines that state only one of them.
type productCondition struct {
	column, other string
	values        []string // one of them
	listedValues  []string // the values of the other column that the device list assigns to these
}

func productConditions(tx *identity.Tx, q *implants.RecallQuery) ([]productCondition, error) {
	readings, err := q.DeviceIdentifiers()
	if err != nil {
		return nil, err
	}
	byDI := productCondition{column: `i.udi_di`, other: `i.code`, values: readings}
	byCode := productCondition{column: `i.code`, other: `i.udi_di`}
	if !q.Code.IsZero() {
		byCode.values = []string{q.Code.Digits()}
	}
	var products []productCondition
	for _, p := range []struct {
		product        productCondition
		listed, column string
	}{{byDI, `code`, `di`}, {byCode, `di`, `code`}} {
		if len(p.product.values) == 0 {
			continue
		}
		list, args := engine.PaddedInList(engine.ToArgs(p.product.values))
		err := tx.SelectRows(&p.product.listedValues, `SELECT DISTINCT `+p.listed+` FROM device_udi WHERE `+p.column+
			` IN `+list+` ORDER BY `+p.listed, args...)
		if err != nil {
			return nil, err
		}
		products = append(products, p.product)
	}
	return products, nil
}

// contains is the same condition for a line whose code and device identifier are known.
func (p productCondition) contains(line *implants.RecalledLine) bool {
	own, other := p.valuesOf(line)
	return slices.Contains(p.values, own) || own == "" && slices.Contains(p.listedValues, other)
}

// isStatedBy reports whether the line itself has the code or the device identifier of the condition.
func (p productCondition) isStatedBy(line *implants.RecalledLine) bool {
	own, _ := p.valuesOf(line)
	return slices.Contains(p.values, own)
}

func (p productCondition) valuesOf(line *implants.RecalledLine) (own, other string) {
	if p.column == `i.code` {
		return line.Code.Digits(), line.UDIDI
	}
	return line.UDIDI, line.Code.Digits()
}

// startConditions returns conditions that together find each line of the product once, by an index.
func (p productCondition) startConditions() []engine.Conditions {
	starts := make([]engine.Conditions, 1, 2)
	list, args := engine.PaddedInList(engine.ToArgs(p.values))
	starts[0].Add(p.column+` IN `+list+` AND `+p.column+` <> ''`, args...)
	if len(p.listedValues) > 0 {
		list, args := engine.PaddedInList(engine.ToArgs(p.listedValues))
		starts = append(starts, engine.Conditions{})
		starts[1].Add(p.other+` IN `+list+` AND `+p.other+` <> '' AND `+p.column+` = ''`, args...)
	}
	return starts
}

// checkCondition is the same condition, to filter rows that another condition found. Concatenation with the empty
// string makes the index of a column unusable: otherwise SQLite, which only guesses, might start from a product with
// 100,000 lines instead of a lot with 20.
func (p productCondition) checkCondition() (string, []any) {
	own, args := engine.PaddedInList(engine.ToArgs(p.values))
	text := p.column + ` || '' IN ` + own
	if len(p.listedValues) == 0 {
		return text, args
	}
	list, listed := engine.PaddedInList(engine.ToArgs(p.listedValues))
	return `(` + text + ` OR ` + p.column + ` || '' = '' AND ` + p.other + ` || '' IN ` + list + `)`,
		append(args, listed...)
}

// Recall finds the recalled implants in one consistent view.
func (s Reports) Recall(ctx context.Context, q implants.RecallQuery) (*implants.RecallResult, error) {
	return s.RecallAtMost(ctx, q, math.MaxInt)
}

// RecallAtMost is Recall with bounded memory: it fails with platform.ErrTooLarge if an index finds more lines.
func (s Reports) RecallAtMost(
	ctx context.Context, q implants.RecallQuery, limit int,
) (*implants.RecallResult, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	var recall *implants.RecallResult
	err := s.db.Read(ctx, func(tx *identity.Tx) error {
		var err error
		recall, err = findRecalled(tx, &q, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return recall, nil
}

func findRecalled(tx *identity.Tx, q *implants.RecallQuery, limit int) (*implants.RecallResult, error) {
	products, err := productConditions(tx, q)
	if err != nil {
		return nil, err
	}
	starts, err := recallConditions(q, products)
	if err != nil {
		return nil, err
	}
	search := &recallSearch{
		tx: tx, query: q, products: products, lots: q.Lots.Normalize(), serials: q.Serials.Normalize(),
		found:    make(map[lineKey]bool),
		limit:    limit,
		patients: &recallPseudonyms{tx: tx, reveal: q.RevealPatients, made: make(map[int64]string)},
	}
	for _, start := range append(starts, unreadConditions(q)) {
		if err := search.addLines(start); err != nil {
			return nil, err
		}
	}
	if err := fillRecalledNames(tx, search.lines, q.RevealPatients); err != nil {
		return nil, err
	}
	return implants.NewRecallResult(search.lines), nil
}

// recallSearch collects the lines of a recall.
type recallSearch struct {
	tx            *identity.Tx
	query         *implants.RecallQuery
	products      []productCondition
	lots, serials implants.Range
	lines         []implants.RecalledLine
	found         map[lineKey]bool
	limit         int // of lines; what is read is bounded by it too
	patients      *recallPseudonyms
}

// lineKey identifies a line of a notification in force.
type lineKey struct {
	number string
	line   int
}

// addLines adds the lines that a condition finds and the query selects. A UDI that had no device identifier when it was
// notified is read again: later versions of this program understand more.
func (s *recallSearch) addLines(start engine.Conditions) error {
	var rows []recalledRow
	args, most := append([]any{implantstore.MaxDate}, start.Args...), ""
	if s.limit < math.MaxInt {
		args, most = append(args, s.limit+1), ` LIMIT ?`
	}
	err := s.tx.SelectRows(&rows, selectRecalled+start.String()+joinRecalled+most, args...)
	if err != nil {
		return err
	}
	if len(rows) > s.limit || len(s.lines)+len(rows) > s.limit {
		return platform.ErrTooLarge
	}
	lines, err := identity.ConvertRows(s.tx, rows, "implant", recalledRow.toRecalledLine)
	if err != nil {
		return err
	}
	for i := range lines {
		line, key := &lines[i], lineKey{rows[i].Number, rows[i].Line}
		if rows[i].UDIDI == "" && rows[i].UDI != "" {
			read, _ := udi.Parse(rows[i].UDI)
			line.UDIDI, line.Lot, line.Serial = read.DI, cmp.Or(line.Lot, read.Lot), cmp.Or(line.Serial, read.Serial)
		}
		if s.found[key] || !s.selects(line) {
			continue
		}
		s.found[key] = true
		line.MatchedByDeviceList = slices.ContainsFunc(s.products, func(p productCondition) bool {
			return !p.isStatedBy(line)
		})
		if line.Patient, err = s.patients.pseudonymOf(&rows[i]); err != nil {
			return s.tx.RecordError(err)
		}
		s.lines = append(s.lines, *line)
	}
	return nil
}

// selects reports whether the query selects a line.
func (s *recallSearch) selects(line *implants.RecalledLine) bool {
	return s.lots.Contains(udi.MatchKey(line.Lot)) && s.serials.Contains(udi.MatchKey(line.Serial)) &&
		!slices.ContainsFunc(s.products, func(p productCondition) bool { return !p.contains(line) })
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
	}{{`i.serial`, q.Serials.Normalize()}, {`i.lot`, q.Lots.Normalize()}} {
		steps, err := among.SplitByLength()
		if err != nil {
			return nil, err
		}
		for _, step := range steps {
			starts = append(starts, numberConditions(among.column, step)...)
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
		addPeriod(&starts[i], q)
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

// numberConditions returns conditions on a lot or serial number that can use its index. Both ends of the range must
// have the same length.
//
// Earlier versions read <GS> as part of a lot, and joined what followed to it. Such a lot is found by its beginning.
func numberConditions(column string, r implants.Range) []engine.Conditions {
	key := implantstore.LotKey
	if column == `i.serial` {
		key = implantstore.SerialKey
	}
	conditions := make([]engine.Conditions, 1, 2)
	if r.From != r.To {
		conditions[0].Add(key+` >= ? AND `+key+` <= ? AND `+column+` <> '' AND length(`+key+`) = ?`,
			r.From, r.To, utf8.RuneCountInString(r.From))
		return conditions
	}
	conditions[0].Add(key+` = ? AND `+column+` <> ''`, r.From)
	conditions = append(conditions, engine.Conditions{})
	conditions[1].Add(key+` > ? AND `+key+` < ? AND `+column+` <> ''`, r.From+"<", r.From+"=")
	return conditions
}

// unreadConditions finds the lines whose UDI had no device identifier when they were notified. The query is checked
// once the UDI is read again.
func unreadConditions(q *implants.RecallQuery) engine.Conditions {
	var conditions engine.Conditions
	conditions.Add(`i.udi_di = '' AND i.udi <> ''`)
	addPeriod(&conditions, q)
	return conditions
}

func addPeriod(conditions *engine.Conditions, q *implants.RecallQuery) {
	conditions.AddIfSet(`n.operation_date >= ?`, q.From.String())
	conditions.AddIfSet(`n.operation_date <= ?`, q.To.String())
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
		specialist := professionals[lines[i].SpecialistKey]
		lines[i].SpecialistKey, lines[i].SpecialistName = specialist.Key, fullName(specialist.Person)
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
func (s Reports) MarkRecalled(ctx context.Context, code ident.NotificationCode, on ident.Date,
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
