package udi

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// separator is FNC1 as transmitted by scanners, the control character GS. It ends a value of variable length.
const separator = "\x1d"

// visibleSeparator replaces separator where control characters are not allowed, as in XML 1.0.
const visibleSeparator = "␝"

// writtenSeparators are the ways in which scanners and programs write GS with several characters. None of them can be
// meant as part of a value.
var writtenSeparators = regexp.MustCompile(`(?i)` + strings.Join([]string{
	visibleSeparator, `\x{2194}`, // the picture of GS, and its glyph in code page 437
	`[{<\[(](?:gs|fnc1|group separator|(?:0x|\\x|u\+00)?1d|029)[}>\])]`,
	`\\(?:x1d|u001d|u\{1d\}|d?029|035|gs|f)`,
	`~d029`, `\^\]`, `%1d`, `&#(?:29|x1d);`,
}, "|"))

// replaceSeparators replaces what is written for GS by GS.
func replaceSeparators(s string) string {
	return writtenSeparators.ReplaceAllLiteralString(replaceCharacters(s), separator)
}

// replaceCharacters replaces other spellings of characters by those of the standards: full-width forms, hyphens that do
// not break, blanks of other widths, characters without a width.
func replaceCharacters(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case '\uff01' <= r && r <= '\uff5e': // full-width ASCII
			return r - '\uff01' + '!'
		case r == '\u2010' || r == '\u2011':
			return '-'
		case r == '\t' || r == '\r' || r == '\n' || r > unicode.MaxASCII && unicode.IsSpace(r):
			return ' '
		case r == '\u00ad' || '\u200b' <= r && r <= '\u200f' || r == '\u2060' || r == '\ufeff':
			return -1
		}
		return r
	}, s)
}

// findSeparator returns where the value at the beginning of s ends, and where the rest begins behind the separator.
// Both are len(s) if nothing separates.
//
// A separator is GS, or a stand-in: characters that no value can contain, where an element begins behind them. Some
// scanners send ^ or | or # for GS.
func findSeparator(s string, charset func(byte) bool) (end, next int) {
	for i := 0; i < len(s); i++ {
		if s[i] == separator[0] {
			return i, i + 1
		}
		if !isStandInByte(s[i]) || charset(s[i]) {
			continue
		}
		if n := standInLength(s[i:]); n > 0 {
			return i, i + n
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size - 1
	}
	return len(s), len(s)
}

// isStandInByte reports whether c may stand for GS. A space does not: people type it, also in lot numbers.
func isStandInByte(c byte) bool { return c != ' ' && !isCharacterSet82(c) }

// standInLength returns the length of the stand-in at the beginning of s, or 0 if what is behind it does not prove that
// it is one.
func standInLength(s string) int {
	run := 0
	for run < len(s) && isStandInByte(s[run]) {
		run++
	}
	if rest := strings.TrimLeft(s[run:], " "); rest == "" || beginsWithElement(rest) {
		return run
	}
	if strings.HasPrefix(s, "~1") && beginsWithElement(s[2:]) { // FNC1 in the notation of printer languages
		return 2
	}
	return 0
}

// beginsWithElement reports whether an element with a valid value begins s. Only assigned identifiers count.
func beginsWithElement(s string) bool {
	if beginsWithBrackets(s) {
		return formatByIdentifier[s[1:strings.IndexByte(s, ')')]].isKnown
	}
	identifier, form := findLeadingIdentifier(s)
	if !form.isKnown {
		return false
	}
	value := s[len(identifier):]
	if form.isPredefined {
		return len(value) >= form.max && form.accepts(value[:form.max]) && !isImpossibleDate(identifier, value[:form.max])
	}
	end := 0
	for end < len(value) && form.charset(value[end]) {
		end++
	}
	return form.accepts(value[:end])
}

// isImpossibleDate reports whether the value of an identifier of a date has no such month or day.
func isImpossibleDate(identifier, value string) bool {
	if identifier < "11" || identifier > "17" {
		return false
	}
	return parseDigits(value[2:4]) > 12 || parseDigits(value[4:6]) > 31
}

// skipSeparators removes separators, stand-ins and blanks in front of an element.
func skipSeparators(s string) string {
	for s != "" {
		switch {
		case s[0] == separator[0] || s[0] == ' ':
			s = s[1:]
		case isStandInByte(s[0]) && standInLength(s) > 0:
			s = s[standInLength(s):]
		default:
			return s
		}
	}
	return ""
}
