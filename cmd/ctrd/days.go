package main

import (
	"fmt"
	"time"

	"github.com/openctr/ctr/internal/platform/ident"
)

// surgeryPeriodFlags select a period of surgery dates.
type surgeryPeriodFlags struct {
	From string `help:"First day of surgery." placeholder:"DATE"`
	To   string `help:"Last day of surgery." placeholder:"DATE"`
}

func (p surgeryPeriodFlags) parseDates() (from, to ident.Date, err error) {
	return parseDates(p.From, p.To)
}

// parseDates parses --from and --to.
func parseDates(first, last string) (from, to ident.Date, err error) {
	if from, err = parseDay("--from", first); err != nil {
		return from, to, err
	}
	to, err = parseDay("--to", last)
	return from, to, err
}

// parsePeriod returns the instants at which the day --from begins and the day --to ends, in Belgian time. A missing day
// gives the zero instant.
func parsePeriod(first, last string) (from, to time.Time, err error) {
	begin, end, err := parseDates(first, last)
	if !begin.IsZero() {
		from = startOfDay(begin)
	}
	if !end.IsZero() {
		to = startOfDay(end).AddDate(0, 0, 1)
	}
	return from, to, err
}

// startOfDay returns the instant at which a day begins in Belgian time.
func startOfDay(d ident.Date) time.Time {
	return time.Date(d.Year(), d.Month(), d.Day(), 0, 0, 0, 0, ident.BelgianTime())
}

// parseDay parses the day of a flag; the empty text gives the zero day.
func parseDay(flag, text string) (ident.Date, error) {
	if text == "" {
		return ident.Date{}, nil
	}
	d, err := ident.ParseDate(text)
	if err != nil {
		return d, fmt.Errorf("%s takes a day as YYYY-MM-DD, not %q", flag, text)
	}
	return d, nil
}

// currentDay returns the current day in Belgian time.
func currentDay() ident.Date { return ident.DateOf(time.Now().In(ident.BelgianTime())) }
