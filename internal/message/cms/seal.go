package cms

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Sealer seals messages in the platform's profile.
type Sealer struct {
	Key        *x509id.Key         // the sender's authentication key, RSA
	Recipients []*x509.Certificate // encryption certificates; the sender's own among them, or they cannot read the message
	KEKs       []KeyEncryptionKey  // of AES-128
	Random     io.Reader
}

var errContentLength = errors.New("cms: the content does not have the length that was said")

// SealMessage writes content, of which the length must be known, as a sealed message. It reads it once and keeps
// nothing of it. After an error, what was written is worthless.
func (s *Sealer) SealMessage(w io.Writer, content io.Reader, length int64, at time.Time) error {
	private, ok := s.Key.Signer.(*rsa.PrivateKey)
	if !ok || !x509id.IsRSASizeAllowed(&private.PublicKey) {
		return problem.New(KeyUnfit, texts.Literal("the sender signs with another key"))
	}
	if len(s.Recipients)+len(s.KEKs) == 0 || len(s.Recipients)+len(s.KEKs) > maxRecipients {
		return problem.New(KeyUnfit, problem.DetailAtMost.With(maxRecipients))
	}
	signer := messageSigner{key: private, random: s.Random, at: at}
	var err error
	if signer.name, err = encodeCertificateName(s.Key.Certificate); err != nil {
		return err
	}
	encrypter, err := s.newEncrypter()
	if err != nil {
		return err
	}
	inner := newSigningWriter(&signer, nil, length)
	chain := append([]*x509.Certificate{s.Key.Certificate}, s.Key.Chain...)
	outer := newSigningWriter(&signer, chain, encrypter.measure(inner.measure()))
	for _, layer := range []func() error{
		func() error { return outer.begin(w) },
		func() error { return encrypter.begin(outer, inner.measure()) },
		func() error { return inner.begin(encrypter) },
		func() error { return copyExactly(inner, content, length) },
		inner.end, encrypter.end, outer.end,
	} {
		if err := layer(); err != nil {
			return err
		}
	}
	return nil
}

func copyExactly(w io.Writer, from io.Reader, length int64) error {
	n, err := io.Copy(w, io.LimitReader(from, length+1))
	switch {
	case err != nil:
		return fmt.Errorf("cms: %w", err)
	case n != length:
		return errContentLength
	}
	return nil
}

// messageSigner makes the SignerInfo of both layers.
type messageSigner struct {
	key    *rsa.PrivateKey
	name   []byte // IssuerAndSerialNumber
	random io.Reader
	at     time.Time
}

// sign returns the SignerInfo over a content with a digest.
func (m *messageSigner) sign(digest []byte) ([]byte, error) {
	attributes := [][]byte{
		encodeAttribute(oidContentType, mustEncode(oidData)),
		encodeAttribute(oidSigningTime, mustEncode(m.at.UTC())),
		encodeAttribute(oidMessageDigest, encodeTLV(derOctetString, digest)),
	}
	set := encodeSetOf(derSet, attributes...)
	signed := sha256.Sum256(set)
	options := &rsa.PSSOptions{SaltLength: sha256.Size, Hash: crypto.SHA256}
	signature, err := rsa.SignPSS(m.random, m.key, crypto.SHA256, signed[:], options)
	if err != nil {
		return nil, fmt.Errorf("cms: signing: %w", err)
	}
	set[0] = derExplicit0 // [0] IMPLICIT
	return m.encode(set, encodePSS(), signature), nil
}

func (m *messageSigner) encode(attributes, algorithm, signature []byte) []byte {
	return encodeTLV(derSequence, encodeVersion(1), m.name, encodeAlgorithm(oidSHA256, encodedNull), attributes,
		algorithm, encodeTLV(derOctetString, signature))
}

// measure returns the length of a SignerInfo, which does not depend on the content.
func (m *messageSigner) measure() int {
	attributes := encodeSetOf(derSet,
		encodeAttribute(oidContentType, mustEncode(oidData)),
		encodeAttribute(oidSigningTime, mustEncode(m.at.UTC())),
		encodeAttribute(oidMessageDigest, encodeTLV(derOctetString, make([]byte, sha256.Size))),
	)
	return len(m.encode(attributes, encodePSS(), make([]byte, m.key.Size())))
}

