package cms_test

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/message/cms"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// opensslFolder is a folder with keys and certificates as openssl reads them.
type opensslFolder struct{ path string }

func newOpenSSLFolder(t *testing.T) opensslFolder {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		const text = "openssl is missing; run: apt-get install -y openssl"
		if os.Getenv("CI") == "true" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	f := opensslFolder{t.TempDir()}
	f.write(t, "ca.pem", testpki.CAFile(t))
	f.writeKey(t, "sender", testpki.Key(t, sender))
	f.writeKey(t, "reader", encryptionKey(t, reader))
	f.writeKey(t, "own", encryptionKey(t, sender))
	return f
}

func (f opensslFolder) write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.path, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (f opensslFolder) read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(f.path, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// writeKey writes NAME.pem with the certificate and its issuers, and NAME.key.
func (f opensslFolder) writeKey(t *testing.T, name string, key *x509id.Key) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key.Signer)
	if err != nil {
		t.Fatal(err)
	}
	f.write(t, name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	f.write(t, name+".pem", x509id.EncodePEM(append([]*x509.Certificate{key.Certificate}, key.Chain...)...))
}

// run runs openssl cms with its words in one text.
func (f opensslFolder) run(t *testing.T, arguments string) {
	t.Helper()
	command := exec.Command("openssl", append([]string{"cms"}, strings.Fields(arguments)...)...)
	command.Dir = f.path
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("openssl cms %s: %v\n%s", arguments, err, out)
	}
}

// content is a megabyte that is no text: openssl must not change a line end.
func newContent(t *testing.T) []byte {
	t.Helper()
	content := make([]byte, 1<<20+5)
	if _, err := rand.Read(content); err != nil {
		t.Fatal(err)
	}
	return content
}

// TestOpenSSLOpens: openssl verifies and decrypts what we seal, as each of the recipients.
func TestOpenSSLOpens(t *testing.T) {
	f, content := newOpenSSLFolder(t), newContent(t)
	f.write(t, "sealed", seal(t, newSealer(t), string(content)))
	// -purpose any: the platform's certificates are for more than mail. The time of the tests is not that of the machine.
	verify := "-verify -inform DER -binary -purpose any -CAfile ca.pem -attime 1795176000 "
	f.run(t, verify+"-in sealed -out enveloped")
	for _, how := range []string{
		"-recip reader.pem -inkey reader.key", "-recip own.pem -inkey own.key",
		"-secretkey " + hex.EncodeToString(testKEK.Key) + " -secretkeyid " + hex.EncodeToString(testKEK.ID),
	} {
		f.run(t, "-decrypt -inform DER -binary -in enveloped -out inner "+how)
		f.run(t, verify+"-in inner -out clear -certfile sender.pem")
		if !bytes.Equal(f.read(t, "clear"), content) {
			t.Errorf("%s: another content", how)
		}
	}
}

