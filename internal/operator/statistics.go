package operator

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"github.com/openctr/ctr/internal/implants"
)

// StatisticsStore computes statistics.
type StatisticsStore interface {
	Statistics(context.Context, implants.StatisticsQuery) (*implants.Statistics, error)
}

// StatisticsReport exports a table of statistics.
type StatisticsReport struct {
	Query  implants.StatisticsQuery
	Format string // table, csv or json
	Exact  bool   // includes small counts, which may identify a person
}

// smallCountLimit is the smallest count that is published: fewer people could be recognised.
const smallCountLimit = 5

// Write exports the statistics. Before it exports exact small counts it records the action.
func (r StatisticsReport) Write(ctx context.Context, from StatisticsStore, by Operator, to io.Writer) error {
	all, err := from.Statistics(ctx, r.Query)
	if err != nil {
		return err
	}
	if r.Exact {
		if err = by.RecordActions(
			ctx, Action{Operation: ActionStatistics, Detail: "small numbers, by " + string(r.Query.GroupBy)},
		); err != nil {
			return err
		}
	}
	rows := r.buildRows(all)
	switch r.Format {
	case "json":
		err = writeJSON(to, r.newDocument(rows))
	case "csv":
		err = writeCSV(to, r.columnNames(), formatRows(rows))
	default:
		err = writeTable(to, r.columnNames(), formatRows(rows))
	}
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// statisticsCell is a number, or a text that replaces it.
type statisticsCell struct {
	value float64
	text  string
}

// MarshalJSON encodes the number, or the text that replaces it as a string.
func (c statisticsCell) MarshalJSON() ([]byte, error) {
	if c.text != "" {
		return []byte(strconv.Quote(c.text)), nil
	}
	return []byte(c.String()), nil
}

func (c statisticsCell) String() string {
	if c.text != "" {
		return c.text
	}
	return strconv.FormatFloat(c.value, 'f', -1, 64)
}

const (
	textSmallCount = "<5"
	textWithheld   = "withheld"
	textNone       = "none"
	textUnknown    = "not known"
	textTotal      = "total"
)

// statisticsRow is an exported group. The JSON names are also the CSV columns.
type statisticsRow struct {
	Group            string         `json:"group"`
	Name             string         `json:"name"`
	Implantations    statisticsCell `json:"implantations"`
	Placed           statisticsCell `json:"placed"`
	Explantations    statisticsCell `json:"explantations"`
	Removed          statisticsCell `json:"removed"`
	MedianDays       statisticsCell `json:"median_days"`
	Percentile90Days statisticsCell `json:"p90_days"`
	LatePercent      statisticsCell `json:"late_percent"`
}

func (f *statisticsRow) countCells() []*statisticsCell {
	return []*statisticsCell{&f.Implantations, &f.Placed, &f.Explantations, &f.Removed}
}

// buildRows returns the groups, then the total. In a column where exactly one group's count is hidden, it also hides
// the total, from which the count could be computed.
func (r StatisticsReport) buildRows(all *implants.Statistics) []*statisticsRow {
	var rows []*statisticsRow
	for i := range all.Groups {
		rows = append(rows, r.newRow(&all.Groups[i]))
	}
	total := r.newRow(&all.Total)
	total.Group = textTotal
	for column, sum := range total.countCells() {
		hidden := 0
		for _, row := range rows {
			if row.countCells()[column].text != "" {
				hidden++
			}
		}
		if hidden == 1 && sum.text == "" {
			sum.text = textWithheld
		}
	}
	return append(rows, total)
}

func (r StatisticsReport) newRow(f *implants.Figures) *statisticsRow {
	row := &statisticsRow{
		Group:            f.Group,
		Name:             f.Name,
		Implantations:    r.newCountCell(f.Implantations),
		Placed:           r.newCountCell(f.Implanted),
		Explantations:    r.newCountCell(f.Explantations),
		Removed:          r.newCountCell(f.Explanted),
		MedianDays:       statisticsCell{value: float64(f.Median)},
		Percentile90Days: statisticsCell{value: float64(f.Percentile90)},
	}
	if f.Group == "" {
		row.Group = textUnknown
	}
	switch {
	case f.Notified == 0:
		row.MedianDays.text, row.Percentile90Days.text, row.LatePercent.text = textNone, textNone, textNone
		return row
	case r.isSmallCount(f.Notified):
		row.MedianDays.text, row.Percentile90Days.text, row.LatePercent.text = textSmallCount, textSmallCount, textSmallCount
		return row
	case r.isSmallCount(f.Late) || r.isSmallCount(f.Notified-f.Late):
		row.LatePercent.text = textSmallCount // the share would reveal the count
		return row
	}
	row.LatePercent.value = float64(1000*f.Late/f.Notified) / 10
	return row
}

func (r StatisticsReport) isSmallCount(n int) bool { return !r.Exact && 0 < n && n < smallCountLimit }

func (r StatisticsReport) newCountCell(n int) statisticsCell {
	if r.isSmallCount(n) {
		return statisticsCell{text: textSmallCount}
	}
	return statisticsCell{value: float64(n)}
}

func (r StatisticsReport) columnNames() []string {
	return []string{
		string(r.Query.GroupBy), "name", "implantations", "placed", "explantations", "removed", "median_days", "p90_days",
		"late_percent",
	}
}

func formatRows(rows []*statisticsRow) [][]string {
	all := make([][]string, len(rows))
	for i, f := range rows {
		all[i] = []string{f.Group, f.Name}
		for _, c := range append(f.countCells(), &f.MedianDays, &f.Percentile90Days, &f.LatePercent) {
			all[i] = append(all[i], c.String())
		}
	}
	return all
}

type statisticsDocument struct {
	By     string           `json:"by"`
	From   string           `json:"from"`
	To     string           `json:"to"`
	Groups []*statisticsRow `json:"groups"`
	Total  *statisticsRow   `json:"total"`
}

func (r StatisticsReport) newDocument(rows []*statisticsRow) *statisticsDocument {
	last := len(rows) - 1
	return &statisticsDocument{
		By:     string(r.Query.GroupBy),
		From:   r.Query.From.String(),
		To:     r.Query.To.String(),
		Groups: rows[:last],
		Total:  rows[last],
	}
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
			safe[i] = escapeFormula(text)
		}
		if err := w.Write(safe); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
