package ctr_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

var responseInfo = ctr.ResponseInfo{ID: "_1", InResponseTo: "_0", IssuedAt: time.Date(2026, 11, 21, 11, 0, 0, 0, time.FixedZone("", 3600))}

func TestPath(t *testing.T) {
	cases := []struct{ request, at, want string }{
		{"NotifyImplantRequest", "", ""},
		{"NotifyImplantRequest", "Author", "/ctrp:NotifyImplantRequest/ctrp:Author"},
		{"NotifyImplantRequest", "InputReference", "/ctrp:NotifyImplantRequest/ctrp:InputReference"},
		{"NotifyImplantRequest", "Implantation", "/ctrp:NotifyImplantRequest/ctrp:Implantation"},
		{"NotifyImplantRequest", "Implantation.Implants[2].UDI", "/ctrp:NotifyImplantRequest/ctrp:Implantation/ctr:Implant[2]/ctr:UDI"},
		{"NotifyExplantRequest", "Explantation.Explants[1].Unregistered.Pharmacy.CBE",
			"/ctrp:NotifyExplantRequest/ctrp:Explantation/ctr:Explant[1]/ctr:Unregistered/ctr:Pharmacy/ctr:CBE"},
		{"SearchRequest", "Patient", "/ctrp:SearchRequest/ctrp:Criteria/ctrp:ByPatient/ctrp:Patient"},
		{"GetImplantCardRequest", "Number", "/ctrp:GetImplantCardRequest/ctrp:Of/ctrp:NotificationNumber"},
		{"ReviseNotificationRequest", "Version", "/ctrp:ReviseNotificationRequest/ctrp:Version"},
		{"ReviseNotificationRequest", "Content", "/ctrp:ReviseNotificationRequest/ctrp:Content"},
		{"ReviseNotificationRequest", "Implantation.Implants[2].UDI",
			"/ctrp:ReviseNotificationRequest/ctrp:Content/ctrp:Implantation/ctr:Implant[2]/ctr:UDI"},
		{"SearchDeviceRequest", "Code", "/ctrp:SearchDeviceRequest/ctrp:Criteria/ctrp:NotificationCode"},
		{"ManageMandateRequest", "Grant.Grantee", "/ctrp:ManageMandateRequest/ctrp:Change/ctrp:Grant/ctrp:Grantee"},
	}
	for _, c := range cases {
		got := ctr.WithRequestPaths(c.request, nil, problem.New(platform.AuthorRequired).WithPath(c.at))
		if got.Path != c.want {
			t.Errorf("%s %s: %s", c.request, c.at, got.Path)
		}
	}
}

func TestPlace(t *testing.T) {
	single := problem.New(platform.AuthorRequired).WithPath("Author")
	if got := ctr.WithRequestPaths("SearchRequest", nil, single); got.Path != "/ctrp:SearchRequest/ctrp:Author" || got.Code != single.Code || got.Kind != single.Kind {
		t.Errorf("placed %+v", got)
	}
	if single.Path != "Author" {
		t.Error("the refusal itself was changed")
	}
	nowhere := problem.Wrap(problem.InternalError, problem.Conflict)
	if got := ctr.WithRequestPaths("SearchRequest", nil, nowhere); got.Path != "" || got.Err == nil {
		t.Errorf("placed %+v", got)
	}
	list := problem.New(platform.RulesViolated)
	list.Causes = []*problem.Error{problem.New(implants.OperationInFuture).WithPath("Implantation.SurgeryDate"), problem.New(authorization.LinkRequired)}
	got := ctr.WithRequestPaths("NotifyImplantRequest", nil, list)
	if got.Path != "" || len(got.Causes) != 2 || got.Causes[0].Path != "/ctrp:NotifyImplantRequest/ctrp:Implantation/ctr:OperationDate" || got.Causes[1].Path != "" ||
		list.Causes[0].Path != "Implantation.SurgeryDate" {
		t.Errorf("placed %+v", got)
	}
}

