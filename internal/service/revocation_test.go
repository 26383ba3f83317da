package service_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// TestRevocationIsFetched runs a service that rejects certificates of unknown revocation status. The revocation list
// arrives late; it contains one of two certificates of a hospital.
func TestRevocationIsFetched(t *testing.T) {
	t.Parallel()
	from, until := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	issuer, err := authority.New(authority.Options{Name: "revoking", NotBefore: from, NotAfter: until, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	issue := func() *x509id.Key {
		key, issueErr := issuer.Issue(authority.Order{
			Subject: x509id.Subject{Type: "NIHII-HOSPITAL", ID: "71000436", Name: "ZIEKENHUIS SINT-ELOOI"}, NotBefore: from, NotAfter: until, Algorithm: authority.KeyECP256,
		})
		if issueErr != nil {
			t.Fatal(issueErr)
		}
		return key
	}
	good, revoked := issue(), issue()
	list, err := issuer.SignCRL(1, from, until, revoked.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	var requests atomic.Int64
	release := make(chan struct{})
	lists := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		select {
		case <-release:
			_, _ = w.Write(list)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(lists.Close)
	trust := filepath.Join(t.TempDir(), "trust.pem")
	interop.WriteFile(t, trust, x509id.EncodePEM(issuer.Certificates()[0]))
	var log logBuffer
	service := startService(t, service.Config{
		Development: true, Log: slog.New(slog.NewJSONHandler(&log, nil)),
		TrustFiles: []string{trust}, RevocationPolicy: revocation.PolicyHardFail, RevocationLists: []string{lists.URL + "/list.crl"},
		ListFetchTimeout: time.Millisecond,
	})
	if !strings.Contains(log.String(), `"msg":"started without all revocation lists","missing":1`) {
		t.Errorf("an authority that does not answer at the start is not told: %s", log.String())
	}

	search := func(key *x509id.Key) string { t.Helper(); return searchForCode(t, service, key) }
	if got := search(good); got != string(x509id.CertRevocationUnknown) {
		t.Errorf("before the list: %q", got)
	}
	close(release)
	interop.Await(t, "the good certificate accepted", func() bool { return search(good) == "" }, service.Stderr)
	if got := search(revoked); got != string(x509id.CertRevoked) {
		t.Errorf("revoked: %q", got)
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("the list was requested %d times", n)
	}
	if strings.Contains(log.String(), lists.URL) {
		t.Errorf("the address is told: %s", log.String())
	}
}

// revokingAuthority is an authority whose certificates name the address of a list.
type revokingAuthority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newRevokingAuthority(t *testing.T) *revokingAuthority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &revokingAuthority{key: key}
	a.certificate = a.certify(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "revoking CA"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, key)
	return a
}

func (a *revokingAuthority) certify(t *testing.T, template *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	parent := a.certificate
	if parent == nil {
		parent = template
	}
	template.SerialNumber, template.BasicConstraintsValid = big.NewInt(time.Now().UnixNano()), true
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// issueHospital returns a key of a hospital, whose certificate names the address of a list.
func (a *revokingAuthority) issueHospital(t *testing.T, list string) *x509id.Key {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	subject, err := x509id.Subject{Type: "NIHII-HOSPITAL", ID: "71000436", Name: "ZIEKENHUIS SINT-ELOOI"}.EncodeDER()
	if err != nil {
		t.Fatal(err)
	}
	return &x509id.Key{Signer: key, Certificate: a.certify(t, &x509.Certificate{
		RawSubject: subject, KeyUsage: x509.KeyUsageDigitalSignature, CRLDistributionPoints: []string{list},
	}, key)}
}

func (a *revokingAuthority) signList(t *testing.T, revoked ...*x509.Certificate) []byte {
	t.Helper()
	template := &x509.RevocationList{Number: big.NewInt(time.Now().UnixNano()), ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(time.Hour)}
	for _, c := range revoked {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: time.Now(), ReasonCode: 1})
	}
	list, err := x509.CreateRevocationList(rand.Reader, template, a.certificate, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// searchForCode calls the service and returns the code of the refusal.
func searchForCode(t *testing.T, service *runningService, key *x509id.Key) string {
	t.Helper()
	_, err := client.Call[ctr.SearchRequest, ctr.SearchResponse](t.Context(), service.NewClient(t, key), "Search",
		interop.NewSearchRequest(interop.CriteriaByPatient(interop.PatientSSIN)))
	if refusal, ok := errors.AsType[*soap.Refusal](err); ok {
		return refusal.Violations[0].Code
	}
	if err != nil {
		t.Fatal(err)
	}
	return ""
}

// TestFindingM4RevokedFromTheFirstMessage: the very first message of a revoked certificate is refused, although the
// policy is soft; after a restart without the authority too.
func TestFindingM4RevokedFromTheFirstMessage(t *testing.T) {
	t.Parallel()
	issuer := newRevokingAuthority(t)
	var list atomic.Pointer[[]byte]
	lists := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(*list.Load()) }))
	t.Cleanup(lists.Close)
	good, revoked := issuer.issueHospital(t, lists.URL), issuer.issueHospital(t, lists.URL)
	signed := issuer.signList(t, revoked.Certificate)
	list.Store(&signed)
	trust := filepath.Join(t.TempDir(), "trust.pem")
	interop.WriteFile(t, trust, x509id.EncodePEM(issuer.certificate))
	config := service.Config{
		DataDirectory: interop.NewDevelopmentDirectory(t), Development: true, TrustFiles: []string{trust}, RevocationPolicy: revocation.PolicySoftFail,
	}
	first := startService(t, config)
	if got := searchForCode(t, first, revoked); got != string(x509id.CertRevoked) {
		t.Errorf("the first message: %q", got)
	}
	if got := searchForCode(t, first, good); got != "" {
		t.Errorf("a good certificate: %q", got)
	}
	first.close()
	lists.Close()
	second := startService(t, config)
	if got := searchForCode(t, second, revoked); got != string(x509id.CertRevoked) {
		t.Errorf("after a restart, without the authority: %q", got)
	}
	if got := searchForCode(t, second, good); got != "" {
		t.Errorf("a good certificate after a restart: %q", got)
	}
	checkPrivate(t, filepath.Join(config.DataDirectory, "revocation"))
}

// TestFindingM4DefaultPolicy: where nothing else is said, production refuses what it cannot ask about, and the other
// environments accept it.
func TestFindingM4DefaultPolicy(t *testing.T) {
	t.Parallel()
	issuer := newRevokingAuthority(t)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	trust := filepath.Join(t.TempDir(), "trust.pem")
	interop.WriteFile(t, trust, x509id.EncodePEM(issuer.certificate))
	const unknown = string(x509id.CertRevocationUnknown)
	for name, tt := range map[string]struct {
		environment string
		policy      revocation.StatusPolicy
		want        string
	}{
		"production":           {"Production", "", unknown},
		"development":          {"", "", ""},
		"test":                 {"Test", "", ""},
		"acceptance":           {"Acceptation", "", ""},
		"production, but soft": {"Production", revocation.PolicySoftFail, ""},
		"production, but off":  {"Production", revocation.PolicyOff, ""},
		"test, but hard":       {"Test", revocation.PolicyHardFail, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startService(t, service.Config{
				Development: true, Environment: tt.environment, TrustFiles: []string{trust}, RevocationPolicy: tt.policy,
			})
			if got := searchForCode(t, s, issuer.issueHospital(t, gone.URL)); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
