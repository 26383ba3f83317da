package portal

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/openctr/ctr/internal/platform/ident"
)

// Provider is an OpenID Connect provider at which people sign in (OpenID Connect Core 1.0, authorization code flow with
// PKCE).
type Provider struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	RedirectURL  string // the public URL of the portal, and /portal/sign-in/callback
	// PersonClaim is the claim of the ID token that holds the person's national number.
	PersonClaim string
	Client      *http.Client
	Now         func() time.Time

	mu         sync.Mutex
	discovered *oidc.Provider
}

// signatureAlgorithms are those accepted for ID tokens.
var signatureAlgorithms = []string{oidc.ES256, oidc.ES384, oidc.RS256, oidc.PS256}

// discoverProvider returns the provider's endpoints and keys. It asks at the first sign-in, so that a provider that is
// down does not stop the service, and again after a failure.
func (p *Provider) discoverProvider(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.discovered != nil {
		return p.discovered, nil
	}
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.Client), p.Issuer)
	if err == nil {
		p.discovered = found
	}
	return found, err
}

func (p *Provider) oauthConfig(found *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: found.Endpoint(), RedirectURL: p.RedirectURL,
		Scopes: []string{oidc.ScopeOpenID, "profile"},
	}
}

var (
	errSignInNotBegun = errors.New("the answer of the provider belongs to no sign-in of this session")
	errNoPerson       = errors.New("the ID token has no national number")
)

// exchangeCode redeems the code of a callback and returns the person whom the provider identified.
func (p *Provider) exchangeCode(ctx context.Context, code, verifier, nonce string) (ident.SSIN, error) {
	found, err := p.discoverProvider(ctx)
	if err != nil {
		return ident.SSIN{}, err
	}
	ctx = oidc.ClientContext(ctx, p.Client)
	token, err := p.oauthConfig(found).Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return ident.SSIN{}, err
	}
	encoded, _ := token.Extra("id_token").(string) // the verifier refuses an empty one
	check := found.VerifierContext(ctx, &oidc.Config{
		ClientID: p.ClientID, SupportedSigningAlgs: signatureAlgorithms, Now: p.Now,
	})
	idToken, err := check.Verify(ctx, encoded)
	if err != nil {
		return ident.SSIN{}, err
	}
	if idToken.Nonce != nonce {
		return ident.SSIN{}, errSignInNotBegun
	}
	claims := map[string]any{}
	if err = idToken.Claims(&claims); err != nil {
		return ident.SSIN{}, err
	}
	number, _ := claims[p.PersonClaim].(string) // checked next
	person, err := ident.ParseSSIN(number)
	if err != nil {
		return ident.SSIN{}, errNoPerson
	}
	return person, nil
}

func (p *Portal) showSignIn(w http.ResponseWriter, r *http.Request) {
	view := p.newPage(r, titleSignIn)
	view.Resumed = p.sessions.Exists(r.Context(), sessionKept)
	if p.CertificateURL != "" {
		view.Content = certificateStart
	}
	p.renderPage(w, http.StatusOK, "sign-in.html", view)
}

// startSignIn sends the person to the provider.
func (p *Portal) startSignIn(w http.ResponseWriter, r *http.Request) {
	found, err := p.Provider.discoverProvider(r.Context())
	if err != nil {
		p.Log.ErrorContext(r.Context(), "sign-in impossible", slog.String("error", err.Error()))
		p.showError(w, r, http.StatusServiceUnavailable, providerDown)
		return
	}
	state, nonce, verifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	p.sessions.Put(r.Context(), sessionState, state)
	p.sessions.Put(r.Context(), sessionNonce, nonce)
	p.sessions.Put(r.Context(), sessionVerifier, verifier)
	address := p.Provider.oauthConfig(found).AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier))
	http.Redirect(w, r, address, http.StatusSeeOther)
}

// completeSignIn is where the provider sends the person back to.
func (p *Portal) completeSignIn(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	state := p.sessions.PopString(ctx, sessionState)
	nonce, verifier := p.sessions.PopString(ctx, sessionNonce), p.sessions.PopString(ctx, sessionVerifier)
	err := errSignInNotBegun
	var person ident.SSIN
	if state != "" && r.FormValue("state") == state {
		person, err = p.Provider.exchangeCode(ctx, r.FormValue("code"), verifier, nonce)
	}
	p.enterPerson(w, r, person, err)
}

const certificateStart = Prefix + "sign-in/certificate"

// CertificateCallback is where the browser comes back to from the address that asks for its certificate.
const CertificateCallback = certificateStart + "/callback"

// startCertificateSignIn sends the browser to show its certificate. The secret stays in the session.
func (p *Portal) startCertificateSignIn(w http.ResponseWriter, r *http.Request) {
	if p.CertificateURL == "" {
		p.showError(w, r, http.StatusNotFound, pageNotFound)
		return
	}
	secret := rand.Text()
	p.sessions.Put(r.Context(), sessionCertificate, secret)
	sum := sha256.Sum256([]byte(secret))
	query := url.Values{"challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}}
	http.Redirect(w, r, p.CertificateURL+"?"+query.Encode(), http.StatusSeeOther)
}

// completeCertificateSignIn is where the browser comes back to with a code, or with none.
func (p *Portal) completeCertificateSignIn(w http.ResponseWriter, r *http.Request) {
	secret := p.sessions.PopString(r.Context(), sessionCertificate)
	if p.CertificateURL == "" || secret == "" {
		p.enterPerson(w, r, ident.SSIN{}, errSignInNotBegun)
		return
	}
	if r.FormValue("code") == "" {
		p.showError(w, r, http.StatusBadRequest, certificateRefused)
		return
	}
	person, err := p.RedeemCertificate(r.FormValue("code"), secret)
	p.enterPerson(w, r, person, err)
}

// enterPerson begins the session of the person who signed in.
func (p *Portal) enterPerson(w http.ResponseWriter, r *http.Request, person ident.SSIN, err error) {
	ctx := r.Context()
	if err == nil {
		err = p.sessions.RenewToken(ctx) // against session fixation; what was typed stays
	}
	if err != nil {
		p.Log.WarnContext(ctx, "sign-in failed", slog.String("error", err.Error()))
		p.showError(w, r, http.StatusBadRequest, signInFailed)
		return
	}
	p.sessions.Put(ctx, sessionPerson, person.Digits())
	p.forgetFormOfAnother(ctx)
	p.Log.InfoContext(ctx, "signed in") // who, the audit log says of what they do
	p.sessions.Remove(ctx, sessionOrganisation)
	p.sessions.Remove(ctx, sessionCapacity)
	http.Redirect(w, r, "/portal/profile", http.StatusSeeOther)
}

func (p *Portal) signOut(w http.ResponseWriter, r *http.Request) {
	if err := p.sessions.Destroy(r.Context()); err != nil {
		p.showFailure(w, r, err)
		return
	}
	p.Log.InfoContext(r.Context(), "signed out")
	http.Redirect(w, r, "/portal/sign-in", http.StatusSeeOther)
}

// authorMark says to a form whose it is, without the person's number.
func (p *Portal) authorMark(ctx context.Context) string {
	return p.keeper.Mark(p.currentPerson(ctx).Digits())
}

// IsSignIn reports whether a request waits for the provider.
func IsSignIn(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, Prefix+"sign-in/") }

// isLocalPath reports whether a page to return to is one of ours.
func isLocalPath(path string) bool { return strings.HasPrefix(path, Prefix) }
