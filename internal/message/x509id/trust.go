package x509id

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"slices"
	"time"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// TrustStore decides whether a certificate may sign. It is safe for concurrent use.
type TrustStore struct {
	authorities   []*x509.Certificate // anchors and intermediates
	anchors       []*x509.Certificate
	intermediates []*x509.Certificate
	names         map[*x509.Certificate]nameKeys // of the authorities
	verifiedPaths *pathCache
	revocations   RevocationSource // nil: no certificate is known to be revoked
}

// NewTrustStore returns a TrustStore that trusts certificates with a chain through the intermediates to one of the
// anchors. An anchor need not be self-signed. It caches the results for at most cacheSize certificates; zero disables
// the cache.
func NewTrustStore(anchors, intermediates []*x509.Certificate, cacheSize int) *TrustStore {
	t := &TrustStore{
		authorities:   slices.Concat(anchors, intermediates),
		anchors:       anchors,
		intermediates: intermediates,
		names:         map[*x509.Certificate]nameKeys{},
		verifiedPaths: newPathCache(cacheSize),
	}
	for _, c := range t.authorities {
		t.names[c] = newNameKeys(c)
	}
	return t
}

// Authorities returns the anchors and intermediates.
func (t *TrustStore) Authorities() []*x509.Certificate { return t.authorities }

