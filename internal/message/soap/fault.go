package soap

import (
	"errors"
	"net/http"
	"strings"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// namespacePlatformErrors is the namespace of the error types of the eHealth platform in the detail of a fault.
const namespacePlatformErrors = "urn:be:fgov:ehealth:errors:soa:v1"

// Namespace is a namespace with the prefix of the contract's documents.
type Namespace struct{ Prefix, URI string }

// ContractNamespaces are the namespaces of a contract in the detail of a fault. Core is that of the violations, and the
// paths of violations use the prefixes of both.
type ContractNamespaces struct{ Core, Messages Namespace }

// FaultContext holds what a fault contains besides the refusal.
type FaultContext struct {
	Version     Version
	ID          string // the correlation ID, also in the log
	Environment string // Development, Test, Integration, Acceptation, Simulation or Production
	Namespaces  ContractNamespaces
	// IsRepeatable says that the service would recognise the message if it were sent again, so that it stores nothing
	// twice.
	IsRepeatable bool
}

// Fault is an HTTP response with a SOAP Fault.
type Fault struct {
	Status int
	Retry  bool // say when to try again, in the header Retry-After
	Body   []byte
}

// faultMapping says how a refusal is represented in a fault.
type faultMapping struct {
	serverFault     bool   // the fault is the server's, not the client's
	businessError   bool   // a soa:BusinessError with the code of the refusal, instead of a soa:SystemError
	systemErrorCode string // code of the soa:SystemError
}

// faultMappingFor returns the mapping of a refusal by its kind, except for the few codes with a platform code of their
// own.
func faultMappingFor(e *problem.Error) faultMapping {
	if entry, _ := problem.Lookup(e.Code); entry.PlatformCode != "" {
		return faultMapping{systemErrorCode: entry.PlatformCode}
	}
	switch e.Kind {
	case problem.Malformed:
		return faultMapping{systemErrorCode: "SOA-03001"}
	case problem.NotUnderstood:
		return faultMapping{systemErrorCode: "SOA-03005"}
	case problem.Unauthenticated:
		return faultMapping{systemErrorCode: "SOA-01001"}
	case problem.SchemaInvalid:
		return faultMapping{systemErrorCode: "SOA-03006"}
	case problem.Forbidden:
		return faultMapping{systemErrorCode: "SOA-01002"}
	case problem.RuleViolated, problem.NotFound, problem.Withheld, problem.Conflict:
		return faultMapping{businessError: true}
	case problem.Unavailable:
		return faultMapping{serverFault: true, systemErrorCode: "SOA-02002"}
	case problem.Internal:
	}
	return faultMapping{serverFault: true, systemErrorCode: "SOA-00001"}
}

// FaultFrom turns a refusal into a fault; no other code does. An error without a code becomes an internal error and
// exposes nothing else.
func FaultFrom(err error, c FaultContext) Fault {
	e := problem.From(err)
	v := faultMappingFor(e)
	f := Fault{Status: http.StatusInternalServerError}
	switch {
	case e.Kind == problem.Unavailable:
		f.Status, f.Retry = http.StatusServiceUnavailable, true
	case e.Code == MessageTooLarge:
		f.Status = http.StatusRequestEntityTooLarge
	case e.Code == CodingUnknown:
		f.Status = http.StatusUnsupportedMediaType
	case c.Version == SOAP12 && !v.serverFault:
		f.Status = http.StatusBadRequest
	}
	var w faultWriter
	if c.Version == SOAP12 {
		w.writeFault12(e, v, c)
	} else {
		w.writeFault11(e, v, c)
	}
	version, header := c.Version, ""
	if version == 0 {
		version = SOAP11
	}
	if version == SOAP12 {
		header = notUnderstoodHeader(err)
	}
	f.Body = wrapMessage(version, header, []byte(w.String()))
	return f
}

// notUnderstoodHeader returns a Header with the name of the block that was not understood (SOAP 1.2 part 1 section
// 5.4.8), or "".
func notUnderstoodHeader(err error) string {
	block, ok := errors.AsType[*headerBlock](err)
	if !ok {
		return ""
	}
	var w faultWriter
	w.writeStrings("<soap:Header><soap:NotUnderstood qname=\"")
	if block.space == "" {
		w.writeText(block.local)
	} else {
		w.writeStrings("h:")
		w.writeText(block.local)
		w.writeStrings(`" xmlns:h="`)
		w.writeText(block.space)
	}
	w.writeStrings(`"/></soap:Header>`)
	return w.String()
}

type faultWriter struct{ strings.Builder }

func (w *faultWriter) writeStrings(parts ...string) {
	for _, p := range parts {
		w.WriteString(p)
	}
}

// writeText writes character data, safe in an attribute too. Characters that XML cannot represent become U+FFFD: a
// fault must be well-formed, whatever the refused message contained.
func (w *faultWriter) writeText(s string) {
	w.WriteString(xmlEscaper.Replace(strings.Map(replaceInvalidXMLChar, s)))
}

// replaceInvalidXMLChar keeps the characters that XML 1.0 section 2.2 allows. Invalid UTF-8 arrives here as U+FFFD.
func replaceInvalidXMLChar(r rune) rune {
	if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\uFFFE' || r == '\uFFFF' {
		return '\uFFFD'
	}
	return r
}

