package service_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/testing/interop"
)

// Invented people of the development data.
const (
	surgeon        = "78031412250" // Anna Claes, has a relation with the patient
	otherPhysician = "69092234126" // Luc Dubois, has none
	listedCode     = "000071200176"
)

// visitor is one person's browser at the portal. It follows no redirects.
type visitor struct {
	t      *testing.T
	client *http.Client
	origin string
}

// page is an answer of the portal.
type page struct {
	status   int
	location string
	text     string
	header   http.Header
}

func newVisitor(t *testing.T, s *runningService) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := s.NewHTTPClient(t)
	client.Jar = jar
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &visitor{t, client, strings.TrimSuffix(s.URL, "/ctr/v1")}
}

func (v *visitor) send(r *http.Request) page {
	v.t.Helper()
	response, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	if err = response.Body.Close(); err != nil {
		v.t.Fatal(err)
	}
	return page{response.StatusCode, strings.TrimPrefix(response.Header.Get("Location"), v.origin), string(text), response.Header}
}

func (v *visitor) newRequest(method, path string, body io.Reader) *http.Request {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.origin+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	return r
}

func (v *visitor) open(path string) page {
	v.t.Helper()
	return v.send(v.newRequest(http.MethodGet, path, nil))
}

func (v *visitor) post(path string, form url.Values) page {
	v.t.Helper()
	r := v.newRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return v.send(r)
}

// cookie returns the session's token, or "".
func (v *visitor) cookie() string {
	v.t.Helper()
	for _, c := range v.client.Jar.Cookies(v.newRequest(http.MethodGet, "/portal/", nil).URL) {
		if c.Name == "ctr" {
			return c.Value
		}
	}
	return ""
}

// authorize starts to sign in as a person, and returns the way back from the provider.
func (v *visitor) authorize(person string) string {
	v.t.Helper()
	provider := v.open("/portal/sign-in/start").location
	return v.open(provider + "&person=" + person).location
}

func (v *visitor) signIn(person, profile string) {
	v.t.Helper()
	if p := v.open(v.authorize(person)); p.location != "/portal/profile" {
		v.t.Fatalf("signed in: %d %s", p.status, p.location)
	}
	if p := v.post("/portal/profile", url.Values{"profile": {profile}}); p.status != http.StatusSeeOther {
		v.t.Fatalf("profile: %d", p.status)
	}
}

func (v *visitor) isSignedIn() bool {
	v.t.Helper()
	return v.open("/portal/profile").location != "/portal/sign-in"
}

// portalPages are paths that need a person.
func portalPages() []string {
	return []string{
		"/portal/profile", "/portal/implantations/new", "/portal/explantations/new", "/portal/devices",
		"/portal/notifications/123456789012345", "/portal/notifications/123456789012345/card.pdf",
		"/portal/drafts/any", "/portal/search/patient", "/portal/search/notification", "/portal/search/implant",
		"/portal/notifications/123456789012345/edit", "/portal/drafts/any/edit",
		"/portal/me", "/portal/me/access-log", "/portal/me/card.pdf", "/portal/access/mandates",
	}
}

func portalForms() []string {
	return []string{
		"/portal/profile", "/portal/implantations/new", "/portal/explantations/new", "/portal/drafts/any/validate",
		"/portal/drafts/any/discard", "/portal/drafts/any/edit",
		"/portal/notifications/123456789012345/withdraw", "/portal/notifications/123456789012345/edit",
		"/portal/access/mandates",
	}
}

func checkSecurityHeaders(t *testing.T, name string, p page) {
	t.Helper()
	for header, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
		"Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-store",
	} {
		if !strings.HasPrefix(p.header.Get(header), want) {
			t.Errorf("%s: %s is %q", name, header, p.header.Get(header))
		}
	}
}

func TestPortalNeedsSession(t *testing.T) {
	t.Parallel()
	s := startService(t, service.Config{Development: true})
	for _, path := range portalPages() {
		if p := newVisitor(t, s).open(path); p.status != http.StatusSeeOther || p.location != "/portal/sign-in" {
			t.Errorf("%s without a session: %d %s", path, p.status, p.location)
		}
	}
	for _, path := range portalForms() {
		if p := newVisitor(t, s).post(path, url.Values{"action": {"confirm"}}); p.status != http.StatusSeeOther || p.location != "/portal/sign-in" {
			t.Errorf("form %s without a session: %d %s", path, p.status, p.location)
		}
	}
}

