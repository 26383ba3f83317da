package authority

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"time"

	"github.com/openctr/ctr/internal/message/cms"
	"github.com/openctr/ctr/internal/message/x509id"
)

// IssueEncryptionKey generates an RSA key for decryption, whose certificate the holder signs with the authentication
// key and under the authentication certificate's name, as on the platform. Name is the serial number in decimal.
func IssueEncryptionKey(holder *x509id.Key, random io.Reader) (*x509id.Key, error) {
	signer, err := KeyRSA2048.generateKey(random)
	if err != nil {
		return nil, err
	}
	serial := make([]byte, 16)
	if _, err = io.ReadFull(random, serial); err != nil {
		return nil, fmt.Errorf("authority: reading randomness: %w", err)
	}
	serial[0] = serial[0]&0x7f | 0x40 // positive and of fixed length (RFC 5280 §4.1.2.2)
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial),
		RawSubject:   holder.Certificate.RawSubject,
		NotBefore:    holder.Certificate.NotBefore,
		NotAfter:     holder.Certificate.NotAfter,
		KeyUsage:     x509.KeyUsageKeyEncipherment | x509.KeyUsageDataEncipherment,
	}
	parent := &x509.Certificate{RawSubject: holder.Certificate.RawSubject} // no key identifiers, as on the platform
	der, err := x509.CreateCertificate(random, template, parent, signer.Public(), holder.Signer)
	if err != nil {
		return nil, fmt.Errorf("authority: an encryption certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("authority: an encryption certificate: %w", err)
	}
	return &x509id.Key{Signer: signer, Certificate: certificate, Name: certificate.SerialNumber.String()}, nil
}

// IssueDepotKey generates the key with which a depot countersigns encryption tokens.
func (a *Authority) IssueDepotKey(from, until time.Time) (*x509id.Key, error) {
	signer, err := KeyRSA2048.generateKey(a.random)
	if err != nil {
		return nil, err
	}
	return a.signCertificate(signer, a.issuing, &x509.Certificate{
		Subject: pkix.Name{
			Country: []string{x509id.CountryCode}, Organization: []string{"Federal Government"},
			OrganizationalUnit: []string{"eHealth-platform Belgium"}, CommonName: cms.TokenSigner,
		},
		NotBefore:             from,
		NotAfter:              until,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	})
}
