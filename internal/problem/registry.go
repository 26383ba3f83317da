package problem

import (
	"maps"
	"slices"

	"github.com/openctr/ctr/internal/texts"
)

// Properties say what kind of refusal a code is, and what a door needs beyond the kind.
type Properties struct {
	Kind Kind // zero for a warning
	// WSSFault is the local name of the WS-Security fault code (SOAP Message Security 1.1.1 section 12), or empty.
	WSSFault string
	// PlatformCode is the code of the platform's SystemError (errors core v1) if it is not that of the kind.
	PlatformCode string
	// Retry says that a later attempt may succeed, although the kind is not Unavailable.
	Retry bool
	// Alarm says that the operator must look at each refusal with the code: it is logged as an error.
	Alarm bool
	// Public is the code that the caller sees instead of a Withheld one. Its text must be that of the code.
	Public Code
}

// Entry is a registered code.
type Entry struct {
	Code Code
	Properties
}

// Text returns the text of the code in a language.
func (e Entry) Text(l texts.Lang) string { return texts.Lookup(l, textKey(e.Code)) }

// textKey is the key of a code's text.
func textKey(c Code) texts.Key { return texts.Key("code." + string(c)) }

// registry holds the codes of all packages. Packages register while the program starts, before any goroutine.
var registry = map[Code]Entry{}

// Register declares codes with the same properties. Call it in an init function of the package that raises the codes.
// Registering a code twice panics.
func Register(p Properties, codes ...Code) {
	for _, c := range codes {
		texts.Declare(textKey(c)) // panics for a code registered before
		registry[c] = Entry{c, p}
	}
}

// Registered returns the entries of the codes of all packages in the program, sorted by code.
func Registered() []Entry {
	all := make([]Entry, 0, len(registry))
	for _, c := range slices.Sorted(maps.Keys(registry)) {
		all = append(all, registry[c])
	}
	return all
}

// Lookup returns the entry of a code, and whether there is one.
func Lookup(c Code) (Entry, bool) {
	e, ok := registry[c]
	return e, ok
}

// PublicCode returns the code that a caller may see: for a withheld item, that of a missing item.
func (c Code) PublicCode() Code {
	if public := registry[c].Public; public != "" {
		return public
	}
	return c
}

func kindOf(c Code) Kind {
	if e := registry[c]; e.Kind != 0 {
		return e.Kind
	}
	return Internal
}
