package udi

import (
	"fmt"
	"strings"

	"github.com/openctr/ctr/internal/platform/ident"
)

// code39Characters are the characters of HIBC in the order of their values for the check character.
const code39Characters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"

// readHIBC reads a primary code with the secondary data that follow it in the same code, or in a second one behind it.
// It ignores asterisks, the printed start and stop characters of Code 39. A final underscore is the printed form of a
// space as check character.
func (r *reading) readHIBC(s string) {
	r.udi.Issuer = HIBCC
	s = strings.TrimLeft(strings.ReplaceAll(strings.ToUpper(s), "*", " "), " ")
	if len(s) < 2 || s[0] != '+' {
		r.addFault(hibcStart)
		return
	}
	primary, secondary := splitHIBCCodes(s)
	if secondary == "" {
		r.readHIBCCode(s)
		return
	}
	r.readHIBCCode(primary)
	// The last character of the data links the code to the primary code, whose check character it repeats.
	_, link := lastHIBCCharacter(primary)
	data, isValid := cutHIBCCheck(secondary, func(data string) bool { return data[len(data)-1] == link && len(data) > 1 })
	if !isValid {
		r.addFault(hibcCheck)
		return
	}
	r.addHIBCSecondary(data[1 : len(data)-1])
}

// splitHIBCCodes splits the text at the plus sign that begins a secondary code. The second part is empty if there is
// none, or if what precedes it is not a primary code with its check character.
func splitHIBCCodes(s string) (primary, secondary string) {
	const longest = len("+A123PRODUCT12345678901UC") + 4 // with what may separate the codes
	for at := len("+A1231C"); at+1 < min(len(s), longest+1); at++ {
		if s[at] != '+' || s[at+1] != '$' && !isDigit(s[at+1]) {
			continue
		}
		for end := at; end > 0; end-- {
			if data, isValid := cutHIBCCheck(s[:end], isHIBCData); isValid && isHIBCPrimary(data[1:]) {
				return data + checkOf(data), s[at:]
			}
			if strings.IndexByte(" /,;|"+separator, s[end-1]) < 0 {
				break
			}
		}
	}
	return s, ""
}

// checkOf returns the check character of data that consist of characters of HIBC.
func checkOf(data string) string {
	check, _ := hibcCheckCharacter(data)
	return string(check)
}

func lastHIBCCharacter(s string) (before string, last byte) { return s[:len(s)-1], s[len(s)-1] }

// cutHIBCCheck removes the check character from data that isData accepts. It returns false if there is no valid one.
// Spaces at the end are not data, but one of them may be the check character, which some programs remove.
func cutHIBCCheck(s string, isData func(string) bool) (data string, isValid bool) {
	trimmed := strings.TrimRight(s, " ")
	isSpaceCheck := func() bool {
		want, known := hibcCheckCharacter(trimmed)
		return known && want == ' ' && isData(trimmed)
	}
	if len(trimmed) < 2 || trimmed != s && isSpaceCheck() {
		return trimmed, len(trimmed) > 1
	}
	data, check := lastHIBCCharacter(trimmed)
	if check == '_' {
		check = ' '
	}
	if want, known := hibcCheckCharacter(data); known && check == want && isData(data) {
		return data, true
	}
	return trimmed, isSpaceCheck()
}

// isHIBCData reports whether s is a code without its check character: primary data, alone or before a slash, or
// secondary data.
func isHIBCData(s string) bool {
	primary, _, _ := strings.Cut(strings.TrimPrefix(s, "+"), "/")
	return isHIBCPrimary(primary) || isHIBCSecondary(primary)
}

func isHIBCSecondary(s string) bool { return s != "" && !isUpper(s[0]) }

// readHIBCCode reads one code: primary data, and secondary data behind a slash. Without a valid check character only
// the device identifier is certain, and only if its end is.
func (r *reading) readHIBCCode(s string) {
	data, isValid := cutHIBCCheck(s, isHIBCData)
	primary, secondary, isJoined := strings.Cut(data[1:], "/")
	switch {
	case isHIBCSecondary(primary):
		r.addFault(hibcSecondary)
		if isValid && len(data) > 2 {
			r.addHIBCSecondary(data[1 : len(data)-1])
		}
		return
	case !isHIBCPrimary(primary) && !isValid:
		r.addFault(hibcCheck)
		return
	case !isHIBCPrimary(primary):
		r.addFault(hibcPrimary)
		return
	}
	r.udi.DI = "+" + primary
	switch {
	case !isValid:
		r.isCheckMissing = !isJoined
		r.addFault(hibcCheck)
	case isJoined:
		for part := range strings.SplitSeq(secondary, "/") {
			r.addHIBCSecondary(part)
		}
	}
}

// hibcCheckCharacter returns the check character: the sum of all values modulo 43.
func hibcCheckCharacter(data string) (byte, bool) {
	sum := 0
	for i := range len(data) {
		value := strings.IndexByte(code39Characters, data[i])
		if value < 0 {
			return 0, false
		}
		sum += value
	}
	return code39Characters[sum%len(code39Characters)], true
}

// isHIBCPrimary reports whether s consists of a labeler (a letter and three characters), a product of 1 to 18
// characters and the digit of the unit of measure.
func isHIBCPrimary(s string) bool {
	return len(s) >= 6 && len(s) <= 23 && isUpper(s[0]) && isDigit(s[len(s)-1]) &&
		allBytes(s, func(c byte) bool { return isDigit(c) || isUpper(c) })
}

