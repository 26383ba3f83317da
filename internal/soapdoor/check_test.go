package soapdoor_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/devkit/diagnosis"
	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/reqlog"
	"github.com/openctr/ctr/internal/soapdoor"
	"github.com/openctr/ctr/internal/soapdoor/ctrdoor"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// dryRunWithoutEffect performs a dry run and checks that nothing is stored.
func (d *door) dryRunWithoutEffect(t *testing.T, query, octets string, headers http.Header) reply {
	t.Helper()
	before := d.CountNotifications(t)
	answer := d.dryRun(t, query, octets, headers)
	if kept := d.CountNotifications(t); kept != before {
		t.Errorf("a check has kept %d notifications", kept-before)
	}
	return answer
}

func (d *door) dryRun(t *testing.T, query, octets string, headers http.Header) reply {
	t.Helper()
	r := newRequest(t, strings.NewReader(octets))
	r.URL.RawQuery = query
	for name, values := range headers {
		r.Header[name] = values
	}
	return d.serveRequest(t, r)
}

// dryRunReport performs a dry run and parses the JSON report.
func (d *door) dryRunReport(t *testing.T, octets string, headers http.Header) *diagnosis.Report {
	t.Helper()
	all := http.Header{"Accept": {"application/json"}}
	for name, values := range headers {
		all[name] = values
	}
	answer := d.dryRun(t, "check", octets, all)
	var report diagnosis.Report
	if err := json.Unmarshal([]byte(answer.body), &report); err != nil || answer.status != http.StatusOK {
		t.Fatalf("HTTP %d, %v: %s", answer.status, err, answer.body)
	}
	return &report
}

// TestCheckAgreesWithTheDoor performs a dry run of the first message of every case. It must report exactly what the
// message layers refuse in a call, and find nothing in what they accept.
func TestCheckAgreesWithTheDoor(t *testing.T) {
	t.Parallel()
	doors := map[settings]*door{}
	for _, file := range listCaseFiles(t) {
		c := readCase(t, file)
		s := c.steps[0]
		d := doors[c.service]
		if d == nil {
			d = newDoor(t, c.service)
			doors[c.service] = d
		}
		d.Clock.Set(s.clock)
		octets := s.buildMessage(t, 1)
		headers := http.Header{"Content-Type": {s.version.ContentType()}}
		for name, values := range s.headers {
			headers[name] = values
		}
		report := d.dryRunReport(t, octets, headers)
		want := messageLayerCode(s.problems)
		if report.AnswerCode != want || (report.Refused == 0) != (want == "") {
			t.Errorf("%s: the check says %q, of %d things; the service %q", filepath.Base(file), report.AnswerCode, report.Refused, want)
		}
	}
	for _, d := range doors {
		if kept := d.CountNotifications(t); kept != 0 {
			t.Errorf("%d notifications are kept", kept)
		}
		wantEvents(t, d)
	}
	if n := outsideConnections.Load(); n != 0 {
		t.Errorf("%d connections to %s", n, outsideAddress(t))
	}
}

// messageLayerCode returns the code of a fault if the message layers raise it, not rules, authorisation or stored data.
func messageLayerCode(problems []codeAtPath) problem.Code {
	if len(problems) == 0 {
		return ""
	}
	entry, _ := problem.Lookup(problems[0].code)
	switch {
	case entry.Code == platform.MessageReplayed:
	case len(problems) > 1 && entry.Kind == problem.SchemaInvalid:
		return schema.SchemaRefused
	case entry.Kind == problem.Malformed || entry.Kind == problem.NotUnderstood || entry.Kind == problem.Unauthenticated || entry.Kind == problem.SchemaInvalid:
		return entry.Code
	}
	return ""
}

// TestCheckSaysWhatOnlyTheServiceKnows also checks that the report is in the caller's language, and that the message
// can still be sent as a call.
func TestCheckSaysWhatOnlyTheServiceKnows(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	message := usualNotification(t, 1)
	for range 2 {
		answer := d.dryRunWithoutEffect(t, "check", message, http.Header{"Accept-Language": {"it, nl-BE;q=0.9, en;q=0.5"}})
		if answer.status != http.StatusOK || answer.header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Fatalf("HTTP %d, %s: %s", answer.status, answer.header.Get("Content-Type"), answer.body)
		}
		for _, said := range []string{"taken for        NIHII-HOSPITAL=71000436 ", "trusted          yes", "name             NotifyImplant\n", "ok           schema\n",
			"difference       +0 s\n", "revoked          by what the service knows now: no\n", "Er zou niets geweigerd worden"} {
			if !strings.Contains(answer.body, said) {
				t.Errorf("%q is not said:\n%s", said, answer.body)
			}
		}
	}
	if got := postForOutcome(t, d, message); got != firstNumber {
		t.Errorf("the call after the checks: %s", got)
	}
	// A dry run does not detect replays.
	if report := d.dryRunReport(t, message, nil); report.Refused != 0 || report.Service != "Test" {
		t.Errorf("%+v", report)
	}
}

