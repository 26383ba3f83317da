package dsig_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/dsigtest"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// template signs two of three elements. The signature is their sibling and does not enclose them.
const template = `<r xmlns="urn:r" xmlns:unused="urn:unused" xmlns:used="urn:used">` +
	`<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" xml:id="S"><ds:SignedInfo Id="SI">` +
	canonicalization + signatureMethod + reference + reference2 +
	`</ds:SignedInfo><ds:SignatureValue></ds:SignatureValue><ds:KeyInfo Id="KI"><x/></ds:KeyInfo></ds:Signature>` +
	`<a Id="a-1" used:t="1"><b/>text</a><a Id="a-2">more</a><a Id="a-3">unsigned</a></r>`

const (
	canonicalization = `<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>`
	signatureMethod  = `<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>`
	transform        = `<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>`
	transforms       = `<ds:Transforms>` + transform + `</ds:Transforms>`
	digestMethod     = `<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>`
	reference        = `<ds:Reference URI="#a-1">` + transforms + digestMethod + `<ds:DigestValue/></ds:Reference>`
	reference2       = `<ds:Reference URI="#a-2">` + transforms + digestMethod + `<ds:DigestValue/></ds:Reference>`
)

type edit struct{ old, new string }

func apply(tb testing.TB, text string, edits []edit) string {
	tb.Helper()
	for _, e := range edits {
		if !strings.Contains(text, e.old) {
			tb.Fatalf("the document does not hold %q", e.old)
		}
		text = strings.Replace(text, e.old, e.new, 1)
	}
	return text
}

