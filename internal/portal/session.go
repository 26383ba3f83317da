package portal

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/access"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/portal/keptform"
	"github.com/openctr/ctr/internal/texts"
)

// Keys of the values in a session.
const (
	sessionPerson       = "person"       // the SSIN of the person who signed in
	sessionOrganisation = "organisation" // NIHII number, if they act for one
	sessionCapacity     = "capacity"     // the name of what they act as, once chosen
	sessionName         = "name"         // of the person, as shown
	sessionActsAs       = "acts_as"      // what they act as, as shown
	sessionLanguage     = "language"
	sessionState        = "state" // of a sign-in that has begun
	sessionNonce        = "nonce"
	sessionVerifier     = "verifier"
	sessionCertificate  = "certificate" // the secret of a sign-in with a certificate that has begun
	sessionReturn       = "return"      // the page to show after signing in
	sessionSent         = "sent"        // the key of the form that changed the register last
	sessionKept         = "kept"        // a form that was sent without a session, encoded
	sessionKeptAt       = "kept_at"
)

const (
	sessionLifetime = 8 * time.Hour
	sessionIdleTime = 20 * time.Minute
	// maxReturnPath bounds the address of the page to return to that is kept for a visitor.
	maxReturnPath = 512
)

func (p *Portal) newSessionManager() *scs.SessionManager {
	m, c := scs.New(), &p.Config
	m.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) {
		c.Log.ErrorContext(r.Context(), "session not loaded or stored", slog.String("error", err.Error()))
		p.Refuse(w, r, http.StatusServiceUnavailable)
	}
	m.Store = c.Sessions
	m.Lifetime, m.IdleTimeout = sessionLifetime, sessionIdleTime
	m.Cookie.Name = "__Host-ctr"
	m.Cookie.Path = "/"
	m.Cookie.HttpOnly = true
	m.Cookie.Secure = true
	m.Cookie.SameSite = http.SameSiteLaxMode // strict loses the cookie on the way back from the provider
	if c.Development {
		m.Cookie.Name, m.Cookie.Secure = "ctr", false // a development service may be served without TLS
	}
	return m
}

// currentPerson returns the person who signed in, or zero.
func (p *Portal) currentPerson(ctx context.Context) ident.SSIN {
	person, _ := ident.ParseSSIN(p.sessions.GetString(ctx, sessionPerson)) // zero for nobody
	return person
}

func (p *Portal) currentOrganisation(ctx context.Context) ident.NIHII {
	organisation, _ := ident.ParseNIHII(p.sessions.GetString(ctx, sessionOrganisation)) // zero for none
	return organisation
}

// whenSignedIn wraps a page that needs a person and a profile. Others are sent to sign in, or to choose, and come back.
func (p *Portal) whenSignedIn(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case p.currentPerson(r.Context()).IsZero():
			p.askToSignIn(w, r)
		case p.sessions.GetString(r.Context(), sessionCapacity) == "" && r.URL.Path != "/portal/profile":
			http.Redirect(w, r, "/portal/profile", http.StatusSeeOther)
		default:
			next(w, r)
		}
	}
}

// whenProfileChosen wraps the handler of a form. Nobody sends one before they chose for whom they act: the form waits.
// Without a session the handler itself keeps it.
func (p *Portal) whenProfileChosen(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		isSignedIn := !p.currentPerson(r.Context()).IsZero()
		if isSignedIn && p.sessions.GetString(r.Context(), sessionCapacity) == "" {
			if err := r.ParseForm(); err != nil {
				p.showError(w, r, http.StatusBadRequest, formUnreadable)
				return
			}
			p.keepForm(w, r)
			return
		}
		next(w, r)
	}
}

// askToSignIn sends the person to sign in, and keeps where they were going.
func (p *Portal) askToSignIn(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && len(r.URL.RequestURI()) <= maxReturnPath {
		p.sessions.Put(r.Context(), sessionReturn, r.URL.RequestURI())
	}
	http.Redirect(w, r, "/portal/sign-in", http.StatusSeeOther)
}

// receiveForm reads a form. It returns false if it answered already: the form is unreadable, or nobody is signed in.
func (p *Portal) receiveForm(w http.ResponseWriter, r *http.Request) bool {
	if err := r.ParseForm(); err != nil {
		p.showError(w, r, http.StatusBadRequest, formUnreadable)
		return false
	}
	if p.currentPerson(r.Context()).IsZero() {
		p.keepForm(w, r)
		return false
	}
	return true
}

