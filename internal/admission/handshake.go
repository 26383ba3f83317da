package admission

import (
	"context"
	"crypto"
	"crypto/tls"
	"io"
	"time"
)

// FairHandshakes returns a value for tls.Config.GetCertificate that shares the work of new connections fairly among
// networks. The signature is nearly all of that work, and needs
// nothing more from the peer. A resumed session has none.
func (c *Controller) FairHandshakes(certificate tls.Certificate) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	key, ok := certificate.PrivateKey.(crypto.Signer)
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if !ok || hello.Conn == nil {
			return &certificate, nil
		}
		fair := certificate
		fair.PrivateKey = &fairKey{key, c, sourceOfAddress(hello.Conn.RemoteAddr().String())}
		return &fair, nil
	}
}

// fairKey is the private key of the service in one handshake.
type fairKey struct {
	crypto.Signer
	controller *Controller
	source     owner
}

// minHandshakeCost is what a new connection costs at least, with all that belongs to it.
const minHandshakeCost = 2 * time.Millisecond

// Sign signs when it is the turn of the source. Sources that sent refused messages lately are served after the others,
// and not faster than other work of theirs: a connection for each message must not be a way around the cooldown.
func (k *fairKey) Sign(random io.Reader, digest []byte, options crypto.SignerOpts) ([]byte, error) {
	c := k.controller
	secondary := c.trust.isSuspect(k.source) && !c.trust.isKnown(k.source)
	if err := c.handshakes.acquire(context.Background(), k.source, 0, secondary); err != nil {
		return nil, err
	}
	defer c.handshakes.release(k.source)
	began := c.now()
	signature, err := k.Signer.Sign(random, digest, options)
	if secondary {
		c.handshakes.penalise(k.source, penaltyFactor*max(c.now().Sub(began), minHandshakeCost))
	}
	return signature, err
}
