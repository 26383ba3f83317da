package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// TestMainJob tests the main workflow, command by command, with text output.
func TestMainJob(t *testing.T) {
	t.Parallel()
	s := startService(t)
	surgeon := s.surgeonFlags()
	yesterday := dateDaysAgo(t, 1)
	file := s.writeFile("notify.xml", []byte(implantationXML(yesterday, yesterday, "EPD-1")))

	output := runCtr(t, surgeon, "notify", file).expect(t, exitOK, "registered as 20", "Total Knee System, femoral component, left, size 5",
		"placed "+yesterday+", remaining 2 of 2, lot L2201, serial S-000917, expiry 2049-12-31, at left knee",
		"warning WARN_DEVICE_RECALLED at /ctrp:NotifyImplantRequest/ctrp:Implantation/ctr:Implant[2]\n  This implant is recalled.").stdout
	number := findSubmatch(t, output, `registered as ([0-9]{15,19}) at`)
	implant := findSubmatch(t, output, `(?m)^  (\S+)  Total Knee`)

	if again := runCtr(t, surgeon, "notify", file).expect(t, exitOK).stdout; again != output {
		t.Errorf("the same InputReference gives another answer:\n%s", again)
	}
	line := number + "  Implantation of " + yesterday + ", patient 48022907379, 2 line(s), Final, yours"
	runCtr(t, surgeon, "search", "--patient", "48022907379").expect(t, exitOK, "1 found", line)
	runCtr(t, surgeon, "search", "--number", number).expect(t, exitOK, "1 found", line)
	runCtr(t, surgeon, "search", "--code", "000071200176").expect(t, exitOK, "1 found", line)
	runCtr(t, surgeon, "search", "--udi", "(01)05410000001047(21)S-000917").expect(t, exitOK, "1 found", line)
	runCtr(t, surgeon, "search", "--udi", "(01)05410000001047(21)other").expect(t, exitOK, "0 found")
	runCtr(t, surgeon, "search", "--patient", "48022907379", "--offset", "1").expect(t, exitOK, "1 found\n")
	runCtr(t, s.clientFlags("SSIN=48022907379"), "search", "--number", number).expect(t, exitOK, "2 line(s), Final\n")
	runCtr(t, s.clientFlags("SSIN=81050511813"), "search", "--number", number).expect(t, exitOK, "0 found")

	for _, of := range [][]string{{"--number", number}, {"--patient", "48022907379"}} {
		out := filepath.Join(s.dir, "card.pdf")
		runCtr(t, surgeon, append([]string{"card", "-o", out}, of...)...).expect(t, exitOK, out+" written, ", " bytes")
		data, err := os.ReadFile(out)
		if err != nil || !bytes.HasPrefix(data, []byte("%PDF-")) {
			t.Errorf("card of %v: %.20q, %v", of, data, err)
		}
	}

	runCtr(t, surgeon, "implants", "--patient", "48022907379").expect(t, exitOK, "2 implant(s) carried", implant)
	runCtr(t, surgeon, "implants", "--patient", "48022907379", "--at", dateDaysAgo(t, 2)).expect(t, exitOK, "0 implant(s) carried")
	removal := s.writeFile("explant.xml", []byte(explantationXML(dateDaysAgo(t, 0), implant, "1")))
	runCtr(t, surgeon, "explant", removal).expect(t, exitOK, "registered as 20", "remaining 1 of 2")
	all := s.writeFile("explant-all.xml", []byte(explantationXML(dateDaysAgo(t, 0), implant, "2")))
	runCtr(t, surgeon, "explant", all).expect(t, exitRefused, "ctr: refused\n  EXPLANT_EXCEEDS_REMAINING  More implants are removed than remain. (2 > 1)",
		"- EXPLANT_EXCEEDS_REMAINING at /ctrp:NotifyExplantRequest/ctrp:Explantation/ctr:Explant[1]/ctr:Quantity",
		"fault ID, for support requests: ")
	runCtr(t, surgeon, "implants", "--patient", "48022907379").expect(t, exitOK, "remaining 1 of 2")
	runCtr(t, surgeon, "search", "--patient", "48022907379").expect(t, exitOK, "2 found", "Explantation of "+dateDaysAgo(t, 0))
}

func findSubmatch(t *testing.T, text, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no %s in:\n%s", pattern, text)
	}
	return m[1]
}

// TestJSON checks that --json prints each answer as one JSON value with the same content as the text.
func TestJSON(t *testing.T) {
	t.Parallel()
	s := startService(t)
	surgeon := append(s.surgeonFlags(), "--json")
	read := func(into any, args ...string) {
		t.Helper()
		r := runCtr(t, surgeon, args...).expect(t, exitOK)
		d := json.NewDecoder(strings.NewReader(r.stdout))
		if err := d.Decode(into); err != nil {
			t.Fatalf("%v in %s", err, r.stdout)
		}
		if _, err := d.Token(); err != io.EOF {
			t.Errorf("more than one value: %s", r.stdout)
		}
	}
	var receipt ctr.NotifyResponse
	read(&receipt, "notify", s.writeFile("notify.xml", []byte(implantationXML(dateDaysAgo(t, 1), dateDaysAgo(t, 1), "EPD-1"))))
	if len(receipt.Receipt.NotificationNumber) < 15 || receipt.Receipt.State != "Final" || len(receipt.Receipt.Digest) != 32 || len(receipt.Implant) != 2 ||
		receipt.Implant[0].SerialNumber != "S-000917" || receipt.Implant[0].Device.Reference != "TKS-FL5" || len(receipt.Warning) != 1 {
		t.Errorf("receipt %+v", receipt)
	}
	var search ctr.SearchResponse
	read(&search, "search", "--number", receipt.Receipt.NotificationNumber)
	if search.Total != 1 || search.Notification[0].Patient != "48022907379" || !search.Notification[0].Own {
		t.Errorf("search %+v", search)
	}
	var card struct {
		File   string
		Octets int
		Digest []byte
	}
	out := filepath.Join(s.dir, "card.pdf")
	read(&card, "card", "--number", receipt.Receipt.NotificationNumber, "-o", out)
	if data, err := os.ReadFile(out); err != nil || card.File != out || card.Octets != len(data) || len(card.Digest) != 32 {
		t.Errorf("card %+v, %v", card, err)
	}
	var list ctr.ListPatientImplantsResponse
	read(&list, "implants", "--patient", "48022907379", "--max", "1")
	if list.Total != 2 || len(list.Implant) != 1 || list.Implant[0].Remaining != 2 {
		t.Errorf("list %+v", list)
	}
	var removal ctr.NotifyResponse
	read(&removal, "explant", s.writeFile("explant.xml", []byte(explantationXML(dateDaysAgo(t, 0), list.Implant[0].ImplantID, "2"))))
	if removal.Implant[0].Remaining != 0 {
		t.Errorf("removal %+v", removal)
	}
	runCtr(t, surgeon, "search", "--number", "1").expect(t, exitRefused, "ctr: refused\n  SOA-03006")
}

// TestRefused checks exit code 1, the register's messages, and every violation with its path.
func TestRefused(t *testing.T) {
	t.Parallel()
	s := startService(t)
	surgeon := s.surgeonFlags()
	tomorrow := dateDaysAgo(t, -1)
	file := s.writeFile("notify.xml", []byte(strings.Replace(implantationXML(dateDaysAgo(t, 1), tomorrow, "EPD-1"), "48022907379", "48022907378", 1)))
	runCtr(t, surgeon, "notify", file).expect(t, exitRefused, "ctr: refused\n  RULES_VIOLATED  The notification is refused",
		"- SSIN_INVALID at /ctrp:NotifyImplantRequest/ctrp:Implantation/ctr:Patient\n    This SSIN (INSZ/NISS) is not",
		"- PRESCRIPTION_AFTER_OPERATION at /ctrp:NotifyImplantRequest/ctrp:Implantation/ctr:PrescriptionDate\n    The prescription date is after")
	// Data that the caller may not see is reported like data that does not exist.
	runCtr(t, surgeon, "card", "--patient", "12451200933", "-o", filepath.Join(s.dir, "none.pdf")).expect(t, exitRefused,
		"ctr: refused\n  CARD_NOT_FOUND  There are no implants of this patient that you can consult.\n  fault ID")
	if _, err := os.Stat(filepath.Join(s.dir, "none.pdf")); err == nil {
		t.Error("a refused card was written")
	}
	runCtr(t, s.clientFlags("NIHII-HOSPITAL=71000436"), "search", "--patient", "48022907379").expect(t, exitRefused, "AUTHOR_REQUIRED", "at /ctrp:SearchRequest/ctrp:Author")
	runCtr(t, s.clientFlags("CBE=0403227020"), "search", "--patient", "48022907379").expect(t, exitRefused, "CERTIFICATE_CBE_NOT_ACCEPTED", "NIHII-HOSPITAL=")
	runCtr(t, append(s.clientFlags("NIHII-HOSPITAL=71000436"), "--author", "91021706490"), "implants", "--patient", "48022907379").expect(t, exitRefused, "MAY_NOT_READ")
}

// TestNotAuthenticated checks exit code 4 for each kind of untrusted key.
func TestNotAuthenticated(t *testing.T) {
	t.Parallel()
	s := startService(t)
	for key, code := range map[string]problem.Code{
		authority.EntryUntrusted: x509id.CertUntrusted, authority.EntrySelfSigned: x509id.CertUntrusted,
		authority.EntryExpired: x509id.CertExpired, authority.EntryRevoked: x509id.CertRevoked,
	} {
		t.Run(key, func(t *testing.T) {
			entry, _ := problem.Lookup(code)
			runCtr(t, append(s.clientFlags(key), "--author", "78031412250"), "search", "--patient", "48022907379").expect(t, exitUnauthenticated,
				"ctr: not authenticated\n  SOA-01001  "+entry.Text("en"), "- "+string(code), "fault ID, for support requests: ")
		})
	}
}

// TestUnreachable checks exit code 3 if no register answers.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	s := startService(t)
	surgeon := s.surgeonFlags()
	search := []string{"search", "--patient", "48022907379"}
	gone := httptest.NewTLSServer(http.NotFoundHandler())
	closed := gone.URL
	gone.Close()
	const unreachable = "ctr: could not reach the service: "
	runCtr(t, replaceFlag(surgeon, "--url", closed+"/ctr/v1"), search...).expect(t, exitUnreachable, unreachable)
	runCtr(t, replaceFlag(surgeon, "--url", s.server.URL+"/elsewhere"), search...).expect(t, exitUnreachable, unreachable+"HTTP 404")
	other := s.writeFile("other.pem", testpki.CAFile(t)) // an authority that did not issue the server's certificate
	runCtr(t, replaceFlag(surgeon, "--ca", other), search...).expect(t, exitUnreachable, unreachable)
}

// TestUsage checks exit code 2, and one line with the error.
func TestUsage(t *testing.T) {
	t.Parallel()
	s := startService(t)
	surgeon := s.surgeonFlags()
	good := s.writeFile("notify.xml", []byte(implantationXML(dateDaysAgo(t, 1), dateDaysAgo(t, 1), "EPD-1")))
	missing := filepath.Join(s.dir, "missing")
	cases := []struct {
		name  string
		flags []string
		args  []string
		say   string
	}{
		{"nothing", nil, nil, "ctr: "},
		{"no command", surgeon, nil, "ctr: expected one of"},
		{"no such command", surgeon, []string{"inform"}, "ctr: unexpected argument inform"},
		{"no key", nil, []string{"search", "--patient", "1"}, "--p12=FILE"},
		{"no file", surgeon, []string{"notify"}, "expected \"<file>\""},
		{"a file that is not there", surgeon, []string{"notify", missing}, "no such file"},
		{"no criteria", surgeon, []string{"search"}, "missing flags: --patient=SSIN or --number=N or --code=C or --udi=U or --lot=L or --serial=S"},
		{"two criteria", surgeon, []string{"search", "--patient", "1", "--number", "2"}, "can't be used together"},
		{"a patient and a lot", surgeon, []string{"search", "--patient", "1", "--lot", "L"}, "can't be used together"},
		{"a number and a day", surgeon, []string{"search", "--number", "1", "--from", "2026-01-01"}, "can't be used together"},
		{"a number and a type", surgeon, []string{"search", "--number", "1", "--type", "Implantation"}, "can't be used together"},
		{"no type of operation", surgeon, []string{"search", "--lot", "L", "--type", "Removal"}, "--type"},
		{"a card of nothing", surgeon, []string{"card", "-o", "x.pdf"}, "missing flags"},
		{"a card to nowhere", surgeon, []string{"card", "--patient", "48022907379"}, "--out=FILE.pdf"},
		{"not a number", surgeon, []string{"search", "--patient", "1", "--max", "many"}, "--max"},
		{"not XML", surgeon, []string{"notify", s.writeFile("text.xml", []byte("hello"))}, "text.xml: "},
		{"another element", surgeon, []string{"notify", s.writeFile("other.xml", []byte("<a/>"))}, "the element is not NotifyImplantRequest of urn:be:fgov:ehealth:ctr:protocol:v1"},
		{"the other request", surgeon, []string{"explant", good}, "the element is not NotifyExplantRequest"},
		{"an empty envelope", surgeon, []string{"notify", s.writeFile("empty.xml", soap.WrapBody(soap.SOAP11, nil))}, "BODY_MISSING"},
		{"a value that is none", surgeon, []string{"notify", s.writeFile("value.xml", []byte(strings.Replace(implantationXML("2026-01-01", "2026-01-01", "x"),
			"<c:Quantity>2", "<c:Quantity>two", 1)))}, "element Quantity: not a number"},
		{"no PEM", replaceFlag(surgeon, "--ca", good), []string{"search", "--patient", "1"}, "contains no certificate in PEM format"},
		{"no .p12", replaceFlag(surgeon, "--p12", good), []string{"search", "--patient", "1"}, "notify.xml: "},
		{"a wrong password", replaceFlag(surgeon, "--password-file", good), []string{"search", "--patient", "1"}, "71000436.p12: "},
		{"a scanned code with separators", surgeon, []string{"search", "--udi", "0105410000001047\x1d10L1"}, "XML cannot carry"},
		{"an address that is none", replaceFlag(surgeon, "--url", "://"), []string{"search", "--patient", "1"}, "the address of the service"},
		{"a card that cannot be written", surgeon, []string{"card", "--patient", "48022907379", "-o", filepath.Join(missing, "card.pdf")}, "the card: "},
	}
	runCtr(t, surgeon, "notify", good).expect(t, exitOK)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := runCtr(t, c.flags, c.args...).expect(t, exitUsage, c.say)
			if strings.Count(r.stderr, "\n") != 1 || !strings.HasPrefix(r.stderr, "ctr: ") {
				t.Errorf("not one line: %q", r.stderr)
			}
		})
	}
	help := runCtr(t, nil, "--help")
	if help.code != exitOK || help.stderr != "" || !strings.Contains(help.stdout, "notify") || !strings.Contains(help.stdout, "--json") {
		t.Errorf("help: %+v", help)
	}
}

// TestEnvelopeFile checks that the file may be a complete envelope of another program, from which only the request is
// used.
func TestEnvelopeFile(t *testing.T) {
	t.Parallel()
	s := startService(t)
	file := s.writeFile("envelope.xml", soap.WrapBody(soap.SOAP12, []byte(implantationXML(dateDaysAgo(t, 1), dateDaysAgo(t, 1), "EPD-1"))))
	runCtr(t, s.surgeonFlags(), "notify", file).expect(t, exitOK, "registered as ")
	// Without the flag, the author in the file acts.
	named := strings.Replace(implantationXML(dateDaysAgo(t, 1), dateDaysAgo(t, 1), "EPD-2"), "<p:InputReference>", `<p:Author><HcParty xmlns="urn:be:fgov:ehealth:commons:core:v2">`+
		`<Id Type="SSIN">91021706490</Id><Name>Wouters</Name></HcParty></p:Author><p:InputReference>`, 1)
	runCtr(t, s.clientFlags("NIHII-HOSPITAL=71000436"), "notify", s.writeFile("named.xml", []byte(named))).expect(t, exitRefused, "MAY_NOT_NOTIFY")
}
