package revocation_test

import (
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
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// issuingDistributionPoint is the extension IssuingDistributionPoint with the given fields (RFC 5280 section 5.2.5).
func issuingDistributionPoint(fields ...asn1.RawValue) []pkix.Extension {
	var content []byte
	for _, f := range fields {
		der, err := asn1.Marshal(f)
		if err != nil {
			return nil
		}
		content = append(content, der...)
	}
	value, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: content})
	if err != nil {
		return nil
	}
	return []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: value}}
}

func derFlag(field int) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: field, Bytes: []byte{0xff}}
}

func derURI(address string) asn1.RawValue {
	within := func(tag int, v asn1.RawValue) asn1.RawValue {
		der, err := asn1.Marshal(v)
		if err != nil {
			return asn1.RawValue{}
		}
		return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: true, Bytes: der}
	}
	return within(0, within(0, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 6, Bytes: []byte(address)}))
}

func TestFetchedLists(t *testing.T) {
	t.Parallel()
	_, issuing := newCAChain(t, "CTR test", newP384Key)
	_, stranger := newCAChain(t, "CTR test", newP384Key)
	const unknown = x509id.CertRevocationUnknown
	yesterday := x509.RevocationList{ThisUpdate: testpki.Now().Add(-48 * time.Hour), NextUpdate: testpki.Now().Add(-24 * time.Hour)}
	for _, tt := range []struct {
		name       string
		list       func(c *x509.Certificate, address string) []byte
		soft, hard problem.Code
		says       string
	}{
		{"good", func(*x509.Certificate, string) []byte { return issuing.signCRL(t, x509.RevocationList{}) }, "", "", ""},
		{"good, in PEM", func(*x509.Certificate, string) []byte {
			return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: issuing.signCRL(t, x509.RevocationList{})})
		}, "", "", ""},
		{"revoked", func(c *x509.Certificate, _ string) []byte { return issuing.signCRL(t, x509.RevocationList{}, c) },
			x509id.CertRevoked, x509id.CertRevoked, ""},
		{"stale", func(*x509.Certificate, string) []byte { return issuing.signCRL(t, yesterday) }, "", unknown, "the answer was good from"},
		{"stale and revoked", func(c *x509.Certificate, _ string) []byte { return issuing.signCRL(t, yesterday, c) },
			x509id.CertRevoked, x509id.CertRevoked, "the answer was good from"},
		{"of tomorrow", func(*x509.Certificate, string) []byte {
			return issuing.signCRL(t, x509.RevocationList{ThisUpdate: testpki.Now().Add(24 * time.Hour), NextUpdate: testpki.Now().Add(48 * time.Hour)})
		}, "", unknown, "the answer was good from"},
		{"garbage", func(*x509.Certificate, string) []byte { return []byte("not here") }, "", unknown, "CRL_UNREADABLE"},
		{"wrong signer", func(*x509.Certificate, string) []byte { return stranger.signCRL(t, x509.RevocationList{}) }, "", unknown, "CRL_UNTRUSTED"},
		{"too large", func(*x509.Certificate, string) []byte { return make([]byte, revocation.MaxCRLBytes+1) }, "", unknown, "octets"},
		{"of users only", func(*x509.Certificate, string) []byte {
			return issuing.signCRL(t, x509.RevocationList{ExtraExtensions: issuingDistributionPoint(derFlag(1))})
		}, "", "", ""},
		{"of authorities only", func(*x509.Certificate, string) []byte {
			return issuing.signCRL(t, x509.RevocationList{ExtraExtensions: issuingDistributionPoint(derFlag(2))})
		}, "", unknown, ""},
		{"of some reasons", func(*x509.Certificate, string) []byte {
			return issuing.signCRL(t, x509.RevocationList{ExtraExtensions: issuingDistributionPoint(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 3, Bytes: []byte{0, 64}})})
		}, "", unknown, "CRL_UNREADABLE"},
		{"of several issuers", func(*x509.Certificate, string) []byte {
			return issuing.signCRL(t, x509.RevocationList{ExtraExtensions: issuingDistributionPoint(derFlag(4))})
		}, "", unknown, "CRL_UNREADABLE"},
		{"of a critical unknown kind", func(*x509.Certificate, string) []byte {
			return issuing.signCRL(t, x509.RevocationList{ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}})
		}, "", unknown, "CRL_UNREADABLE"},
		{"of this part", func(_ *x509.Certificate, address string) []byte {
			return issuing.signCRL(t, x509.RevocationList{ExtraExtensions: issuingDistributionPoint(derURI(address))})
		}, "", "", ""},
		{"of another part", func(*x509.Certificate, string) []byte {
			return issuing.signCRL(t, x509.RevocationList{ExtraExtensions: issuingDistributionPoint(derURI("http://elsewhere.example/7.crl"))})
		}, "", unknown, ""},
	} {
		for policy, want := range map[revocation.StatusPolicy]problem.Code{revocation.PolicySoftFail: tt.soft, revocation.PolicyHardFail: tt.hard} {
			t.Run(tt.name+", "+string(policy), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					there := newRevocationServer(t)
					c := issuing.issueSigner(t, "", there.URL)
					there.setReply(tt.list(c, there.URL))
					s := startChecker(t, revocation.StatusCheckerOptions{Policy: policy}, []testCA{issuing}, nil)
					_ = s.verifyNow(c)
					waitUntil(t, "a question", func() bool { return there.requestCount.Load() == 1 })
					if tt.says != "" {
						waitUntil(t, tt.says, func() bool { return strings.Contains(s.log.String(), tt.says) })
					}
					s.waitForCode(t, c, want)
					waitSeveralSweeps()
					if got := s.verifyNow(c); got != want {
						t.Errorf("later: %q", got)
					}
					if n := there.requestCount.Load(); n != 1 || tt.says == "" && s.log.String() != "" {
						t.Errorf("asked %d times; the log says %s", n, s.log)
					}
				})
			})
		}
	}
}

