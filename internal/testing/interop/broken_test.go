package interop_test

import (
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/testing/textedit"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

var update = flag.Bool("update", false, "rewrite docs/broken-clients.md")

// brokenScenario is a file in testdata/broken: how a working client is broken, the fault that it gets, and how it is
// repaired. It begins with the title and one field per line. The sections "break" and "repair" have the edits
// (internal/testing/textedit) of the working and of the broken client. In an edit, [NAME] is the section NAME, for text
// of several lines.
type brokenScenario struct {
	title string
	cause string // it usually happens
	// Without repairs, breaks is undone.
	breaks, repairs []textedit.Edit
	signer, file    string // PKI entry of the signing key, if not the hospital's, and a description of its file
	code            string
	understood      string // what a developer learns from the fault alone
	repair          string
	formerlyMissing string // what an earlier text of the fault did not tell, if anything
}

const (
	untrustedKey = "a hospital of another authority"
)

// readBrokenScenarios returns the ten most frequent mistakes of callers, in the order in which a new developer meets
// them.
func readBrokenScenarios(t *testing.T) []brokenScenario {
	t.Helper()
	files, err := filepath.Glob("testdata/broken/*.txtar")
	if err != nil || len(files) != 10 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	var all []brokenScenario
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		title, fields, _ := strings.Cut(string(archive.Comment), "\n\n")
		b := brokenScenario{title: title}
		sections := map[string]string{}
		for _, section := range archive.Files {
			sections["["+section.Name+"]"] = strings.TrimSuffix(string(section.Data), "\n")
		}
		if err := errors.Join(b.parseFields(fields), appendCodeEdits(&b.breaks, sections, "[break]"), appendCodeEdits(&b.repairs, sections, "[repair]")); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if b.code == "" || b.understood == "" || (b.breaks == nil) == (b.signer == "") {
			t.Fatalf("%s: incomplete", file)
		}
		all = append(all, b)
	}
	return all
}

func (b *brokenScenario) parseFields(text string) error {
	fields := map[string]*string{"cause": &b.cause, "signer": &b.signer, "file": &b.file, "code": &b.code,
		"understood": &b.understood, "repair": &b.repair, "formerly missing": &b.formerlyMissing}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		field, ok := fields[key]
		if !ok {
			return fmt.Errorf("%q: %w", line, textedit.ErrUnknownWord)
		}
		*field = value
	}
	return nil
}

// appendCodeEdits parses the edits in a section.
func appendCodeEdits(to *[]textedit.Edit, sections map[string]string, name string) error {
	expand := func(text string) string {
		if content, ok := sections[text]; ok {
			return content
		}
		return text
	}
	for line := range strings.SplitSeq(sections[name], "\n") {
		if line == "" {
			continue
		}
		e, err := textedit.Parse(line)
		if err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
		*to = append(*to, e.Expand(expand))
	}
	return nil
}

// TestBrokenClients breaks the zeep client in ten ways, compares the faults with docs/broken-clients.md, repairs the
// client as the fault says, and requires that it works.
func TestBrokenClients(t *testing.T) {
	t.Parallel()
	program := findPython(t)
	source, err := os.ReadFile(zeepScript(t))
	if err != nil {
		t.Fatal(err)
	}
	service := interop.StartService(t, interop.NewDevelopmentDirectory(t))
	scenarios := readBrokenScenarios(t)
	chapters := make([]string, len(scenarios))
	t.Run("clients", func(t *testing.T) {
		for i, b := range scenarios {
			t.Run(b.title, func(t *testing.T) {
				t.Parallel()
				client := &brokenClient{program, service, interop.StartRecorder(t, service, nil)}
				changed := editClient(t, string(source), b.breaks)
				result := client.runClient(t, changed, b.signer)
				fault, status := client.firstFault(t)
				if result.ExitCode == 0 || fault == nil {
					t.Fatalf("exit %d, nothing was refused: %s", result.ExitCode, result.Stderr)
				}
				if got := fault.Violations[0].Code; got != b.code {
					t.Fatalf("%s, want %s", got, b.code)
				}
				repaired := string(source)
				if b.repairs != nil {
					repaired = editClient(t, changed, b.repairs)
				}
				if result = client.runClient(t, repaired, ""); result.ExitCode != 0 {
					t.Fatalf("the repaired client: exit %d\n%s", result.ExitCode, result.Stderr)
				}
				chapters[i] = b.formatChapter(i+1, string(source), changed, fault, status)
			})
		}
	})
	if t.Failed() {
		return
	}
	requireDocument(t, "../../../docs/broken-clients.md", brokenDocumentHead+strings.Join(chapters, ""))
}

