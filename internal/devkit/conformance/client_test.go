package conformance_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/devkit/conformance"
	"github.com/openctr/ctr/internal/devkit/testmessages"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/testing/costtest"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// testClient generates the messages of a client under test.
type testClient struct {
	testmessages.Generator

	t *testing.T
}

func newTestClient(t *testing.T) *testClient {
	t.Helper()
	return &testClient{testmessages.Generator{Data: testmessages.DevelopmentData(), Now: registertest.StartTime, NewID: registertest.NewIDCounter("_v-")}, t}
}

func (v *testClient) buildRequest(operation string, values testmessages.RequestValues) string {
	v.t.Helper()
	request, err := v.BuildRequest(operation, values)
	if err != nil {
		v.t.Fatal(err)
	}
	return request
}

// signAndCapture signs a request with the key of a PKI entry and returns the message with its HTTP header.
func (v *testClient) signAndCapture(version soap.Version, entry, operation, request string) string {
	v.t.Helper()
	message, err := v.Sign(version, testpki.Key(v.t, entry), request)
	if err != nil {
		v.t.Fatal(err)
	}
	return captureMessage(testmessages.NewMessage(version, operation, message))
}

func captureMessage(s testmessages.Message) string {
	fields := "POST /ctr/v1 HTTP/1.1\r\nContent-Type: " + s.ContentType + "\r\n"
	if s.Action != "" {
		fields += "SOAPAction: \"" + s.Action + "\"\r\n"
	}
	return fields + "\r\n" + s.Octets
}

// buildConformingMessages returns messages that together show every requirement.
func (v *testClient) buildConformingMessages() []string {
	v.t.Helper()
	notification := v.buildRequest("NotifyImplant", testmessages.RequestValues{InputReference: "EPD-1"})
	again := strings.Replace(notification, ` Id="`, ` Id="again`, 1)
	all := []string{
		v.signAndCapture(soap.SOAP11, testpki.Hospital, "NotifyImplant", notification),
		v.signAndCapture(soap.SOAP11, testpki.Hospital, "NotifyImplant", again),
		v.signAndCapture(soap.SOAP12, authority.EntryEC, "Search", v.buildRequest("Search", testmessages.RequestValues{})),
		v.signAndCapture(soap.SOAP11, "SSIN=78031412250", "NotifyExplant", v.buildRequest("NotifyExplant", testmessages.RequestValues{})),
	}
	message, err := v.Sign(soap.SOAP11, testpki.ECKey(v.t), v.buildRequest("ListPatientImplants", testmessages.RequestValues{}))
	if err != nil {
		v.t.Fatal(err)
	}
	media, data, err := testmessages.PackMTOM(soap.SOAP11, message)
	if err != nil {
		v.t.Fatal(err)
	}
	return append(all, captureMessage(testmessages.Message{Octets: data, ContentType: media}))
}

func judgeAll(t *testing.T, trust *x509id.TrustStore, messages ...string) *conformance.Report {
	t.Helper()
	captured := make([]conformance.CapturedMessage, len(messages))
	for i, m := range messages {
		captured[i] = conformance.CapturedMessage{Name: fmt.Sprintf("%d.txt", i+1), Data: []byte(m)}
	}
	report, err := conformance.JudgeMessages(captured, trust)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestConformingClient(t *testing.T) {
	t.Parallel()
	v := newTestClient(t)
	messages := v.buildConformingMessages()
	report := judgeAll(t, testpki.NewTrustStore(t), messages...)
	if report.Failed+report.NotShown > 0 || report.Verdict != "Conforms: 23 requirements are met." {
		t.Error(report.Text())
	}
	for _, want := range []string{"   2  operation NotifyImplant", "   1  version SOAP 1.2", "   1  MTOM package", "   5  signed certificate", "   3  InputReference given",
		"   2  signature http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", "   4  signer NIHII-HOSPITAL", "   1  signer SSIN", "   5  Timestamp present"} {
		if !strings.Contains(report.Text(), want) {
			t.Errorf("%q is not said:\n%s", want, report.Text())
		}
	}
	again := judgeAll(t, testpki.NewTrustStore(t), messages...)
	var one, other bytes.Buffer
	if err := report.WriteJSON(&one); err != nil {
		t.Fatal(err)
	}
	if err := again.WriteJSON(&other); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one.Bytes(), other.Bytes()) || !json.Valid(one.Bytes()) || report.Text() != again.Text() {
		t.Error("the report differs from run to run")
	}
	seen := map[string]bool{}
	for _, f := range report.Findings {
		if seen[f.ID] || f.Sentence == "" || f.Source == "" {
			t.Errorf("%+v", f)
		}
		seen[f.ID] = true
	}
}

