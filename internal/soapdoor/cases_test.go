package soapdoor_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

func TestCases(t *testing.T) {
	t.Parallel()
	said, files := &saidCodes{}, listCaseFiles(t)
	var ended atomic.Int32
	t.Run("files", func(t *testing.T) { // which ends when all cases have
		for _, file := range files {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
				t.Parallel()
				runCase(t, readCase(t, file), said)
				ended.Add(1)
			})
		}
	})
	if int(ended.Load()) < len(files) || t.Failed() {
		return // -run selected some of them, or one failed
	}
	said.check(t)
	for code := range repeatsNothing {
		if _, produced := said.all[code]; !produced && coveredElsewhere[code] != "package" {
			t.Errorf("%s: no case produces it", code)
		}
	}
}

// answer is the parsed response of one step.
type answer struct {
	status     int
	retryAfter string
	body       string
	response   xmldoc.Element // zero if refused
	refusal    *soap.Refusal
}

func runCase(t *testing.T, c *testCase, said *saidCodes) {
	t.Helper()
	d := newDoor(t, c.service)
	var sent []string
	var answers []answer
	seen := int64(0) // number of audit events seen so far
	for i, s := range c.steps {
		d.Clock.Set(s.clock)
		var octets string
		if s.repeatOf > 0 {
			octets = sent[s.repeatOf-1]
		} else {
			octets = s.buildMessage(t, i+1)
		}
		response := d.postMessage(t, s.version, octets, s.headers)
		a := readAnswer(t, s.expectedVersion(), response)
		events := d.AuditEvents(t, seen)
		seen += int64(len(events))
		sent, answers = append(sent, octets), append(answers, a)

		v := verification{t: t, said: said, step: i + 1, want: &s.want, got: a}
		v.checkAnswer()
		if s.sameAsStep > 0 {
			v.checkEqual("answer, but for ids and instants", maskVolatile(a.body), maskVolatile(answers[s.sameAsStep-1].body))
		}
		v.checkAudit(events)
		v.checkEqual("notifications kept", d.CountNotifications(t), s.stored)
	}
}

// expectedVersion returns the SOAP version of the answer, which follows the Content-Type and is 1.1 for an unknown one.
func (s *step) expectedVersion() soap.Version {
	switch declared := s.headers.Get("Content-Type"); {
	case strings.HasPrefix(declared, "application/soap+xml"):
		return soap.SOAP12
	case declared != "":
		return soap.SOAP11
	}
	return s.version
}

// readAnswer parses an answer and checks what holds for all: its SOAP version and its validity against the schemas.
func readAnswer(t *testing.T, version soap.Version, r reply) answer {
	t.Helper()
	a := answer{status: r.status, body: r.body, retryAfter: r.header.Get("Retry-After")}
	if got := r.header.Get("Content-Type"); got != version.ContentType() || r.header.Get("Cache-Control") != "no-store" {
		t.Errorf("answered as %s, cache control %q", got, r.header.Get("Cache-Control"))
	}
	document, err := xmldoc.Parse([]byte(a.body), xmldoc.DefaultLimits())
	if err != nil {
		t.Fatalf("the answer is no XML: %v\n%s", err, a.body)
	}
	if !document.Root().Is(version.Namespace(), "Envelope") {
		t.Errorf("the answer is an envelope of another version")
	}
	if a.response, a.refusal, err = soap.ReadReply(document, ctr.NamespaceCore); err != nil {
		t.Fatal(err)
	}
	if a.refusal == nil {
		checkSchema(t, messageSchema, a.response)
		return a
	}
	for detail := range faultDetail(document, version).Children() {
		if detail.Local() == "Violations" {
			checkSchema(t, messageSchema, detail)
		} else {
			checkSchema(t, errorSchema, detail)
		}
	}
	return a
}

func faultDetail(d *xmldoc.Document, version soap.Version) xmldoc.Element {
	fault := d.Root().Child(version.Namespace(), "Body").FirstChild()
	if version == soap.SOAP12 {
		return fault.Child(version.Namespace(), "Detail")
	}
	return fault.Child("", "detail")
}

func checkSchema(t *testing.T, compiled func() (*schema.Schema, error), e xmldoc.Element) {
	t.Helper()
	s, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Check(e); err != nil {
		t.Errorf("%s does not follow its schema: %v", e.Local(), err)
	}
}

// verification compares one answer with the expected one.
type verification struct {
	t    *testing.T
	said *saidCodes
	step int
	want *want
	got  answer
}

