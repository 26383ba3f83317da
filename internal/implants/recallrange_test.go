package implants_test

import (
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/implants"
)

// contains reports whether a text is in the range, and the error of an invalid range.
func contains(r implants.Range, text string) (bool, error) {
	_, err := r.SplitByLength()
	return r.Contains(text), err
}

func TestRange(t *testing.T) {
	for _, test := range []struct {
		from, to string
		in, out  []string
		fault    string
	}{
		{"L2201", "L2201", []string{"L2201"}, []string{"L2202", "l2201", "L22011", ""}, ""},
		{"L2201", "L2299", []string{"L2201", "L2210", "L2299"}, []string{"L2200", "L2300", "L221", "L22100", "L22A0", "M2210", ""}, ""},
		{"L98", "L101", []string{"L98", "L99", "L100", "L101"}, []string{"L97", "L102", "L9", "L9900", "L1000", "L099", "L9A"}, ""},
		{"7", "12", []string{"7", "9", "10", "12"}, []string{"6", "13", "1", "70"}, ""},
		{"099", "1000", []string{"099", "100", "999", "1000"}, []string{"098", "99", "1001"}, ""},
		{"AB1C", "AB1F", []string{"AB1C", "AB1D", "AB1F"}, []string{"AB1B", "AB1G", "AB1CC", "AB2D"}, ""},
		{"É1", "É3", []string{"É2"}, []string{"É22", "E2", "É4"}, ""},
		{"", "", []string{"", "anything"}, nil, ""},
		{"L2", "", nil, []string{"L2", "L3"}, "needs both ends"},
		{"", "L2", nil, []string{"L2"}, "needs both ends"},
		{"L3", "L2", nil, []string{"L2", "L3"}, "ends before it begins"},
		{"L100", "L99", nil, []string{"L99"}, "ends before it begins"},
		{"L1", "M22", nil, []string{"L1", "M22"}, "there is no order"},
		{"L1A", "L12A", nil, []string{"L1A"}, "there is no order"},
		{"L9", "L010", nil, []string{"L9"}, "there is no order"},
		{"L", "L1", nil, []string{"L"}, "there is no order"},
		{"L\xff", "L\xff", nil, []string{"L\xff"}, "at most 100 characters"},
		{strings.Repeat("1", 101), strings.Repeat("1", 101), nil, nil, "at most 100 characters"},
	} {
		r := implants.Range{From: test.from, To: test.to}
		for want, texts := range map[bool][]string{true: test.in, false: test.out} {
			for _, text := range texts {
				got, err := contains(r, text)
				if got != want || (err == nil) != (test.fault == "") {
					t.Errorf("%q to %q, %q: %t, %v", test.from, test.to, text, got, err)
				}
			}
		}
		_, err := contains(r, "")
		if test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)) {
			t.Errorf("%q to %q: %v", test.from, test.to, err)
		}
	}
}

func FuzzRange(f *testing.F) {
	f.Add("L98", "L101", "L99")
	f.Add("É1", "É3", "É")
	f.Fuzz(func(t *testing.T, from, to, text string) {
		r := implants.Range{From: from, To: to}
		in, err := contains(r, text)
		if err != nil {
			if in {
				t.Error("a range without order contains something")
			}
			return
		}
		for _, end := range []string{from, to} {
			if there, _ := contains(r, end); !there {
				t.Errorf("%q to %q does not contain %q", from, to, end)
			}
		}
	})
}
