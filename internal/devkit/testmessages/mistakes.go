package testmessages

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// Mistake describes a message with one specific mistake.
type Mistake struct {
	Name  string         // stable: used in URLs and reports
	Codes []problem.Code // codes of the refusal, one per violation
	// of the signing key: KeyUntrustedAuthority, or an entry of the test PKI; empty for the caller's own
	KeyEntry string

	age                time.Duration // of the message by its Timestamp; negative if in the future
	sentTwice          bool          // the identical message is sent before
	afterAccepted      bool          // a valid message with the same InputReference is sent before
	editsBeforeSigning []textEdit    // applied before signing
	editsAfterSigning  []textEdit    // applied after signing
	transportAction    string        // operation in SOAPAction, if it differs from the content
	transportVersion   soap.Version  // SOAP version of the Content-Type, if it differs from the envelope
}

// KeyUntrustedAuthority selects a key with a certificate of an untrusted authority, which BuildMistake generates.
const KeyUntrustedAuthority = "stranger"

// Message is a message with its HTTP header fields.
type Message struct {
	Octets      string
	ContentType string
	Action      string // SOAPAction; empty for SOAP 1.2
}

// ErrNoKey reports that the key for a mistake is not available.
var ErrNoKey = errors.New("the key of this mistake is not at hand")

// textEdit replaces the text from start up to and including the following end. If end is empty, it replaces only start.
type textEdit struct{ start, end, replacement string }

const (
	referenceStart = "          <ds:Reference URI=\"#"
	referenceEnd   = "</ds:Reference>\n"
)

// Mistakes returns the most frequent mistakes of callers, and two attacks.
func Mistakes() []Mistake {
	return []Mistake{
		{
			Name:               "no-security",
			Codes:              []problem.Code{wsse.SecurityMissing},
			editsBeforeSigning: []textEdit{{"  <soap:Header>", "</soap:Header>\n", ""}},
		},
		{Name: "sha1-signature", Codes: []problem.Code{dsig.SignatureSHA1}, editsBeforeSigning: []textEdit{
			{`SignatureMethod Algorithm="` + dsig.RSASHA256, "", `SignatureMethod Algorithm="` + dsig.RSASHA1},
		}},
		{
			Name:               "sha1-digest",
			Codes:              []problem.Code{dsig.DigestSHA1},
			editsBeforeSigning: []textEdit{{dsig.SHA256, "", dsig.SHA1}},
		},
		{Name: "timestamp-missing", Codes: []problem.Code{wsse.TimestampMissing}, editsBeforeSigning: []textEdit{
			{"      <wsu:Timestamp", "</wsu:Timestamp>\n", ""}, {referenceStart + "TS", referenceEnd, ""},
		}},
		{
			Name:               "timestamp-unsigned",
			Codes:              []problem.Code{wsse.TimestampUnsigned},
			editsBeforeSigning: []textEdit{{referenceStart + "TS", referenceEnd, ""}},
		},
		{
			Name:               "body-unsigned",
			Codes:              []problem.Code{wsse.BodyUnsigned},
			editsBeforeSigning: []textEdit{{referenceStart + "Body", referenceEnd, ""}},
		},
		{Name: "clock-slow", Codes: []problem.Code{wsse.TimestampExpired}, age: 10 * time.Minute},
		{Name: "clock-fast", Codes: []problem.Code{wsse.TimestampFuture}, age: -10 * time.Minute},
		{
			Name:              "changed-after-signing",
			Codes:             []problem.Code{dsig.DigestMismatch},
			editsAfterSigning: []textEdit{{"\n      <ctrp:Author>", "", "\n\n      <ctrp:Author>"}},
		},
		{
			Name:              "signature-reformatted",
			Codes:             []problem.Code{dsig.SignatureInvalid},
			editsAfterSigning: []textEdit{{"<ds:SignedInfo>\n", "", "<ds:SignedInfo>"}},
		},
		{Name: "wrapped", Codes: []problem.Code{dsig.ReferenceTarget}, editsAfterSigning: []textEdit{
			{"<soap:Body", "", `<soap:Body><soap:Body`}, {"</soap:Body>", "", "</soap:Body></soap:Body>"},
		}},
		{Name: "replayed", Codes: []problem.Code{platform.MessageReplayed}, sentTwice: true},
		{Name: "certificate-expired", Codes: []problem.Code{x509id.CertExpired}, KeyEntry: authority.EntryExpired},
		{Name: "certificate-revoked", Codes: []problem.Code{x509id.CertRevoked}, KeyEntry: authority.EntryRevoked},
		{Name: "certificate-untrusted", Codes: []problem.Code{x509id.CertUntrusted}, KeyEntry: KeyUntrustedAuthority},
		{Name: "certificate-cbe", Codes: []problem.Code{platform.CertificateCBE}, KeyEntry: "CBE=0403227020"},
		{
			Name:               "author-missing",
			Codes:              []problem.Code{platform.AuthorRequired},
			editsBeforeSigning: []textEdit{{"      <ctrp:Author>", "</ctrp:Author>\n", ""}},
		},
		{Name: "wrong-action", Codes: []problem.Code{soap.ActionMismatch}, transportAction: "Search"},
		{Name: "wrong-content-type", Codes: []problem.Code{soap.SOAPVersion}, transportVersion: soap.SOAP12},
		{Name: "date-form", Codes: []problem.Code{schema.SchemaValue}, editsBeforeSigning: []textEdit{
			{"<ctr:OperationDate>", "</ctr:OperationDate>", "<ctr:OperationDate>19/11/2026</ctr:OperationDate>"},
		}},
		{
			Name:  "rules",
			Codes: []problem.Code{implants.PrescriptionAfter, implants.LotContradictsUDI},
			editsBeforeSigning: []textEdit{
				{"<ctr:PrescriptionDate>", "</ctr:PrescriptionDate>", "<ctr:PrescriptionDate>2099-01-01</ctr:PrescriptionDate>"},
				{"      <ctr:Quantity>", "", "      <ctr:LotNumber>L9999</ctr:LotNumber>\n          <ctr:Quantity>"},
			},
		},
		{Name: "reference-reused", Codes: []problem.Code{implants.InputReferenceConflict}, afterAccepted: true},
	}
}

