package endpoint

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/message/check"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/reqlog"
)

// Bounds of checks. Looking at everything costs several times what a refusal costs, so there is one at a time, few wait, and
// whoever waits too long is asked to come back.
const (
	checksAtOnce   = 1
	checksHeld     = 4
	longestWaiting = 5 * time.Second
)

// checkQueue bounds the checks that are held in memory, and those that are worked on.
type checkQueue struct{ held, turn chan struct{} }

// checkInstead gives requests with ?check to the check, and all others to be served.
func (s *Service) checkInstead(serve http.HandlerFunc) http.HandlerFunc {
	queue := &checkQueue{make(chan struct{}, checksHeld), make(chan struct{}, checksAtOnce)}
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !asksForCheck(r.URL.RawQuery):
			serve(w, r)
		case !s.checks():
			// Never performed instead: whoever asks for a check does not expect to be registered.
			writeText(w, http.StatusNotFound, "This service performs calls, and does not check messages. Nothing was done.\n")
		default:
			s.check(w, r, queue)
		}
	}
}

// asksForCheck errs on the side of not performing a call.
func asksForCheck(query string) bool {
	if plain, err := url.QueryUnescape(query); err == nil {
		query = plain
	}
	return strings.Contains(strings.ToLower(query), "check")
}

// checks reports whether the service is one for testers. One that does not say what it is may be in production.
func (s *Service) checks() bool {
	switch s.environment {
	case "Development", "Test", "Integration", "Acceptation", "Simulation":
		return true
	}
	return false
}

// check answers with everything that would be refused in a message. It changes nothing: no mark against replay, no record,
// no question to an authority.
func (s *Service) check(w http.ResponseWriter, r *http.Request, queue *checkQueue) {
	event := s.log.Begin(s.newID())
	event.Operation = "check"
	report, ok := s.report(r, event, queue)
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
		_ = report.JSON(w) // a caller who is gone asks again
	default:
		writeText(w, status, report.Text())
	}
	event.Status = status
	s.log.End(r.Context(), event)
}

// report makes the report, when there is room and it is its turn.
func (s *Service) report(r *http.Request, event *reqlog.Event, queue *checkQueue) (*check.Report, bool) {
	select {
	case queue.held <- struct{}{}:
		defer func() { <-queue.held }()
	default:
		return nil, false
	}
	m, action := s.receive(r) // before it takes its turn: a slow sender holds up nobody
	event.Bytes = len(m.Octets)
	waiting, cancel := context.WithTimeout(r.Context(), longestWaiting)
	defer cancel()
	select {
	case queue.turn <- struct{}{}:
		defer func() { <-queue.turn }()
	case <-waiting.Done():
		return nil, false
	}
	at := s.now().UTC()
	report, _ := check.Look(m, check.Options{
		InspectOptions: wsse.InspectOptions{
			Trust: s.verifier.Trust.Still(), Known: s.verifier.Known, At: at, Strict: s.verifier.Strict, AllowSHA1: at.Before(s.verifier.AllowSHA1Until),
		},
		Schema: s.schema,
		Dispatch: func(content xmldoc.Element) (string, error) {
			o, err := dispatch(content, action)
			return o.name, err
		},
		Lang:    problem.Preferred(r.Header.Values("Accept-Language")...),
		Service: s.environment,
	})
	return report, true
}

// receive reads a message as a call is read, and says why not where it cannot.
func (s *Service) receive(r *http.Request) (m check.Message, action string) {
	media, err := soap.ParseMedia(r.Header.Get("Content-Type"))
	m.Version, m.Packed, action = media.Version, media.Packed, media.Action
	if named := r.Header.Get("SOAPAction"); named != "" {
		action = named
	}
	switch {
	case err != nil:
	case r.Header.Get("Content-Encoding") != "":
		err = problem.New(problem.ContentTypeUnknown)
	case r.ContentLength > int64(s.limits.Bytes):
		err = s.tooLarge()
	}
	if err == nil {
		m.Octets, err = io.ReadAll(io.LimitReader(r.Body, int64(s.limits.Bytes)+1))
		switch {
		case err != nil:
			err = problem.Wrap(problem.MessageIncomplete, err)
		case len(m.Octets) > s.limits.Bytes:
			err = s.tooLarge()
		default:
			m.Octets, err = media.Unpack(m.Octets, s.limits)
		}
	}
	m.Err = err
	return m, action
}

func (s *Service) tooLarge() error {
	return problem.New(problem.MessageTooLarge, fmt.Sprintf("at most %d octets", s.limits.Bytes))
}

// acceptsJSON reports whether JSON is asked for. Nobody gets it who did not name it.
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
