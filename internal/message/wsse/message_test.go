package wsse_test

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/dsigtest"
	"github.com/openctr/ctr/internal/testing/testpki"
)

var now = time.Date(2026, 11, 21, 10, 0, 30, 0, time.UTC)

// template is a message as the platform's own connector writes it, without certificate, digests and signature value.
const template = `<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Header>` +
	`<wsse:Security xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd" ` +
	`xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd" soap:mustUnderstand="1">` +
	timestamp + token + `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="SIG-1"><ds:SignedInfo>` +
	`<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>` +
	`<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>` +
	referenceBody + referenceTimestamp + referenceToken +
	`</ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo Id="KI-1">` + tokenReference + `</ds:KeyInfo></ds:Signature>` +
	`</wsse:Security></soap:Header>` +
	`<soap:Body xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd" wsu:Id="id-1">` +
	content + `</soap:Body></soap:Envelope>`

const (
	content        = `<m:Request xmlns:m="urn:test" Id="_1"><m:Patient>48022907379</m:Patient></m:Request>`
	forgedContent  = `<m:Request xmlns:m="urn:test" Id="_2"><m:Patient>00000000097</m:Patient></m:Request>`
	timestamp      = `<wsu:Timestamp wsu:Id="TS-1"><wsu:Created>2026-11-21T10:00:00Z</wsu:Created><wsu:Expires>2026-11-21T10:01:00Z</wsu:Expires></wsu:Timestamp>`
	token          = `<wsse:BinarySecurityToken EncodingType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary" ValueType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3" wsu:Id="X509-1">[certificate]</wsse:BinarySecurityToken>`
	tokenReference = `<wsse:SecurityTokenReference wsu:Id="STR-1"><wsse:Reference URI="#X509-1" ValueType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"/></wsse:SecurityTokenReference>`

	referenceBody      = `<ds:Reference URI="#id-1">` + referenceRest
	referenceTimestamp = `<ds:Reference URI="#TS-1">` + referenceRest
	referenceToken     = `<ds:Reference URI="#X509-1">` + referenceRest
	referenceRest      = `<ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference>`
)

// edit replaces the first occurrence of a text, which must exist.
type edit struct{ before, after string }

func applyEdits(tb testing.TB, text string, edits []edit) string {
	tb.Helper()
	for _, e := range edits {
		if !strings.Contains(text, e.before) {
			tb.Fatalf("the message does not hold %q", e.before)
		}
		text = strings.Replace(text, e.before, e.after, 1)
	}
	return text
}

// signTemplate fills in and signs the template after some edits.
func signTemplate(tb testing.TB, key *x509id.Key, before ...edit) string {
	tb.Helper()
	text := applyEdits(tb, template, before)
	text = strings.ReplaceAll(text, "[certificate]", base64.StdEncoding.EncodeToString(key.Certificate.Raw))
	return dsigtest.FillSignatures(tb, text, key.Signer)
}

func openEnvelope(tb testing.TB, message string) *soap.Envelope {
	tb.Helper()
	d, err := xmldoc.Parse([]byte(message), xmldoc.DefaultLimits())
	if err != nil {
		tb.Fatal(err)
	}
	envelope, err := soap.Open(d)
	if err != nil {
		tb.Fatal(err)
	}
	return envelope
}

func newVerifier(tb testing.TB) *wsse.Verifier {
	tb.Helper()
	return &wsse.Verifier{Trust: testpki.NewTrustStore(tb), Now: func() time.Time { return now }}
}

// newAuthority creates an authority for all tests, for certificates that the frozen PKI lacks.
var newAuthority = sync.OnceValues(func() (*authority.Authority, error) {
	return authority.New(authority.Options{
		Name: "wsse test", NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0), Random: rand.Reader,
	})
})

func testAuthority(tb testing.TB) *authority.Authority {
	tb.Helper()
	a, err := newAuthority()
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// trustBoth trusts the frozen test authority and the created one.
func trustBoth(tb testing.TB) *x509id.TrustStore {
	tb.Helper()
	trust, err := x509id.ParseTrustStore(64, testpki.CAFile(tb), x509id.EncodePEM(testAuthority(tb).Certificates()...))
	if err != nil {
		tb.Fatal(err)
	}
	return trust
}

// wantRefusal checks the code and the kind of a refusal, and that it has a path and a WS-Security fault code.
func wantRefusal(tb testing.TB, verified *wsse.Verified, err error, want problem.Code) {
	tb.Helper()
	if err == nil || verified != nil {
		tb.Fatalf("accepted, want %s", want)
	}
	e := problem.From(err)
	if e.Code != want {
		tb.Fatalf("refused with %v, want %s", e, want)
	}
	if entry, _ := problem.Lookup(e.Code); entry.WSSFault == "" || e.Kind != problem.Unauthenticated || e.Path == "" {
		tb.Errorf("%s: kind %v, at %q, WSS fault %v", e.Code, e.Kind, e.Path, entry.WSSFault != "")
	}
}
