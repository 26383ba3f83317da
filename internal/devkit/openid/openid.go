// Package openid is an OpenID Connect provider for development: it lists invented people, and whoever is chosen is
// signed in, without a password. Only a development service contains it.
//
// It is separate because it plays the part of an outside service: the portal talks to it as to any provider
// (authorization code flow with PKCE, RFC 7636). New is the entry point.
package openid

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Person is somebody who can sign in.
type Person struct{ SSIN, FirstName, LastName string }

// Config configures a Provider.
type Config struct {
	Issuer      string // the URL below which the provider is served
	ClientID    string
	RedirectURL string
	People      []Person
	Now         func() time.Time
	StyleSheet  string // URL
}

// PersonClaim is the claim that holds the person's national number.
const PersonClaim = "ssin"

const (
	codeLifetime  = time.Minute
	tokenLifetime = 5 * time.Minute
	maxCodes      = 1000 // that wait to be redeemed
)

// Provider is an http.Handler for the paths below the issuer.
type Provider struct {
	Config

	mux    *http.ServeMux
	signer jose.Signer
	keys   jose.JSONWebKeySet
	mu     sync.Mutex
	codes  map[string]grant
}

// grant is a sign-in that waits for its code to be redeemed.
type grant struct {
	person           Person
	nonce, challenge string
	expiresAt        time.Time
}

// New returns a Provider with a new key.
func New(c Config) (*Provider, error) {
	const keyID = "development"
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: keyID}},
		(&jose.SignerOptions{}).WithType("JWT"),
	)
	if err != nil {
		return nil, err
	}
	p := &Provider{
		Config: c, mux: http.NewServeMux(), signer: signer, codes: map[string]grant{},
		keys: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{
			Key: key.Public(), KeyID: keyID, Algorithm: string(jose.ES256), Use: "sig",
		}}},
	}
	base, err := url.Parse(c.Issuer)
	if err != nil {
		return nil, err
	}
	p.mux.HandleFunc("GET "+base.Path+"/.well-known/openid-configuration", p.serveConfiguration)
	p.mux.HandleFunc("GET "+base.Path+"/keys", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, p.keys)
	})
	p.mux.HandleFunc("GET "+base.Path+"/authorize", p.handleAuthorize)
	p.mux.HandleFunc("POST "+base.Path+"/token", p.serveToken)
	return p, nil
}

// ServeHTTP implements http.Handler.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone
}

func (p *Provider) serveConfiguration(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer": p.Issuer, "authorization_endpoint": p.Issuer + "/authorize", "token_endpoint": p.Issuer + "/token",
		"jwks_uri": p.Issuer + "/keys", "response_types_supported": []string{"code"},
		"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"ES256"},
		"code_challenge_methods_supported": []string{"S256"},
	})
}

// handleAuthorize shows the people, or sends the one who was chosen back with a code.
func (p *Provider) handleAuthorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != p.ClientID || q.Get("redirect_uri") != p.RedirectURL || q.Get("response_type") != "code" ||
		q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" {
		http.Error(w, "invalid_request", http.StatusBadRequest)
		return
	}
	at := slices.IndexFunc(p.People, func(one Person) bool { return one.SSIN == q.Get("person") })
	if at < 0 {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set(
			"Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'",
		)
		w.Header().Set("Cache-Control", "no-store")
		view := map[string]any{"People": p.People, "Query": q, "StyleSheet": p.StyleSheet}
		_ = chooser.Execute(w, view) // the client is gone
		return
	}
	code := rand.Text()
	p.mu.Lock()
	if len(p.codes) >= maxCodes {
		clear(p.codes)
	}
	p.codes[code] = grant{p.People[at], q.Get("nonce"), q.Get("code_challenge"), p.Now().Add(codeLifetime)}
	p.mu.Unlock()
	answer := url.Values{"code": {code}, "state": {q.Get("state")}}
	http.Redirect(w, r, p.RedirectURL+"?"+answer.Encode(), http.StatusSeeOther)
}

// serveToken redeems a code, once, for whoever knows the verifier of its challenge.
func (p *Provider) serveToken(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	code := r.PostFormValue("code")
	p.mu.Lock()
	g, ok := p.codes[code]
	delete(p.codes, code)
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || p.Now().After(g.expiresAt) || base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	now := p.Now()
	token, err := jwt.Signed(p.signer).Claims(map[string]any{
		"iss": p.Issuer, "aud": p.ClientID, "sub": g.person.SSIN, PersonClaim: g.person.SSIN, "nonce": g.nonce,
		"iat":        now.Unix(),
		"exp":        now.Add(tokenLifetime).Unix(),
		"given_name": g.person.FirstName, "family_name": g.person.LastName,
	}).Serialize()
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": rand.Text(), "token_type": "Bearer", "expires_in": int(tokenLifetime.Seconds()), "id_token": token,
	})
}

var chooser = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Development sign-in</title>
<link rel="stylesheet" href="{{.StyleSheet}}"></head>
<body><main id="content"><h1>Who are you?</h1><p>Invented people of the development service.</p>
<form method="get"><ul class="plain">
{{range .People}}<li><button name="person" value="{{.SSIN}}" class="secondary wide">
{{- .FirstName}} {{.LastName}}</button></li>{{end}}</ul>
{{range $name, $values := .Query}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">{{end}}{{end}}
</form></main></body>
</html>
`))
