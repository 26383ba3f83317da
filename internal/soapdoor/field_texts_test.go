package soapdoor_test

import (
	"regexp"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// saysNothingMore reports whether the text of a code says everything without a place or a value: what the caller may
// not do or know, whatever they sent; and a message that was sent before, which is wrong nowhere.
func saysNothingMore(entry problem.Properties, code problem.Code) bool {
	kinds := []problem.Kind{
		problem.Forbidden, problem.Withheld, problem.NotFound, problem.Conflict, problem.Unavailable, problem.Internal,
	}
	return slices.Contains(kinds, entry.Kind) || code == platform.MessageReplayed
}

// received matches what an English text says that it received.
var received = regexp.MustCompile(`received:? (?:again: )?"?([^\s;,()"]+)`)

// checkSaysWhat checks the rule of faults over every case: a fault says where, or what was received and what was
// expected, and it never advises to send what was sent.
func (v *verification) checkSaysWhat(violation soap.Violation) {
	v.t.Helper()
	code := problem.Code(violation.Code)
	text := violation.Messages[texts.English]
	entry, _ := problem.Lookup(code)
	ownText := entry.Text(texts.English)
	detail := strings.TrimPrefix(text, ownText)
	if violation.Path == "" && detail == "" && !saysNothingMore(entry.Properties, code) {
		v.t.Errorf("step %d: %s says neither where nor what: %s", v.step, code, text)
	}
	for _, found := range received.FindAllStringSubmatch(detail, -1) {
		if !strings.ContainsAny(found[1], "/:#={") {
			continue // a word
		}
		rest := strings.Replace(detail, found[0], "", 1)
		advised := strings.FieldsFunc(ownText+" "+rest, func(r rune) bool { return strings.ContainsRune(" ;,()\"", r) })
		if slices.Contains(advised, found[1]) {
			v.t.Errorf("step %d: %s advises to send what was sent, %q: %s", v.step, code, found[1], text)
		}
	}
}
