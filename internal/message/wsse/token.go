package wsse

import (
	"bytes"
	"crypto/x509"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// signer is a certificate with the identity derived from it.
type signer struct {
	certificate *x509.Certificate
	subject     pki.Subject
}

// presentedCertificate is the certificate contained in a message.
type shown struct {
	octets  []byte
	parsed  *x509.Certificate   // set if extracting it required parsing it
	issuers []*x509.Certificate // the other certificates of its path
	at      string
}

// authenticateSigner verifies the signature with the certificate that the message contains, or else with the registered
// one that it identifies.
func (v *Verifier) prove(m *message, signature *dsig.Signature, now time.Time) (*signer, *dsig.Result, error) {
	certificate, err := m.shown()
	if err != nil {
		return nil, nil, err
	}
	if certificate.octets == nil {
		return v.proveRegistered(m, signature, now)
	}
	authenticated, err := v.signer(certificate, &m.key, now)
	if err != nil {
		return nil, nil, err
	}
	m.certificate = authenticated.certificate.Raw
	result, err := signature.Verify(authenticated.certificate.PublicKey)
	return authenticated, result, err
}

// readPresentedCertificate returns the certificate in the token or in the key reference. If both contain one, they must
// be equal.
func (m *message) shown() (shown, error) {
	var found shown
	if !m.token.IsZero() {
		var err error
		if found, err = readToken(m.token, &m.key); err != nil {
			return shown{}, err
		}
	}
	if m.key.embedded.IsZero() {
		return found, nil
	}
	der, err := dsig.DecodeBase64(nil, m.key.embedded, MaxToken, problem.TokenMalformed, m.key.at)
	switch {
	case err != nil:
		return shown{}, err
	case found.octets == nil:
		return shown{octets: der, at: m.key.at}, nil
	case !bytes.Equal(found.octets, der):
		return shown{}, refuse(problem.KeyReferenceDisagrees, m.key.at)
	}
	return found, nil
}

// readToken reads a BinarySecurityToken: a certificate, or a path that ends with the signer's certificate (X.509
// Certificate Token Profile section 3.1).
func readToken(token xmldoc.Element, key *keyReference) (shown, error) {
	valueType, _ := token.Attr("", "ValueType")
	if !isCertificate(valueType) {
		return shown{}, refuse(problem.TokenUnsupported, atToken, "attribute ValueType")
	}
	if key.valueType != "" && key.valueType != valueType {
		return shown{}, refuse(problem.KeyReferenceWrong, key.at, "attribute ValueType")
	}
	if encoding, ok := token.Attr("", "EncodingType"); ok && encoding != base64Binary {
		return shown{}, refuse(problem.TokenEncoding, atToken)
	}
	maxBytes := MaxToken
	if valueType == pkiPath {
		maxBytes = MaxPathToken
	}
	data, err := dsig.DecodeBase64(nil, token, maxBytes, problem.TokenMalformed, atToken)
	if err != nil || valueType != pkiPath {
		return shown{octets: data, at: atToken}, err
	}
	path, err := pki.ReadPath(data)
	if err != nil {
		return shown{}, problem.From(err).In(atToken)
	}
	last := path[len(path)-1]
	return shown{last.Raw, last, path[:len(path)-1], atToken}, nil
}

// signerFromCertificate checks that the certificate matches the key reference and may sign now. It derives the identity
// only afterwards, so that an untrusted certificate gets the same answer whatever it contains.
func (v *Verifier) signer(presented shown, key *keyReference, now time.Time) (*signer, error) {
	cached := v.known.get(presented.octets)
	certificate := presented.parsed
	switch {
	case cached != nil:
		certificate = cached.certificate
	case certificate == nil:
		var err error
		if certificate, err = x509.ParseCertificate(presented.octets); err != nil {
			return nil, problem.Wrap(problem.TokenUnreadable, err).In(presented.at)
		}
	}
	if !key.names.Fits(certificate) {
		return nil, refuse(problem.KeyReferenceDisagrees, key.at)
	}
	if err := v.Trust.VerifyWith(presented.issuers, certificate, now); err != nil {
		return nil, placed(err, presented.at, now)
	}
	if cached != nil {
		return cached, nil
	}
	subject, err := pki.SubjectOf(certificate)
	if err != nil {
		return nil, placed(err, presented.at, now)
	}
	return &signer{certificate, subject}, nil
}

// authenticateRegistered verifies the signature with a registered certificate that the message only identifies.
//
// A sender without the private key always gets the same answer and thus cannot find out which certificates are
// registered. Therefore the signature is verified first, and only a holder of the key learns what is wrong with the
// certificate or what was changed after signing.
func (v *Verifier) proveRegistered(m *message, signature *dsig.Signature, now time.Time) (*signer, *dsig.Result, error) {
	certificate := v.Known.Find(&m.key.names, now)
	if certificate == nil {
		return nil, nil, refuse(problem.KeyUnregistered, m.key.at)
	}
	m.certificate = certificate.Raw
	result, refusal := signature.Verify(certificate.PublicKey)
	if refusal != nil && problem.From(refusal).Code != problem.DigestMismatch {
		return nil, nil, problem.Wrap(problem.KeyUnregistered, refusal).In(m.key.at)
	}
	authenticated, err := v.signer(shown{octets: certificate.Raw, parsed: certificate, at: m.key.at}, &m.key, now)
	if err != nil {
		return nil, nil, err
	}
	return authenticated, result, refusal
}

// withCertificatePath adds the path of the refused certificate, and the service time if validity or revocation is the
// reason.
func placed(err error, path string, now time.Time) error {
	e := problem.From(err)
	switch e.Code {
	case problem.CertExpired, problem.CertNotYetValid:
		e.Public += " - service time " + instant(now)
	case problem.CertRevoked, problem.CertRevocationUnknown:
		e.Public = "service time " + instant(now) // revocation information changes over time
	}
	return e.In(path)
}

// signerCache caches the parsed certificates of authenticated signers only, so that unauthenticated senders cannot
// evict them. Parsing costs a third of an RSA verification. The trust in a cached certificate is checked for each
// message.
//
// The cache has two generations: when the recent one is full it becomes the old one, and entries of the old one that
// are used again move to the recent one.
type signers struct {
	mu         sync.Mutex
	young, old map[string]*signer // keyed by the DER of the certificate
}

const signersPerGeneration = 1024

func (s *signers) get(der []byte) *signer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found, ok := s.young[string(der)]; ok {
		return found
	}
	return s.old[string(der)]
}

func (s *signers) keep(added *signer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.young[string(added.certificate.Raw)]; ok {
		return
	}
	if len(s.young) >= signersPerGeneration || s.young == nil {
		s.young, s.old = make(map[string]*signer), s.young
	}
	s.young[string(added.certificate.Raw)] = added
}