// addHIBCSecondary reads one part of the secondary data according to its flag. A faulty value is only left out.
func (r *reading) addHIBCSecondary(part string) {
	flag := part[:len(part)-len(strings.TrimLeft(part, "$+"))]
	value := part[len(flag):]
	switch {
	case flag == "$$+":
		r.addHIBCDatedValue(value, &r.udi.Serial, flag)
	case flag == "$$":
		r.addHIBCDatedValue(value, &r.udi.Lot, flag)
	case flag == "$+":
		r.addHIBCValue(value, &r.udi.Serial, flag)
	case flag == "$":
		r.addHIBCValue(value, &r.udi.Lot, flag)
	case flag != "":
		r.addFault(hibcSecondaryData)
	case strings.HasPrefix(value, "S") && len(value) > 1:
		r.addHIBCValue(value[1:], &r.udi.Serial, "S")
	case strings.HasPrefix(value, "Q"):
		if len(value) < 2 || len(value) > 6 || !allBytes(value[1:], isDigit) {
			r.addFault(hibcSecondaryData)
		}
	case strings.HasPrefix(value, "14D"):
		r.addHIBCDate(&r.udi.Expiry, value)
	case strings.HasPrefix(value, "16D"):
		r.addHIBCDate(&r.udi.Manufactured, value)
	case len(value) >= 5: // the oldest form: the day of expiry within its year, then the lot
		r.addHIBCDatedValue("5"+value, &r.udi.Lot, "$$")
	default:
		r.addFault(hibcSecondaryData)
	}
}

// addHIBCValue stores a lot or serial number, which may be empty: other data follow then.
func (r *reading) addHIBCValue(value string, field *string, name string) {
	isValue := len(value) <= 18 &&
		allBytes(value, func(c byte) bool { return isDigit(c) || isUpper(c) || c == '-' || c == '.' })
	switch {
	case value == "":
	case !isValue:
		r.addFault(hibcSecondaryData)
	default:
		setField(r, field, value, name)
	}
}

// addHIBCDatedValue reads an optional quantity, an expiry date in the layout given by its first digit, and an optional
// lot or serial number, which it stores in field.
func (r *reading) addHIBCDatedValue(s string, field *string, name string) {
	quantity := 0
	switch {
	case strings.HasPrefix(s, "8"):
		quantity = len("8QQ")
	case strings.HasPrefix(s, "9"):
		quantity = len("9QQQQQ")
	}
	if len(s) < quantity || !allBytes(s[:quantity], isDigit) {
		r.addFault(hibcSecondaryData)
		return
	}
	s = s[quantity:]
	if s == "" {
		return
	}
	form := hibcDateLayout(s[0])
	if len(s) < len(form) || !allBytes(s[:len(form)], isDigit) {
		r.addFault(hibcSecondaryData)
		return
	}
	if form != "7" {
		if expiry, exists := parseHIBCDate(form, s); exists {
			setField(r, &r.udi.Expiry, expiry, "14D")
		} else {
			r.addFault(noSuchDay.With(name))
		}
	}
	r.addHIBCValue(s[len(form):], field, name)
}

// hibcDateLayout returns the layout of a date with the given first digit: from 2 on the digit is a flag, below it
// belongs to the month.
func hibcDateLayout(first byte) string {
	switch first {
	case '2':
		return "2MMDDYY"
	case '3':
		return "3YYMMDD"
	case '4':
		return "4YYMMDDHH"
	case '5':
		return "5YYJJJ"
	case '6':
		return "6YYJJJHH"
	case '7':
		return "7"
	}
	return "MMYY"
}

// parseHIBCDate parses the digits of s according to the layout form. It ignores hours; a missing day means the last day
// of the month.
func parseHIBCDate(form, s string) (ident.Date, bool) {
	field := func(letters string) int {
		at := strings.Index(form, letters)
		if at < 0 {
			return 0
		}
		return parseDigits(s[at : at+len(letters)])
	}
	year := expandYear(field("YY"))
	if strings.Contains(form, "JJJ") {
		return newOrdinalDay(year, field("JJJ"))
	}
	return newCalendarDay(year, field("MM"), field("DD"))
}

// addHIBCDate stores a date of eight digits behind its identifier, 14D or 16D.
func (r *reading) addHIBCDate(field *ident.Date, value string) {
	name, digits := value[:3], value[3:]
	if len(digits) != 8 || !allBytes(digits, isDigit) {
		r.addFault(hibcSecondaryData)
		return
	}
	day, exists := newCalendarDay(parseDigits(digits[:4]), parseDigits(digits[4:6]), parseDigits(digits[6:]))
	if !exists {
		r.addFault(noSuchDay.With(name))
		return
	}
	setField(r, field, day, name)
}

// formatHIBC returns the primary and secondary data in one code, with four-digit years.
func (u UDI) formatHIBC() string {
	s := u.DI
	if u.Lot != "" {
		s += "/$" + u.Lot
	}
	if u.Serial != "" {
		s += "/S" + u.Serial
	}
	s += formatEightDigits("/16D", u.Manufactured) + formatEightDigits("/14D", u.Expiry)
	check, _ := hibcCheckCharacter(s)
	if check == ' ' {
		check = '_'
	}
	return s + string(check)
}

func formatEightDigits(flag string, d ident.Date) string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%s%04d%02d%02d", flag, d.Year(), d.Month(), d.Day())
}
