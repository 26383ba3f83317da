package admission

import (
	"context"
	"crypto"
	"crypto/tls"
	"io"
)

// FairHandshakes returns a value for tls.Config.GetCertificate that shares the work of new connections fairly among
// networks, and serves sources with a verified message first. The signature is nearly all of that work, and needs
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

// Sign signs when it is the turn of the source.
func (k *fairKey) Sign(random io.Reader, digest []byte, options crypto.SignerOpts) ([]byte, error) {
	c := k.controller
	err := c.handshakes.acquire(context.Background(), k.source, 0, !c.trust.isKnown(k.source))
	if err != nil {
		return nil, err
	}
	defer c.handshakes.release(k.source)
	return k.Signer.Sign(random, digest, options)
}