// BuildMistake builds the messages of a mistake. The last one must be refused; the one before it, if any, must be
// accepted and is part of the mistake. keys finds a key by its entry, the caller's own key by an empty name; it
// returns ErrNoKey if the key is not available.
func (m *Generator) BuildMistake(mistake Mistake, keys func(name string) (*x509id.Key, error)) ([]Message, error) {
	key, err := m.resolveKey(mistake.KeyEntry, keys)
	if err != nil {
		return nil, err
	}
	values := RequestValues{InputReference: "EPD" + m.NewID()}
	var all []Message
	if mistake.afterAccepted {
		first, failed := m.buildNotification(Mistake{}, key, values)
		if failed != nil {
			return nil, failed
		}
		all = append(all, first)
		values.Comment = "another operation"
	}
	wrong, err := m.buildNotification(mistake, key, values)
	if err != nil {
		return nil, err
	}
	if mistake.sentTwice {
		all = append(all, wrong)
	}
	return append(all, wrong), nil
}

func (m *Generator) buildNotification(mistake Mistake, key *x509id.Key, v RequestValues) (Message, error) {
	request, err := m.BuildRequest("NotifyImplant", v)
	if err != nil {
		return Message{}, err
	}
	text, err := renderEnvelope(soap.SOAP11, key, m.Now().Add(-mistake.age), request)
	if err == nil {
		text, err = applyEdits(text, mistake.editsBeforeSigning)
	}
	if err == nil {
		text, err = fillSignature(text, key.Signer)
	}
	if err == nil {
		text, err = applyEdits(text, mistake.editsAfterSigning)
	}
	if err != nil {
		return Message{}, fmt.Errorf("%s: %w", mistake.Name, err)
	}
	sent := NewMessage(soap.SOAP11, "NotifyImplant", text)
	if mistake.transportAction != "" {
		sent.Action = SOAPAction(mistake.transportAction)
	}
	if mistake.transportVersion != 0 {
		sent.ContentType, sent.Action = mistake.transportVersion.ContentType(), ""
	}
	return sent, nil
}

// NewMessage returns a signed message with the Content-Type and SOAPAction of its SOAP version.
func NewMessage(version soap.Version, operation, message string) Message {
	if version == soap.SOAP12 {
		return Message{Octets: message, ContentType: version.ContentType() + `; action="` + SOAPAction(operation) + `"`}
	}
	return Message{Octets: message, ContentType: version.ContentType(), Action: SOAPAction(operation)}
}

// SOAPAction returns the SOAPAction of an operation.
func SOAPAction(operation string) string { return ctr.Contract().Action(operation) }

// applyEdits applies edits, each of which must match. An edit of the RSA signature algorithm applies to ECDSA instead
// if the message is signed with an EC key.
func applyEdits(text string, edits []textEdit) (string, error) {
	for _, e := range edits {
		from, with := e.start, e.replacement
		if strings.HasPrefix(from, "SignatureMethod") && !strings.Contains(text, from) {
			from = strings.Replace(from, dsig.RSASHA256, dsig.ECDSASHA256, 1)
			with = strings.Replace(with, dsig.RSASHA1, dsig.ECDSASHA1, 1)
		}
		before, rest, found := strings.Cut(text, from)
		if found && e.end != "" {
			_, rest, found = strings.Cut(rest, e.end)
		}
		if !found {
			return "", fmt.Errorf("%q does not stand in the message", from)
		}
		text = before + with + rest
	}
	return text, nil
}

func (m *Generator) resolveKey(name string, keys func(string) (*x509id.Key, error)) (*x509id.Key, error) {
	if name != KeyUntrustedAuthority {
		return keys(name)
	}
	// The certificate has the caller's own subject, so that only the authority is wrong.
	own, err := keys("")
	if err != nil {
		return nil, err
	}
	subject, err := x509id.SubjectFromCertificate(own.Certificate)
	if err != nil {
		return nil, err
	}
	from, until := m.Now().AddDate(-1, 0, 0), m.Now().AddDate(1, 0, 0)
	issuer, err := authority.New(authority.Options{
		Name:      "A stranger's",
		NotBefore: from,
		NotAfter:  until,
		Random:    rand.Reader,
	})
	if err != nil {
		return nil, err
	}
	return issuer.Issue(authority.Order{
		Subject:   subject,
		NotBefore: from,
		NotAfter:  until,
		Algorithm: authority.KeyECP256,
	})
}
