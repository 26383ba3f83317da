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
	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// InspectOptions say how to look at a message: with the eyes of which service, and when.
type InspectOptions struct {
	// Trust says which certificates may sign. Without it everything about a certificate is judged but who issued it.
	Trust *pki.Trust
	// Known are the certificates that a message may name without showing them; nil means none.
	Known *pki.Directory
	// At is the instant at which the message is judged.
	At time.Time
	// Strict and AllowSHA1 are those of the service.
	Strict, AllowSHA1 bool
	// Discreet is for a report that goes to a stranger: whoever names a certificate of Known without holding its key gets the
	// report of one that is not known.
	Discreet bool
}

// Report tells all that can be told of a message's security, good or bad. It proves nothing: only Verify does, and nothing
// leads from a Report to a Verified.
type Report struct {
	// First is what Verify answers, and nil if it does not refuse.
	First *problem.Error
	// Header are the refusals of the Security header's structure.
	Header []*problem.Error
	// Signature is nil where there is none.
	Signature *dsig.Inspection
	// Coverage tells what of the message the signature refers to.
	Coverage CoverageReport
	// Key tells how the signature names its key.
	Key KeyReport
	// Certificate is nil where none was found.
	Certificate *CertificateReport
	// Timestamp is nil where there is none.
	Timestamp *TimestampReport
	// Other is First, where it is found nowhere else.
	Other []*problem.Error
}

// CoverageReport tells what of the message the signature refers to.
type CoverageReport struct {
	Body, Timestamp, Certificate bool
	// Refusals are what is missing.
	Refusals []*problem.Error
}

// KeyReport tells how the signature names its key.
type KeyReport struct {
	// Form is the way, by the names of its elements; empty where it is none that is known.
	Form string
	// Refusals are what is wrong, with the reference or with the token.
	Refusals []*problem.Error
}

// CertificateReport tells who signs, as the certificate says it.
type CertificateReport struct {
	// Name is the subject as it is usually written, Issuer likewise.
	Name, Issuer string
	// Subject is what the service takes it for: zero where it takes it for nobody.
	Subject         pki.Subject
	From, Until     time.Time
	Key             string // "RSA 2048"
	TrustWasChecked bool
	// Refusals are what is wrong.
	Refusals []*problem.Error
}

// TimestampReport tells when the message is good.
type TimestampReport struct {
	// Created and Until are zero where they could not be read. The window begins Skew before Created.
	Created, Until time.Time
	// Refusals are what is wrong.
	Refusals []*problem.Error
}

// Inspect looks at all that Verify looks at, and goes on where Verify stops. Whatever Verify refuses stands in the report,
// because it is asked too.
//
// A Report tells a stranger what Verify keeps from him, and takes all of the bounded work from whoever asks: it is for the
// sender's own machine, or for a service that knows nobody but testers, and never for the network of a service in
// production.
func Inspect(envelope *soap.Envelope, o InspectOptions) *Report {
	i := &inspector{options: o, verifier: &Verifier{Trust: o.Trust, Known: o.Known, Strict: o.Strict, Now: func() time.Time { return o.At }}}
	if o.AllowSHA1 {
		i.verifier.AllowSHA1Until = o.At.Add(time.Second)
	}
	i.inspect(envelope)
	if i.named && o.Discreet && !i.proved() {
		o.Known = nil
		return Inspect(envelope, o)
	}
	if i.verifier.Trust == nil {
		var anchors []*x509.Certificate
		if i.certificate != nil {
			anchors = append(anchors, i.certificate)
		}
		i.verifier.Trust = pki.NewTrust(anchors, nil, 0)
	}
	if _, err := i.verifier.Verify(envelope); err != nil {
		i.report.First = problem.From(err)
		if !contains(i.report.Findings(), i.report.First) {
			i.report.Other = append(i.report.Other, i.report.First)
		}
	}
	return &i.report
}

// Findings are all refusals, in the order in which they are best repaired, each once.
func (r *Report) Findings() []*problem.Error {
	parts := [][]*problem.Error{r.Header}
	if r.Signature != nil {
		parts = append(parts, r.Signature.Refusals())
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
			all = add(all, refusal)
		}
	}
	return all
}

// Canonical returns the octets that the signature is about: those of SignedInfo, or those that a reference digests, which
// is named by its element or its identifier.
func (r *Report) Canonical(of string) ([]byte, bool) {
	if r.Signature == nil {
		return nil, false
	}
	if of == "SignedInfo" {
		octets := r.Signature.SignedInfo()
		return octets, octets != nil
	}
	for i := range r.Signature.References {
		about := &r.Signature.References[i]
		if about.Target != of && strings.TrimPrefix(about.URI, "#") != strings.TrimPrefix(of, "#") {
			continue
		}
		if octets := r.Signature.Canonical(i); octets != nil {
			return octets, true
		}
	}
	return nil, false
}

// add adds a refusal that is not there yet. Consequences of one cause may be found on several ways.
func add(all []*problem.Error, err error) []*problem.Error {
	if err == nil || contains(all, problem.From(err)) {
		return all
	}
	return append(all, problem.From(err))
}

func contains(all []*problem.Error, e *problem.Error) bool {
	for _, other := range all {
		if other.Code == e.Code && other.At == e.At && other.Public == e.Public {
			return true
		}
	}
	return false
}

// inspector is one inspection under way.
type inspector struct {
	options     InspectOptions
	verifier    *Verifier
	message     *message
	certificate *x509.Certificate
	named       bool // the certificate is of those that are known, and does not stand in the message
	report      Report
}

