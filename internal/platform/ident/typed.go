package ident

import (
	"strings"
	"unicode"
)

// TrimPunctuation returns the digits of a number as people write it, in groups with blanks, dots, hyphens or slashes
// between them, and an enterprise number with BE in front. Any other text is returned as it is, for a parser to refuse.
func TrimPunctuation(s string) string {
	trimmed := strings.TrimFunc(s, unicode.IsSpace)
	digits := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || strings.ContainsRune(".-/\u2010\u2011\u2012\u2013", r) {
			return -1
		}
		return r
	}, trimmed)
	if enterprise, found := cutPrefixFold(digits, "BE"); found && len(enterprise) == 10 && isDigits(enterprise) {
		return enterprise
	}
	if digits == "" || !isDigits(digits) || !isDigits(trimmed[:1]) || !isDigits(trimmed[len(trimmed)-1:]) {
		return trimmed
	}
	return digits
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
