package interop_test

import (
	"encoding/base64"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/devkit/diagnosis"
	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// damagedMessage describes a message that is damaged in one way, before or after signing.
type damagedMessage struct {
	description string
	keyEntry    string                    // PKI entry of the signing key; empty for the hospital
	clockOffset time.Duration             // error of the signer's clock
	editBody    func(string) string       // edits the request before signing
	editSigned  func(string) string       // edits the message after signing
	wantCode    string                    // expected code
	editTree    func(root *etree.Element) // edits the parsed message after signing
}

func replaceText(old, now string) func(string) string {
	return func(text string) string { return strings.Replace(text, old, now, 1) }
}

func replacePattern(pattern, now string) func(string) string {
	return func(text string) string { return regexp.MustCompile(pattern).ReplaceAllString(text, now) }
}

var damagedMessages = []damagedMessage{
	{description: "cut off", editSigned: func(text string) string { return text[:len(text)-20] }, wantCode: "XML_UNEXPECTED_END"},
	{description: "with a DTD", editSigned: func(text string) string { return "<!DOCTYPE a>" + text }, wantCode: "XML_DOCTYPE"},
	{description: "an entity that XML does not know", editSigned: replaceText("<ctr:Comment>", "<ctr:Comment>&nbsp;"), wantCode: "XML_ENTITY_UNKNOWN"},
	{description: "an envelope of another version", editSigned: replacePattern(`http://schemas.xmlsoap.org/soap/envelope/`, "http://www.w3.org/2001/12/soap-envelope"), wantCode: "SOAP_VERSION_MISMATCH"},
	{description: "a header that must be understood", editSigned: replacePattern(`(<soap:Header[^>]*>)`, `$1<x:Route xmlns:x="urn:x" soap:mustUnderstand="1"/>`), wantCode: "HEADER_NOT_UNDERSTOOD"},
	{description: "no Security header", editTree: func(root *etree.Element) { removeElement(root, "//Security") }, wantCode: "SECURITY_HEADER_MISSING"},
	{description: "no Timestamp", editTree: func(root *etree.Element) { removeElement(root, "//Timestamp") }, wantCode: "TIMESTAMP_MISSING"},
	{description: "no Signature", editTree: func(root *etree.Element) { removeElement(root, "//Signature") }, wantCode: "SIGNATURE_MISSING"},
	{description: "two Security headers", editTree: func(root *etree.Element) {
		second := root.FindElement("//Security").Copy()
		second.Child = nil // otherwise IDs would be duplicate, which is another error
		root.FindElement("Header").AddChild(second)
	}, wantCode: "SECURITY_HEADER_TWICE"},
	{description: "signed with SHA-1", editSigned: replaceText("2001/04/xmldsig-more#rsa-sha256", "2000/09/xmldsig#rsa-sha1"), wantCode: "SIGNATURE_SHA1_REFUSED"},
	{description: "digests of SHA-1", editSigned: replacePattern(`http://www.w3.org/2001/04/xmlenc#sha256`, "http://www.w3.org/2000/09/xmldsig#sha1"), wantCode: "DIGEST_SHA1_REFUSED"},
	{description: "inclusive canonicalisation", editSigned: replacePattern(`<ds:Transform Algorithm="[^"]*"`, `<ds:Transform Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"`), wantCode: "TRANSFORM_UNSUPPORTED"},
	{description: "the Body is changed", editSigned: replaceText("48022907379", "05041801691"), wantCode: "DIGEST_MISMATCH"},
	{description: "the signature is changed", editTree: func(root *etree.Element) {
		value := root.FindElement("//SignatureValue")
		data, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(value.Text()))
		data[7] ^= 1
		value.SetText(base64.StdEncoding.EncodeToString(data))
	}, wantCode: "SIGNATURE_INVALID"},
	{description: "the Body is not signed", editTree: func(root *etree.Element) {
		info, id := root.FindElement("//SignedInfo"), root.FindElement("Body").SelectAttrValue("Id", "")
		info.RemoveChild(info.FindElement("Reference[@URI='#" + id + "']"))
	}, wantCode: "BODY_NOT_SIGNED"},
	{description: "an Id twice", editSigned: replacePattern(`<soap:Header([^>]*)>`, `<soap:Header$1 wsu:Id="twice" xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"><x:X xmlns:x="urn:x" wsu:Id="twice"/>`), wantCode: "XML_ID_DUPLICATE"},
	{description: "a clock that is ten minutes slow", clockOffset: -10 * time.Minute, wantCode: "TIMESTAMP_EXPIRED"},
	{description: "a clock that is ten minutes fast", clockOffset: 10 * time.Minute, wantCode: "TIMESTAMP_IN_FUTURE"},
	{description: "a certificate that has expired", keyEntry: pki.EntryExpired, wantCode: "CERT_EXPIRED"},
	{description: "a certificate of another authority", keyEntry: pki.EntryUntrusted, wantCode: "CERT_UNTRUSTED"},
	{description: "an element that is not in the schema", editBody: replaceText("<ctr:Side>", "<ctr:Colour>red</ctr:Colour><ctr:Side>"), wantCode: "SCHEMA_ELEMENT"},
	{description: "a value that is none", editBody: replaceText("<ctr:Quantity>1<", "<ctr:Quantity>one<"), wantCode: "SCHEMA_VALUE"},
	{description: "an operation that there is not", editBody: func(text string) string { return strings.ReplaceAll(text, "NotifyImplantRequest", "NotifyRequest") }, wantCode: "OPERATION_UNKNOWN"},
}

