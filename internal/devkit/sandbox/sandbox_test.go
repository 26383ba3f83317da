package sandbox_test

import (
	"bytes"
	"errors"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	certstestdata "github.com/openctr/ctr/certs-testdata"
	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/devkit/sandbox"
	"github.com/openctr/ctr/internal/devkit/testmessages"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/doortest"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// testBench is a sandbox in front of a real service.
type testBench struct {
	*sandbox.Sandbox
	door     *doortest.Door
	resets   int
	resetErr error // returned by Reset
}

func newBench(t *testing.T, change func(*sandbox.Config)) *testBench {
	t.Helper()
	directory := filepath.Join(t.TempDir(), "certs")
	if err := os.CopyFS(directory, certstestdata.Files); err != nil {
		t.Fatal(err)
	}
	files, err := authority.ReadDevelopmentFiles(directory)
	if err != nil {
		t.Fatal(err)
	}
	b := &testBench{door: doortest.New(t)}
	c := sandbox.Config{
		Service: b.door, Path: ctr.Path, Files: files, Now: b.door.Clock.Now, NewID: registertest.NewIDCounter("_b-"),
		Reset: func() error { b.resets++; return b.resetErr },
	}
	if change != nil {
		change(&c)
	}
	if b.Sandbox, err = sandbox.New(c); err != nil {
		t.Fatal(err)
	}
	return b
}

const localOrigin = "https://127.0.0.1:8443"

// sendRequest sends a request as a browser on this machine does. fields are header names and values in pairs; "Host"
// and "from" set the host and the remote address.
func (b *testBench) sendRequest(t *testing.T, method, path, contentType string, body io.Reader, fields ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, localOrigin+path, body)
	r.RemoteAddr = "127.0.0.1:50000"
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(fields); i += 2 {
		switch fields[i] {
		case "Host":
			r.Host = fields[i+1]
		case "from":
			r.RemoteAddr = fields[i+1]
		default:
			r.Header.Set(fields[i], fields[i+1])
		}
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w
}

func (b *testBench) getPage(t *testing.T, path string, fields ...string) *httptest.ResponseRecorder {
	t.Helper()
	return b.sendRequest(t, http.MethodGet, path, "", nil, fields...)
}

func (b *testBench) postForm(t *testing.T, path string, values url.Values, fields ...string) *httptest.ResponseRecorder {
	t.Helper()
	return b.sendRequest(t, http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(values.Encode()), fields...)
}

// requirePage checks that the response is a page of ours: status, headers and words, complete and without scripts.
func requirePage(t *testing.T, w *httptest.ResponseRecorder, status int, words ...string) string {
	t.Helper()
	page := w.Body.String()
	if w.Code != status || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("HTTP %d %s, want %d", w.Code, w.Header().Get("Content-Type"), status)
	}
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") || w.Header().Get("X-Content-Type-Options") != "nosniff" ||
		w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", w.Header())
	}
	for _, bad := range []string{"<script", "style=", "onclick", "http-equiv", "ZgotmplZ", "&lt;no value", "<no value"} {
		if strings.Contains(page, bad) {
			t.Errorf("%q stands on the page", bad)
		}
	}
	if !strings.HasSuffix(strings.TrimSpace(page), "</html>") {
		t.Error("the page is not whole")
	}
	plain := html.UnescapeString(page)
	for _, word := range words {
		if !strings.Contains(plain, word) {
			t.Errorf("%q is not said:\n%s", word, page)
		}
	}
	return page
}

var linkPattern = regexp.MustCompile(`(?:href|action)="([^"]*)"`)

