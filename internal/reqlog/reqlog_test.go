package reqlog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openctr/ctr/internal/reqlog"
)

// testLog is a Log with readable output.
type testLog struct {
	*reqlog.Log
	lines    bytes.Buffer
	now      time.Time
	registry *prometheus.Registry
}

func newTestLog(t *testing.T) *testLog {
	t.Helper()
	b := &testLog{now: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC), registry: prometheus.NewRegistry()}
	var err error
	b.Log, err = reqlog.New(slog.New(slog.NewJSONHandler(&b.lines, nil)), func() time.Time { return b.now }, b.registry)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// logRequest logs a request of 20 ms and returns its log line.
func (b *testLog) logRequest(t *testing.T, fill func(*reqlog.Event)) map[string]any {
	t.Helper()
	b.lines.Reset()
	e := b.Begin("c-1")
	fill(e)
	b.now = b.now.Add(20 * time.Millisecond)
	b.End(t.Context(), e)
	if n := strings.Count(b.lines.String(), "\n"); n != 1 {
		t.Fatalf("%d lines: %s", n, b.lines.String())
	}
	var line map[string]any
	if err := json.Unmarshal(b.lines.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	return line
}

// The attributes of a log line. Before adding one, make sure that it can never identify a person.
var (
	acceptedAttributes = []string{"bytes", "id", "level", "msg", "operation", "signer_type", "status", "time", "took"}
	refusedAttributes  = []string{"bytes", "code", "error", "id", "level", "msg", "operation", "signer_type", "status", "time", "took"}
	sampledAttributes  = []string{"bytes", "code", "error", "id", "level", "msg", "omitted", "operation", "signer_type", "status", "time", "took"}
)

func TestLine(t *testing.T) {
	cases := []struct {
		name   string
		event  reqlog.Event
		fields []string
		level  string
	}{
		{"accepted", reqlog.Event{Operation: "Search", SignerType: "SSIN", Status: 200, Bytes: 6000}, acceptedAttributes, "INFO"},
		{"refused", reqlog.Event{Operation: "Search", SignerType: "SSIN", Status: 500, Code: "RULES_VIOLATED", Err: errors.New("why")}, refusedAttributes, "WARN"},
		{"before an operation", reqlog.Event{Status: 400, Code: "NOT_SOAP", Err: errors.New("why")}, refusedAttributes, "WARN"},
		{"our fault", reqlog.Event{Status: 500, Code: "INTERNAL", Err: errors.New("why")}, refusedAttributes, "ERROR"},
		{"store down", reqlog.Event{Status: 503, Code: "STORE_UNAVAILABLE", Err: errors.New("why")}, refusedAttributes, "ERROR"},
		{"hung up", reqlog.Event{Status: 499, Code: "CALLER_GONE", Err: errors.New("why")}, sampledAttributes, "WARN"},
		{"overloaded", reqlog.Event{Status: 503, Code: "OVERLOADED", Err: errors.New("why")}, sampledAttributes, "WARN"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newTestLog(t)
			line := b.logRequest(t, func(e *reqlog.Event) {
				id, started := e.ID, e.Started
				*e = c.event
				e.ID, e.Started = id, started
			})
			if got := slices.Sorted(maps.Keys(line)); !slices.Equal(got, c.fields) {
				t.Errorf("fields %q", got)
			}
			if line["level"] != c.level || line["msg"] != "request" || line["id"] != "c-1" || line["operation"] != c.event.Operation ||
				line["signer_type"] != c.event.SignerType || line["status"] != float64(c.event.Status) || line["bytes"] != float64(c.event.Bytes) ||
				line["took"] != float64(20*time.Millisecond) {
				t.Errorf("line %v", line)
			}
			if c.event.Err != nil && (line["code"] != c.event.Code || line["error"] != "why") {
				t.Errorf("line %v", line)
			}
		})
	}
}

