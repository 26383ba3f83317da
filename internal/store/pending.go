package store

import (
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
)

// ListPending returns a page of pending notifications in the order of their first versions, and their total number.
func (r txReader) ListPending(q implants.PendingQuery) ([]implants.NotificationSummary, int, error) {
	whose, err := r.pendingSelections(q)
	if err != nil {
		return nil, 0, err
	}
	if len(whose.clauses) == 0 {
		return nil, 0, nil
	}
	tables := ` FROM pending w JOIN notification n ON n.reference = w.reference
		JOIN notification begun ON begun.reference = w.reference AND begun.version = 1
		WHERE w.reference IN (` + strings.Join(whose.clauses, ` UNION `) + `)` + andNewestVersion
	args := whose.args
	if q.State != "" {
		tables += ` AND n.state = ?`
		args = append(args, string(q.State))
	}
	var total int
	if _, err = r.tx.selectRow(&total, `SELECT COUNT(*)`+tables, args...); err != nil {
		return nil, 0, err
	}
	if q.Offset >= total || q.Limit <= 0 {
		return nil, total, nil
	}
	page, err := queryAll(r.tx, "notification", summaryRow.toSummary, summaryColumns+tables+` ORDER BY begun.seq LIMIT ? OFFSET ?`,
		append(args, q.Limit, max(q.Offset, 0))...)
	if err != nil {
		return nil, 0, err
	}
	specialist, err := r.tx.findPerson(q.Specialist)
	for i := range page {
		page[i].Own = specialist != nil && page[i].Specialist.SSIN == specialist.current.currentSSIN
	}
	return page, total, err
}

// pendingSelections returns one SELECT of references for each person and for the organisation in the query.
func (r txReader) pendingSelections(q implants.PendingQuery) (*conditions, error) {
	whose := &conditions{}
	const references = `SELECT reference FROM pending WHERE `
	add := func(column string, person ident.SSIN) error {
		p, err := r.tx.findPerson(person)
		if err == nil && p != nil {
			whose.addClause(references+column+` = ?`, p.current.id)
		}
		return err
	}
	for _, specialist := range append(slices.Clone(q.MandateGrantors), q.Specialist) {
		if err := add(`specialist`, specialist); err != nil {
			return nil, err
		}
	}
	whose.addIfSet(references+`organisation = ?`, q.Organisation.Digits())
	return whose, add(`author`, q.Author)
}
