package implants

import (
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
	platformstore "github.com/openctr/ctr/internal/store/platform"
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
	organisation, own := q.Organisation.Base().Digits(), whose.Args[:len(q.Specialists)]
	query := `SELECT n.seq, ` + isOneOf(`w.specialist`, len(own)) + ` AS own, ` +
		platformstore.OptionalAffiliationColumns("a") + ` FROM pending w JOIN notification n ON n.reference = w.reference
		JOIN notification begun ON begun.reference = w.reference AND begun.version = 1
		LEFT JOIN affiliation a ON a.subject = w.specialist AND ` + ofOrganisation + `
		WHERE w.reference IN (` + strings.Join(whose.Clauses, ` UNION `) + `)` + andNewestVersion
	args := slices.Concat(own, rolesOf(organisation), whose.Args)
	if q.State != "" {
		query += ` AND n.state = ?`
		args = append(args, string(q.State))
	}
	shown, err := r.selectShown(query+` ORDER BY begun.seq, n.seq`, args)
	if err != nil {
		return nil, 0, err
	}
	return r.selectSummaries(shown, q.Offset, q.Limit, `(SELECT begun.seq FROM notification begun
		WHERE begun.reference = n.reference AND begun.version = 1)`)
}

// isOneOf is a condition that a column has one of n values.
func isOneOf(column string, n int) string {
	if n == 0 {
		return `(1 = 0)`
	}
	return `(` + column + ` IN ` + engine.InList(n) + `)`
}

// ofOrganisation is the condition that a role is one of a professional of an organisation on the day of surgery. The
// roles that an organisation assigns itself, and its chief access manager, are no professionals.
const ofOrganisation = `a.organisation_base = ? AND a.role NOT IN (?, ?, ?) AND a.valid_from <= n.operation_date
	AND (a.valid_to = '' OR a.valid_to >= n.operation_date)`

func rolesOf(organisation string) []any {
	return []any{organisation, string(platform.RoleAdministrative), string(platform.RoleManager),
		string(platform.RoleChiefManager)}
}

// selectPendingOfOrganisation selects the notifications whose specialist was a professional of an organisation.
const selectPendingOfOrganisation = `SELECT w.reference FROM affiliation a JOIN pending w ON w.specialist = a.subject
	JOIN notification n ON n.reference = w.reference
	WHERE ` + ofOrganisation + andNewestVersion

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
	args := rolesOf(q.Organisation.Base().Digits())
	if q.OnlyBy.IsZero() {
		whose.Add(selectPendingOfOrganisation, args...)
		return whose, nil
	}
	ids, err := r.tx.FindIDs(identity.Professional, q.OnlyBy)
	whose.Add(selectPendingOfOrganisation+` AND a.subject = ?`, append(args, ids[0])...)
	return whose, err
}
