package wsse_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	random "math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// draw is a source of random choices. A whole run is determined by its seed.
type draw struct{ *random.Rand }

func newDraw(seed, stream uint64) draw { return draw{random.New(random.NewPCG(seed, stream))} }

// oneIn returns true with probability 1/n.
func (d draw) oneIn(n int) bool { return d.IntN(n) == 0 }

func pickFrom[T any](d draw, list ...T) T { return list[d.IntN(len(list))] }

// testSigner is a key of a person or an organisation.
type testSigner struct {
	*x509id.Key
	path string // PKIPath of the issuer and the certificate, as the content of a token
}

// signerPool holds the signers of the differential test, and verifiers that trust them and have them registered. Keys
// that testpki lacks are derived from a fixed text, so that a message has the same meaning in every run.
type signerPool struct {
	signers []testSigner // signers with cheap keys are listed more than once
	lenient *wsse.Verifier
	strict  *wsse.Verifier
}

func newSignerPool(tb testing.TB) *signerPool {
	tb.Helper()
	must := func(key *x509id.Key, err error) *x509id.Key {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return key
	}
	root := must(deriveKey(elliptic.P256(), "differential root", nil))
	clinic := must(deriveKey(elliptic.P256(), "NIHII-HOSPITAL=71012413", root))
	person := must(deriveKey(elliptic.P384(), "SSIN=78031412250", root))
	authorities := testpki.AuthorityCertificates(tb)
	from := func(key *x509id.Key, issuer *x509.Certificate) testSigner {
		return testSigner{key, encodePKIPath(tb, issuer, key.Certificate)}
	}
	c := &signerPool{}
	for _, part := range []struct {
		testSigner
		share int
	}{
		{from(testpki.ECKey(tb), authorities[0]), 5}, {from(clinic, root.Certificate), 5}, {from(person, root.Certificate), 1},
		{from(testpki.Key(tb, testpki.Hospital), authorities[0]), 2}, {from(testpki.Key(tb, "NIHII-HOSPITAL=71012413"), authorities[0]), 2},
	} {
		c.signers = append(c.signers, slices.Repeat([]testSigner{part.testSigner}, part.share)...)
	}
	trust, err := x509id.ParseTrustStore(64, testpki.CAFile(tb), x509id.EncodePEM(root.Certificate))
	if err != nil {
		tb.Fatal(err)
	}
	var known []*x509.Certificate
	for _, s := range c.signers {
		known = append(known, s.Certificate)
	}
	c.lenient = &wsse.Verifier{Trust: trust, Registered: x509id.NewDirectory(known), Now: newVerifier(tb).Now}
	c.strict = &wsse.Verifier{Trust: trust, Registered: x509id.NewDirectory(known), Now: newVerifier(tb).Now, Strict: true}
	return c
}

// deriveKey derives a key from its name, with a certificate signed by the issuer or, without one, self-signed as a CA.
func deriveKey(curve elliptic.Curve, name string, issuer *x509id.Key) (*x509id.Key, error) {
	sum := sha256.Sum256([]byte("differential " + name))
	secret := make([]byte, (curve.Params().N.BitLen()+7)/8)
	copy(secret[1:], sum[:]) // the first byte stays zero, so that the value is less than the group order
	private, err := ecdsa.ParseRawPrivateKey(curve, secret)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(sum[:8]), NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0),
		SubjectKeyId: sum[:20], KeyUsage: x509.KeyUsageDigitalSignature,
	}
	id := func(oid int, text string) pkix.RelativeDistinguishedNameSET {
		return pkix.RelativeDistinguishedNameSET{{Type: asn1.ObjectIdentifier{2, 5, 4, oid}, Value: text}}
	}
	sequence := pkix.RDNSequence{id(3, name)}
	parent, signer := template, crypto.Signer(private)
	if issuer == nil {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	} else {
		sequence = pkix.RDNSequence{id(6, "BE"), id(10, "Federal Government"), id(11, "eHealth-platform Belgium"), id(11, name), id(11, "TEST"), id(3, name)}
		parent, signer = issuer.Certificate, issuer.Signer
	}
	if template.RawSubject, err = asn1.Marshal(sequence); err != nil {
		return nil, err
	}
	// Without a random source ECDSA signs deterministically (RFC 6979).
	octets, err := x509.CreateCertificate(nil, template, parent, private.Public(), signer)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(octets)
	return &x509id.Key{Signer: private, Certificate: certificate}, err
}

