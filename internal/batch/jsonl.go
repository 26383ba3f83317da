package batch

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// readJSONLines parses one object per line. Its keys are column names and its values strings or numbers.
func (f *File) readJSONLines(text string) []*row {
	var rows []*row
	number := 0
	for line := range strings.Lines(text) {
		number++
		if strings.TrimSpace(line) == "" {
			continue
		}
		var object map[string]any
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.UseNumber() // a float64 would lose digits of long numbers
		if err := decoder.Decode(&object); err != nil || object == nil || decoder.More() {
			f.fault(number, "", "it is not one JSON object on one line")
			rows = append(rows, &row{number: number, faulty: true})
			continue
		}
		rows = append(rows, f.valuesOf(number, object))
	}
	return rows
}

func (f *File) valuesOf(number int, object map[string]any) *row {
	r := &row{number: number}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		c, known := columnNamed(name)
		if !known {
			r.faulty = true
			f.fault(number, "", fmt.Sprintf("the key %.40q means nothing here; the keys are %s", name, columnNames()))
			continue
		}
		switch value := object[name].(type) {
		case nil:
		case string:
			f.fill(r, c, strings.TrimSpace(value)) // spreadsheet artefacts do not occur here
		case json.Number:
			f.fill(r, c, value.String())
		default:
			r.faulty = true
			f.fault(number, name, "it is neither a text nor a number")
		}
	}
	return r
}
