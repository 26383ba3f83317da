package service_test

import (
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/people"
)

const (
	operatorPerson = "05041801691" // Minh Nguyen, the operator of a development service
	operatorPage   = "/portal/operator/"
)

// operatorPages are paths that need an operator.
func operatorPages() []string {
	return []string{operatorPage, operatorPage + "recalls/any", operatorPage + "audit", operatorPage + "state",
		operatorPage + "nothing"}
}

func operatorForms() []string {
	return []string{operatorPage + "recalls", operatorPage + "recalls/any", operatorPage + "recalls/any/export", operatorPage + "audit"}
}

// TestOperatorPagesAreForOperators: nobody is asked to sign in; anybody else, also an operator who acts as somebody else,
// gets the page of an absent address, to the byte.
func TestOperatorPagesAreForOperators(t *testing.T) {
	t.Parallel()
	s := startService(t, service.Config{Development: true})
	nobody, doctor, patient, former := newVisitor(t, s), newVisitor(t, s), newVisitor(t, s), newVisitor(t, s)
	doctor.signIn(surgeon, "doctor")
	patient.signIn(interop.PatientSSIN, "patient")
	former.signIn(operatorPerson, "operator")
	former.post("/portal/profile", url.Values{"profile": {"patient"}})
	doctor.post("/portal/profile", url.Values{"profile": {"operator"}}) // has no effect
	for _, path := range operatorPages() {
		if p := nobody.open(path); p.status != http.StatusSeeOther || p.location != "/portal/sign-in" {
			t.Errorf("%s without a session: %d %s", path, p.status, p.location)
		}
		for name, v := range map[string]*visitor{"a doctor": doctor, "a patient": patient, "an operator as a patient": former} {
			absent := v.open("/portal/nothing")
			if p := v.open(path); p.status != http.StatusNotFound || p.text != absent.text || absent.status != http.StatusNotFound {
				t.Errorf("%s of %s: %d\n%s", path, name, p.status, p.text)
			}
		}
	}
	for _, path := range operatorForms() {
		if p := nobody.post(path, url.Values{"code": {listedCode}}); p.status != http.StatusSeeOther {
			t.Errorf("form %s without a session: %d", path, p.status)
		}
		for _, v := range []*visitor{doctor, patient, former} {
			absent := v.post("/portal/nothing", url.Values{"code": {listedCode}})
			if p := v.post(path, url.Values{"code": {listedCode}}); p.status != http.StatusNotFound || p.text != absent.text {
				t.Errorf("form %s: %d", path, p.status)
			}
		}
	}
	if text := doctor.open("/portal/profile").text; strings.Contains(text, `value="operator"`) {
		t.Error("a doctor may choose to be an operator")
	}
}

// TestOperatorsFile: the file names the operators, and is read at each request.
func TestOperatorsFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "operators.txt")
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# operators\n\n78.03.14-122.50  # A. Claes\n")
	s := startService(t, service.Config{Development: true, Portal: service.PortalConfig{OperatorsFile: file}})
	v, invented := newVisitor(t, s), newVisitor(t, s)
	v.signIn(surgeon, "operator")
	if p := v.open(operatorPage); p.status != http.StatusOK {
		t.Errorf("an operator of the file: %d", p.status)
	}
	invented.open(invented.authorize(operatorPerson))
	if p := invented.post("/portal/profile", url.Values{"profile": {"operator"}}); p.location != "/portal/profile" {
		t.Errorf("the invented operator beside a file: %d %s", p.status, p.location)
	}
	for _, content := range []string{"69092234126\n", "78031412250\nnot a number\n"} {
		write(content)
		if p := v.open(operatorPage); p.status != http.StatusNotFound {
			t.Errorf("%q: %d", content, p.status)
		}
	}
	_, err := service.Start(t.Context(), service.Config{
		Now: time.Now, DataDirectory: interop.NewDevelopmentDirectory(t), Development: true,
		Portal: service.PortalConfig{OperatorsFile: file},
	})
	if err == nil || !strings.Contains(err.Error(), "portal-operators") || !strings.Contains(err.Error(), "line 2") ||
		strings.Contains(err.Error(), "not a number") {
		t.Errorf("a wrong file: %v", err)
	}
}

var recallPath = regexp.MustCompile(`^/portal/operator/recalls/[a-z0-9]+$`)

// startRecall starts a recall by the form of the page.
func (v *visitor) startRecall(criteria url.Values) page {
	v.t.Helper()
	key := formKey.FindStringSubmatch(v.open(operatorPage).text)
	if key == nil {
		v.t.Fatal("the form has no key")
	}
	criteria.Set("key", key[1])
	first := v.post(operatorPage+"recalls", criteria)
	if again := v.post(operatorPage+"recalls", criteria); again.location != first.location {
		v.t.Errorf("sent twice: %s, %s", first.location, again.location)
	}
	return first
}

