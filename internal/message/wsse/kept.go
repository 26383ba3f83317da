package wsse

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
)

// KeptMessage is the content of a message that was verified and stored earlier.
type KeptMessage struct {
	Body   xmldoc.Element // the only child of the Body
	Signer x509id.Subject
	Digest [sha256.Size]byte // as Verified.Digest
}

// VerifyKept verifies again that the key of a certificate signed the Body and the Timestamp of a stored message. It
// checks nothing that depends on the time or on what the service trusts: that was decided when the message was
// accepted, and a certificate expires. It is no way to accept a message.
func VerifyKept(envelope *soap.Envelope, certificate *x509.Certificate) (*KeptMessage, error) {
	m, err := readMessage(envelope)
	if err != nil {
		return nil, err
	}
	signature, err := dsig.Parse(m.signature, dsig.Policy{AllowSHA1: true}, m)
	if err != nil {
		return nil, err
	}
	if err = m.determineCoverage(signature).checkRequired(false); err != nil {
		return nil, err
	}
	if m.keyRefusal != nil {
		return nil, m.keyRefusal
	}
	presented, err := m.readPresentedCertificate()
	if err != nil {
		return nil, err
	}
	if presented.der != nil && !bytes.Equal(presented.der, certificate.Raw) || !m.key.selector.Matches(certificate) {
		return nil, newRefusal(KeyReferenceDisagrees, m.key.path)
	}
	m.certificate = certificate.Raw
	if _, err = signature.Verify(certificate.PublicKey); err != nil {
		return nil, err
	}
	subject, err := x509id.SubjectFromCertificate(certificate)
	if err != nil {
		return nil, err
	}
	return &KeptMessage{m.body.FirstChild(), subject, computeBodyDigest(signature, m.body)}, nil
}