// keepForm keeps a form that was sent after the session ended, until its author signs in again. Nothing is kept of a
// form that the portal never showed. If there is no room, the page says so: what was typed is still in the browser.
func (p *Portal) keepForm(w http.ResponseWriter, r *http.Request) {
	encoded, mark := r.PostForm.Encode(), r.PostForm.Get("author")
	target := "/portal/profile"
	if p.currentPerson(r.Context()).IsZero() {
		target = "/portal/sign-in"
	}
	if !p.keeper.IsOurs(mark) {
		http.Redirect(w, r, target, http.StatusSeeOther)
		return
	}
	if !p.keeper.Admit(mark, len(encoded)) {
		p.showError(w, r, http.StatusServiceUnavailable, formNotKept)
		return
	}
	p.sessions.Put(r.Context(), sessionKept, encoded)
	p.sessions.Put(r.Context(), sessionKeptAt, p.Now().Unix())
	p.sessions.Put(r.Context(), sessionReturn, r.URL.Path)
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// takeKeptForm returns the form that was kept for this person, once. The form names its author, so that nobody else who
// signs in at the same computer sees it.
func (p *Portal) takeKeptForm(ctx context.Context) url.Values {
	encoded := p.sessions.PopString(ctx, sessionKept)
	at := time.Unix(p.sessions.GetInt64(ctx, sessionKeptAt), 0)
	p.sessions.Remove(ctx, sessionKeptAt)
	if encoded == "" || p.Now().Sub(at) > keptform.MaxTime {
		return nil
	}
	form, err := url.ParseQuery(encoded)
	if err != nil || !p.keeper.IsOf(form.Get("author"), p.currentPerson(ctx).Digits()) {
		return nil
	}
	return form
}

// forgetFormOfAnother forgets a form that was kept for somebody else than the person who signed in.
func (p *Portal) forgetFormOfAnother(ctx context.Context) {
	form, err := url.ParseQuery(p.sessions.GetString(ctx, sessionKept))
	if err != nil || !p.keeper.IsOf(form.Get("author"), p.currentPerson(ctx).Digits()) {
		p.sessions.Remove(ctx, sessionKept)
		p.sessions.Remove(ctx, sessionKeptAt)
	}
}

// limitRate refuses visitors who come too often, and people who send too many forms.
func (p *Portal) limitRate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		person := p.currentPerson(r.Context())
		isWithin := true
		switch {
		case person.IsZero(), IsSignIn(r):
			isWithin = p.AllowVisitor(r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			isWithin = p.AllowWrite(person.Digits())
		}
		if !isWithin {
			p.Refuse(w, r, http.StatusTooManyRequests)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// identifyReader returns the caller of an operation that changes nothing.
func (p *Portal) identifyReader(ctx context.Context, operation string) (platform.Caller, error) {
	return p.identifyReaderFor(ctx, operation, p.currentOrganisation(ctx))
}

// identifyOwner returns the caller of a read for themselves, whatever organisation they act for otherwise.
func (p *Portal) identifyOwner(ctx context.Context, operation string) (platform.Caller, error) {
	return p.identifyReaderFor(ctx, operation, ident.NIHII{})
}

func (p *Portal) identifyReaderFor(
	ctx context.Context, operation string, organisation ident.NIHII,
) (platform.Caller, error) {
	return p.Registrar.IdentifySession(ctx, platform.SignedMessage{
		Correlation: p.NewID(), Operation: operation, ReceivedAt: p.Now(), Signer: p.Signer,
	}, p.currentPerson(ctx), organisation)
}

// loadProfile returns what the sources say about the person who signed in.
func (p *Portal) loadProfile(ctx context.Context) (access.Profile, error) {
	return p.Registrar.LoadProfile(ctx, p.currentPerson(ctx))
}

// keepLanguage remembers the language that ?lang= names.
func (p *Portal) keepLanguage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if named := r.URL.Query().Get("lang"); named != "" {
			p.sessions.Put(r.Context(), sessionLanguage, string(texts.PreferredLang(named)))
		}
		next.ServeHTTP(w, r)
	})
}

func (p *Portal) requestLanguage(r *http.Request) texts.Lang {
	return texts.PreferredLang(p.sessions.GetString(r.Context(), sessionLanguage), r.Header.Get("Accept-Language"))
}