// TestCheckOfTheContent checks that only the signer learns what is wrong with the content, and that no patient number
// is ever reported.
func TestCheckOfTheContent(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	const patient = "48022907379"
	edits := []string{"set ctrp:Implantation/ctr:Patient to " + patient + "0", "set ctrp:Implantation/ctr:OperationDate to 02/01/2026"}
	signed := d.dryRunReport(t, usualNotification(t, 1, edits...), nil)
	if signed.AnswerCode != schema.SchemaRefused || signed.Refused != 2 {
		t.Errorf("%+v", signed)
	}
	forged := strings.Replace(usualNotification(t, 1, edits...), "<ds:SignatureValue>", "<ds:SignatureValue>AAAA", 1)
	unproved := d.dryRunReport(t, forged, nil)
	if last := unproved.Checks[len(unproved.Checks)-1]; unproved.AnswerCode == "" || last.Name != "schema" || last.Status != diagnosis.StatusUnchecked {
		t.Errorf("%+v", unproved)
	}
	if all := fmt.Sprint(signed, unproved); strings.Contains(all, patient) {
		t.Error("a patient's number is told")
	}
	wrong := d.dryRunReport(t, usualNotification(t, 2), http.Header{"Soapaction": {`"urn:be:fgov:ehealth:ctr:protocol:v1:Search"`}})
	if wrong.AnswerCode != soap.ActionMismatch {
		t.Errorf("%+v", wrong)
	}
}

// TestNoCheckInProduction checks that a production service performs neither a dry run nor a call, however the query is
// written.
func TestNoCheckInProduction(t *testing.T) {
	t.Parallel()
	for _, environment := range []string{"Production", "", "production"} {
		d := newDoor(t, settings{})
		d.service = d.newServiceWith(t, environment, &wsse.Verifier{Trust: testTrust(t), Now: d.Clock.Now})
		for _, query := range []string{"check", "check=", "check=1", "CHECK", "a=b&check", "%63heck", "check;a", "a;check", "check=%zz"} {
			answer := d.dryRunWithoutEffect(t, query, usualNotification(t, 1), nil)
			if answer.status != http.StatusNotFound || answer.header.Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("%s in %q: HTTP %d %s", query, environment, answer.status, answer.body)
			}
		}
		wantEvents(t, d)
		if got := postForOutcome(t, d, usualNotification(t, 1)); got != firstNumber {
			t.Errorf("the call: %s", got)
		}
	}
}

// newServiceWith returns a new service on the same register, with another configuration.
func (d *door) newServiceWith(tb testing.TB, environment string, verifier *wsse.Verifier) *soapdoor.Service {
	tb.Helper()
	log, err := reqlog.New(slog.New(slog.NewJSONHandler(io.Discard, nil)), d.Clock.Now, prometheus.NewRegistry())
	if err != nil {
		tb.Fatal(err)
	}
	compiled, err := messageSchema()
	if err != nil {
		tb.Fatal(err)
	}
	return soapdoor.New(soapdoor.Config{
		Contracts: []soapdoor.Contract{ctrdoor.NewContract(ctrdoor.Config{
			Registrar: d.Registrar, Schema: compiled, Verifier: verifier,
		})},
		Log: log, Now: d.Clock.Now, NewID: registertest.NewIDCounter("door-"), Environment: environment,
	})
}

func TestCheckIsBounded(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	large := d.dryRunReport(t, strings.Repeat(" ", xmldoc.DefaultLimits().Bytes+1), nil)
	if large.AnswerCode != soap.MessageTooLarge {
		t.Errorf("%+v", large)
	}
	connection, release := holdConnection(t, d, "check")
	late, cancel := context.WithDeadline(connection, time.Unix(0, 0))
	defer cancel()
	r := newRequest(t, strings.NewReader("<a/>")).WithContext(late)
	r.URL.RawQuery = "check"
	if answer := d.serveRequest(t, r); answer.status != http.StatusServiceUnavailable || answer.header.Get("Retry-After") == "" {
		t.Errorf("HTTP %d: %s", answer.status, answer.body)
	}
	if got := postForOutcome(t, d, usualNotification(t, 1)); got != firstNumber { // dry runs hold nothing that calls need
		t.Errorf("the call: %s", got)
	}
	release()
	if report := d.dryRunReport(t, "<a/>", nil); report.AnswerCode != soap.NotSOAP {
		t.Errorf("%+v", report)
	}
}

