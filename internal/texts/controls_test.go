package texts_test

import (
	"testing"

	"github.com/openctr/ctr/internal/texts"
)

// TestFindingL1TextWithControls: only characters that control what shows them are refused, no letter of any script.
func TestFindingL1TextWithControls(t *testing.T) {
	for text, want := range map[string]bool{
		"":                                       false,
		"linker knie – “über”, ñ €":              false,
		"line\r\nend\tand tab":                   false,
		"\u05e9\u05dc\u05d5\u05dd\u200f 1\u200e": false, // Hebrew with the marks that it needs
		"\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u061c": false, // Persian with a non-joiner
		"\U0001f469\u200d\u2695\ufe0f":                            false, // joined
		"\u00a0\u00ad\u2000\u2060\ufeff":                          false,
		"a\u007f":                                                 true,
		"\u0080":                                                  true,
		"\u009b2J":                                                true,
		"\u009d0;":                                                true,
		"\u0085":                                                  true,
		"\u009f":                                                  true,
		"1\u202e2":                                                true,
		"\u202a":                                                  true,
		"\u2066":                                                  true,
		"\u2069":                                                  true,
		"\u2028":                                                  true,
		"\u2029":                                                  true,
	} {
		if got := texts.HasControls(text); got != want {
			t.Errorf("%+q: %v", text, got)
		}
	}
}
