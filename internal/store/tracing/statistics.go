package tracing

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
	implantstore "github.com/openctr/ctr/internal/store/implants"
)

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
	addRow                                       func(f *implants.Figures, row figuresRow)
}

func figuresQueries() []figuresQuery {
	const ofDevice = ` LEFT JOIN device d ON d.code = i.code`
	return []figuresQuery{
		{
			`Implantation`,
			`SELECT SUM(i.quantity) FROM implant i WHERE i.reference = n.reference AND i.version = n.version`,
			`SUM(i.quantity) AS pieces FROM notification n JOIN implant i ` +
				`ON i.reference = n.reference AND i.version = n.version` + ofDevice,
			func(f *implants.Figures, row figuresRow) {
				f.Implantations += row.Notifications
				f.Implanted += row.Pieces
			},
		},
		// An implant line may be in several versions of its notification, with the same content: take the newest one.
		{
			`Explantation`,
			`SELECT SUM(r.quantity) FROM removal r WHERE r.reference = n.reference AND r.version = n.version`,
			`SUM(r.quantity) AS pieces FROM notification n JOIN removal r ON r.reference = n.reference AND r.version = n.version
			JOIN implant i ON i.id = r.implant_id AND NOT EXISTS (SELECT 1 FROM implant o WHERE o.id = i.id AND 
			o.version > i.version)` + ofDevice,
			func(f *implants.Figures, row figuresRow) {
				f.Explantations += row.Notifications
				f.Explanted += row.Pieces
			},
		},
	}
}

// Statistics computes the figures. It scans all notifications of the period.
func (s Reports) Statistics(ctx context.Context, q implants.StatisticsQuery) (*implants.Statistics, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	var all *implants.Statistics
	err := s.db.Read(ctx, func(tx *identity.Tx) error {
		groups, err := queryFigures(tx, q)
		if err != nil {
			return err
		}
		disjoint := groups
		if q.GroupBy == implants.ByCode ||
			q.GroupBy == implants.ByCategory { // one notification may be in several groups
			months := q
			months.GroupBy = implants.ByMonth
			if disjoint, err = queryFigures(tx, months); err != nil {
				return err
			}
		}
		all = implants.NewStatistics(groups, disjoint)
		return fillGroupNames(tx, q.GroupBy, all.Groups)
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// groupExpression is the SQL expression for the group of a line.
func groupExpression(tx *identity.Tx, by implants.Grouping) string {
	switch by {
	case implants.ByCode:
		return `CASE WHEN i.code <> '' THEN i.code ELSE i.udi_di END`
	case implants.ByCategory:
		return `COALESCE(d.category, '')`
	case implants.ByHospital:
		return `substr(n.organisation, 1, 8)`
	case implants.ByDelay:
		delay, label := tx.DaysBetween(dayOfNumber, `n.operation_date`), implants.DelayGroups()
		return fmt.Sprintf(
			`CASE WHEN %[1]s <= 1 THEN '%[2]s' WHEN %[1]s <= 7 THEN '%[3]s' WHEN %[1]s <= 30 THEN '%[4]s' `+
				`WHEN %[1]s <= 90 THEN '%[5]s' ELSE '%[6]s' END`,
			delay,
			label[0],
			label[1],
			label[2],
			label[3],
			label[4],
		)
	case implants.ByMonth:
	}
	return `substr(n.operation_date, 1, 7)`
}

func queryFigures(tx *identity.Tx, q implants.StatisticsQuery) ([]implants.Figures, error) {
	groups := make(map[string]*implants.Figures)
	for _, side := range figuresQueries() {
		where := engine.Conditions{}
		where.Add(`n.type = ?`, side.notificationType)
		where.AddIfSet(`n.operation_date >= ?`, q.From.String())
		where.AddIfSet(`n.operation_date <= ?`, q.To.String())
		perNotification := groupExpression(
			tx,
			q.GroupBy,
		) + ` AS grp, ` + tx.DaysBetween(
			dayOfNumber,
			`n.operation_date`,
		) +
			` AS delay, `
		if q.GroupBy == implants.ByCode || q.GroupBy == implants.ByCategory {
			perNotification += side.linesQuery + ` WHERE ` + where.String() + implantstore.AndInForce + ` GROUP BY n.seq, grp`
		} else {
			perNotification += `(` + side.piecesSubquery + `) AS pieces FROM notification n WHERE ` + where.String() +
				implantstore.AndInForce
		}
		var rows []figuresRow
		err := tx.SelectRows(
			&rows,
			`SELECT grp, delay, COUNT(*) AS notifications, CAST(COALESCE(SUM(pieces), 0) AS bigint) AS pieces FROM (SELECT `+
				perNotification+`) AS one GROUP BY grp, delay`,
			where.Args...)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			f := groups[row.Group]
			if f == nil {
				f = &implants.Figures{Group: row.Group}
				groups[row.Group] = f
			}
			side.addRow(f, row)
			f.AddDelay(row.Delay, row.Notifications)
		}
	}
	var figures []implants.Figures
	for _, f := range groups {
		figures = append(figures, *f)
	}
	return figures, nil
}

// fillGroupNames adds the names of hospitals and devices.
func fillGroupNames(tx *identity.Tx, by implants.Grouping, groups []implants.Figures) error {
	table := map[implants.Grouping]string{implants.ByHospital: `id, name FROM organisation WHERE id IN `,
		implants.ByCode: `code AS id, name FROM device WHERE code IN `}[by]
	if table == "" {
		return nil
	}
	ids := make(map[string]bool, len(groups))
	for i := range groups {
		ids[groups[i].Group] = true
	}
	names, err := loadNames(tx, table, ids)
	for i := range groups {
		groups[i].Name = names[groups[i].Group]
	}
	return err
}

// loadNames returns names by id. table is the part of a SELECT statement from the columns id and name up to IN.
func loadNames(tx *identity.Tx, table string, ids map[string]bool) (map[string]string, error) {
	names := make(map[string]string, len(ids))
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(ids)), engine.MaxListParameters) {
		list, args := engine.PaddedInList(engine.ToArgs(chunk))
		var rows []struct {
			ID   string `db:"id"`
			Name string `db:"name"`
		}
		if err := tx.SelectRows(&rows, `SELECT `+table+list, args...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			names[row.ID] = row.Name
		}
	}
	return names, nil
}
