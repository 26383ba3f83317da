package revocation_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// authorityBehaviour is a behaviour of a responder and the expected result for the certificate.
type authorityBehaviour struct {
	name       string
	answer     func(a testCA, c *x509.Certificate) http.HandlerFunc
	soft, hard problem.Code
	says       string // expected in the log; empty without a failure
}

func authorityBehaviours(t *testing.T) []authorityBehaviour {
	t.Helper()
	octets := func(write func(a testCA, c *x509.Certificate) []byte) func(testCA, *x509.Certificate) http.HandlerFunc {
		return func(a testCA, c *x509.Certificate) http.HandlerFunc {
			reply := write(a, c)
			return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(reply) }
		}
	}
	response := func(change func(a testCA, r *ocsp.Response) crypto.Signer) func(testCA, *x509.Certificate) http.HandlerFunc {
		return octets(func(a testCA, c *x509.Certificate) []byte {
			r := ocsp.Response{Status: ocsp.Good, SerialNumber: c.SerialNumber}
			by := change(a, &r)
			return a.signOCSPResponse(t, r, by)
		})
	}
	delegate := func(change func(*x509.Certificate)) func(a testCA, r *ocsp.Response) crypto.Signer {
		return func(a testCA, r *ocsp.Response) crypto.Signer {
			key := must(t, newP384Key)
			template := &x509.Certificate{Subject: pkix.Name{CommonName: "responder"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}}
			if change != nil {
				change(template)
			}
			r.Certificate = a.certify(t, template, key)
			return key
		}
	}
	at := func(from, until time.Duration) func(testCA, *x509.Certificate) http.HandlerFunc {
		return response(func(a testCA, r *ocsp.Response) crypto.Signer {
			r.ThisUpdate, r.NextUpdate = testpki.Now().Add(from), testpki.Now().Add(until)
			return a.key
		})
	}
	_, stranger := newCAChain(t, "stranger", newP384Key)
	const unknown = x509id.CertRevocationUnknown
	status := func(code int) func(testCA, *x509.Certificate) http.HandlerFunc {
		return func(testCA, *x509.Certificate) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
		}
	}
	return []authorityBehaviour{
		{"good", octets(func(a testCA, c *x509.Certificate) []byte { return a.signGoodResponse(t, c) }), "", "", ""},
		{"good, by SHA-256 names", response(func(a testCA, r *ocsp.Response) crypto.Signer {
			r.IssuerHash = crypto.SHA256
			return a.key
		}), "", "", ""},
		{"good, encloses the issuer", response(func(a testCA, r *ocsp.Response) crypto.Signer {
			r.Certificate = a.certificate
			return a.key
		}), "", "", ""},
		{"good, delegated", response(delegate(nil)), "", "", ""},
		{"revoked", octets(func(a testCA, c *x509.Certificate) []byte { return a.signRevokedResponse(t, c, ocsp.KeyCompromise) }), x509id.CertRevoked, x509id.CertRevoked, ""},
		{"revoked, long ago", response(func(a testCA, r *ocsp.Response) crypto.Signer {
			r.Status, r.RevokedAt, r.ThisUpdate, r.NextUpdate = ocsp.Revoked, testpki.Date(2024, 1, 1), testpki.Date(2024, 1, 1), testpki.Date(2024, 1, 2)
			return a.key
		}), x509id.CertRevoked, x509id.CertRevoked, "the answer was good from 2024"},
		{"unknown", response(func(a testCA, r *ocsp.Response) crypto.Signer {
			r.Status = ocsp.Unknown
			return a.key
		}), "", unknown, "does not know the certificate"},
		{"garbage", octets(func(testCA, *x509.Certificate) []byte { return []byte("<html>Welcome to the airport</html>") }), "", unknown, "OCSP_UNREADABLE"},
		{"empty", octets(func(testCA, *x509.Certificate) []byte { return nil }), "", unknown, "OCSP_UNREADABLE"},
		{"an error of OCSP", octets(func(testCA, *x509.Certificate) []byte { return ocsp.UnauthorizedErrorResponse }), "", unknown, "OCSP_UNREADABLE"},
		{"stale", at(-48*time.Hour, -24*time.Hour), "", unknown, "the answer was good from"},
		{"of tomorrow", at(24*time.Hour, 48*time.Hour), "", unknown, "OCSP_UNTRUSTED"},
		{"a clock slightly ahead", at(2*time.Minute, time.Hour), "", "", ""},
		{"wrong signer", response(func(testCA, *ocsp.Response) crypto.Signer { return stranger.key }), "", unknown, "OCSP_UNTRUSTED"},
		{"wrong signer, encloses himself", response(func(_ testCA, r *ocsp.Response) crypto.Signer {
			r.Certificate = stranger.certificate
			return stranger.key
		}), "", unknown, "of another authority"},
		{"a holder of a certificate answers", response(delegate(func(c *x509.Certificate) { c.ExtKeyUsage = nil })), "", unknown, "not for answering"},
		{"any purpose is not this purpose", response(delegate(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} })), "", unknown, "not for answering"},
		{"delegate has expired", response(delegate(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = testpki.Date(2020, 1, 1), testpki.Date(2021, 1, 1)
		})), "", unknown, "not valid now"},
		{"delegate of the name, not of the key", octets(func(a testCA, c *x509.Certificate) []byte {
			twin := testCA{a.certificate, must(t, newP384Key)}
			key := must(t, newP384Key)
			responder := &x509.Certificate{
				Subject: pkix.Name{CommonName: "responder"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning},
				SerialNumber: big.NewInt(5), NotBefore: testpki.Date(2020, 1, 1), NotAfter: testpki.Date(2100, 1, 1),
			}
			parent := *twin.certificate
			parent.PublicKey = twin.key.Public()
			r := ocsp.Response{Status: ocsp.Good, SerialNumber: c.SerialNumber}
			r.Certificate = testCA{&parent, twin.key}.certify(t, responder, key)
			return a.signOCSPResponse(t, r, key)
		}), "", unknown, "not signed by the issuer"},
		{"about another certificate", octets(func(a testCA, _ *x509.Certificate) []byte { return a.signGoodResponse(t, a.certificate) }), "", unknown, "OCSP_UNREADABLE"},
		{"about another authority's", octets(func(a testCA, c *x509.Certificate) []byte {
			renamed := testCA{stranger.certificate, a.key}
			r := ocsp.Response{Status: ocsp.Good, SerialNumber: c.SerialNumber, ThisUpdate: testpki.Now(), NextUpdate: testpki.Now().Add(time.Hour)}
			return renamed.signOCSPResponse(t, r, a.key)
		}), "", unknown, "about a certificate of another authority"},
		{"too large", octets(func(testCA, *x509.Certificate) []byte { return make([]byte, revocation.MaxOCSPResponseBytes+1) }), "", unknown, "octets"},
		{"too large, without a length", func(testCA, *x509.Certificate) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				for range 100 {
					_, _ = w.Write(make([]byte, 4096))
					_ = http.NewResponseController(w).Flush()
				}
			}
		}, "", unknown, "more than 65536 octets"},
		{"slow", func(testCA, *x509.Certificate) http.HandlerFunc {
			return func(_ http.ResponseWriter, r *http.Request) {
				_ = parseOCSPRequest(t, r)
				<-r.Context().Done()
			}
		}, "", unknown, "deadline exceeded"},
		{"down", status(http.StatusServiceUnavailable), "", unknown, "HTTP 503"},
		{"not there", status(http.StatusNotFound), "", unknown, "HTTP 404"},
		{"breaks off", func(testCA, *x509.Certificate) http.HandlerFunc {
			return func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
		}, "", unknown, "EOF"},
	}
}

