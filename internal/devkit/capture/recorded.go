// Package capture parses captured messages: the body alone, or the body after fields of the HTTP request, as proxies,
// loggers and debuggers write them.
//
// It is separate because the sandbox, which diagnoses a captured message, and the conformance tests of a client both
// read captures. The fields follow RFC 9112 section 2.1 loosely: with or without a request line, with any line
// endings.
package capture

import (
	"net/textproto"
	"strings"

	"github.com/openctr/ctr/internal/devkit/diagnosis"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// Message is a captured message.
type Message struct {
	// ContentType and SOAPAction are header fields of the request; empty if not captured.
	ContentType, SOAPAction string
	// HasHeader reports whether any header field was captured; HasSOAPAction whether a SOAPAction field was.
	HasHeader, HasSOAPAction bool
	Body                     []byte
	Err                      error // if the header does not end with an empty line
}

// Parse parses a captured message. The text starts with a header if its first line is a request line or a header
// field; a body starts with "<", a byte order mark, or the delimiter of a MIME package.
func Parse(data []byte) Message {
	if !startsWithHeader(data) {
		return Message{Body: data}
	}
	text := string(data)
	end, content := -1, ""
	for _, blank := range []string{"\r\n\r\n", "\n\n"} {
		if at := strings.Index(text, blank); at >= 0 && (end < 0 || at < end) {
			end, content = at, text[at+len(blank):]
		}
	}
	m := Message{HasHeader: true, Body: []byte(content)}
	if end < 0 {
		m.Err = problem.New(soap.MultipartMalformed, noEmptyLine)
		return m
	}
	unfolded := strings.NewReplacer("\r\n ", " ", "\r\n\t", " ", "\n ", " ", "\n\t", " ").Replace(text[:end])
	for line := range strings.Lines(unfolded) {
		name, value, _ := strings.Cut(line, ":")
		switch textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)) {
		case "Content-Type":
			m.ContentType = strings.TrimSpace(value)
		case "Soapaction":
			m.SOAPAction, m.HasSOAPAction = strings.TrimSpace(value), true
		}
	}
	return m
}

func startsWithHeader(data []byte) bool {
	line, _, _ := strings.Cut(string(data[:min(len(data), 4096)]), "\n")
	if strings.HasPrefix(line, "POST ") {
		return true
	}
	name, _, found := strings.Cut(line, ":")
	if !found || name == "" {
		return false
	}
	// of field names: no "<" and no white space
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return strings.Trim(name, letters) == "" && !strings.HasPrefix(name, "--")
}

// EffectiveContentType returns the captured Content-Type, or guesses it from the namespaces in the body.
func (m Message) EffectiveContentType() string {
	if m.ContentType != "" {
		return m.ContentType
	}
	if text := string(m.Body); strings.Contains(text, soap.Namespace12) && !strings.Contains(text, soap.Namespace11) {
		return soap.SOAP12.ContentType()
	}
	return soap.SOAP11.ContentType()
}

// UnpackEnvelope extracts the envelope from its MTOM package, if it is one, as a service does.
func (m Message) UnpackEnvelope() diagnosis.Message {
	if m.Err != nil || m.ContentType == "" {
		return diagnosis.Message{Data: m.Body, Err: m.Err}
	}
	media, err := soap.ParseMedia(m.ContentType)
	out := diagnosis.Message{Version: media.Version, Packed: media.MTOM, Err: err}
	if err == nil {
		out.Data, out.Err = media.UnpackEnvelope(m.Body, xmldoc.DefaultLimits())
	}
	return out
}
