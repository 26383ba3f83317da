// Package wsse proves who signed which element of a SOAP message, and signs the messages that we send.
//
// It is separate because its answer is the only way to a message's content: a Verified can be made only here, from an
// envelope whose Body, the very node, is covered by one signature of a trusted certificate, together with the Timestamp,
// the very node, that was found to be current. Whoever has a Verified needs to look nothing up again.
//
// Specifications: SOAP Message Security 1.1.1 (sections 5 header, 6 tokens, 7 references, 8 signatures, 10 timestamps)
// and X.509 Certificate Token Profile 1.1.1 (section 3), in the profile of the Belgian eHealth platform: an X.509v3
// BinarySecurityToken, a Timestamp and one Signature over Body, Timestamp and token. Other ways to show or name the
// signer's certificate are accepted where they leave no doubt which one it is.
//
// The cheapest refusals come first: the structure of the header, the algorithms and what is referred to, the clock, the
// certificate (whose path is cached), the signature, and only then what costs in proportion to the message.
package wsse

import (
	"crypto/sha256"
	"crypto/x509"
	"time"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// The profile's fixed terms.
const (
	// Skew is how far a message's Created may lie ahead of our clock.
	Skew = 60 * time.Second
	// Window is how long a message is good after its Created, whatever it says itself.
	Window = 5 * time.Minute
	// MaxToken bounds a token's octets. Certificates with RSA-4096 keys and a dozen extensions take 3 kB.
	MaxToken = 8 << 10
	// MaxPathToken bounds the octets of a token that holds a path of certificates.
	MaxPathToken = 16 << 10
)

// Names of the specifications.
const (
	extension = soap.NamespaceSecurity
	utility   = xmldoc.UtilityNamespace

	messageSecurity = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0"
	base64Binary    = messageSecurity + "#Base64Binary"
	tokenProfile    = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0"
	x509v3          = tokenProfile + "#X509v3"
	pkiPath         = tokenProfile + "#X509PKIPathv1"

	subjectKeyIdentifier = tokenProfile + "#X509SubjectKeyIdentifier"
	thumbprintSHA1       = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#ThumbprintSHA1"
	extension11          = "http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd"
)

// Where refusals are placed.
const (
	atSecurity  = "wsse:Security"
	atTimestamp = "wsu:Timestamp"
	atToken     = "wsse:BinarySecurityToken"
	atKeyInfo   = "ds:KeyInfo"
	atHolder    = atKeyInfo + "/wsse:SecurityTokenReference"
	atReference = atHolder + "/wsse:Reference"
	atSignature = "ds:Signature"
)

// Verifier verifies messages. Its fields are set once, before use; it is safe for concurrent use and must not be copied.
type Verifier struct {
	// Trust says which certificates may sign.
	Trust *pki.Trust
	// Known are the certificates that a message may name without showing them; nil means none.
	Known *pki.Directory
	// Now is the service's clock.
	Now func() time.Time
	// Strict demands that the signature covers the certificate too, as the platform asks and several toolkits cannot: the
	// token that holds it, or by an STR-Transform the one that is held or named elsewhere.
	Strict bool
	// AllowSHA1Until is the instant from which SHA-1 is refused; the zero time means always.
	AllowSHA1Until time.Time

	known signers
}

// Verified is a message of which is proved who signed it. Only Verify makes one.
type Verified struct {
	body           xmldoc.Element
	signer         pki.Subject
	certificate    *x509.Certificate
	created, until time.Time
	digest         [sha256.Size]byte
	key            [sha256.Size]byte
}

// Body returns the signed message: the one child of the Body that the signature covers.
func (v *Verified) Body() xmldoc.Element { return v.body }

// Signer returns who signed.
func (v *Verified) Signer() pki.Subject { return v.signer }

// Certificate returns the certificate of the key that signed.
func (v *Verified) Certificate() *x509.Certificate { return v.certificate }

// Created returns the signed instant at which the message was made, in UTC.
func (v *Verified) Created() time.Time { return v.created }

// Until returns the last instant at which the message is good, in UTC. A mark against replay must be kept up to and
// including it.
func (v *Verified) Until() time.Time { return v.until }

// Digest returns the SHA-256 of the signed Body element in its exclusive canonical form.
func (v *Verified) Digest() [sha256.Size]byte { return v.digest }

// MessageKey names the signed message: a second message with this key is a replay of the first, however it was written
// anew around what was signed.
func (v *Verified) MessageKey() [sha256.Size]byte { return v.key }

// Verify proves an envelope, or says why it cannot. Refusals are of kind Unauthenticated.
//
// It does not refuse replays: whoever keeps the message's effects keeps its MessageKey with them, in one transaction.
func (v *Verifier) Verify(envelope *soap.Envelope) (*Verified, error) {
	now := v.Now().UTC()
	m, err := readMessage(envelope)
	if err != nil {
		return nil, err
	}
	signature, err := dsig.Open(m.signature, dsig.Policy{AllowSHA1: now.Before(v.AllowSHA1Until)}, m)
	if err != nil {
		return nil, err
	}
	if err = m.coverage(signature).check(v.Strict); err != nil {
		return nil, err
	}
	if m.keyRefusal != nil {
		return nil, m.keyRefusal
	}
	created, until, err := readTimestamp(m.timestamp)
	if err != nil {
		return nil, err
	}
	if err = checkClock(created, until, now); err != nil {
		return nil, err
	}
	who, result, err := v.prove(m, signature, now)
	if err != nil {
		return nil, err
	}
	v.known.keep(who)
	return &Verified{
		body:        m.body.FirstChild(),
		signer:      who.subject,
		certificate: who.certificate,
		created:     created,
		until:       until,
		digest:      digestOf(signature, m.body),
		key:         messageKey(result.SignedInfo, who.subject),
	}, nil
}

// digestOf takes the digest from the signature if it states it in this form, as it does unless there is a PrefixList.
func digestOf(signature *dsig.Signature, body xmldoc.Element) [sha256.Size]byte {
	if sum, ok := signature.PlainDigest(body); ok {
		return sum
	}
	return sha256.Sum256(xmldoc.C14N{Exclusive: true}.Append(nil, body))
}

// messageKey binds what was signed to who signed it. The subject and not the certificate: a renewal is the same signer.
func messageKey(signedInfo [sha256.Size]byte, signer pki.Subject) [sha256.Size]byte {
	return sha256.Sum256(append(signedInfo[:], signer.String()...))
}

// instant writes a time for a fault.
func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func refuse(code problem.Code, at string, public ...string) error {
	return problem.New(code, public...).In(at)
}
