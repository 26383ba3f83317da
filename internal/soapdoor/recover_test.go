package soapdoor_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openctr/ctr/internal/admission"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/reqlog"
	"github.com/openctr/ctr/internal/soapdoor"
	"github.com/openctr/ctr/internal/testing/registertest"
)

// echoDoor is a service of the second contract alone, with its log and its metrics.
type echoDoor struct {
	*door
	logged   *bytes.Buffer
	registry *prometheus.Registry
}

// newEchoDoor returns a service of the second contract, after change.
func newEchoDoor(t *testing.T, register *echoRegister, change func(*soapdoor.Config, *soapdoor.Contract)) echoDoor {
	t.Helper()
	e := echoDoor{&door{}, &bytes.Buffer{}, prometheus.NewRegistry()}
	log, err := reqlog.New(slog.New(slog.NewJSONHandler(e.logged, nil)), registertest.StartTime, e.registry)
	if err != nil {
		t.Fatal(err)
	}
	config := soapdoor.Config{
		Log: log, Now: registertest.StartTime, NewID: registertest.NewIDCounter("door-"), Environment: "Test",
	}
	contract := newEchoContract(t, register, registertest.StartTime)
	change(&config, &contract)
	config.Contracts = []soapdoor.Contract{contract}
	e.service = soapdoor.New(config)
	return e
}

// count returns how many requests had a code.
func (e echoDoor) count(t *testing.T, code string) (n int) {
	t.Helper()
	families, err := e.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == "ctr_requests_total" && strings.Contains(m.String(), `"`+code+`"`) {
				n += int(m.GetCounter().GetValue())
			}
		}
	}
	return n
}

// leakyPanic is the value of a panic that quotes a message.
type leakyPanic struct{ text string }

// TestFindingL10PanicsAreAnswered makes handlers panic, more often than there are permits: each call is answered with
// INTERNAL, logged and counted, gives back what it holds, and leaks nothing that the panic's value says.
func TestFindingL10PanicsAreAnswered(t *testing.T) {
	t.Parallel()
	var none []int
	var nothing map[string]int
	var nobody *echoRegister
	for _, c := range []struct {
		name   string
		panics func()
		logged string
	}{
		{"an index", func() { _ = none[1] }, "index out of range"},
		{"a nil map", func() { nothing["x"] = 1 }, "nil map"},
		{"a nil pointer", func() { nobody.down = true }, "nil pointer"},
		{"a text with a secret", func() { panic("secret 69092234126") }, "panic: string"},
		{"an error with a secret", func() { panic(fmt.Errorf("secret: %w", errBroken)) }, "panic: *fmt.wrapError"},
		{"a value with a secret", func() { panic(leakyPanic{"secret"}) }, "panic: soapdoor_test.leakyPanic"},
		{"nil", func() { panic(nil) }, "panic called with nil"}, //nolint:govet // on purpose
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const calls = 70
			register := &echoRegister{}
			e := newEchoDoor(t, register, func(_ *soapdoor.Config, contract *soapdoor.Contract) {
				contract.Handlers["Say"] = func(context.Context, *soapdoor.Call, xmldoc.Element) ([]byte, error) {
					c.panics()
					return nil, nil
				}
			})
			for range calls {
				status, _, refusal := postToEcho(t, e.door, sayRequest("Say", "<Text>hello</Text>"), "", true)
				if status != http.StatusInternalServerError || refusal == nil || refusal.Violations[0].Code != string(problem.InternalError) {
					t.Fatalf("HTTP %d, %v", status, refusal)
				}
			}
			if n := e.count(t, "INTERNAL"); n != calls {
				t.Errorf("counted %d", n)
			}
			lines := strings.Split(strings.TrimSpace(e.logged.String()), "\n")
			if len(lines) != calls || !strings.Contains(lines[0], c.logged) || !strings.Contains(lines[0], "recover_test.go") ||
				!strings.Contains(lines[0], `"level":"ERROR"`) {
				t.Errorf("%d lines: %s", len(lines), lines[0])
			}
			if strings.Contains(e.logged.String(), "secret") || strings.Contains(e.logged.String(), "69092234126") {
				t.Error("the log quotes the value of the panic")
			}
			runUntilStopped(t, e.service)
			if register.counts[problem.InternalError] != calls {
				t.Errorf("recorded %v", register.counts)
			}
		})
	}
}