// A revoked certificate stays revoked when a later CRL omits it; one on hold may be released.
func TestListsDropNothingFinal(t *testing.T) {
	t.Parallel()
	_, issuing := newCAChain(t, "CTR test", newP384Key)
	for reason, want := range map[int]problem.Code{ocsp.KeyCompromise: x509id.CertRevoked, ocsp.CertificateHold: ""} {
		trust, err := x509id.ParseTrustStore(8, x509id.EncodePEM(issuing.certificate))
		if err != nil {
			t.Fatal(err)
		}
		r := revocation.NewCRLStore(trust)
		c, other := issuing.issueSigner(t, "", ""), issuing.issueSigner(t, "", "")
		for _, list := range []x509.RevocationList{
			{RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: c.SerialNumber, RevocationTime: testpki.Now(), ReasonCode: reason}}},
			{}, {},
		} {
			if err := r.AddCRL(issuing.signCRL(t, list, other)); err != nil {
				t.Fatal(err)
			}
			if list.RevokedCertificateEntries != nil && testpki.Code(trust.Verify(c, testpki.Now())) != x509id.CertRevoked {
				t.Errorf("reason %d: not revoked", reason)
			}
		}
		if got := testpki.Code(trust.Verify(c, testpki.Now())); got != want {
			t.Errorf("reason %d: %q", reason, got)
		}
		if got := testpki.Code(trust.Verify(other, testpki.Now())); got != x509id.CertRevoked {
			t.Errorf("another one: %q", got)
		}
	}
}

// A CRL that was signed again under its old number is the newer one.
func TestListOfTheSameNumber(t *testing.T) {
	t.Parallel()
	_, issuing := newCAChain(t, "CTR test", newP384Key)
	trust, err := x509id.ParseTrustStore(8, x509id.EncodePEM(issuing.certificate))
	if err != nil {
		t.Fatal(err)
	}
	r := revocation.NewStatusChecker(trust, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail, Now: testpki.Now})
	c := issuing.issueSigner(t, "", "")
	for _, step := range []struct {
		from, until time.Duration
		want        problem.Code
	}{{-48 * time.Hour, -24 * time.Hour, x509id.CertRevocationUnknown}, {-time.Hour, time.Hour, ""}, {-50 * time.Hour, -40 * time.Hour, ""}} {
		list := x509.RevocationList{Number: big.NewInt(9), ThisUpdate: testpki.Now().Add(step.from), NextUpdate: testpki.Now().Add(step.until)}
		if err := r.AddCRL(issuing.signCRL(t, list)); err != nil {
			t.Fatal(err)
		}
		if got := testpki.Code(trust.Verify(c, testpki.Now())); got != step.want {
			t.Errorf("%q", got)
		}
	}
}

