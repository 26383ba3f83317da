package service_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// certificateScene is a service with a second port, and an authority that it trusts.
type certificateScene struct {
	*runningService

	clock  *registertest.Clock
	issuer *authority.Authority
	cardCA *x509.Certificate // an authority of identity cards
	cardBy *ecdsa.PrivateKey
}

func newCertificateScene(t *testing.T) *certificateScene {
	t.Helper()
	s := &certificateScene{clock: registertest.NewClock()}
	s.clock.Set(time.Now())
	s.issuer = testpki.NewAuthority(t, s.clock.Now().AddDate(-1, 0, 0), s.clock.Now().AddDate(10, 0, 0))
	s.cardCA, s.cardBy = newCardAuthority(t, s.clock.Now())
	var trusted []byte
	for _, certificate := range append(s.issuer.Certificates(), s.cardCA) {
		trusted = append(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
	}
	trust := filepath.Join(t.TempDir(), "trust.pem")
	if err := os.WriteFile(trust, trusted, 0o600); err != nil {
		t.Fatal(err)
	}
	s.runningService = startService(t, service.Config{
		Development: true, CertificateListen: "127.0.0.1:0", Now: s.clock.Now, TrustFiles: []string{trust},
	})
	return s
}

func newCardAuthority(t *testing.T, now time.Time) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Citizen CA", Country: []string{"BE"}},
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(10, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	return testpki.CreateCertificate(t, template, template, key.Public(), key), key
}

// newIdentityCard returns an authentication certificate like that of an identity card.
func (s *certificateScene) newIdentityCard(t *testing.T, change func(*pkix.Name)) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	name := pkix.Name{
		CommonName: "Anna Claes (Authentication)", Country: []string{"BE"}, SerialNumber: surgeon,
		ExtraNames: []pkix.AttributeTypeAndValue{
			{Type: asn1.ObjectIdentifier{2, 5, 4, 4}, Value: "Claes"}, {Type: asn1.ObjectIdentifier{2, 5, 4, 42}, Value: "Anna"},
		},
	}
	if change != nil {
		change(&name)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: name, NotBefore: s.clock.Now().AddDate(0, -1, 0),
		NotAfter: s.clock.Now().AddDate(1, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	leaf := testpki.CreateCertificate(t, template, s.cardCA, key.Public(), s.cardBy)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}
}

func toTLS(key *x509id.Key) tls.Certificate {
	certificate := tls.Certificate{PrivateKey: key.Signer, Certificate: [][]byte{key.Certificate.Raw}}
	for _, c := range key.Chain {
		certificate.Certificate = append(certificate.Certificate, c.Raw)
	}
	return certificate
}

// newBrowser returns a visitor whose browser shows a certificate, or none, wherever it is asked.
func (s *certificateScene) newBrowser(t *testing.T, certificates ...tls.Certificate) *visitor {
	t.Helper()
	v := newVisitor(t, s.runningService)
	v.tlsConfig().GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if len(certificates) == 0 {
			return &tls.Certificate{}, nil
		}
		return &certificates[0], nil
	}
	return v
}

func (v *visitor) tlsConfig() *tls.Config {
	v.t.Helper()
	transport, ok := v.client.Transport.(*http.Transport)
	if !ok {
		v.t.Fatal("another transport")
	}
	return transport.TLSClientConfig
}

// follow opens an address of any origin, and returns where it leads to.
func (v *visitor) follow(address string) page {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.send(r)
}

// show begins to sign in with a certificate, shows it, and returns the way back to the portal.
func (v *visitor) show() string {
	v.t.Helper()
	return v.follow(v.open("/portal/sign-in/certificate").location).location
}

