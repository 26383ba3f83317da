package admin

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"github.com/openctr/ctr/internal/store"
)

// Figured is what figures are read from.
type Figured interface {
	Statistics(context.Context, store.StatisticsQuery) (*store.Statistics, error)
}

// StatisticsReport is a table of figures that is handed out.
type StatisticsReport struct {
	Query  store.StatisticsQuery
	Format string // table, csv or json
	Exact  bool   // with small numbers, which may tell of a person
}

// few is the least number that does not stand for people whom somebody may recognise.
const few = 5

// Write hands out the figures. Small numbers are handed out only after it was recorded who asked for them.
func (r StatisticsReport) Write(ctx context.Context, from Figured, by Operator, to io.Writer) error {
	all, err := from.Statistics(ctx, r.Query)
	if err != nil {
		return err
	}
	if r.Exact {
		if err = by.Record(ctx, Act{Operation: ActStatistics, Detail: "small numbers, by " + string(r.Query.By)}); err != nil {
			return err
		}
	}
	rows := r.rows(all)
	switch r.Format {
	case "json":
		err = writeJSON(to, r.document(rows))
	case "csv":
		err = writeCSV(to, r.columns(), texts(rows))
	default:
		err = writeTable(to, r.columns(), texts(rows))
	}
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// cell is a number, or what is said in its place.
type cell struct {
	number float64
	said   string
}

// MarshalJSON is a number, or a text in its place.
func (c cell) MarshalJSON() ([]byte, error) {
	if c.said != "" {
		return []byte(strconv.Quote(c.said)), nil
	}
	return []byte(c.String()), nil
}

func (c cell) String() string {
	if c.said != "" {
		return c.said
	}
	return strconv.FormatFloat(c.number, 'f', -1, 64)
}

const (
	saidFew      = "<5"
	saidWithheld = "withheld"
	saidNone     = "none"
	saidUnknown  = "not known"
	saidTotal    = "total"
)

// figured is a group as it is handed out. The names are those of the columns in the documents.
type figured struct {
	Group         string `json:"group"`
	Name          string `json:"name"`
	Implantations cell   `json:"implantations"`
	Placed        cell   `json:"placed"`
	Explantations cell   `json:"explantations"`
	Removed       cell   `json:"removed"`
	Median        cell   `json:"median_days"`
	Ninety        cell   `json:"p90_days"`
	Late          cell   `json:"late_percent"`
}

func (f *figured) counts() []*cell {
	return []*cell{&f.Implantations, &f.Placed, &f.Explantations, &f.Removed}
}

// rows are the groups, and the total as the last one. Where exactly one group's number is withheld, so is the total: the
// others and the total would tell it.
func (r StatisticsReport) rows(all *store.Statistics) []*figured {
	var rows []*figured
	for i := range all.Groups {
		rows = append(rows, r.figured(&all.Groups[i]))
	}
	total := r.figured(&all.Total)
	total.Group = saidTotal
	for column, sum := range total.counts() {
		hidden := 0
		for _, row := range rows {
			if row.counts()[column].said != "" {
				hidden++
			}
		}
		if hidden == 1 && sum.said == "" {
			sum.said = saidWithheld
		}
	}
	return append(rows, total)
}

func (r StatisticsReport) figured(f *store.Figures) *figured {
	row := &figured{Group: f.Group, Name: f.Name, Implantations: r.count(f.Implantations), Placed: r.count(f.Placed),
		Explantations: r.count(f.Explantations), Removed: r.count(f.Removed), Median: cell{number: float64(f.Median)},
		Ninety: cell{number: float64(f.Ninety)}}
	if f.Group == "" {
		row.Group = saidUnknown
	}
	switch {
	case f.Notified == 0:
		row.Median.said, row.Ninety.said, row.Late.said = saidNone, saidNone, saidNone
		return row
	case r.isFew(f.Notified):
		row.Median.said, row.Ninety.said, row.Late.said = saidFew, saidFew, saidFew
		return row
	case r.isFew(f.Late) || r.isFew(f.Notified-f.Late):
		row.Late.said = saidFew // the share would tell the number
		return row
	}
	row.Late.number = float64(1000*f.Late/f.Notified) / 10
	return row
}

func (r StatisticsReport) isFew(n int) bool { return !r.Exact && 0 < n && n < few }

func (r StatisticsReport) count(n int) cell {
	if r.isFew(n) {
		return cell{said: saidFew}
	}
	return cell{number: float64(n)}
}

func (r StatisticsReport) columns() []string {
	return []string{string(r.Query.By), "name", "implantations", "placed", "explantations", "removed", "median_days", "p90_days", "late_percent"}
}

func texts(rows []*figured) [][]string {
	all := make([][]string, len(rows))
	for i, f := range rows {
		all[i] = []string{f.Group, f.Name}
		for _, c := range append(f.counts(), &f.Median, &f.Ninety, &f.Late) {
			all[i] = append(all[i], c.String())
		}
	}
	return all
}

type statisticsDocument struct {
	By     string     `json:"by"`
	From   string     `json:"from"`
	To     string     `json:"to"`
	Groups []*figured `json:"groups"`
	Total  *figured   `json:"total"`
}

func (r StatisticsReport) document(rows []*figured) *statisticsDocument {
	last := len(rows) - 1
	return &statisticsDocument{By: string(r.Query.By), From: r.Query.From.String(), To: r.Query.To.String(), Groups: rows[:last], Total: rows[last]}
}

// writeCSV writes what spreadsheets read: semicolons, a header line, and no cell that they would take for a formula.
func writeCSV(to io.Writer, columns []string, rows [][]string) error {
	w := csv.NewWriter(to)
	w.Comma = ';'
	if err := w.Write(columns); err != nil {
		return err
	}
	for _, row := range rows {
		safe := make([]string, len(row))
		for i, text := range row {
			safe[i] = harmless(text)
		}
		if err := w.Write(safe); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
