package ident_test

import (
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/platform/ident"
)

// TestFindingNationalNumbers reads numbers as the national register and the register of bis numbers give them.
func TestFindingNationalNumbers(t *testing.T) {
	for name, c := range map[string]struct {
		base    string
		century uint64
		valid   bool
	}{
		"last man":                                 {"800101997", 0, true},
		"last woman":                               {"801231998", 0, true},
		"last woman of 2004":                       {"041231998", 2, true},
		"nobody, 999":                              {"801231999", 0, false},
		"nobody, 000":                              {"801231000", 0, false},
		"bis 20, counter 998":                      {"802131998", 0, true},
		"bis 20, counter 999":                      {"803231999", 0, true},
		"bis 40, counter 999":                      {"804131999", 0, true},
		"bis 40, counter 000":                      {"804131000", 0, false},
		"unknown month, counter day 32":            {"850032001", 0, true},
		"unknown month, counter day 99":            {"850099997", 0, true},
		"unknown month of 2005, counter day 45":    {"050045002", 2, true},
		"bis 20 with unknown month, day 32":        {"852032001", 0, true},
		"bis 40 with unknown month, day 60":        {"854060999", 0, true},
		"unknown month and day":                    {"850000001", 0, true},
		"bis 20 with unknown month and day":        {"852000001", 0, true},
		"known month, unknown day":                 {"850300001", 0, true},
		"known month, day 32":                      {"850132001", 0, false},
		"bis 20 with known month, day 32":          {"852132001", 0, false},
		"bis 40 with known month, day 40":          {"854140001", 0, false},
		"month 13":                                 {"851301001", 0, false},
		"month 33":                                 {"853301001", 0, false},
		"month 53":                                 {"855301001", 0, false},
		"month 60":                                 {"856001001", 0, false},
		"month 60, day 32: not an exhausted month": {"856032001", 0, false},
	} {
		number := newSSINText(c.base, c.century)
		if _, err := ident.ParseSSIN(number); (err == nil) != c.valid {
			t.Errorf("%s: %s: %v", name, number, err)
		}
	}
}

// TestZerosAreNoNumber refuses zeros whose check number is right.
func TestZerosAreNoNumber(t *testing.T) {
	for name, s := range map[string]string{
		"CBE": "0000000097", "EHP": "0000000097", "NotificationCode": "000000000097", "NIHII": "00000097",
		"SSIN": "00000000097",
	} {
		checkRefused(t, name, s)
	}
	checkRefused(t, "NIHII", "00000089")
	checkRefused(t, "NIHII", "00000097000")
}

func TestTrimPunctuation(t *testing.T) {
	for want, spellings := range map[string][]string{
		"48022907379": {"48022907379", "48.02.29-073.79", "48.02.29 073-79", "480229 07379", "480229-073-79", " 48022907379\u00a0",
			"48\u00a002\u202f29\u2009073 79", "480229–07379", "48/02/29-073.79"},
		"17800389480":     {"1-78003-89-480", "1/78003/89/480", "1.78003.89.480", "178003 89 480"},
		"0403227020":      {"0403.227.020", "BE 0403.227.020", "BE0403227020", "be 0403 227 020"},
		"000071200176":    {"0000 7120 0176"},
		"202611210000197": {"20261121-00001-97"},
		"":                {"", " ", "\u00a0"},
		"4802290737X":     {"4802290737X"},
		"48022907379.":    {"48022907379."},
		"-48022907379":    {"-48022907379"},
		"4,8022907379":    {"4,8022907379"},
		"BE 48022907379":  {"BE 48022907379"},
		"BE":              {"BE"},
		"4.8E+10":         {"4.8E+10"},
		"...":             {"..."},
	} {
		for _, s := range spellings {
			if got := ident.TrimPunctuation(s); got != want {
				t.Errorf("%q is %q, want %q", s, got, want)
			}
		}
	}
}

func FuzzTrimPunctuation(f *testing.F) {
	f.Add("48.02.29-073.79")
	f.Add("é.1")
	f.Fuzz(func(t *testing.T, s string) {
		got := ident.TrimPunctuation(s)
		if again := ident.TrimPunctuation(got); again != got || len(got) > len(s) {
			t.Errorf("%q is %q, then %q", s, got, again)
		}
		if kept := strings.Map(keepDigit, got); kept != strings.Map(keepDigit, s) {
			t.Errorf("%q loses digits: %q", s, got)
		}
	})
}

func keepDigit(r rune) rune {
	if '0' <= r && r <= '9' {
		return r
	}
	return -1
}
