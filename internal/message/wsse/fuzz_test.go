package wsse_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/beevik/etree"
	goxmldsig "github.com/russellhaering/goxmldsig"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// FuzzEnvelope checks that the Body of an accepted message is one that was signed, byte by byte in canonical form, and
// so is the Timestamp.
func FuzzEnvelope(f *testing.F) {
	hospital := testpki.Key(f, testpki.Hospital)
	originals := []string{
		signTemplate(f, hospital),
		signTemplate(f, hospital, edit{referenceToken, ""}, edit{`<soap:Header>`, `<soap:Header>` + note}),
		signTemplate(f, hospital, edit{`wsu:Id="id-1"`, `Id="id-1"`}, edit{`10:00:00Z`, `10:00:10Z`}),
		signTemplate(f, hospital, append(dropToken(), withKeyInfo(x509Data(x509Certificate("[certificate]")+issuerSerialOf(hospital.Certificate))))...),
		signTemplate(f, hospital, append(dropToken(), withKeyInfo(tokenReferenceTo(x509Data(issuerSerialOf(hospital.Certificate)))))...),
		signTemplate(f, hospital, append(dropToken(), withKeyInfo(thumbprintReference(hospital.Certificate)))...),
		signTemplate(f, hospital, edit{referenceToken, referenceSTR}),
		signTemplate(f, hospital, edit{token, ``}, edit{referenceToken, referenceSTR}, withKeyInfo(keyIdentifier(tokenProfile+"#X509v3", "[certificate]"))),
		signTemplate(f, hospital, withPathToken(encodePKIPath(f, testpki.AuthorityCertificates(f)[0], hospital.Certificate))...),
		signEnvelope(f, sampleEnvelopes()["hard"], testpki.ECKey(f), signOptions()),
	}
	signedBodies := map[string]bool{}
	v := registeringVerifier(f)
	for _, text := range originals {
		verified, err := v.Verify(openEnvelope(f, text))
		if err != nil {
			f.Fatal(err)
		}
		signedBodies[verifiedContent(verified)] = true
		f.Add([]byte(text))
	}
	for _, text := range originals[:len(originals)-1] {
		f.Add([]byte(strings.Replace(text, content, content+content, 1)))
		f.Add([]byte(applyEdits(f, text, []edit{{`</soap:Header>`, `<soap:Body>` + forgedContent + `</soap:Body></soap:Header>`}})))
	}
	f.Fuzz(func(t *testing.T, message []byte) { checkMutant(t, v, message, signedBodies) })
}

// verifiedContent returns the content of a verified message in canonical form.
func verifiedContent(v *wsse.Verified) string {
	return v.Created().String() + v.ValidUntil().String() + string(xmldoc.C14N{Exclusive: true}.Append(nil, v.Body().Parent()))
}

func checkMutant(t *testing.T, v *wsse.Verifier, message []byte, signedBodies map[string]bool) {
	t.Helper()
	d, err := xmldoc.Parse(message, xmldoc.DefaultLimits())
	if err != nil {
		return
	}
	envelope, err := soap.Open(d)
	if err != nil {
		return
	}
	verified, err := v.Verify(envelope)
	if (err == nil) != (verified != nil) {
		t.Fatalf("verified %v with error %v", verified, err)
	}
	if err == nil && (!signedBodies[verifiedContent(verified)] || verified.Body() != envelope.UnverifiedBody().FirstChild()) {
		t.Fatalf("accepted what nobody signed:\n%s", message)
	}
}

// TestMutants is like the fuzzer, without coverage feedback but in the units of an attacker: it moves, repeats and
// removes pieces of a message.
func TestMutants(t *testing.T) {
	hospital := testpki.Key(t, testpki.Hospital)
	other := testpki.Key(t, "NIHII-HOSPITAL=71012413").Certificate
	text := signTemplate(t, hospital, edit{`</soap:Header>`, note + `</soap:Header>`}, edit{referenceToken, referenceSTR})
	v := registeringVerifier(t)
	verified, err := v.Verify(openEnvelope(t, text))
	if err != nil {
		t.Fatal(err)
	}
	original := map[string]bool{verifiedContent(verified): true}
	pieces := []string{
		content, forgedContent, body, `<soap:Body>` + forgedContent + `</soap:Body>`, timestamp, note, referenceBody, tokenReference,
		strings.Replace(token, "[certificate]", encodeBase64(other.Raw), 1), thumbprintReference(other), thumbprintReference(hospital.Certificate),
		x509Data(x509Certificate(encodeBase64(hospital.Certificate.Raw))), x509Certificate(encodeBase64(other.Raw)), strings.Replace(tokenReference, "STR-1", "STR-2", 1),
	}
	var places []int
	for i := range text {
		if text[i] == '<' {
			places = append(places, i)
		}
	}
	random := rand.New(rand.NewPCG(2026, 11))
	for range 3000 {
		mutant := text
		for range 1 + random.IntN(3) {
			at := places[random.IntN(len(places))]
			piece := pieces[random.IntN(len(pieces))]
			if at > len(mutant) {
				continue
			}
			switch random.IntN(3) {
			case 0:
				mutant = mutant[:at] + piece + mutant[at:]
			case 1:
				mutant = strings.Replace(mutant, piece, pieces[random.IntN(len(pieces))], 1)
			default:
				mutant = strings.Replace(mutant[:at], piece, "", 1) + piece + mutant[at:]
			}
		}
		checkMutant(t, v, []byte(mutant), original)
	}
}

