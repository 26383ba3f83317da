package conformance

import (
	"strings"

	"github.com/openctr/ctr/internal/implants/udi"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/wire/ctr"
)

const namespaceCommons = "urn:be:fgov:ehealth:commons:core:v2"

// clientRequirements lists all requirements for clients.
func clientRequirements() []clientRequirement {
	const wss = "SOAP Message Security 1.1.1, section "
	return []clientRequirement{
		{
			Requirement: Requirement{
				"C01", "The Content-Type is that of the version of SOAP, or of a package of MTOM.",
				"SOAP 1.1 section 6; SOAP 1.2 part 2 section 7; MTOM section 3",
			},
			judge: judgeContentType,
		},
		{Requirement: Requirement{"C02", "SOAPAction is empty, or that of the operation.", "wsdl/"}, judge: judgeSOAPAction},
		newCheckRequirement(
			"C03", "The message is well-formed XML, without document type and processing instructions.",
			"XML 1.0; SOAP 1.1 section 3", "XML",
		),
		newCheckRequirement(
			"C04", "The message is an envelope of SOAP 1.1 or 1.2, with one element in one Body.", "SOAP 1.1 section 4; wsdl/",
			"envelope",
		),
		newCheckRequirement(
			"C05", "One Security header holds one Timestamp, one Signature and the certificate.", wss+"5", "security header",
		),
		newCheckRequirement(
			"C06", "The Timestamp says in UTC when the message was made, and until when it is good.", wss+"10", "timestamp",
		),
		newCheckRequirement(
			"C07",
			"The signature is made with an accepted algorithm: RSA or ECDSA, with SHA-256 or better, exclusive "+
				"canonicalization.",
			"docs/security.md", "signature",
		),
		newCheckRequirement(
			"C08", "Every reference digests what it refers to, with SHA-256 or better.", wss+"8", "reference ",
		),
		newCheckRequirement(
			"C09", "The signature's value verifies with the key of the certificate.", wss+"8", "signature value",
		),
		newCheckRequirement("C10", "Body and Timestamp are signed.", "docs/security.md", "coverage"),
		{
			Requirement: Requirement{
				"C11", "The certificate is signed too, as the platform asks and strict services demand.", "docs/security.md",
			},
			judge: judgeCertificateSigned,
		},
		newCheckRequirement(
			"C12", "The signature names its key in an accepted way.", wss+"7; X.509 Token Profile 1.1.1 section 3",
			"key reference",
		),
		newCheckRequirement(
			"C13",
			"The certificate was valid when the message was made, for signing, and of an accepted form and strength; with "+
				"--trust also of a trusted authority.",
			"docs/certificates.md", "certificate",
		),
		{
			Requirement: Requirement{
				"C14", "The signer is a person, or an institution by its NIHII number.", "docs/permissions.md",
			},
			judge: judgeSignerType,
		},
		newCheckRequirement(
			"C15", "The content of the Body is a request of an operation of the contract.", "wsdl/", "operation",
		),
		newCheckRequirement("C16", "The request follows the schema.", "xsd/", "schema"),
		{
			Requirement: Requirement{
				"C17", "A request that an institution signs names the person who acts as Author.", "docs/permissions.md",
			},
			judge: judgeAuthor,
		},
		{Requirement: Requirement{"C18", "The check digits of all numbers are right.", "xsd/; docs/faults.md"},
			judge: judgeNumbers},
		{Requirement: Requirement{"C19", "Every UDI can be read.", "docs/faults.md"}, judge: judgeUDI},
		{
			Requirement: Requirement{
				"C20", "Every notification has an InputReference, so that it can be sent again without harm.",
				"xsd/, InputReferenceType",
			},
			judge: judgeInputReference,
		},
		{
			Requirement: Requirement{
				"C21", "Every message is signed anew: none has the signature of another.", "docs/security.md",
			},
			judgeAll: judgeUniqueSignatures,
		},
		{
			Requirement: Requirement{
				"C22", "Every request has an Id of its own, so that answers can be told apart.", "xsd/, RequestType",
			},
			judgeAll: judgeUniqueIDs,
		},
		{
			Requirement: Requirement{
				"C23", "A notification that is sent again keeps its InputReference and its content, with an Id of its own.",
				"xsd/, InputReferenceType",
			},
			judgeAll: judgeResubmissions,
		},
	}
}

