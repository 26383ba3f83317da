package endpoint

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/wsdl"
)

// describe serves the contract: ?wsdl in its forms, ?xsd=NAME each schema beside it, and a page of plain words to whoever
// opens the address in a browser.
func (s *Service) describe(w http.ResponseWriter, r *http.Request) {
	query := url.Values{}
	for key, values := range r.URL.Query() {
		query[strings.ToLower(key)] = values // some toolkits ask for ?WSDL
	}
	switch {
	case query.Has("xsd"):
		if octets, ok := wsdl.Schema(query.Get("xsd")); ok {
			write(w, "text/xml; charset=utf-8", octets)
			return
		}
		writeText(w, http.StatusNotFound, "There is no schema of that name. The WSDL is at "+s.address(r)+"?wsdl\n")
	case query.Has("wsdl"):
		form, ok := wsdl.Parse(query.Get("wsdl"))
		if !ok {
			writeText(w, http.StatusNotFound, "There is no such form of the WSDL. The forms: ?wsdl ?wsdl=soap12 ?wsdl=policy ?wsdl=flat ?wsdl=zip\n")
			return
		}
		octets, err := wsdl.Render(form, s.address(r))
		if err != nil {
			s.logFailure(r, err)
			writeText(w, http.StatusInternalServerError, "The WSDL could not be made. This is our fault.\n")
			return
		}
		write(w, form.ContentType(), octets)
	default:
		writeText(w, http.StatusOK, "CTR, a register of implants. This address takes signed SOAP requests by POST.\n\n"+
			"WSDL:            "+s.address(r)+"?wsdl\n"+
			"other forms:     ?wsdl=soap12  ?wsdl=policy  ?wsdl=flat  ?wsdl=zip\n"+
			"health:          /livez  /readyz\n")
	}
}

// logFailure tells the operator about a failure outside a SOAP request.
func (s *Service) logFailure(r *http.Request, err error) {
	event := s.log.Begin(s.newID())
	event.Code, event.Err, event.Status = string(problem.InternalError), err, http.StatusInternalServerError
	s.log.End(r.Context(), event)
}

// address is the service's own: the configured one, or the one that the request came to.
func (s *Service) address(r *http.Request) string {
	if s.publicURL != "" {
		return s.publicURL
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host + Path
}

func write(w http.ResponseWriter, contentType string, octets []byte) {
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(octets)
}
