package wire_test

import (
	"slices"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/wire"
)

var stamp = wire.Stamp{ID: "_1", InResponseTo: "_0", At: time.Date(2026, 11, 21, 11, 0, 0, 0, time.FixedZone("", 3600))}

func TestPath(t *testing.T) {
	cases := []struct{ request, at, want string }{
		{"NotifyImplantRequest", "", "/ctrp:NotifyImplantRequest"},
		{"NotifyImplantRequest", "Author", "/ctrp:NotifyImplantRequest/ctrp:Author"},
		{"NotifyImplantRequest", "InputReference", "/ctrp:NotifyImplantRequest/ctrp:InputReference"},
		{"NotifyImplantRequest", "Implantation", "/ctrp:NotifyImplantRequest/ctrp:Implantation"},
		{"NotifyImplantRequest", "Implantation/Implant[2]/UDI", "/ctrp:NotifyImplantRequest/ctrp:Implantation/ctr:Implant[2]/ctr:UDI"},
		{"NotifyExplantRequest", "Explantation/Explant[1]/Unregistered/Pharmacy/CBE",
			"/ctrp:NotifyExplantRequest/ctrp:Explantation/ctr:Explant[1]/ctr:Unregistered/ctr:Pharmacy/ctr:CBE"},
		{"SearchRequest", "Criteria/ByPatient/Patient", "/ctrp:SearchRequest/ctrp:Criteria/ctrp:ByPatient/ctrp:Patient"},
		{"GetImplantCardRequest", "Of/NotificationNumber", "/ctrp:GetImplantCardRequest/ctrp:Of/ctrp:NotificationNumber"},
	}
	for _, c := range cases {
		if got := wire.Path(c.request, c.at); got != c.want {
			t.Errorf("%s %s: %s", c.request, c.at, got)
		}
	}
}

func TestPlace(t *testing.T) {
	single := problem.New(problem.AuthorRequired).In("Author")
	if got := wire.Place("SearchRequest", single); got.At != "/ctrp:SearchRequest/ctrp:Author" || got.Code != single.Code || got.Kind != single.Kind {
		t.Errorf("placed %+v", got)
	}
	if single.At != "Author" {
		t.Error("the refusal itself was changed")
	}
	nowhere := problem.Wrap(problem.InternalError, problem.Conflict)
	if got := wire.Place("SearchRequest", nowhere); got.At != "" || got.Err == nil {
		t.Errorf("placed %+v", got)
	}
	list := problem.New(problem.RulesViolated)
	list.Sub = []*problem.Error{problem.New(problem.OperationInFuture).In("Implantation/OperationDate"), problem.New(problem.LinkRequired)}
	got := wire.Place("NotifyImplantRequest", list)
	if got.At != "" || len(got.Sub) != 2 || got.Sub[0].At != "/ctrp:NotifyImplantRequest/ctrp:Implantation/ctr:OperationDate" || got.Sub[1].At != "" ||
		list.Sub[0].At != "Implantation/OperationDate" {
		t.Errorf("placed %+v", got)
	}
}

func defects(all []*problem.Error) []string {
	var out []string
	for _, e := range all {
		out = append(out, string(e.Code)+" "+e.At)
	}
	return out
}

func wantDefects(t *testing.T, got []*problem.Error, want ...string) {
	t.Helper()
	if !slices.Equal(defects(got), want) {
		t.Errorf("defects\n got %q\nwant %q", defects(got), want)
	}
}

// The schema asks for digits and dates that exist; what it cannot know are check digits and years beyond the calendar.
const (
	badSSIN   = "48022907378"
	badNIHII  = "17800388"
	badCBE    = "0403227021"
	badCode   = "000071200177"
	badNumber = "202611210000173"
	badDate   = "12026-11-20"
)

// completeImplant has a value that is wrong in every place where one can be.
func wrongImplant() wire.NotifiedImplant {
	return wire.NotifiedImplant{NotificationCode: badCode, ExpiryDate: badDate, Pharmacist: &wire.Professional{NIHII: badNIHII},
		Pharmacy: &wire.Pharmacy{CBE: badCBE}, DeliveryDate: badDate, Quantity: 1, UDI: "unreadable is no defect"}
}