// TestStart: the start page appears in every language, and all its links work.
func TestStart(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	titles := map[texts.Lang]string{texts.English: "CTR sandbox", "nl": "CTR-proefomgeving", "fr": "Bac à sable du CTR", "de": "CTR-Testumgebung"}
	for l, title := range titles {
		requirePage(t, b.getPage(t, "/sandbox/?lang="+string(l)), http.StatusOK, `<html lang="`+string(l)+`">`, "<h1>"+title+"</h1>")
		requirePage(t, b.getPage(t, "/sandbox/", "Accept-Language", "xx, "+string(l)+"-BE;q=0.9, en;q=0.1"), http.StatusOK, "<h1>"+title+"</h1>")
	}
	requirePage(t, b.getPage(t, "/sandbox/", "Accept-Language", "el"), http.StatusOK, "<h1>CTR sandbox</h1>")
	requirePage(t, b.getPage(t, "/sandbox/?reset=done"), http.StatusOK, "The register is empty and holds the invented data again.")
	page := requirePage(t, b.getPage(t, "/sandbox/"), http.StatusOK, localOrigin+"/ctr/v1?wsdl=policy", "curl -s --cacert ca.pem "+localOrigin+"/sandbox/samples/NotifyImplant.signed.xml",
		"NIHII-HOSPITAL=71000436", "refused: has been revoked", "an employee: prepares notifications", "Anna Claes", "78031412250", "Ziekenhuis Sint-Elooi",
		"000071200176", "INPUT_REFERENCE_CONFLICT", "Never send real patients' data here.")
	checked := 0
	for _, found := range linkPattern.FindAllStringSubmatch(page, -1) {
		address := html.UnescapeString(found[1])
		if strings.HasPrefix(address, "#") {
			if !strings.Contains(page, `id="`+address[1:]+`"`) {
				t.Errorf("%s leads nowhere", address)
			}
			continue
		}
		if address = strings.TrimPrefix(address, localOrigin); strings.HasPrefix(address, "/sandbox/try/") || strings.HasPrefix(address, "/sandbox/check") || strings.HasPrefix(address, "/sandbox/reset") {
			continue // the address of a form
		}
		if w := b.getPage(t, address); w.Code != http.StatusOK {
			t.Errorf("%s: HTTP %d", address, w.Code)
		}
		checked++
	}
	if checked < 40 {
		t.Errorf("%d links", checked)
	}
}

func TestPublicURL(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *sandbox.Config) { c.PublicURL = "https://ctr.example/ctr/v1" })
	requirePage(t, b.getPage(t, "/sandbox/"), http.StatusOK, "POST https://ctr.example/ctr/v1", "only emptied from the machine")
	requirePage(t, b.postForm(t, "/sandbox/reset", url.Values{"confirm": {"yes"}}), http.StatusForbidden, "only emptied from the machine")
	b = newBench(t, func(c *sandbox.Config) { c.PublicURL = "http://localhost:8080/ctr/v1" })
	if w := b.postForm(t, "/sandbox/reset", url.Values{"confirm": {"yes"}}); w.Code != http.StatusSeeOther {
		t.Errorf("HTTP %d", w.Code)
	}
}

// TestCertificates: the files that callers need are served; the service's private files are not.
func TestCertificates(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	for name, begins := range map[string]string{"ca.pem": "-----BEGIN CERTIFICATE", "crl.pem": "-----BEGIN X509 CRL", "password.txt": "", "NIHII-HOSPITAL=71000436%2020200101-010000.p12": "0"} {
		w := b.getPage(t, "/sandbox/certs/"+name)
		if w.Code != http.StatusOK || w.Body.Len() == 0 || !strings.HasPrefix(w.Body.String(), begins) || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment; ") {
			t.Errorf("%s: HTTP %d %v", name, w.Code, w.Header())
		}
	}
	for _, name := range []string{"server-key.pem", "server.pem", "index.json", "..%2fcerts%2findex.json", "..%2f..%2fetc%2fpasswd", "nobody.p12", ""} {
		if w := b.getPage(t, "/sandbox/certs/"+name); w.Code != http.StatusNotFound {
			t.Errorf("%q: HTTP %d", name, w.Code)
		}
	}
}

// TestSamples: the service accepts the signed test messages, and the unsigned ones are well-formed.
func TestSamples(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	for _, operation := range testmessages.Operations() {
		plain := b.getPage(t, "/sandbox/samples/"+operation+".xml")
		if _, err := xmldoc.Parse(plain.Body.Bytes(), xmldoc.DefaultLimits()); err != nil || strings.Contains(plain.Body.String(), "Signature") {
			t.Errorf("%s: %v", operation, err)
		}
		for _, form := range []string{".signed.xml", ".soap12.xml"} {
			w := b.getPage(t, "/sandbox/samples/"+operation+form)
			answer := b.sendRequest(t, http.MethodPost, ctr.Path, w.Header().Get("Content-Type"), w.Body)
			if answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), operation+"Response") {
				t.Errorf("%s%s: HTTP %d %s", operation, form, answer.Code, answer.Body)
			}
		}
	}
	for _, name := range []string{"Nothing.xml", "Search", "Search.pdf", "GetNotification.xml"} {
		requirePage(t, b.getPage(t, "/sandbox/samples/"+name), http.StatusNotFound, "There is nothing of that name here.")
	}
}

