package interop_test

import (
	"crypto/rand"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

var update = flag.Bool("update", false, "rewrite docs/broken-clients.md")

// codeChange is a change in client.py.
type codeChange struct{ old, now string }

// brokenScenario describes how a working client is broken, the fault that it gets, and how it is repaired.
type brokenScenario struct {
	title string
	cause string // it usually happens
	// breaks are the changes to the working client, repairs those to the broken client; without repairs, breaks is
	// undone.
	breaks, repairs []codeChange
	key, file       string // PKI entry of the signing key, if not the hospital's, and a description of its file
	code            problem.Code
	understood      string // what a developer learns from the fault alone
	repair          string
	formerlyMissing string // what an earlier text of the fault did not tell, if anything
}

const (
	untrustedKey = "a hospital of another authority"
)

// brokenScenarios are the ten most frequent mistakes of callers, in the order in which a new developer meets them.
var brokenScenarios = []brokenScenario{
	{
		title: "Signed with SHA-1", cause: "The default of zeep, and of older versions of WSS4J, wse-php and node-soap.",
		breaks:     []codeChange{{"self.signature_method = xmlsec.Transform.RSA_SHA256", "self.signature_method = xmlsec.Transform.RSA_SHA1"}},
		code:       problem.SignatureSHA1,
		understood: "The signature algorithm is refused; the fault names zeep's setting with the correct value.",
		repair:     "`signature_method` set to that value.",
	},
	{
		title: "Digests of SHA-1", cause: "The same default remains when only the signature algorithm was changed.",
		breaks:     []codeChange{{"self.digest_method = xmlsec.Transform.SHA256", "self.digest_method = xmlsec.Transform.SHA1"}},
		code:       problem.DigestSHA1,
		understood: "The digest of a reference is refused, not the signature; the fault names the setting with the correct value.",
		repair:     "`digest_method` set to that value.",
	},
	{
		title: "No Timestamp", cause: "zeep signs, but adds no Timestamp.",
		breaks: []codeChange{
			{"class Timestamp:", "class Unused:"},
			{"wsse=Compose([Timestamp(), Signer(p12, password)])", "wsse=Signer(p12, password)"},
		},
		repairs: []codeChange{
			{"wsse=Signer(p12, password)", "wsse=Compose([Stamp(), Signer(p12, password)])"},
			{"class Signer(BinarySignature):", `class Stamp:
    def apply(self, envelope, headers):
        created = datetime.datetime.now(datetime.timezone.utc)
        stamp = etree.SubElement(get_security_header(envelope), etree.QName(WSU, "Timestamp"))
        etree.SubElement(stamp, etree.QName(WSU, "Created")).text = created.strftime("%Y-%m-%dT%H:%M:%SZ")
        expires = created + datetime.timedelta(minutes=5)
        etree.SubElement(stamp, etree.QName(WSU, "Expires")).text = expires.strftime("%Y-%m-%dT%H:%M:%SZ")
        return envelope, headers

    def verify(self, envelope):
        return envelope


class Signer(BinarySignature):`},
		},
		code:            problem.TimestampMissing,
		understood:      "The header must contain a signed wsu:Timestamp with Created and Expires in UTC. zeep has no class for it, so we must write one and put it before the signature in Compose.",
		repair:          "A class with `apply`, placed before the `Signer`.",
		formerlyMissing: "it said \"add a Timestamp\", but not that zeep has no class for it, what it contains, or where it belongs.",
	},
	{
		title: "The Timestamp is not signed", cause: "It is added after signing.",
		breaks:          []codeChange{{"Compose([Timestamp(), Signer(p12, password)])", "Compose([Signer(p12, password), Timestamp()])"}},
		code:            problem.TimestampUnsigned,
		understood:      "The Timestamp exists, but is added after the signature; in Compose it must come before.",
		repair:          "The two are swapped.",
		formerlyMissing: "it named the settings of WSS4J and wse-php, but not the order in zeep.",
	},
	{
		title: "A clock that is ten minutes slow", cause: "A machine without NTP, or local time written with a Z.",
		breaks: []codeChange{{"now = datetime.datetime.now(datetime.timezone.utc)\n        stamp",
			"now = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=10)\n        stamp"}},
		code:       problem.TimestampExpired,
		understood: "By its Timestamp the message was created ten minutes before the service's time, but it had just been sent: our clock is ten minutes slow.",
		repair:     "The clock was corrected; in the client the subtraction was removed.",
	},
	{
		title: "The message is reformatted after signing", cause: "A plug-in, a proxy or a logger that indents.",
		breaks: []codeChange{
			{"transport=zeep.Transport(session", "transport=Indented(session"},
			{"class Register:", `class Indented(zeep.Transport):
    def post_xml(self, address, envelope, headers):
        etree.indent(envelope.find("{*}Body"))
        return super().post_xml(address, envelope, headers)


class Register:`},
		},
		repairs: []codeChange{{"        etree.indent(envelope.find(\"{*}Body\"))\n", ""}},
		code:    problem.DigestMismatch,
		understood: "The named element was changed after signing. After the signature only our own transport handles the message, " +
			"and it indents.",
		repair: "The transport sends the message unchanged.",
	},
	{
		title: "A certificate that has expired", cause: "The renewed certificate is in another file.",
		key: pki.EntryExpired, file: "the file of a certificate that has expired", code: problem.CertExpired,
		understood:      "The certificate was valid until the given day. It has been renewed, so the program still loads the old file.",
		repair:          "`--p12` names the new file.",
		formerlyMissing: "it said to renew the certificate, but not that a program may still use the old file.",
	},
	{
		title: "A certificate of another environment", cause: "An acceptance certificate in production, or a self-signed one.",
		key: untrustedKey, file: "a file whose certificate has the same subject, but another issuer", code: problem.CertUntrusted,
		understood: "The certificate does not belong to this environment, which the fault names.",
		repair:     "`--p12` names the file issued for this environment.",
	},
	{
		title: "The same message twice", cause: "An HTTP library, a proxy or a queue that retries automatically.",
		breaks: []codeChange{
			{"transport=zeep.Transport(session", "transport=Insistent(session"},
			{"class Register:", `class Insistent(zeep.Transport):
    def post(self, address, message, headers):
        super().post(address, message, headers)
        return super().post(address, message, headers)


class Register:`},
		},
		repairs: []codeChange{
			{"transport=Insistent(session", "transport=zeep.Transport(session"},
			{"        return getattr(self.client.service, operation)(\n            Id=", "        try:\n            return self.once(operation, author, **content)\n" +
				"        except requests.exceptions.RequestException:\n            return self.once(operation, author, **content)\n\n" +
				"    def once(self, operation, author, **content):\n        return getattr(self.client.service, operation)(\n            Id="},
		},
		code:            problem.MessageReplayed,
		understood:      "The second of two requests was refused because it was identical to the first. Each attempt needs a new signature; InputReference identifies both as the same notification.",
		repair:          "The client repeats the call instead of the same bytes.",
		formerlyMissing: "it said to sign again, but not what had sent the message twice.",
	},
	{
		title: "An invalid date", cause: "The date as written in Belgium.",
		breaks: []codeChange{{`"OperationDate": today - datetime.timedelta(days=2),
        "Patient"`, `"OperationDate": (today - datetime.timedelta(days=2)).strftime("%d/%m/%Y"),
        "Patient"`}},
		code:       problem.SchemaValue,
		understood: "The value at the given path must be a date in the form YYYY-MM-DD.",
		repair:     "A date object, which zeep writes in that form.",
	},
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
	chapters := make([]string, len(brokenScenarios))
	t.Run("clients", func(t *testing.T) {
		for i, b := range brokenScenarios {
			t.Run(b.title, func(t *testing.T) {
				t.Parallel()
				client := &brokenClient{program, service, interop.StartRecorder(t, service, nil)}
				changed := applyChanges(t, string(source), b.breaks)
				result := client.runClient(t, changed, b.key)
				fault, status := client.firstFault(t)
				if result.ExitCode == 0 || fault == nil {
					t.Fatalf("exit %d, nothing was refused: %s", result.ExitCode, result.Stderr)
				}
				if got := fault.Violations[0].Code; got != string(b.code) {
					t.Fatalf("%s, want %s", got, b.code)
				}
				repaired := string(source)
				if b.repairs != nil {
					repaired = applyChanges(t, changed, b.repairs)
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

func applyChanges(t *testing.T, text string, changes []codeChange) string {
	t.Helper()
	for _, c := range changes {
		if strings.Count(text, c.old) != 1 {
			t.Fatalf("client.py holds %q %d times", c.old, strings.Count(text, c.old))
		}
		text = strings.Replace(text, c.old, c.now, 1)
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
	authority, err := pki.NewAuthority(pki.AuthorityOptions{Name: "another", NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0), Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	key, err := authority.Issue(pki.Order{Subject: pki.Subject{Type: "NIHII-HOSPITAL", ID: "71000436", Name: "ZIEKENHUIS SINT-ELOOI"},
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0), Algorithm: pki.KeyECP256})
	if err != nil {
		t.Fatal(err)
	}
	password, err := os.ReadFile(c.service.PasswordFile())
	if err != nil {
		t.Fatal(err)
	}
	data, err := pki.EncodeKeys([]*pki.Key{key}, strings.TrimRight(string(password), "\r\n"), 1000, rand.Reader)
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
func formatDiff(text string, changes []codeChange) string {
	var w strings.Builder
	for i, c := range changes {
		if i > 0 {
			w.WriteString("@@\n")
		}
		at := strings.Index(text, c.old)
		start, end := strings.LastIndex(text[:at], "\n")+1, at+len(c.old)
		if c.now != "" { // extend to whole lines; deletions already are whole lines
			end += strings.Index(text[end:], "\n") + 1
		}
		changed := strings.Replace(text[start:end], c.old, c.now, 1)
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
