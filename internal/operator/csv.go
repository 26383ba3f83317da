package operator

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/implants"
)

// chunk is a batch of entries of one kind, each with the line where it begins.
type chunk struct {
	entries     implants.SourceEntries
	lineNumbers []int
	// fromXML marks entries of the XML form, which omits some attributes of a device.
	fromXML bool
}

// chunkSize is the number of entries processed at once. It bounds memory and how long other writers wait.
const chunkSize = 400

// readCSV passes the entries of a file to handle, chunk by chunk, and adds invalid rows to errs.
func (k *fileKind) readCSV(file io.Reader, errs *fileErrors, handle func(*chunk) error) error {
	text, err := skipByteOrderMark(file)
	if err != nil {
		return err
	}
	r := csv.NewReader(text)
	r.Comma = ';'
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		return fmt.Errorf("no header line: %w", err)
	}
	columns, err := k.mapColumns(header)
	if err != nil {
		return err
	}
	var record []string
	l := &sourceRow{fileErrors: errs, columnNoun: "column", rawValue: func(column string) string {
		if i, ok := columns[column]; ok {
			return record[i]
		}
		return ""
	}}
	c := &chunk{}
	for {
		record, err = r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("not readable: %w", err)
		}
		l.lineNumber, _ = r.FieldPos(0)
		k.appendEntry(l, &c.entries)
		c.lineNumbers = append(c.lineNumbers, l.lineNumber)
		if len(c.lineNumbers) == chunkSize {
			if err = handle(c); err != nil {
				return err
			}
			c = &chunk{}
		}
	}
	if len(c.lineNumbers) == 0 {
		return nil
	}
	return handle(c)
}

// skipByteOrderMark returns the text of a file without the mark that spreadsheets and PowerShell write in front of it,
// which would otherwise make a quoted first cell unreadable.
func skipByteOrderMark(file io.Reader) (io.Reader, error) {
	text := bufio.NewReader(file)
	begin, _ := text.Peek(len("\ufeff"))
	switch {
	case bytes.Equal(begin, []byte("\ufeff")):
		_, err := text.Discard(len("\ufeff"))
		return text, err
	case bytes.HasPrefix(begin, []byte("\xff\xfe")), bytes.HasPrefix(begin, []byte("\xfe\xff")),
		bytes.IndexByte(begin, 0) >= 0:
		return nil, errors.New(`the file is UTF-16: save it as "CSV UTF-8"`)
	case bytes.HasPrefix(begin, []byte("PK\x03")):
		return nil, errors.New(`the file is a workbook: save it as "CSV UTF-8"`)
	}
	return text, nil
}

// mapColumns returns the index of each column. The header must name every required column and no unknown one. An error
// does not repeat what stands there: without a header that is the first person of the file.
func (k *fileKind) mapColumns(header []string) (map[string]int, error) {
	columns := map[string]int{}
	all := slices.Concat(k.columns, k.optionalColumns)
	unknown := func(column string) bool { return !slices.Contains(all, strings.TrimSpace(column)) }
	if !slices.ContainsFunc(header, func(column string) bool { return !unknown(column) }) {
		return nil, fmt.Errorf("line 1 is no header, or not separated by semicolons; the columns are: %s",
			strings.Join(all, " "))
	}
	for i, column := range header {
		column = strings.TrimSpace(column)
		if unknown(column) {
			return nil, fmt.Errorf("line 1: the name of column %d is unknown; the columns are: %s", i+1, strings.Join(all, " "))
		}
		if _, duplicate := columns[column]; duplicate {
			return nil, fmt.Errorf("line 1: column %q stands there twice", column)
		}
		columns[column] = i
	}
	for _, column := range k.columns {
		if _, ok := columns[column]; !ok {
			return nil, fmt.Errorf("line 1: column %q is missing", column)
		}
	}
	return columns, nil
}
