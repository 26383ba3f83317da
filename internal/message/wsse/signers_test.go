package wsse

import (
	"crypto/x509"
	"strconv"
	"testing"
)

// TestSignersAreBoundedAndKeepWhatIsUsed tests internals: from outside, only timing shows whether a certificate is
// cached.
func TestSignersAreBoundedAndKeepWhatIsUsed(t *testing.T) {
	var s signerCache
	used := &signer{certificate: &x509.Certificate{Raw: []byte("used")}}
	s.addSigner(used)
	for i := range 5 * maxSignersPerGeneration {
		s.addSigner(&signer{certificate: &x509.Certificate{Raw: []byte(strconv.Itoa(i))}})
		if i%100 == 0 {
			if s.findSigner([]byte("used")) != used {
				t.Fatalf("forgotten after %d others", i)
			}
			s.addSigner(used)
		}
	}
	if n := len(s.recent) + len(s.old); n > 2*maxSignersPerGeneration {
		t.Errorf("%d are kept", n)
	}
	if s.findSigner([]byte("0")) != nil {
		t.Error("what is not used is kept for ever")
	}
}
