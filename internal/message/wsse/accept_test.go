package wsse_test

import (
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// TestWhatToolkitsSend covers the output of the usual clients.
func TestWhatToolkitsSend(t *testing.T) {
	const prefixList = `<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"><ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="soap wsse"/></ds:Transform>`
	for name, before := range map[string][]edit{
		"as the platform's connector":   nil,
		"signature first":               {{timestamp + token, ``}, {signatureEnd, signatureEnd + token + timestamp}},
		"token not signed":              {{referenceToken, ``}},
		"Id on Body (node-soap)":        {{`wsu:Id="id-1"`, `Id="id-1"`}},
		"Id on Timestamp (node-soap)":   {{`wsu:Id="TS-1"`, `Id="TS-1"`}},
		"Id on token":                   {{`wsu:Id="X509-1"`, `Id="X509-1"`}},
		"PrefixList (WSS4J)":            {{`<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>`, prefixList}},
		"enveloped (node-soap)":         {{`<ds:Transforms>`, `<ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>`}},
		"inclusive for SignedInfo":      {{`Method Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"`, `Method Algorithm="` + dsig.InclusiveC14N + `"`}},
		"a header block signed":         {{`</soap:Header>`, note + `</soap:Header>`}, {referenceBody, referenceNote + referenceBody}},
		"no Expires":                    {{`<wsu:Expires>2026-11-21T10:01:00Z</wsu:Expires>`, ``}},
		"no EncodingType":               {{`EncodingType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary" `, ``}},
		"no ValueType in the reference": {{`URI="#X509-1" ValueType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"`, `URI="#X509-1"`}},
		"TokenType (CXF)":               {{`<wsse:SecurityTokenReference `, `<wsse:SecurityTokenReference xmlns:w="http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd" w:TokenType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3" `}},
		"token folded with spaces":      {{`[certificate]`, "\r\n   [certificate]\t\n"}},
		"SHA-512":                       {{algorithmRSA, dsig.RSASHA512}, {dsig.SHA256, dsig.SHA512}},
		"Security for others as well":   {{`</soap:Header>`, `<o:Security xmlns:o="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd" soap:actor="urn:other"/></soap:Header>`}},
	} {
		t.Run(name, func(t *testing.T) {
			envelope := openEnvelope(t, signTemplate(t, testpki.Key(t, testpki.Hospital), before...))
			verified, err := newVerifier(t).Verify(envelope)
			if err != nil {
				t.Fatal(err)
			}
			if verified.Body() != envelope.UnverifiedBody().FirstChild() {
				t.Error("another Body")
			}
		})
	}
}

func TestClock(t *testing.T) {
	at := func(clock string) time.Time {
		instant, err := time.Parse(time.RFC3339Nano, "2026-11-21T"+clock)
		if err != nil {
			t.Fatal(err)
		}
		return instant
	}
	for _, c := range []struct {
		name             string
		created, expires string
		now              string
		want             problem.Code
		until            string
	}{
		{"just made", "10:00:00Z", "10:01:00Z", "10:00:00Z", "", "10:01:00Z"},
		{"at Expires", "10:00:00Z", "10:01:00Z", "10:01:00Z", "", "10:01:00Z"},
		{"a second after Expires", "10:00:00Z", "10:01:00Z", "10:01:01Z", wsse.TimestampExpired, ""},
		{"a nanosecond after Expires", "10:00:00Z", "10:01:00Z", "10:01:00.000000001Z", wsse.TimestampExpired, ""},
		{"longer TTL, at five minutes", "10:00:00Z", "11:00:00Z", "10:05:00Z", "", "10:05:00Z"},
		{"longer TTL, a second after five minutes", "10:00:00Z", "11:00:00Z", "10:05:01Z", wsse.TimestampExpired, ""},
		{"no Expires, at five minutes", "10:00:00Z", "", "10:05:00Z", "", "10:05:00Z"},
		{"no Expires, after five minutes", "10:00:00Z", "", "10:05:01Z", wsse.TimestampExpired, ""},
		{"60 seconds ahead", "10:01:00Z", "10:02:00Z", "10:00:00Z", "", "10:02:00Z"},
		{"61 seconds ahead", "10:01:01Z", "10:02:00Z", "10:00:00Z", wsse.TimestampFuture, ""},
		{"60.001 seconds ahead", "10:01:00.001Z", "10:02:00Z", "10:00:00Z", wsse.TimestampFuture, ""},
		{"ahead, with the longest life", "10:01:00Z", "23:00:00Z", "10:06:00Z", "", "10:06:00Z"},
		{"with an offset", "11:00:00+01:00", "11:01:00+01:00", "10:01:00Z", "", "10:01:00Z"},
		{"local time as UTC", "11:00:00Z", "11:01:00Z", "10:00:00Z", wsse.TimestampFuture, ""},
		{"with a fraction", "10:00:00.123456789Z", "10:01:00.5Z", "10:01:00.5Z", "", "10:01:00.5Z"},
		{"Expires is Created", "10:00:00Z", "10:00:00Z", "10:00:00Z", wsse.TimestampOrder, ""},
		{"Expires before Created", "10:00:00Z", "09:59:00Z", "10:00:00Z", wsse.TimestampOrder, ""},
		{"white space", " \n10:00:00Z", "10:01:00Z\t ", "10:00:00Z", "", "10:01:00Z"},
		{"no zone", "10:00:00", "10:01:00Z", "10:00:00Z", wsse.TimestampInstant, ""},
		{"no zone in Expires", "10:00:00Z", "10:01:00", "10:00:00Z", wsse.TimestampInstant, ""},
		{"a comma", "10:00:00,5Z", "10:01:00Z", "10:00:00Z", wsse.TimestampInstant, ""},
		{"second 60", "09:59:60Z", "10:01:00Z", "10:00:00Z", wsse.TimestampInstant, ""},
		{"hour 24", "24:00:00Z", "24:01:00Z", "10:00:00Z", wsse.TimestampInstant, ""},
		{"one digit", "9:59:59Z", "10:01:00Z", "10:00:00Z", wsse.TimestampInstant, ""},
		{"an element inside", "10:00:00Z<x/>", "10:01:00Z", "10:00:00Z", wsse.TimestampInstant, ""},
		{"a comment hides nothing", "10:00:00<!-- -->", "10:01:00Z", "10:00:00Z", wsse.TimestampInstant, ""},
		{"a comment inside", "10:00:<!-- x -->00Z", "10:01:00Z", "10:00:00Z", "", "10:01:00Z"},
		{"empty", "[empty]", "10:01:00Z", "10:00:00Z", wsse.TimestampInstant, ""},
		{"endless", "10:00:00." + strings.Repeat("0", 300) + "Z", "10:01:00Z", "10:00:00Z", wsse.TimestampInstant, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			created := strings.Replace("2026-11-21T"+strings.TrimSpace(c.created), "2026-11-21T[empty]", "", 1)
			if strings.HasPrefix(c.created, " ") {
				created = " \n" + created
			}
			expires := `<wsu:Expires>2026-11-21T` + c.expires + `</wsu:Expires>`
			if c.expires == "" {
				expires = ""
			}
			text := signTemplate(t, testpki.Key(t, testpki.Hospital),
				edit{"2026-11-21T10:00:00Z", created}, edit{`<wsu:Expires>2026-11-21T10:01:00Z</wsu:Expires>`, expires})
			v := newVerifier(t)
			v.Now = func() time.Time { return at(c.now) }
			verified, err := v.Verify(openEnvelope(t, text))
			if c.want != "" {
				wantRefusal(t, verified, err, c.want)
				if c.want != wsse.TimestampInstant && c.want != wsse.TimestampOrder &&
					!strings.Contains(problem.From(err).Detail.String(), "service time 2026-11-21T10:") {
					t.Errorf("%q does not say the service's time", problem.From(err).Detail.String())
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !verified.ValidUntil().Equal(at(c.until)) || verified.ValidUntil().Location() != time.UTC || verified.Created().Location() != time.UTC {
				t.Errorf("until %v, want %s", verified.ValidUntil(), c.until)
			}
		})
	}
	for name, content := range map[string]string{
		"empty":           ``,
		"Expires first":   `<wsu:Expires>2026-11-21T10:01:00Z</wsu:Expires><wsu:Created>2026-11-21T10:00:00Z</wsu:Created>`,
		"Created twice":   `<wsu:Created>2026-11-21T10:00:00Z</wsu:Created><wsu:Created>2026-11-21T10:00:00Z</wsu:Created>`,
		"Expires twice":   `<wsu:Created>2026-11-21T10:00:00Z</wsu:Created><wsu:Expires>2026-11-21T10:01:00Z</wsu:Expires><wsu:Expires>2026-11-21T10:02:00Z</wsu:Expires>`,
		"something else":  `<wsu:Created>2026-11-21T10:00:00Z</wsu:Created><x/>`,
		"other namespace": `<Created>2026-11-21T10:00:00Z</Created>`,
	} {
		t.Run(name, func(t *testing.T) {
			text := signTemplate(t, testpki.Key(t, testpki.Hospital), edit{timestamp, `<wsu:Timestamp wsu:Id="TS-1">` + content + `</wsu:Timestamp>`})
			verified, err := newVerifier(t).Verify(openEnvelope(t, text))
			wantRefusal(t, verified, err, wsse.TimestampMalformed)
		})
	}
}

func TestSHA1UntilADate(t *testing.T) {
	digest := signTemplate(t, testpki.Key(t, testpki.Hospital), edit{dsig.SHA256, dsig.SHA1})
	signature := signTemplate(t, testpki.Key(t, testpki.Hospital), edit{algorithmRSA, dsig.RSASHA1})
	for name, until := range map[string]time.Time{"never": {}, "no longer": now, "past": now.Add(-time.Hour)} {
		v := newVerifier(t)
		v.AllowSHA1Until = until
		verified, err := v.Verify(openEnvelope(t, digest))
		wantRefusal(t, verified, err, dsig.DigestSHA1)
		verified, err = v.Verify(openEnvelope(t, signature))
		wantRefusal(t, verified, err, dsig.SignatureSHA1)
		if !strings.Contains(problem.From(err).Detail.String(), dsig.RSASHA1) {
			t.Errorf("%s: %q does not name the algorithm", name, problem.From(err).Detail.String())
		}
	}
	v := newVerifier(t)
	v.AllowSHA1Until = now.Add(time.Nanosecond)
	for _, text := range []string{digest, signature} {
		if _, err := v.Verify(openEnvelope(t, text)); err != nil {
			t.Error(err)
		}
	}
}

// TestReplayKey checks that the key depends on what was signed, not on the text around it.
func TestReplayKey(t *testing.T) {
	key := func(v *wsse.Verifier, text string) [32]byte {
		t.Helper()
		verified, err := v.Verify(openEnvelope(t, text))
		if err != nil {
			t.Fatal(err)
		}
		return verified.ReplayKey()
	}
	hospital := testpki.Key(t, testpki.Hospital)
	v := newVerifier(t)
	text := signTemplate(t, hospital)
	first := key(v, text)
	for name, again := range map[string]string{
		"as it is":             text,
		"other prefixes":       strings.ReplaceAll(strings.ReplaceAll(text, "xmlns:wsse=", "xmlns:w=\"urn:w\" xmlns:wsse="), "<soap:Header>", "<soap:Header><x/>"),
		"white space":          strings.Replace(text, "</wsse:Security>", "\n</wsse:Security>\n", 1),
		"signature value fold": strings.Replace(text, "<ds:SignatureValue>", "<ds:SignatureValue>\n", 1),
	} {
		if key(v, again) != first {
			t.Errorf("%s: another key", name)
		}
	}
	if other := signTemplate(t, hospital, edit{"10:00:00Z", "10:00:01Z"}); key(v, other) == first {
		t.Error("a second message has the key of the first")
	}
	if other := signTemplate(t, testpki.Key(t, "NIHII-HOSPITAL=71012413"), edit{referenceToken, ""}); key(v, other) == key(v, signTemplate(t, hospital, edit{referenceToken, ""})) {
		t.Error("the same text signed by another has the same key")
	}
}

// TestDigestIsThePlainFormWhateverThePrefixList ensures that receipts do not depend on the settings of a client.
func TestDigestIsThePlainFormWhateverThePrefixList(t *testing.T) {
	var digests [][32]byte
	for _, before := range [][]edit{nil, {{`<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>`, `<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"><ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="wsu soap"/></ds:Transform>`}}, {{dsig.SHA256, dsig.SHA512}}} {
		verified, err := newVerifier(t).Verify(openEnvelope(t, signTemplate(t, testpki.Key(t, testpki.Hospital), before...)))
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, verified.Digest())
	}
	if digests[0] != digests[1] || digests[0] != digests[2] {
		t.Error("the digests differ")
	}
}
