// Package udi reads the unique device identifier of an implant, as a scanner gives it or as a person copies it from
// the label, in the forms of the three issuing entities that Belgium meets: GS1, HIBCC and ICCBBA.
//
// It is separate because three foreign standards meet here, and the register needs no more of them than who issued the
// identifier, the device identifier, and the production identifiers lot, serial number and dates. Whatever else a
// carrier holds is checked for its form and dropped.
//
// Sources: GS1 General Specifications, sections 3 (application identifiers), 7.9 (check digit), 7.11 (character set
// 82), 7.12 (dates); ANSI/HIBC 2.6, the supplier labeling standard; ICCBBA ST-001, ISBT 128; the FDA's "UDI formats by
// FDA-accredited issuing agency", version 1.3.
//
// Years of two digits are read by a fixed rule, 51 to 99 as 19YY and 00 to 50 as 20YY. GS1's window slides with the
// current year; ours does not, so that what a kept UDI means never changes. In 2026 the two agree on every date from
// 1977 to 2050.
package udi

import (
	"strings"
	"time"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
)

// Issuer is the entity under whose standard an identifier was issued.
type Issuer uint8

// The issuers.
const (
	GS1 Issuer = iota + 1
	HIBCC
	ICCBBA
)

// String names the issuer as it names itself, and gives nothing for none.
func (i Issuer) String() string {
	switch i {
	case GS1:
		return "GS1"
	case HIBCC:
		return "HIBCC"
	case ICCBBA:
		return "ICCBBA"
	}
	return ""
}

// UDI is what Parse found. It is comparable; what the carrier did not hold is empty.
type UDI struct {
	Issuer Issuer
	// DI names the version or model of the device: the 14 digits of a GTIN (GS1), the primary data from the plus sign
	// to the unit of measure without the check character (HIBCC), or 16 characters, 10 for blood bags (ICCBBA).
	DI           string
	Lot          string
	Serial       string
	Expiry       ident.Date
	Manufactured ident.Date
}

// IsZero tells whether there is no identifier.
func (u UDI) IsZero() bool { return u == UDI{} }

// maxLength is more than the longest carrier of any of the three standards, and what the XSD lets through.
const maxLength = 250

// Parse reads a whole identifier: the device identifier has to be there, the production identifiers may be. A GTIN
// with a wrong check digit has the code UDI_GTIN_CHECK, everything else that cannot be read UDI_UNPARSABLE.
func Parse(s string) (UDI, error) {
	if len(s) > maxLength {
		return UDI{}, unparsable("It is longer than 250 bytes.")
	}
	s = cutSymbology(strings.TrimLeft(strings.TrimRight(s, "\r\n\t"), " \r\n\t"))
	if s == "" {
		return UDI{}, unparsable("It is empty.")
	}
	var (
		u   UDI
		err error
	)
	switch first := s[0]; {
	case first == '(':
		u, err = parseBracketed(s)
	case first == '+' || first == '*':
		u, err = parseHIBC(s)
	case first == '=' || first == '&':
		u, err = parseISBT(s)
	case isDigit(first) || strings.HasPrefix(s, separator) || strings.HasPrefix(s, visibleSeparator):
		u, err = parseElements(s)
	default:
		err = unparsable("It begins with none of the signs of GS1, HIBCC or ICCBBA.")
	}
	if err != nil {
		return UDI{}, err
	}
	if u.DI == "" {
		return UDI{}, unparsable("It holds no device identifier: scan the first code of the label too.")
	}
	return u, nil
}

// String writes the identifier in the form that its issuer prints beside the barcode. Parse of it gives u again.
func (u UDI) String() string {
	switch u.Issuer {
	case GS1:
		return u.gs1()
	case HIBCC:
		return u.hibc()
	case ICCBBA:
		return u.isbt()
	}
	return ""
}

// cutSymbology removes the prefix by which a scanner says what barcode it read (ISO/IEC 15424). The content itself
// says whose standard it follows.
func cutSymbology(s string) string {
	for _, prefix := range [...]string{"]d2", "]C1", "]Q3", "]e0", "]d1", "]C0", "]Q1", "]A0"} {
		if rest, found := strings.CutPrefix(s, prefix); found {
			return rest
		}
	}
	return s
}

func unparsable(why string) error { return problem.New(problem.UDIUnparsable, why) }

// setOnce keeps a value in a field that is still empty or holds the same value: a carrier may repeat itself, it may
// not contradict itself.
func setOnce[T comparable](field *T, value T) bool {
	var none T
	if *field != none && *field != value {
		return false
	}
	*field = value
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

func isAlphanumeric(c byte) bool { return isDigit(c) || isUpper(c) || 'a' <= c && c <= 'z' }

// all tells whether every byte of s is of a class.
func all(s string, class func(byte) bool) bool {
	for i := range len(s) {
		if !class(s[i]) {
			return false
		}
	}
	return true
}

// number is the value of a few digits.
func number(digits string) int {
	n := 0
	for i := range len(digits) {
		n = n*10 + int(digits[i]-'0')
	}
	return n
}

// century makes four digits of a year's two; see the package comment.
func century(year int) int {
	if year > 50 {
		return 1900 + year
	}
	return 2000 + year
}

// calendarDay makes a day that exists. Day 0 stands for the last day of the month, as GS1 has it.
func calendarDay(year, month, day int) (ident.Date, bool) {
	if day == 0 && 1 <= month && month <= 12 {
		day = time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	}
	date, err := ident.NewDate(year, time.Month(month), day)
	return date, err == nil
}

// ordinalDay makes the day that is the given one of its year, counted from 1.
func ordinalDay(year, ordinal int) (ident.Date, bool) {
	first, err := ident.NewDate(year, time.January, 1)
	date := first.AddDays(ordinal - 1)
	return date, err == nil && date.Year() == year
}
