package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/devkit/testmessages"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// Server is a server to judge, with the settings to call it. It must be a test server: Judge stores notifications in
// it.
type Server struct {
	URL  string
	HTTP *http.Client
	Key  *x509id.Key
	// FindKey returns another key of the server's test PKI by its entry, or testmessages.ErrNoKey.
	FindKey func(entry string) (*x509id.Key, error)
	Data    testmessages.Data
	Now     func() time.Time
	NewID   func() string // returns an NCName of ASCII letters, digits, "-" and "_"
}

// Errors that end Judge before it judges anything.
var (
	ErrProduction = errors.New(
		"the server says that it is in production: a run writes notifications, and is for test services only",
	)
	ErrUnreachable = errors.New("could not reach the server")
)

// errNotTested reports that a prerequisite of a test is missing.
var errNotTested = errors.New("not tried")

func newNotTestedError(why string) error { return fmt.Errorf("%w: %s", errNotTested, why) }

// serverTest is a requirement with its test.
type serverTest struct {
	Requirement

	execute func(context.Context, *serverRun) error
}

// serverRun is the state of judging one server. Later tests use the results of earlier ones.
type serverRun struct {
	Server

	generator          testmessages.Generator
	validate           func(xmldoc.Element) error // validates against the schema
	notificationNumber string                     // of the notification that testNotify registered
	implantID          string                     // of the same notification
	card               []byte
}

// Judge tests every requirement for servers, in order. It returns ErrProduction or ErrUnreachable if it cannot start,
// and the context's error if ctx ends.
func (s Server) Judge(ctx context.Context) (*Report, error) {
	schemas, err := compileSchemas()
	if err != nil {
		return nil, err
	}
	//nolint:contextcheck // validation is in memory and takes no context
	r := &serverRun{
		Server:    s,
		generator: testmessages.Generator{Data: s.Data, Now: s.Now, NewID: s.NewID},
		validate: func(e xmldoc.Element) error {
			_, violated := schemas.Check(e)
			return violated
		},
	}
	if err = r.refuseProduction(ctx); err != nil {
		return nil, err
	}
	report := &Report{Subject: "Server " + s.URL}
	for _, t := range serverTests() {
		switch err = t.execute(ctx, r); {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err == nil:
			report.addFinding(t.Requirement, Pass)
		case errors.Is(err, errNotTested):
			report.addFinding(t.Requirement, NotShown, strings.TrimPrefix(err.Error(), errNotTested.Error()+": "))
		default:
			report.addFinding(t.Requirement, Fail, err.Error())
		}
	}
	report.setVerdict()
	return report, nil
}

// serverTests lists all tests of servers, in the order in which they run.
func serverTests() []serverTest {
	all := append(contractTests(), acceptanceTests()...)
	all = append(all, refusalTests()...)
	return append(all, faultTests()...)
}

// refuseProduction sends an unsigned message, which every server rejects, and returns ErrProduction if the fault
// names the production environment.
func (r *serverRun) refuseProduction(ctx context.Context) error {
	request, err := r.generator.BuildRequest("Search", testmessages.RequestValues{})
	if err != nil {
		return err
	}
	a, err := r.postMessage(
		ctx, testmessages.NewMessage(soap.SOAP11, "Search", testmessages.WrapUnsigned(soap.SOAP11, request)),
	)
	if err != nil {
		return err
	}
	if strings.Contains(string(a.body), ">Production<") {
		return ErrProduction
	}
	return nil
}

// serverResponse is an HTTP response, parsed if it is a SOAP message.
type serverResponse struct {
	status   int
	header   http.Header
	body     []byte
	version  soap.Version
	content  xmldoc.Element
	refusal  *soap.Refusal
	parseErr error // why it is not a SOAP message
}

// postMessage sends a message. fields are additional header names and values in pairs.
func (r *serverRun) postMessage(
	ctx context.Context, sent testmessages.Message, fields ...string,
) (*serverResponse, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, strings.NewReader(sent.Octets))
	if err != nil {
		return nil, fmt.Errorf("the address of the server: %w", err)
	}
	request.Header.Set("Content-Type", sent.ContentType)
	if sent.Action != "" {
		request.Header.Set("SOAPAction", `"`+sent.Action+`"`)
	}
	for i := 0; i < len(fields); i += 2 {
		request.Header.Set(fields[i], fields[i+1])
	}
	a, err := r.doRequest(request)
	if err != nil {
		return nil, err
	}
	a.parseErr = a.parseSOAP()
	return a, nil
}

