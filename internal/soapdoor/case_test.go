package soapdoor_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/testing/textedit"
)

// testCase is a file in testdata/cases: a description, and then, repeated as needed, a section "send" (a message),
// optionally "tamper" (changes after signing), and "want" (the answer, the audit event and the number of notifications
// in the database). testdata/README.md documents the keywords.
type testCase struct {
	about   string
	service settings
	steps   []*step
}

// settings are the differences from the usual service configuration.
type settings struct {
	strict      bool
	requireLink bool
	sha1Until   time.Time
}

// step is one message with its expected result.
type step struct {
	send
	want
	tamper []textedit.Edit
}

type send struct {
	message  string // file in testdata/messages
	raw      string // alternatively: these bytes, unsigned
	repeatOf int    // alternatively: the bytes of that step again
	signer   string
	clock    time.Time
	version  soap.Version
	headers  http.Header
	encode   string
	edits    []textedit.Edit
}

type want struct {
	answer     string // nested status of the response: Success or DataNotFound
	has        []valueAtPath
	lacks      []string
	warnings   []codeAtPath
	fault      string // HTTP status, fault code, kind and code of the platform error
	problems   []codeAtPath
	texts      []string
	retryAfter string // header Retry-After; a time that the service draws at random is not compared
	sameAsStep int    // step with the same answer, except for IDs and instants

	audit         string // operation, outcome and, unless they equal those of problems, codes
	by            string // signer and capacity
	patient       string
	formerPatient string
	reason        string
	stored        int
}

// valueAtPath is an expected value at a path of the response.
type valueAtPath struct{ path, value string }

// codeAtPath is a violation or a warning with its path.
type codeAtPath struct {
	code problem.Code
	path string
}

func (p codeAtPath) String() string { return strings.TrimSpace(string(p.code) + " " + p.path) }

// listCaseFiles returns the names of all case files.
func listCaseFiles(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob("testdata/cases/*.txtar")
	if err != nil || len(files) == 0 {
		tb.Fatal("no cases", err)
	}
	return files
}

func readCase(tb testing.TB, file string) *testCase {
	tb.Helper()
	octets, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	archive := txtar.Parse(octets)
	c := &testCase{about: strings.TrimSpace(string(archive.Comment))}
	if c.about == "" {
		tb.Fatalf("%s: does not say what it shows", file)
	}
	for _, section := range archive.Files {
		if err := c.parseSection(section.Name, string(section.Data)); err != nil {
			tb.Fatalf("%s: %s: %v", file, section.Name, err)
		}
	}
	for i, s := range c.steps {
		if s.audit == "" || (s.answer == "") == (s.fault == "") {
			tb.Fatalf("%s: step %d wants no audit record, or neither or both of answer and fault", file, i+1)
		}
	}
	return c
}

func (c *testCase) parseSection(name, text string) error {
	var line func(string) error
	switch name {
	case "service":
		line = c.service.parseLine
	case "send":
		c.steps = append(c.steps, &step{send: send{
			signer: testpki.Hospital, clock: registertest.StartTime(), version: soap.SOAP11, headers: http.Header{},
		}, want: want{stored: -1}})
		line = c.lastStep().send.parseLine
	case "raw":
		c.lastStep().raw = strings.TrimSuffix(text, "\n")
		return nil
	case "tamper":
		line = func(s string) error { return appendEdit(&c.lastStep().tamper, s) }
	case "want":
		line = c.lastStep().want.parseLine
	default:
		return fmt.Errorf("unknown section")
	}
	for s := range strings.Lines(text) {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		if err := line(s); err != nil {
			return fmt.Errorf("%q: %w", s, err)
		}
	}
	return nil
}

func (c *testCase) lastStep() *step { return c.steps[len(c.steps)-1] }

func (s *settings) parseLine(text string) (err error) {
	switch key, value, _ := strings.Cut(text, ": "); key {
	case "strict":
		s.strict, err = strconv.ParseBool(value)
	case "require link":
		s.requireLink, err = strconv.ParseBool(value)
	case "sha1 until":
		s.sha1Until, err = time.Parse(time.RFC3339, value)
	default:
		err = textedit.ErrUnknownWord
	}
	return err
}

func (s *send) parseLine(text string) (err error) {
	key, value, _ := strings.Cut(text, ": ")
	switch key {
	case "message":
		s.message = value
	case "again":
		s.repeatOf, err = strconv.Atoi(value)
	case "signer":
		s.signer = value
	case "clock":
		s.clock, err = time.Parse(time.RFC3339, value)
	case "soap":
		s.version = map[string]soap.Version{"1.1": soap.SOAP11, "1.2": soap.SOAP12}[value]
	case "header":
		name, content, _ := strings.Cut(value, ": ")
		s.headers.Set(name, content)
	case "encode":
		s.encode = value
	default:
		err = appendEdit(&s.edits, text)
	}
	return err
}

func (w *want) parseLine(text string) (err error) {
	key, value, _ := strings.Cut(text, ":")
	value = strings.TrimSpace(value)
	switch key {
	case "answer":
		w.answer = value
	case "has":
		path, content, _ := strings.Cut(value, " = ")
		w.has = append(w.has, valueAtPath{path, content})
	case "lacks":
		w.lacks = append(w.lacks, value)
	case "warning":
		w.warnings = append(w.warnings, parseCodeAtPath(value))
	case "fault":
		w.fault = value
	case "problem":
		w.problems = append(w.problems, parseCodeAtPath(value))
	case "retry-after":
		w.retryAfter = value
	case "text":
		w.texts = append(w.texts, value)
	case "like":
		w.sameAsStep, err = strconv.Atoi(value)
	case "audit":
		w.audit = value
	case "by":
		w.by = value
	case "patient":
		w.patient = value
	case "former":
		w.formerPatient = value
	case "why":
		w.reason = value
	case "kept":
		w.stored, err = strconv.Atoi(value)
	default:
		err = textedit.ErrUnknownWord
	}
	return err
}

// appendEdit parses an edit of a message. In its content, [message] is the request and [forged] is the request with
// another Id; expandMacros lists more abbreviations.
func appendEdit(to *[]textedit.Edit, line string) error {
	e, err := textedit.Parse(line)
	if err == nil {
		*to = append(*to, e)
	}
	return err
}

func parseCodeAtPath(text string) codeAtPath {
	code, path, _ := strings.Cut(text, " ")
	return codeAtPath{problem.Code(code), path}
}
