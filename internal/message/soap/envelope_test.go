package soap_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

func parseDocument(tb testing.TB, text string) *xmldoc.Document {
	tb.Helper()
	d, err := xmldoc.Parse([]byte(text), xmldoc.DefaultLimits())
	if err != nil {
		tb.Fatalf("%v in %s", err, text)
	}
	return d
}

// envelope wraps an abbreviated message; s: is the envelope namespace, w: that of the Security header.
func envelope(v soap.Version, inside string) string {
	return `<s:Envelope xmlns:s="` + v.Namespace() + `" xmlns:w="` + soap.NamespaceSecurity + `">` + inside + `</s:Envelope>`
}

const (
	next11     = "http://schemas.xmlsoap.org/soap/actor/next"
	next12     = soap.Namespace12 + "/role/next"
	ultimate12 = soap.Namespace12 + "/role/ultimateReceiver"
	none12     = soap.Namespace12 + "/role/none"
	body       = `<s:Body><a/></s:Body>`
)

func TestOpenRefuses(t *testing.T) {
	both := []soap.Version{soap.SOAP11, soap.SOAP12}
	cases := []struct {
		name     string
		versions []soap.Version
		inside   string
		code     problem.Code
		kind     problem.Kind
	}{
		{"nothing", both, ``, soap.BodyMissing, problem.Malformed},
		{"only a header", both, `<s:Header/>`, soap.BodyMissing, problem.Malformed},
		{"an empty body", both, `<s:Body/>`, soap.BodyMissing, problem.Malformed},
		{"a body with text", both, `<s:Body> text </s:Body>`, soap.BodyMissing, problem.Malformed},
		{"two requests", both, `<s:Body><a/><b/></s:Body>`, soap.BodyNotSingle, problem.NotUnderstood},
		{"two bodies", both, body + body, soap.EnvelopeMalformed, problem.Malformed},
		{"two headers", both, `<s:Header/><s:Header/>` + body, soap.EnvelopeMalformed, problem.Malformed},
		{"header after body", both, body + `<s:Header/>`, soap.EnvelopeMalformed, problem.Malformed},
		{"something before", both, `<x/>` + body, soap.EnvelopeMalformed, problem.Malformed},
		{"something behind", both, body + `<x/>`, soap.EnvelopeMalformed, problem.Malformed},
		{"a body of no namespace", both, `<Body><a/></Body>`, soap.EnvelopeMalformed, problem.Malformed},
		{"a body of the other version", []soap.Version{soap.SOAP11}, `<Body xmlns="` + soap.Namespace12 + `"><a/></Body>`, soap.EnvelopeMalformed, problem.Malformed},
		{"two security headers", both, `<s:Header><w:Security/><w:Security/></s:Header>` + body, soap.SecurityTwice, problem.Unauthenticated},
		{"the second for the next node", []soap.Version{soap.SOAP11}, `<s:Header><w:Security/><w:Security s:actor="` + next11 + `"/></s:Header>` + body,
			soap.SecurityTwice, problem.Unauthenticated},
		{"the second for the ultimate receiver", []soap.Version{soap.SOAP12}, `<s:Header><w:Security/><w:Security s:role="` + ultimate12 + `"/></s:Header>` + body,
			soap.SecurityTwice, problem.Unauthenticated},
		{"must understand 1", both, `<s:Header><x s:mustUnderstand="1"/></s:Header>` + body, soap.HeaderNotUnderstood, problem.NotUnderstood},
		{"must understand true", both, `<s:Header><x s:mustUnderstand="true"/></s:Header>` + body, soap.HeaderNotUnderstood, problem.NotUnderstood},
		{"must understand with spaces", both, `<s:Header><x s:mustUnderstand=" 1&#10;"/></s:Header>` + body, soap.HeaderNotUnderstood, problem.NotUnderstood},
		{"must understand, for the next node", []soap.Version{soap.SOAP12}, `<s:Header><x s:mustUnderstand="1" s:role="` + next12 + `"/></s:Header>` + body,
			soap.HeaderNotUnderstood, problem.NotUnderstood},
		{"must understand, addressing", both, `<s:Header><w:Security/><To xmlns="http://www.w3.org/2005/08/addressing" s:mustUnderstand="1"/></s:Header>` + body,
			soap.HeaderNotUnderstood, problem.NotUnderstood},
	}
	for _, c := range cases {
		for _, v := range c.versions {
			e, err := soap.Open(parseDocument(t, envelope(v, c.inside)))
			p := problem.From(err)
			if err == nil || p.Code != c.code || p.Kind != c.kind || !errors.Is(err, c.kind) || p.Path == "" || e != nil {
				t.Errorf("SOAP version %d, %s: %v, %v", v, c.name, e, err)
			}
		}
	}
	for text, code := range map[string]problem.Code{
		`<a/>`: soap.NotSOAP, `<Envelope/>`: soap.SOAPVersion, `<e:Envelope xmlns:e="urn:x"><e:Body/></e:Envelope>`: soap.SOAPVersion,
		`<Body xmlns="` + soap.Namespace11 + `"/>`: soap.NotSOAP,
	} {
		if e, err := soap.Open(parseDocument(t, text)); err == nil || problem.From(err).Code != code || e != nil {
			t.Errorf("%s: %v, %v", text, e, err)
		}
	}
}

