package p12

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // MAC algorithm of files by older programs
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"fmt"
	"hash"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"
)

// macVerifier computes the MAC of a key store from the encoded password. The MAC only protects against accidental
// damage; it is what distinguishes a wrong password from a damaged key.
type macVerifier struct {
	digest  []byte
	compute func(secret, message []byte) ([]byte, error)
}

func (m macVerifier) matchesMAC(secret, message []byte) bool {
	digest, err := m.compute(secret, message)
	return err == nil && hmac.Equal(digest, m.digest)
}

func hashByOID(id asn1.ObjectIdentifier) func() hash.Hash {
	switch id.String() {
	case "1.3.14.3.2.26":
		return sha1.New
	case "2.16.840.1.101.3.4.2.4":
		return sha256.New224
	case "2.16.840.1.101.3.4.2.1":
		return sha256.New
	case "2.16.840.1.101.3.4.2.2":
		return sha512.New384
	case "2.16.840.1.101.3.4.2.3":
		return sha512.New
	case "2.16.840.1.101.3.4.2.6":
		return sha512.New512_256
	}
	return nil
}

func hmacByOID(id asn1.ObjectIdentifier) func() hash.Hash {
	switch id.String() {
	case "1.2.840.113549.2.7":
		return sha1.New
	case "1.2.840.113549.2.8":
		return sha256.New224
	case "1.2.840.113549.2.9":
		return sha256.New
	case "1.2.840.113549.2.10":
		return sha512.New384
	case "1.2.840.113549.2.11":
		return sha512.New
	case "1.2.840.113549.2.13":
		return sha512.New512_256
	}
	return nil
}

// parseMACData parses MacData ::= SEQUENCE { DigestInfo { algorithm, digest }, salt, iterations DEFAULT 1 } (RFC 7292
// §4).
func (w *storeParser) parseMACData(data cryptobyte.String) error {
	var info, algorithm cryptobyte.String
	var id asn1.ObjectIdentifier
	var salt []byte
	mac := &w.store.mac
	if !data.ReadASN1(&info, tags.SEQUENCE) || !info.ReadASN1(&algorithm, tags.SEQUENCE) ||
		!info.ReadASN1Bytes(&mac.digest, tags.OCTET_STRING) || !info.Empty() ||
		!algorithm.ReadASN1ObjectIdentifier(&id) || !data.ReadASN1Bytes(&salt, tags.OCTET_STRING) {
		return newUnreadableError("the MAC")
	}
	if id.Equal(oidPBMAC1) {
		return w.parsePBMAC1(algorithm) // has its own salt and count; those of MacData are ignored (RFC 9579 §4)
	}
	iterations := 1
	if !data.Empty() {
		var err error
		if iterations, err = parseIterationCount(&data); err != nil {
			return err
		}
	}
	if !data.Empty() {
		return newUnreadableError("the MAC")
	}
	newHash := hashByOID(id)
	if newHash == nil {
		return newUnsupportedError("MAC algorithm " + nameOrOID(id))
	}
	if err := w.addCost(iterations, 1); err != nil {
		return err
	}
	w.store.outline.MAC = nameOrOID(id)
	mac.compute = func(secret, message []byte) ([]byte, error) {
		mac := hmac.New(newHash, deriveBytes(newHash, diversifierMAC, secret, salt, iterations, newHash().Size()))
		mac.Write(message)
		return mac.Sum(nil), nil
	}
	return nil
}

// Bounds on the key of a PBMAC1: RFC 9579 §4 warns of short keys, which can be guessed; no useful one is longer than
// SHA-512.
const (
	minMACKeyBytes = 20
	maxMACKeyBytes = 64
)

