package ident_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

func TestParseDate(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"2026-11-20", "2026-11-20"},
		{"2026-11-20Z", "2026-11-20"},
		{"2026-11-20+01:00", "2026-11-20"},
		{"2026-11-20-14:00", "2026-11-20"},
		{"2026-11-20+13:59", "2026-11-20"},
		{"0001-01-01", "0001-01-01"},
		{"9999-12-31", "9999-12-31"},
		{"2000-02-29", "2000-02-29"},
		{"1948-02-29", "1948-02-29"},
	} {
		got, err := ident.ParseDate(c.in)
		if err != nil || got.String() != c.want {
			t.Errorf("%s is %s, %v", c.in, got, err)
		}
	}
	for _, wrong := range []string{
		"", "2026", "2026-11-2", "2026-1-20", "26-11-20", "20261120", "2026/11/20", "2026-11/20", "20-11-2026",
		"2026-00-20", "2026-13-20", "2026-11-00", "2026-11-31", "1900-02-29", "2026-02-29", "0000-01-01", "-2026-11-20",
		"12026-11-20", "2026-11-20 ", " 2026-11-20", "2026-11-20z", "2026-11-20+1:00", "2026-11-20+14:01",
		"2026-11-20+15:00", "2026-11-20+01:60", "2026-11-20+01.00", "2026-11-20+0100", "2026-11-20T00:00:00Z",
		"2026-11-20+0a:00", "2026-11-20+01:0a", "2026-11-20*01:00", "2026-1a-20", "2026-11-20ZZ",
	} {
		got, err := ident.ParseDate(wrong)
		refusal, typed := errors.AsType[*problem.Error](err)
		if !typed || refusal.Code != ident.DateInvalid || refusal.Kind != problem.RuleViolated || !got.IsZero() {
			t.Errorf("%q is %s, %v", wrong, got, err)
		}
	}
}

func TestNewDate(t *testing.T) {
	for _, c := range []struct {
		year, month, day int
		exists           bool
	}{
		{2026, 11, 20, true}, {2024, 2, 29, true}, {2023, 2, 29, false}, {2100, 2, 29, false}, {0, 1, 1, false},
		{10000, 1, 1, false}, {2026, 0, 1, false}, {2026, 13, 1, false}, {2026, 4, 31, false}, {2026, 1, -1, false},
		{65536 + 2026, 1, 1, false}, {2026, 257, 1, false}, {2026, 1, 257, false},
	} {
		got, err := ident.NewDate(c.year, time.Month(c.month), c.day)
		if (err == nil) != c.exists || got.IsZero() == c.exists {
			t.Errorf("%v gives %s, %v", c, got, err)
		}
		if c.exists && (got.Year() != c.year || int(got.Month()) != c.month || got.Day() != c.day) {
			t.Errorf("%v became %s", c, got)
		}
	}
}

func TestDateOf(t *testing.T) {
	brussels := time.FixedZone("CET", 3600)
	instant := time.Date(2026, 11, 20, 23, 30, 0, 0, time.UTC)
	if got := ident.DateOf(instant).String() + " " + ident.DateOf(instant.In(brussels)).String(); got != "2026-11-20 2026-11-21" {
		t.Errorf("the instant is on %s", got)
	}
	for _, year := range []int{-1, 0, 10000} {
		if got := ident.DateOf(time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC)); !got.IsZero() {
			t.Errorf("year %d gives %s", year, got)
		}
	}
}

func TestDatesAreOrdered(t *testing.T) {
	days := []ident.Date{
		{}, mustParseDate(t, "1999-12-31"), mustParseDate(t, "2026-01-31"), mustParseDate(t, "2026-02-01"), mustParseDate(t, "2026-02-02"), mustParseDate(t, "2027-01-01"),
	}
	if !slices.IsSortedFunc(days, ident.Date.Compare) {
		t.Error("the days are not in their order")
	}
	for i, a := range days {
		for j, b := range days {
			if a.Before(b) != (i < j) || a.After(b) != (i > j) || (a.Compare(b) == 0) != (a == b) {
				t.Errorf("%q and %q compare as %d", a, b, a.Compare(b))
			}
		}
	}
}

func TestAddDays(t *testing.T) {
	for _, c := range []struct {
		from string
		days int
		want string
	}{
		{"2024-02-28", 1, "2024-02-29"}, {"2023-02-28", 1, "2023-03-01"}, {"2026-11-20", 30, "2026-12-20"},
		{"2026-01-01", -1, "2025-12-31"}, {"2026-01-01", 0, "2026-01-01"}, {"0001-01-01", -1, ""}, {"9999-12-31", 1, ""},
		{"0001-01-01", 3652058, "9999-12-31"}, {"2026-01-01", math.MaxInt, ""}, {"2026-01-01", math.MinInt, ""},
	} {
		if got := mustParseDate(t, c.from).AddDays(c.days).String(); got != c.want {
			t.Errorf("%s and %d days is %q, want %q", c.from, c.days, got, c.want)
		}
	}
	if got := (ident.Date{}).AddDays(1); !got.IsZero() {
		t.Errorf("no day and one is %s", got)
	}
}

func TestDateEncodes(t *testing.T) {
	got, err := json.Marshal([]ident.Date{mustParseDate(t, "2026-11-20"), {}})
	if err != nil || string(got) != `["2026-11-20",""]` {
		t.Errorf("%s, %v", got, err)
	}
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{"2026-11-20", "2026-11-20Z", "2026-11-20+01:00", "2000-02-29", "1900-02-29", "0001-01-01", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		day, err := ident.ParseDate(s)
		if err != nil {
			if !day.IsZero() {
				t.Errorf("%q was refused and gave %s", s, day)
			}
			return
		}
		if day.String() != s[:10] {
			t.Errorf("%q became %s", s, day)
		}
		stdlib, err := time.Parse(time.DateOnly, s[:10])
		if err != nil || ident.DateOf(stdlib) != day {
			t.Errorf("%q is %v for package time, %v", s, stdlib, err)
		}
		if next := day.AddDays(1); !next.IsZero() && (!next.After(day) || next.AddDays(-1) != day) {
			t.Errorf("after %s comes %s", day, next)
		}
	})
}
