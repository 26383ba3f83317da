package conformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/devkit/capture"
	"github.com/openctr/ctr/internal/devkit/diagnosis"
	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// CapturedMessage is a message that a client sent, in the format that capture.Parse reads: the body, with or without
// the HTTP header.
type CapturedMessage struct {
	Name string // identifies the message in the report
	Data []byte
}

// inspectedMessage is a captured message with its diagnosis.
type inspectedMessage struct {
	name      string
	captured  capture.Message
	report    *diagnosis.Report
	security  *wsse.Report   // nil if the envelope cannot be read
	content   xmldoc.Element // of the Body; zero if the envelope cannot be read
	version   soap.Version
	operation string // empty if the contract has no such operation
}

// clientRequirement is a requirement for clients. Either judge decides it for each message on its own, or judgeAll
// decides it by comparing all messages.
type clientRequirement struct {
	Requirement

	judge    func(*inspectedMessage) (Outcome, string)
	judgeAll func([]*inspectedMessage) (Outcome, []string)
}

// JudgeMessages judges a client by the messages it sent. Each message is judged at its own creation time, so that the
// report is reproducible. The issuers of the certificates are judged only if trust is not nil.
func JudgeMessages(captured []CapturedMessage, trust *x509id.TrustStore) (*Report, error) {
	schemas, err := compileSchemas()
	if err != nil {
		return nil, err
	}
	all := make([]*inspectedMessage, len(captured))
	for i, c := range captured {
		all[i] = inspectMessage(c, schemas, trust)
	}
	report := &Report{Subject: fmt.Sprintf("Client, by %d of its messages", len(all)), Features: countFeatures(all)}
	for _, d := range clientRequirements() {
		if d.judgeAll != nil {
			outcome, why := d.judgeAll(all)
			report.addFinding(d.Requirement, outcome, why...)
			continue
		}
		outcome, why := NotShown, []string(nil)
		for _, m := range all {
			switch result, reason := d.judge(m); {
			case result == Fail:
				outcome, why = Fail, append(why, m.name+": "+reason)
			case result == Pass && outcome == NotShown:
				outcome = Pass
			}
		}
		report.addFinding(d.Requirement, outcome, why...)
	}
	report.setVerdict()
	return report, nil
}

// inspectMessage parses and diagnoses a captured message.
func inspectMessage(c CapturedMessage, schemas *schema.Schema, trust *x509id.TrustStore) *inspectedMessage {
	m := &inspectedMessage{name: c.Name, captured: capture.Parse(c.Data)}
	envelope := m.captured.UnpackEnvelope()
	o := diagnosis.Options{
		Schema:            schemas,
		IdentifyOperation: ctr.OperationName,
		Lang:              texts.English,
		InspectOptions:    wsse.InspectOptions{Trust: trust},
	}
	if _, first := diagnosis.Inspect(envelope, o); first != nil {
		if first.Certificate != nil { // without a creation time the validity cannot be judged
			o.Time = first.Certificate.NotBefore
		}
		if first.Timestamp != nil && !first.Timestamp.Created.IsZero() {
			o.Time = first.Timestamp.Created
		}
	}
	m.report, m.security = diagnosis.Inspect(envelope, o)
	if m.security == nil {
		return m
	}
	document, err := xmldoc.Parse(envelope.Data, xmldoc.DefaultLimits())
	if err != nil {
		return m // the diagnosis reports it
	}
	root := document.Root()
	m.version = soap.SOAP11
	if root.Space() == soap.Namespace12 {
		m.version = soap.SOAP12
	}
	m.content = root.Child(root.Space(), "Body").FirstChild()
	m.operation, _ = ctr.OperationName(m.content)
	return m
}

// newCheckRequirement returns a requirement that is met if the named checks of the diagnosis pass. A name that ends
// with a space is a prefix.
func newCheckRequirement(id, sentence, where string, names ...string) clientRequirement {
	return clientRequirement{
		Requirement: Requirement{id, sentence, where},
		judge:       func(m *inspectedMessage) (Outcome, string) { return m.judgeChecks(names...) },
	}
}

func (m *inspectedMessage) judgeChecks(names ...string) (Outcome, string) {
	outcome, why := NotShown, []string(nil)
	for _, c := range m.report.Checks {
		if !slices.ContainsFunc(names, func(name string) bool {
			return c.Name == name || strings.HasSuffix(name, " ") && strings.HasPrefix(c.Name, name)
		}) {
			continue
		}
		switch c.Status {
		case diagnosis.StatusOK:
			if outcome == NotShown {
				outcome = Pass
			}
		case diagnosis.StatusRefused:
			outcome = Fail
			for _, p := range c.Problems {
				why = append(why, formatFinding(p))
			}
		}
	}
	return outcome, strings.Join(why, "; ")
}

func formatFinding(p diagnosis.Finding) string {
	text := string(p.Code)
	if p.At != "" {
		text += " at " + p.At
	}
	if p.More != "" {
		text += " (" + p.More + ")"
	}
	return text
}

// countFeatures counts the messages that show each feature, sorted by name.
func countFeatures(all []*inspectedMessage) []Feature {
	counts := map[string]int{}
	for _, m := range all {
		for _, name := range m.listFeatures() {
			counts[name]++
		}
	}
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.Sort(names)
	features := make([]Feature, len(names))
	for i, name := range names {
		features[i] = Feature{name, counts[name]}
	}
	return features
}

// listFeatures returns the features that the message shows, as "kind value".
func (m *inspectedMessage) listFeatures() []string {
	if m.security == nil {
		return []string{"unreadable"}
	}
	var all []string
	add := func(kind, value string) {
		if value != "" {
			all = append(all, kind+" "+value)
		}
	}
	add("operation", m.operation)
	add("version", map[soap.Version]string{soap.SOAP11: "SOAP 1.1", soap.SOAP12: "SOAP 1.2"}[m.version])
	if media, err := soap.ParseMedia(m.captured.EffectiveContentType()); err == nil && media.MTOM {
		add("MTOM", "package")
	}
	if m.security.Timestamp != nil {
		add("Timestamp", "present")
	}
	if s := m.security.Signature; s != nil {
		add("canonicalization", s.Canonicalization)
		add("signature", s.Method)
		digests := map[string]bool{}
		for _, r := range s.References {
			if !digests[r.DigestMethod] {
				digests[r.DigestMethod] = true
				add("digest", r.DigestMethod)
			}
		}
		for what, signed := range map[string]bool{
			"Body":        m.security.Coverage.Body,
			"Timestamp":   m.security.Coverage.Timestamp,
			"certificate": m.security.Coverage.Certificate,
		} {
			if signed {
				add("signed", what)
			}
		}
		add("key reference", m.security.Key.Form)
	}
	if c := m.security.Certificate; c != nil {
		add("key", c.Key)
		add("signer", c.Subject.Type)
	}
	if m.inputReference() != "" {
		add("InputReference", "given")
	}
	return all
}

// inputReference returns the message's InputReference, or an empty string.
func (m *inspectedMessage) inputReference() string {
	text, _ := m.content.Child(ctr.NamespaceProtocol, "InputReference").Text()
	return strings.TrimSpace(text)
}
