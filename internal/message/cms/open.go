package cms

import (
	"crypto/x509"
	"io"
	"time"

	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Opener opens sealed messages.
type Opener struct {
	Keys   []*x509id.Key // decryption keys, old ones too; those that are not RSA are passed over
	KEKs   []KeyEncryptionKey
	Trust  *x509id.TrustStore // decides whether a sender can be believed
	Random io.Reader
}

// OpenMessage verifies and decrypts a sealed message. It works in place: the content is a part of sealed, which cannot
// be used again. An error means that there is no content; what else is wrong is in the findings.
func (o *Opener) OpenMessage(sealed []byte, now time.Time) (*Opened, error) {
	if len(sealed) > MaxBytes {
		return nil, problem.New(TooLarge, problem.DetailAtMostBytes.With(MaxBytes))
	}
	outer, err := parseSignedData(sealed, "the outer signature")
	if err != nil {
		return nil, err
	}
	signer := outer.findSigner()
	if signer == nil {
		return nil, problem.New(SignerMissing)
	}
	if !outer.verify(signer) {
		return nil, problem.New(SignatureInvalid)
	}
	encrypted, err := parseEnvelopedData(outer.content)
	if err != nil {
		return nil, err
	}
	r, err := o.findRecipient(encrypted.recipients)
	if err != nil {
		return nil, err
	}
	plaintext, isRight, err := encrypted.decrypt(r, o.Random)
	if err != nil {
		return nil, err
	}
	inner := openInner(plaintext, isRight, signer)
	if inner == nil {
		return nil, problem.New(NotOpened)
	}
	opened := &Opened{Content: inner.content, Signer: signer, SigningTime: outer.signer.signingTime}
	o.assessSigner(opened, outer, now)
	opened.assessProfile(outer, encrypted, r, inner)
	return opened, nil
}

// openInner returns the inner SignedData, or nil: because of the key, the padding, the structure, the algorithms, the
// signer or the signature. The caller must not tell one from another, because the sender may be an attacker who signs
// somebody else's ciphertext with changes.
func openInner(plaintext []byte, isRight int, signer *x509.Certificate) *signedData {
	inner, err := parseSignedData(plaintext, "")
	if err != nil || isRight != 1 || !inner.signer.name.matches(signer) || !inner.verify(signer) {
		return nil
	}
	return inner
}

// assessSigner says whether the signer can be believed. Their certificate is checked at the time that they state, as
// the platform does it; that time counts only if it is not in the future.
func (o *Opener) assessSigner(opened *Opened, outer *signedData, now time.Time) {
	at, stated := now, opened.SigningTime
	switch {
	case stated.IsZero():
		opened.addWarning(TimeMissing)
	case stated.After(now.Add(ClockSkew)):
		opened.addRefusal(problem.New(TimeInFuture, texts.Literal(stated.UTC().Format(time.RFC3339))))
	case stated.Before(now):
		at = stated
	}
	if err := o.Trust.VerifyWithIssuers(outer.certificates, opened.Signer, at); err != nil {
		opened.addRefusal(err)
	} else if now.After(opened.Signer.NotAfter) {
		opened.addWarning(ExpiredSince, texts.Literal(opened.Signer.NotAfter.UTC().Format(time.RFC3339)))
	}
}

// assessProfile says what the platform would not have written, and may not read.
func (o *Opened) assessProfile(outer *signedData, encrypted *envelopedData, r recipient, inner *signedData) {
	warn := func(what string) { o.addWarning(OtherProfile, texts.Literal(what)) }
	for _, s := range []*signedData{outer, inner} {
		if !s.signer.algorithm.isProfile() {
			warn(s.signer.algorithm.String())
		}
		if s.signer.name.keyID != nil {
			warn("a signer named by key identifier")
		}
	}
	if !encrypted.cipher.id.Equal(oidAES128CBC) {
		warn("AES with a key longer than 128 bits")
	}
	if !r.algorithm.id.Equal(oidRSA) && !r.algorithm.id.Equal(oidAES128Wrap) {
		warn("a content key encrypted with " + r.algorithm.id.String())
	}
}
