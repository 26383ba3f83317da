package main

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// newServiceDouble returns a service that gives one answer to one operation. It validates requests against the
// schemas. The returned function returns the last request.
func newServiceDouble[Q, R any](t *testing.T, operation string, answer *R) (*testService, func() *Q) {
	t.Helper()
	schemas, err := ctr.CompileSchema()
	if err != nil {
		t.Fatal(err)
	}
	reply, err := ctr.Encode(operation+"Response", answer)
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Pointer[Q]
	s := &testService{t: t, dir: t.TempDir(), server: httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		document, err := xmldoc.Parse(data, xmldoc.DefaultLimits())
		if err != nil {
			t.Error(err)
			return
		}
		content, _, err := soap.ReadReply(document, ctr.NamespaceCore)
		if err != nil || !content.Is(ctr.NamespaceProtocol, operation+"Request") {
			t.Errorf("asked %s, %v", content.Local(), err)
			return
		}
		if _, err = schemas.Check(content); err != nil {
			t.Errorf("asked %v", err)
		}
		request, err := ctr.Decode[Q](content)
		if err != nil {
			t.Error(err)
		}
		asked.Store(request)
		if _, err = w.Write(soap.WrapBody(soap.SOAP11, reply)); err != nil {
			t.Error(err)
		}
	}))}
	t.Cleanup(s.server.Close)
	s.writeFile("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.server.Certificate().Raw}))
	return s, func() *Q {
		t.Helper()
		request := asked.Swap(nil)
		if request == nil {
			t.Fatal("nothing was asked")
		}
		header := reflect.ValueOf(request).Elem().FieldByName("Header")
		if header.FieldByName("Author").IsNil() {
			t.Error("asked without the author")
		}
		header.SetZero() // it is different each time
		return request
	}
}

// decodeAnswer reads an answer that was printed as JSON.
func decodeAnswer[R any](t *testing.T, s *testService, args ...string) *R {
	t.Helper()
	answer := new(R)
	r := runCtr(t, append(s.surgeonFlags(), "--json"), args...).expect(t, exitOK)
	if err := json.Unmarshal([]byte(r.stdout), answer); err != nil {
		t.Errorf("%v in %s", err, r.stdout)
	}
	return answer
}

