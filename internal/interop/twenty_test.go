package interop_test

import (
	"encoding/base64"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/interop"
	"github.com/openctr/ctr/internal/message/check"
	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/testpki"
	"github.com/openctr/ctr/internal/wire"

	"github.com/beevik/etree"
)

// damagedMessage describes a message that is damaged in one way, before or after signing.
type damaged struct {
	how    string
	key    string                    // PKI entry of the signing key; empty for the hospital
	clock  time.Duration             // error of the signer's clock
	body   func(string) string       // edits the request before signing
	after  func(string) string       // edits the message after signing
	answer string                    // expected code
	tree   func(root *etree.Element) // edits the parsed message after signing
}

func swap(old, now string) func(string) string {
	return func(text string) string { return strings.Replace(text, old, now, 1) }
}

func matched(pattern, now string) func(string) string {
	return func(text string) string { return regexp.MustCompile(pattern).ReplaceAllString(text, now) }
}

var twenty = []damaged{
	{how: "cut off", after: func(text string) string { return text[:len(text)-20] }, answer: "XML_UNEXPECTED_END"},
	{how: "with a DTD", after: func(text string) string { return "<!DOCTYPE a>" + text }, answer: "XML_DOCTYPE"},
	{how: "an entity that XML does not know", after: swap("<ctr:Comment>", "<ctr:Comment>&nbsp;"), answer: "XML_ENTITY_UNKNOWN"},
	{how: "an envelope of another version", after: matched(`http://schemas.xmlsoap.org/soap/envelope/`, "http://www.w3.org/2001/12/soap-envelope"), answer: "SOAP_VERSION_MISMATCH"},
	{how: "a header that must be understood", after: matched(`(<soap:Header[^>]*>)`, `$1<x:Route xmlns:x="urn:x" soap:mustUnderstand="1"/>`), answer: "HEADER_NOT_UNDERSTOOD"},
	{how: "no Security header", tree: func(root *etree.Element) { remove(root, "//Security") }, answer: "SECURITY_HEADER_MISSING"},
	{how: "no Timestamp", tree: func(root *etree.Element) { remove(root, "//Timestamp") }, answer: "TIMESTAMP_MISSING"},
	{how: "no Signature", tree: func(root *etree.Element) { remove(root, "//Signature") }, answer: "SIGNATURE_MISSING"},
	{how: "two Security headers", tree: func(root *etree.Element) {
		second := root.FindElement("//Security").Copy()
		second.Child = nil // otherwise IDs would be duplicate, which is another error
		root.FindElement("Header").AddChild(second)
	}, answer: "SECURITY_HEADER_TWICE"},
	{how: "signed with SHA-1", after: swap("2001/04/xmldsig-more#rsa-sha256", "2000/09/xmldsig#rsa-sha1"), answer: "SIGNATURE_SHA1_REFUSED"},
	{how: "digests of SHA-1", after: matched(`http://www.w3.org/2001/04/xmlenc#sha256`, "http://www.w3.org/2000/09/xmldsig#sha1"), answer: "DIGEST_SHA1_REFUSED"},
	{how: "inclusive canonicalisation", after: matched(`<ds:Transform Algorithm="[^"]*"`, `<ds:Transform Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"`), answer: "TRANSFORM_UNSUPPORTED"},
	{how: "the Body is changed", after: swap("48022907379", "05041801691"), answer: "DIGEST_MISMATCH"},
	{how: "the signature is changed", tree: func(root *etree.Element) {
		value := root.FindElement("//SignatureValue")
		data, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(value.Text()))
		data[7] ^= 1
		value.SetText(base64.StdEncoding.EncodeToString(data))
	}, answer: "SIGNATURE_INVALID"},
	{how: "the Body is not signed", tree: func(root *etree.Element) {
		info, id := root.FindElement("//SignedInfo"), root.FindElement("Body").SelectAttrValue("Id", "")
		info.RemoveChild(info.FindElement("Reference[@URI='#" + id + "']"))
	}, answer: "BODY_NOT_SIGNED"},
	{how: "an Id twice", after: matched(`<soap:Header([^>]*)>`, `<soap:Header$1 wsu:Id="twice" xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"><x:X xmlns:x="urn:x" wsu:Id="twice"/>`), answer: "XML_ID_DUPLICATE"},
	{how: "a clock that is ten minutes slow", clock: -10 * time.Minute, answer: "TIMESTAMP_EXPIRED"},
	{how: "a clock that is ten minutes fast", clock: 10 * time.Minute, answer: "TIMESTAMP_IN_FUTURE"},
	{how: "a certificate that has expired", key: pki.EntryExpired, answer: "CERT_EXPIRED"},
	{how: "a certificate of another authority", key: pki.EntryUntrusted, answer: "CERT_UNTRUSTED"},
	{how: "an element that is not in the schema", body: swap("<ctr:Side>", "<ctr:Colour>red</ctr:Colour><ctr:Side>"), answer: "SCHEMA_ELEMENT"},
	{how: "a value that is none", body: swap("<ctr:Quantity>1<", "<ctr:Quantity>one<"), answer: "SCHEMA_VALUE"},
	{how: "an operation that there is not", body: func(text string) string { return strings.ReplaceAll(text, "NotifyImplantRequest", "NotifyRequest") }, answer: "OPERATION_UNKNOWN"},
}

