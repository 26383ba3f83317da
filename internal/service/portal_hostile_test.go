package service_test

import (
	"bufio"
	"bytes"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// readHostileTexts returns the texts of testdata/hostile-texts.txt.
func readHostileTexts(t *testing.T) (all []string) {
	t.Helper()
	file, err := os.Open("testdata/hostile-texts.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if line := lines.Text(); line != "" && !strings.HasPrefix(line, "# ") {
			text, err := strconv.Unquote(`"` + strings.ReplaceAll(line, `"`, `\"`) + `"`)
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			all = append(all, text)
		}
	}
	return all
}

var (
	htmlTag   = regexp.MustCompile(`<[a-zA-Z/!][^>]*>`)
	htmlValue = regexp.MustCompile(`=("[^"]*"|'[^']*')`)
	htmlLink  = regexp.MustCompile(`(?:href|src|action|hx-get)="([^"]*)"`)
)

// shapesOf returns the tags of a page with the names of their attributes.
func shapesOf(text string) (all []string) {
	for _, tag := range htmlTag.FindAllString(text, -1) {
		all = append(all, htmlValue.ReplaceAllString(tag, "="))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// hostileTest knows the tags of harmless pages.
type hostileTest struct {
	t     *testing.T
	known map[string]bool
	pages int
}

func (h *hostileTest) learn(pages ...page) {
	h.t.Helper()
	for _, p := range pages {
		for _, shape := range shapesOf(p.text) {
			h.known[shape] = true
		}
	}
}

// check fails for a page with a tag or an attribute that harmless pages do not have, or with a link elsewhere.
func (h *hostileTest) check(name string, p page) {
	h.t.Helper()
	h.pages++
	if p.status >= http.StatusInternalServerError {
		h.t.Errorf("%s: status %d", name, p.status)
	}
	if strings.HasPrefix(p.text, "%PDF-") {
		for _, active := range []string{"/JavaScript", "/Launch", "/OpenAction"} {
			if strings.Contains(p.text, active) {
				h.t.Errorf("%s: the card has %s", name, active)
			}
		}
		return
	}
	for _, shape := range shapesOf(p.text) {
		if !h.known[shape] {
			h.t.Errorf("%s: %s", name, shape)
		}
	}
	for _, link := range htmlLink.FindAllStringSubmatch(p.text, -1) {
		if target := link[1]; target != "" && !strings.ContainsRune("/?#", rune(target[0])) || strings.HasPrefix(target, "//") {
			h.t.Errorf("%s: a link to %s", name, target)
		}
	}
	for header, values := range p.header {
		if header == "X" || strings.ContainsAny(strings.Join(values, ""), "\r\n") {
			h.t.Errorf("%s: header %s", name, header)
		}
	}
	for _, cookie := range p.header.Values("Set-Cookie") {
		if !strings.HasPrefix(cookie, "ctr=") {
			h.t.Errorf("%s: cookie %s", name, cookie)
		}
	}
}

// TestHostileTexts sends texts that attack readers through both doors, in every field, and opens the pages and cards that
// show them to the specialist and to the patient.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	s := startService(t, service.Config{Development: true})
	doctor, patient := newVisitor(t, s), newVisitor(t, s)
	doctor.signIn(surgeon, "doctor")
	patient.signIn(interop.PatientSSIN, "patient")
	hospital := s.NewClient(t, interop.HospitalKey(t))
	h := &hostileTest{t: t, known: map[string]bool{
		"<span>": true, "</span>": true, // of long lists
		"<textarea id= name= rows= maxlength= aria-describedby= aria-invalid=>": true, // of a refused comment
	}}
	stored := map[string]int{}
	for i, text := range append([]string{"harmless"}, readHostileTexts(t)...) {
		h.sendThroughSOAP(hospital, doctor, "H-"+strconv.Itoa(i), text, stored)
		h.sendThroughPortal(doctor, text)
		h.showLists(doctor, patient, text)
	}
	for _, field := range []string{"comment", "location", "lot", "serial", "reason", "draft"} {
		if stored[field] < 20 {
			t.Errorf("%s: only %d texts are stored", field, stored[field])
		}
	}
	if h.pages < 500 {
		t.Errorf("only %d pages are checked", h.pages)
	}
}

// see learns from a harmless page, and checks another one.
func (h *hostileTest) see(name, text string, p page) {
	h.t.Helper()
	if name += " with " + text; text == "harmless" {
		h.learn(p)
		return
	}
	h.check(name, p)
}

// sendThroughSOAP notifies with a text in each field alone, and opens what was registered.
func (h *hostileTest) sendThroughSOAP(hospital *client.Client, doctor *visitor, reference, text string, stored map[string]int) {
	h.t.Helper()
	for field, set := range map[string]func(*ctr.NotifyImplantRequest){
		"comment":  func(r *ctr.NotifyImplantRequest) { r.Implantation.Comment = text },
		"location": func(r *ctr.NotifyImplantRequest) { r.Implantation.Implant[0].Location = text },
		"lot": func(r *ctr.NotifyImplantRequest) {
			r.Implantation.Implant[0].UDI, r.Implantation.Implant[0].LotNumber = "", text
		},
		"serial": func(r *ctr.NotifyImplantRequest) {
			r.Implantation.Implant[0].UDI, r.Implantation.Implant[0].SerialNumber = "", text
		},
		"udi":       func(r *ctr.NotifyImplantRequest) { r.Implantation.Implant[0].UDI = text },
		"reference": func(r *ctr.NotifyImplantRequest) { r.InputReference = text },
		"draft":     func(r *ctr.NotifyImplantRequest) { r.Save, r.Implantation.Comment = "Draft", text },
	} {
		request := interop.NewImplantation(reference+field, interop.PatientSSIN, reference+field)
		set(request)
		answer, err := client.Call[ctr.NotifyImplantRequest, ctr.NotifyResponse](h.t.Context(), hospital, "NotifyImplant", request)
		if err != nil {
			continue // refused, for example because it is too long
		}
		stored[field]++
		path := "/portal/notifications/" + answer.Receipt.NotificationNumber
		if field == "draft" {
			path = "/portal/drafts/" + answer.Receipt.Reference
		}
		h.see("SOAP, "+field, text, doctor.open(path))
		if field == "draft" {
			h.see("discarded", text, doctor.post(path+"/discard", url.Values{"version": {"1"}, "reason": {text}}))
			continue
		}
		h.see("card, "+field, text, doctor.open(path+"/card.pdf"))
		withdrawn := doctor.post(path+"/withdraw", url.Values{"version": {"1"}, "reason": {text}})
		if h.see("withdrawn", text, withdrawn); withdrawn.status == http.StatusSeeOther {
			stored["reason"]++
			h.see("withdrawn, "+field, text, doctor.open(withdrawn.location))
		}
	}
}

// sendThroughPortal types a text into every field of every form.
func (h *hostileTest) sendThroughPortal(doctor *visitor, text string) {
	h.t.Helper()
	for path, fields := range map[string][]string{
		"/portal/implantations/new": {
			"key", "author", "specialist", "operation-date", "patient", "prescriber", "prescription-date", "comment",
			"implant-1-code", "implant-1-udi", "implant-1-lot", "implant-1-serial", "implant-1-expiry", "implant-1-pharmacist",
			"implant-1-pharmacy", "implant-1-delivery-date", "implant-1-quantity", "implant-1-location", "implant-1-side",
		},
		"/portal/explantations/new": {"key", "author", "specialist", "operation-date", "patient", "comment", "reason"},
		"/portal/access/mandates":   {"person", "from", "to"},
		"/portal/access/staff":      {"person", "role", "from", "to", "organisation"},
		"/portal/profile":           {"profile"},
	} {
		for _, action := range []string{"continue", "grant", "assign", text} {
			form := url.Values{"action": {action}, "implants": {"1"}}
			for _, field := range fields {
				form.Set(field, text)
			}
			h.see(path+" "+action, text, doctor.post(path, form))
		}
	}
	quoted := url.QueryEscape(text)
	for _, path := range []string{
		"/portal/search/patient?search=1&patient=" + quoted + "&from=" + quoted + "&to=" + quoted,
		"/portal/search/notification?search=1&number=" + quoted,
		"/portal/search/implant?search=1&code=" + quoted + "&udi=" + quoted + "&lot=" + quoted + "&serial=" + quoted,
		"/portal/search/implant?search=1&lot=" + quoted, "/portal/search/implant?search=1&serial=" + quoted,
		"/portal/search/patient?lang=" + quoted, "/portal/?lang=" + quoted + "&" + quoted + "=" + quoted,
		"/portal/search/" + url.PathEscape(text), "/portal/drafts/" + url.PathEscape(text),
		"/portal/notifications/" + url.PathEscape(text), "/portal/devices?implant-1-code=" + quoted,
		"/portal/access/mandates?offset=" + quoted, "/portal/sign-in/callback?error=" + quoted + "&error_description=" + quoted,
		"/openid/authorize?client_id=" + quoted,
	} {
		h.see("page "+path, text, doctor.open(path))
	}
}

// showLists opens the pages that list what others wrote.
func (h *hostileTest) showLists(doctor, patient *visitor, text string) {
	h.t.Helper()
	h.see("welcome", text, doctor.open("/portal/"))
	h.see("search", text, doctor.open("/portal/search/patient?search=1&patient="+interop.PatientSSIN))
	h.see("explantation", text, doctor.open("/portal/explantations/new?patient="+interop.PatientSSIN))
	h.see("own implants", text, patient.open("/portal/me"))
	h.see("own card", text, patient.open("/portal/me/card.pdf"))
}

// TestHostileTextsAreFound makes sure that the test above can fail.
func TestHostileTextsAreFound(t *testing.T) {
	t.Parallel()
	harmless := shapesOf(`<p class="x">harmless</p>`)
	for _, text := range []string{`<img src=x onerror=alert(1)>`, `<p class="x" onclick="alert(1)">`, `</textarea>`} {
		if slices.Equal(shapesOf(`<p class="x">`+text+`</p>`), harmless) {
			t.Errorf("%s is not found", text)
		}
	}
	if !bytes.Contains([]byte("<p>&lt;script&gt;</p>"), []byte("&lt;")) || len(shapesOf("<p>&lt;script&gt;</p>")) != 2 {
		t.Error("an escaped text is taken for a tag")
	}
}