var xmlEscaper = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\t", "&#x9;", "\n", "&#xA;", "\r", "&#xD;",
)

// writeFault11 writes a Fault of SOAP 1.1 section 4.4. For a WS-Security refusal the fault code is that of SOAP Message
// Security 1.1.1 section 12 instead of Client.
func (w *faultWriter) writeFault11(e *problem.Error, v faultMapping, c FaultContext) {
	w.writeStrings("<soap:Fault><faultcode")
	code := "soap:Client"
	switch entry, _ := problem.Lookup(e.Code); {
	case entry.WSSFault != "":
		w.writeStrings(` xmlns:wsse="`, NamespaceSecurity, `"`)
		code = "wsse:" + entry.WSSFault
	case v.serverFault:
		code = "soap:Server"
	case e.Code == HeaderNotUnderstood:
		code = "soap:MustUnderstand"
	case e.Code == SOAPVersion:
		code = "soap:VersionMismatch"
	}
	w.writeStrings(">", code, `</faultcode><faultstring xml:lang="en">`)
	w.writeText(publicCode(e) + ": " + messageText(e, texts.English))
	w.writeStrings("</faultstring><detail>")
	w.writeDetail(e, v, c)
	w.writeStrings("</detail></soap:Fault>")
}

// writeFault12 writes a Fault of SOAP 1.2 part 1 section 5.4.
func (w *faultWriter) writeFault12(e *problem.Error, v faultMapping, c FaultContext) {
	code := "Sender"
	switch {
	case v.serverFault:
		code = "Receiver"
	case e.Code == HeaderNotUnderstood:
		code = "MustUnderstand"
	case e.Code == SOAPVersion:
		code = "VersionMismatch"
	}
	w.writeStrings("<soap:Fault><soap:Code><soap:Value>soap:", code, "</soap:Value>")
	if entry, _ := problem.Lookup(e.Code); entry.WSSFault != "" {
		w.writeStrings(
			`<soap:Subcode><soap:Value xmlns:wsse="`, NamespaceSecurity, `">wsse:`, entry.WSSFault,
			"</soap:Value></soap:Subcode>",
		)
	}
	// Only one Text: gSOAP cannot read a second one, and PHP shows the first. The detail has every language.
	w.writeStrings(`</soap:Code><soap:Reason><soap:Text xml:lang="en">`)
	w.writeText(publicCode(e) + ": " + messageText(e, texts.English))
	w.writeStrings("</soap:Text></soap:Reason><soap:Detail>")
	w.writeDetail(e, v, c)
	w.writeStrings("</soap:Detail></soap:Fault>")
}

// writeDetail writes the platform error and every violation with its code, path and texts. The child elements of the
// platform error are unqualified (errors core v1).
func (w *faultWriter) writeDetail(e *problem.Error, v faultMapping, c FaultContext) {
	name, code := "SystemError", v.systemErrorCode
	if v.businessError {
		name, code = "BusinessError", publicCode(e)
	}
	origin := "Client"
	if v.serverFault {
		origin = "Server"
	}
	w.writeStrings("<soa:", name, ` xmlns:soa="`, namespacePlatformErrors, `" Id="`)
	w.writeText(c.ID)
	w.writeStrings(`"><Origin>`, origin, "</Origin><Code>", code, "</Code>")
	for _, l := range texts.Langs() {
		w.writeStrings(`<Message xml:lang="`, string(l), `">`)
		w.writeText(messageText(e, l))
		w.writeStrings("</Message>")
	}
	retry := "false"
	entry, _ := problem.Lookup(e.Code)
	if e.Kind == problem.Unavailable || entry.Retry || e.Kind == problem.Internal && c.IsRepeatable {
		retry = "true"
	}
	w.writeStrings("<Retry>", retry, "</Retry><soa:Environment>")
	w.writeText(c.Environment)
	w.writeStrings("</soa:Environment></soa:", name, ">")

	core, messages := c.Namespaces.Core, c.Namespaces.Messages
	w.writeStrings("<", core.Prefix, ":Violations xmlns:", core.Prefix, `="`, core.URI,
		`" xmlns:`, messages.Prefix, `="`, messages.URI, `">`)
	for _, leaf := range e.All() {
		w.writeStrings("<", core.Prefix, `:Violation Code="`, publicCode(leaf), `"`)
		if leaf.Path != "" {
			w.writeStrings(` Path="`)
			w.writeText(leaf.Path)
			w.writeStrings(`"`)
		}
		w.writeStrings(">")
		for _, l := range texts.Langs() {
			w.writeStrings("<", core.Prefix, `:Message xml:lang="`, string(l), `">`)
			w.writeText(messageText(leaf, l))
			w.writeStrings("</", core.Prefix, ":Message>")
		}
		w.writeStrings("</", core.Prefix, ":Violation>")
	}
	w.writeStrings("</", core.Prefix, ":Violations>")
}

func publicCode(e *problem.Error) string { return string(e.Code.PublicCode()) }

// messageText returns the text for the code in a language, followed by the public detail in parentheses.
func messageText(e *problem.Error, l texts.Lang) string {
	entry, _ := problem.Lookup(e.Code)
	text := entry.Text(l)
	if e.Detail.IsZero() {
		return text
	}
	return text + " (" + e.Detail.Translate(l) + ")"
}
