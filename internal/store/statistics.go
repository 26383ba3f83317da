package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/openctr/ctr/internal/platform/ident"
)

// Grouping is the criterion by which statistics are grouped.
type Grouping string

// The groupings.
const (
	ByCode     Grouping = "code"     // the UDI-DI for implants without a code
	ByCategory Grouping = "category" // of the device list; empty for implants that are not in it
	ByMonth    Grouping = "month"    // of the surgery
	ByHospital Grouping = "hospital" // the notifying hospital
	ByDelay    Grouping = "delay"    // days between surgery and notification
)

// StatisticsQuery selects notifications by surgery date, and a grouping.
type StatisticsQuery struct {
	GroupBy  Grouping
	From, To ident.Date
}

// Figures are the counts of a group. A notification with lines in several groups counts in each of them.
type Figures struct {
	Group                string
	Name                 string // of the hospital or device
	Implantations        int    // notifications
	Implanted            int    // pieces
	Explantations        int    // notifications
	Explanted            int    // pieces
	Notified             int    // notifications of both types
	Median, Percentile90 int    // percentiles 50 and 90 of the delay, in days
	Late                 int    // notifications more than LateAfterDays days after the surgery
	delayCounts          map[int]int
}

// LateAfterDays is the number of days after which a notification counts as late. It is a basis for comparison, not a
// legal limit.
const LateAfterDays = 30

// Statistics counts the current versions of final notifications. The day of notification is the day of the number, on
// which the notification first became final.
type Statistics struct {
	Groups []Figures
	Total  Figures // counts each notification once
}

type figuresRow struct {
	Group         string `db:"grp"`
	Delay         int    `db:"delay"`
	Notifications int    `db:"notifications"`
	Pieces        int    `db:"pieces"`
}

const dayOfNumber = `substr(n.number, 1, 4) || '-' || substr(n.number, 5, 2) || '-' || substr(n.number, 7, 2)`

// figuresQuery counts one type of notification: piecesSubquery sums the pieces of a notification, linesQuery joins its
// lines with the device list.
type figuresQuery struct {
	notificationType, piecesSubquery, linesQuery string
	addRow                                       func(f *Figures, row figuresRow)
}

func figuresQueries() []figuresQuery {
	const ofDevice = ` LEFT JOIN device d ON d.code = i.code`
	return []figuresQuery{
		{`Implantation`, `SELECT SUM(i.quantity) FROM implant i WHERE i.reference = n.reference AND i.version = n.version`,
			`SUM(i.quantity) AS pieces FROM notification n JOIN implant i ON i.reference = n.reference AND i.version = n.version` + ofDevice,
			func(f *Figures, row figuresRow) {
				f.Implantations += row.Notifications
				f.Implanted += row.Pieces
			}},
		// An implant line may be in several versions of its notification, with the same content: take the newest one.
		{`Explantation`, `SELECT SUM(r.quantity) FROM removal r WHERE r.reference = n.reference AND r.version = n.version`,
			`SUM(r.quantity) AS pieces FROM notification n JOIN removal r ON r.reference = n.reference AND r.version = n.version
			JOIN implant i ON i.id = r.implant_id AND NOT EXISTS (SELECT 1 FROM implant o WHERE o.id = i.id AND o.version > i.version)` + ofDevice,
			func(f *Figures, row figuresRow) {
				f.Explantations += row.Notifications
				f.Explanted += row.Pieces
			}},
	}
}

