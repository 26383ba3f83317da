package implants

import (
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/udi"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
	platformstore "github.com/openctr/ctr/internal/store/platform"
)

// SearchNotifications returns a page of the notifications that are or were final, in the order in which they first
// became final, and their total number.
func (r Reader) SearchNotifications(q implants.NotificationQuery) ([]implants.NotificationSummary, int, error) {
	where, err := r.searchConditions(q)
	if err != nil {
		return nil, 0, err
	}
	if !q.TreatedBy.IsZero() {
		return r.searchTreated(q, where)
	}
	var total int
	if _, err = r.tx.SelectRow(&total, `SELECT COUNT(*) FROM notification n WHERE `+where.String()+andNewestVersion,
		where.Args...); err != nil {
		return nil, 0, err
	}
	if q.Offset >= total || q.Limit <= 0 {
		return nil, total, nil
	}
	page, err := identity.QueryAll(r.tx, "notification", summaryRow.toSummary, summaryColumns+` FROM notification n
		WHERE `+where.String()+andNewestVersion+` ORDER BY `+registrationOrder+` LIMIT ? OFFSET ?`,
		append(where.Args, q.Limit, max(q.Offset, 0))...)
	return page, total, err
}

// foundVersion is a version that a search or a list may show, beside a row that gives the right to see it; there is a
// row for each of them.
type foundVersion struct {
	Seq   int64                            `db:"seq"`
	IsOwn bool                             `db:"own"`
	Link  platformstore.TherapeuticLinkRow `db:"l"`
	Role  platformstore.AffiliationRow     `db:"a"`
}

// shownSeqs returns the versions that may be shown, in their order: a right counts if its seal is good.
func shownSeqs(c *identity.Converter, found []foundVersion) []any {
	var shown []any
	last := int64(-1)
	for _, row := range found {
		if row.Seq != last && (row.IsOwn || row.Link.Patient != 0 && c.IsSealed(row.Link) ||
			row.Role.Subject != 0 && c.IsSealed(row.Role)) {
			shown, last = append(shown, row.Seq), row.Seq
		}
	}
	return shown
}

// selectShown reads which versions may be shown.
func (r Reader) selectShown(query string, args []any) (shown []any, err error) {
	var found []foundVersion
	if err = r.tx.SelectRows(&found, query, args...); err != nil {
		return nil, err
	}
	err = r.tx.ConvertStored("notification", func(c *identity.Converter) { shown = shownSeqs(c, found) })
	return shown, err
}

// selectSummaries reads the summaries of a page of versions.
func (r Reader) selectSummaries(shown []any, offset, limit int, order string,
) ([]implants.NotificationSummary, int, error) {
	total := len(shown)
	if offset >= total || limit <= 0 {
		return nil, total, nil
	}
	page := shown[max(offset, 0):]
	list, args := engine.PaddedInList(page[:min(limit, len(page))])
	summaries, err := identity.QueryAll(r.tx, "notification", summaryRow.toSummary, summaryColumns+` FROM notification n`+
		` WHERE n.seq IN `+list+` ORDER BY `+order, args...)
	return summaries, total, err
}

// searchTreated searches among the own notifications of a professional and those of patients with a relation. It counts
// the relations whose seal is good, and so reads which versions it finds before it reads a page of them.
func (r Reader) searchTreated(q implants.NotificationQuery, where *engine.Conditions,
) ([]implants.NotificationSummary, int, error) {
	ids, err := r.tx.FindIDs(identity.Professional, q.TreatedBy)
	if err != nil {
		return nil, 0, err
	}
	day := q.TreatedOn.String()
	shown, err := r.selectShown(`SELECT n.seq, n.specialist IN `+engine.InList(len(ids))+` AS own, `+
		platformstore.OptionalLinkColumns("l")+` FROM notification n LEFT JOIN subject s ON s.id = n.patient
		LEFT JOIN therapeutic_link l ON l.patient = s.person AND `+inCare+` WHERE `+where.String()+andNewestVersion+
		` ORDER BY `+registrationOrder+`, n.seq`,
		slices.Concat(engine.ToArgs(ids), []any{ids[0], day, day}, where.Args))
	if err != nil {
		return nil, 0, err
	}
	return r.selectSummaries(shown, q.Offset, q.Limit, registrationOrder)
}

const summaryColumns = `SELECT n.reference, n.version, n.number, n.type, n.operation_date, n.patient, n.specialist, ` +
	`n.specialist_nihii, n.state, CASE n.type WHEN 'Explantation' ` +
	`THEN (SELECT COUNT(*) FROM removal r WHERE r.reference = n.reference AND r.version = n.version) ` +
	`ELSE (SELECT COUNT(*) FROM implant i WHERE i.reference = n.reference AND i.version = n.version) END AS line_count`

// searchConditions builds the WHERE clause of a search. Only notifications with a number can be found.
//
// The engines start from one condition and check the others row by row, so the cost of a search depends on where it
// starts. A product may be in very many patients, while the number of a professional's patients is limited, and a
// serial number or a lot is in few patients. The complete UDI has no index, because every index slows each
// notification: a search by UDI is always restricted to the caller's own patients. Each condition is therefore written
// either as a set to start from or as a check of a row, depending on the others.
func (r Reader) searchConditions(q implants.NotificationQuery) (*engine.Conditions, error) {
	where := &engine.Conditions{}
	where.Add(`n.number <> ''`)
	where.AddIfSet(`n.number = ?`, q.Number.Digits())
	for _, person := range []struct {
		purpose identity.Purpose
		number  ident.SSIN
		column  string
	}{{identity.Patient, q.Patient, `n.patient`}, {identity.Professional, q.Specialist, `n.specialist`}} {
		if person.number.IsZero() {
			continue
		}
		if err := r.addPerson(where, person.column, person.purpose, person.number); err != nil {
			return nil, err
		}
	}
	if !q.From.IsZero() {
		where.Add(`n.operation_date >= ?`, q.From.String())
	}
	if !q.To.IsZero() {
		where.Add(`n.operation_date <= ?`, q.To.String())
	}
	where.AddIfSet(`n.type = ?`, string(q.Type))

	few := q.Serial != "" || q.Lot != ""
	named := !q.Number.IsZero() || !q.Patient.IsZero() || !q.Specialist.IsZero()
	if !q.TreatedBy.IsZero() {
		ids, err := r.tx.FindIDs(identity.Professional, q.TreatedBy)
		if err != nil {
			return nil, err
		}
		addPatientsOf(where, ids, q.TreatedOn.String(), few || named)
	}
	addImplant(where, q, !few && (named || !q.TreatedBy.IsZero()))
	return where, nil
}

