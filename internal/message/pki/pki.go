// Package pki knows X.509 as the Belgian eHealth platform uses it: which identity a certificate names (Subject), whether
// that certificate is to be believed at an instant (Trust), which registered one a message means that only names it
// (Directory, Name), how a signing key comes out of a .p12 file and goes into one (ReadP12, WriteP12), and a small
// certification authority for development and tests (Authority).
//
// It is separate because every other part needs its answers and none its mechanics: wsse asks Trust about the token of
// a message, the register asks Subject who is speaking, both programs load keys. It is the only package that touches the
// PKCS #12 library. Only Revocation uses the network, in the background: no answer of Trust waits for anybody.
//
// Specifications: RFC 5280 (certificates and revocation lists; §4.2.1 extensions, §5 CRLs, §6 path validation, done by
// crypto/x509), RFC 4514 (names in writing), RFC 7292 with RFC 8018 and RFC 9579 (PKCS #12 and its key derivation), and the
// platform's certificate profile for names: CN and OU hold TYPE=id.
package pki

import (
	"crypto"
	"crypto/x509"
)

// Key is a private key with its certificate.
type Key struct {
	Signer      crypto.Signer
	Certificate *x509.Certificate
	// Chain holds the issuers of Certificate that are known, nearest first.
	Chain []*x509.Certificate
	// Name is the friendly name of the entry in its store: "authentication" for the key that signs.
	Name string
}
