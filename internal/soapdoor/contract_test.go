package soapdoor_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/reqlog"
	"github.com/openctr/ctr/internal/soapdoor"
	"github.com/openctr/ctr/internal/soapdoor/ctrdoor"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
	"github.com/openctr/ctr/wsdl"
	"github.com/openctr/ctr/xsd"
)

const (
	echoMessages = "urn:example:echo:messages"
	echoCore     = "urn:example:echo:core"
)

// echoRegister is the register behind the second contract. It keeps the codes of the recorded refusals.
type echoRegister struct {
	refusals []problem.Code
	counts   map[problem.Code]int
	probes   int
	down     bool
	panics   bool
}

func (r *echoRegister) RecordRefusal(_ context.Context, _ platform.SignedMessage, refusal error) error {
	r.refusals = append(r.refusals, problem.From(refusal).Code)
	return refusal
}

func (r *echoRegister) RecordRefusalCounts(_ context.Context, _ string, counts map[problem.Code]int) error {
	if r.down {
		return errBroken
	}
	r.counts = counts
	return nil
}

func (r *echoRegister) CheckReady(context.Context) error {
	r.probes++
	if r.panics {
		panic("secret")
	}
	if r.down {
		return errBroken
	}
	return nil
}

// newEchoContract returns a second contract: two operations, namespaces, schemas and a WSDL of its own, and a stricter
// security policy than that of the tests' CTR.
func newEchoContract(t *testing.T, register *echoRegister, now func() time.Time) soapdoor.Contract {
	t.Helper()
	files := os.DirFS("testdata/echo")
	c := soapdoor.Contract{
		Contract: wsdl.Contract{
			Name: "echo", Path: "/echo/v2", Namespace: echoMessages, Files: files, Template: "echo.wsdl",
			Schemas: xsd.WithEHealth(files), Messages: "echo.xsd", Published: registertest.StartTime(),
			Operations: []wsdl.Operation{
				{Name: "Say", Documentation: "Says what it hears."},
				{Name: "Refuse", Documentation: "Refuses what it hears."},
			},
		},
		Title:    "An echo.",
		Verifier: &wsse.Verifier{Trust: testTrust(t), Now: now, Strict: true},
		Namespaces: soap.ContractNamespaces{
			Core: soap.Namespace{Prefix: "ec", URI: echoCore}, Messages: soap.Namespace{Prefix: "echo", URI: echoMessages},
		},
		Register: register,
		Handlers: map[string]soapdoor.Handler{
			"Say": func(_ context.Context, call *soapdoor.Call, request xmldoc.Element) ([]byte, error) {
				call.MarkAudited()
				text, _ := request.FirstChild().Text()
				said := text + " from " + call.Message.Signer.ID
				return []byte(`<SayResponse xmlns="` + echoMessages + `"><Text>` + said + `</Text></SayResponse>`), nil
			},
			"Refuse": func(context.Context, *soapdoor.Call, xmldoc.Element) ([]byte, error) {
				return nil, problem.New(implants.InputReferenceConflict).WithPath("/echo:RefuseRequest/echo:Text")
			},
		},
	}
	var err error
	if c.Schema, err = schema.Compile(c.Schemas, c.Messages, schema.Prefixes{echoMessages: "echo"}); err != nil {
		t.Fatal(err)
	}
	return c
}