func TestSignInWithCertificate(t *testing.T) {
	t.Parallel()
	s := newCertificateScene(t)
	issue := func(change func(*authority.Order)) tls.Certificate {
		return toTLS(testpki.IssueKey(t, s.issuer, func(o *authority.Order) {
			o.Subject = x509id.Subject{Type: "SSIN", ID: surgeon, Name: "CLAES ANNA"}
			o.NotBefore, o.NotAfter = s.clock.Now().AddDate(0, -1, 0), s.clock.Now().AddDate(1, 0, 0)
			change(o)
		}))
	}
	for name, right := range map[string]tls.Certificate{
		"of eHealth":          issue(func(*authority.Order) {}),
		"of the test PKI":     toTLS(testpki.Key(t, "SSIN="+surgeon)),
		"of an identity card": s.newIdentityCard(t, nil),
	} {
		v := s.newBrowser(t, right)
		back := v.show()
		before := v.cookie()
		if p := v.open(back); p.location != "/portal/profile" || v.cookie() == before || !v.isSignedIn() {
			t.Errorf("certificate %s: %d %s", name, p.status, p.location)
		}
		if p := v.open("/portal/profile"); !strings.Contains(p.text, "doctor") {
			t.Errorf("certificate %s: the profile of somebody else", name)
		}
		if strings.Contains(back, surgeon) {
			t.Errorf("certificate %s: the person's number is in the address", name)
		}
	}
	otherCA := testpki.NewAuthority(t, s.clock.Now().AddDate(-1, 0, 0), s.clock.Now().AddDate(10, 0, 0))
	foreign := toTLS(testpki.IssueKey(t, otherCA, func(o *authority.Order) {
		o.Subject = x509id.Subject{Type: "SSIN", ID: surgeon, Name: "CLAES ANNA"}
		o.NotBefore, o.NotAfter = s.clock.Now().AddDate(0, -1, 0), s.clock.Now().AddDate(1, 0, 0)
	}))
	for name, wrong := range map[string]tls.Certificate{
		"none":                    {},
		"revoked":                 toTLS(testpki.RevokedKey(t)),
		"expired":                 toTLS(testpki.ExpiredKey(t)),
		"expired, of the surgeon": issue(func(o *authority.Order) { o.NotAfter = s.clock.Now().Add(-time.Hour) }),
		"not yet valid":           issue(func(o *authority.Order) { o.NotBefore = s.clock.Now().Add(time.Hour) }),
		"of another authority":    foreign,
		"of a hospital":           toTLS(testpki.Key(t, testpki.Hospital)),
		"with a wrong number":     s.newIdentityCard(t, func(n *pkix.Name) { n.SerialNumber = "78031412251" }),
		"of an organisation":      s.newIdentityCard(t, func(n *pkix.Name) { n.Organization = []string{"Hospital"} }),
		"of another country":      s.newIdentityCard(t, func(n *pkix.Name) { n.Country = []string{"NL"} }),
		"without a person's name": s.newIdentityCard(t, func(n *pkix.Name) { n.ExtraNames = nil }),
		"for signing":             s.newIdentityCard(t, func(n *pkix.Name) { n.CommonName = "Anna Claes (Signature)" }),
	} {
		v := s.newBrowser(t, wrong)
		back := v.show()
		if p := v.open(back); back != "/portal/sign-in/certificate/callback?" || p.status != http.StatusBadRequest || v.isSignedIn() {
			t.Errorf("certificate %s: %s, %d", name, back, p.status)
		}
	}
}

func TestCertificateCodes(t *testing.T) {
	t.Parallel()
	s := newCertificateScene(t)
	right := toTLS(testpki.Key(t, "SSIN="+surgeon))
	refuse := func(name string, v *visitor, address string) {
		t.Helper()
		if p := v.open(address); p.status != http.StatusBadRequest || v.isSignedIn() {
			t.Errorf("%s: %d %s", name, p.status, p.location)
		}
	}
	victim := s.newBrowser(t, right)
	stolen := victim.show()
	thief := s.newBrowser(t)
	thief.open("/portal/sign-in/certificate")
	refuse("the code of another browser", thief, stolen)
	refuse("the code after another browser tried it", victim, stolen)

	v := s.newBrowser(t, right)
	back := v.show()
	if p := v.open(back); p.location != "/portal/profile" {
		t.Fatalf("%d %s", p.status, p.location)
	}
	v.post("/portal/sign-out", nil)
	refuse("the code again", v, back)
	v.open("/portal/sign-in/certificate")
	refuse("the code again, with a new sign-in", v, back)

	late := s.newBrowser(t, right)
	back = late.show()
	s.clock.Set(s.clock.Now().Add(time.Minute))
	refuse("the code after a minute", late, back)
	refuse("no code", late, "/portal/sign-in/certificate/callback")
	refuse("an invented code", s.newBrowser(t), "/portal/sign-in/certificate/callback?code=ABCDEFGHIJKLMNOPQRSTUVWXYZ")

	// A link that somebody else made: the browser shows its certificate, and the code helps nobody.
	lured := s.newBrowser(t, right)
	refuse("a challenge of somebody else", lured, lured.follow(strings.Replace(
		thief.open("/portal/sign-in/certificate").location, v.origin, "", 1)).location)
}

// TestCertificatesOnlyWhereAsked checks that the origin of the portal asks no browser for a certificate, and that the
// second port does nothing else.
func TestCertificatesOnlyWhereAsked(t *testing.T) {
	t.Parallel()
	s := newCertificateScene(t)
	v := s.newBrowser(t)
	asked := 0
	v.tlsConfig().GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if asked++; len(info.AcceptableCAs) < 2 {
			t.Errorf("%d authorities are named", len(info.AcceptableCAs))
		}
		return &tls.Certificate{}, nil
	}
	if v.open("/portal/sign-in"); asked != 0 {
		t.Error("the portal asks for a certificate")
	}
	host, _, _ := strings.Cut(v.open("/portal/sign-in/certificate").location, "?")
	for _, path := range []string{"", "portal/", "ctr/v1?wsdl", "?challenge=", "?challenge=" + strings.Repeat("a", 65), "readyz"} {
		if p := v.follow(host + path); p.status != http.StatusBadRequest {
			t.Errorf("%s: %d", path, p.status)
		}
	}
	if asked == 0 {
		t.Error("the second port asks for no certificate")
	}
	without := newVisitor(t, startService(t, service.Config{Development: true}))
	if p := without.open("/portal/sign-in/certificate"); p.status != http.StatusNotFound {
		t.Errorf("without a second port: %d", p.status)
	}
	if strings.Contains(without.open("/portal/sign-in").text, "/sign-in/certificate") {
		t.Error("the sign-in page links a second port that is not there")
	}
	if p := v.open("/portal/sign-in"); !strings.Contains(p.text, `href="/portal/sign-in/certificate"`) {
		t.Error("the sign-in page does not link the certificates")
	}
}
