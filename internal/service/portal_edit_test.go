package service_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/testing/interop"
)

var (
	formField  = regexp.MustCompile(`<input[^>]* name="([^"]+)" value="([^"]*)"`)
	formText   = regexp.MustCompile(`(?s)<textarea[^>]* name="([^"]+)"[^>]*>(.*?)</textarea>`)
	formChoice = regexp.MustCompile(`<select[^>]* name="([^"]+)"|<option value="([^"]*)" selected`)
	removalID  = regexp.MustCompile(`name="removal-([^"]+?)(?:-count|-reason)?"`)
)

// readForm returns what a page would send. Boxes that are not ticked are not sent.
func readForm(text string) url.Values {
	form := url.Values{}
	for _, m := range formField.FindAllStringSubmatch(text, -1) {
		if !strings.Contains(m[0], `type="checkbox"`) || strings.Contains(text, m[0]+" checked") {
			form.Set(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
		}
	}
	for _, m := range formText.FindAllStringSubmatch(text, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	name := ""
	for _, m := range formChoice.FindAllStringSubmatch(text, -1) {
		if m[1] != "" {
			name = m[1]
		} else {
			form.Set(name, m[2])
		}
	}
	return form
}

// register notifies the implantation of a form and returns its number.
func (v *visitor) register(form url.Values) string {
	v.t.Helper()
	p := v.post("/portal/implantations/new", form)
	number := notificationPath.FindStringSubmatch(p.location)
	if number == nil {
		v.t.Fatalf("not registered: %d %s\n%s", p.status, p.location, p.text)
	}
	return number[1]
}

// listRemovable returns the IDs of the patient's implants that the form of an explantation offers.
func (v *visitor) listRemovable() []string {
	v.t.Helper()
	p := v.post("/portal/explantations/new", url.Values{
		"action": {"list"}, "specialist": {surgeon}, "operation-date": {"25/11/2026"}, "patient": {interop.PatientSSIN},
	})
	var ids []string
	for _, m := range removalID.FindAllStringSubmatch(p.text, -1) {
		if len(ids) == 0 || ids[len(ids)-1] != m[1] {
			ids = append(ids, m[1])
		}
	}
	return ids
}

func TestPortalEdit(t *testing.T) {
	t.Parallel()
	s := startService(t, service.Config{Development: true})
	v := newVisitor(t, s)
	v.signIn(surgeon, "doctor")
	first := newImplantationForm(t, v, "S-1")
	first.Set("implant-1-side", "Left")
	number := v.register(first)
	implants := v.listRemovable()
	path := "/portal/notifications/" + number
	if page := v.open(path).text; !strings.Contains(page, path+"/edit") {
		t.Errorf("the page offers no change:\n%s", page)
	}

	opened := readForm(v.open(path + "/edit").text)
	for name, want := range map[string]string{
		"operation-date": "20/11/2026", "prescription-date": "02/11/2026", "implant-1-code": listedCode, "implant-1-serial": "S-1",
		"implant-1-expiry": "31/12/2029", "implant-1-side": "Left", "implant-1-quantity": "1", "version": "1",
	} {
		if opened.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, opened.Get(name), want)
		}
	}
	otherTab := readForm(v.open(path + "/edit").text)
	opened.Set("comment", "corrected")
	opened.Set("action", "continue")
	check := v.post(path+"/edit", opened)
	if check.status != http.StatusOK || !strings.Contains(check.text, "corrected") {
		t.Errorf("answers: %d", check.status)
	}
	checked := readForm(check.text)
	checked.Set("action", "confirm")
	if p := v.post(path+"/edit", checked); p.location != path+"?saved=Final" {
		t.Fatalf("confirmed: %d %s\n%s", p.status, p.location, p.text)
	}
	if p := v.post(path+"/edit", checked); p.location != path {
		t.Errorf("confirmed again: %d %s", p.status, p.location)
	}
	page := v.open(path).text
	if !strings.Contains(page, "corrected") || strings.Count(page, `<th scope="row">`) != 2 {
		t.Errorf("the page has another content or history:\n%s", page)
	}
	if after := v.listRemovable(); len(after) != 1 || len(implants) != 1 || after[0] != implants[0] {
		t.Errorf("the implant is another one: %v, before %v", after, implants)
	}

	otherTab.Set("comment", "from another tab")
	otherTab.Set("action", "confirm")
	conflict := v.post(path+"/edit", otherTab)
	again := readForm(conflict.text)
	if conflict.status != http.StatusUnprocessableEntity || again.Get("comment") != "from another tab" || again.Get("version") != "2" {
		t.Errorf("another tab: %d, version %s, %q", conflict.status, again.Get("version"), again.Get("comment"))
	}
	if strings.Contains(v.open(path).text, "from another tab") {
		t.Error("the outdated form changed the notification")
	}
	again.Set("action", "confirm")
	if p := v.post(path+"/edit", again); p.location != path+"?saved=Final" {
		t.Errorf("confirmed with the conflict in view: %d %s", p.status, p.location)
	}
	again.Set("action", "draft")
	if p := v.post(path+"/edit", again); p.status != http.StatusUnprocessableEntity {
		t.Errorf("a final notification as a draft: %d %s", p.status, p.location)
	}
	checkWithheld(t, s, v, number, absentNumber(t, number), []string{"/portal/notifications/%/edit"}, "/portal/notifications/%/edit")
	patient := newVisitor(t, s)
	patient.signIn(interop.PatientSSIN, "patient")
	if p := patient.open(path + "/edit"); p.status != http.StatusForbidden {
		t.Errorf("the patient: %d", p.status)
	}
	if p := patient.post(path+"/edit", again); p.status != http.StatusForbidden {
		t.Errorf("the patient sends: %d", p.status)
	}
	v.post(path+"/withdraw", url.Values{"version": {"3"}, "reason": {"a mistake"}})
	if p := v.open(path + "/edit"); p.location != path {
		t.Errorf("a withdrawn one: %d %s", p.status, p.location)
	}
}

