package interop_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
)

func TestXmlsecVerifiesWhatCtrSigns(t *testing.T) {
	t.Parallel()
	interop.FindXmlsec(t)
	for _, entry := range []string{testpki.Hospital, authority.EntryEC} {
		t.Run(entry, func(t *testing.T) {
			messages := make(chan []byte, 1)
			recorder := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				data, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				messages <- data
				w.WriteHeader(http.StatusTeapot)
			}))
			defer recorder.Close()
			directory := t.TempDir()
			p12, password := testpki.P12File(t, entry)
			file := func(name string, content []byte) string {
				path := filepath.Join(directory, name)
				interop.WriteFile(t, path, content)
				return path
			}
			request, err := ctr.Encode("NotifyImplantRequest", interop.NewImplantation("XMLSEC-"+entry[len(entry)-3:], interop.PatientSSIN, "S-1"))
			if err != nil {
				t.Fatal(err)
			}
			result := interop.RunProgram(t, interop.ProgramPath(t, "ctr"), "--p12", file("key.p12", p12), "--password-file", file("password.txt", []byte(password)),
				"--url", recorder.URL, "notify", file("request.xml", request))
			if result.ExitCode != 3 {
				t.Fatalf("exit %d: %s", result.ExitCode, result.Stderr)
			}
			message := <-messages
			interop.VerifyWithXmlsec(t, message, testpki.Key(t, entry), 3)

			// xmlsec1 must reject a changed Body:
			tampered := bytes.Replace(message, []byte("left knee"), []byte("left shin"), 1)
			changed := file("tampered.xml", tampered)
			certificate := file("certificate.pem", x509id.EncodePEM(testpki.Key(t, entry).Certificate))
			result = interop.RunProgram(t, interop.FindXmlsec(t), "--verify", "--pubkey-cert-pem", certificate,
				"--id-attr:Id", "Body", "--id-attr:Id", "Timestamp", "--id-attr:Id", "BinarySecurityToken", changed)
			if result.ExitCode == 0 {
				t.Error("xmlsec1 verifies a message whose Body was changed")
			}
		})
	}
}

// messageTemplate is a handwritten message for xmlsec1 to sign. The verbs are the certificate, two times, the
// algorithm, the references and the request.
const messageTemplate = `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"
    xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
    xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd">
  <soapenv:Header>
    <wsse:Security soapenv:mustUnderstand="1">
      <wsse:BinarySecurityToken wsu:Id="token"
          EncodingType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
          ValueType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3">%s</wsse:BinarySecurityToken>
      <wsu:Timestamp wsu:Id="time">
        <wsu:Created>%s</wsu:Created>
        <wsu:Expires>%s</wsu:Expires>
      </wsu:Timestamp>
      <ds:Signature>
        <ds:SignedInfo>
          <ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
          <ds:SignatureMethod Algorithm="%s"/>
          %s
        </ds:SignedInfo>
        <ds:SignatureValue/>
        <ds:KeyInfo>
          <wsse:SecurityTokenReference>
            <wsse:Reference URI="#token" ValueType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"/>
          </wsse:SecurityTokenReference>
        </ds:KeyInfo>
      </ds:Signature>
    </wsse:Security>
  </soapenv:Header>
  <soapenv:Body wsu:Id="body">%s</soapenv:Body>
</soapenv:Envelope>
`

const referenceTemplate = `<ds:Reference URI="#%s">
            <ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms>
            <ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>
            <ds:DigestValue/>
          </ds:Reference>`

// fillTemplate returns the message for a request, without digests and signature value.
func fillTemplate(key *x509id.Key, algorithm string, request []byte) []byte {
	now := time.Now().UTC()
	var references strings.Builder
	for _, id := range []string{"body", "time", "token"} {
		fmt.Fprintf(&references, referenceTemplate, id)
	}
	return fmt.Appendf(nil, messageTemplate, base64.StdEncoding.EncodeToString(key.Certificate.Raw), now.Format(time.RFC3339),
		now.Add(time.Minute).Format(time.RFC3339), algorithm, references.String(), request)
}

func TestServiceAcceptsWhatXmlsecSigns(t *testing.T) {
	t.Parallel()
	xmlsec := interop.FindXmlsec(t)
	service := interop.StartService(t, interop.NewDevelopmentDirectory(t), "--strict")
	caller := service.NewClient(t, interop.HospitalKey(t)) // only sends messages
	for _, test := range []struct{ entry, algorithm string }{
		{testpki.Hospital, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"},
		{testpki.Hospital, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"},
		{authority.EntryEC, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"},
	} {
		name := test.algorithm[strings.Index(test.algorithm, "#")+1:]
		t.Run(name, func(t *testing.T) {
			key := testpki.Key(t, test.entry)
			private, err := x509.MarshalPKCS8PrivateKey(key.Signer)
			if err != nil {
				t.Fatal(err)
			}
			request, err := ctr.Encode("NotifyImplantRequest", interop.NewImplantation("XMLSEC-"+name, interop.PatientSSIN, "S-"+name))
			if err != nil {
				t.Fatal(err)
			}
			directory := t.TempDir()
			path := func(name string) string { return filepath.Join(directory, name) }
			interop.WriteFile(t, path("key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
			interop.WriteFile(t, path("template.xml"), fillTemplate(key, test.algorithm, request))
			signed := interop.RunProgram(t, xmlsec, "--sign", "--privkey-pem", path("key.pem"), "--output", path("message.xml"),
				"--id-attr:Id", "Body", "--id-attr:Id", "Timestamp", "--id-attr:Id", "BinarySecurityToken", path("template.xml"))
			if signed.ExitCode != 0 {
				t.Fatalf("xmlsec1: %s", signed.Stderr)
			}
			message, err := os.ReadFile(path("message.xml"))
			if err != nil {
				t.Fatal(err)
			}
			send := func() string { return string(interop.PostMessage(t, caller, message)) }
			if answer := send(); !strings.Contains(answer, "NotificationNumber>") || !strings.Contains(answer, "urn:be:fgov:ehealth:2.0:status:Success") {
				t.Fatalf("the service answers %s", answer)
			}
			if answer := send(); !strings.Contains(answer, "MESSAGE_REPLAYED") {
				t.Errorf("sent a second time, the service answers %s", answer)
			}
		})
	}
}
