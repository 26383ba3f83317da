package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/terminal"
)

// advice is a recommendation about a certificate or its file.
type advice string

// The possible recommendations.
const (
	adviceRequestNIHIICertificate advice = "ASK_NIHII_CERTIFICATE"
	adviceSignWithSSIN            advice = "SIGN_WITH_SSIN"
	adviceRequestOtherCertificate advice = "ASK_OTHER_CERTIFICATE"
	adviceRenew                   advice = "RENEW"
	adviceConvertFile             advice = "CONVERT_FILE"
	adviceChainIncomplete         advice = "CHAIN_INCOMPLETE"
	adviceFileNameMismatch        advice = "FILE_NAME_OF_ANOTHER"
	adviceNameAuthor              advice = "NAME_THE_AUTHOR"
	adviceNotForProduction        advice = "NOT_FOR_PRODUCTION"
)

// toText returns the recommendation as English text.
func (a advice) toText() string {
	switch a {
	case adviceRequestNIHIICertificate:
		return "A care institution signs with its NIHII number. Request a certificate that begins with NIHII- from the " +
			"eHealth platform, such as NIHII-HOSPITAL= for a hospital or NIHII-RETIREMENT= for a home. The local manager of " +
			"the institution applies for it; this takes up to 10 days."
	case adviceSignWithSSIN:
		return "A doctor, like every person, signs with their own certificate, SSIN=. There is no certificate with the " +
			"NIHII number of a doctor."
	case adviceRequestOtherCertificate:
		return "Request a certificate of a type that the register accepts from the eHealth platform: NIHII-… for a care " +
			"institution, SSIN= for a person."
	case adviceRenew:
		return "Renew it in the eHealth Certificate Manager. This is possible from 90 days before expiry and takes up to " +
			"10 days. Your rights do not change."
	case adviceConvertFile:
		return "The file uses outdated encryption, which OpenSSL 3 and recent Java versions refuse or will refuse. Run: " +
			"ctr cert convert FILE -o NEW.p12"
	case adviceChainIncomplete:
		return "The file does not contain all issuers up to a root. The register does not need them; other services may."
	case adviceFileNameMismatch:
		return "The file name describes another certificate than the file contains. Check that it is the right file."
	case adviceNameAuthor:
		return "Name the person who acts in every request, as Author or with --author SSIN. They must be attached to the " +
			"organisation on that day."
	case adviceNotForProduction:
		return "It belongs to the test environment. A service in production refuses it."
	}
	return string(a)
}

// certificateReport describes a certificate and its file. Its JSON form contains codes, names and numbers, but no
// text in a natural language.
type certificateReport struct {
	File         string         `json:"file"`
	Subject      string         `json:"subject"` // TYPE=id[, APPLICATION]; the common name if it has another form
	Type         string         `json:"type,omitempty"`
	ID           string         `json:"id,omitempty"`
	Application  string         `json:"application,omitempty"`
	Name         string         `json:"name,omitempty"`
	IdentifiedAs string         `json:"takenFor"`    // person, organisation or nobody
	Environment  string         `json:"environment"` // production, acceptance or other
	ValidFrom    time.Time      `json:"validFrom"`
	ValidUntil   time.Time      `json:"validUntil"`
	DaysLeft     int            `json:"daysLeft"` // negative after expiry
	Issuer       string         `json:"issuer"`
	Serial       string         `json:"serial"` // decimal
	Key          keyReport      `json:"key"`
	Usages       []string       `json:"usages"`
	RefusalCodes []problem.Code `json:"refusedFor"`
	Advice       []advice       `json:"advice"`
	Store        p12Report      `json:"store"`
}

type keyReport struct {
	Algorithm string `json:"algorithm"`
	Bits      int    `json:"bits"`
}

