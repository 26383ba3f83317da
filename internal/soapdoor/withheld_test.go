package soapdoor_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// TestWithheldIsAbsent queries, with every reading operation, data withheld from the caller and data that does not
// exist. The two answers have the same bytes except for IDs and instants, and the same HTTP status and headers; only
// the audit log distinguishes them.
func TestWithheldIsAbsent(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	ask := func(signer, message string, edits ...string) reply {
		t.Helper()
		s := &send{message: message, signer: signer, clock: registertest.StartTime(), version: soap.SOAP11}
		for _, e := range edits {
			if err := appendEdit(&s.edits, e); err != nil {
				t.Fatal(err)
			}
		}
		return d.postMessage(t, soap.SOAP11, (&step{send: *s}).buildMessage(t, 1), http.Header{})
	}
	const (
		kept, keptNumber, keptPatient = "id-1", "202611210000172", "48022907379"
		draft                         = "id-3"
		noReference, noNumber         = "id-0", "202611210009971"
		noPatient                     = "12451200933" // a patient without data
	)
	if r := ask(testpki.Hospital, "NotifyImplant"); r.status != http.StatusOK || !strings.Contains(r.body, keptNumber) {
		t.Fatal(r.body)
	}
	r := ask(testpki.Hospital, "NotifyImplant", "set ctrp:Save to Draft", "remove ctrp:InputReference")
	if r.status != http.StatusOK || !strings.Contains(r.body, ">"+draft+"<") {
		t.Fatal(r.body)
	}
	callers := []struct {
		name, signer string
		edit         string
		refused      bool // may read no patient data, and is refused as such whatever number is requested
	}{
		{"another doctor", "SSIN=69092234126", "remove ctrp:Author", false},
		{"a doctor whose relation ended", "SSIN=85073003328", "remove ctrp:Author", false},
		{"a dentist", "SSIN=81050511813", "remove ctrp:Author", false},
		{"a doctor inside another hospital", "NIHII-HOSPITAL=71012413", "set cc:Id to 69092234126", false},
		{"another patient", "SSIN=05041801691", "remove ctrp:Author", false},
		{"staff with the own certificate", "SSIN=91021706490", "remove ctrp:Author", false},
		{"a retired surgeon", "SSIN=66061141504", "remove ctrp:Author", false},
		{"staff", testpki.Hospital, "set cc:Id to 91021706490", true},
		{"a chief access manager", testpki.Hospital, "set cc:Id to 55230002134", true},
		{"a pharmacist", "SSIN=72010120721", "remove ctrp:Author", true},
		{"a doctor inside the hospital that he left", testpki.Hospital, "set cc:Id to 69092234126", true},
	}
	emergency := "add <ctrp:EmergencyReason>unconscious, number %</ctrp:EmergencyReason> before "
	emergencyPatient := "add <ctrp:EmergencyPatient>" + keptPatient + "</ctrp:EmergencyPatient> before "
	patients := [2]string{keptPatient, noPatient}
	numbers := [2]string{keptNumber, noNumber}
	reads := []struct {
		name, message, edit string // % is replaced by what is requested
		of                  [2]string
		more                string
		doctors             bool // doctors may read it in an emergency
	}{
		{"search by patient", "Search", "set ctrp:Criteria to <ctrp:ByPatient><ctrp:Patient>%</ctrp:Patient></ctrp:ByPatient>", patients, "", false},
		{"search by patient in an emergency", "Search", "set ctrp:Criteria to <ctrp:ByPatient><ctrp:Patient>%</ctrp:Patient></ctrp:ByPatient>", patients,
			emergency + "ctrp:Criteria", true},
		{"search by number", "Search", "set ctrp:Criteria to <ctrp:ByNotification><ctrp:NotificationNumber>%</ctrp:NotificationNumber></ctrp:ByNotification>",
			numbers, "", false},
		{"search by implant", "Search", "set ctrp:Criteria to <ctrp:ByImplant><ctrp:NotificationCode>%</ctrp:NotificationCode></ctrp:ByImplant>",
			[2]string{"000071200176", "000090041140"}, "", false},
		{"notification by number", "GetNotification", "set ctrp:Of to <ctrp:NotificationNumber>%</ctrp:NotificationNumber>", numbers, "", false},
		{"notification by number in an emergency", "GetNotification", "set ctrp:Of to <ctrp:NotificationNumber>%</ctrp:NotificationNumber>", numbers,
			emergency + "ctrp:Of\n" + emergencyPatient + "ctrp:Of", true},
		{"notification by reference", "GetNotification", "set ctrp:Of to <ctrp:Reference>%</ctrp:Reference>", [2]string{kept, noReference}, "", false},
		{"draft by reference", "GetNotification", "set ctrp:Of to <ctrp:Reference>%</ctrp:Reference>", [2]string{draft, "id-9"}, "", false},
		{"card by number", "GetImplantCard", "set ctrp:Of to <ctrp:NotificationNumber>%</ctrp:NotificationNumber>", numbers, "", false},
		{"card by patient", "GetImplantCard", "set ctrp:Of to <ctrp:Patient>%</ctrp:Patient>", patients, "", false},
		{"list of implants", "ListPatientImplants", "set ctrp:Patient to %", patients, "", false},
	}
	for _, by := range callers {
		for _, read := range reads {
			if by.name == "staff" && read.name == "draft by reference" {
				continue // staff of the organisation may see it
			}
			var got [2]reply
			for i, asked := range read.of {
				edits := []string{by.edit, strings.ReplaceAll(read.edit, "%", asked)}
				if read.more != "" {
					edits = append(edits, strings.Split(strings.ReplaceAll(read.more, "%", asked), "\n")...)
				}
				got[i] = ask(by.signer, read.message, edits...)
			}
			events := d.AuditEvents(t, 0)
			withheld, absent := events[len(events)-2], events[len(events)-1]
			if doctor := strings.Contains(by.name, "doctor") || by.name == "a dentist"; read.doctors && doctor && !by.refused {
				if withheld.EmergencyReason == "" || maskVolatile(got[0].body) == maskVolatile(got[1].body) {
					t.Errorf("%s: %s: nothing was opened", by.name, read.name)
				}
				continue
			}
			if got[0].status != got[1].status || len(got[0].header) != len(got[1].header) {
				t.Errorf("%s: %s: status %d and %d, header %v and %v", by.name, read.name, got[0].status, got[1].status, got[0].header, got[1].header)
			}
			if maskVolatile(got[0].body) != maskVolatile(got[1].body) {
				t.Errorf("%s: %s: what is withheld differs from what is not there:\n%.900s\n%.900s", by.name, read.name, got[0].body, got[1].body)
			}
			if withheld.Outcome == absent.Outcome && withheld.Patient == absent.Patient && withheld.Number == absent.Number && !by.refused &&
				read.name != "search by implant" {
				t.Errorf("%s: %s: the audit trail cannot tell them apart: %+v", by.name, read.name, withheld)
			}
		}
	}
}