// expectEqual compares a request or an answer with the expected one.
func expectEqual[T any](t *testing.T, got, want *T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

var (
	registeredAt = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	kneeImplant  = ctr.RegisteredImplant{ImplantID: "i1", UDIDI: "05410000001047", LotNumber: "L2201", Quantity: 2, OperationDate: "2026-11-20", Remaining: 1}
	lateWarning  = ctr.Warning{Code: "WARN_LATE_NOTIFICATION", Path: "/ctrp:NotifyImplantRequest/ctrp:Implantation/ctr:OperationDate",
		Message: []ctr.Text{{Lang: "nl", Value: "te laat"}, {Lang: "en", Value: "late"}}}
)

func newReceipt(state, number string, version int) ctr.Receipt {
	return ctr.Receipt{NotificationNumber: number, Reference: "r1", State: state, Version: version, RegisteredAt: registeredAt, Digest: make([]byte, 32)}
}

const notificationNumber = "202611210000172"

func TestNotificationCommand(t *testing.T) {
	t.Parallel()
	answer := &ctr.GetNotificationResponse{Notification: ctr.Notification{
		NotificationNumber: notificationNumber, Reference: "r1", Version: 3, State: "Withdrawn", OperationType: "Implantation", RegisteredAt: registeredAt,
		Digest: make([]byte, 32), Organisation: "71000436", Author: "78031412250", Specialist: ctr.Professional{SSIN: "78031412250"},
		OperationDate: "2026-11-20", Patient: "48022907379", Prescriber: &ctr.Professional{NIHII: "17800389480"}, PrescriptionDate: "2026-11-02",
		Comment: "revision of the left knee", Implant: []ctr.RegisteredImplant{kneeImplant}, Warning: []ctr.Warning{lateWarning},
		History: []ctr.Revision{
			{Version: 2, At: registeredAt, Author: "78031412250", Change: "Notified", State: "Final"},
			{Version: 3, At: registeredAt, Author: "78031412250", Organisation: "71000436", Change: "Withdrawn", State: "Withdrawn", Reason: "the wrong patient"},
		},
	}}
	s, asked := newServiceDouble[ctr.GetNotificationRequest](t, "GetNotification", answer)
	runCtr(t, s.surgeonFlags(), "notification", "--number", notificationNumber).expect(t, exitOK,
		"Implantation of 2026-11-20, patient 48022907379, specialist 78031412250\n  Withdrawn, reference r1, version 3, number 202611210000172\n",
		"  prescribed on 2026-11-02 by 17800389480\n  revision of the left knee\n  i1  05410000001047\n    placed 2026-11-20, remaining 1 of 2, lot L2201\n",
		"warning WARN_LATE_NOTIFICATION at /ctrp:NotifyImplantRequest/ctrp:Implantation/ctr:OperationDate\n  late\n",
		"version 2  2026-11-21 10:00:00 UTC  Notified by 78031412250\n",
		"version 3  2026-11-21 10:00:00 UTC  Withdrawn by 78031412250 in 71000436: the wrong patient\n")
	expectEqual(t, asked(), &ctr.GetNotificationRequest{Of: ctr.NotificationOf{NotificationNumber: notificationNumber}})
	expectEqual(t, decodeAnswer[ctr.GetNotificationResponse](t, s, "notification", "--reference", "r1", "--emergency", "unconscious after an accident"), answer)
	expectEqual(t, asked(), &ctr.GetNotificationRequest{EmergencyReason: "unconscious after an accident", Of: ctr.NotificationOf{Reference: "r1"}})
}

func TestNotificationOfARemoval(t *testing.T) {
	t.Parallel()
	s, _ := newServiceDouble[ctr.GetNotificationRequest](t, "GetNotification", &ctr.GetNotificationResponse{Notification: ctr.Notification{
		Reference: "r1", Version: 1, State: "Draft", OperationType: "Explantation", RegisteredAt: registeredAt, Specialist: ctr.Professional{NIHII: "17800389480"},
		OperationDate: "2026-11-21", Patient: "48022907379", Explant: []ctr.RegisteredExplant{{Implant: kneeImplant, Quantity: 1, Reason: "worn"}, {Implant: kneeImplant}},
		History: []ctr.Revision{{Version: 1, At: registeredAt, Author: "78031412250", Change: "Saved", State: "Draft"}}}})
	output := runCtr(t, s.surgeonFlags(), "notification", "--reference", "r1").expect(t, exitOK, "specialist 17800389480\n  Draft, reference r1, version 1\n",
		"removed 1, worn\n  i1  05410000001047\n", "removed all that remain\n  i1  ").stdout
	if strings.Contains(output, "prescribed") || strings.Contains(output, "number") {
		t.Errorf("more is said than there is:\n%s", output)
	}
}

func TestPendingCommand(t *testing.T) {
	t.Parallel()
	answer := &ctr.ListPendingNotificationsResponse{MaxElements: 20, Total: 1, Notification: []ctr.Summary{{OperationType: "Implantation",
		OperationDate: "2026-11-20", Patient: "48022907379", Specialist: ctr.Professional{SSIN: "78031412250"}, State: "ToValidate", Own: true,
		ImplantCount: 2, Reference: "r1", Version: 4}}}
	s, asked := newServiceDouble[ctr.ListPendingNotificationsRequest](t, "ListPendingNotifications", answer)
	runCtr(t, s.surgeonFlags(), "pending").expect(t, exitOK, "1 found\n  r1, version 4  Implantation of 2026-11-20, patient 48022907379, 2 line(s), ToValidate, yours\n")
	expectEqual(t, asked(), &ctr.ListPendingNotificationsRequest{MaxElements: 20})
	expectEqual(t, decodeAnswer[ctr.ListPendingNotificationsResponse](t, s, "pending", "--state", "ToValidate", "--offset", "3", "--max", "7"), answer)
	expectEqual(t, asked(), &ctr.ListPendingNotificationsRequest{Offset: 3, MaxElements: 7, State: "ToValidate"})
}

func TestValidateCommand(t *testing.T) {
	t.Parallel()
	answer := &ctr.ValidateNotificationResponse{Receipt: newReceipt("Final", notificationNumber, 2), Warning: []ctr.Warning{lateWarning}}
	s, asked := newServiceDouble[ctr.ValidateNotificationRequest](t, "ValidateNotification", answer)
	runCtr(t, s.surgeonFlags(), "validate", "--reference", "r1", "--version", "1").expect(t, exitOK,
		"registered as 202611210000172 at 2026-11-21 10:00:00 UTC\n  reference r1, version 2\nwarning WARN_LATE_NOTIFICATION")
	expectEqual(t, asked(), &ctr.ValidateNotificationRequest{Reference: "r1", Version: 1})
	expectEqual(t, decodeAnswer[ctr.ValidateNotificationResponse](t, s, "validate", "--reference", "r1", "--version", "1"), answer)
}

func TestDiscardCommand(t *testing.T) {
	t.Parallel()
	answer := &ctr.DiscardNotificationResponse{Receipt: newReceipt("Withdrawn", notificationNumber, 3)}
	s, asked := newServiceDouble[ctr.DiscardNotificationRequest](t, "DiscardNotification", answer)
	runCtr(t, s.surgeonFlags(), "discard", "--number", notificationNumber, "--version", "2", "--reason", "the wrong patient").expect(t, exitOK,
		"Withdrawn at 2026-11-21 10:00:00 UTC\n  reference r1, version 3\n")
	expectEqual(t, asked(), &ctr.DiscardNotificationRequest{Of: ctr.NotificationOf{NotificationNumber: notificationNumber}, Version: 2, Reason: "the wrong patient"})
	expectEqual(t, decodeAnswer[ctr.DiscardNotificationResponse](t, s, "discard", "--reference", "r1", "--version", "2"), answer)
	expectEqual(t, asked(), &ctr.DiscardNotificationRequest{Of: ctr.NotificationOf{Reference: "r1"}, Version: 2})
}

// revisionXML is a revision request with the content of implantationXML.
func revisionXML(save string) string {
	content := implantationXML("2026-11-20", "2026-11-02", "x")
	from, to := strings.Index(content, "<p:Implantation>"), strings.Index(content, "</p:NotifyImplantRequest>")
	return `<p:ReviseNotificationRequest` + namespaceDeclarations + `><p:Of><p:Reference>r1</p:Reference></p:Of><p:Version>1</p:Version>` + save +
		`<p:Content>` + content[from:to] + `</p:Content></p:ReviseNotificationRequest>`
}

func TestReviseCommand(t *testing.T) {
	t.Parallel()
	answer := &ctr.ReviseNotificationResponse{Receipt: newReceipt("Draft", "", 2), Implant: []ctr.RegisteredImplant{kneeImplant}, Warning: []ctr.Warning{lateWarning}}
	s, asked := newServiceDouble[ctr.ReviseNotificationRequest](t, "ReviseNotification", answer)
	file := s.writeFile("revise.xml", []byte(revisionXML("")))
	runCtr(t, s.surgeonFlags(), "revise", file).expect(t, exitOK,
		"Draft at 2026-11-21 10:00:00 UTC\n  reference r1, version 2\n  i1  05410000001047\n", "warning WARN_LATE_NOTIFICATION")
	request := asked()
	if request.Of.Reference != "r1" || request.Version != 1 || request.Save != "" || request.Content.Implantation.Patient != "48022907379" ||
		len(request.Content.Implantation.Implant) != 2 || request.Content.Explantation != nil {
		t.Errorf("asked %+v", request)
	}
	expectEqual(t, decodeAnswer[ctr.ReviseNotificationResponse](t, s, "revise", file, "--save", "Submit"), answer)
	if save := asked().Save; save != "Submit" {
		t.Errorf("saved as %q", save)
	}
}

// TestSaveFlag checks that the flag takes precedence over the file.
func TestSaveFlag(t *testing.T) {
	t.Parallel()
	draft := &ctr.NotifyResponse{Receipt: newReceipt("Draft", "", 1), Implant: []ctr.RegisteredImplant{kneeImplant}}
	s, implant := newServiceDouble[ctr.NotifyImplantRequest](t, "NotifyImplant", draft)
	file := s.writeFile("notify.xml", []byte(implantationXML("2026-11-20", "2026-11-02", "EPD-1")))
	runCtr(t, s.surgeonFlags(), "notify", file, "--save", "Draft").expect(t, exitOK, "Draft at 2026-11-21 10:00:00 UTC\n  reference r1, version 1\n  i1  ")
	if save := implant().Save; save != "Draft" {
		t.Errorf("saved as %q", save)
	}
	file = s.writeFile("draft.xml", []byte(strings.Replace(implantationXML("2026-11-20", "2026-11-02", "EPD-1"), "<p:Implantation>", "<p:Save>Draft</p:Save><p:Implantation>", 1)))
	for flag, want := range map[string]string{"": "Draft", "Submit": "Submit", "Final": "Final"} {
		args := []string{"notify", file}
		if flag != "" {
			args = append(args, "--save", flag)
		}
		runCtr(t, s.surgeonFlags(), args...).expect(t, exitOK)
		if save := implant().Save; save != want {
			t.Errorf("--save %s: saved as %q", flag, save)
		}
	}
	s, explant := newServiceDouble[ctr.NotifyExplantRequest](t, "NotifyExplant", draft)
	file = s.writeFile("explant.xml", []byte(explantationXML("2026-11-20", "i1", "1")))
	runCtr(t, s.surgeonFlags(), "explant", file, "--save", "Submit").expect(t, exitOK)
	if save := explant().Save; save != "Submit" {
		t.Errorf("saved as %q", save)
	}
}

func TestDevicesCommand(t *testing.T) {
	t.Parallel()
	answer := &ctr.SearchDeviceResponse{MaxElements: 20, Total: 2, Device: []ctr.Device{
		{NotificationCode: "000071200176", Name: "Total Knee System", Reference: "TKS-FL5", Manufacturer: "Ardenne Orthopaedics SA", DeviceStatus: "Active"},
		{NotificationCode: "000071211064", Name: "Hip stem", Reference: "HSC-12", Manufacturer: "Ardenne Orthopaedics SA", DeviceStatus: "Recalled", DeletedOn: "2026-01-31"},
	}}
	s, asked := newServiceDouble[ctr.SearchDeviceRequest](t, "SearchDevice", answer)
	runCtr(t, s.surgeonFlags(), "devices").expect(t, exitOK, "2 found\n  000071200176  Total Knee System\n    TKS-FL5, by Ardenne Orthopaedics SA, Active\n"+
		"  000071211064  Hip stem\n    HSC-12, by Ardenne Orthopaedics SA, Recalled on 2026-01-31\n")
	expectEqual(t, asked(), &ctr.SearchDeviceRequest{MaxElements: 20})
	expectEqual(t, decodeAnswer[ctr.SearchDeviceResponse](t, s, "devices", "--text", "knee", "--code", "000071200176", "--udi", "05410000001047",
		"--category", "Orthopaedic", "--offset", "1", "--max", "2"), answer)
	expectEqual(t, asked(), &ctr.SearchDeviceRequest{Offset: 1, MaxElements: 2, Criteria: ctr.DeviceCriteria{Text: "knee", NotificationCode: "000071200176",
		UDI: "05410000001047", Category: "Orthopaedic"}})
}

// TestEmergencyFlag checks that the reason is sent with every read of a patient's data.
func TestEmergencyFlag(t *testing.T) {
	t.Parallel()
	const reason = "unconscious after an accident"
	s, search := newServiceDouble[ctr.SearchRequest](t, "Search", &ctr.SearchResponse{})
	runCtr(t, s.surgeonFlags(), "search", "--patient", "48022907379", "--emergency", reason).expect(t, exitOK, "0 found")
	if got := search().EmergencyReason; got != reason {
		t.Errorf("search: %q", got)
	}
	s, card := newServiceDouble[ctr.GetImplantCardRequest](t, "GetImplantCard", &ctr.GetImplantCardResponse{})
	runCtr(t, s.surgeonFlags(), "card", "--patient", "48022907379", "-o", filepath.Join(s.dir, "card.pdf"), "--emergency", reason).expect(t, exitOK)
	if got := card().EmergencyReason; got != reason {
		t.Errorf("card: %q", got)
	}
	s, implants := newServiceDouble[ctr.ListPatientImplantsRequest](t, "ListPatientImplants", &ctr.ListPatientImplantsResponse{})
	runCtr(t, s.surgeonFlags(), "implants", "--patient", "48022907379", "--emergency", reason).expect(t, exitOK)
	if got := implants().EmergencyReason; got != reason {
		t.Errorf("implants: %q", got)
	}
}

// TestNotificationCommandsFail checks exit codes and messages of the commands for existing notifications.
func TestNotificationCommandsFail(t *testing.T) {
	t.Parallel()
	commands := [][]string{
		{"notification", "--reference", "r1"}, {"pending"}, {"validate", "--reference", "r1", "--version", "1"},
		{"discard", "--reference", "r1", "--version", "1"}, {"devices"},
		{"mandates"}, {"mandate", "accept", "--grantor", "78031412250"}, {"staff"}, {"staff", "end", "--person", "78031412250", "--role", "R"},
	}
	fault := soap.FaultFrom(problem.New(implants.InputReferenceConflict), soap.FaultContext{Version: soap.SOAP11, ID: "c-1", Environment: "Test", Namespaces: ctr.FaultNamespaces()})
	s, _ := newServiceDouble[ctr.SearchRequest](t, "Search", &ctr.SearchResponse{})
	commands = append(commands, []string{"revise", s.writeFile("revise.xml", []byte(revisionXML("")))})
	s.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(fault.Status)
		_, _ = w.Write(fault.Body)
	})
	for _, args := range commands {
		runCtr(t, s.surgeonFlags(), args...).expect(t, exitRefused, "ctr: refused\n", "fault ID, for support requests: c-1")
		runCtr(t, replaceFlag(s.surgeonFlags(), "--url", "https://127.0.0.1:1/ctr/v1"), args...).expect(t, exitUnreachable, "could not reach the service")
	}
	for _, c := range []struct {
		args []string
		say  string
	}{
		{[]string{"notification"}, "missing flags: --number=N or --reference=R"},
		{[]string{"notification", "--number", "1", "--reference", "r"}, "can't be used together"},
		{[]string{"validate", "--reference", "r"}, "missing flags: --version=V"},
		{[]string{"validate", "--version", "1"}, "missing flags: --reference=R"},
		{[]string{"discard", "--version", "1"}, "missing flags: --number=N or --reference=R"},
		{[]string{"discard", "--reference", "r", "--version", "two"}, "--version"},
		{[]string{"pending", "--state", "Final"}, "--state must be one of"},
		{[]string{"revise"}, "expected \"<file>\""},
		{[]string{"revise", s.writeFile("other.xml", []byte(implantationXML("2026-11-20", "2026-11-02", "x")))}, "the element is not ReviseNotificationRequest"},
		{[]string{"notify", s.writeFile("notify.xml", nil), "--save", "Maybe"}, "--save must be one of"},
	} {
		runCtr(t, s.surgeonFlags(), c.args...).expect(t, exitUsage, c.say)
	}
}

