package wsse

import (
	"bytes"
	"crypto/x509"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// signer is a certificate with the identity derived from it.
type signer struct {
	certificate *x509.Certificate
	subject     x509id.Subject
}

// authenticatedSigner is the signer of a message, and what is still open about their certificate.
type authenticatedSigner struct {
	*signer

	status openStatus
}

// presentedCertificate is the certificate contained in a message.
type presentedCertificate struct {
	der     []byte
	parsed  *x509.Certificate   // set if extracting it required parsing it
	issuers []*x509.Certificate // the other certificates of its path
	path    string
}

// authenticateSigner verifies the signature with the certificate that the message contains, or else with the registered
// one that it identifies.
func (v *Verifier) authenticateSigner(
	m *securityNodes, signature *dsig.Signature, now time.Time,
) (authenticatedSigner, *dsig.Result, error) {
	certificate, err := m.readPresentedCertificate()
	if err != nil {
		return authenticatedSigner{}, nil, err
	}
	if certificate.der == nil {
		return v.authenticateRegistered(m, signature, now)
	}
	authenticated, err := v.signerFromCertificate(certificate, &m.key, now)
	if err != nil {
		return authenticatedSigner{}, nil, err
	}
	m.certificate = authenticated.certificate.Raw
	result, err := signature.Verify(authenticated.certificate.PublicKey)
	return authenticated, result, err
}

// readPresentedCertificate returns the certificate in the token or in the key reference. If both contain one, they must
// be equal.
func (m *securityNodes) readPresentedCertificate() (presentedCertificate, error) {
	var found presentedCertificate
	if !m.token.IsZero() {
		var err error
		if found, err = readToken(m.token, &m.key); err != nil {
			return presentedCertificate{}, err
		}
	}
	if m.key.embedded.IsZero() {
		return found, nil
	}
	der, err := dsig.DecodeBase64(nil, m.key.embedded, MaxToken, TokenMalformed, m.key.path)
	switch {
	case err != nil:
		return presentedCertificate{}, err
	case found.der == nil:
		return presentedCertificate{der: der, path: m.key.path}, nil
	case !bytes.Equal(found.der, der):
		return presentedCertificate{}, newRefusal(KeyReferenceDisagrees, m.key.path)
	}
	return found, nil
}

// readToken reads a BinarySecurityToken: a certificate, or a path that ends with the signer's certificate (X.509
// Certificate Token Profile section 3.1).
func readToken(token xmldoc.Element, key *keyReference) (presentedCertificate, error) {
	valueType, _ := token.Attr("", "ValueType")
	if !isCertificateTokenType(valueType) {
		return presentedCertificate{}, newRefusal(TokenUnsupported, tokenPath, problem.DetailAttribute.With("ValueType"),
			problem.DetailReceived.With(texts.Excerpt(valueType)))
	}
	if key.valueType != "" && key.valueType != valueType {
		return presentedCertificate{}, newRefusal(KeyReferenceWrong, key.path, problem.DetailAttribute.With("ValueType"))
	}
	if encoding, ok := token.Attr("", "EncodingType"); ok && encoding != encodingBase64Binary {
		return presentedCertificate{}, newRefusal(TokenEncoding, tokenPath,
			problem.DetailReceivedExpected.With(texts.Excerpt(encoding), encodingBase64Binary))
	}
	maxBytes := MaxToken
	if valueType == tokenTypePKIPath {
		maxBytes = MaxPathToken
	}
	data, err := dsig.DecodeBase64(nil, token, maxBytes, TokenMalformed, tokenPath)
	if err != nil || valueType != tokenTypePKIPath {
		return presentedCertificate{der: data, path: tokenPath}, err
	}
	path, err := x509id.ParsePkiPath(data)
	if err != nil {
		return presentedCertificate{}, problem.From(err).WithPath(tokenPath)
	}
	last := path[len(path)-1]
	return presentedCertificate{last.Raw, last, path[:len(path)-1], tokenPath}, nil
}

// signerFromCertificate checks that the certificate matches the key reference and may sign now. It derives the identity
// only afterwards, so that an untrusted certificate gets the same answer whatever it contains.
func (v *Verifier) signerFromCertificate(
	presented presentedCertificate, key *keyReference, now time.Time,
) (authenticatedSigner, error) {
	cached := v.signerCache.findSigner(presented.der)
	certificate := presented.parsed
	switch {
	case cached != nil:
		certificate = cached.certificate
	case certificate == nil:
		var err error
		if certificate, err = x509id.ParseCertificate(presented.der); err != nil {
			return authenticatedSigner{}, problem.From(err).WithPath(presented.path)
		}
	}
	if !key.selector.Matches(certificate) {
		return authenticatedSigner{}, newRefusal(KeyReferenceDisagrees, key.path)
	}
	open := openStatus{issuers: presented.issuers, certificate: certificate, path: presented.path}
	if v.judgeStatus(&open, now); open.refusal != nil && open.pending == nil {
		return authenticatedSigner{}, open.refusal
	}
	if cached != nil {
		return authenticatedSigner{cached, open}, nil
	}
	subject, err := x509id.SubjectFromCertificate(certificate)
	if err != nil {
		return authenticatedSigner{}, withCertificatePath(err, presented.path, now)
	}
	return authenticatedSigner{&signer{certificate, subject}, open}, nil
}

// authenticateRegistered verifies the signature with a registered certificate that the message only identifies.
//
// A sender without the private key always gets the same answer and thus cannot find out which certificates are
// registered. Therefore the signature is verified first, and only a holder of the key learns what is wrong with the
// certificate or what was changed after signing.
func (v *Verifier) authenticateRegistered(
	m *securityNodes, signature *dsig.Signature, now time.Time,
) (authenticatedSigner, *dsig.Result, error) {
	certificate := v.Registered.FindCertificate(&m.key.selector, now)
	if certificate == nil {
		return authenticatedSigner{}, nil, newRefusal(KeyUnregistered, m.key.path)
	}
	m.certificate = certificate.Raw
	result, refusal := signature.Verify(certificate.PublicKey)
	if refusal != nil && problem.From(refusal).Code != dsig.DigestMismatch {
		return authenticatedSigner{}, nil, problem.Wrap(KeyUnregistered, refusal).WithPath(m.key.path)
	}
	authenticated, err := v.signerFromCertificate(
		presentedCertificate{der: certificate.Raw, parsed: certificate, path: m.key.path}, &m.key, now,
	)
	if err != nil {
		return authenticatedSigner{}, nil, err
	}
	return authenticated, result, refusal
}

// withCertificatePath adds the path of the refused certificate, and the service time if validity or revocation is the
// reason.
func withCertificatePath(err error, path string, now time.Time) error {
	e := problem.From(err)
	switch e.Code {
	case x509id.CertExpired, x509id.CertNotYetValid:
		e = e.WithDetail(withServiceTime.With(e.Detail, formatInstant(now)))
	case x509id.CertRevoked, x509id.CertRevocationUnknown:
		e = e.WithDetail(serviceTime.With(formatInstant(now))) // revocation information changes over time
	}
	return e.WithPath(path)
}

// signerCache caches the parsed certificates of authenticated signers only, so that unauthenticated senders cannot
// evict them. Parsing costs a third of an RSA verification. The trust in a cached certificate is checked for each
// message.
//
// The cache has two generations: when the recent one is full it becomes the old one, and entries of the old one that
// are used again move to the recent one.
type signerCache struct {
	mu          sync.Mutex
	recent, old map[string]*signer // keyed by the DER of the certificate
}

const maxSignersPerGeneration = 1024

func (s *signerCache) findSigner(der []byte) *signer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found, ok := s.recent[string(der)]; ok {
		return found
	}
	return s.old[string(der)]
}

func (s *signerCache) addSigner(added *signer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.recent[string(added.certificate.Raw)]; ok {
		return
	}
	if len(s.recent) >= maxSignersPerGeneration || s.recent == nil {
		s.recent, s.old = make(map[string]*signer), s.recent
	}
	s.recent[string(added.certificate.Raw)] = added
}
