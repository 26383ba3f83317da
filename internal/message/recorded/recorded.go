// Package recorded reads a message as a caller recorded it: the octets alone, or with fields of the HTTP request before them, as
// proxies, loggers and debuggers write them down.
//
// It is separate because several look at recorded messages: the check on the page of a development service and the
// conformance run of a caller's messages. The fields are those of RFC 9112 section 2.1, taken as they come: with or without a
// request line, with any line ends.
package recorded

import (
	"net/textproto"
	"strings"

	"github.com/openctr/ctr/internal/message/check"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// Message is a message as it was recorded.
type Message struct {
	// ContentType and Action are those of the request, empty where none was recorded.
	ContentType, Action string
	// Fields reports whether fields of the request were recorded at all; HasAction whether a SOAPAction was among them.
	Fields, HasAction bool
	Octets            []byte
	Err               error // of fields that do not end
}

// Read reads a recorded message. Fields are recognised by a request line or a field that begins the text; a message itself
// begins with "<", a byte order mark, or the delimiter of a package.
func Read(octets []byte) Message {
	if !beginsWithFields(octets) {
		return Message{Octets: octets}
	}
	text := string(octets)
	end, content := -1, ""
	for _, blank := range []string{"\r\n\r\n", "\n\n"} {
		if at := strings.Index(text, blank); at >= 0 && (end < 0 || at < end) {
			end, content = at, text[at+len(blank):]
		}
	}
	m := Message{Fields: true, Octets: []byte(content)}
	if end < 0 {
		m.Err = problem.New(problem.MultipartMalformed, "no empty line after the fields of the request")
		return m
	}
	unfolded := strings.NewReplacer("\r\n ", " ", "\r\n\t", " ", "\n ", " ", "\n\t", " ").Replace(text[:end])
	for line := range strings.Lines(unfolded) {
		name, value, _ := strings.Cut(line, ":")
		switch textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)) {
		case "Content-Type":
			m.ContentType = strings.TrimSpace(value)
		case "Soapaction":
			m.Action, m.HasAction = strings.TrimSpace(value), true
		}
	}
	return m
}

func beginsWithFields(octets []byte) bool {
	line, _, _ := strings.Cut(string(octets[:min(len(octets), 4096)]), "\n")
	if strings.HasPrefix(line, "POST ") {
		return true
	}
	name, _, found := strings.Cut(line, ":")
	if !found || name == "" {
		return false
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_" // of names of fields, without "<" and blanks
	return strings.Trim(name, letters) == "" && !strings.HasPrefix(name, "--")
}

// Type is the Content-Type: the recorded one, or what the octets look like.
func (m Message) Type() string {
	if m.ContentType != "" {
		return m.ContentType
	}
	if text := string(m.Octets); strings.Contains(text, soap.Namespace12) && !strings.Contains(text, soap.Namespace11) {
		return soap.SOAP12.ContentType()
	}
	return soap.SOAP11.ContentType()
}

// Envelope takes the envelope out of its package, as a service does.
func (m Message) Envelope() check.Message {
	if m.Err != nil || m.ContentType == "" {
		return check.Message{Octets: m.Octets, Err: m.Err}
	}
	media, err := soap.ParseMedia(m.ContentType)
	out := check.Message{Version: media.Version, Packed: media.Packed, Err: err}
	if err == nil {
		out.Octets, out.Err = media.Unpack(m.Octets, xmldoc.DefaultLimits())
	}
	return out
}
