package x509id

import (
	"crypto"
	"crypto/x509"
)

// Key is a private key with its certificate.
type Key struct {
	Signer      crypto.Signer
	Certificate *x509.Certificate
	// Chain holds the known issuers of Certificate, nearest first.
	Chain []*x509.Certificate
	// Name is the friendly name of the entry in its key store: "authentication" for the signing key.
	Name string
}