// parsePBMAC1 parses PBMAC1-params ::= SEQUENCE { keyDerivationFunc, messageAuthScheme } (RFC 8018 appendix A.5).
func (w *storeParser) parsePBMAC1(algorithm cryptobyte.String) error {
	var parameters, derivation, scheme cryptobyte.String
	var id asn1.ObjectIdentifier
	if !algorithm.ReadASN1(&parameters, tags.SEQUENCE) || !algorithm.Empty() ||
		!parameters.ReadASN1(&derivation, tags.SEQUENCE) || !parameters.ReadASN1(&scheme, tags.SEQUENCE) ||
		!parameters.Empty() || !scheme.ReadASN1ObjectIdentifier(&id) {
		return newUnreadableError("the MAC")
	}
	p, err := parsePBKDF2(derivation)
	if err != nil {
		return err
	}
	newHash := hmacByOID(id)
	if newHash == nil || p.keyLength < minMACKeyBytes || p.keyLength > maxMACKeyBytes {
		return newUnsupportedError("its MAC")
	}
	if err := w.addCost(p.iterations, p.hashesPerIteration(p.keyLength)); err != nil {
		return err
	}
	w.store.outline.MAC = nameOrOID(oidPBMAC1)
	w.store.mac.compute = func(secret, message []byte) ([]byte, error) {
		key, err := p.deriveKey(decodePassword(secret), p.keyLength)
		if err != nil {
			return nil, err
		}
		mac := hmac.New(newHash, key)
		mac.Write(message)
		return mac.Sum(nil), nil
	}
	return nil
}

// pbkdf2Parameters are the parameters of one PBKDF2 derivation.
type pbkdf2Parameters struct {
	salt       []byte
	iterations int
	keyLength  int
	newHash    func() hash.Hash
}

// hashesPerIteration returns the hash computations of an iteration: an HMAC has two, for each block of the key.
func (p pbkdf2Parameters) hashesPerIteration(keyBytes int) int {
	size := p.newHash().Size()
	return 2 * ((keyBytes + size - 1) / size)
}

func (p pbkdf2Parameters) deriveKey(password string, keyBytes int) ([]byte, error) {
	key, err := pbkdf2.Key(p.newHash, password, p.salt, p.iterations, keyBytes)
	if err != nil {
		return nil, fmt.Errorf("p12: deriving a key: %w", err)
	}
	return key, nil
}

// decodePassword returns the password of PBKDF2, which is UTF-8, from that of PKCS #12.
func decodePassword(secret []byte) string { return strings.TrimSuffix(decodeBMPString(secret), "\x00") }

// parsePBKDF2 parses an AlgorithmIdentifier with PBKDF2-params ::= SEQUENCE { salt OCTET STRING, iterationCount,
// keyLength OPTIONAL, prf DEFAULT hmacWithSHA1 } (RFC 8018 appendix A.2).
func parsePBKDF2(algorithm cryptobyte.String) (pbkdf2Parameters, error) {
	var id asn1.ObjectIdentifier
	var parameters, prf cryptobyte.String
	d := pbkdf2Parameters{newHash: sha1.New}
	if !algorithm.ReadASN1ObjectIdentifier(&id) {
		return d, newUnreadableError("a key derivation")
	}
	if !id.Equal(oidPBKDF2) {
		return d, newUnsupportedError("key derivation " + nameOrOID(id))
	}
	if !algorithm.ReadASN1(&parameters, tags.SEQUENCE) || !algorithm.Empty() ||
		!parameters.ReadASN1Bytes(&d.salt, tags.OCTET_STRING) {
		return d, newUnreadableError("a key derivation")
	}
	var err error
	if d.iterations, err = parseIterationCount(&parameters); err != nil {
		return d, err
	}
	if parameters.PeekASN1Tag(tags.INTEGER) && !parameters.ReadASN1Integer(&d.keyLength) {
		return d, newUnreadableError("a key derivation")
	}
	if parameters.Empty() {
		return d, nil
	}
	if !parameters.ReadASN1(&prf, tags.SEQUENCE) || !parameters.Empty() || !prf.ReadASN1ObjectIdentifier(&id) {
		return d, newUnreadableError("a key derivation")
	}
	if d.newHash = hmacByOID(id); d.newHash == nil {
		return d, newUnsupportedError("key derivation with " + id.String())
	}
	return d, nil
}