// signedMessage is a valid message with its signer.
type signedMessage struct {
	text   string // in UTF-8
	signer testSigner
	strict bool // the signature covers the certificate
}

// messageWriter writes random messages within the profile.
type messageWriter struct {
	draw
	signer testSigner

	space, soap           string // namespace and prefix of the envelope; the prefix may be empty
	wsse, wsu, ds, second string // prefixes; second is another prefix for the namespace of wsu
	declareLocally        bool   // declare namespaces where they are used, not on the Envelope
	ids                   map[string]string
	strict                bool
}

// newSignedMessage writes and signs a message.
func (c *signerPool) newSignedMessage(d draw) (*signedMessage, error) {
	m := &messageWriter{draw: d, signer: pickFrom(d, c.signers...), ids: make(map[string]string)}
	m.space = pickFrom(d, soap.Namespace11, soap.Namespace11, soap.Namespace12)
	m.soap = pickFrom(d, "soap", "S", "SOAP-ENV", "")
	m.wsse, m.wsu, m.second = pickFrom(d, "wsse", "o"), pickFrom(d, "wsu", "u"), pickFrom(d, "wsu2", "a")
	m.ds, m.declareLocally = pickFrom(d, "ds", "", "dsig"), d.oneIn(3)
	text, err := m.signMessage(m.writeEnvelope())
	if err != nil {
		return nil, err
	}
	return &signedMessage{text: text, signer: m.signer, strict: m.strict}, nil
}

const (
	wsseSpace = soap.NamespaceSecurity
	wsuSpace  = xmldoc.UtilityNamespace
)

// writeGap returns optional white space or a comment.
func (m *messageWriter) writeGap() string {
	return pickFrom(m.draw, "", "", "", "\n  ", " ", "\r\n\t", "<!-- a > b -->", "\n<!-- <wsse:Security/> -->\n")
}

// qualifiedName joins a prefix and a local name.
func qualifiedName(prefix, local string) string {
	if prefix == "" {
		return local
	}
	return prefix + ":" + local
}

// writeDeclaration writes a namespace declaration, in either kind of quotes.
func (m *messageWriter) writeDeclaration(prefix, space string) string {
	attribute := "xmlns"
	if prefix != "" {
		attribute += ":" + prefix
	}
	return m.writeAttribute(attribute, space)
}

func (m *messageWriter) writeAttribute(name, value string) string {
	quote := pickFrom(m.draw, `"`, `"`, `'`)
	return pickFrom(m.draw, " ", " ", " ", "\n   ", "  ") + name + pickFrom(m.draw, "=", "=", "=", " = ") + quote + value + quote
}

// writeLocalDeclaration declares a namespace here if this message declares namespaces locally.
func (m *messageWriter) writeLocalDeclaration(prefix, space string) string {
	if m.declareLocally {
		return m.writeDeclaration(prefix, space)
	}
	return ""
}

// writeID writes the identifier of a part: a wsu:Id with one of the two prefixes, or a plain Id.
func (m *messageWriter) writeID(part string, plain bool) string {
	value := pickFrom(m.draw, "id-", "_", "É", "X509-", "i.") + fmt.Sprintf("%s%x", part, m.Uint32())
	m.ids[part] = value
	switch {
	case plain && m.oneIn(5):
		return m.writeAttribute("Id", value)
	case m.oneIn(3):
		return m.writeLocalDeclaration(m.second, wsuSpace) + m.writeAttribute(m.second+":Id", value)
	}
	return m.writeLocalDeclaration(m.wsu, wsuSpace) + m.writeAttribute(m.wsu+":Id", value)
}

// foldBase64 breaks base64 into lines in one of the usual ways.
func (m *messageWriter) foldBase64(text string) string {
	width, fold := 76, pickFrom(m.draw, "", "", "", "\n", "\n", "\r\n", "&#13;\n", "\n      ", "<!-- A -->", "<![CDATA[ ]]>")
	if fold == "" {
		return text
	}
	var b strings.Builder
	b.WriteString(fold)
	for len(text) > width {
		b.WriteString(text[:width] + fold)
		text = text[width:]
	}
	return b.String() + text + fold
}

