package soap

import (
	"fmt"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Refusal is a SOAP Fault as a client reads it.
type Refusal struct {
	FaultCode  string // soap:Client, wsse:FailedCheck, … as written; in SOAP 1.2 the subcode if there is one
	Code       string // code of the platform error: SOA-… or a code of the register
	ID         string // correlation ID, with which the operator finds the request in the log
	Business   bool   // refused by a rule of the register, not by the message layers
	Retry      bool
	Messages   map[texts.Lang]string
	Violations []Violation
}

// Violation is one of the violations listed in a fault.
type Violation struct {
	Code     string
	Path     string
	Messages map[texts.Lang]string
}

// Error returns the refusal in English.
func (r *Refusal) Error() string {
	return fmt.Sprintf("refused (%s, %s): %s", r.FaultCode, r.Code, r.Messages[texts.English])
}

// ReadReply returns the content of a reply's Body, or the refusal if it is a Fault. A reply is unsigned by default; its
// authenticity rests on TLS. The violations of a refusal are in the core namespace of the contract.
func ReadReply(d *xmldoc.Document, coreNamespace string) (xmldoc.Element, *Refusal, error) {
	e, err := parseEnvelope(d)
	if err != nil {
		return xmldoc.Element{}, nil, err
	}
	content := e.body.FirstChild()
	if content.IsZero() {
		return xmldoc.Element{}, nil, problem.New(BodyMissing)
	}
	if content.Is(e.version.Namespace(), "Fault") {
		return xmldoc.Element{}, e.readFault(content, coreNamespace), nil
	}
	return content, nil, nil
}

func (e *Envelope) readFault(fault xmldoc.Element, coreNamespace string) *Refusal {
	r := &Refusal{Messages: map[texts.Lang]string{}}
	detail := fault.Child("", "detail")
	if e.version == SOAP12 {
		detail = fault.Child(Namespace12, "Detail")
		code := fault.Child(Namespace12, "Code")
		r.FaultCode = childText(code, Namespace12, "Value")
		if sub := childText(code.Child(Namespace12, "Subcode"), Namespace12, "Value"); sub != "" {
			r.FaultCode = sub
		}
		for reason := range fault.Child(Namespace12, "Reason").Children() {
			addMessage(r.Messages, reason)
		}
	} else {
		r.FaultCode = childText(fault, "", "faultcode")
		r.Messages[texts.English] = childText(fault, "", "faultstring")
	}
	for child := range detail.Children() {
		switch {
		case child.Space() == namespacePlatformErrors:
			r.readPlatformError(child)
		case child.Is(coreNamespace, "Violations"):
			for violation := range child.Children() {
				v := Violation{Messages: map[texts.Lang]string{}}
				v.Code, _ = violation.Attr("", "Code")
				v.Path, _ = violation.Attr("", "Path")
				for m := range violation.Children() {
					addMessage(v.Messages, m)
				}
				r.Violations = append(r.Violations, v)
			}
		}
	}
	return r
}

func (r *Refusal) readPlatformError(e xmldoc.Element) {
	r.Business = e.Local() == "BusinessError"
	r.ID, _ = e.Attr("", "Id")
	r.Code = childText(e, "", "Code")
	r.Retry = childText(e, "", "Retry") == "true"
	for child := range e.Children() {
		if child.Is("", "Message") {
			addMessage(r.Messages, child)
		}
	}
}

func addMessage(to map[texts.Lang]string, e xmldoc.Element) {
	lang, _ := e.Attr(xmldoc.XMLNamespace, "lang")
	to[texts.Lang(lang)], _ = e.Text()
}

func childText(parent xmldoc.Element, space, local string) string {
	s, _ := parent.Child(space, local).Text()
	return s
}