// TestPathOfStoredContent: the paths of a refusal to validate lie in the stored content. The caller gets them in the
// detail, and the path of the element that names the notification.
func TestPathOfStoredContent(t *testing.T) {
	const at = "/ctrp:ValidateNotificationRequest/ctrp:"
	for _, c := range []struct {
		refusal      *problem.Error
		path, detail string
	}{
		{problem.New(implants.ExplantExceedsRemaining, texts.Literal("1 > 0")).WithPath("Explantation.Explants[1].Quantity"),
			at + "Reference", "Explantation/Explant[1]/Quantity 1 > 0"},
		{problem.New(implants.ExplantBeforeImplant).WithPath("Explantation.SurgeryDate").WithRelated("Explantation.Explants[2]"),
			at + "Reference", "Explantation/OperationDate Explantation/Explant[2]"},
		{problem.New(implants.AlreadyWithdrawn).WithPath("Notification"), at + "Reference", ""},
		{problem.New(implants.VersionOutdated, texts.Literal("1 < 2")).WithPath("Version"), at + "Version", "1 < 2"},
		{problem.New(platform.AuthorRequired).WithPath("Author"), at + "Author", ""},
	} {
		got := ctr.WithRequestPaths("ValidateNotificationRequest", &ctr.ValidateNotificationRequest{}, c.refusal)
		if got.Path != c.path || got.Detail.String() != c.detail || got.Related != "" {
			t.Errorf("%v becomes %v", c.refusal, got)
		}
	}
}

// TestRelatedPath: the second path of a refusal goes into its detail.
func TestRelatedPath(t *testing.T) {
	refusal := problem.New(implants.ExplantBeforeImplant).WithPath("Explantation.SurgeryDate").WithRelated("Explantation.Explants[2]")
	got := ctr.WithRequestPaths("NotifyExplantRequest", &ctr.NotifyExplantRequest{}, refusal)
	if got.Path != "/ctrp:NotifyExplantRequest/ctrp:Explantation/ctr:OperationDate" || got.Detail.String() != "Explantation/Explant[2]" {
		t.Errorf("%v", got)
	}
}

// TestWarningsStoredWithElementPaths: the warnings of versions stored when the domain still had paths of elements go out
// with the same XPaths as those of today.
func TestWarningsStoredWithElementPaths(t *testing.T) {
	const want = "/ctrp:NotifyExplantRequest/ctrp:Explantation/ctr:Explant[1]/ctr:Unregistered/ctr:ExpiryDate"
	for _, path := range []platform.Path{"Explantation/Explant[1]/Unregistered/ExpiryDate", "Explantation.Explants[1].Unregistered.Expiry"} {
		n := implants.Notification{Warnings: []platform.Warning{{Code: implants.WarnExpired, Path: path}}}
		described := ctr.NewGetNotificationResponse(responseInfo, "GetNotificationRequest", implants.NotificationDetail{Notification: n})
		if got := described.Notification.Warning[0].Path; got != want {
			t.Errorf("%s goes out as %s, want %s", path, got, want)
		}
	}
}

// requireDefects checks the defects of a request: their codes, and their XPaths below its element, without prefixes.
func requireDefects(t *testing.T, request any, want ...string) {
	t.Helper()
	name := reflect.TypeOf(request).Elem().Name()
	domain := reflect.ValueOf(request).MethodByName("ToDomain").Call(nil)[0]
	defects, _ := domain.FieldByName("Defects").Interface().([]*problem.Error)
	var got []string
	for _, e := range defects {
		if strings.Contains(e.Path, "/") {
			t.Errorf("the domain gets the path %s", e.Path)
		}
		path := strings.TrimPrefix(ctr.WithRequestPaths(name, request, e).Path, "/ctrp:"+name+"/")
		got = append(got, string(e.Code)+" "+strings.NewReplacer("ctrp:", "", "ctr:", "").Replace(path))
	}
	if !slices.Equal(got, want) {
		t.Errorf("defects\n got %q\nwant %q", got, want)
	}
}

// Values that are valid for the schema, which checks neither check digits nor the range of years.
const (
	badSSIN   = "48022907378"
	badNIHII  = "17800388"
	badCBE    = "0403227021"
	badCode   = "000071200177"
	badNumber = "202611210000173"
	badDate   = "12026-11-20"
)

// newWrongImplant returns an implant with an invalid value in every field that can have one.
func newWrongImplant() ctr.NotifiedImplant {
	return ctr.NotifiedImplant{NotificationCode: badCode, ExpiryDate: badDate, Pharmacist: &ctr.Professional{NIHII: badNIHII},
		Pharmacy: &ctr.Pharmacy{CBE: badCBE}, DeliveryDate: badDate, Quantity: 1, UDI: "unreadable is no defect"}
}