// The partitions of one authority's CRL coexist, and their number is bounded.
func TestListsInParts(t *testing.T) {
	t.Parallel()
	_, issuing := newCAChain(t, "CTR test", newP384Key)
	trust, err := x509id.ParseTrustStore(8, x509id.EncodePEM(issuing.certificate))
	if err != nil {
		t.Fatal(err)
	}
	r := revocation.NewCRLStore(trust)
	first, second := issuing.issueSigner(t, "", ""), issuing.issueSigner(t, "", "")
	part := func(n int, c *x509.Certificate) error {
		return r.AddCRL(issuing.signCRL(t, x509.RevocationList{ExtraExtensions: issuingDistributionPoint(derURI("http://a.example/" + string(rune('!'+n))))}, c))
	}
	for n, c := range []*x509.Certificate{first, second} {
		if err := part(n, c); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []*x509.Certificate{first, second} {
		if got := testpki.Code(trust.Verify(c, testpki.Now())); got != x509id.CertRevoked {
			t.Errorf("%q", got)
		}
	}
	for n := 2; n < revocation.MaxCRLs; n++ {
		if err := part(n, first); err != nil {
			t.Fatal(err)
		}
	}
	if err := part(revocation.MaxCRLs, first); testpki.Code(err) != revocation.CRLUnreadable {
		t.Errorf("one more: %v", err)
	}
	if err := part(0, second); err != nil {
		t.Errorf("a newer one: %v", err)
	}
}

// Certificates of a revoked authority are refused.
func TestAuthoritiesStandOnListsToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		there := newRevocationServer(t)
		root, issuing := newCAChain(t, "CTR test", newP384Key, there.URL)
		there.setReply(root.signCRL(t, x509.RevocationList{}, issuing.certificate))
		s := startChecker(t, revocation.StatusCheckerOptions{Policy: revocation.PolicySoftFail}, []testCA{root, issuing}, nil)
		s.waitForCode(t, issuing.issueSigner(t, "", ""), x509id.CertUntrusted)
	})
}

// An issuer contained in a message may sign the CRL of its own certificates, because its path was verified.
func TestListsOfAnIssuerInTheMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		there := newRevocationServer(t)
		root, issuing := newCAChain(t, "CTR test", newP384Key)
		good, revoked := issuing.issueSigner(t, "", there.URL), issuing.issueSigner(t, "", there.URL)
		there.setReply(issuing.signCRL(t, x509.RevocationList{}, revoked))
		s := startChecker(t, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail}, []testCA{root}, nil)
		if err := s.AddCRL(root.signCRL(t, x509.RevocationList{})); err != nil {
			t.Fatal(err)
		}
		with := func(c *x509.Certificate) problem.Code {
			return testpki.Code(s.VerifyWithIssuers([]*x509.Certificate{issuing.certificate}, c, testpki.Now()))
		}
		waitUntil(t, "good", func() bool { return with(good) == "" })
		if got := with(revoked); got != x509id.CertRevoked {
			t.Errorf("%q", got)
		}
	})
}

func TestGivenAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		there := newRevocationServer(t)
		_, issuing := newCAChain(t, "CTR test", newP384Key)
		c, revoked := issuing.issueSigner(t, "", ""), issuing.issueSigner(t, "", "")
		there.setReply(issuing.signCRL(t, x509.RevocationList{}, revoked))
		s := startChecker(t, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail}, []testCA{issuing}, func(r *revocation.StatusChecker) {
			if err := r.AddCRLURL(there.URL); err != nil {
				t.Error(err)
			}
			for _, wrong := range []string{"", "ldap://x/y", "file:///etc/passwd", "http:///x", "https://user:word@a.example/", "http://" + strings.Repeat("a", 3000), "::"} {
				if err := r.AddCRLURL(wrong); testpki.Code(err) != revocation.CRLAddress {
					t.Errorf("%q: %v", wrong, err)
				}
			}
		})
		waitUntil(t, "a question", func() bool { return there.requestCount.Load() == 1 })
		s.waitForCode(t, c, "")
		s.waitForCode(t, revoked, x509id.CertRevoked)
	})
}

