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
func (m *messageWriter) writeKeyInfo() (keyInfo, token string) {
	c := m.signer.Certificate
	in := func(content string) string {
		return "<" + m.wsse + ":SecurityTokenReference" + m.writeLocalDeclaration(m.wsse, wsseSpace) + m.writeWSUID("str") + ">" + content + "</" + m.wsse + ":SecurityTokenReference>"
	}
	data := func(content string) string { return m.writeInSignature(x509Data(content)) }
	embedded := x509Certificate(m.foldBase64(encodeBase64(c.Raw)))
	switch m.IntN(8) {
	case 0:
		return in(strings.ReplaceAll(innerXML(keyIdentifier(tokenProfile+"#X509v3", m.foldBase64(encodeBase64(c.Raw)))), "wsse:", m.wsse+":")), ""
	case 1:
		return data(embedded), ""
	case 2:
		return in(data(embedded + pickFrom(m.draw, "", issuerSerialOf(c)))), ""
	case 3:
		return m.writeNamedCertificate(in), ""
	case 4:
		return m.writeDirectReference(in, "#X509PKIPathv1", m.signer.path)
	}
	return m.writeDirectReference(in, "#X509v3", encodeBase64(c.Raw))
}

// writeNamedCertificate writes a reference that only identifies the certificate, which is registered.
func (m *messageWriter) writeNamedCertificate(in func(string) string) string {
	c := m.signer.Certificate
	inWSSE := func(reference string) string { return in(strings.ReplaceAll(innerXML(reference), "wsse:", m.wsse+":")) }
	switch kind := m.IntN(4); {
	case kind == 0:
		return m.writeInSignature(x509Data(issuerSerialOf(c)))
	case kind == 1:
		return in(m.writeInSignature(x509Data(issuerSerialOf(c))))
	case kind == 2 && len(c.SubjectKeyId) > 0:
		return inWSSE(subjectKeyIdentifierOf(c.SubjectKeyId))
	}
	return inWSSE(thumbprintReference(c))
}

// innerXML returns the content of the SecurityTokenReference that a helper of the other tests wrote.
func innerXML(reference string) string {
	return strings.TrimSuffix(reference[strings.IndexByte(reference, '>')+1:], "</wsse:SecurityTokenReference>")
}

// writeInSignature writes elements of XML Signature with the prefix of this message.
func (m *messageWriter) writeInSignature(text string) string {
	return strings.NewReplacer("<ds:", "<"+qualifiedName(m.ds, ""), "</ds:", "</"+qualifiedName(m.ds, "")).Replace(text)
}

// writeWSUID writes an identifier that must be a wsu:Id.
func (m *messageWriter) writeWSUID(part string) string {
	m.ids[part] = fmt.Sprintf("%s-%x", part, m.Uint32())
	return m.writeLocalDeclaration(m.wsu, wsuSpace) + m.writeAttribute(m.wsu+":Id", m.ids[part])
}

// writeDirectReference writes a token and a reference to it.
func (m *messageWriter) writeDirectReference(in func(string) string, valueType, content string) (keyInfo, token string) {
	token = "<" + m.wsse + ":BinarySecurityToken" + m.writeLocalDeclaration(m.wsse, wsseSpace) + m.writeID("token", true) + m.writeAttribute("ValueType", tokenProfile+valueType)
	if !m.oneIn(4) {
		token += m.writeAttribute("EncodingType", "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary")
	}
	token += ">" + m.foldBase64(content) + "</" + m.wsse + ":BinarySecurityToken>"
	reference := "<" + m.wsse + ":Reference" + m.writeAttribute("URI", "#"+m.ids["token"])
	if !m.oneIn(4) {
		reference += m.writeAttribute("ValueType", tokenProfile+valueType)
	}
	return in(reference + "/>"), token
}