// TestOperatorFollowsRecall: from a notification to the specialist who answered. The export has the columns of the
// command; persons' numbers are only in the export for which a reason is given, and every read is recorded.
func TestOperatorFollowsRecall(t *testing.T) {
	t.Parallel()
	config := service.Config{Development: true, DataDirectory: interop.NewDevelopmentDirectory(t)}
	s := startService(t, config)
	doctor, v := newVisitor(t, s), newVisitor(t, s)
	doctor.signIn(surgeon, "doctor")
	for _, serial := range []string{"S-1", "=S-2"} {
		form := newImplantationForm(t, doctor, serial)
		form.Set("implant-1-udi", "(01)05410000001047(17)291231(10)L2201")
		form.Set("implant-1-serial", serial)
		if p := doctor.post("/portal/implantations/new", form); p.status != http.StatusSeeOther {
			t.Fatalf("notified: %d\n%s", p.status, p.text)
		}
	}
	v.signIn(operatorPerson, "operator")
	for name, wrong := range map[string]url.Values{
		"nothing":          {},
		"days alone":       {"from": {"01/01/2026"}},
		"no order":         {"lot-from": {"L1"}, "lot-to": {"X22"}},
		"check digit":      {"udi-di": {"05410000001048"}},
		"code":             {"code": {"12"}},
		"days backwards":   {"code": {listedCode}, "from": {"02/01/2026"}, "to": {"01/01/2026"}},
		"a day that isn't": {"code": {listedCode}, "from": {"31/02/2026"}},
	} {
		if p := v.startRecall(wrong); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.text, `id="mistakes"`) {
			t.Errorf("%s: %d", name, p.status)
		}
	}
	started := v.startRecall(url.Values{"lot-from": {" L2200 "}, "lot-to": {"L2299"}, "from": {"1/1/2026"}})
	if !recallPath.MatchString(started.location) {
		t.Fatalf("started: %d %s\n%s", started.status, started.location, started.text)
	}
	p := v.open(started.location)
	for _, want := range []string{"Anna Claes", "17800389480", "L2200", "<dd>2</dd>"} {
		if !strings.Contains(p.text, want) {
			t.Errorf("the recall lacks %s:\n%s", want, p.text)
		}
	}
	for _, secret := range []string{interop.PatientSSIN, "48.02.29", "Leroy", surgeon} {
		if strings.Contains(p.text, secret) {
			t.Errorf("the page tells %s", secret)
		}
	}
	answered := url.Values{"specialist": {"17800389480"}, "state": {string(platform.NoticeAnswered)}, "offset": {"0"}}
	if p = v.post(started.location, answered); p.status != http.StatusSeeOther {
		t.Errorf("answered: %d", p.status)
	}
	if p = v.open(p.location); !strings.Contains(p.text, `<option value="answered" selected>`) {
		t.Errorf("not answered:\n%s", p.text)
	}
	for _, wrong := range []url.Values{{"specialist": {"17800389480"}, "state": {"done"}}, {"specialist": {"1"}, "state": {"informed"}}} {
		if p = v.post(started.location, wrong); p.status != http.StatusNotFound {
			t.Errorf("%v: %d", wrong, p.status)
		}
	}
	const columns = "specialist_nihii;specialist;hospital_nihii;hospital;number;operation_date;code;udi_di;lot;serial;quantity;" +
		"remaining;unregistered;listed;patient"
	file := v.post(started.location+"/export", url.Values{})
	if !strings.HasPrefix(file.text, columns+"\n") || strings.Count(file.text, "\n") != 3 || strings.Contains(file.text, interop.PatientSSIN) ||
		!strings.Contains(file.text, ";'=S-2;") || !strings.HasPrefix(file.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("exported:\n%s", file.text)
	}
	if p = v.post(started.location+"/export", url.Values{"reason": {"short"}}); p.status != http.StatusUnprocessableEntity {
		t.Errorf("a short reason: %d", p.status)
	}
	file = v.post(started.location+"/export", url.Values{"reason": {"field safety notice 17"}})
	if !strings.HasPrefix(file.text, columns+";patient_ssin;patient_name\n") || !strings.Contains(file.text, interop.PatientSSIN) {
		t.Errorf("exported with names:\n%s", file.text)
	}
	s.close()
	checkOperatorEvents(t, config.DataDirectory, map[string]int{
		"AdminRecall start, trace, lot L2200 to L2299, from 2026-01-01": 1,
		// Two pages, the refused reason's page, two exports.
		"AdminRecall trace, lot L2200 to L2299, from 2026-01-01": 5,
		"AdminReveal trace, lot L2200 to L2299, from 2026-01-01": 1,
		"AdminRecall recall " + strings.TrimPrefix(started.location, operatorPage+"recalls/") +
			", specialist 17800389480 answered": 1,
	})
}