func removeElement(root *etree.Element, path string) {
	found := root.FindElement(path)
	found.Parent().RemoveChild(found)
}

// buildMessage builds, signs and damages the message.
func (d damagedMessage) buildMessage(t *testing.T, service *interop.Service) []byte {
	t.Helper()
	key := testpki.Key(t, testpki.Hospital)
	if d.keyEntry != "" {
		key = testpki.Key(t, d.keyEntry)
	}
	sender := &client.Client{URL: service.URL, Key: key, HTTP: service.NewHTTPClient(t), Now: func() time.Time { return time.Now().Add(d.clockOffset) }, NewID: interop.NewID}
	body, err := ctr.Encode("NotifyImplantRequest", interop.NewImplantation(interop.NewID(), interop.PatientSSIN, "S-"+interop.NewID()))
	if err != nil {
		t.Fatal(err)
	}
	text := string(body)
	if d.editBody != nil {
		text = d.editBody(text)
	}
	message, err := sender.Sign([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if d.editSigned != nil {
		changed := d.editSigned(string(message))
		if changed == string(message) {
			t.Fatalf("nothing was changed in\n%s", message)
		}
		return []byte(changed)
	}
	if d.editTree != nil {
		document := etree.NewDocument()
		if err = document.ReadFromBytes(message); err == nil {
			d.editTree(document.Root())
			message, err = document.WriteToBytes()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return message
}

var codePattern = regexp.MustCompile(`\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b`)

// TestCheckNamesTheServicesCause: ctr check, which works offline, reports the same code as the service.
func TestCheckNamesTheServicesCause(t *testing.T) {
	t.Parallel()
	service := interop.StartService(t, interop.NewDevelopmentDirectory(t))
	if len(damagedMessages) < 20 {
		t.Fatalf("only %d messages", len(damagedMessages))
	}
	for _, d := range damagedMessages {
		t.Run(d.description, func(t *testing.T) {
			message := d.buildMessage(t, service)
			fault := interop.PostMessage(t, service.NewClient(t, interop.HospitalKey(t)), message)
			serviceCode := codePattern.FindString(string(fault))
			file := filepath.Join(t.TempDir(), "message.xml")
			interop.WriteFile(t, file, message)
			result := interop.RunProgram(t, interop.ProgramPath(t, "ctr"), "check", file, "--trust", service.CA, "--json")
			var report diagnosis.Report
			if err := json.Unmarshal([]byte(result.Stdout), &report); err != nil {
				t.Fatalf("%v: %s%s", err, result.Stdout, result.Stderr)
			}
			if result.ExitCode != 1 || serviceCode != d.wantCode || string(report.AnswerCode) != d.wantCode {
				t.Errorf("the service says %s, ctr check %s, want %s; exit %d\n%s", serviceCode, report.AnswerCode, d.wantCode, result.ExitCode, fault)
			}
		})
	}
}
