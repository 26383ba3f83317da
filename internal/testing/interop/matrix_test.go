package interop_test

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"github.com/openctr/ctr/internal/devkit/conformance"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// observation is what the recorder saw of a run.
type observation struct {
	version    string // of the toolkit, as the client reports it
	operations []string
	signed     []string // names of the signed elements
	reference  string   // form of the key reference
	unmet      []string // IDs of client requirements that its messages do not meet
}

// expectedOperations are the operations that every client calls at least, in this order. The last call is refused.
var expectedOperations = []string{"NotifyImplant", "Search", "GetImplantCard", "NotifyExplant", "NotifyImplant"}

// checkExchanges checks that the messages match the variant, and returns the observed properties for the document.
func checkExchanges(t *testing.T, v variant, all []interop.Exchange) observation {
	t.Helper()
	var o observation
	var last interop.Exchange
	for _, e := range all {
		root := parseEnvelope(t, e.RequestType, e.Request)
		operation := strings.TrimSuffix(root.FindElement("Body").ChildElements()[0].Tag, "Request")
		o.operations = append(o.operations, operation)
		checkRequest(t, v, e, root)
		wanted := v.mtom || soap.AcceptsMTOM(e.Accept)
		if packed := isPacked(e.ResponseType); operation == "GetImplantCard" && packed != wanted {
			t.Errorf("the card came as %s", e.ResponseType)
		}
		o.signed, o.reference = describeSignature(root)
		if e.Status != 200 {
			last = e
		}
	}
	o.unmet = unmetRequirements(t, all)
	if !isSubsequence(expectedOperations, o.operations) {
		t.Errorf("it sent %q, which lacks some of %q", o.operations, expectedOperations)
	}
	if want := map[string]int{"1.1": 500, "1.2": 400}[v.soap]; last.Status != want {
		t.Errorf("the refusal came with HTTP %d, not %d", last.Status, want)
	}
	return o
}

// checkRequest checks a request against the requested variant.
func checkRequest(t *testing.T, v variant, e interop.Exchange, root *etree.Element) {
	t.Helper()
	if packed := isPacked(e.RequestType); packed != v.mtom {
		t.Errorf("it sent %s", e.RequestType)
	}
	if want := map[string]string{"1.1": "http://schemas.xmlsoap.org/soap/envelope/", "1.2": "http://www.w3.org/2003/05/soap-envelope"}[v.soap]; root.NamespaceURI() != want {
		t.Errorf("its envelope is of %s", root.NamespaceURI())
	}
	method := root.FindElement("//SignatureMethod").SelectAttrValue("Algorithm", "")
	if want := map[string]string{"RSA": "rsa-sha256", "EC": "ecdsa-sha256"}[v.key]; !strings.HasSuffix(method, want) {
		t.Errorf("it signed with %s", method)
	}
}

// unmetRequirements judges the messages as ctr conformance does, and returns the IDs of the requirements that they do
// not meet.
func unmetRequirements(t *testing.T, all []interop.Exchange) []string {
	t.Helper()
	captured := make([]conformance.CapturedMessage, len(all))
	for i, e := range all {
		fields := "Content-Type: " + e.RequestType + "\r\nSOAPAction: " + e.Action + "\r\n\r\n"
		captured[i] = conformance.CapturedMessage{Name: "message " + strconv.Itoa(i+1), Data: append([]byte(fields), e.Request...)}
	}
	report, err := conformance.JudgeMessages(captured, testpki.NewTrustStore(t))
	if err != nil {
		t.Fatal(err)
	}
	var failed []string
	for _, f := range report.Findings {
		if f.Outcome == conformance.Fail {
			failed = append(failed, f.ID)
			t.Logf("%s %s %q", f.ID, f.Sentence, f.Why)
		}
	}
	return failed
}

func isPacked(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && kind == "multipart/related"
}

// parseEnvelope returns the envelope of a message, which may be an MTOM package.
func parseEnvelope(t *testing.T, contentType string, data []byte) *etree.Element {
	t.Helper()
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err == nil && kind == "multipart/related" {
		var part *multipart.Part
		if part, err = multipart.NewReader(bytes.NewReader(data), parameters["boundary"]).NextRawPart(); err == nil {
			data, err = io.ReadAll(part)
		}
	}
	document := etree.NewDocument()
	if err == nil {
		err = document.ReadFromBytes(data)
	}
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, contentType, data)
	}
	return document.Root()
}

// describeSignature returns the names of the signed elements and the form of the key reference.
func describeSignature(root *etree.Element) (signed []string, reference string) {
	byID := map[string]string{}
	for _, element := range root.FindElements("//*") {
		for _, attribute := range element.Attr {
			if strings.EqualFold(attribute.Key, "id") {
				byID["#"+attribute.Value] = element.Tag
			}
		}
	}
	for _, r := range root.FindElements("//SignedInfo/Reference") {
		signed = append(signed, byID[r.SelectAttrValue("URI", "")])
	}
	slices.Sort(signed)
	if key := root.FindElement("//Signature/KeyInfo/SecurityTokenReference"); key != nil && len(key.ChildElements()) > 0 {
		reference = key.ChildElements()[0].Tag
	}
	return signed, reference
}

func isSubsequence(part, whole []string) bool {
	for _, s := range whole {
		if len(part) > 0 && part[0] == s {
			part = part[1:]
		}
	}
	return len(part) == 0
}

