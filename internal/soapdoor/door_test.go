package soapdoor_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/reqlog"
	"github.com/openctr/ctr/internal/soapdoor"
	"github.com/openctr/ctr/internal/soapdoor/ctrdoor"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/wire/ctr"
	"github.com/openctr/ctr/xsd"
)

// door is a service with its register.
type door struct {
	*registertest.Register
	service *soapdoor.Service
}

// The schemas, compiled once for all tests.
var (
	messageSchema = sync.OnceValues(ctr.CompileSchema)
	errorSchema   = sync.OnceValues(func() (*schema.Schema, error) { return schema.Compile(ctr.Contract().Schemas, xsd.Errors, nil) })
)

func openDoor(tb testing.TB, r *registertest.Register, s settings) *door {
	tb.Helper()
	return openSigningDoor(tb, r, s, nil)
}

// openSigningDoor opens a service that signs its replies, unless signReply is nil.
func openSigningDoor(tb testing.TB, r *registertest.Register, s settings, signReply func([]byte) ([]byte, error)) *door {
	tb.Helper()
	return openDoorWithClock(tb, r, s, r.Clock.Now, signReply)
}

// openDoorWithClock opens a service with a clock other than that of the register.
func openDoorWithClock(tb testing.TB, r *registertest.Register, s settings, now func() time.Time, signReply func([]byte) ([]byte, error)) *door {
	tb.Helper()
	log, err := reqlog.New(slog.New(slog.NewJSONHandler(io.Discard, nil)), r.Clock.Now, prometheus.NewRegistry())
	if err != nil {
		tb.Fatal(err)
	}
	compiled, err := messageSchema()
	if err != nil {
		tb.Fatal(err)
	}
	return &door{r, soapdoor.New(soapdoor.Config{
		Contracts: []soapdoor.Contract{ctrdoor.NewContract(ctrdoor.Config{
			Registrar: r.Registrar, Schema: compiled,
			Verifier: &wsse.Verifier{Trust: testTrust(tb), Now: now, Strict: s.strict, AllowSHA1Until: s.sha1Until},
		})},
		Log: log, Now: now, NewID: registertest.NewIDCounter("door-"), Environment: "Test", SignReply: signReply,
	})}
}

func newDoor(tb testing.TB, s settings) *door {
	tb.Helper()
	return openDoor(tb, registertest.New(tb, registertest.Options{RequireCareRelation: s.requireLink}), s)
}

// reply is a complete HTTP response.
type reply struct {
	status int
	header http.Header
	body   string
}

// serveRequest passes a request to the service.
func (d *door) serveRequest(tb testing.TB, r *http.Request) reply {
	tb.Helper()
	recorder := httptest.NewRecorder()
	d.service.ServeHTTP(recorder, r)
	response := recorder.Result()
	octets, err := io.ReadAll(response.Body)
	if err == nil {
		err = response.Body.Close()
	}
	if err != nil {
		tb.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(octets)}
}

// postMessage posts a message and returns the response.
func (d *door) postMessage(tb testing.TB, version soap.Version, octets string, headers http.Header) reply {
	tb.Helper()
	request := httptest.NewRequestWithContext(tb.Context(), http.MethodPost, ctr.Path, strings.NewReader(octets))
	request.Header.Set("Content-Type", version.ContentType())
	for name, values := range headers {
		request.Header[name] = values
	}
	return d.serveRequest(tb, request)
}