// TestSecondOpinion compares our canonical forms with those of goxmldsig, for messages that it supports: it sorts xml:
// attributes beside xsi: ones differently, and normalises attribute values differently.
func TestSecondOpinion(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 2026))
	for range 300 {
		text := signEnvelope(t, string(soap.WrapBody(soap.SOAP11, []byte(generateElement(random, 0)))), testpki.ECKey(t), signOptions())
		d := openEnvelope(t, text).UnverifiedBody().Document()
		list := []string{"", "soap", "wsse soap", "p q r"}[random.IntN(4)]
		for _, e := range []xmldoc.Element{openEnvelope(t, text).UnverifiedBody(), d.Root().FirstChild().FirstChild().FirstChild()} {
			own := xmldoc.C14N{Exclusive: true, PrefixList: strings.Fields(list)}.Append(nil, e)
			theirs := canonicalByGoxmldsig(t, text, e.Local(), list)
			if !bytes.Equal(own, theirs) {
				t.Fatalf("%s with %q of\n%s\nis\n%s\nor\n%s", e.Local(), list, text, own, theirs)
			}
		}
	}
}

func canonicalByGoxmldsig(t *testing.T, text, local, list string) []byte {
	t.Helper()
	e := withContext(t, parseTree(t, text), local)
	octets, err := goxmldsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(list).Canonicalize(e)
	if err != nil {
		t.Fatal(err)
	}
	return octets
}

// withContext returns an element with the namespaces in scope declared on it, because goxmldsig's canonicaliser does
// not look outside the element.
func withContext(t *testing.T, d *etree.Document, local string) *etree.Element {
	t.Helper()
	e := d.FindElement("//" + local)
	if e == nil {
		t.Fatalf("no %s", local)
	}
	inForce := e.Copy()
	for outer := e.Parent(); outer != nil; outer = outer.Parent() {
		for _, a := range outer.Attr {
			if a.Space == "xmlns" && inForce.SelectAttr(a.FullKey()) == nil {
				inForce.CreateAttr(a.FullKey(), a.Value)
			}
		}
	}
	return inForce
}

// generateElement generates nested elements in a few namespaces with changing prefixes.
func generateElement(random *rand.Rand, depth int) string {
	prefixes, spaces := []string{"p", "q", "r"}, []string{"urn:one", "urn:two", "urn:three"}
	prefix := prefixes[random.IntN(len(prefixes))]
	var b strings.Builder
	b.WriteString("<" + prefix + ":e")
	for _, p := range prefixes {
		if depth == 0 || random.IntN(3) == 0 {
			b.WriteString(" xmlns:" + p + `="` + spaces[random.IntN(len(spaces))] + `"`)
		}
	}
	if random.IntN(2) == 0 {
		b.WriteString(" " + prefixes[random.IntN(len(prefixes))] + `:a="1 &amp; 2" b="é&quot;"`)
	}
	b.WriteString(">")
	for range random.IntN(4) {
		if b.WriteString("text &lt; <!-- note -->🙂<![CDATA[<&>]]>"); depth < 4 {
			b.WriteString(generateElement(random, depth+1))
		}
	}
	b.WriteString("</" + prefix + ":e>")
	return b.String()
}

// TestAlgorithmNamesAgree checks that our algorithm names are those of goxmldsig.
func TestAlgorithmNamesAgree(t *testing.T) {
	if got := string(goxmldsig.CanonicalXML10ExclusiveAlgorithmId); got != dsig.ExclusiveC14N {
		t.Error(got)
	}
	if goxmldsig.RSASHA256SignatureMethod != dsig.RSASHA256 || goxmldsig.ECDSASHA384SignatureMethod != dsig.ECDSASHA384 {
		t.Error("signature methods differ")
	}
}
