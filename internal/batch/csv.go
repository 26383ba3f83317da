package batch

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// tableRow is a row of the table with its cells in their normal form.
type tableRow struct {
	number  int
	cells   [columnCount]string
	invalid bool
}

// allowedSeparators are the accepted separators, the one first that counts when a header has none. Spreadsheets write a
// semicolon in locales with a decimal comma.
const allowedSeparators = ";,\t"

// separatorLine is a first line that spreadsheets use and do not show; they may write it back as a row.
var separatorLine = regexp.MustCompile(`^(?i)"?sep=([^"\r\n])"?[;,\t]*\r?$`)

// readCSV parses the header and the rows below it.
func (f *File) readCSV(text string) []*tableRow {
	s := csvScanner{remaining: text, file: f}
	named := ""
	if first, rest, _ := strings.Cut(text, "\n"); separatorLine.MatchString(first) {
		named, s.remaining = separatorLine.FindStringSubmatch(first)[1], rest
		if !strings.Contains(allowedSeparators, named) {
			f.addError(0, "", "its first line names a separator that is not ; or , or a tab")
			return nil
		}
	}
	if s.remaining == "" {
		return nil // Read reports the empty file
	}
	titles, separator := findHeader(s.remaining)
	s.separator = cmp.Or(named, separator)
	f.Separator = s.separator
	for range titles {
		_, s.remaining, _ = strings.Cut(s.remaining, "\n")
	}
	s.rowNumber = titles
	header, _, _ := s.readRecord()
	columns := f.parseHeader(s.rowNumber, header)
	if columns == nil {
		return nil
	}
	var rows []*tableRow
	for {
		cells, complete, more := s.readRecord()
		if !more {
			return rows
		}
		if r := f.parseRecord(s.rowNumber, columns, cells, complete); r != nil {
			rows = append(rows, r)
		}
	}
}

// maxTitleRows bounds the rows above the header, such as a title that a spreadsheet has there.
const maxTitleRows = 10

// findHeader returns the number of rows above the header, and the separator: the row and the separator with the most
// column names. Without any, the first row counts as the header, for its errors to be reported.
func findHeader(text string) (titles int, separator string) {
	most := 0
	separator = allowedSeparators[:1]
	number := 0
	for line := range strings.Lines(text) {
		for _, candidate := range strings.Split(allowedSeparators, "") {
			known := 0
			for _, name := range strings.Split(line, candidate) {
				if _, isColumn := findColumn(toColumnName(strings.Trim(strings.TrimSpace(name), `"`))); isColumn {
					known++
				}
			}
			if known > most {
				most, titles, separator = known, number, candidate
			}
		}
		if number++; number > maxTitleRows {
			break
		}
	}
	return titles, separator
}

// toColumnName returns the name of a column as the table of columns has it.
func toColumnName(name string) string {
	return strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(cleanCell(columnInputReference, name)))
}

// parseHeader maps the names in the header to columns. A column without a name is columnUnnamed and must be empty.
// The result is nil if the header has an error.
func (f *File) parseHeader(row int, names []string) []column {
	isKnown := func(name string) bool { _, known := findColumn(toColumnName(name)); return known }
	if !slices.ContainsFunc(names, isKnown) {
		f.addError(row, "", "there is no header: the first row must have the names of the columns, which are "+
			joinAllColumnNames())
		return nil
	}
	before := len(f.RowErrors)
	seen := [columnCount]bool{}
	columns := make([]column, 0, len(names))
	for i, name := range names {
		name = toColumnName(name)
		c, known := findColumn(name)
		switch {
		case name == "":
			c = columnUnnamed
		case !known:
			f.addError(row, "", fmt.Sprintf(
				"column %d has a name that means nothing here; the columns are %s", i+1, joinAllColumnNames(),
			))
		case seen[c]:
			f.addError(row, name, "it is there twice")
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
			f.addError(row, joinColumnNames(wanted), "it is missing")
		}
	}
	if len(f.RowErrors) > before {
		return nil
	}
	return columns
}

// parseRecord puts the cells of a record into their columns. It returns nil for an empty row.
func (f *File) parseRecord(number int, columns []column, cells []string, complete bool) *tableRow {
	r := &tableRow{number: number, invalid: !complete}
	empty := complete
	for i, raw := range cells {
		switch {
		case i < len(columns) && columns[i] != columnUnnamed:
			value := cleanCell(columns[i], raw)
			empty = empty && value == ""
			f.setCell(r, columns[i], value)
		case cleanCell(columnInputReference, raw) != "":
			empty = false
			r.invalid = true
			f.addError(
				number, "", fmt.Sprintf("cell %d stands below no column name; is a separator inside a cell without quotes?", i+1),
			)
		}
	}
	if empty {
		return nil
	}
	return r
}

// csvScanner reads the records of a CSV text. It counts rows as a spreadsheet does: an empty line is a row, and a
// line end in a quoted cell does not begin one.
type csvScanner struct {
	file      *File
	remaining string
	separator string
	rowNumber int
}

// readRecord reads the cells of the next row. complete is false if its quotes are wrong; the error has then been added.
func (s *csvScanner) readRecord() (cells []string, complete, more bool) {
	if s.remaining == "" {
		return nil, true, false
	}
	s.rowNumber++
	complete = true
	for {
		cell, ok := s.readCell()
		complete = complete && ok
		cells = append(cells, cell)
		if strings.HasPrefix(s.remaining, s.separator) {
			s.remaining = s.remaining[len(s.separator):]
			continue
		}
		s.remaining = strings.TrimPrefix(s.remaining, "\r")
		s.remaining = strings.TrimPrefix(s.remaining, "\n")
		return cells, complete, true
	}
}

// readCell reads one cell, up to the separator or line end. In a cell that does not begin with a quote, a quote is an
// ordinary character, as in spreadsheets; ="0012" is how a spreadsheet marks a text.
func (s *csvScanner) readCell() (cell string, ok bool) {
	quoted := strings.TrimLeft(s.remaining, " ")
	quoted = strings.TrimPrefix(quoted, "=")
	if !strings.HasPrefix(quoted, `"`) {
		return s.readToDelimiter(), true
	}
	var b strings.Builder
	quoted = quoted[1:]
	for {
		text, after, closed := strings.Cut(quoted, `"`)
		b.WriteString(text)
		if !closed {
			s.file.addError(
				s.rowNumber, "", "a quoted cell of this row is not closed, so that the rest of the file is inside it",
			)
			s.remaining = ""
			return "", false
		}
		if !strings.HasPrefix(after, `"`) {
			s.remaining = after
			break
		}
		b.WriteByte('"')
		quoted = after[1:]
	}
	if after := s.readToDelimiter(); strings.TrimSpace(after) != "" {
		s.file.addError(
			s.rowNumber, "", "there is text behind the closing quote of a cell; a quote inside a quoted cell is written twice",
		)
		return "", false
	}
	return b.String(), true
}

func (s *csvScanner) readToDelimiter() string {
	end := strings.IndexAny(s.remaining, s.separator+"\r\n")
	if end < 0 {
		end = len(s.remaining)
	}
	text := s.remaining[:end]
	s.remaining = s.remaining[end:]
	return text
}
