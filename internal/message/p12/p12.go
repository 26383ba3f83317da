// Package p12 reads and writes the .p12 files in which callers keep their keys: DecodeSigningKey, DecodeKeys and
// EncodeKeys.
//
// A .p12 file sets the cost of opening it. The package bounds that cost before it derives any key, and is the only one
// that uses the PKCS #12 library, so that no file bypasses the bounds. It knows nothing of trust: a key that it returns
// may have an expired or revoked certificate.
//
// Specifications: RFC 7292 with RFC 8018 and RFC 9579 (PKCS #12 and its key derivation).
package p12
