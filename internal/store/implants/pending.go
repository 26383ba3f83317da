package implants

import (
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
)

// ListPending returns a page of pending notifications in the order of their first versions, and their total number.
func (r Reader) ListPending(q implants.PendingQuery) ([]implants.NotificationSummary, int, error) {
	whose, err := r.pendingSelections(q)
	if err != nil {
		return nil, 0, err
	}
	if len(whose.Clauses) == 0 {
		return nil, 0, nil
	}
	tables := ` FROM pending w JOIN notification n ON n.reference = w.reference
		JOIN notification begun ON begun.reference = w.reference AND begun.version = 1
		WHERE w.reference IN (` + strings.Join(whose.Clauses, ` UNION `) + `)` + andNewestVersion
	args := whose.Args
	if q.State != "" {
		tables += ` AND n.state = ?`
		args = append(args, string(q.State))
	}
	var total int
	if _, err = r.tx.SelectRow(&total, `SELECT COUNT(*)`+tables, args...); err != nil {
		return nil, 0, err
	}
	if q.Offset >= total || q.Limit <= 0 {
		return nil, total, nil
	}
	page, err := identity.QueryAll(r.tx, "notification", summaryRow.toSummary, summaryColumns+tables+
		` ORDER BY begun.seq LIMIT ? OFFSET ?`,
		append(args, q.Limit, max(q.Offset, 0))...)
	if err != nil {
		return nil, 0, err
	}
	specialist, err := r.tx.FindPerson(identity.Professional, q.Specialist)
	for i := range page {
		page[i].Own = specialist != nil && page[i].Specialist.SSIN == specialist.Current.CurrentSSIN
	}
	return page, total, err
}

// pendingSelections returns one SELECT of references for each specialist and for the organisation in the query.
func (r Reader) pendingSelections(q implants.PendingQuery) (*engine.Conditions, error) {
	whose := &engine.Conditions{}
	const references = `SELECT reference FROM pending WHERE `
	for _, specialist := range append(slices.Clone(q.MandateGrantors), q.Specialist) {
		person, err := r.tx.FindPerson(identity.Professional, specialist)
		if err != nil {
			return nil, err
		}
		if person != nil {
			whose.Add(references+`specialist = ?`, person.Current.ID)
		}
	}
	whose.AddIfSet(references+`organisation = ?`, q.Organisation.Digits())
	return whose, nil
}