func encodeAttribute(id asn1.ObjectIdentifier, value []byte) []byte {
	return encodeTLV(derSequence, mustEncode(id), encodeTLV(derSet, value))
}

// signingWriter writes a SignedData around what is written to it.
type signingWriter struct {
	signer       *messageSigner
	certificates []byte
	header       []byte
	length       int64 // of the content
	signerBytes  int
	digest       hash.Hash
	to           io.Writer
}

func newSigningWriter(signer *messageSigner, certificates []*x509.Certificate, length int64) *signingWriter {
	s := &signingWriter{
		signer: signer, certificates: encodeCertificates(certificates), length: length, digest: sha256.New(),
		signerBytes: signer.measure(),
	}
	s.header = encodeLayers(length, signedLayers(s.trailerBytes())...)
	return s
}

// signedLayers are the elements around the content of a SignedData with SHA-256.
func signedLayers(trailerBytes int) []layer {
	return []layer{
		{derSequence, mustEncode(oidSignedData), 0},
		{derExplicit0, nil, 0},
		{derSequence, append(encodeVersion(1), encodeTLV(derSet, encodeAlgorithm(oidSHA256, encodedNull))...), trailerBytes},
		{derSequence, mustEncode(oidData), 0},
		{derExplicit0, nil, 0},
		{derOctetString, nil, 0},
	}
}

func (s *signingWriter) trailerBytes() int {
	return len(s.certificates) + len(encodeHeader(derSet, int64(s.signerBytes))) + s.signerBytes
}

// measure returns the length of the whole SignedData.
func (s *signingWriter) measure() int64 {
	return int64(len(s.header)) + s.length + int64(s.trailerBytes())
}

func (s *signingWriter) begin(to io.Writer) error {
	s.to = to
	return writeAll(to, s.header)
}

// Write implements io.Writer.
func (s *signingWriter) Write(p []byte) (int, error) {
	s.digest.Write(p)
	n, err := s.to.Write(p)
	return n, wrapWriting(err)
}

func (s *signingWriter) end() error {
	signer, err := s.signer.sign(s.digest.Sum(nil))
	if err != nil {
		return err
	}
	return writeAll(s.to, append(bytes.Clone(s.certificates), encodeTLV(derSet, signer)...))
}

// encrypter writes an EnvelopedData around what is written to it.
type encrypter struct {
	recipients []byte
	version    byte
	iv         []byte
	mode       cipher.BlockMode
	to         io.Writer
	buffer     []byte
}

// encryptedChunk is how many bytes are encrypted at a time.
const encryptedChunk = 32 << 10

func (s *Sealer) newEncrypter() (*encrypter, error) {
	secret := make([]byte, 2*aes.BlockSize)
	if _, err := io.ReadFull(s.Random, secret); err != nil {
		return nil, fmt.Errorf("cms: randomness: %w", err)
	}
	key, iv := secret[:aes.BlockSize], secret[aes.BlockSize:]
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("cms: %w", err)
	}
	e := &encrypter{
		iv: iv, mode: cipher.NewCBCEncrypter(block, iv), buffer: make([]byte, 0, encryptedChunk+aes.BlockSize),
	}
	var all [][]byte
	for _, c := range s.Recipients {
		known, err := s.encodeKnown(c, key)
		if err != nil {
			return nil, err
		}
		all = append(all, known)
	}
	for _, kek := range s.KEKs {
		e.version = 2 // RFC 5652 section 6.1
		block, err := aes.NewCipher(kek.Key)
		if err != nil || len(kek.Key) != 16 || len(kek.ID) == 0 {
			return nil, problem.New(KeyUnfit, texts.Literal("a key encryption key has 16 bytes, and an identifier"))
		}
		all = append(all, encodeTLV(derExplicit0+2, encodeVersion(4), encodeTLV(derSequence,
			encodeTLV(derOctetString, kek.ID)), encodeAlgorithm(oidAES128Wrap), encodeTLV(derOctetString, wrapKey(block, key))))
	}
	e.recipients = encodeSetOf(derSet, all...)
	return e, nil
}

