package p12

import (
	"encoding/asn1"
	"fmt"
	"math/big"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Bounds on PKCS #12 files. A store from the platform has 5 kB, two keys, five certificates and 2,048 to 10,000
// iterations.
const (
	maxStoreBytes      = 1 << 20
	maxIterations      = 600_000   // of one derivation: OWASP's recommendation for PBKDF2 with SHA-256
	maxTotalIterations = 2_400_000 // of all derivations: a MAC, the certificates and two keys
	maxSafes           = 8
	maxBags            = 64
	maxKeyBytes        = 8 << 10 // an encrypted RSA key of 8,192 bits needs 5 kB
)

// Object identifiers of RFC 7292 (PKCS #12), RFC 5652 (content types) and RFC 8018 (PKCS #5).
var (
	oidData           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidEncryptedData  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	oidFriendlyName   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 20}
	oidLocalKeyID     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 21}
	oidX509           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidKeyBag         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 1}
	oidShroudedBag    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2}
	oidCertBag        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidPBKDF2         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidPBES2          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBMAC1         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 14}
	oidHMACWithSHA256 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
	oidSHA256         = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidEd25519        = asn1.ObjectIdentifier{1, 3, 101, 112}
	oidAES256CBC      = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
)

// Password-based encryption algorithms of PKCS #12 itself, RFC 7292 appendix C.
var oidsPKCS12PBE = []asn1.ObjectIdentifier{
	{1, 2, 840, 113549, 1, 12, 1, 3}, // SHA-1, triple DES with three keys
	{1, 2, 840, 113549, 1, 12, 1, 5}, // SHA-1, RC2 with 128 bits
	{1, 2, 840, 113549, 1, 12, 1, 6}, // SHA-1, RC2 with 40 bits
}

// keyStore is the outer structure of a PKCS #12 file: everything that can be read and counted without the password.
type keyStore struct {
	mac               macVerifier
	authenticatedSafe []byte       // the input of the MAC
	certificateSafes  []derElement // ContentInfo: encrypted, or plaintext with certificates only
	keyEntries        []keyEntry
}

type keyEntry struct {
	friendlyName string
	bag          derElement // SafeBag with a PKCS8ShroudedKeyBag
}

// storeParser parses DER to the depth of PKCS #12, so no input can nest deeper, and adds up the cost of decoding.
type storeParser struct {
	store      keyStore
	iterations int
	bags       int
}

func parseStore(data []byte) (*keyStore, error) {
	if len(data) > maxStoreBytes {
		return nil, newTooCostlyError("more than %d bytes", maxStoreBytes)
	}
	var w storeParser
	if err := w.parsePFX(data); err != nil {
		return nil, err
	}
	return &w.store, nil
}

func newUnreadableError(what string) error {
	return problem.New(Unreadable, texts.Literal(what+" is not DER as expected"))
}

func newTooCostlyError(format string, limit int) error {
	return problem.New(TooCostly, texts.Literal(fmt.Sprintf(format, limit)))
}

func newUnsupportedError(what string) error {
	return problem.New(Unsupported, texts.Literal(what))
}

// parsePFX parses PFX ::= SEQUENCE { version, authSafe ContentInfo, macData MacData OPTIONAL } (RFC 7292 §4).
func (w *storeParser) parsePFX(data []byte) error {
	var body, content, macData cryptobyte.String
	var contentType asn1.ObjectIdentifier
	var version int
	input := cryptobyte.String(data)
	if !input.ReadASN1(&body, tags.SEQUENCE) || !input.Empty() || !body.ReadASN1Integer(&version) ||
		!parseContentInfo(&body, &contentType, &content) {
		return newUnreadableError("the file")
	}
	if version != 3 || !contentType.Equal(oidData) {
		return newUnsupportedError("not version 3 with a password")
	}
	var authenticated []byte
	if !content.ReadASN1Bytes(&authenticated, tags.OCTET_STRING) || !content.Empty() {
		return newUnreadableError("the authenticated safe")
	}
	if body.Empty() {
		return newUnsupportedError("it has no MAC")
	}
	if !body.ReadASN1(&macData, tags.SEQUENCE) || !body.Empty() {
		return newUnreadableError("the MAC")
	}
	w.store.authenticatedSafe = authenticated
	if err := w.parseMACData(macData); err != nil {
		return err
	}
	return w.parseSafes(authenticated)
}

