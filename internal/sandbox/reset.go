package sandbox

import (
	"net/http"
	"net/url"
)

// mostOfAForm bounds the forms that hold no message.
const mostOfAForm = 4 << 10

// reset begins the register anew. It is destructive, so it is taken only from this machine, from our own page or from a
// program, and confirmed.
func (s *Sandbox) reset(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, mostOfAForm)
	t := textsOf(langOf(r))
	switch {
	case s.Reset == nil:
		s.refuse(w, r, http.StatusConflict, t.ResetImpossible)
		return
	case !s.fromHere(r):
		s.refuse(w, r, http.StatusForbidden, t.ResetElsewhere)
		return
	case r.PostFormValue("confirm") != "yes":
		s.refuse(w, r, http.StatusBadRequest, t.ResetUnconfirmed)
		return
	}
	if err := s.Reset(); err != nil { // which the service's log tells
		s.refuse(w, r, http.StatusInternalServerError, t.ResetFailed)
		return
	}
	w.Header().Set("Location", "/?"+url.Values{"lang": {string(langOf(r))}, "reset": {"done"}}.Encode())
	send(w, http.StatusSeeOther, "text/plain; charset=utf-8", []byte(t.ResetDone+"\n"))
}