func TestDefects(t *testing.T) {
	implant := &ctr.NotifyImplantRequest{Implantation: ctr.Implantation{
		Specialist: ctr.Professional{SSIN: badSSIN}, OperationDate: badDate, Patient: badSSIN, Prescriber: ctr.Professional{NIHII: badNIHII},
		PrescriptionDate: badDate, Implant: []ctr.NotifiedImplant{{Quantity: 1}, newWrongImplant(), {Pharmacist: &ctr.Professional{SSIN: badSSIN},
			Pharmacy: &ctr.Pharmacy{NIHII: badNIHII}}}}}
	_, content := implant.ToDomain()
	requireDefects(t, implant,
		"SSIN_INVALID Implantation/Specialist/SSIN", "DATE_INVALID Implantation/OperationDate", "SSIN_INVALID Implantation/Patient",
		"NIHII_INVALID Implantation/Prescriber/NIHII", "DATE_INVALID Implantation/PrescriptionDate",
		"IMPLANT_CODE_INVALID Implantation/Implant[2]/NotificationCode", "DATE_INVALID Implantation/Implant[2]/ExpiryDate",
		"NIHII_INVALID Implantation/Implant[2]/Pharmacist/NIHII", "DATE_INVALID Implantation/Implant[2]/DeliveryDate",
		"CBE_INVALID Implantation/Implant[2]/Pharmacy/CBE", "SSIN_INVALID Implantation/Implant[3]/Pharmacist/SSIN",
		"NIHII_INVALID Implantation/Implant[3]/Pharmacy/NIHII")
	if !content.Specialist.IsZero() || !content.SurgeryDate.IsZero() || !content.Patient.IsZero() || len(content.Implants) != 3 ||
		!content.Implants[1].Code.IsZero() || content.Implants[1].UDI != "unreadable is no defect" {
		t.Errorf("what is wrong is not absent: %+v", content)
	}

	wrong := newWrongImplant()
	explant := &ctr.NotifyExplantRequest{Explantation: ctr.Explantation{Specialist: ctr.Professional{NIHII: badNIHII}, OperationDate: badDate,
		Patient: badSSIN, Explant: []ctr.Explant{{ImplantID: "any text is one"}, {Unregistered: &wrong}}}}
	_, removed := explant.ToDomain()
	requireDefects(t, explant,
		"NIHII_INVALID Explantation/Specialist/NIHII", "DATE_INVALID Explantation/OperationDate", "SSIN_INVALID Explantation/Patient",
		"IMPLANT_CODE_INVALID Explantation/Explant[2]/Unregistered/NotificationCode", "DATE_INVALID Explantation/Explant[2]/Unregistered/ExpiryDate",
		"NIHII_INVALID Explantation/Explant[2]/Unregistered/Pharmacist/NIHII", "DATE_INVALID Explantation/Explant[2]/Unregistered/DeliveryDate",
		"CBE_INVALID Explantation/Explant[2]/Unregistered/Pharmacy/CBE")
	if len(removed.Explants) != 2 || removed.Explants[0].ImplantID != "any text is one" || removed.Explants[1].Unregistered == nil {
		t.Errorf("explants %+v", removed.Explants)
	}

	search := func(c ctr.SearchCriteria) *ctr.SearchRequest { return &ctr.SearchRequest{Criteria: c} }
	requireDefects(t, search(ctr.SearchCriteria{ByPatient: &ctr.ByPatient{Patient: badSSIN, From: badDate, To: badDate}}),
		"SSIN_INVALID Criteria/ByPatient/Patient", "DATE_INVALID Criteria/ByPatient/From", "DATE_INVALID Criteria/ByPatient/To")
	requireDefects(t, search(ctr.SearchCriteria{ByNotification: &ctr.ByNotification{NotificationNumber: badNumber}}),
		"NOTIFICATION_NUMBER_INVALID Criteria/ByNotification/NotificationNumber")
	requireDefects(t, search(ctr.SearchCriteria{ByImplant: &ctr.ByImplant{NotificationCode: badCode, From: badDate, To: badDate}}),
		"IMPLANT_CODE_INVALID Criteria/ByImplant/NotificationCode", "DATE_INVALID Criteria/ByImplant/From", "DATE_INVALID Criteria/ByImplant/To")

	card := (&ctr.GetImplantCardRequest{Of: ctr.CardOf{NotificationNumber: badNumber, Patient: badSSIN}})
	requireDefects(t, card, "NOTIFICATION_NUMBER_INVALID Of/NotificationNumber", "SSIN_INVALID Of/Patient")
	list := (&ctr.ListPatientImplantsRequest{Patient: badSSIN, At: badDate})
	requireDefects(t, list, "SSIN_INVALID Patient", "DATE_INVALID At")

	of := ctr.NotificationOf{NotificationNumber: badNumber}
	requireDefects(t, (&ctr.GetNotificationRequest{Of: of}), "NOTIFICATION_NUMBER_INVALID Of/NotificationNumber")
	requireDefects(t, (&ctr.DiscardNotificationRequest{Of: of}), "NOTIFICATION_NUMBER_INVALID Of/NotificationNumber")
	requireDefects(t, (&ctr.SearchDeviceRequest{Criteria: ctr.DeviceCriteria{NotificationCode: badCode, UDI: "unreadable is no defect"}}),
		"IMPLANT_CODE_INVALID Criteria/NotificationCode")
	requireDefects(t, (&ctr.ReviseNotificationRequest{Of: of, Content: ctr.Content{Implantation: &ctr.Implantation{Patient: badSSIN,
		Implant: []ctr.NotifiedImplant{{NotificationCode: badCode}}}}}),
		"NOTIFICATION_NUMBER_INVALID Of/NotificationNumber", "SSIN_INVALID Content/Implantation/Patient",
		"IMPLANT_CODE_INVALID Content/Implantation/Implant[1]/NotificationCode")
	requireDefects(t, (&ctr.ReviseNotificationRequest{Content: ctr.Content{Explantation: &ctr.Explantation{OperationDate: badDate,
		Explant: []ctr.Explant{{Unregistered: &ctr.NotifiedImplant{ExpiryDate: badDate}}}}}}),
		"DATE_INVALID Content/Explantation/OperationDate", "DATE_INVALID Content/Explantation/Explant[1]/Unregistered/ExpiryDate")
}

