// Package client calls the register as a hospital's software does: it signs a request with an eHealth certificate,
// sends it, and reads the response or the fault.
//
// It is separate from the commands so that batch jobs, the demonstration and the tests use the same code. It builds
// and signs with etree and goxmldsig (through wsse.Sign) and reads with our own strict parser.
package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/beevik/etree"

	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// requestTTL is the validity of a request; the service accepts at most five minutes.
const requestTTL = time.Minute

// ErrUnreachable is wrapped by every failure to get an answer from a register.
var ErrUnreachable = errors.New("could not reach the service")

// Client signs and sends requests.
type Client struct {
	URL   string
	Key   *x509id.Key
	HTTP  *http.Client
	Now   func() time.Time
	NewID func() string
}

// Call sends the request of an operation and reads its response. A refusal by the service is a *soap.Refusal.
func Call[Q, R any](ctx context.Context, c *Client, operation string, request *Q) (*R, error) {
	body, err := ctr.Encode(operation+"Request", request)
	if err != nil {
		return nil, err
	}
	message, err := c.Sign(body)
	if err != nil {
		return nil, err
	}
	content, err := c.Send(ctx, operation, message)
	if err != nil {
		return nil, err
	}
	if !content.Is(ctr.NamespaceProtocol, operation+"Response") {
		return nil, fmt.Errorf("%w: it answered with another element: %s", ErrUnreachable, content.Local())
	}
	return ctr.Decode[R](content)
}

// Sign wraps a request in a SOAP 1.1 envelope and signs it.
func (c *Client) Sign(body []byte) ([]byte, error) {
	options := wsse.SignOptions{Created: c.Now(), TTL: requestTTL, NewID: c.NewID, SignToken: true}
	return SignEnvelope(soap.WrapBody(soap.SOAP11, body), c.Key, options)
}

// SignEnvelope signs an envelope, which may also be that of a reply.
func SignEnvelope(envelope []byte, key *x509id.Key, o wsse.SignOptions) ([]byte, error) {
	d := etree.NewDocument()
	if err := d.ReadFromBytes(envelope); err != nil {
		return nil, fmt.Errorf("build the envelope: %w", err)
	}
	if err := wsse.Sign(d, key, o); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	message, err := d.WriteToBytes()
	if err != nil {
		return nil, fmt.Errorf("write the envelope: %w", err)
	}
	return message, nil
}

// newNoRedirectClient returns an HTTP client that follows no redirect: a signed message must not go to any other
// address than the intended one.
func (c *Client) newNoRedirectClient() *http.Client {
	direct := *c.HTTP
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &direct
}

// Send posts a signed message and returns the content of the Body of the answer.
func (c *Client) Send(ctx context.Context, operation string, message []byte) (xmldoc.Element, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(message))
	if err != nil {
		return xmldoc.Element{}, fmt.Errorf("the address of the service: %w", err)
	}
	request.Header.Set("Content-Type", soap.SOAP11.ContentType())
	request.Header.Set("SOAPAction", `"`+ctr.Contract().Action(operation)+`"`)
	response, err := c.newNoRedirectClient().Do(request)
	if err != nil {
		return xmldoc.Element{}, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	defer func() { _ = response.Body.Close() }()
	limits := xmldoc.DefaultLimits()
	data, err := io.ReadAll(io.LimitReader(response.Body, int64(limits.Bytes)+1))
	if err != nil {
		return xmldoc.Element{}, fmt.Errorf("%w: the answer broke off: %w", ErrUnreachable, err)
	}
	document, err := xmldoc.Parse(data, limits)
	if err != nil {
		return xmldoc.Element{}, fmt.Errorf(
			"%w: HTTP %d, and the answer is no XML: %w", ErrUnreachable, response.StatusCode, err,
		)
	}
	content, refusal, err := soap.ReadReply(document, ctr.NamespaceCore)
	if err != nil {
		return xmldoc.Element{}, fmt.Errorf(
			"%w: HTTP %d, and the answer is no SOAP: %w", ErrUnreachable, response.StatusCode, err,
		)
	}
	if refusal != nil {
		return xmldoc.Element{}, refusal
	}
	return content, nil
}
