// Package sandbox serves the web pages of a development service, for developers of client software. The start page
// explains the service and offers the test certificates. Other pages send valid and faulty test messages and show the
// response, diagnose captured messages, and reset the register.
//
// Start with New, which wraps the SOAP endpoint in an http.Handler.
//
// It is separate because only a development service contains it: cmd/ctrd installs it with --dev. It reaches the
// register only through the SOAP endpoint. The pages are HTML in four languages, without scripts, and their Content
// Security Policy (W3C CSP Level 3) forbids scripts.
package sandbox

import (
	"bytes"
	"embed"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/devkit/testmessages"
	"github.com/openctr/ctr/internal/loopback"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/texts"
)

// Config configures a Sandbox.
type Config struct {
	// Service is the SOAP endpoint with all other paths of the service.
	Service http.Handler
	// Path is the URL path of the SOAP endpoint.
	Path string
	// PublicURL is the service's URL as callers see it. If empty, it is derived from each request.
	PublicURL string
	// Files locates the files of the test PKI.
	Files authority.DevelopmentFiles
	// Reset empties the register and reloads the development data; nil if the service cannot do that.
	Reset func() error
	Now   func() time.Time
	NewID func() string // returns an NCName of ASCII letters, digits, "-" and "_"
}

// Sandbox serves the sandbox pages and forwards all other requests to the service.
type Sandbox struct {
	Config

	mux              *http.ServeMux
	generator        testmessages.Generator
	data             developmentData
	templates        *template.Template
	crossOriginGuard *http.CrossOriginProtection
	mu               sync.Mutex
	keyCache         map[string]*x509id.Key // keys of the test PKI by entry, guarded by mu
}

//go:embed pages
var pageFiles embed.FS

// Prefix is the URL path below which all pages are; the templates contain it.
const Prefix = "/sandbox"

// stylesheetPath is the URL path of the only style sheet.
const stylesheetPath = Prefix + "/sandbox.css"

// New returns a Sandbox. It parses the embedded pages and the development data.
func New(c Config) (*Sandbox, error) {
	s := &Sandbox{
		Config:           c,
		mux:              http.NewServeMux(),
		crossOriginGuard: http.NewCrossOriginProtection(),
		keyCache:         map[string]*x509id.Key{},
		generator:        testmessages.Generator{Data: testmessages.DevelopmentData(), Now: c.Now, NewID: c.NewID},
	}
	var err error
	if s.data, err = readDevelopmentData(); err != nil {
		return nil, err
	}
	if s.templates, err = template.ParseFS(pageFiles, "pages/*.html"); err != nil {
		return nil, err
	}
	s.crossOriginGuard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.renderError(w, r, http.StatusForbidden, textsFor(languageFromRequest(r)).OtherSite)
	}))
	s.mux.Handle("/", c.Service)
	for pattern, handler := range map[string]http.HandlerFunc{
		"GET " + Prefix + "/{$}":             s.handleStartPage,
		"GET " + stylesheetPath:              serveStylesheet,
		"GET " + Prefix + "/certs/{file}":    s.handleCertificate,
		"GET " + Prefix + "/samples/{file}":  s.handleTestMessage,
		"GET " + Prefix + "/mistakes/{file}": s.handleMistake,
		"POST " + Prefix + "/try/{name}":     s.handleTry,
		"POST " + Prefix + "/check":          s.handleCheck,
		"POST " + Prefix + "/reset":          s.handleReset,
	} {
		s.mux.Handle(pattern, s.crossOriginGuard.Handler(handler))
	}
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// securityHeaders are set on every response of the sandbox's own pages. They forbid scripts, resources of other
// origins and framing by other sites, and keep the referrer from other sites.
var securityHeaders = [][2]string{
	{
		"Content-Security-Policy",
		"default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	},
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "same-origin"}, // with "no-referrer" browsers send a form with Origin: null
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Cache-Control", "no-store"},
}

// page is the data common to all pages. The templates refer to the fields by name.
type page struct {
	T    *pageTexts
	Lang texts.Lang
	// Languages lists all languages, for the links that switch the language.
	Languages []language
	URL       string // of the SOAP endpoint
	Origin    string // of the pages, without a path
	Style     string
	Notice    string
}

type language struct {
	Code texts.Lang
	Name string
}

func (s *Sandbox) newPage(r *http.Request) page {
	lang := languageFromRequest(r)
	p := page{T: textsFor(lang), Lang: lang, URL: s.serviceURL(r), Origin: originFromRequest(r), Style: stylesheetPath}
	for _, l := range texts.LangsEnglishFirst() {
		p.Languages = append(p.Languages, language{l, l.Name()})
	}
	return p
}

// renderPage executes the template name and writes the page.
func (s *Sandbox) renderPage(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := s.templates.ExecuteTemplate(&b, name, data); err != nil {
		writeResponse(
			w, http.StatusInternalServerError, "text/plain; charset=utf-8",
			[]byte("This page could not be made. This is our fault.\n"),
		)
		return
	}
	w.Header().Set("Vary", "Accept-Language")
	writeResponse(w, status, "text/html; charset=utf-8", b.Bytes())
}

// renderError writes a page with one sentence that says why the request failed.
func (s *Sandbox) renderError(w http.ResponseWriter, r *http.Request, status int, sentence string) {
	p := s.newPage(r)
	p.Notice = sentence
	s.renderPage(w, status, "notice.html", p)
}

func writeResponse(w http.ResponseWriter, status int, contentType string, data []byte) {
	for _, h := range securityHeaders {
		w.Header().Set(h[0], h[1])
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(data) //nolint:gosec // html/template escapes the pages, and no other response has an HTML type
}

// writeDownload writes a file that the browser saves under name.
func writeDownload(w http.ResponseWriter, contentType, name string, data []byte) {
	w.Header().Set("Content-Disposition", `attachment; filename="`+strings.ReplaceAll(name, `"`, "")+`"`)
	writeResponse(w, http.StatusOK, contentType, data)
}

func serveStylesheet(w http.ResponseWriter, _ *http.Request) {
	file, err := pageFiles.Open("pages/sandbox.css")
	if err != nil {
		http.Error(w, "no style", http.StatusInternalServerError)
		return
	}
	defer func() { _ = file.Close() }()
	data, _ := io.ReadAll(file) // embedded
	writeResponse(w, http.StatusOK, "text/css; charset=utf-8", data)
}

// languageFromRequest returns the language of the query parameter lang, else the browser's preferred language among
// ours, else English.
func languageFromRequest(r *http.Request) texts.Lang {
	return texts.PreferredLang(append([]string{r.URL.Query().Get("lang")}, r.Header.Values("Accept-Language")...)...)
}

func originFromRequest(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (s *Sandbox) serviceURL(r *http.Request) string {
	if s.PublicURL != "" {
		return s.PublicURL
	}
	return originFromRequest(r) + s.Path
}

// isLocalRequest reports whether a request comes from this machine and addresses it by a loopback name or address. It
// rejects requests through a proxy, and other host names (DNS rebinding). A service with a public URL that is not
// loopback may have a proxy in front of it that adds no header, so all its requests are rejected.
func (s *Sandbox) isLocalRequest(r *http.Request) bool {
	if publicURL, err := url.Parse(s.PublicURL); err != nil || s.PublicURL != "" && !loopback.IsAddress(publicURL.Host) {
		return false
	}
	return loopback.IsSource(r) && loopback.IsAddress(r.Host)
}