// TestDomain checks the domain values of the contract's example.
func TestDomain(t *testing.T) {
	m, err := ctr.Decode[ctr.NotifyImplantRequest](parse(t, exampleRequest(t)))
	if err != nil {
		t.Fatal(err)
	}
	submission, n := m.ToDomain()
	requireDefects(t, m)
	if submission.InputReference != "EPD-2026-000123" || n.Specialist.SSIN.Digits() != "78031412250" || n.SurgeryDate.String() != "2026-11-20" ||
		n.Patient.Digits() != "48022907379" || n.Prescriber.NIHII.Digits() != "17800389480" || n.PrescriptionDate.String() != "2026-11-02" ||
		n.Comment != "revision of the left knee" || len(n.Implants) != 1 {
		t.Errorf("content %+v", n)
	}
	i := n.Implants[0]
	if i.Code.Digits() != "000071200176" || i.UDI != "(01)05410000001047(17)291231(10)L2201(21)S-000917" || i.Quantity != 1 || i.Location != "left knee" ||
		i.Side != "Left" || i.Lot != "" {
		t.Errorf("implant %+v", i)
	}
	who := m.AuthorIDs()
	if len(who) != 1 || who[0] != (platform.AuthorID{Type: "urn:be:fgov:person:ssin", Value: "78031412250"}) || m.RequestID() != "_8f0c" {
		t.Errorf("author %+v of %s", who, m.RequestID())
	}
	if none := (&ctr.Header{}).AuthorIDs(); none != nil {
		t.Errorf("nobody is %+v", none)
	}
	// The time zone of a date is dropped: the date is the local one.
	m.Implantation.OperationDate = " 2026-11-20+02:00\n"
	if submission, n = m.ToDomain(); n.SurgeryDate.String() != "2026-11-20" || len(submission.Defects) != 0 {
		t.Errorf("with a zone: %s, %v", n.SurgeryDate, submission.Defects)
	}
}

