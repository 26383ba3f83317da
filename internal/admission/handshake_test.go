package admission

import (
	"crypto"
	"crypto/ed25519"
	"crypto/tls"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// slowKey takes a second for a signature.
type slowKey struct{ crypto.Signer }

func (k slowKey) Sign(random io.Reader, digest []byte, options crypto.SignerOpts) ([]byte, error) {
	time.Sleep(time.Second)
	return k.Signer.Sign(random, digest, options)
}

// TestFindingR2HandshakesAreFair has one address that sends garbage open many connections: the handshakes of a newcomer
// and of known callers wait for one of these at most.
func TestFindingR2HandshakesAreFair(t *testing.T) {
	t.Parallel()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		c := NewController(time.Now, nil)
		c.handshakes.slots = 1
		c.trust.recordFailure(sourceAt("192.0.2.1"))
		for _, known := range []string{"192.0.2.9", "203.0.113.1"} { // the first shares an address with attackers
			c.trust.recordFailure(sourceAt(known))
			c.trust.recordProof(sourceAt(known), claim{1}, "hospital")
		}
		getCertificate := c.FairHandshakes(tls.Certificate{PrivateKey: slowKey{key}})
		var order names
		shake := func(address string) {
			go func() {
				certificate, err := getCertificate(&tls.ClientHelloInfo{Conn: &madeUpConn{address: address}})
				if err != nil {
					t.Error(err)
					return
				}
				signer, ok := certificate.PrivateKey.(crypto.Signer)
				if !ok || !signer.Public().(ed25519.PublicKey).Equal(key.Public()) { //nolint:forcetypeassert,errcheck // made above
					t.Error("another key")
					return
				}
				if _, err = signer.Sign(nil, []byte("x"), crypto.Hash(0)); err != nil {
					order.add(address + " refused")
					return
				}
				order.add(address)
			}()
			synctest.Wait()
			time.Sleep(time.Millisecond)
		}
		for range 10 {
			shake("192.0.2.1")
		}
		shake("198.51.100.1")
		shake("203.0.113.1")
		shake("192.0.2.9")
		time.Sleep(time.Minute)
		got := order.all()
		if want := []string{"192.0.2.1", "198.51.100.1", "203.0.113.1", "192.0.2.9"}; !slices.Equal(got[:4], want) {
			t.Errorf("%v, want %v first", got, want)
		}
		if len(got) != 13 || !slices.Contains(got, "192.0.2.1 refused") {
			t.Errorf("%v", got) // a handshake that waited too long ends
		}
		wantAllIdle(t, c)
	})
}

// TestHandshakeWithoutConnection checks that nothing is needed but a certificate.
func TestHandshakeWithoutConnection(t *testing.T) {
	t.Parallel()
	getCertificate := NewController(time.Now, nil).FairHandshakes(tls.Certificate{})
	if certificate, err := getCertificate(&tls.ClientHelloInfo{}); err != nil || certificate == nil {
		t.Error(err)
	}
}
