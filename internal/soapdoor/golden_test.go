package soapdoor_test

import (
	"flag"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden calls every operation once, signed by the project's own client, and compares each complete message with
// the stored one. Clock and identifiers are fixed and RSA PKCS #1 v1.5 signatures are deterministic, so the bytes are
// too.
func TestGolden(t *testing.T) {
	d := newDoor(t, settings{})
	caller := &client.Client{Key: testpki.Key(t, testpki.Hospital), Now: d.Clock.Now, NewID: registertest.NewIDCounter("")}
	post := func(name, operation, request string) {
		t.Helper()
		message, err := caller.Sign([]byte(request))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+"-request", string(message))
		response := d.postMessage(t, soap.SOAP11, string(message), http.Header{"Soapaction": {`"` + ctr.NamespaceProtocol + ":" + operation + `"`}})
		golden(t, name+"-response", readAnswer(t, soap.SOAP11, response).body)
		d.Clock.Set(d.Clock.Now().Add(time.Minute))
	}
	for _, operation := range []string{"NotifyImplant", "Search", "GetImplantCard", "ListPatientImplants", "NotifyExplant", "GetNotification", "SearchDevice"} {
		post(strings.ToLower(operation[:1])+operation[1:], operation, readTemplate(t, operation))
	}
	post("notifyImplant-submit", "NotifyImplant", strings.NewReplacer("Final", "Submit", "EPD-2026-000123", "EPD-2026-000300").Replace(readTemplate(t, "NotifyImplant")))
	version := 0 // version that the previous message created
	for _, operation := range []string{"ListPendingNotifications", "ReviseNotification", "ValidateNotification", "DiscardNotification"} {
		post(strings.ToLower(operation[:1])+operation[1:], operation, strings.NewReplacer("id-1", "id-4",
			"<ctrp:Version>1", "<ctrp:Version>"+strconv.Itoa(version)).Replace(readTemplate(t, operation)))
		version++
	}
	hospital := caller.Key
	for _, operation := range []string{"ManageMandate", "ListMandates", "ManageStaff", "ListStaff"} {
		if caller.Key = hospital; strings.Contains(operation, "Mandate") { // with the personal certificate
			caller.Key = testpki.Key(t, "SSIN=78031412250")
		}
		post(strings.ToLower(operation[:1])+operation[1:], operation, readTemplate(t, operation))
	}
	caller.Key = hospital
	broken := strings.NewReplacer("2026-11-02", "2026-11-21", "EPD-2026-000123", "EPD-2026-000124", "L2201", "L2202",
		"<ctr:Quantity>", "<ctr:LotNumber>L2201</ctr:LotNumber><ctr:Quantity>").Replace(readTemplate(t, "NotifyImplant"))
	post("businessError", "NotifyImplant", broken)
	post("systemError", "NotifyImplant", strings.Replace(broken, "48022907379", "4802290737", 1))
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name+".xml")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is another (if that is meant: -update)\n%.2000s", file, got)
	}
}

// TestGoldenForXmllint validates the messages with an independent implementation of XML Schema.
func TestGoldenForXmllint(t *testing.T) {
	t.Parallel()
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("xmllint is not here; install it with: apt-get install libxml2-utils")
		}
		t.Skip("xmllint is not here; install it with: apt-get install libxml2-utils")
	}
	files, err := filepath.Glob("testdata/golden/*.xml")
	if err != nil || len(files) != 36 {
		t.Fatal(files, err)
	}
	bySchema := map[string][]string{}
	for _, file := range files {
		for name, content := range contents(t, file) {
			path := filepath.Join(t.TempDir(), filepath.Base(file))
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(filepath.Base(file), "systemError-req") {
				continue // a message that the schema must refuse
			}
			bySchema[name] = append(bySchema[name], path)
		}
	}
	schemas := t.TempDir()
	if err := os.CopyFS(schemas, ctr.Contract().Schemas); err != nil {
		t.Fatal(err)
	}
	for name, paths := range bySchema {
		arguments := append([]string{"--noout", "--nonet", "--schema", filepath.Join(schemas, name)}, paths...)
		if out, err := exec.CommandContext(t.Context(), xmllint, arguments...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// contents returns the contents of a message, each with its schema.
func contents(t *testing.T, file string) map[string][]byte {
	t.Helper()
	octets, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	document, err := xmldoc.Parse(octets, xmldoc.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	content, refusal, err := soap.ReadReply(document, ctr.NamespaceCore)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	if refusal == nil {
		all["ctr-protocol-1_0.xsd"] = xmldoc.C14N{Exclusive: true}.Append(nil, content)
		return all
	}
	for detail := range faultDetail(document, soap.SOAP11).Children() {
		name := "ehealth-errors-soa-1_1.xsd"
		if detail.Local() == "Violations" {
			name = "ctr-core-1_0.xsd"
		}
		all[name] = xmldoc.C14N{Exclusive: true}.Append(nil, detail)
	}
	return all
}
