package main

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/devkit/diagnosis"
	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// captureMessage returns a message sent by ctr, signed with a key of the test PKI, and a folder for files.
func captureMessage(t *testing.T, key string, request string) (string, *testService) {
	t.Helper()
	var message []byte
	s := &testService{t: t, dir: t.TempDir(), server: httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		message, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))}
	t.Cleanup(s.server.Close)
	s.writeFile("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.server.Certificate().Raw}))
	runCtr(t, append(s.clientFlags(key), "--author", "78031412250"), "notify", s.writeFile("request.xml", []byte(request)))
	if len(message) == 0 {
		t.Fatal("nothing was sent")
	}
	s.writeFile("trust.pem", testpki.CAFile(t))
	return string(message), s
}

func captureHospitalMessage(t *testing.T) (string, *testService) {
	t.Helper()
	return captureMessage(t, testpki.Hospital, implantationXML("2026-01-02", "2026-01-01", "EPD-1"))
}

// runCheck runs the check on a message.
func (s *testService) runCheck(message string, flags ...string) result {
	s.t.Helper()
	return runCtr(s.t, nil, append([]string{"check", s.writeFile("message.xml", []byte(message))}, flags...)...)
}

// expectOutput checks the exit code and text on standard output. Standard error must be empty.
func (r result) expectOutput(t *testing.T, code int, words ...string) {
	t.Helper()
	if r.code != code || r.stderr != "" {
		t.Errorf("exit code %d, want %d; stderr %q", r.code, code, r.stderr)
	}
	for _, w := range words {
		if !strings.Contains(r.stdout, w) {
			t.Errorf("%q is not said:\n%s", w, r.stdout)
		}
	}
}

func TestCheckAGoodMessage(t *testing.T) {
	t.Parallel()
	message, s := captureHospitalMessage(t)
	r := s.runCheck(message, "--trust", filepath.Join(s.dir, "trust.pem"), "--strict")
	r.expectOutput(t, exitOK, "ok           XML\n", "ok           envelope\n", "SOAP 1.1", "ok           security header\n", "ok           reference 1\n",
		"ok           signature value\n", "it verifies with the key of the certificate", "taken for        NIHII-HOSPITAL=71000436 ",
		"key              RSA 2048", "trusted          yes", "ok           timestamp\n", "ok           schema\n", "Nothing would be refused")
	if strings.Contains(r.stdout, "\n"+diagnosis.StatusRefused) || strings.Contains(r.stdout, "\n"+diagnosis.StatusUnchecked) {
		t.Error(r.stdout)
	}
	s.runCheck(message).expectOutput(t, exitOK, "trusted          not checked: no --trust was given")
}

