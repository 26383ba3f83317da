package batch

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
)

// The outcomes of rows that were not sent or have no answer.
const (
	outcomeInvalid Outcome = "faulty"   // the row has an error, so it is not sent
	outcomeSkipped Outcome = "left out" // not sent, because another row of its notification has an error
	outcomeNotSent Outcome = "not sent" // there is no answer yet
)

var resultsHeader = []string{
	"row", "input_reference", "outcome", "number", "reference", "implant_id", "column", "codes", "message",
}

// rowResult is the result of one row.
type rowResult struct {
	outcome   Outcome
	entry     JournalEntry
	implantID string
	columns   []string
	codes     []string
	messages  []string
}

// maxSpreadsheetRows is the number of rows of a spreadsheet. Beyond it, file and results are not compared side by
// side, and the results contain no empty rows.
const maxSpreadsheetRows = 1 << 20

// ResultsCSV returns the result of each row of the file as CSV: a header and one line per row, in the order of the
// file. Empty rows have a line too, so that line N describes row N. The reference is the only cell content in it.
func (f *File) ResultsCSV(j *Journal) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Comma = ';'
	writeRecord(w, resultsHeader)
	o := f.newRowIndex()
	next := f.firstDataRow()
	for _, row := range f.Rows {
		for ; next < row.Number && next <= maxSpreadsheetRows; next++ { // empty rows of the file
			writeRecord(w, append([]string{strconv.Itoa(next)}, make([]string, len(resultsHeader)-1)...))
		}
		next = row.Number + 1
		r := o.resultFor(row, j)
		writeRecord(w, []string{strconv.Itoa(row.Number), row.Reference, string(r.outcome), r.entry.Number, r.entry.Reference,
			r.implantID, strings.Join(r.columns, " "), strings.Join(r.codes, " "), strings.Join(r.messages, " ")})
	}
	w.Flush()
	return b.Bytes()
}

// writeRecord writes a record on one line, in the form that spreadsheets read.
func writeRecord(w *csv.Writer, record []string) {
	cells := make([]string, 0, len(record))
	for _, cell := range record {
		cell = toSingleLine(cell)
		if cell != "" && strings.ContainsAny(cell[:1], "=+-@'") {
			cell = "'" + cell // prevents a spreadsheet from computing a formula
		}
		cells = append(cells, cell)
	}
	_ = w.Write(cells) // writes to memory, so no error
}

// firstDataRow is the row after the header. JSON Lines have no header.
func (f *File) firstDataRow() int {
	if f.Separator == "" {
		return 1
	}
	return 2
}

// rowIndex indexes errors and notifications by row.
type rowIndex struct {
	rowErrors       map[int][]RowError
	firstInvalidRow map[string]int // by reference: its first row with an error
	positions       map[int]int    // position of a row in its notification, from 1
}

func (f *File) newRowIndex() *rowIndex {
	o := &rowIndex{rowErrors: map[int][]RowError{}, firstInvalidRow: map[string]int{}, positions: map[int]int{}}
	for _, fault := range f.RowErrors {
		o.rowErrors[fault.Row] = append(o.rowErrors[fault.Row], fault)
	}
	for _, row := range f.Rows {
		if _, known := o.firstInvalidRow[row.Reference]; !known && len(o.rowErrors[row.Number]) > 0 {
			o.firstInvalidRow[row.Reference] = row.Number
		}
	}
	for _, n := range f.Notifications {
		for i, number := range n.Rows {
			o.positions[number] = i + 1
		}
	}
	return o
}

// resultFor returns the result of a row.
func (o *rowIndex) resultFor(row Row, j *Journal) rowResult {
	line, answered := j.Entry(row.Reference)
	if faults := o.rowErrors[row.Number]; len(faults) > 0 {
		r := rowResult{outcome: outcomeInvalid, entry: line}
		for _, fault := range faults {
			r.addDetail(fault.Column, string(fault.Code), fault.Message)
		}
		return r
	}
	if other, wrong := o.firstInvalidRow[row.Reference]; wrong && row.Reference != "" {
		return rowResult{
			outcome:  outcomeSkipped,
			entry:    line,
			messages: []string{fmt.Sprintf("row %d has the same input_reference and is faulty", other)},
		}
	}
	if !answered {
		return rowResult{outcome: outcomeNotSent}
	}
	r := rowResult{outcome: line.Outcome, entry: line}
	position := o.positions[row.Number]
	if position > 0 && position <= len(line.Implants) {
		r.implantID = line.Implants[position-1]
	}
	for _, finding := range line.Findings {
		if finding.Implant == 0 || finding.Implant == position {
			r.addDetail("", finding.Code, finding.Message)
		}
	}
	if line.Outcome == OutcomeRefused && len(r.codes)+len(r.messages) == 0 {
		r.messages = []string{"refused because of another row with the same input_reference"}
	}
	return r
}

func (r *rowResult) addDetail(column, code, message string) {
	if column != "" {
		r.columns = append(r.columns, column)
	}
	if code != "" {
		r.codes = append(r.codes, code)
	}
	if message != "" {
		r.messages = append(r.messages, message)
	}
}

func toSingleLine(text string) string {
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(text)
}