// runUntilStopped runs the periodic work of a service that stops at once.
func runUntilStopped(t *testing.T, s *soapdoor.Service) {
	t.Helper()
	stopped, stop := context.WithCancel(t.Context())
	stop()
	s.Run(stopped)
}

// TestFindingL10PanicOutsideOfCalls makes what is no call panic: it is answered and logged too.
func TestFindingL10PanicOutsideOfCalls(t *testing.T) {
	t.Parallel()
	register := &echoRegister{panics: true}
	e := newEchoDoor(t, register, func(*soapdoor.Config, *soapdoor.Contract) {})
	status, _, body := e.get(t, "/readyz")
	if status != http.StatusInternalServerError || strings.Contains(body, "secret") {
		t.Errorf("HTTP %d %s", status, body)
	}
	if !strings.Contains(e.logged.String(), "INTERNAL") || strings.Contains(e.logged.String(), "secret") {
		t.Errorf("log: %s", e.logged)
	}
}

// TestFindingR10CallerGone has callers hang up at several moments: it is no failure of the service.
func TestFindingR10CallerGone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		err    error // that the handler returns after the caller hung up; none if it hangs up before
		code   string
		logged string
	}{
		{"before it is verified", nil, "CALLER_GONE", `"status":499`},
		{"while the store works", problem.Wrap(problem.StoreDown, context.Canceled), "CALLER_GONE", `"status":499`},
		{"while it waits", problem.Wrap(problem.Overloaded, context.Canceled), "CALLER_GONE", `"status":499`},
		{"in an unknown error", context.Canceled, "CALLER_GONE", `"status":499`},
		{"before a refusal", problem.New(soap.OperationUnknown), "OPERATION_UNKNOWN", `"status":500`},
		{"a store that is down, and a caller who waits", errors.Join(errStays, problem.New(problem.StoreDown)), "STORE_UNAVAILABLE", `"status":503`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, hangUp := context.WithCancel(t.Context())
			defer hangUp()
			controller := admission.NewController(registertest.StartTime, nil)
			e := newEchoDoor(t, &echoRegister{}, func(config *soapdoor.Config, contract *soapdoor.Contract) {
				config.Admission = controller
				contract.Handlers["Say"] = func(context.Context, *soapdoor.Call, xmldoc.Element) ([]byte, error) {
					if !errors.Is(c.err, errStays) {
						hangUp()
					}
					return nil, c.err
				}
			})
			if c.err == nil {
				defer holdUnverifiedSlot(t, controller).Finish(admission.Undecided)
				hangUp()
			}
			request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/echo/v2", strings.NewReader(signEcho(t, sayRequest("Say", "<Text>hello</Text>"), true)))
			request.Header.Set("Content-Type", soap.SOAP11.ContentType())
			e.serveRequest(t, request)
			if n := e.count(t, c.code); n != 1 || !strings.Contains(e.logged.String(), c.logged) {
				t.Errorf("counted %d, log: %s", n, e.logged)
			}
			if c.code == "CALLER_GONE" && strings.Contains(e.logged.String(), `"ERROR"`) {
				t.Error("an alarm rings")
			}
		})
	}
}

var errStays = errors.New("the caller waits")

// TestFindingR10BodyThatStopped has a caller send half of a body and hang up.
func TestFindingR10BodyThatStopped(t *testing.T) {
	t.Parallel()
	e := newEchoDoor(t, &echoRegister{}, func(*soapdoor.Config, *soapdoor.Contract) {})
	served := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.service.ServeHTTP(w, r)
		close(served)
	}))
	defer server.Close()
	conn := mustDial(t, server)
	mustWrite(t, conn, "POST /echo/v2 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: 100\r\n\r\n<soap:Env")
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	<-served
	if n := e.count(t, "MESSAGE_INCOMPLETE"); n != 1 {
		t.Errorf("counted %d: %s", n, e.logged)
	}
}

func mustDial(t *testing.T, server *httptest.Server) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func mustWrite(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
}