func TestDefects(t *testing.T) {
	implant := &wire.NotifyImplantRequest{Implantation: wire.Implantation{
		Specialist: wire.Professional{SSIN: badSSIN}, OperationDate: badDate, Patient: badSSIN, Prescriber: wire.Professional{NIHII: badNIHII},
		PrescriptionDate: badDate, Implant: []wire.NotifiedImplant{{Quantity: 1}, wrongImplant(), {Pharmacist: &wire.Professional{SSIN: badSSIN},
			Pharmacy: &wire.Pharmacy{NIHII: badNIHII}}}}}
	submission, content := implant.Domain()
	wantDefects(t, submission.Defects,
		"SSIN_INVALID Implantation/Specialist/SSIN", "DATE_INVALID Implantation/OperationDate", "SSIN_INVALID Implantation/Patient",
		"NIHII_INVALID Implantation/Prescriber/NIHII", "DATE_INVALID Implantation/PrescriptionDate",
		"IMPLANT_CODE_INVALID Implantation/Implant[2]/NotificationCode", "DATE_INVALID Implantation/Implant[2]/ExpiryDate",
		"NIHII_INVALID Implantation/Implant[2]/Pharmacist/NIHII", "DATE_INVALID Implantation/Implant[2]/DeliveryDate",
		"CBE_INVALID Implantation/Implant[2]/Pharmacy/CBE", "SSIN_INVALID Implantation/Implant[3]/Pharmacist/SSIN",
		"NIHII_INVALID Implantation/Implant[3]/Pharmacy/NIHII")
	if !content.Specialist.IsZero() || !content.OperationDate.IsZero() || !content.Patient.IsZero() || len(content.Implants) != 3 ||
		!content.Implants[1].Code.IsZero() || content.Implants[1].UDI != "unreadable is no defect" {
		t.Errorf("what is wrong is not absent: %+v", content)
	}

	wrong := wrongImplant()
	explant := &wire.NotifyExplantRequest{Explantation: wire.Explantation{Specialist: wire.Professional{NIHII: badNIHII}, OperationDate: badDate,
		Patient: badSSIN, Explant: []wire.Explant{{ImplantID: "any text is one"}, {Unregistered: &wrong}}}}
	submission, removed := explant.Domain()
	wantDefects(t, submission.Defects,
		"NIHII_INVALID Explantation/Specialist/NIHII", "DATE_INVALID Explantation/OperationDate", "SSIN_INVALID Explantation/Patient",
		"IMPLANT_CODE_INVALID Explantation/Explant[2]/Unregistered/NotificationCode", "DATE_INVALID Explantation/Explant[2]/Unregistered/ExpiryDate",
		"NIHII_INVALID Explantation/Explant[2]/Unregistered/Pharmacist/NIHII", "DATE_INVALID Explantation/Explant[2]/Unregistered/DeliveryDate",
		"CBE_INVALID Explantation/Explant[2]/Unregistered/Pharmacy/CBE")
	if len(removed.Explants) != 2 || removed.Explants[0].ImplantID != "any text is one" || removed.Explants[1].Unregistered == nil {
		t.Errorf("explants %+v", removed.Explants)
	}

	search := func(c wire.SearchCriteria) []*problem.Error {
		return (&wire.SearchRequest{Criteria: c}).Domain().Defects
	}
	wantDefects(t, search(wire.SearchCriteria{ByPatient: &wire.ByPatient{Patient: badSSIN, From: badDate, To: badDate}}),
		"SSIN_INVALID Criteria/ByPatient/Patient", "DATE_INVALID Criteria/ByPatient/From", "DATE_INVALID Criteria/ByPatient/To")
	wantDefects(t, search(wire.SearchCriteria{ByNotification: &wire.ByNotification{NotificationNumber: badNumber}}),
		"NOTIFICATION_NUMBER_INVALID Criteria/ByNotification/NotificationNumber")
	wantDefects(t, search(wire.SearchCriteria{ByImplant: &wire.ByImplant{NotificationCode: badCode, From: badDate, To: badDate}}),
		"IMPLANT_CODE_INVALID Criteria/ByImplant/NotificationCode", "DATE_INVALID Criteria/ByImplant/From", "DATE_INVALID Criteria/ByImplant/To")

	card := (&wire.GetImplantCardRequest{Of: wire.CardOf{NotificationNumber: badNumber, Patient: badSSIN}}).Domain()
	wantDefects(t, card.Defects, "NOTIFICATION_NUMBER_INVALID Of/NotificationNumber", "SSIN_INVALID Of/Patient")
	list := (&wire.ListPatientImplantsRequest{Patient: badSSIN, At: badDate}).Domain()
	wantDefects(t, list.Defects, "SSIN_INVALID Patient", "DATE_INVALID At")
}