// TestTry: each button sends its message, and the page shows the response.
func TestTry(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	for _, operation := range testmessages.Operations() {
		requirePage(t, b.postForm(t, "/sandbox/try/"+operation, nil), http.StatusOK, "Accepted", "HTTP 200", operation+"Response")
	}
	for _, m := range testmessages.Mistakes() {
		words := []string{"Geweigerd", "Wat de dienst antwoordde"}
		for _, code := range m.Codes {
			entry, _ := problem.Lookup(code)
			first, _, _ := strings.Cut(entry.Text("nl"), " ")
			words = append(words, string(code), first)
		}
		requirePage(t, b.postForm(t, "/sandbox/try/"+m.Name+"?lang=nl", nil), http.StatusOK, words...)
		if w := b.getPage(t, "/sandbox/mistakes/"+m.Name+".xml"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Envelope") {
			t.Errorf("%s: HTTP %d", m.Name, w.Code)
		}
	}
	requirePage(t, b.postForm(t, "/sandbox/try/replayed", nil), http.StatusOK, "First, a message that is accepted", "Accepted", "Refused")
	requirePage(t, b.postForm(t, "/sandbox/try/nothing", nil), http.StatusNotFound)
	requirePage(t, b.getPage(t, "/sandbox/mistakes/nothing.xml"), http.StatusNotFound)
	requirePage(t, b.getPage(t, "/sandbox/mistakes/replayed"), http.StatusNotFound)
	requirePage(t, b.postForm(t, "/sandbox/try/Search", nil, "Sec-Fetch-Site", "cross-site"), http.StatusForbidden, "came from another site")
}

// newUploadForm builds the multipart form of a check.
func newUploadForm(t *testing.T, field, content string) (contentType string, body io.Reader) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormField(field)
	if field == "file" {
		part, err = w.CreateFormFile(field, "message.xml")
	}
	if err == nil {
		_, err = io.WriteString(part, content)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), &b
}

// TestCheck: a check of a pasted or uploaded message reports everything that is wrong, and stores nothing.
func TestCheck(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	good := b.getPage(t, "/sandbox/samples/NotifyImplant.signed.xml").Body.String()
	bad := b.getPage(t, "/sandbox/mistakes/changed-after-signing.xml").Body.String()
	pasted := strings.ReplaceAll(good, "\n", "\r\n") // as browsers submit a textarea
	for _, c := range []struct {
		name, field, content, lang string
		status                     int
		words                      []string
	}{
		{"good", "file", good, "en", 200, []string{"Nothing would be refused", "signature value", "NIHII-HOSPITAL=71000436"}},
		{"good, pasted", "message", "\n" + pasted, "en", 200, []string{"Nothing would be refused"}},
		{"bad", "message", bad, "fr", 200, []string{"1 chose serait refusée", "DIGEST_MISMATCH", "refusé"}},
		{"with its fields", "message", "Content-Type: text/xml\r\nSOAPAction: \"urn:x\"\r\n\r\n" + pasted, "en", 200, []string{"SOAP_ACTION_MISMATCH"}},
		{"of another version", "file", "POST / HTTP/1.1\nContent-Type: application/soap+xml\n\n" + good, "de", 200, []string{"SOAP_VERSION_MISMATCH"}},
		{"no message", "file", "this is <b>none", "nl", 200, []string{"1 zaak zou geweigerd worden"}},
		{"nothing", "message", " \n", "en", 400, []string{"There is no message to check."}},
		{"too large", "file", strings.Repeat("x", 11<<20), "en", 413, []string{"larger than the service takes"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			contentType, body := newUploadForm(t, c.field, c.content)
			requirePage(t, b.sendRequest(t, http.MethodPost, "/sandbox/check?lang="+c.lang, contentType, body), c.status, c.words...)
		})
	}
	requirePage(t, b.postForm(t, "/sandbox/check", url.Values{"message": {"x"}}), http.StatusBadRequest, "There is no message to check.")
	if n := b.door.CountNotifications(t); n != 0 {
		t.Errorf("%d notifications", n)
	}
	busy := newBench(t, func(c *sandbox.Config) {
		c.Service = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	})
	contentType, body := newUploadForm(t, "message", good)
	requirePage(t, busy.sendRequest(t, http.MethodPost, "/sandbox/check", contentType, body), http.StatusServiceUnavailable, "The check could not be made now")
}

