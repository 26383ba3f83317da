package interop

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Recorder is a proxy between a client and a service that stores the messages. It uses the service's own TLS
// certificate.
type Recorder struct {
	URL string

	onExchange func(Exchange)
	mu         sync.Mutex
	exchanges  []Exchange
}

// Exchange is a request and its response, as sent over the wire.
type Exchange struct {
	RequestType  string // Content-Type
	Action       string // SOAPAction
	Accept       []string
	Request      []byte
	Status       int
	ResponseType string
	Response     []byte
}

// StartRecorder starts a recorder in front of a service. It calls after, unless nil, with each exchange before the
// client gets the response. The recorder ends with the test.
func StartRecorder(tb testing.TB, service *Service, after func(Exchange)) *Recorder {
	tb.Helper()
	target, err := url.Parse(service.URL)
	if err != nil {
		tb.Fatal(err)
	}
	certs := filepath.Dir(service.CA)
	certificate, err := tls.LoadX509KeyPair(filepath.Join(certs, "server.pem"), filepath.Join(certs, "server-key.pem"))
	if err != nil {
		tb.Fatal(err)
	}
	r := &Recorder{onExchange: after}
	server := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = target.Scheme, target.Host
			p.Out.Host = p.In.Host // so that the WSDL contains the recorder's address
		},
		Transport: &recordingTransport{service.NewHTTPClient(tb).Transport, r},
	})
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	tb.Cleanup(server.Close)
	r.URL = server.URL + target.Path
	return r
}

// recordingTransport forwards all requests and stores the POST exchanges.
type recordingTransport struct {
	next     http.RoundTripper
	recorder *Recorder
}

func (t *recordingTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodPost {
		return t.next.RoundTrip(request)
	}
	sent, err := readAllAndClose(request.Body)
	if err != nil {
		return nil, err
	}
	request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(sent)), int64(len(sent))
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	answered, err := readAllAndClose(response.Body)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(answered))
	t.recorder.addExchange(Exchange{
		RequestType: request.Header.Get("Content-Type"), Action: request.Header.Get("SOAPAction"), Accept: request.Header.Values("Accept"), Request: sent,
		Status: response.StatusCode, ResponseType: response.Header.Get("Content-Type"), Response: answered,
	})
	return response, nil
}

// readAllAndClose closes the body also when reading it fails.
func readAllAndClose(body io.ReadCloser) ([]byte, error) {
	data, err := io.ReadAll(body)
	return data, errors.Join(err, body.Close())
}

func (r *Recorder) addExchange(e Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.exchanges = append(r.exchanges, e)
	if r.onExchange != nil {
		r.onExchange(e)
	}
}

// Exchanges returns a copy of the exchanges so far.
func (r *Recorder) Exchanges() []Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Exchange(nil), r.exchanges...)
}

// String formats the last exchange, for messages of failed tests.
func (r *Recorder) String() string {
	all := r.Exchanges()
	if len(all) == 0 {
		return "no message was sent"
	}
	last := all[len(all)-1]
	return fmt.Sprintf("%d messages; the last:\nContent-Type: %s\n\n%s\n\nHTTP %d\n%s", len(all), last.RequestType, last.Request, last.Status, strings.ToValidUTF8(string(last.Response), "?"))
}