// TestLife tests the lifecycle of a notification with a real service, command by command: prepared by a clerk,
// validated by the surgeon, revised, and withdrawn.
func TestLife(t *testing.T) {
	t.Parallel()
	s := startService(t)
	surgeon, clerk := s.surgeonFlags(), append(s.clientFlags(testpki.Hospital), "--author", "91021706490")
	yesterday := dateDaysAgo(t, 1)
	file := s.writeFile("notify.xml", []byte(implantationXML(yesterday, yesterday, "EPD-1")))

	output := runCtr(t, clerk, "notify", file, "--save", "Draft").expect(t, exitOK, "Draft at ", ", version 1\n", "remaining 2 of 2").stdout
	reference := findSubmatch(t, output, `reference (\S+), version 1`)
	line := ", version 1  Implantation of " + yesterday + ", patient 48022907379, 2 line(s), Draft"
	runCtr(t, clerk, "pending").expect(t, exitOK, "1 found\n  "+reference+line)
	runCtr(t, clerk, "pending", "--state", "ToValidate").expect(t, exitOK, "0 found\n")
	revised := strings.NewReplacer("r1</p:Reference>", reference+"</p:Reference>", "2026-11-20", yesterday, "2026-11-02", yesterday).Replace(revisionXML(""))
	runCtr(t, clerk, "revise", s.writeFile("revise.xml", []byte(revised)), "--save", "Submit").expect(t, exitOK, "ToValidate at ", "reference "+reference+", version 2")
	runCtr(t, clerk, "validate", "--reference", reference, "--version", "2").expect(t, exitRefused, "ctr: refused\n")
	runCtr(t, surgeon, "implants", "--patient", "48022907379").expect(t, exitOK, "0 implant(s) carried")
	runCtr(t, surgeon, "pending").expect(t, exitOK, "1 found", ", version 2  ", "ToValidate, yours")
	runCtr(t, surgeon, "validate", "--reference", reference, "--version", "1").expect(t, exitRefused, "at /ctrp:ValidateNotificationRequest/ctrp:Version")

	output = runCtr(t, surgeon, "validate", "--reference", reference, "--version", "2").expect(t, exitOK, "registered as 20", ", version 3\n",
		"warning WARN_DEVICE_RECALLED at /ctrp:NotifyImplantRequest/ctrp:Implantation/ctr:Implant[2]\n").stdout
	number := findSubmatch(t, output, `registered as ([0-9]{15,19}) at`)
	runCtr(t, surgeon, "pending").expect(t, exitOK, "0 found")
	runCtr(t, surgeon, "search", "--number", number).expect(t, exitOK, "1 found")
	runCtr(t, surgeon, "implants", "--patient", "48022907379").expect(t, exitOK, "2 implant(s) carried")
	shorter := strings.NewReplacer("<p:Version>1<", "<p:Version>3<", "<c:Quantity>2<", "<c:Quantity>1<").Replace(revised)
	runCtr(t, surgeon, "revise", s.writeFile("shorter.xml", []byte(shorter))).expect(t, exitOK, "registered as "+number, ", version 4\n", "remaining 1 of 1")

	runCtr(t, surgeon, "discard", "--number", number, "--version", "4").expect(t, exitRefused, "at /ctrp:DiscardNotificationRequest/ctrp:Reason")
	runCtr(t, surgeon, "discard", "--number", number, "--version", "4", "--reason", "the wrong patient").expect(t, exitOK, "Withdrawn at ", ", version 5\n")
	runCtr(t, surgeon, "implants", "--patient", "48022907379").expect(t, exitOK, "0 implant(s) carried")
	runCtr(t, surgeon, "notification", "--number", number).expect(t, exitOK, "Withdrawn, reference "+reference+", version 5, number "+number,
		"Saved by 91021706490 in 71000436\nversion 2", "Submitted by 91021706490 in 71000436\nversion 3", "Notified by 78031412250 in 71000436\nversion 4",
		"Revised by 78031412250 in 71000436\nversion 5", "Withdrawn by 78031412250 in 71000436: the wrong patient\n")
	runCtr(t, surgeon, "devices", "--text", "knee femoral", "--category", "Orthopaedic").expect(t, exitOK, "000071200176  Total Knee System, femoral component, left, size 5")
}

// TestExamples checks that the examples in the documentation are valid requests.
func TestExamples(t *testing.T) {
	t.Parallel()
	schemas, err := ctr.CompileSchema()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../docs/examples/*.xml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		document, err := xmldoc.Parse(data, xmldoc.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := schemas.Check(document.Root()); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestAuthorFlag checks that the author on the command line replaces the author in a file.
func TestAuthorFlag(t *testing.T) {
	t.Parallel()
	s := startService(t)
	example, err := os.ReadFile("../../docs/examples/notify-implant.xml") // it names the surgeon
	if err != nil {
		t.Fatal(err)
	}
	file := s.writeFile("notify.xml", example)
	clerk := append(s.clientFlags(testpki.Hospital), "--author", "91021706490")
	runCtr(t, clerk, "notify", file).expect(t, exitRefused, "MAY_NOT_NOTIFY")
	runCtr(t, s.clientFlags(testpki.Hospital), "notify", file).expect(t, exitOK, "registered as 20")
}
