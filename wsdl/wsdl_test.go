package wsdl_test

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/wire/ctr"
	"github.com/openctr/ctr/wsdl"
)

const address = "https://127.0.0.1:8443/ctr/v1"

// contract is one contract of this project; the package itself knows none.
var contract = ctr.Contract()

var xmlForms = []wsdl.Form{wsdl.Plain, wsdl.SOAP12, wsdl.Policy, wsdl.Flat}

func renderForm(t *testing.T, form wsdl.Form, address string) string {
	t.Helper()
	text, err := contract.Render(form, address, wsdl.SchemaAddresses(address, false))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tool returns the path of a program. If it is missing, the test is skipped, except in CI.
func tool(t *testing.T, name, debian string) string {
	t.Helper()
	p, err := exec.LookPath(name)
	if err == nil {
		return p
	}
	missing(t, name, debian)
	return ""
}

func missing(t *testing.T, what, debian string) {
	t.Helper()
	message := what + " is missing: apt-get install " + debian
	if os.Getenv("CI") != "" {
		t.Fatal(message)
	}
	t.Skip(message)
}

func TestEveryFormSaysWhatItIs(t *testing.T) {
	contains := map[wsdl.Form][]string{
		wsdl.Plain:  {`xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"`, `schemaLocation="v1?xsd=ctr-protocol-1_0.xsd"`},
		wsdl.SOAP12: {`xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap12/"`, `schemaLocation="v1?xsd=ctr-protocol-1_0.xsd"`},
		wsdl.Policy: {`<wsp:PolicyReference URI="#SignedWithX509"/>`, `IncludeToken/AlwaysToRecipient`, `<sp:Basic256Sha256/>`},
		wsdl.Flat:   {`targetNamespace="urn:be:fgov:ehealth:ctr:core:v1"`, `<xs:import namespace="urn:be:fgov:ehealth:ctr:core:v1"/>`},
	}
	for _, form := range xmlForms {
		text := renderForm(t, form, address)
		for _, want := range append(contains[form],
			"is not public", `location="`+address+`"`, `<wsdl:part name="body" element="ctrp:SearchRequest"/>`) {
			if !strings.Contains(text, want) {
				t.Errorf("?wsdl=%s does not contain %s", form, want)
			}
		}
		for _, o := range contract.Operations {
			if !strings.Contains(text, `soapAction="`+contract.Action(o.Name)+`"`) || !strings.Contains(text, `<wsdl:operation name="`+o.LocalName()+`">`) {
				t.Errorf("?wsdl=%s lacks %s", form, o.Name)
			}
		}
		if strings.Contains(text, "wsp:Policy") != (form == wsdl.Policy) {
			t.Errorf("?wsdl=%s: a policy stands in the wrong form", form)
		}
		if strings.Contains(text, "schemaLocation") == (form == wsdl.Flat) {
			t.Errorf("?wsdl=%s: schema locations stand in the wrong form", form)
		}
	}
}

func TestPolicyStandsOnInputsOnly(t *testing.T) {
	text := renderForm(t, wsdl.Policy, address)
	inputs := regexp.MustCompile(`<wsdl:input>\s*<wsp:PolicyReference`).FindAllString(text, -1)
	if all := strings.Count(text, "<wsp:PolicyReference"); all != len(inputs) || all != len(contract.Operations) {
		t.Errorf("%d references, %d of them on inputs, for %d operations", all, len(inputs), len(contract.Operations))
	}
}

func TestAddressIsEscapedAndChecked(t *testing.T) {
	if text := renderForm(t, wsdl.Plain, `https://host/ctr/v1?a="<&>`); !strings.Contains(text, `location="https://host/ctr/v1?a=&#34;&lt;&amp;&gt;"`) {
		t.Error("the address is not escaped")
	}
	for _, bad := range []string{"", "/ctr/v1", "ftp://host/ctr/v1", "https://", "https://host\x7f/"} {
		for _, form := range append(xmlForms, wsdl.Zip) {
			if text, err := contract.Render(form, bad, "v1?xsd="); err == nil || text != nil {
				t.Errorf("?wsdl=%s: address %q is accepted", form, bad)
			}
		}
	}
}

func TestParse(t *testing.T) {
	for _, form := range append(xmlForms, wsdl.Zip) {
		if got, ok := wsdl.ParseForm(string(form)); !ok || got != form {
			t.Errorf("form %q is not found", form)
		}
	}
	if _, ok := wsdl.ParseForm("soap13"); ok {
		t.Error("an unknown form is found")
	}
	if wsdl.Zip.ContentType() != "application/zip" || wsdl.Flat.ContentType() != "text/xml; charset=utf-8" {
		t.Error("wrong media types")
	}
}

// serve returns a server that serves the contract at /ctr/v1 as the service does.
func serve(t *testing.T) *httptest.Server {
	t.Helper()
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if name := query.Get("xsd"); r.URL.Path == "/ctr/v1" && name != "" {
			if text, ok := contract.Schema(name, "v1?xsd="); ok {
				_, _ = w.Write(text)
				return
			}
		} else if form, ok := wsdl.ParseForm(query.Get("wsdl")); ok && r.URL.Path == "/ctr/v1" {
			text, err := contract.Render(form, server.URL+"/ctr/v1", "v1?xsd=")
			if err == nil {
				_, _ = w.Write(text)
				return
			}
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	return server
}

func TestEveryRelativeImportIsServed(t *testing.T) {
	server := serve(t)
	attribute := regexp.MustCompile(`schemaLocation="([^"]*)"`)
	seen := map[string]bool{}
	var follow func(at string)
	follow = func(at string) {
		if seen[at] {
			return
		}
		seen[at] = true
		answer, err := http.Get(at)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		text, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %v, %s", at, err, answer.Status)
			return
		}
		base, err := url.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range attribute.FindAllStringSubmatch(string(text), -1) {
			next, err := base.Parse(m[1])
			if err != nil {
				t.Fatal(err)
			}
			follow(next.String())
		}
	}
	follow(server.URL + "/ctr/v1?wsdl")
	names, err := fs.Glob(contract.Schemas, "*.xsd")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d schemas, %v", len(names), err)
	}
	if len(seen) != 1+len(names) {
		t.Errorf("%d documents are reachable, there are %d schemas and one contract", len(seen), len(names))
	}
	for _, bad := range []string{"", "none.xsd", "../wsdl/ctr-v1.wsdl", ".", "files.go"} {
		if _, ok := contract.Schema(bad, "v1?xsd="); ok {
			t.Errorf("schema %q is served", bad)
		}
	}
}

