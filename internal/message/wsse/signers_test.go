package wsse

import (
	"crypto/x509"
	"strconv"
	"testing"
)

// TestSignersAreBoundedAndKeepWhatIsUsed tests internals: from outside, only timing shows whether a certificate is
// cached.
func TestSignersAreBoundedAndKeepWhatIsUsed(t *testing.T) {
	var s signers
	used := &signer{certificate: &x509.Certificate{Raw: []byte("used")}}
	s.keep(used)
	for i := range 5 * signersPerGeneration {
		s.keep(&signer{certificate: &x509.Certificate{Raw: []byte(strconv.Itoa(i))}})
		if i%100 == 0 {
			if s.get([]byte("used")) != used {
				t.Fatalf("forgotten after %d others", i)
			}
			s.keep(used)
		}
	}
	if n := len(s.young) + len(s.old); n > 2*signersPerGeneration {
		t.Errorf("%d are kept", n)
	}
	if s.get([]byte("0")) != nil {
		t.Error("what is not used is kept for ever")
	}
}
