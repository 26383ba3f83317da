package x509id

import (
	"crypto/x509"
	"time"
)

// RevocationSource tells a TrustStore which certificates are revoked. It only looks into memory: verifying a
// certificate never waits for an authority. Package revocation implements it.
type RevocationSource interface {
	// CurrentLists returns the current revocation lists.
	CurrentLists() RevocationLists
	// Offline returns a source that gives the same answers as this one does now, without side effects.
	Offline() RevocationSource
}

// RevocationLists is an immutable state of a RevocationSource. A TrustStore compares two states with == and forgets the
// paths that it verified with another state.
type RevocationLists interface {
	// IsRevoked reports whether a list contains the certificate.
	IsRevoked(c *x509.Certificate) bool
	// NewStatusCheck returns the StatusCheck of a certificate with a verified path, on none of the lists.
	NewStatusCheck(leaf, issuer *x509.Certificate) StatusCheck
}

// StatusCheck returns an error if the known status of a certificate does not allow it to sign at an instant.
type StatusCheck func(leaf *x509.Certificate, at time.Time) error

// SetRevocationSource connects a source. Call it before the TrustStore is used.
func (t *TrustStore) SetRevocationSource(s RevocationSource) { t.revocations = s }

func (t *TrustStore) currentLists() RevocationLists {
	if t.revocations == nil {
		return noLists{}
	}
	return t.revocations.CurrentLists()
}

// noLists is the state without a source.
type noLists struct{}

func (noLists) IsRevoked(*x509.Certificate) bool { return false }

func (noLists) NewStatusCheck(_, _ *x509.Certificate) StatusCheck {
	return func(*x509.Certificate, time.Time) error { return nil }
}

// Offline returns a TrustStore that gives the same results as this one does now, without side effects: it caches
// nothing and triggers no request to an authority. It is for inspecting messages that are not processed.
func (t *TrustStore) Offline() *TrustStore {
	offline := *t
	offline.verifiedPaths = newPathCache(0)
	if t.revocations != nil {
		offline.revocations = t.revocations.Offline()
	}
	return &offline
}