func TestOpen(t *testing.T) {
	cases := []struct {
		name, inside string
		versions     []soap.Version
		security     bool
	}{
		{"no header", body, []soap.Version{soap.SOAP11, soap.SOAP12}, false},
		{"an empty header", `<s:Header/>` + body, []soap.Version{soap.SOAP11, soap.SOAP12}, false},
		{"security", `<s:Header><w:Security s:mustUnderstand="1"/></s:Header>` + body, []soap.Version{soap.SOAP11, soap.SOAP12}, true},
		{"security for the next node", `<s:Header><w:Security s:actor="` + next11 + `"/></s:Header>` + body, []soap.Version{soap.SOAP11}, true},
		{"security for the next role", `<s:Header><w:Security s:role="` + next12 + `"/></s:Header>` + body, []soap.Version{soap.SOAP12}, true},
		{"security for another", `<s:Header><w:Security s:actor="urn:x"/></s:Header>` + body, []soap.Version{soap.SOAP11}, false},
		{"security for nobody", `<s:Header><w:Security s:role="` + none12 + `"/></s:Header>` + body, []soap.Version{soap.SOAP12}, false},
		{"one of two for us", `<s:Header><w:Security s:actor="urn:x"/><w:Security/></s:Header>` + body, []soap.Version{soap.SOAP11}, true},
		{"what need not be understood", `<s:Header><x s:mustUnderstand="0"/><y s:mustUnderstand="false"/><z mustUnderstand="1"/></s:Header>` + body,
			[]soap.Version{soap.SOAP11, soap.SOAP12}, false},
		{"what another must understand", `<s:Header><x s:mustUnderstand="1" s:actor="urn:x"/></s:Header>` + body, []soap.Version{soap.SOAP11}, false},
		{"what another role must understand", `<s:Header><x s:mustUnderstand="1" s:role="urn:x"/></s:Header>` + body, []soap.Version{soap.SOAP12}, false},
		{"comments and white space", "\n<!-- a --><s:Body>\n<!-- b --> <a/> </s:Body>\n", []soap.Version{soap.SOAP11, soap.SOAP12}, false},
	}
	for _, c := range cases {
		for _, v := range c.versions {
			e, err := soap.Open(parseDocument(t, envelope(v, c.inside)))
			if err != nil {
				t.Errorf("SOAP version %d, %s: %v", v, c.name, err)
				continue
			}
			if e.Version() != v || e.Security().IsZero() == c.security || !e.UnverifiedBody().Is(v.Namespace(), "Body") ||
				e.Header().IsZero() == strings.Contains(c.inside, "Header") {
				t.Errorf("SOAP version %d, %s: %+v", v, c.name, e)
			}
		}
	}
}

func TestWrapBody(t *testing.T) {
	for _, v := range []soap.Version{soap.SOAP11, soap.SOAP12} {
		octets := soap.WrapBody(v, []byte(`<a xmlns="urn:x">é</a>`))
		e, err := soap.Open(parseDocument(t, string(octets)))
		if err != nil || e.Version() != v || !e.UnverifiedBody().FirstChild().Is("urn:x", "a") {
			t.Errorf("%s: %v", octets, err)
		}
		if cap(octets) < len(octets) {
			t.Error("capacity")
		}
	}
	if soap.SOAP11.ContentType() != "text/xml; charset=utf-8" || soap.SOAP12.ContentType() != "application/soap+xml; charset=utf-8" {
		t.Error("media types")
	}
}

// FuzzOpen checks that Open never panics, returns no envelope with an error, and otherwise an envelope whose Body has
// exactly one child.
func FuzzOpen(f *testing.F) {
	for _, v := range []soap.Version{soap.SOAP11, soap.SOAP12} {
		for _, inside := range []string{body, `<s:Header><w:Security s:mustUnderstand="1"/><x s:role="` + next12 + `"/></s:Header>` + body,
			`<s:Body><s:Fault><faultcode>x</faultcode><s:Code><s:Value/></s:Code><detail/></s:Fault></s:Body>`, body + body} {
			f.Add(envelope(v, inside))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := xmldoc.Parse([]byte(text), xmldoc.DefaultLimits())
		if err != nil {
			return
		}
		e, err := soap.Open(d)
		switch {
		case err != nil:
			if e != nil {
				t.Error("an envelope beside an error")
			}
			if p, ok := errors.AsType[*problem.Error](err); !ok || p.Kind == problem.Internal {
				t.Errorf("refused with %v", err)
			}
		case e.UnverifiedBody().FirstChild().IsZero() || !e.UnverifiedBody().FirstChild().NextSibling().IsZero():
			t.Error("the body has not one child")
		}
		content, refusal, err := readReply(d)
		if set := !content.IsZero(); set && refusal != nil || err != nil && (set || refusal != nil) || err == nil && !set && refusal == nil {
			t.Errorf("reply %v, %v, %v", content, refusal, err)
		}
	})
}
