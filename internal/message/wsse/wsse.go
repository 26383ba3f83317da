// Package wsse authenticates the signer of a SOAP message and signs outgoing messages.
//
// It is a package of its own because Verify is the only way to the content of a message: only Verify creates a
// Verified, from an envelope in which one signature of a trusted certificate covers exactly the Body node and the
// Timestamp node that were checked. Code with a Verified never looks up an element by its identifier again.
//
// Specifications: SOAP Message Security 1.1.1 (sections 5 header, 6 tokens, 7 references, 8 signatures, 10 timestamps)
// and X.509 Certificate Token Profile 1.1.1 (section 3), in the profile of the Belgian eHealth platform: an X.509v3
// BinarySecurityToken, a Timestamp and one Signature over Body, Timestamp and token. Other forms of containing or
// identifying the signer's certificate are accepted if they are unambiguous.
//
// The cheapest checks come first: the structure of the header, the algorithms and references, the clock, the
// certificate (with a cached path), the signature value, and last the work proportional to the size of the message.
package wsse

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"time"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Fixed parameters of the profile.
const (
	// Skew is the maximum time by which Created may be ahead of the service's clock.
	Skew = 60 * time.Second
	// Window is the maximum validity of a message after its Created, whatever its Expires.
	Window = 5 * time.Minute
	// MaxToken bounds the bytes of a token. Certificates with RSA-4096 keys and a dozen extensions take 3 kB.
	MaxToken = 8 << 10
	// MaxPathToken bounds the bytes of a token that contains a certificate path.
	MaxPathToken = 16 << 10
)

// Names from the specifications.
const (
	namespaceWSSE = soap.NamespaceSecurity
	namespaceWSU  = xmldoc.UtilityNamespace

	messageSecurity      = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0"
	encodingBase64Binary = messageSecurity + "#Base64Binary"
	tokenProfile         = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0"
	tokenTypeX509v3      = tokenProfile + "#X509v3"
	tokenTypePKIPath     = tokenProfile + "#X509PKIPathv1"

	valueTypeSubjectKeyIdentifier = tokenProfile + "#X509SubjectKeyIdentifier"
	valueTypeThumbprintSHA1       = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#ThumbprintSHA1"
	namespaceWSSE11               = "http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd"
)

// Paths in refusals.
const (
	securityPath        = "wsse:Security"
	timestampPath       = "wsu:Timestamp"
	tokenPath           = "wsse:BinarySecurityToken"
	keyInfoPath         = "ds:KeyInfo"
	tokenReferencePath  = keyInfoPath + "/wsse:SecurityTokenReference"
	directReferencePath = tokenReferencePath + "/wsse:Reference"
	signaturePath       = "ds:Signature"
)

// Verifier verifies messages. Set its fields before use; it is safe for concurrent use and must not be copied.
type Verifier struct {
	// Trust holds the trust anchors and the revocation status.
	Trust *x509id.TrustStore
	// Registered holds the certificates that a message may identify instead of containing them; nil means none.
	Registered *x509id.Directory
	// Now is the clock of the service.
	Now func() time.Time
	// Strict requires that the signature also covers the certificate, as the platform requests and several toolkits
	// cannot do: its token, or by an STR-Transform a certificate that is elsewhere in the message or registered.
	Strict bool
	// AllowSHA1Until is the instant from which SHA-1 is refused; if zero, SHA-1 is always refused.
	AllowSHA1Until time.Time

	signerCache signerCache
	waiters     statusWaiters
}

// Verified is a message whose signer has been authenticated. Only Verify creates one.
type Verified struct {
	body                xmldoc.Element
	signer              x509id.Subject
	certificate         *x509.Certificate
	created, validUntil time.Time
	digest              [sha256.Size]byte
	replayKey           [sha256.Size]byte
}

// Body returns the signed content: the only child of the Body that the signature covers.
func (v *Verified) Body() xmldoc.Element { return v.body }

// Signer returns the identity of the signer.
func (v *Verified) Signer() x509id.Subject { return v.signer }

// Certificate returns the certificate of the signing key.
func (v *Verified) Certificate() *x509.Certificate { return v.certificate }

// Created returns the signed creation time, in UTC.
func (v *Verified) Created() time.Time { return v.created }

