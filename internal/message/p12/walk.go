package p12

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/openctr/ctr/internal/message/ber"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Bounds on PKCS #12 files. A store from the platform has 5 kB, two keys, five certificates and 2,048 to 10,000
// iterations.
const (
	maxStoreBytes = 1 << 20
	maxIterations = 600_000 // that we write: OWASP's recommendation for PBKDF2 with SHA-256
	// The cost of a derivation is its number of hash computations. Bouncy Castle and NSS ask for 600,000 iterations of
	// each key, which are 1,800,000 computations with triple DES, and for as many or twice as many of the MAC.
	maxDerivationCost = 2_400_000
	maxTotalCost      = 12_000_000 // a MAC, the certificates and five keys of Bouncy Castle: a second
	maxSafes          = 8
	maxSafeDepth      = 4 // of safes within safes
	maxBags           = 64
	maxKeyBytes       = 8 << 10 // an encrypted RSA key of 8,192 bits needs 5 kB
)

// Object identifiers of RFC 7292 (PKCS #12), RFC 5652 (content types) and RFC 8018 (PKCS #5).
var (
	oidData            = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidEncryptedData   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	oidFriendlyName    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 20}
	oidLocalKeyID      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 21}
	oidX509            = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidKeyBag          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 1}
	oidShroudedBag     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2}
	oidCertBag         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidSafeContentsBag = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 6}
	oidPBKDF2          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidPBES2           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBMAC1          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 14}
	oidHMACWithSHA256  = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
	oidSHA256          = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidTripleDESCBC    = asn1.ObjectIdentifier{1, 2, 840, 113549, 3, 7}
	oidEd25519         = asn1.ObjectIdentifier{1, 3, 101, 112}
	oidAES256CBC       = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
)

// keyStore is the content of a PKCS #12 file, as far as it is open: what can be read and counted without the password,
// and after decryptSafes also what the encrypted safes hold.
type keyStore struct {
	mac               macVerifier
	authenticatedSafe []byte // the input of the MAC
	encryptedSafes    []encryptedSafe
	certificates      []certificateEntry
	keyEntries        []keyEntry
	outline           Outline
}

type certificateEntry struct {
	entryAttributes

	certificate *x509.Certificate
}

type keyEntry struct {
	entryAttributes

	bag        derElement       // SafeBag with a PKCS8ShroudedKeyBag or a KeyBag
	encryption *encryptedKeyBag // nil for a key in clear
}

type encryptedKeyBag struct {
	algorithm  encryption
	ciphertext []byte
}

// encryptedSafe is the content of an EncryptedData.
type encryptedSafe struct {
	algorithm    encryption
	algorithmDER []byte
	ciphertext   []byte
}

// entryAttributes name an entry and link a certificate to its key (RFC 7292 §4.2).
type entryAttributes struct {
	friendlyName string
	localKeyID   string // its bytes; "" if there is none
}

// storeParser parses a store to the depth of PKCS #12 and adds up the cost of decoding.
type storeParser struct {
	store keyStore
	cost  int
	bags  int
	// Why a certificate or a key cannot be read. It matters only if there is no other one to sign with.
	badCertificate, badKey error
}

func parseStore(data []byte) (*storeParser, error) {
	if len(data) > maxStoreBytes {
		return nil, newTooCostlyError("more than %d bytes", maxStoreBytes)
	}
	var w storeParser
	if err := w.parsePFX(data); err != nil {
		return nil, err
	}
	return &w, nil
}

