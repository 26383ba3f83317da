package pki

import (
	"bytes"
	"crypto/x509"
	"strconv"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/openctr/ctr/internal/problem"
)

// MaxPath bounds the certificates of a path: a root, two authorities below it, one more for a change of generations, and
// the one that signs.
const MaxPath = 5

// ReadPath reads a PkiPath (X.509 section 9, RFC 6066 section 8): certificates of which each was issued by the one before
// it, so that the last is the one that signs. The number of them is counted before any is read.
func ReadPath(der []byte) ([]*x509.Certificate, error) {
	input := cryptobyte.String(der)
	var content cryptobyte.String
	if !input.ReadASN1(&content, tags.SEQUENCE) || !input.Empty() {
		return nil, problem.New(problem.TokenUnreadable, "it is not a sequence")
	}
	var elements []cryptobyte.String
	for !content.Empty() {
		var element cryptobyte.String
		if !content.ReadASN1Element(&element, tags.SEQUENCE) {
			return nil, problem.New(problem.TokenUnreadable, "it is not a sequence of certificates")
		}
		if elements = append(elements, element); len(elements) > MaxPath {
			return nil, problem.New(problem.TokenPathTooLong, "at most", strconv.Itoa(MaxPath))
		}
	}
	if len(elements) == 0 {
		return nil, problem.New(problem.TokenUnreadable, "it is empty")
	}
	return readElements(elements)
}

func readElements(elements []cryptobyte.String) ([]*x509.Certificate, error) {
	path := make([]*x509.Certificate, 0, len(elements))
	for i, element := range elements {
		c, err := x509.ParseCertificate(element)
		if err != nil {
			return nil, problem.Wrap(problem.TokenUnreadable, err)
		}
		if i > 0 && !bytes.Equal(c.RawIssuer, path[i-1].RawSubject) {
			return nil, problem.New(problem.TokenPathOrder)
		}
		path = append(path, c)
	}
	return path, nil
}

// VerifyWith refuses a certificate that may not sign a message at the given instant, as Verify does. The issuers that came
// with it help to reach an anchor when the authorities of the service do not, and are not trusted for being there.
// What was reached with their help is not kept: it would let a later message do without them.
func (t *Trust) VerifyWith(issuers []*x509.Certificate, leaf *x509.Certificate, at time.Time) error {
	err := t.Verify(leaf, at)
	if err == nil || len(issuers) == 0 || problem.From(err).Code != problem.CertUntrusted {
		return err
	}
	between := t.between.Clone()
	for _, c := range issuers {
		// A key of any other size could make a stranger's signature as costly to check as he likes.
		if c.IsCA && checkKey(c) == nil {
			between.AddCert(c)
		}
	}
	_, err = t.build(leaf, between, at, t.revoked.Load())
	return err
}
