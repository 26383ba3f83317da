package ident

import (
	"cmp"
	"fmt"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

// Date is a day of the civil calendar, without a time of day and without a place, between the years 0001 and 9999.
// The zero value means "no day".
type Date struct {
	year       int16
	month, day uint8
}

// NewDate makes a day that exists. A refusal has the code DATE_INVALID.
func NewDate(year int, month time.Month, day int) (Date, error) {
	if year < 1 || year > 9999 || month < time.January || month > time.December || day < 1 || day > daysIn(year, month) {
		return Date{}, problem.New(problem.DateInvalid)
	}
	return Date{int16(year), uint8(month), uint8(day)}, nil
}

// daysIn gives the number of days of a month: the day before the first of the next.
func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// ParseDate reads a day as xs:date writes it (XML Schema part 2, 3.2.9): YYYY-MM-DD, with or without a time zone. The
// zone is read and dropped: a birthday or a day of operation is the day on the calendar where it happened. A refusal
// has the code DATE_INVALID.
func ParseDate(s string) (Date, error) {
	const form = "2006-01-02"
	if len(s) < len(form) {
		return Date{}, problem.New(problem.DateInvalid)
	}
	day, zone := s[:len(form)], s[len(form):]
	digits := day[:4] + day[5:7] + day[8:]
	if day[4] != '-' || day[7] != '-' || !isDigits(digits) || !isZone(zone) {
		return Date{}, problem.New(problem.DateInvalid)
	}
	return compactDate(digits)
}

// isZone tells whether s is a time zone of XML Schema or nothing: Z, or a sign and hh:mm up to 14:00.
func isZone(s string) bool {
	if s == "" || s == "Z" {
		return true
	}
	if len(s) != len("+hh:mm") || (s[0] != '+' && s[0] != '-') || s[3] != ':' || !isDigits(s[1:3]) || !isDigits(s[4:]) {
		return false
	}
	hours, minutes := number(s[1:3]), number(s[4:])
	return hours < 14 && minutes < 60 || hours == 14 && minutes == 0
}

// DateOf gives the day of an instant in the location that the instant carries. Outside the years 0001 to 9999 it
// gives the zero Date.
func DateOf(t time.Time) Date {
	year, month, day := t.Date()
	if year < 1 || year > 9999 {
		return Date{}
	}
	return Date{int16(year), uint8(month), uint8(day)}
}

// Year gives the year, 0 for no day.
func (d Date) Year() int { return int(d.year) }

// Month gives the month, 0 for no day.
func (d Date) Month() time.Month { return time.Month(d.month) }

// Day gives the day of the month, 0 for no day.
func (d Date) Day() int { return int(d.day) }

// IsZero tells whether this is no day.
func (d Date) IsZero() bool { return d == Date{} }

// Compare gives -1 when d is earlier than other, 0 when they are the same day, and 1 when d is later. No day is
// earlier than any.
func (d Date) Compare(other Date) int {
	return cmp.Or(cmp.Compare(d.year, other.year), cmp.Compare(d.month, other.month), cmp.Compare(d.day, other.day))
}

// Before tells whether d is earlier than other.
func (d Date) Before(other Date) bool { return d.Compare(other) < 0 }

// After tells whether d is later than other.
func (d Date) After(other Date) bool { return d.Compare(other) > 0 }

// AddDays gives the day that many days later, or earlier when negative. It gives the zero Date when that is outside
// the years 0001 to 9999, and for no day.
func (d Date) AddDays(days int) Date {
	const allDays = 9999 * 366 // no two days are further apart; keeps package time from overflowing
	if d.IsZero() || days > allDays || days < -allDays {
		return Date{}
	}
	return DateOf(time.Date(d.Year(), d.Month(), d.Day()+days, 0, 0, 0, 0, time.UTC))
}

// String writes the day as YYYY-MM-DD, and no day as the empty string.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day)
}

// MarshalText gives the same as String.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }
