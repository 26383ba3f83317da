package wsse_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
	random "math/rand/v2"
	"strings"

	"github.com/beevik/etree"

	"github.com/openctr/ctr/internal/message/dsig"
)

// writeKeyInfo writes a reference to the signer's certificate in one of the forms of the profile, and the token it
// needs.
func (m *maker) keyInfo() (keyInfo, token string) {
	c := m.signatory.Certificate
	in := func(content string) string {
		return "<" + m.wsse + ":SecurityTokenReference" + m.local(m.wsse, wsseSpace) + m.wsuID("str") + ">" + content + "</" + m.wsse + ":SecurityTokenReference>"
	}
	data := func(content string) string { return m.inSignature(x509Data(content)) }
	embedded := x509Certificate(m.folded(base64Of(c.Raw)))
	switch m.IntN(8) {
	case 0:
		return in(strings.ReplaceAll(inner(identifier(tokenProfile+"#X509v3", m.folded(base64Of(c.Raw)))), "wsse:", m.wsse+":")), ""
	case 1:
		return data(embedded), ""
	case 2:
		return in(data(embedded + pick(m.draw, "", namedBy(c)))), ""
	case 3:
		return m.named(in), ""
	case 4:
		return m.direct(in, "#X509PKIPathv1", m.signatory.path)
	}
	return m.direct(in, "#X509v3", base64Of(c.Raw))
}

// writeNamedCertificate writes a reference that only identifies the certificate, which is registered.
func (m *maker) named(in func(string) string) string {
	c := m.signatory.Certificate
	inWSSE := func(reference string) string { return in(strings.ReplaceAll(inner(reference), "wsse:", m.wsse+":")) }
	switch kind := m.IntN(4); {
	case kind == 0:
		return m.inSignature(x509Data(namedBy(c)))
	case kind == 1:
		return in(m.inSignature(x509Data(namedBy(c))))
	case kind == 2 && len(c.SubjectKeyId) > 0:
		return inWSSE(keyID(c.SubjectKeyId))
	}
	return inWSSE(thumbprint(c))
}

// innerXML returns the content of the SecurityTokenReference that a helper of the other tests wrote.
func inner(reference string) string {
	return strings.TrimSuffix(reference[strings.IndexByte(reference, '>')+1:], "</wsse:SecurityTokenReference>")
}

// writeInSignature writes elements of XML Signature with the prefix of this message.
func (m *maker) inSignature(text string) string {
	return strings.NewReplacer("<ds:", "<"+name(m.ds, ""), "</ds:", "</"+name(m.ds, "")).Replace(text)
}

// writeWSUID writes an identifier that must be a wsu:Id.
func (m *maker) wsuID(part string) string {
	m.ids[part] = fmt.Sprintf("%s-%x", part, m.Uint32())
	return m.local(m.wsu, wsuSpace) + m.attribute(m.wsu+":Id", m.ids[part])
}

// writeDirectReference writes a token and a reference to it.
func (m *maker) direct(in func(string) string, valueType, content string) (keyInfo, token string) {
	token = "<" + m.wsse + ":BinarySecurityToken" + m.local(m.wsse, wsseSpace) + m.id("token", true) + m.attribute("ValueType", tokenProfile+valueType)
	if !m.chance(4) {
		token += m.attribute("EncodingType", "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary")
	}
	token += ">" + m.folded(content) + "</" + m.wsse + ":BinarySecurityToken>"
	reference := "<" + m.wsse + ":Reference" + m.attribute("URI", "#"+m.ids["token"])
	if !m.chance(4) {
		reference += m.attribute("ValueType", tokenProfile+valueType)
	}
	return in(reference + "/>"), token
}

// writeSignature writes a Signature over the parts, with placeholders for the values.
func (m *maker) signature(keyInfo string) string {
	parts := []string{"body", "timestamp"}
	switch {
	case m.ids["token"] != "" && !m.chance(3):
		parts, m.strict = append(parts, pick(m.draw, "token", "token", "str")), true
	case m.ids["token"] == "" && m.ids["str"] != "" && m.chance(2):
		parts, m.strict = append(parts, "str"), true
	}
	if m.ids["note"] != "" {
		parts = append(parts, "note")
	}
	m.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	n := func(local string) string { return name(m.ds, local) }
	var b strings.Builder
	b.WriteString("<" + n("Signature") + m.declare(m.ds, dsig.Namespace) + pick(m.draw, "", ` Id="SIG-1"`) + ">" + m.gap() + "<" + n("SignedInfo") + ">" + m.gap())
	if m.chance(4) {
		b.WriteString("<" + n("CanonicalizationMethod") + m.attribute("Algorithm", dsig.InclusiveC14N) + "/>")
	} else {
		b.WriteString(m.exclusive("CanonicalizationMethod"))
	}
	b.WriteString(m.gap() + "<" + n("SignatureMethod") + m.attribute("Algorithm", m.algorithm()) + "/>")
	for i, part := range parts {
		b.WriteString(m.gap() + "<" + n("Reference") + m.attribute("URI", "#"+m.ids[part]) + "><" + n("Transforms") + ">")
		if part == "str" {
			b.WriteString("<" + n("Transform") + m.attribute("Algorithm", dsig.STRTransform) + "><" + m.wsse + ":TransformationParameters" + m.local(m.wsse, wsseSpace) + ">" +
				m.exclusive("CanonicalizationMethod") + "</" + m.wsse + ":TransformationParameters></" + n("Transform") + ">")
		} else {
			if m.chance(6) {
				b.WriteString("<" + n("Transform") + m.attribute("Algorithm", dsig.Enveloped) + "/>")
			}
			b.WriteString(m.gap() + m.exclusive("Transform"))
		}
		b.WriteString(m.gap() + "</" + n("Transforms") + ">" + m.gap() + "<" + n("DigestMethod") + m.attribute("Algorithm", pick(m.draw, dsig.SHA256, dsig.SHA256, dsig.SHA384, dsig.SHA512)) +
			"/><" + n("DigestValue") + fmt.Sprintf(">@digest%d@</", i) + n("DigestValue") + ">" + m.gap() + "</" + n("Reference") + ">")
	}
	b.WriteString("</" + n("SignedInfo") + ">" + m.gap() + "<" + n("SignatureValue") + ">@signature@</" + n("SignatureValue") + ">" + m.gap() +
		"<" + n("KeyInfo") + ">" + keyInfo + "</" + n("KeyInfo") + ">" + m.gap() + "</" + n("Signature") + ">")
	return b.String()
}