// TestCheckSaysEverything checks that one run reports everything that the service would refuse one by one.
func TestCheckSaysEverything(t *testing.T) {
	t.Parallel()
	message, s := captureMessage(t, authority.EntryExpired, implantationXML("2026-01-02", "2026-01-01", "EPD-1"))
	message = strings.NewReplacer("48022907379", "4802290737", ">1<", ">many<").Replace(message)
	message = strings.Replace(message, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2000/09/xmldsig#rsa-sha1", 1)
	trust := filepath.Join(s.dir, "trust.pem")
	r := s.runCheck(message, "--trust", trust, "--at", "2031-01-01T00:00:00Z")
	r.expectOutput(t, exitRefused, "->   SIGNATURE_SHA1_REFUSED at ds:SignatureMethod: http://www.w3.org/2000/09/xmldsig#rsa-sha1\n",
		"->   DIGEST_MISMATCH at ds:Reference[", "->   SIGNATURE_INVALID at ds:SignatureValue\n", "->   CERT_EXPIRED at wsse:BinarySecurityToken: valid until ",
		"->   TIMESTAMP_EXPIRED at wsu:Timestamp: Created ", "->   SCHEMA_VALUE at /ctrp:NotifyImplantRequest/ctrp:Implantation/ctr:Patient",
		"/ctr:Implant[2]/ctr:Quantity", "The service would answer with SIGNATURE_SHA1_REFUSED.")
	dutch, _ := problem.Lookup(dsig.DigestMismatch)
	first, _, _ := strings.Cut(dutch.Text("nl"), " ")
	s.runCheck(message, "--lang", "nl").expectOutput(t, exitRefused, "DIGEST_MISMATCH", "\n               "+first)

	var report diagnosis.Report
	r = s.runCheck(message, "--trust", trust, "--json")
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil || r.code != exitRefused {
		t.Fatal(err, r.code)
	}
	if report.AnswerCode != dsig.SignatureSHA1 || report.Refused < 6 {
		t.Errorf("%s, %d", report.AnswerCode, report.Refused)
	}
	for _, c := range report.Checks {
		if (c.Status == diagnosis.StatusRefused) != (len(c.Problems) > 0) {
			t.Errorf("%+v", c)
		}
		for _, p := range c.Problems {
			if p.Code == "" || p.Text == "" {
				t.Errorf("%+v", p)
			}
		}
	}
}

// TestCheckStops checks that an error that prevents further checks is reported, with the checks that it prevents.
func TestCheckStops(t *testing.T) {
	t.Parallel()
	message, s := captureHospitalMessage(t)
	for _, c := range []struct {
		name, message string
		words         []string
	}{
		{"no XML", strings.Replace(message, "</", "<", 1), []string{"refused      XML\n", "not checked  envelope\n", "not checked  schema\n", "1 thing would be refused: "}},
		{"empty", "", []string{"refused      XML\n"}},
		{"no envelope", "<a/>", []string{"ok           XML\n", "refused      envelope\n", "->   NOT_SOAP", "not checked  security\n"}},
		{"two Security headers", strings.Replace(message, "</wsse:Security>", `</wsse:Security><wsse:Security xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"/>`, 1),
			[]string{"->   SECURITY_HEADER_TWICE"}},
		{"no security", `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><a/></s:Body></s:Envelope>`,
			[]string{"->   SECURITY_HEADER_MISSING", "not checked  signature\n", "->   OPERATION_UNKNOWN at soap:Body", "not checked  schema\n", "2 things would be refused"}},
		{"a package of another kind", "Content-Type: multipart/related; boundary=x\r\n\r\n--x--", []string{"refused      package\n", "MULTIPART_NOT_XOP", "not checked  XML"}},
		{"a type that is none", "Content-Type: application/json\n\n{}", []string{"->   CONTENT_TYPE_NOT_ACCEPTED"}},
		{"the other version's type", "Content-Type: application/soap+xml\n\n" + message, []string{"refused      envelope\n", "->   SOAP_VERSION_MISMATCH at Content-Type"}},
		{"half a package", "Content-Type: multipart/related", []string{"refused      package\n", "MULTIPART_MALFORMED"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.runCheck(c.message).expectOutput(t, exitRefused, c.words...)
		})
	}
}

// TestCheckAPackage checks an MTOM package, recorded with its Content-Type.
func TestCheckAPackage(t *testing.T) {
	t.Parallel()
	message, s := captureHospitalMessage(t)
	for _, newline := range []string{"\r\n", "\n"} {
		packed := "Content-Type: multipart/related; type=\"application/xop+xml\";" + newline + " start-info=\"text/xml\"; boundary=x" + newline +
			"SOAPAction: \"\"" + newline + newline +
			"--x\r\nContent-Type: application/xop+xml; charset=utf-8; type=\"text/xml\"\r\nContent-ID: <e>\r\n\r\n" + message + "\r\n--x--\r\n"
		s.runCheck(packed).expectOutput(t, exitOK, "ok           package\n", "Nothing would be refused")
	}
}

func TestCheckFindsTheFirstDifference(t *testing.T) {
	t.Parallel()
	message, s := captureHospitalMessage(t)
	mine := filepath.Join(s.dir, "mine.xml")
	canonical := func(content string, of ...string) result {
		t.Helper()
		if err := os.WriteFile(mine, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return s.runCheck(message, append([]string{"--canonical", mine}, of...)...)
	}
	var report struct{ Difference diagnosis.Difference }
	r := canonical("<x>", "--json")
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil || report.Difference.Offset != 1 || report.Difference.Same ||
		report.Difference.Yours != `"<" >>> "x>"` {
		t.Errorf("%v %+v", err, report)
	}
	canonical("<x>").expectOutput(t, exitOK, "The canonical form of Body differs at byte offset 1, marked >>>:\n  the service  \"<\" >>> \"", "  yours        \"<\" >>> \"x>\"\n")
	canonical("<", "--of", "SignedInfo").expectOutput(t, exitOK, "The canonical form of SignedInfo differs at byte offset 1,")
	canonical("<", "--of", "Header").expect(t, exitUsage, `--of: the signature has no reference to "Header"`)
}

func TestCheckUsage(t *testing.T) {
	t.Parallel()
	message, s := captureHospitalMessage(t)
	text := s.writeFile("text.txt", []byte("hello"))
	for name, flags := range map[string][]string{
		"--at": {"--at", "yesterday"}, "--trust": {"--trust", text}, "--known": {"--known", text}, "--lang": {"--lang", "it"},
	} {
		r := s.runCheck(message, flags...).expect(t, exitUsage, name)
		if strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("not one line: %q", r.stderr)
		}
	}
}

// TestCheckOfANamedCertificate checks that a certificate that is only named in the message must be registered.
func TestCheckOfANamedCertificate(t *testing.T) {
	t.Parallel()
	_, s := captureHospitalMessage(t)
	known := s.writeFile("known.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: testpki.Key(t, testpki.Hospital).Certificate.Raw}))
	message, _ := captureHospitalMessage(t)
	start, end := strings.Index(message, "<wsse:Reference "), strings.Index(message, "</wsse:SecurityTokenReference>")
	if start < 0 || end < 0 {
		t.Fatal(message)
	}
	c := testpki.Key(t, testpki.Hospital).Certificate
	named := message[:start] + `<ds:X509Data xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509IssuerSerial><ds:X509IssuerName>` + c.Issuer.String() +
		`</ds:X509IssuerName><ds:X509SerialNumber>` + c.SerialNumber.String() + `</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data>` + message[end:]
	tokenStart, tokenEnd := strings.Index(named, "<wsse:BinarySecurityToken"), strings.Index(named, "</wsse:BinarySecurityToken>")
	named = named[:tokenStart] + named[tokenEnd+len("</wsse:BinarySecurityToken>"):]
	s.runCheck(named).expectOutput(t, exitRefused, "->   KEY_NOT_REGISTERED", "form             X509IssuerSerial", "not checked  signature value\n")
	s.runCheck(named, "--known", known).expectOutput(t, exitRefused, "it verifies with the key of the certificate", "->   REFERENCE_NOT_FOUND")
}

// TestCheckByTheService checks a message with --url: the service, which has its own trust anchors, does the check and
// registers nothing.
func TestCheckByTheService(t *testing.T) {
	t.Parallel()
	message, _ := captureHospitalMessage(t)
	s := startService(t)
	at := []string{"--url", s.server.URL + ctr.Path, "--ca", filepath.Join(s.dir, "ca.pem")}
	for range 2 {
		s.runCheck(message, at...).expectOutput(t, exitOK, "trusted          yes", "name             NotifyImplant", "revoked          by what the service knows now: no",
			"Nothing would be refused of what is checked here")
	}
	wrong := strings.Replace(message, "48022907379", "4802290737", 1)
	s.runCheck(wrong, append(at, "--lang", "fr")...).expectOutput(t, exitRefused, "->   DIGEST_MISMATCH at ds:Reference[", ": élément Body", "not checked  schema\n", "1 chose serait refusée")
	mine := s.writeFile("mine.xml", []byte("<x>"))
	s.runCheck(wrong, append(at, "--strict")...).expect(t, exitUsage, "--url: the service has its own time, trust and strictness")
	s.runCheck(wrong, append(at, "--canonical", mine)...).expectOutput(t, exitRefused, "The canonical form of Body differs at byte offset 1,")
	packed := "Content-Type: multipart/related; type=\"application/xop+xml\"; start-info=\"text/xml\"; boundary=x\r\n" +
		"SOAPAction: \"urn:be:fgov:ehealth:ctr:protocol:v1:Search\"\r\n\r\n" +
		"--x\r\nContent-Type: application/xop+xml; charset=utf-8; type=\"text/xml\"\r\nContent-ID: <e>\r\n\r\n" + message + "\r\n--x--\r\n"
	s.runCheck(packed, at...).expectOutput(t, exitRefused, "ok           package\n", "->   SOAP_ACTION_MISMATCH at SOAPAction")

	other := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	s.writeFile("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Certificate().Raw}))
	at[1] = other.URL + ctr.Path
	s.runCheck(message, at...).expect(t, exitUsage, "does not check messages (HTTP 404)")
	other.Close()
	if r := s.runCheck(message, at...); r.code != exitUnreachable {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
}
