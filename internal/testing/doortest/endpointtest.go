// Package doortest provides tests with a running service in the same process: the SOAP door on a real register with
// the development data, trusting the frozen test PKI, with a clock that the test sets.
//
// It is separate from registertest because the tests of the domain must not reach a door, and from interop because it
// builds and starts no program. It is for tests only; production code never imports it.
package doortest

import (
	"log/slog"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/reqlog"
	"github.com/openctr/ctr/internal/soapdoor"
	"github.com/openctr/ctr/internal/soapdoor/ctrdoor"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// Door is a SOAP service with its register.
type Door struct {
	*registertest.Register
	*soapdoor.Service
}

// compileMessageSchema compiles the schemas once for all tests.
var compileMessageSchema = sync.OnceValues(ctr.CompileSchema)

// New starts a service for the environment Test.
func New(tb testing.TB) *Door {
	tb.Helper()
	r := registertest.New(tb, registertest.Options{})
	log, err := reqlog.New(slog.New(slog.DiscardHandler), r.Clock.Now, prometheus.NewRegistry())
	if err != nil {
		tb.Fatal(err)
	}
	messages, err := compileMessageSchema()
	if err != nil {
		tb.Fatal(err)
	}
	return &Door{r, soapdoor.New(soapdoor.Config{
		Contracts: []soapdoor.Contract{ctrdoor.NewContract(ctrdoor.Config{
			Registrar: r.Registrar, Schema: messages,
			Verifier: &wsse.Verifier{Trust: testpki.NewTrustStore(tb), Now: r.Clock.Now},
		})},
		Log: log, Now: r.Clock.Now, NewID: registertest.NewIDCounter("door-"), Environment: "Test",
	})}
}