// parseSOAP parses the body as a SOAP message, which may be an MTOM package.
func (a *serverResponse) parseSOAP() error {
	media, err := soap.ParseMedia(a.header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("the answer is none of SOAP: HTTP %d, %s", a.status, a.header.Get("Content-Type"))
	}
	envelope, err := media.UnpackEnvelope(a.body, xmldoc.DefaultLimits())
	if err != nil {
		return fmt.Errorf("the package cannot be read: HTTP %d: %w", a.status, err)
	}
	document, err := xmldoc.Parse(envelope, xmldoc.DefaultLimits())
	if err == nil {
		a.content, a.refusal, err = soap.ReadReply(document, ctr.NamespaceCore)
	}
	if err != nil {
		return fmt.Errorf("the answer cannot be read: HTTP %d: %w", a.status, err)
	}
	a.version = soap.SOAP11
	if document.Root().Space() == soap.Namespace12 {
		a.version = soap.SOAP12
	}
	return nil
}

// fetchURL sends a GET request.
func (r *serverRun) fetchURL(ctx context.Context, address string) (*serverResponse, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("the address of the server: %w", err)
	}
	return r.doRequest(request)
}

func (r *serverRun) doRequest(request *http.Request) (*serverResponse, error) {
	response, err := r.HTTP.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(response.Body, int64(xmldoc.DefaultLimits().Bytes)))
	if err != nil {
		return nil, fmt.Errorf("%w: the answer broke off: %w", ErrUnreachable, err)
	}
	return &serverResponse{status: response.StatusCode, header: response.Header, body: data}, nil
}

// callOperation signs and sends a valid request. It returns the response after checkResponse accepts it.
func (r *serverRun) callOperation(
	ctx context.Context, version soap.Version, operation string, v testmessages.RequestValues, fields ...string,
) (*serverResponse, error) {
	_, a, err := r.signAndSend(ctx, version, operation, v, fields...)
	return a, err
}

func (r *serverRun) signAndSend(
	ctx context.Context, version soap.Version, operation string, v testmessages.RequestValues, fields ...string,
) (string, *serverResponse, error) {
	request, err := r.generator.BuildRequest(operation, v)
	if err != nil {
		return "", nil, err
	}
	message, err := r.generator.Sign(version, r.Key, request)
	if err != nil {
		return "", nil, err
	}
	a, err := r.postMessage(ctx, testmessages.NewMessage(version, operation, message), fields...)
	if err != nil {
		return "", nil, err
	}
	return message, a, r.checkResponse(a, version, operation)
}

// checkResponse requires the response element of the operation, in the same SOAP version, valid against the schema.
func (r *serverRun) checkResponse(a *serverResponse, version soap.Version, operation string) error {
	switch {
	case a.parseErr != nil:
		return a.parseErr
	case a.refusal != nil:
		return fmt.Errorf("%s is refused: HTTP %d, %w", operation, a.status, a.refusal)
	case a.status != http.StatusOK:
		return fmt.Errorf("%s is answered with HTTP %d, not 200", operation, a.status)
	case a.version != version:
		return fmt.Errorf("%s is answered in another version of SOAP", operation)
	case !a.content.Is(ctr.NamespaceProtocol, operation+"Response"):
		return fmt.Errorf("%s is answered with %s", operation, a.content.Local())
	}
	if err := r.validate(a.content); err != nil {
		return fmt.Errorf("the answer to %s does not follow the schema: %w", operation, err)
	}
	return nil
}

// searchNotifications calls Search and returns its response.
func (r *serverRun) searchNotifications(
	ctx context.Context, v testmessages.RequestValues,
) (*ctr.SearchResponse, error) {
	a, err := r.callOperation(ctx, soap.SOAP11, "Search", v)
	if err != nil {
		return nil, err
	}
	return ctr.Decode[ctr.SearchResponse](a.content)
}

// notifyImplant calls NotifyImplant and returns its response.
func (r *serverRun) notifyImplant(ctx context.Context, v testmessages.RequestValues) (*ctr.NotifyResponse, error) {
	a, err := r.callOperation(ctx, soap.SOAP11, "NotifyImplant", v)
	if err != nil {
		return nil, err
	}
	return ctr.Decode[ctr.NotifyResponse](a.content)
}