func TestPortalEditDraft(t *testing.T) {
	t.Parallel()
	s := startService(t, service.Config{Development: true})
	v := newVisitor(t, s)
	v.signIn(surgeon, "doctor")
	form := newImplantationForm(t, v, "S-1")
	form.Set("action", "draft")
	reference := draftPath.FindStringSubmatch(v.post("/portal/implantations/new", form).location)
	if reference == nil {
		t.Fatal("no draft")
	}
	path := "/portal/drafts/" + reference[1]
	draft := readForm(v.open(path + "/edit").text)
	draft.Set("comment", "second thoughts")
	draft.Set("action", "draft")
	if p := v.post(path+"/edit", draft); p.location != path+"?saved=Draft" {
		t.Fatalf("saved: %d %s\n%s", p.status, p.location, p.text)
	}
	checkWithheld(t, s, v, reference[1], absentReference(reference[1]), []string{"/portal/drafts/%/edit"}, "/portal/drafts/%/edit")
	draft = readForm(v.open(path + "/edit").text)
	if draft.Get("comment") != "second thoughts" || draft.Get("version") != "2" {
		t.Errorf("version %s, %q", draft.Get("version"), draft.Get("comment"))
	}
	draft.Set("action", "confirm")
	final := v.post(path+"/edit", draft)
	number := notificationPath.FindStringSubmatch(final.location)
	if number == nil {
		t.Fatalf("final: %d %s\n%s", final.status, final.location, final.text)
	}
	for _, p := range []page{v.post(path+"/edit", draft), v.open(path + "/edit")} {
		if p.location != "/portal/notifications/"+number[1] {
			t.Errorf("the draft again: %d %s", p.status, p.location)
		}
	}
}

// TestPortalPlacedElsewhere removes an implant of the patient and one that the register does not know, and corrects
// both.
func TestPortalPlacedElsewhere(t *testing.T) {
	t.Parallel()
	s := startService(t, service.Config{Development: true})
	v := newVisitor(t, s)
	v.signIn(surgeon, "doctor")
	v.register(newImplantationForm(t, v, "S-1"))
	known := v.listRemovable()
	if len(known) != 1 {
		t.Fatalf("%d implants", len(known))
	}
	form := readForm(v.open("/portal/explantations/new").text)
	form.Set("operation-date", "25/11/2026")
	form.Set("patient", interop.PatientSSIN)
	form.Set("action", "add")
	form = readForm(v.post("/portal/explantations/new", form).text)
	if form.Get("implants") != "1" || form.Get("implant-1-quantity") != "1" {
		t.Fatalf("no implant was added: %v", form)
	}
	form.Set("removal-"+known[0], "yes")
	form.Set("action", "continue")
	refused := v.post("/portal/explantations/new", form)
	form = readForm(refused.text)
	form.Set("implant-1-code", "000071200177")
	form.Set("action", "continue")
	if p := v.post("/portal/explantations/new", form); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.text, `id="implant-1-code-error"`) {
		t.Errorf("a wrong code: %d\n%s", p.status, p.text)
	}
	form.Set("implant-1-code", "")
	form.Set("implant-1-udi", "(01)05410000001047(10)L99")
	form.Set("implant-1-reason", "worn")
	check := v.post("/portal/explantations/new", form)
	form = readForm(check.text)
	if check.status != http.StatusOK || form.Get("implant-1-lot") != "L99" || form.Get("removal-"+known[0]) != "yes" {
		t.Fatalf("answers: %d %v\n%s", check.status, form, check.text)
	}
	form.Set("action", "confirm")
	p := v.post("/portal/explantations/new", form)
	number := notificationPath.FindStringSubmatch(p.location)
	if number == nil {
		t.Fatalf("not registered: %d\n%s", p.status, p.text)
	}
	path := "/portal/notifications/" + number[1]
	edit := readForm(v.open(path + "/edit").text)
	if edit.Get("removal-"+known[0]) != "yes" || edit.Get("implant-1-lot") != "L99" || edit.Get("implant-1-reason") != "worn" {
		t.Fatalf("the form lacks what is registered: %v", edit)
	}
	edit.Del("removal-" + known[0])
	edit.Set("action", "confirm")
	if p = v.post(path+"/edit", edit); p.location != path+"?saved=Final" {
		t.Fatalf("corrected: %d %s\n%s", p.status, p.location, p.text)
	}
	if after := v.listRemovable(); len(after) != 1 {
		t.Errorf("the patient has %v again, want %v", after, known)
	}
	edit = readForm(v.open(path + "/edit").text)
	edit.Set("remove", "0")
	if left := readForm(v.post(path+"/edit", edit).text); left.Get("implants") != "0" {
		t.Errorf("%s implants placed elsewhere are left", left.Get("implants"))
	}
}
