package conformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/message/check"
	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/message/recorded"
	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/wire"
)

// Captured is a message that a client sent, as check reads one: the octets, with or without the fields of the request.
type Captured struct {
	Name   string // for the report
	Octets []byte
}

// message is a captured message, looked at.
type message struct {
	name      string
	record    recorded.Message
	report    *check.Report
	security  *wsse.Report   // nil when the message cannot be opened
	content   xmldoc.Element // of the Body; zero when the message cannot be opened
	version   soap.Version
	operation string // empty when it is none
}

// demand is a requirement for clients, with what tells it of one message. What is told of several stands in across.
type demand struct {
	Requirement

	of     func(*message) (Outcome, string)
	across func([]*message) (Outcome, []string)
}

// JudgeMessages judges a client by what it sent. Each message is judged as at the instant that it says it was made, so that the
// report stays the same. Who issued the certificates is judged with trust alone.
func JudgeMessages(captured []Captured, trust *pki.Trust) (*Report, error) {
	schemas, err := compiled()
	if err != nil {
		return nil, err
	}
	all := make([]*message, len(captured))
	for i, c := range captured {
		all[i] = look(c, schemas, trust)
	}
	report := &Report{Subject: fmt.Sprintf("Client, by %d of its messages", len(all)), Shown: shown(all)}
	for _, d := range demands() {
		if d.across != nil {
			outcome, why := d.across(all)
			report.add(d.Requirement, outcome, why...)
			continue
		}
		outcome, why := NotShown, []string(nil)
		for _, m := range all {
			switch one, because := d.of(m); {
			case one == Fail:
				outcome, why = Fail, append(why, m.name+": "+because)
			case one == Pass && outcome == NotShown:
				outcome = Pass
			}
		}
		report.add(d.Requirement, outcome, why...)
	}
	report.conclude()
	return report, nil
}

// look looks at a message.
func look(c Captured, schemas *schema.Schema, trust *pki.Trust) *message {
	m := &message{name: c.Name, record: recorded.Read(c.Octets)}
	envelope := m.record.Envelope()
	o := check.Options{Schema: schemas, Dispatch: wire.OperationOf, Lang: problem.EN, InspectOptions: wsse.InspectOptions{Trust: trust}}
	if _, first := check.Look(envelope, o); first != nil {
		if first.Certificate != nil { // of a message that does not say when it was made, the validity cannot be judged
			o.At = first.Certificate.From
		}
		if first.Timestamp != nil && !first.Timestamp.Created.IsZero() {
			o.At = first.Timestamp.Created
		}
	}
	m.report, m.security = check.Look(envelope, o)
	if m.security == nil {
		return m
	}
	document, err := xmldoc.Parse(envelope.Octets, xmldoc.DefaultLimits())
	if err != nil {
		return m // and check has said so
	}
	root := document.Root()
	m.version = soap.SOAP11
	if root.Space() == soap.Namespace12 {
		m.version = soap.SOAP12
	}
	m.content = root.Child(root.Space(), "Body").FirstChild()
	m.operation, _ = wire.OperationOf(m.content)
	return m
}

// checked is a demand that is met when the check finds nothing wrong in its parts with these names, or beginnings of names.
func checked(id, sentence, where string, names ...string) demand {
	return demand{Requirement: Requirement{id, sentence, where}, of: func(m *message) (Outcome, string) { return m.checked(names...) }}
}

func (m *message) checked(names ...string) (Outcome, string) {
	outcome, why := NotShown, []string(nil)
	for _, c := range m.report.Checks {
		if !slices.ContainsFunc(names, func(name string) bool {
			return c.Name == name || strings.HasSuffix(name, " ") && strings.HasPrefix(c.Name, name)
		}) {
			continue
		}
		switch c.Status {
		case check.StatusOK:
			if outcome == NotShown {
				outcome = Pass
			}
		case check.StatusRefused:
			outcome = Fail
			for _, p := range c.Problems {
				why = append(why, said(p))
			}
		}
	}
	return outcome, strings.Join(why, "; ")
}

func said(p check.Finding) string {
	text := string(p.Code)
	if p.At != "" {
		text += " at " + p.At
	}
	if p.More != "" {
		text += " (" + p.More + ")"
	}
	return text
}

// shown counts what the messages showed.
func shown(all []*message) []Feature {
	counts := map[string]int{}
	for _, m := range all {
		for _, name := range m.features() {
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

// features are what a message shows.
func (m *message) features() []string {
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
	if media, err := soap.ParseMedia(m.record.Type()); err == nil && media.Packed {
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
		for what, signed := range map[string]bool{"Body": m.security.Coverage.Body, "Timestamp": m.security.Coverage.Timestamp, "certificate": m.security.Coverage.Certificate} {
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
	if m.reference() != "" {
		add("InputReference", "given")
	}
	return all
}

// reference is the message's InputReference.
func (m *message) reference() string {
	text, _ := m.content.Child(wire.NamespaceProtocol, "InputReference").Text()
	return strings.TrimSpace(text)
}