// Requests go only to the host that a certificate names.
func TestRedirects(t *testing.T) {
	t.Parallel()
	_, issuing := newCAChain(t, "CTR test", newP384Key)
	list := issuing.signCRL(t, x509.RevocationList{})
	for name, tt := range map[string]struct {
		to   string
		want problem.Code
	}{
		"within the host":  {"/final", ""},
		"to another":       {"ELSEWHERE", x509id.CertRevocationUnknown},
		"to a file":        {"file:///etc/passwd", x509id.CertRevocationUnknown},
		"round and round":  {"/again", x509id.CertRevocationUnknown},
		"with a user name": {"USER/final", x509id.CertRevocationUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				there, elsewhere := newRevocationServer(t), newRevocationServer(t)
				elsewhere.setReply(list)
				to := strings.NewReplacer("ELSEWHERE", elsewhere.URL, "USER", strings.Replace(there.URL, "://", "://user@", 1)).Replace(tt.to)
				there.setHandler(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/final" {
						_, _ = w.Write(list)
						return
					}
					w.Header().Set("Location", to)
					w.WriteHeader(http.StatusFound)
				})
				s := startChecker(t, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail}, []testCA{issuing}, nil)
				c := issuing.issueSigner(t, "", there.URL+"/first")
				if tt.want == "" {
					s.waitForCode(t, c, "")
					return
				}
				_ = s.verifyNow(c)
				waitUntil(t, "a line", func() bool { return strings.Contains(s.log.String(), "HTTP 302") })
				if got := s.verifyNow(c); got != tt.want || elsewhere.requestCount.Load() != 0 {
					t.Errorf("%q; elsewhere was asked %d times", got, elsewhere.requestCount.Load())
				}
			})
		})
	}
}

// Files are reloaded when they change; a broken or deleted file revokes nothing less.
func TestFiles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, issuing := newCAChain(t, "CTR test", newP384Key)
		_, stranger := newCAChain(t, "stranger", newP384Key)
		dir := t.TempDir()
		list, stapled := filepath.Join(dir, "list.crl"), filepath.Join(dir, "response.der")
		first, second, third := issuing.issueSigner(t, "", ""), issuing.issueSigner(t, "", ""), issuing.issueSigner(t, "", "")
		write := func(name string, octets []byte) {
			t.Helper()
			if err := os.WriteFile(name+".new", octets, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(name+".new", name); err != nil {
				t.Fatal(err)
			}
		}
		old := x509.RevocationList{ThisUpdate: testpki.Now().Add(-48 * time.Hour), NextUpdate: testpki.Now().Add(-time.Hour)}
		write(list, issuing.signCRL(t, old, first))
		write(stapled, issuing.signGoodResponse(t, second))
		s := startChecker(t, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail}, []testCA{issuing}, func(r *revocation.StatusChecker) {
			if err := r.AddCRLFile(list); err != nil {
				t.Fatal(err)
			}
			if err := r.AddOCSPFile(stapled); err != nil {
				t.Fatal(err)
			}
			for name, tt := range map[string]struct {
				octets []byte
				want   problem.Code
			}{
				"nothing": {nil, revocation.OCSPUnreadable}, "garbage": {[]byte("x"), revocation.OCSPUnreadable},
				"large": {make([]byte, revocation.MaxOCSPResponseBytes+1), revocation.OCSPUnreadable}, "strange": {stranger.signGoodResponse(t, second), revocation.OCSPUntrusted},
			} {
				file := filepath.Join(dir, name)
				write(file, tt.octets)
				if err := r.AddOCSPFile(file); testpki.Code(err) != tt.want {
					t.Errorf("%s: %v", name, err)
				}
			}
			large := filepath.Join(dir, "large.crl")
			write(large, make([]byte, revocation.MaxCRLBytes+1))
			if err := r.AddCRLFile(large); testpki.Code(err) != revocation.CRLUnreadable {
				t.Errorf("a large list: %v", err)
			}
			if err := r.AddCRLFile(filepath.Join(dir, "missing")); err == nil || r.AddCRLFile(dir) == nil {
				t.Error("a missing file, or a folder, is taken")
			}
		})
		step := func(name string, want ...problem.Code) {
			t.Helper()
			for i, c := range []*x509.Certificate{first, second, third} {
				if got := s.verifyNow(c); got != want[i] {
					t.Errorf("%s: certificate %d: %q", name, i+1, got)
				}
			}
		}
		const unknown, revoked = x509id.CertRevocationUnknown, x509id.CertRevoked
		step("at first", revoked, "", unknown)

		write(list, issuing.signCRL(t, x509.RevocationList{}, first))
		s.waitForCode(t, third, "")
		write(stapled, issuing.signRevokedResponse(t, second, ocsp.KeyCompromise))
		s.waitForCode(t, second, revoked)
		taken := strings.Count(s.log.String(), "file taken")
		write(stapled, issuing.signOCSPResponse(t, ocsp.Response{SerialNumber: second.SerialNumber, ThisUpdate: testpki.Now(), NextUpdate: testpki.Now().Add(time.Hour)}, issuing.key))
		waitUntil(t, "the next response", func() bool { return strings.Count(s.log.String(), "file taken") > taken })
		if got := s.verifyNow(second); got != revoked {
			t.Errorf("taken back: %q", got)
		}

		write(list, []byte("nothing of use"))
		waitUntil(t, "a line", func() bool { return strings.Contains(s.log.String(), "CRL_UNREADABLE") })
		step("with a broken list", revoked, revoked, "")
		if err := os.Remove(stapled); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "a line", func() bool { return strings.Contains(s.log.String(), "no such file") })
		waitSeveralSweeps()
		step("without the response", revoked, revoked, "")
		if n := strings.Count(s.log.String(), "no such file"); n != 1 {
			t.Errorf("told %d times", n)
		}
		write(list, issuing.signCRL(t, x509.RevocationList{}, third))
		s.waitForCode(t, third, revoked)
		step("with the next list", revoked, revoked, revoked)
	})
}

