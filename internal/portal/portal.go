// Package portal is the web door of the register: the pages of the manual of the Central Tracing Register (December
// 2021) for doctors and administrative staff, and the patient's own view, in every language of package texts.
//
// It is separate because it is a door beside the SOAP door, over the same registrar. A person signs in with OpenID
// Connect and chooses for whom they act. What they submit is written as the request of the SOAP contract and signed
// with the key of the portal, so that a notification has the same evidence whichever door it came through. New is the
// entry point.
//
// The pages are HTML (html/template) and work without scripts; htmx only avoids reloads. Their Content Security Policy
// allows nothing from other hosts and no inline code.
package portal

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/portal/keptform"
	"github.com/openctr/ctr/internal/portal/operatorpages"
	"github.com/openctr/ctr/internal/texts"
)

// Config configures a Portal.
type Config struct {
	Registrar *implants.Registrar
	Provider  *Provider
	Sessions  scs.CtxStore // hashes the tokens
	// Sign signs the request of an operation with the key of the portal, and returns what the register needs of it.
	Sign func(ctx context.Context, operation string, request []byte) (platform.SignedMessage, error)
	// RenderCard makes the PDF of a card.
	RenderCard func(context.Context, implants.CardContent) ([]byte, error)
	// Signer is the holder of the portal's key, for requests that change nothing and are not signed.
	Signer platform.Signer
	Now    func() time.Time
	NewID  func() string // unique and unpredictable
	Log    *slog.Logger
	// AllowVisitor and AllowWrite bound how often a visitor comes, and a person sends a form.
	AllowVisitor func(*http.Request) bool
	AllowWrite   func(person string) bool
	// CertificateURL is where the browser shows a TLS client certificate; empty if people cannot sign in that way.
	// RedeemCertificate returns the person of the code that it gives, to whoever has the secret of the challenge.
	CertificateURL    string
	RedeemCertificate func(code, secret string) (ident.SSIN, error)
	// Development says on every page that the data is invented, and allows cookies without TLS.
	Development bool
	Sandbox     string                // path of the pages for developers; empty for none
	Operator    *operatorpages.Config // nil: nobody is an operator
	Location    *time.Location        // in which a day begins
}

// Portal serves the pages below /portal/.
type Portal struct {
	Config

	handler  http.Handler
	sessions *scs.SessionManager
	keeper   *keptform.Keeper
	pages    pageSet
}

// Prefix is the path below which all pages are.
const Prefix = "/portal/"

