package cms

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"slices"
)

// DER is written here by hand, not with a builder: the length of an element stands before its content, and a message is
// written while its content is read.

const (
	derInteger     = 0x02
	derOctetString = 0x04
	derSequence    = 0x30
	derSet         = 0x31
	derImplicit0   = 0x80
	derExplicit0   = 0xa0
)

// encodeHeader encodes the tag and the length of an element.
func encodeHeader(tag byte, length int64) []byte {
	octets := bytes.TrimLeft(binary.BigEndian.AppendUint64(nil, uint64(length)), "\x00") //nolint:gosec // not negative
	switch {
	case length == 0:
		return []byte{tag, 0}
	case length < 0x80:
		return []byte{tag, octets[0]}
	}
	return append([]byte{tag, 0x80 | byte(len(octets))}, octets...) //nolint:gosec // at most eight
}

// encodeTLV encodes an element.
func encodeTLV(tag byte, parts ...[]byte) []byte {
	content := bytes.Join(parts, nil)
	return append(encodeHeader(tag, int64(len(content))), content...)
}

// encodeSetOf encodes a SET OF, whose elements DER sorts (X.690 section 11.6).
func encodeSetOf(tag byte, elements ...[]byte) []byte {
	slices.SortFunc(elements, bytes.Compare)
	return encodeTLV(tag, elements...)
}

// mustEncode encodes a value that asn1.Marshal always encodes: an object identifier or a number.
func mustEncode(value any) []byte {
	der, err := asn1.Marshal(value)
	if err != nil {
		return nil
	}
	return der
}

func encodeAlgorithm(id asn1.ObjectIdentifier, parameters ...[]byte) []byte {
	return encodeTLV(derSequence, append([][]byte{mustEncode(id)}, parameters...)...)
}

func encodeVersion(n byte) []byte { return []byte{derInteger, 1, n} }

var encodedNull = []byte{5, 0}

// encodePSS returns the platform's AlgorithmIdentifier: RSASSA-PSS and MGF1 with SHA-256, a salt of 32 bytes.
func encodePSS() []byte {
	sha256 := encodeAlgorithm(oidSHA256, encodedNull)
	return encodeAlgorithm(oidRSAPSS, encodeTLV(derSequence,
		encodeTLV(derExplicit0, sha256),
		encodeTLV(derExplicit0+1, encodeAlgorithm(oidMGF1, sha256)),
		encodeTLV(derExplicit0+2, encodeVersion(32)),
	))
}

// encodeCertificateName encodes IssuerAndSerialNumber, the issuer in the bytes of the certificate.
func encodeCertificateName(c *x509.Certificate) ([]byte, error) {
	serial, err := asn1.Marshal(c.SerialNumber)
	if err != nil {
		return nil, fmt.Errorf("cms: a serial number: %w", err)
	}
	return encodeTLV(derSequence, c.RawIssuer, serial), nil
}

func encodeCertificates(certificates []*x509.Certificate) []byte {
	if len(certificates) == 0 {
		return nil
	}
	all := make([][]byte, 0, len(certificates))
	for _, c := range certificates {
		all = append(all, c.Raw)
	}
	return encodeTLV(derExplicit0, all...)
}

// layers encodes the headers of nested elements, the outermost first, around a content of a given length. Each layer is
// a tag with what stands before and behind the next layer in it.
func encodeLayers(length int64, layers ...layer) []byte {
	var headers []byte
	for _, l := range slices.Backward(layers) {
		length += int64(len(l.before) + l.behind)
		header := append(encodeHeader(l.tag, length), l.before...)
		headers = append(header, headers...)
		length += int64(len(encodeHeader(l.tag, length)))
	}
	return headers
}

// layer is an element around another one.
type layer struct {
	tag    byte
	before []byte // within it, before the next layer
	behind int    // length of what is within it, behind the next layer
}
