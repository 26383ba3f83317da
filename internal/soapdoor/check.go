package soapdoor

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/devkit/diagnosis"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/reqlog"
	"github.com/openctr/ctr/internal/texts"
)

// Limits on dry runs. A full inspection costs several times what a refusal costs, so one runs at a time, few are held
// in memory, and a request that waits too long is answered with 503.
const (
	maxParallelDryRuns = 1
	maxHeldDryRuns     = 4
	maxDryRunWait      = 5 * time.Second
)

// dryRunQueue bounds the dry runs held in memory and those that run.
type dryRunQueue struct{ heldSlots, runSlot chan struct{} }

// withDryRun routes requests with ?check to the dry run, and all others to serve.
func (s *Service) withDryRun(serve http.HandlerFunc) http.HandlerFunc {
	queue := &dryRunQueue{make(chan struct{}, maxHeldDryRuns), make(chan struct{}, maxParallelDryRuns)}
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !requestsDryRun(r.URL.RawQuery):
			serve(w, r)
		case !s.dryRunAllowed():
			// The call is never performed instead: a caller that sends ?check does not expect anything to be stored.
			writeText(w, http.StatusNotFound, "This service performs calls, and does not check messages. Nothing was done.\n")
		default:
			s.serveDryRun(w, r, queue)
		}
	}
}

// requestsDryRun reports whether the query mentions "check". When in doubt it returns true, so that no call is
// performed.
func requestsDryRun(query string) bool {
	if plain, err := url.QueryUnescape(query); err == nil {
		query = plain
	}
	return strings.Contains(strings.ToLower(query), "check")
}

// dryRunAllowed reports whether this is a test environment. An unknown environment may be production, so it is not.
func (s *Service) dryRunAllowed() bool {
	switch s.environment {
	case "Development", "Test", "Integration", "Acceptation", "Simulation":
		return true
	}
	return false
}

// serveDryRun answers with every refusal that the message would meet. It changes nothing: it records no replay key,
// writes no audit event and makes no revocation request.
func (s *Service) serveDryRun(w http.ResponseWriter, r *http.Request, queue *dryRunQueue) {
	event := s.log.Begin(s.newID())
	event.Operation = "check"
	report, ok := s.buildDryRunReport(r, event, queue)
	status := http.StatusOK
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case !ok:
		status = http.StatusServiceUnavailable
		event.Code = string(problem.Overloaded)
		w.Header().Set("Retry-After", "5")
		writeText(w, status, "Other messages are being checked. Nothing was done. Try again in a moment.\n")
	case acceptsJSON(r.Header.Values("Accept")):
		w.Header().Set("Content-Type", "application/json")
		_ = report.WriteJSON(w) // a client that is gone retries
	default:
		writeText(w, status, report.Text())
	}
	event.Status = status
	s.log.End(r.Context(), event)
}

// buildDryRunReport builds the report once the queue grants a slot. It returns false when the queue is full or the wait
// takes too long.
func (s *Service) buildDryRunReport(r *http.Request, event *reqlog.Event, queue *dryRunQueue) (*diagnosis.Report, bool) {
	select {
	case queue.heldSlots <- struct{}{}:
		defer func() { <-queue.heldSlots }()
	default:
		return nil, false
	}
	m, action := s.readDryRunMessage(r) // before the slot is acquired, so that a slow sender does not block others
	event.Bytes = len(m.Data)
	waitCtx, cancel := context.WithTimeout(r.Context(), maxDryRunWait)
	defer cancel()
	select {
	case queue.runSlot <- struct{}{}:
		defer func() { <-queue.runSlot }()
	case <-waitCtx.Done():
		return nil, false
	}
	now := s.now().UTC()
	report, _ := diagnosis.Inspect(m, diagnosis.Options{
		InspectOptions: wsse.InspectOptions{
			Trust: s.verifier.Trust.Offline(), Registered: s.verifier.Registered, Time: now, Strict: s.verifier.Strict, AllowSHA1: now.Before(s.verifier.AllowSHA1Until),
		},
		Schema: s.schema,
		IdentifyOperation: func(content xmldoc.Element) (string, error) {
			o, err := findOperation(content, action)
			return o.name, err
		},
		Lang:    texts.PreferredLang(r.Header.Values("Accept-Language")...),
		Service: s.environment,
	})
	return report, true
}

// readDryRunMessage reads a message as readRequest and verifyEnvelope do. The error goes into the message.
func (s *Service) readDryRunMessage(r *http.Request) (m diagnosis.Message, action string) {
	media, err := soap.ParseMedia(r.Header.Get("Content-Type"))
	m.Version, m.Packed, action = media.Version, media.MTOM, media.Action
	if soapAction := r.Header.Get("SOAPAction"); soapAction != "" {
		action = soapAction
	}
	switch {
	case err != nil:
	case r.Header.Get("Content-Encoding") != "":
		err = problem.New(problem.ContentTypeUnknown)
	case r.ContentLength > int64(s.limits.Bytes):
		err = s.newTooLargeError()
	}
	if err == nil {
		m.Data, err = io.ReadAll(io.LimitReader(r.Body, int64(s.limits.Bytes)+1))
		switch {
		case err != nil:
			err = problem.Wrap(problem.MessageIncomplete, err)
		case len(m.Data) > s.limits.Bytes:
			err = s.newTooLargeError()
		default:
			m.Data, err = media.UnpackEnvelope(m.Data, s.limits)
		}
	}
	m.Err = err
	return m, action
}

func (s *Service) newTooLargeError() error {
	return problem.New(problem.MessageTooLarge, problem.DetailAtMostBytes.With(s.limits.Bytes))
}

// acceptsJSON reports whether the Accept header names JSON explicitly. Wildcards do not count.
func acceptsJSON(accept []string) bool {
	for _, field := range accept {
		for media := range strings.SplitSeq(field, ",") {
			media, _, _ = strings.Cut(media, ";")
			if strings.EqualFold(strings.TrimSpace(media), "application/json") {
				return true
			}
		}
	}
	return false
}
