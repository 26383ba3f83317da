package forms

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/access"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// FormatDate writes a date as people in Belgium do.
func FormatDate(iso string) string {
	var year, month, day int
	if n, err := fmt.Sscanf(iso, "%4d-%2d-%2d", &year, &month, &day); n != 3 || err != nil {
		return iso
	}
	return fmt.Sprintf("%02d/%02d/%04d", day, month, year)
}

var dateInput = regexp.MustCompile(`^\s*(\d{1,2})[\s./-]+(\d{1,2})[\s./-]+(\d{4})\s*$|^\s*(\d{2})(\d{2})(\d{4})\s*$`)

// ParseDate reads a date as people type it: day, month and year with any of / - . or a blank between them, or eight
// digits. What it does not understand, such as a date of ISO 8601, it returns as it is.
func ParseDate(typed string) string {
	m := dateInput.FindStringSubmatch(typed)
	if m == nil {
		return typed
	}
	if m[1] == "" {
		m = m[3:]
	}
	return fmt.Sprintf("%s-%02s-%02s", m[3], m[2], m[1])
}

// ParseProfessional reads the number of a professional: 11 digits are a national number if its check digits are right,
// and otherwise a NIHII number.
func ParseProfessional(typed string) ctr.Professional {
	digits := StripPunctuation(typed)
	if _, err := ident.ParseSSIN(digits); err == nil {
		return ctr.Professional{SSIN: digits}
	}
	return ctr.Professional{NIHII: digits}
}

// StripPunctuation removes what people type between the digits of a number.
func StripPunctuation(typed string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" .-/\u00a0", r) {
			return -1
		}
		return r
	}, typed)
}

// FormatSSIN writes a national number as on identity cards.
func FormatSSIN(digits string) string {
	if len(digits) != 11 {
		return digits
	}
	return digits[:2] + "." + digits[2:4] + "." + digits[4:6] + "-" + digits[6:9] + "." + digits[9:]
}

// FormatProfessional writes the number that a notification has of a professional.
func FormatProfessional(p platform.ProfessionalRef) string {
	if !p.NIHII.IsZero() {
		return p.NIHII.Digits()
	}
	return FormatSSIN(p.SSIN.Digits())
}

// Words of the portal for refusals whose own words are for developers: they name elements of messages.
var (
	// DateInvalid says how to write a date.
	DateInvalid = texts.Declare("portal.date_invalid")
	pageWords   = map[problem.Code]texts.Text{
		ident.DateInvalid:         DateInvalid,
		access.MandateExists:      texts.Declare("portal.mandate_exists"),
		access.MandateNotFound:    texts.Declare("portal.mandate_not_found"),
		access.StaffRoleExists:    texts.Declare("portal.role_exists"),
		access.StaffRoleNotFound:  texts.Declare("portal.role_not_found"),
		access.PeriodBeginsInPast: texts.Declare("portal.period_begins_in_past"),
		access.PeriodReversed:     texts.Declare("portal.period_reversed"),
	}
)

// DescribeProblem returns the words of a refusal.
func DescribeProblem(e *problem.Error, l texts.Lang) string {
	if words, isKnown := pageWords[e.Code]; isKnown {
		return words.Translate(l)
	}
	entry, _ := problem.Lookup(e.Code.PublicCode())
	text := entry.Text(l)
	if detail := e.Detail.Translate(l); detail != "" {
		text += " " + detail
	}
	return text
}