// checkOperatorEvents compares the operator's events in the audit log with how often each must be there.
func checkOperatorEvents(t *testing.T, directory string, want map[string]int) {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{Directory: directory})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	events, _, err := db.ReadEvents(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, e := range events {
		if !strings.HasPrefix(e.Operation, "Admin") {
			continue
		}
		got[e.Operation+" "+e.Reason]++
		if e.Signer != "operator=portal" || e.Person.Digits() != operatorPerson {
			t.Errorf("recorded %+v", e)
		}
	}
	for event, times := range want {
		if got[event] != times {
			t.Errorf("%d times %q, not %d", got[event], event, times)
		}
		delete(got, event)
	}
	if len(got) > 0 {
		t.Errorf("also recorded: %v", got)
	}
}

// TestOperatorReviewsReads: emergencies and reads that rest on an own operation alone are listed, searched by patient,
// marked with a remark, and exported; numbers of persons are shown for a stated reason only.
func TestOperatorReviewsReads(t *testing.T) {
	t.Parallel()
	config := service.Config{Development: true, DataDirectory: interop.NewDevelopmentDirectory(t)}
	startService(t, config).close()
	db, err := store.Open(t.Context(), store.Config{Directory: config.DataDirectory})
	if err != nil {
		t.Fatal(err)
	}
	err = db.RunWriteTx(t.Context(), func(w implants.Writer) error {
		for i, e := range []platform.AuditEvent{
			{Operation: "Search", Reason: "emergency", EmergencyReason: "<b>unconscious</b> after an accident"},
			{Operation: "GetNotification", Reason: platform.ReasonOwnSurgery}, {Operation: "ListMandates", Reason: "mandates"},
		} {
			e.OccurredAt, e.Correlation, e.Outcome = time.Now(), strconv.Itoa(i), platform.OutcomeAccepted
			e.Person, e.Patient = people.Claes, people.Leroy
			if appendErr := w.AppendEvent(e); appendErr != nil {
				return appendErr
			}
		}
		return nil
	})
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	s := startService(t, config)
	v := newVisitor(t, s)
	v.signIn(operatorPerson, "operator")
	search := func(form url.Values, want, not []string) page {
		t.Helper()
		p := v.post(operatorPage+"audit", form)
		for _, text := range want {
			if !strings.Contains(p.text, text) {
				t.Errorf("%v: %d without %s\n%s", form, p.status, text, p.text)
			}
		}
		for _, text := range append(not, "<b>") {
			if strings.Contains(p.text, text) {
				t.Errorf("%v: it has %s", form, text)
			}
		}
		return p
	}
	numbers := []string{interop.PatientSSIN, "48.02.29-073.79", surgeon, "78.03.14-122.50"}
	p := search(url.Values{"kind": {"emergencies"}}, []string{"&lt;b&gt;unconscious", "Search"}, append(numbers, "GetNotification"))
	review := regexp.MustCompile(`name="review" value="(\d+)"`).FindStringSubmatch(p.text)
	if review == nil {
		t.Fatal("the emergency cannot be marked")
	}
	search(url.Values{"kind": {"own-operation"}}, []string{"GetNotification"}, append(numbers, "unconscious"))
	search(url.Values{"kind": {"all"}, "reveal": {"a complaint of the patient"}}, numbers[1:2], []string{"Mark as reviewed"})
	search(url.Values{"kind": {"all"}, "to": {"01/01/2020"}}, []string{`role="status"`}, []string{"ListMandates</"})
	search(url.Values{"kind": {"all"}, "patient": {numbers[1]}}, []string{"ListMandates"}, []string{"AdminReveal"})
	search(url.Values{"kind": {"emergencies"}, "review": {review[1]}, "remark": {"asked; in order"}},
		[]string{"Reviewed by Minh Nguyen", "asked; in order"}, nil)
	for _, wrong := range []url.Values{{"patient": {"1"}}, {"reveal": {"short"}}, {"from": {"32/01/2026"}}} {
		if p = v.post(operatorPage+"audit", wrong); p.status != http.StatusUnprocessableEntity {
			t.Errorf("%v: %d", wrong, p.status)
		}
	}
	if p = v.post(operatorPage+"audit", url.Values{"review": {"999999"}}); p.status != http.StatusNotFound {
		t.Errorf("the review of an absent event: %d", p.status)
	}
	file := v.post(operatorPage+"audit", url.Values{"kind": {"own-operation"}, "action": {"export"}})
	if !strings.HasPrefix(file.text, "seq;at;operation;") || !strings.Contains(file.text, ";patients_that_day\n") ||
		strings.Count(file.text, "\n") != 2 {
		t.Errorf("exported:\n%s", file.text)
	}
	s.close()
	checkOperatorEvents(t, config.DataDirectory, map[string]int{
		"AdminAudit emergencies": 2, "AdminAudit review of own operations": 2, "AdminAudit export": 2, "AdminReveal export": 1,
		"AdminReview event " + review[1]: 1,
	})
}

