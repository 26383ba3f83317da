// Package dsigtest signs documents for tests: valid ones, and ones that no library would produce.
//
// It is for tests only; production code never imports it. It follows the document and checks nothing, so that a test
// can write a signature of any shape and have its values filled in.
package dsigtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // to create signatures that verifiers must refuse
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/xmldoc"
)

// FillSignatures returns the document with every empty DigestValue and SignatureValue filled in, following the
// algorithms, transforms and references in the document. Unknown algorithms are treated as the defaults.
func FillSignatures(tb testing.TB, document string, key crypto.Signer) string {
	tb.Helper()
	for _, s := range findElements(parseDocument(tb, document).Root(), "Signature") {
		id := s.Child(dsig.Namespace, "SignedInfo")
		for i := range findElements(id, "Reference") {
			document = fillDigest(tb, document, s, i)
		}
	}
	for i := range findElements(parseDocument(tb, document).Root(), "Signature") {
		s := findElements(parseDocument(tb, document).Root(), "Signature")[i]
		signedInfo := s.Child(dsig.Namespace, "SignedInfo")
		name := algorithmName(signedInfo.Child(dsig.Namespace, "SignatureMethod"))
		signedBytes := canonicalForm(signedInfo.Child(dsig.Namespace, "CanonicalizationMethod"), xmldoc.Element{}).Append(nil, signedInfo)
		document = setEmptyContent(document, s.Child(dsig.Namespace, "SignatureValue"), SignValue(tb, name, key, signedBytes))
	}
	return document
}

func fillDigest(tb testing.TB, document string, original xmldoc.Element, i int) string {
	tb.Helper()
	start, _ := original.Offset()
	for _, s := range findElements(parseDocument(tb, document).Root(), "Signature") {
		if offset, _ := s.Offset(); offset != start {
			continue
		}
		r := findElements(s.Child(dsig.Namespace, "SignedInfo"), "Reference")[i]
		value := r.Child(dsig.Namespace, "DigestValue")
		uri, _ := r.Attr("", "URI")
		e, ok := s.Document().ElementByID(strings.TrimPrefix(uri, "#"))
		if !ok || value.IsZero() {
			return document
		}
		if transform := findElements(r, "Transform"); len(transform) == 1 && algorithmName(transform[0]) == dsig.STRTransform {
			h := hashForAlgorithm(algorithmName(r.Child(dsig.Namespace, "DigestMethod"))).New()
			h.Write([]byte(dereferenceToken(tb, e)))
			return setEmptyContent(document, value, h.Sum(nil))
		}
		c14n := xmldoc.C14N{Exclusive: true}
		for _, transform := range findElements(r, "Transform") {
			if algorithmName(transform) == dsig.Enveloped {
				c14n.Omit = s
			} else {
				c14n = canonicalForm(transform, c14n.Omit)
			}
		}
		h := hashForAlgorithm(algorithmName(r.Child(dsig.Namespace, "DigestMethod"))).New()
		h.Write(c14n.Append(nil, e))
		return setEmptyContent(document, value, h.Sum(nil))
	}
	return document
}

// dereferenceToken returns the result of the STR-Transform on a reference, as the specification and the usual clients
// define it: a token in the message, or else one built from the certificate in the reference. For any other reference,
// tests put the certificate into an attribute "certificate" of it.
func dereferenceToken(tb testing.TB, reference xmldoc.Element) string {
	tb.Helper()
	inner := reference.FirstChild()
	if uri, ok := inner.Attr("", "URI"); ok {
		token, _ := reference.Document().ElementByID(strings.TrimPrefix(uri, "#"))
		text := string(xmldoc.C14N{Exclusive: true, PrefixList: []string{"#default"}}.Append(nil, token))
		if !strings.Contains(text[:strings.IndexByte(text+">", '>')], ` xmlns="`) {
			text = strings.Replace(text, " ", ` xmlns="" `, 1)
		}
		return text
	}
	certificate, ok := reference.Attr("", "certificate")
	for e := inner; !ok && !e.IsZero(); e = e.FirstChild() {
		certificate, _ = e.Text()
	}
	return `<wsse:BinarySecurityToken xmlns="" xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd" ` +
		`ValueType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3">` +
		strings.Join(strings.Fields(certificate), "") + `</wsse:BinarySecurityToken>`
}

func canonicalForm(method, omit xmldoc.Element) xmldoc.C14N {
	if algorithmName(method) == dsig.InclusiveC14N {
		return xmldoc.C14N{Omit: omit}
	}
	list, _ := method.FirstChild().Attr("", "PrefixList")
	return xmldoc.C14N{Exclusive: true, PrefixList: strings.Fields(list), Omit: omit}
}

// SignValue returns a signature value in the form of XML Signature.
func SignValue(tb testing.TB, name string, key crypto.Signer, data []byte) []byte {
	tb.Helper()
	hash := hashForAlgorithm(name)
	h := hash.New()
	h.Write(data)
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, k, h.Sum(nil))
		if err != nil {
			tb.Fatal(err)
		}
		return EncodeECDSA(k, r, s)
	case *rsa.PrivateKey:
		var options crypto.SignerOpts = hash
		if strings.HasSuffix(name, "-MGF1") {
			options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
		}
		value, err := k.Sign(rand.Reader, h.Sum(nil), options)
		if err != nil {
			tb.Fatal(err)
		}
		return value
	}
	tb.Fatalf("dsigtest: a key of type %T", key)
	return nil
}

// EncodeECDSA returns r and s, each with the length of the curve's order.
func EncodeECDSA(key *ecdsa.PrivateKey, r, s *big.Int) []byte {
	size := (key.Params().N.BitLen() + 7) / 8
	pair := make([]byte, 2*size)
	r.FillBytes(pair[:size])
	s.FillBytes(pair[size:])
	return pair
}

func hashForAlgorithm(name string) crypto.Hash {
	switch {
	case strings.Contains(name, "sha384"):
		return crypto.SHA384
	case strings.Contains(name, "sha512"):
		return crypto.SHA512
	case strings.Contains(name, "sha1"):
		return crypto.SHA1
	}
	return crypto.SHA256
}

func parseDocument(tb testing.TB, document string) *xmldoc.Document {
	tb.Helper()
	d, err := xmldoc.Parse([]byte(document), xmldoc.DefaultLimits())
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// findElements returns the descendants with the given local name in the XML Signature namespace, in document order.
func findElements(e xmldoc.Element, local string) []xmldoc.Element {
	var all []xmldoc.Element
	for c := range e.Children() {
		if c.Is(dsig.Namespace, local) {
			all = append(all, c)
		}
		all = append(all, findElements(c, local)...)
	}
	return all
}

func algorithmName(e xmldoc.Element) string {
	name, _ := e.Attr("", "Algorithm")
	return name
}

// setEmptyContent sets the content of an element if it exists and is empty.
func setEmptyContent(document string, e xmldoc.Element, content []byte) string {
	if text, ok := e.Text(); e.IsZero() || !ok || text != "" {
		return document
	}
	start, end := e.Offset()
	tag := document[start:end]
	open := tag[:strings.IndexByte(tag, '>')+1]
	name := strings.Fields(strings.Trim(open, "<>/"))[0]
	open = strings.TrimSuffix(strings.TrimSuffix(open, ">"), "/") + ">"
	return document[:start] + open + base64.StdEncoding.EncodeToString(content) + "</" + name + ">" + document[end:]
}
