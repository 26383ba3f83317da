package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
)

// advice is a recommendation about a certificate or its file.
type advice string

// The possible recommendations.
const (
	askNIHII       advice = "ASK_NIHII_CERTIFICATE"
	signWithSSIN   advice = "SIGN_WITH_SSIN"
	askOther       advice = "ASK_OTHER_CERTIFICATE"
	renew          advice = "RENEW"
	convertFile    advice = "CONVERT_FILE"
	chainMissing   advice = "CHAIN_INCOMPLETE"
	fileNameOther  advice = "FILE_NAME_OF_ANOTHER"
	authorNeeded   advice = "NAME_THE_AUTHOR"
	testNotForReal advice = "NOT_FOR_PRODUCTION"
)

// toText returns the recommendation as English text.
func (a advice) words() string {
	switch a {
	case askNIHII:
		return "A care institution signs with its NIHII number. Request a certificate that begins with NIHII- from the eHealth platform, such as " +
			"NIHII-HOSPITAL= for a hospital or NIHII-RETIREMENT= for a home. The local manager of the institution applies for it; this takes up to 10 days."
	case signWithSSIN:
		return "A doctor, like every person, signs with their own certificate, SSIN=. There is no certificate with the NIHII number of a doctor."
	case askOther:
		return "Request a certificate of a type that the register accepts from the eHealth platform: NIHII-… for a care institution, SSIN= for a person."
	case renew:
		return "Renew it in the eHealth Certificate Manager. This is possible from 90 days before expiry and takes up to 10 days. Your rights do not change."
	case convertFile:
		return "The file uses outdated encryption, which OpenSSL 3 and recent Java versions refuse or will refuse. Run: ctr cert convert FILE -o NEW.p12"
	case chainMissing:
		return "The file does not contain all issuers up to a root. The register does not need them; other services may."
	case fileNameOther:
		return "The file name describes another certificate than the file contains. Check that it is the right file."
	case authorNeeded:
		return "Name the person who acts in every request, as Author or with --author SSIN. They must be attached to the organisation on that day."
	case testNotForReal:
		return "It belongs to the test environment. A service in production refuses it."
	}
	return string(a)
}

// certificateReport describes a certificate and its file. Its JSON form contains codes, names and numbers, but no
// text in a natural language.
type certificateReport struct {
	File        string         `json:"file"`
	Subject     string         `json:"subject"` // TYPE=id[, APPLICATION]; the common name if it has another form
	Type        string         `json:"type,omitempty"`
	ID          string         `json:"id,omitempty"`
	Application string         `json:"application,omitempty"`
	Name        string         `json:"name,omitempty"`
	TakenFor    string         `json:"takenFor"`    // person, organisation or nobody
	Environment string         `json:"environment"` // production, acceptance or other
	ValidFrom   time.Time      `json:"validFrom"`
	ValidUntil  time.Time      `json:"validUntil"`
	DaysLeft    int            `json:"daysLeft"` // negative after expiry
	Issuer      string         `json:"issuer"`
	Serial      string         `json:"serial"` // decimal
	Key         keyReport      `json:"key"`
	Usages      []string       `json:"usages"`
	RefusedFor  []problem.Code `json:"refusedFor"`
	Advice      []advice       `json:"advice"`
	Store       storeReport    `json:"store"`
}

type keyReport struct {
	Algorithm string `json:"algorithm"`
	Bits      int    `json:"bits"`
}

// p12Report describes the file.
type storeReport struct {
	Entry         string   `json:"entry"` // name of the signing key
	Keys          int      `json:"keys"`
	Chain         []string `json:"chain"` // the issuers, nearest first
	ChainComplete bool     `json:"chainComplete"`
	PlatformName  bool     `json:"platformName"` // whether the file name is TYPE=id[,APPLICATION] yyyyMMdd-HHmmss.p12
	Encryption    []string `json:"encryption"`
	MAC           string   `json:"mac"`
	Legacy        bool     `json:"legacy"`
}

type certShowCommand struct{ certFile }

