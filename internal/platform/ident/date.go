package ident

import (
	"cmp"
	"fmt"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

// Date is a day of the civil calendar, without time of day or time zone, between the years 0001 and 9999.
// The zero value means "no day".
type Date struct {
	year       int16
	month, day uint8
}

// NewDate returns the day, which must exist. An error has the code DATE_INVALID.
func NewDate(year int, month time.Month, day int) (Date, error) {
	if year < 1 || year > 9999 || month < time.January || month > time.December ||
		day < 1 || day > daysInMonth(year, month) {
		return Date{}, problem.New(DateInvalid)
	}
	return Date{int16(year), uint8(month), uint8(day)}, nil
}

// daysInMonth returns the number of days in a month. Day 0 of the next month is the last day of this one.
func daysInMonth(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// ParseDate parses a day in the form of xs:date (XML Schema part 2, 3.2.9): YYYY-MM-DD, with or without a time zone. It
// discards the zone: a date of birth or surgery is the local calendar day. An error has the code DATE_INVALID.
func ParseDate(s string) (Date, error) {
	const form = "2006-01-02"
	if len(s) < len(form) {
		return Date{}, problem.New(DateInvalid)
	}
	day, zone := s[:len(form)], s[len(form):]
	digits := day[:4] + day[5:7] + day[8:]
	if day[4] != '-' || day[7] != '-' || !isDigits(digits) || !isTimeZone(zone) {
		return Date{}, problem.New(DateInvalid)
	}
	return parseCompactDate(digits)
}

// isTimeZone reports whether s is empty or a time zone of XML Schema: Z, or a sign and hh:mm up to 14:00.
func isTimeZone(s string) bool {
	if s == "" || s == "Z" {
		return true
	}
	if len(s) != len("+hh:mm") || (s[0] != '+' && s[0] != '-') || s[3] != ':' || !isDigits(s[1:3]) || !isDigits(s[4:]) {
		return false
	}
	hours, minutes := parseDigits(s[1:3]), parseDigits(s[4:])
	return hours < 14 && minutes < 60 || hours == 14 && minutes == 0
}

// DateOf returns the day of an instant in the instant's location. Outside the years 0001 to 9999 it returns the zero
// Date.
func DateOf(t time.Time) Date {
	year, month, day := t.Date()
	if year < 1 || year > 9999 {
		return Date{}
	}
	return Date{int16(year), uint8(month), uint8(day)}
}

// Year returns the year, or 0 for the zero Date.
func (d Date) Year() int { return int(d.year) }

// Month returns the month, or 0 for the zero Date.
func (d Date) Month() time.Month { return time.Month(d.month) }

// Day returns the day of the month, or 0 for the zero Date.
func (d Date) Day() int { return int(d.day) }

// IsZero reports whether d is the zero Date.
func (d Date) IsZero() bool { return d == Date{} }

// Compare returns -1 if d is earlier than other, 0 if they are the same day, and 1 if d is later. The zero Date is
// earlier than every day.
func (d Date) Compare(other Date) int {
	return cmp.Or(cmp.Compare(d.year, other.year), cmp.Compare(d.month, other.month), cmp.Compare(d.day, other.day))
}

// Before reports whether d is earlier than other.
func (d Date) Before(other Date) bool { return d.Compare(other) < 0 }

// After reports whether d is later than other.
func (d Date) After(other Date) bool { return d.Compare(other) > 0 }

// AddDays returns the day the given number of days later, or earlier if negative. It returns the zero Date if d is zero
// or the result is outside the years 0001 to 9999.
func (d Date) AddDays(days int) Date {
	const allDays = 9999 * 366 // more than the distance of any two days; prevents an overflow in package time
	if d.IsZero() || days > allDays || days < -allDays {
		return Date{}
	}
	return DateOf(time.Date(d.Year(), d.Month(), d.Day()+days, 0, 0, 0, 0, time.UTC))
}

// AddMonths returns the same day of the month the given number of months later, or the last day of that month if it has
// no such day. It returns the zero Date if d is zero or the result is outside the years 0001 to 9999.
func (d Date) AddMonths(months int) Date {
	if d.IsZero() {
		return Date{}
	}
	first := time.Date(d.Year(), d.Month()+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
	return DateOf(first.AddDate(0, 0, min(d.Day(), daysInMonth(first.Year(), first.Month()))-1))
}

// String returns the day as YYYY-MM-DD, or the empty string for the zero Date.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day)
}

// MarshalText returns the same text as String.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }
