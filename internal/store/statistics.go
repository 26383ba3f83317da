package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/openctr/ctr/internal/register/ident"
)

// Grouping is what figures are given for.
type Grouping string

// The groupings.
const (
	ByCode     Grouping = "code"     // or the UDI-DI of what has no code
	ByCategory Grouping = "category" // of the device list; empty for what the list does not know
	ByMonth    Grouping = "month"    // of the operation
	ByHospital Grouping = "hospital" // that notified
	ByDelay    Grouping = "delay"    // days between operation and notification
)

// StatisticsQuery says which figures are asked for, by the days of the operations.
type StatisticsQuery struct {
	By       Grouping
	From, To ident.Date
}

// Figures are the figures of a group. A notification that has lines in several groups counts in each of them.
type Figures struct {
	Group          string
	Name           string // of a hospital or a device
	Implantations  int    // notifications
	Placed         int    // pieces
	Explantations  int    // notifications
	Removed        int    // pieces
	Notified       int    // notifications of both types, each once
	Median, Ninety int    // days within which half and nine tenths of them were notified after their operations
	Late           int    // notified more than LateAfter days after the operation
	delays         map[int]int
}

// LateAfter is the number of days after which a notification counts as late. No law says so: it is what is compared.
const LateAfter = 30

// Statistics are figures of what counts: current versions of final notifications. The notification of an operation is the
// day of the number, on which it first became final.
type Statistics struct {
	Groups []Figures
	Total  Figures // in which each notification counts once
}

type figuresRow struct {
	Group         string `db:"grp"`
	Delay         int    `db:"delay"`
	Notifications int    `db:"notifications"`
	Pieces        int    `db:"pieces"`
}

const numberDay = `substr(n.number, 1, 4) || '-' || substr(n.number, 5, 2) || '-' || substr(n.number, 7, 2)`

// side is one type of notification: how its pieces are added up, and its lines with what the device list says of them.
type side struct {
	kind, sum, lines string
	add              func(f *Figures, row figuresRow)
}

func sides() []side {
	const ofDevice = ` LEFT JOIN device d ON d.code = i.code`
	return []side{
		{`Implantation`, `SELECT SUM(i.quantity) FROM implant i WHERE i.reference = n.reference AND i.version = n.version`,
			`SUM(i.quantity) AS pieces FROM notification n JOIN implant i ON i.reference = n.reference AND i.version = n.version` + ofDevice,
			func(f *Figures, row figuresRow) {
				f.Implantations += row.Notifications
				f.Placed += row.Pieces
			}},
		// An implant line stands in several versions of its notification, and means the same in each.
		{`Explantation`, `SELECT SUM(r.quantity) FROM removal r WHERE r.reference = n.reference AND r.version = n.version`,
			`SUM(r.quantity) AS pieces FROM notification n JOIN removal r ON r.reference = n.reference AND r.version = n.version
			JOIN implant i ON i.id = r.implant_id AND NOT EXISTS (SELECT 1 FROM implant o WHERE o.id = i.id AND o.version > i.version)` + ofDevice,
			func(f *Figures, row figuresRow) {
				f.Explantations += row.Notifications
				f.Removed += row.Pieces
			}},
	}
}

// Statistics reads the figures. It reads all notifications of the period.
func (db *DB) Statistics(ctx context.Context, q StatisticsQuery) (*Statistics, error) {
	if !slices.Contains(Groupings(), q.By) {
		return nil, fmt.Errorf("there are no figures by %q", q.By)
	}
	var all *Statistics
	err := db.read(ctx, func(s *session) error {
		groups, err := s.figures(q)
		if err != nil {
			return err
		}
		total := groups
		if q.By == ByCode || q.By == ByCategory { // where a notification may stand in several groups
			months := q
			months.By = ByMonth
			if total, err = s.figures(months); err != nil {
				return err
			}
		}
		all = &Statistics{Total: sum(total)}
		for _, group := range groups {
			all.Groups = append(all.Groups, *group)
		}
		slices.SortFunc(all.Groups, func(a, b Figures) int {
			return cmp.Or(cmp.Compare(slices.Index(delays(), a.Group), slices.Index(delays(), b.Group)), cmp.Compare(a.Group, b.Group))
		})
		return s.nameGroups(q.By, all.Groups)
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Groupings are all groupings.
func Groupings() []Grouping {
	return []Grouping{ByCode, ByCategory, ByMonth, ByHospital, ByDelay}
}

// delays are the groups of days between operation and notification, and groupOf makes them.
func delays() []string { return []string{"0-1", "2-7", "8-30", "31-90", "91-"} }

// groupOf is the expression that tells the group of a line.
func (s *session) groupOf(by Grouping) string {
	switch by {
	case ByCode:
		return `CASE WHEN i.code <> '' THEN i.code ELSE i.udi_di END`
	case ByCategory:
		return `COALESCE(d.category, '')`
	case ByHospital:
		return `substr(n.organisation, 1, 8)`
	case ByDelay:
		delay, label := s.dialect.days(numberDay, `n.operation_date`), delays()
		return fmt.Sprintf(`CASE WHEN %[1]s <= 1 THEN '%[2]s' WHEN %[1]s <= 7 THEN '%[3]s' WHEN %[1]s <= 30 THEN '%[4]s' `+
			`WHEN %[1]s <= 90 THEN '%[5]s' ELSE '%[6]s' END`, delay, label[0], label[1], label[2], label[3], label[4])
	case ByMonth:
	}
	return `substr(n.operation_date, 1, 7)`
}

func (s *session) figures(q StatisticsQuery) (map[string]*Figures, error) {
	groups := make(map[string]*Figures)
	for _, side := range sides() {
		where := conditions{}
		where.add(`n.type = ?`, side.kind)
		where.addGiven(`n.operation_date >= ?`, q.From.String())
		where.addGiven(`n.operation_date <= ?`, q.To.String())
		one := s.groupOf(q.By) + ` AS grp, ` + s.dialect.days(numberDay, `n.operation_date`) + ` AS delay, `
		if q.By == ByCode || q.By == ByCategory {
			one += side.lines + ` WHERE ` + where.String() + inForce + ` GROUP BY n.seq, grp`
		} else {
			one += `(` + side.sum + `) AS pieces FROM notification n WHERE ` + where.String() + inForce
		}
		var rows []figuresRow
		err := s.all(&rows, `SELECT grp, delay, COUNT(*) AS notifications, CAST(COALESCE(SUM(pieces), 0) AS bigint) AS pieces FROM (SELECT `+
			one+`) AS one GROUP BY grp, delay`, where.args...)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			f := groups[row.Group]
			if f == nil {
				f = &Figures{Group: row.Group, delays: make(map[int]int)}
				groups[row.Group] = f
			}
			side.add(f, row)
			f.delays[row.Delay] += row.Notifications
		}
	}
	for _, f := range groups {
		f.settle()
	}
	return groups, nil
}

// sum adds up groups of which no two have the same notification.
func sum(groups map[string]*Figures) Figures {
	total := Figures{delays: make(map[int]int)}
	for _, f := range groups {
		total.Implantations += f.Implantations
		total.Placed += f.Placed
		total.Explantations += f.Explantations
		total.Removed += f.Removed
		for delay, n := range f.delays {
			total.delays[delay] += n
		}
	}
	total.settle()
	return total
}

// settle computes what follows from the delays. A quantile is the least delay within which at least that part of the
// notifications came.
func (f *Figures) settle() {
	f.Notified = f.Implantations + f.Explantations
	seen := 0
	medianFound, ninetyFound := false, false
	for _, delay := range slices.Sorted(maps.Keys(f.delays)) {
		seen += f.delays[delay]
		if !medianFound && 2*seen >= f.Notified {
			f.Median, medianFound = delay, true
		}
		if !ninetyFound && 10*seen >= 9*f.Notified {
			f.Ninety, ninetyFound = delay, true
		}
		if delay > LateAfter {
			f.Late += f.delays[delay]
		}
	}
}

// nameGroups names hospitals and devices.
func (s *session) nameGroups(by Grouping, groups []Figures) error {
	table := map[Grouping]string{ByHospital: `id, name FROM organisation WHERE id IN `, ByCode: `code AS id, name FROM device WHERE code IN `}[by]
	if table == "" {
		return nil
	}
	ids := make(map[string]bool, len(groups))
	for i := range groups {
		ids[groups[i].Group] = true
	}
	names, err := s.names(table, ids)
	for i := range groups {
		groups[i].Name = names[groups[i].Group]
	}
	return err
}

// names finds names by identifiers.
func (s *session) names(table string, ids map[string]bool) (map[string]string, error) {
	names := make(map[string]string, len(ids))
	for some := range slices.Chunk(slices.Sorted(maps.Keys(ids)), askedAtOnce) {
		list, args := filled(asArgs(some))
		var rows []struct {
			ID   string `db:"id"`
			Name string `db:"name"`
		}
		if err := s.all(&rows, `SELECT `+table+list, args...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			names[row.ID] = row.Name
		}
	}
	return names, nil
}
