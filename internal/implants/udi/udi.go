// Package udi parses the unique device identifier (UDI) of an implant, as a scanner returns it or as a person copies it
// from the label, in the forms of the three issuing entities used in Belgium: GS1, HIBCC and ICCBBA.
//
// It is separate because it implements three external standards, of which the register needs only the issuing entity,
// the device identifier, and the production identifiers lot, serial number and dates. All other data of a carrier are
// checked for their format and discarded.
//
// Sources: GS1 General Specifications, sections 3 (application identifiers), 7.9 (check digit), 7.11 (character set
// 82), 7.12 (dates); ANSI/HIBC 2.6, the supplier labeling standard; ICCBBA ST-001, ISBT 128; the FDA's "UDI formats by
// FDA-accredited issuing agency", version 1.3.
//
// Two-digit years follow a fixed rule: 51 to 99 mean 19YY, 00 to 50 mean 20YY. The window of GS1 moves with the current
// year; ours is fixed, so that the meaning of a stored UDI never changes. In 2026 both agree on all dates from 1977 to
// 2050.
package udi

import (
	"strings"
	"time"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Issuer is the issuing entity whose standard an identifier follows.
type Issuer uint8

// The issuing entities.
const (
	GS1 Issuer = iota + 1
	HIBCC
	ICCBBA
)

// String returns the name of the issuing entity, or the empty string for the zero Issuer.
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

// UDI is a parsed identifier. It is comparable; fields that the carrier does not contain are zero.
type UDI struct {
	Issuer Issuer
	// DI is the device identifier, which identifies the version or model of the device: the 14 digits of a GTIN (GS1),
	// the primary data from the plus sign to the unit of measure without the check character (HIBCC), or 16 characters,
	// 10 for blood bags (ICCBBA).
	DI           string
	Lot          string
	Serial       string
	Expiry       ident.Date
	Manufactured ident.Date
}

// IsZero reports whether u is the zero UDI.
func (u UDI) IsZero() bool { return u == UDI{} }

// maxLength, in bytes, exceeds the longest carrier of the three standards. The XSD allows 250 characters.
const maxLength = 250

// Parse parses an identifier with a device identifier and optional production identifiers. The error for a GTIN with a
// wrong check digit has the code UDI_GTIN_CHECK, every other error has the code UDI_UNPARSABLE.
func Parse(s string) (UDI, error) {
	if len(s) > maxLength {
		return UDI{}, newUnparsableError(tooLong.With(maxLength))
	}
	s = trimSymbologyPrefix(strings.TrimLeft(strings.TrimRight(s, "\r\n\t"), " \r\n\t"))
	if s == "" {
		return UDI{}, newUnparsableError(empty)
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
		err = newUnparsableError(noIssuer)
	}
	if err != nil {
		return UDI{}, err
	}
	if u.DI == "" {
		return UDI{}, newUnparsableError(noDeviceIdentifier)
	}
	return u, nil
}

// String returns the identifier in the form that the issuing entity prescribes beside the barcode. Parsing it gives u
// again.
func (u UDI) String() string {
	switch u.Issuer {
	case GS1:
		return u.formatGS1()
	case HIBCC:
		return u.formatHIBC()
	case ICCBBA:
		return u.formatISBT()
	}
	return ""
}

// trimSymbologyPrefix removes the prefix by which a scanner reports the type of barcode (ISO/IEC 15424). The content
// itself determines the standard.
func trimSymbologyPrefix(s string) string {
	for _, prefix := range [...]string{"]d2", "]C1", "]Q3", "]e0", "]d1", "]C0", "]Q1", "]A0"} {
		if rest, found := strings.CutPrefix(s, prefix); found {
			return rest
		}
	}
	return s
}

func newUnparsableError(why texts.Text) error { return problem.New(UDIUnparsable, why) }

// setOnce sets a field that is empty or already has the same value, and reports whether it did: a carrier may repeat a
// value but not contradict itself.
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

// allBytes reports whether every byte of s is in the class.
func allBytes(s string, class func(byte) bool) bool {
	for i := range len(s) {
		if !class(s[i]) {
			return false
		}
	}
	return true
}

// parseDigits returns the value of decimal digits; the caller checks them and keeps the number small.
func parseDigits(digits string) int {
	n := 0
	for i := range len(digits) {
		n = n*10 + int(digits[i]-'0')
	}
	return n
}

// expandYear converts a two-digit year to four digits; see the package comment.
func expandYear(year int) int {
	if year > 50 {
		return 1900 + year
	}
	return 2000 + year
}

// newCalendarDay returns the day and whether it exists. Day 0 means the last day of the month, as in GS1.
func newCalendarDay(year, month, day int) (ident.Date, bool) {
	if day == 0 && 1 <= month && month <= 12 {
		day = time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	}
	date, err := ident.NewDate(year, time.Month(month), day)
	return date, err == nil
}

// newOrdinalDay returns a day by its number within the year, counted from 1, and whether it exists.
func newOrdinalDay(year, ordinal int) (ident.Date, bool) {
	first, err := ident.NewDate(year, time.January, 1)
	date := first.AddDays(ordinal - 1)
	return date, err == nil && date.Year() == year
}
