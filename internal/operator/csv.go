package operator

import (
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
	// fromPublishedList marks entries of the published list, which omits some attributes of a device.
	fromPublishedList bool
}

// chunkSize is the number of entries processed at once. It bounds memory and how long other writers wait.
const chunkSize = 400

// readCSV passes the entries of a file to handle, chunk by chunk, and adds invalid rows to errs.
func (k *fileKind) readCSV(file io.Reader, errs *fileErrors, handle func(*chunk) error) error {
	r := csv.NewReader(file)
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

// mapColumns returns the index of each column. The header must name every required column and no unknown one.
func (k *fileKind) mapColumns(header []string) (map[string]int, error) {
	columns := map[string]int{}
	for i, column := range header {
		column = strings.TrimPrefix(strings.TrimSpace(column), "\ufeff")
		if !slices.Contains(k.columns, column) && !slices.Contains(k.optionalColumns, column) {
			return nil, fmt.Errorf(
				"line 1: unknown column %q; the columns are: %s", column,
				strings.Join(slices.Concat(k.columns, k.optionalColumns), " "),
			)
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
