package texts_test

import (
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/texts"
)

func TestExcerpt(t *testing.T) {
	for received, want := range map[string]string{
		"":                             "",
		"text/xml":                     "text/xml",
		" a b ":                        "␣a b␣",
		"   ":                          "␣␣␣",
		"uri\n\t ":                     "uri␊␉␣",
		"a\x00\x7f\r":                  "a␀␡␍",
		"\xff":                         "\uFFFD",
		"85073003328":                  "…",
		"id-85073003328-1":             "id-…-1",
		"85.07.30-033.28":              "…",
		"oasis-200401-wss":             "oasis-200401-wss",
		"é" + strings.Repeat("x", 200): "é" + strings.Repeat("x", 99) + "…",
		strings.Repeat("x", 1_000_000): strings.Repeat("x", 100) + "…",
	} {
		if got := texts.Excerpt(received); got != want {
			t.Errorf("%.40q became %q", received, got)
		}
	}
}
