package pki_test

import (
	"time"

	"github.com/openctr/ctr/internal/problem"
)

func code(err error) problem.Code {
	if err == nil {
		return ""
	}
	return problem.From(err).Code
}

func day(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
}

func now() time.Time { return day(2026, time.November, 20) }
