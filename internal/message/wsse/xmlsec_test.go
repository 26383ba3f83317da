package wsse_test

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// TestWhatXMLSec1Signs lets an independent implementation, based on libxml2 and OpenSSL, fill in the key reference and
// sign. It has its own notation for issuer names.
func TestWhatXMLSec1Signs(t *testing.T) {
	if _, err := exec.LookPath("xmlsec1"); err != nil {
		const hint = "xmlsec1 is missing: apt-get install xmlsec1"
		if os.Getenv("CI") != "" {
			t.Fatal(hint)
		}
		t.Skip(hint)
	}
	withID := keyWithIdentifier(t).key
	for name, c := range map[string]struct {
		key     *x509id.Key
		keyInfo string
		want    string // what it must have filled in
	}{
		"X509Certificate":              {testpki.Key(t, testpki.Hospital), x509Data(`<ds:X509Certificate/>`), `<ds:X509Certificate>MII`},
		"IssuerSerial":                 {testpki.Key(t, testpki.Hospital), x509Data(`<ds:X509IssuerSerial/>`), `<ds:X509IssuerName>CN=`},
		"X509SubjectName":              {testpki.Key(t, testpki.Hospital), x509Data(issuerSerialOf(testpki.Key(t, testpki.Hospital).Certificate) + `<ds:X509SubjectName/>`), `<ds:X509SubjectName>CN=`},
		"X509SKI":                      {withID, x509Data(`<ds:X509SKI/>`), `<ds:X509SKI>`},
		"IssuerSerial of another root": {withID, x509Data(`<ds:X509IssuerSerial/>`), `<ds:X509IssuerName>CN=wsse root<`},
	} {
		t.Run(name, func(t *testing.T) {
			text := signedByXMLSec1(t, c.key, applyEdits(t, template, append(dropToken(), withKeyInfo(c.keyInfo))))
			if !strings.Contains(text, c.want) {
				t.Fatalf("it wrote another key reference:\n%s", text)
			}
			v := registeringVerifier(t)
			verified, err := v.Verify(openEnvelope(t, text))
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if !verified.Certificate().Equal(c.key.Certificate) {
				t.Errorf("signed with %s", verified.Certificate().SerialNumber)
			}
			verified, err = v.Verify(openEnvelope(t, strings.Replace(text, content, forgedContent, 1)))
			wantRefusal(t, verified, err, dsig.DigestMismatch)
		})
	}
}

func signedByXMLSec1(t *testing.T, key *x509id.Key, message string) string {
	t.Helper()
	private, err := x509.MarshalPKCS8PrivateKey(key.Signer)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for name, data := range map[string][]byte{
		"message.xml": []byte(message), "certificate.pem": x509id.EncodePEM(key.Certificate),
		"key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	} {
		if err = os.WriteFile(path(name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), "xmlsec1", "--sign", "--privkey-pem", path("key.pem")+","+path("certificate.pem"),
		"--id-attr:Id", "Body", "--id-attr:Id", "Timestamp", "--output", path("signed.xml"), path("message.xml")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(path("signed.xml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
