package admin

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

// maxFileErrors bounds the errors reported about one file.
const maxFaults = 50

// fileErrors collects the errors in a file.
type faults struct{ all []error }

func (f *faults) add(number int, what string) {
	if len(f.all) < maxFaults {
		f.all = append(f.all, fmt.Errorf("line %d%s", number, what))
	}
}

func (f *faults) err() error { return errors.Join(f.all...) }

// sourceRow is one row of a CSV file or one entry of the published list. Its methods parse a column and record errors.
type line struct {
	raw    func(column string) string
	number int
	place  string // the word for a column in errors: "column" or "element"
	names  map[string]string
	faults *faults
}

func (l *line) fault(column, what string) {
	if name, other := l.names[column]; other {
		column = name
	}
	l.faults.add(l.number, ", "+l.place+" "+column+": "+what)
}

// parseText returns the trimmed text of a column. It rejects control characters, which a response in XML cannot
// contain.
func (l *line) text(column string) string {
	text := strings.TrimSpace(l.raw(column))
	if strings.ContainsFunc(text, unicode.IsControl) || !utf8.ValidString(text) {
		l.fault(column, "holds a control character or is not UTF-8")
	}
	return text
}

func (l *line) required(column string) string {
	text := l.text(column)
	if text == "" {
		l.fault(column, "is empty")
	}
	return text
}

const (
	mandatory = true
	optional  = false
)

// parseValue parses an identifier or a day. An error repeats the parser's message, never the value.
func value[T any](l *line, column string, parse func(string) (T, error), needed bool) T {
	var none T
	text := l.text(column)
	if text == "" {
		if needed {
			l.fault(column, "is empty")
		}
		return none
	}
	v, err := parse(text)
	if err != nil {
		e := problem.From(err)
		l.fault(column, string(e.Code)+" "+e.Detail)
		return none
	}
	return v
}

func (l *line) ssin(column string) ident.SSIN   { return value(l, column, ident.ParseSSIN, mandatory) }
func (l *line) nihii(column string) ident.NIHII { return value(l, column, ident.ParseNIHII, mandatory) }
func (l *line) date(column string) ident.Date   { return value(l, column, ident.ParseDate, optional) }

func (l *line) period() register.Period {
	p := register.Period{From: value(l, "valid_from", ident.ParseDate, mandatory), To: l.date("valid_to")}
	if !p.To.IsZero() && p.To.Before(p.From) {
		l.fault("valid_to", "is before valid_from")
	}
	return p
}

func (l *line) status(column string) register.DeviceStatus {
	s := register.DeviceStatus(l.text(column))
	switch s {
	case register.DeviceActive, register.DeviceDeleted, register.DeviceRecalled:
	default:
		l.fault(column, "is not Active, Deleted or Recalled")
	}
	return s
}