// proved reports whether the signature value verifies, so that the sender holds the key.
func (i *inspector) proved() bool {
	s := i.report.Signature
	return s != nil && s.Judged && len(s.Value) == 0
}

func (i *inspector) inspect(envelope *soap.Envelope) {
	m := &message{header: envelope.Header(), security: envelope.Security(), body: envelope.UnverifiedBody()}
	i.message = m
	if m.security.IsZero() {
		return // of which Verify says enough
	}
	header := &i.report.Header
	for e := range m.security.Children() {
		*header = add(*header, m.take(e))
	}
	*header = add(*header, m.checkTimestamp())
	*header = add(*header, m.checkSignature())
	if !m.timestamp.IsZero() {
		i.report.Timestamp = inspectTimestamp(m.timestamp, i.options.At.UTC())
	}
	if m.signature.IsZero() {
		return
	}
	m.key, m.keyRefusal = m.readKey(m.signature.Child(dsig.Namespace, "KeyInfo"))
	signature := dsig.Inspect(m.signature, dsig.Policy{AllowSHA1: i.options.AllowSHA1}, m)
	i.report.Signature = signature
	i.inspectCoverage(m.coverage(signature))
	i.inspectKey()
	var key crypto.PublicKey
	if i.certificate != nil {
		m.certificate, key = i.certificate.Raw, i.certificate.PublicKey
	}
	signature.Judge(key)
}

func (i *inspector) inspectCoverage(c coverage) {
	r := &i.report.Coverage
	r.Body, r.Timestamp, r.Certificate = c.body, c.timestamp, c.certificate
	r.Refusals = add(r.Refusals, coverage{c.body, true, true}.check(i.options.Strict))
	if i.report.Timestamp != nil {
		r.Refusals = add(r.Refusals, coverage{true, c.timestamp, true}.check(i.options.Strict))
	}
	r.Refusals = add(r.Refusals, coverage{true, true, c.certificate}.check(i.options.Strict))
}

// inspectKey finds the certificate, if need be in a token to which the signature does not refer as it should.
func (i *inspector) inspectKey() {
	m, r := i.message, &i.report.Key
	r.Form = m.key.form()
	r.Refusals = add(r.Refusals, m.keyRefusal)
	found, err := m.shown()
	r.Refusals = add(r.Refusals, err)
	switch {
	case err != nil:
		return
	case found.octets != nil && found.parsed == nil:
		if found.parsed, err = x509.ParseCertificate(found.octets); err != nil {
			r.Refusals = add(r.Refusals, problem.Wrap(problem.TokenUnreadable, err).In(found.at))
			return
		}
	case found.octets == nil && !m.key.names.IsZero():
		if found.parsed = i.options.Known.Find(&m.key.names, i.options.At); found.parsed == nil {
			r.Refusals = add(r.Refusals, refuse(problem.KeyUnregistered, m.key.at))
			return
		}
		found.at, i.named = m.key.at, true
	case found.octets == nil:
		return
	}
	if !m.key.names.Fits(found.parsed) {
		r.Refusals = add(r.Refusals, refuse(problem.KeyReferenceDisagrees, m.key.at))
	}
	i.certificate = found.parsed
	i.report.Certificate = i.inspectCertificate(found)
}

// form says how a certificate is shown or named.
func (k *keyReference) form() string {
	var forms []string
	for _, way := range []struct {
		name string
		used bool
	}{
		{"Reference to the BinarySecurityToken", k.direct},
		{"embedded " + k.embedded.Local(), !k.embedded.IsZero()},
		{"X509IssuerSerial", k.names.IssuerSerial != pki.IssuerSerial{}},
		{"X509SubjectName", k.names.Subject != pki.Name{}},
		{"subject key identifier", k.names.SubjectKeyID != nil},
		{"ThumbprintSHA1", k.names.Thumbprint != nil},
	} {
		if way.used {
			forms = append(forms, way.name)
		}
	}
	return strings.Join(forms, ", ")
}

func (i *inspector) inspectCertificate(s shown) *CertificateReport {
	c := s.parsed
	now := i.options.At.UTC()
	r := &CertificateReport{
		Name: c.Subject.String(), Issuer: c.Issuer.String(), From: c.NotBefore, Until: c.NotAfter, Key: describeKey(c.PublicKey),
		TrustWasChecked: i.options.Trust != nil,
	}
	if r.TrustWasChecked {
		if err := i.options.Trust.VerifyWith(s.issuers, c, now); err != nil {
			r.Refusals = add(r.Refusals, placed(err, s.at, now))
		}
	}
	// Trusted for once, the certificate is judged for itself: at the instant, and as if it were valid then.
	own := pki.NewTrust([]*x509.Certificate{c}, nil, 0)
	moment := now
	switch {
	case now.Before(c.NotBefore):
		moment = c.NotBefore
	case now.After(c.NotAfter):
		moment = c.NotAfter
	}
	for _, at := range []time.Time{now, moment} {
		if err := own.Verify(c, at); err != nil {
			r.Refusals = add(r.Refusals, placed(err, s.at, at))
		}
	}
	subject, err := pki.SubjectOf(c)
	if err != nil {
		r.Refusals = add(r.Refusals, placed(err, s.at, now))
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
	created, until, err := readTimestamp(e)
	if err != nil {
		r.Refusals = add(r.Refusals, err)
		if expires := e.Child(utility, "Expires"); !expires.IsZero() { // which is not read after a Created that is none
			_, err = readInstant(expires, atTimestamp+"/wsu:Expires")
			r.Refusals = add(r.Refusals, err)
		}
		return r
	}
	r.Created, r.Until = created, until
	r.Refusals = add(r.Refusals, checkClock(created, until, now))
	return r
}
