package soapdoor_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/reqlog"
	"github.com/openctr/ctr/internal/soapdoor"
	"github.com/openctr/ctr/internal/soapdoor/ctrdoor"
	"github.com/openctr/ctr/internal/testing/registertest"
)

// TestFailureAfterAudit makes the signature of the response fail after the register has stored the notification and
// recorded it as accepted. What is durable stays, and the log and the metrics show the failure under the correlation ID
// of the fault.
func TestFailureAfterAudit(t *testing.T) {
	t.Parallel()
	r, registry := registertest.New(t, registertest.Options{}), prometheus.NewRegistry()
	var logged bytes.Buffer
	log, err := reqlog.New(slog.New(slog.NewJSONHandler(&logged, nil)), r.Clock.Now, registry)
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := messageSchema()
	if err != nil {
		t.Fatal(err)
	}
	d := &door{r, soapdoor.New(soapdoor.Config{
		Contracts: []soapdoor.Contract{ctrdoor.NewContract(ctrdoor.Config{
			Registrar: r.Registrar, Schema: compiled, Verifier: &wsse.Verifier{Trust: testTrust(t), Now: r.Clock.Now},
		})},
		Log: log, Now: r.Clock.Now, NewID: registertest.NewIDCounter("door-"), Environment: "Test",
		SignReply: func([]byte) ([]byte, error) { return nil, errBroken },
	})}
	request := newRequest(t, strings.NewReader(usualNotification(t, 1)))
	a := wantRefusal(t, d, request, http.StatusInternalServerError, "INTERNAL")
	if !a.refusal.Retry {
		t.Error("a notification with an InputReference may be sent again, and its fault says no")
	}
	wantEvents(t, d, platform.OutcomeAccepted)
	if n := d.CountNotifications(t); n != 1 {
		t.Errorf("%d notifications", n)
	}
	var event struct{ Level, ID, Operation, Code, Error string }
	if err = json.Unmarshal(logged.Bytes(), &event); err != nil {
		t.Fatalf("%v: %s", err, logged.String())
	}
	if event.Level != "ERROR" || event.ID != a.refusal.ID || event.Operation != "NotifyImplant" || event.Code != "INTERNAL" ||
		!strings.Contains(event.Error, "the request was performed, but its response failed") ||
		!strings.Contains(event.Error, "not signed") {
		t.Errorf("%+v", event)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := 0.0
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == "ctr_requests_total" && strings.Contains(m.String(), "INTERNAL") {
				counted += m.GetCounter().GetValue()
			}
		}
	}
	if counted != 1 {
		t.Errorf("counted %v times", counted)
	}
}

// TestReplayCostsACooldown checks that the door tells the admission control about a replay, although it verifies: the
// next message of an unverified connection waits. Elapsed time has only a lower bound here.
func TestReplayCostsACooldown(t *testing.T) {
	t.Parallel()
	const step = 50 * time.Millisecond
	r := registertest.New(t, registertest.Options{})
	now := r.Clock.Now()
	d := openDoorWithClock(t, r, settings{}, func() time.Time { now = now.Add(step); return now }, nil)
	message := usualNotification(t, 1)
	if got := postForOutcome(t, d, message); got != firstNumber {
		t.Fatal(got)
	}
	post := func() time.Duration {
		request := newRequest(t, strings.NewReader(message))
		request.RemoteAddr = "198.51.100.7:1" // a thief: where the message comes from, its certificate stands
		began := time.Now()
		d.serveRequest(t, request)
		return time.Since(began)
	}
	post() // a replay
	if waited := post(); waited < step {
		t.Errorf("after a replay, the next message waited only %v", waited)
	}
}