func requireDocument(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is out of step with what clients are told: go test ./internal/testing/interop -run TestBrokenClients -update\n%s", path, want)
	}
}

// editClient applies edits to a client. Each old text must be there once, so that it is clear what changes.
func editClient(t *testing.T, text string, edits []textedit.Edit) string {
	t.Helper()
	for i, e := range edits {
		old, _, ok := e.Replacement()
		if n := strings.Count(text, old); !ok || n != 1 {
			t.Fatalf("client.py holds %q %d times", old, n)
		}
		text = applyEdits(t, text, edits[i:i+1])
	}
	return text
}

// brokenClient runs a client against a service behind a recorder.
type brokenClient struct {
	program  string
	service  *interop.Service
	recorder *interop.Recorder
}

// firstFault returns the first fault and its HTTP status, or nil. A working script also ends with a fault, which it
// expects.
func (c *brokenClient) firstFault(t *testing.T) (*soap.Refusal, int) {
	t.Helper()
	for _, e := range c.recorder.Exchanges() {
		if e.Status == http.StatusOK {
			continue
		}
		document, err := xmldoc.Parse(e.Response, xmldoc.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		_, refusal, err := soap.ReadReply(document, ctr.NamespaceCore)
		if err != nil {
			t.Fatal(err)
		}
		return refusal, e.Status
	}
	return nil, 0
}

// runClient runs the source text of a client with a key.
func (c *brokenClient) runClient(t *testing.T, text, key string) interop.Result {
	t.Helper()
	directory := t.TempDir()
	file, p12 := filepath.Join(directory, "client.py"), c.service.P12[testpki.Hospital]
	interop.WriteFile(t, file, []byte(text))
	switch {
	case key == untrustedKey:
		p12 = c.writeUntrustedKey(t)
	case key != "":
		if p12 = c.service.P12[key]; p12 == "" {
			t.Fatalf("no file of %s", key)
		}
	}
	return interop.RunProgram(t, c.program, file, "--url", c.recorder.URL, "--ca", c.service.CA, "--p12", p12, "--password-file", c.service.PasswordFile(),
		"--card", filepath.Join(directory, "card.pdf"))
}

// writeUntrustedKey writes a key with the hospital's subject, issued by an untrusted authority, and returns the file.
func (c *brokenClient) writeUntrustedKey(t *testing.T) string {
	t.Helper()
	now := time.Now()
	issuer, err := authority.New(authority.Options{Name: "another", NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0), Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	key, err := issuer.Issue(authority.Order{Subject: x509id.Subject{Type: "NIHII-HOSPITAL", ID: "71000436", Name: "ZIEKENHUIS SINT-ELOOI"},
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0), Algorithm: authority.KeyECP256})
	if err != nil {
		t.Fatal(err)
	}
	password, err := os.ReadFile(c.service.PasswordFile())
	if err != nil {
		t.Fatal(err)
	}
	data, err := p12.EncodeKeys([]*x509id.Key{key}, strings.TrimRight(string(password), "\r\n"), 1000, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "other.p12")
	interop.WriteFile(t, file, data)
	return file
}

const brokenDocumentHead = `# Ten broken clients and their faults

<!-- Generated by its test from the responses of a service: go test ./internal/testing/interop -run TestBrokenClients -update -->

A working client, [client.py](../internal/testing/interop/zeep/client.py) (Python, zeep and xmlsec), is broken in the ten ways that are most
frequent among callers. Each broken client runs against a service. It is then repaired with only the information in its fault, and
must complete the whole scenario. ` + "`make test`" + ` repeats this, and fails if a text on this page differs from the response of the service.
Times near the service's clock are replaced by 2026-11-21T10:10:00Z; nothing else is changed. [faults.md](faults.md) explains each
code; [ctr check](check.md) reports everything that is wrong with a message at once.
`

// formatChapter formats the section of the document on this scenario.
func (b *brokenScenario) formatChapter(number int, source, changed string, f *soap.Refusal, status int) string {
	var w strings.Builder
	fmt.Fprintf(&w, "\n## %d. %s\n\n%s\n\n", number, b.title, b.cause)
	if b.breaks != nil {
		fmt.Fprintf(&w, "```diff\n%s```\n", formatDiff(source, b.breaks))
	} else {
		fmt.Fprintf(&w, "`--p12` names %s.\n", b.file)
	}
	fmt.Fprintf(&w, "\nHTTP %d, `%s`, %s, code `%s`", status, f.FaultCode, f.Code, f.Violations[0].Code)
	if f.Violations[0].Path != "" {
		fmt.Fprintf(&w, " at `%s`", f.Violations[0].Path)
	}
	w.WriteString(":\n\n")
	for i, l := range []texts.Lang{texts.English, "nl", "fr", "de"} {
		if i > 0 {
			w.WriteString(">\n")
		}
		fmt.Fprintf(&w, "> %s: %s\n", l, normaliseTimes(f.Violations[0].Messages[l]))
	}
	fmt.Fprintf(&w, "\n- Understood: %s\n- Repaired: %s\n", b.understood, b.repair)
	if b.formerlyMissing != "" {
		fmt.Fprintf(&w, "- An earlier text of the fault was not sufficient: %s\n", b.formerlyMissing)
	}
	if b.repairs != nil {
		fmt.Fprintf(&w, "\n```diff\n%s```\n", formatDiff(changed, b.repairs))
	}
	w.WriteString("\nIt works.\n")
	return w.String()
}

// formatDiff formats changes to a text as changed lines, without context.
func formatDiff(text string, edits []textedit.Edit) string {
	var w strings.Builder
	for i, e := range edits {
		if i > 0 {
			w.WriteString("@@\n")
		}
		oldText, newText, _ := e.Replacement()
		at := strings.Index(text, oldText)
		start, end := strings.LastIndex(text[:at], "\n")+1, at+len(oldText)
		if newText != "" { // extend to whole lines; deletions already are whole lines
			end += strings.Index(text[end:], "\n") + 1
		}
		changed := strings.Replace(text[start:end], oldText, newText, 1)
		old, now := strings.Split(strings.TrimRight(text[start:end], "\n"), "\n"), strings.Split(strings.TrimRight(changed, "\n"), "\n")
		if changed == "" {
			now = nil
		}
		for len(old) > 0 && len(now) > 0 && old[len(old)-1] == now[len(now)-1] {
			old, now = old[:len(old)-1], now[:len(now)-1]
		}
		for len(old) > 0 && len(now) > 0 && old[0] == now[0] {
			old, now = old[1:], now[1:]
		}
		for _, line := range old {
			w.WriteString("-" + line + "\n")
		}
		for _, line := range now {
			w.WriteString("+" + line + "\n")
		}
	}
	return w.String()
}

var timePattern = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// normaliseTimes shifts times within 12 hours of now, so that now becomes a fixed time, rounded to the minute.
func normaliseTimes(text string) string {
	now := time.Now()
	return timePattern.ReplaceAllStringFunc(text, func(found string) string {
		at, err := time.Parse(time.RFC3339, found)
		if err != nil || now.Sub(at).Abs() > 12*time.Hour {
			return found
		}
		return time.Date(2026, 11, 21, 10, 10, 0, 0, time.UTC).Add(at.Sub(now).Round(time.Minute)).Format(time.RFC3339)
	})
}