func parse(tb testing.TB, text string) *xmldoc.Document {
	tb.Helper()
	d, err := xmldoc.Parse([]byte(text), xmldoc.DefaultLimits())
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// byID resolves every identifier, and treats every element with a URI as a reference to a token.
type byID struct{ d *xmldoc.Document }

func (r byID) Resolve(id string) (xmldoc.Element, error) {
	e, ok := r.d.ElementByID(id)
	if !ok {
		return e, problem.New(wsse.ReferenceUnknown)
	}
	return e, nil
}

func (r byID) Dereference(id string) (dsig.Token, error) {
	e, err := r.Resolve(id)
	if err != nil {
		return dsig.Token{}, err
	}
	if octets, ok := e.Attr("", "octets"); ok {
		return dsig.Token{Element: e, AppendCanonical: func(dst []byte) []byte { return append(dst, octets...) }}, nil
	}
	uri, _ := e.FirstChild().Attr("", "URI")
	e, err = r.Resolve(strings.TrimPrefix(uri, "#"))
	return dsig.Token{Element: e}, err
}

// refusing resolves nothing and returns its error.
type refusing struct{ err error }

func (r refusing) Resolve(string) (xmldoc.Element, error) { return xmldoc.Element{}, r.err }
func (r refusing) Dereference(string) (dsig.Token, error) { return dsig.Token{}, r.err }

func verify(tb testing.TB, text string, p dsig.Policy, key crypto.PublicKey) (*dsig.Result, error) {
	tb.Helper()
	d := parse(tb, text)
	s, err := dsig.Parse(d.Root().Child(dsig.Namespace, "Signature"), p, byID{d})
	if err != nil {
		if s != nil {
			tb.Error("a refusal came with a signature")
		}
		return nil, err
	}
	result, err := s.Verify(key)
	if (err == nil) == (result == nil) {
		tb.Errorf("result %v with error %v", result, err)
	}
	return result, err
}

func rsaKey(tb testing.TB) *rsa.PrivateKey {
	tb.Helper()
	key, ok := testpki.Key(tb, testpki.Hospital).Signer.(*rsa.PrivateKey)
	if !ok {
		tb.Fatal("the hospital's key is not RSA")
	}
	return key
}

func ecKey(tb testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func TestEveryAlgorithm(t *testing.T) {
	type pair struct {
		name string
		key  crypto.Signer
	}
	var pairs []pair
	for _, name := range []string{dsig.RSASHA256, dsig.RSASHA384, dsig.RSASHA512, dsig.PSSSHA256, dsig.PSSSHA384, dsig.PSSSHA512, dsig.RSASHA1} {
		pairs = append(pairs, pair{name, rsaKey(t)})
	}
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		for _, name := range []string{dsig.ECDSASHA256, dsig.ECDSASHA384, dsig.ECDSASHA512, dsig.ECDSASHA1} {
			pairs = append(pairs, pair{name, ecKey(t, curve)})
		}
	}
	for _, p := range pairs {
		for _, digest := range []string{dsig.SHA256, dsig.SHA384, dsig.SHA512, dsig.SHA1} {
			for _, c14n := range []string{dsig.ExclusiveC14N, dsig.InclusiveC14N} {
				text := apply(t, template, []edit{
					{`xmldsig-more#rsa-sha256`, strings.TrimPrefix(p.name, "http://www.w3.org/2001/04/")},
					{`Method Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#`, `Method Algorithm="` + c14n},
				})
				text = strings.Replace(text, `"http://www.w3.org/2001/04/http:`, `"http:`, 1)
				text = strings.ReplaceAll(text, dsig.SHA256, digest)
				text = dsigtest.FillSignatures(t, text, p.key)
				result, err := verify(t, text, dsig.Policy{AllowSHA1: true}, p.key.Public())
				if err != nil {
					t.Fatalf("%s, %s, %s: %v", p.name, digest, c14n, err)
				}
				root := parse(t, text).Root()
				if len(result.CoveredElements) != 2 || result.CoveredElements[0].Local() != "a" || root.Child("urn:r", "a").Local() != "a" {
					t.Errorf("covered %v", result.CoveredElements)
				}
				if _, err := verify(t, strings.Replace(text, ">text<", ">texts<", 1), dsig.Policy{AllowSHA1: true}, p.key.Public()); problem.From(err).Code != dsig.DigestMismatch {
					t.Errorf("%s, %s: a changed element gives %v", p.name, digest, err)
				}
				if _, err := verify(t, strings.Replace(text, `"#a-2"`, `"#a-3"`, 1), dsig.Policy{AllowSHA1: true}, p.key.Public()); problem.From(err).Code != dsig.SignatureInvalid {
					t.Errorf("%s: another reference gives %v", p.name, err)
				}
			}
		}
	}
}

func TestResultNamesTheNodesAndWhatWasSigned(t *testing.T) {
	key := rsaKey(t)
	d := parse(t, dsigtest.FillSignatures(t, template, key))
	signature := d.Root().Child(dsig.Namespace, "Signature")
	s, err := dsig.Parse(signature, dsig.Policy{}, byID{d})
	if err != nil {
		t.Fatal(err)
	}
	first, _ := d.ElementByID("a-1")
	second, _ := d.ElementByID("a-2")
	third, _ := d.ElementByID("a-3")
	if s.ReferenceCount() != 2 || !s.RefersTo(first) || !s.RefersTo(second) || s.RefersTo(third) {
		t.Error("the references are not those of the signature")
	}
	result, err := s.Verify(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if len(result.CoveredElements) != 2 || result.CoveredElements[0] != first || result.CoveredElements[1] != second {
		t.Errorf("covered %v", result.CoveredElements)
	}
	plain := xmldoc.C14N{Exclusive: true}
	if want := sha256.Sum256(plain.Append(nil, signature.Child(dsig.Namespace, "SignedInfo"))); result.SignedInfoDigest != want {
		t.Error("SignedInfo's digest is another")
	}
	if sum, ok := s.PlainSHA256(first); !ok || sum != sha256.Sum256(plain.Append(nil, first)) {
		t.Error("PlainDigest is not the digest of the plain form")
	}
	if _, ok := s.PlainSHA256(third); ok {
		t.Error("PlainDigest knows an element that is not referred to")
	}
}

func TestTransformsThatAreAccepted(t *testing.T) {
	const inclusive = `<ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="`
	withList := func(list string) string {
		return strings.Replace(transform, "/>", ">"+inclusive+list+`"/></ds:Transform>`, 1)
	}
	const enveloped = `<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>`
	for name, edits := range map[string][]edit{
		"empty PrefixList":      {{transform, withList("")}},
		"PrefixList":            {{transform, withList("used unused nowhere")}},
		"#default":              {{transform, withList("#default&#10;&#9;used")}},
		"no PrefixList":         {{transform, strings.Replace(withList(""), ` PrefixList=""`, "", 1)}},
		"longest PrefixList":    {{transform, withList(strings.Repeat("used ", dsig.MaxPrefixes))}},
		"for SignedInfo":        {{`xml-exc-c14n#"/><ds:Sig`, `xml-exc-c14n#">` + inclusive + `unused"/></ds:CanonicalizationMethod><ds:Sig`}},
		"redundant enveloped":   {{transform, enveloped + transform}},
		"enveloped that counts": {{`<r xmlns="urn:r"`, `<r Id="r" xmlns="urn:r"`}, {`#a-1`, `#r`}, {transform, enveloped + transform}},
		"indented":              {{canonicalization, "\n  " + canonicalization + "\n  <!-- note -->\n"}},
		"most references":       {{reference2, strings.Repeat(reference2, dsig.MaxReferences-1)}},
	} {
		t.Run(name, func(t *testing.T) {
			text := apply(t, template, edits)
			if name == "most references" {
				for i := 3; strings.Count(text, `"#a-2"`) > 1; i++ {
					id := strconv.Itoa(i)
					text = strings.Replace(text, `"#a-2"`, `"#b-`+id+`"`, 1)
					text = strings.Replace(text, `</r>`, `<b Id="b-`+id+`"/></r>`, 1)
				}
			}
			text = dsigtest.FillSignatures(t, text, rsaKey(t))
			if _, err := verify(t, text, dsig.Policy{}, rsaKey(t).Public()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestBase64InAnyFold(t *testing.T) {
	text := dsigtest.FillSignatures(t, template, rsaKey(t))
	from := strings.Index(text, "<ds:SignatureValue>") + len("<ds:SignatureValue>")
	value := text[from : from+strings.Index(text[from:], "<")]
	fold := func(every int, with string) string {
		var b strings.Builder
		for rest := value; rest != ""; {
			n := min(every, len(rest))
			b.WriteString(rest[:n] + with)
			rest = rest[n:]
		}
		return b.String()
	}
	for name, c := range map[string]struct {
		value string
		want  problem.Code
	}{
		"lines":            {fold(64, "\n"), ""},
		"CR LF":            {fold(76, "\r\n"), ""},
		"referenced CR":    {fold(76, "&#13;\n"), ""},
		"indented":         {fold(76, "\n\t    "), ""},
		"every octet":      {fold(1, " "), ""},
		"comment inside":   {value[:20] + "<!-- x -->" + value[20:], ""},
		"CDATA":            {"<![CDATA[" + value + "]]>", ""},
		"comment and more": {value + "<!-- x -->AAAA", dsig.SignatureValueMalformed},
		"not base64":       {"*" + value[1:], dsig.SignatureValueMalformed},
		"URL alphabet":     {strings.Repeat("-_", len(value)/2), dsig.SignatureValueMalformed},
		"no padding":       {strings.TrimRight(value, "="), dsig.SignatureValueMalformed},
		"loose bits":       {value[:len(value)-3] + "/==", dsig.SignatureValueMalformed},
		"trailing":         {value + "AAAA", dsig.SignatureValueMalformed},
		"empty":            {"", dsig.SignatureValueMalformed},
		"element":          {value + "<x/>", dsig.SignatureValueMalformed},
		"too short":        {value[:100], dsig.SignatureValueMalformed},
		"too long":         {strings.Repeat("AAAA", dsig.MaxSignatureValueBytes), dsig.SignatureValueMalformed},
		"far too long":     {strings.Repeat(" ", 20*dsig.MaxSignatureValueBytes), dsig.SignatureValueMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verify(t, strings.Replace(text, value, c.value, 1), dsig.Policy{}, rsaKey(t).Public())
			if (c.want == "") != (err == nil) || err != nil && problem.From(err).Code != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	algorithm := func(old, name string) []edit { return []edit{{`Algorithm="` + old + `"`, `Algorithm="` + name + `"`}} }
	const exclusive, rsa256, hash256 = dsig.ExclusiveC14N, dsig.RSASHA256, dsig.SHA256
	inTransform := func(content string) []edit {
		return []edit{{transforms, `<ds:Transforms>` + content + `</ds:Transforms>`}}
	}
	named := func(name string) string { return `<ds:Transform Algorithm="` + name + `"/>` }
	prefixes := func(content string) string { return strings.Replace(transform, "/>", ">"+content+"</ds:Transform>", 1) }
	const inclusive = `<ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="a"`
	for _, c := range []struct {
		name  string
		edits []edit
		want  problem.Code
		at    string
	}{
		{"no SignedInfo", []edit{{`<ds:SignedInfo Id="SI">`, `<ds:Signed>`}, {`</ds:SignedInfo>`, `</ds:Signed>`}}, dsig.SignatureStructure, "ds:Signature"},
		{"SignedInfo twice", []edit{{`<ds:SignatureValue>`, `<ds:SignedInfo/><ds:SignatureValue>`}}, dsig.SignatureStructure, "ds:Signature"},
		{"SignatureValue twice", []edit{{`<ds:KeyInfo`, `<ds:SignatureValue/><ds:KeyInfo`}}, dsig.SignatureStructure, "ds:Signature"},
		{"no KeyInfo", []edit{{`<ds:KeyInfo Id="KI"><x/></ds:KeyInfo>`, ``}}, dsig.SignatureStructure, "ds:Signature"},
		{"Object", []edit{{`</ds:Signature>`, `<ds:Object/></ds:Signature>`}}, dsig.SignatureStructure, "ds:Signature"},
		{"order", []edit{{signatureMethod, ``}, {canonicalization, signatureMethod + canonicalization}}, dsig.SignatureStructure, "ds:SignedInfo"},
		{"no references", []edit{{reference, ``}, {reference2, ``}}, dsig.SignatureStructure, "ds:SignedInfo"},
		{"other content of SignedInfo", []edit{{reference, reference + `<x/>`}}, dsig.SignatureStructure, "ds:SignedInfo"},
		{"Manifest", []edit{{reference, `<ds:Manifest/>`}}, dsig.SignatureStructure, "ds:SignedInfo"},
		{"DigestValue twice", []edit{{`<ds:DigestValue/>`, `<ds:DigestValue/><ds:DigestValue/>`}}, dsig.SignatureStructure, "ds:Reference[1]"},
		{"DigestMethod missing", []edit{{digestMethod, ``}}, dsig.SignatureStructure, "ds:Reference[1]"},

		{"c14n with comments", algorithm(exclusive, exclusive+"WithComments"), dsig.CanonicalizationUnsupported, "ds:CanonicalizationMethod"},
		{"inclusive with comments", algorithm(exclusive, dsig.InclusiveC14N+"#WithComments"), dsig.CanonicalizationUnsupported, "ds:CanonicalizationMethod"},
		{"c14n 1.1", algorithm(exclusive, "http://www.w3.org/2006/12/xml-c14n11"), dsig.CanonicalizationUnsupported, "ds:CanonicalizationMethod"},
		{"no c14n named", algorithm(exclusive, ""), dsig.CanonicalizationUnsupported, "ds:CanonicalizationMethod"},
		{"parameters of inclusive c14n", []edit{{canonicalization, `<ds:CanonicalizationMethod Algorithm="` + dsig.InclusiveC14N + `"><x/></ds:CanonicalizationMethod>`}}, dsig.SignatureStructure, "ds:CanonicalizationMethod"},

		{"rsa-sha1", algorithm(rsa256, dsig.RSASHA1), dsig.SignatureSHA1, "ds:SignatureMethod"},
		{"ecdsa-sha1", algorithm(rsa256, dsig.ECDSASHA1), dsig.SignatureSHA1, "ds:SignatureMethod"},
		{"dsa", algorithm(rsa256, "http://www.w3.org/2000/09/xmldsig#dsa-sha1"), dsig.SignatureUnsupported, "ds:SignatureMethod"},
		{"rsa-md5", algorithm(rsa256, "http://www.w3.org/2001/04/xmldsig-more#rsa-md5"), dsig.SignatureUnsupported, "ds:SignatureMethod"},
		{"pss with parameters", algorithm(rsa256, "http://www.w3.org/2007/05/xmldsig-more#rsa-pss"), dsig.SignatureUnsupported, "ds:SignatureMethod"},
		{"an endless name", algorithm(rsa256, strings.Repeat("é", 5000)), dsig.SignatureUnsupported, "ds:SignatureMethod"},
		{"hmac-sha1", algorithm(rsa256, "http://www.w3.org/2000/09/xmldsig#hmac-sha1"), dsig.SignatureHMAC, "ds:SignatureMethod"},
		{"hmac-sha256", algorithm(rsa256, "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"), dsig.SignatureHMAC, "ds:SignatureMethod"},
		{"HMACOutputLength", []edit{{signatureMethod, strings.Replace(signatureMethod, "/>", "><ds:HMACOutputLength>1</ds:HMACOutputLength></ds:SignatureMethod>", 1)}}, dsig.SignatureStructure, "ds:SignatureMethod"},

		{"sha1", algorithm(hash256, dsig.SHA1), dsig.DigestSHA1, "ds:Reference[1]/ds:DigestMethod"},
		{"md5", algorithm(hash256, "http://www.w3.org/2001/04/xmldsig-more#md5"), dsig.DigestUnsupported, "ds:Reference[1]/ds:DigestMethod"},
		{"digest parameters", []edit{{digestMethod, strings.Replace(digestMethod, "/>", "><x/></ds:DigestMethod>", 1)}}, dsig.SignatureStructure, "ds:Reference[1]/ds:DigestMethod"},
		{"short digest", []edit{{`<ds:DigestValue/>`, `<ds:DigestValue>AAAA</ds:DigestValue>`}}, dsig.DigestValueMalformed, "ds:Reference[1]/ds:DigestValue"},

		{"no transforms", []edit{{transforms, ``}}, dsig.TransformMissing, "ds:Reference[1]"},
		{"no transform", inTransform(``), dsig.TransformMissing, "ds:Reference[1]"},
		{"enveloped alone", inTransform(named(dsig.Enveloped)), dsig.TransformMissing, "ds:Reference[1]"},
		{"enveloped last", inTransform(transform + named(dsig.Enveloped)), dsig.TransformUnsupported, "ds:Reference[1]/ds:Transform"},
		{"enveloped twice", inTransform(named(dsig.Enveloped) + named(dsig.Enveloped)), dsig.TransformUnsupported, "ds:Reference[1]/ds:Transform"},
		{"enveloped with parameters", inTransform(strings.Replace(named(dsig.Enveloped), "/>", "><x/></ds:Transform>", 1) + transform), dsig.SignatureStructure, "ds:Reference[1]/ds:Transform"},
		{"c14n twice", inTransform(transform + transform), dsig.TransformUnsupported, "ds:Reference[1]/ds:Transform"},
		{"three transforms", inTransform(named(dsig.Enveloped) + transform + transform), dsig.TransformsTooMany, "ds:Reference[1]"},
		{"inclusive c14n", inTransform(named(dsig.InclusiveC14N)), dsig.TransformUnsupported, "ds:Reference[1]/ds:Transform"},
		{"XPath", inTransform(named("http://www.w3.org/TR/1999/REC-xpath-19991116") + transform), dsig.TransformUnsupported, "ds:Reference[1]/ds:Transform"},
		{"XPath Filter 2", inTransform(named("http://www.w3.org/2002/06/xmldsig-filter2") + transform), dsig.TransformUnsupported, "ds:Reference[1]/ds:Transform"},
		{"XSLT", inTransform(named("http://www.w3.org/TR/1999/REC-xslt-19991116") + transform), dsig.TransformUnsupported, "ds:Reference[1]/ds:Transform"},
		{"base64", inTransform(named("http://www.w3.org/2000/09/xmldsig#base64")), dsig.TransformUnsupported, "ds:Reference[1]/ds:Transform"},
		{"STR-Transform without parameters", inTransform(named(dsig.STRTransform)), dsig.TransformSTRParameters, "ds:Reference[1]/ds:Transform"},
		{"STR-Transform with other parameters", inTransform(strReference(`<x/>`)), dsig.TransformSTRParameters, "ds:Reference[1]/ds:Transform"},
		{"STR-Transform with parameters twice", inTransform(strReference(parameters + parameters)), dsig.TransformSTRParameters, "ds:Reference[1]/ds:Transform"},
		{"STR-Transform with two methods", inTransform(strReference(strings.Replace(parameters, canonicalization, canonicalization+canonicalization, 1))), dsig.TransformSTRParameters, "ds:Reference[1]/ds:Transform"},
		{"STR-Transform without a method", inTransform(strReference(strings.Replace(parameters, canonicalization, "", 1))), dsig.TransformSTRParameters, "ds:Reference[1]/ds:Transform"},
		{"STR-Transform with the inclusive form", inTransform(strReference(strings.Replace(parameters, dsig.ExclusiveC14N, dsig.InclusiveC14N, 1))), dsig.TransformSTRParameters, "ds:Reference[1]/ds:Transform"},
		{"STR-Transform with comments", inTransform(strReference(strings.Replace(parameters, dsig.ExclusiveC14N, dsig.ExclusiveC14N+"WithComments", 1))), dsig.TransformSTRParameters, "ds:Reference[1]/ds:Transform"},
		{"STR-Transform with two PrefixLists", inTransform(strReference(strings.Replace(parameters, canonicalization, strings.Replace(canonicalization, "/>", ">"+inclusive+"/>"+inclusive+"/></ds:CanonicalizationMethod>", 1), 1))), dsig.SignatureStructure, "ds:Reference[1]/ds:Transform"},
		{"STR-Transform and c14n", inTransform(strReference(parameters) + transform), dsig.TransformUnsupported, "ds:Reference[1]/ds:Transform"},
		{"c14n and STR-Transform", inTransform(transform + strReference(parameters)), dsig.TransformUnsupported, "ds:Reference[1]/ds:Transform"},
		{"enveloped and STR-Transform", inTransform(named(dsig.Enveloped) + strReference(parameters)), dsig.TransformUnsupported, "ds:Reference[1]/ds:Transform"},
		{"STR-Transform twice", inTransform(strReference(parameters) + strReference(parameters)), dsig.TransformUnsupported, "ds:Reference[1]/ds:Transform"},
		{"STR-Transform of nothing", append(inTransform(strReference(parameters)), edit{`<a Id="a-3">`, `<s Id="s-1"><r URI="#none"/></s><a Id="a-3">`}, edit{`"#a-1"`, `"#s-1"`}), wsse.ReferenceUnknown, "ds:Reference[1]"},
		{"STR-Transform of SignedInfo", append(inTransform(strReference(parameters)), edit{`<a Id="a-3">`, `<s Id="s-1"><r URI="#SI"/></s><a Id="a-3">`}, edit{`"#a-1"`, `"#s-1"`}), dsig.ReferenceTarget, "ds:Reference[1]"},
		{"STR-Transform of what is signed", append(inTransform(strReference(parameters)), edit{`<a Id="a-3">`, `<s Id="s-1"><r URI="#a-2"/></s><a Id="a-3">`}, edit{`"#a-1"`, `"#s-1"`}), dsig.ReferenceTwice, "ds:Reference[2]"},
		{"something else among transforms", inTransform(`<x/>`), dsig.SignatureStructure, "ds:Reference[1]"},
		{"other parameter of c14n", inTransform(prefixes(`<x/>`)), dsig.SignatureStructure, "ds:Reference[1]/ds:Transform"},
		{"two PrefixLists", inTransform(prefixes(inclusive + `/>` + inclusive + `/>`)), dsig.SignatureStructure, "ds:Reference[1]/ds:Transform"},
		{"PrefixList with content", inTransform(prefixes(inclusive + `><x/></ec:InclusiveNamespaces>`)), dsig.SignatureStructure, "ds:Reference[1]/ds:Transform"},
		{"PrefixList too long", inTransform(prefixes(strings.Replace(inclusive, `"a"`, `"`+strings.Repeat("p ", dsig.MaxPrefixes+1)+`"`, 1) + `/>`)), dsig.PrefixesTooMany, "ds:Reference[1]/ds:Transform"},

		{"too many references", []edit{{reference2, strings.Repeat(reference2, dsig.MaxReferences)}}, dsig.ReferencesTooMany, "ds:SignedInfo"},
		{"one element twice", []edit{{`"#a-2"`, `"#a-1"`}}, dsig.ReferenceTwice, "ds:Reference[2]"},
		{"unknown element", []edit{{`<a Id="a-2"`, `<a Id="a-9"`}, {`<ds:DigestValue/></ds:Reference></ds:SignedInfo>`, `<ds:DigestValue>` + strings.Repeat("A", 43) + `=</ds:DigestValue></ds:Reference></ds:SignedInfo>`}}, wsse.ReferenceUnknown, "ds:Reference[2]"},
		{"the signature without itself", []edit{{`#a-1`, `#S`}, {transform, named(dsig.Enveloped) + transform}}, dsig.ReferenceTarget, "ds:Reference[1]"},
		{"SignedInfo", []edit{{`#a-1`, `#SI`}}, dsig.ReferenceTarget, "ds:Reference[1]"},
		{"empty URI", []edit{{`#a-1`, ``}}, dsig.ReferenceEmpty, "ds:Reference[1]"},
		{"no URI", []edit{{` URI="#a-1"`, ``}}, dsig.ReferenceEmpty, "ds:Reference[1]"},
		{"external", []edit{{`#a-1`, `file:///etc/passwd`}}, dsig.ReferenceExternal, "ds:Reference[1]"},
		{"XPointer", []edit{{`#a-1`, `#xpointer(/)`}}, dsig.ReferencePointer, "ds:Reference[1]"},
		{"XPointer to an id", []edit{{`#a-1`, `#xpointer(id('a-1'))`}}, dsig.ReferencePointer, "ds:Reference[1]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := dsigtest.FillSignatures(t, apply(t, template, c.edits), rsaKey(t))
			_, err := verify(t, text, dsig.Policy{}, rsaKey(t).Public())
			if err == nil {
				t.Fatal("accepted")
			}
			if e := problem.From(err); e.Code != c.want || e.Path != c.at || len(e.Detail.String()) > 300 {
				t.Errorf("%v, want %s at %s", e, c.want, c.at)
			}
		})
	}
	if _, err := dsig.Parse(xmldoc.Element{}, dsig.Policy{}, nil); problem.From(err).Code != dsig.SignatureStructure {
		t.Errorf("nothing: %v", err)
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	key := rsaKey(t)
	good := dsigtest.FillSignatures(t, template, key)
	ec := ecKey(t, elliptic.P256())
	withEC := dsigtest.FillSignatures(t, strings.Replace(template, dsig.RSASHA256, dsig.ECDSASHA256, 1), ec)
	replaced := func(value []byte) string {
		from := strings.Index(withEC, "<ds:SignatureValue>") + len("<ds:SignatureValue>")
		to := from + strings.Index(withEC[from:], "<")
		return withEC[:from] + base64.StdEncoding.EncodeToString(value) + withEC[to:]
	}
	order := elliptic.P256().Params().N
	for name, c := range map[string]struct {
		text string
		key  crypto.PublicKey
		want problem.Code
	}{
		"another RSA key":     {good, &rsa.PublicKey{N: new(big.Int).Add(key.N, big.NewInt(2)), E: key.E}, dsig.SignatureInvalid},
		"1024 bits":           {good, testpki.WeakKey(t).Certificate.PublicKey, dsig.SignatureKeyUnsupported},
		"more than 4096 bits": {good, &rsa.PublicKey{N: new(big.Int).Lsh(key.N, 2049), E: key.E}, dsig.SignatureKeyUnsupported},
		"4096 bits":           {good, &rsa.PublicKey{N: new(big.Int).Lsh(key.N, 2048), E: key.E}, dsig.SignatureValueMalformed},
		"RSA for ECDSA":       {withEC, key.Public(), dsig.SignatureKeyMismatch},
		"ECDSA for RSA":       {good, ec.Public(), dsig.SignatureKeyMismatch},
		"another EC key":      {withEC, ecKey(t, elliptic.P256()).Public(), dsig.SignatureInvalid},
		"another curve":       {withEC, ecKey(t, elliptic.P384()).Public(), dsig.SignatureValueMalformed},
		"P-224":               {withEC, ecKey(t, elliptic.P224()).Public(), dsig.SignatureKeyUnsupported},
		"Ed25519":             {good, nil, dsig.SignatureKeyUnsupported},
		"zero":                {replaced(make([]byte, 64)), ec.Public(), dsig.SignatureInvalid},
		"r and s are n":       {replaced(dsigtest.EncodeECDSA(ec, order, order)), ec.Public(), dsig.SignatureInvalid},
		"one octet less":      {replaced(make([]byte, 63)), ec.Public(), dsig.SignatureValueMalformed},
		"one octet more":      {replaced(make([]byte, 65)), ec.Public(), dsig.SignatureValueMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verify(t, c.text, dsig.Policy{}, c.key)
			if err == nil || problem.From(err).Code != c.want {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
	if _, err := verify(t, withEC, dsig.Policy{}, ec.Public()); err != nil {
		t.Error(err)
	}
}

func TestResolversRefusalsAreReturned(t *testing.T) {
	d := parse(t, dsigtest.FillSignatures(t, template, rsaKey(t)))
	cause := errors.New("not here")
	open := func(refusal error) *problem.Error {
		_, err := dsig.Parse(d.Root().Child(dsig.Namespace, "Signature"), dsig.Policy{}, refusing{refusal})
		if !errors.Is(err, cause) {
			t.Errorf("%v", err)
		}
		return problem.From(err)
	}
	if e := open(problem.Wrap(dsig.ReferenceTarget, cause)); e.Code != dsig.ReferenceTarget || e.Path != "ds:Reference[1]" || e.Detail.String() != "URI #a-1" {
		t.Error(e)
	}
	if e := open(problem.Wrap(wsse.KeyReferenceWrong, cause).WithPath("elsewhere")); e.Code != wsse.KeyReferenceWrong || e.Path != "elsewhere" {
		t.Error(e)
	}
}

// TestReferencesCostNoAllocation compares signatures with one and with many references.
func TestReferencesCostNoAllocation(t *testing.T) {
	key := rsaKey(t)
	count := func(references int) float64 {
		text := strings.Replace(template, reference, "", 1)
		many := reference2
		for i := 2; i <= references; i++ {
			id := "b-" + strconv.Itoa(i)
			many += strings.Replace(reference2, "a-2", id, 1)
			text = strings.Replace(text, "</r>", `<b Id="`+id+`">`+id+`</b></r>`, 1)
		}
		d := parse(t, dsigtest.FillSignatures(t, strings.Replace(text, reference2, many, 1), key))
		signature, resolve := d.Root().Child(dsig.Namespace, "Signature"), byID{d}
		return testing.AllocsPerRun(50, func() {
			s, err := dsig.Parse(signature, dsig.Policy{}, resolve)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Verify(key.Public()); err != nil {
				t.Fatal(err)
			}
		})
	}
	// The pool may lose a buffer to the garbage collector, and drops some on purpose under the race detector.
	if one, many := count(1), count(dsig.MaxReferences); many-one >= dsig.MaxReferences-1 {
		t.Errorf("%v allocations with one reference, %v with %d", one, many, dsig.MaxReferences)
	}
}
