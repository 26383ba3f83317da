package soap

import (
	"net/http"
	"strings"

	"github.com/openctr/ctr/internal/problem"
)

// Namespaces in the detail of a fault: the error types of the eHealth platform and the violations of the contract.
const (
	namespaceSystem     = "urn:be:fgov:ehealth:errors:soa:v1"
	namespaceViolations = "urn:be:fgov:ehealth:ctr:core:v1"
	namespaceProtocol   = "urn:be:fgov:ehealth:ctr:protocol:v1"
)

// FaultContext holds what a fault contains besides the refusal.
type FaultContext struct {
	Version     Version
	ID          string // the correlation ID, also in the log
	Environment string // Development, Test, Integration, Acceptation, Simulation or Production
}

// Fault is an HTTP response with a SOAP Fault.
type Fault struct {
	Status     int
	RetryAfter string // in seconds, or empty
	Body       []byte
}

// faultMapping says how a refusal is represented in a fault.
type verdict struct {
	server   bool   // the fault is the server's, not the client's
	business bool   // a soa:BusinessError with the code of the refusal, instead of a soa:SystemError
	code     string // code of the soa:SystemError
}

// faultMappingFor returns the mapping of a refusal by its kind, except for the few codes with a platform code of their
// own.
func verdictOf(e *problem.Error) verdict {
	switch e.Code {
	case problem.NotSOAP, problem.SOAPVersion:
		return verdict{code: "SOA-03002"}
	case problem.BodyMissing:
		return verdict{code: "SOA-03003"}
	case problem.MessageReplayed:
		// Not SOA-01001: on that code the platform's connector retries at another address, although the first message
		// may have been stored.
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

// FaultFrom turns a refusal into a fault; no other code does. An error without a code becomes an internal error and
// exposes nothing else.
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

// writeText writes character data, safe in an attribute too. Characters that XML cannot represent become U+FFFD: a
// fault must be well-formed, whatever the refused message contained.
func (w *faultWriter) text(s string) {
	w.WriteString(escaper.Replace(strings.Map(carried, s)))
}

// replaceInvalidXMLChar keeps the characters that XML 1.0 section 2.2 allows. Invalid UTF-8 arrives here as U+FFFD.
func carried(r rune) rune {
	if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\uFFFE' || r == '\uFFFF' {
		return '\uFFFD'
	}
	return r
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\t", "&#x9;", "\n", "&#xA;", "\r", "&#xD;")

// writeFault11 writes a Fault of SOAP 1.1 section 4.4. For a WS-Security refusal the fault code is that of SOAP Message
// Security 1.1.1 section 12 instead of Client.
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

// writeFault12 writes a Fault of SOAP 1.2 part 1 section 5.4.
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
	// Only one Text: gSOAP cannot read a second one, and PHP shows the first. The detail has every language.
	w.write(`</soap:Code><soap:Reason><soap:Text xml:lang="en">`)
	w.text(seen(e) + ": " + message(e, problem.EN))
	w.write("</soap:Text></soap:Reason><soap:Detail>")
	w.detail(e, v, c)
	w.write("</soap:Detail></soap:Fault>")
}

// writeDetail writes the platform error and every violation with its code, path and texts. The child elements of the
// platform error are unqualified (errors core v1).
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

// messageText returns the text for the code in a language, followed by the public detail in parentheses.
func message(e *problem.Error, l problem.Lang) string {
	entry, _ := problem.Lookup(e.Code)
	text := entry.Text(l)
	if e.Public == "" {
		return text
	}
	return text + " (" + e.Facts(l) + ")"
}