func must(tb testing.TB, newKey func() (crypto.Signer, error)) crypto.Signer {
	tb.Helper()
	key, err := newKey()
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func TestOCSP(t *testing.T) {
	t.Parallel()
	_, issuing := newCAChain(t, "CTR test", newP384Key)
	all := append(authorityBehaviours(t), authorityBehaviour{name: "unreachable", soft: "", hard: x509id.CertRevocationUnknown, says: "refused"})
	for _, tt := range all {
		for policy, want := range map[revocation.StatusPolicy]problem.Code{revocation.PolicySoftFail: tt.soft, revocation.PolicyHardFail: tt.hard} {
			t.Run(tt.name+", "+string(policy), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					responder := newRevocationServer(t)
					c := issuing.issueSigner(t, responder.URL, "")
					first := problem.Code("")
					if policy == revocation.PolicyHardFail {
						first = x509id.CertRevocationUnknown
					}
					if tt.answer == nil {
						responder.Close()
					} else {
						responder.setHandler(tt.answer(issuing, c))
					}
					o := revocation.StatusCheckerOptions{Policy: policy}
					if tt.name == "slow" {
						o.Timeout = 300 * time.Millisecond
					}
					s := startChecker(t, o, []testCA{issuing}, nil)
					// Under load, the response may arrive before the first verification, but never a wrong one.
					if got := s.verifyNow(c); got != first && got != want {
						t.Errorf("at first sight: %q", got)
					}
					if tt.says != "" {
						waitUntil(t, tt.says, func() bool { return strings.Contains(s.log.String(), tt.says) })
					} else if tt.answer != nil {
						waitUntil(t, "a question", func() bool { return responder.requestCount.Load() > 0 })
					}
					s.waitForCode(t, c, want)
					waitSeveralSweeps()
					if got := s.verifyNow(c); got != want {
						t.Errorf("later: %q", got)
					}
					if tt.says == "" && s.log.String() != "" || strings.Contains(s.log.String(), "78031412250") {
						t.Errorf("the log says %s", s.log)
					}
					if n := responder.requestCount.Load(); n > 2 { // net/http retries requests that broke off before any response
						t.Errorf("asked %d times", n)
					}
				})
			})
		}
	}
}

func TestRevocationOffAsksNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		there := newRevocationServer(t)
		_, issuing := newCAChain(t, "CTR test", newP384Key, there.URL)
		c, revoked := issuing.issueSigner(t, there.URL, there.URL), issuing.issueSigner(t, there.URL, there.URL)
		s := startChecker(t, revocation.StatusCheckerOptions{Policy: revocation.PolicyOff}, []testCA{issuing}, nil)
		if err := s.AddCRL(issuing.signCRL(t, x509.RevocationList{}, revoked)); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if got := s.verifyNow(c); got != "" {
				t.Error(got)
			}
			if got := s.verifyNow(revoked); got != x509id.CertRevoked {
				t.Error(got)
			}
			waitSeveralSweeps()
		}
		if n := there.requestCount.Load(); n != 0 {
			t.Errorf("asked %d times", n)
		}
	})
}

// Only certificates of a trusted authority make this service send requests.
func TestNobodyIsAskedAboutStrangers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		there := newRevocationServer(t)
		root, issuing := newCAChain(t, "CTR test", newP384Key)
		_, foreign := newCAChain(t, "CTR test", newP384Key)
		s := startChecker(t, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail}, []testCA{root, issuing}, nil)
		tampered := *issuing.issueSigner(t, there.URL, there.URL)
		tampered.Signature = append([]byte(nil), tampered.Signature...)
		tampered.Signature[len(tampered.Signature)-1] ^= 1
		for name, tt := range map[string]struct {
			c    *x509.Certificate
			want problem.Code
		}{
			"another authority of the name": {foreign.issueSigner(t, there.URL, there.URL), x509id.CertUntrusted},
			"changed":                       {&tampered, x509id.CertUntrusted},
			"expired": {issuing.issueSigner(t, there.URL, there.URL, func(c *x509.Certificate) {
				c.NotBefore, c.NotAfter = testpki.Date(2020, 1, 1), testpki.Date(2021, 1, 1)
			}), x509id.CertExpired},
			"not for signing": {issuing.issueSigner(t, there.URL, there.URL, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }), x509id.CertKeyUsage},
			"an authority":    {issuing.issueSigner(t, there.URL, there.URL, func(c *x509.Certificate) { c.IsCA = true }), x509id.CertIsAuthority},
		} {
			for range 2 {
				if got := s.verifyNow(tt.c); got != tt.want {
					t.Errorf("%s: %q", name, got)
				}
			}
			if err := s.VerifyWithIssuers([]*x509.Certificate{foreign.certificate}, tt.c, testpki.Now()); testpki.Code(err) != tt.want {
				t.Errorf("%s, with issuers: %v", name, err)
			}
		}
		waitSeveralSweeps()
		if n := there.requestCount.Load(); n != 0 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestRequestsDoNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hanging := newRevocationServer(t)
		hanging.setHandler(func(_ http.ResponseWriter, r *http.Request) {
			_ = parseOCSPRequest(t, r)
			<-r.Context().Done()
		})
		_, issuing := newCAChain(t, "CTR test", newP384Key)
		s := startChecker(t, revocation.StatusCheckerOptions{Policy: revocation.PolicySoftFail, Timeout: 2 * time.Second}, []testCA{issuing}, nil)
		c := issuing.issueSigner(t, hanging.URL, "")
		if got := s.verifyNow(c); got != "" {
			t.Fatal(got)
		}
		waitUntil(t, "a question", func() bool { return hanging.requestCount.Load() > 0 })
		const calls = 2000 // on the virtual clock of synctest, which advances only when all wait
		before := time.Now()
		for range calls {
			if got := s.verifyNow(c); got != "" {
				t.Fatal(got)
			}
		}
		if waited := time.Since(before); waited != 0 || hanging.requestCount.Load() != 1 {
			t.Errorf("%d verifications waited %v while the responder hangs; it was asked %d times", calls, waited, hanging.requestCount.Load())
		}
	})
}

