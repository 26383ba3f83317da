package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/samples"
	"github.com/openctr/ctr/internal/wire"
)

// Server is a server to judge, and what is needed to call it. It must be one for tests: notifications are written to it.
type Server struct {
	URL  string
	HTTP *http.Client
	Key  *pki.Key
	// Keys gives more keys of the server's test PKI by their entries, or samples.ErrNoKey.
	Keys  func(entry string) (*pki.Key, error)
	Data  samples.Data
	Now   func() time.Time
	NewID func() string // of letters, digits, "-" and "_", beginning with a letter or "_"
}

// Errors that end a run before it has judged anything.
var (
	ErrProduction  = errors.New("the server says that it is in production: a run writes notifications, and is for test services only")
	ErrUnreachable = errors.New("could not reach the server")
)

// errNotTried says that something is missing for a check.
var errNotTried = errors.New("not tried")

func notTried(why string) error { return fmt.Errorf("%w: %s", errNotTried, why) }

// trial is a requirement with the check of it.
type trial struct {
	Requirement

	try func(context.Context, *run) error
}

// run is the judgement of one server under way. Later checks use what earlier ones have made.
type run struct {
	Server

	maker     samples.Maker
	follows   func(xmldoc.Element) error // the schema
	number    string                     // of a notification that was accepted
	implant   string                     // of it
	reference string                     // of it
	card      []byte
}

// Judge tries every requirement for servers. The error is for a run that could not begin.
func (s Server) Judge(ctx context.Context) (*Report, error) {
	schemas, err := compiled()
	if err != nil {
		return nil, err
	}
	r := &run{Server: s, maker: samples.Maker{Data: s.Data, Now: s.Now, NewID: s.NewID}, follows: func(e xmldoc.Element) error { //nolint:contextcheck // works in memory
		_, violated := schemas.Check(e)
		return violated
	}}
	if err = r.knock(ctx); err != nil {
		return nil, err
	}
	report := &Report{Subject: "Server " + s.URL}
	for _, t := range trials() {
		switch err = t.try(ctx, r); {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err == nil:
			report.add(t.Requirement, Pass)
		case errors.Is(err, errNotTried):
			report.add(t.Requirement, NotShown, strings.TrimPrefix(err.Error(), errNotTried.Error()+": "))
		default:
			report.add(t.Requirement, Fail, err.Error())
		}
	}
	report.conclude()
	return report, nil
}

// trials are all requirements for servers, in the order in which they are tried.
func trials() []trial {
	all := append(contractTrials(), messageTrials()...)
	all = append(all, refusalTrials()...)
	return append(all, lastTrials()...)
}

// knock sends a message that nobody may act on, and reads in the fault which environment answers.
func (r *run) knock(ctx context.Context) error {
	request, err := r.maker.Request("Search", samples.Values{})
	if err != nil {
		return err
	}
	a, err := r.post(ctx, samples.Post(soap.SOAP11, "Search", samples.Unsigned(soap.SOAP11, request)))
	if err != nil {
		return err
	}
	if strings.Contains(string(a.octets), ">Production<") {
		return ErrProduction
	}
	return nil
}

// answer is what a server answered.
type answer struct {
	status  int
	header  http.Header
	octets  []byte
	version soap.Version
	content xmldoc.Element
	refusal *soap.Refusal
	err     error // why it is no SOAP
}

// post sends a message, with more fields of the header in pairs.
func (r *run) post(ctx context.Context, sent samples.Sent, fields ...string) (*answer, error) {
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
	a, err := r.do(request)
	if err != nil {
		return nil, err
	}
	a.err = a.read()
	return a, nil
}

// read reads an answer that should be one of SOAP.
func (a *answer) read() error {
	media, err := soap.ParseMedia(a.header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("the answer is none of SOAP: HTTP %d, %s", a.status, a.header.Get("Content-Type"))
	}
	envelope, err := media.Unpack(a.octets, xmldoc.DefaultLimits())
	if err != nil {
		return fmt.Errorf("the package cannot be read: HTTP %d: %w", a.status, err)
	}
	document, err := xmldoc.Parse(envelope, xmldoc.DefaultLimits())
	if err == nil {
		a.content, a.refusal, err = soap.ReadReply(document)
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

// get fetches something beside the service.
func (r *run) get(ctx context.Context, address string) (*answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("the address of the server: %w", err)
	}
	return r.do(request)
}

func (r *run) do(request *http.Request) (*answer, error) {
	response, err := r.HTTP.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	defer func() { _ = response.Body.Close() }()
	octets, err := io.ReadAll(io.LimitReader(response.Body, int64(xmldoc.DefaultLimits().Bytes)))
	if err != nil {
		return nil, fmt.Errorf("%w: the answer broke off: %w", ErrUnreachable, err)
	}
	return &answer{status: response.StatusCode, header: response.Header, octets: octets}, nil
}

// call signs and sends a good request, and returns an answer that is a response of the operation and follows the schema.
func (r *run) call(ctx context.Context, version soap.Version, operation string, v samples.Values, fields ...string) (*answer, error) {
	_, a, err := r.exchange(ctx, version, operation, v, fields...)
	return a, err
}

func (r *run) exchange(ctx context.Context, version soap.Version, operation string, v samples.Values, fields ...string) (string, *answer, error) {
	request, err := r.maker.Request(operation, v)
	if err != nil {
		return "", nil, err
	}
	message, err := r.maker.Sign(version, r.Key, request)
	if err != nil {
		return "", nil, err
	}
	a, err := r.post(ctx, samples.Post(version, operation, message), fields...)
	if err != nil {
		return "", nil, err
	}
	return message, a, r.responds(a, version, operation)
}

// responds wants an answer to be the response of an operation, in the same version, and to follow the schema.
func (r *run) responds(a *answer, version soap.Version, operation string) error {
	switch {
	case a.err != nil:
		return a.err
	case a.refusal != nil:
		return fmt.Errorf("%s is refused: HTTP %d, %w", operation, a.status, a.refusal)
	case a.status != http.StatusOK:
		return fmt.Errorf("%s is answered with HTTP %d, not 200", operation, a.status)
	case a.version != version:
		return fmt.Errorf("%s is answered in another version of SOAP", operation)
	case !a.content.Is(wire.NamespaceProtocol, operation+"Response"):
		return fmt.Errorf("%s is answered with %s", operation, a.content.Local())
	}
	if err := r.follows(a.content); err != nil {
		return fmt.Errorf("the answer to %s does not follow the schema: %w", operation, err)
	}
	return nil
}

// found searches and returns the answer.
func (r *run) found(ctx context.Context, v samples.Values) (*wire.SearchResponse, error) {
	a, err := r.call(ctx, soap.SOAP11, "Search", v)
	if err != nil {
		return nil, err
	}
	return wire.Decode[wire.SearchResponse](a.content)
}

// registered sends a notification, and returns what it became.
func (r *run) registered(ctx context.Context, v samples.Values) (*wire.NotifyResponse, error) {
	a, err := r.call(ctx, soap.SOAP11, "NotifyImplant", v)
	if err != nil {
		return nil, err
	}
	return wire.Decode[wire.NotifyResponse](a.content)
}