// TestPendingOfOthersIsAbsent checks that the list of pending notifications has the same bytes whether or not somebody
// else's draft exists.
func TestPendingOfOthersIsAbsent(t *testing.T) {
	t.Parallel()
	for name, edits := range map[string][]string{
		"SSIN=69092234126":        {"remove ctrp:Author"},
		"SSIN=85073003328":        {"remove ctrp:Author"},
		"SSIN=91021706490":        {"remove ctrp:Author"},
		"SSIN=48022907379":        {"remove ctrp:Author"}, // the patient of the draft
		"NIHII-HOSPITAL=71012413": {"set cc:Id to 69092234126"},
		testpki.Hospital:          {"set cc:Id to 55230002134"},
	} {
		var got []string
		for _, drafts := range []bool{true, false} {
			d := newDoor(t, settings{})
			if drafts {
				s := &step{send: send{message: "NotifyImplant", signer: testpki.Hospital, clock: registertest.StartTime(), version: soap.SOAP11}}
				if err := appendEdit(&s.edits, "set ctrp:Save to Draft"); err != nil {
					t.Fatal(err)
				}
				if r := d.postMessage(t, soap.SOAP11, s.buildMessage(t, 1), http.Header{}); r.status != http.StatusOK {
					t.Fatal(r.body)
				}
			}
			s := &step{send: send{message: "ListPendingNotifications", signer: name, clock: registertest.StartTime(), version: soap.SOAP11}}
			for _, e := range edits {
				if err := appendEdit(&s.edits, e); err != nil {
					t.Fatal(err)
				}
			}
			got = append(got, maskVolatile(d.postMessage(t, soap.SOAP11, s.buildMessage(t, 2), http.Header{}).body))
		}
		if got[0] != got[1] {
			t.Errorf("%s: another's draft shows:\n%s\n%s", name, got[0], got[1])
		}
	}
}
