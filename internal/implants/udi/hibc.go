package udi

import (
	"fmt"
	"strings"

	"github.com/openctr/ctr/internal/platform/ident"
)

// code39Characters are the characters of HIBC in the order of their values for the check character.
const code39Characters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"

// parseHIBC parses a primary code, optionally followed by secondary data. It ignores surrounding asterisks, the printed
// start and stop characters of Code 39. A final underscore is the printed form of a space as check character.
func parseHIBC(s string) (UDI, error) {
	if inner, starred := strings.CutPrefix(s, "*"); starred {
		s = strings.TrimSuffix(inner, "*")
	}
	if len(s) < 2 || s[0] != '+' {
		return UDI{}, newUnparsableError(hibcStart)
	}
	data, check := s[:len(s)-1], s[len(s)-1]
	if check == '_' {
		check = ' '
	}
	want, valid := hibcCheckCharacter(data)
	if !valid {
		return UDI{}, newUnparsableError(hibcCharacter)
	}
	if check != want {
		return UDI{}, newUnparsableError(hibcCheck)
	}
	primary, secondary, joined := strings.Cut(data[1:], "/")
	if primary != "" && !isUpper(primary[0]) {
		return UDI{}, newUnparsableError(hibcSecondary)
	}
	if !isHIBCPrimary(primary) {
		return UDI{}, newUnparsableError(hibcPrimary)
	}
	u := UDI{Issuer: HIBCC, DI: "+" + primary}
	if joined {
		for part := range strings.SplitSeq(secondary, "/") {
			if !u.addHIBCSecondary(part) {
				return UDI{}, newUnparsableError(hibcSecondaryData)
			}
		}
	}
	return u, nil
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

// addHIBCSecondary parses one part of the secondary data according to its flag.
func (u *UDI) addHIBCSecondary(part string) bool {
	flag := part[:len(part)-len(strings.TrimLeft(part, "$+"))]
	value := part[len(flag):]
	switch flag {
	case "$$+":
		return u.addHIBCDatedValue(value, &u.Serial)
	case "$$":
		return u.addHIBCDatedValue(value, &u.Lot)
	case "$+":
		return isHIBCValue(value) && setOnce(&u.Serial, value)
	case "$":
		return isHIBCValue(value) && setOnce(&u.Lot, value)
	case "":
	default:
		return false
	}
	switch {
	case strings.HasPrefix(value, "S"):
		return isHIBCValue(value[1:]) && setOnce(&u.Serial, value[1:])
	case strings.HasPrefix(value, "Q"):
		return len(value) > 1 && len(value) <= 6 && allBytes(value[1:], isDigit)
	case strings.HasPrefix(value, "14D"):
		return setEightDigitDate(&u.Expiry, value[3:])
	case strings.HasPrefix(value, "16D"):
		return setEightDigitDate(&u.Manufactured, value[3:])
	case len(value) >= 5: // the oldest form: the day of expiry within its year, then the lot
		return u.addHIBCDatedValue("5"+value, &u.Lot)
	}
	return false
}

// addHIBCDatedValue parses an optional quantity, an expiry date in the layout given by its first digit, and an optional
// lot or serial number, which it stores in field.
func (u *UDI) addHIBCDatedValue(s string, field *string) bool {
	quantity := 0
	switch {
	case strings.HasPrefix(s, "8"):
		quantity = len("8QQ")
	case strings.HasPrefix(s, "9"):
		quantity = len("9QQQQQ")
	}
	if len(s) < quantity || !allBytes(s[:quantity], isDigit) {
		return false
	}
	s = s[quantity:]
	if s == "" {
		return quantity > 0
	}
	form := hibcDateLayout(s[0])
	if len(s) < len(form) || !allBytes(s[:len(form)], isDigit) {
		return false
	}
	if expiry, dated := parseHIBCDate(form, s); dated && !setOnce(&u.Expiry, expiry) || !dated && form != "7" {
		return false
	}
	value := s[len(form):]
	return value == "" || isHIBCValue(value) && setOnce(field, value)
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

func setEightDigitDate(field *ident.Date, s string) bool {
	if len(s) != 8 || !allBytes(s, isDigit) {
		return false
	}
	day, exists := newCalendarDay(parseDigits(s[:4]), parseDigits(s[4:6]), parseDigits(s[6:]))
	return exists && setOnce(field, day)
}

// isHIBCValue reports whether s is valid as a lot or serial number.
func isHIBCValue(s string) bool {
	return s != "" && len(s) <= 18 &&
		allBytes(s, func(c byte) bool { return isDigit(c) || isUpper(c) || c == '-' || c == '.' })
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
