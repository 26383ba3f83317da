package p12

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // local key IDs are SHA-1 thumbprints by convention; nothing depends on them
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf16"

	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/openctr/ctr/internal/message/x509id"
)

// EncodeKeys returns keys with their certificates as one PKCS #12 file, in the form of the platform's stores: one entry
// per key under its Name, the same password for all. The library can neither write two keys nor name them.
//
// The encryption is that of OpenSSL 3 and Java 20: PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC, and a MAC with
// SHA-256.
func EncodeKeys(keys []*x509id.Key, password string, iterations int, random io.Reader) ([]byte, error) {
	secret, ok := encodeBMPPassword(password)
	if !ok {
		return nil, errors.New("p12: the password has a character outside the Basic Multilingual Plane")
	}
	if len(keys) == 0 {
		return nil, errors.New("p12: there is no key to write")
	}
	if iterations < 1 || iterations > maxIterations {
		return nil, fmt.Errorf("p12: %d iterations are not within 1 and %d", iterations, maxIterations)
	}
	s := pbes2Encrypter{password: password, iterations: iterations, random: random}
	var keyBags, certificateBags []derElement
	written := make(map[string]bool)
	for _, key := range keys {
		attributes := newEntryAttributes(key)
		bag, err := s.newShroudedKeyBag(key, attributes)
		if err != nil {
			return nil, err
		}
		keyBags = append(keyBags, bag)
		certificateBags = append(certificateBags, newCertificateBag(key.Certificate, attributes))
		for _, issuer := range key.Chain {
			if !written[string(issuer.Raw)] {
				written[string(issuer.Raw)] = true
				certificateBags = append(certificateBags, newCertificateBag(issuer))
			}
		}
	}
	safe, err := s.newEncryptedSafe(certificateBags)
	if err != nil {
		return nil, err
	}
	salt, err := s.readRandom(saltBytes)
	if err != nil {
		return nil, err
	}
	return encodeStore(secret, salt, iterations, newClearContent(keyBags...), safe)
}

const saltBytes = 16

// pbes2Encrypter encrypts with PBES2 under one password.
type pbes2Encrypter struct {
	password   string
	iterations int
	random     io.Reader
}

func (s pbes2Encrypter) readRandom(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.random, b); err != nil {
		return nil, fmt.Errorf("p12: reading randomness: %w", err)
	}
	return b, nil
}

