package revocation

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// MaxOCSPResponseBytes bounds an OCSP response: one status, a signature and a few certificates.
const MaxOCSPResponseBytes = 64 << 10

// maxAgeWithoutNextUpdate is the lifetime of a response without nextUpdate, whose responder always has a newer one (RFC
// 6960 §4.2.2.1).
const maxAgeWithoutNextUpdate = 10 * time.Minute

// revocationStatus is the status of a certificate.
type revocationStatus uint8

const (
	statusUnknown revocationStatus = iota // no response, or the responder does not know the certificate
	statusGood
	statusRevoked
)

// certificateStatus is an authority's statement about one certificate, and its period.
type certificateStatus struct {
	status revocationStatus
	period updatePeriod
	final  bool // revoked, and not only on hold
}

func (a certificateStatus) isFinal() bool { return a.status == statusRevoked && a.final }

// statusAt returns the status at an instant. Revoked stays revoked, however old the statement.
func (a certificateStatus) statusAt(instant time.Time) revocationStatus {
	if a.status == statusRevoked || a.period.isCurrentAt(instant) {
		return a.status
	}
	return statusUnknown
}

// isReplacedBy reports whether another statement supersedes this one. Nothing supersedes a final revocation; otherwise
// the later statement wins, because an attacker on the network can replay an old response.
func (a certificateStatus) isReplacedBy(b certificateStatus) bool {
	switch {
	case a.isFinal():
		return false
	case b.isFinal():
		return true
	}
	return b.period.thisUpdate.After(a.period.thisUpdate) ||
		b.period.thisUpdate.Equal(a.period.thisUpdate) && a.status != statusRevoked
}

// parseOCSPResponse parses and verifies an OCSP response about a certificate of the issuer: the one with the serial
// number, or, if serial is nil, the only one in the response. The response must be signed by the issuer, or by a
// responder that the issuer certified for OCSP signing (RFC 6960 §4.2.2.2) and whose certificate isListed does not
// report as revoked.
//
// The library does not check whether the responder is authorised, whether its certificate is valid, and which issuer
// the response is about: without these checks any certificate holder could answer for all other certificates.
func parseOCSPResponse(
	der []byte, serial *big.Int, issuer *x509.Certificate, now time.Time, isListed func(*x509.Certificate) bool,
) (*big.Int, certificateStatus, error) {
	if len(der) > MaxOCSPResponseBytes {
		return nil, certificateStatus{}, problem.New(
			OCSPUnreadable, texts.Literal(fmt.Sprintf("it has more than %d octets", MaxOCSPResponseBytes)),
		)
	}
	var template *x509.Certificate
	if serial != nil {
		template = &x509.Certificate{SerialNumber: serial}
	}
	// Without an issuer, the library only checks the signature by an enclosed certificate.
	response, err := ocsp.ParseResponseForCert(der, template, nil)
	if err != nil {
		return nil, certificateStatus{}, problem.Wrap(OCSPUnreadable, err)
	}
	if err = checkResponder(response, issuer, now, isListed); err != nil {
		return nil, certificateStatus{}, problem.Wrap(OCSPUntrusted, err)
	}
	if err = checkCertID(response, issuer); err != nil {
		return nil, certificateStatus{}, problem.Wrap(OCSPUntrusted, err)
	}
	if response.ThisUpdate.After(now.Add(maxClockSkew)) {
		return nil, certificateStatus{}, problem.New(
			OCSPUntrusted, texts.Literal("it is of "+response.ThisUpdate.UTC().Format(time.RFC3339)),
		)
	}
	a := certificateStatus{period: updatePeriod{response.ThisUpdate, response.NextUpdate}}
	if a.period.nextUpdate.IsZero() {
		a.period.nextUpdate = response.ThisUpdate.Add(maxAgeWithoutNextUpdate)
	}
	switch response.Status {
	case ocsp.Good:
		a.status = statusGood
	case ocsp.Revoked:
		a.status, a.final = statusRevoked, response.RevocationReason != reasonCertificateHold
	}
	return response.SerialNumber, a, nil
}

func checkResponder(
	response *ocsp.Response, issuer *x509.Certificate, now time.Time, isListed func(*x509.Certificate) bool,
) error {
	if x509id.IsWeakSignatureAlgorithm(response.SignatureAlgorithm) {
		return fmt.Errorf("the response is signed with %s", response.SignatureAlgorithm)
	}
	responder := response.Certificate
	if responder == nil || bytes.Equal(responder.Raw, issuer.Raw) {
		if err := response.CheckSignatureFrom(issuer); err != nil {
			return fmt.Errorf("not signed by the issuer: %w", err)
		}
		return nil
	}
	switch {
	case !x509id.EqualNames(responder.RawIssuer, issuer.RawSubject):
		return errors.New("the responder's certificate is of another authority")
	case !slices.Contains(responder.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning):
		return errors.New("the responder's certificate is not for answering")
	case now.Before(responder.NotBefore) || now.After(responder.NotAfter):
		return errors.New("the responder's certificate is not valid now")
	case isListed(responder):
		return errors.New("the responder's certificate is revoked")
	}
	if err := responder.CheckSignatureFrom(issuer); err != nil { // refuses SHA-1 too, unlike the method of ocsp.Response
		return fmt.Errorf("the responder's certificate is not signed by the issuer: %w", err)
	}
	return nil
}

// responseData is the signed part of a response, up to its CertIDs (RFC 6960 §4.2.1).
type responseData struct {
	Version     int `asn1:"optional,default:0,explicit,tag:0"`
	ResponderID asn1.RawValue
	ProducedAt  time.Time `asn1:"generalized"`
	Responses   []struct {
		CertID struct {
			Algorithm         asn1.RawValue
			NameHash, KeyHash []byte
			Serial            *big.Int
		}
	}
}

// checkCertID compares the issuer named in the response with the expected one. Another issuer may have used the same
// serial number.
func checkCertID(response *ocsp.Response, issuer *x509.Certificate) error {
	var data responseData
	if _, err := asn1.Unmarshal(response.TBSResponseData, &data); err != nil {
		return fmt.Errorf("reading the response again: %w", err)
	}
	request, err := ocsp.CreateRequest(
		&x509.Certificate{SerialNumber: response.SerialNumber}, issuer, &ocsp.RequestOptions{Hash: response.IssuerHash},
	)
	if err != nil {
		return fmt.Errorf("naming the issuer: %w", err)
	}
	expected, err := ocsp.ParseRequest(request)
	if err != nil {
		return fmt.Errorf("naming the issuer: %w", err)
	}
	for _, single := range data.Responses {
		// The library uses the first response with the serial number.
		if id := single.CertID; id.Serial.Cmp(response.SerialNumber) == 0 {
			if !bytes.Equal(id.NameHash, expected.IssuerNameHash) || !bytes.Equal(id.KeyHash, expected.IssuerKeyHash) {
				return errors.New("the response is about a certificate of another authority")
			}
			return nil
		}
	}
	return errors.New("the response names no certificate")
}
