package main_test

import (
	"encoding/csv"
	"regexp"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/devkit/devdata"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// secretPatterns returns patterns of data that must appear only in responses to authorised callers: the persons of the
// development data and of the requests below, the content of the requests, and the passwords.
func secretPatterns(t *testing.T) []*regexp.Regexp {
	t.Helper()
	_, password := testpki.P12File(t, testpki.Hospital)
	words := []string{password, "not-the-password", "71000436", "48022907370", "Nobody", "secret remark", "S-SECRET", "L2201"}
	for file, columns := range map[string][]int{"persons.csv": {0, 1, 2}, "professionals.csv": {0, 1}} {
		content, err := devdata.Files.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := csv.NewReader(content)
		lines.Comma = ';'
		records, err := lines.ReadAll()
		if err != nil || len(records) < 2 {
			t.Fatalf("%s: %v", file, err)
		}
		for _, record := range records[1:] {
			for _, column := range columns {
				words = append(words, record[column])
			}
		}
	}
	patterns := make([]*regexp.Regexp, len(words))
	for i, word := range words {
		patterns[i] = regexp.MustCompile(`(?i)(^|[^\pL\d])` + regexp.QuoteMeta(word) + `($|[^\pL\d])`)
	}
	return patterns
}

// leakReference is an InputReference as some callers write it.
const leakReference = "EPD " + interop.PatientSSIN + " secret remark"

// The log, the metrics and the faults contain no personal data and no passwords.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	directory := interop.NewDevelopmentDirectory(t)
	service := interop.StartService(t, directory, "--admin-listen", "127.0.0.1:0")
	c := service.NewClient(t, interop.HospitalKey(t))
	request := interop.NewImplantation(leakReference, interop.PatientSSIN, "S-SECRET")
	request.Implantation.Comment = "secret remark"
	message := interop.SignRequest(t, c, "NotifyImplant", request)

	// Accepted requests.
	interop.PostMessage(t, c, message)
	interop.MustSearch(t, c, interop.CriteriaByPatient(interop.PatientSSIN))
	card := &ctr.GetImplantCardRequest{Header: interop.NewHeader(), Of: ctr.CardOf{Patient: interop.PatientSSIN}}
	if _, err := client.Call[ctr.GetImplantCardRequest, ctr.GetImplantCardResponse](t.Context(), c, "GetImplantCard", card); err != nil {
		t.Fatal(err)
	}

	// Rejected requests, with their error codes.
	told := map[string]string{}
	keep := func(name, answer, code string) {
		t.Helper()
		said := faultCode.FindStringSubmatch(answer)
		if said == nil || said[1] != code {
			t.Errorf("%s: not refused with %s: %v: %s", name, code, said, answer)
		}
		told["the fault of: "+name] = answer
	}
	keep("the same message again", string(interop.PostMessage(t, c, message)), "MESSAGE_REPLAYED")
	keep("the text of the message changed", string(interop.PostMessage(t, c, []byte(strings.Replace(string(message), "secret remark", "Secret remark", 1)))), "DIGEST_MISMATCH")
	keep("half a message", string(interop.PostMessage(t, c, message[:len(message)/2])), "XML_UNEXPECTED_END")
	keep("half a message, with its end inside the patient's number", string(interop.PostMessage(t, c, []byte(cutInsideWord(string(message), interop.PatientSSIN, 11)))), "XML_UNEXPECTED_END")
	for name, refused := range refusedRequests() {
		keep(name, string(interop.PostMessage(t, c, interop.SignRequest(t, c, "NotifyImplant", refused.request))), refused.code)
	}
	stranger := service.NewClient(t, testpki.Key(t, "SSIN=81050511813")) // a dentist without a care relation with the patient
	search := &ctr.SearchRequest{Header: ctr.Header{ID: interop.NewID(), IssueInstant: interop.NewHeader().IssueInstant}, MaxElements: 20,
		Criteria: interop.CriteriaByPatient(interop.PatientSSIN)}
	told["the answer to a stranger"] = string(interop.PostMessage(t, stranger, interop.SignRequest(t, stranger, "Search", search)))
	untrusted := service.NewClient(t, testpki.UntrustedKey(t))
	keep("somebody whom nobody trusts", string(interop.PostMessage(t, untrusted, interop.SignRequest(t, untrusted, "NotifyImplant", request))), "CERT_UNTRUSTED")
	expired := service.NewClient(t, testpki.ExpiredKey(t))
	keep("an expired certificate", string(interop.PostMessage(t, expired, interop.SignRequest(t, expired, "NotifyImplant", request))), "CERT_EXPIRED")

	told["the metrics"] = string(interop.FetchPage(t, c.HTTP, service.Admin))
	told["the page of the service"] = string(interop.FetchPage(t, c.HTTP, service.URL))
	told["a schema that is none"] = string(interop.FetchPage(t, c.HTTP, service.URL+"?xsd="+interop.PatientSSIN))
	service.Stop(t)
	told["the log"] = service.Stderr()
	if lines := strings.Count(told["the log"], "\n"); lines < len(told)-3 {
		t.Errorf("the log has %d lines only:\n%s", lines, told["the log"])
	}
	_, after, _ := strings.Cut(service.Stdout(), "\n") // skip the first line: it contains the .p12 files, named after their subjects
	told["standard output"] = after
	for _, secret := range secretPatterns(t) {
		for where, text := range told {
			if found := secret.FindString(text); found != "" {
				t.Errorf("%s tells %q:\n%s", where, found, text)
			}
		}
	}
}

