package revocation_test

import (
	"crypto/x509"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// newIssuer returns an authority below another one, with the given URLs in its certificate; empty ones are omitted.
func (a testCA) newIssuer(t *testing.T, name, responder, list string) testCA {
	t.Helper()
	key := must(t, newP384Key)
	template := &x509.Certificate{IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	template.Subject.CommonName = name
	if responder != "" {
		template.OCSPServer = []string{responder}
	}
	if list != "" {
		template.CRLDistributionPoints = []string{list}
	}
	return testCA{a.certify(t, template, key), key}
}

// TestFindingM6EveryCertificateOfThePath: the authorities between a signer and the anchor are judged like the signer,
// whether the service or the message holds them, the first time and from the cache.
func TestFindingM6EveryCertificateOfThePath(t *testing.T) {
	t.Parallel()
	const unknown, revoked, untrusted = x509id.CertRevocationUnknown, x509id.CertRevoked, x509id.CertUntrusted
	good := func(t *testing.T, root, issuing testCA) []byte {
		t.Helper()
		return root.signGoodResponse(t, issuing.certificate)
	}
	bad := func(t *testing.T, root, issuing testCA) []byte {
		t.Helper()
		return root.signRevokedResponse(t, issuing.certificate, ocsp.KeyCompromise)
	}
	emptyList := func(t *testing.T, root, _ testCA) []byte { t.Helper(); return root.signCRL(t, x509.RevocationList{}) }
	fullList := func(t *testing.T, root, issuing testCA) []byte {
		t.Helper()
		return root.signCRL(t, x509.RevocationList{}, issuing.certificate)
	}
	stale := func(t *testing.T, root, _ testCA) []byte {
		t.Helper()
		return root.signCRL(t, x509.RevocationList{ThisUpdate: testpki.Now().Add(-48 * time.Hour), NextUpdate: testpki.Now().Add(-time.Hour)})
	}
	ofUsers := func(t *testing.T, root, _ testCA) []byte {
		t.Helper()
		return root.signCRL(t, x509.RevocationList{ExtraExtensions: issuingDistributionPoint(derFlag(1))})
	}
	ofAuthorities := func(t *testing.T, root, _ testCA) []byte {
		t.Helper()
		return root.signCRL(t, x509.RevocationList{ExtraExtensions: issuingDistributionPoint(derFlag(2))})
	}
	for name, tt := range map[string]struct {
		responder, list func(t *testing.T, root, issuing testCA) []byte
		hard, soft      problem.Code
	}{
		"nothing says anything":           {nil, nil, unknown, ""},
		"the responder speaks well":       {good, nil, "", ""},
		"the responder speaks badly":      {bad, nil, untrusted, untrusted},
		"the list is empty":               {nil, emptyList, "", ""},
		"the authority is on the list":    {nil, fullList, untrusted, untrusted},
		"the list is stale":               {nil, stale, unknown, ""},
		"the list is of users only":       {nil, ofUsers, unknown, ""},
		"the list is of authorities only": {nil, ofAuthorities, "", ""},
		"good, but on the list":           {good, fullList, untrusted, untrusted},
		"revoked, the list does not know": {bad, emptyList, untrusted, untrusted},
	} {
		for policy, want := range map[revocation.StatusPolicy]problem.Code{revocation.PolicyHardFail: tt.hard, revocation.PolicySoftFail: tt.soft} {
			for _, inMessage := range []bool{false, true} {
				t.Run(name+", "+string(policy), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						root, _ := newCAChain(t, "CTR test", newP384Key)
						responder, lists := newRevocationServer(t), newRevocationServer(t)
						var responderURL, listURL string
						if tt.responder != nil {
							responderURL = responder.URL
						}
						if tt.list != nil {
							listURL = lists.URL
						}
						issuing := root.newIssuer(t, "issuing", responderURL, listURL)
						if tt.responder != nil {
							responder.setReply(tt.responder(t, root, issuing))
						}
						if tt.list != nil {
							lists.setReply(tt.list(t, root, issuing))
						}
						trusted, issuers := []testCA{root, issuing}, []*x509.Certificate(nil)
						if inMessage {
							trusted, issuers = []testCA{root}, []*x509.Certificate{issuing.certificate}
						}
						s := startChecker(t, revocation.StatusCheckerOptions{Policy: policy}, trusted, nil)
						c := issuing.issueSigner(t, "", lists.URL+"/signers")
						known := issuing.signCRL(t, x509.RevocationList{})
						if !inMessage { // nothing is missing but the status of the authority
							if err := s.AddCRL(known); err != nil {
								t.Fatal(err)
							}
						} else if policy == revocation.PolicyHardFail && want == "" {
							if tt.responder != nil {
								return // one responder answers about one certificate here
							}
							c = issuing.issueSigner(t, responder.URL, "")
							responder.setReply(issuing.signGoodResponse(t, c))
						}
						verify := func() problem.Code {
							return testpki.Code(s.VerifyWithIssuers(issuers, c, s.clock.now()))
						}
						_ = verify()
						waitSeveralSweeps()
						for range 3 {
							if got := verify(); got != want {
								t.Errorf("in the message %v: %q, want %q", inMessage, got, want)
							}
						}
						if off := testpki.Code(s.TrustStore.Offline().VerifyWithIssuers(issuers, c, s.clock.now())); off != want {
							t.Errorf("offline: %q", off)
						}
					})
				})
			}
		}
	}
	t.Run("the signer's own revocation comes first", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			root, issuing := newCAChain(t, "CTR test", newP384Key)
			s := startChecker(t, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail}, []testCA{root, issuing}, nil)
			c := issuing.issueSigner(t, "", "")
			if err := s.AddCRL(issuing.signCRL(t, x509.RevocationList{}, c)); err != nil {
				t.Fatal(err)
			}
			if got := s.verifyNow(c); got != revoked {
				t.Errorf("%q", got)
			}
		})
	})
}

// TestFindingM6AnotherPath: a certificate with two paths is accepted by the one whose authorities are all good.
func TestFindingM6AnotherPath(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first, _ := newCAChain(t, "first", newP384Key)
		second, _ := newCAChain(t, "second", newP384Key)
		key := must(t, newP384Key)
		crossSigned := func(by testCA) testCA {
			template := &x509.Certificate{IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
			template.Subject.CommonName = "issuing"
			return testCA{by.certify(t, template, key), key}
		}
		one, two := crossSigned(first), crossSigned(second)
		s := startChecker(t, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail}, []testCA{first, second, one, two}, nil)
		c := one.issueSigner(t, "", "")
		add := func(list []byte) {
			t.Helper()
			if err := s.AddCRL(list); err != nil {
				t.Fatal(err)
			}
		}
		add(one.signCRL(t, x509.RevocationList{}))
		step := func(want problem.Code) {
			t.Helper()
			for range 2 {
				if got := s.verifyNow(c); got != want {
					t.Errorf("%q, want %q", got, want)
				}
			}
		}
		step(x509id.CertRevocationUnknown)
		add(second.signCRL(t, x509.RevocationList{}))
		step("")
		add(first.signCRL(t, x509.RevocationList{}, one.certificate))
		step("")
		add(second.signCRL(t, x509.RevocationList{}, two.certificate))
		step(x509id.CertUntrusted)
	})
}
