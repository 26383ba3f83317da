// Package revocation knows which certificates are revoked, for the TrustStore of package x509id: from revocation lists
// (CRLStore), and from OCSP responses and lists that it fetches in the background (StatusChecker).
//
// Its entry point is NewStatusChecker; NewCRLStore is enough where nothing is fetched. Only StatusChecker.Run uses the
// network: a question of the TrustStore is answered from memory.
//
// Specifications: RFC 5280 §5 and §6.3 (revocation lists), RFC 6960 (OCSP).
package revocation