// encryptBytes returns the AlgorithmIdentifier and the ciphertext (RFC 8018 §6.2.1).
func (s pbes2Encrypter) encryptBytes(plaintext []byte) (algorithm derElement, ciphertext []byte, err error) {
	salt, err := s.readRandom(saltBytes)
	if err != nil {
		return nil, nil, err
	}
	iv, err := s.readRandom(aes.BlockSize)
	if err != nil {
		return nil, nil, err
	}
	key, err := pbkdf2.Key(sha256.New, s.password, salt, s.iterations, 32)
	if err != nil {
		return nil, nil, fmt.Errorf("p12: deriving a key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, nil, fmt.Errorf("p12: encrypting: %w", err)
	}
	padding := aes.BlockSize - len(plaintext)%aes.BlockSize
	ciphertext = append(slices.Clone(plaintext), bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(ciphertext, ciphertext)
	algorithm = derSequence(derOID(oidPBES2), derSequence(
		derSequence(
			derOID(oidPBKDF2),
			derSequence(derOctetString(salt), derInteger(s.iterations), derSequence(derOID(oidHMACWithSHA256), derNull)),
		),
		derSequence(derOID(oidAES256CBC), derOctetString(iv)),
	))
	return algorithm, ciphertext, nil
}

// newShroudedKeyBag returns a SafeBag with a PKCS8ShroudedKeyBag (RFC 7292 §4.2.2).
func (s pbes2Encrypter) newShroudedKeyBag(key *x509id.Key, attributes derElement) (derElement, error) {
	plaintext, err := x509.MarshalPKCS8PrivateKey(key.Signer)
	if err != nil {
		return nil, fmt.Errorf("p12: writing a key: %w", err)
	}
	algorithm, ciphertext, err := s.encryptBytes(plaintext)
	if err != nil {
		return nil, err
	}
	return derSequence(
		derOID(oidShroudedBag), derExplicit(derSequence(algorithm, derOctetString(ciphertext))), attributes,
	), nil
}

// newEncryptedSafe returns a ContentInfo with EncryptedData (RFC 7292 §4.1) that holds the bags.
func (s pbes2Encrypter) newEncryptedSafe(bags []derElement) (derElement, error) {
	plaintext, err := encodeDER(derSequence(bags...))
	if err != nil {
		return nil, err
	}
	algorithm, ciphertext, err := s.encryptBytes(plaintext)
	if err != nil {
		return nil, err
	}
	return newEncryptedContent(algorithm, ciphertext), nil
}

func newEncryptedContent(algorithm derElement, ciphertext []byte) derElement {
	return derSequence(derOID(oidEncryptedData), derExplicit(derSequence(derInteger(0),
		derSequence(derOID(oidData), algorithm, derTagged(tags.Tag(0).ContextSpecific(), derRaw(ciphertext))))))
}

// encodeStore returns a complete file of ContentInfos, with a SHA-256 MAC.
func encodeStore(secret, salt []byte, iterations int, contents ...derElement) ([]byte, error) {
	authenticated, err := encodeDER(derSequence(contents...))
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, deriveBytes(sha256.New, diversifierMAC, secret, salt, iterations, sha256.Size))
	mac.Write(authenticated)
	macData := []derElement{
		derSequence(derSequence(derOID(oidSHA256), derNull), derOctetString(mac.Sum(nil))), derOctetString(salt),
	}
	if iterations != 1 { // DER omits the default
		macData = append(macData, derInteger(iterations))
	}
	return encodeDER(derSequence(
		derInteger(3), derSequence(derOID(oidData), derExplicit(derOctetString(authenticated))), derSequence(macData...),
	))
}

// newClearContent returns an unencrypted ContentInfo that holds the bags.
func newClearContent(bags ...derElement) derElement {
	return derSequence(derOID(oidData), derExplicit(derTagged(tags.OCTET_STRING, derSequence(bags...))))
}

// newCertificateBag returns a SafeBag with a certificate (RFC 7292 §4.2.3).
func newCertificateBag(c *x509.Certificate, attributes ...derElement) derElement {
	value := derExplicit(derSequence(derOID(oidX509), derExplicit(derOctetString(c.Raw))))
	return derSequence(append([]derElement{derOID(oidCertBag), value}, attributes...)...)
}

// newPlaceholderKeyBag returns a SafeBag with an unencrypted dummy key: an Ed25519 seed of zeros (RFC 8410 §7).
func newPlaceholderKeyBag() derElement {
	seed := derTagged(tags.OCTET_STRING, derOctetString(make([]byte, ed25519.SeedSize)))
	return derSequence(derOID(oidKeyBag), derExplicit(derSequence(derInteger(0), derSequence(derOID(oidEd25519)), seed)))
}

// newEntryAttributes returns the attributes that name an entry and link the key to its certificate (RFC 7292 §4.2, RFC
// 2985 §5.5).
func newEntryAttributes(key *x509id.Key) derElement {
	id := sha1.Sum(key.Certificate.Raw) //nolint:gosec // see the import
	var name []byte
	for _, unit := range utf16.Encode([]rune(key.Name)) {
		name = binary.BigEndian.AppendUint16(name, unit)
	}
	return derSetOf(
		derSequence(derOID(oidFriendlyName), derSetOf(derTagged(tagBMPString, derRaw(name)))),
		derSequence(derOID(oidLocalKeyID), derSetOf(derOctetString(id[:]))),
	)
}

// encodeBMPPassword encodes a password for PKCS #12: UCS-2 with a terminator (RFC 7292 appendix B.1). It reports false
// for characters outside the Basic Multilingual Plane.
func encodeBMPPassword(password string) ([]byte, bool) {
	secret := make([]byte, 0, 2*len(password)+2)
	for _, r := range password {
		if r > 0xffff {
			return nil, false
		}
		secret = binary.BigEndian.AppendUint16(secret, uint16(r)) //nolint:gosec // compared above
	}
	return append(secret, 0, 0), true
}
