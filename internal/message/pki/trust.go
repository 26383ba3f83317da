package pki

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

// Bounds of the RSA keys that may sign a message.
const (
	minRSABits = 2048
	maxRSABits = 4096
)

// Trust decides whether a certificate may speak. It is safe for concurrent use.
type Trust struct {
	authorities []*x509.Certificate // anchors and intermediates, for finding the issuer of a CRL
	roots       *x509.CertPool
	between     *x509.CertPool
	accepted    *lru

	loading sync.Mutex // held while a new revocation snapshot is made
	revoked atomic.Pointer[revocations]
	status  *Revocation // what else is known of revoked certificates; nil when nobody looks
}

// NewTrust trusts certificates that a chain through the intermediates connects to one of the anchors. An anchor need not
// be self-signed. The results for at most cacheSize certificates are kept; zero keeps none.
func NewTrust(anchors, intermediates []*x509.Certificate, cacheSize int) *Trust {
	t := &Trust{
		authorities: slices.Concat(anchors, intermediates),
		roots:       x509.NewCertPool(),
		between:     x509.NewCertPool(),
		accepted:    newLRU(cacheSize),
	}
	for _, c := range anchors {
		t.roots.AddCert(c)
	}
	for _, c := range intermediates {
		t.between.AddCert(c)
	}
	t.revoked.Store(&revocations{})
	return t
}