// writeEnvelope writes the message, with @placeholders@ for the digests and the signature value.
func (m *messageWriter) writeEnvelope() string {
	var around string
	if !m.declareLocally {
		around = m.writeDeclaration(m.wsu, wsuSpace) + m.writeDeclaration(m.second, wsuSpace) + m.writeDeclaration(m.wsse, wsseSpace)
	}
	if m.oneIn(4) {
		around += m.writeDeclaration("unused", "urn:unused")
	}
	prefixed := m.soap // the default namespace does not apply to attributes
	if m.soap == "" {
		prefixed = "env"
		around += m.writeDeclaration(prefixed, m.space)
	}
	open := "<" + qualifiedName(m.soap, "Envelope") + m.writeDeclaration(m.soap, m.space) + around + ">"
	body := "<" + qualifiedName(m.soap, "Body") + m.writeID("body", true) + m.writeExtraAttributes() + ">" + m.writeGap() + m.writeContent() + m.writeGap() + "</" + qualifiedName(m.soap, "Body") + ">"

	security := "<" + m.wsse + ":Security" + m.writeLocalDeclaration(m.wsse, wsseSpace) + m.writeAttribute(prefixed+":mustUnderstand", "1") + m.writeActor(prefixed) + ">"
	parts := []string{m.writeTimestamp()}
	keyInfo, token := m.writeKeyInfo()
	if token != "" {
		parts = append(parts, token)
	}
	headers := m.writeHeaders(prefixed)
	parts = append(parts, m.writeSignature(keyInfo))
	m.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	for _, part := range parts {
		security += m.writeGap() + part
	}
	headers = append(headers, security+m.writeGap()+"</"+m.wsse+":Security>")
	m.Shuffle(len(headers), func(i, j int) { headers[i], headers[j] = headers[j], headers[i] })
	header := "<" + qualifiedName(m.soap, "Header") + ">" + strings.Join(headers, m.writeGap()) + "</" + qualifiedName(m.soap, "Header") + ">"
	return pickFrom(m.draw, "", `<?xml version="1.0"?>`, "<?xml version='1.0' encoding='UTF-8'?>\n") + open + m.writeGap() + header + m.writeGap() + body + m.writeGap() +
		"</" + qualifiedName(m.soap, "Envelope") + ">" + pickFrom(m.draw, "", "\n")
}

// writeActor targets a header at this service, in one of the possible ways.
func (m *messageWriter) writeActor(prefixed string) string {
	switch {
	case m.oneIn(2):
		return ""
	case m.space == soap.Namespace11:
		return m.writeAttribute(prefixed+":actor", pickFrom(m.draw, "", "http://schemas.xmlsoap.org/soap/actor/next"))
	}
	return m.writeAttribute(prefixed+":role", pickFrom(m.draw, "", soap.Namespace12+"/role/next", soap.Namespace12+"/role/ultimateReceiver"))
}