func TestSearchDomain(t *testing.T) {
	c := (&ctr.SearchRequest{Offset: 3, MaxElements: 7, Criteria: ctr.SearchCriteria{ByImplant: &ctr.ByImplant{UDI: "u", LotNumber: "l",
		SerialNumber: "s", From: "2026-01-01", To: "2026-02-01", OperationType: "Explantation"}}}).ToDomain()
	if c.Page != (platform.Page{Offset: 3, Limit: 7}) || *c.Implant != (implants.ImplantCriteria{UDI: "u", Lot: "l", Serial: "s"}) ||
		c.From.String() != "2026-01-01" || c.To.String() != "2026-02-01" || c.Type != implants.TypeExplantation {
		t.Errorf("criteria %+v", c)
	}
	c = (&ctr.SearchRequest{Criteria: ctr.SearchCriteria{ByPatient: &ctr.ByPatient{Patient: "48022907379", From: "2026-01-01", OperationType: "Implantation"}}}).ToDomain()
	if c.Patient.Digits() != "48022907379" || c.Implant != nil || c.From.IsZero() || c.Type != implants.TypeImplantation {
		t.Errorf("criteria %+v", c)
	}
}

// TestSave checks the conversion of the element Save to a state of the domain.
func TestSave(t *testing.T) {
	for _, c := range []struct {
		save              string
		notified, revised implants.State
	}{
		{"", implants.Final, ""}, {"Final", implants.Final, implants.Final}, {"Draft", implants.Draft, implants.Draft},
		{"Submit", implants.ToValidate, implants.ToValidate},
	} {
		implant, _ := (&ctr.NotifyImplantRequest{Save: c.save}).ToDomain()
		explant, _ := (&ctr.NotifyExplantRequest{Save: c.save}).ToDomain()
		if implant.Save != c.notified || explant.Save != c.notified {
			t.Errorf("%q is %q and %q", c.save, implant.Save, explant.Save)
		}
		if revision := (&ctr.ReviseNotificationRequest{Save: c.save}).ToDomain(); revision.Save != c.revised {
			t.Errorf("%q of a revision is %q", c.save, revision.Save)
		}
	}
}

// TestNotificationDomain covers the requests about existing notifications.
func TestNotificationDomain(t *testing.T) {
	of := ctr.NotificationOf{NotificationNumber: "202611210000172"}
	named := implants.NotificationRef{Reference: "r"}
	if asked := (&ctr.GetNotificationRequest{Of: of, EmergencyReason: "unconscious"}).ToDomain(); asked.Notification.Number.Digits() != "202611210000172" ||
		asked.Notification.Reference != "" || asked.EmergencyReason != "unconscious" || asked.Defects != nil {
		t.Errorf("asked %+v", asked)
	}
	r := (&ctr.ReviseNotificationRequest{Of: ctr.NotificationOf{Reference: "r"}, Version: 2,
		Content: ctr.Content{Implantation: &ctr.Implantation{Comment: "c", Implant: []ctr.NotifiedImplant{{Quantity: 3}}}}}).ToDomain()
	if r.Notification != named || r.Version != 2 || r.Explantation != nil || r.Implantation.Comment != "c" || r.Implantation.Implants[0].Quantity != 3 {
		t.Errorf("revision %+v", r)
	}
	r = (&ctr.ReviseNotificationRequest{Of: of, Content: ctr.Content{Explantation: &ctr.Explantation{Explant: []ctr.Explant{{ImplantID: "i"}}}}}).ToDomain()
	if r.Implantation != nil || r.Explantation.Explants[0].ImplantID != "i" {
		t.Errorf("revision %+v", r)
	}
	if v := (&ctr.ValidateNotificationRequest{Reference: "r", Version: 2}).ToDomain(); v != (implants.ValidateRequest{Reference: "r", Version: 2}) {
		t.Errorf("validation %+v", v)
	}
	if d := (&ctr.DiscardNotificationRequest{Of: ctr.NotificationOf{Reference: "r"}, Version: 2, Reason: "twice"}).ToDomain(); d.Notification != named ||
		d.Version != 2 || d.Reason != "twice" {
		t.Errorf("discarding %+v", d)
	}
	page := platform.Page{Offset: 3, Limit: 7}
	if p := (&ctr.ListPendingNotificationsRequest{Offset: 3, MaxElements: 7, State: "ToValidate"}).ToDomain(); p != (implants.ListPendingRequest{Page: page,
		State: implants.ToValidate}) {
		t.Errorf("pending %+v", p)
	}
	if d := (&ctr.SearchDeviceRequest{Offset: 3, MaxElements: 7, Criteria: ctr.DeviceCriteria{Text: "knee", NotificationCode: "000071200176",
		UDI: "u", Category: "Stent"}}).ToDomain(); d.Page != page || d.Text != "knee" || d.Code.Digits() != "000071200176" || d.UDI != "u" || d.Category != "Stent" {
		t.Errorf("devices %+v", d)
	}
}

