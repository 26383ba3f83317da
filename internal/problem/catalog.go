package problem

import (
	"strings"
	"sync"
)

// Lang is a language of the texts, as in xml:lang.
type Lang string

// The languages, in the order in which faults list their texts.
const (
	NL Lang = "nl"
	FR Lang = "fr"
	DE Lang = "de"
	EN Lang = "en"
)

// Langs are all languages, in that order.
var Langs = [...]Lang{NL, FR, DE, EN}

// Preferred returns the first supported language among those named, or English. Each argument is a language, or a list
// of languages as in Accept-Language (RFC 9110 section 12.5.4). It ignores quality values: clients list their preferred
// language first.
func Preferred(named ...string) Lang {
	for wanted := range strings.SplitSeq(strings.Join(named, ","), ",") {
		wanted, _, _ = strings.Cut(wanted, ";")
		primary, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(wanted)), "-")
		for _, l := range Langs {
			if primary == string(l) {
				return l
			}
		}
	}
	return EN
}

// Entry is one entry of the catalogue: a code, its kind, and its text in each language.
type Entry struct {
	Code   Code
	Kind   Kind // zero for a warning
	NL, FR string
	DE, EN string
}

// Text returns the text in a language, or in English if the language is not supported.
func (e Entry) Text(l Lang) string {
	switch l {
	case NL:
		return e.NL
	case FR:
		return e.FR
	case DE:
		return e.DE
	}
	return e.EN
}

// Catalog returns the entries of all codes, in the order of the documentation.
func Catalog() []Entry {
	var all []Entry
	for _, part := range [][]Entry{generalCodes, xmlCodes, schemaCodes, soapCodes, securityCodes, pkiCodes, identCodes, ruleCodes, warningCodes} {
		all = append(all, part...)
	}
	return all
}

var index = sync.OnceValue(func() map[Code]Entry {
	m := make(map[Code]Entry)
	for _, e := range Catalog() {
		m[e.Code] = e
	}
	return m
})

// Lookup returns the entry of a code, and whether there is one.
func Lookup(c Code) (Entry, bool) {
	e, ok := index()[c]
	return e, ok
}

func kindOf(c Code) Kind {
	if e, ok := Lookup(c); ok && e.Kind != 0 {
		return e.Kind
	}
	return Internal
}