// writeExtraAttributes writes attributes and declarations without effect.
func (m *messageWriter) writeExtraAttributes() string {
	return pickFrom(m.draw, "", "", "", ` xml:lang="nl"`, ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" a="1" xsi:type='b'`, ` b="&#10;&quot;" a='&#x9;"'`)
}

// writeContent writes the request.
func (m *messageWriter) writeContent() string {
	return `<m:Request xmlns:m="urn:test" Id="_1"` + m.writeExtraAttributes() + `><m:Patient>48022907379</m:Patient>` + m.writeGap() + m.writeElement(0) + `</m:Request>`
}

// writeElement writes nested elements in a few namespaces with changing prefixes. The outermost declares p, q and r.
func (m *messageWriter) writeElement(depth int) string {
	prefix := pickFrom(m.draw, "p", "q", "r", "")
	if depth == 0 {
		prefix = "p"
	}
	var b strings.Builder
	b.WriteString("<" + qualifiedName(prefix, pickFrom(m.draw, "e", "f", "Body", "Implant")))
	for _, p := range []string{"p", "q", "r"} {
		if depth == 0 || m.oneIn(4) {
			b.WriteString(m.writeDeclaration(p, pickFrom(m.draw, "urn:one", "urn:two", "urn:three")))
		}
	}
	if m.oneIn(4) {
		b.WriteString(m.writeDeclaration("", pickFrom(m.draw, "urn:one", "urn:default", "")))
	}
	if m.oneIn(2) {
		b.WriteString(m.writeAttribute(pickFrom(m.draw, "p", "q", "r")+":a", pickFrom(m.draw, "1 &amp; 2", "x\n y", "&#xD;&#10;", "é🙂")) + m.writeAttribute("b", "&lt;&quot;>"))
	}
	if depth > 1 && m.oneIn(3) {
		b.WriteString(pickFrom(m.draw, "/>", " />", "\n/>"))
		return b.String()
	}
	b.WriteString(">")
	for range m.IntN(3) {
		b.WriteString(pickFrom(m.draw, "text &lt; &gt;", "<!-- note -->🙂", "<![CDATA[<&>]]>", "\r\n  ", "a]]&gt;b", "&#x41;&#13;", "é\t"))
		if depth < 3 {
			b.WriteString(m.writeElement(depth + 1))
		}
	}
	b.WriteString("</" + b.String()[1:1+len(tagName(b.String()[1:]))] + pickFrom(m.draw, ">", ">", " >"))
	return b.String()
}

func (m *messageWriter) writeTimestamp() string {
	created := pickFrom(m.draw, "2026-11-21T10:00:00Z", "2026-11-21T10:00:1%dZ", "2026-11-21T11:00:2%d.5+01:00")
	if strings.Contains(created, "%") {
		created = fmt.Sprintf(created, m.IntN(10))
	}
	if m.oneIn(4) { // comments and CDATA sections do not interrupt the text
		created = created[:len("2026-11-21T")] + pickFrom(m.draw, "<!-- 23 -->", "<![CDATA[]]>", "<!---->") + created[len("2026-11-21T"):]
	}
	inner := m.writeGap() + "<" + m.wsu + ":Created>" + created + "</" + m.wsu + ":Created>" + m.writeGap()
	if !m.oneIn(4) {
		inner += "<" + m.wsu + ":Expires>" + pickFrom(m.draw, "2026-11-21T10:01:00Z", "2026-11-21T23:00:00Z", " 2026-11-21T10:03:00.123Z\n") + "</" + m.wsu + ":Expires>" + m.writeGap()
	}
	declared := m.writeLocalDeclaration(m.wsu, wsuSpace)
	identified := m.writeID("timestamp", true)
	if strings.Contains(identified, m.wsu+":Id") {
		declared = ""
	}
	return "<" + m.wsu + ":Timestamp" + declared + identified + ">" + inner + "</" + m.wsu + ":Timestamp>"
}

// writeHeaders writes header blocks that are not WS-Security, or not for this service.
func (m *messageWriter) writeHeaders(prefixed string) []string {
	var all []string
	for range m.IntN(3) {
		all = append(all, pickFrom(m.draw,
			"<w:To xmlns:w='urn:addressing'>urn:ctr</w:To>",
			"<h xmlns='urn:h'><Body>48022907379</Body></h>",
			"<h xmlns='urn:h' "+prefixed+`:mustUnderstand="0"/>`,
			m.writeForeignSecurity(prefixed),
		))
	}
	if m.oneIn(4) {
		all = append(all, "<h:Note xmlns:h='urn:h'"+m.writeLocalDeclaration(m.wsu, wsuSpace)+" "+m.wsu+`:Id="note-1">signed</h:Note>`)
		m.ids["note"] = "note-1"
	}
	return all
}

// writeForeignSecurity writes a Security header for another node, with a decoy inside.
func (m *messageWriter) writeForeignSecurity(prefixed string) string {
	actor := "actor"
	if m.space == soap.Namespace12 {
		actor = "role"
	}
	return "<o1:Security xmlns:o1='" + wsseSpace + "' " + prefixed + ":" + actor + `="urn:other" ` + prefixed + `:mustUnderstand="1">` +
		pickFrom(m.draw, "", "<t:Timestamp xmlns:t='"+wsuSpace+"'><t:Created>2026-11-21T10:00:00Z</t:Created></t:Timestamp>",
			"<Signature xmlns='urn:dsig'><SignedInfo/></Signature>") + "</o1:Security>"
}

// encodeMessage encodes a message in one of the supported encodings.
func encodeMessage(d draw, text string) []byte {
	plain := text
	if end := strings.Index(text, "?>"); strings.HasPrefix(text, "<?xml") && end > 0 {
		plain = text[end+2:]
	}
	switch d.IntN(16) {
	case 0:
		return []byte("\xEF\xBB\xBF" + text)
	case 1, 2:
		high := d.IntN(2)
		var out []byte
		for _, unit := range utf16.Encode([]rune("\uFEFF" + pickFrom(d, "", `<?xml version="1.0" encoding="UTF-16"?>`) + plain)) {
			if high == 0 {
				out = append(out, byte(unit>>8), byte(unit))
			} else {
				out = append(out, byte(unit), byte(unit>>8))
			}
		}
		return out
	}
	return []byte(text)
}