// TestFindingL9NothingFollowsAChunkedRequest sends requests in plain HTTP that a proxy may see as another number of
// requests than we do: after each the connection is closed, so that no second one is answered.
func TestFindingL9NothingFollowsAChunkedRequest(t *testing.T) {
	t.Parallel()
	const second = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, c := range []struct {
		name, request string
		answers       int
	}{
		{"both lengths", "POST /echo/v2 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1},
		{"both lengths, the other way round", "POST /echo/v2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 50\r\n\r\n0\r\n\r\n", 1},
		{"both lengths, to read", "GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1},
		{"both lengths, to nowhere", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1},
		{"chunked", "POST /echo/v2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n<a/>\r\n0\r\n\r\n", 1},
		{"two encodings", "POST /echo/v2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 1},
		{"two lengths", "POST /echo/v2 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n<a/>", 1},
		{"an ordinary request", "POST /echo/v2 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n<a/>", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newEchoDoor(t, &echoRegister{}, func(*soapdoor.Config, *soapdoor.Contract) {})
			server := httptest.NewServer(e.service)
			defer server.Close()
			conn := mustDial(t, server)
			mustWrite(t, conn, c.request+second)
			if half, ok := conn.(*net.TCPConn); ok && half.CloseWrite() != nil {
				t.Fatal("not closed")
			}
			answers, reader := 0, bufio.NewReader(conn)
			for {
				response, err := http.ReadResponse(reader, nil)
				if err != nil {
					break
				}
				answers++
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			}
			if answers != c.answers {
				t.Errorf("%d answers", answers)
			}
		})
	}
}

// TestFindingM10StrangersAreCounted sends messages of senders who prove nothing: the audit log has no event for any,
// and one a minute for all, if there were any. A message that verified has its own.
func TestFindingM10StrangersAreCounted(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	tampered := strings.Replace(usualNotification(t, 1), "NotifyImplantRequest", "NotifyImplantRequesT", 2)
	for _, octets := range []string{"", "no XML", "<a/>", "<a>", strings.Repeat("<a>", 200), tampered, "\xff\xfe"} {
		for range 3 {
			postForOutcome(t, d, octets)
		}
	}
	wantEvents(t, d)
	runUntilStopped(t, d.service)
	events := d.AuditEvents(t, 0)
	if len(events) != 1 || events[0].Operation != platform.UnverifiedRefusals || events[0].Outcome != platform.OutcomeRefused ||
		events[0].Signer != "" || len(events[0].Codes) < 4 || !slices.IsSorted(events[0].Codes) {
		t.Fatalf("%+v", events)
	}
	total := 0
	for _, text := range strings.Fields(strings.TrimPrefix(events[0].Reason, "counts: ")) {
		n := 0
		if _, err := fmt.Sscan(text, &n); err != nil {
			t.Fatal(err)
		}
		total += n
	}
	if total != 21 || len(strings.Fields(events[0].Reason)) != 1+len(events[0].Codes) {
		t.Errorf("%d refusals: %q %q", total, events[0].Codes, events[0].Reason)
	}
	runUntilStopped(t, d.service)
	wantEvents(t, d, platform.OutcomeRefused) // none since
	message := usualNotification(t, 2)
	postForOutcome(t, d, message)
	before := len(d.AuditEvents(t, 0))
	if got := postForOutcome(t, d, message); got != string(platform.MessageReplayed) {
		t.Fatal(got)
	}
	if events = d.AuditEvents(t, 0); len(events) != before+1 || events[before].Codes[0] != platform.MessageReplayed {
		t.Errorf("a replay is not recorded: %+v", events)
	}
}

// TestFindingM10CountsAreKept checks that counts that cannot be recorded are recorded later.
func TestFindingM10CountsAreKept(t *testing.T) {
	t.Parallel()
	register := &echoRegister{down: true}
	e := newEchoDoor(t, register, func(*soapdoor.Config, *soapdoor.Contract) {})
	post := func() {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/echo/v2", strings.NewReader("<a/>"))
		request.Header.Set("Content-Type", soap.SOAP11.ContentType())
		e.serveRequest(t, request)
	}
	post()
	runUntilStopped(t, e.service)
	register.down = false
	post()
	runUntilStopped(t, e.service)
	if register.counts[soap.NotSOAP] != 2 {
		t.Errorf("recorded %v", register.counts)
	}
}

// TestFindingM11StrangersGetReadyBytes checks that what strangers ask for is made once, or costs no signature.
func TestFindingM11StrangersGetReadyBytes(t *testing.T) {
	t.Parallel()
	register := &echoRegister{}
	var opened, signatures atomic.Int32
	e := newEchoDoor(t, register, func(config *soapdoor.Config, contract *soapdoor.Contract) {
		contract.Schemas = countingFS{contract.Schemas, &opened}
		contract.Files = countingFS{contract.Files, &opened}
		config.SignReply = func(envelope []byte) ([]byte, error) {
			signatures.Add(1)
			return envelope, nil
		}
	})
	documents := []string{"?wsdl", "?wsdl=soap12", "?wsdl=policy", "?wsdl=flat", "?wsdl=zip", "?xsd=echo.xsd", "?XSD=echo.xsd", "?xsd=ehealth-commons-core-2_0.xsd"}
	first := map[string]string{}
	for _, query := range documents {
		status, _, body := e.get(t, "/echo/v2"+query)
		if status != http.StatusOK {
			t.Errorf("%s: HTTP %d", query, status)
		}
		first[query] = body
	}
	made := opened.Load()
	for _, query := range documents {
		if _, _, body := e.get(t, "/echo/v2"+query); body != first[query] {
			t.Errorf("%s is different the second time", query)
		}
	}
	if n := opened.Load(); n != made {
		t.Errorf("%d files were opened to make them again", n-made)
	}

	runUntilStopped(t, e.service)
	probed := register.probes
	for range 100 {
		e.get(t, "/readyz")
	}
	if register.probes != probed {
		t.Errorf("%d probes for 100 requests", register.probes-probed)
	}

	for _, body := range []string{"", "<a/>", "no XML"} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/echo/v2", strings.NewReader(body))
		request.Header.Set("Content-Type", soap.SOAP11.ContentType())
		e.serveRequest(t, request)
	}
	if n := signatures.Load(); n != 0 {
		t.Errorf("%d signatures for strangers", n)
	}
	if _, _, refusal := postToEcho(t, e.door, sayRequest("Refuse", "<Text>hello</Text>"), "", true); refusal == nil {
		t.Error("accepted")
	}
	if n := signatures.Load(); n != 1 {
		t.Errorf("%d signatures for a caller who proved themselves", n)
	}
}

// TestFindingM11InventedHosts asks for the contract at many addresses: what is kept is bounded, and right.
func TestFindingM11InventedHosts(t *testing.T) {
	t.Parallel()
	e := newEchoDoor(t, &echoRegister{}, func(*soapdoor.Config, *soapdoor.Contract) {})
	for i := range 200 {
		host := fmt.Sprintf("http://host-%d.example", i%150)
		if _, _, body := e.get(t, host+"/echo/v2?wsdl"); !strings.Contains(body, `location="`+host+`/echo/v2"`) {
			t.Fatalf("%s: %.300s", host, body)
		}
	}
	if n := e.service.KeptDescriptions(); n > 64 {
		t.Errorf("%d documents are kept", n)
	}
}

// TestFindingM11ChecksWaitWithStrangers checks that a dry run and a document that is not made yet wait for the turn of
// an unverified caller.
func TestFindingM11ChecksWaitWithStrangers(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"?check", "?wsdl", "?wsdl=zip", "?wsdl=flat", "?xsd=echo.xsd", "?xsd=none"} {
		controller := admission.NewController(registertest.StartTime, nil)
		e := newEchoDoor(t, &echoRegister{}, func(config *soapdoor.Config, _ *soapdoor.Contract) { config.Admission = controller })
		other := holdUnverifiedSlot(t, controller)
		late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
		method := http.MethodGet
		if query == "?check" {
			method = http.MethodPost
		}
		request := httptest.NewRequestWithContext(late, method, "/echo/v2"+query, strings.NewReader("<a/>"))
		request.Header.Set("Content-Type", soap.SOAP11.ContentType())
		if r := e.serveRequest(t, request); r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
			t.Errorf("%s, while another has the turn: HTTP %d", query, r.status)
		}
		cancel()
		other.Finish(admission.Undecided)
		if r := e.serveRequest(t, request.WithContext(t.Context())); r.status == http.StatusServiceUnavailable {
			t.Errorf("%s, afterwards: HTTP %d", query, r.status)
		}
	}
}

// holdUnverifiedSlot returns a request that has the turn of unverified callers.
func holdUnverifiedSlot(t *testing.T, c *admission.Controller) *admission.Admission {
	t.Helper()
	other, err := c.Admit(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	if err == nil {
		err = other.AcquireUnverifiedSlot(t.Context(), 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return other
}

// countingFS counts the opened files.
type countingFS struct {
	fs.FS
	opened *atomic.Int32
}

func (c countingFS) Open(name string) (fs.File, error) {
	c.opened.Add(1)
	return c.FS.Open(name)
}
