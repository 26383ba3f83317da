package interop

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"github.com/beevik/etree"

	"github.com/openctr/ctr/internal/message/x509id"
)

const (
	namespaceSOAP11  = "http://schemas.xmlsoap.org/soap/envelope/"
	namespaceUtility = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	namespaceSecExt  = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
)

// idAttributeFlags returns the flags that declare the ID attributes to xmlsec1, which reads no schema.
func idAttributeFlags() []string {
	return []string{
		"--id-attr:Id", namespaceSOAP11 + ":Body",
		"--id-attr:Id", namespaceUtility + ":Timestamp",
		"--id-attr:Id", namespaceSecExt + ":BinarySecurityToken",
	}
}

// FindXmlsec returns the path of xmlsec1.
func FindXmlsec(tb testing.TB) string {
	tb.Helper()
	return FindTool(tb, "xmlsec1", "xmlsec1")
}

// VerifyWithXmlsec fails the test unless xmlsec1 verifies the signature of a SOAP 1.1 message with the certificate of
// key, the message contains that certificate, and the signature has exactly the given number of references.
func VerifyWithXmlsec(tb testing.TB, message []byte, key *x509id.Key, references int) {
	tb.Helper()
	program := FindXmlsec(tb)
	directory := tb.TempDir()
	certificate, file := filepath.Join(directory, "certificate.pem"), filepath.Join(directory, "message.xml")
	WriteFile(tb, certificate, x509id.EncodePEM(key.Certificate))
	WriteFile(tb, file, message)
	args := append([]string{"--verify", "--pubkey-cert-pem", certificate}, idAttributeFlags()...)
	if result := RunProgram(tb, program, append(args, file)...); result.ExitCode != 0 {
		tb.Fatalf("xmlsec1 refuses the message: %s%s\n%s", result.Stdout, result.Stderr, message)
	}
	document := etree.NewDocument()
	if err := document.ReadFromBytes(message); err != nil {
		tb.Fatal(err)
	}
	token := document.FindElement("//BinarySecurityToken")
	if token == nil || token.Text() != base64.StdEncoding.EncodeToString(key.Certificate.Raw) {
		tb.Error("the message does not carry the certificate of its signer")
	}
	if found := len(document.FindElements("//SignedInfo/Reference")); found != references {
		tb.Errorf("the signature has %d references, not %d", found, references)
	}
}

// WriteFile writes a file that only the owner may read, and fails the test on an error.
func WriteFile(tb testing.TB, name string, content []byte) {
	tb.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		tb.Fatal(err)
	}
}
