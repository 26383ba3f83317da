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

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/testpki"
)

// draw makes choices. All of a run follows from its seed.
type draw struct{ *random.Rand }

func drawFrom(seed, stream uint64) draw { return draw{random.New(random.NewPCG(seed, stream))} }

// chance is true once in n times.
func (d draw) chance(n int) bool { return d.IntN(n) == 0 }

func pick[T any](d draw, list ...T) T { return list[d.IntN(len(list))] }

// signatory is somebody who signs.
type signatory struct {
	*pki.Key
	path string // with its issuer, as the content of a token
}

// cast are the people and organisations of the differential test, and a verifier that trusts and knows them. Keys that
// testpki lacks are derived from a fixed text, so that a message means the same in every run.
type cast struct {
	signatories []signatory // the cheap ones are there more than once
	lenient     *wsse.Verifier
	strict      *wsse.Verifier
}

func newCast(tb testing.TB) *cast {
	tb.Helper()
	must := func(key *pki.Key, err error) *pki.Key {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return key
	}
	root := must(derived(elliptic.P256(), "differential root", nil))
	clinic := must(derived(elliptic.P256(), "NIHII-HOSPITAL=71012413", root))
	person := must(derived(elliptic.P384(), "SSIN=78031412250", root))
	authorities := testpki.Authorities(tb)
	from := func(key *pki.Key, issuer *x509.Certificate) signatory {
		return signatory{key, pathOf(tb, issuer, key.Certificate)}
	}
	c := &cast{}
	for _, part := range []struct {
		signatory
		share int
	}{
		{from(testpki.EC(tb), authorities[0]), 5}, {from(clinic, root.Certificate), 5}, {from(person, root.Certificate), 1},
		{from(testpki.Key(tb, testpki.Hospital), authorities[0]), 2}, {from(testpki.Key(tb, "NIHII-HOSPITAL=71012413"), authorities[0]), 2},
	} {
		c.signatories = append(c.signatories, slices.Repeat([]signatory{part.signatory}, part.share)...)
	}
	trust, err := pki.ReadTrust(64, testpki.CAs(tb), pki.EncodePEM(root.Certificate))
	if err != nil {
		tb.Fatal(err)
	}
	var known []*x509.Certificate
	for _, s := range c.signatories {
		known = append(known, s.Certificate)
	}
	c.lenient = &wsse.Verifier{Trust: trust, Known: pki.NewDirectory(known), Now: verifier(tb).Now}
	c.strict = &wsse.Verifier{Trust: trust, Known: pki.NewDirectory(known), Now: verifier(tb).Now, Strict: true}
	return c
}

// derived makes a key of a text, and a certificate in its name: signed by the issuer, or an authority's of its own.
func derived(curve elliptic.Curve, name string, issuer *pki.Key) (*pki.Key, error) {
	sum := sha256.Sum256([]byte("differential " + name))
	secret := make([]byte, (curve.Params().N.BitLen()+7)/8)
	copy(secret[1:], sum[:]) // the first octet stays zero, so that it is less than the order
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
	// Without a source of randomness ECDSA signs deterministically (RFC 6979).
	octets, err := x509.CreateCertificate(nil, template, parent, private.Public(), signer)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(octets)
	return &pki.Key{Signer: private, Certificate: certificate}, err
}

// original is a message that somebody signed.
type original struct {
	text      string // in UTF-8
	signatory signatory
	strict    bool // the signature covers the certificate
}

// maker writes messages across the profile.
type maker struct {
	draw
	signatory signatory

	space, soap           string // the envelope's namespace and prefix, which may be empty
	wsse, wsu, ds, second string // prefixes; second is another one for that of wsu
	everywhere            bool   // declare namespaces where they are used, not around
	ids                   map[string]string
	strict                bool
}

// makeOriginal writes and signs a message.
func (c *cast) makeOriginal(d draw) (*original, error) {
	m := &maker{draw: d, signatory: pick(d, c.signatories...), ids: make(map[string]string)}
	m.space = pick(d, soap.Namespace11, soap.Namespace11, soap.Namespace12)
	m.soap = pick(d, "soap", "S", "SOAP-ENV", "")
	m.wsse, m.wsu, m.second = pick(d, "wsse", "o"), pick(d, "wsu", "u"), pick(d, "wsu2", "a")
	m.ds, m.everywhere = pick(d, "ds", "", "dsig"), d.chance(3)
	text, err := m.sign(m.envelope())
	if err != nil {
		return nil, err
	}
	return &original{text: text, signatory: m.signatory, strict: m.strict}, nil
}

const (
	wsseSpace = soap.NamespaceSecurity
	wsuSpace  = xmldoc.UtilityNamespace
)

// gap is white space or a comment where there may be any.
func (m *maker) gap() string {
	return pick(m.draw, "", "", "", "\n  ", " ", "\r\n\t", "<!-- a > b -->", "\n<!-- <wsse:Security/> -->\n")
}

