// Package pki handles X.509 as the Belgian eHealth platform uses it: the identity that a certificate names (Subject),
// whether that certificate may be trusted at an instant (TrustStore), registered certificates that a message only
// refers to (Directory, Name), decoding and encoding signing keys in .p12 files (DecodeSigningKey, EncodeKeys), and a
// small certification authority for development and tests (Authority).
//
// It is a package of its own because other packages use its results but not its mechanics: wsse verifies the token of a
// message with TrustStore, the register identifies the caller with Subject, both programs load keys. It is the only
// package that uses the PKCS #12 library. Only StatusChecker uses the network, and only in the background: no
// TrustStore method blocks on I/O.
//
// Specifications: RFC 5280 (certificates and revocation lists; §4.2.1 extensions, §5 CRLs, §6 path validation, done by
// crypto/x509), RFC 4514 (string form of names), RFC 7292 with RFC 8018 and RFC 9579 (PKCS #12 and its key derivation),
// and the platform's certificate profile for names: CN and OU hold TYPE=id.
package pki

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
