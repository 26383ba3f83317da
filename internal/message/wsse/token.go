package wsse

import (
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

// signer reads the token and asks whether its certificate may sign now. The identity is read only after that, so that a
// stranger's certificate gets the same answer whatever it says.
func (v *Verifier) signer(token xmldoc.Element, now time.Time) (*signer, error) {
	if valueType, _ := token.Attr("", "ValueType"); valueType != x509v3 {
		return nil, refuse(problem.TokenUnsupported, atToken, "attribute ValueType")
	}
	if encoding, ok := token.Attr("", "EncodingType"); ok && encoding != base64Binary {
		return nil, refuse(problem.TokenEncoding, atToken)
	}
	octets, err := dsig.Base64(nil, token, MaxToken, problem.TokenMalformed, atToken)
	if err != nil {
		return nil, err
	}
	if who := v.known.get(octets); who != nil {
		if err = v.Trust.Verify(who.certificate, now); err != nil {
			return nil, placed(err, now)
		}
		return who, nil
	}
	certificate, err := x509.ParseCertificate(octets)
	if err != nil {
		return nil, problem.Wrap(problem.TokenUnreadable, err).In(atToken)
	}
	if err = v.Trust.Verify(certificate, now); err != nil {
		return nil, placed(err, now)
	}
	subject, err := pki.SubjectOf(certificate)
	if err != nil {
		return nil, placed(err, now)
	}
	return &signer{certificate, subject}, nil
}

// placed puts a refusal of the certificate at the token, and says the time where the certificate's validity is the reason.
func placed(err error, now time.Time) error {
	e := problem.From(err)
	if e.Code == problem.CertExpired || e.Code == problem.CertNotYetValid {
		e.Public += " - service time " + instant(now)
	}
	return e.In(atToken)
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
