package service

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/admission"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/portal"
)

const (
	// certificateCodeTime is how long a code may take from the certificate host to the portal.
	certificateCodeTime = time.Minute
	// maxCertificateCodes bounds the codes that wait. Beyond it nobody gets one.
	maxCertificateCodes = 1000
	// maxClientIssuers bounds the issuers that a client sends with its certificate.
	maxClientIssuers = 4
)

var (
	errCertificateCode   = errors.New("the code of the certificate is unknown, used or too old, or of another browser")
	errNotAPerson        = errors.New("the certificate names no person")
	errNoCertificate     = errors.New("the browser sent no certificate")
	errTooManyCodes      = errors.New("too many sign-ins with certificates wait")
	errCertificateNoTLS  = errors.New("certificates need TLS: not with plain HTTP")
	errCertificatePortal = errors.New("there is no portal")
)

// certificateHost asks for a TLS client certificate, which the origin of the portal never does: a browser with a
// certificate would ask its user on every page. It says to the portal whom the certificate names, by a code that is
// good once, for a minute, and only in the browser that began.
type certificateHost struct {
	verifier *wsse.Verifier
	now      func() time.Time
	log      *slog.Logger
	callback string // of the portal

	mutex sync.Mutex
	codes map[string]certificateGrant
}

// certificateGrant is a code that waits to be redeemed.
type certificateGrant struct {
	person    ident.SSIN
	challenge string // hash of a secret that only the browser's session at the portal has
	expiresAt time.Time
}