// Statistics computes the figures. It scans all notifications of the period.
func (db *DB) Statistics(ctx context.Context, q StatisticsQuery) (*Statistics, error) {
	if !slices.Contains(AllGroupings(), q.GroupBy) {
		return nil, fmt.Errorf("there are no figures by %q", q.GroupBy)
	}
	var all *Statistics
	err := db.readTx(ctx, func(tx *tx) error {
		groups, err := tx.queryFigures(q)
		if err != nil {
			return err
		}
		total := groups
		if q.GroupBy == ByCode || q.GroupBy == ByCategory { // one notification may be in several groups
			months := q
			months.GroupBy = ByMonth
			if total, err = tx.queryFigures(months); err != nil {
				return err
			}
		}
		all = &Statistics{Total: sumFigures(total)}
		for _, group := range groups {
			all.Groups = append(all.Groups, *group)
		}
		slices.SortFunc(all.Groups, func(a, b Figures) int {
			return cmp.Or(cmp.Compare(slices.Index(delayGroups(), a.Group), slices.Index(delayGroups(), b.Group)), cmp.Compare(a.Group, b.Group))
		})
		return tx.fillGroupNames(q.GroupBy, all.Groups)
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// AllGroupings returns all groupings.
func AllGroupings() []Grouping {
	return []Grouping{ByCode, ByCategory, ByMonth, ByHospital, ByDelay}
}

// delayGroups returns the names of the groups of ByDelay, ranges of days, as groupExpression assigns them.
func delayGroups() []string { return []string{"0-1", "2-7", "8-30", "31-90", "91-"} }

// groupExpression is the SQL expression for the group of a line.
func (tx *tx) groupExpression(by Grouping) string {
	switch by {
	case ByCode:
		return `CASE WHEN i.code <> '' THEN i.code ELSE i.udi_di END`
	case ByCategory:
		return `COALESCE(d.category, '')`
	case ByHospital:
		return `substr(n.organisation, 1, 8)`
	case ByDelay:
		delay, label := tx.dialect.daysBetween(dayOfNumber, `n.operation_date`), delayGroups()
		return fmt.Sprintf(`CASE WHEN %[1]s <= 1 THEN '%[2]s' WHEN %[1]s <= 7 THEN '%[3]s' WHEN %[1]s <= 30 THEN '%[4]s' `+
			`WHEN %[1]s <= 90 THEN '%[5]s' ELSE '%[6]s' END`, delay, label[0], label[1], label[2], label[3], label[4])
	case ByMonth:
	}
	return `substr(n.operation_date, 1, 7)`
}

func (tx *tx) queryFigures(q StatisticsQuery) (map[string]*Figures, error) {
	groups := make(map[string]*Figures)
	for _, side := range figuresQueries() {
		where := conditions{}
		where.addClause(`n.type = ?`, side.notificationType)
		where.addIfSet(`n.operation_date >= ?`, q.From.String())
		where.addIfSet(`n.operation_date <= ?`, q.To.String())
		perNotification := tx.groupExpression(q.GroupBy) + ` AS grp, ` + tx.dialect.daysBetween(dayOfNumber, `n.operation_date`) + ` AS delay, `
		if q.GroupBy == ByCode || q.GroupBy == ByCategory {
			perNotification += side.linesQuery + ` WHERE ` + where.String() + andInForce + ` GROUP BY n.seq, grp`
		} else {
			perNotification += `(` + side.piecesSubquery + `) AS pieces FROM notification n WHERE ` + where.String() + andInForce
		}
		var rows []figuresRow
		err := tx.selectRows(&rows, `SELECT grp, delay, COUNT(*) AS notifications, CAST(COALESCE(SUM(pieces), 0) AS bigint) AS pieces FROM (SELECT `+
			perNotification+`) AS one GROUP BY grp, delay`, where.args...)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			f := groups[row.Group]
			if f == nil {
				f = &Figures{Group: row.Group, delayCounts: make(map[int]int)}
				groups[row.Group] = f
			}
			side.addRow(f, row)
			f.delayCounts[row.Delay] += row.Notifications
		}
	}
	for _, f := range groups {
		f.computeDelays()
	}
	return groups, nil
}

// sumFigures adds up groups that have no notification in common.
func sumFigures(groups map[string]*Figures) Figures {
	total := Figures{delayCounts: make(map[int]int)}
	for _, f := range groups {
		total.Implantations += f.Implantations
		total.Implanted += f.Implanted
		total.Explantations += f.Explantations
		total.Explanted += f.Explanted
		for delay, n := range f.delayCounts {
			total.delayCounts[delay] += n
		}
	}
	total.computeDelays()
	return total
}

// computeDelays computes the fields that follow from the delays. A percentile is the smallest delay within which at
// least that share of the notifications was made.
func (f *Figures) computeDelays() {
	f.Notified = f.Implantations + f.Explantations
	seen := 0
	medianFound, ninetyFound := false, false
	for _, delay := range slices.Sorted(maps.Keys(f.delayCounts)) {
		seen += f.delayCounts[delay]
		if !medianFound && 2*seen >= f.Notified {
			f.Median, medianFound = delay, true
		}
		if !ninetyFound && 10*seen >= 9*f.Notified {
			f.Percentile90, ninetyFound = delay, true
		}
		if delay > LateAfterDays {
			f.Late += f.delayCounts[delay]
		}
	}
}

// fillGroupNames adds the names of hospitals and devices.
func (tx *tx) fillGroupNames(by Grouping, groups []Figures) error {
	table := map[Grouping]string{ByHospital: `id, name FROM organisation WHERE id IN `, ByCode: `code AS id, name FROM device WHERE code IN `}[by]
	if table == "" {
		return nil
	}
	ids := make(map[string]bool, len(groups))
	for i := range groups {
		ids[groups[i].Group] = true
	}
	names, err := tx.loadNames(table, ids)
	for i := range groups {
		groups[i].Name = names[groups[i].Group]
	}
	return err
}

// loadNames returns names by id. table is the part of a SELECT statement from the columns id and name up to IN.
func (tx *tx) loadNames(table string, ids map[string]bool) (map[string]string, error) {
	names := make(map[string]string, len(ids))
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(ids)), maxListParameters) {
		list, args := paddedInList(toArgs(chunk))
		var rows []struct {
			ID   string `db:"id"`
			Name string `db:"name"`
		}
		if err := tx.selectRows(&rows, `SELECT `+table+list, args...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			names[row.ID] = row.Name
		}
	}
	return names, nil
}
