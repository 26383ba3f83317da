package service

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/admission"
	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/devkit/devdata"
	"github.com/openctr/ctr/internal/devkit/openid"
	"github.com/openctr/ctr/internal/devkit/sandbox"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/card/issuer"
	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/portal"
)

// developmentIssuer is the path of the development provider.
const developmentIssuer = "/openid"

// PortalConfig configures the web portal. Development services have one; others if Issuer is set.
type PortalConfig struct {
	KeyFile          string // .p12: signs what people submit
	PasswordFile     string
	Issuer           string // of the OpenID Connect provider
	ClientID         string
	ClientSecretFile string
	PersonClaim      string // of the ID token: the national number
	OperatorsFile    string // the national numbers of the operators; nobody is one without it, except in development
}

func (c *Config) hasPortal() bool { return c.Development || c.Portal.Issuer != "" }

// portalParts are what all portals of a service share: a reset makes a new portal.
type portalParts struct {
	provider *portal.Provider
	openID   http.Handler // the development provider, or nil
	client   *client.Client
	verifier *wsse.Verifier
	signer   platform.Signer

	certificates   *certificateHost // nil without a second port
	certificateURL string

	state operatorState
}

// newPortalParts reads the portal's key and prepares the provider; nil for a service without a portal. The origin is
// the public URL without a path.
func (c *Config) newPortalParts(
	dev authority.DevelopmentFiles, verifier *wsse.Verifier, origin string,
) (*portalParts, error) {
	if !c.hasPortal() {
		return nil, nil //nolint:nilnil // no portal
	}
	if c.Portal.OperatorsFile != "" {
		if _, err := readOperators(c.Portal.OperatorsFile); err != nil {
			return nil, err
		}
	}
	parts := &portalParts{verifier: verifier}
	keyFile, passwordFile := c.Portal.KeyFile, c.Portal.PasswordFile
	if keyFile == "" && c.Development {
		keyFile, passwordFile = dev.P12["CBE=0403227020"], dev.Password
	}
	key, err := p12.ReadSigningKey(keyFile, passwordFile, c.Now())
	if err != nil {
		return nil, &SettingError{Setting: "portal-key", Err: err}
	}
	signer, err := x509id.SubjectFromCertificate(key.Certificate)
	if err != nil {
		return nil, &SettingError{Setting: "portal-key", Err: err}
	}
	parts.signer = platform.Signer{Type: signer.Type, ID: signer.ID, Application: signer.Application}
	parts.client = &client.Client{Key: key, Now: c.Now, NewID: c.newNCName}
	parts.provider = &portal.Provider{
		Issuer: c.Portal.Issuer, ClientID: c.Portal.ClientID, PersonClaim: c.Portal.PersonClaim,
		RedirectURL: origin + "/portal/sign-in/callback", Client: &http.Client{Timeout: 10 * time.Second},
		Now: c.Now,
	}
	if c.Portal.Issuer == "" {
		err = parts.useDevelopmentProvider(c, origin)
		return parts, err
	}
	if provider, parseErr := url.Parse(c.Portal.Issuer); parseErr != nil || provider.Scheme != "https" ||
		provider.Host == "" {
		return nil, &SettingError{Setting: "oidc-issuer", Err: errors.New("not an https URL of a provider")}
	}
	secret, err := os.ReadFile(c.Portal.ClientSecretFile)
	if err != nil {
		return nil, &SettingError{Setting: "oidc-secret-file", Err: err}
	}
	parts.provider.ClientSecret = strings.TrimSpace(string(secret))
	if parts.provider.ClientSecret == "" {
		return nil, &SettingError{Setting: "oidc-secret-file", File: c.Portal.ClientSecretFile, Err: errors.New("empty")}
	}
	return parts, nil
}

// useDevelopmentProvider lets the invented people of the development data sign in. The portal reaches the provider
// without the network, because the service's TLS certificate is one that no browser and no program trusts.
func (parts *portalParts) useDevelopmentProvider(c *Config, origin string) error {
	people, err := readDevelopmentPeople()
	if err != nil {
		return err
	}
	parts.provider.Issuer, parts.provider.ClientID = origin+developmentIssuer, "portal"
	parts.provider.PersonClaim, parts.provider.ClientSecret = openid.PersonClaim, rand.Text()
	provider, err := openid.New(openid.Config{
		Issuer: parts.provider.Issuer, ClientID: parts.provider.ClientID, RedirectURL: parts.provider.RedirectURL,
		People: people, Now: c.Now, StyleSheet: portal.Prefix + "static/portal.css",
	})
	if err != nil {
		return err
	}
	parts.openID = provider
	parts.provider.Client = &http.Client{Transport: handlerTransport{provider}}
	return nil
}