// writeSignature writes a Signature over the parts, with placeholders for the values.
func (m *messageWriter) writeSignature(keyInfo string) string {
	parts := []string{"body", "timestamp"}
	switch {
	case m.ids["token"] != "" && !m.oneIn(3):
		parts, m.strict = append(parts, pickFrom(m.draw, "token", "token", "str")), true
	case m.ids["token"] == "" && m.ids["str"] != "" && m.oneIn(2):
		parts, m.strict = append(parts, "str"), true
	}
	if m.ids["note"] != "" {
		parts = append(parts, "note")
	}
	m.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	n := func(local string) string { return qualifiedName(m.ds, local) }
	var b strings.Builder
	b.WriteString("<" + n("Signature") + m.writeDeclaration(m.ds, dsig.Namespace) + pickFrom(m.draw, "", ` Id="SIG-1"`) + ">" + m.writeGap() + "<" + n("SignedInfo") + ">" + m.writeGap())
	if m.oneIn(4) {
		b.WriteString("<" + n("CanonicalizationMethod") + m.writeAttribute("Algorithm", dsig.InclusiveC14N) + "/>")
	} else {
		b.WriteString(m.writeExclusiveTransform("CanonicalizationMethod"))
	}
	b.WriteString(m.writeGap() + "<" + n("SignatureMethod") + m.writeAttribute("Algorithm", m.chooseAlgorithm()) + "/>")
	for i, part := range parts {
		b.WriteString(m.writeGap() + "<" + n("Reference") + m.writeAttribute("URI", "#"+m.ids[part]) + "><" + n("Transforms") + ">")
		if part == "str" {
			b.WriteString("<" + n("Transform") + m.writeAttribute("Algorithm", dsig.STRTransform) + "><" + m.wsse + ":TransformationParameters" + m.writeLocalDeclaration(m.wsse, wsseSpace) + ">" +
				m.writeExclusiveTransform("CanonicalizationMethod") + "</" + m.wsse + ":TransformationParameters></" + n("Transform") + ">")
		} else {
			if m.oneIn(6) {
				b.WriteString("<" + n("Transform") + m.writeAttribute("Algorithm", dsig.Enveloped) + "/>")
			}
			b.WriteString(m.writeGap() + m.writeExclusiveTransform("Transform"))
		}
		b.WriteString(m.writeGap() + "</" + n("Transforms") + ">" + m.writeGap() + "<" + n("DigestMethod") + m.writeAttribute("Algorithm", pickFrom(m.draw, dsig.SHA256, dsig.SHA256, dsig.SHA384, dsig.SHA512)) +
			"/><" + n("DigestValue") + fmt.Sprintf(">@digest%d@</", i) + n("DigestValue") + ">" + m.writeGap() + "</" + n("Reference") + ">")
	}
	b.WriteString("</" + n("SignedInfo") + ">" + m.writeGap() + "<" + n("SignatureValue") + ">@signature@</" + n("SignatureValue") + ">" + m.writeGap() +
		"<" + n("KeyInfo") + ">" + keyInfo + "</" + n("KeyInfo") + ">" + m.writeGap() + "</" + n("Signature") + ">")
	return b.String()
}

// writeExclusiveTransform writes a method or transform with the exclusive canonical form, with one of the kinds of
// PrefixList.
func (m *messageWriter) writeExclusiveTransform(local string) string {
	open := "<" + qualifiedName(m.ds, local) + m.writeAttribute("Algorithm", dsig.ExclusiveC14N)
	if m.oneIn(2) {
		return open + "/>"
	}
	list := pickFrom(m.draw, "", "", "#default", "soap wsse", m.wsu+" "+m.second, "#default p q", "m r undeclared", "m\n r  undeclared", "xml S "+m.ds)
	prefix := pickFrom(m.draw, "ec", "")
	return open + "><" + qualifiedName(prefix, "InclusiveNamespaces") + m.writeDeclaration(prefix, dsig.ExclusiveC14N) + m.writeAttribute("PrefixList", list) + "/></" + qualifiedName(m.ds, local) + ">"
}

// chooseAlgorithm picks a signature method for the key.
func (m *messageWriter) chooseAlgorithm() string {
	key, ok := m.signer.Signer.(*ecdsa.PrivateKey)
	switch {
	case !ok:
		return pickFrom(m.draw, dsig.RSASHA256, dsig.RSASHA384, dsig.RSASHA512, dsig.PSSSHA256, dsig.PSSSHA384, dsig.PSSSHA512)
	case key.Curve == elliptic.P384():
		return pickFrom(m.draw, dsig.ECDSASHA384, dsig.ECDSASHA256)
	}
	return pickFrom(m.draw, dsig.ECDSASHA256, dsig.ECDSASHA256, dsig.ECDSASHA384, dsig.ECDSASHA512)
}

// signMessage replaces the placeholders, using the canonical forms of the second opinion, so that ours are compared
// with them.
func (m *messageWriter) signMessage(text string) (string, error) {
	read := func() (*secondReader, *etree.Element, error) {
		s, err := readSecond([]byte(text))
		if err != nil {
			return nil, nil, fmt.Errorf("%w in\n%s", err, text)
		}
		p := s.findParts()
		if p.signature == nil {
			return nil, nil, fmt.Errorf("no signature in\n%s", text)
		}
		return s, p.signature, nil
	}
	s, signature, err := read()
	if err != nil {
		return "", err
	}
	for i, e := range signatureChild(signature, "SignedInfo").ChildElements()[2:] {
		var sum []byte
		if sum, err = s.computeDigest(signature, e, m.signer.Certificate); err != nil {
			return "", fmt.Errorf("%w in\n%s", err, text)
		}
		text = strings.Replace(text, fmt.Sprintf("@digest%d@", i), m.foldBase64(base64.StdEncoding.EncodeToString(sum)), 1)
	}
	if _, signature, err = read(); err != nil {
		return "", err
	}
	info := signatureChild(signature, "SignedInfo")
	octets, err := canonicalizeBy(info, signatureChild(info, "CanonicalizationMethod"))
	if err != nil {
		return "", err
	}
	signed, err := m.computeSignatureValue(algorithmURI(signatureChild(info, "SignatureMethod")), octets)
	return strings.Replace(text, "@signature@", m.foldBase64(base64.StdEncoding.EncodeToString(signed)), 1), err
}

// computeSignatureValue computes a signature value.
func (m *messageWriter) computeSignatureValue(algorithm string, octets []byte) ([]byte, error) {
	hash := hashByURI(algorithm)
	h := hash.New()
	h.Write(octets)
	switch key := m.signer.Signer.(type) {
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
	return nil, fmt.Errorf("a key of type %T", m.signer.Signer)
}