// TestDomain: the example of the contract becomes what it says.
func TestDomain(t *testing.T) {
	m, err := wire.Decode[wire.NotifyImplantRequest](parse(t, notifyImplant(t)))
	if err != nil {
		t.Fatal(err)
	}
	submission, n := m.Domain()
	wantDefects(t, submission.Defects)
	if submission.InputReference != "EPD-2026-000123" || n.Specialist.SSIN.Digits() != "78031412250" || n.OperationDate.String() != "2026-11-20" ||
		n.Patient.Digits() != "48022907379" || n.Prescriber.NIHII.Digits() != "17800389480" || n.PrescriptionDate.String() != "2026-11-02" ||
		n.Comment != "revision of the left knee" || len(n.Implants) != 1 {
		t.Errorf("content %+v", n)
	}
	i := n.Implants[0]
	if i.Code.Digits() != "000071200176" || i.UDI != "(01)05410000001047(17)291231(10)L2201(21)S-000917" || i.Quantity != 1 || i.Location != "left knee" ||
		i.Side != "Left" || i.Lot != "" {
		t.Errorf("implant %+v", i)
	}
	who := m.Who()
	if len(who) != 1 || who[0] != (register.PartyID{Type: "urn:be:fgov:person:ssin", Value: "78031412250"}) || m.RequestID() != "_8f0c" {
		t.Errorf("author %+v of %s", who, m.RequestID())
	}
	if none := (&wire.Header{}).Who(); none != nil {
		t.Errorf("nobody is %+v", none)
	}
	// A time zone beside a day is dropped: the day is the one on the calendar where it happened.
	m.Implantation.OperationDate = " 2026-11-20+02:00\n"
	if submission, n = m.Domain(); n.OperationDate.String() != "2026-11-20" || len(submission.Defects) != 0 {
		t.Errorf("with a zone: %s, %v", n.OperationDate, submission.Defects)
	}
}

func TestSearchDomain(t *testing.T) {
	c := (&wire.SearchRequest{Offset: 3, MaxElements: 7, Criteria: wire.SearchCriteria{ByImplant: &wire.ByImplant{UDI: "u", LotNumber: "l",
		SerialNumber: "s", From: "2026-01-01", To: "2026-02-01", OperationType: "Explantation"}}}).Domain()
	if c.Page != (register.Page{Offset: 3, Limit: 7}) || *c.Implant != (register.ImplantCriteria{UDI: "u", Lot: "l", Serial: "s"}) ||
		c.From.String() != "2026-01-01" || c.To.String() != "2026-02-01" || c.Type != register.TypeExplantation {
		t.Errorf("criteria %+v", c)
	}
	c = (&wire.SearchRequest{Criteria: wire.SearchCriteria{ByPatient: &wire.ByPatient{Patient: "48022907379", From: "2026-01-01", OperationType: "Implantation"}}}).Domain()
	if c.Patient.Digits() != "48022907379" || c.Implant != nil || c.From.IsZero() || c.Type != register.TypeImplantation {
		t.Errorf("criteria %+v", c)
	}
}