// ServeHTTP sends the browser back to the portal with a code, or with none if the certificate is not accepted. Why
// stands in the log only, without the person.
func (h *certificateHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	challenge := r.URL.Query().Get("challenge")
	if r.Method != http.MethodGet || r.URL.Path != "/" || challenge == "" || len(challenge) > 64 {
		http.Error(w, "This address is for signing in at the portal.", http.StatusBadRequest)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	answer := url.Values{}
	person, err := h.identify(r.Context(), r.TLS)
	if err == nil {
		code := rand.Text()
		if err = h.keep(code, certificateGrant{person, challenge, h.now().Add(certificateCodeTime)}); err == nil {
			answer.Set("code", code)
		}
	}
	if err != nil {
		h.log.WarnContext(r.Context(), "certificate not accepted", slog.String("error", err.Error()))
	}
	http.Redirect(w, r, h.callback+"?"+answer.Encode(), http.StatusSeeOther) //nolint:gosec // an address of our own
}

// identify returns the person whom the certificate of a connection names. TLS has proved that the browser has the key;
// the path, the times and the revocation status are checked like those of a message's signer.
func (h *certificateHost) identify(ctx context.Context, connection *tls.ConnectionState) (ident.SSIN, error) {
	if connection == nil || len(connection.PeerCertificates) == 0 {
		return ident.SSIN{}, errNoCertificate
	}
	leaf, err := x509id.ParseCertificate(connection.PeerCertificates[0].Raw)
	if err != nil {
		return ident.SSIN{}, err
	}
	issuers := connection.PeerCertificates[1:]
	if len(issuers) > maxClientIssuers {
		issuers = issuers[:maxClientIssuers]
	}
	if err = h.verifier.JudgeCertificate(ctx, leaf, issuers); err != nil {
		return ident.SSIN{}, err
	}
	return personOfCertificate(leaf)
}

// personOfCertificate returns the person whom an eHealth certificate names in its common name, or an identity card in
// its serial number. A certificate of an organisation names nobody.
func personOfCertificate(c *x509.Certificate) (ident.SSIN, error) {
	number := ""
	subject, err := x509id.SubjectFromCertificate(c)
	switch {
	case err == nil && subject.Type == "SSIN" && subject.Application == "":
		number = subject.ID
	case err != nil && isIdentityCard(c):
		number = c.Subject.SerialNumber
	}
	person, err := ident.ParseSSIN(number)
	if err != nil {
		return ident.SSIN{}, errNotAPerson
	}
	return person, nil
}

// isIdentityCard reports whether the subject is that of the authentication certificate of a Belgian identity card: a
// country, one serial number, and the names of a person in attributes and, before the purpose, in the common name.
func isIdentityCard(c *x509.Certificate) bool {
	s := c.Subject
	count := map[string]int{}
	for _, attribute := range s.Names {
		count[attribute.Type.String()]++
	}
	const commonName, surname, country, serialNumber, givenName = "2.5.4.3", "2.5.4.4", "2.5.4.6", "2.5.4.5", "2.5.4.42"
	for _, once := range []string{commonName, surname, country, serialNumber} {
		if count[once] != 1 {
			return false
		}
	}
	return count[givenName] > 0 && slices.Equal(s.Country, []string{"BE"}) && len(s.Organization) == 0 &&
		strings.HasSuffix(s.CommonName, " (Authentication)") && !strings.Contains(s.CommonName, "=")
}

// keep keeps a grant until it is redeemed or too old.
func (h *certificateHost) keep(code string, g certificateGrant) error {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if len(h.codes) >= maxCertificateCodes {
		for old, other := range h.codes {
			if !h.now().Before(other.expiresAt) {
				delete(h.codes, old)
			}
		}
	}
	if len(h.codes) >= maxCertificateCodes {
		return errTooManyCodes
	}
	h.codes[code] = g
	return nil
}

// redeem returns the person of a code, for the browser that began: it has the secret of the challenge. A code is gone
// after the first attempt.
func (h *certificateHost) redeem(code, secret string) (ident.SSIN, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	g, isKnown := h.codes[code]
	delete(h.codes, code)
	sum := sha256.Sum256([]byte(secret))
	if !isKnown || secret == "" || !h.now().Before(g.expiresAt) ||
		base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge {
		return ident.SSIN{}, errCertificateCode
	}
	return g.person, nil
}

// listenForCertificates opens the second port, if there is one, and tells the portal of it.
func (s *Service) listenForCertificates(ctx context.Context, parts *portalParts) (net.Listener, error) {
	if s.config.CertificateListen == "" {
		return nil, nil //nolint:nilnil // no second port
	}
	if s.config.PlainHTTP {
		return nil, &SettingError{Setting: "certificate-address", Err: errCertificateNoTLS}
	}
	if parts == nil {
		return nil, &SettingError{Setting: "certificate-address", Err: errCertificatePortal}
	}
	listener, err := listenTCP(ctx, s.config.CertificateListen)
	if err != nil {
		return nil, err
	}
	origin := originOf(s.URL)
	public, err := url.Parse(origin)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s.CertificateURL = "https://" + net.JoinHostPort(public.Hostname(), port) + "/"
	parts.certificates = &certificateHost{
		verifier: parts.verifier, now: s.config.Now, log: s.config.Log, callback: origin + portal.CertificateCallback,
		codes: map[string]certificateGrant{},
	}
	parts.certificateURL = s.CertificateURL
	return listener, nil
}

// serveCertificates serves the second port. A certificate is asked for and not verified in the handshake, so that the
// browser gets a page instead of a broken connection; without tickets, each connection proves the key anew.
func (s *Service) serveCertificates(
	listener net.Listener, parts *portalParts, certificate tls.Certificate, controller *admission.Controller,
) {
	if listener == nil {
		return
	}
	config := newTLSConfig(certificate, controller)
	config.ClientAuth, config.SessionTicketsDisabled = tls.RequestClientCert, true
	config.ClientCAs = x509.NewCertPool() // named to the browser, which then offers what could be accepted
	for _, authority := range parts.verifier.Trust.Authorities() {
		config.ClientCAs.AddCert(authority)
	}
	pages := controller.GuardPages(admission.PageDoor{
		Handler:  parts.certificates,
		IsSignIn: func(*http.Request) bool { return true },
		Refuse: func(w http.ResponseWriter, _ *http.Request, status int) {
			http.Error(w, http.StatusText(status), status)
		},
	})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !controller.AllowVisitor(r) {
			http.Error(w, http.StatusText(http.StatusTooManyRequests), http.StatusTooManyRequests)
			return
		}
		pages.ServeHTTP(w, r)
	})
	s.startServer(tls.NewListener(admission.LimitConnections(listener, maxConnections()/4), config), handler)
}
