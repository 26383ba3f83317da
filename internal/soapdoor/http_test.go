package soapdoor_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/admission"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// get sends a GET request.
func (d *door) get(t *testing.T, address string) (int, http.Header, string) {
	t.Helper()
	r := d.serveRequest(t, httptest.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody))
	return r.status, r.header, r.body
}

var schemaLocation = regexp.MustCompile(`schemaLocation="([^"]+)"`)

// TestDescription follows every relative URL in every form of the WSDL, as a toolkit does.
func TestDescription(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	seen := map[string]bool{}
	var follow func(address string)
	follow = func(address string) {
		if seen[address] {
			return
		}
		seen[address] = true
		status, header, octets := d.get(t, address)
		if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/xml") {
			t.Errorf("%s: HTTP %d, %s", address, status, header.Get("Content-Type"))
			return
		}
		if _, err := xmldoc.Parse([]byte(octets), xmldoc.DefaultLimits()); err != nil {
			t.Errorf("%s: %v", address, err)
		}
		for _, found := range schemaLocation.FindAllStringSubmatch(octets, -1) {
			if strings.Contains(found[1], ":") {
				t.Errorf("%s imports from elsewhere: %s", address, found[1])
				continue
			}
			follow(path.Dir(ctr.Path) + "/" + found[1])
		}
	}
	for _, form := range []string{"wsdl", "wsdl=soap12", "wsdl=policy", "wsdl=flat"} {
		follow(ctr.Path + "?" + form)
	}
	for _, name := range []string{"ctr-protocol-1_0.xsd", "ctr-core-1_0.xsd", "ehealth-commons-protocol-2_0.xsd",
		"ehealth-commons-core-2_0.xsd", "ehealth-errors-soa-1_1.xsd", "ehealth-errors-core-1_1.xsd"} {
		if !seen[ctr.Path+"?xsd="+name] {
			t.Errorf("nothing leads to %s", name)
		}
	}
}

func TestDescriptionElsewhere(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	for _, c := range []struct {
		address, contentType, says string
		status                     int
	}{
		{ctr.Path, "text/plain", "?wsdl", http.StatusOK},
		{ctr.Path + "?wsdl", "text/xml", `location="http://example.com/ctr/v1"`, http.StatusOK},
		{ctr.Path + "?wsdl=zip", "application/zip", "PK", http.StatusOK},
		{ctr.Path + "?wsdl=2", "text/plain", "no such form", http.StatusNotFound},
		{ctr.Path + "?xsd=../go.mod", "text/plain", "no schema", http.StatusNotFound},
		{ctr.Path + "?xsd=", "text/plain", "no schema", http.StatusNotFound},
		{"/livez", "text/plain", "ok", http.StatusOK},
		{"/readyz", "text/plain", "ok", http.StatusOK},
		{"/", "text/plain", "not found", http.StatusNotFound},
	} {
		status, header, octets := d.get(t, c.address)
		if status != c.status || !strings.HasPrefix(header.Get("Content-Type"), c.contentType) || !strings.Contains(octets, c.says) {
			t.Errorf("%s: HTTP %d, %s: %.200s", c.address, status, header.Get("Content-Type"), octets)
		}
	}
}

// wantRefusal sends a request that must be refused and returns the answer.
func wantRefusal(t *testing.T, d *door, r *http.Request, status int, code string) answer {
	t.Helper()
	response := d.serveRequest(t, r)
	retry := response.header.Get("Retry-After")
	a := readAnswer(t, soap.SOAP11, response)
	if a.refusal == nil {
		t.Fatal("accepted")
	}
	if got := a.refusal.Violations[0].Code; a.status != status || got != code {
		t.Errorf("HTTP %d %s, want %d %s", a.status, got, status, code)
	}
	isOursAlone := code == string(problem.InternalError) // repeatable, but nothing says when
	if (retry != "") != (status == http.StatusServiceUnavailable) || a.refusal.Retry != (retry != "" || isOursAlone) {
		t.Errorf("Retry-After %q, Retry %v", retry, a.refusal.Retry)
	}
	return a
}

func newRequest(t *testing.T, body io.Reader) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, ctr.Path, body)
	r.Header.Set("Content-Type", soap.SOAP11.ContentType())
	return r
}

func wantEvents(t *testing.T, d *door, outcomes ...platform.Outcome) {
	t.Helper()
	events := d.AuditEvents(t, 0)
	if len(events) != len(outcomes) {
		t.Fatalf("audit: %v", events)
	}
	for i, want := range outcomes {
		if events[i].Outcome != want {
			t.Errorf("audit: %v", events[i])
		}
	}
}

// endlessReader is a body that never ends; reading beyond the limit fails the test.
type endlessReader struct {
	t    *testing.T
	left int
}

