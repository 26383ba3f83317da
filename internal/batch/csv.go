package batch

import (
	"fmt"
	"strings"
)

// tableRow is a row of the table with its cells in their normal form.
type row struct {
	number int
	cells  [columnCount]string
	faulty bool
}

// allowedSeparators are the accepted separators. Spreadsheets write a semicolon in locales with a decimal comma.
const separators = ";,"

// readCSV parses the header and the rows below it.
func (f *File) readCSV(text string) []*row {
	s := scanner{rest: text, file: f}
	if first, rest, _ := strings.Cut(text, "\n"); strings.HasPrefix(first, "sep=") { // spreadsheets use this line and do not show it
		s.separator, s.rest = strings.TrimSpace(first[len("sep="):]), rest
		if len(s.separator) != 1 || !strings.Contains(separators, s.separator) {
			f.fault(0, "", "its first line names a separator that is neither ; nor ,")
			return nil
		}
	} else {
		s.separator = separatorOf(text)
	}
	f.Separator = s.separator
	header, _, more := s.record()
	if !more {
		return nil // Read reports the empty file
	}
	columns := f.header(header)
	if columns == nil {
		return nil
	}
	var rows []*row
	for {
		cells, complete, more := s.record()
		if !more {
			return rows
		}
		if r := f.cellsOf(s.row, columns, cells, complete); r != nil {
			rows = append(rows, r)
		}
	}
}

// detectSeparator returns the separator that is more frequent in the header.
func separatorOf(text string) string {
	header := text
	if end := strings.IndexAny(text, "\r\n"); end >= 0 {
		header = text[:end]
	}
	if strings.Count(header, ";") >= strings.Count(header, ",") {
		return ";"
	}
	return ","
}

// parseHeader maps the names in the header to columns. A column without a name is columnUnnamed and must be empty.
// The result is nil if the header has an error.
func (f *File) header(names []string) []column {
	before := len(f.Faults)
	seen := [columnCount]bool{}
	columns := make([]column, 0, len(names))
	for i, name := range names {
		name = strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(clean(input, name)))
		c, known := columnNamed(name)
		switch {
		case name == "":
			c = unnamed
		case !known:
			f.fault(1, "", fmt.Sprintf("column %d is called %.40q, which means nothing here; the columns are %s", i+1, name, columnNames()))
		case seen[c]:
			f.fault(1, name, "it is there twice")
		default:
			seen[c] = true
		}
		columns = append(columns, c)
	}
	for _, wanted := range requiredColumns {
		found := false
		for _, c := range wanted {
			found = found || seen[c]
		}
		if !found {
			f.fault(1, columnList(wanted), "it is missing")
		}
	}
	if len(f.Faults) > before {
		return nil
	}
	return columns
}

// parseRecord puts the cells of a record into their columns. It returns nil for an empty row.
func (f *File) cellsOf(number int, columns []column, cells []string, complete bool) *row {
	r := &row{number: number, faulty: !complete}
	empty := complete
	for i, raw := range cells {
		switch {
		case i < len(columns) && columns[i] != unnamed:
			value := clean(columns[i], raw)
			empty = empty && value == ""
			f.fill(r, columns[i], value)
		case clean(input, raw) != "":
			empty = false
			r.faulty = true
			f.fault(number, "", fmt.Sprintf("cell %d stands below no column name; is a separator inside a cell without quotes?", i+1))
		}
	}
	if empty {
		return nil
	}
	return r
}

// csvScanner reads the records of a CSV text. It counts rows as a spreadsheet does: an empty line is a row, and a
// line end in a quoted cell does not begin one.
type scanner struct {
	file      *File
	rest      string
	separator string
	row       int
}

// readRecord reads the cells of the next row. complete is false if its quotes are wrong; the error has then been added.
func (s *scanner) record() (cells []string, complete, more bool) {
	if s.rest == "" {
		return nil, true, false
	}
	s.row++
	complete = true
	for {
		cell, ok := s.cell()
		complete = complete && ok
		cells = append(cells, cell)
		if strings.HasPrefix(s.rest, s.separator) {
			s.rest = s.rest[len(s.separator):]
			continue
		}
		s.rest = strings.TrimPrefix(s.rest, "\r")
		s.rest = strings.TrimPrefix(s.rest, "\n")
		return cells, complete, true
	}
}

// readCell reads one cell, up to the separator or line end. In a cell that does not begin with a quote, a quote is an
// ordinary character, as in spreadsheets; ="0012" is how a spreadsheet marks a text.
func (s *scanner) cell() (cell string, ok bool) {
	quoted := strings.TrimLeft(s.rest, " ")
	quoted = strings.TrimPrefix(quoted, "=")
	if !strings.HasPrefix(quoted, `"`) {
		return s.upToEnd(), true
	}
	var b strings.Builder
	quoted = quoted[1:]
	for {
		text, after, closed := strings.Cut(quoted, `"`)
		b.WriteString(text)
		if !closed {
			s.file.fault(s.row, "", "a quoted cell of this row is not closed, so that the rest of the file is inside it")
			s.rest = ""
			return "", false
		}
		if !strings.HasPrefix(after, `"`) {
			s.rest = after
			break
		}
		b.WriteByte('"')
		quoted = after[1:]
	}
	if after := s.upToEnd(); strings.TrimSpace(after) != "" {
		s.file.fault(s.row, "", "there is text behind the closing quote of a cell; a quote inside a quoted cell is written twice")
		return "", false
	}
	return b.String(), true
}

func (s *scanner) upToEnd() string {
	end := strings.IndexAny(s.rest, s.separator+"\r\n")
	if end < 0 {
		end = len(s.rest)
	}
	text := s.rest[:end]
	s.rest = s.rest[end:]
	return text
}
