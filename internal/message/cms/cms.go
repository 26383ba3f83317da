// Package cms seals and opens messages as the eHealth platform's end-to-end encryption does (ETEE), and reads and
// writes encryption tokens (ETK). Sealer.SealMessage writes exactly the platform's profile; Opener.OpenMessage also
// reads what other programs write, and says in findings what differs.
//
// A sealed message is signed, encrypted and signed again by the same holder. The outer signature is verified before
// anything is decrypted: the encryption alone (RSA PKCS #1 v1.5 and AES-CBC) has no integrity. After decryption there
// is one refusal for everything, NotOpened, so that nobody can learn about a key or a text from what is refused.
//
// It is separate from the services that use it because it knows only bytes and certificates. Specifications: RFC 5652
// (CMS) with RFC 4056 (RSASSA-PSS), RFC 3565 and RFC 3394 (AES), RFC 3218 (no oracle from PKCS #1 v1.5).
package cms

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/openctr/ctr/internal/message/ber"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// MaxBytes bounds a sealed message that is opened. Opening needs no other memory in proportion to it.
const MaxBytes = 32 << 20

// Bounds on the parts of a message, whose number and size decide the work of whoever opens it.
const (
	maxRecipients   = 1000
	maxCertificates = 32
	maxChildren     = 16       // of a structure with a fixed number of fields
	maxPartBytes    = 64 << 10 // of a structure that is converted to DER
)

// ClockSkew is how far the clock of a sender may be ahead.
const ClockSkew = 5 * time.Minute

var (
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidEnvelopedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 3}

	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningTime   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}

	oidRSA        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidRSAOAEP    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 7}
	oidMGF1       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
	oidRSAPSS     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidSHA256     = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidAES128CBC  = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 2}
	oidAES128Wrap = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 5}
)

// Tags of ASN.1 modules with implicit and explicit tagging.
var (
	tag0            = tags.Tag(0).ContextSpecific()
	tag0Constructed = tag0.Constructed()
	tag1Constructed = tags.Tag(1).ContextSpecific().Constructed()
	tag2Constructed = tags.Tag(2).ContextSpecific().Constructed()
)

// KeyEncryptionKey is a key that a key server gave for readers who are not known yet.
type KeyEncryptionKey struct {
	ID  []byte
	Key []byte // of AES: 16 bytes; reading also takes 24 and 32
}

// Finding is a remark on a message that was opened.
type Finding struct {
	Code   problem.Code
	Detail texts.Text
	// IsSerious says that the seal proves nothing about its sender, or not to this reader. The others are warnings.
	IsSerious bool
}

// Opened is a message whose two signatures are those of the holder of one certificate. Whether that certificate can be
// believed is in the findings.
type Opened struct {
	Content     []byte
	Signer      *x509.Certificate
	SigningTime time.Time // as the sender states it; zero if they do not
	Findings    []Finding
}

// IsTrusted reports whether there is no serious finding.
func (o *Opened) IsTrusted() bool {
	for _, f := range o.Findings {
		if f.IsSerious {
			return false
		}
	}
	return true
}

func (o *Opened) addWarning(code problem.Code, detail ...texts.Text) {
	o.Findings = append(o.Findings, Finding{Code: code, Detail: texts.Join(detail...)})
}

// addRefusal adds a serious finding.
func (o *Opened) addRefusal(err error) {
	p := problem.From(err)
	o.Findings = append(o.Findings, Finding{Code: p.Code, Detail: p.Detail, IsSerious: true})
}

// readContentInfo reads ContentInfo ::= SEQUENCE { contentType, content [0] EXPLICIT }, and returns the fields of the
// content.
func readContentInfo(data []byte, contentType asn1.ObjectIdentifier) ([]ber.Element, bool) {
	info, rest, ok := ber.Read(data)
	if !ok || len(rest) > 0 || info.Tag != tags.SEQUENCE {
		return nil, false
	}
	fields, ok := info.Children(2)
	if !ok || len(fields) != 2 || !isOID(fields[0], contentType) || fields[1].Tag != tag0Constructed {
		return nil, false
	}
	content, ok := fields[1].Children(1)
	if !ok || len(content) != 1 || content[0].Tag != tags.SEQUENCE {
		return nil, false
	}
	return content[0].Children(maxChildren)
}

func isOID(e ber.Element, want asn1.ObjectIdentifier) bool {
	var id asn1.ObjectIdentifier
	input := cryptobyte.String(e.Raw)
	return input.ReadASN1ObjectIdentifier(&id) && id.Equal(want)
}

// toDER converts a small element for a parser of DER.
func toDER(e ber.Element) (cryptobyte.String, bool) {
	if len(e.Raw) > maxPartBytes {
		return nil, false
	}
	der, ok := ber.ToDER(e.Raw)
	return der, ok
}

// certificateName identifies a certificate by issuer and serial number, or by its subject key identifier.
type certificateName struct {
	issuer cryptobyte.String // DER
	serial *big.Int
	keyID  []byte
}

// readCertificateName reads IssuerAndSerialNumber, or [0] SubjectKeyIdentifier.
func readCertificateName(from *cryptobyte.String) (n certificateName, ok bool) {
	if from.PeekASN1Tag(tag0) {
		var id cryptobyte.String
		ok = from.ReadASN1(&id, tag0) && len(id) > 0
		return certificateName{keyID: id}, ok
	}
	var pair cryptobyte.String
	n.serial = new(big.Int)
	ok = from.ReadASN1(&pair, tags.SEQUENCE) && pair.ReadASN1Element(&n.issuer, tags.SEQUENCE) &&
		pair.ReadASN1Integer(n.serial) && pair.Empty()
	return n, ok
}

// algorithm is an AlgorithmIdentifier.
type algorithm struct {
	id         asn1.ObjectIdentifier
	parameters cryptobyte.String
}

func readAlgorithm(from *cryptobyte.String) (a algorithm, ok bool) {
	ok = from.ReadASN1(&a.parameters, tags.SEQUENCE) && a.parameters.ReadASN1ObjectIdentifier(&a.id)
	return a, ok
}

// parseAlgorithm reads an AlgorithmIdentifier in BER.
func parseAlgorithm(e ber.Element) (algorithm, bool) {
	der, ok := toDER(e)
	if !ok {
		return algorithm{}, false
	}
	return readAlgorithm(&der)
}

// digests are the hash functions that a signature may use. SHA-1 is none of them.
var digests = []struct {
	id   asn1.ObjectIdentifier
	hash crypto.Hash
}{
	{oidSHA256, crypto.SHA256},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA384},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}, crypto.SHA512},
}

func findDigest(id asn1.ObjectIdentifier) (crypto.Hash, bool) {
	for _, d := range digests {
		if d.id.Equal(id) {
			return d.hash, true
		}
	}
	return 0, false
}