// writeExclusiveTransform writes a method or transform with the exclusive canonical form, with one of the kinds of
// PrefixList.
func (m *maker) exclusive(local string) string {
	open := "<" + name(m.ds, local) + m.attribute("Algorithm", dsig.ExclusiveC14N)
	if m.chance(2) {
		return open + "/>"
	}
	list := pick(m.draw, "", "", "#default", "soap wsse", m.wsu+" "+m.second, "#default p q", "m r undeclared", "m\n r  undeclared", "xml S "+m.ds)
	prefix := pick(m.draw, "ec", "")
	return open + "><" + name(prefix, "InclusiveNamespaces") + m.declare(prefix, dsig.ExclusiveC14N) + m.attribute("PrefixList", list) + "/></" + name(m.ds, local) + ">"
}

// chooseAlgorithm picks a signature method for the key.
func (m *maker) algorithm() string {
	key, ok := m.signatory.Signer.(*ecdsa.PrivateKey)
	switch {
	case !ok:
		return pick(m.draw, dsig.RSASHA256, dsig.RSASHA384, dsig.RSASHA512, dsig.PSSSHA256, dsig.PSSSHA384, dsig.PSSSHA512)
	case key.Curve == elliptic.P384():
		return pick(m.draw, dsig.ECDSASHA384, dsig.ECDSASHA256)
	}
	return pick(m.draw, dsig.ECDSASHA256, dsig.ECDSASHA256, dsig.ECDSASHA384, dsig.ECDSASHA512)
}

// signMessage replaces the placeholders, using the canonical forms of the second opinion, so that ours are compared
// with them.
func (m *maker) sign(text string) (string, error) {
	read := func() (*second, *etree.Element, error) {
		s, err := readSecond([]byte(text))
		if err != nil {
			return nil, nil, fmt.Errorf("%w in\n%s", err, text)
		}
		p := s.parts()
		if p.signature == nil {
			return nil, nil, fmt.Errorf("no signature in\n%s", text)
		}
		return s, p.signature, nil
	}
	s, signature, err := read()
	if err != nil {
		return "", err
	}
	for i, e := range child(signature, "SignedInfo").ChildElements()[2:] {
		var sum []byte
		if sum, err = s.digest(signature, e, m.signatory.Certificate); err != nil {
			return "", fmt.Errorf("%w in\n%s", err, text)
		}
		text = strings.Replace(text, fmt.Sprintf("@digest%d@", i), m.folded(base64.StdEncoding.EncodeToString(sum)), 1)
	}
	if _, signature, err = read(); err != nil {
		return "", err
	}
	info := child(signature, "SignedInfo")
	octets, err := canonicalBy(info, child(info, "CanonicalizationMethod"))
	if err != nil {
		return "", err
	}
	signed, err := m.value(algorithmOf(child(info, "SignatureMethod")), octets)
	return strings.Replace(text, "@signature@", m.folded(base64.StdEncoding.EncodeToString(signed)), 1), err
}

// computeSignatureValue computes a signature value.
func (m *maker) value(algorithm string, octets []byte) ([]byte, error) {
	hash := hashNamed(algorithm)
	h := hash.New()
	h.Write(octets)
	switch key := m.signatory.Signer.(type) {
	case *rsa.PrivateKey:
		var options crypto.SignerOpts = hash
		if strings.HasSuffix(algorithm, "-MGF1") {
			options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
		}
		return key.Sign(random.NewChaCha8([32]byte{byte(m.Uint32())}), h.Sum(nil), options)
	case *ecdsa.PrivateKey:
		octets, err := key.Sign(nil, h.Sum(nil), hash)
		if err != nil {
			return nil, err
		}
		var pair struct{ R, S *big.Int }
		if _, err = asn1.Unmarshal(octets, &pair); err != nil {
			return nil, err
		}
		size := (key.Params().N.BitLen() + 7) / 8
		return append(pair.R.FillBytes(make([]byte, size)), pair.S.FillBytes(make([]byte, size))...), nil
	}
	return nil, fmt.Errorf("a key of type %T", m.signatory.Signer)
}
