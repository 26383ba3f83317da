package service

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"

	"github.com/openctr/ctr/internal/admission"
	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/implants/card/issuer"
	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/portal/cardpage"
)

// cardSettings are what cards need beside the register.
type cardSettings struct {
	key    *issuer.Key // nil: cards are not signed
	origin string      // of the public URL
}

// errCardKey means that the card key is of another kind.
var errCardKey = errors.New("cards are signed with an EC key on the curve P-256")

// newCardSettings reads the key that signs cards. Who verifies a card needs a path to an authority of --trust, so the
// key must have one.
func (c *Config) newCardSettings(files serviceFiles, origin string) (cardSettings, error) {
	settings := cardSettings{origin: origin}
	keyFile, passwordFile := c.CardKeyFile, c.CardPasswordFile
	if keyFile == "" && c.Development {
		keyFile, passwordFile = files.development.P12[authority.EntryEC], files.development.Password
	}
	if keyFile == "" {
		return settings, nil
	}
	key, err := p12.ReadSigningKey(keyFile, passwordFile, c.Now())
	if err != nil {
		return settings, &SettingError{Setting: "card-key", Err: err}
	}
	trust, err := c.readTrust(files.development) // without revocation lists, which are not loaded yet
	if err != nil {
		return settings, err
	}
	if err = trust.VerifyWithIssuers(key.Chain, key.Certificate, c.Now()); err != nil {
		return settings, &SettingError{Setting: "card-key", Err: err}
	}
	if public, isEC := key.Signer.Public().(*ecdsa.PublicKey); !isEC || public.Curve != elliptic.P256() {
		return settings, &SettingError{Setting: "card-key", Err: errCardKey}
	}
	signer, err := x509id.SubjectFromCertificate(key.Certificate)
	if err != nil {
		return settings, &SettingError{Setting: "card-key", Err: err}
	}
	settings.key = &issuer.Key{
		Signer: key.Signer, Chain: append([]*x509.Certificate{key.Certificate}, key.Chain...),
		Name: cmp.Or(signer.Name, signer.String()),
	}
	return settings, nil
}

// newCardPage adds the page that verifies cards. Its visitors wait among the senders of unverified messages.
func newCardPage(
	c *Config, cards *issuer.Issuer, controller *admission.Controller, next http.Handler,
) (http.Handler, error) {
	page, err := cardpage.New(cardpage.Config{
		Verify: cards.VerifyToken, RetryAfter: controller.RetryAfter, Log: c.Log,
		Admit: func(r *http.Request) (func(), error) {
			admitted, err := controller.Admit(r)
			if err == nil {
				err = admitted.AcquireUnverifiedSlot(r.Context(), 0)
			}
			finish := func() { admitted.Finish(admission.Undecided) }
			if err != nil {
				finish()
			}
			return finish, err
		},
	})
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, issuer.VerificationPath) {
			page.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	}), nil
}
