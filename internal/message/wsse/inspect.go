package wsse

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"strconv"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// InspectOptions holds the service's configuration and the time used for an inspection.
type InspectOptions struct {
	// Trust holds the trust anchors. If nil, everything about a certificate is checked except its issuer.
	Trust *x509id.TrustStore
	// Registered holds the certificates that a message may name instead of containing them; nil means none.
	Registered *x509id.Directory
	// Time is the time used for the inspection.
	Time time.Time
	// Strict and AllowSHA1 are the settings of the service.
	Strict, AllowSHA1 bool
	// HideRegistered is for reports that leave the service: a message that names a certificate of Registered without
	// proof of its key gets the same report as for an unregistered certificate.
	HideRegistered bool
}

// Report describes the security of a message, good or bad. It authenticates nothing: only Verify does, and no function
// turns a Report into a Verified.
type Report struct {
	// FirstRefusal is the error of Verify, or nil if Verify accepts the message.
	FirstRefusal *problem.Error
	// Header lists the refusals of the structure of the Security header.
	Header []*problem.Error
	// Signature is nil if there is none.
	Signature *dsig.Inspection
	// Coverage says which parts of the message the signature covers.
	Coverage CoverageReport
	// Key says how the signature identifies its key.
	Key KeyReport
	// Certificate is nil if none was found.
	Certificate *CertificateReport
	// Timestamp is nil if there is none.
	Timestamp *TimestampReport
	// Other contains FirstRefusal if none of the checks above found it.
	Other []*problem.Error
}

// CoverageReport says which parts of the message the signature covers.
type CoverageReport struct {
	Body, Timestamp, Certificate bool
	// Refusals lists the missing coverage.
	Refusals []*problem.Error
}

// KeyReport says how the signature identifies its key.
type KeyReport struct {
	// Form names the elements used, or is empty if the form is unknown.
	Form string
	// Refusals lists the problems of the reference and of the token.
	Refusals []*problem.Error
}

// CertificateReport describes the signer's certificate.
type CertificateReport struct {
	// Name and Issuer are distinguished names in the usual notation.
	Name, Issuer string
	// Subject is the identity that the service derives from the certificate, or zero if it derives none.
	Subject             x509id.Subject
	NotBefore, NotAfter time.Time
	Key                 string // for example "RSA 2048"
	TrustChecked        bool
	// Refusals lists the problems of the certificate.
	Refusals []*problem.Error
}

// TimestampReport says when the message is valid.
type TimestampReport struct {
	// Created and ValidUntil are zero if they could not be read. The validity period begins Skew before Created.
	Created, ValidUntil time.Time
	// Refusals lists the problems of the Timestamp.
	Refusals []*problem.Error
}

// Inspect performs the checks of Verify and continues where Verify stops. It also calls Verify, so the report contains
// whatever Verify refuses.
//
// A Report reveals what Verify withholds from unauthenticated senders, and it lets any sender cause the maximum work.
// Use it on the sender's own machine or in a service for testers, never on the network of a service in production.
func Inspect(envelope *soap.Envelope, o InspectOptions) *Report {
	i := &inspector{
		options: o,
		verifier: &Verifier{
			Trust:      o.Trust,
			Registered: o.Registered,
			Strict:     o.Strict,
			Now:        func() time.Time { return o.Time },
		},
	}
	if o.AllowSHA1 {
		i.verifier.AllowSHA1Until = o.Time.Add(time.Second)
	}
	i.inspectEnvelope(envelope)
	if i.registeredOnly && o.HideRegistered && !i.hasVerifiedSignature() {
		o.Registered = nil
		return Inspect(envelope, o)
	}
	if i.verifier.Trust == nil {
		var anchors []*x509.Certificate
		if i.certificate != nil {
			anchors = append(anchors, i.certificate)
		}
		i.verifier.Trust = x509id.NewTrustStore(anchors, nil, 0)
	}
	if _, err := i.verifier.Verify(envelope); err != nil {
		i.report.FirstRefusal = problem.From(err)
		if !containsRefusal(i.report.Findings(), i.report.FirstRefusal) {
			i.report.Other = append(i.report.Other, i.report.FirstRefusal)
		}
	}
	return &i.report
}