// TestOperatorReadsState: each part of the state says in words whether to look at it, from what the service knows; the page
// has no path of a file and no name of a person.
func TestOperatorReadsState(t *testing.T) {
	t.Parallel()
	config := service.Config{Development: true, DataDirectory: interop.NewDevelopmentDirectory(t)}
	s := startService(t, config)
	v := newVisitor(t, s)
	v.signIn(operatorPerson, "operator")
	// The judgements of the page, by the id of the part.
	read := func() (map[string]string, string) {
		t.Helper()
		p := v.open(operatorPage + "state?lang=en")
		if p.status != http.StatusOK {
			t.Fatalf("%d\n%s", p.status, p.text)
		}
		found := map[string]string{}
		for _, part := range strings.Split(p.text, `<section class="card" aria-labelledby="`)[1:] {
			id, _, _ := strings.Cut(part, `"`)
			found[id] = judgement.FindStringSubmatch(part)[1]
		}
		return found, p.text
	}
	check := func(want map[string]string) string {
		t.Helper()
		got, text := read()
		if !maps.Equal(got, want) {
			t.Errorf("judged %v, not %v", got, want)
		}
		return text
	}
	const good, bad = "In order", "Look at it"
	want := map[string]string{
		"sealing": good, "verification": bad, "backup": bad, "certificates": good, "revocation": good, "database": good,
	}
	text := check(want)
	last := readLastDay(t, s)
	for _, fact := range []string{
		"none known", "ctrd admin backup", "TLS of the service</th><td>" + last + "</td>",
		"docs/operating.md, “Backup”",
	} {
		if !strings.Contains(text, fact) {
			t.Errorf("without %q:\n%s", fact, text)
		}
	}
	for _, secret := range []string{config.DataDirectory, ".p12", "keys.json", operatorPerson} {
		if strings.Contains(text, secret) {
			t.Errorf("the page tells %s", secret)
		}
	}
	note := func(backup, verified time.Duration) {
		t.Helper()
		at := func(age time.Duration) []byte { return []byte(time.Now().Add(-age).UTC().Format(time.RFC3339) + "\n") }
		interop.WriteFile(t, filepath.Join(config.DataDirectory, service.LastBackupFileName), at(backup))
		interop.WriteFile(t, filepath.Join(config.DataDirectory, service.VerifiedFileName), at(verified))
	}
	note(26*time.Hour, 30*time.Hour)
	want["verification"], want["backup"] = good, good
	if text = check(want); !strings.Contains(text, "(age: 1 d)") || strings.Contains(text, "ctrd admin backup") {
		t.Errorf("not a day old:\n%s", text)
	}
	note(28*time.Hour, 56*time.Hour)
	want["verification"], want["backup"] = bad, bad
	check(want)
	s.close()
	checkOperatorEvents(t, config.DataDirectory, nil)
}

var judgement = regexp.MustCompile(`<strong class="judgement(?: look)?">([^<]*)</strong>`)

// readLastDay returns the last day of the service's TLS certificate, as the page writes it.
func readLastDay(t *testing.T, s *runningService) string {
	t.Helper()
	response, err := s.NewHTTPClient(t).Get(s.URL + "?wsdl")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	return response.TLS.PeerCertificates[0].NotAfter.In(ident.BelgianTime()).Format("02/01/2006")
}

// TestOperatorIsToldOfCertificatesThatEnd: an authority of --trust whose last day is near is named.
func TestOperatorIsToldOfCertificatesThatEnd(t *testing.T) {
	t.Parallel()
	until := time.Now().Add(29 * 24 * time.Hour)
	ending, err := authority.New(authority.Options{
		Name: "ending", NotBefore: time.Now().Add(-time.Hour), NotAfter: until, Random: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	trust := filepath.Join(t.TempDir(), "trust.pem")
	interop.WriteFile(t, trust, x509id.EncodePEM(ending.Certificates()[0]))
	v := newVisitor(t, startService(t, service.Config{Development: true, TrustFiles: []string{trust}}))
	v.signIn(operatorPerson, "operator")
	text := v.open(operatorPage + "state?lang=en").text
	row := regexp.MustCompile(`<th scope="row">Trusted authority<br><span class="hint">([^<]*)</span></th><td>` +
		until.In(ident.BelgianTime()).Format("02/01/2006") + `</td><td><strong class="judgement look">Look at it</strong></td>`)
	found := row.FindStringSubmatch(text)
	if found == nil || !strings.Contains(found[1], "ending") || !strings.Contains(text, "within 30 days") {
		t.Errorf("found %v:\n%s", found, text)
	}
}
