package service_test

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/people"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// doorScene is the scene of docs/permissions.md in a whole service, with both of its doors.
type doorScene struct {
	*runningService
	t             *testing.T
	clock         *registertest.Clock
	issuer        *authority.Authority
	first, second *ctr.Receipt
	prepared      int
}

// typedInSecret is in every notification of the scene: nobody who may not read sees it.
const typedInSecret = "only for those who may read"

// doorCaller is a caller of the scene.
type doorCaller struct {
	person       ident.SSIN
	organisation string // certificate that signs; the person's own if empty
	profile      string // of the portal; empty if the portal has none for this caller
}

func doorCallers() map[string]doorCaller {
	const hospital, clinic, pharmacy = "NIHII-HOSPITAL=71000436", "NIHII-HOSPITAL=71012413", "NIHII-PHARMACY=21500346"
	return map[string]doorCaller{
		"Claes":                          {people.Claes, "", "doctor"},
		"Claes, inside the hospital":     {people.Claes, hospital, ""},
		"Dubois":                         {people.Dubois, "", "doctor"},
		"Dubois, inside the clinic":      {people.Dubois, clinic, ""},
		"Dubois, inside the hospital":    {people.Dubois, hospital, ""},
		"Peeters":                        {people.Peeters, "", "doctor"},
		"Peeters, inside the hospital":   {people.Peeters, hospital, "staff 71000436"},
		"Lambert":                        {people.Lambert, "", "doctor"},
		"Lambert, inside the hospital":   {people.Lambert, hospital, ""},
		"Maes":                           {people.Maes, "", "patient"},
		"Maes, inside the pharmacy":      {people.Maes, pharmacy, ""},
		"Wouters":                        {people.Wouters, "", "patient"},
		"Wouters, inside the hospital":   {people.Wouters, hospital, "staff 71000436"},
		"Leroy":                          {people.Leroy, "", "patient"},
		"Leroy, inside the hospital":     {people.Leroy, hospital, "manager 71000436"},
		"Smit":                           {people.Smit, "", "patient"},
		"Smit, inside the hospital":      {people.Smit, hospital, "manager 71000436"},
		"Van Damme":                      {people.VanDam, "", "patient"},
		"Van Damme, inside the hospital": {people.VanDam, hospital, ""},
		"Nguyen":                         {people.Nguyen, "", "patient"},
		"Nguyen, inside the clinic":      {people.Nguyen, clinic, "staff 71012413"},
		"Jacobs":                         {people.Jacobs, "", "patient"},
	}
}

