// Package reqlog emits one structured log event per request and counts the same in metrics.
//
// It is a package of its own so that every door logs the same attributes under the same names, and so that one place
// decides what is never logged: an event has no field for a person, a patient or the content of a message. The audit
// log, which has them, belongs to the register and its store.
package reqlog

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openctr/ctr/internal/problem"
)

// Event describes one request. The door fills it in while it processes the request.
type Event struct {
	ID         string // the correlation ID, also the Id attribute of a fault
	Operation  string // empty if the operation was not identified
	SignerType string // the certificate type, never the number
	Status     int    // HTTP status
	Code       string // code of the refusal, or empty
	Bytes      int    // size of the request body
	Started    time.Time
	Err        error // cause of the refusal, for the operator
}

// Log emits events and updates the metrics.
type Log struct {
	logger    *slog.Logger
	now       func() time.Time
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec

	mutex   sync.Mutex
	sampled map[string]sample // by code
}

// sample counts the events of a code that were not logged since the last one that was.
type sample struct {
	lastLogged time.Time
	omitted    int
}

// sampleInterval is the time in which one event of a sampled code is logged. These codes say how much is refused, and
// not what; a line for each would fill the disk during an attack.
const sampleInterval = time.Second

func isSampled(code string) bool {
	return code == string(problem.Overloaded) || code == string(problem.CallerGone)
}

// takeSample reports whether the event is to be logged, and how many of its code were omitted before.
func (l *Log) takeSample(code string) (omitted int, ok bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	now, s := l.now(), l.sampled[code]
	if !s.lastLogged.IsZero() && now.Sub(s.lastLogged) < sampleInterval {
		s.omitted++
		l.sampled[code] = s
		return 0, false
	}
	l.sampled[code] = sample{lastLogged: now}
	return s.omitted, true
}

// New returns a Log that writes to logger and registers its metrics with registry.
func New(logger *slog.Logger, now func() time.Time, registry prometheus.Registerer) (*Log, error) {
	l := &Log{
		logger:  logger,
		now:     now,
		sampled: map[string]sample{},
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ctr_requests_total",
			Help: "Requests by operation and by the code of the refusal, empty when accepted.",
		}, []string{"operation", "code"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ctr_request_seconds", Help: "Time from the first octet of a request to its answer, in seconds.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}, []string{"operation"}),
	}
	for _, c := range []prometheus.Collector{l.requests, l.durations} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Begin starts the event of a request.
func (l *Log) Begin(id string) *Event { return &Event{ID: id, Started: l.now()} }

// End counts the event and emits it: of a sampled code one a second. Call it once, when the response is known.
func (l *Log) End(ctx context.Context, e *Event) {
	took := l.now().Sub(e.Started)
	l.requests.WithLabelValues(e.Operation, e.Code).Inc()
	l.durations.WithLabelValues(e.Operation).Observe(took.Seconds())
	level := slog.LevelInfo
	attributes := []slog.Attr{
		slog.String("id", e.ID), slog.String("operation", e.Operation), slog.String("signer_type", e.SignerType),
		slog.Int("status", e.Status), slog.Int("bytes", e.Bytes), slog.Duration("took", took),
	}
	if e.Code != "" {
		level = slog.LevelWarn
		attributes = append(attributes, slog.String("code", e.Code))
	}
	if isSampled(e.Code) {
		omitted, ok := l.takeSample(e.Code)
		if !ok {
			return
		}
		attributes = append(attributes, slog.Int("omitted", omitted))
	}
	if e.Err != nil {
		attributes = append(attributes, slog.String("error", e.Err.Error()))
	}
	if entry, _ := problem.Lookup(problem.Code(e.Code)); entry.Alarm {
		level = slog.LevelError
	}
	if e.Status >= 500 && (e.Code == string(problem.InternalError) || e.Code == string(problem.StoreDown)) {
		level = slog.LevelError
	}
	l.logger.LogAttrs(ctx, level, "request", attributes...)
}