func remove(root *etree.Element, path string) {
	found := root.FindElement(path)
	found.Parent().RemoveChild(found)
}

// buildMessage builds, signs and damages the message.
func (d damaged) message(t *testing.T, service *interop.Service) []byte {
	t.Helper()
	key := testpki.Key(t, testpki.Hospital)
	if d.key != "" {
		key = testpki.Key(t, d.key)
	}
	sender := &client.Client{URL: service.URL, Key: key, HTTP: service.HTTP(t), Now: func() time.Time { return time.Now().Add(d.clock) }, NewID: interop.NewID}
	body, err := wire.Encode("NotifyImplantRequest", interop.Implantation(interop.NewID(), interop.Patient, "S-"+interop.NewID()))
	if err != nil {
		t.Fatal(err)
	}
	text := string(body)
	if d.body != nil {
		text = d.body(text)
	}
	message, err := sender.Sign([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if d.after != nil {
		changed := d.after(string(message))
		if changed == string(message) {
			t.Fatalf("nothing was changed in\n%s", message)
		}
		return []byte(changed)
	}
	if d.tree != nil {
		document := etree.NewDocument()
		if err = document.ReadFromBytes(message); err == nil {
			d.tree(document.Root())
			message, err = document.WriteToBytes()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return message
}

var codeOfFault = regexp.MustCompile(`\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b`)

// TestCheckNamesTheServicesCause: ctr check, which works offline, reports the same code as the service.
func TestCheckNamesTheServicesCause(t *testing.T) {
	t.Parallel()
	service := interop.Start(t, interop.DevelopmentDirectory(t))
	if len(twenty) < 20 {
		t.Fatalf("only %d messages", len(twenty))
	}
	for _, d := range twenty {
		t.Run(d.how, func(t *testing.T) {
			message := d.message(t, service)
			fault := interop.Post(t, service.Client(t, interop.Hospital(t)), message)
			serviceCode := codeOfFault.FindString(string(fault))
			file := filepath.Join(t.TempDir(), "message.xml")
			interop.WriteFile(t, file, message)
			result := interop.Run(t, interop.Program(t, "ctr"), "check", file, "--trust", service.CA, "--json")
			var report check.Report
			if err := json.Unmarshal([]byte(result.Stdout), &report); err != nil {
				t.Fatalf("%v: %s%s", err, result.Stdout, result.Stderr)
			}
			if result.Code != 1 || serviceCode != d.answer || string(report.AnswerCode) != d.answer {
				t.Errorf("the service says %s, ctr check %s, want %s; exit %d\n%s", serviceCode, report.AnswerCode, d.answer, result.Code, fault)
			}
		})
	}
}