func newDoorScene(t *testing.T) *doorScene {
	t.Helper()
	directory := interop.NewDevelopmentDirectory(t)
	db, err := store.Open(t.Context(), store.Config{Directory: directory})
	if err != nil {
		t.Fatal(err)
	}
	if err = db.LoadSources(t.Context(), registertest.DevelopmentSources(t)); err != nil {
		t.Fatal(err)
	}
	if err = db.LoadSources(t.Context(), registertest.PermissionSources()); err != nil {
		t.Fatal(err)
	}
	if err = db.Close(); err != nil {
		t.Fatal(err)
	}
	s := &doorScene{t: t, clock: registertest.NewClock()}
	s.issuer = testpki.NewAuthority(t, s.clock.Now().AddDate(-1, 0, 0), s.clock.Now().AddDate(10, 0, 0))
	var trusted []byte
	for _, certificate := range s.issuer.Certificates() {
		trusted = append(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
	}
	trust := filepath.Join(t.TempDir(), "trust.pem")
	if err = os.WriteFile(trust, trusted, 0o600); err != nil {
		t.Fatal(err)
	}
	s.runningService = startService(t, service.Config{
		Development: true, DataDirectory: directory, Now: s.clock.Now, TrustFiles: []string{trust},
		Environment: "Test",
	})
	first := newSceneImplantation(people.Claes, people.Smit, "000071200176", "2025-08-20")
	second := newSceneImplantation(people.Dubois, people.Smit, "000071200176", "2025-08-21")
	s.first, s.second = s.mustNotify(people.Claes, first), s.mustNotify(people.Dubois, second)
	return s
}

func newSceneImplantation(specialist, patient ident.SSIN, code, day string) *ctr.NotifyImplantRequest {
	return &ctr.NotifyImplantRequest{Save: "Final", Implantation: ctr.Implantation{
		Specialist: ctr.Professional{SSIN: specialist.Digits()}, OperationDate: day, Patient: patient.Digits(),
		Prescriber: ctr.Professional{NIHII: "17800389480"}, PrescriptionDate: "2025-08-01", Comment: typedInSecret,
		Implant: []ctr.NotifiedImplant{{NotificationCode: code, Quantity: 1, Location: "left knee", Side: "Left"}},
	}}
}

// newSOAPClient returns a client that signs as a caller of the scene.
func (s *doorScene) newSOAPClient(who doorCaller) *client.Client {
	kind, id, _ := strings.Cut("SSIN="+who.person.Digits(), "=")
	if who.organisation != "" {
		kind, id, _ = strings.Cut(who.organisation, "=")
	}
	key := testpki.IssueKey(s.t, s.issuer, func(o *authority.Order) {
		o.Subject = x509id.Subject{Type: kind, ID: id, Name: "OF THE SCENE"}
	})
	c := s.NewClient(s.t, key)
	c.Now = s.clock.Now
	return c
}

func (s *doorScene) newHeader(person ident.SSIN) ctr.Header {
	return ctr.Header{
		ID: interop.NewID(), IssueInstant: s.clock.Now().Format(time.RFC3339),
		Author: &ctr.Author{HcParty: []ctr.HcParty{{ID: []ctr.PartyID{{Type: "SSIN", Value: person.Digits()}}}}},
	}
}

func (s *doorScene) mustNotify(person ident.SSIN, request *ctr.NotifyImplantRequest) *ctr.Receipt {
	s.t.Helper()
	request.Header = s.newHeader(person)
	return &interop.MustNotify(s.t, s.newSOAPClient(doorCaller{person: person}), request).Receipt
}

// prepare returns the reference of a notification of Claes about Nguyen that Wouters prepared in the hospital.
func (s *doorScene) prepare(save string) string {
	s.t.Helper()
	request := newSceneImplantation(people.Claes, people.Nguyen, "000060479203", "2026-11-20")
	request.Header, request.Save = s.newHeader(people.Wouters), save
	return interop.MustNotify(s.t, s.newSOAPClient(doorCallers()["Wouters, inside the hospital"]), request).Receipt.Reference
}

// discard removes what was prepared, so that the lists stay short.
func (s *doorScene) discard(reference string) {
	s.t.Helper()
	clerk := doorCallers()["Wouters, inside the hospital"]
	request := &ctr.DiscardNotificationRequest{
		Header: s.newHeader(people.Wouters), Of: ctr.NotificationOf{Reference: reference}, Version: 1,
	}
	if code := callSOAP(s.t, s.newSOAPClient(clerk), "DiscardNotification", request, func(*ctr.DiscardNotificationResponse) string { return "" }); code != "" {
		s.t.Error(code)
	}
}

// callSOAP calls an operation and returns the code of its refusal, or what count says about the answer.
func callSOAP[Q, A any](t *testing.T, c *client.Client, operation string, request *Q, count func(*A) string) string {
	t.Helper()
	answer, err := client.Call[Q, A](t.Context(), c, operation, request)
	var refusal *soap.Refusal
	switch {
	case errors.As(err, &refusal):
		return refusal.Code
	case err != nil:
		t.Fatal(err)
	}
	return count(answer)
}

// soapActions are the reads of the document, as a caller sends them to the SOAP door.
func (s *doorScene) soapActions() map[string]func(*client.Client, ctr.Header) string {
	search := func(criteria ctr.SearchCriteria) func(*client.Client, ctr.Header) string {
		return func(c *client.Client, h ctr.Header) string {
			request := &ctr.SearchRequest{Header: h, MaxElements: 100, Criteria: criteria}
			return callSOAP(s.t, c, "Search", request, func(a *ctr.SearchResponse) string { return strconv.Itoa(a.Total) })
		}
	}
	read := func(of ctr.NotificationOf) func(*client.Client, ctr.Header) string {
		return func(c *client.Client, h ctr.Header) string {
			request := &ctr.GetNotificationRequest{Header: h, Of: of}
			return callSOAP(s.t, c, "GetNotification", request, func(*ctr.GetNotificationResponse) string { return "yes" })
		}
	}
	fetchCard := func(of ctr.CardOf) func(*client.Client, ctr.Header) string {
		return func(c *client.Client, h ctr.Header) string {
			request := &ctr.GetImplantCardRequest{Header: h, Of: of}
			return callSOAP(s.t, c, "GetImplantCard", request, func(*ctr.GetImplantCardResponse) string { return "card" })
		}
	}
	first, second := s.first.NotificationNumber, s.second.NotificationNumber
	return map[string]func(*client.Client, ctr.Header) string{
		"search by patient": search(interop.CriteriaByPatient(people.Smit.Digits())),
		"search the first":  search(interop.CriteriaByNumber(first)),
		"search the second": search(interop.CriteriaByNumber(second)),
		"search by implant": search(ctr.SearchCriteria{ByImplant: &ctr.ByImplant{NotificationCode: "000071200176"}}),
		"see the first":     read(ctr.NotificationOf{NotificationNumber: first}),
		"see the second":    read(ctr.NotificationOf{NotificationNumber: second}),
		"card of the first": fetchCard(ctr.CardOf{NotificationNumber: first}), "card of the second": fetchCard(ctr.CardOf{NotificationNumber: second}),
		"patient card":           fetchCard(ctr.CardOf{Patient: people.Smit.Digits()}),
		"the same, by reference": read(ctr.NotificationOf{Reference: s.second.Reference}),
		"list the implants": func(c *client.Client, h ctr.Header) string {
			request := &ctr.ListPatientImplantsRequest{Header: h, MaxElements: 100, Patient: people.Smit.Digits()}
			return callSOAP(s.t, c, "ListPatientImplants", request, func(a *ctr.ListPatientImplantsResponse) string {
				return strconv.Itoa(a.Total)
			})
		},
	}
}

// describePage returns what a page of the portal gives: "yes", "card", the number of notifications that it lists, or
// "refused".
func describePage(p page) string {
	switch {
	case p.status == http.StatusForbidden, p.status == http.StatusNotFound, p.status == http.StatusUnprocessableEntity,
		p.location == "/portal/profile", p.location == "/portal/me":
		return "refused"
	case strings.HasPrefix(p.text, "%PDF-"):
		return "card"
	case p.status == http.StatusSeeOther:
		return "yes"
	case p.status != http.StatusOK:
		return "status " + strconv.Itoa(p.status)
	case strings.Contains(p.text, `role="search"`):
		return strconv.Itoa(strings.Count(p.text, `<th scope="row"><a href="/portal/notifications/`))
	}
	return "yes"
}

// portalActions are the actions of the document that the portal has a page for.
func (s *doorScene) portalActions() map[string]func(*visitor, ident.SSIN) page {
	open := func(path string) func(*visitor, ident.SSIN) page {
		return func(v *visitor, _ ident.SSIN) page { return v.open(path) }
	}
	notify := func(action string, specialist func(ident.SSIN) ident.SSIN) func(*visitor, ident.SSIN) page {
		return func(v *visitor, self ident.SSIN) page {
			s.prepared++
			return v.post("/portal/implantations/new", url.Values{
				"key": {"both-doors-" + strconv.Itoa(s.prepared)}, "implants": {"1"}, "action": {action},
				"specialist": {specialist(self).Digits()}, "operation-date": {"20/11/2026"}, "patient": {people.Nguyen.Digits()},
				"prescriber": {"17800389480"}, "prescription-date": {"02/11/2026"}, "comment": {typedInSecret},
				"implant-1-code": {"000060479203"}, "implant-1-quantity": {"1"},
			})
		}
	}
	own := func(self ident.SSIN) ident.SSIN { return self }
	ofClaes := func(ident.SSIN) ident.SSIN { return people.Claes }
	onPrepared := func(save, action string) func(*visitor, ident.SSIN) page {
		return func(v *visitor, _ ident.SSIN) page {
			reference := s.prepare(save)
			path := "/portal/drafts/" + reference
			if action == "" {
				defer s.discard(reference)
				return v.open(path)
			}
			return v.post(path+"/"+action, url.Values{"version": {"1"}, "reason": {"a mistake"}})
		}
	}
	staff := func(role string, action string, person ident.SSIN) func(*visitor, ident.SSIN) page {
		return func(v *visitor, self ident.SSIN) page {
			if self == people.Smit && action == "assign" {
				person = people.Kaya // Leroy names the other one
			}
			return v.post("/portal/access/staff", url.Values{"action": {action}, "person": {person.Digits()}, "role": {role}})
		}
	}
	first, second := s.first.NotificationNumber, s.second.NotificationNumber
	return map[string]func(*visitor, ident.SSIN) page{
		"search by patient":     open("/portal/search/patient?search=1&patient=" + people.Smit.Digits()),
		"search by implant":     open("/portal/search/implant?search=1&code=000071200176"),
		"search the first":      open("/portal/search/notification?search=1&number=" + first),
		"search the second":     open("/portal/search/notification?search=1&number=" + second),
		"see the first":         open("/portal/notifications/" + first),
		"see the second":        open("/portal/notifications/" + second),
		"card of the first":     open("/portal/notifications/" + first + "/card.pdf"),
		"card of the second":    open("/portal/notifications/" + second + "/card.pdf"),
		"search the devices":    open("/portal/devices?implant-1-code=000071200176"),
		"notify one's own":      notify("confirm", own),
		"notify Claes's":        notify("confirm", ofClaes),
		"draft of one's own":    notify("draft", own),
		"draft of Claes's":      notify("draft", ofClaes),
		"submission of Claes's": notify("submit", ofClaes),
		"see a draft":           onPrepared("Draft", ""),
		"validate it":           onPrepared("Submit", "validate"),
		"discard it":            onPrepared("Draft", "discard"),
		"find it listed": func(v *visitor, _ ident.SSIN) page {
			reference := s.prepare("Draft")
			defer s.discard(reference)
			p := v.open("/portal/")
			if p.status == http.StatusOK && !strings.Contains(p.text, reference) {
				p.status = http.StatusNotFound
			}
			return p
		},
		"withdraw the first": func(v *visitor, _ ident.SSIN) page {
			p := v.post("/portal/notifications/"+first+"/withdraw", url.Values{"version": {"99"}, "reason": {"entered twice"}})
			if p.status == http.StatusUnprocessableEntity { // an outdated version: whoever may withdraw is told
				p.status, p.location = http.StatusSeeOther, "the page of the newest version"
			}
			return p
		},
		"grant a mandate": func(v *visitor, _ ident.SSIN) page {
			return v.post("/portal/access/mandates", url.Values{"action": {"grant"}, "person": {people.Goosens.Digits()}})
		},
		"list one's mandates":    open("/portal/access/mandates"),
		"name staff":             staff("AdministrativeStaff", "assign", people.Goosens),
		"name a manager":         staff("AccessManager", "assign", people.Goosens),
		"name a chief":           staff("ChiefAccessManager", "assign", people.Goosens),
		"name a specialist":      staff("Specialist", "assign", people.Goosens),
		"dismiss the chief":      staff("ChiefAccessManager", "end", people.Smit),
		"dismiss the specialist": staff("Specialist", "end", people.Claes),
	}
}

// withoutPage are the actions of the document that this test does not send to the portal, and why.
var withoutPage = map[string]string{
	"list the implants": "no page lists another person's implants", "patient card": "the page is of the patient alone",
	"the same, by reference": "the page of a draft takes references of drafts",
	"emergency: search":      "no page claims an emergency", "emergency: list": "the same", "emergency: card": "the same",
	"emergency: see first": "the same", "save it again": "the page is tested beside its form", "submit it": "the same",
	"revise the first": "the same", "transfer one": "needs a mandate of another person",
	"accept one": "needs a mandate of another person", "end one that one gave": "the same", "end one that one got": "the same",
	"dismiss staff": "needs a role of another person", "dismiss a manager": "the same",
	"refuse a role of one's own": "the same", "list the roles": "the page always shows one's own roles",
	"list who used one's data": "the page is always the person's own, whatever they act for",
}

// stricter are the cells in which the portal gives less than the document allows.
var stricter = map[string]string{
	"Nguyen/find it listed": "a patient with a mandate has no welcome page",
}

// TestBothDoors sends every cell of docs/permissions.md to both doors of one service. The SOAP door gives what the
// document says. The portal gives the same or less: it refuses what the SOAP door refuses, and a refusal shows nothing of
// what was asked for.
func TestBothDoors(t *testing.T) {
	t.Parallel()
	s := newDoorScene(t)
	callers, soapActions, portalActions := doorCallers(), s.soapActions(), s.portalActions()
	clients, visitors := map[string]*client.Client{}, map[string]*visitor{}
	sentSOAP, sentPortal := 0, 0
	for _, cell := range registertest.ReadPermissions(t, "../../docs/permissions.md") {
		who, ok := callers[cell.Who]
		if !ok {
			t.Fatalf("no such caller: %s", cell.Who)
		}
		name := cell.Who + "/" + cell.Action
		s.clock.Set(s.clock.Now().Add(time.Second)) // nobody comes too often
		if act := soapActions[cell.Action]; act != nil {
			if clients[cell.Who] == nil {
				clients[cell.Who] = s.newSOAPClient(who)
			}
			want, _, _ := strings.Cut(cell.Want, " of ") // a card
			if entry, _ := problem.Lookup(problem.Code(want)); entry.Kind == problem.Forbidden {
				want = "SOA-01002" // the platform's code for whoever is not authorised
			}
			if got := act(clients[cell.Who], s.newHeader(who.person)); got != string(problem.Code(want).PublicCode()) {
				t.Errorf("%s: SOAP gives %q, want %q", name, got, want)
			}
			sentSOAP++
		}
		act := portalActions[cell.Action]
		if act == nil {
			if withoutPage[cell.Action] == "" {
				t.Errorf("%s is not sent to the portal", cell.Action)
			}
			continue
		}
		if visitors[cell.Who] == nil {
			visitors[cell.Who] = s.enter(t, cell.Who, who)
		}
		p := act(visitors[cell.Who], who.person)
		checkPortalCell(t, name, cell.Want, who.profile != "", p)
		sentPortal++
	}
	if sentSOAP != len(callers)*len(soapActions) || sentPortal != len(callers)*len(portalActions) {
		t.Errorf("%d cells were sent to SOAP, %d to the portal", sentSOAP, sentPortal)
	}
}

// enter signs a caller in, with the profile that the portal has for them. A profile that it does not offer is not
// entered, and without one there is no page.
func (s *doorScene) enter(t *testing.T, name string, who doorCaller) *visitor {
	t.Helper()
	v := newVisitor(t, s.runningService)
	if who.profile != "" {
		v.signIn(who.person.Digits(), who.profile)
		return v
	}
	v.open(v.authorize(who.person.Digits()))
	_, organisation, _ := strings.Cut(who.organisation, "=")
	for _, profile := range []string{"doctor ", "staff ", "manager "} {
		if p := v.post("/portal/profile", url.Values{"profile": {profile + organisation}}); p.location != "/portal/profile" {
			t.Errorf("%s enters the profile %q: %d %s", name, profile, p.status, p.location)
		}
	}
	return v
}

func checkPortalCell(t *testing.T, name, want string, hasProfile bool, p page) {
	t.Helper()
	isRefusal := want == "no" || want == strings.ToUpper(want) && strings.ContainsAny(want, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	want, _, _ = strings.Cut(want, " of ") // a card
	got := describePage(p)
	switch {
	case isRefusal || !hasProfile || stricter[name] != "":
		if got != "refused" {
			t.Errorf("%s: the portal gives %q (%d %s), want a refusal", name, got, p.status, p.location)
		}
	case got != want:
		t.Errorf("%s: the portal gives %q (%d %s), want %q", name, got, p.status, p.location, want)
	}
	// A refused form shows its author what they typed.
	if isTyped := strings.Contains(name, "notify") || strings.Contains(name, " of "); got == "refused" && !isTyped &&
		strings.Contains(p.text, typedInSecret) {
		t.Errorf("%s: the refusal shows what was typed", name)
	}
	if isWithheld := strings.HasSuffix(want, "_WITHHELD"); isWithheld && hasProfile && p.status != http.StatusNotFound {
		t.Errorf("%s: withheld with status %d, and absent with 404", name, p.status)
	}
}