func TestPortalHeadersAndOrigin(t *testing.T) {
	t.Parallel()
	s := startService(t, service.Config{Development: true})
	nobody, doctor := newVisitor(t, s), newVisitor(t, s)
	doctor.signIn(surgeon, "doctor")
	for _, path := range append(portalPages(), "/portal/", "/portal/sign-in", "/portal/nothing", "/portal/search/nothing") {
		checkSecurityHeaders(t, path+" of nobody", nobody.open(path))
		checkSecurityHeaders(t, path+" of a doctor", doctor.open(path))
	}
	for _, path := range append(portalForms(), "/portal/sign-out") {
		r := doctor.newRequest(http.MethodPost, path, strings.NewReader("action=confirm"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		p := doctor.send(r)
		if p.status != http.StatusForbidden {
			t.Errorf("%s from another site: %d", path, p.status)
		}
		checkSecurityHeaders(t, path+" from another site", p)
		r = doctor.newRequest(http.MethodPost, path, strings.NewReader("action=confirm"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "https://elsewhere.example")
		if p = doctor.send(r); p.status != http.StatusForbidden {
			t.Errorf("%s from another origin: %d", path, p.status)
		}
	}
	if !doctor.isSignedIn() {
		t.Error("another site signed the doctor out")
	}
}

func TestPortalSignIn(t *testing.T) {
	t.Parallel()
	s := startService(t, service.Config{Development: true})
	refuse := func(name string, v *visitor, callback string) {
		t.Helper()
		if p := v.open(callback); p.status != http.StatusBadRequest || v.isSignedIn() {
			t.Errorf("%s: %d", name, p.status)
		}
	}
	v := newVisitor(t, s)
	back, err := url.Parse(v.authorize(surgeon))
	if err != nil {
		t.Fatal(err)
	}
	wrong := back.Query()
	wrong.Set("state", "another")
	refuse("wrong state", v, back.Path+"?"+wrong.Encode())
	refuse("right state after a wrong one", v, back.String())
	v = newVisitor(t, s)
	v.authorize(surgeon)
	refuse("no state", v, "/portal/sign-in/callback?code=any")
	refuse("callback without a beginning", newVisitor(t, s), "/portal/sign-in/callback?state=&code=any")
	first := newVisitor(t, s)
	refuse("callback of another session", newVisitor(t, s), first.authorize(surgeon))

	v = newVisitor(t, s)
	callback := v.authorize(surgeon)
	before := v.cookie()
	if p := v.open(callback); p.location != "/portal/profile" {
		t.Fatalf("signed in: %d %s", p.status, p.location)
	}
	if before == "" || v.cookie() == before {
		t.Error("the token is the same after the sign-in")
	}
	fixed := newVisitor(t, s)
	fixed.setCookie(before)
	if fixed.isSignedIn() {
		t.Error("the token from before the sign-in is somebody")
	}
	if p := v.open(callback); p.status != http.StatusBadRequest {
		t.Errorf("the same callback again: %d", p.status)
	}

	// Another nonce than this session's, with its state and its challenge.
	replayed := newVisitor(t, s)
	provider, err := url.Parse(replayed.open("/portal/sign-in/start").location)
	if err != nil {
		t.Fatal(err)
	}
	query := provider.Query()
	query.Set("nonce", "of another sign-in")
	query.Set("person", surgeon)
	refuse("wrong nonce", replayed, replayed.open(provider.Path+"?"+query.Encode()).location)

	// The code of a sign-in that began elsewhere, with the state of this one: the verifier is another.
	victim, attacker := newVisitor(t, s), newVisitor(t, s)
	own, err := url.Parse(victim.authorize(surgeon))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := url.Parse(attacker.authorize(otherPhysician))
	if err != nil {
		t.Fatal(err)
	}
	mixed := url.Values{"state": {own.Query().Get("state")}, "code": {foreign.Query().Get("code")}}
	refuse("the code of another sign-in", victim, own.Path+"?"+mixed.Encode())

	before = v.cookie()
	if p := v.post("/portal/sign-out", nil); p.location != "/portal/sign-in" {
		t.Errorf("signed out: %d %s", p.status, p.location)
	}
	v.setCookie(before)
	if v.isSignedIn() {
		t.Error("the token from before the sign-out is somebody")
	}
}

func (v *visitor) setCookie(token string) {
	v.client.Jar.SetCookies(v.newRequest(http.MethodGet, "/portal/", nil).URL, []*http.Cookie{{Name: "ctr", Value: token, Path: "/", Secure: true}})
}

var (
	formAuthor = regexp.MustCompile(`name="author" value="([^"]+)"`)
	formKey    = regexp.MustCompile(`name="key" value="([^"]+)"`)
)

// newImplantationForm returns a complete form of the surgeon, with the key of a page.
func newImplantationForm(t *testing.T, v *visitor, serial string) url.Values {
	t.Helper()
	key := formKey.FindStringSubmatch(v.open("/portal/implantations/new").text)
	if key == nil {
		t.Fatal("the form has no key")
	}
	return url.Values{
		"key": {key[1]}, "implants": {"1"}, "action": {"confirm"}, "specialist": {surgeon}, "operation-date": {"20/11/2026"},
		"patient": {interop.PatientSSIN}, "prescriber": {"17800389480"}, "prescription-date": {"02/11/2026"},
		"implant-1-code": {listedCode}, "implant-1-udi": {"(01)05410000001047(17)291231(10)L2201(21)" + serial},
		"implant-1-quantity": {"1"},
	}
}

var notificationPath = regexp.MustCompile(`^/portal/notifications/(\d{15})\?`)

func TestPortalForms(t *testing.T) {
	t.Parallel()
	s := startService(t, service.Config{Development: true})
	v := newVisitor(t, s)
	v.signIn(surgeon, "doctor")
	form := newImplantationForm(t, v, "S-1")
	form.Set("action", "nothing")
	if p := v.post("/portal/implantations/new", form); p.status != http.StatusOK || !strings.Contains(p.text, form.Get("key")) {
		t.Errorf("unknown action: %d", p.status)
	}
	form.Del("action")
	if p := v.post("/portal/implantations/new", form); p.status != http.StatusOK || !strings.Contains(p.text, "S-1") {
		t.Errorf("no action: %d", p.status)
	}
	form.Set("action", "confirm")
	first, again := v.post("/portal/implantations/new", form), v.post("/portal/implantations/new", form)
	number := notificationPath.FindStringSubmatch(first.location)
	if number == nil || again.location != first.location {
		t.Fatalf("sent twice: %d %s, %d %s\n%s", first.status, first.location, again.status, again.location, first.text)
	}
	if list := v.open("/portal/search/patient?search=1&patient=" + interop.PatientSSIN).text; strings.Count(list, `<th scope="row">`) != 1 {
		t.Errorf("%d notifications", strings.Count(list, `<th scope="row">`))
	}

	draft := newImplantationForm(t, v, "S-2")
	draft.Set("action", "draft")
	reference := draftPath.FindStringSubmatch(v.post("/portal/implantations/new", draft).location)
	if reference == nil {
		t.Fatal("no draft")
	}
	checkWithheld(t, s, v, number[1], absentNumber(t, number[1]), []string{
		"/portal/notifications/%", "/portal/notifications/%/card.pdf", "/portal/search/notification?search=1&number=%",
	}, "/portal/notifications/%/withdraw")
	checkWithheld(t, s, v, reference[1], absentReference(reference[1]), []string{"/portal/drafts/%"},
		"/portal/drafts/%/validate", "/portal/drafts/%/discard")
}

var draftPath = regexp.MustCompile(`^/portal/drafts/([^?/]+)\?`)

// checkWithheld fails if a physician without a relation can tell a notification of another one from an absent one. Both
// pages are the same, but for what the caller asked for.
func checkWithheld(t *testing.T, s *runningService, owner *visitor, there, absent string, pages []string, forms ...string) {
	t.Helper()
	stranger := newVisitor(t, s)
	stranger.signIn(otherPhysician, "doctor")
	compare := func(path string, withheld, nothing page) {
		t.Helper()
		if withheld.status != nothing.status || strings.ReplaceAll(withheld.text, there, absent) != nothing.text {
			t.Errorf("%s: %d, absent %d\n%s\n%s", path, withheld.status, nothing.status, withheld.text, nothing.text)
		}
	}
	for _, path := range pages {
		withheld := strings.ReplaceAll(path, "%", there)
		compare(path, stranger.open(withheld), stranger.open(strings.ReplaceAll(path, "%", absent)))
		if own := owner.open(withheld); own.status != http.StatusOK {
			t.Errorf("%s of the owner: %d", path, own.status)
		}
	}
	for _, path := range forms {
		form := url.Values{"version": {"1"}, "reason": {"a mistake"}}
		compare(path, stranger.post(strings.ReplaceAll(path, "%", there), form),
			stranger.post(strings.ReplaceAll(path, "%", absent), form))
	}
}

// absentReference returns a reference that nobody has.
func absentReference(reference string) string {
	last := reference[len(reference)-1]
	return reference[:len(reference)-1] + string('0'+(last-'0'+1)%10)
}

// TestPortalSessionSurvivesRestart also looks for the person's number in the database.
func TestPortalSessionSurvivesRestart(t *testing.T) {
	t.Parallel()
	config := service.Config{Development: true, DataDirectory: interop.NewDevelopmentDirectory(t)}
	s := startService(t, config)
	v := newVisitor(t, s)
	v.signIn(surgeon, "doctor")
	s.close()
	for _, file := range mustGlob(t, filepath.Join(config.DataDirectory, "ctr.sqlite*")) {
		content := mustReadFile(t, file)
		for _, secret := range []string{surgeon, v.cookie()} {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s holds %s", filepath.Base(file), secret)
			}
		}
	}
	token := v.cookie()
	again := newVisitor(t, startService(t, config))
	again.setCookie(token)
	if !again.isSignedIn() {
		t.Error("the restart ended the session")
	}
}

func mustGlob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v, %v", pattern, files, err)
	}
	return files
}

