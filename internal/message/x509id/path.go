package x509id

import (
	"crypto/x509"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/openctr/ctr/internal/problem"
)

// MaxPkiPathLength bounds the certificates of a path: a root, two authorities below it, one more for a change of
// generations, and the signer's.
const MaxPkiPathLength = 5

// ParsePkiPath parses a PkiPath (X.509 section 9, RFC 6066 section 8): certificates each issued by the one before it,
// the signer's last. It counts them before it parses any.
func ParsePkiPath(der []byte) ([]*x509.Certificate, error) {
	input := cryptobyte.String(der)
	var content cryptobyte.String
	if !input.ReadASN1(&content, tags.SEQUENCE) || !input.Empty() {
		return nil, problem.New(TokenUnreadable, notSequence)
	}
	var elements []cryptobyte.String
	for !content.Empty() {
		var element cryptobyte.String
		if !content.ReadASN1Element(&element, tags.SEQUENCE) {
			return nil, problem.New(TokenUnreadable, notCertificates)
		}
		if elements = append(elements, element); len(elements) > MaxPkiPathLength {
			return nil, problem.New(TokenPathTooLong, problem.DetailAtMost.With(MaxPkiPathLength))
		}
	}
	if len(elements) == 0 {
		return nil, problem.New(TokenUnreadable, problem.DetailEmpty)
	}
	return parsePathCertificates(elements)
}

func parsePathCertificates(elements []cryptobyte.String) ([]*x509.Certificate, error) {
	path := make([]*x509.Certificate, 0, len(elements))
	for i, element := range elements {
		c, err := ParseCertificate(element)
		if err != nil {
			return nil, err
		}
		if i > 0 && !EqualNames(c.RawIssuer, path[i-1].RawSubject) {
			return nil, problem.New(TokenPathOrder)
		}
		path = append(path, c)
	}
	return path, nil
}

// VerifyWithIssuers is Verify with the issuers that a message contains. They help to reach an anchor if the service's
// own authorities do not; being in a message does not make them trusted, and their revocation status counts like that
// of the service's own. A path built with their help is not cached, because a later message must not benefit from it
// without containing them.
func (t *TrustStore) VerifyWithIssuers(issuers []*x509.Certificate, leaf *x509.Certificate, at time.Time) error {
	_, err := t.JudgeSigner(issuers, leaf, at)
	return err
}

// JudgeSigner is VerifyWithIssuers for a caller who can wait: while an authority is being asked about a certificate of
// the path, pending is a channel that is closed as soon as another call may give another result.
func (t *TrustStore) JudgeSigner(
	issuers []*x509.Certificate, leaf *x509.Certificate, at time.Time,
) (pending <-chan struct{}, err error) {
	pending, err = t.verifyLeaf(leaf, at)
	if err == nil || len(issuers) == 0 || problem.From(err).Code != CertUntrusted {
		return pending, err
	}
	// A key of unchecked size would let an unverified sender make signature checks arbitrarily expensive.
	issuers = slices.DeleteFunc(slices.Clone(issuers), func(c *x509.Certificate) bool {
		return !c.IsCA || checkPublicKey(c) != nil
	})
	_, pending, err = t.verifyPath(leaf, issuers, at, t.currentLists())
	return pending, err
}