func (u *endlessReader) Read(p []byte) (int, error) {
	if u.left -= len(p); u.left < 0 {
		u.t.Error("read on after the limit")
		return 0, io.EOF
	}
	return len(p), nil
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	limit := xmldoc.DefaultLimits().Bytes
	declared := newRequest(t, &endlessReader{t: t}) // no byte may be read
	declared.ContentLength = int64(limit) + 1
	wantRefusal(t, d, declared, http.StatusRequestEntityTooLarge, "MESSAGE_TOO_LARGE")
	undeclared := newRequest(t, &endlessReader{t: t, left: 2 * limit})
	undeclared.ContentLength = -1
	wantRefusal(t, d, undeclared, http.StatusRequestEntityTooLarge, "MESSAGE_TOO_LARGE")
	// Characters with two bytes in UTF-16 and three in UTF-8: within the limit as sent, beyond it as UTF-8.
	grows := encodeText(t, "<a>"+strings.Repeat("ह", limit/2-10)+"</a>", "utf-16")
	wantRefusal(t, d, newRequest(t, strings.NewReader(grows)), http.StatusInternalServerError, "XML_TOO_LARGE")
	wantEvents(t, d)
}

var errBroken = errors.New("the connection broke: secret")

func TestIncomplete(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	broken := io.MultiReader(strings.NewReader("<soap:Envelope"), &failingReader{})
	a := wantRefusal(t, d, newRequest(t, broken), http.StatusInternalServerError, "MESSAGE_INCOMPLETE")
	if strings.Contains(a.body, "secret") {
		t.Error("the fault repeats the cause")
	}
	wantEvents(t, d)
}

type failingReader struct{}

func (*failingReader) Read([]byte) (int, error) { return 0, errBroken }

// TestStoreDown closes the store: the answer has a Retry-After, and the service is not ready.
func TestStoreDown(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	d.Close(t)
	refusal := wantRefusal(t, d, newRequest(t, strings.NewReader(usualNotification(t, 1))), http.StatusServiceUnavailable, "STORE_UNAVAILABLE").refusal
	if refusal.Code != "SOA-02002" || refusal.FaultCode != "soap:Server" {
		t.Errorf("%s %s", refusal.FaultCode, refusal.Code)
	}
	if status, _, _ := d.get(t, "/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz: HTTP %d", status)
	}
	if status, _, _ := d.get(t, "/livez"); status != http.StatusOK {
		t.Errorf("/livez: HTTP %d", status)
	}
}

// TestStoreDownOnRefusal checks that a refusal of a verified message that cannot be recorded is answered with
// STORE_UNAVAILABLE instead. One that did not verify is only counted, which needs no store.
func TestStoreDownOnRefusal(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	d.Close(t)
	verified := newRequest(t, strings.NewReader(usualNotification(t, 1)))
	verified.Header.Set("SOAPAction", "another")
	wantRefusal(t, d, verified, http.StatusServiceUnavailable, "STORE_UNAVAILABLE")
	wantRefusal(t, d, newRequest(t, strings.NewReader("<a/>")), http.StatusInternalServerError, "NOT_SOAP")
}

// TestInternal makes the last step fail and checks that the fault does not expose the cause.
func TestInternal(t *testing.T) {
	t.Parallel()
	d := openSigningDoor(t, registertest.New(t, registertest.Options{}), settings{}, func([]byte) ([]byte, error) {
		return nil, errBroken
	})
	a := wantRefusal(t, d, newRequest(t, strings.NewReader(usualNotification(t, 1))), http.StatusInternalServerError, "INTERNAL")
	if a.refusal.Code != "SOA-00001" || a.refusal.FaultCode != "soap:Server" || strings.Contains(a.body, "secret") {
		t.Errorf("%v", a.refusal)
	}
}

// TestOverloaded has a connection with as many requests as it may have, all waiting for their bodies. One more waits
// for these, and is refused as OVERLOADED when its time is over; other connections notice nothing.
func TestOverloaded(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	connection, release := holdConnection(t, d, "")
	late, cancel := context.WithDeadline(connection, time.Unix(0, 0))
	defer cancel()
	wantRefusal(t, d, newRequest(t, strings.NewReader("<a/>")).WithContext(late), http.StatusServiceUnavailable, "OVERLOADED")
	wantRefusal(t, d, newRequest(t, strings.NewReader("<a/>")), http.StatusInternalServerError, "NOT_SOAP")
	release()
	wantRefusal(t, d, newRequest(t, strings.NewReader("<a/>")).WithContext(connection), http.StatusInternalServerError, "NOT_SOAP")
}

// holdConnection returns the context of a connection that has as many requests in progress as an unverified one may
// have, with bodies that do not arrive, and a function that ends these.
func holdConnection(t *testing.T, d *door, query string) (connection context.Context, release func()) {
	t.Helper()
	const perConnection = 4
	connection = admission.ConnContext(t.Context(), nil)
	held := &bodyGate{release: make(chan struct{})}
	held.entered.Add(perConnection)
	var done sync.WaitGroup
	for range perConnection {
		r := newRequest(t, io.MultiReader(&gatedReader{bodyGate: held}, strings.NewReader("<a/>"))).WithContext(connection)
		r.URL.RawQuery = query
		done.Go(func() { d.service.ServeHTTP(httptest.NewRecorder(), r) })
	}
	held.entered.Wait()
	return connection, func() {
		close(held.release)
		done.Wait()
	}
}

// bodyGate blocks requests while their bodies are read.
type bodyGate struct {
	entered sync.WaitGroup
	release chan struct{}
}

type gatedReader struct {
	*bodyGate
	once sync.Once
}

func (e *gatedReader) Read([]byte) (int, error) {
	e.once.Do(e.entered.Done)
	<-e.release
	return 0, io.EOF
}
