package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
)

var now = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

// newClient returns a client of a server with TLS.
func newClient(tb testing.TB, server *httptest.Server) *client.Client {
	tb.Helper()
	ids := 0
	return &client.Client{URL: server.URL + "/ctr/v1", Key: testpki.Key(tb, testpki.Hospital), HTTP: server.Client(),
		Now: func() time.Time { return now }, NewID: func() string { ids++; return fmt.Sprintf("_%d", ids) }}
}

func newClientOfHandler(tb testing.TB, handler http.HandlerFunc) *client.Client {
	tb.Helper()
	server := httptest.NewTLSServer(handler)
	tb.Cleanup(server.Close)
	return newClient(tb, server)
}

// respondWith always sends the same answer.
func respondWith(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

func callSearch(ctx context.Context, c *client.Client) (*ctr.SearchResponse, error) {
	return client.Call[ctr.SearchRequest, ctr.SearchResponse](ctx, c, "Search", &ctr.SearchRequest{
		MaxElements: 20, Criteria: ctr.SearchCriteria{ByPatient: &ctr.ByPatient{Patient: "48022907379"}}})
}

// TestCall checks that a request passes a strict verifier and arrives unchanged, and that the answer is returned.
func TestCall(t *testing.T) {
	verifier := &wsse.Verifier{Trust: testpki.NewTrustStore(t), Now: func() time.Time { return now }, Strict: true}
	c := newClientOfHandler(t, func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		document, err := xmldoc.Parse(data, xmldoc.DefaultLimits())
		if err != nil {
			t.Error(err)
			return
		}
		envelope, err := soap.Open(document)
		if err != nil {
			t.Error(err)
			return
		}
		verified, err := verifier.Verify(envelope)
		if err != nil {
			t.Error(err)
			return
		}
		if verified.Signer().String() != testpki.Hospital || !verified.ValidUntil().Equal(now.Add(time.Minute)) {
			t.Errorf("signed by %s until %s", verified.Signer(), verified.ValidUntil())
		}
		request, err := ctr.Decode[ctr.SearchRequest](verified.Body())
		if err != nil || request.Criteria.ByPatient.Patient != "48022907379" || request.MaxElements != 20 {
			t.Errorf("request %+v, %v", request, err)
		}
		if r.Method != http.MethodPost || r.URL.Path != "/ctr/v1" || r.Header.Get("Content-Type") != "text/xml; charset=utf-8" ||
			r.Header.Get("SOAPAction") != `"urn:be:fgov:ehealth:ctr:protocol:v1:Search"` {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		body, err := ctr.Encode("SearchResponse", &ctr.SearchResponse{Total: 3})
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(soap.WrapBody(soap.SOAP11, body))
	})
	answer, err := callSearch(t.Context(), c)
	if err != nil || answer.Total != 3 {
		t.Errorf("answer %+v, %v", answer, err)
	}
}

// TestRefused checks that a fault of either SOAP version is a refusal and not ErrUnreachable.
func TestRefused(t *testing.T) {
	for _, v := range []soap.Version{soap.SOAP11, soap.SOAP12} {
		fault := soap.FaultFrom(problem.New(authorization.NotYourOperation), soap.FaultContext{Version: v, ID: "c-1", Environment: "Test", Namespaces: ctr.FaultNamespaces()})
		answer, err := callSearch(t.Context(), newClientOfHandler(t, respondWith(fault.Status, string(fault.Body))))
		refusal, ok := errors.AsType[*soap.Refusal](err)
		if !ok || errors.Is(err, client.ErrUnreachable) || refusal.Code != "SOA-01002" || refusal.ID != "c-1" || answer != nil {
			t.Errorf("answer %v, %v", answer, err)
		}
	}
}

// TestUnreachable checks that any answer that is not a register's is ErrUnreachable and not a refusal.
func TestUnreachable(t *testing.T) {
	other, err := ctr.Encode("GetImplantCardResponse", &ctr.GetImplantCardResponse{})
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name    string
		handler http.HandlerFunc
		say     string
	}{
		{"a page", respondWith(502, "<html><body>Bad gateway"), "HTTP 502, and the answer is no XML"},
		{"nothing", respondWith(200, ""), "HTTP 200, and the answer is no XML"},
		{"another XML", respondWith(404, "<html/>"), "HTTP 404, and the answer is no SOAP"},
		{"an empty body", respondWith(200, string(soap.WrapBody(soap.SOAP11, nil))), "HTTP 200, and the answer is no SOAP"},
		{"another answer", respondWith(200, string(soap.WrapBody(soap.SOAP11, other))), "it answered with another element"},
		{"too large", respondWith(200, "<a>"+strings.Repeat(" ", xmldoc.DefaultLimits().Bytes)+"</a>"), "the answer is no XML"},
		{"broken off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "<a>")
		}, "the answer broke off"},
		{"hung up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "could not reach"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			answer, err := callSearch(t.Context(), newClientOfHandler(t, c.handler))
			if !errors.Is(err, client.ErrUnreachable) || !strings.Contains(err.Error(), c.say) || answer != nil {
				t.Errorf("answer %v, %v", answer, err)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		server := httptest.NewTLSServer(http.NotFoundHandler())
		c := newClient(t, server)
		server.Close()
		if _, err := callSearch(t.Context(), c); !errors.Is(err, client.ErrUnreachable) {
			t.Error(err)
		}
	})
	t.Run("a server that is not trusted", func(t *testing.T) {
		c := newClientOfHandler(t, respondWith(200, "<a/>"))
		c.HTTP = &http.Client{}
		if _, err := callSearch(t.Context(), c); !errors.Is(err, client.ErrUnreachable) {
			t.Error(err)
		}
	})
	t.Run("no patience", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := callSearch(ctx, newClientOfHandler(t, respondWith(200, "<a/>"))); !errors.Is(err, client.ErrUnreachable) || !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// TestNotSent checks that an invalid request or address is reported before anything is sent, and not as
// ErrUnreachable.
func TestNotSent(t *testing.T) {
	c := newClientOfHandler(t, func(http.ResponseWriter, *http.Request) { t.Error("sent") })
	_, err := client.Call[ctr.SearchRequest, ctr.SearchResponse](t.Context(), c, "Search", &ctr.SearchRequest{
		Criteria: ctr.SearchCriteria{ByImplant: &ctr.ByImplant{UDI: "0105410000001047\x1d10L1"}}})
	if err == nil || errors.Is(err, client.ErrUnreachable) || !strings.Contains(err.Error(), "XML cannot carry") {
		t.Errorf("a scanned code with its separators: %v", err)
	}
	if _, err := client.Call[struct{}, ctr.SearchResponse](t.Context(), c, "Search", &struct{}{}); err == nil {
		t.Error("no message of the contract")
	}
	c.URL = "https://exa mple/\x7f"
	if _, err := callSearch(t.Context(), c); err == nil || errors.Is(err, client.ErrUnreachable) {
		t.Errorf("a wrong address: %v", err)
	}
}