// An authority that changed its key keeps its name: a revocation signed with the new key counts, and neither CRL clears
// the certificates of the other key.
func TestChangeOfKey(t *testing.T) {
	t.Parallel()
	_, before := newCAChain(t, "CTR test", newP384Key)
	_, after := newCAChain(t, "CTR test", newP384Key)
	trust, err := x509id.ParseTrustStore(8, x509id.EncodePEM(before.certificate), x509id.EncodePEM(after.certificate))
	if err != nil {
		t.Fatal(err)
	}
	r := revocation.NewStatusChecker(trust, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail, Now: testpki.Now})
	good, revoked, renewed := before.issueSigner(t, "", ""), before.issueSigner(t, "", ""), after.issueSigner(t, "", "")
	check := func(step string, want ...problem.Code) {
		t.Helper()
		for i, c := range []*x509.Certificate{good, revoked, renewed} {
			if got := testpki.Code(trust.Verify(c, testpki.Now())); got != want[i] {
				t.Errorf("%s: certificate %d: %q", step, i+1, got)
			}
		}
	}
	const unknown = x509id.CertRevocationUnknown
	check("without a list", unknown, unknown, unknown)
	if err := r.AddCRL(after.signCRL(t, x509.RevocationList{}, revoked)); err != nil {
		t.Fatal(err)
	}
	check("with the new key's", unknown, x509id.CertRevoked, "")
	if err := r.AddCRL(before.signCRL(t, x509.RevocationList{})); err != nil {
		t.Fatal(err)
	}
	check("with both", "", x509id.CertRevoked, "")
}

// SHA-1 signatures and delegated responders with a revoked certificate are refused.
func TestWorthlessSignatures(t *testing.T) {
	t.Parallel()
	key, chain := testpki.NewSelfSignedCA(t, x509.SHA256WithRSA)
	a := testCA{chain[0], key}
	trust, err := x509id.ParseTrustStore(8, x509id.EncodePEM(a.certificate))
	if err != nil {
		t.Fatal(err)
	}
	if err := revocation.NewCRLStore(trust).AddCRL(a.signCRL(t, x509.RevocationList{SignatureAlgorithm: x509.SHA1WithRSA})); testpki.Code(err) != revocation.CRLUntrusted {
		t.Errorf("a list: %v", err)
	}
	r := revocation.NewStatusChecker(trust, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail, Now: testpki.Now})
	c := a.issueSigner(t, "", "")
	responder := a.issueSigner(t, "", "", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning} })
	weak := a.issueSigner(t, "", "", func(c *x509.Certificate) {
		c.ExtKeyUsage, c.SignatureAlgorithm = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}, x509.SHA1WithRSA
	})
	by := must(t, sharedSignerKey)
	file := filepath.Join(t.TempDir(), "response.der")
	check := func(name string, octets []byte, want problem.Code) {
		t.Helper()
		if err := os.WriteFile(file, octets, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := r.AddOCSPFile(file); testpki.Code(err) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	check("by SHA-1", a.signOCSPResponse(t, ocsp.Response{SerialNumber: c.SerialNumber, SignatureAlgorithm: x509.SHA1WithRSA}, a.key), revocation.OCSPUntrusted)
	check("by a delegate of SHA-1", a.signOCSPResponse(t, ocsp.Response{SerialNumber: c.SerialNumber, Certificate: weak}, by), revocation.OCSPUntrusted)
	check("by a delegate", a.signOCSPResponse(t, ocsp.Response{SerialNumber: c.SerialNumber, Certificate: responder}, by), "")
	if err := r.AddCRL(a.signCRL(t, x509.RevocationList{}, responder)); err != nil {
		t.Fatal(err)
	}
	check("by a revoked delegate", a.signOCSPResponse(t, ocsp.Response{SerialNumber: c.SerialNumber, Certificate: responder}, by), revocation.OCSPUntrusted)
}