func judgeContentType(m *inspectedMessage) (Outcome, string) {
	if m.captured.ContentType == "" {
		return NotShown, ""
	}
	if outcome, why := m.judgeChecks("package"); outcome == Fail {
		return outcome, why
	}
	for _, c := range m.report.Checks {
		for _, p := range c.Problems {
			if p.Code == soap.SOAPVersion {
				return Fail, formatFinding(p)
			}
		}
	}
	return Pass, ""
}

func judgeSOAPAction(m *inspectedMessage) (Outcome, string) {
	if m.operation == "" || !m.captured.HasHeader {
		return NotShown, ""
	}
	action := m.captured.SOAPAction
	if m.version == soap.SOAP12 {
		media, err := soap.ParseMedia(m.captured.EffectiveContentType())
		if err != nil {
			return NotShown, ""
		}
		action = media.Action
	} else if !m.captured.HasSOAPAction {
		return NotShown, ""
	}
	action = strings.Trim(action, `" `)
	if want := ctr.Contract().Action(m.operation); action != "" && action != want {
		return Fail, "it is not " + want
	}
	return Pass, ""
}

func judgeCertificateSigned(m *inspectedMessage) (Outcome, string) {
	switch {
	case m.security == nil || m.security.Signature == nil:
		return NotShown, ""
	case !m.security.Coverage.Certificate:
		return Fail, "the signature does not refer to it"
	}
	return Pass, ""
}

func judgeSignerType(m *inspectedMessage) (Outcome, string) {
	switch {
	case m.security == nil || m.security.Certificate == nil || m.security.Certificate.Subject.Type == "":
		return NotShown, ""
	case m.security.Certificate.Subject.Type == "CBE":
		return Fail, "an institution signs with its NIHII certificate, not with that of its enterprise number"
	}
	return Pass, ""
}

func judgeAuthor(m *inspectedMessage) (Outcome, string) {
	if m.operation == "" || m.security.Certificate == nil || m.security.Certificate.Subject.Type == "" ||
		m.security.Certificate.Subject.IsPerson() {
		return NotShown, ""
	}
	party := m.content.Child(ctr.NamespaceProtocol, "Author").Child(namespaceCommons, "HcParty")
	if party.Child(namespaceCommons, "Id").IsZero() {
		return Fail, "there is none with an Id"
	}
	return Pass, ""
}

// numberParsers validate the identification numbers, by the local name of the element that contains them.
var numberParsers = map[string]func(string) error{
	"Patient":            validateSSIN,
	"SSIN":               validateSSIN,
	"Grantor":            validateSSIN,
	"Grantee":            validateSSIN,
	"Person":             validateSSIN,
	"NIHII":              func(s string) error { _, err := ident.ParseNIHII(s); return err },
	"CBE":                func(s string) error { _, err := ident.ParseCBE(s); return err },
	"NotificationCode":   func(s string) error { _, err := ident.ParseNotificationCode(s); return err },
	"NotificationNumber": func(s string) error { _, err := ident.ParseNotificationNumber(s); return err },
}

func validateSSIN(s string) error { _, err := ident.ParseSSIN(s); return err }

func judgeNumbers(m *inspectedMessage) (Outcome, string) {
	outcome, why := NotShown, ""
	walkLeaves(m.content, func(e xmldoc.Element, text string) {
		parse := numberParsers[e.Local()]
		if parse == nil || !strings.HasPrefix(e.Space(), "urn:be:fgov:ehealth:ctr:") || outcome == Fail {
			return
		}
		if outcome = Pass; parse(text) != nil {
			outcome, why = Fail, "that of "+e.Local()+" is none"
		}
	})
	return outcome, why
}

func judgeUDI(m *inspectedMessage) (Outcome, string) {
	outcome, why := NotShown, ""
	walkLeaves(m.content, func(e xmldoc.Element, text string) {
		if e.Local() != "UDI" || outcome == Fail {
			return
		}
		outcome = Pass
		if _, err := udi.Parse(text); err != nil {
			outcome, why = Fail, string(problem.From(err).Code)
		}
	})
	return outcome, why
}