// p12Report describes the file.
type p12Report struct {
	Entry         string   `json:"entry"` // name of the signing key
	Keys          int      `json:"keys"`
	Chain         []string `json:"chain"` // the issuers, nearest first
	ChainComplete bool     `json:"chainComplete"`
	PlatformName  bool     `json:"platformName"` // whether the file name is TYPE=id[,APPLICATION] yyyyMMdd-HHmmss.p12
	Encryption    []string `json:"encryption"`
	MAC           string   `json:"mac"`
	Legacy        bool     `json:"legacy"`
}

type certShowCommand struct{ p12Argument }

// Run shows how a service identifies the holder of a certificate.
func (s *certShowCommand) Run(c *commandLine, t *commandContext) error {
	file, err := s.openP12(c, t)
	if err != nil {
		return err
	}
	r, err := file.newReport(t.now())
	if err != nil {
		return err
	}
	return t.printAnswer(r, r.writeText)
}

func (o *openedP12) newReport(now time.Time) (*certificateReport, error) {
	leaf := o.key.Certificate
	r := &certificateReport{
		File:         o.name,
		IdentifiedAs: "nobody",
		Environment:  detectEnvironment(leaf),
		ValidFrom:    leaf.NotBefore.UTC(),
		ValidUntil:   leaf.NotAfter.UTC(),
		DaysLeft:     daysUntil(leaf.NotAfter, now),
		Issuer:       leaf.Issuer.String(),
		Serial:       leaf.SerialNumber.String(),
		Key:          newKeyReport(leaf),
		Usages:       keyUsageNames(leaf),
		RefusalCodes: []problem.Code{},
		Advice:       []advice{},
	}
	r.assessSubject(leaf)
	// With the certificate itself as trust anchor, Verify makes every other check of the service.
	if err := x509id.NewTrustStore([]*x509.Certificate{leaf}, nil, 0).Verify(leaf, now); err != nil {
		r.RefusalCodes = append(r.RefusalCodes, problem.From(err).Code)
	}
	if r.DaysLeft < 90 {
		r.Advice = append(r.Advice, adviceRenew)
	}
	if r.Environment == "acceptance" {
		r.Advice = append(r.Advice, adviceNotForProduction)
	}
	if err := r.assessFile(o); err != nil {
		return nil, err
	}
	return r, nil
}

// assessSubject determines how a service identifies the holder, by the rules of the register, and which certificate
// to request instead.
func (r *certificateReport) assessSubject(leaf *x509.Certificate) {
	subject, err := x509id.SubjectFromCertificate(leaf)
	if err != nil {
		r.Subject = leaf.Subject.CommonName
		r.RefusalCodes = append(r.RefusalCodes, problem.From(err).Code)
		if strings.HasPrefix(r.Subject, "NIHII") {
			r.Advice = append(r.Advice, adviceSignWithSSIN)
		}
		r.Advice = append(r.Advice, adviceRequestOtherCertificate)
		return
	}
	r.Subject, r.Type, r.ID = subject.String(), subject.Type, subject.ID
	r.Application, r.Name = subject.Application, subject.Name
	refuse := func(code problem.Code, recommendations ...advice) {
		r.RefusalCodes, r.Advice = append(r.RefusalCodes, code), append(r.Advice, recommendations...)
	}
	switch {
	case subject.IsPerson():
		if _, err = ident.ParseSSIN(subject.ID); err != nil {
			refuse(platform.CertificateUnfit, adviceRequestOtherCertificate)
			return
		}
		r.IdentifiedAs = "person"
	case strings.HasPrefix(subject.Type, "NIHII-"):
		if _, err = ident.ParseNIHII(subject.ID); err != nil {
			refuse(platform.CertificateUnfit, adviceRequestOtherCertificate)
			return
		}
		r.IdentifiedAs = "organisation"
		r.Advice = append(r.Advice, adviceNameAuthor)
	case strings.HasPrefix(subject.Type, "CBE"):
		refuse(platform.CertificateCBE, adviceRequestNIHIICertificate, adviceSignWithSSIN)
	case strings.HasPrefix(subject.Type, "NIHII"):
		refuse(platform.CertificateUnfit, adviceSignWithSSIN, adviceRequestNIHIICertificate)
	default:
		refuse(platform.CertificateUnfit, adviceRequestOtherCertificate)
	}
}

