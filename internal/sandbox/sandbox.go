// Package sandbox is the web door of a development service: a start page that explains the service to the people who write
// callers of it, hands out the test certificates, makes sample messages and messages with mistakes and shows what the service
// answers, checks captured messages, and begins the register anew on request.
//
// It is separate because nothing of it exists in a service that is not for development: cmd/ctrd puts it before the SOAP door
// with --dev, and nothing else knows of it. It has no way into the register but the SOAP door. The pages are HTML without any
// script, under a Content Security Policy that allows none (W3C CSP Level 3), in four languages.
package sandbox

import (
	"bytes"
	"embed"
	"html/template"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/samples"
)

// Config is what the sandbox needs.
type Config struct {
	// Service is the SOAP door, and whatever else is served.
	Service http.Handler
	// Path is where the SOAP door takes messages.
	Path string
	// PublicURL is the service's address as callers see it; empty for the one that a request came to.
	PublicURL string
	// Files are the test PKI.
	Files pki.DevelopmentFiles
	// Reset begins the register anew; nil where that cannot be done from here.
	Reset func() error
	Now   func() time.Time
	NewID func() string // of letters, digits, "-" and "_", beginning with a letter or "_"
}

// Sandbox serves the pages, and gives all other requests to the service.
type Sandbox struct {
	Config

	mux    *http.ServeMux
	maker  samples.Maker
	world  world
	pages  *template.Template
	guard  *http.CrossOriginProtection
	mu     sync.Mutex
	loaded map[string]*pki.Key // keys of the test PKI, by entry
}

//go:embed pages
var pages embed.FS

// style is the one style sheet.
const style = "/sandbox.css"

// New makes the sandbox.
func New(c Config) (*Sandbox, error) {
	s := &Sandbox{Config: c, mux: http.NewServeMux(), guard: http.NewCrossOriginProtection(), loaded: map[string]*pki.Key{},
		maker: samples.Maker{Data: samples.Development(), Now: c.Now, NewID: c.NewID}}
	var err error
	if s.world, err = readWorld(); err != nil {
		return nil, err
	}
	if s.pages, err = template.ParseFS(pages, "pages/*.html"); err != nil {
		return nil, err
	}
	s.guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, http.StatusForbidden, textsOf(langOf(r)).OtherSite)
	}))
	s.mux.Handle("/", c.Service)
	for pattern, handler := range map[string]http.HandlerFunc{
		"GET /{$}": s.start, "GET " + style: styled,
		"GET /certs/{file}": s.certificate, "GET /samples/{file}": s.sample, "GET /mistakes/{file}": s.mistake,
		"POST /try/{name}": s.try, "POST /check": s.check, "POST /reset": s.reset,
	} {
		s.mux.Handle(pattern, s.guard.Handler(handler))
	}
	return s, nil
}

// ServeHTTP makes the sandbox an http.Handler.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// securityHeaders are those of everything that the sandbox itself serves. No script runs, nothing comes from elsewhere, and
// no other site shows these pages in a frame or learns from where somebody came.
var securityHeaders = [][2]string{
	{"Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "same-origin"}, // not "no-referrer", with which browsers hide the origin of a form
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Cache-Control", "no-store"},
}

// page is what every page is given.
type page struct {
	T    *texts
	Lang problem.Lang
	// Languages are all languages, for the links to them.
	Languages []language
	URL       string // of the service
	Origin    string // of the pages
	Style     string
	Notice    string
}

type language struct {
	Code problem.Lang
	Name string
}

func (s *Sandbox) page(r *http.Request) page {
	l := langOf(r)
	return page{T: textsOf(l), Lang: l, URL: s.url(r), Origin: origin(r), Style: style,
		Languages: []language{{problem.EN, "English"}, {problem.NL, "Nederlands"}, {problem.FR, "Français"}, {problem.DE, "Deutsch"}}}
}

// show writes a page.
func (s *Sandbox) show(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := s.pages.ExecuteTemplate(&b, name, data); err != nil {
		send(w, http.StatusInternalServerError, "text/plain; charset=utf-8", []byte("This page could not be made. This is our fault.\n"))
		return
	}
	w.Header().Set("Vary", "Accept-Language")
	send(w, status, "text/html; charset=utf-8", b.Bytes())
}

// refuse says in one sentence why not.
func (s *Sandbox) refuse(w http.ResponseWriter, r *http.Request, status int, sentence string) {
	p := s.page(r)
	p.Notice = sentence
	s.show(w, status, "notice.html", p)
}

func send(w http.ResponseWriter, status int, contentType string, octets []byte) {
	for _, h := range securityHeaders {
		w.Header().Set(h[0], h[1])
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(octets) //nolint:gosec // pages come from html/template, and nothing else is of type HTML
}

// download sends a file to be kept.
func download(w http.ResponseWriter, contentType, name string, octets []byte) {
	w.Header().Set("Content-Disposition", `attachment; filename="`+strings.ReplaceAll(name, `"`, "")+`"`)
	send(w, http.StatusOK, contentType, octets)
}

func styled(w http.ResponseWriter, _ *http.Request) {
	file, err := pages.Open("pages/sandbox.css")
	if err != nil {
		http.Error(w, "no style", http.StatusInternalServerError)
		return
	}
	defer func() { _ = file.Close() }()
	octets, _ := io.ReadAll(file) // embedded
	send(w, http.StatusOK, "text/css; charset=utf-8", octets)
}

// langOf is the language that the address asks for, or else the first of ours that the browser names, or English.
func langOf(r *http.Request) problem.Lang {
	return problem.Preferred(append([]string{r.URL.Query().Get("lang")}, r.Header.Values("Accept-Language")...)...)
}

func origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (s *Sandbox) url(r *http.Request) string {
	if s.PublicURL != "" {
		return s.PublicURL
	}
	return origin(r) + s.Path
}

// fromHere reports whether a request comes from this machine and was meant for it: not through a proxy, and not by a name
// that somebody's name server has pointed here. A service with a public address has a proxy before it that may say nothing.
func (s *Sandbox) fromHere(r *http.Request) bool {
	if public, err := url.Parse(s.PublicURL); err != nil || s.PublicURL != "" && !isLoopback(public.Host) {
		return false
	}
	for _, field := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(field) != "" {
			return false
		}
	}
	return isLoopback(r.RemoteAddr) && isLoopback(r.Host)
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = strings.Trim(address, "[]")
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
