package dsig_test

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/dsigtest"
)

// parameters are the STR-Transform's.
const parameters = `<w:TransformationParameters xmlns:w="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">` +
	canonicalization + `</w:TransformationParameters>`

// strReference returns a reference with an STR-Transform.
func strReference(content string) string {
	return `<ds:Transform Algorithm="` + dsig.STRTransform + `">` + content + `</ds:Transform>`
}

// TestSTRTransform compares with bytes written by hand from SOAP Message Security section 8.3.
func TestSTRTransform(t *testing.T) {
	const listed = `<ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="unused #default"/>`
	for name, c := range map[string]struct{ root, token, list, want string }{
		"no default namespace":          {`r`, `<p:t xmlns:p="urn:p" Id="t" a="&lt;">x</p:t>`, ``, `<p:t xmlns="" xmlns:p="urn:p" Id="t" a="&lt;">x</p:t>`},
		"a default namespace around":    {`r`, `<d xmlns="urn:d"><p:t xmlns:p="urn:p" Id="t">x</p:t></d>`, ``, `<p:t xmlns="urn:d" xmlns:p="urn:p" Id="t">x</p:t>`},
		"a default namespace cancelled": {`r`, `<d xmlns="urn:d"><p:t xmlns:p="urn:p" xmlns="" Id="t">x</p:t></d>`, ``, `<p:t xmlns="" xmlns:p="urn:p" Id="t">x</p:t>`},
		"in the default namespace":      {`r`, `<t xmlns="urn:d" Id="t">x</t>`, ``, `<t xmlns="urn:d" Id="t">x</t>`},
		"in no namespace":               {`r`, `<t Id="t"/>`, ``, `<t xmlns="" Id="t"></t>`},
		"a PrefixList":                  {`r`, `<p:t xmlns:p="urn:p" Id="t">x</p:t>`, listed, `<p:t xmlns="" xmlns:p="urn:p" xmlns:unused="urn:unused" Id="t">x</p:t>`},
	} {
		t.Run(name, func(t *testing.T) {
			own := parameters
			if c.list != "" {
				own = strings.Replace(parameters, canonicalization, strings.Replace(canonicalization, "/>", ">"+c.list+"</ds:CanonicalizationMethod>", 1), 1)
			}
			sum := sha256.Sum256([]byte(c.want))
			text := apply(t, template, []edit{
				{`<r xmlns="urn:r" `, `<r `},
				{transform, strReference(own)}, {`"#a-1"`, `"#s"`}, {`<ds:DigestValue/>`, `<ds:DigestValue>` + base64.StdEncoding.EncodeToString(sum[:]) + `</ds:DigestValue>`},
				{`<a Id="a-3">`, `<s Id="s"><r URI="#t"/></s>` + c.token + `<a Id="a-3">`},
			})
			text = dsigtest.FillSignatures(t, text, rsaKey(t))
			result, err := verify(t, text, dsig.Policy{}, rsaKey(t).Public())
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := result.CoveredElements[0].Attr("", "Id"); got != "t" {
				t.Errorf("covered %s", got)
			}
			if _, err = verify(t, strings.Replace(text, ` Id="t"`, ` Id="t" b=""`, 1), dsig.Policy{}, rsaKey(t).Public()); problem.From(err).Code != dsig.DigestMismatch {
				t.Errorf("a changed token gives %v", err)
			}
		})
	}
}

func TestSTRTransformOfWhatIsNoElement(t *testing.T) {
	sum := sha256.Sum256([]byte("the token"))
	text := apply(t, template, []edit{
		{transform, strReference(parameters)}, {`"#a-1"`, `"#s"`}, {`<ds:DigestValue/>`, `<ds:DigestValue>` + base64.StdEncoding.EncodeToString(sum[:]) + `</ds:DigestValue>`},
		{`<a Id="a-3">`, `<s Id="s" octets="the token"/><a Id="a-3">`},
	})
	text = dsigtest.FillSignatures(t, text, rsaKey(t))
	result, err := verify(t, text, dsig.Policy{}, rsaKey(t).Public())
	if err != nil {
		t.Fatal(err)
	}
	if got := result.CoveredElements[0].Local(); got != "s" {
		t.Errorf("covered %s", got)
	}
	if _, err = verify(t, strings.Replace(text, "the token", "a token", 1), dsig.Policy{}, rsaKey(t).Public()); problem.From(err).Code != dsig.DigestMismatch {
		t.Errorf("another token gives %v", err)
	}
}
