package timestamp

import (
	"crypto"
	"crypto/sha1" //nolint:gosec // RFC 2634 names the signer's certificate by it; the certificate is verified by itself
	"crypto/sha256"
	_ "crypto/sha512" // for tokens that are signed with SHA-384 or SHA-512
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
)

// signerInfo is the SignerInfo of RFC 5652 §5.3. The token's signer is found by the certificate's hash in the signed
// attributes, which RFC 3161 requires, and not by SID.
type signerInfo struct {
	Version            int
	SID                asn1.RawValue
	DigestAlgorithm    algorithmIdentifier
	SignedAttributes   asn1.RawValue `asn1:"tag:0,optional"`
	SignatureAlgorithm algorithmIdentifier
	Signature          []byte
	UnsignedAttributes asn1.RawValue `asn1:"tag:1,optional"`
}

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values asn1.RawValue `asn1:"set"`
}

// essCertID is the ESSCertID of RFC 2634, and the ESSCertIDv2 of RFC 5035 with another hash algorithm than SHA-256.
type essCertID struct {
	Hash         []byte
	IssuerSerial asn1.RawValue `asn1:"optional"`
}

type essCertIDv2 struct {
	HashAlgorithm algorithmIdentifier `asn1:"optional"`
	Hash          []byte
	IssuerSerial  asn1.RawValue `asn1:"optional"`
}

// digestAlgorithms are those that a token may be signed with.
var digestAlgorithms = []struct {
	oid        asn1.ObjectIdentifier
	hash       crypto.Hash
	rsa, ecdsa x509.SignatureAlgorithm
}{
	{oidSHA256, crypto.SHA256, x509.SHA256WithRSA, x509.ECDSAWithSHA256},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA384, x509.SHA384WithRSA, x509.ECDSAWithSHA384},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}, crypto.SHA512, x509.SHA512WithRSA, x509.ECDSAWithSHA512},
}

// verifySignature verifies the signature over the content, and returns the certificate that its attributes name.
func (s *signerInfo) verifySignature(content []byte, certificates []*x509.Certificate) (*x509.Certificate, error) {
	attributes, err := s.parseAttributes()
	if err != nil {
		return nil, err
	}
	for _, algorithm := range digestAlgorithms {
		if !algorithm.oid.Equal(s.DigestAlgorithm.Algorithm) {
			continue
		}
		hash := algorithm.hash.New()
		_, _ = hash.Write(content) // never fails
		if !attributes.contentType.Equal(oidTSTInfo) || !slices.Equal(attributes.digest, hash.Sum(nil)) {
			return nil, errors.New("its attributes are of another content")
		}
		i := slices.IndexFunc(certificates, attributes.isSigner)
		if i < 0 {
			return nil, errors.New("it lacks the certificate of its signer")
		}
		signer, signature := certificates[i], algorithm.rsa
		if signer.PublicKeyAlgorithm == x509.ECDSA {
			signature = algorithm.ecdsa
		}
		// What is signed is the encoding as a SET (RFC 5652 §5.4).
		signed := append([]byte{asn1.TagSet | 0x20}, s.SignedAttributes.FullBytes[1:]...)
		if signer.CheckSignature(signature, signed, s.Signature) != nil {
			return nil, errors.New("its signature is wrong")
		}
		return signer, nil
	}
	return nil, fmt.Errorf("it is signed with the digest algorithm %s", s.DigestAlgorithm.Algorithm)
}

// signedAttributes are the three attributes that a token must have.
type signedAttributes struct {
	contentType asn1.ObjectIdentifier
	digest      []byte
	isSigner    func(*x509.Certificate) bool
}

func (s *signerInfo) parseAttributes() (*signedAttributes, error) {
	parsed := &signedAttributes{isSigner: func(*x509.Certificate) bool { return false }}
	seen := make(map[string]bool)
	for rest := s.SignedAttributes.Bytes; len(rest) > 0; {
		var a attribute
		var err error
		if rest, err = asn1.Unmarshal(rest, &a); err == nil && seen[a.Type.String()] {
			err = errors.New("one is there twice")
		}
		seen[a.Type.String()] = true
		switch {
		case err != nil:
		case a.Type.Equal(oidContentType):
			err = parseDER(a.Values.Bytes, &parsed.contentType)
		case a.Type.Equal(oidDigest):
			err = parseDER(a.Values.Bytes, &parsed.digest)
		case a.Type.Equal(oidSigningV2):
			parsed.isSigner, err = parseSigningCertificateV2(a.Values.Bytes)
		case a.Type.Equal(oidSigningCert) && !seen[oidSigningV2.String()]:
			parsed.isSigner, err = parseSigningCertificate(a.Values.Bytes)
		}
		if err != nil {
			return nil, fmt.Errorf("its attributes: %w", err)
		}
	}
	return parsed, nil
}

func parseSigningCertificate(value []byte) (func(*x509.Certificate) bool, error) {
	var attribute struct {
		Certificates []essCertID
		Policies     asn1.RawValue `asn1:"optional"`
	}
	if err := parseDER(value, &attribute); err != nil || len(attribute.Certificates) == 0 {
		return nil, errors.New("the signing certificate cannot be read")
	}
	return func(c *x509.Certificate) bool {
		sum := sha1.Sum(c.Raw) //nolint:gosec // see the import
		return slices.Equal(sum[:], attribute.Certificates[0].Hash)
	}, nil
}

func parseSigningCertificateV2(value []byte) (func(*x509.Certificate) bool, error) {
	var attribute struct {
		Certificates []essCertIDv2
		Policies     asn1.RawValue `asn1:"optional"`
	}
	if err := parseDER(value, &attribute); err != nil || len(attribute.Certificates) == 0 {
		return nil, errors.New("the signing certificate cannot be read")
	}
	first := attribute.Certificates[0]
	hash := crypto.SHA256
	for _, algorithm := range digestAlgorithms {
		if algorithm.oid.Equal(first.HashAlgorithm.Algorithm) {
			hash = algorithm.hash
		}
	}
	return func(c *x509.Certificate) bool {
		if hash == crypto.SHA256 {
			sum := sha256.Sum256(c.Raw)
			return slices.Equal(sum[:], first.Hash)
		}
		sum := hash.New()
		_, _ = sum.Write(c.Raw) // never fails
		return slices.Equal(sum.Sum(nil), first.Hash)
	}, nil
}