// name writes a qualified name.
func name(prefix, local string) string {
	if prefix == "" {
		return local
	}
	return prefix + ":" + local
}

// declare writes a namespace declaration, in either kind of quotes.
func (m *maker) declare(prefix, space string) string {
	attribute := "xmlns"
	if prefix != "" {
		attribute += ":" + prefix
	}
	return m.attribute(attribute, space)
}

func (m *maker) attribute(name, value string) string {
	quote := pick(m.draw, `"`, `"`, `'`)
	return pick(m.draw, " ", " ", " ", "\n   ", "  ") + name + pick(m.draw, "=", "=", "=", " = ") + quote + value + quote
}

// local declares a namespace here, if that is how this message does it.
func (m *maker) local(prefix, space string) string {
	if m.everywhere {
		return m.declare(prefix, space)
	}
	return ""
}

// id gives a part its identifier: wsu:Id under one of the two prefixes, or a plain Id.
func (m *maker) id(part string, plain bool) string {
	value := pick(m.draw, "id-", "_", "É", "X509-", "i.") + fmt.Sprintf("%s%x", part, m.Uint32())
	m.ids[part] = value
	switch {
	case plain && m.chance(5):
		return m.attribute("Id", value)
	case m.chance(3):
		return m.local(m.second, wsuSpace) + m.attribute(m.second+":Id", value)
	}
	return m.local(m.wsu, wsuSpace) + m.attribute(m.wsu+":Id", value)
}

