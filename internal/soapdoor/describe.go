package soapdoor

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/openctr/ctr/internal/admission"
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
	key := descriptionKey{path: e.Path, address: e.serviceAddress(r)}
	key.schemas = wsdl.SchemaAddresses(key.address, strings.HasSuffix(r.URL.Path, "/"))
	if query.Has("singlewsdl") { // what .NET asks for
		query.Set("wsdl", string(wsdl.Flat))
	}
	switch {
	case query.Has("xsd"):
		key.schema = cmp.Or(query.Get("xsd"), "none")
	case query.Has("wsdl"):
		form, ok := wsdl.ParseForm(query.Get("wsdl"))
		if !ok {
			writeText(w, http.StatusNotFound, "There is no such form of the WSDL. "+
				"The forms: ?wsdl ?wsdl=soap12 ?wsdl=policy ?wsdl=flat ?wsdl=zip\n")
			return
		}
		key.form = form
	case len(query) > 0: // a tool would take a 200 for the document that it asks for
		writeText(w, http.StatusNotFound, "There is no such document. The WSDL is at "+e.serviceAddress(r)+"?wsdl, "+
			"in other forms ?wsdl=soap12 ?wsdl=policy ?wsdl=flat ?wsdl=zip\n")
		return
	default:
		writeText(w, http.StatusOK, e.Title+" This address takes signed SOAP requests by POST.\n\n"+
			"WSDL:            "+e.serviceAddress(r)+"?wsdl\n"+
			"other forms:     ?wsdl=soap12  ?wsdl=policy  ?wsdl=flat  ?wsdl=zip\n"+
			"health:          /livez  /readyz\n")
		return
	}
	data, err := e.describe(r, key)
	switch {
	case err != nil && problem.From(err).Code == problem.Overloaded:
		w.Header().Set("Retry-After", strconv.Itoa(int(e.admission.RetryAfter().Seconds())))
		writeText(w, http.StatusServiceUnavailable, "The service is busy. Try again in a moment.\n")
	case err != nil:
		e.logFailure(r, err)
		writeText(w, http.StatusInternalServerError, "The WSDL could not be made. This is our fault.\n")
	case data == nil:
		writeText(w, http.StatusNotFound, "There is no schema of that name. The WSDL is at "+e.serviceAddress(r)+"?wsdl\n")
	case key.schema != "":
		writeContent(w, "text/xml; charset=utf-8", data)
	default:
		writeContent(w, key.form.ContentType(), data)
	}
}

// descriptionKey identifies a document: a schema by its name, or a form of the WSDL for an address.
type descriptionKey struct {
	path    string // of the contract
	schema  string
	form    wsdl.Form
	address string
	schemas string // where it says that the schemas are
}

// maxDescriptions bounds the documents that are kept: the schemas, and the forms of the WSDL for a few addresses. With
// PublicURL there is one address; without it anybody can invent some.
const maxDescriptions = 64

// descriptionCache keeps rendered documents.
type descriptionCache struct {
	mutex     sync.Mutex
	documents map[descriptionKey][]byte
}

func (c *descriptionCache) get(key descriptionKey) []byte {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.documents[key]
}

func (c *descriptionCache) put(key descriptionKey, data []byte) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.documents == nil || len(c.documents) >= maxDescriptions {
		c.documents = map[descriptionKey][]byte{}
	}
	c.documents[key] = data
}

// describe returns a document, or nil for an unknown schema. A document is rendered at its first use, in the turn of an
// unverified caller, and kept: strangers get bytes that are ready, or wait.
func (e *endpoint) describe(r *http.Request, key descriptionKey) ([]byte, error) {
	if data := e.descriptions.get(key); data != nil {
		return data, nil
	}
	admitted, err := e.admission.Admit(r)
	if err != nil {
		return nil, err
	}
	defer admitted.Finish(admission.Undecided)
	if err = admitted.AcquireUnverifiedSlot(r.Context(), 0); err != nil {
		return nil, err
	}
	var data []byte
	if key.schema != "" {
		data, _ = e.Contract.Contract.Schema(key.schema, key.schemas)
	} else if data, err = e.Render(key.form, key.address, key.schemas); err != nil {
		return nil, err
	}
	if data != nil {
		e.descriptions.put(key, data)
	}
	return data, nil
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