// ValidUntil returns the last instant at which the message is valid, in UTC. Its replay key must be stored up to and
// including that instant.
func (v *Verified) ValidUntil() time.Time { return v.validUntil }

// Digest returns the SHA-256 of the exclusive canonical form of the signed Body element.
func (v *Verified) Digest() [sha256.Size]byte { return v.digest }

// ReplayKey identifies the signed message: a second message with this key is a replay of the first, however the
// unsigned parts around it differ.
func (v *Verified) ReplayKey() [sha256.Size]byte { return v.replayKey }

// Verify authenticates the signer of an envelope. Refusals are of the kind Unauthenticated.
//
// It does not detect replays: the code that stores the effects of the message must store its ReplayKey in the same
// transaction.
func (v *Verifier) Verify(envelope *soap.Envelope) (*Verified, error) {
	verified, open, err := v.verifyEnvelope(envelope)
	if err == nil {
		err = open.refusal
	}
	if err != nil {
		return nil, err
	}
	return verified, nil
}

// VerifyAndWait is Verify, but waits for at most MaxStatusWait while an authority is being asked about a certificate
// that was not seen before. It waits only for a message whose signature is good, and calls beforeWait first, so that
// the caller can give back what others need meanwhile.
func (v *Verifier) VerifyAndWait(ctx context.Context, envelope *soap.Envelope, beforeWait func()) (*Verified, error) {
	verified, open, err := v.verifyEnvelope(envelope)
	if err != nil {
		return nil, err
	}
	if open.pending != nil {
		beforeWait()
		if open.refusal = v.awaitStatus(ctx, &open); open.refusal == nil {
			// Time has passed, and the replay key is stored until ValidUntil only.
			open.refusal = checkClock(verified.created, verified.validUntil, v.Now().UTC())
		}
	}
	if open.refusal != nil {
		return nil, open.refusal
	}
	return verified, nil
}

// verifyEnvelope verifies everything but the revocation status that an authority is being asked about.
func (v *Verifier) verifyEnvelope(envelope *soap.Envelope) (*Verified, openStatus, error) {
	now := v.Now().UTC()
	m, err := readMessage(envelope)
	if err != nil {
		return nil, openStatus{}, err
	}
	signature, err := dsig.Parse(m.signature, dsig.Policy{AllowSHA1: now.Before(v.AllowSHA1Until)}, m)
	if err != nil {
		return nil, openStatus{}, err
	}
	if err = m.determineCoverage(signature).checkRequired(v.Strict); err != nil {
		return nil, openStatus{}, err
	}
	if m.keyRefusal != nil {
		return nil, openStatus{}, m.keyRefusal
	}
	if err = m.checkSingleReading(signature); err != nil {
		return nil, openStatus{}, err
	}
	created, until, err := readTimestamp(m.timestamp)
	if err != nil {
		return nil, openStatus{}, err
	}
	if err = checkClock(created, until, now); err != nil {
		return nil, openStatus{}, err
	}
	authenticated, result, err := v.authenticateSigner(m, signature, now)
	if err != nil {
		return nil, openStatus{}, err
	}
	v.signerCache.addSigner(authenticated.signer)
	return &Verified{
		body:        m.body.FirstChild(),
		signer:      authenticated.subject,
		certificate: authenticated.certificate,
		created:     created,
		validUntil:  until,
		digest:      computeBodyDigest(signature, m.body),
		replayKey:   computeReplayKey(result.SignedInfoDigest, authenticated.subject),
	}, authenticated.status, nil
}

// computeBodyDigest takes the digest from the signature if it has one in this form, which only a PrefixList prevents.
func computeBodyDigest(signature *dsig.Signature, body xmldoc.Element) [sha256.Size]byte {
	if sum, ok := signature.PlainSHA256(body); ok {
		return sum
	}
	return sha256.Sum256(xmldoc.C14N{Exclusive: true}.Append(nil, body))
}

// computeReplayKey combines what was signed with the signer. It uses the subject, not the certificate, because a
// renewed certificate is the same signer.
func computeReplayKey(signedInfo [sha256.Size]byte, signer x509id.Subject) [sha256.Size]byte {
	return sha256.Sum256(append(signedInfo[:], signer.String()...))
}

// formatInstant formats a time for a fault.
func formatInstant(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func newRefusal(code problem.Code, path string, detail ...texts.Text) error {
	return problem.New(code, detail...).WithPath(path)
}