// parseContentInfo parses ContentInfo ::= SEQUENCE { contentType, content [0] EXPLICIT }.
func parseContentInfo(from *cryptobyte.String, contentType *asn1.ObjectIdentifier, content *cryptobyte.String) bool {
	var info cryptobyte.String
	return from.ReadASN1(&info, tags.SEQUENCE) && info.ReadASN1ObjectIdentifier(contentType) &&
		info.ReadASN1(content, tagExplicit0) && info.Empty()
}

const tagExplicit0 = tags.Tag(0xa0) // [0], constructed

// parseSafes parses AuthenticatedSafe ::= SEQUENCE OF ContentInfo.
func (w *storeParser) parseSafes(data []byte) error {
	var list cryptobyte.String
	input := cryptobyte.String(data)
	if !input.ReadASN1(&list, tags.SEQUENCE) || !input.Empty() {
		return newUnreadableError("the list of safes")
	}
	for n := 0; !list.Empty(); n++ {
		if n == maxSafes {
			return newTooCostlyError("more than %d safes", maxSafes)
		}
		var whole, content cryptobyte.String
		var contentType asn1.ObjectIdentifier
		if !list.ReadASN1Element(&whole, tags.SEQUENCE) {
			return newUnreadableError("a safe")
		}
		rest := whole
		if !parseContentInfo(&rest, &contentType, &content) {
			return newUnreadableError("a safe")
		}
		var err error
		switch {
		case contentType.Equal(oidData):
			err = w.parseClearSafe(content)
		case contentType.Equal(oidEncryptedData):
			w.store.certificateSafes = append(w.store.certificateSafes, derRaw(whole))
			err = w.parseEncryptedSafe(content)
		default:
			err = newUnsupportedError("a safe is encrypted with a public key")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// parseEncryptedSafe parses EncryptedData ::= SEQUENCE { version, SEQUENCE { contentType, algorithm, [0] content } }.
func (w *storeParser) parseEncryptedSafe(content cryptobyte.String) error {
	var data, info, algorithm, ciphertext cryptobyte.String
	var version int
	var contentType asn1.ObjectIdentifier
	if !content.ReadASN1(&data, tags.SEQUENCE) || !content.Empty() || !data.ReadASN1Integer(&version) ||
		!data.ReadASN1(&info, tags.SEQUENCE) || !data.Empty() || !info.ReadASN1ObjectIdentifier(&contentType) ||
		!info.ReadASN1(&algorithm, tags.SEQUENCE) ||
		!info.ReadASN1(&ciphertext, tags.Tag(0).ContextSpecific()) || !info.Empty() {
		return newUnreadableError("an encrypted safe")
	}
	return w.parseEncryptionAlgorithm(algorithm)
}

// parseClearSafe parses SafeContents ::= SEQUENCE OF SafeBag, in an OCTET STRING.
func (w *storeParser) parseClearSafe(content cryptobyte.String) error {
	var safe, list cryptobyte.String
	if !content.ReadASN1(&safe, tags.OCTET_STRING) || !content.Empty() ||
		!safe.ReadASN1(&list, tags.SEQUENCE) || !safe.Empty() {
		return newUnreadableError("a safe")
	}
	var certificates []derElement
	for !list.Empty() {
		if w.bags++; w.bags > maxBags {
			return newTooCostlyError("more than %d entries", maxBags)
		}
		var whole, bag, value cryptobyte.String
		var bagType asn1.ObjectIdentifier
		if !list.ReadASN1Element(&whole, tags.SEQUENCE) {
			return newUnreadableError("an entry")
		}
		rest := whole
		if !rest.ReadASN1(&bag, tags.SEQUENCE) || !bag.ReadASN1ObjectIdentifier(&bagType) ||
			!bag.ReadASN1(&value, tagExplicit0) {
			return newUnreadableError("an entry")
		}
		switch {
		case bagType.Equal(oidCertBag):
			certificates = append(certificates, derRaw(whole))
		case bagType.Equal(oidShroudedBag):
			if err := w.parseShroudedKey(value); err != nil {
				return err
			}
			w.store.keyEntries = append(
				w.store.keyEntries,
				keyEntry{friendlyName: parseFriendlyName(bag), bag: derRaw(whole)},
			)
		}
		// Plaintext keys, secrets and nested safes cannot be signing keys: they are never decoded.
	}
	if len(certificates) > 0 {
		w.store.certificateSafes = append(w.store.certificateSafes, newClearContent(certificates...))
	}
	return nil
}

// parseShroudedKey parses EncryptedPrivateKeyInfo ::= SEQUENCE { algorithm, OCTET STRING } (RFC 5958 §3).
func (w *storeParser) parseShroudedKey(value cryptobyte.String) error {
	var info, algorithm, ciphertext cryptobyte.String
	if len(value) > maxKeyBytes {
		return newTooCostlyError("a key of more than %d bytes", maxKeyBytes)
	}
	if !value.ReadASN1(&info, tags.SEQUENCE) || !value.Empty() || !info.ReadASN1(&algorithm, tags.SEQUENCE) ||
		!info.ReadASN1(&ciphertext, tags.OCTET_STRING) || !info.Empty() {
		return newUnreadableError("an encrypted key")
	}
	return w.parseEncryptionAlgorithm(algorithm)
}

// parseEncryptionAlgorithm counts the cost of the algorithm's key derivation. It refuses unknown algorithms, whose cost
// cannot be counted, so they never reach the library.
func (w *storeParser) parseEncryptionAlgorithm(algorithm cryptobyte.String) error {
	var id asn1.ObjectIdentifier
	var parameters cryptobyte.String
	if !algorithm.ReadASN1ObjectIdentifier(&id) || !algorithm.ReadASN1(&parameters, tags.SEQUENCE) ||
		!algorithm.Empty() {
		return newUnreadableError("an encryption algorithm")
	}
	if id.Equal(oidPBES2) {
		var derivation, cipher cryptobyte.String
		if !parameters.ReadASN1(&derivation, tags.SEQUENCE) || !parameters.ReadASN1(&cipher, tags.SEQUENCE) ||
			!parameters.Empty() {
			return newUnreadableError("an encryption algorithm")
		}
		_, err := w.parsePBKDF2(derivation)
		return err
	}
	for _, known := range oidsPKCS12PBE {
		if id.Equal(known) {
			var salt []byte
			if !parameters.ReadASN1Bytes(&salt, tags.OCTET_STRING) {
				return newUnreadableError("an encryption algorithm")
			}
			_, err := w.parseIterationCount(&parameters)
			return err
		}
	}
	return newUnsupportedError("encryption algorithm " + id.String())
}

// parseIterationCount parses an iteration count and refuses one that is too high, alone or in total.
func (w *storeParser) parseIterationCount(from *cryptobyte.String) (int, error) {
	n := new(big.Int)
	if !from.ReadASN1Integer(n) || n.Sign() < 1 {
		return 0, newUnreadableError("an iteration count")
	}
	if n.Cmp(big.NewInt(maxIterations)) > 0 {
		return 0, newTooCostlyError("more than %d iterations", maxIterations)
	}
	iterations := int(n.Int64())
	if w.iterations += iterations; w.iterations > maxTotalIterations {
		return 0, newTooCostlyError("more than %d iterations in all", maxTotalIterations)
	}
	return iterations, nil
}

// parseFriendlyName returns the name in the attributes of a bag, which are not encrypted, or "" if it cannot be parsed.
func parseFriendlyName(bag cryptobyte.String) string {
	var attributes cryptobyte.String
	if !bag.ReadASN1(&attributes, tags.SET) {
		return ""
	}
	for !attributes.Empty() {
		var attribute, values, text cryptobyte.String
		var id asn1.ObjectIdentifier
		if !attributes.ReadASN1(&attribute, tags.SEQUENCE) || !attribute.ReadASN1ObjectIdentifier(&id) ||
			!attribute.ReadASN1(&values, tags.SET) {
			return ""
		}
		if id.Equal(oidFriendlyName) && values.ReadASN1(&text, tagBMPString) {
			return decodeBMPString(text)
		}
	}
	return ""
}

const tagBMPString = tags.Tag(30)

func decodeBMPString(b []byte) string {
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		units = append(units, uint16(b[0])<<8|uint16(b[1]))
	}
	return string(utf16.Decode(units))
}