// Two generations of authorities are trusted at once, each with its own CRLs and responder.
func TestTwoGenerations(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("an RSA key of 4096 bits takes seconds to make")
	}
	synctest.Test(t, func(t *testing.T) {
		lists := map[string]*revocationServer{"RSA": newRevocationServer(t), "EC": newRevocationServer(t)}
		root1, issuing1 := newCAChain(t, "CTR 001", newRSA4096Key)
		root2, issuing2 := newCAChain(t, "CTR 002", newP384Key)
		s := startChecker(t, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail}, []testCA{root1, issuing1, root2, issuing2}, nil)
		for _, root := range []testCA{root1, root2} {
			if err := s.AddCRL(root.signCRL(t, x509.RevocationList{})); err != nil {
				t.Fatal(err)
			}
		}
		for name, issuing := range map[string]testCA{"RSA": issuing1, "EC": issuing2} {
			// The serial numbers are equal on purpose: they are unique within one authority only.
			same := func(n int64) func(*x509.Certificate) {
				return func(c *x509.Certificate) { c.SerialNumber = big.NewInt(n) }
			}
			good, bad := int64(1), int64(2)
			if name == "EC" {
				good, bad = 2, 1
			}
			fine := issuing.issueSigner(t, "", lists[name].URL, same(good))
			revoked := issuing.issueSigner(t, "", lists[name].URL, same(bad))
			lists[name].setReply(issuing.signCRL(t, x509.RevocationList{}, revoked))
			s.waitForCode(t, fine, "")
			s.waitForCode(t, revoked, x509id.CertRevoked)

			responder := newRevocationServer(t)
			asked := issuing.issueSigner(t, responder.URL, "")
			responder.setReply(issuing.signRevokedResponse(t, asked, ocsp.Superseded))
			s.waitForCode(t, asked, x509id.CertRevoked)
		}
	})
}

// A renewal has the subject of the previous certificate: revoking one does not affect the other.
func TestRenewalOverlap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		responder := newRevocationServer(t)
		_, issuing := newCAChain(t, "CTR test", newP384Key)
		old, renewed := issuing.issueSigner(t, responder.URL, ""), issuing.issueSigner(t, responder.URL, "")
		responder.setHandler(func(w http.ResponseWriter, r *http.Request) {
			reply := issuing.signGoodResponse(t, renewed)
			if parseOCSPRequest(t, r).SerialNumber.Cmp(old.SerialNumber) == 0 {
				reply = issuing.signRevokedResponse(t, old, ocsp.Superseded)
			}
			_, _ = w.Write(reply)
		})
		if old.Subject.String() != renewed.Subject.String() {
			t.Fatal("not one subject")
		}
		s := startChecker(t, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail}, []testCA{issuing}, nil)
		s.waitForCode(t, old, x509id.CertRevoked)
		s.waitForCode(t, renewed, "")
		if got := s.verifyNow(old); got != x509id.CertRevoked {
			t.Error(got)
		}
	})
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hanging := newRevocationServer(t)
		hanging.setHandler(func(_ http.ResponseWriter, r *http.Request) {
			_ = parseOCSPRequest(t, r)
			<-r.Context().Done()
		})
		_, issuing := newCAChain(t, "CTR test", newP384Key)
		trust, err := x509id.ParseTrustStore(8, x509id.EncodePEM(issuing.certificate))
		if err != nil {
			t.Fatal(err)
		}
		r := revocation.NewStatusChecker(trust, revocation.StatusCheckerOptions{Policy: revocation.PolicySoftFail, Now: testpki.Now, HTTPClient: newMemoryClient(t)})
		if err = trust.Verify(issuing.issueSigner(t, hanging.URL, ""), testpki.Now()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			r.Run(ctx)
		}()
		waitUntil(t, "a question", func() bool { return hanging.requestCount.Load() > 0 })
		cancel(errors.New("the end"))
		synctest.Wait()
		select {
		case <-ended:
		default:
			t.Fatal("it goes on")
		}
	})
}
