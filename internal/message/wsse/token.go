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

// signer is a certificate with the identity that it names.
type signer struct {
	certificate *x509.Certificate
	subject     pki.Subject
}

// shown is the certificate that a message shows.
type shown struct {
	octets  []byte
	parsed  *x509.Certificate   // if it had to be parsed to be found
	issuers []*x509.Certificate // the others of its path
	at      string
}

// prove verifies the signature with the certificate that the message shows, or else with the registered one that it names.
func (v *Verifier) prove(m *message, signature *dsig.Signature, now time.Time) (*signer, *dsig.Result, error) {
	certificate, err := m.shown()
	if err != nil {
		return nil, nil, err
	}
	if certificate.octets == nil {
		return v.proveRegistered(m, signature, now)
	}
	who, err := v.signer(certificate, &m.key, now)
	if err != nil {
		return nil, nil, err
	}
	m.certificate = who.certificate.Raw
	result, err := signature.Verify(who.certificate.PublicKey)
	return who, result, err
}

// shown returns the certificate that stands in the message: in the token, in the key reference, or in both, and then it
// must be the same.
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
	octets, err := dsig.Base64(nil, m.key.embedded, MaxToken, problem.TokenMalformed, m.key.at)
	switch {
	case err != nil:
		return shown{}, err
	case found.octets == nil:
		return shown{octets: octets, at: m.key.at}, nil
	case !bytes.Equal(found.octets, octets):
		return shown{}, refuse(problem.KeyReferenceDisagrees, m.key.at)
	}
	return found, nil
}

// readToken reads a BinarySecurityToken: a certificate, or a path of which the last one counts (X.509 Certificate Token
// Profile section 3.1).
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
	most := MaxToken
	if valueType == pkiPath {
		most = MaxPathToken
	}
	octets, err := dsig.Base64(nil, token, most, problem.TokenMalformed, atToken)
	if err != nil || valueType != pkiPath {
		return shown{octets: octets, at: atToken}, err
	}
	path, err := pki.ReadPath(octets)
	if err != nil {
		return shown{}, problem.From(err).In(atToken)
	}
	last := path[len(path)-1]
	return shown{last.Raw, last, path[:len(path)-1], atToken}, nil
}

// signer asks whether a certificate is the one that is meant, and may sign now. The identity is read only after that, so
// that a stranger's certificate gets the same answer whatever it says.
func (v *Verifier) signer(s shown, key *keyReference, now time.Time) (*signer, error) {
	who := v.known.get(s.octets)
	certificate := s.parsed
	switch {
	case who != nil:
		certificate = who.certificate
	case certificate == nil:
		var err error
		if certificate, err = x509.ParseCertificate(s.octets); err != nil {
			return nil, problem.Wrap(problem.TokenUnreadable, err).In(s.at)
		}
	}
	if !key.names.Fits(certificate) {
		return nil, refuse(problem.KeyReferenceDisagrees, key.at)
	}
	if err := v.Trust.VerifyWith(s.issuers, certificate, now); err != nil {
		return nil, placed(err, s.at, now)
	}
	if who != nil {
		return who, nil
	}
	subject, err := pki.SubjectOf(certificate)
	if err != nil {
		return nil, placed(err, s.at, now)
	}
	return &signer{certificate, subject}, nil
}

// proveRegistered verifies the signature with the certificate that the message only names.
//
// Whoever does not hold the key of a registered certificate gets one answer, so that he cannot ask us which certificates
// those are. That is why the signature comes first here, and why only a holder of the key is told what is wrong with his
// certificate or what he changed after signing.
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
	who, err := v.signer(shown{octets: certificate.Raw, parsed: certificate, at: m.key.at}, &m.key, now)
	if err != nil {
		return nil, nil, err
	}
	return who, result, refusal
}

// placed says where the certificate is that was refused, and the time where its validity or revocation is the reason.
func placed(err error, at string, now time.Time) error {
	e := problem.From(err)
	switch e.Code {
	case problem.CertExpired, problem.CertNotYetValid:
		e.Public += " - service time " + instant(now)
	case problem.CertRevoked, problem.CertRevocationUnknown:
		e.Public = "service time " + instant(now) // what is known changes with it
	}
	return e.In(at)
}

// signers keeps the parsed certificates of those whose messages were proved, so that strangers cannot push them out.
// Parsing takes a third of the time of an RSA verification. Whether a certificate is still trusted is asked each time.
//
// There are two generations: when the young one is full it becomes the old one, and what is used of that returns.
type signers struct {
	mu         sync.Mutex
	young, old map[string]*signer // by the whole certificate
}

const signersPerGeneration = 1024

func (s *signers) get(octets []byte) *signer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if who, ok := s.young[string(octets)]; ok {
		return who
	}
	return s.old[string(octets)]
}

func (s *signers) keep(who *signer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.young[string(who.certificate.Raw)]; ok {
		return
	}
	if len(s.young) >= signersPerGeneration || s.young == nil {
		s.young, s.old = make(map[string]*signer), s.young
	}
	s.young[string(who.certificate.Raw)] = who
}
