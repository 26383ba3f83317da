// Package timestamp gets and verifies time-stamp tokens (RFC 3161): the statement of an authority outside that a hash
// existed at a time.
//
// It is separate from the audit log and from the cards, which both have tokens made, and it knows neither. A token is
// verified by the rules of RFC 3161 §2.4.2 and RFC 5816, with nothing that the token itself could choose: SHA-256 for
// what is stamped, a certificate for time-stamping alone, an authority that the caller trusts.
package timestamp

import (
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// Token is what a verified token says.
type Token struct {
	Time      time.Time // when the hash existed, by the clock of the authority
	Accuracy  time.Duration
	Serial    *big.Int
	Policy    asn1.ObjectIdentifier
	Authority *x509.Certificate // that signed the token
}

// MaxTokenBytes bounds a token, with the certificates of its authority.
const MaxTokenBytes = 32 << 10

// ErrInvalid reports a token that does not prove what it should.
var ErrInvalid = errors.New("the time-stamp token is not valid")

var (
	oidSignedData  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidTSTInfo     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidContentType = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidDigest      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningCert = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12} // RFC 2634, with SHA-1
	oidSigningV2   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47} // RFC 5035
	oidSHA256      = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
)

type algorithmIdentifier struct {
	Algorithm  asn1.ObjectIdentifier
	Parameters asn1.RawValue `asn1:"optional"`
}

type messageImprint struct {
	HashAlgorithm algorithmIdentifier
	HashedMessage []byte
}

type accuracy struct {
	Seconds int `asn1:"optional"`
	Millis  int `asn1:"tag:0,optional"`
	Micros  int `asn1:"tag:1,optional"`
}

// tstInfo is the TSTInfo of RFC 3161 §2.4.2.
type tstInfo struct {
	Version    int
	Policy     asn1.ObjectIdentifier
	Imprint    messageImprint
	Serial     *big.Int
	Time       time.Time     `asn1:"generalized"`
	Accuracy   accuracy      `asn1:"optional"`
	Ordering   bool          `asn1:"optional"`
	Nonce      *big.Int      `asn1:"optional"`
	TSA        asn1.RawValue `asn1:"tag:0,optional"`
	Extensions asn1.RawValue `asn1:"tag:1,optional"`
}

type contentInfo struct {
	ContentType asn1.ObjectIdentifier
	Content     asn1.RawValue `asn1:"explicit,tag:0"`
}

type signedData struct {
	Version          int
	DigestAlgorithms []algorithmIdentifier `asn1:"set"`
	Content          struct {
		ContentType asn1.ObjectIdentifier
		Content     []byte `asn1:"explicit,tag:0"`
	}
	Certificates asn1.RawValue `asn1:"tag:0,optional"`
	CRLs         asn1.RawValue `asn1:"tag:1,optional"`
	SignerInfos  []signerInfo  `asn1:"set"`
}

// Verify verifies a token over a SHA-256, and returns what it says. The token must hold the certificates up to one of
// the roots, which were valid at the time of the token.
func Verify(token []byte, hash [sha256.Size]byte, roots *x509.CertPool) (Token, error) {
	info, signer, err := verifyToken(token, hash, roots)
	if err != nil {
		return Token{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return newToken(info, signer), nil
}

func newToken(info *tstInfo, signer *x509.Certificate) Token {
	return Token{
		Time: info.Time, Serial: info.Serial, Policy: info.Policy, Authority: signer,
		Accuracy: time.Duration(info.Accuracy.Seconds)*time.Second + time.Duration(info.Accuracy.Millis)*time.Millisecond +
			time.Duration(info.Accuracy.Micros)*time.Microsecond,
	}
}

func verifyToken(token []byte, hash [sha256.Size]byte, roots *x509.CertPool) (*tstInfo, *x509.Certificate, error) {
	data, err := parseSignedData(token)
	if err != nil {
		return nil, nil, err
	}
	var info tstInfo
	switch err = parseDER(data.Content.Content, &info); {
	case err != nil:
		return nil, nil, fmt.Errorf("its content: %w", err)
	case info.Version != 1:
		return nil, nil, fmt.Errorf("its content has version %d", info.Version)
	case !info.Imprint.HashAlgorithm.Algorithm.Equal(oidSHA256) || !slices.Equal(info.Imprint.HashedMessage, hash[:]):
		return nil, nil, errors.New("it is about something else")
	}
	certificates, err := x509.ParseCertificates(data.Certificates.Bytes)
	if err != nil {
		return nil, nil, errors.New("its certificates cannot be read")
	}
	signer, err := data.SignerInfos[0].verifySignature(data.Content.Content, certificates)
	if err != nil {
		return nil, nil, err
	}
	return &info, signer, verifyAuthority(signer, certificates, roots, info.Time)
}

func parseSignedData(token []byte) (*signedData, error) {
	if len(token) > MaxTokenBytes {
		return nil, fmt.Errorf("it has more than %d bytes", MaxTokenBytes)
	}
	var outer contentInfo
	if err := parseDER(token, &outer); err != nil || !outer.ContentType.Equal(oidSignedData) {
		return nil, errors.New("it is not signed data")
	}
	var data signedData
	switch err := parseDER(outer.Content.Bytes, &data); {
	case err != nil:
		return nil, fmt.Errorf("its signed data: %w", err)
	case !data.Content.ContentType.Equal(oidTSTInfo):
		return nil, errors.New("its content is not a time stamp")
	case len(data.SignerInfos) != 1:
		return nil, fmt.Errorf("it has %d signers", len(data.SignerInfos))
	}
	return &data, nil
}

// verifyAuthority verifies that the certificate is one for time-stamping alone (RFC 3161 §2.3), of a trusted authority.
func verifyAuthority(signer *x509.Certificate, others []*x509.Certificate, roots *x509.CertPool, at time.Time) error {
	usages := []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}
	if len(signer.UnknownExtKeyUsage) > 0 || !slices.Equal(signer.ExtKeyUsage, usages) {
		return errors.New("the certificate of its signer is not for time-stamping alone")
	}
	if !isUsageCritical(signer) {
		return errors.New("the certificate of its signer does not mark its purpose as critical")
	}
	intermediates := x509.NewCertPool()
	for _, c := range others {
		intermediates.AddCert(c)
	}
	_, err := signer.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, CurrentTime: at,
		KeyUsages: usages})
	if err != nil {
		return fmt.Errorf("its signer is not trusted: %w", err)
	}
	return nil
}

var oidExtendedKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 37}

func isUsageCritical(c *x509.Certificate) bool {
	return slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool {
		return e.Critical && e.Id.Equal(oidExtendedKeyUsage)
	})
}

// parseDER reads DER that fills data.
func parseDER(data []byte, value any) error {
	rest, err := asn1.Unmarshal(data, value)
	if err == nil && len(rest) > 0 {
		err = errors.New("something follows it")
	}
	return err
}
