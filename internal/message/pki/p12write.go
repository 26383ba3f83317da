package pki

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
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
)

// EncodeKeys returns keys with their certificates as one PKCS #12 file, in the form of the platform's stores: one entry
// per key under its Name, the same password for all. The library can neither write two keys nor name them.
//
// The encryption is that of OpenSSL 3 and Java 20: PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC, and a MAC with
// SHA-256.
func WriteP12(keys []*Key, password string, iterations int, random io.Reader) ([]byte, error) {
	secret, ok := bmpPassword(password)
	if !ok {
		return nil, errors.New("pki: the password has a character outside the Basic Multilingual Plane")
	}
	if len(keys) == 0 {
		return nil, errors.New("pki: there is no key to write")
	}
	if iterations < 1 || iterations > maxIterations {
		return nil, fmt.Errorf("pki: %d iterations are not within 1 and %d", iterations, maxIterations)
	}
	s := sealer{password: password, iterations: iterations, random: random}
	var keyBags, certificateBags []part
	written := make(map[string]bool)
	for _, key := range keys {
		attributes := entryAttributes(key)
		bag, err := s.keyBag(key, attributes)
		if err != nil {
			return nil, err
		}
		keyBags = append(keyBags, bag)
		certificateBags = append(certificateBags, certificateBag(key.Certificate, attributes))
		for _, issuer := range key.Chain {
			if !written[string(issuer.Raw)] {
				written[string(issuer.Raw)] = true
				certificateBags = append(certificateBags, certificateBag(issuer))
			}
		}
	}
	safe, err := s.encryptedContent(certificateBags)
	if err != nil {
		return nil, err
	}
	salt, err := s.fresh(saltBytes)
	if err != nil {
		return nil, err
	}
	return sealStore(secret, salt, iterations, clearContent(keyBags...), safe)
}

const saltBytes = 16

// pbes2Encrypter encrypts with PBES2 under one password.
type sealer struct {
	password   string
	iterations int
	random     io.Reader
}

func (s sealer) fresh(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.random, b); err != nil {
		return nil, fmt.Errorf("pki: reading randomness: %w", err)
	}
	return b, nil
}

// encryptBytes returns the AlgorithmIdentifier and the ciphertext (RFC 8018 §6.2.1).
func (s sealer) encrypt(plaintext []byte) (algorithm part, ciphertext []byte, err error) {
	salt, err := s.fresh(saltBytes)
	if err != nil {
		return nil, nil, err
	}
	iv, err := s.fresh(aes.BlockSize)
	if err != nil {
		return nil, nil, err
	}
	key, err := pbkdf2.Key(sha256.New, s.password, salt, s.iterations, 32)
	if err != nil {
		return nil, nil, fmt.Errorf("pki: deriving a key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, nil, fmt.Errorf("pki: encrypting: %w", err)
	}
	padding := aes.BlockSize - len(plaintext)%aes.BlockSize
	ciphertext = append(slices.Clone(plaintext), bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(ciphertext, ciphertext)
	algorithm = sequence(oid(oidPBES2), sequence(
		sequence(oid(oidPBKDF2), sequence(octets(salt), integer(s.iterations), sequence(oid(oidHMACWithSHA256), null))),
		sequence(oid(oidAES256CBC), octets(iv)),
	))
	return algorithm, ciphertext, nil
}

// newShroudedKeyBag returns a SafeBag with a PKCS8ShroudedKeyBag (RFC 7292 §4.2.2).
func (s sealer) keyBag(key *Key, attributes part) (part, error) {
	plaintext, err := x509.MarshalPKCS8PrivateKey(key.Signer)
	if err != nil {
		return nil, fmt.Errorf("pki: writing a key: %w", err)
	}
	algorithm, ciphertext, err := s.encrypt(plaintext)
	if err != nil {
		return nil, err
	}
	return sequence(oid(oidShroudedBag), explicit(sequence(algorithm, octets(ciphertext))), attributes), nil
}

// newEncryptedContent returns a ContentInfo with EncryptedData (RFC 7292 §4.1) that holds the bags.
func (s sealer) encryptedContent(bags []part) (part, error) {
	plaintext, err := encode(sequence(bags...))
	if err != nil {
		return nil, err
	}
	algorithm, ciphertext, err := s.encrypt(plaintext)
	if err != nil {
		return nil, err
	}
	return sequence(oid(oidEncryptedData), explicit(sequence(integer(0),
		sequence(oid(oidData), algorithm, tagged(tags.Tag(0).ContextSpecific(), raw(ciphertext)))))), nil
}

// encodeStore returns a complete file of ContentInfos, with a SHA-256 MAC.
func sealStore(secret, salt []byte, iterations int, contents ...part) ([]byte, error) {
	authenticated, err := encode(sequence(contents...))
	if err != nil {
		return nil, err
	}
	mac := storeMAC(sha256.New, secret, salt, iterations, authenticated)
	macData := []part{sequence(sequence(oid(oidSHA256), null), octets(mac)), octets(salt)}
	if iterations != 1 { // DER omits the default
		macData = append(macData, integer(iterations))
	}
	return encode(sequence(integer(3), sequence(oid(oidData), explicit(octets(authenticated))), sequence(macData...)))
}

// newClearContent returns an unencrypted ContentInfo that holds the bags.
func clearContent(bags ...part) part {
	return sequence(oid(oidData), explicit(tagged(tags.OCTET_STRING, sequence(bags...))))
}

// newCertificateBag returns a SafeBag with a certificate (RFC 7292 §4.2.3).
func certificateBag(c *x509.Certificate, attributes ...part) part {
	value := explicit(sequence(oid(oidX509), explicit(octets(c.Raw))))
	return sequence(append([]part{oid(oidCertBag), value}, attributes...)...)
}

// newPlaceholderKeyBag returns a SafeBag with an unencrypted dummy key: an Ed25519 seed of zeros (RFC 8410 §7).
func placeholderKeyBag() part {
	seed := tagged(tags.OCTET_STRING, octets(make([]byte, ed25519.SeedSize)))
	return sequence(oid(oidKeyBag), explicit(sequence(integer(0), sequence(oid(oidEd25519)), seed)))
}

// newEntryAttributes returns the attributes that name an entry and link the key to its certificate (RFC 7292 §4.2, RFC
// 2985 §5.5).
func entryAttributes(key *Key) part {
	id := sha1.Sum(key.Certificate.Raw) //nolint:gosec // see the import
	var name []byte
	for _, unit := range utf16.Encode([]rune(key.Name)) {
		name = binary.BigEndian.AppendUint16(name, unit)
	}
	return setOf(
		sequence(oid(oidFriendlyName), setOf(tagged(tagBMPString, raw(name)))),
		sequence(oid(oidLocalKeyID), setOf(octets(id[:]))),
	)
}

// encodeBMPPassword encodes a password for PKCS #12: UCS-2 with a terminator (RFC 7292 appendix B.1). It reports false
// for characters outside the Basic Multilingual Plane.
func bmpPassword(password string) ([]byte, bool) {
	secret := make([]byte, 0, 2*len(password)+2)
	for _, r := range password {
		if r > 0xffff {
			return nil, false
		}
		secret = binary.BigEndian.AppendUint16(secret, uint16(r)) //nolint:gosec // compared above
	}
	return append(secret, 0, 0), true
}