// newDoorOfTwo returns a service with CTR and the second contract beside it.
func newDoorOfTwo(t *testing.T) (*door, *echoRegister) {
	t.Helper()
	r, echo := registertest.New(t, registertest.Options{}), &echoRegister{}
	log, err := reqlog.New(slog.New(slog.NewJSONHandler(io.Discard, nil)), r.Clock.Now, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := messageSchema()
	if err != nil {
		t.Fatal(err)
	}
	return &door{r, soapdoor.New(soapdoor.Config{
		Contracts: []soapdoor.Contract{
			ctrdoor.NewContract(ctrdoor.Config{
				Registrar: r.Registrar, Schema: compiled, Verifier: &wsse.Verifier{Trust: testTrust(t), Now: r.Clock.Now},
			}),
			newEchoContract(t, echo, r.Clock.Now),
		},
		Log: log, Now: r.Clock.Now, NewID: registertest.NewIDCounter("door-"), Environment: "Test",
	})}, echo
}

// postToEcho signs a request to the second contract, posts it, and returns the HTTP status and the content or the fault.
func postToEcho(t *testing.T, d *door, request, action string, signToken bool) (int, xmldoc.Element, *soap.Refusal) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/echo/v2", strings.NewReader(signEcho(t, request, signToken)))
	r.Header.Set("Content-Type", soap.SOAP11.ContentType())
	r.Header.Set("SOAPAction", action)
	answer := d.serveRequest(t, r)
	if sent := request + action; strings.Contains(answer.body, "ehealth:ctr") && !strings.Contains(sent, "ehealth:ctr") {
		t.Errorf("the answer of another contract names CTR: %s", answer.body)
	}
	document, err := xmldoc.Parse([]byte(answer.body), xmldoc.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	content, refusal, err := soap.ReadReply(document, echoCore)
	if err != nil {
		t.Fatal(err)
	}
	return answer.status, content, refusal
}

// signEcho returns the signed message of a request.
func signEcho(t *testing.T, request string, signToken bool) string {
	t.Helper()
	envelope := soap.WrapBody(soap.SOAP11, []byte(request))
	message, err := client.SignEnvelope(envelope, testpki.Key(t, testpki.Hospital), wsse.SignOptions{
		Created: registertest.StartTime(), TTL: time.Minute, NewID: registertest.NewIDCounter("_"), SignToken: signToken,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(message)
}

func sayRequest(operation, content string) string {
	return `<` + operation + `Request xmlns="` + echoMessages + `">` + content + `</` + operation + `Request>`
}

// TestSecondContract mounts another contract beside CTR with one entry. It answers, refuses in its own namespaces, and
// applies its own policy, while CTR answers as before.
func TestSecondContract(t *testing.T) {
	t.Parallel()
	d, register := newDoorOfTwo(t)
	const text = "<Text>hello</Text>"
	status, content, refusal := postToEcho(t, d, sayRequest("Say", text), `"`+echoMessages+`:Say"`, true)
	if said, _ := content.FirstChild().Text(); status != http.StatusOK || refusal != nil ||
		!content.Is(echoMessages, "SayResponse") || said != "hello from 71000436" {
		t.Errorf("HTTP %d, %s, %v", status, said, refusal)
	}
	for _, c := range []struct {
		name, request, action string
		code                  problem.Code
		path, says            string
	}{
		{"the handler refuses", sayRequest("Refuse", text), "", implants.InputReferenceConflict, "/echo:RefuseRequest/echo:Text", ""},
		{"the action of CTR", sayRequest("Say", text), ctr.Contract().Action("Search"), soap.ActionMismatch, "SOAPAction",
			"expected " + echoMessages + ":Say"},
		{"a request of CTR", readTemplate(t, "Search"), "", soap.OperationUnknown, "soap:Body", ""},
		{"against the schema", sayRequest("Say", "<Txt/>"), "", schema.SchemaElement, "/echo:SayRequest/echo:Txt", "echo:Text, "},
	} {
		_, _, refused := postToEcho(t, d, c.request, c.action, true)
		if refused == nil {
			t.Errorf("%s: accepted", c.name)
			continue
		}
		found := slices.IndexFunc(refused.Violations, func(v soap.Violation) bool { return v.Code == string(c.code) })
		if found < 0 || refused.Violations[found].Path != c.path ||
			!strings.Contains(refused.Violations[found].Messages[texts.English], c.says) {
			t.Errorf("%s: %+v", c.name, refused.Violations)
		}
	}
	if _, _, refusal = postToEcho(t, d, sayRequest("Say", text), "", false); refusal == nil {
		t.Error("the policy does not ask for a signed token")
	}
	if len(register.refusals) != 4 { // the last message did not verify
		t.Errorf("recorded %v", register.refusals)
	}
	wantEvents(t, d)
	if got := postForOutcome(t, d, usualNotification(t, 1)); got != firstNumber {
		t.Errorf("CTR beside it: %s", got)
	}
}

// TestSecondContractIsDescribed follows every relative URL of the second contract's WSDL.
func TestSecondContractIsDescribed(t *testing.T) {
	t.Parallel()
	d, _ := newDoorOfTwo(t)
	seen := map[string]bool{}
	var follow func(address string)
	follow = func(address string) {
		if seen[address] {
			return
		}
		seen[address] = true
		status, _, body := d.get(t, address)
		if _, err := xmldoc.Parse([]byte(body), xmldoc.DefaultLimits()); status != http.StatusOK || err != nil {
			t.Errorf("%s: HTTP %d, %v", address, status, err)
		}
		if strings.Contains(body, "ehealth:ctr") {
			t.Errorf("%s names CTR", address)
		}
		for _, found := range schemaLocation.FindAllStringSubmatch(body, -1) {
			follow(path.Dir("/echo/v2") + "/" + found[1])
		}
	}
	for _, form := range []string{"wsdl", "wsdl=soap12", "wsdl=flat"} {
		follow("/echo/v2?" + form)
	}
	for _, name := range []string{"echo.xsd", "ehealth-commons-core-2_0.xsd", xsd.Errors} {
		if !seen["/echo/v2?xsd="+name] {
			t.Errorf("nothing leads to %s", name)
		}
	}
	for address, says := range map[string]string{
		"/echo/v2":        "An echo. This address",
		"/echo/v2?wsdl":   `soapAction="` + echoMessages + `:Refuse"`,
		"/ctr/v1?wsdl":    `soapAction="` + ctr.Contract().Action("Search") + `"`,
		"/ctr/v1?xsd=x":   "no schema",
		"/echo/v2?wsdl=?": "no such form",
	} {
		if _, _, body := d.get(t, address); !strings.Contains(body, says) {
			t.Errorf("%s: %.300s", address, body)
		}
	}
	if status, _, _ := d.get(t, "/ctr/v1?xsd=echo.xsd"); status != http.StatusNotFound {
		t.Errorf("CTR serves the schema of another contract: HTTP %d", status)
	}
}

// TestReadinessOfAllRegisters checks that a service is ready only if every register is.
func TestReadinessOfAllRegisters(t *testing.T) {
	t.Parallel()
	for _, down := range []bool{false, true} {
		d, register := newDoorOfTwo(t)
		register.down = down
		want := http.StatusOK
		if down {
			want = http.StatusServiceUnavailable
		}
		if status, _, _ := d.get(t, "/readyz"); status != want {
			t.Errorf("HTTP %d, with a register down: %v", status, down)
		}
	}
}

// TestMountRefusesIncompleteContracts checks that a contract whose operations and handlers do not match stops the
// program when it starts.
func TestMountRefusesIncompleteContracts(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*soapdoor.Contract){
		"an operation without a handler": func(c *soapdoor.Contract) { delete(c.Handlers, "Say") },
		"a handler without an operation": func(c *soapdoor.Contract) { c.Operations = c.Operations[:1] },
	} {
		c := newEchoContract(t, &echoRegister{}, registertest.StartTime)
		change(&c)
		if err := mountContract(c); err == nil {
			t.Errorf("%s is mounted", name)
		}
	}
}

var errPanicked = errors.New("panicked")

func mountContract(c soapdoor.Contract) (err error) {
	defer func() {
		if recover() != nil {
			err = errPanicked
		}
	}()
	soapdoor.New(soapdoor.Config{Contracts: []soapdoor.Contract{c}})
	return nil
}