// TestReset: which requests may reset the register.
func TestReset(t *testing.T) {
	t.Parallel()
	yes := url.Values{"confirm": {"yes"}}
	for _, c := range []struct {
		name   string
		values url.Values
		fields []string
		status int
		words  string
	}{
		{"from our page", yes, []string{"Sec-Fetch-Site", "same-origin", "Origin", localOrigin}, 303, ""},
		{"by curl", yes, nil, 303, ""},
		{"by name", yes, []string{"Host", "localhost:8443"}, 303, ""},
		{"by IPv6", yes, []string{"Host", "[::1]:8443", "from", "[::1]:50000"}, 303, ""},
		{"not confirmed", nil, nil, 400, "the box was not ticked"},
		{"a long form", url.Values{"a": {strings.Repeat("x", 5000)}, "confirm": {"yes"}}, nil, 400, "the box was not ticked"},
		{"from another site", yes, []string{"Sec-Fetch-Site", "cross-site"}, 403, "came from another site"},
		{"from another origin", yes, []string{"Origin", "https://elsewhere.example"}, 403, "came from another site"},
		{"from another machine", yes, []string{"from", "192.0.2.7:50000"}, 403, "only emptied from the machine"},
		{"by a name that was pointed here", yes, []string{"Host", "rebound.example:8443"}, 403, "only emptied from the machine"},
		{"through a proxy", yes, []string{"X-Forwarded-For", "192.0.2.7"}, 403, "only emptied from the machine"},
	} {
		b := newBench(t, nil)
		w := b.postForm(t, "/sandbox/reset", c.values, c.fields...)
		if want := c.status == 303; w.Code != c.status || (b.resets == 1) != want {
			t.Errorf("%s: HTTP %d, %d resets", c.name, w.Code, b.resets)
			continue
		}
		if c.status == 303 {
			if got := w.Header().Get("Location"); got != "/sandbox/?lang=en&reset=done" {
				t.Errorf("%s: to %s", c.name, got)
			}
			continue
		}
		requirePage(t, w, c.status, c.words)
	}
	b := newBench(t, nil)
	if w := b.getPage(t, "/sandbox/reset"); w.Code == http.StatusOK || b.resets > 0 {
		t.Errorf("a reset by GET: HTTP %d", w.Code)
	}
	b.resetErr = errors.New("no room")
	requirePage(t, b.postForm(t, "/sandbox/reset", yes), http.StatusInternalServerError, "could not be reset")
	none := newBench(t, func(c *sandbox.Config) { c.Reset = nil })
	requirePage(t, none.postForm(t, "/sandbox/reset", yes), http.StatusConflict, "is not emptied from here")
	if strings.Contains(requirePage(t, none.getPage(t, "/sandbox/"), http.StatusOK, "is not emptied from here"), `action="/sandbox/reset`) {
		t.Error("a reset is offered that is none")
	}
	if strings.Contains(requirePage(t, b.getPage(t, "/sandbox/", "from", "192.0.2.7:1"), http.StatusOK, "only emptied from the machine"), `action="/sandbox/reset`) {
		t.Error("a reset is offered to another machine")
	}
}

func TestKeysUnreadable(t *testing.T) {
	t.Parallel()
	for _, damage := range []func(*sandbox.Config){
		func(c *sandbox.Config) { c.Files.Password = c.Files.CA + ".missing" },
		func(c *sandbox.Config) { c.Files.P12 = map[string]string{"NIHII-HOSPITAL=71000436": c.Files.CA} },
	} {
		b := newBench(t, damage)
		requirePage(t, b.getPage(t, "/sandbox/"), http.StatusInternalServerError, "cannot be read")
		requirePage(t, b.postForm(t, "/sandbox/try/Search", nil), http.StatusInternalServerError, "cannot be read")
		requirePage(t, b.postForm(t, "/sandbox/try/rules", nil), http.StatusInternalServerError, "cannot be read")
		requirePage(t, b.getPage(t, "/sandbox/samples/Search.signed.xml"), http.StatusInternalServerError, "cannot be read")
		requirePage(t, b.getPage(t, "/sandbox/mistakes/rules.xml"), http.StatusInternalServerError, "cannot be read")
	}
}
