package revocation_test

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ocsp"

	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// FuzzAddCRL checks that only CRLs signed by the authority change anything.
func FuzzAddCRL(f *testing.F) {
	root, issuing := newCAChain(f, "CTR test", newP384Key)
	_, stranger := newCAChain(f, "CTR test", newP384Key)
	c := issuing.issueSigner(f, "", "")
	f.Add(stranger.signCRL(f, x509.RevocationList{}, c))
	f.Add(root.signCRL(f, x509.RevocationList{}, c))
	f.Add(stranger.signCRL(f, x509.RevocationList{ExtraExtensions: issuingDistributionPoint(derFlag(1), derURI("http://a.example/"))}, c))
	f.Fuzz(func(t *testing.T, octets []byte) {
		trust, err := x509id.ParseTrustStore(0, x509id.EncodePEM(issuing.certificate))
		if err != nil {
			t.Fatal(err)
		}
		r := revocation.NewStatusChecker(trust, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail, Now: testpki.Now})
		if got := testpki.Code(r.AddCRL(octets)); got != revocation.CRLUnreadable && got != revocation.CRLUntrusted {
			t.Errorf("taken: %q", got)
		}
		if got := testpki.Code(trust.Verify(c, testpki.Now())); got != x509id.CertRevocationUnknown {
			t.Errorf("%q", got)
		}
	})
}

// FuzzResponse checks the same for OCSP responses.
func FuzzResponse(f *testing.F) {
	root, issuing := newCAChain(f, "CTR test", newP384Key)
	_, stranger := newCAChain(f, "CTR test", newP384Key)
	c := issuing.issueSigner(f, "", "")
	f.Add(stranger.signGoodResponse(f, c))
	f.Add(root.signRevokedResponse(f, c, ocsp.KeyCompromise))
	f.Add(ocsp.TryLaterErrorResponse)
	f.Add(stranger.signOCSPResponse(f, ocsp.Response{SerialNumber: c.SerialNumber, Certificate: stranger.certificate}, stranger.key))
	f.Fuzz(func(t *testing.T, octets []byte) {
		trust, err := x509id.ParseTrustStore(0, x509id.EncodePEM(issuing.certificate))
		if err != nil {
			t.Fatal(err)
		}
		r := revocation.NewStatusChecker(trust, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail, Now: testpki.Now})
		file := filepath.Join(t.TempDir(), "response.der")
		if err := os.WriteFile(file, octets, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := testpki.Code(r.AddOCSPFile(file)); got != revocation.OCSPUnreadable && got != revocation.OCSPUntrusted {
			t.Errorf("taken: %q", got)
		}
		if got := testpki.Code(trust.Verify(c, testpki.Now())); got != x509id.CertRevocationUnknown {
			t.Errorf("%q", got)
		}
	})
}
