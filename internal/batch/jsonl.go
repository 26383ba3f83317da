package batch

import (
	"encoding/json"
	"errors"
	"io"
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
		members, err := readObject(line)
		if err != nil {
			f.addError(number, "", "it is not one JSON object on one line")
			rows = append(rows, &tableRow{number: number, invalid: true})
			continue
		}
		rows = append(rows, f.parseObject(number, members))
	}
	return rows
}

// member is a key of an object with its value.
type member struct {
	key   string
	value any
}

var errNoObject = errors.New("not one object")

// readObject returns the members of an object in their order. A map would keep only the last of two with one key.
func readObject(line string) ([]member, error) {
	decoder := json.NewDecoder(strings.NewReader(line))
	decoder.UseNumber() // a float64 would lose digits of long numbers
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil, errNoObject
	}
	var members []member
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return nil, errNoObject
		}
		var value any
		if err := decoder.Decode(&value); err != nil {
			return nil, errNoObject
		}
		name, _ := key.(string) // a key is always one
		members = append(members, member{name, value})
	}
	if _, err := decoder.Token(); err != nil {
		return nil, errNoObject
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errNoObject
	}
	return members, nil
}

func (f *File) parseObject(number int, members []member) *tableRow {
	r := &tableRow{number: number}
	seen := [columnCount]bool{}
	for _, m := range members {
		c, known := findColumn(m.key)
		switch {
		case !known:
			r.invalid = true
			f.addError(number, "", "one of its keys means nothing here; the keys are "+joinAllColumnNames())
			continue
		case seen[c]:
			r.invalid = true
			f.addError(number, c.headerName(), "the key is there twice")
			continue
		}
		seen[c] = true
		switch value := m.value.(type) {
		case nil:
		case string:
			f.setCell(r, c, strings.TrimSpace(value)) // spreadsheet artefacts do not occur here
		case json.Number:
			f.setNumber(r, c, value.String())
		default:
			r.invalid = true
			f.addError(number, m.key, "it is neither a text nor a number")
		}
	}
	return r
}

// setNumber stores a JSON number. A program that writes decimals or a power of ten has lost the digits of a lot or of a
// person's number.
func (f *File) setNumber(r *tableRow, c column, digits string) {
	if strings.ContainsAny(digits, ".eE") {
		r.invalid = true
		f.addError(
			r.number, c.headerName(), "it is a number with decimals or a power of ten, which has lost digits: write a text",
		)
		return
	}
	f.setCell(r, c, digits)
}
