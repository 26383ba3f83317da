// Package x509id says who a certificate names and whether it may sign: the identity in its name (Subject), whether it
// may be trusted at an instant (TrustStore), registered certificates that a message only refers to (Directory, Name),
// and what keys and algorithms are strong enough. Its entry points are ParseTrustStore and SubjectFromCertificate.
//
// It is a package of its own because other packages use its results but not its mechanics: wsse verifies the token of a
// message with TrustStore, the register identifies the caller with Subject. It reads no key store and uses no network:
// key stores are in package p12, and a TrustStore asks a RevocationSource, which package revocation implements, without
// blocking.
//
// Specifications: RFC 5280 (certificates; §4.2.1 extensions, §6 path validation, done by crypto/x509), RFC 4514 (string
// form of names), and the platform's certificate profile for names: CN and OU hold TYPE=id.
package x509id