const inCare = `l.professional = ? AND l.valid_from <= ? AND (l.valid_to = '' OR l.valid_to >= ?)`

// addPatientsOf restricts to a professional's own notifications and to those of patients with a therapeutic link on the
// day. Therapeutic links refer to current pseudonyms, notifications to any pseudonym of a person. With checked, the
// condition checks a row instead of being a set to start from.
func addPatientsOf(c *engine.Conditions, professionalIDs []int64, day string, checked bool) {
	own := `.specialist IN ` + engine.InList(len(professionalIDs))
	text := `(n` + own + ` OR EXISTS (SELECT 1 FROM subject a JOIN therapeutic_link l ON l.patient = a.person
		WHERE a.id = n.patient AND ` + inCare + `))`
	if !checked {
		text = `n.seq IN (SELECT own.seq FROM notification own WHERE own` + own + `
			UNION SELECT p.seq FROM therapeutic_link l JOIN subject a ON a.person = l.patient
			JOIN notification p ON p.patient = a.id WHERE ` + inCare + `)`
	}
	c.Add(text, slices.Concat(engine.ToArgs(professionalIDs), []any{professionalIDs[0], day, day})...)
}

// addImplant restricts to notifications that implanted or removed an implant that matches all implant criteria
// together.
func addImplant(c *engine.Conditions, q implants.NotificationQuery, checked bool) {
	var alternatives []string
	var args []any
	for _, implant := range []*engine.Conditions{implantConditions(q), unreadImplantConditions(q)} {
		if len(implant.Clauses) == 0 {
			continue
		}
		condition := implant.String()
		text := `SELECT p.seq FROM implant i JOIN notification p ON p.reference = i.reference
		AND p.version = i.version
		WHERE ` + condition + ` UNION SELECT p.seq FROM implant i JOIN removal r ON r.implant_id = i.id
		JOIN notification p ON p.reference = r.reference AND p.version = r.version WHERE ` + condition
		if checked {
			text = `EXISTS (SELECT 1 FROM implant i WHERE i.reference = n.reference AND i.version = n.version
			AND ` + condition + `)
			OR EXISTS (SELECT 1 FROM removal r JOIN implant i ON i.id = r.implant_id
			WHERE r.reference = n.reference AND r.version = n.version AND ` + condition + `)`
		}
		alternatives = append(alternatives, text)
		args = slices.Concat(args, implant.Args, implant.Args)
	}
	switch {
	case len(alternatives) == 0:
	case checked:
		c.Add(`(`+strings.Join(alternatives, ` OR `)+`)`, args...)
	default:
		c.Add(`n.seq IN (`+strings.Join(alternatives, ` UNION `)+`)`, args...)
	}
}

func implantConditions(q implants.NotificationQuery) *engine.Conditions {
	implant := &engine.Conditions{}
	implant.AddIfSet(`i.code = ? AND i.code <> ''`, q.Code.Digits())
	implant.AddIfSet(`i.udi = ? AND i.udi <> ''`, q.UDI)
	if len(q.UDIDIs) > 0 {
		list, readings := engine.PaddedInList(engine.ToArgs(q.UDIDIs))
		implant.Add(`i.udi_di IN `+list+` AND i.udi_di <> ''`, readings...)
	}
	implant.AddIfSet(LotKey+` = ? AND i.lot <> ''`, udi.MatchKey(q.Lot))
	implant.AddIfSet(SerialKey+` = ? AND i.serial <> ''`, udi.MatchKey(q.Serial))
	return implant
}

// unreadImplantConditions finds implants whose UDI had no device identifier when they were notified, and so gave no lot
// and serial number either. Their UDI must contain what is searched for.
func unreadImplantConditions(q implants.NotificationQuery) *engine.Conditions {
	implant := &engine.Conditions{}
	if len(q.UDIDIs) == 0 {
		return implant
	}
	implant.Add(`i.udi_di = '' AND i.udi <> ''`)
	implant.AddIfSet(`i.code = ? AND i.code <> ''`, q.Code.Digits())
	var readings []string
	for _, di := range q.UDIDIs {
		readings = append(readings, `i.udi LIKE ? ESCAPE '\'`)
		implant.Args = append(implant.Args, likeContains(strings.TrimLeft(di, "0")))
	}
	implant.Add(`(` + strings.Join(readings, ` OR `) + `)`)
	for _, number := range []struct{ column, key, value string }{
		{`i.lot`, LotKey, udi.MatchKey(q.Lot)}, {`i.serial`, SerialKey, udi.MatchKey(q.Serial)},
	} {
		if number.value != "" {
			implant.Add(`(`+number.key+` = ? OR `+number.column+` = '' AND i.udi LIKE ? ESCAPE '\')`,
				number.value, likeContains(number.value))
		}
	}
	return implant
}