// TestOpensOpenSSL: what openssl seals is opened, in DER and as a stream of BER, with a finding for what the platform
// would not have written.
func TestOpensOpenSSL(t *testing.T) {
	f, content := newOpenSSLFolder(t), newContent(t)
	f.write(t, "clear", content)
	const pss = " -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:32 "
	kek := " -secretkey " + hex.EncodeToString(testKEK.Key) + " -secretkeyid " + hex.EncodeToString(testKEK.ID)
	for name, c := range map[string]struct {
		inner, encrypt, outer string
		want                  []problem.Code
	}{
		"as the platform": {pss, "-aes128" + kek + " own.pem reader.pem", pss, nil},
		"PKCS #1, streamed": {
			" -stream ", "-aes128 -stream" + kek + " own.pem reader.pem", " -stream ",
			[]problem.Code{cms.OtherProfile, cms.OtherProfile},
		},
		"streamed inside":  {pss, "-aes128 -stream" + kek + " own.pem reader.pem", pss, nil},
		"AES-256, SHA-512": {pss, "-aes256 reader.pem", " -md sha512" + pss, []problem.Code{cms.OtherProfile, cms.OtherProfile}},
		"AES-192":          {pss, "-aes192 reader.pem", pss, []problem.Code{cms.OtherProfile}},
		"only the KEK":     {pss, "-aes128" + kek, pss, nil},
		"key transport OAEP": {
			pss, "-aes128 -recip reader.pem -keyopt rsa_padding_mode:oaep", pss, []problem.Code{cms.OtherProfile},
		},
	} {
		const sign = "-sign -binary -nodetach -outform DER -signer sender.pem -inkey sender.key"
		f.run(t, sign+c.inner+"-nocerts -in clear -out inner")
		f.run(t, "-encrypt -binary -outform DER -in inner -out enveloped "+c.encrypt)
		f.run(t, sign+c.outer+"-in enveloped -out sealed")
		opener := newOpener(t, reader)
		if strings.Contains(c.encrypt, "secretkey") && !strings.Contains(c.encrypt, "reader") {
			opener.Keys, opener.KEKs = nil, []cms.KeyEncryptionKey{testKEK}
		}
		// openssl signs now, and the certificates of the tests are valid then too.
		opened, err := opener.OpenMessage(f.read(t, "sealed"), testpki.Now().AddDate(0, 6, 0))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !bytes.Equal(opened.Content, content) || !slices.Equal(findingCodes(opened), c.want) {
			t.Errorf("%s: %d bytes, %v", name, len(opened.Content), opened.Findings)
		}
	}
}

// TestKeyIdentifiers: a signer and a reader may be named by the identifier of their key.
func TestKeyIdentifiers(t *testing.T) {
	f, own := newOpenSSLFolder(t), encryptionKey(t, reader)
	ca, authorities := testpki.NewSelfSignedCA(t, x509.SHA256WithRSA)
	template := &x509.Certificate{SubjectKeyId: []byte("an identifier"), KeyUsage: x509.KeyUsageDigitalSignature}
	named := &x509id.Key{Signer: own.Signer}
	named.Certificate = testpki.CreateCertificate(t, template, authorities[0], own.Signer.Public(), ca)
	f.writeKey(t, "named", named)
	f.write(t, "clear", []byte("content"))
	const pss = " -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:32 "
	const sign = "-sign -binary -nodetach -outform DER -keyid -signer named.pem -inkey named.key" + pss
	f.run(t, sign+"-nocerts -in clear -out inner")
	f.run(t, "-encrypt -binary -outform DER -keyid -aes128 -in inner -out enveloped named.pem")
	f.run(t, sign+"-in enveloped -out sealed")
	opener := &cms.Opener{
		Keys: []*x509id.Key{named}, Trust: x509id.NewTrustStore(authorities, nil, 0), Random: rand.Reader,
	}
	opened, err := opener.OpenMessage(f.read(t, "sealed"), testpki.Now().AddDate(0, 6, 0))
	if err != nil || string(opened.Content) != "content" || !opened.IsTrusted() ||
		!slices.Equal(findingCodes(opened), []problem.Code{cms.OtherProfile, cms.OtherProfile}) {
		t.Errorf("%+v, %v", opened, err)
	}
}

// TestOpenSSLReadsTokens: a token is a message that openssl verifies.
func TestOpenSSLReadsTokens(t *testing.T) {
	f, fixture := newOpenSSLFolder(t), newTokenFixture(t)
	f.write(t, "token", signToken(t, fixture.depot, fixture.holder, fixture.encryption.Certificate))
	f.write(t, "own-ca.pem", x509id.EncodePEM(fixture.authority.Certificates()...))
	f.run(t, "-verify -inform DER -binary -purpose any -CAfile own-ca.pem -attime 1795176000 -in token -out certificate")
	if !bytes.Equal(f.read(t, "certificate"), fixture.encryption.Certificate.Raw) {
		t.Error("another certificate")
	}
}
