package portal

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"

	"github.com/openctr/ctr/internal/portal/forms"
	"github.com/openctr/ctr/internal/portal/operatorpages"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

//go:embed pages
var pageFiles embed.FS

//go:embed static
var staticFiles embed.FS

// textUse matches a text in a template: {{t "name"}} stands for the key portal.name.
var textUse = regexp.MustCompile(`\{\{-? ?t "([a-z0-9_]+)"`)

// The templates declare the texts that they use, so that the catalogue's test finds one that a language lacks.
func init() { //nolint:gochecknoinits // declares texts
	declareTexts(pageFiles)
	declareTexts(operatorpages.Templates)
}

func declareTexts(files embed.FS) {
	err := fs.WalkDir(files, "pages", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := files.ReadFile(name)
		for _, use := range textUse.FindAllSubmatch(data, -1) {
			key := texts.Key("portal." + string(use[1]))
			if _, isDeclared := texts.Declared()[key]; !isDeclared {
				texts.Declare(key)
			}
		}
		return err
	})
	if err != nil {
		panic(err) //nolint:forbidigo // the files are part of the program
	}
}

// pageSet holds the templates in each language.
type pageSet map[texts.Lang]*template.Template

func parsePages() (pageSet, error) {
	set := pageSet{}
	for _, l := range texts.Langs() {
		parsed, err := template.New("").Funcs(template.FuncMap{
			"t": func(name string) string { return texts.Lookup(l, texts.Key("portal."+name)) },
		}).ParseFS(pageFiles, "pages/*.html")
		if err == nil {
			parsed, err = parsed.ParseFS(operatorpages.Templates, "pages/*.html")
		}
		if err != nil {
			return nil, err
		}
		set[l] = parsed
	}
	return set, nil
}

// page is what every page shows. The templates refer to the fields by name.
type page struct {
	Title     string
	Lang      texts.Lang
	Languages []languageLink
	Section   string // of the menu
	User      *userView
	Errors    []forms.Mistake
	Notice    string
	Resumed   bool // a form is shown again after signing in
	Form      *forms.Form
	EditedURL string // the page of the notification that the form changes
	Content   any
	Developer bool
	Sandbox   string // path of the pages for developers
}

type languageLink struct {
	Code texts.Lang
	Name string
	URL  string
}

// userView is the person who signed in, as every page shows them.
type userView struct {
	Name     string
	ActsAs   string
	IsDoctor bool // has the pages of the register
	Notifies bool
	// IsPersonal says that they act for themselves, not for an organisation.
	IsPersonal bool
	IsOperator bool
	// ManagesStaff says that they act as an access manager of an organisation.
	ManagesStaff bool
}

// The titles of the pages.
var (
	titleSignIn       = texts.Declare("portal.sign_in")
	titleError        = texts.Declare("portal.error_title")
	titleProfile      = texts.Declare("portal.profile_title")
	titleImplantation = texts.Declare("portal.notify_implantation")
	titleCheckAnswers = texts.Declare("portal.check_answers")
	titleAbout        = texts.Declare("portal.about_title")
	titleWelcome      = texts.Declare("portal.welcome")
	titleNotification = texts.Declare("portal.notification")
	titleOwnImplants  = texts.Declare("portal.my_implants")
	searchTitles      = map[string]texts.Text{
		"patient": texts.Declare("portal.search_patient"), "notification": texts.Declare("portal.search_notification"),
		"implant": texts.Declare("portal.search_implant"),
	}
)

// newPage returns a page with a title.
func (p *Portal) newPage(r *http.Request, title texts.Text) *page {
	lang := p.requestLanguage(r)
	view := &page{
		Title: title.Translate(lang), Lang: lang, Developer: p.Development, Sandbox: p.Sandbox,
	}
	for _, l := range texts.Langs() {
		query := url.Values{}
		for name, values := range r.URL.Query() {
			query[name] = values
		}
		query.Set("lang", string(l))
		view.Languages = append(view.Languages, languageLink{l, l.Name(), "?" + query.Encode()})
	}
	if capacity := p.sessions.GetString(r.Context(), sessionCapacity); capacity != "" {
		view.User = &userView{
			Name:   p.sessions.GetString(r.Context(), sessionName),
			ActsAs: p.sessions.GetString(r.Context(), sessionActsAs), IsDoctor: capacity == capacityDoctor,
			Notifies:   capacity == capacityDoctor || capacity == capacityStaff,
			IsPersonal: p.currentOrganisation(r.Context()).IsZero(), ManagesStaff: capacity == capacityManager,
			IsOperator: capacity == capacityOperator,
		}
	}
	return view
}

const pageNotMade = "This page could not be made. This is our fault."

// renderPage writes a page.
func (p *Portal) renderPage(w http.ResponseWriter, status int, name string, view *page) {
	var b bytes.Buffer
	if err := p.pages[view.Lang].ExecuteTemplate(&b, name, view); err != nil {
		p.Log.Error("page not made", slog.String("page", name), slog.String("error", err.Error()))
		http.Error(w, pageNotMade, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// renderForm writes a page with a form, whose status says whether it has mistakes.
func (p *Portal) renderForm(w http.ResponseWriter, name string, view *page) {
	status := http.StatusOK
	if len(view.Errors) > 0 {
		status = http.StatusUnprocessableEntity
	}
	p.renderPage(w, status, name, view)
}

// Sentences of pages that only say why a request failed.
var (
	pageNotFound = texts.Declare("portal.page_not_found")
	otherSite    = texts.Declare("portal.other_site")
	providerDown = texts.Declare("portal.provider_down")
	signInFailed = texts.Declare("portal.sign_in_failed")

	certificateRefused = texts.Declare("portal.certificate_refused")
	formNotKept        = texts.Declare("portal.form_not_kept")
	tooBusy            = texts.Declare("portal.too_busy")
	refusals           = map[int]texts.Text{
		http.StatusRequestEntityTooLarge: texts.Declare("portal.form_too_large"),
		http.StatusTooManyRequests:       texts.Declare("portal.too_many_requests"),
	}
)

// showError writes a page with one sentence.
func (p *Portal) showError(w http.ResponseWriter, r *http.Request, status int, sentence texts.Text) {
	view := p.newPage(r, titleError)
	view.Notice = sentence.Translate(view.Lang)
	p.renderPage(w, status, "error.html", view)
}

// showFailure writes the page for a refusal, or for a failure, which is logged.
func (p *Portal) showFailure(w http.ResponseWriter, r *http.Request, err error) {
	refusal := problem.From(err)
	view := p.newPage(r, titleError)
	for _, e := range refusal.All() {
		view.Errors = append(view.Errors, forms.Mistake{Text: forms.DescribeProblem(e, view.Lang)})
	}
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, problem.Forbidden):
		status = http.StatusForbidden
	case errors.Is(err, problem.NotFound), errors.Is(err, problem.Withheld): // nobody may tell one from the other
		status = http.StatusNotFound
	case errors.Is(err, problem.RuleViolated), errors.Is(err, problem.Malformed), errors.Is(err, problem.Conflict):
		status = http.StatusUnprocessableEntity
	case errors.Is(err, problem.Unavailable):
		status = http.StatusServiceUnavailable
	}
	if status == http.StatusInternalServerError {
		p.Log.ErrorContext(r.Context(), "portal", slog.String("error", err.Error()))
	}
	p.renderPage(w, status, "error.html", view)
}
