package soapdoor_test

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

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
var received = regexp.MustCompile(`received:? (?:again: )?(?:"([^"]*)"|([^\s;,()"]+))`)

// barePlace matches a detail that says nothing, or where only: a line and a column.
var barePlace = regexp.MustCompile(`^[ (]*(?:\d+:\d+)?[ )]*$`)

// Reasons why the detail of a code does not repeat what was received.
const (
	nothingThere = "nothing was received where something is expected"
	namedInText  = "the text of the code itself names what was received; the detail has its line and column"
	pathLeads    = "the path leads to the element, which the text describes; its content is not repeated"
	proofFails   = "the path leads to what does not prove anything; its value tells nobody anything"
)

// repeatsNothing lists, with a reason, the codes about a message whose details never say more than the place. Every
// other code of these kinds says in at least one case what was received.
var repeatsNothing = map[problem.Code]string{
	"BODY_MISSING": nothingThere, "BODY_NOT_SIGNED": nothingThere, "KEY_REFERENCE_MISSING": nothingThere,
	"REFERENCE_EMPTY": nothingThere, "SECURITY_HEADER_MISSING": nothingThere, "SECURITY_TOKEN_MISSING": nothingThere,
	"PART_CONTENT_ID": nothingThere, "SECURITY_TOKEN_NOT_SIGNED": nothingThere, "SIGNATURE_MISSING": nothingThere, "TIMESTAMP_MISSING": nothingThere,
	"TIMESTAMP_NOT_SIGNED": nothingThere, "TRANSFORM_STR_PARAMETERS": nothingThere, "XML_EMPTY": nothingThere,
	"XML_UNEXPECTED_END": nothingThere,

	"XML_ATTRIBUTE_LESS_THAN": namedInText, "XML_ATTRIBUTE_MALFORMED": namedInText, "XML_CHARACTER_FORBIDDEN": namedInText,
	"XML_COMMENT_MALFORMED": namedInText, "XML_CONTENT_OUTSIDE_ROOT": namedInText, "XML_DECLARATION_MALFORMED": namedInText,
	"XML_DOCTYPE": namedInText, "XML_ENCODING_INVALID": namedInText, "XML_INSTRUCTION_RESERVED": namedInText,
	"XML_MARKUP_UNKNOWN": namedInText, "XML_NAME_MALFORMED": namedInText, "XML_REFERENCE_FORBIDDEN": namedInText,
	"XML_REFERENCE_MALFORMED": namedInText, "XML_SECTION_END_IN_TEXT": namedInText, "XML_TAG_MALFORMED": namedInText,

	"BODY_NOT_SINGLE": pathLeads, "ENVELOPE_MALFORMED": pathLeads, "SCHEMA_TEXT": pathLeads,
	"SECURITY_HEADER_TWICE": pathLeads, "SECURITY_TOKEN_PATH_ORDER": pathLeads, "SIGNATURE_ELSEWHERE": pathLeads,
	"TEXT_CONTROL_CHARACTERS": pathLeads, "TIMESTAMP_MALFORMED": pathLeads, "XOP_INCLUDE_MALFORMED": pathLeads,
	"XOP_INCLUDE_NOT_ALONE": pathLeads,

	"CERT_IS_AUTHORITY": proofFails, "CERT_KEY_USAGE": proofFails, "CERT_UNTRUSTED": proofFails,
	"KEY_NOT_REGISTERED": proofFails, "KEY_REFERENCE_DISAGREES": proofFails, "SIGNATURE_INVALID": proofFails,
}

// aboutMessage are the kinds of codes whose value is in the message that was sent. What breaks a rule is at the path,
// which every such refusal has; it is about a person or an implant, and refusals are logged, so they repeat it nowhere.
var aboutMessage = []problem.Kind{
	problem.Malformed, problem.NotUnderstood, problem.Unauthenticated, problem.SchemaInvalid,
}

// saidCodes collects the codes of refusals, with true for those of which a detail says more than the place.
type saidCodes struct {
	mu  sync.Mutex
	all map[problem.Code]bool
}

func (s *saidCodes) add(violation soap.Violation) {
	code := problem.Code(violation.Code)
	entry, _ := problem.Lookup(code)
	detail := strings.TrimPrefix(violation.Messages[texts.English], entry.Text(texts.English))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[problem.Code]bool{}
	}
	s.all[code] = s.all[code] || !barePlace.MatchString(detail)
}

// check checks the rule over the whole catalogue, after all cases: each code about a message says what was received, or
// is listed above. TestEveryCodeHasACase checks that the cases, the abuses of packages and coveredElsewhere are all of
// the catalogue.
func (s *saidCodes) check(t *testing.T) {
	t.Helper()
	for code, says := range s.all {
		entry, _ := problem.Lookup(code)
		reason := repeatsNothing[code]
		switch isAbout := slices.Contains(aboutMessage, entry.Kind) && code != platform.MessageReplayed; {
		case isAbout && !says && reason == "":
			t.Errorf("%s: no fault says what was received, and no reason says why", code)
		case reason != "" && (says || !isAbout):
			t.Errorf("%s: its faults say what was received, against the reason %q", code, reason)
		}
	}
}

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
	if violation.Path == "" && entry.Kind == problem.RuleViolated {
		v.t.Errorf("step %d: %s does not say where: %s", v.step, code, text)
	}
	for _, found := range received.FindAllStringSubmatch(detail, -1) {
		value := found[1] + found[2]
		if !strings.ContainsAny(value, "/:#={") {
			continue // a word
		}
		rest := strings.Replace(detail, found[0], "", 1)
		advised := strings.FieldsFunc(ownText+" "+rest, func(r rune) bool { return strings.ContainsRune(" ;,()\"", r) })
		if slices.Contains(advised, value) {
			v.t.Errorf("step %d: %s advises to send what was sent, %q: %s", v.step, code, value, text)
		}
	}
}
