package store

import (
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

// ListPending returns a page of pending notifications in the order of their first versions, and their total number.
func (r view) ListPending(q register.PendingQuery) ([]register.NotificationSummary, int, error) {
	whose, err := r.pendingFor(q)
	if err != nil {
		return nil, 0, err
	}
	if len(whose.texts) == 0 {
		return nil, 0, nil
	}
	tables := ` FROM pending w JOIN notification n ON n.reference = w.reference
		JOIN notification begun ON begun.reference = w.reference AND begun.version = 1
		WHERE w.reference IN (` + strings.Join(whose.texts, ` UNION `) + `)` + current
	args := whose.args
	if q.State != "" {
		tables += ` AND n.state = ?`
		args = append(args, string(q.State))
	}
	var total int
	if _, err = r.s.get(&total, `SELECT COUNT(*)`+tables, args...); err != nil {
		return nil, 0, err
	}
	if q.Offset >= total || q.Limit <= 0 {
		return nil, total, nil
	}
	page, err := many(r.s, "notification", summaryRow.summary, summaryColumns+tables+` ORDER BY begun.seq LIMIT ? OFFSET ?`,
		append(args, q.Limit, max(q.Offset, 0))...)
	if err != nil {
		return nil, 0, err
	}
	specialist, err := r.s.person(q.Specialist)
	for i := range page {
		page[i].Own = specialist != nil && page[i].Specialist.SSIN == specialist.current.shown
	}
	return page, total, err
}

// pendingSelections returns one SELECT of references for each person and for the organisation in the query.
func (r view) pendingFor(q register.PendingQuery) (*conditions, error) {
	whose := &conditions{}
	const references = `SELECT reference FROM pending WHERE `
	add := func(column string, person ident.SSIN) error {
		p, err := r.s.person(person)
		if err == nil && p != nil {
			whose.add(references+column+` = ?`, p.current.id)
		}
		return err
	}
	for _, specialist := range append(slices.Clone(q.MandateGrantors), q.Specialist) {
		if err := add(`specialist`, specialist); err != nil {
			return nil, err
		}
	}
	whose.addGiven(references+`organisation = ?`, q.Organisation.Digits())
	return whose, add(`author`, q.Author)
}
