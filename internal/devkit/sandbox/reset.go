package sandbox

import (
	"net/http"
	"net/url"
)

// maxFormBytes bounds the forms that contain no message.
const maxFormBytes = 4 << 10

// handleReset empties the register and reloads the development data. Because this is destructive, the request must come
// from this machine, either from our own page or from a program that is not a browser, and must be confirmed.
func (s *Sandbox) handleReset(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	t := textsFor(languageFromRequest(r))
	switch {
	case s.Reset == nil:
		s.renderError(w, r, http.StatusConflict, t.ResetImpossible)
		return
	case !s.isLocalRequest(r):
		s.renderError(w, r, http.StatusForbidden, t.ResetElsewhere)
		return
	case r.PostFormValue("confirm") != "yes":
		s.renderError(w, r, http.StatusBadRequest, t.ResetUnconfirmed)
		return
	}
	if err := s.Reset(); err != nil { // the service logs the cause
		s.renderError(w, r, http.StatusInternalServerError, t.ResetFailed)
		return
	}
	query := url.Values{"lang": {string(languageFromRequest(r))}, "reset": {"done"}}
	w.Header().Set("Location", Prefix+"/?"+query.Encode())
	writeResponse(w, http.StatusSeeOther, "text/plain; charset=utf-8", []byte(t.ResetDone+"\n"))
}