// TestEmergency checks that every request that reads patient data passes on the emergency reason.
func TestEmergency(t *testing.T) {
	const reason = "unconscious after an accident"
	for i, got := range []string{
		(&ctr.SearchRequest{EmergencyReason: reason}).ToDomain().EmergencyReason,
		(&ctr.GetImplantCardRequest{EmergencyReason: reason}).ToDomain().EmergencyReason,
		(&ctr.GetNotificationRequest{EmergencyReason: reason}).ToDomain().EmergencyReason,
		(&ctr.ListPatientImplantsRequest{EmergencyReason: reason}).ToDomain().EmergencyReason,
	} {
		if got != reason {
			t.Errorf("read %d: %q", i, got)
		}
	}
}

// TestAnswers checks that every response made from domain values is valid against the schemas.
func TestAnswers(t *testing.T) {
	s := compileContract(t)
	number, err := ident.NewNotificationNumber(mustParseDate(t, "2026-11-21"), 1)
	if err != nil {
		t.Fatal(err)
	}
	patient, _ := ident.ParseSSIN("48022907379")
	nihii, _ := ident.ParseNIHII("17800389480")
	code, _ := ident.ParseNotificationCode("000071200176")
	cbe, _ := ident.ParseCBE("0812345603")
	implantList := []implants.Implant{
		{ID: "i1", Number: number, Patient: patient, SurgeryDate: mustParseDate(t, "2026-11-20"), UDIDI: "05410000001047", Remaining: 1,
			NotifiedImplant: implants.NotifiedImplant{Code: code, Lot: "a<b", Expiry: mustParseDate(t, "2029-12-31"), Quantity: 1, Side: "Left",
				Pharmacist: platform.ProfessionalRef{NIHII: nihii}, Pharmacy: platform.OrganisationRef{CBE: cbe}},
			Device: &implants.Device{Code: code, Status: implants.DeviceDeleted, DeletedOn: mustParseDate(t, "2026-01-01"), UDIDIs: []string{"1", "2"}}},
		{ID: "i2", Number: number, SurgeryDate: mustParseDate(t, "2026-11-20"), NotifiedImplant: implants.NotifiedImplant{Quantity: 99}},
	}
	receipt := implants.Receipt{AffectedImplants: implantList, Notification: implants.Notification{Number: number, Reference: "r", State: implants.Final,
		Version: 1, RegisteredAt: responseInfo.IssuedAt, Warnings: []platform.Warning{{Code: implants.WarnLate, Path: "Implantation.SurgeryDate"}}}}
	page := platform.Page{Offset: 0, Limit: 10}
	summary := implants.NotificationSummary{Reference: "r", Version: 2, Number: number, Type: implants.TypeImplantation, SurgeryDate: mustParseDate(t, "2026-11-20"), Patient: patient,
		Specialist: platform.ProfessionalRef{SSIN: patient, NIHII: nihii}, State: implants.Final}

	notify := ctr.NewNotifyResponse(responseInfo, "NotifyImplantRequest", receipt)
	if w := notify.Warning[0]; w.Path != "/ctrp:NotifyImplantRequest/ctrp:Implantation/ctr:OperationDate" || len(w.Message) != 4 || w.Message[0].Lang != "nl" {
		t.Errorf("warning %+v", w)
	}
	if !notify.IssueInstant.Equal(responseInfo.IssuedAt) || notify.ID != "_1" || notify.InResponseTo != "_0" {
		t.Errorf("stamp %+v", notify.Reply)
	}
	search := ctr.NewSearchResponse(responseInfo, page, implants.SearchResult{Total: 1, Notifications: []implants.NotificationSummary{summary}})
	nothing := ctr.NewSearchResponse(responseInfo, page, implants.SearchResult{})
	pending := ctr.NewListPendingNotificationsResponse(responseInfo, page, implants.SearchResult{Total: 1, Notifications: []implants.NotificationSummary{
		{Reference: "r", Version: 1, Type: implants.TypeExplantation, SurgeryDate: mustParseDate(t, "2026-11-20"), Patient: patient,
			Specialist: platform.ProfessionalRef{NIHII: nihii}, State: implants.Draft}}})
	if n := pending.Notification[0]; n.NotificationNumber != "" || n.Reference != "r" || n.Version != 1 {
		t.Errorf("pending %+v", n)
	}
	noPending := ctr.NewListPendingNotificationsResponse(responseInfo, page, implants.SearchResult{})
	devices := ctr.NewSearchDeviceResponse(responseInfo, page, implants.SearchDeviceResult{Total: 1, Devices: []implants.Device{*implantList[0].Device}})
	noDevices := ctr.NewSearchDeviceResponse(responseInfo, page, implants.SearchDeviceResult{})
	list := ctr.NewListPatientImplantsResponse(responseInfo, page, implants.ListImplantsResult{Total: 2, Implants: implantList})
	noList := ctr.NewListPatientImplantsResponse(responseInfo, page, implants.ListImplantsResult{})
	for i, status := range []ctr.Status{search.Status, nothing.Status, list.Status, noList.Status,
		pending.Status, noPending.Status, devices.Status, noDevices.Status} {
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
		{"GetImplantCardResponse", ctr.NewCardResponse(responseInfo, "card.pdf", []byte("%PDF"))},
		{"ListPendingNotificationsResponse", pending}, {"ListPendingNotificationsResponse", noPending},
		{"SearchDeviceResponse", devices}, {"SearchDeviceResponse", noDevices},
		{"ReviseNotificationResponse", ctr.NewReviseResponse(responseInfo, "ReviseNotificationRequest", receipt)},
		{"ValidateNotificationResponse", ctr.NewValidateResponse(responseInfo, "ValidateNotificationRequest", receipt)},
		{"DiscardNotificationResponse", ctr.NewDiscardResponse(responseInfo, receipt)},
	} {
		requireValid(t, s, answer.name, answer.value)
	}
}