func newUnreadableError(what string) error {
	return problem.New(Unreadable, texts.Literal(what+" is not BER as expected"))
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
	if !readSequence(data, &body) || !body.ReadASN1Integer(&version) ||
		!parseContentInfo(&body, &contentType, &content) {
		if other := describeOtherForm(data); other != "" {
			return problem.New(Unreadable, texts.Literal(other))
		}
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

// readSequence reads BER that is one SEQUENCE.
func readSequence(data []byte, into *cryptobyte.String) bool {
	der, ok := ber.ToDER(data)
	input := cryptobyte.String(der)
	return ok && input.ReadASN1(into, tags.SEQUENCE) && input.Empty()
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
	if !readSequence(data, &list) {
		return newUnreadableError("the list of safes")
	}
	for n := 0; !list.Empty(); n++ {
		if n == maxSafes {
			return newTooCostlyError("more than %d safes", maxSafes)
		}
		var content cryptobyte.String
		var contentType asn1.ObjectIdentifier
		if !parseContentInfo(&list, &contentType, &content) {
			return newUnreadableError("a safe")
		}
		var err error
		switch {
		case contentType.Equal(oidData):
			err = w.parseClearSafe(content)
		case contentType.Equal(oidEncryptedData):
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
	var tag tags.Tag
	if !content.ReadASN1(&data, tags.SEQUENCE) || !content.Empty() || !data.ReadASN1Integer(&version) ||
		!data.ReadASN1(&info, tags.SEQUENCE) || !data.Empty() || !info.ReadASN1ObjectIdentifier(&contentType) ||
		!info.ReadASN1Element(&algorithm, tags.SEQUENCE) || !info.ReadAnyASN1(&ciphertext, &tag) || !info.Empty() {
		return newUnreadableError("an encrypted safe")
	}
	safe := encryptedSafe{algorithmDER: algorithm, ciphertext: ciphertext}
	switch tag {
	case tags.Tag(0).ContextSpecific():
	case tagExplicit0: // an implicit tag hides from ToDER that this is a string in segments
		if safe.ciphertext = joinSegments(ciphertext); safe.ciphertext == nil {
			return newUnreadableError("an encrypted safe")
		}
	default:
		return newUnreadableError("an encrypted safe")
	}
	if !algorithm.ReadASN1(&algorithm, tags.SEQUENCE) {
		return newUnreadableError("an encrypted safe")
	}
	var err error
	if safe.algorithm, err = w.parseEncryptionAlgorithm(algorithm); err != nil {
		return err
	}
	w.store.encryptedSafes = append(w.store.encryptedSafes, safe)
	w.store.outline.addEncryption(safe.algorithm.name)
	return nil
}

func joinSegments(list cryptobyte.String) []byte {
	var all []byte
	for !list.Empty() {
		var segment cryptobyte.String
		if !list.ReadASN1(&segment, tags.OCTET_STRING) {
			return nil
		}
		all = append(all, segment...)
	}
	return all
}

// parseClearSafe parses SafeContents ::= SEQUENCE OF SafeBag, in an OCTET STRING.
func (w *storeParser) parseClearSafe(content cryptobyte.String) error {
	var safe, list cryptobyte.String
	if !content.ReadASN1(&safe, tags.OCTET_STRING) || !content.Empty() || !readSequence(safe, &list) {
		return newUnreadableError("a safe")
	}
	certificates := len(w.store.certificates)
	if err := w.parseBags(list, 0); err != nil {
		return err
	}
	if len(w.store.certificates) > certificates {
		w.store.outline.addEncryption(notEncrypted)
	}
	return nil
}

// parseBags parses the SafeBags of a safe, and those of the safes within it (RFC 7292 §4.2.6).
func (w *storeParser) parseBags(list cryptobyte.String, depth int) error {
	if depth > maxSafeDepth {
		return newTooCostlyError("more than %d safes within each other", maxSafeDepth)
	}
	for !list.Empty() {
		if w.bags++; w.bags > maxBags {
			return newTooCostlyError("more than %d entries", maxBags)
		}
		var whole cryptobyte.String
		if !list.ReadASN1Element(&whole, tags.SEQUENCE) {
			return newUnreadableError("an entry")
		}
		if err := w.parseBag(whole, depth); err != nil {
			return err
		}
	}
	return nil
}

// parseBag parses SafeBag ::= SEQUENCE { bagId, bagValue [0] EXPLICIT, bagAttributes SET OPTIONAL }.
func (w *storeParser) parseBag(whole cryptobyte.String, depth int) error {
	var bag, value cryptobyte.String
	var bagType asn1.ObjectIdentifier
	rest := whole
	if !rest.ReadASN1(&bag, tags.SEQUENCE) || !bag.ReadASN1ObjectIdentifier(&bagType) ||
		!bag.ReadASN1(&value, tagExplicit0) {
		return newUnreadableError("an entry")
	}
	entry := keyEntry{entryAttributes: parseAttributes(bag), bag: derRaw(whole)}
	switch {
	case bagType.Equal(oidCertBag):
		return w.parseCertificateBag(value, entry.entryAttributes)
	case bagType.Equal(oidKeyBag):
		if len(value) > maxKeyBytes {
			return newTooCostlyError("a key of more than %d bytes", maxKeyBytes)
		}
		w.store.outline.addEncryption(notEncrypted)
		w.store.keyEntries = append(w.store.keyEntries, entry)
	case bagType.Equal(oidShroudedBag):
		shrouded, err := w.parseShroudedKey(value)
		if err != nil {
			return err
		}
		entry.encryption = shrouded
		w.store.outline.addEncryption(shrouded.algorithm.name)
		w.store.keyEntries = append(w.store.keyEntries, entry)
	case bagType.Equal(oidSafeContentsBag):
		var list cryptobyte.String
		if !value.ReadASN1(&list, tags.SEQUENCE) || !value.Empty() {
			return newUnreadableError("a safe within a safe")
		}
		return w.parseBags(list, depth+1)
	default: // secrets and lists of revoked certificates are never decoded
		w.store.outline.HasOtherContent = true
	}
	return nil
}

// parseCertificateBag parses CertBag ::= SEQUENCE { certId, certValue [0] EXPLICIT OCTET STRING }. A certificate that
// cannot be read does no harm if it is not that of a key.
func (w *storeParser) parseCertificateBag(value cryptobyte.String, attributes entryAttributes) error {
	var bag, explicit, der cryptobyte.String
	var certificateType asn1.ObjectIdentifier
	if !value.ReadASN1(&bag, tags.SEQUENCE) || !value.Empty() || !bag.ReadASN1ObjectIdentifier(&certificateType) ||
		!bag.ReadASN1(&explicit, tagExplicit0) {
		return newUnreadableError("a certificate")
	}
	if !certificateType.Equal(oidX509) || !explicit.ReadASN1(&der, tags.OCTET_STRING) {
		w.store.outline.HasOtherContent = true
		return nil
	}
	if certificate, err := x509.ParseCertificate(der); err == nil {
		w.store.certificates = append(w.store.certificates, certificateEntry{attributes, certificate})
	} else {
		w.badCertificate = err
	}
	return nil
}

// parseShroudedKey parses EncryptedPrivateKeyInfo ::= SEQUENCE { algorithm, OCTET STRING } (RFC 5958 §3).
func (w *storeParser) parseShroudedKey(value cryptobyte.String) (*encryptedKeyBag, error) {
	var info, algorithm, ciphertext cryptobyte.String
	if len(value) > maxKeyBytes {
		return nil, newTooCostlyError("a key of more than %d bytes", maxKeyBytes)
	}
	if !value.ReadASN1(&info, tags.SEQUENCE) || !value.Empty() || !info.ReadASN1(&algorithm, tags.SEQUENCE) ||
		!info.ReadASN1(&ciphertext, tags.OCTET_STRING) || !info.Empty() {
		return nil, newUnreadableError("an encrypted key")
	}
	parsed, err := w.parseEncryptionAlgorithm(algorithm)
	if err != nil {
		return nil, err
	}
	return &encryptedKeyBag{algorithm: parsed, ciphertext: ciphertext}, nil
}

// parseIterationCount parses an iteration count.
func parseIterationCount(from *cryptobyte.String) (int, error) {
	n := new(big.Int)
	if !from.ReadASN1Integer(n) || n.Sign() < 1 {
		return 0, newUnreadableError("an iteration count")
	}
	if n.Cmp(big.NewInt(maxDerivationCost)) > 0 {
		return 0, newTooCostlyError("more than %d hash computations for one key", maxDerivationCost)
	}
	return int(n.Int64()), nil
}

// addCost counts a derivation, and refuses it if it is too costly, alone or with those before.
func (w *storeParser) addCost(iterations, hashesEach int) error {
	cost := iterations * hashesEach
	if cost > maxDerivationCost {
		return newTooCostlyError("more than %d hash computations for one key", maxDerivationCost)
	}
	if w.cost += cost; w.cost > maxTotalCost {
		return newTooCostlyError("more than %d hash computations in all", maxTotalCost)
	}
	return nil
}

// parseAttributes reads what names an entry. It passes over what cannot be read, since nothing depends on it alone.
func parseAttributes(bag cryptobyte.String) entryAttributes {
	var attributes cryptobyte.String
	var found entryAttributes
	if !bag.ReadASN1(&attributes, tags.SET) {
		return found
	}
	for !attributes.Empty() {
		var attribute, values, value cryptobyte.String
		var id asn1.ObjectIdentifier
		if !attributes.ReadASN1(&attribute, tags.SEQUENCE) || !attribute.ReadASN1ObjectIdentifier(&id) ||
			!attribute.ReadASN1(&values, tags.SET) {
			return found
		}
		switch {
		case id.Equal(oidFriendlyName) && values.ReadASN1(&value, tagBMPString):
			found.friendlyName = decodeBMPString(value)
		case id.Equal(oidLocalKeyID) && values.ReadASN1(&value, tags.OCTET_STRING):
			found.localKeyID = string(value)
		}
	}
	return found
}

const tagBMPString = tags.Tag(30)

func decodeBMPString(b []byte) string {
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		units = append(units, uint16(b[0])<<8|uint16(b[1]))
	}
	return string(utf16.Decode(units))
}
