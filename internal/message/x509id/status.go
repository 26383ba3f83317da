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
	// NewStatusCheck returns the StatusCheck of a verified path, from the signer's certificate to the anchor's, with none
	// of its certificates on a list.
	NewStatusCheck(path []*x509.Certificate) StatusCheck
}

// StatusCheck returns an error if the known status of a certificate of the path, the anchor apart, does not allow the
// signer to sign at an instant. While an authority is being asked about one of unknown status, pending is a channel
// that is closed as soon as something has been learned; only then may another check give another result.
type StatusCheck func(at time.Time) (pending <-chan struct{}, err error)

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

func (noLists) NewStatusCheck([]*x509.Certificate) StatusCheck {
	return func(time.Time) (<-chan struct{}, error) { return nil, nil }
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
