// Package udi parses the unique device identifier (UDI) of an implant, as a scanner returns it or as a person copies it
// from the label, in the forms of the three issuing entities used in Belgium: GS1, HIBCC and ICCBBA.
//
// It is separate because it implements three external standards, of which the register needs only the issuing entity,
// the device identifier, and the production identifiers lot, serial number and dates. All other data of a carrier are
// passed over.
//
// Reading is never all or nothing: scanners, spreadsheets and people damage single elements, and a recall needs the
// device identifier above all. A value that does not follow its standard is left out rather than guessed, because a
// wrong lot number is worse than none. docs/udi.md lists all rules.
//
// Sources: GS1 General Specifications, sections 3 (application identifiers), 7.8 (separators), 7.9 (check digit), 7.11
// (character sets), 7.12 (dates); GS1 Digital Link, URI Syntax; ANSI/HIBC 2.6, the supplier labeling standard; ICCBBA
// ST-001, ISBT 128; the FDA's "UDI formats by FDA-accredited issuing agency", version 1.3.
//
// Two-digit years follow a fixed rule: 51 to 99 mean 19YY, 00 to 50 mean 20YY. The window of GS1 moves with the current
// year; ours is fixed, so that the meaning of a stored UDI never changes. In 2026 both agree on all dates from 1977 to
// 2050.
package udi

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

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

// maxLength is the 250 characters of the XSD, in bytes of UTF-8.
const maxLength = 1000

// Parse reads an identifier and returns what it understands of it: a faulty element is left out, and the others stay.
//
// The error says what is missing. Its code is UDI_UNPARSABLE if no device identifier was found, UDI_GTIN_CHECK if the
// check digit of the GTIN is wrong, and UDI_PARTLY_READ if only other data were not understood. The result may hold
// production identifiers in each of these cases.
func Parse(s string) (UDI, error) {
	r := read(s)
	return r.udi, r.toError()
}

// ParseDI returns the normal form of a device identifier, as UDI.DI has it. It accepts that form, a GTIN of 8, 12, 13
// or 14 digits with or without its application identifier, HIBC primary data with or without check character, and a
// whole UDI of which everything is understood.
//
// The result has two identifiers if the last digit of HIBC data may be the check character or the unit of measure: a
// search must find both.
func ParseDI(s string) ([]string, error) {
	trimmed := strings.TrimSpace(s)
	digits := strings.NewReplacer(" ", "", "-", "").Replace(trimmed)
	if gtin, isLength := expandGTIN(digits); isLength && allBytes(digits, isDigit) {
		if !isValidGTIN(gtin) {
			return nil, problem.New(UDIGTINCheck)
		}
		return []string{gtin}, nil
	}
	if isISBTProduct(trimmed) {
		return []string{trimmed}, nil
	}
	r := read(s)
	switch err := r.toError(); {
	case r.udi.DI != "" && err != nil && !r.isCheckMissing:
		return nil, problem.New(UDIUnparsable, r.faults...)
	case r.udi.DI == "":
		return nil, err
	}
	forms := []string{r.udi.DI}
	whole := strings.ToUpper(trimmed)
	if r.udi.Issuer == HIBCC && len(whole) == len(r.udi.DI)+1 && isHIBCPrimary(whole[1:]) {
		forms = append(forms, whole)
	}
	return forms, nil
}

// isISBTProduct reports whether s is the device identifier of ISBT 128 without its data identifier.
func isISBTProduct(s string) bool {
	return (len(s) == 16 || len(s) == 10) && allBytes(s, isAlphanumeric) &&
		strings.ContainsFunc(s, unicode.IsDigit) && strings.ContainsFunc(s, unicode.IsUpper)
}

// reading collects what one text says.
type reading struct {
	udi            UDI
	faults         []texts.Text
	isGTINWrong    bool
	isCheckMissing bool            // the only fault of HIBC primary data
	contradicted   map[string]bool // names of elements that were given with two values
}

// symbologyIdentifier is the prefix by which a scanner reports the type of barcode (ISO/IEC 15424). The content itself
// determines the standard.
var symbologyIdentifier = regexp.MustCompile(`^\][A-Za-z][0-9A-Za-z]`)

// read finds the standard that a text follows, and reads the text by it.
func read(s string) *reading {
	r := &reading{}
	if len(s) > maxLength {
		r.addFault(tooLong.With(maxLength))
		return r
	}
	s = strings.TrimLeft(replaceSeparators(s), " ")
	symbology := symbologyIdentifier.FindString(s)
	s = strings.TrimLeft(s[len(symbology):], " ")
	if squareIdentifier.FindStringIndex(s) != nil && s[0] == '[' {
		s = squareIdentifier.ReplaceAllString(s, "($1)")
	}
	switch {
	case s == "":
		r.addFault(empty)
	case s[0] == '+' || s[0] == '*':
		r.readHIBC(s)
	case s[0] == '=' || s[0] == '&':
		r.readISBT(s)
	case isWebAddress(s):
		r.readDigitalLink(s)
	case strings.HasPrefix(symbology, "]E") || strings.HasPrefix(symbology, "]I"): // EAN/UPC and ITF hold only a GTIN
		r.udi.Issuer = GS1
		r.addGTIN(s)
	default:
		r.readUnmarked(s)
	}
	if r.udi == (UDI{Issuer: r.udi.Issuer}) {
		r.udi = UDI{}
	}
	return r
}

// readUnmarked reads a text of GS1: it begins with an application identifier, possibly behind a separator, or with
// words that announce it.
func (r *reading) readUnmarked(s string) {
	if elements := skipSeparators(s); elements == "" || isDigit(elements[0]) || elements[0] == '(' {
		r.readGS1(elements)
	} else if strings.Contains(s, "(01)") {
		r.readGS1(s[strings.IndexByte(s, '('):])
		r.addFault(unknownIdentifier)
	} else {
		r.addFault(noIssuer)
	}
}

// maxFaults bounds the detail of an error.
const maxFaults = 3

func (r *reading) addFault(fault texts.Text) {
	if len(r.faults) < maxFaults && !slices.ContainsFunc(r.faults, fault.Equal) {
		r.faults = append(r.faults, fault)
	}
}

// toError returns the error of Parse.
func (r *reading) toError() error {
	switch {
	case r.isGTINWrong && r.udi.DI == "":
		return problem.New(UDIGTINCheck)
	case r.udi.DI == "" && len(r.faults) == 0:
		return problem.New(UDIUnparsable, noDeviceIdentifier)
	case r.udi.DI == "":
		return problem.New(UDIUnparsable, r.faults...)
	case r.isGTINWrong:
		return problem.New(UDIPartlyRead, twoValues.With("(01)"))
	case len(r.faults) > 0:
		return problem.New(UDIPartlyRead, r.faults...)
	}
	return nil
}

// setField sets a field that is empty or already has the same value, and reports whether it did. A carrier may repeat a
// value; if it contradicts itself, neither value is certain, and the field stays empty.
func setField[T comparable](r *reading, field *T, value T, name string) bool {
	var none T
	if r.contradicted[name] || *field != none && *field != value {
		if r.contradicted == nil {
			r.contradicted = map[string]bool{}
		}
		r.contradicted[name] = true
		*field = none
		r.addFault(twoValues.With(name))
		return false
	}
	*field = value
	return true
}

// String returns the identifier in the form that the issuing entity prescribes beside the barcode, or the empty string
// without a device identifier. Parsing it gives u again.
func (u UDI) String() string {
	if u.DI == "" {
		return ""
	}
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
