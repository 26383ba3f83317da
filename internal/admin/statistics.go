package admin

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"github.com/openctr/ctr/internal/store"
)

// StatisticsStore computes statistics.
type Figured interface {
	Statistics(context.Context, store.StatisticsQuery) (*store.Statistics, error)
}

// StatisticsReport exports a table of statistics.
type StatisticsReport struct {
	Query  store.StatisticsQuery
	Format string // table, csv or json
	Exact  bool   // includes small counts, which may identify a person
}

// smallCountLimit is the smallest count that is published: fewer people could be recognised.
const few = 5

// Write exports the statistics. Before it exports exact small counts it records the action.
func (r StatisticsReport) Write(ctx context.Context, from Figured, by Operator, to io.Writer) error {
	all, err := from.Statistics(ctx, r.Query)
	if err != nil {
		return err
	}
	if r.Exact {
		if err = by.Record(ctx, Act{Operation: ActStatistics, Detail: "small numbers, by " + string(r.Query.GroupBy)}); err != nil {
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

// statisticsCell is a number, or a text that replaces it.
type cell struct {
	number float64
	said   string
}

// MarshalJSON encodes the number, or the text that replaces it as a string.
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

// statisticsRow is an exported group. The JSON names are also the CSV columns.
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

// buildRows returns the groups, then the total. In a column where exactly one group's count is hidden, it also hides
// the total, from which the count could be computed.
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
	row := &figured{Group: f.Group, Name: f.Name, Implantations: r.count(f.Implantations), Placed: r.count(f.Implanted),
		Explantations: r.count(f.Explantations), Removed: r.count(f.Explanted), Median: cell{number: float64(f.Median)},
		Ninety: cell{number: float64(f.Percentile90)}}
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
		row.Late.said = saidFew // the share would reveal the count
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
	return []string{string(r.Query.GroupBy), "name", "implantations", "placed", "explantations", "removed", "median_days", "p90_days", "late_percent"}
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
	return &statisticsDocument{By: string(r.Query.GroupBy), From: r.Query.From.String(), To: r.Query.To.String(), Groups: rows[:last], Total: rows[last]}
}

// writeCSV writes CSV for spreadsheets: semicolons, a header line, formulas escaped.
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