// faultCode matches the error code in a SOAP 1.1 fault.
var faultCode = regexp.MustCompile(`<faultstring[^>]*>([A-Z0-9_]+): `)

// cutInsideWord truncates a text after the given number of bytes of a word in it.
func cutInsideWord(text, word string, within int) string {
	return text[:strings.Index(text, ">"+word)+1+within]
}

type refusedRequest struct {
	request *ctr.NotifyImplantRequest
	code    string
}

// refusedRequests returns requests that fail on personal data in the schema, the authorisation or the rules.
func refusedRequests() map[string]refusedRequest {
	all := map[string]refusedRequest{}
	refuse := func(name, code string, change func(*ctr.NotifyImplantRequest)) {
		r := interop.NewImplantation(name, interop.PatientSSIN, "S-SECRET")
		change(r)
		all[name] = refusedRequest{r, code}
	}
	refuse("schema: patient", "SCHEMA_VALUE", func(r *ctr.NotifyImplantRequest) { r.Implantation.Patient = "48.02.29-073.79 Leroy" })
	refuse("schema: comment", "SCHEMA_VALUE", func(r *ctr.NotifyImplantRequest) {
		r.Implantation.Comment = strings.Repeat("secret remark ", 200)
	})
	refuse("schema: side and quantity", "SCHEMA_INVALID", func(r *ctr.NotifyImplantRequest) {
		r.Implantation.Implant[0].Side, r.Implantation.Implant[0].Quantity = "secret remark", 1000
	})
	refuse("check digits", "SSIN_INVALID", func(r *ctr.NotifyImplantRequest) { r.Implantation.Patient = "48022907370" })
	refuse("unknown prescriber", "PRESCRIBER_UNKNOWN", func(r *ctr.NotifyImplantRequest) {
		r.Implantation.Prescriber = ctr.Professional{SSIN: "39083015514"}
	})
	refuse("another specialist", "NOT_YOUR_OPERATION", func(r *ctr.NotifyImplantRequest) {
		r.Implantation.Specialist = ctr.Professional{SSIN: "69092234126"}
	})
	refuse("an author of elsewhere", "AUTHOR_NOT_ATTACHED", func(r *ctr.NotifyImplantRequest) {
		r.Author.HcParty[0] = ctr.HcParty{ID: []ctr.PartyID{{Type: "urn:be:fgov:person:ssin", Value: "85073003328"}}, FirstName: []string{"Eva"}, Name: "Peeters"}
	})
	refuse("an author who is nobody", "SSIN_INVALID", func(r *ctr.NotifyImplantRequest) {
		r.Author.HcParty[0] = ctr.HcParty{ID: []ctr.PartyID{{Type: "urn:be:fgov:person:ssin", Value: "48022907370"}}, Name: "Nobody"}
	})
	refuse("rules", "RULES_VIOLATED", func(r *ctr.NotifyImplantRequest) {
		r.Implantation.Implant[0].LotNumber, r.Implantation.PrescriptionDate = "L9999", interop.FormatDaysAgo(0)
	})
	refuse(leakReference, "INPUT_REFERENCE_CONFLICT", func(r *ctr.NotifyImplantRequest) { r.Implantation.Comment = "another secret remark" })
	return all
}