// unpack extracts the archive into a directory.
func unpack(t *testing.T, folder string) {
	t.Helper()
	text := []byte(renderForm(t, wsdl.Zip, address))
	z, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(folder, z); err != nil {
		t.Fatal(err)
	}
}

func TestArchiveIsWholeAndAlwaysTheSame(t *testing.T) {
	folder := t.TempDir()
	unpack(t, folder)
	schemas, err := fs.Glob(contract.Schemas, "*.xsd")
	if err != nil || len(schemas) == 0 {
		t.Fatal(schemas, err)
	}
	for _, name := range schemas {
		want, fault := fs.ReadFile(contract.Schemas, name)
		if fault != nil {
			t.Fatal(fault)
		}
		if got, fault := os.ReadFile(filepath.Join(folder, name)); fault != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs in the archive: %v", name, fault)
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, contract.FileName()))
	if err != nil || !strings.Contains(string(text), `schemaLocation="ctr-protocol-1_0.xsd"`) {
		t.Errorf("the contract in the archive does not name the schemas beside it: %v", err)
	}
	for file, form := range map[string]wsdl.Form{"ctr-v1-soap12.wsdl": wsdl.SOAP12, "ctr-v1-policy.wsdl": wsdl.Policy, "ctr-v1-flat.wsdl": wsdl.Flat} {
		octets, fault := os.ReadFile(filepath.Join(folder, file))
		want := strings.ReplaceAll(renderForm(t, form, address), `"v1?xsd=`, `"`)
		if fault != nil || string(octets) != want {
			t.Errorf("%s is not ?wsdl=%s with the schemas by file name: %v", file, form, fault)
		}
	}
	first := renderForm(t, wsdl.Zip, address)
	z, err := zip.NewReader(strings.NewReader(first), int64(len(first)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		if f.Mode() != 0o644 || f.Modified.UTC().Format(time.DateOnly) != "2026-11-21" {
			t.Errorf("%s: %s of %s", f.Name, f.Mode(), f.Modified)
		}
	}
	if second := renderForm(t, wsdl.Zip, address); first != second {
		t.Error("two archives differ")
	}
}

func TestWellFormed(t *testing.T) {
	xmllint := tool(t, "xmllint", "libxml2-utils")
	folder := t.TempDir()
	unpack(t, folder)
	for _, form := range xmlForms {
		if err := os.WriteFile(filepath.Join(folder, "form-"+string(form)+".wsdl"), []byte(renderForm(t, form, address)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) <= len(xmlForms) {
		t.Fatalf("%d files, %v", len(files), err)
	}
	if out, err := exec.Command(xmllint, append([]string{"--noout", "--nonet"}, files...)...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// zeepScript prints the operations that zeep reads from a contract, and tries to build a request from its types.
const zeepScript = `
import sys, zeep
for at in sys.argv[1:]:
    client = zeep.Client(at)
    names = sorted(o for s in client.wsdl.services.values() for p in s.ports.values() for o in p.binding._operations)
    implant = client.get_type('{urn:be:fgov:ehealth:ctr:core:v1}NotifiedImplantType')(NotificationCode='000071200176', Quantity=1)
    client.get_type('{urn:be:fgov:ehealth:ctr:core:v1}WarningType')
    message = client.create_message(client.service, 'notifyImplant', IssueInstant='2026-11-21T10:00:00Z', Implantation={
        'Specialist': {'SSIN': '78031412250'}, 'OperationDate': '2026-11-20', 'Patient': '48022907379',
        'Prescriber': {'NIHII': '17800389480'}, 'PrescriptionDate': '2026-11-02', 'Implant': [implant]})
    print(' '.join(names), message.tag)
`

func TestZeepReadsEveryForm(t *testing.T) {
	python := "/usr/bin/python3" // Debian's Python finds Debian's packages, whatever else is installed
	if err := exec.Command(python, "-c", "import zeep").Run(); err != nil {
		missing(t, "zeep", "python3-zeep")
	}
	server := serve(t)
	folder := t.TempDir()
	unpack(t, folder)
	args := []string{"-c", zeepScript, filepath.Join(folder, contract.FileName())}
	for _, form := range xmlForms {
		args = append(args, server.URL+"/ctr/v1?wsdl="+string(form))
	}
	out, err := exec.Command(python, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 1+len(xmlForms) {
		t.Fatalf("%d answers: %s", len(lines), out)
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, "discardNotification getImplantCard getNotification listMandates listPatientImplants "+
			"listPendingNotifications listStaff manageMandate manageStaff notifyExplant notifyImplant reviseNotification search searchDevice validateNotification ") || !strings.HasSuffix(line, "Envelope") {
			t.Errorf("zeep says %q", line)
		}
	}
}