// TestPortalInProduction starts a service with a provider that does not answer.
func TestPortalInProduction(t *testing.T) {
	t.Parallel()
	certs := filepath.Join(interop.NewDevelopmentDirectory(t), "certs")
	files, err := authority.ReadDevelopmentFiles(certs)
	if err != nil {
		t.Fatal(err)
	}
	config := newOperationalConfig(t, certs)
	secret := filepath.Join(t.TempDir(), "secret.txt")
	if err = os.WriteFile(secret, []byte("confidential\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config.Portal = service.PortalConfig{
		KeyFile: files.P12["CBE=0403227020"], PasswordFile: files.Password, ClientID: "ctr", PersonClaim: "ssin",
		Issuer: "https://127.0.0.1:1", ClientSecretFile: secret,
	}
	s := startService(t, config)
	s.CA = files.CA
	v := newVisitor(t, s)
	if p := v.open("/portal/sign-in"); p.status != http.StatusOK || strings.Contains(p.text, "/sandbox/") {
		t.Errorf("sign-in: %d %s", p.status, p.text)
	}
	if hsts := v.open("/portal/").header.Get("Strict-Transport-Security"); hsts != "max-age=31536000; includeSubDomains" {
		t.Errorf("browsers may come without TLS: %q", hsts)
	}
	if p := v.open("/portal/sign-in/start"); p.status != http.StatusServiceUnavailable {
		t.Errorf("no provider: %d", p.status)
	}
	cookie := v.open("/portal/me").header.Get("Set-Cookie")
	for _, want := range []string{"__Host-ctr=", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("cookie %q without %s", cookie, want)
		}
	}
	if p := v.open("/openid/authorize"); p.status == http.StatusOK {
		t.Error("the development provider is served")
	}
}

// absentNumber returns a number of the same day that nobody has.
func absentNumber(t *testing.T, number string) string {
	t.Helper()
	known, err := ident.ParseNotificationNumber(number)
	if err != nil {
		t.Fatal(err)
	}
	absent, err := ident.NewNotificationNumber(known.Day(), 7777)
	if err != nil {
		t.Fatal(err)
	}
	return absent.Digits()
}
