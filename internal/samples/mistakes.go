package samples

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/wsdl"
)

// Mistake describes a message with one specific mistake.
type Mistake struct {
	Name  string         // stable: used in URLs and reports
	Codes []problem.Code // codes of the refusal, one per violation
	Key   string         // of the signing key: KeyUntrustedAuthority, or an entry of the test PKI; empty for the caller's own

	aged   time.Duration // of the message by its Timestamp; negative if in the future
	twice  bool          // the identical message is sent before
	second bool          // a valid message with the same InputReference is sent before
	before []edit        // applied before signing
	after  []edit        // applied after signing
	action string        // operation in SOAPAction, if it differs from the content
	as     soap.Version  // SOAP version of the Content-Type, if it differs from the envelope
}

// KeyUntrustedAuthority selects a key with a certificate of an untrusted authority, which BuildMistake generates.
const KeyStranger = "stranger"

// Message is a message with its HTTP header fields.
type Sent struct {
	Octets      string
	ContentType string
	Action      string // SOAPAction; empty for SOAP 1.2
}

// ErrNoKey reports that the key for a mistake is not available.
var ErrNoKey = errors.New("the key of this mistake is not at hand")

// textEdit replaces the text from start up to and including the following end. If end is empty, it replaces only start.
type edit struct{ from, to, with string }

const (
	referenceTo = "          <ds:Reference URI=\"#"
	referenceAt = "</ds:Reference>\n"
)

// Mistakes returns the most frequent mistakes of callers, and two attacks.
func Mistakes() []Mistake {
	return []Mistake{
		{Name: "no-security", Codes: []problem.Code{problem.SecurityMissing}, before: []edit{{"  <soap:Header>", "</soap:Header>\n", ""}}},
		{Name: "sha1-signature", Codes: []problem.Code{problem.SignatureSHA1}, before: []edit{
			{`SignatureMethod Algorithm="` + dsig.RSASHA256, "", `SignatureMethod Algorithm="` + dsig.RSASHA1},
		}},
		{Name: "sha1-digest", Codes: []problem.Code{problem.DigestSHA1}, before: []edit{{dsig.SHA256, "", dsig.SHA1}}},
		{Name: "timestamp-missing", Codes: []problem.Code{problem.TimestampMissing}, before: []edit{
			{"      <wsu:Timestamp", "</wsu:Timestamp>\n", ""}, {referenceTo + "TS", referenceAt, ""},
		}},
		{Name: "timestamp-unsigned", Codes: []problem.Code{problem.TimestampUnsigned}, before: []edit{{referenceTo + "TS", referenceAt, ""}}},
		{Name: "body-unsigned", Codes: []problem.Code{problem.BodyUnsigned}, before: []edit{{referenceTo + "Body", referenceAt, ""}}},
		{Name: "clock-slow", Codes: []problem.Code{problem.TimestampExpired}, aged: 10 * time.Minute},
		{Name: "clock-fast", Codes: []problem.Code{problem.TimestampFuture}, aged: -10 * time.Minute},
		{Name: "changed-after-signing", Codes: []problem.Code{problem.DigestMismatch}, after: []edit{{"\n      <ctrp:Author>", "", "\n\n      <ctrp:Author>"}}},
		{Name: "signature-reformatted", Codes: []problem.Code{problem.SignatureInvalid}, after: []edit{{"<ds:SignedInfo>\n", "", "<ds:SignedInfo>"}}},
		{Name: "wrapped", Codes: []problem.Code{problem.ReferenceTarget}, after: []edit{
			{"<soap:Body", "", `<soap:Body><soap:Body`}, {"</soap:Body>", "", "</soap:Body></soap:Body>"},
		}},
		{Name: "replayed", Codes: []problem.Code{problem.MessageReplayed}, twice: true},
		{Name: "certificate-expired", Codes: []problem.Code{problem.CertExpired}, Key: pki.EntryExpired},
		{Name: "certificate-revoked", Codes: []problem.Code{problem.CertRevoked}, Key: pki.EntryRevoked},
		{Name: "certificate-untrusted", Codes: []problem.Code{problem.CertUntrusted}, Key: KeyStranger},
		{Name: "certificate-cbe", Codes: []problem.Code{problem.CertificateCBE}, Key: "CBE=0403227020"},
		{Name: "author-missing", Codes: []problem.Code{problem.AuthorRequired}, before: []edit{{"      <ctrp:Author>", "</ctrp:Author>\n", ""}}},
		{Name: "wrong-action", Codes: []problem.Code{problem.ActionMismatch}, action: "Search"},
		{Name: "wrong-content-type", Codes: []problem.Code{problem.SOAPVersion}, as: soap.SOAP12},
		{Name: "date-form", Codes: []problem.Code{problem.SchemaValue}, before: []edit{
			{"<ctr:OperationDate>", "</ctr:OperationDate>", "<ctr:OperationDate>19/11/2026</ctr:OperationDate>"},
		}},
		{Name: "rules", Codes: []problem.Code{problem.PrescriptionAfter, problem.LotContradictsUDI}, before: []edit{
			{"<ctr:PrescriptionDate>", "</ctr:PrescriptionDate>", "<ctr:PrescriptionDate>2099-01-01</ctr:PrescriptionDate>"},
			{"      <ctr:Quantity>", "", "      <ctr:LotNumber>L9999</ctr:LotNumber>\n          <ctr:Quantity>"},
		}},
		{Name: "reference-reused", Codes: []problem.Code{problem.InputReferenceConflict}, second: true},
	}
}