// TestNothingShown: without messages, and with one message, no requirement is claimed that was not shown.
func TestNothingShown(t *testing.T) {
	t.Parallel()
	if report := judgeAll(t, nil); report.NotShown != 23 || report.Verdict != "Nothing was shown." {
		t.Error(report.Text())
	}
	v := newTestClient(t)
	message, err := v.Sign(soap.SOAP11, testpki.ECKey(t), v.buildRequest("SearchDevice", testmessages.RequestValues{}))
	if err != nil {
		t.Fatal(err)
	}
	report := judgeAll(t, nil, message)
	if got := findingsWith(report, conformance.NotShown); !slices.Equal(got, []string{"C01", "C02", "C18", "C19", "C20", "C21", "C22", "C23"}) || report.Failed > 0 {
		t.Errorf("%v\n%s", got, report.Text())
	}
}

// TestFailingClients: for each requirement some client fails it, and the report names the message.
func TestFailingClients(t *testing.T) {
	t.Parallel()
	v := newTestClient(t)
	search := func(change func(request string) string) []string {
		return []string{v.signAndCapture(soap.SOAP11, testpki.Hospital, "Search", change(v.buildRequest("Search", testmessages.RequestValues{})))}
	}
	notify := func(from, to string) []string {
		return []string{v.signAndCapture(soap.SOAP11, testpki.Hospital, "NotifyImplant", strings.Replace(v.buildRequest("NotifyImplant", testmessages.RequestValues{}), from, to, 1))}
	}
	mistake := func(name string) []string {
		for _, m := range testmessages.Mistakes() {
			if m.Name != name {
				continue
			}
			sent, err := v.BuildMistake(m, func(entry string) (*x509id.Key, error) {
				if entry == "" {
					entry = testpki.Hospital
				}
				return testpki.Key(t, entry), nil
			})
			if err != nil {
				t.Fatal(err)
			}
			all := make([]string, len(sent))
			for i, s := range sent {
				all[i] = captureMessage(s)
			}
			return all
		}
		t.Fatalf("no mistake %s", name)
		return nil
	}
	altered := func(from, to string) []string {
		message := v.signAndCapture(soap.SOAP11, testpki.Hospital, "Search", v.buildRequest("Search", testmessages.RequestValues{}))
		if !strings.Contains(message, from) {
			t.Fatalf("%q does not stand in the message", from)
		}
		return []string{strings.Replace(message, from, to, 1)}
	}
	reference := v.buildRequest("NotifyImplant", testmessages.RequestValues{InputReference: "EPD-9"})
	first := v.signAndCapture(soap.SOAP11, testpki.Hospital, "NotifyImplant", reference)
	for _, c := range []struct {
		name     string
		messages []string
		want     []string // IDs of the requirements that fail
	}{
		{"another version's type", mistake("wrong-content-type"), []string{"C01", "C04"}},
		{"an unknown type", altered("text/xml; charset=utf-8", "application/json"), []string{"C01"}},
		{"another action", mistake("wrong-action"), []string{"C02"}},
		{"another action of SOAP 1.2", []string{strings.Replace(v.signAndCapture(soap.SOAP12, testpki.Hospital, "Search", v.buildRequest("Search", testmessages.RequestValues{})), "v1:Search\"", "v1:Other\"", 1)}, []string{"C02"}},
		{"no XML", altered("</soap:Body>", ""), []string{"C03"}},
		{"a document type", altered("<soap:Envelope", "<!DOCTYPE a><soap:Envelope"), []string{"C03"}},
		{"two in the Body", altered("</soap:Body>", "<a/></soap:Body>"), []string{"C04"}},
		{"no security", mistake("no-security"), []string{"C05"}},
		{"no Timestamp", mistake("timestamp-missing"), []string{"C05"}},
		{"local time", []string{v.buildAltered("Z</wsu:Created>", "</wsu:Created>")}, []string{"C06", "C08"}},
		{"SHA-1", mistake("sha1-signature"), []string{"C07"}},
		{"a digest of SHA-1", mistake("sha1-digest"), []string{"C08"}},
		{"changed", mistake("changed-after-signing"), []string{"C08"}},
		{"a signature that was changed", mistake("signature-reformatted"), []string{"C09"}},
		{"Body not signed", mistake("body-unsigned"), []string{"C10"}},
		{"Timestamp not signed", mistake("timestamp-unsigned"), []string{"C10"}},
		{"no key named", altered("<wsse:Reference URI=\"#X509\"", "<wsse:Reference URI=\"#TS\""), []string{"C12"}},
		{"expired", mistake("certificate-expired"), []string{"C13"}},
		{"of a stranger", mistake("certificate-untrusted"), []string{"C13"}},
		{"of an enterprise", mistake("certificate-cbe"), []string{"C14"}},
		{"an unknown operation", search(func(s string) string { return strings.ReplaceAll(s, "SearchRequest", "FindRequest") }), []string{"C15"}},
		{"against the schema", mistake("date-form"), []string{"C16"}},
		{"no Author", mistake("author-missing"), []string{"C17"}},
		{"a wrong number", search(func(s string) string { return strings.Replace(s, "48022907379", "48022907378", 1) }), []string{"C18"}},
		{"a wrong code", notify("000071200176", "000071200177"), []string{"C18"}},
		{"a wrong UDI", notify("(01)05410000001047", "(01)05410000001048"), []string{"C19"}},
		{"the same message twice", mistake("replayed"), []string{"C21", "C22", "C23"}},
		{"the same Id", []string{first, v.signAndCapture(soap.SOAP11, authority.EntryEC, "NotifyImplant", reference)}, []string{"C22", "C23"}},
		{"the reference of another", mistake("reference-reused"), []string{"C23"}},
		{"no Id", search(func(s string) string {
			before, rest, _ := strings.Cut(s, ` Id="`)
			_, rest, _ = strings.Cut(rest, `"`)
			return before + rest
		}), []string{"C22"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			report := judgeAll(t, testpki.NewTrustStore(t), c.messages...)
			failed := findingsWith(report, conformance.Fail)
			if len(failed) == 0 || c.want != nil && !slices.Equal(failed, c.want) {
				t.Errorf("%v, want %v\n%s", failed, c.want, report.Text())
			}
			if !strings.Contains(report.Text(), fmt.Sprintf("-> %d.txt: ", len(c.messages))) {
				t.Errorf("the message is not named:\n%s", report.Text())
			}
		})
	}
}