// ReadTrust makes a Trust of PEM files that hold roots and intermediates in any order. A self-signed certificate is an
// anchor; another one is an intermediate if one of the others issued it, and else an anchor too, so that a file with
// nothing but an issuing authority works. Certificates that are not those of authorities are refused: a leaf in the
// list of anchors would be believed for ever.
func ReadTrust(cacheSize int, files ...[]byte) (*Trust, error) {
	var all []*x509.Certificate
	for _, file := range files {
		found, err := readPEM(file)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	anchors, intermediates := arrange(all)
	return NewTrust(anchors, intermediates, cacheSize), nil
}

func readPEM(file []byte) ([]*x509.Certificate, error) {
	found, err := readCertificates(file)
	if err != nil {
		return nil, err
	}
	for _, c := range found {
		if !c.BasicConstraintsValid || !c.IsCA {
			return nil, problem.New(problem.TrustNotAuthority)
		}
	}
	return found, nil
}

// arrange splits authorities into anchors and the intermediates that hang on them.
func arrange(all []*x509.Certificate) (anchors, intermediates []*x509.Certificate) {
	var open []*x509.Certificate
	for _, c := range all {
		if issued(c, c) {
			anchors = append(anchors, c)
		} else {
			open = append(open, c)
		}
	}
	for len(open) > 0 {
		next := slices.IndexFunc(open, func(c *x509.Certificate) bool {
			return issuedByOne(slices.Concat(anchors, intermediates), c)
		})
		if next >= 0 {
			intermediates = append(intermediates, open[next])
		} else {
			// Nothing placed issued any of them: the highest is an anchor, or any of a circle of cross-certificates.
			next = max(0, slices.IndexFunc(open, func(c *x509.Certificate) bool { return !issuedByOne(open, c) }))
			anchors = append(anchors, open[next])
		}
		open = slices.Delete(open, next, next+1)
	}
	return anchors, intermediates
}

func issued(issuer, c *x509.Certificate) bool {
	return bytes.Equal(issuer.RawSubject, c.RawIssuer) && c.CheckSignatureFrom(issuer) == nil
}

func issuedByOne(issuers []*x509.Certificate, c *x509.Certificate) bool {
	return slices.ContainsFunc(issuers, func(issuer *x509.Certificate) bool { return issued(issuer, c) })
}

// Verify refuses a certificate that may not sign a message at the given instant.
//
// What could tell a stranger who is trusted has one answer, CertUntrusted: another authority, a self-signed certificate
// with a trusted name, an authority that has expired. Only a holder of a certificate from a trusted authority learns
// more about it: revoked, expired, not valid yet, not for signing. The one exception says nothing about trust, because
// everybody gets it: a certificate signed with MD5 or SHA-1.
//
// A certificate accepted before costs a look-up: the path was built under the same revocation lists, and the instant is
// compared with the validity of the whole path each time. What Revocation knows is looked up each time too.
func (t *Trust) Verify(leaf *x509.Certificate, at time.Time) error {
	revoked := t.revoked.Load()
	if known, ok := t.accepted.get(leaf.Raw); ok && known.revoked == revoked && known.covers(at) {
		return t.status.judge(leaf, known, at)
	}
	fresh, err := t.build(leaf, t.between, at, revoked)
	if fresh.revoked != nil { // the path is good, whatever became of the leaf
		t.accepted.put(leaf.Raw, fresh)
	}
	return err
}

// path is a positive answer: what it depended on, and when it holds.
type path struct {
	revoked     *revocations
	from, until time.Time
	issuer      *x509.Certificate
	id          certificateID
	listed      period // when the revocation lists say that the leaf is not revoked
}

func (p path) covers(at time.Time) bool { return !at.Before(p.from) && !at.After(p.until) }

// build makes the answer for a certificate. There is a path beside the error when only the standing of the leaf is in the
// way.
func (t *Trust) build(leaf *x509.Certificate, between *x509.CertPool, at time.Time, revoked *revocations) (path, error) {
	if isWeak(leaf.SignatureAlgorithm) {
		return path{}, problem.New(problem.CertSignatureWeak, leaf.SignatureAlgorithm.String())
	}
	chain, err := t.chain(leaf, between, at, revoked)
	if err != nil {
		return path{}, err
	}
	switch {
	case at.Before(leaf.NotBefore):
		return path{}, problem.New(problem.CertNotYetValid, "valid from "+instant(leaf.NotBefore))
	case at.After(leaf.NotAfter):
		return path{}, problem.New(problem.CertExpired, "valid until "+instant(leaf.NotAfter))
	case leaf.IsCA:
		return path{}, problem.New(problem.CertIsAuthority)
	case !maySign(leaf):
		return path{}, problem.New(problem.CertKeyUsage)
	}
	if unfit := checkKey(leaf); unfit != nil {
		return path{}, unfit
	}
	issuer := chain[min(1, len(chain)-1)]
	p := path{
		revoked: revoked, from: leaf.NotBefore, until: leaf.NotAfter,
		issuer: issuer, id: identify(issuer, leaf.SerialNumber), listed: revoked.clears(leaf, issuer),
	}
	for _, c := range chain {
		p.from, p.until = later(p.from, c.NotBefore), earlier(p.until, c.NotAfter)
	}
	return p, t.status.judge(leaf, p, at)
}

// chain finds a path of certificates to an anchor, none of them revoked. A leaf that is not valid at the instant is
// judged at the nearest instant of its own validity, so that whoever once had a certificate from a trusted authority
// can be told that it expired, and nobody else.
func (t *Trust) chain(leaf *x509.Certificate, between *x509.CertPool, at time.Time, revoked *revocations) ([]*x509.Certificate, error) {
	moment := earlier(later(at, leaf.NotBefore), leaf.NotAfter)
	chains, err := leaf.Verify(x509.VerifyOptions{
		Roots:         t.roots,
		Intermediates: between,
		CurrentTime:   moment,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return nil, problem.Wrap(problem.CertUntrusted, err)
	}
	for _, chain := range chains {
		if !slices.ContainsFunc(chain, revoked.holds) {
			return chain, nil
		}
	}
	if revoked.holds(leaf) {
		return nil, problem.New(problem.CertRevoked)
	}
	return nil, problem.Wrap(problem.CertUntrusted, errors.New("an issuer is revoked"))
}

func isWeak(a x509.SignatureAlgorithm) bool {
	switch a {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return true
	}
	return false
}

var oidKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 15}

// maySign reports whether the key usage extension, if there is one, allows signatures (RFC 5280 §4.2.1.3). One without
// any bit allows nothing.
func maySign(c *x509.Certificate) bool {
	if c.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) != 0 {
		return true
	}
	return !slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidKeyUsage) })
}

func checkKey(c *x509.Certificate) error {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return problem.New(problem.CertKeyUnsupported, "RSA with", strconv.Itoa(bits), "bits")
		}
		return nil
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
			return nil
		}
		return problem.New(problem.CertKeyUnsupported, "curve", key.Curve.Params().Name)
	}
	return problem.New(problem.CertKeyUnsupported, c.PublicKeyAlgorithm.String())
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
