package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/openctr/ctr/internal/problem"
)

// MaxOCSP is the size of the largest OCSP response that is read: one status, a signature and a few certificates.
const MaxOCSP = 64 << 10

// withoutNext is how long a response counts that names no next update, because its responder always has a newer one
// (RFC 6960 §4.2.2.1).
const withoutNext = 10 * time.Minute

// standing is how a certificate stands with its authority.
type standing uint8

const (
	isUnknown standing = iota // never heard, or the responder does not know the certificate
	isGood
	isRevoked
)

// answer is what an authority said of one certificate, and when that holds.
type answer struct {
	standing standing
	period   period
	final    bool // revoked for good, and not on hold
}

func (a answer) isFinal() bool { return a.standing == isRevoked && a.final }

// at gives the standing at an instant. Revoked stays revoked, however old the answer.
func (a answer) at(instant time.Time) standing {
	if a.standing == isRevoked || a.period.covers(instant) {
		return a.standing
	}
	return isUnknown
}

// replacedBy reports whether another answer counts instead. Nothing takes back a final revocation, and otherwise the
// later one counts: on the way of a response anybody may play an old one.
func (a answer) replacedBy(b answer) bool {
	switch {
	case a.isFinal():
		return false
	case b.isFinal():
		return true
	}
	return b.period.from.After(a.period.from) || b.period.from.Equal(a.period.from) && a.standing != isRevoked
}

// readOCSP reads an OCSP response about a certificate of the issuer: the one with the serial number, or the only one that
// the response is about when that is nil. The response must be signed by the issuer, or by a responder that the issuer
// gave its certificate for that purpose (RFC 6960 §4.2.2.2) and that isListed does not know to be revoked.
//
// The library leaves open whether the responder may speak, whether its certificate is valid, and of which authority's
// certificate the response speaks: without these checks any holder of a certificate could answer for all the others.
func readOCSP(der []byte, serial *big.Int, issuer *x509.Certificate, now time.Time, isListed func(*x509.Certificate) bool) (*big.Int, answer, error) {
	if len(der) > MaxOCSP {
		return nil, answer{}, problem.New(problem.OCSPUnreadable, "it has more than", strconv.Itoa(MaxOCSP), "octets")
	}
	var about *x509.Certificate
	if serial != nil {
		about = &x509.Certificate{SerialNumber: serial}
	}
	// Without the issuer, the library checks nothing but the signature by an enclosed certificate.
	response, err := ocsp.ParseResponseForCert(der, about, nil)
	if err != nil {
		return nil, answer{}, problem.Wrap(problem.OCSPUnreadable, err)
	}
	if err = checkResponder(response, issuer, now, isListed); err != nil {
		return nil, answer{}, problem.Wrap(problem.OCSPUntrusted, err)
	}
	if err = checkCertID(response, issuer); err != nil {
		return nil, answer{}, problem.Wrap(problem.OCSPUntrusted, err)
	}
	if response.ThisUpdate.After(now.Add(skew)) {
		return nil, answer{}, problem.New(problem.OCSPUntrusted, "it is of "+instant(response.ThisUpdate))
	}
	a := answer{period: period{response.ThisUpdate, response.NextUpdate}}
	if a.period.until.IsZero() {
		a.period.until = response.ThisUpdate.Add(withoutNext)
	}
	switch response.Status {
	case ocsp.Good:
		a.standing = isGood
	case ocsp.Revoked:
		a.standing, a.final = isRevoked, response.RevocationReason != onHold
	}
	return response.SerialNumber, a, nil
}

func checkResponder(response *ocsp.Response, issuer *x509.Certificate, now time.Time, isListed func(*x509.Certificate) bool) error {
	if isWeak(response.SignatureAlgorithm) {
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
	case !bytes.Equal(responder.RawIssuer, issuer.RawSubject):
		return errors.New("the responder's certificate is of another authority")
	case !slices.Contains(responder.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning):
		return errors.New("the responder's certificate is not for answering")
	case now.Before(responder.NotBefore) || now.After(responder.NotAfter):
		return errors.New("the responder's certificate is not valid now")
	case isListed(responder):
		return errors.New("the responder's certificate is revoked")
	}
	if err := responder.CheckSignatureFrom(issuer); err != nil { // which refuses SHA-1 too, unlike the one of a response
		return fmt.Errorf("the responder's certificate is not signed by the issuer: %w", err)
	}
	return nil
}

// responseData is the signed part of a response as far as the names of the certificates (RFC 6960 §4.2.1).
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

// checkCertID compares the issuer that the response names with the one of which we asked. The same serial number may
// exist under another.
func checkCertID(response *ocsp.Response, issuer *x509.Certificate) error {
	var data responseData
	if _, err := asn1.Unmarshal(response.TBSResponseData, &data); err != nil {
		return fmt.Errorf("reading the response again: %w", err)
	}
	asked, err := ocsp.CreateRequest(&x509.Certificate{SerialNumber: response.SerialNumber}, issuer, &ocsp.RequestOptions{Hash: response.IssuerHash})
	if err != nil {
		return fmt.Errorf("naming the issuer: %w", err)
	}
	want, err := ocsp.ParseRequest(asked)
	if err != nil {
		return fmt.Errorf("naming the issuer: %w", err)
	}
	for _, single := range data.Responses {
		// The library takes the first with the serial number.
		if id := single.CertID; id.Serial.Cmp(response.SerialNumber) == 0 {
			if !bytes.Equal(id.NameHash, want.IssuerNameHash) || !bytes.Equal(id.KeyHash, want.IssuerKeyHash) {
				return errors.New("the response is about a certificate of another authority")
			}
			return nil
		}
	}
	return errors.New("the response names no certificate")
}
