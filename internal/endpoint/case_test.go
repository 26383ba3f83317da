package endpoint_test

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
	"github.com/openctr/ctr/internal/registertest"
	"github.com/openctr/ctr/internal/testpki"
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
	tamper []edit
}

type send struct {
	message string // file in testdata/messages
	raw     string // alternatively: these bytes, unsigned
	again   int    // alternatively: the bytes of that step again
	signer  string
	clock   time.Time
	version soap.Version
	headers http.Header
	encode  string
	edits   []edit
}

type want struct {
	answer   string // nested status of the response: Success or DataNotFound
	has      []fact
	lacks    []string
	warnings []codeAtPath
	fault    string // HTTP status, fault code, kind and code of the platform error
	problems []codeAtPath
	texts    []string
	like     int // step with the same answer, except for IDs and instants

	audit   string // operation, outcome and, unless they equal those of problems, codes
	by      string // signer and capacity
	patient string
	former  string
	why     string
	kept    int
}

// valueAtPath is an expected value at a path of the response.
type fact struct{ path, value string }

// codeAtPath is a violation or a warning with its path.
type codeAtPath struct {
	code problem.Code
	path string
}

func (p codeAtPath) String() string { return strings.TrimSpace(string(p.code) + " " + p.path) }

// listCaseFiles returns the names of all case files.
func caseFiles(tb testing.TB) []string {
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
		if err := c.section(section.Name, string(section.Data)); err != nil {
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

func (c *testCase) section(name, text string) error {
	var line func(string) error
	switch name {
	case "service":
		line = c.service.line
	case "send":
		c.steps = append(c.steps, &step{send: send{
			signer: testpki.Hospital, clock: registertest.StartTime(), version: soap.SOAP11, headers: http.Header{},
		}, want: want{kept: -1}})
		line = c.last().send.line
	case "raw":
		c.last().raw = strings.TrimSuffix(text, "\n")
		return nil
	case "tamper":
		line = func(s string) error { return addEdit(&c.last().tamper, s) }
	case "want":
		line = c.last().want.line
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

func (c *testCase) last() *step { return c.steps[len(c.steps)-1] }

func (s *settings) line(text string) (err error) {
	switch key, value, _ := strings.Cut(text, ": "); key {
	case "strict":
		s.strict, err = strconv.ParseBool(value)
	case "require link":
		s.requireLink, err = strconv.ParseBool(value)
	case "sha1 until":
		s.sha1Until, err = time.Parse(time.RFC3339, value)
	default:
		err = errUnknownWord
	}
	return err
}

func (s *send) line(text string) (err error) {
	key, value, _ := strings.Cut(text, ": ")
	switch key {
	case "message":
		s.message = value
	case "again":
		s.again, err = strconv.Atoi(value)
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
		err = addEdit(&s.edits, text)
	}
	return err
}

func (w *want) line(text string) (err error) {
	key, value, _ := strings.Cut(text, ":")
	value = strings.TrimSpace(value)
	switch key {
	case "answer":
		w.answer = value
	case "has":
		path, content, _ := strings.Cut(value, " = ")
		w.has = append(w.has, fact{path, content})
	case "lacks":
		w.lacks = append(w.lacks, value)
	case "warning":
		w.warnings = append(w.warnings, newPlace(value))
	case "fault":
		w.fault = value
	case "problem":
		w.problems = append(w.problems, newPlace(value))
	case "text":
		w.texts = append(w.texts, value)
	case "like":
		w.like, err = strconv.Atoi(value)
	case "audit":
		w.audit = value
	case "by":
		w.by = value
	case "patient":
		w.patient = value
	case "former":
		w.former = value
	case "why":
		w.why = value
	case "kept":
		w.kept, err = strconv.Atoi(value)
	default:
		err = errUnknownWord
	}
	return err
}

func newPlace(text string) codeAtPath {
	code, path, _ := strings.Cut(text, " ")
	return codeAtPath{problem.Code(code), path}
}
