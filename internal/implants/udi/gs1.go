package udi

import (
	"fmt"
	"strings"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

const (
	// separator is FNC1 as transmitted by scanners; it terminates an element of variable length.
	separator = "\x1d"
	// visibleSeparator replaces separator where control characters are not allowed, as in XML 1.0.
	visibleSeparator = "␝"
)

// dataType is the type of the data after an application identifier.
type dataType uint8

const (
	numericData dataType = iota
	textData
	gtinData
	dateData
)

// elementFormat is the format of the data after an application identifier.
type elementFormat struct {
	dataType   dataType
	isVariable bool // terminated by a separator or the end of the text instead of its length
	length     int  // the maximum length if isVariable
}

// findElementFormat returns the format for the application identifiers used on implant labels (GS1 General
// Specifications, 3.2).
func findElementFormat(identifier string) (elementFormat, bool) {
	switch identifier {
	case "01":
		return elementFormat{dataType: gtinData, length: 14}, true
	case "11", "13", "15", "17":
		return elementFormat{dataType: dateData, length: 6}, true
	case "20":
		return elementFormat{dataType: numericData, length: 2}, true
	case "10", "21", "22":
		return elementFormat{dataType: textData, isVariable: true, length: 20}, true
	case "240", "241", "250":
		return elementFormat{dataType: textData, isVariable: true, length: 30}, true
	case "30", "37":
		return elementFormat{dataType: numericData, isVariable: true, length: 8}, true
	}
	return elementFormat{}, false
}

// gs1Parser collects the elements of one identifier.
type gs1Parser struct {
	udi               UDI
	valueByIdentifier map[string]string
}

func newGS1Parser() *gs1Parser {
	return &gs1Parser{udi: UDI{Issuer: GS1}, valueByIdentifier: map[string]string{}}
}

// parseBracketed parses the human readable form. A value ends at the next opening parenthesis, so a value that contains
// one can only be given as an element string.
func parseBracketed(s string) (UDI, error) {
	r := newGS1Parser()
	for s != "" {
		identifier, rest, closed := strings.Cut(s[1:], ")")
		form, known := findElementFormat(identifier)
		if !closed || !known {
			return UDI{}, newUnparsableError(unknownIdentifier)
		}
		end := strings.IndexByte(rest, '(')
		if end < 0 {
			end = len(rest)
		}
		if err := r.addElement(identifier, form, strings.Trim(rest[:end], " \r\n\t")); err != nil {
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
	r := newGS1Parser()
	for s != "" {
		identifier, form, known := findLeadingIdentifier(s)
		if !known {
			return UDI{}, newUnparsableError(unknownIdentifierOrSeparator)
		}
		s = s[len(identifier):]
		end := min(form.length, len(s))
		if form.isVariable {
			if end = strings.Index(s, separator); end < 0 {
				end = len(s)
			}
		}
		if err := r.addElement(identifier, form, s[:end]); err != nil {
			return UDI{}, err
		}
		s = strings.TrimPrefix(s[end:], separator)
	}
	return r.udi, nil
}

// findLeadingIdentifier returns the application identifier at the beginning of s. No identifier is a prefix of another.
func findLeadingIdentifier(s string) (string, elementFormat, bool) {
	for width := 2; width <= min(3, len(s)); width++ {
		if form, known := findElementFormat(s[:width]); known {
			return s[:width], form, true
		}
	}
	return "", elementFormat{}, false
}

// addElement checks one element and stores it if the UDI has a field for it.
func (r *gs1Parser) addElement(identifier string, form elementFormat, value string) error {
	if before, repeated := r.valueByIdentifier[identifier]; repeated && before != value {
		return newUnparsableError(twoValues.With("(" + identifier + ")"))
	}
	r.valueByIdentifier[identifier] = value
	if value == "" || len(value) > form.length || !form.isVariable && len(value) < form.length {
		return newUnparsableError(wrongLength.With("(" + identifier + ")"))
	}
	if form.dataType == textData && !allBytes(value, isCharacterSet82) ||
		form.dataType != textData && !allBytes(value, isDigit) {
		return newUnparsableError(wrongCharacter.With("(" + identifier + ")"))
	}
	var day ident.Date
	if form.dataType == dateData {
		var exists bool
		day, exists = newCalendarDay(
			expandYear(parseDigits(value[:2])),
			parseDigits(value[2:4]),
			parseDigits(value[4:]),
		)
		if !exists {
			return newUnparsableError(noSuchDay.With("(" + identifier + ")"))
		}
	}
	if form.dataType == gtinData && !isValidGTIN(value) {
		return problem.New(UDIGTINCheck)
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
func isCharacterSet82(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte(`!"%&'()*+,-./:;<=>?_`, c) >= 0
}

// isValidGTIN reports whether the sum of the digits, weighted alternately by 3 and 1, is a multiple of ten (7.9).
func isValidGTIN(digits string) bool {
	sum := 0
	for i := range len(digits) {
		weight := 3 - 2*(i%2)
		sum += weight * int(digits[i]-'0')
	}
	return sum%10 == 0
}

// formatGS1 returns the human readable form or, if a value contains an opening parenthesis, the element string.
func (u UDI) formatGS1() string {
	var readable, elements strings.Builder
	write := func(identifier, value, end string) {
		if value != "" {
			readable.WriteString("(" + identifier + ")" + value)
			elements.WriteString(identifier + value + end)
		}
	}
	write("01", u.DI, "")
	write("11", formatSixDigits(u.Manufactured), "")
	write("17", formatSixDigits(u.Expiry), "")
	write("10", u.Lot, visibleSeparator)
	write("21", u.Serial, "")
	if strings.Contains(u.Lot+u.Serial, "(") {
		return elements.String()
	}
	return readable.String()
}

func formatSixDigits(d ident.Date) string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%02d%02d%02d", d.Year()%100, d.Month(), d.Day())
}