// platformFileName matches the file names of the platform's certificate manager.
var platformFileName = regexp.MustCompile(`^([A-Z0-9_-]+=[0-9]+(?:,[0-9A-Z_-]+)?) [0-9]{8}-[0-9]{6}\.(?:p12|acc-p12)$`)

func (r *certificateReport) assessFile(o *openedP12) error {
	form, err := p12.ReadOutline(o.data, o.password)
	if err != nil {
		return fmt.Errorf("%s: %w", o.name, err)
	}
	r.Store = p12Report{
		Entry: o.key.Name, Keys: form.Keys, Chain: []string{}, ChainComplete: isChainComplete(o.key),
		Encryption: form.Encryption, MAC: form.MAC, Legacy: form.IsLegacy(),
	}
	for _, issuer := range o.key.Chain {
		r.Store.Chain = append(r.Store.Chain, issuer.Subject.String())
	}
	if !r.Store.ChainComplete {
		r.Advice = append(r.Advice, adviceChainIncomplete)
	}
	if match := platformFileName.FindStringSubmatch(filepath.Base(o.name)); match != nil {
		r.Store.PlatformName = true
		if match[1] != strings.ReplaceAll(r.Subject, ", ", ",") {
			r.Advice = append(r.Advice, adviceFileNameMismatch)
		}
	}
	if r.Store.Legacy {
		r.Advice = append(r.Advice, adviceConvertFile)
	}
	return nil
}

// isChainComplete reports whether the file contains all issuers up to a root.
func isChainComplete(key *x509id.Key) bool {
	last := key.Certificate
	if len(key.Chain) > 0 {
		last = key.Chain[len(key.Chain)-1]
	}
	return last.CheckSignatureFrom(last) == nil
}

// detectEnvironment deduces from the issuer's name whether the platform issued a certificate, and for which
// environment.
func detectEnvironment(leaf *x509.Certificate) string {
	issuer := strings.ToLower(leaf.Issuer.CommonName)
	switch {
	case !strings.Contains(issuer, "ehealth"):
		return "other"
	case strings.Contains(issuer, "test") || strings.Contains(issuer, "acceptance") || strings.Contains(issuer, "uat"):
		return "acceptance"
	}
	return "production"
}

func newKeyReport(leaf *x509.Certificate) keyReport {
	k := keyReport{Algorithm: leaf.PublicKeyAlgorithm.String()}
	switch public := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		k.Bits = public.N.BitLen()
	case *ecdsa.PublicKey:
		k.Algorithm, k.Bits = "EC", public.Curve.Params().BitSize
	}
	return k
}

// keyUsageNames returns the names of RFC 5280 §4.2.1.3 and §4.2.1.12.
func keyUsageNames(leaf *x509.Certificate) []string {
	names := []string{"digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement",
		"keyCertSign", "cRLSign", "encipherOnly", "decipherOnly"}
	all := []string{}
	for i, name := range names {
		if leaf.KeyUsage&(1<<i) != 0 {
			all = append(all, name)
		}
	}
	for _, usage := range leaf.ExtKeyUsage {
		switch usage {
		case x509.ExtKeyUsageClientAuth:
			all = append(all, "clientAuth")
		case x509.ExtKeyUsageEmailProtection:
			all = append(all, "emailProtection")
		case x509.ExtKeyUsageServerAuth:
			all = append(all, "serverAuth")
		case x509.ExtKeyUsageAny:
			all = append(all, "anyExtendedKeyUsage")
		default:
			all = append(all, "other")
		}
	}
	return slices.Compact(all)
}

