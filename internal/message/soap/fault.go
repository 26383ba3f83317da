package soap

import (
	"net/http"
	"strings"

	"github.com/openctr/ctr/internal/problem"
)

// The namespaces of the fault's detail: the platform's shared error types and the contract's list of violations.
const (
	namespaceSystem     = "urn:be:fgov:ehealth:errors:soa:v1"
	namespaceViolations = "urn:be:fgov:ehealth:ctr:core:v1"
	namespaceProtocol   = "urn:be:fgov:ehealth:ctr:protocol:v1"
)

// FaultContext is what a fault says beside the refusal.
type FaultContext struct {
	Version     Version
	ID          string // the correlation id, which stands in the log
	Environment string // Development, Test, Integration, Acceptation, Simulation or Production
}

// Fault is a refusal as it goes out.
type Fault struct {
	Status     int
	RetryAfter string // seconds, or empty
	Body       []byte
}

// verdict is one row of the table that turns a refusal into a Fault.
type verdict struct {
	server   bool   // whose fault: ours, or the client's
	business bool   // soa:BusinessError with the refusal's own code, instead of soa:SystemError
	code     string // the code of a soa:SystemError
}

// verdictOf is the problem-to-fault table: by kind, with the few codes that the platform numbers apart.
func verdictOf(e *problem.Error) verdict {
	switch e.Code {
	case problem.NotSOAP, problem.SOAPVersion:
		return verdict{code: "SOA-03002"}
	case problem.BodyMissing:
		return verdict{code: "SOA-03003"}
	case problem.MessageReplayed:
		// Not SOA-01001, on which the platform's connector sends the message to another address: what came first may
		// have been stored.
		return verdict{code: "SOA-03007"}
	}
	switch e.Kind {
	case problem.Malformed:
		return verdict{code: "SOA-03001"}
	case problem.NotUnderstood:
		return verdict{code: "SOA-03005"}
	case problem.Unauthenticated:
		return verdict{code: "SOA-01001"}
	case problem.SchemaInvalid:
		return verdict{code: "SOA-03006"}
	case problem.Forbidden:
		return verdict{code: "SOA-01002"}
	case problem.RuleViolated, problem.NotFound, problem.Withheld, problem.Conflict:
		return verdict{business: true}
	case problem.Unavailable:
		return verdict{server: true, code: "SOA-02002"}
	case problem.Internal:
	}
	return verdict{server: true, code: "SOA-00001"}
}

// FaultFrom is the one place where a refusal becomes a Fault. Of an error that is no problem only "internal" is told.
func FaultFrom(err error, c FaultContext) Fault {
	e := problem.From(err)
	v := verdictOf(e)
	f := Fault{Status: http.StatusInternalServerError}
	switch {
	case e.Kind == problem.Unavailable:
		f.Status, f.RetryAfter = http.StatusServiceUnavailable, "5"
	case e.Code == problem.MessageTooLarge:
		f.Status = http.StatusRequestEntityTooLarge
	case c.Version == SOAP12 && !v.server:
		f.Status = http.StatusBadRequest
	}
	var w faultWriter
	if c.Version == SOAP12 {
		w.fault12(e, v, c)
	} else {
		w.fault11(e, v, c)
	}
	version := c.Version
	if version == 0 {
		version = SOAP11
	}
	f.Body = Wrap(version, []byte(w.String()))
	return f
}

type faultWriter struct{ strings.Builder }

func (w *faultWriter) write(parts ...string) {
	for _, p := range parts {
		w.WriteString(p)
	}
}

// text writes character data, also fit for an attribute. What XML cannot carry becomes U+FFFD: a fault must be readable,
// whatever the refused message held.
func (w *faultWriter) text(s string) {
	w.WriteString(escaper.Replace(strings.Map(carried, s)))
}

// carried keeps the characters that XML 1.0 allows (section 2.2). Octets that are no UTF-8 arrive as U+FFFD.
func carried(r rune) rune {
	if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\uFFFE' || r == '\uFFFF' {
		return '\uFFFD'
	}
	return r
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\t", "&#x9;", "\n", "&#xA;", "\r", "&#xD;")

// fault11 writes a Fault of SOAP 1.1 section 4.4. A WS-Security refusal has the fault code of SOAP Message Security
// 1.1.1 section 12 instead of Client.
func (w *faultWriter) fault11(e *problem.Error, v verdict, c FaultContext) {
	w.write("<soap:Fault><faultcode")
	code := "soap:Client"
	switch wss, isSecurity := problem.WSSFault(e.Code); {
	case isSecurity:
		w.write(` xmlns:wsse="`, NamespaceSecurity, `"`)
		code = "wsse:" + wss
	case v.server:
		code = "soap:Server"
	case e.Code == problem.HeaderNotUnderstood:
		code = "soap:MustUnderstand"
	case e.Code == problem.SOAPVersion:
		code = "soap:VersionMismatch"
	}
	w.write(">", code, `</faultcode><faultstring xml:lang="en">`)
	w.text(seen(e) + ": " + message(e, problem.EN))
	w.write("</faultstring><detail>")
	w.detail(e, v, c)
	w.write("</detail></soap:Fault>")
}

// fault12 writes a Fault of SOAP 1.2 part 1 section 5.4.
func (w *faultWriter) fault12(e *problem.Error, v verdict, c FaultContext) {
	code := "Sender"
	switch {
	case v.server:
		code = "Receiver"
	case e.Code == problem.HeaderNotUnderstood:
		code = "MustUnderstand"
	case e.Code == problem.SOAPVersion:
		code = "VersionMismatch"
	}
	w.write("<soap:Fault><soap:Code><soap:Value>soap:", code, "</soap:Value>")
	if wss, ok := problem.WSSFault(e.Code); ok {
		w.write(`<soap:Subcode><soap:Value xmlns:wsse="`, NamespaceSecurity, `">wsse:`, wss, "</soap:Value></soap:Subcode>")
	}
	// One Text, and no more: gSOAP cannot read a second, and PHP shows the first. The detail has every language.
	w.write(`</soap:Code><soap:Reason><soap:Text xml:lang="en">`)
	w.text(seen(e) + ": " + message(e, problem.EN))
	w.write("</soap:Text></soap:Reason><soap:Detail>")
	w.detail(e, v, c)
	w.write("</soap:Detail></soap:Fault>")
}

// detail writes the platform's error and, beside it, each refusal with its code, place and words. The error's own
// children have no namespace (errors core v1 is unqualified).
func (w *faultWriter) detail(e *problem.Error, v verdict, c FaultContext) {
	name, code := "SystemError", v.code
	if v.business {
		name, code = "BusinessError", seen(e)
	}
	origin := "Client"
	if v.server {
		origin = "Server"
	}
	w.write("<soa:", name, ` xmlns:soa="`, namespaceSystem, `" Id="`)
	w.text(c.ID)
	w.write(`"><Origin>`, origin, "</Origin><Code>", code, "</Code>")
	for _, l := range problem.Langs {
		w.write(`<Message xml:lang="`, string(l), `">`)
		w.text(message(e, l))
		w.write("</Message>")
	}
	retry := "false"
	if e.Kind == problem.Unavailable || e.Code == problem.CertRevocationUnknown {
		retry = "true"
	}
	w.write("<Retry>", retry, "</Retry><soa:Environment>")
	w.text(c.Environment)
	w.write("</soa:Environment></soa:", name, ">")

	w.write(`<ctr:Violations xmlns:ctr="`, namespaceViolations, `" xmlns:ctrp="`, namespaceProtocol, `">`)
	for _, leaf := range e.Leaves() {
		w.write(`<ctr:Violation Code="`, seen(leaf), `"`)
		if leaf.At != "" {
			w.write(` Path="`)
			w.text(leaf.At)
			w.write(`"`)
		}
		w.write(">")
		for _, l := range problem.Langs {
			w.write(`<ctr:Message xml:lang="`, string(l), `">`)
			w.text(message(leaf, l))
			w.write("</ctr:Message>")
		}
		w.write("</ctr:Violation>")
	}
	w.write("</ctr:Violations>")
}

func seen(e *problem.Error) string { return string(e.Code.Seen()) }

// message is the text of the code in a language, with the public facts behind it.
func message(e *problem.Error, l problem.Lang) string {
	entry, _ := problem.Lookup(e.Code)
	text := entry.Text(l)
	if e.Public == "" {
		return text
	}
	return text + " (" + e.Facts(l) + ")"
}