// Findings returns all refusals, each once, in the order in which they are best repaired.
func (r *Report) Findings() []*problem.Error {
	parts := [][]*problem.Error{r.Header}
	if r.Signature != nil {
		parts = append(parts, r.Signature.AllRefusals())
	}
	parts = append(parts, r.Coverage.Refusals, r.Key.Refusals)
	if r.Certificate != nil {
		parts = append(parts, r.Certificate.Refusals)
	}
	if r.Timestamp != nil {
		parts = append(parts, r.Timestamp.Refusals)
	}
	var all []*problem.Error
	for _, part := range append(parts, r.Other) {
		for _, refusal := range part {
			all = appendUnique(all, refusal)
		}
	}
	return all
}

// Canonical returns the canonical form of SignedInfo, or of a referenced element, given by its name or its identifier.
func (r *Report) Canonical(name string) ([]byte, bool) {
	if r.Signature == nil {
		return nil, false
	}
	if name == "SignedInfo" {
		data := r.Signature.CanonicalSignedInfo()
		return data, data != nil
	}
	for i := range r.Signature.References {
		about := &r.Signature.References[i]
		if about.Target != name && strings.TrimPrefix(about.URI, "#") != strings.TrimPrefix(name, "#") {
			continue
		}
		if data := r.Signature.CanonicalReference(i); data != nil {
			return data, true
		}
	}
	return nil, false
}

// appendUnique appends a refusal unless the list contains it already. Several checks may find the same cause.
func appendUnique(all []*problem.Error, err error) []*problem.Error {
	if err == nil || containsRefusal(all, problem.From(err)) {
		return all
	}
	return append(all, problem.From(err))
}

func containsRefusal(all []*problem.Error, e *problem.Error) bool {
	for _, other := range all {
		if other.Code == e.Code && other.Path == e.Path && other.Detail.Equal(e.Detail) {
			return true
		}
	}
	return false
}

// inspector is the state of one inspection.
type inspector struct {
	options        InspectOptions
	verifier       *Verifier
	message        *securityNodes
	certificate    *x509.Certificate
	registeredOnly bool // the certificate is registered and not contained in the message
	report         Report
}

// hasVerifiedSignature reports whether the signature value verifies, which proves that the sender holds the key.
func (i *inspector) hasVerifiedSignature() bool {
	s := i.report.Signature
	return s != nil && s.ValueVerified && len(s.ValueRefusals) == 0
}

func (i *inspector) inspectEnvelope(envelope *soap.Envelope) {
	m := &securityNodes{header: envelope.Header(), security: envelope.Security(), body: envelope.UnverifiedBody()}
	i.message = m
	if m.security.IsZero() {
		return // Verify reports the missing header
	}
	header := &i.report.Header
	for e := range m.security.Children() {
		*header = appendUnique(*header, m.assignChild(e))
	}
	*header = appendUnique(*header, m.checkTimestamp())
	*header = appendUnique(*header, m.checkSignature())
	if !m.timestamp.IsZero() {
		i.report.Timestamp = inspectTimestamp(m.timestamp, i.options.Time.UTC())
	}
	if m.signature.IsZero() {
		return
	}
	m.key, m.keyRefusal = m.readKeyInfo(m.signature.Child(dsig.Namespace, "KeyInfo"))
	signature := dsig.Inspect(m.signature, dsig.Policy{AllowSHA1: i.options.AllowSHA1}, m)
	i.report.Signature = signature
	*header = appendUnique(*header, m.checkSingleReading(signature))
	i.inspectCoverage(m.determineCoverage(signature))
	i.inspectKey()
	var key crypto.PublicKey
	if i.certificate != nil {
		m.certificate, key = i.certificate.Raw, i.certificate.PublicKey
	}
	signature.ComputeValues(key)
}

func (i *inspector) inspectCoverage(c coverage) {
	r := &i.report.Coverage
	r.Body, r.Timestamp, r.Certificate = c.body, c.timestamp, c.certificate
	r.Refusals = appendUnique(r.Refusals, coverage{c.body, true, true}.checkRequired(i.options.Strict))
	if i.report.Timestamp != nil {
		r.Refusals = appendUnique(r.Refusals, coverage{true, c.timestamp, true}.checkRequired(i.options.Strict))
	}
	r.Refusals = appendUnique(r.Refusals, coverage{true, true, c.certificate}.checkRequired(i.options.Strict))
}

