package problem

import (
	"strings"
	"sync"
)

// Lang is a language of the texts, as xml:lang writes it.
type Lang string

// The languages, in the order in which faults list them.
const (
	NL Lang = "nl"
	FR Lang = "fr"
	DE Lang = "de"
	EN Lang = "en"
)

// Langs are all languages, in order.
var Langs = [...]Lang{NL, FR, DE, EN}

// Preferred returns the first language that is ours of those named, and English for none. Each text is one language or a list
// of them as in Accept-Language (RFC 9110 section 12.5.4): those who write it put first what they like best.
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

// Entry is one line of the catalogue: what a code means, and how it is said to people.
type Entry struct {
	Code   Code
	Kind   Kind // zero for a warning
	NL, FR string
	DE, EN string
}

// Text returns the entry's words in a language, in English when the language is not one of ours.
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

// Catalog returns every code, in the order of the documents.
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

// Lookup returns the catalogue's entry of a code.
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