// buildAltered returns a message that is changed after signing.
func (v *testClient) buildAltered(from, to string) string {
	v.t.Helper()
	return strings.Replace(v.signAndCapture(soap.SOAP11, testpki.Hospital, "Search", v.buildRequest("Search", testmessages.RequestValues{})), from, to, 1)
}

// TestWithoutReferenceOrToken: faults that no test message has.
func TestWithoutReferenceOrToken(t *testing.T) {
	t.Parallel()
	v := newTestClient(t)
	request := v.buildRequest("NotifyImplant", testmessages.RequestValues{})
	before, rest, _ := strings.Cut(request, "  <ctrp:InputReference>")
	_, rest, _ = strings.Cut(rest, "</ctrp:InputReference>\n")
	if got := findingsWith(judgeAll(t, nil, v.signAndCapture(soap.SOAP11, testpki.Hospital, "NotifyImplant", before+rest)), conformance.Fail); !slices.Equal(got, []string{"C20"}) {
		t.Errorf("%v", got)
	}
	message := v.signAndCapture(soap.SOAP11, testpki.Hospital, "Search", v.buildRequest("Search", testmessages.RequestValues{}))
	start, end := strings.LastIndex(message, "<ds:Reference URI="), strings.LastIndex(message, "</ds:Reference>")+len("</ds:Reference>")
	if got := findingsWith(judgeAll(t, nil, message[:start]+message[end:]), conformance.Fail); !slices.Equal(got, []string{"C09", "C11"}) {
		t.Errorf("%v", got)
	}
}

// TestSaidOnce: the content is equal with Save left out or Final, and regardless of white space.
func TestSaidOnce(t *testing.T) {
	t.Parallel()
	v := newTestClient(t)
	request := v.buildRequest("NotifyImplant", testmessages.RequestValues{})
	again := strings.NewReplacer(` Id="`, ` Id="again`, "  <ctrp:Save>Final</ctrp:Save>\n", "", "\n      ", "\n").Replace(request)
	report := judgeAll(t, nil, v.signAndCapture(soap.SOAP11, testpki.Hospital, "NotifyImplant", request), v.signAndCapture(soap.SOAP11, testpki.Hospital, "NotifyImplant", again))
	if report.Failed > 0 {
		t.Error(report.Text())
	}
}

func FuzzJudgeMessages(f *testing.F) {
	f.Add([]byte("POST / HTTP/1.1\r\nContent-Type: text/xml\r\n\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><a/></s:Body></s:Envelope>"))
	f.Add([]byte("<a/>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		began := costtest.CPUTime(t)
		report := judgeAll(t, nil, string(data), string(data))
		if report.Passed+report.Failed+report.NotShown != 23 || costtest.CPUTime(t)-began > costtest.CPULimit(5*time.Second) {
			t.Error(report.Text())
		}
	})
}
