package soapdoor

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/admission"
	"github.com/openctr/ctr/internal/devkit/diagnosis"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/reqlog"
	"github.com/openctr/ctr/internal/texts"
)

// servePost routes requests with ?check to the dry run, and all others to the pipeline.
func (e *endpoint) servePost(w http.ResponseWriter, r *http.Request) {
	switch {
	case !requestsDryRun(r.URL.RawQuery):
		e.serveSOAP(w, r)
	case !e.dryRunAllowed():
		// The call is never performed instead: a caller that sends ?check does not expect anything to be stored.
		writeText(
			w,
			http.StatusNotFound,
			"This service performs calls, and does not check messages. Nothing was done.\n",
		)
	default:
		e.serveDryRun(w, r)
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
func (e *endpoint) serveDryRun(w http.ResponseWriter, r *http.Request) {
	event := e.log.Begin(e.newID())
	event.Operation = "check"
	report, err := e.buildDryRunReport(w, r, event)
	status := http.StatusOK
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case err != nil:
		status = http.StatusServiceUnavailable
		event.Code = string(problem.Overloaded)
		w.Header().Set("Retry-After", strconv.Itoa(int(e.admission.RetryAfter().Seconds())))
		writeText(w, status, "Other messages are being checked. Nothing was done. Try again in a moment.\n")
	case acceptsJSON(r.Header.Values("Accept")):
		w.Header().Set("Content-Type", "application/json")
		_ = report.WriteJSON(w) // a client that is gone retries
	default:
		writeText(w, status, report.Text())
	}
	event.Status = status
	e.log.End(r.Context(), event)
}

// buildDryRunReport builds the report when it is the turn of the message among those of unverified callers: an
// inspection costs several times what a refusal costs. It fails with OVERLOADED.
func (e *endpoint) buildDryRunReport(
	w http.ResponseWriter, r *http.Request, event *reqlog.Event,
) (*diagnosis.Report, error) {
	admitted, err := e.admission.Admit(r)
	if err != nil {
		return nil, err
	}
	defer admitted.Finish(admission.Undecided)
	m, t := e.readDryRunMessage(w, r, admitted)
	event.Bytes = len(m.Data)
	if err = admitted.AcquireUnverifiedSlot(r.Context(), len(m.Data)); err != nil {
		return nil, err
	}
	if m.Err == nil {
		m.Data, m.Err = t.media.UnpackEnvelope(m.Data, e.limits)
	}
	now := e.now().UTC()
	report, _ := diagnosis.Inspect(m, diagnosis.Options{
		InspectOptions: wsse.InspectOptions{
			Trust: e.Verifier.Trust.Offline(), Registered: e.Verifier.Registered, Time: now, Strict: e.Verifier.Strict,
			AllowSHA1: now.Before(e.Verifier.AllowSHA1Until),
		},
		Schema: e.Schema,
		IdentifyOperation: func(content xmldoc.Element) (string, error) {
			o, err := e.findOperation(content, t.actions)
			return o.name, err
		},
		Lang:    texts.PreferredLang(r.Header.Values("Accept-Language")...),
		Service: e.environment,
	})
	return report, nil
}

// readDryRunMessage reads a message as the pipeline does. The error goes into the message.
func (s *Service) readDryRunMessage(
	w http.ResponseWriter, r *http.Request, admitted *admission.Admission,
) (m diagnosis.Message, t transport) {
	m.Data, m.Err = s.readMessage(r, &t, func(maxBytes int) ([]byte, error) {
		return admitted.ReadBody(w, r, maxBytes)
	})
	m.Version, m.Packed = t.media.Version, t.media.MTOM
	return m, t
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