func (v *verification) checkEqual(what string, got, want any) {
	v.t.Helper()
	if got != want {
		v.t.Errorf("step %d: %s: got\n\t%v\nwant\n\t%v", v.step, what, got, want)
	}
}

func (v *verification) checkAnswer() {
	v.t.Helper()
	if v.got.refusal == nil {
		v.checkAccepted()
		return
	}
	r := v.got.refusal
	kind := "SystemError"
	if r.Business {
		kind = "BusinessError"
	}
	v.checkEqual("fault", fmt.Sprint(v.got.status, " ", r.FaultCode, " ", kind, " ", r.Code), v.want.fault)
	if v.got.status != http.StatusServiceUnavailable {
		v.checkEqual("Retry-After", v.got.retryAfter, v.want.retryAfter)
	}
	var problems []codeAtPath
	for _, violation := range r.Violations {
		problems = append(problems, codeAtPath{problem.Code(violation.Code), violation.Path})
		v.checkLanguages(violation.Messages)
		v.checkSaysWhat(violation)
		v.said.add(violation)
	}
	v.checkPaths("problems", problems, v.want.problems)
	v.checkLanguages(r.Messages)
	for _, text := range v.want.texts {
		if !strings.Contains(v.got.body, escapeXML(text)) {
			v.t.Errorf("step %d: the fault does not say %q but\n%s", v.step, text, v.got.body)
		}
	}
	if found := personNumbers.FindString(v.got.body); found != "" {
		v.t.Errorf("step %d: the fault names a person: %s", v.step, found)
	}
}

// escapeXML escapes text as in a fault.
func escapeXML(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(text)
}

// personNumbers matches the numbers of the people in the development data.
var personNumbers = regexp.MustCompile(`78031412250|69092234126|85073003328|72010120721|81050511813|91021706490|66061141504|48022907379|05041801691`)

// checkLanguages checks that the text exists in all four languages.
func (v *verification) checkLanguages(all map[texts.Lang]string) {
	v.t.Helper()
	for _, l := range texts.Langs() {
		if all[l] == "" {
			v.t.Errorf("step %d: no words in %s: %v", v.step, l, all)
		}
	}
}

func (v *verification) checkPaths(what string, got, want []codeAtPath) {
	v.t.Helper()
	if !slices.Equal(got, want) {
		v.t.Errorf("step %d: %s: got\n\t%v\nwant\n\t%v\n%s", v.step, what, got, want, v.got.body)
	}
}

func (v *verification) checkAccepted() {
	v.t.Helper()
	response := v.got.response
	if v.want.answer == "" {
		v.t.Fatalf("step %d: accepted, want %s\n%s", v.step, v.want.fault, v.got.body)
	}
	v.checkEqual("HTTP status", v.got.status, http.StatusOK)
	status := "Success"
	if nested := valueAt(response, "cc:Status/cc:StatusCode/cc:StatusCode/@Value"); nested != absent {
		status = strings.TrimPrefix(nested, "urn:be:fgov:ehealth:2.0:status:")
	}
	v.checkEqual("answer", status, v.want.answer)
	v.checkEqual("outer status", valueAt(response, "cc:Status/cc:StatusCode/@Value"), "urn:be:fgov:ehealth:2.0:status:Success")
	v.checkEqual("InResponseTo", valueAt(response, "@InResponseTo"), "_8f0c")
	for _, f := range v.want.has {
		v.checkEqual(f.path, valueAt(response, f.path), f.value)
	}
	for _, path := range v.want.lacks {
		v.checkEqual(path, valueAt(response, path), absent)
	}
	var warnings []codeAtPath
	for warning := range response.Children() {
		if !warning.Is(ctr.NamespaceProtocol, "Warning") {
			continue
		}
		warnings = append(warnings, codeAtPath{problem.Code(valueAt(warning, "@Code")), valueAt(warning, "@Path")})
		words := map[texts.Lang]string{}
		for m := range warning.Children() {
			words[texts.Lang(valueAt(m, "@xml:lang"))], _ = m.Text()
		}
		v.checkLanguages(words)
	}
	v.checkPaths("warnings", warnings, v.want.warnings)
}

// auditNone is what a case wants of the audit log if nobody proved who they are: nothing, because such refusals are only
// counted.
const auditNone = "none"