func requireValid(t *testing.T, s *schema.Schema, name string, value any) {
	t.Helper()
	data, err := findMessage(t, name).encode(value)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Check(parse(t, data)); err != nil {
		t.Errorf("%s: %v\n%s", name, err, data)
	}
}

// TestDraftAnswers checks that responses about drafts, which have no number yet, contain none.
func TestDraftAnswers(t *testing.T) {
	s := compileContract(t)
	draft := implants.Notification{Reference: "r", Version: 1, State: implants.Draft, RegisteredAt: responseInfo.IssuedAt}
	touched := []implants.Implant{{ID: "i1", SurgeryDate: mustParseDate(t, "2026-11-20"), NotifiedImplant: implants.NotifiedImplant{Quantity: 2}}}
	receipt := implants.Receipt{Notification: draft, AffectedImplants: touched}
	notify := ctr.NewNotifyResponse(responseInfo, "NotifyImplantRequest", receipt)
	if notify.Receipt.NotificationNumber != "" || notify.Receipt.State != "Draft" || notify.Implant[0].NotificationNumber != "" {
		t.Errorf("draft %+v", notify)
	}
	requireValid(t, s, "NotifyImplantResponse", notify)
	requireValid(t, s, "ReviseNotificationResponse", ctr.NewReviseResponse(responseInfo, "ReviseNotificationRequest", receipt))
	requireValid(t, s, "ReviseNotificationResponse", ctr.NewReviseResponse(responseInfo, "ReviseNotificationRequest", implants.Receipt{Notification: draft}))
	discarded := ctr.NewDiscardResponse(responseInfo, receipt)
	if discarded.Receipt.NotificationNumber != "" || discarded.Receipt.Version != 1 {
		t.Errorf("discarded %+v", discarded)
	}
	requireValid(t, s, "DiscardNotificationResponse", discarded)
}

