package x509id

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"time"
)

// This file finds the paths of a certificate with crypto/x509, and adds what that leaves out of RFC 5280: names that
// are equal although they are encoded differently (section 7.1), a critical subjectAltName without a name that Go reads
// (4.2.1.6), and constraints on directory names (4.2.1.10).

// EqualNames reports whether two DER-encoded names are equal by RFC 5280 section 7.1: whatever string types encode
// them, without distinction of ASCII case and of surplus spaces.
func EqualNames(a, b []byte) bool { return bytes.Equal(a, b) || NameKey(a) == NameKey(b) }

// NameKey returns the same text for names that are equal.
func NameKey(der []byte) string {
	name, err := NameFromDER(der)
	if err != nil {
		return string(der)
	}
	return name.canonical
}

// pathPool holds certificates for crypto/x509, some as copies that it accepts.
type pathPool struct {
	pool      *x509.CertPool
	originals map[*x509.Certificate]*x509.Certificate // of the copies
}

func newPathPool() *pathPool {
	return &pathPool{pool: x509.NewCertPool(), originals: map[*x509.Certificate]*x509.Certificate{}}
}

// addCertificate adds a certificate as crypto/x509 can use it.
func (p *pathPool) addCertificate(c *x509.Certificate) {
	copied := copyRecognised(c)
	if copied != c {
		p.originals[copied] = c
	}
	p.pool.AddCert(copied)
}

// addAs adds an authority under its name as a certificate that it issued spells it. The pool compares names by their
// bytes, and takes a certificate only once by its own: the copy gets others, of which no signature depends.
func (p *pathPool) addAs(authority *x509.Certificate, name []byte) {
	copied := *copyRecognised(authority)
	copied.RawSubject = name
	copied.Raw = slices.Concat(authority.Raw, name)
	p.originals[&copied] = authority
	p.pool.AddCert(&copied)
}

// restoreChain replaces the copies in a chain by the certificates.
func (p *pathPool) restoreChain(chain []*x509.Certificate) {
	for i, c := range chain {
		if original, ok := p.originals[c]; ok {
			chain[i] = original
		}
	}
}

var (
	oidSubjectAltName  = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidNameConstraints = asn1.ObjectIdentifier{2, 5, 29, 30}
)

// copyRecognised returns a certificate without the critical extensions that this package checks itself among those that
// crypto/x509 does not handle.
func copyRecognised(c *x509.Certificate) *x509.Certificate {
	left := slices.DeleteFunc(slices.Clone(c.UnhandledCriticalExtensions), func(id asn1.ObjectIdentifier) bool {
		return id.Equal(oidSubjectAltName) || id.Equal(oidNameConstraints)
	})
	if len(left) == len(c.UnhandledCriticalExtensions) {
		return c
	}
	copied := *c
	copied.UnhandledCriticalExtensions = left
	return &copied
}

// findPaths returns the paths from a certificate to an anchor, with the help of further issuers.
func (t *TrustStore) findPaths(
	leaf *x509.Certificate, issuers []*x509.Certificate, at time.Time, purposes []x509.ExtKeyUsage,
) ([][]*x509.Certificate, error) {
	roots, intermediates := newPathPool(), newPathPool()
	for _, c := range t.anchors {
		roots.addCertificate(c)
	}
	helpers := slices.Concat(t.intermediates, issuers)
	for _, c := range helpers {
		intermediates.addCertificate(c)
	}
	for _, child := range append([]*x509.Certificate{leaf}, helpers...) {
		t.addSpelledOtherwise(roots, t.anchors, child)
		t.addSpelledOtherwise(intermediates, helpers, child)
	}
	chains, err := copyRecognised(leaf).Verify(x509.VerifyOptions{
		Roots: roots.pool, Intermediates: intermediates.pool, CurrentTime: at, KeyUsages: purposes,
	})
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller looks at it
	}
	for _, chain := range chains {
		chain[0] = leaf
		roots.restoreChain(chain)
		intermediates.restoreChain(chain)
	}
	chains = slices.DeleteFunc(chains, func(chain []*x509.Certificate) bool {
		refusal := checkNameConstraints(chain)
		err = cmpError(err, refusal)
		return refusal != nil
	})
	if len(chains) == 0 {
		return nil, err
	}
	return chains, nil
}

func cmpError(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// nameKeys are the keys of a certificate's names.
type nameKeys struct{ subject, issuer string }

func newNameKeys(c *x509.Certificate) nameKeys {
	return nameKeys{NameKey(c.RawSubject), NameKey(c.RawIssuer)}
}

// nameKeysOf returns the keys of a certificate, which are known for the authorities of the service.
func (t *TrustStore) nameKeysOf(c *x509.Certificate) nameKeys {
	if known, ok := t.names[c]; ok {
		return known
	}
	return newNameKeys(c)
}

// addSpelledOtherwise adds the authorities whose name is the child's issuer, but in other bytes.
func (t *TrustStore) addSpelledOtherwise(pool *pathPool, authorities []*x509.Certificate, child *x509.Certificate) {
	issuer := t.nameKeysOf(child).issuer
	for _, authority := range authorities {
		if t.nameKeysOf(authority).subject == issuer && !bytes.Equal(authority.RawSubject, child.RawIssuer) {
			pool.addAs(authority, child.RawIssuer)
		}
	}
}