// TestFindingR10RefusalsAreSampled logs a flood of refusals: of those that say how much, not what, is refused the log has
// one a second, with the number of those between; the metrics count all.
func TestFindingR10RefusalsAreSampled(t *testing.T) {
	for _, c := range []struct {
		name, code string
		events     int
		pause      time.Duration
		lines      int
		omitted    float64 // in all lines
	}{
		{"overloaded", "OVERLOADED", 1000, 10 * time.Millisecond, 10, 891},
		{"hung up", "CALLER_GONE", 1000, 10 * time.Millisecond, 10, 891},
		{"all at once", "OVERLOADED", 1000, 0, 1, 0},
		{"seldom", "OVERLOADED", 10, 2 * time.Second, 10, 0},
		{"another refusal", "SIGNATURE_INVALID", 100, 0, 100, 0},
		{"an error of the service", "STORE_UNAVAILABLE", 100, 0, 100, 0},
		{"accepted", "", 100, 0, 100, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var written bytes.Buffer
			now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
			registry := prometheus.NewRegistry()
			l, err := reqlog.New(slog.New(slog.NewJSONHandler(&written, nil)), func() time.Time { return now }, registry)
			if err != nil {
				t.Fatal(err)
			}
			for range c.events {
				e := l.Begin("c-1")
				e.Code = c.code
				l.End(t.Context(), e)
				now = now.Add(c.pause)
			}
			omitted, lines := 0.0, strings.Split(strings.TrimSpace(written.String()), "\n")
			for _, line := range lines {
				var fields map[string]any
				if err = json.Unmarshal([]byte(line), &fields); err != nil {
					t.Fatal(err)
				}
				if n, ok := fields["omitted"].(float64); ok {
					omitted += n
				}
			}
			if len(lines) != c.lines || omitted != c.omitted {
				t.Errorf("%d lines, %v omitted", len(lines), omitted)
			}
			families, err := registry.Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, family := range families {
				if n := family.GetMetric()[0].GetCounter().GetValue(); family.GetName() == "ctr_requests_total" && int(n) != c.events {
					t.Errorf("counted %v", n)
				}
			}
		})
	}
}

// TestEventHasNoFieldForPeople checks that an event has no field for a person, a patient or the content of a message.
func TestEventHasNoFieldForPeople(t *testing.T) {
	var fields []string
	for i := range reflect.TypeFor[reqlog.Event]().NumField() {
		fields = append(fields, reflect.TypeFor[reqlog.Event]().Field(i).Name)
	}
	if want := []string{"ID", "Operation", "SignerType", "Status", "Code", "Bytes", "Started", "Err"}; !slices.Equal(fields, want) {
		t.Errorf("fields %q: what may the new one tell about a person?", fields)
	}
}

func TestMetrics(t *testing.T) {
	b := newTestLog(t)
	for range 3 {
		b.logRequest(t, func(e *reqlog.Event) { e.Operation = "Search" })
	}
	b.logRequest(t, func(e *reqlog.Event) { e.Operation, e.Code = "Search", "MAY_NOT_READ" })
	b.logRequest(t, func(e *reqlog.Event) { e.Code = "NOT_SOAP" })
	families, err := b.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			name := family.GetName()
			for _, label := range metric.GetLabel() {
				name += " " + label.GetName() + "=" + label.GetValue()
			}
			if h := metric.GetHistogram(); h != nil {
				got[name+" count"] = float64(h.GetSampleCount())
				got[name+" milliseconds"] = float64(int(h.GetSampleSum()*1000 + .5))
				continue
			}
			got[name] = metric.GetCounter().GetValue()
		}
	}
	want := map[string]float64{
		"ctr_requests_total code= operation=Search":             3,
		"ctr_requests_total code=MAY_NOT_READ operation=Search": 1,
		"ctr_requests_total code=NOT_SOAP operation=":           1,
		"ctr_request_seconds operation=Search count":            4,
		"ctr_request_seconds operation=Search milliseconds":     80,
		"ctr_request_seconds operation= count":                  1,
		"ctr_request_seconds operation= milliseconds":           20,
	}
	if !maps.Equal(got, want) {
		t.Errorf("counted %v", got)
	}
}

// TestRegisteredOnce checks that two logs cannot share one metrics registry.
func TestRegisteredOnce(t *testing.T) {
	b := newTestLog(t)
	if l, err := reqlog.New(slog.New(slog.DiscardHandler), time.Now, b.registry); err == nil || l != nil {
		t.Errorf("a second log: %v, %v", l, err)
	}
}