// TestCheckAsksNoAuthority checks that a dry run uses the known revocation status and sends no revocation request.
func TestCheckAsksNoAuthority(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	believed, err := x509id.ParseTrustStore(64, x509id.EncodePEM(testpki.AuthorityCertificates(t)[0])) // whose list there is
	if err != nil {
		t.Fatal(err)
	}
	checker := revocation.NewStatusChecker(believed, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail, Now: d.Clock.Now})
	d.service = d.newServiceWith(t, "Test", &wsse.Verifier{Trust: believed, Now: d.Clock.Now})
	if report := d.dryRunReport(t, usualNotification(t, 1), nil); report.AnswerCode != x509id.CertRevocationUnknown {
		t.Errorf("%+v", report)
	}
	if err = checker.AddCRL(testpki.CRLFile(t)); err != nil {
		t.Fatal(err)
	}
	if report := d.dryRunReport(t, usualNotification(t, 1), nil); report.AnswerCode != "" {
		t.Errorf("%+v", report)
	}
}

// TestCheckDoesNotTellWhoIsRegistered checks that a sender who names a registered certificate without its key gets the
// same report as for an unregistered certificate.
func TestCheckDoesNotTellWhoIsRegistered(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	registered, err := x509id.ParseDirectory(x509id.EncodePEM(testpki.Key(t, testpki.Hospital).Certificate))
	if err != nil {
		t.Fatal(err)
	}
	names := func(key string) string { // signed with another key
		message := usualNotification(t, 1)
		start, end := strings.Index(message, "<wsse:Reference "), strings.Index(message, "</wsse:SecurityTokenReference>")
		c := testpki.Key(t, key).Certificate
		return message[:start] + `<ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>` + c.Issuer.String() + `</ds:X509IssuerName><ds:X509SerialNumber>` +
			c.SerialNumber.String() + `</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data>` + message[end:]
	}
	forged := func(message string) string {
		start, end := strings.Index(message, "<ds:SignatureValue>")+len("<ds:SignatureValue>"), strings.Index(message, "</ds:SignatureValue>")
		message = message[:start] + base64.StdEncoding.EncodeToString(make([]byte, 256)) + message[end:]
		start, end = strings.Index(message, "<wsse:BinarySecurityToken"), strings.Index(message, "</wsse:BinarySecurityToken>")
		return message[:start] + message[end+len("</wsse:BinarySecurityToken>"):]
	}
	d.service = d.newServiceWith(t, "Test", &wsse.Verifier{Trust: testTrust(t), Registered: registered, Now: d.Clock.Now})
	one := d.dryRunWithoutEffect(t, "check", forged(names(testpki.Hospital)), nil).body
	other := d.dryRunWithoutEffect(t, "check", forged(names("NIHII-HOSPITAL=71012413")), nil).body
	after := func(text string) string {
		_, rest, _ := strings.Cut(text, "ok           envelope") // the size precedes it
		return rest
	}
	if after(one) != after(other) || !strings.Contains(one, "->   KEY_NOT_REGISTERED") || strings.Contains(one, "71000436") {
		t.Errorf("%s\n%s", one, other)
	}
}

// TestUntrustedSignersGetTheSameAnswer checks that a certificate of an untrusted authority always gets the same answer,
// whether its subject is known to the service, unknown, or invalid.
func TestUntrustedSignersGetTheSameAnswer(t *testing.T) {
	t.Parallel()
	stranger, err := authority.New(authority.Options{Name: "a stranger", NotBefore: registertest.StartTime().AddDate(-20, 0, 0),
		NotAfter: registertest.StartTime().AddDate(20, 0, 0), Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	d := newDoor(t, settings{})
	var answers []string
	for _, who := range []x509id.Subject{hospitalSubject(), {Type: "NIHII-HOSPITAL", ID: "71099913", Name: "NOBODY"}, {Type: "SSIN", ID: "48022907379", Name: "SOMEBODY"}} {
		for _, years := range []int{10, -1} { // also an expired one
			key, err := stranger.Issue(authority.Order{Subject: who, NotBefore: registertest.StartTime().AddDate(-10, 0, 0), NotAfter: registertest.StartTime().AddDate(years, 0, 0),
				Algorithm: authority.KeyECP256})
			if err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprintf("stranger %s %d", who, years)
			issuedKeys.Lock()
			issuedKeys.keys[name] = key
			issuedKeys.Unlock()
			message := signMessage(t, "NotifyImplant", name, soap.SOAP11, 1)
			answer := d.postMessage(t, soap.SOAP11, message, nil)
			if !strings.Contains(answer.body, "CERT_UNTRUSTED") {
				t.Fatal(answer.body)
			}
			answers = append(answers, fmt.Sprint(answer.status, answer.header, maskVolatile(answer.body)))
		}
	}
	for _, other := range answers[1:] {
		if other != answers[0] {
			t.Errorf("told apart:\n%s\n%s", answers[0], other)
		}
	}
}