// TestDescribed covers complete notifications of both kinds.
func TestDescribed(t *testing.T) {
	s := compileContract(t)
	number, err := ident.NewNotificationNumber(mustParseDate(t, "2026-11-21"), 1)
	if err != nil {
		t.Fatal(err)
	}
	person, _ := ident.ParseSSIN("78031412250")
	nihii, _ := ident.ParseNIHII("17800389480")
	hospital, _ := ident.ParseNIHII("71000436")
	day := mustParseDate(t, "2026-11-20")
	implant := implants.Implant{ID: "i1", SurgeryDate: day, Number: number, NotifiedImplant: implants.NotifiedImplant{Quantity: 2}, Remaining: 1}
	full := implants.Notification{Reference: "r", Version: 2, State: implants.Final, Change: implants.ChangeRevised, Number: number,
		Type: implants.TypeImplantation, Specialist: platform.ProfessionalRef{SSIN: person, NIHII: nihii}, SurgeryDate: day, Patient: person,
		Prescriber: platform.ProfessionalRef{NIHII: nihii}, PrescriptionDate: day, Comment: "c", Implants: []implants.Implant{implant},
		RegisteredAt: responseInfo.IssuedAt, Digest: [32]byte{1}, Organisation: hospital, Author: person,
		Warnings: []platform.Warning{{Code: implants.WarnLate, Path: "Implantation/OperationDate"}, {Code: implants.WarnLate, Path: "Content/Implantation"},
			{Code: implants.WarnLate, Path: "Of"}}}
	history := []implants.VersionSummary{
		{Version: 1, RegisteredAt: responseInfo.IssuedAt, Author: person, State: implants.Draft, Change: implants.ChangeSaved},
		{Version: 2, RegisteredAt: responseInfo.IssuedAt, Author: person, Organisation: hospital, State: implants.Withdrawn, Change: implants.ChangeWithdrawn, ChangeReason: "twice"},
	}
	m := ctr.NewGetNotificationResponse(responseInfo, "GetNotificationRequest", implants.NotificationDetail{Notification: full, History: history})
	requireValid(t, s, "GetNotificationResponse", m)
	n := m.Notification
	if n.NotificationNumber != number.Digits() || n.Reference != "r" || n.Version != 2 || n.State != "Final" || n.OperationType != "Implantation" ||
		!n.RegisteredAt.Equal(responseInfo.IssuedAt) || n.Digest[0] != 1 || n.Organisation != "71000436" || n.Author != "78031412250" ||
		n.Specialist != (ctr.Professional{SSIN: "78031412250"}) || n.OperationDate != "2026-11-20" || n.Patient != "78031412250" ||
		n.Prescriber.NIHII != "17800389480" || n.PrescriptionDate != "2026-11-20" || n.Comment != "c" || len(n.Implant) != 1 || n.Explant != nil {
		t.Errorf("described %+v", n)
	}
	// Paths of warnings about content refer to the request that contained it; getNotification has none.
	for i, want := range []string{"/ctrp:NotifyImplantRequest/ctrp:Implantation/ctr:OperationDate",
		"/ctrp:ReviseNotificationRequest/ctrp:Content/ctrp:Implantation", "/ctrp:GetNotificationRequest/ctrp:Of"} {
		if n.Warning[i].Path != want {
			t.Errorf("warning at %s, want %s", n.Warning[i].Path, want)
		}
	}
	want := []ctr.Revision{
		{Version: 1, At: responseInfo.IssuedAt, Author: "78031412250", Change: "Saved", State: "Draft"},
		{Version: 2, At: responseInfo.IssuedAt, Author: "78031412250", Organisation: "71000436", Change: "Withdrawn", State: "Withdrawn", Reason: "twice"},
	}
	if !slices.Equal(n.History, want) {
		t.Errorf("history %+v", n.History)
	}

	removal := full
	removal.Type, removal.Prescriber, removal.PrescriptionDate, removal.Organisation = implants.TypeExplantation, platform.ProfessionalRef{}, ident.Date{}, ident.NIHII{}
	removal.Number, removal.State, removal.Warnings, removal.Implants = ident.NotificationNumber{}, implants.Draft, nil, nil
	removal.Removals = []implants.Removal{{ImplantID: "i1", Quantity: 1, Reason: "worn"}, {ImplantID: "i1"}}
	m = ctr.NewGetNotificationResponse(responseInfo, "GetNotificationRequest", implants.NotificationDetail{Notification: removal, History: history[:1],
		AffectedImplants: []implants.Implant{implant, implant}})
	requireValid(t, s, "GetNotificationResponse", m)
	n = m.Notification
	if n.NotificationNumber != "" || n.Organisation != "" || n.Prescriber != nil || n.PrescriptionDate != "" || len(n.Explant) != 2 ||
		n.Explant[0].Implant.ImplantID != "i1" || n.Explant[0].Quantity != 1 || n.Explant[0].Reason != "worn" || n.Explant[1].Quantity != 0 {
		t.Errorf("described %+v", n)
	}
}

func mustParseDate(t *testing.T, text string) ident.Date {
	t.Helper()
	d, err := ident.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