// folded writes base64 as somebody or other folds it.
func (m *maker) folded(text string) string {
	width, fold := 76, pick(m.draw, "", "", "", "\n", "\n", "\r\n", "&#13;\n", "\n      ", "<!-- A -->", "<![CDATA[ ]]>")
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

// envelope writes the message, with @marks@ where digests and the signature will stand.
func (m *maker) envelope() string {
	var around string
	if !m.everywhere {
		around = m.declare(m.wsu, wsuSpace) + m.declare(m.second, wsuSpace) + m.declare(m.wsse, wsseSpace)
	}
	if m.chance(4) {
		around += m.declare("unused", "urn:unused")
	}
	prefixed := m.soap // for attributes, which have no default namespace
	if m.soap == "" {
		prefixed = "env"
		around += m.declare(prefixed, m.space)
	}
	open := "<" + name(m.soap, "Envelope") + m.declare(m.soap, m.space) + around + ">"
	body := "<" + name(m.soap, "Body") + m.id("body", true) + m.extra() + ">" + m.gap() + m.content() + m.gap() + "</" + name(m.soap, "Body") + ">"

	security := "<" + m.wsse + ":Security" + m.local(m.wsse, wsseSpace) + m.attribute(prefixed+":mustUnderstand", "1") + m.addressed(prefixed) + ">"
	parts := []string{m.timestamp()}
	keyInfo, token := m.keyInfo()
	if token != "" {
		parts = append(parts, token)
	}
	headers := m.headers(prefixed)
	parts = append(parts, m.signature(keyInfo))
	m.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	for _, part := range parts {
		security += m.gap() + part
	}
	headers = append(headers, security+m.gap()+"</"+m.wsse+":Security>")
	m.Shuffle(len(headers), func(i, j int) { headers[i], headers[j] = headers[j], headers[i] })
	header := "<" + name(m.soap, "Header") + ">" + strings.Join(headers, m.gap()) + "</" + name(m.soap, "Header") + ">"
	return pick(m.draw, "", `<?xml version="1.0"?>`, "<?xml version='1.0' encoding='UTF-8'?>\n") + open + m.gap() + header + m.gap() + body + m.gap() +
		"</" + name(m.soap, "Envelope") + ">" + pick(m.draw, "", "\n")
}

// addressed says that a header is for us, in one of the ways to say so.
func (m *maker) addressed(prefixed string) string {
	switch {
	case m.chance(2):
		return ""
	case m.space == soap.Namespace11:
		return m.attribute(prefixed+":actor", pick(m.draw, "", "http://schemas.xmlsoap.org/soap/actor/next"))
	}
	return m.attribute(prefixed+":role", pick(m.draw, "", soap.Namespace12+"/role/next", soap.Namespace12+"/role/ultimateReceiver"))
}

// extra are attributes and declarations that say nothing.
func (m *maker) extra() string {
	return pick(m.draw, "", "", "", ` xml:lang="nl"`, ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" a="1" xsi:type='b'`, ` b="&#10;&quot;" a='&#x9;"'`)
}

// content writes the request.
func (m *maker) content() string {
	return `<m:Request xmlns:m="urn:test" Id="_1"` + m.extra() + `><m:Patient>48022907379</m:Patient>` + m.gap() + m.element(0) + `</m:Request>`
}

// element writes an element with elements inside, of a few namespaces under changing prefixes. p, q and r are declared
// once around.
func (m *maker) element(depth int) string {
	prefix := pick(m.draw, "p", "q", "r", "")
	if depth == 0 {
		prefix = "p"
	}
	var b strings.Builder
	b.WriteString("<" + name(prefix, pick(m.draw, "e", "f", "Body", "Implant")))
	for _, p := range []string{"p", "q", "r"} {
		if depth == 0 || m.chance(4) {
			b.WriteString(m.declare(p, pick(m.draw, "urn:one", "urn:two", "urn:three")))
		}
	}
	if m.chance(4) {
		b.WriteString(m.declare("", pick(m.draw, "urn:one", "urn:default", "")))
	}
	if m.chance(2) {
		b.WriteString(m.attribute(pick(m.draw, "p", "q", "r")+":a", pick(m.draw, "1 &amp; 2", "x\n y", "&#xD;&#10;", "é🙂")) + m.attribute("b", "&lt;&quot;>"))
	}
	if depth > 1 && m.chance(3) {
		b.WriteString(pick(m.draw, "/>", " />", "\n/>"))
		return b.String()
	}
	b.WriteString(">")
	for range m.IntN(3) {
		b.WriteString(pick(m.draw, "text &lt; &gt;", "<!-- note -->🙂", "<![CDATA[<&>]]>", "\r\n  ", "a]]&gt;b", "&#x41;&#13;", "é\t"))
		if depth < 3 {
			b.WriteString(m.element(depth + 1))
		}
	}
	b.WriteString("</" + b.String()[1:1+len(tagName(b.String()[1:]))] + pick(m.draw, ">", ">", " >"))
	return b.String()
}

func (m *maker) timestamp() string {
	created := pick(m.draw, "2026-11-21T10:00:00Z", "2026-11-21T10:00:1%dZ", "2026-11-21T11:00:2%d.5+01:00")
	if strings.Contains(created, "%") {
		created = fmt.Sprintf(created, m.IntN(10))
	}
	if m.chance(4) { // the whole text counts, whatever stands in between
		created = created[:len("2026-11-21T")] + pick(m.draw, "<!-- 23 -->", "<![CDATA[]]>", "<!---->") + created[len("2026-11-21T"):]
	}
	inner := m.gap() + "<" + m.wsu + ":Created>" + created + "</" + m.wsu + ":Created>" + m.gap()
	if !m.chance(4) {
		inner += "<" + m.wsu + ":Expires>" + pick(m.draw, "2026-11-21T10:01:00Z", "2026-11-21T23:00:00Z", " 2026-11-21T10:03:00.123Z\n") + "</" + m.wsu + ":Expires>" + m.gap()
	}
	declared := m.local(m.wsu, wsuSpace)
	identified := m.id("timestamp", true)
	if strings.Contains(identified, m.wsu+":Id") {
		declared = ""
	}
	return "<" + m.wsu + ":Timestamp" + declared + identified + ">" + inner + "</" + m.wsu + ":Timestamp>"
}

// headers are blocks that are not for WS-Security, or for others.
func (m *maker) headers(prefixed string) []string {
	var all []string
	for range m.IntN(3) {
		all = append(all, pick(m.draw,
			"<w:To xmlns:w='urn:addressing'>urn:ctr</w:To>",
			"<h xmlns='urn:h'><Body>48022907379</Body></h>",
			"<h xmlns='urn:h' "+prefixed+`:mustUnderstand="0"/>`,
			m.forOthers(prefixed),
		))
	}
	if m.chance(4) {
		all = append(all, "<h:Note xmlns:h='urn:h'"+m.local(m.wsu, wsuSpace)+" "+m.wsu+`:Id="note-1">signed</h:Note>`)
		m.ids["note"] = "note-1"
	}
	return all
}

// forOthers is a Security header for somebody else, with something in it that looks like what we look for.
func (m *maker) forOthers(prefixed string) string {
	actor := "actor"
	if m.space == soap.Namespace12 {
		actor = "role"
	}
	return "<o1:Security xmlns:o1='" + wsseSpace + "' " + prefixed + ":" + actor + `="urn:other" ` + prefixed + `:mustUnderstand="1">` +
		pick(m.draw, "", "<t:Timestamp xmlns:t='"+wsuSpace+"'><t:Created>2026-11-21T10:00:00Z</t:Created></t:Timestamp>",
			"<Signature xmlns='"+dsig.Namespace+"'><SignedInfo/></Signature>") + "</o1:Security>"
}

// encoded is a message as octets, in one of the encodings.
func encoded(d draw, text string) []byte {
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
		for _, unit := range utf16.Encode([]rune("\uFEFF" + pick(d, "", `<?xml version="1.0" encoding="UTF-16"?>`) + plain)) {
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