// checkAudit expects exactly one audit event, or two equal ones if two patients are concerned.
func (v *verification) checkAudit(events []platform.AuditEvent) {
	v.t.Helper()
	if v.want.formerPatient != "" && len(events) == 2 {
		v.checkEqual("former", events[1].Patient.Digits(), v.want.formerPatient)
		events[1].Patient = events[0].Patient
		v.checkEqual("the second record", fmt.Sprint(events[1]), fmt.Sprint(events[0]))
		events = events[:1]
	} else if v.want.formerPatient != "" {
		v.t.Errorf("step %d: nothing is recorded about %s", v.step, v.want.formerPatient)
	}
	if v.want.audit == auditNone {
		v.checkEqual("audit", fmt.Sprint(events), "[]")
		return
	}
	if len(events) != 1 {
		v.t.Fatalf("step %d: %d audit records, want one: %v", v.step, len(events), events)
	}
	e := events[0]
	want := v.want.audit
	if len(strings.Fields(want)) == 2 {
		for _, p := range v.want.problems {
			want += " " + string(p.code)
		}
	}
	codes := ""
	for _, code := range e.Codes {
		codes += " " + string(code)
	}
	v.checkEqual("audit", firstNonEmpty(e.Operation, "-")+" "+string(e.Outcome)+codes, want)
	by := firstNonEmpty(e.Signer, "nobody")
	if e.Capacity != "" {
		by += " as " + string(e.Capacity)
	}
	v.checkEqual("by", by, firstNonEmpty(v.want.by, "nobody"))
	v.checkEqual("patient", e.Patient.Digits(), v.want.patient)
	v.checkEqual("why", e.Reason, v.want.reason)
	if r := v.got.refusal; r != nil {
		v.checkEqual("id of the fault", r.ID, e.Correlation)
	} else {
		v.checkEqual("id of the answer", valueAt(v.got.response, "@ID")+valueAt(v.got.response, "@Id"), absent+"_"+e.Correlation)
	}
}

func firstNonEmpty(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// absent is the value at a path that does not exist.
const absent = "(absent)"

var namespacePrefixes = map[string]string{
	"ctrp": ctr.NamespaceProtocol, "ctr": ctr.NamespaceCore, "cc": "urn:be:fgov:ehealth:commons:core:v2", "xml": xmldoc.XMLNamespace,
}

// valueAt returns the value at a path below an element: ctrp:Implant[2]/ctr:LotNumber, ctrp:Receipt/@x,
// count(ctrp:Implant).
func valueAt(e xmldoc.Element, path string) string {
	if counted, ok := strings.CutPrefix(path, "count("); ok {
		return fmt.Sprint(len(elementsAt(e, strings.TrimSuffix(counted, ")"))))
	}
	parent, last := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		parent, last = path[:i], path[i+1:]
	}
	if name, ok := strings.CutPrefix(last, "@"); ok {
		if parent != "" {
			found := elementsAt(e, parent)
			if len(found) == 0 {
				return absent
			}
			e = found[0]
		}
		prefix, local, ok := strings.Cut(name, ":")
		if !ok {
			prefix, local = "", name
		}
		if s, ok := e.Attr(namespacePrefixes[prefix], local); ok {
			return s
		}
		return absent
	}
	found := elementsAt(e, path)
	if len(found) == 0 {
		return absent
	}
	s, _ := found[0].Text()
	return s
}

func elementsAt(e xmldoc.Element, path string) []xmldoc.Element {
	at := []xmldoc.Element{e}
	for step := range strings.SplitSeq(path, "/") {
		name, index, indexed := strings.Cut(strings.TrimSuffix(step, "]"), "[")
		prefix, local, _ := strings.Cut(name, ":")
		var below []xmldoc.Element
		for _, parent := range at {
			n := 0
			for child := range parent.Children() {
				if !child.Is(namespacePrefixes[prefix], local) {
					continue
				}
				if n++; !indexed || fmt.Sprint(n) == index {
					below = append(below, child)
				}
			}
		}
		at = below
	}
	return at
}

// maskVolatile replaces what may differ between two answers: IDs and instants.
func maskVolatile(octets string) string {
	for _, pattern := range []*regexp.Regexp{idPattern, instantPattern} {
		octets = pattern.ReplaceAllString(octets, `$1="…"`)
	}
	return octets
}

var (
	idPattern      = regexp.MustCompile(`\b(I[dD])="[^"]*"`)
	instantPattern = regexp.MustCompile(`\b(IssueInstant)="[^"]*"`)
)
