package cms

import (
	"bytes"
	"crypto"
	"crypto/subtle"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/openctr/ctr/internal/message/ber"
	"github.com/openctr/ctr/internal/message/x509id"
)

// signedData is a SignedData with one signer and its content (RFC 5652 section 5).
type signedData struct {
	content      []byte
	certificates []*x509.Certificate
	signer       signerInfo
}

// parseSignedData takes a SignedData apart. It joins a content in segments in place: data cannot be read again.
func parseSignedData(data []byte, what string) (*signedData, error) {
	unreadable := newUnreadableError(what)
	fields, ok := readContentInfo(data, oidSignedData)
	if !ok || len(fields) < 4 || fields[0].Tag != tags.INTEGER || fields[1].Tag != tags.SET {
		return nil, unreadable
	}
	s := &signedData{}
	last := fields[len(fields)-1]
	for _, optional := range fields[3 : len(fields)-1] {
		switch optional.Tag {
		case tag0Constructed:
			if s.certificates, ok = parseCertificates(optional); !ok {
				return nil, unreadable
			}
		case tag1Constructed: // revocation lists, which nobody vouches for here
		default:
			return nil, unreadable
		}
	}
	signers, ok := last.Children(2)
	if !ok || last.Tag != tags.SET || len(signers) != 1 {
		return nil, newUnreadableError(what + ": exactly one signer is expected")
	}
	if err := s.signer.parse(signers[0], what); err != nil {
		return nil, err
	}
	if s.content, ok = joinContent(fields[2]); !ok {
		return nil, unreadable
	}
	return s, nil
}

// joinContent returns the content of EncapsulatedContentInfo ::= SEQUENCE { eContentType, [0] EXPLICIT OCTET STRING }.
func joinContent(info ber.Element) ([]byte, bool) {
	fields, ok := info.Children(2)
	if !ok || info.Tag != tags.SEQUENCE || len(fields) != 2 || !isOID(fields[0], oidData) ||
		fields[1].Tag != tag0Constructed {
		return nil, false
	}
	content, ok := fields[1].Children(1)
	if !ok || len(content) != 1 || content[0].Tag&^0x20 != tags.OCTET_STRING {
		return nil, false
	}
	return content[0].JoinOctets()
}

// parseCertificates reads those certificates that can be read. They keep their own bytes, not the whole message's.
func parseCertificates(set ber.Element) (all []*x509.Certificate, ok bool) {
	elements, ok := set.Children(maxCertificates)
	for _, e := range elements {
		der, isSmall := toDER(e)
		if !isSmall {
			continue
		}
		if c, err := x509.ParseCertificate(der); err == nil {
			all = append(all, c)
		}
	}
	return all, ok
}

// findSigner returns the certificate of the signer, or nil.
func (s *signedData) findSigner() *x509.Certificate {
	i := slices.IndexFunc(s.certificates, s.signer.name.matches)
	if i < 0 {
		return nil
	}
	return s.certificates[i]
}

func (n certificateName) matches(c *x509.Certificate) bool {
	if n.keyID != nil {
		return bytes.Equal(n.keyID, c.SubjectKeyId)
	}
	return n.serial != nil && n.serial.Cmp(c.SerialNumber) == 0 && x509id.EqualNames(n.issuer, c.RawIssuer)
}

// signerInfo is a SignerInfo without its unsigned attributes, which prove nothing that is used here.
type signerInfo struct {
	name       certificateName
	digest     crypto.Hash
	algorithm  signatureAlgorithm
	signature  []byte
	attributes []byte // signed attributes as a SET OF in DER, or nil
	// Of the signed attributes:
	messageDigest []byte
	signingTime   time.Time
}

