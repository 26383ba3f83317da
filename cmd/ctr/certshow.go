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

// advice is something to do about a certificate or its file.
type advice string

// What there may be to do.
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

// words puts an advice into words for a terminal.
func (a advice) words() string {
	switch a {
	case askNIHII:
		return "A care institution signs with its NIHII number. Ask the eHealth platform for a certificate that begins with NIHII-, such as " +
			"NIHII-HOSPITAL= for a hospital or NIHII-RETIREMENT= for a home; its local manager applies for it, and it takes up to 10 days."
	case signWithSSIN:
		return "A doctor, like every person, signs with his own certificate, SSIN=. There is no certificate with the NIHII number of a doctor."
	case askOther:
		return "Ask the eHealth platform for a certificate of a type that the register takes: NIHII-… for a care institution, SSIN= for a person."
	case renew:
		return "Renew it in the eHealth Certificate Manager: possible from 90 days before its end, with up to 10 days to wait. Your rights stay as they are."
	case convertFile:
		return "The file has the encryption of older programs, which OpenSSL 3 and new Java refuse or will: ctr cert convert FILE -o NEW.p12"
	case chainMissing:
		return "The file does not hold all issuers up to a root. The register does not need them; other services may."
	case fileNameOther:
		return "The name of the file says another certificate than it holds. Check that it is the one you mean."
	case authorNeeded:
		return "Name in every request the person who acts: Author, or --author SSIN. He must be attached to the organisation on that day."
	case testNotForReal:
		return "It is of the test environment. A service in production refuses it."
	}
	return string(a)
}

// certificateReport tells all about a certificate and its file. As JSON it has no language: codes, names and numbers.
type certificateReport struct {
	File        string         `json:"file"`
	Subject     string         `json:"subject"` // TYPE=id[, APPLICATION]; the name as it stands where that cannot be read
	Type        string         `json:"type,omitempty"`
	ID          string         `json:"id,omitempty"`
	Application string         `json:"application,omitempty"`
	Name        string         `json:"name,omitempty"`
	TakenFor    string         `json:"takenFor"`    // person, organisation or nobody
	Environment string         `json:"environment"` // production, acceptance or other
	ValidFrom   time.Time      `json:"validFrom"`
	ValidUntil  time.Time      `json:"validUntil"`
	DaysLeft    int            `json:"daysLeft"` // negative after the end
	Issuer      string         `json:"issuer"`
	Serial      string         `json:"serial"` // in decimal
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

// storeReport is about the file.
type storeReport struct {
	Entry         string   `json:"entry"` // that signs
	Keys          int      `json:"keys"`
	Chain         []string `json:"chain"` // the issuers, the nearest first
	ChainComplete bool     `json:"chainComplete"`
	PlatformName  bool     `json:"platformName"` // the file is called TYPE=id[,APPLICATION] yyyyMMdd-HHmmss.p12
	Encryption    []string `json:"encryption"`
	MAC           string   `json:"mac"`
	Legacy        bool     `json:"legacy"`
}

type certShowCommand struct{ certFile }

// Run tells who the holder of a certificate is to a service.
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

// print shows an answer: as JSON, or in words.
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
	// Trusting the certificate itself leaves what the service says of one from an authority that it trusts.
	if err := pki.NewTrust([]*x509.Certificate{leaf}, nil, 0).Verify(leaf, now); err != nil {
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

// judgeSubject says whom a service takes the holder for, as the register decides it, and what to ask for instead.
func (r *certificateReport) judgeSubject(leaf *x509.Certificate) {
	subject, err := pki.SubjectOf(leaf)
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
	refuse := func(code problem.Code, what ...advice) {
		r.RefusedFor, r.Advice = append(r.RefusedFor, code), append(r.Advice, what...)
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

// platformFile is what the platform's certificate manager calls a file.
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

// isComplete reports whether the file holds the issuers up to a root.
func isComplete(key *pki.Key) bool {
	last := key.Certificate
	if len(key.Chain) > 0 {
		last = key.Chain[len(key.Chain)-1]
	}
	return last.CheckSignatureFrom(last) == nil
}

// environmentOf tells by the issuer's name whether the platform gave out a certificate, and for what.
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

// usagesOf names the usages as RFC 5280 §4.2.1.3 and §4.2.1.12 do.
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

// words tells the report to a person.
func (r *certificateReport) words(w io.Writer) {
	line := func(name, format string, values ...any) {
		_, _ = fmt.Fprintf(w, "%-12s "+format+"\n", append([]any{name}, values...)...)
	}
	line("you are", "%s", r.Subject)
	if r.Name != "" {
		line("name", "%s", r.Name)
	}
	line("taken for", "%s", takenFor(r.TakenFor))
	line("right for", "%s", r.rightFor())
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
	age := "of today"
	if r.Store.Legacy {
		age = "outdated"
	}
	line("encryption", "%s, sealed with %s: %s; %d key(s)", strings.Join(r.Store.Encryption, ", "), r.Store.MAC, age, r.Store.Keys)
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

func takenFor(whom string) string {
	switch whom {
	case "person":
		return "this person: a professional where the professional register says so on that day, and else a patient"
	case "organisation":
		return "this organisation, for the person whom a request names as its author"
	}
	return "nobody: the register refuses this certificate"
}

// rightFor says where the certificate serves.
func (r *certificateReport) rightFor() string {
	if len(r.RefusedFor) > 0 {
		return "no register: see below"
	}
	switch r.Environment {
	case "production":
		return "the register in production"
	case "acceptance":
		return "the register's test environment (acceptance)"
	}
	return "a development register that trusts its issuer; the platform did not give it out"
}

// daysUntil counts whole days; those after the end are negative.
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
		return "which is over"
	}
	return fmt.Sprintf("%d day(s) left", days)
}

// cautious is caller with a warning, once per run, when the certificate ends soon. The answer on standard output stays
// as it is.
func (c *commands) cautious(ctx context.Context, stdout, stderr io.Writer) (*caller, error) {
	made, err := c.caller(ctx, stdout)
	if err != nil {
		return nil, err
	}
	if warning := expiryWarning(made.client.Key.Certificate, made.client.Now()); warning != "" {
		_, _ = fmt.Fprintln(stderr, "ctr: "+warning)
	}
	return made, nil
}

// expiryWarning tells that a certificate ends within 90, 30 or 7 days. One that is over needs none: the service says it.
func expiryWarning(leaf *x509.Certificate, now time.Time) string {
	end := leaf.NotAfter.Sub(now)
	const day = 24 * time.Hour
	when := fmt.Sprintf("your certificate ends on %s, in %d day(s)", leaf.NotAfter.UTC().Format(time.DateOnly), daysUntil(leaf.NotAfter, now))
	switch {
	case end < 0 || end > 90*day:
		return ""
	case end > 30*day:
		return when + ": it can be renewed from now on."
	case end > 7*day:
		return when + ": renew it now, for that can take 10 days."
	}
	return when + ": renew it today, for that can take 10 days, and afterwards nothing can be signed."
}
