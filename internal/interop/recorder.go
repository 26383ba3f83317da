package interop

import (
	"bytes"
	"crypto/tls"
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

	after func(Exchange)
	mu    sync.Mutex
	all   []Exchange
}

// Exchange is a request and its response, as sent over the wire.
type Exchange struct {
	SentType     string // Content-Type
	Action       string // SOAPAction
	Accept       []string
	Sent         []byte
	Status       int
	AnsweredType string
	Answered     []byte
}

// StartRecorder starts a recorder in front of a service. It calls after, unless nil, with each exchange before the
// client gets the response. The recorder ends with the test.
func Record(tb testing.TB, service *Service, after func(Exchange)) *Recorder {
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
	r := &Recorder{after: after}
	server := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = target.Scheme, target.Host
			p.Out.Host = p.In.Host // so that the WSDL contains the recorder's address
		},
		Transport: &recording{service.HTTP(tb).Transport, r},
	})
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	tb.Cleanup(server.Close)
	r.URL = server.URL + target.Path
	return r
}

// recordingTransport forwards all requests and stores the POST exchanges.
type recording struct {
	next     http.RoundTripper
	recorder *Recorder
}

func (t *recording) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodPost {
		return t.next.RoundTrip(request)
	}
	sent, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(sent)), int64(len(sent))
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	answered, err := io.ReadAll(response.Body)
	if err == nil {
		err = response.Body.Close()
	}
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(answered))
	t.recorder.keep(Exchange{
		SentType: request.Header.Get("Content-Type"), Action: request.Header.Get("SOAPAction"), Accept: request.Header.Values("Accept"), Sent: sent,
		Status: response.StatusCode, AnsweredType: response.Header.Get("Content-Type"), Answered: answered,
	})
	return response, nil
}

func (r *Recorder) keep(e Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, e)
	if r.after != nil {
		r.after(e)
	}
}

// Exchanges returns a copy of the exchanges so far.
func (r *Recorder) Exchanges() []Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Exchange(nil), r.all...)
}

// String formats the last exchange, for messages of failed tests.
func (r *Recorder) String() string {
	all := r.Exchanges()
	if len(all) == 0 {
		return "no message was sent"
	}
	last := all[len(all)-1]
	return fmt.Sprintf("%d messages; the last:\nContent-Type: %s\n\n%s\n\nHTTP %d\n%s", len(all), last.SentType, last.Sent, last.Status, strings.ToValidUTF8(string(last.Answered), "?"))
}