// New returns a Portal. It parses the embedded pages.
func New(c Config) (*Portal, error) {
	p := &Portal{Config: c, keeper: keptform.New(c.Provider.ClientSecret, c.Now)}
	p.sessions = p.newSessionManager()
	var err error
	if p.pages, err = parsePages(); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for pattern, handle := range map[string]http.HandlerFunc{
		"GET /portal/{$}":               p.showWelcome,
		"GET /portal/sign-in":           p.showSignIn,
		"GET /portal/sign-in/start":     p.startSignIn,
		"GET /portal/sign-in/callback":  p.completeSignIn,
		"GET " + certificateStart:       p.startCertificateSignIn,
		"GET " + CertificateCallback:    p.completeCertificateSignIn,
		"POST /portal/sign-out":         p.signOut,
		"GET /portal/profile":           p.whenSignedIn(p.showProfile),
		"POST /portal/profile":          p.whenSignedIn(p.chooseProfile),
		"GET /portal/implantations/new": p.whenSignedIn(p.showImplantation),
		// Without a session it keeps what was typed, and asks to sign in.
		"POST /portal/implantations/new":               p.whenProfileChosen(p.submitImplantation),
		"GET /portal/explantations/new":                p.whenSignedIn(p.showExplantation),
		"POST /portal/explantations/new":               p.whenProfileChosen(p.submitExplantation),
		"POST /portal/drafts/{reference}/validate":     p.whenSignedIn(p.validateDraft),
		"POST /portal/drafts/{reference}/discard":      p.whenSignedIn(p.discardDraft),
		"POST /portal/notifications/{number}/withdraw": p.whenSignedIn(p.withdrawNotification),
		"GET /portal/drafts/{reference}/edit":          p.whenSignedIn(p.showEdit),
		"POST /portal/drafts/{reference}/edit":         p.whenProfileChosen(p.submitEdit),
		"GET /portal/notifications/{number}/edit":      p.whenSignedIn(p.showEdit),
		"POST /portal/notifications/{number}/edit":     p.whenProfileChosen(p.submitEdit),
		"GET /portal/devices":                          p.whenSignedIn(p.showDevice),
		"GET /portal/notifications/{number}":           p.whenSignedIn(p.showNotification),
		"GET /portal/notifications/{number}/{pdf}":     p.whenSignedIn(p.serveCard),
		"GET /portal/drafts/{reference}":               p.whenSignedIn(p.showNotification),
		"GET /portal/search/{by}":                      p.whenSignedIn(p.showSearch),
		"GET /portal/me":                               p.whenSignedIn(p.showOwnImplants),
		"GET /portal/me/access-log":                    p.whenSignedIn(p.showAccessLog),
		"GET /portal/me/card.pdf":                      p.whenSignedIn(p.serveOwnCard),
		"GET /portal/access/staff":                     p.whenSignedIn(p.showStaff),
		"POST /portal/access/staff":                    p.whenProfileChosen(p.changeStaff),
		"GET /portal/access/mandates":                  p.whenSignedIn(p.whenPersonal(p.showMandates)),
		"POST /portal/access/mandates":                 p.whenProfileChosen(p.changeMandate),
	} {
		mux.HandleFunc(pattern, handle)
	}
	if c.Operator != nil {
		mux.Handle(operatorpages.Prefix, operatorpages.New(*c.Operator, operatorFrame{p}))
	}
	mux.HandleFunc(Prefix, func(w http.ResponseWriter, r *http.Request) {
		p.showError(w, r, http.StatusNotFound, pageNotFound)
	})
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.showError(w, r, http.StatusForbidden, otherSite)
	}))
	outer := http.NewServeMux()
	outer.HandleFunc("GET "+Prefix+"static/{file}", serveStatic)
	outer.Handle("/", p.sessions.LoadAndSave(p.limitRate(p.keepLanguage(guard.Handler(mux)))))
	p.handler = p.guardRequest(outer)
	return p, nil
}

// ServeHTTP implements http.Handler.
func (p *Portal) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

// MaxFormBytes bounds a form: fifty implants with every field filled.
const MaxFormBytes = 512 << 10

// guardRequest sets the headers of every answer, redirects and failures included. A panic becomes a short answer: the
// value is not logged, because it may quote what a person typed.
func (p *Portal) guardRequest(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if value := recover(); value != nil {
				p.answerPanic(w, value)
			}
		}()
		p.setSecurityHeaders(w)
		next.ServeHTTP(w, r)
	})
}

func (p *Portal) answerPanic(w http.ResponseWriter, value any) {
	p.Log.Error("portal failed", slog.String("panic", fmt.Sprintf("%T\n%s", value, debug.Stack())))
	http.Error(w, pageNotMade, http.StatusInternalServerError)
}

func (p *Portal) setSecurityHeaders(w http.ResponseWriter) {
	if !p.Development { // which may be served without TLS, on a name that others use too
		w.Header().Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
	for name, value := range securityHeaders {
		w.Header().Set(name, value)
	}
}

// Refuse answers a request that is turned away before anything is known about its sender, in the browser's language.
func (p *Portal) Refuse(w http.ResponseWriter, r *http.Request, status int) {
	p.setSecurityHeaders(w)
	sentence, isKnown := refusals[status]
	if !isKnown {
		sentence = tooBusy
	}
	lang := texts.PreferredLang(r.Header.Get("Accept-Language"))
	p.renderPage(w, status, "error.html", &page{
		Title: titleError.Translate(lang), Lang: lang, Notice: sentence.Translate(lang), Developer: p.Development,
	})
}

// securityHeaders are set on every answer. Browsers apply form-action to the redirects after a form too, so that
// signing in begins with a link.
var securityHeaders = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	"X-Content-Type-Options":       "nosniff",
	"Referrer-Policy":              "same-origin",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), geolocation=(), microphone=()",
	"Cache-Control":                "no-store",
}

// serveStatic serves the style sheet and the scripts.
func serveStatic(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	contentType := map[string]string{"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
	data, err := staticFiles.ReadFile("static/" + name)
	kind := contentType[name[strings.LastIndexByte(name, '.')+1:]]
	if err != nil || kind == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "private, max-age=3600")
	_, _ = w.Write(data) //nolint:gosec // a file of this program
}
