package ident

import (
	"fmt"
	"io"
	"log/slog"
	"time"
	"unique"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// SSIN is the social security identification number of a person (INSZ, NISS): a national register number or a bis
// number.
//
// It masks itself. The value is behind a handle because package fmt does not call methods on values in unexported
// struct fields: even the raw field must not contain the number.
type SSIN struct{ handle unique.Handle[string] }

// ParseSSIN parses 11 digits: year, month and day of birth, a sequence number, and a check number.
//
// The check number determines the century: for births from 2000 on it is computed with a leading 2. A bis number has 20
// or 40 added to its month. An unknown month or day is 00; with an unknown month the day is a counter, not a calendar
// day, and goes beyond 31 when the sequence numbers of a year are exhausted. The sequence number of the national
// register is odd for men, up to 997, and even for women, up to 998; that of a bis number has no such limit. An error
// has the code SSIN_INVALID.
func ParseSSIN(s string) (SSIN, error) {
	if why := ssinReason(s); !why.IsZero() {
		return SSIN{}, problem.New(SSINInvalid, why)
	}
	return SSIN{unique.Make(s)}, nil
}

func ssinReason(s string) texts.Text {
	if len(s) != 11 {
		return wrongLength.With(len(s), 11)
	}
	if !isDigits(s) {
		return notDigits
	}
	year, known := ssinBirthYear(s)
	if !known {
		return wrongCheckDigits
	}
	month, day := ssinMonth(s), int(parseDigits(s[4:6]))
	if month > 12 || month != 0 && day > 31 {
		return notBirthDate
	}
	if month != 0 && day != 0 {
		if _, err := NewDate(year, time.Month(month), day); err != nil {
			return noSuchBirthDay
		}
	}
	if sequence := parseDigits(s[6:9]); sequence == 0 || sequence > 998 && !isBisNumber(s) {
		return wrongSequenceOfBirth
	}
	return texts.Text{}
}

// ssinBirthYear returns the year of birth in the century that the check number selects, and false if it matches neither
// century. It never matches both: the added 2,000,000,000 is not a multiple of 97.
func ssinBirthYear(digits string) (int, bool) {
	const bornFrom2000 = 2_000_000_000
	year, base, check := int(parseDigits(digits[:2])), parseDigits(digits[:9]), parseDigits(digits[9:])
	switch check {
	case checkNumber(base, 97):
		return 1900 + year, true
	case checkNumber(bornFrom2000+base, 97):
		return 2000 + year, true
	}
	return 0, false
}

// isBisNumber reports whether the number is one for persons who are not in the national register.
func isBisNumber(digits string) bool { return parseDigits(digits[2:4]) >= 20 }

// ssinMonth returns the month of birth, 0 if it is unknown, and more than 12 if there is no such month.
func ssinMonth(digits string) int {
	month := int(parseDigits(digits[2:4]))
	if month >= 60 {
		return month
	}
	return month % 20
}

// BirthDate returns the date of birth in the number, and false if month or day is unknown. The national register may
// have another date: a correction does not always change the number.
func (s SSIN) BirthDate() (Date, bool) {
	if s.IsZero() {
		return Date{}, false
	}
	digits := s.Digits()
	year, known := ssinBirthYear(digits)
	date, err := NewDate(year, time.Month(ssinMonth(digits)), int(parseDigits(digits[4:6])))
	return date, known && err == nil
}

// IsZero reports whether the number is absent.
func (s SSIN) IsZero() bool { return s == SSIN{} }

// Digits returns the 11 digits, or the empty string if the number is absent.
func (s SSIN) Digits() string { return handleValue(s.handle) }

// String returns the masked number with the check digits only: SSIN(*79).
func (s SSIN) String() string {
	if s.IsZero() {
		return "SSIN()"
	}
	return "SSIN(*" + s.Digits()[9:] + ")"
}

// Format masks the number under every verb of package fmt.
func (s SSIN) Format(state fmt.State, _ rune) { writeMask(state, s.String()) }

// LogValue masks the number in logs.
func (s SSIN) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText masks the number in JSON and other encodings; use Digits where the number itself is needed.
func (s SSIN) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// NIHII is the number that the National Institute for Health and Disability Insurance (RIZIV, INAMI) assigns to
// professionals and institutions, with or without the three digits of a qualification. It masks itself like SSIN.
type NIHII struct{ handle unique.Handle[string] }

// ParseNIHII parses 8 digits, or 11 with the qualification. The seventh and eighth are the check number of the first
// six, modulo 97 or, in the newer series, modulo 89. An error has the code NIHII_INVALID.
func ParseNIHII(s string) (NIHII, error) {
	switch {
	case len(s) != 8 && len(s) != 11:
		return NIHII{}, problem.New(NIHIIInvalid, wrongLengthEither.With(len(s), 8, 11))
	case !isDigits(s):
		return NIHII{}, problem.New(NIHIIInvalid, notDigits)
	case !hasValidCheckNumber(s[:8], 97) && !hasValidCheckNumber(s[:8], 89):
		return NIHII{}, problem.New(NIHIIInvalid, wrongNIHIICheck)
	}
	return NIHII{unique.Make(s)}, nil
}

// Base returns the number without its qualification: the 8 digits that identify the holder.
func (n NIHII) Base() NIHII {
	digits := n.Digits()
	if len(digits) <= 8 {
		return n
	}
	return NIHII{unique.Make(digits[:8])}
}

// SameHolder reports whether both numbers have the same holder, whatever the qualification. An absent number has no
// holder.
func (n NIHII) SameHolder(other NIHII) bool { return !n.IsZero() && n.Base() == other.Base() }

// IsZero reports whether the number is absent.
func (n NIHII) IsZero() bool { return n == NIHII{} }

// Digits returns the 8 or 11 digits as parsed, or the empty string if the number is absent.
func (n NIHII) Digits() string { return handleValue(n.handle) }

// String returns the masked number with the check digits only: NIHII(*80).
func (n NIHII) String() string {
	if n.IsZero() {
		return "NIHII()"
	}
	return "NIHII(*" + n.Digits()[6:8] + ")"
}

// Format masks the number under every verb of package fmt.
func (n NIHII) Format(state fmt.State, _ rune) { writeMask(state, n.String()) }

// LogValue masks the number in logs.
func (n NIHII) LogValue() slog.Value { return slog.StringValue(n.String()) }

// MarshalText masks the number in JSON and other encodings; use Digits where the number itself is needed.
func (n NIHII) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// handleValue returns the value of a handle, or the empty string for the zero handle, whose Value method would panic.
func handleValue(handle unique.Handle[string]) string {
	if handle == (unique.Handle[string]{}) {
		return ""
	}
	return handle.Value()
}

// writeMask writes to the buffer of package fmt. Writing to it cannot fail, and Format could not return an error.
func writeMask(w io.Writer, mask string) { _, _ = io.WriteString(w, mask) }
