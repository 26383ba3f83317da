// Package diagnosis reports everything in a message that a service would refuse, not only the first error, in words
// for the sender. Start with Inspect.
//
// It is separate because two programs use it: the caller's tool, which has only the message, and a service outside
// production, which also has its trust anchors, its operations and its clock. It verifies nothing: it uses the
// functions of message/wsse and message/schema, but no path leads from a Report to a verified message.
package diagnosis

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Options configure Inspect with the settings of a service.
type Options struct {
	wsse.InspectOptions

	// Schema validates the content of the Body.
	Schema *schema.Schema
	// IdentifyOperation returns the name of the operation for the content of a Body, or an error.
	IdentifyOperation func(content xmldoc.Element) (string, error)
	// Lang is the language of the report.
	Lang texts.Lang
	// Service is the environment of the service that inspects the message; empty in the caller's tool. As in a normal
	// call, a service reports errors in the content only if the signature verifies.
	Service string
}

// Message is a message, extracted from its MTOM package.
type Message struct {
	Data    []byte
	Version soap.Version // according to the Content-Type; zero if unknown
	Packed  bool
	Err     error // why it could not be received or unpacked
}

// Inspect applies the same steps as a service, in the same order. If a step fails so that later steps have no input,
// the report marks these as not checked. The second report is nil if the envelope cannot be read.
func Inspect(m Message, o Options) (*Report, *wsse.Report) {
	r := &Report{Service: o.Service, InspectedAt: o.Time.UTC(), lang: o.Lang}
	envelope, document := r.openEnvelope(m)
	if envelope == nil {
		r.addUnchecked("security", "operation", "schema")
		return r, nil
	}
	o.HideRegistered = o.Service != ""
	security := wsse.Inspect(envelope, o.InspectOptions)
	r.addSecurity(security, o)

	content := document.Root().Child(envelope.Version().Namespace(), "Body").FirstChild()
	operation, err := o.IdentifyOperation(content)
	element := Fact{"element", content.Local()}
	if err != nil {
		r.addError("operation", err, element, Fact{"namespace", content.Space()})
	} else {
		r.addError("operation", nil, element, Fact{"name", operation})
	}
	if problem.From(err) != nil && problem.From(err).Code == soap.OperationUnknown ||
		o.Service != "" && security.FirstRefusal != nil {
		r.addUnchecked("schema")
		return r, security
	}
	_, err = o.Schema.Check(content)
	r.addError("schema", err)
	return r, security
}

// openEnvelope parses the message and returns the envelope, or nil after it reports the error.
func (r *Report) openEnvelope(m Message) (*soap.Envelope, *xmldoc.Document) {
	if m.Packed || m.Err != nil {
		r.addError("package", m.Err)
	}
	if m.Err != nil {
		r.addUnchecked("XML", "envelope")
		return nil, nil
	}
	document, err := xmldoc.Parse(m.Data, xmldoc.DefaultLimits())
	r.addError("XML", err, Fact{"size", strconv.Itoa(len(m.Data)) + " octets"})
	if err != nil {
		r.addUnchecked("envelope")
		return nil, nil
	}
	envelope, err := soap.Open(document)
	if err == nil && m.Version != 0 && envelope.Version() != m.Version {
		err = problem.New(soap.SOAPVersion).WithPath("Content-Type")
	}
	if err != nil {
		r.addError("envelope", err)
		return nil, nil
	}
	r.addError(
		"envelope", nil,
		Fact{"version", map[soap.Version]string{soap.SOAP11: "SOAP 1.1", soap.SOAP12: "SOAP 1.2"}[envelope.Version()]},
	)
	return envelope, document
}

