package xmldoc_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/openctr/ctr/internal/message/xmldoc"
)

// testLimits are the default limits, but with processing instructions.
func testLimits() xmldoc.Limits {
	l := xmldoc.DefaultLimits()
	l.Instructions = 1000
	return l
}

// requireProgram returns the path of a program. If it is missing, the test is skipped, but fails in CI.
func requireProgram(t *testing.T, program, packages string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing; run: apt-get install -y %s", program, packages)
	}
	t.Skipf("%s is missing; run: apt-get install -y %s", program, packages)
	return ""
}

type oracleRequest struct {
	Doc       []byte   `json:"doc"`
	Top       int      `json:"top,omitempty"`
	Omit      int      `json:"omit,omitempty"`
	Exclusive bool     `json:"exclusive"`
	Prefixes  []string `json:"prefixes,omitempty"`
}

type oracleResult struct {
	OK   bool   `json:"ok"`
	Form []byte `json:"form"`
}

// runLibxml2 sends the requests to one process of the oracle.
func runLibxml2(t *testing.T, questions []oracleRequest) []oracleResult {
	t.Helper()
	python := requireProgram(t, "python3", "python3 libxml2-utils")
	var in bytes.Buffer
	encoder := json.NewEncoder(&in)
	for _, q := range questions {
		if err := encoder.Encode(q); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "libxml2.py"))
	command.Stdin, command.Stderr = &in, os.Stderr
	out, err := command.Output()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the oracle does not run; apt-get install -y python3 libxml2-utils: %v", err)
		}
		t.Skipf("the oracle does not run; apt-get install -y python3 libxml2-utils: %v", err)
	}
	answers := make([]oracleResult, 0, len(questions))
	decoder := json.NewDecoder(bytes.NewReader(out))
	for decoder.More() {
		var a oracleResult
		if err := decoder.Decode(&a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	if len(answers) != len(questions) {
		t.Fatalf("%d answers to %d questions", len(answers), len(questions))
	}
	return answers
}

// allElements returns the elements of a document in document order.
func allElements(d *xmldoc.Document) []xmldoc.Element {
	var all []xmldoc.Element
	var walk func(e xmldoc.Element)
	walk = func(e xmldoc.Element) {
		all = append(all, e)
		for c := range e.Children() {
			walk(c)
		}
	}
	walk(d.Root())
	return all
}

func TestCanonicalFormsAgreeWithLibxml2(t *testing.T) {
	t.Parallel()
	const documents = 2200
	var questions []oracleRequest
	var forms [][]byte
	for seed := range uint64(documents) {
		c := newCorpusGenerator(seed)
		text, n := c.writeDocument()
		d, err := xmldoc.Parse([]byte(text), testLimits())
		if err != nil {
			t.Fatalf("seed %d: %v\n%q", seed, err, text)
		}
		all := allElements(d)
		if len(all) != n {
			t.Fatalf("seed %d: %d elements, want %d", seed, len(all), n)
		}
		for _, exclusive := range []bool{true, true, true, false} {
			q := oracleRequest{Doc: []byte(text), Top: 1 + c.IntN(n), Exclusive: exclusive}
			form := xmldoc.C14N{Exclusive: exclusive}
			if exclusive {
				q.Prefixes = randomPrefixList(c.Rand)
				form.PrefixList = q.Prefixes
			}
			if c.IntN(4) == 0 {
				q.Omit = 1 + c.IntN(n)
				if q.Omit == q.Top {
					q.Omit = 0
				} else {
					form.Omit = all[q.Omit-1]
					// If everything is omitted, libxml2 returns an error; this package returns an empty result.
					if all[q.Top-1].IsWithin(form.Omit) {
						q.Omit, form.Omit = 0, xmldoc.Element{}
					}
				}
			}
			questions = append(questions, q)
			forms = append(forms, form.Append(nil, all[q.Top-1]))
		}
	}
	failures := 0
	for i, a := range runLibxml2(t, questions) {
		q := questions[i]
		if a.OK && bytes.Equal(a.Form, forms[i]) {
			continue
		}
		if failures++; failures <= 5 {
			t.Errorf("element %d without %d, exclusive %v, prefixes %q of\n%q\nlibxml2 (%v) %q\nours           %q",
				q.Top, q.Omit, q.Exclusive, q.Prefixes, q.Doc, a.OK, a.Form, forms[i])
		}
	}
	if failures > 0 {
		t.Errorf("%d of %d differ", failures, len(questions))
	}
}

func randomPrefixList(r *rand.Rand) []string {
	var list []string
	for range r.IntN(4) {
		list = append(list, append(corpusPrefixes[1:], "#default", "#default", "undeclared")[r.IntN(len(corpusPrefixes)+2)])
	}
	return list
}

// TestWholeDocumentsAgreeWithXmllint runs xmllint itself, once per form. xmllint keeps comments, so the documents have
// none.
func TestWholeDocumentsAgreeWithXmllint(t *testing.T) {
	t.Parallel()
	xmllint := requireProgram(t, "xmllint", "libxml2-utils")
	const documents = 2200
	for option, form := range map[string]xmldoc.C14N{"--exc-c14n": {Exclusive: true}, "--c14n": {}} {
		directory := t.TempDir()
		arguments := []string{option}
		var want []byte
		var ends []int
		for seed := range uint64(documents) {
			c := newCorpusGenerator(1_000_000 + seed)
			c.comments = false
			text, _ := c.writeDocument()
			d, err := xmldoc.Parse([]byte(text), testLimits())
			if err != nil {
				t.Fatalf("seed %d: %v\n%q", seed, err, text)
			}
			want = form.Append(want, d.Root())
			ends = append(ends, len(want))
			file := filepath.Join(directory, fmt.Sprint(seed))
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			arguments = append(arguments, file)
		}
		command := exec.CommandContext(t.Context(), xmllint, arguments...)
		var stderr bytes.Buffer
		command.Stderr = &stderr
		got, err := command.Output()
		if err != nil {
			t.Errorf("xmllint %s: %v %.500s", option, err, &stderr)
		}
		start := 0
		for seed, end := range ends {
			if end > len(got) || !bytes.Equal(got[start:end], want[start:end]) {
				t.Fatalf("%s, seed %d: ours %q\nxmllint, from there on, %.1000q", option, seed, want[start:end], got[start:])
			}
			start = end
		}
		if len(got) != start {
			t.Errorf("%s: xmllint has %q more", option, got[start:])
		}
	}
}