// BuildMistake builds the messages of a mistake. The last one must be refused; the one before it, if any, must be
// accepted and is part of the mistake. keys finds a key by its entry, the caller's own key by an empty name; it
// returns ErrNoKey if the key is not available.
func (m *Maker) Make(mistake Mistake, keys func(name string) (*pki.Key, error)) ([]Sent, error) {
	key, err := m.key(mistake.Key, keys)
	if err != nil {
		return nil, err
	}
	values := Values{Reference: "EPD" + m.NewID()}
	var all []Sent
	if mistake.second {
		first, failed := m.make(Mistake{}, key, values)
		if failed != nil {
			return nil, failed
		}
		all = append(all, first)
		values.Comment = "another operation"
	}
	wrong, err := m.make(mistake, key, values)
	if err != nil {
		return nil, err
	}
	if mistake.twice {
		all = append(all, wrong)
	}
	return append(all, wrong), nil
}

func (m *Maker) make(mistake Mistake, key *pki.Key, v Values) (Sent, error) {
	request, err := m.Request("NotifyImplant", v)
	if err != nil {
		return Sent{}, err
	}
	text, err := envelope(soap.SOAP11, key, m.Now().Add(-mistake.aged), request)
	if err == nil {
		text, err = changed(text, mistake.before)
	}
	if err == nil {
		text, err = sign(text, key.Signer)
	}
	if err == nil {
		text, err = changed(text, mistake.after)
	}
	if err != nil {
		return Sent{}, fmt.Errorf("%s: %w", mistake.Name, err)
	}
	sent := Post(soap.SOAP11, "NotifyImplant", text)
	if mistake.action != "" {
		sent.Action = Action(mistake.action)
	}
	if mistake.as != 0 {
		sent.ContentType, sent.Action = mistake.as.ContentType(), ""
	}
	return sent, nil
}

// NewMessage returns a signed message with the Content-Type and SOAPAction of its SOAP version.
func Post(version soap.Version, operation, message string) Sent {
	if version == soap.SOAP12 {
		return Sent{Octets: message, ContentType: version.ContentType() + `; action="` + Action(operation) + `"`}
	}
	return Sent{Octets: message, ContentType: version.ContentType(), Action: Action(operation)}
}

// SOAPAction returns the SOAPAction of an operation.
func Action(operation string) string { return wsdl.Operation{Message: operation}.Action() }

// applyEdits applies edits, each of which must match. An edit of the RSA signature algorithm applies to ECDSA instead
// if the message is signed with an EC key.
func changed(text string, edits []edit) (string, error) {
	for _, e := range edits {
		from, with := e.from, e.with
		if strings.HasPrefix(from, "SignatureMethod") && !strings.Contains(text, from) {
			from, with = strings.Replace(from, dsig.RSASHA256, dsig.ECDSASHA256, 1), strings.Replace(with, dsig.RSASHA1, dsig.ECDSASHA1, 1)
		}
		before, rest, found := strings.Cut(text, from)
		if found && e.to != "" {
			_, rest, found = strings.Cut(rest, e.to)
		}
		if !found {
			return "", fmt.Errorf("%q does not stand in the message", from)
		}
		text = before + with + rest
	}
	return text, nil
}

func (m *Maker) key(name string, keys func(string) (*pki.Key, error)) (*pki.Key, error) {
	if name != KeyStranger {
		return keys(name)
	}
	// The certificate has the caller's own subject, so that only the authority is wrong.
	own, err := keys("")
	if err != nil {
		return nil, err
	}
	subject, err := pki.SubjectFromCertificate(own.Certificate)
	if err != nil {
		return nil, err
	}
	from, until := m.Now().AddDate(-1, 0, 0), m.Now().AddDate(1, 0, 0)
	authority, err := pki.NewAuthority(pki.AuthorityOptions{Name: "A stranger's", NotBefore: from, NotAfter: until, Random: rand.Reader})
	if err != nil {
		return nil, err
	}
	return authority.Issue(pki.Order{Subject: subject, NotBefore: from, NotAfter: until, Algorithm: pki.KeyECP256})
}