// addSecurity adds the findings about the Security header.
func (r *Report) addSecurity(s *wsse.Report, o Options) {
	if s.FirstRefusal != nil {
		r.AnswerCode = s.FirstRefusal.Code
	}
	r.addCheck("security header", append(append([]*problem.Error(nil), s.Header...), s.Other...))
	if t := s.Timestamp; t != nil {
		facts := []Fact{{"service time", formatTime(o.Time)}}
		if !t.Created.IsZero() {
			facts = append(facts,
				Fact{"good", "from " + formatTime(t.Created.Add(-wsse.Skew)) + " to " + formatTime(t.ValidUntil)},
				Fact{"created", formatTime(t.Created)},
				Fact{"difference", fmt.Sprintf("%+d s", int64(t.Created.Sub(o.Time)/time.Second))})
		}
		r.addCheck("timestamp", t.Refusals, facts...)
	}
	if s.Signature == nil {
		r.addUnchecked("signature", "certificate")
		return
	}
	r.addSignature(s.Signature)
	r.addCheck("coverage", s.Coverage.Refusals,
		Fact{"Body", formatSigned(s.Coverage.Body, "")}, Fact{"Timestamp", formatSigned(s.Coverage.Timestamp, "")},
		Fact{"certificate", formatSigned(s.Coverage.Certificate, ", which a strict service refuses (--strict)")})
	r.addCheck("key reference", s.Key.Refusals, Fact{"form", s.Key.Form})
	if c := s.Certificate; c != nil {
		r.addCertificate(c)
	} else {
		r.addUnchecked("certificate")
	}
}

func formatSigned(signed bool, note string) string {
	if signed {
		return "signed"
	}
	return "not signed" + note
}

func (r *Report) addSignature(n *dsig.Inspection) {
	r.addCheck("signature", n.StructureRefusals, Fact{"canonicalization", n.Canonicalization}, Fact{"method", n.Method})
	for i := range n.References {
		about := &n.References[i]
		facts := []Fact{{"URI", about.URI}, {"element", about.Target}}
		for _, transform := range about.Transforms {
			facts = append(facts, Fact{"transform", transform})
		}
		facts = append(facts, Fact{"digest method", about.DigestMethod},
			Fact{"digest stated", base64.StdEncoding.EncodeToString(about.StatedDigest)},
			Fact{"digest computed", base64.StdEncoding.EncodeToString(about.ComputedDigest)})
		name := "reference " + strconv.Itoa(i+1)
		r.addCheck(name, about.Refusals, facts...)
		if len(about.Refusals) == 0 && about.ComputedDigest == nil {
			r.lastCheck().Status = StatusUnchecked
		}
	}
	r.addCheck("signature value", n.ValueRefusals)
	switch {
	case !n.ValueVerified && len(n.ValueRefusals) == 0:
		r.lastCheck().Status = StatusUnchecked
	case n.ValueVerified && len(n.ValueRefusals) == 0:
		r.lastCheck().Facts = []Fact{{"result", "it verifies with the key of the certificate"}}
	}
}

func (r *Report) addCertificate(c *wsse.CertificateReport) {
	who := "nobody"
	if c.Subject != (x509id.Subject{}) {
		who = c.Subject.String() + " " + c.Subject.Name
	}
	trusted := "not checked: no --trust was given"
	if c.TrustChecked {
		trusted = "yes"
		for _, e := range c.Refusals {
			if e.Code == x509id.CertUntrusted {
				trusted = "no"
			}
		}
	}
	revoked := "not checked here"
	if r.Service != "" {
		revoked = "by what the service knows now: no"
		for _, e := range c.Refusals {
			if e.Code == x509id.CertRevoked {
				revoked = "yes"
			}
		}
	}
	r.addCheck("certificate", c.Refusals, Fact{"taken for", who}, Fact{"subject", c.Name}, Fact{"issuer", c.Issuer},
		Fact{"valid", "from " + formatTime(c.NotBefore) + " to " + formatTime(c.NotAfter)}, Fact{"key", c.Key},
		Fact{"trusted", trusted},
		Fact{"revoked", revoked})
}

func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
