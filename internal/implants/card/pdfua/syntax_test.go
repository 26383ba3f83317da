package pdfua

import "testing"

func TestNumbersAndTexts(t *testing.T) {
	for value, want := range map[float64]string{
		0: "0", 1: "1", -1: "-1", 0.5: "0.5", 595.276: "595.276", 1.0004: "1", -0.0004: "0", 12.34: "12.34", 99.9996: "100",
		0.001: "0.001", -0.05: "-0.05",
	} {
		if got := string(appendNumber(nil, value)); got != want {
			t.Errorf("%v is written %s, not %s", value, got, want)
		}
	}
	for text, want := range map[string]string{
		"":        "()",
		`a (b) \`: `(a \(b\) \\)`,
		"é":       "<FEFF00E9>",
		"a\nb":    "<FEFF0061000A0062>",
		"𝒳":       "<FEFFD835DCB3>",
		"\xff":    "<FEFFFFFD>",
	} {
		if got := string(appendText(nil, text)); got != want {
			t.Errorf("%q is written %s, not %s", text, got, want)
		}
	}
}