// inspectKey finds the certificate, even in a token that the signature fails to reference properly.
func (i *inspector) inspectKey() {
	m, r := i.message, &i.report.Key
	r.Form = m.key.describeForm()
	r.Refusals = appendUnique(r.Refusals, m.keyRefusal)
	found, err := m.readPresentedCertificate()
	r.Refusals = appendUnique(r.Refusals, err)
	switch {
	case err != nil:
		return
	case found.der != nil && found.parsed == nil:
		if found.parsed, err = x509id.ParseCertificate(found.der); err != nil {
			r.Refusals = appendUnique(r.Refusals, problem.From(err).WithPath(found.path))
			return
		}
	case found.der == nil && !m.key.selector.IsZero():
		if found.parsed = i.options.Registered.FindCertificate(&m.key.selector, i.options.Time); found.parsed == nil {
			r.Refusals = appendUnique(r.Refusals, newRefusal(KeyUnregistered, m.key.path))
			return
		}
		found.path, i.registeredOnly = m.key.path, true
	case found.der == nil:
		return
	}
	if !m.key.selector.Matches(found.parsed) {
		r.Refusals = appendUnique(r.Refusals, newRefusal(KeyReferenceDisagrees, m.key.path))
	}
	i.certificate = found.parsed
	i.report.Certificate = i.inspectCertificate(found)
}

// describeForm describes how a certificate is contained or named.
func (k *keyReference) describeForm() string {
	var forms []string
	for _, way := range []struct {
		name string
		used bool
	}{
		{"Reference to the BinarySecurityToken", k.isDirect},
		{"embedded " + k.embedded.Local(), !k.embedded.IsZero()},
		{"X509IssuerSerial", k.selector.IssuerSerial != x509id.IssuerSerial{}},
		{"X509SubjectName", k.selector.Subject != x509id.Name{}},
		{"subject key identifier", k.selector.SubjectKeyID != nil},
		{"ThumbprintSHA1", k.selector.Thumbprint != nil},
	} {
		if way.used {
			forms = append(forms, way.name)
		}
	}
	return strings.Join(forms, ", ")
}

func (i *inspector) inspectCertificate(presented presentedCertificate) *CertificateReport {
	c := presented.parsed
	now := i.options.Time.UTC()
	r := &CertificateReport{
		Name:         c.Subject.String(),
		Issuer:       c.Issuer.String(),
		NotBefore:    c.NotBefore,
		NotAfter:     c.NotAfter,
		Key:          describeKey(c.PublicKey),
		TrustChecked: i.options.Trust != nil,
	}
	if r.TrustChecked {
		if err := i.options.Trust.VerifyWithIssuers(presented.issuers, c, now); err != nil {
			r.Refusals = appendUnique(r.Refusals, withCertificatePath(err, presented.path, now))
		}
	}
	// With itself as the only trust anchor, check the certificate alone: now, and at a time within its validity period.
	own := x509id.NewTrustStore([]*x509.Certificate{c}, nil, 0)
	moment := now
	switch {
	case now.Before(c.NotBefore):
		moment = c.NotBefore
	case now.After(c.NotAfter):
		moment = c.NotAfter
	}
	for _, at := range []time.Time{now, moment} {
		if err := own.Verify(c, at); err != nil {
			r.Refusals = appendUnique(r.Refusals, withCertificatePath(err, presented.path, at))
		}
	}
	subject, err := x509id.SubjectFromCertificate(c)
	if err != nil {
		r.Refusals = appendUnique(r.Refusals, withCertificatePath(err, presented.path, now))
		return r
	}
	r.Subject = subject
	return r
}

func describeKey(key crypto.PublicKey) string {
	switch public := key.(type) {
	case *rsa.PublicKey:
		return "RSA " + strconv.Itoa(public.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + public.Curve.Params().Name
	}
	return "neither RSA nor ECDSA"
}

func inspectTimestamp(e xmldoc.Element, now time.Time) *TimestampReport {
	r := &TimestampReport{}
	created, validUntil, err := readTimestamp(e)
	if err != nil {
		r.Refusals = appendUnique(r.Refusals, err)
		if expires := e.Child(namespaceWSU, "Expires"); !expires.IsZero() { // readTimestamp stops at an invalid Created
			_, err = parseInstant(expires, timestampPath+"/wsu:Expires")
			r.Refusals = appendUnique(r.Refusals, err)
		}
		return r
	}
	r.Created, r.ValidUntil = created, validUntil
	r.Refusals = appendUnique(r.Refusals, checkClock(created, validUntil, now))
	return r
}
