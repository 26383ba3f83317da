// Package problem is the only vocabulary of refusal that crosses packages: kinds, stable codes, and the words that go
// with a code in Dutch, French, German and English.
//
// It is separate, and imports nothing of the module, so that the reader of XML, the verifier of signatures, the rules
// of the register and the store can all refuse in the same terms, while one place (message/soap) turns a refusal into
// a SOAP Fault.
//
// What survives the boundary: the code, the text of the code, Public and At. What never leaves: Err, which is for the
// log. An error of any other type is Internal.
package problem

import (
	"errors"
	"strings"
)

// Kind classes refusals by what the caller can do about them. A Kind is itself an error, so that
// errors.Is(err, problem.Conflict) reads well.
type Kind uint8

// The kinds. Add only at the end.
const (
	Malformed       Kind = iota + 1 // not XML, not SOAP, or beyond a limit
	NotUnderstood                   // well-formed, but not a message this service knows
	Unauthenticated                 // WS-Security does not prove who signed what
	SchemaInvalid                   // the signed element does not follow the XSD
	RuleViolated                    // a rule of the register is broken
	Forbidden                       // the caller may not do this, whatever the data
	Withheld                        // exists, but not for this caller: renders exactly as NotFound
	NotFound                        // does not exist
	Conflict                        // contradicts what is already kept
	Unavailable                     // try again later
	Internal                        // our fault
)

var kindNames = [...]string{
	Malformed: "malformed", NotUnderstood: "not understood", Unauthenticated: "unauthenticated",
	SchemaInvalid: "schema invalid", RuleViolated: "rule violated", Forbidden: "forbidden", Withheld: "withheld",
	NotFound: "not found", Conflict: "conflict", Unavailable: "unavailable", Internal: "internal",
}

// Error makes a Kind usable with errors.Is.
func (k Kind) Error() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return "unknown kind"
}

// Code is a stable name of one refusal or warning. Codes are listed in docs/faults.md and never reused.
type Code string

// Error is a refusal.
type Error struct {
	Kind Kind
	Code Code
	// Public adds facts to the text of the code, for the caller: an algorithm, an instant, a limit. It is English or
	// free of language, and holds nothing secret, no person's number and nothing about who is registered or trusted.
	// Facts says it in the other languages.
	Public string
	// At says where: an XPath into the request, or the name of an element of the security header.
	At string
	// Sub lists the single refusals when several are reported together.
	Sub []*Error
	// Err is the cause, for the log only.
	Err error
}

// New makes the refusal with a code of the catalogue; its kind is the code's. The parts of public are joined.
func New(code Code, public ...string) *Error {
	return &Error{Kind: kindOf(code), Code: code, Public: strings.Join(public, " ")}
}

// Wrap makes the refusal with a code of the catalogue and keeps its cause for the log.
func Wrap(code Code, err error, public ...string) *Error {
	e := New(code, public...)
	e.Err = err
	return e
}

// List makes one refusal of several, in their order: nil for none, the refusal itself for one, and otherwise a
// refusal with the given code that holds them all.
func List(code Code, all []*Error) error {
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	e := New(code)
	e.Sub = all
	return e
}

// In returns e, placed at the given path.
func (e *Error) In(path string) *Error {
	e.At = path
	return e
}

// Leaves returns the single refusals: those in Sub, or e itself.
func (e *Error) Leaves() []*Error {
	if len(e.Sub) == 0 {
		return []*Error{e}
	}
	return e.Sub
}

// Error is the text for logs. It repeats the public parts only, and the cause when there is one.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	if e.At != "" {
		b.WriteString(" at " + e.At)
	}
	if e.Public != "" {
		b.WriteString(": " + e.Public)
	}
	for i, s := range e.Sub {
		if i > 0 {
			b.WriteString(";")
		}
		b.WriteString(" " + s.Error())
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap gives the kind first and then the cause, so that errors.Is finds both.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// From returns err as an *Error. Whatever is not one becomes Internal, with err kept for the log.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return Wrap(InternalError, err)
}
