package diagnosis_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/devkit/diagnosis"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

const unsignedMessage = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>` +
	`<SearchRequest xmlns="urn:be:fgov:ehealth:ctr:protocol:v1" Wrong="x"/></s:Body></s:Envelope>`

func newOptions(t *testing.T, l texts.Lang, service string) diagnosis.Options {
	t.Helper()
	messages, err := ctr.CompileSchema()
	if err != nil {
		t.Fatal(err)
	}
	return diagnosis.Options{
		InspectOptions: wsse.InspectOptions{Time: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)},
		Schema:         messages, Lang: l, Service: service,
		IdentifyOperation: func(content xmldoc.Element) (string, error) {
			if content.Local() != "SearchRequest" {
				return "", problem.New(soap.OperationUnknown).WithPath("soap:Body")
			}
			return "Search", nil
		},
	}
}

// checksWithStatus returns the names of the checks with a status.
func checksWithStatus(r *diagnosis.Report, status string) string {
	var names []string
	for _, c := range r.Checks {
		if c.Status == status {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, ", ")
}

func TestLook(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, service      string
		message            diagnosis.Message
		answer             problem.Code
		refused, unchecked string
		securityIsReported bool
	}{
		{name: "unsigned, offline", message: diagnosis.Message{Data: []byte(unsignedMessage)}, answer: wsse.SecurityMissing,
			refused: "security header, schema", unchecked: "signature, certificate", securityIsReported: true},
		{name: "unsigned, by a service", service: "Test", message: diagnosis.Message{Data: []byte(unsignedMessage), Version: soap.SOAP11}, answer: wsse.SecurityMissing,
			refused: "security header", unchecked: "signature, certificate, schema", securityIsReported: true},
		{name: "another version", message: diagnosis.Message{Data: []byte(unsignedMessage), Version: soap.SOAP12}, answer: soap.SOAPVersion,
			refused: "envelope", unchecked: "security, operation, schema"},
		{name: "no operation", message: diagnosis.Message{Data: []byte(strings.ReplaceAll(unsignedMessage, "SearchRequest", "Other"))}, answer: wsse.SecurityMissing,
			refused: "security header, operation", unchecked: "signature, certificate, schema", securityIsReported: true},
		{name: "no XML", message: diagnosis.Message{Data: []byte("<")}, answer: xmldoc.XMLUnexpectedEnd, refused: "XML", unchecked: "envelope, security, operation, schema"},
		{name: "not received", message: diagnosis.Message{Err: problem.New(soap.MessageTooLarge)}, answer: soap.MessageTooLarge,
			refused: "package", unchecked: "XML, envelope, security, operation, schema"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, security := diagnosis.Inspect(c.message, newOptions(t, texts.English, c.service))
			if r.AnswerCode != c.answer || (security != nil) != c.securityIsReported {
				t.Errorf("%s, %v", r.AnswerCode, security)
			}
			if got := checksWithStatus(r, diagnosis.StatusRefused); got != c.refused {
				t.Errorf("refused: %s, want %s", got, c.refused)
			}
			if got := checksWithStatus(r, diagnosis.StatusUnchecked); got != c.unchecked {
				t.Errorf("not checked: %s, want %s", got, c.unchecked)
			}
		})
	}
}

// TestLanguages: findings, their details and the conclusion are in the requested language, also after a round trip as
// JSON.
func TestLanguages(t *testing.T) {
	t.Parallel()
	for l, words := range map[texts.Lang][]string{
		texts.English: {"The message has no", "expected: only", "6 things would be refused."},
		"nl":          {"Het bericht heeft geen", "verwacht: alleen", "6 zaken zouden geweigerd worden."},
		"fr":          {"Le message n'a pas", "attendu : seulement", "6 choses seraient refusées."},
		"de":          {"Die Nachricht hat keinen", "erwartet: nur", "6 Dinge würden abgelehnt."},
	} {
		r, _ := diagnosis.Inspect(diagnosis.Message{Data: []byte(unsignedMessage)}, newOptions(t, l, ""))
		text := r.Text()
		for _, word := range words {
			if !strings.Contains(text, word) {
				t.Errorf("%s: %q is not said:\n%s", l, word, text)
			}
		}
		var b bytes.Buffer
		if err := r.WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		read, err := diagnosis.ReadJSON(b.Bytes(), l)
		if err != nil || !reflect.DeepEqual(read, r) || read.Text() != text {
			t.Errorf("%s: %v, %+v", l, err, read)
		}
	}
	if _, err := diagnosis.ReadJSON([]byte("no"), texts.English); err == nil {
		t.Error("read what is no JSON")
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ours, yours string
		same        bool
		offset      int
	}{{"<a/>", "<a/>", true, 4}, {"<a/>", "<b/>", false, 1}, {"<a/>", "<a/>\n", false, 4}, {"<a/>", "", false, 0}} {
		if d := diagnosis.CompareCanonicalForms("Body", []byte(c.ours), []byte(c.yours)); d.Same != c.same || d.Offset != c.offset || (d.Ours == "") != c.same {
			t.Errorf("%q %q: %+v", c.ours, c.yours, d)
		}
	}
}
