package batch

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// readJSONLines parses one object per line. Its keys are column names and its values strings or numbers.
func (f *File) readJSONLines(text string) []*tableRow {
	var rows []*tableRow
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
			f.addError(number, "", "it is not one JSON object on one line")
			rows = append(rows, &tableRow{number: number, invalid: true})
			continue
		}
		rows = append(rows, f.parseObject(number, object))
	}
	return rows
}

func (f *File) parseObject(number int, object map[string]any) *tableRow {
	r := &tableRow{number: number}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		c, known := findColumn(name)
		if !known {
			r.invalid = true
			f.addError(
				number,
				"",
				"one of its keys means nothing here; the keys are "+joinAllColumnNames(),
			)
			continue
		}
		switch value := object[name].(type) {
		case nil:
		case string:
			f.setCell(r, c, strings.TrimSpace(value)) // spreadsheet artefacts do not occur here
		case json.Number:
			f.setCell(r, c, value.String())
		default:
			r.invalid = true
			f.addError(number, name, "it is neither a text nor a number")
		}
	}
	return r
}
