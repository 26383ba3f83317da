package udi

import (
	"fmt"
	"strings"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
)

const (
	// separator is FNC1 as scanners transmit it: it ends an element of variable length.
	separator = "\x1d"
	// visibleSeparator stands for it where a control character cannot go, as in XML 1.0.
	visibleSeparator = "␝"
)

// content is what an application identifier announces.
type content uint8

const (
	numeric content = iota
	text
	gtin
	date
)

// element is the form of the data behind an application identifier.
type element struct {
	content  content
	variable bool // ended by a separator or the end, rather than by its length
	length   int  // the greatest length where variable
}

// elementOf knows the application identifiers that labels of implants bear (GS1 General Specifications, 3.2).
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

// reader gathers the elements of one identifier.
type reader struct {
	udi  UDI
	seen map[string]string
}

func newReader() *reader { return &reader{udi: UDI{Issuer: GS1}, seen: map[string]string{}} }

// parseBracketed reads the human readable form. A value ends where the next bracket opens: a value that holds an
// opening bracket itself can only be given as an element string.
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

// parseElements reads an element string as scanners give it: elements of fixed length follow one another, those of
// variable length are ended by a separator.
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

// leadingIdentifier finds the application identifier at the beginning of s. None is the beginning of another.
func leadingIdentifier(s string) (string, element, bool) {
	for width := 2; width <= min(3, len(s)); width++ {
		if form, known := elementOf(s[:width]); known {
			return s[:width], form, true
		}
	}
	return "", element{}, false
}

// take checks one element and keeps it when it is one of ours.
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

// isInvariant tells whether c is of GS1's character set 82 (7.11): the invariant characters of ISO/IEC 646, no space.
func isInvariant(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte(`!"%&'()*+,-./:;<=>?_`, c) >= 0
}

// gtinCheck tells whether the digits, weighted 3 and 1 in turn, add up to a multiple of ten (7.9).
func gtinCheck(digits string) bool {
	sum := 0
	for i := range len(digits) {
		weight := 3 - 2*(i%2)
		sum += weight * int(digits[i]-'0')
	}
	return sum%10 == 0
}

// gs1 writes the human readable form or, when a value holds an opening bracket, the element string.
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
