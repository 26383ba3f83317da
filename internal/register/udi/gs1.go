package udi

import (
	"fmt"
	"strings"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
)

const (
	// separator is FNC1 as transmitted by scanners; it terminates an element of variable length.
	separator = "\x1d"
	// visibleSeparator replaces separator where control characters are not allowed, as in XML 1.0.
	visibleSeparator = "␝"
)

// dataType is the type of the data after an application identifier.
type content uint8

const (
	numeric content = iota
	text
	gtin
	date
)

// elementFormat is the format of the data after an application identifier.
type element struct {
	content  content
	variable bool // terminated by a separator or the end of the text instead of its length
	length   int  // the maximum length if isVariable
}

// findElementFormat returns the format for the application identifiers used on implant labels (GS1 General
// Specifications, 3.2).
func elementOf(identifier string) (element, bool) {
	switch identifier {
	case "01":
		return element{content: gtin, length: 14}, true
	case "11", "13", "15", "17":
		return element{content: date, length: 6}, true
	case "20":
		return element{content: numeric, length: 2}, true
	case "10", "21", "22":
		return element{content: text, variable: true, length: 20}, true
	case "240", "241", "250":
		return element{content: text, variable: true, length: 30}, true
	case "30", "37":
		return element{content: numeric, variable: true, length: 8}, true
	}
	return element{}, false
}

// gs1Parser collects the elements of one identifier.
type reader struct {
	udi  UDI
	seen map[string]string
}

func newReader() *reader { return &reader{udi: UDI{Issuer: GS1}, seen: map[string]string{}} }

// parseBracketed parses the human readable form. A value ends at the next opening parenthesis, so a value that contains
// one can only be given as an element string.
func parseBracketed(s string) (UDI, error) {
	r := newReader()
	for s != "" {
		identifier, rest, closed := strings.Cut(s[1:], ")")
		form, known := elementOf(identifier)
		if !closed || !known {
			return UDI{}, unparsable("It holds an application identifier that this register does not know.")
		}
		end := strings.IndexByte(rest, '(')
		if end < 0 {
			end = len(rest)
		}
		if err := r.take(identifier, form, strings.Trim(rest[:end], " \r\n\t")); err != nil {
			return UDI{}, err
		}
		s = rest[end:]
	}
	return r.udi, nil
}

// parseElements parses an element string from a scanner: elements of fixed length follow one another, a separator
// terminates those of variable length.
func parseElements(s string) (UDI, error) {
	s = strings.TrimRight(strings.ReplaceAll(s, visibleSeparator, separator), " ")
	s = strings.TrimPrefix(s, separator)
	r := newReader()
	for s != "" {
		identifier, form, known := leadingIdentifier(s)
		if !known {
			return UDI{}, unparsable("It holds an application identifier that this register does not know, or lacks a separator.")
		}
		s = s[len(identifier):]
		end := min(form.length, len(s))
		if form.variable {
			if end = strings.Index(s, separator); end < 0 {
				end = len(s)
			}
		}
		if err := r.take(identifier, form, s[:end]); err != nil {
			return UDI{}, err
		}
		s = strings.TrimPrefix(s[end:], separator)
	}
	return r.udi, nil
}

// findLeadingIdentifier returns the application identifier at the beginning of s. No identifier is a prefix of another.
func leadingIdentifier(s string) (string, element, bool) {
	for width := 2; width <= min(3, len(s)); width++ {
		if form, known := elementOf(s[:width]); known {
			return s[:width], form, true
		}
	}
	return "", element{}, false
}

// addElement checks one element and stores it if the UDI has a field for it.
func (r *reader) take(identifier string, form element, value string) error {
	if before, repeated := r.seen[identifier]; repeated && before != value {
		return unparsable("It gives two different values for (" + identifier + ").")
	}
	r.seen[identifier] = value
	if value == "" || len(value) > form.length || !form.variable && len(value) < form.length {
		return unparsable("The value of (" + identifier + ") does not have the right length.")
	}
	if form.content == text && !all(value, isInvariant) || form.content != text && !all(value, isDigit) {
		return unparsable("The value of (" + identifier + ") holds a character that does not belong there.")
	}
	var day ident.Date
	if form.content == date {
		var exists bool
		day, exists = calendarDay(century(number(value[:2])), number(value[2:4]), number(value[4:]))
		if !exists {
			return unparsable("The value of (" + identifier + ") is not a day that exists.")
		}
	}
	if form.content == gtin && !gtinCheck(value) {
		return problem.New(problem.UDIGTINCheck)
	}
	switch identifier {
	case "01":
		r.udi.DI = value
	case "10":
		r.udi.Lot = value
	case "21":
		r.udi.Serial = value
	case "11":
		r.udi.Manufactured = day
	case "17":
		r.udi.Expiry = day
	}
	return nil
}

// isCharacterSet82 reports whether c is in GS1 character set 82 (7.11): the invariant characters of ISO/IEC 646 without
// space.
func isInvariant(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte(`!"%&'()*+,-./:;<=>?_`, c) >= 0
}

// isValidGTIN reports whether the sum of the digits, weighted alternately by 3 and 1, is a multiple of ten (7.9).
func gtinCheck(digits string) bool {
	sum := 0
	for i := range len(digits) {
		weight := 3 - 2*(i%2)
		sum += weight * int(digits[i]-'0')
	}
	return sum%10 == 0
}

// formatGS1 returns the human readable form or, if a value contains an opening parenthesis, the element string.
func (u UDI) gs1() string {
	var readable, elements strings.Builder
	write := func(identifier, value, end string) {
		if value != "" {
			readable.WriteString("(" + identifier + ")" + value)
			elements.WriteString(identifier + value + end)
		}
	}
	write("01", u.DI, "")
	write("11", sixDigits(u.Manufactured), "")
	write("17", sixDigits(u.Expiry), "")
	write("10", u.Lot, visibleSeparator)
	write("21", u.Serial, "")
	if strings.Contains(u.Lot+u.Serial, "(") {
		return elements.String()
	}
	return readable.String()
}

func sixDigits(d ident.Date) string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%02d%02d%02d", d.Year()%100, d.Month(), d.Day())
}
