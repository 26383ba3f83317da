package pki_test

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ocsp"

	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/problem"
)

// FuzzAddCRL checks that only CRLs signed by the authority change anything.
func FuzzAddCRL(f *testing.F) {
	root, issuing := newLine(f, "CTR test", newP384)
	_, stranger := newLine(f, "CTR test", newP384)
	c := issuing.signer(f, "", "")
	f.Add(stranger.list(f, x509.RevocationList{}, c))
	f.Add(root.list(f, x509.RevocationList{}, c))
	f.Add(stranger.list(f, x509.RevocationList{ExtraExtensions: distribution(flag(1), place("http://a.example/"))}, c))
	f.Fuzz(func(t *testing.T, octets []byte) {
		trust, err := pki.ReadTrust(0, pki.EncodePEM(issuing.certificate))
		if err != nil {
			t.Fatal(err)
		}
		pki.NewRevocation(trust, pki.RevocationOptions{Policy: pki.RevocationHard, Now: now})
		if got := code(trust.AddCRL(octets)); got != problem.CRLUnreadable && got != problem.CRLUntrusted {
			t.Errorf("taken: %q", got)
		}
		if got := code(trust.Verify(c, now())); got != problem.CertRevocationUnknown {
			t.Errorf("%q", got)
		}
	})
}

// FuzzResponse checks the same for OCSP responses.
func FuzzResponse(f *testing.F) {
	root, issuing := newLine(f, "CTR test", newP384)
	_, stranger := newLine(f, "CTR test", newP384)
	c := issuing.signer(f, "", "")
	f.Add(stranger.good(f, c))
	f.Add(root.revoked(f, c, ocsp.KeyCompromise))
	f.Add(ocsp.TryLaterErrorResponse)
	f.Add(stranger.respond(f, ocsp.Response{SerialNumber: c.SerialNumber, Certificate: stranger.certificate}, stranger.key))
	f.Fuzz(func(t *testing.T, octets []byte) {
		trust, err := pki.ReadTrust(0, pki.EncodePEM(issuing.certificate))
		if err != nil {
			t.Fatal(err)
		}
		r := pki.NewRevocation(trust, pki.RevocationOptions{Policy: pki.RevocationHard, Now: now})
		file := filepath.Join(t.TempDir(), "response.der")
		if err := os.WriteFile(file, octets, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := code(r.AddResponseFile(file)); got != problem.OCSPUnreadable && got != problem.OCSPUntrusted {
			t.Errorf("taken: %q", got)
		}
		if got := code(trust.Verify(c, now())); got != problem.CertRevocationUnknown {
			t.Errorf("%q", got)
		}
	})
}
