package soapdoor

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/wsdl"
)

// serveDescription serves the contract (?wsdl in its forms, ?xsd=NAME for each schema) and a plain text page for
// browsers.
func (e *endpoint) serveDescription(w http.ResponseWriter, r *http.Request) {
	query := url.Values{}
	for key, values := range r.URL.Query() {
		query[strings.ToLower(key)] = values // some toolkits request ?WSDL
	}
	schemas := wsdl.SchemaAddresses(e.serviceAddress(r), strings.HasSuffix(r.URL.Path, "/"))
	if query.Has("singlewsdl") { // what .NET asks for
		query.Set("wsdl", string(wsdl.Flat))
	}
	switch {
	case query.Has("xsd"):
		if data, ok := e.Contract.Contract.Schema(query.Get("xsd"), schemas); ok {
			writeContent(w, "text/xml; charset=utf-8", data)
			return
		}
		writeText(
			w,
			http.StatusNotFound,
			"There is no schema of that name. The WSDL is at "+e.serviceAddress(r)+"?wsdl\n",
		)
	case query.Has("wsdl"):
		form, ok := wsdl.ParseForm(query.Get("wsdl"))
		if !ok {
			writeText(w, http.StatusNotFound, "There is no such form of the WSDL. "+
				"The forms: ?wsdl ?wsdl=soap12 ?wsdl=policy ?wsdl=flat ?wsdl=zip\n")
			return
		}
		data, err := e.Render(form, e.serviceAddress(r), schemas)
		if err != nil {
			e.logFailure(r, err)
			writeText(w, http.StatusInternalServerError, "The WSDL could not be made. This is our fault.\n")
			return
		}
		writeContent(w, form.ContentType(), data)
	case len(query) > 0: // a tool would take a 200 for the document that it asks for
		writeText(w, http.StatusNotFound, "There is no such document. The WSDL is at "+e.serviceAddress(r)+"?wsdl, "+
			"in other forms ?wsdl=soap12 ?wsdl=policy ?wsdl=flat ?wsdl=zip\n")
	default:
		writeText(w, http.StatusOK, e.Title+" This address takes signed SOAP requests by POST.\n\n"+
			"WSDL:            "+e.serviceAddress(r)+"?wsdl\n"+
			"other forms:     ?wsdl=soap12  ?wsdl=policy  ?wsdl=flat  ?wsdl=zip\n"+
			"health:          /livez  /readyz\n")
	}
}

// serveNothing answers for the paths below that of the service.
func (e *endpoint) serveNothing(w http.ResponseWriter, r *http.Request) {
	writeText(w, http.StatusNotFound, "There is nothing at this address. The service is at "+e.serviceAddress(r)+"\n")
}

// logFailure logs a failure outside a SOAP request.
func (s *Service) logFailure(r *http.Request, err error) {
	event := s.log.Begin(s.newID())
	event.Code, event.Err, event.Status = string(problem.InternalError), err, http.StatusInternalServerError
	s.log.End(r.Context(), event)
}

// serviceAddress returns the configured public address, or the address of the request if none is configured.
func (e *endpoint) serviceAddress(r *http.Request) string {
	if e.PublicURL != "" {
		return e.PublicURL
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host + e.Path
}

func writeContent(w http.ResponseWriter, contentType string, data []byte) {
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(data)
}