// Run shows how a service identifies the holder of a certificate.
func (s *certShowCommand) Run(c *commands, t *terminal) error {
	file, err := s.open(c)
	if err != nil {
		return err
	}
	r, err := file.report(t.now())
	if err != nil {
		return err
	}
	return t.print(r, r.words)
}

// printAnswer prints an answer as JSON or as text.
func (t *terminal) print(answer any, words func(io.Writer)) error {
	if !t.json {
		words(t.out)
		return nil
	}
	encoder := json.NewEncoder(t.out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(answer)
}

func (o *openedFile) report(now time.Time) (*certificateReport, error) {
	leaf := o.key.Certificate
	r := &certificateReport{
		File: o.name, TakenFor: "nobody", Environment: environmentOf(leaf),
		ValidFrom: leaf.NotBefore.UTC(), ValidUntil: leaf.NotAfter.UTC(), DaysLeft: daysUntil(leaf.NotAfter, now),
		Issuer: leaf.Issuer.String(), Serial: leaf.SerialNumber.String(), Key: keyOf(leaf), Usages: usagesOf(leaf),
		RefusedFor: []problem.Code{}, Advice: []advice{},
	}
	r.judgeSubject(leaf)
	// With the certificate itself as trust anchor, Verify makes every other check of the service.
	if err := pki.NewTrustStore([]*x509.Certificate{leaf}, nil, 0).Verify(leaf, now); err != nil {
		r.RefusedFor = append(r.RefusedFor, problem.From(err).Code)
	}
	if r.DaysLeft < 90 {
		r.Advice = append(r.Advice, renew)
	}
	if r.Environment == "acceptance" {
		r.Advice = append(r.Advice, testNotForReal)
	}
	if err := r.judgeFile(o); err != nil {
		return nil, err
	}
	return r, nil
}

// assessSubject determines how a service identifies the holder, by the rules of the register, and which certificate
// to request instead.
func (r *certificateReport) judgeSubject(leaf *x509.Certificate) {
	subject, err := pki.SubjectFromCertificate(leaf)
	if err != nil {
		r.Subject = leaf.Subject.CommonName
		r.RefusedFor = append(r.RefusedFor, problem.From(err).Code)
		if strings.HasPrefix(r.Subject, "NIHII") {
			r.Advice = append(r.Advice, signWithSSIN)
		}
		r.Advice = append(r.Advice, askOther)
		return
	}
	r.Subject, r.Type, r.ID, r.Application, r.Name = subject.String(), subject.Type, subject.ID, subject.Application, subject.Name
	refuse := func(code problem.Code, recommendations ...advice) {
		r.RefusedFor, r.Advice = append(r.RefusedFor, code), append(r.Advice, recommendations...)
	}
	switch {
	case subject.IsPerson():
		if _, err = ident.ParseSSIN(subject.ID); err != nil {
			refuse(problem.CertificateUnfit, askOther)
			return
		}
		r.TakenFor = "person"
	case strings.HasPrefix(subject.Type, "NIHII-"):
		if _, err = ident.ParseNIHII(subject.ID); err != nil {
			refuse(problem.CertificateUnfit, askOther)
			return
		}
		r.TakenFor = "organisation"
		r.Advice = append(r.Advice, authorNeeded)
	case strings.HasPrefix(subject.Type, "CBE"):
		refuse(problem.CertificateCBE, askNIHII, signWithSSIN)
	case strings.HasPrefix(subject.Type, "NIHII"):
		refuse(problem.CertificateUnfit, signWithSSIN, askNIHII)
	default:
		refuse(problem.CertificateUnfit, askOther)
	}
}

// platformFileName matches the file names of the platform's certificate manager.
var platformFile = regexp.MustCompile(`^([A-Z0-9_-]+=[0-9]+(?:,[0-9A-Z_-]+)?) [0-9]{8}-[0-9]{6}\.(?:p12|acc-p12)$`)

func (r *certificateReport) judgeFile(o *openedFile) error {
	form, err := outline(o.octets)
	if err != nil {
		return fmt.Errorf("%s: %w", o.name, err)
	}
	r.Store = storeReport{
		Entry: o.key.Name, Keys: form.keys, Chain: []string{}, ChainComplete: isComplete(o.key),
		Encryption: form.encryption, MAC: form.mac, Legacy: form.legacy(),
	}
	for _, issuer := range o.key.Chain {
		r.Store.Chain = append(r.Store.Chain, issuer.Subject.String())
	}
	if !r.Store.ChainComplete {
		r.Advice = append(r.Advice, chainMissing)
	}
	if match := platformFile.FindStringSubmatch(filepath.Base(o.name)); match != nil {
		r.Store.PlatformName = true
		if match[1] != strings.ReplaceAll(r.Subject, ", ", ",") {
			r.Advice = append(r.Advice, fileNameOther)
		}
	}
	if r.Store.Legacy {
		r.Advice = append(r.Advice, convertFile)
	}
	return nil
}

// isChainComplete reports whether the file contains all issuers up to a root.
func isComplete(key *pki.Key) bool {
	last := key.Certificate
	if len(key.Chain) > 0 {
		last = key.Chain[len(key.Chain)-1]
	}
	return last.CheckSignatureFrom(last) == nil
}

// detectEnvironment deduces from the issuer's name whether the platform issued a certificate, and for which
// environment.
func environmentOf(leaf *x509.Certificate) string {
	issuer := strings.ToLower(leaf.Issuer.CommonName)
	switch {
	case !strings.Contains(issuer, "ehealth"):
		return "other"
	case strings.Contains(issuer, "test") || strings.Contains(issuer, "acceptance") || strings.Contains(issuer, "uat"):
		return "acceptance"
	}
	return "production"
}

func keyOf(leaf *x509.Certificate) keyReport {
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
func usagesOf(leaf *x509.Certificate) []string {
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
func (r *certificateReport) words(w io.Writer) {
	line := func(name, format string, values ...any) {
		_, _ = fmt.Fprintf(w, "%-12s "+format+"\n", append([]any{name}, values...)...)
	}
	line("you are", "%s", r.Subject)
	if r.Name != "" {
		line("name", "%s", r.Name)
	}
	line("taken for", "%s", takenFor(r.TakenFor))
	line("usable for", "%s", r.rightFor())
	line("valid", "from %s until %s, %s", r.ValidFrom.Format(time.DateOnly), r.ValidUntil.Format(time.DateOnly), left(r.DaysLeft))
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
	for _, code := range r.RefusedFor {
		text := ""
		if entry, ok := problem.Lookup(code); ok {
			text = entry.EN
		}
		line("refused", "%s  %s", code, text)
	}
	for _, a := range r.Advice {
		line("advice", "%s", a.words())
	}
}

func takenFor(identifiedAs string) string {
	switch identifiedAs {
	case "person":
		return "this person: a professional if the professional register says so on that day, otherwise a patient"
	case "organisation":
		return "this organisation, for the person whom a request names as its author"
	}
	return "no caller: the register refuses this certificate"
}

// describeUse describes where the certificate can be used.
func (r *certificateReport) rightFor() string {
	if len(r.RefusedFor) > 0 {
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

func left(days int) string {
	if days < 0 {
		return "expired"
	}
	return fmt.Sprintf("%d day(s) left", days)
}

// newServiceClientWithWarning is newServiceClient with one warning on standard error if the certificate expires soon.
// Standard output is not affected.
func (c *commands) cautious(ctx context.Context, stdout, stderr io.Writer) (*caller, error) {
	remote, err := c.caller(ctx, stdout)
	if err != nil {
		return nil, err
	}
	if warning := expiryWarning(remote.client.Key.Certificate, remote.client.Now()); warning != "" {
		_, _ = fmt.Fprintln(stderr, "ctr: "+warning)
	}
	return remote, nil
}

// expiryWarning returns a warning if a certificate expires within 90, 30 or 7 days. After expiry it returns none,
// because the service reports it.
func expiryWarning(leaf *x509.Certificate, now time.Time) string {
	end := leaf.NotAfter.Sub(now)
	const day = 24 * time.Hour
	when := fmt.Sprintf("your certificate expires on %s, in %d day(s)", leaf.NotAfter.UTC().Format(time.DateOnly), daysUntil(leaf.NotAfter, now))
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