// walkLeaves calls f for every element without child elements.
func walkLeaves(e xmldoc.Element, f func(e xmldoc.Element, text string)) {
	if e.IsZero() {
		return
	}
	if text, leaf := e.Text(); leaf {
		f(e, strings.TrimSpace(text))
		return
	}
	for child := range e.Children() {
		walkLeaves(child, f)
	}
}

// isNotification reports whether the message is a notification.
func (m *inspectedMessage) isNotification() bool {
	return m.operation == "NotifyImplant" || m.operation == "NotifyExplant"
}

func judgeInputReference(m *inspectedMessage) (Outcome, string) {
	switch {
	case !m.isNotification():
		return NotShown, ""
	case m.inputReference() == "":
		return Fail, "it has none"
	}
	return Pass, ""
}

// judgeUniqueSignatures requires different SignedInfo elements in all messages. A message that was captured twice
// also fails.
func judgeUniqueSignatures(all []*inspectedMessage) (Outcome, []string) {
	return judgeDistinct(all, "has the signature of ", func(m *inspectedMessage) string {
		if m.security == nil || m.security.Signature == nil {
			return ""
		}
		data, _ := m.security.Canonical("SignedInfo")
		return string(data)
	})
}

func judgeUniqueIDs(all []*inspectedMessage) (Outcome, []string) {
	outcome, why := judgeDistinct(all, "has the Id of ", func(m *inspectedMessage) string {
		id, _ := m.content.Attr("", "Id")
		return id
	})
	for _, m := range all {
		if id, _ := m.content.Attr("", "Id"); m.operation != "" && id == "" {
			outcome, why = Fail, append(why, m.name+": has no Id")
		}
	}
	return outcome, why
}

// judgeDistinct requires a different key for every message; messages with an empty key are ignored. A single message
// gives NotShown.
func judgeDistinct(all []*inspectedMessage, sentence string, of func(*inspectedMessage) string) (Outcome, []string) {
	seen, outcome, why := map[string]string{}, NotShown, []string(nil)
	for _, m := range all {
		key := of(m)
		if key == "" {
			continue
		}
		switch other, twice := seen[key]; {
		case twice:
			outcome, why = Fail, append(why, m.name+": "+sentence+other)
		case len(seen) > 0 && outcome == NotShown:
			outcome = Pass
		}
		if _, twice := seen[key]; !twice {
			seen[key] = m.name
		}
	}
	return outcome, why
}

// judgeResubmissions compares notifications with the same InputReference by the same signer.
func judgeResubmissions(all []*inspectedMessage) (Outcome, []string) {
	first, outcome, why := map[string]*inspectedMessage{}, NotShown, []string(nil)
	for _, m := range all {
		if !m.isNotification() || m.inputReference() == "" || m.security.Certificate == nil {
			continue
		}
		key := m.security.Certificate.Subject.String() + "\n" + m.inputReference()
		earlier := first[key]
		if earlier == nil {
			first[key] = m
			continue
		}
		earlierID, _ := earlier.content.Attr("", "Id")
		id, _ := m.content.Attr("", "Id")
		switch {
		case submittedContent(earlier.content) != submittedContent(m.content):
			outcome, why = Fail, append(why, m.name+": has the InputReference of "+earlier.name+", and other content")
		case id == earlierID && id != "":
			outcome, why = Fail, append(why, m.name+": has the InputReference of "+earlier.name+", and the same Id")
		case outcome == NotShown:
			outcome = Pass
		}
	}
	return outcome, why
}

// submittedContent returns the part of a notification that must not change when it is sent again: all but the author
// and the attributes of the request.
func submittedContent(content xmldoc.Element) string {
	var b strings.Builder
	b.WriteString(content.Local())
	for child := range content.Children() {
		if child.Local() != "Author" {
			walkLeaves(child, func(e xmldoc.Element, text string) {
				if e.Local() != "Save" || text != "Final" { // Final is the default, so that leaving Save out is equal
					b.WriteString("\n" + e.Space() + " " + e.Local() + " " + text)
				}
			})
		}
	}
	return b.String()
}
