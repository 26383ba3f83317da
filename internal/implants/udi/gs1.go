package udi

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/openctr/ctr/internal/platform/ident"
)

// bracketedIdentifier matches an application identifier in the form that people read. Other parentheses belong to a
// value.
var bracketedIdentifier = regexp.MustCompile(`\(([0-9]{2,4})\)`)

// squareIdentifier is what some programs write instead.
var squareIdentifier = regexp.MustCompile(`\[([0-9]{2,4})\]`)

// beginsWithBrackets reports whether an application identifier in parentheses begins s.
func beginsWithBrackets(s string) bool {
	return strings.HasPrefix(s, "(") && bracketedIdentifier.MatchString(s[:min(len(s), len("(1234)"))])
}

// readGS1 reads an element string, the form with identifiers in parentheses, or a GTIN without its identifier.
//
// Digits alone with a valid check digit are a GTIN, although they may also be the elements of a second barcode, unless
// these begin with a date.
func (r *reading) readGS1(s string) {
	r.udi.Issuer = GS1
	gtin, rest := cutGTIN(s)
	if gtin == "" || readsAsElements(s, rest) {
		r.readElements(s)
		return
	}
	r.udi.DI = gtin
	r.readElements(rest)
}

// readsAsElements reports whether s is better read as elements than as a GTIN and the rest.
func readsAsElements(s, rest string) bool {
	elements := &reading{}
	elements.readElements(s)
	if elements.udi.DI != "" {
		return true
	}
	identifier, _ := findLeadingIdentifier(s)
	return len(elements.faults) == 0 && (rest != "" || identifier >= "11" && identifier <= "17")
}

// readBracketed reads the form that people read. A value ends at the next identifier in parentheses, or at a separator.
func (r *reading) readBracketed(s string) {
	for {
		at := bracketedIdentifier.FindStringSubmatchIndex(s)
		if at == nil {
			break
		}
		if strings.TrimSpace(s[:at[0]]) != "" {
			r.addFault(unknownIdentifier)
		}
		identifier, value := s[at[2]:at[3]], s[at[1]:]
		s = ""
		if next := bracketedIdentifier.FindStringIndex(value); next != nil {
			value, s = value[:next[0]], value[next[0]:]
		}
		form := formatByIdentifier[identifier]
		if !form.isKnown {
			form.charset = isCharacterSet82
		}
		end, next := findSeparator(value, form.charset)
		r.addElement(identifier, form, value[:end])
		r.readElements(value[next:])
	}
}

// readElements reads an element string from a scanner: elements of predefined length follow one another, a separator
// ends the others.
func (r *reading) readElements(s string) {
	for s = skipSeparators(s); s != ""; s = skipSeparators(s) {
		if beginsWithBrackets(s) {
			r.readBracketed(s)
			return
		}
		identifier, form := findLeadingIdentifier(s)
		if !form.isKnown && !form.isPredefined {
			r.addFault(unknownIdentifierOrSeparator)
			s = r.skipUnreadable(s)
			continue
		}
		value := strings.TrimLeft(s[len(identifier):], " ")
		end, next := findSeparator(value, form.charset)
		if form.min == form.max && end >= form.max {
			end, next = form.max, form.max
			if !form.hasCharacters(value[:end]) && r.udi.DI == "" {
				if at := findGTINElement(value); at >= 0 {
					end, next = at, at
				}
			}
		}
		r.addElement(identifier, form, value[:end])
		s = value[next:]
	}
}

// skipUnreadable returns what follows text that is no element: the device identifier if it is there and not known yet,
// else what is behind the next separator.
func (r *reading) skipUnreadable(s string) string {
	if at := findGTINElement(s); at > 0 && r.udi.DI == "" {
		return s[at:]
	}
	_, next := findSeparator(s, isCharacterSet82)
	return s[next:]
}

// findGTINElement returns where the first element with a valid GTIN is, before any separator, or -1. It finds the
// device identifier behind an element of the wrong length.
func findGTINElement(s string) int {
	end, _ := findSeparator(s, isCharacterSet82)
	for at := 0; at+16 <= end; at++ {
		if s[at:at+2] == "01" && isValidGTIN(s[at+2:at+16]) {
			return at
		}
	}
	return -1
}

// addElement checks one element, and stores it if the UDI has a field for it. A faulty element is only left out.
func (r *reading) addElement(identifier string, form elementFormat, value string) {
	value = strings.Trim(value, " ")
	name := "(" + identifier + ")"
	switch {
	case !form.isKnown:
		r.addFault(unknownIdentifier)
		return
	case identifier == "01":
		r.addGTIN(value)
		return
	case !form.hasLength(value):
		r.addFault(wrongLength.With(name))
		return
	case !form.hasCharacters(value):
		r.addFault(wrongCharacter.With(name))
		return
	}
	switch identifier {
	case "10":
		setField(r, &r.udi.Lot, value, name)
	case "21":
		setField(r, &r.udi.Serial, value, name)
	case "11", "12", "13", "15", "16", "17":
		day, exists := newCalendarDay(expandYear(parseDigits(value[:2])), parseDigits(value[2:4]), parseDigits(value[4:]))
		switch {
		case !exists:
			r.addFault(noSuchDay.With(name))
		case identifier == "11":
			setField(r, &r.udi.Manufactured, day, name)
		case identifier == "17":
			setField(r, &r.udi.Expiry, day, name)
		}
	}
}

// addGTIN stores a GTIN, which may lack the zeros that fill it up to 14 digits, or be followed by other text.
func (r *reading) addGTIN(value string) {
	digits := strings.ReplaceAll(value, " ", "")
	if !allBytes(digits, isDigit) {
		r.addFault(wrongCharacter.With("(01)"))
		if digits, _ = cutGTIN(value); digits == "" {
			return
		}
	}
	gtin, isLength := expandGTIN(digits)
	switch {
	case !isLength:
		r.addFault(wrongLength.With("(01)"))
	case !isValidGTIN(gtin):
		r.isGTINWrong = true
	default:
		setField(r, &r.udi.DI, gtin, "(01)")
	}
}

// expandGTIN fills a GTIN of 8, 12 or 13 digits up to 14. It returns false for another length.
func expandGTIN(s string) (string, bool) {
	switch len(s) {
	case 8, 12, 13, 14:
		return strings.Repeat("0", 14-len(s)) + s, true
	}
	return "", false
}

// cutGTIN returns the valid GTIN without an application identifier at the beginning of s, in 14 digits, and the rest of
// s. The GTIN is empty if there is none.
func cutGTIN(s string) (gtin, rest string) {
	end := 0
	for end < len(s) && isDigit(s[end]) {
		end++
	}
	gtin, isLength := expandGTIN(s[:end])
	if isLength && isValidGTIN(gtin) {
		return gtin, s[end:]
	}
	return "", s
}

// isValidGTIN reports whether s consists of digits whose sum, weighted alternately by 3 and 1, is a multiple of ten
// (7.9).
func isValidGTIN(s string) bool {
	sum := 0
	for i := range len(s) {
		weight := 3 - 2*(i%2)
		sum += weight * int(s[i]-'0')
	}
	return allBytes(s, isDigit) && sum%10 == 0
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
