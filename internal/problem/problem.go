// Package problem defines the errors that cross package boundaries: kinds and stable codes. A refusal is an error with
// such a code; the words of each code are in package texts, under "code." and the code.
//
// It is separate, and imports only texts, so that the XML parser, the signature verifier, the rules of the register and
// the store can all return the same type of error. Only package message/soap converts it to a SOAP Fault.
//
// The caller receives the code, its text, Detail and Path, but never Err, which is for the log only. An error of any
// other type counts as Internal.
package problem

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/texts"
)

// Kind classifies refusals by the caller's options to resolve them. A Kind is itself an error, so that
// errors.Is(err, problem.Conflict) works.
type Kind uint8

// The kinds. Append new ones at the end.
const (
	Malformed       Kind = iota + 1 // not XML, not SOAP, or over a limit
	NotUnderstood                   // well-formed, but not a message of this service
	Unauthenticated                 // WS-Security verification failed
	SchemaInvalid                   // the signed element is not valid against the XSD
	RuleViolated                    // a rule of the register is broken
	Forbidden                       // the caller may not do this, whatever the data
	Withheld                        // exists, but the caller may not know: looks exactly like NotFound from outside
	NotFound                        // does not exist
	Conflict                        // contradicts stored data
	Unavailable                     // try again later
	Internal                        // a failure of the service itself
)

var kindNames = [...]string{
	Malformed: "malformed", NotUnderstood: "not understood", Unauthenticated: "unauthenticated",
	SchemaInvalid: "schema invalid", RuleViolated: "rule violated", Forbidden: "forbidden", Withheld: "withheld",
	NotFound: "not found", Conflict: "conflict", Unavailable: "unavailable", Internal: "internal",
}

// Error makes Kind an error, for errors.Is.
func (k Kind) Error() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return "unknown kind"
}

// Code is the stable name of one refusal or warning. docs/faults.md lists all codes. Codes are never reused.
type Code string

// Error is a refusal. It does not change once made: the methods that add something return a copy.
type Error struct {
	Kind Kind
	Code Code
	// Detail adds facts to the text of the code, for the caller: an algorithm, a time, a limit. It contains no secrets,
	// no identification number of a person, and nothing about who is registered or trusted.
	Detail texts.Text
	// Path says where the refused value is, in the terms of the package that refuses. A door maps it to those of its
	// callers.
	Path string
	// Related is the path of a second value that contradicts the one at Path.
	Related string
	// Causes lists the single refusals if several are reported together.
	Causes []*Error
	// RetryAfter says when the caller may try again; zero if it is not known.
	RetryAfter time.Duration
	// Err is the cause, for the log only.
	Err error
}

// New returns a refusal with a code of the catalogue and the kind of that code. Several details are joined with spaces.
func New(code Code, detail ...texts.Text) *Error {
	return &Error{Kind: kindOf(code), Code: code, Detail: texts.Join(detail...)}
}

// Wrap is like New, and keeps err as the cause for the log.
func Wrap(code Code, err error, detail ...texts.Text) *Error {
	e := New(code, detail...)
	e.Err = err
	return e
}

// List combines refusals: it returns nil for none, the refusal itself for one, and otherwise a refusal with the given
// code and all of them as Causes, in the same order.
func List(code Code, all []*Error) error {
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	e := New(code)
	e.Causes = all
	return e
}

// WithPath returns e with this path.
func (e *Error) WithPath(path string) *Error {
	changed := *e
	changed.Path = path
	return &changed
}

// WithRelated returns e with this related path.
func (e *Error) WithRelated(path string) *Error {
	changed := *e
	changed.Related = path
	return &changed
}

// WithDetail returns e with this detail.
func (e *Error) WithDetail(detail texts.Text) *Error {
	changed := *e
	changed.Detail = detail
	return &changed
}

// WithRetryAfter returns e with the time after which the caller may try again.
func (e *Error) WithRetryAfter(wait time.Duration) *Error {
	changed := *e
	changed.RetryAfter = wait
	return &changed
}

// Map returns e with change applied to it, and to each of its causes first.
func (e *Error) Map(change func(*Error) *Error) *Error {
	changed := *e
	changed.Causes = slices.Clone(e.Causes)
	for i, cause := range e.Causes {
		changed.Causes[i] = cause.Map(change)
	}
	return change(&changed)
}

// MapPaths returns e with change applied to its path and those of its causes.
func (e *Error) MapPaths(change func(path string) string) *Error {
	return e.Map(func(e *Error) *Error { return e.WithPath(change(e.Path)) })
}

// All returns the single refusals: Causes, or e itself if there are none.
func (e *Error) All() []*Error {
	if len(e.Causes) == 0 {
		return []*Error{e}
	}
	return e.Causes
}

// Error returns the text for logs: the public parts, and the cause if there is one.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	if e.Path != "" {
		b.WriteString(" at " + e.Path)
	}
	if e.Related != "" {
		b.WriteString(" and " + e.Related)
	}
	if !e.Detail.IsZero() {
		b.WriteString(": " + e.Detail.String())
	}
	for i, s := range e.Causes {
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

// Unwrap returns the kind and then the cause, so that errors.Is finds both.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// From returns err as an *Error. Any other error becomes InternalError, with err kept for the log.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return Wrap(InternalError, err)
}
