// Package cardpage is the page to which the QR code of an implant card leads: it says whether the card is genuine and
// current, and nothing else, to anybody, in every language of package texts.
//
// It is separate from package portal because it needs no session and no provider: every service that hands out cards
// has it.
package cardpage

import (
	"bytes"
	"context"
	_ "embed" // the page and its style sheet
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/openctr/ctr/internal/implants/card/issuer"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Config configures a page.
type Config struct {
	// Verify returns the standing of the card with a token.
	Verify func(ctx context.Context, token string) (issuer.Standing, error)
	// Admit waits for the turn of a request that anybody may send, and returns what ends it.
	Admit func(*http.Request) (finish func(), err error)
	// RetryAfter is how long a visitor who is turned away should wait.
	RetryAfter func() time.Duration
	Log        *slog.Logger
}

//go:embed page.html
var pageSource string

//go:embed style.css
var styleSheet []byte

// The texts of the page.
var (
	pageTitle      = texts.Declare("card_page.title")
	registerName   = texts.Declare("card_page.register")
	languagesLabel = texts.Declare("card_page.languages")
	comparison     = texts.Declare("card_page.compare")
	busyTitle      = texts.Declare("card_page.busy")
	failedTitle    = texts.Declare("card_page.failed")

	titles = map[issuer.Standing]texts.Text{
		issuer.Current: texts.Declare("card_page.current"), issuer.Revised: texts.Declare("card_page.revised"),
		issuer.Withdrawn: texts.Declare("card_page.withdrawn"), issuer.Unknown: texts.Declare("card_page.unknown"),
	}
	explanations = map[issuer.Standing]texts.Text{
		issuer.Current:   texts.Declare("card_page.current_explained"),
		issuer.Revised:   texts.Declare("card_page.revised_explained"),
		issuer.Withdrawn: texts.Declare("card_page.withdrawn_explained"),
		issuer.Unknown:   texts.Declare("card_page.unknown_explained"),
	}
)

// page serves the pages below issuer.VerificationPath.
type page struct {
	Config

	template *template.Template
}

// New returns the handler of the paths below issuer.VerificationPath.
func New(c Config) (http.Handler, error) {
	parsed, err := template.New("page").Parse(pageSource)
	if err != nil {
		return nil, err
	}
	p := &page{c, parsed}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+issuer.VerificationPath+"style.css", serveStyleSheet)
	mux.HandleFunc("GET "+issuer.VerificationPath+"{token...}", p.serve)
	return mux, nil
}

func serveStyleSheet(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(styleSheet)
}

// view is what the page shows. The template refers to the fields by name.
type view struct {
	Lang                                     texts.Lang
	Languages                                []language
	Title, Register, LanguagesLabel          string
	Class, Standing, Explanation, Comparison string
}

type language struct {
	Code texts.Lang
	Name string
}

func (p *page) serve(w http.ResponseWriter, r *http.Request) {
	lang := texts.PreferredLang(r.URL.Query().Get("lang"), r.Header.Get("Accept-Language"))
	v := &view{
		Lang: lang, Title: pageTitle.Translate(lang), Register: registerName.Translate(lang),
		LanguagesLabel: languagesLabel.Translate(lang),
	}
	for _, l := range texts.Langs() {
		v.Languages = append(v.Languages, language{l, l.Name()})
	}
	standing, err := p.verify(r)
	switch {
	case err == nil:
		v.Standing, v.Explanation = titles[standing].Translate(lang), explanations[standing].Translate(lang)
		status := http.StatusOK
		v.Class = "bad"
		switch standing {
		case issuer.Current:
			v.Class, v.Comparison = "good", comparison.Translate(lang)
		case issuer.Unknown:
			status = http.StatusNotFound
		case issuer.Revised, issuer.Withdrawn:
		}
		p.render(w, r, status, v)
	case errors.Is(err, problem.Unavailable):
		v.Standing = busyTitle.Translate(lang)
		w.Header().Set("Retry-After", strconv.Itoa(int(p.RetryAfter().Seconds())))
		p.render(w, r, http.StatusServiceUnavailable, v)
	default:
		p.Log.ErrorContext(r.Context(), "verification of a card", slog.String("error", err.Error()))
		v.Standing = failedTitle.Translate(lang)
		p.render(w, r, http.StatusInternalServerError, v)
	}
}

// verify holds a place among the requests of strangers only until the standing is known.
func (p *page) verify(r *http.Request) (issuer.Standing, error) {
	finish, err := p.Admit(r)
	if err != nil {
		return issuer.Unknown, err
	}
	defer finish()
	return p.Verify(r.Context(), r.PathValue("token"))
}

func (p *page) render(w http.ResponseWriter, r *http.Request, status int, v *view) {
	var b bytes.Buffer
	if err := p.template.Execute(&b, v); err != nil {
		p.Log.ErrorContext(r.Context(), "page not made", slog.String("error", err.Error()))
		http.Error(w, "This page could not be made. This is our fault.", http.StatusInternalServerError)
		return
	}
	for name, value := range map[string]string{
		"Content-Type": "text/html; charset=utf-8",
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'none'; base-uri 'none'; " +
			"frame-ancestors 'none'",
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		"X-Robots-Tag": "noindex", "Vary": "Accept-Language",
	} {
		w.Header().Set(name, value)
	}
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}
