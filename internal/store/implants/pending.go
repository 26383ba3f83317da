package implants

import (
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
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
	return page, total, err
}

// selectPendingOfOrganisation selects the notifications whose specialist was a professional of an organisation on the
// day of surgery. The roles that an organisation assigns itself, and its chief access manager, are no professionals.
const selectPendingOfOrganisation = `SELECT w.reference FROM affiliation a JOIN pending w ON w.specialist = a.subject
	JOIN notification n ON n.reference = w.reference
	WHERE a.organisation_base = ? AND a.role NOT IN (?, ?, ?) AND a.valid_from <= n.operation_date
	AND (a.valid_to = '' OR a.valid_to >= n.operation_date)` + andNewestVersion

// pendingSelections returns one SELECT of references for each specialist and for the organisation in the query.
func (r Reader) pendingSelections(q implants.PendingQuery) (*engine.Conditions, error) {
	whose := &engine.Conditions{}
	for _, specialist := range q.Specialists {
		ids, err := r.tx.FindIDs(identity.Professional, specialist)
		if err != nil {
			return nil, err
		}
		whose.Add(`SELECT reference FROM pending WHERE specialist = ?`, ids[0])
	}
	if q.Organisation.IsZero() {
		return whose, nil
	}
	args := []any{q.Organisation.Base().Digits(), string(platform.RoleAdministrative), string(platform.RoleManager),
		string(platform.RoleChiefManager)}
	if q.OnlyBy.IsZero() {
		whose.Add(selectPendingOfOrganisation, args...)
		return whose, nil
	}
	ids, err := r.tx.FindIDs(identity.Professional, q.OnlyBy)
	whose.Add(selectPendingOfOrganisation+` AND a.subject = ?`, append(args, ids[0])...)
	return whose, err
}