func readDevelopmentPeople() ([]openid.Person, error) {
	file, err := devdata.Files.Open("persons.csv")
	if err != nil {
		return nil, fmt.Errorf("development data: %w", err)
	}
	reader := csv.NewReader(file)
	reader.Comma = ';'
	rows, err := reader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("development data: %w", err)
	}
	var people []openid.Person
	for _, row := range rows[1:] {
		const ssin, firstName, lastName, deathDate = 0, 1, 2, 4
		if row[deathDate] == "" {
			people = append(people, openid.Person{SSIN: row[ssin], FirstName: row[firstName], LastName: row[lastName]})
		}
	}
	return people, file.Close()
}

// newPortal returns the portal over a registrar, in front of the other pages and services.
func (parts *portalParts) newPortal(
	c *Config, registrar *implants.Registrar, cards *issuer.Issuer, register *openRegister,
	controller *admission.Controller, next http.Handler,
) (http.Handler, error) {
	sandboxPath := ""
	if c.hasSandbox() {
		sandboxPath = sandbox.Prefix + "/"
	}
	var redeem func(code, secret string) (ident.SSIN, error)
	if parts.certificates != nil {
		redeem = parts.certificates.redeem
	}
	p, err := portal.New(portal.Config{
		Registrar: registrar, Provider: parts.provider, Sessions: register.store.Sessions(c.Now),
		Sign: parts.signRequest, Signer: parts.signer, Operator: c.newOperatorPages(register, &parts.state),
		RenderCard: cards.Issue, Now: c.Now, NewID: func() string { return NewID(c.Now()) }, Log: c.Log,
		Development: c.Development, Location: ident.BelgianTime(), Sandbox: sandboxPath,
		AllowVisitor: controller.AllowVisitor, AllowWrite: controller.AllowWrite,
		CertificateURL: parts.certificateURL, RedeemCertificate: redeem,
	})
	if err != nil {
		return nil, err
	}
	guard := func(pages http.Handler) http.Handler {
		return controller.GuardPages(admission.PageDoor{
			Handler: pages, MaxBody: portal.MaxFormBytes, IsSignIn: portal.IsSignIn, Refuse: p.Refuse,
		})
	}
	mux := http.NewServeMux()
	mux.Handle("/", next)
	mux.Handle("GET /{$}", http.RedirectHandler(portal.Prefix, http.StatusSeeOther))
	mux.Handle(portal.Prefix, guard(p))
	if parts.openID != nil {
		mux.Handle(developmentIssuer+"/", guard(parts.openID))
	}
	return mux, nil
}

// signRequest signs a request as any client does, and verifies it as the SOAP door would: what the portal submits has
// the same evidence as what a hospital's software submits.
func (parts *portalParts) signRequest(
	ctx context.Context, operation string, request []byte,
) (platform.SignedMessage, error) {
	envelope, err := parts.client.Sign(request)
	if err != nil {
		return platform.SignedMessage{}, err
	}
	document, err := xmldoc.Parse(envelope, xmldoc.DefaultLimits())
	if err != nil {
		return platform.SignedMessage{}, err
	}
	opened, err := soap.Open(document)
	if err != nil {
		return platform.SignedMessage{}, err
	}
	v, err := parts.verifier.VerifyAndWait(ctx, opened, func() {})
	if err != nil {
		return platform.SignedMessage{}, fmt.Errorf("the portal's own signature: %w", err)
	}
	signer := v.Signer()
	return platform.SignedMessage{
		Correlation: NewID(parts.client.Now()), Operation: operation, ReceivedAt: parts.client.Now(),
		Signer: platform.Signer{Type: signer.Type, ID: signer.ID, Application: signer.Application},
		Digest: v.Digest(), Certificate: v.Certificate().Raw, Envelope: envelope,
		ReplayKey: platform.ReplayKey{Hash: v.ReplayKey(), ExpiresAt: v.ValidUntil()},
	}, nil
}

// originOf returns a URL without its path.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Scheme + "://" + u.Host
}

// handlerTransport answers requests by a handler of the same process.
type handlerTransport struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (t handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := &bufferedResponse{header: http.Header{}, status: http.StatusOK}
	t.ServeHTTP(w, r)
	return &http.Response{
		StatusCode: w.status, Status: http.StatusText(w.status), Header: w.header, Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()),
	}, nil
}

type bufferedResponse struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *bufferedResponse) Header() http.Header         { return w.header }
func (w *bufferedResponse) WriteHeader(status int)      { w.status = status }
func (w *bufferedResponse) Write(b []byte) (int, error) { return w.body.Write(b) }