// patchPattern and remarkPattern match the parts of a version that every update of a distribution changes: all after
// the first two numbers, and remarks in parentheses.
var (
	patchPattern  = regexp.MustCompile(`([0-9]+\.[0-9]+)\.[-+~.0-9A-Za-z]*`)
	remarkPattern = regexp.MustCompile(` \([^)]*\)`)
)

// stripVersions removes version numbers, which differ between machines.
func stripVersions(text string) string {
	return regexp.MustCompile(`[0-9]+\.[0-9]+`).ReplaceAllString(text, "")
}

func shortenVersion(version string) string {
	return patchPattern.ReplaceAllString(remarkPattern.ReplaceAllString(version, ""), "$1")
}

const matrixHead = `# Toolkits

<!-- Made by: make interop -->

` + "`make interop`" + ` builds each of these clients with the lines that stand on its page, runs it in every variant against a service on
SQLite and one on PostgreSQL, and looks at what went over the wire. Each run notifies an implantation, finds it, downloads its card (which
must be, octet for octet, the one that our own client gets), notifies the removal, and sends a notification with two mistakes, whose fault
must tell both with their places. Then the commands of its page are typed as they stand. A client stands here only if all of that held.

## Clients

| client | page | ran with | signs | names its key by | [requirements](conformance.md) not met |
| --- | --- | --- | --- | --- | --- |
`

const matrixVariants = `
## Runs

Each cell names what the client did, on SQLite and on PostgreSQL: **N** notifyImplant, **S** search, **C** getImplantCard, **X** notifyExplant, and
**R** a refusal that it read. A dash: it cannot, for a reason that stands below. RSA keys have 2048 bits and sign with rsa-sha256; EC keys are on
P-256 and sign with ecdsa-sha256. MTOM means that requests go as a package and the card comes as an attachment.

`

// operationLetters abbreviate expectedOperations, in the same order.
var operationLetters = []string{"N", "S", "C", "X", "R"}

const matrixGenerators = `
## Generators of code

Each makes code of every form of the contract, and says nothing while it does so that a user would have to think about.

| generator | ` + "`?wsdl` | `?wsdl=soap12` | `?wsdl=policy` | `?wsdl=flat`" + ` |
| --- | --- | --- | --- | --- |
`

// allVariants returns every possible variant, without a client name.
func allVariants() []variant {
	return toolkitClient{SOAP: []string{"1.1", "1.2"}, Keys: []string{"RSA", "EC"}, MTOM: []bool{false, true}}.listVariants()
}

// formatCells formats the row of a client: the operations that succeeded in each variant, on all databases.
func (m *matrix) formatCells(t *testing.T, client string) string {
	t.Helper()
	var text strings.Builder
	for _, v := range allVariants() {
		v.client = client
		r := m.rows[v]
		switch {
		case r == nil:
			text.WriteString(" – |")
		case len(r.databases) != len(openDatabases()):
			t.Errorf("%s was run on %q only", v, r.databases)
		default:
			text.WriteString(" " + strings.Join(operationLetters, " ") + " |") // checkExchanges fails the test if any is missing
		}
	}
	return text.String()
}

// unmetByClient returns the requirements that a client did not meet in some variant.
func (m *matrix) unmetByClient(client string) []string {
	var all []string
	for v, r := range m.rows {
		if v.client == client {
			all = append(all, r.unmet...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// writeDocument writes docs/interop.md with -update, and compares it otherwise.
func (m *matrix) writeDocument(t *testing.T, kits []toolkit) {
	t.Helper()
	var text, runs, generators, limits strings.Builder
	text.WriteString(matrixHead)
	runs.WriteString("| client |")
	for _, v := range allVariants() {
		fmt.Fprintf(&runs, " SOAP %s, %s%s |", v.soap, v.key, map[bool]string{true: ", MTOM"}[v.mtom])
	}
	runs.WriteString("\n|" + strings.Repeat(" --- |", 1+len(allVariants())) + "\n")
	for _, kit := range kits {
		if kit.Generate != nil {
			fmt.Fprintf(&generators, "| %s | ✓ | ✓ | ✓ | ✓ |\n", kit.Generate.Name)
		}
		for _, c := range kit.Clients {
			first := m.rows[c.listVariants()[0]]
			if first == nil {
				t.Fatalf("%s was not run", c.Name)
			}
			fmt.Fprintf(&text, "| %s | [%s](%s) | %s | %s | %s | %s |\n", c.Name, strings.TrimSuffix(filepath.Base(kit.Page), ".md"),
				strings.TrimPrefix(kit.Page, "docs/"), shortenVersion(first.version), strings.Join(first.signed, ", "), first.reference,
				cmp.Or(strings.Join(m.unmetByClient(c.Name), ", "), "none"))
			fmt.Fprintf(&runs, "| %s |%s\n", c.Name, m.formatCells(t, c.Name))
			for _, limit := range c.Limits {
				fmt.Fprintf(&limits, "- %s: %s\n", c.Name, limit)
			}
		}
	}
	text.WriteString(matrixVariants + runs.String() + matrixGenerators + generators.String() + "\n## What a toolkit cannot do\n\n" + limits.String())
	const name = "../../../docs/interop.md"
	if *update {
		if err := os.WriteFile(name, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if existing, err := os.ReadFile(name); err != nil || stripVersions(string(existing)) != stripVersions(text.String()) {
		t.Errorf("docs/interop.md is not what was seen (%v); run: make interop. It should be:\n%s", err, text.String())
	}
}
