package problem

import (
	"sync"

	"github.com/openctr/ctr/internal/texts"
)

// Entry is one entry of the catalogue.
type Entry struct {
	Code Code
	Kind Kind // zero for a warning
}

// Text returns the text of the code in a language.
func (e Entry) Text(l texts.Lang) string { return texts.Lookup(l, textKey(e.Code)) }

// textKey is the key of a code's text.
func textKey(c Code) texts.Key { return texts.Key("code." + string(c)) }

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