// writeText writes the report as text.
func (r *certificateReport) writeText(w io.Writer) {
	line := func(name, format string, values ...any) {
		_ = terminal.Printf(w, "%-12s "+format+"\n", append([]any{name}, values...)...)
	}
	line("you are", "%s", r.Subject)
	if r.Name != "" {
		line("name", "%s", r.Name)
	}
	line("taken for", "%s", describeIdentity(r.IdentifiedAs))
	line("usable for", "%s", r.describeUse())
	line(
		"valid", "from %s until %s, %s", r.ValidFrom.Format(time.DateOnly), r.ValidUntil.Format(time.DateOnly),
		formatDaysLeft(r.DaysLeft),
	)
	line("issuer", "%s", r.Issuer)
	line("key", "%s, %d bits", r.Key.Algorithm, r.Key.Bits)
	line("serial", "%s", r.Serial)
	line("usages", "%s", strings.Join(r.Usages, ", "))
	complete := "incomplete"
	if r.Store.ChainComplete {
		complete = "complete"
	}
	line("chain", "%d issuer(s) in the file, %s", len(r.Store.Chain), complete)
	name := "not as the platform names files: TYPE=number[,APPLICATION] yyyyMMdd-HHmmss.p12"
	if r.Store.PlatformName {
		name = "as the platform names files"
	}
	line("file name", "%s", name)
	age := "current"
	if r.Store.Legacy {
		age = "outdated"
	}
	line("encryption", "%s, MAC %s: %s; %d key(s)", strings.Join(r.Store.Encryption, ", "), r.Store.MAC, age, r.Store.Keys)
	for _, code := range r.RefusalCodes {
		text := ""
		if entry, ok := problem.Lookup(code); ok {
			text = entry.Text(terminalLanguage)
		}
		line("refused", "%s  %s", code, text)
	}
	for _, a := range r.Advice {
		line("advice", "%s", a.toText())
	}
}

func describeIdentity(identifiedAs string) string {
	switch identifiedAs {
	case "person":
		return "this person: a professional if the professional register says so on that day, otherwise a patient"
	case "organisation":
		return "this organisation, for the person whom a request names as its author"
	}
	return "no caller: the register refuses this certificate"
}

// describeUse describes where the certificate can be used.
func (r *certificateReport) describeUse() string {
	if len(r.RefusalCodes) > 0 {
		return "no register; see below"
	}
	switch r.Environment {
	case "production":
		return "the production register"
	case "acceptance":
		return "the register's test environment (acceptance)"
	}
	return "a development register that trusts its issuer; the platform did not issue it"
}

// daysUntil counts whole days. It is negative after the end.
func daysUntil(end, now time.Time) int {
	left := end.Sub(now)
	days := int(left / (24 * time.Hour))
	if left < 0 {
		days--
	}
	return days
}

func formatDaysLeft(days int) string {
	if days < 0 {
		return "expired"
	}
	return fmt.Sprintf("%d day(s) left", days)
}

// newServiceClientWithWarning is newServiceClient with one warning on standard error if the certificate expires soon.
// Standard output is not affected.
func (c *commandLine) newServiceClientWithWarning(
	ctx context.Context, stdout, stderr io.Writer,
) (*serviceClient, error) {
	remote, err := c.newServiceClient(ctx, stdout)
	if err != nil {
		return nil, err
	}
	if warning := expiryWarning(remote.client.Key.Certificate, remote.client.Now()); warning != "" {
		_ = terminal.Printf(stderr, "ctr: %s\n", warning)
	}
	return remote, nil
}

// expiryWarning returns a warning if a certificate expires within 90, 30 or 7 days. After expiry it returns none,
// because the service reports it.
func expiryWarning(leaf *x509.Certificate, now time.Time) string {
	end := leaf.NotAfter.Sub(now)
	const day = 24 * time.Hour
	when := fmt.Sprintf(
		"your certificate expires on %s, in %d day(s)", leaf.NotAfter.UTC().Format(time.DateOnly),
		daysUntil(leaf.NotAfter, now),
	)
	switch {
	case end < 0 || end > 90*day:
		return ""
	case end > 30*day:
		return when + ": it can be renewed from now on."
	case end > 7*day:
		return when + ": renew it now; this can take 10 days."
	}
	return when + ": renew it today; this can take 10 days, and an expired certificate cannot be used to sign."
}
