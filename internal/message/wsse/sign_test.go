package wsse_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// newIDCounter returns identifiers that are the same in every run.
func newIDCounter() func() string {
	n := 0
	return func() string { n++; return strconv.Itoa(n) }
}

func signOptions() wsse.SignOptions {
	return wsse.SignOptions{Created: now, TTL: time.Minute, NewID: newIDCounter(), SignToken: true}
}

// signEnvelope signs an envelope with Sign.
func signEnvelope(tb testing.TB, envelope string, key *x509id.Key, o wsse.SignOptions) string {
	tb.Helper()
	d := parseTree(tb, envelope)
	if err := wsse.Sign(d, key, o); err != nil {
		tb.Fatal(err)
	}
	text, err := d.WriteToString()
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// signingKeys returns a key of each kind that callers sign with.
func signingKeys(tb testing.TB) map[string]*x509id.Key {
	tb.Helper()
	return map[string]*x509id.Key{"RSA": testpki.Key(tb, testpki.Hospital), "P-256": testpki.ECKey(tb), "P-384": issueKey(tb, authority.KeyECP384)}
}

func issueKey(tb testing.TB, algorithm authority.KeyAlgorithm) *x509id.Key {
	tb.Helper()
	key, err := testAuthority(tb).Issue(authority.Order{
		Subject:   x509id.Subject{Type: "NIHII-HOSPITAL", ID: "71000436", Name: "TEST"},
		NotBefore: now.AddDate(-1, 0, 0),
		NotAfter:  now.AddDate(1, 0, 0),
		Algorithm: algorithm,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func sampleEnvelopes() map[string]string {
	hard := "<!-- a note --><m:Request xmlns:m=\"urn:test\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" " +
		"xsi:type=\"m:T\" xml:lang=\"nl\" note=\"one&#10;two\ttwo\nthree &quot;&lt;\"><![CDATA[<é> & 🙂]]>\r\n&#13;<m:Empty/></m:Request>"
	return map[string]string{
		"SOAP 1.1":          string(soap.WrapBody(soap.SOAP11, []byte(content))),
		"SOAP 1.2":          string(soap.WrapBody(soap.SOAP12, []byte(content))),
		"hard":              string(soap.WrapBody(soap.SOAP11, []byte(hard))),
		"default namespace": `<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Header/><Body>` + content + `</Body></Envelope>`,
	}
}

func TestSignedMessagesVerify(t *testing.T) {
	for name, key := range signingKeys(t) {
		for form, envelope := range sampleEnvelopes() {
			for _, signToken := range []bool{true, false} {
				t.Run(name+" "+form+" "+strconv.FormatBool(signToken), func(t *testing.T) {
					o := signOptions()
					o.SignToken = signToken
					v := newVerifier(t)
					v.Trust = trustBoth(t)
					v.Strict = signToken
					verified, err := v.Verify(openEnvelope(t, signEnvelope(t, envelope, key, o)))
					if err != nil {
						t.Fatal(err)
					}
					if verified.Signer().ID != "71000436" || !verified.Created().Equal(now) || !verified.ValidUntil().Equal(now.Add(time.Minute)) {
						t.Errorf("signer %s, created %v, until %v", verified.Signer(), verified.Created(), verified.ValidUntil())
					}
				})
			}
		}
	}
}

// TestXMLSec1AcceptsWhatIsSigned verifies with an independent implementation based on libxml2.
func TestXMLSec1AcceptsWhatIsSigned(t *testing.T) {
	if _, err := exec.LookPath("xmlsec1"); err != nil {
		const hint = "xmlsec1 is missing: apt-get install xmlsec1"
		if os.Getenv("CI") != "" {
			t.Fatal(hint)
		}
		t.Skip(hint)
	}
	for name, key := range signingKeys(t) {
		for form, envelope := range sampleEnvelopes() {
			t.Run(name+" "+form, func(t *testing.T) {
				text := signEnvelope(t, envelope, key, signOptions())
				if out, err := runXMLSec1(t, text, key); err != nil {
					t.Fatalf("%v\n%s\n%s", err, out, text)
				}
				forged := strings.Replace(text, "Request", "Requesu", 2)
				if _, err := runXMLSec1(t, forged, key); err == nil {
					t.Error("it accepts a changed message too, so this test proves nothing")
				}
			})
		}
	}
}

func runXMLSec1(t *testing.T, message string, key *x509id.Key) ([]byte, error) {
	t.Helper()
	const utility = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd:"
	const extension = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd:"
	dir := t.TempDir()
	file, certificate := filepath.Join(dir, "message.xml"), filepath.Join(dir, "certificate.pem")
	for name, data := range map[string][]byte{file: []byte(message), certificate: x509id.EncodePEM(key.Certificate)} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return exec.CommandContext(t.Context(), "xmlsec1", "--verify", "--pubkey-cert-pem", certificate,
		"--id-attr:Id", soap.Namespace11+":Body", "--id-attr:Id", soap.Namespace12+":Body",
		"--id-attr:Id", utility+"Timestamp", "--id-attr:Id", extension+"BinarySecurityToken", file).CombinedOutput()
}

func parseTree(tb testing.TB, text string) *etree.Document {
	tb.Helper()
	d := etree.NewDocument()
	if err := d.ReadFromString(text); err != nil {
		tb.Fatal(err)
	}
	return d
}

// brokenKey is a key in a device that fails.
type brokenKey struct {
	crypto.Signer
	value []byte
	err   error
}

func (b brokenKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return b.value, b.err }

func TestSignRefusesWhatItCannotSign(t *testing.T) {
	const empty = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">`
	const full = empty + `<s:Body><x/></s:Body></s:Envelope>`
	ec := testpki.ECKey(t)
	_, ed25519Key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	away := errors.New("the card is not in the reader")
	for name, c := range map[string]struct {
		envelope string
		key      *x509id.Key
	}{
		"nothing":            {``, ec},
		"not SOAP":           {`<Envelope/>`, ec},
		"other root":         {`<x/>`, ec},
		"no Body":            {empty + `<s:Header/></s:Envelope>`, ec},
		"already signed":     {signEnvelope(t, full, ec, signOptions()), ec},
		"same id twice":      {empty + `<s:Body><x Id="1"/><x Id="1"/></s:Body></s:Envelope>`, ec},
		"Ed25519":            {full, &x509id.Key{Signer: ed25519Key, Certificate: ec.Certificate}},
		"the key fails":      {full, &x509id.Key{Signer: brokenKey{ec.Signer, nil, away}, Certificate: ec.Certificate}},
		"the key talks junk": {full, &x509id.Key{Signer: brokenKey{ec.Signer, []byte("junk"), nil}, Certificate: ec.Certificate}},
	} {
		if err := wsse.Sign(parseTree(t, c.envelope), c.key, signOptions()); err == nil {
			t.Errorf("%s: signed", name)
		} else if name == "the key fails" && !errors.Is(err, away) {
			t.Errorf("%s: the cause is lost in %v", name, err)
		}
	}
}

func TestSignKeepsTheBodysId(t *testing.T) {
	envelope := `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body xmlns:u="` + xmldoc.UtilityNamespace + `" u:Id="mine"><x/></s:Body></s:Envelope>`
	text := signEnvelope(t, envelope, testpki.ECKey(t), signOptions())
	if !strings.Contains(text, `u:Id="mine"><x/>`) || !strings.Contains(text, `URI="#mine"`) {
		t.Error(text)
	}
	if _, err := newVerifier(t).Verify(openEnvelope(t, text)); err != nil {
		t.Error(err)
	}
}