// parse reads SignerInfo ::= SEQUENCE { version, sid, digestAlgorithm, [0] signedAttrs OPTIONAL, signatureAlgorithm,
// signature, [1] unsignedAttrs OPTIONAL }.
func (s *signerInfo) parse(e ber.Element, what string) error {
	unreadable := newUnreadableError(what + ": its signer")
	fields, ok := e.Children(maxChildren)
	if !ok || e.Tag != tags.SEQUENCE || len(fields) < 5 || fields[0].Tag != tags.INTEGER {
		return unreadable
	}
	name, isName := toDER(fields[1])
	digest, isDigest := parseAlgorithm(fields[2])
	if !isName || !isDigest {
		return unreadable
	}
	if s.name, ok = readCertificateName(&name); !ok || !name.Empty() {
		return unreadable
	}
	if s.digest, ok = findDigest(digest.id); !ok {
		return newUnsupportedError(what + ": digest " + digest.id.String())
	}
	rest := fields[3:]
	if rest[0].Tag == tag0Constructed {
		if !s.parseAttributes(rest[0]) {
			return unreadable
		}
		rest = rest[1:]
	}
	if len(rest) < 2 || len(rest) > 3 || len(rest) == 3 && rest[2].Tag != tag1Constructed ||
		rest[1].Tag&^0x20 != tags.OCTET_STRING {
		return unreadable
	}
	return s.parseSignature(rest[0], rest[1], what)
}

// parseSignature reads the signature with its algorithm.
func (s *signerInfo) parseSignature(from, value ber.Element, what string) error {
	a, ok := parseAlgorithm(from)
	if !ok {
		return newUnreadableError(what + ": its signer")
	}
	if s.algorithm, ok = findSignatureAlgorithm(a, s.digest); !ok {
		return newUnsupportedError(what + ": signature algorithm " + a.id.String())
	}
	if s.signature, ok = value.JoinOctets(); !ok {
		return newUnreadableError(what + ": its signer")
	}
	return nil
}

// parseAttributes reads the signed attributes. Their signature covers them as a SET OF in DER, whatever the encoding in
// the message (RFC 5652 section 5.4).
func (s *signerInfo) parseAttributes(e ber.Element) bool {
	if len(e.Raw) > maxPartBytes {
		return false
	}
	elements, ok := e.Children(maxPartBytes)
	if !ok || len(elements) == 0 {
		return false
	}
	var encoded [][]byte
	seen := map[string]bool{}
	var contentType asn1.ObjectIdentifier
	for _, element := range elements {
		der, ok := toDER(element)
		if !ok {
			return false
		}
		encoded = append(encoded, der)
		var attribute, values cryptobyte.String
		var id asn1.ObjectIdentifier
		if !der.ReadASN1(&attribute, tags.SEQUENCE) || !attribute.ReadASN1ObjectIdentifier(&id) ||
			!attribute.ReadASN1(&values, tags.SET) || !attribute.Empty() || seen[id.String()] {
			return false
		}
		seen[id.String()] = true
		switch {
		case id.Equal(oidContentType):
			ok = values.ReadASN1ObjectIdentifier(&contentType) && values.Empty()
		case id.Equal(oidMessageDigest):
			ok = values.ReadASN1Bytes(&s.messageDigest, tags.OCTET_STRING) && values.Empty()
		case id.Equal(oidSigningTime):
			ok = readTime(&values, &s.signingTime) && values.Empty()
		}
		if !ok {
			return false
		}
	}
	slices.SortFunc(encoded, bytes.Compare)
	s.attributes = encodeTLV(byte(tags.SET), encoded...)
	return contentType.Equal(oidData) && s.messageDigest != nil
}

// readTime reads Time ::= CHOICE { UTCTime, GeneralizedTime }.
func readTime(from *cryptobyte.String, into *time.Time) bool {
	if from.PeekASN1Tag(tags.UTCTime) {
		return from.ReadASN1UTCTime(into)
	}
	return from.ReadASN1GeneralizedTime(into)
}

// verify reports whether the signature over the content is that of a certificate's key.
func (s *signedData) verify(c *x509.Certificate) bool {
	signed := s.content
	if s.signer.attributes != nil {
		if subtle.ConstantTimeCompare(computeDigest(s.signer.digest, s.content), s.signer.messageDigest) != 1 {
			return false
		}
		signed = s.signer.attributes
	} else if looksLikeAttributes(s.content) {
		return false
	}
	return s.signer.algorithm.verify(c.PublicKey, computeDigest(s.signer.digest, signed), s.signer.signature)
}

// looksLikeAttributes reports whether a content without signed attributes is a SET. A signature over signed attributes
// is also one over a content of the same bytes; nobody shall pass off the one as the other.
func looksLikeAttributes(content []byte) bool {
	e, rest, ok := ber.Read(content)
	return ok && len(rest) == 0 && e.Tag == tags.SET
}

func computeDigest(h crypto.Hash, data []byte) []byte {
	hash := h.New()
	hash.Write(data)
	return hash.Sum(nil)
}
