package pdfua

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"slices"
)

// Object identifiers of RFC 5652, RFC 5035, RFC 3161 and RFC 5754.
var (
	oidData                 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidContentType          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningCertificateV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidSignatureTimestamp   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 14}
	oidSHA256               = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidRSAEncryption        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidECDSAWithSHA256      = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
)

type contentInfo struct {
	ContentType asn1.ObjectIdentifier
	Content     asn1.RawValue
}

type signedData struct {
	Version          int
	DigestAlgorithms []pkix.AlgorithmIdentifier `asn1:"set"`
	Content          struct{ ContentType asn1.ObjectIdentifier }
	Certificates     asn1.RawValue
	SignerInfos      []signerInfo `asn1:"set"`
}

type signerInfo struct {
	Version            int
	SignerID           issuerAndSerialNumber
	DigestAlgorithm    pkix.AlgorithmIdentifier
	SignedAttributes   asn1.RawValue
	SignatureAlgorithm pkix.AlgorithmIdentifier
	Signature          []byte
	UnsignedAttributes asn1.RawValue `asn1:"optional"`
}

type issuerAndSerialNumber struct {
	Issuer       asn1.RawValue
	SerialNumber *big.Int
}

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values []any `asn1:"set"`
}

type signingCertificateV2 struct{ Certificates []essCertIDv2 }

type essCertIDv2 struct{ Hash []byte } // SHA-256 is the default algorithm

var errKeyUnsupported = errors.New("a document is signed with an RSA or a P-256 key")

// encodeCMS returns the detached signature over a digest. The signed attributes are those that PAdES asks for; there is
// no signing time, which PAdES has in the dictionary of the signature.
func (f *signatureField) encodeCMS(digest []byte) ([]byte, error) {
	certificate := f.Chain[0]
	fingerprint := sha256.Sum256(certificate.Raw)
	signed, err := encodeAttributes(
		attribute{oidContentType, []any{oidData}}, attribute{oidMessageDigest, []any{digest}},
		attribute{oidSigningCertificateV2, []any{signingCertificateV2{[]essCertIDv2{{fingerprint[:]}}}}},
	)
	if err != nil {
		return nil, err
	}
	algorithm, err := signatureAlgorithm(f.Key.Public())
	if err != nil {
		return nil, err
	}
	// The attributes are signed as a SET and stored with an implicit tag (RFC 5652, 5.4).
	set, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: signed})
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(set)
	// Without a random source ECDSA is deterministic (RFC 6979): the same document has the same bytes.
	signature, err := f.Key.Sign(nil, hash[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	info := signerInfo{
		Version:            1,
		SignerID:           issuerAndSerialNumber{asn1.RawValue{FullBytes: certificate.RawIssuer}, certificate.SerialNumber},
		DigestAlgorithm:    pkix.AlgorithmIdentifier{Algorithm: oidSHA256},
		SignedAttributes:   implicitTag(0, signed),
		SignatureAlgorithm: algorithm,
		Signature:          signature,
	}
	if f.Timestamp != nil {
		if info.UnsignedAttributes, err = f.stampSignature(signature); err != nil {
			return nil, err
		}
	}
	return encodeSignedData(f.Chain, info)
}

func encodeSignedData(certificates []*x509.Certificate, info signerInfo) ([]byte, error) {
	var chain []byte
	for _, c := range certificates {
		chain = append(chain, c.Raw...)
	}
	data := signedData{
		Version: 1, DigestAlgorithms: []pkix.AlgorithmIdentifier{info.DigestAlgorithm},
		Certificates: implicitTag(0, chain), SignerInfos: []signerInfo{info},
	}
	data.Content.ContentType = oidData
	inner, err := asn1.Marshal(data)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(contentInfo{oidSignedData, implicitTag(0, inner)})
}

// stampSignature returns the unsigned attribute with a time-stamp over the signature value.
func (f *signatureField) stampSignature(signature []byte) (asn1.RawValue, error) {
	token, err := f.Timestamp(signature)
	if err != nil {
		return asn1.RawValue{}, err
	}
	unsigned, err := encodeAttributes(attribute{oidSignatureTimestamp, []any{asn1.RawValue{FullBytes: token}}})
	return implicitTag(1, unsigned), err
}

func signatureAlgorithm(public crypto.PublicKey) (pkix.AlgorithmIdentifier, error) {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return pkix.AlgorithmIdentifier{Algorithm: oidRSAEncryption, Parameters: asn1.NullRawValue}, nil
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return pkix.AlgorithmIdentifier{Algorithm: oidECDSAWithSHA256}, nil
		}
	}
	return pkix.AlgorithmIdentifier{}, errKeyUnsupported
}

func implicitTag(tag int, content []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: true, Bytes: content}
}

// encodeAttributes returns attributes in the order of a DER SET, without its tag.
func encodeAttributes(all ...attribute) ([]byte, error) {
	encoded := make([][]byte, len(all))
	for i, a := range all {
		var err error
		if encoded[i], err = asn1.Marshal(a); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(encoded, bytes.Compare)
	return bytes.Join(encoded, nil), nil
}