// encodeKnown encodes the KeyTransRecipientInfo of an encryption certificate.
func (s *Sealer) encodeKnown(c *x509.Certificate, key []byte) ([]byte, error) {
	public, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok || !x509id.IsRSASizeAllowed(public) {
		return nil, problem.New(KeyUnfit, texts.Literal("a recipient has another key"))
	}
	//nolint:staticcheck // what the platform reads; see decision 0058
	encrypted, err := rsa.EncryptPKCS1v15(s.Random, public, key)
	if err != nil {
		return nil, fmt.Errorf("cms: encrypting a key: %w", err)
	}
	name, err := encodeCertificateName(c)
	if err != nil {
		return nil, err
	}
	return encodeTLV(derSequence, encodeVersion(0), name, encodeAlgorithm(oidRSA, encodedNull),
		encodeTLV(derOctetString, encrypted)), nil
}

// layers are the elements around the ciphertext.
func (e *encrypter) layers() []layer {
	algorithm := encodeAlgorithm(oidAES128CBC, encodeTLV(derOctetString, e.iv))
	return []layer{
		{derSequence, mustEncode(oidEnvelopedData), 0},
		{derExplicit0, nil, 0},
		{derSequence, append(encodeVersion(e.version), e.recipients...), 0},
		{derSequence, append(mustEncode(oidData), algorithm...), 0},
		{derImplicit0, nil, 0},
	}
}

func padLength(length int64) int64 { return length + aes.BlockSize - length%aes.BlockSize }

// measure returns the length of the whole EnvelopedData around a content.
func (e *encrypter) measure(length int64) int64 {
	padded := padLength(length)
	return int64(len(encodeLayers(padded, e.layers()...))) + padded
}

func (e *encrypter) begin(to io.Writer, length int64) error {
	e.to = to
	return writeAll(to, encodeLayers(padLength(length), e.layers()...))
}

// Write implements io.Writer.
func (e *encrypter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), encryptedChunk-len(e.buffer))
		e.buffer, rest = append(e.buffer, rest[:n]...), rest[n:]
		if len(e.buffer) == encryptedChunk {
			if err := e.flush(); err != nil {
				return 0, err
			}
		}
	}
	return len(p), nil
}

func (e *encrypter) flush() error {
	e.mode.CryptBlocks(e.buffer, e.buffer)
	err := writeAll(e.to, e.buffer)
	e.buffer = e.buffer[:0]
	return err
}

func (e *encrypter) end() error {
	padding := aes.BlockSize - len(e.buffer)%aes.BlockSize
	e.buffer = append(e.buffer, bytes.Repeat([]byte{byte(padding)}, padding)...)
	return e.flush()
}

func writeAll(w io.Writer, data []byte) error {
	_, err := w.Write(data)
	return wrapWriting(err)
}

func wrapWriting(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cms: %w", err)
}

// SignToken returns an encryption token: the encryption certificate, countersigned with the depot's RSA key, with the
// certificates of the depot and the holder and their issuers. As the platform's, it has no signed attributes.
func SignToken(depot *x509id.Key, certificate *x509.Certificate, holder []*x509.Certificate, random io.Reader) (
	[]byte, error,
) {
	private, ok := depot.Signer.(*rsa.PrivateKey)
	if !ok {
		return nil, problem.New(KeyUnfit, texts.Literal("the depot signs with another key"))
	}
	digest := sha256.Sum256(certificate.Raw)
	signature, err := rsa.SignPKCS1v15(random, private, crypto.SHA256, digest[:])
	if err != nil {
		return nil, fmt.Errorf("cms: signing: %w", err)
	}
	signer := messageSigner{}
	if signer.name, err = encodeCertificateName(depot.Certificate); err != nil {
		return nil, err
	}
	trailer := append(encodeCertificates(append([]*x509.Certificate{depot.Certificate}, holder...)),
		encodeTLV(derSet, signer.encode(nil, encodeAlgorithm(oidRSA, encodedNull), signature))...)
	token := encodeLayers(int64(len(certificate.Raw)), signedLayers(len(trailer))...)
	return append(append(token, certificate.Raw...), trailer...), nil
}
