package ident

import (
	"errors"
	"fmt"
	"time"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// NotificationCode is the code of an implant in the list of notified implants.
type NotificationCode struct{ digits string }

// ParseNotificationCode parses 12 digits; the last two are the check number of the others modulo 97. An error has the
// code IMPLANT_CODE_INVALID.
func ParseNotificationCode(s string) (NotificationCode, error) {
	switch {
	case len(s) != 12:
		return NotificationCode{}, problem.New(ImplantCodeInvalid, wrongLength.With(len(s), 12))
	case !isDigits(s):
		return NotificationCode{}, problem.New(ImplantCodeInvalid, notDigits)
	case !hasValidCheckNumber(s, 97):
		return NotificationCode{}, problem.New(ImplantCodeInvalid, wrongCheckDigits)
	}
	return NotificationCode{s}, nil
}

// IsZero reports whether the code is absent.
func (c NotificationCode) IsZero() bool { return c == NotificationCode{} }

// Digits returns the 12 digits, or the empty string if the code is absent.
func (c NotificationCode) Digits() string { return c.digits }

// String returns the same text as Digits.
func (c NotificationCode) String() string { return c.digits }

// MarshalText returns the same text as Digits.
func (c NotificationCode) MarshalText() ([]byte, error) { return []byte(c.digits), nil }

// NotificationNumber is the number of a final notification: the day of its registration, a sequence number of at least
// five digits, and two check digits. The sequence number counts the day's notifications and never wraps: beyond five
// digits it gets longer.
type NotificationNumber struct {
	digits string
	day    Date
}

const (
	dayDigits        = len("20060102")
	minRunningDigits = 5
	maxRunningDigits = 9
	maxRunning       = 999_999_999
	minNumberDigits  = dayDigits + minRunningDigits + 2
	maxNumberDigits  = dayDigits + maxRunningDigits + 2
)

// NewNotificationNumber returns the number for a day of registration and a sequence number. It fails, with an internal
// error, if the day is zero or the sequence number exceeds 999,999,999.
func NewNotificationNumber(day Date, running uint64) (NotificationNumber, error) {
	if day.IsZero() {
		return NotificationNumber{}, problem.Wrap(problem.InternalError, errors.New("notification number without a day"))
	}
	if running > maxRunning {
		return NotificationNumber{}, problem.Wrap(
			problem.InternalError, errors.New("the running number of notifications is exhausted"),
		)
	}
	base := fmt.Sprintf("%04d%02d%02d%0*d", day.Year(), day.Month(), day.Day(), minRunningDigits, running)
	return NotificationNumber{fmt.Sprintf("%s%02d", base, checkNumber(parseDigits(base), 97)), day}, nil
}

// ParseNotificationNumber parses 15 to 19 digits. The day must exist. A sequence number of more than five digits must
// not begin with 0, so that every notification has one number only. An error has the code NOTIFICATION_NUMBER_INVALID.
func ParseNotificationNumber(s string) (NotificationNumber, error) {
	if why := notificationNumberReason(s); !why.IsZero() {
		return NotificationNumber{}, problem.New(NotificationNumberInvalid, why)
	}
	day, err := parseCompactDate(s[:dayDigits])
	if err != nil {
		return NotificationNumber{}, problem.Wrap(NotificationNumberInvalid, err, noDatePrefix)
	}
	return NotificationNumber{s, day}, nil
}

func notificationNumberReason(s string) texts.Text {
	switch {
	case len(s) < minNumberDigits || len(s) > maxNumberDigits:
		return wrongLengthBetween.With(len(s), minNumberDigits, maxNumberDigits)
	case !isDigits(s):
		return notDigits
	case !hasValidCheckNumber(s, 97):
		return wrongCheckDigits
	case len(s) > minNumberDigits && s[dayDigits] == '0':
		return paddedRunningNumber
	}
	return texts.Text{}
}

// Day returns the day on which the notification was registered, or the zero Date if the number is absent.
func (n NotificationNumber) Day() Date { return n.day }

// parseCompactDate parses eight digits as year, month and day.
func parseCompactDate(digits string) (Date, error) {
	return NewDate(int(parseDigits(digits[:4])), time.Month(parseDigits(digits[4:6])), int(parseDigits(digits[6:8])))
}

// IsZero reports whether the number is absent.
func (n NotificationNumber) IsZero() bool { return n == NotificationNumber{} }

// Digits returns the 15 to 19 digits, or the empty string if the number is absent.
func (n NotificationNumber) Digits() string { return n.digits }

// String returns the same text as Digits.
func (n NotificationNumber) String() string { return n.digits }

// MarshalText returns the same text as Digits.
func (n NotificationNumber) MarshalText() ([]byte, error) { return []byte(n.digits), nil }