// ParseTrustStore returns a TrustStore of PEM files that hold roots and intermediates in any order. A self-signed
// certificate is an anchor; another one is an intermediate if one of the others issued it, otherwise also an anchor, so
// that a file with only an issuing authority works. Certificates that are not CA certificates are refused: a leaf among
// the anchors would be trusted until it expires.
func ParseTrustStore(cacheSize int, files ...[]byte) (*TrustStore, error) {
	var all []*x509.Certificate
	for _, file := range files {
		found, err := parseAuthorities(file)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	anchors, intermediates := splitAuthorities(all)
	return NewTrustStore(anchors, intermediates, cacheSize), nil
}

func parseAuthorities(file []byte) ([]*x509.Certificate, error) {
	found, err := parsePEMCertificates(file)
	if err != nil {
		return nil, err
	}
	for _, c := range found {
		if !c.BasicConstraintsValid || !c.IsCA {
			return nil, problem.New(TrustNotAuthority)
		}
	}
	return found, nil
}

// splitAuthorities splits authorities into anchors and the intermediates below them.
func splitAuthorities(all []*x509.Certificate) (anchors, intermediates []*x509.Certificate) {
	var unassigned []*x509.Certificate
	for _, c := range all {
		if HasIssued(c, c) {
			anchors = append(anchors, c)
		} else {
			unassigned = append(unassigned, c)
		}
	}
	for len(unassigned) > 0 {
		next := slices.IndexFunc(unassigned, func(c *x509.Certificate) bool {
			return anyHasIssued(slices.Concat(anchors, intermediates), c)
		})
		if next >= 0 {
			intermediates = append(intermediates, unassigned[next])
		} else {
			// None of the assigned authorities issued any of the open ones: the next anchor is the highest, or any one
			// of a cycle of cross-certificates.
			next = max(0, slices.IndexFunc(unassigned, func(c *x509.Certificate) bool { return !anyHasIssued(unassigned, c) }))
			anchors = append(anchors, unassigned[next])
		}
		unassigned = slices.Delete(unassigned, next, next+1)
	}
	return anchors, intermediates
}

// HasIssued reports whether the issuer's name and signature are those of the certificate.
func HasIssued(issuer, c *x509.Certificate) bool {
	return EqualNames(issuer.RawSubject, c.RawIssuer) && c.CheckSignatureFrom(issuer) == nil
}

func anyHasIssued(issuers []*x509.Certificate, c *x509.Certificate) bool {
	return slices.ContainsFunc(issuers, func(issuer *x509.Certificate) bool { return HasIssued(issuer, c) })
}

// Verify refuses a certificate that may not sign a message at the given instant.
//
// Everything that could reveal to an outsider which authorities are trusted gives the same code, CertUntrusted: another
// authority, a self-signed certificate with a trusted name, an expired or revoked authority. Only a holder of a
// certificate from a trusted authority gets a specific code: revoked, expired, not valid yet, not for signing. The only
// exception is a certificate signed with MD5 or SHA-1: that code goes to every sender and so reveals nothing about
// trust.
//
// For a cached certificate it only does a lookup: its path was verified with the current revocation lists, and the
// instant is compared with the validity of the whole path each time. The status of each certificate of the path is
// looked up each time too.
func (t *TrustStore) Verify(leaf *x509.Certificate, at time.Time) error {
	_, err := t.verifyLeaf(leaf, at)
	return err
}

// verifyLeaf is Verify, and returns what StatusCheck returns.
func (t *TrustStore) verifyLeaf(leaf *x509.Certificate, at time.Time) (pending <-chan struct{}, err error) {
	lists := t.currentLists()
	if cached, ok := t.verifiedPaths.getPath(leaf.Raw); ok && cached.lists == lists && cached.isValidAt(at) {
		if pending, err = cached.checkStatus(at); err == nil || !cached.hasAlternatives {
			return pending, err
		}
	}
	verified, pending, err := t.verifyPath(leaf, nil, at, lists)
	if verified.lists != nil { // the path is valid, even if the status of its certificates is not
		t.verifiedPaths.putPath(leaf.Raw, verified)
	}
	return pending, err
}

// verifiedPath is a successful verification: what it depends on, and when it is valid.
type verifiedPath struct {
	lists               RevocationLists
	notBefore, notAfter time.Time
	checkStatus         StatusCheck
	hasAlternatives     bool // there are other paths, whose certificates may have another status
}

func newVerifiedPath(chain []*x509.Certificate, lists RevocationLists) verifiedPath {
	p := verifiedPath{
		lists: lists, notBefore: chain[0].NotBefore, notAfter: chain[0].NotAfter, checkStatus: lists.NewStatusCheck(chain),
	}
	for _, c := range chain[1:] {
		p.notBefore, p.notAfter = laterTime(p.notBefore, c.NotBefore), earlierTime(p.notAfter, c.NotAfter)
	}
	return p
}

func (p verifiedPath) isValidAt(at time.Time) bool {
	return !at.Before(p.notBefore) && !at.After(p.notAfter)
}

// verifyPath verifies a certificate without the cache. It returns a path together with an error if only the revocation
// status of its certificates is the reason.
func (t *TrustStore) verifyPath(
	leaf *x509.Certificate, issuers []*x509.Certificate, at time.Time, lists RevocationLists,
) (verifiedPath, <-chan struct{}, error) {
	if IsWeakSignatureAlgorithm(leaf.SignatureAlgorithm) {
		return verifiedPath{}, nil, problem.New(CertSignatureWeak, texts.Literal(leaf.SignatureAlgorithm.String()))
	}
	chains, err := t.findChains(leaf, issuers, at, lists)
	if err == nil {
		err = checkLeaf(leaf, at)
	}
	if err != nil {
		return verifiedPath{}, nil, err
	}
	return choosePath(chains, lists, at)
}

// checkLeaf refuses a certificate for what it says about itself.
func checkLeaf(leaf *x509.Certificate, at time.Time) error {
	switch {
	case at.Before(leaf.NotBefore):
		return problem.New(CertNotYetValid, certificateStarts.With(formatTimestamp(leaf.NotBefore)))
	case at.After(leaf.NotAfter):
		return problem.New(CertExpired, certificateEnds.With(formatTimestamp(leaf.NotAfter)))
	case leaf.IsCA:
		return problem.New(CertIsAuthority)
	case !MaySign(leaf):
		return problem.New(CertKeyUsage)
	case !hasSigningPurpose(leaf):
		return problem.New(CertExtendedKeyUsage)
	}
	return checkPublicKey(leaf)
}

// choosePath returns the first path whose certificates all have an acceptable status, or the first path and the refusal
// that says most: a certificate of which an authority may still speak well before an authority that is revoked.
func choosePath(
	chains [][]*x509.Certificate, lists RevocationLists, at time.Time,
) (first verifiedPath, pending <-chan struct{}, refusal error) {
	for i, chain := range chains {
		p := newVerifiedPath(chain, lists)
		p.hasAlternatives = len(chains) > 1
		asking, err := p.checkStatus(at)
		if err == nil {
			return p, asking, nil
		}
		if i == 0 {
			first = p
		}
		if refusal == nil || problem.From(refusal).Code == CertUntrusted {
			pending, refusal = asking, err
		}
	}
	return first, pending, refusal
}

// findChains returns the chains to an anchor without certificates on a list, at least one. If the leaf is not valid at
// the instant, the chains are verified at the nearest instant of the leaf's own validity, so that only holders of a
// certificate from a trusted authority learn that theirs has expired.
func (t *TrustStore) findChains(
	leaf *x509.Certificate, issuers []*x509.Certificate, at time.Time, lists RevocationLists,
) ([][]*x509.Certificate, error) {
	checkTime := earlierTime(laterTime(at, leaf.NotBefore), leaf.NotAfter)
	chains, err := t.findPaths(leaf, issuers, checkTime, signingPurposes())
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.IncompatibleUsage {
		return nil, problem.New(CertExtendedKeyUsage) // Go compares the purposes last, so the path is otherwise valid
	}
	if err != nil {
		return nil, problem.Wrap(CertUntrusted, err)
	}
	chains = slices.DeleteFunc(chains, func(chain []*x509.Certificate) bool {
		return slices.ContainsFunc(chain, lists.IsRevoked)
	})
	switch {
	case len(chains) > 0:
		return chains, nil
	case lists.IsRevoked(leaf):
		return nil, problem.New(CertRevoked)
	}
	return nil, problem.Wrap(CertUntrusted, ErrIssuerRevoked)
}

// ErrIssuerRevoked is wrapped in the refusal of a certificate whose authority is revoked.
var ErrIssuerRevoked = errors.New("an issuer is revoked")

// FindAuthorityPath returns a path from the certificate of an authority to an anchor. It does not look at revocation.
func (t *TrustStore) FindAuthorityPath(c *x509.Certificate, at time.Time) ([]*x509.Certificate, error) {
	if !c.IsCA || checkPublicKey(c) != nil || IsWeakSignatureAlgorithm(c.SignatureAlgorithm) {
		return nil, problem.New(CertUntrusted)
	}
	chains, err := t.findPaths(c, nil, at, []x509.ExtKeyUsage{x509.ExtKeyUsageAny})
	if err != nil {
		return nil, problem.Wrap(CertUntrusted, err)
	}
	return chains[0], nil
}

var oidKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 15}

// MaySign reports whether the key usage extension, if present, allows signatures (RFC 5280 §4.2.1.3). An extension
// without any bit allows nothing.
func MaySign(c *x509.Certificate) bool {
	if c.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) != 0 {
		return true
	}
	return !slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidKeyUsage) })
}

// signingPurposes returns the extended key usages of a caller's certificate, as the platform issues them. Others of the
// same authorities, such as those of servers, of responders and of programs, must not sign messages.
func signingPurposes() []x509.ExtKeyUsage {
	return []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageEmailProtection}
}

// hasSigningPurpose reports whether a certificate is for one of the signing purposes, or for none in particular. It is
// stricter than Go's path validation, for which anyExtendedKeyUsage alone is enough: RFC 5280 §4.2.1.12 lets an
// application that needs a particular purpose refuse that.
func hasSigningPurpose(c *x509.Certificate) bool {
	if len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0 {
		return true
	}
	return slices.ContainsFunc(signingPurposes(), func(purpose x509.ExtKeyUsage) bool {
		return slices.Contains(c.ExtKeyUsage, purpose)
	})
}

func formatTimestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func laterTime(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlierTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
