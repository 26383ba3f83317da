package capture_test

import (
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/devkit/capture"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/problem"
)

const envelope = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>`

func TestRead(t *testing.T) {
	t.Parallel()
	twelve := strings.Replace(envelope, soap.Namespace11, soap.Namespace12, 1)
	for _, c := range []struct {
		name, text, content, contentType, guessed, action string
		fields, hasAction                                 bool
	}{
		{name: "the envelope alone", text: envelope, content: envelope, guessed: soap.SOAP11.ContentType()},
		{name: "an envelope of SOAP 1.2", text: twelve, content: twelve, guessed: soap.SOAP12.ContentType()},
		{name: "a byte order mark", text: "\ufeff" + envelope, content: "\ufeff" + envelope, guessed: soap.SOAP11.ContentType()},
		{name: "a declaration", text: "<?xml version=\"1.0\"?>\n" + envelope, content: "<?xml version=\"1.0\"?>\n" + envelope, guessed: soap.SOAP11.ContentType()},
		{name: "a field", text: "Content-Type: text/xml\n\n" + envelope, content: envelope, contentType: "text/xml", guessed: "text/xml", fields: true},
		{name: "a whole request", text: "POST /ctr/v1 HTTP/1.1\r\nHost: a:8443\r\nsoapaction: \"x:y\"\r\ncontent-type: text/xml;\r\n charset=utf-8\r\n\r\n" + envelope,
			content: envelope, contentType: "text/xml; charset=utf-8", guessed: "text/xml; charset=utf-8", action: `"x:y"`, fields: true, hasAction: true},
		{name: "an empty action", text: "SOAPAction: \nContent-Type: text/xml\n\n" + envelope, content: envelope, contentType: "text/xml", guessed: "text/xml", fields: true, hasAction: true},
		{name: "a package without its type", text: "--b\r\nContent-Type: application/xop+xml\r\n\r\nx", content: "--b\r\nContent-Type: application/xop+xml\r\n\r\nx",
			guessed: soap.SOAP11.ContentType()},
		{name: "nothing", guessed: soap.SOAP11.ContentType()},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := capture.Parse([]byte(c.text))
			if string(m.Body) != c.content || m.ContentType != c.contentType || m.EffectiveContentType() != c.guessed || m.SOAPAction != c.action || m.HasHeader != c.fields || m.HasSOAPAction != c.hasAction {
				t.Errorf("%+v", m)
			}
		})
	}
}

func TestEnvelope(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]problem.Code{
		envelope:                                "",
		"Content-Type: text/xml\n\n" + envelope: "",
		"Content-Type: text/xml":                soap.MultipartMalformed,
		"Content-Type: application/json\n\n{}":  soap.ContentTypeUnknown,
		"Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\n\r\n--b--": soap.MultipartNotXOP,
	} {
		m := capture.Parse([]byte(text)).UnpackEnvelope()
		var got problem.Code
		if m.Err != nil {
			got = problem.From(m.Err).Code
		}
		if got != want || want == "" && string(m.Data) != envelope {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("POST / HTTP/1.1\nContent-Type: text/xml\n\n<a/>"))
	f.Add([]byte(envelope))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := capture.Parse(data)
		if !strings.HasSuffix(string(data), string(m.Body)) {
			t.Errorf("%q is not the end of %q", m.Body, data)
		}
		_ = m.UnpackEnvelope()
	})
}
