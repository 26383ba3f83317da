package batch

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The outcomes of a row besides those of its notification.
const (
	faulty  Outcome = "faulty"   // something is wrong with it, so that it is not sent
	leftOut Outcome = "left out" // not sent, because another row of its notification is faulty
	notSent Outcome = "not sent" // there is no answer yet
)

var resultsHeader = []string{"row", "input_reference", "outcome", "number", "reference", "implant_id", "column", "codes", "message"}

// result is what became of one row.
type result struct {
	outcome  Outcome
	line     Line
	implant  string
	columns  []string
	codes    []string
	messages []string
}

// spreadsheetRows is how many rows a spreadsheet has. Beyond, nobody puts two of them side by side.
const spreadsheetRows = 1 << 20

// Results tell what became of each row of the file, as CSV: below the header a line for each row, in the order of the
// file, also for rows with nothing in them, so that line N of CSV is about row N. Nothing of a cell is in them but the
// reference.
func (f *File) Results(j *Journal) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Comma = ';'
	write(w, resultsHeader)
	o := f.overview()
	next := f.firstRow()
	for _, row := range f.Rows {
		for ; next < row.Number && next <= spreadsheetRows; next++ { // with nothing in them
			write(w, append([]string{strconv.Itoa(next)}, make([]string, len(resultsHeader)-1)...))
		}
		next = row.Number + 1
		r := o.result(row, j)
		write(w, []string{strconv.Itoa(row.Number), row.Reference, string(r.outcome), r.line.Number, r.line.Reference,
			r.implant, strings.Join(r.columns, " "), strings.Join(r.codes, " "), strings.Join(r.messages, " ")})
	}
	w.Flush()
	return b.Bytes()
}

// write writes a record, on one line, as spreadsheets here read it.
func write(w *csv.Writer, record []string) {
	cells := make([]string, 0, len(record))
	for _, cell := range record {
		cell = onOneLine(cell)
		if cell != "" && strings.ContainsAny(cell[:1], "=+-@'") {
			cell = "'" + cell // a spreadsheet would compute it
		}
		cells = append(cells, cell)
	}
	_ = w.Write(cells) // into memory
}

// firstRow is the row below the header, which JSON Lines do not have.
func (f *File) firstRow() int {
	if f.Separator == "" {
		return 1
	}
	return 2
}

// overview is the file by rows.
type overview struct {
	faults     map[int][]Fault
	firstFault map[string]int // by reference: the first of its rows that is faulty
	places     map[int]int    // of rows in their notifications, from 1
}

func (f *File) overview() *overview {
	o := &overview{faults: map[int][]Fault{}, firstFault: map[string]int{}, places: map[int]int{}}
	for _, fault := range f.Faults {
		o.faults[fault.Row] = append(o.faults[fault.Row], fault)
	}
	for _, row := range f.Rows {
		if _, known := o.firstFault[row.Reference]; !known && len(o.faults[row.Number]) > 0 {
			o.firstFault[row.Reference] = row.Number
		}
	}
	for _, n := range f.Notifications {
		for i, number := range n.Rows {
			o.places[number] = i + 1
		}
	}
	return o
}

// result finds what became of a row.
func (o *overview) result(row Row, j *Journal) result {
	line, answered := j.Of(row.Reference)
	if faults := o.faults[row.Number]; len(faults) > 0 {
		r := result{outcome: faulty, line: line}
		for _, fault := range faults {
			r.add(fault.Column, string(fault.Code), fault.Message)
		}
		return r
	}
	if other, wrong := o.firstFault[row.Reference]; wrong && row.Reference != "" {
		return result{outcome: leftOut, line: line, messages: []string{fmt.Sprintf("row %d has the same input_reference and is faulty", other)}}
	}
	if !answered {
		return result{outcome: notSent}
	}
	r := result{outcome: line.Outcome, line: line}
	place := o.places[row.Number]
	if place > 0 && place <= len(line.Implants) {
		r.implant = line.Implants[place-1]
	}
	for _, finding := range line.Findings {
		if finding.Implant == 0 || finding.Implant == place {
			r.add("", finding.Code, finding.Message)
		}
	}
	if line.Outcome == Refused && len(r.codes)+len(r.messages) == 0 {
		r.messages = []string{"refused because of another row with the same input_reference"}
	}
	return r
}

func (r *result) add(column, code, message string) {
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

func onOneLine(text string) string {
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(text)
}

// WriteFile puts octets in the place of a file, whole or not at all, and on disk when it returns. Who may read the file
// that they are about may read them.
func WriteFile(name string, octets []byte, mode fs.FileMode) error {
	folder, base := filepath.Split(name)
	temporary := filepath.Join(folder, "."+base+".tmp")
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // the caller's own path
	if err != nil {
		return err
	}
	_, err = file.Write(octets)
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = file.Chmod(mode&0o666 | 0o600)
	}
	if failed := file.Close(); err == nil {
		err = failed
	}
	if err == nil {
		err = os.Rename(temporary, name)
	}
	if err != nil {
		_ = os.Remove(temporary) // nobody knows of it
		return err
	}
	return syncDirectory(filepath.Dir(name))
}
