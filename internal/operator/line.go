package operator

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// maxFileErrors bounds the errors reported about one file.
const maxFileErrors = 50

// fileErrors collects the errors in a file.
type fileErrors struct{ errs []error }

func (f *fileErrors) appendError(number int, what string) {
	if len(f.errs) < maxFileErrors {
		f.errs = append(f.errs, fmt.Errorf("line %d%s", number, what))
	}
}

func (f *fileErrors) joinErrors() error { return errors.Join(f.errs...) }

// sourceRow is one row of a CSV file or one entry of the XML form. Its methods parse a column and record errors.
type sourceRow struct {
	rawValue     func(column string) string
	lineNumber   int
	columnNoun   string // the word for a column in errors: "column" or "element"
	displayNames map[string]string
	fileErrors   *fileErrors
}

func (l *sourceRow) appendError(column, what string) {
	if name, other := l.displayNames[column]; other {
		column = name
	}
	l.fileErrors.appendError(l.lineNumber, ", "+l.columnNoun+" "+column+": "+what)
}

// parseText returns the trimmed text of a column. It rejects control characters, which a response in XML cannot
// contain.
func (l *sourceRow) parseText(column string) string {
	text := strings.TrimSpace(l.rawValue(column))
	if strings.ContainsFunc(text, unicode.IsControl) || !utf8.ValidString(text) {
		l.appendError(column, "holds a control character or is not UTF-8")
	}
	return text
}

func (l *sourceRow) parseRequiredText(column string) string {
	text := l.parseText(column)
	if text == "" {
		l.appendError(column, "is empty")
	}
	return text
}

const (
	mandatory = true
	optional  = false
)

// parseValue parses an identifier or a day. An error repeats the parser's message, never the value.
func parseValue[T any](l *sourceRow, column string, parse func(string) (T, error), needed bool) T {
	var none T
	text := l.parseText(column)
	if text == "" {
		if needed {
			l.appendError(column, "is empty")
		}
		return none
	}
	v, err := parse(text)
	if err != nil {
		e := problem.From(err)
		l.appendError(column, string(e.Code)+" "+e.Detail.String())
		return none
	}
	return v
}

// parseNumber parses a number as people write it, with punctuation.
func parseNumber[T any](l *sourceRow, column string, parse func(string) (T, error), needed bool) T {
	return parseValue(l, column, func(s string) (T, error) { return parse(ident.TrimPunctuation(s)) }, needed)
}

func (l *sourceRow) parseSSIN(column string) ident.SSIN {
	return parseNumber(l, column, ident.ParseSSIN, mandatory)
}
func (l *sourceRow) parseNIHII(column string) ident.NIHII {
	return parseNumber(l, column, ident.ParseNIHII, mandatory)
}
func (l *sourceRow) parseDate(column string) ident.Date {
	return parseValue(l, column, ident.ParseDate, optional)
}

func (l *sourceRow) parsePeriod() platform.Period {
	p := platform.Period{From: parseValue(l, "valid_from", ident.ParseDate, mandatory), To: l.parseDate("valid_to")}
	if !p.To.IsZero() && p.To.Before(p.From) {
		l.appendError("valid_to", "is before valid_from")
	}
	return p
}