// TestAnswers: every answer, from values of the domain, follows the schemas.
func TestAnswers(t *testing.T) {
	s := compiled(t)
	number, err := ident.NewNotificationNumber(date(t, "2026-11-21"), 1)
	if err != nil {
		t.Fatal(err)
	}
	patient, _ := ident.ParseSSIN("48022907379")
	nihii, _ := ident.ParseNIHII("17800389480")
	code, _ := ident.ParseNotificationCode("000071200176")
	cbe, _ := ident.ParseCBE("0812345603")
	implants := []register.Implant{
		{ID: "i1", Number: number, Patient: patient, OperationDate: date(t, "2026-11-20"), UDIDI: "05410000001047", Remaining: 1,
			NotifiedImplant: register.NotifiedImplant{Code: code, Lot: "a<b", Expiry: date(t, "2029-12-31"), Quantity: 1, Side: "Left",
				Pharmacist: register.ProfessionalRef{NIHII: nihii}, Pharmacy: register.PharmacyRef{CBE: cbe}},
			Device: &register.Device{Code: code, Status: register.DeviceDeleted, DeletedOn: date(t, "2026-01-01"), UDIDIs: []string{"1", "2"}}},
		{ID: "i2", Number: number, OperationDate: date(t, "2026-11-20"), NotifiedImplant: register.NotifiedImplant{Quantity: 99}},
	}
	receipt := register.Receipt{Touched: implants, Notification: register.Notification{Number: number, Reference: "r", State: register.Final,
		Version: 1, RegisteredAt: stamp.At, Warnings: []register.Warning{{Code: problem.WarnLate, At: "Implantation/OperationDate"}}}}
	page := register.Page{Offset: 0, Limit: 10}
	summary := register.Summary{Number: number, Type: register.TypeImplantation, OperationDate: date(t, "2026-11-20"), Patient: patient,
		Specialist: register.ProfessionalRef{SSIN: patient, NIHII: nihii}, State: register.Final}

	notify := wire.NewNotifyResponse(stamp, "NotifyImplantRequest", receipt)
	if w := notify.Warning[0]; w.Path != "/ctrp:NotifyImplantRequest/ctrp:Implantation/ctr:OperationDate" || len(w.Message) != 4 || w.Message[0].Lang != "nl" {
		t.Errorf("warning %+v", w)
	}
	if !notify.IssueInstant.Equal(stamp.At) || notify.ID != "_1" || notify.InResponseTo != "_0" {
		t.Errorf("stamp %+v", notify.Reply)
	}
	search := wire.NewSearchResponse(stamp, page, register.Found{Total: 1, Notifications: []register.Summary{summary}})
	nothing := wire.NewSearchResponse(stamp, page, register.Found{})
	list := wire.NewListPatientImplantsResponse(stamp, page, register.PatientImplants{Total: 2, Implants: implants})
	noList := wire.NewListPatientImplantsResponse(stamp, page, register.PatientImplants{})
	for i, status := range []wire.Status{search.Status, nothing.Status, list.Status, noList.Status} {
		const notFound = "urn:be:fgov:ehealth:2.0:status:DataNotFound"
		if status.Code.Value != "urn:be:fgov:ehealth:2.0:status:Success" || (status.Code.Code != nil) != (i%2 == 1) ||
			status.Code.Code != nil && status.Code.Code.Value != notFound {
			t.Errorf("status %d: %+v", i, status)
		}
	}
	for _, answer := range []struct {
		name  string
		value any
	}{
		{"NotifyImplantResponse", notify}, {"NotifyExplantResponse", notify}, {"SearchResponse", search}, {"SearchResponse", nothing},
		{"ListPatientImplantsResponse", list}, {"ListPatientImplantsResponse", noList},
		{"GetImplantCardResponse", wire.NewCardResponse(stamp, "card.pdf", []byte("%PDF"))},
	} {
		octets, err := messageOf(t, answer.name).encode(answer.value)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Check(parse(t, octets)); err != nil {
			t.Errorf("%s: %v\n%s", answer.name, err, octets)
		}
	}
}

func date(t *testing.T, text string) ident.Date {
	t.Helper()
	d, err := ident.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
