package wsse_test

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"math/big"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/beevik/etree"
	goxmldsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
)

// secondReader is a message read by an independent verifier ("second opinion"): it uses encoding/xml and etree, the
// canonicalisers of goxmldsig and Go's own cryptography, and from xmldoc and dsig only the algorithm names. It is naive
// on purpose: it looks up identifiers and believes what it finds. Its value is that other people wrote most of it.
type secondReader struct {
	root         *etree.Element
	renamesNames bool // names of the fifth edition of XML 1.0 were replaced, because encoding/xml lacks them
}

// secondParts holds the parts of a message that the second opinion finds. A missing or repeated part is nil.
type secondParts struct {
	body, content, security, timestamp, signature *etree.Element
}

var errSecond = errors.New("second opinion")

// readSecond parses a message.
func readSecond(octets []byte) (*secondReader, error) {
	d, renamed := etree.NewDocument(), false
	d.ReadSettings.MaxDepth = 1000
	err := d.ReadFromString(normalizeForEncodingXML(octets, false))
	if err != nil && strings.Contains(err.Error(), "invalid XML name") {
		d, renamed = etree.NewDocument(), true
		err = d.ReadFromString(normalizeForEncodingXML(octets, true))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: reading: %w", errSecond, err)
	}
	root := d.Root()
	if root == nil {
		return nil, fmt.Errorf("%w: no root", errSecond)
	}
	// The prefix xml may be declared but never appears in canonical form; goxmldsig would write the declaration.
	for e := range allElements(root) {
		e.RemoveAttr("xmlns:xml")
	}
	return &secondReader{root, renamed}, nil
}

// normalizeForEncodingXML converts a message for encoding/xml: to UTF-8, without XML declaration, with line feeds as
// line breaks and spaces as white space in attribute values (XML 1.0 sections 2.11 and 3.3.3). encoding/xml does not
// normalise these, and afterwards they cannot be told from character references.
func normalizeForEncodingXML(octets []byte, rename bool) string {
	text := string(octets)
	switch {
	case strings.HasPrefix(text, "\xEF\xBB\xBF"):
		text = text[3:]
	case strings.HasPrefix(text, "\xFE\xFF"), strings.HasPrefix(text, "\x00<"):
		text = strings.TrimPrefix(decodeUTF16(octets, 0), "\uFEFF")
	case strings.HasPrefix(text, "\xFF\xFE"), strings.HasPrefix(text, "<\x00"):
		text = strings.TrimPrefix(decodeUTF16(octets, 1), "\uFEFF")
	}
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	if strings.HasPrefix(text, "<?xml") {
		if end := strings.Index(text, "?>"); end > 0 {
			text = text[end+2:]
		}
	}
	var b strings.Builder
	for _, p := range tokenize(text) {
		piece := text[p.start:p.end]
		if p.kind == startTag || p.kind == emptyTag || p.kind == endTag {
			piece = normalizeTag(piece, rename)
		}
		b.WriteString(piece)
	}
	return b.String()
}

func decodeUTF16(octets []byte, high int) string {
	units := make([]uint16, 0, len(octets)/2)
	for i := 0; i+1 < len(octets); i += 2 {
		units = append(units, uint16(octets[i+high])<<8|uint16(octets[i+1-high]))
	}
	return string(utf16.Decode(units))
}

func normalizeTag(tag string, rename bool) string {
	if !rename && !strings.ContainsAny(tag, "\n\t") {
		return tag
	}
	var out strings.Builder
	var quote rune
	for _, c := range tag {
		switch {
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == c:
			quote = 0
		case quote != 0 && (c == '\n' || c == '\t'):
			c = ' '
		case quote == 0 && rename && c >= 0x80:
			fmt.Fprintf(&out, "_U%x_", c)
			continue
		}
		out.WriteRune(c)
	}
	return out.String()
}

// findParts locates the parts of the message.
func (s *secondReader) findParts() (p secondParts) {
	space := s.root.NamespaceURI()
	if s.root.Tag != "Envelope" || space != soap.Namespace11 && space != soap.Namespace12 {
		return p
	}
	p.body = onlyChild(s.root, func(e *etree.Element) bool { return e.Tag == "Body" && e.NamespaceURI() == space })
	header := onlyChild(s.root, func(e *etree.Element) bool { return e.Tag == "Header" && e.NamespaceURI() == space })
	p.content = onlyChild(p.body, func(*etree.Element) bool { return true })
	p.security = onlyChild(header, func(e *etree.Element) bool {
		return e.Tag == "Security" && e.NamespaceURI() == soap.NamespaceSecurity && isAddressedToUs(e, space)
	})
	p.timestamp = onlyChild(p.security, func(e *etree.Element) bool {
		return e.Tag == "Timestamp" && e.NamespaceURI() == xmldoc.UtilityNamespace
	})
	p.signature = onlyChild(p.security, func(e *etree.Element) bool { return e.Tag == "Signature" && e.NamespaceURI() == dsig.Namespace })
	return p
}

// onlyChild returns the only child element that satisfies is, or nil.
func onlyChild(parent *etree.Element, is func(*etree.Element) bool) *etree.Element {
	if parent == nil {
		return nil
	}
	var found []*etree.Element
	for _, e := range parent.ChildElements() {
		if is(e) {
			found = append(found, e)
		}
	}
	if len(found) != 1 {
		return nil
	}
	return found[0]
}

func isAddressedToUs(e *etree.Element, space string) bool {
	for _, a := range e.Attr {
		if a.Space == "" || a.Space == "xmlns" || lookUpPrefix(e, a.Space) != space {
			continue
		}
		switch a.Key {
		case "actor":
			return space != soap.Namespace11 || a.Value == "" || a.Value == "http://schemas.xmlsoap.org/soap/actor/next"
		case "role":
			return space != soap.Namespace12 || a.Value == "" || a.Value == space+"/role/next" || a.Value == space+"/role/ultimateReceiver"
		}
	}
	return true
}

// lookUpPrefix returns the namespace of a prefix at an element.
func lookUpPrefix(e *etree.Element, prefix string) string {
	if prefix == "xml" {
		return xmldoc.XMLNamespace
	}
	for ; e != nil; e = e.Parent() {
		for _, a := range e.Attr {
			if prefix != "" && a.Space == "xmlns" && a.Key == prefix || prefix == "" && a.Space == "" && a.Key == "xmlns" {
				return a.Value
			}
		}
	}
	return ""
}

// allElements iterates over an element and its descendants, in document order.
func allElements(e *etree.Element) iter.Seq[*etree.Element] {
	return func(yield func(*etree.Element) bool) { visitElements(e, yield) }
}

func visitElements(e *etree.Element, yield func(*etree.Element) bool) bool {
	if !yield(e) {
		return false
	}
	for _, t := range e.Child {
		if c, ok := t.(*etree.Element); ok && !visitElements(c, yield) {
			return false
		}
	}
	return true
}

// findByID is the naive lookup: it returns the first element with an identifier of this value.
func (s *secondReader) findByID(id string) *etree.Element {
	for e := range allElements(s.root) {
		for _, a := range e.Attr {
			if strings.TrimSpace(a.Value) == id && isIDAttribute(e, a) {
				return e
			}
		}
	}
	return nil
}

// isIDAttribute reports whether any software treats an attribute as an identifier: WS-Security, XML, or, without a
// namespace, the usual toolkits with its three spellings. Nothing treats wsu:ID, or an Id in another namespace, as one.
func isIDAttribute(e *etree.Element, a etree.Attr) bool {
	switch a.Space {
	case "":
		return a.Key == "Id" || a.Key == "ID" || a.Key == "id"
	case "xml":
		return a.Key == "id"
	}
	return a.Key == "Id" && lookUpPrefix(e, a.Space) == xmldoc.UtilityNamespace
}

// canonicalize returns an element in inclusive or exclusive canonical form.
func canonicalize(e *etree.Element, algorithm, prefixList string) ([]byte, error) {
	inForce := detachWithNamespaces(e, algorithm == dsig.InclusiveC14N)
	switch algorithm {
	case dsig.InclusiveC14N:
		octets, err := goxmldsig.MakeC14N10RecCanonicalizer().Canonicalize(inForce)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errSecond, err)
		}
		d := etree.NewDocument()
		if err = d.ReadFromBytes(octets); err != nil {
			return nil, fmt.Errorf("%w: its own canonical form: %w", errSecond, err)
		}
		return sortAndWrite(d.Root())
	case dsig.ExclusiveC14N:
		defaults := collectDefaultNamespaces(inForce)
		if err := etreeutils.TransformExcC14n(inForce, prefixList, false); err != nil {
			return nil, fmt.Errorf("%w: %w", errSecond, err)
		}
		fixDefaultNamespaces(inForce, defaults, slices.Contains(strings.Fields(prefixList), "#default"), "")
		return sortAndWrite(inForce)
	}
	return nil, fmt.Errorf("%w: canonical form %q", errSecond, algorithm)
}

// detachWithNamespaces copies an element with the namespaces in scope and, for the inclusive form, the inherited xml:
// attributes, because goxmldsig does not look outside the element or takes the wrong ones there.
func detachWithNamespaces(e *etree.Element, inherit bool) *etree.Element {
	inForce := e.Copy()
	for outer := e.Parent(); outer != nil; outer = outer.Parent() {
		for _, a := range outer.Attr {
			namespace := a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns"
			if (namespace || inherit && a.Space == "xml") && !slices.ContainsFunc(inForce.Attr, func(b etree.Attr) bool {
				return a.Space == b.Space && a.Key == b.Key
			}) {
				inForce.Attr = append(inForce.Attr, etree.Attr{Space: a.Space, Key: a.Key, Value: a.Value})
			}
		}
	}
	return inForce
}

// collectDefaultNamespaces returns the default namespace at each element, before goxmldsig moves the declarations.
func collectDefaultNamespaces(e *etree.Element) map[*etree.Element]string {
	all := make(map[*etree.Element]string)
	var walk func(e *etree.Element, space string)
	walk = func(e *etree.Element, space string) {
		if a := defaultDeclaration(e); a != nil {
			space = a.Value
		}
		all[e] = space
		for _, c := range e.ChildElements() {
			walk(c, space)
		}
	}
	walk(e, "")
	return all
}

func defaultDeclaration(e *etree.Element) *etree.Attr {
	for i, a := range e.Attr {
		if a.Space == "" && a.Key == "xmlns" {
			return &e.Attr[i]
		}
	}
	return nil
}

// fixDefaultNamespaces rewrites the declarations of the default namespace, because goxmldsig writes superfluous ones
// and does not support #default (Exclusive XML Canonicalization section 3). A declaration is written where the
// namespace differs from the enclosing one, and only on an element that uses it unless inclusive is true.
func fixDefaultNamespaces(e *etree.Element, defaults map[*etree.Element]string, inclusive bool, written string) {
	e.Attr = slices.DeleteFunc(e.Attr, func(a etree.Attr) bool { return a.Space == "" && a.Key == "xmlns" })
	if space := defaults[e]; space != written && (inclusive || e.Space == "") {
		e.Attr = append(e.Attr, etree.Attr{Key: "xmlns", Value: space})
		written = space
	}
	for _, c := range e.ChildElements() {
		fixDefaultNamespaces(c, defaults, inclusive, written)
	}
}

// sortAndWrite sorts attributes by namespace, which goxmldsig does only in part, and writes the element.
func sortAndWrite(e *etree.Element) ([]byte, error) {
	sortAttributes(e)
	d := etree.NewDocument()
	d.SetRoot(e)
	d.WriteSettings = etree.WriteSettings{CanonicalAttrVal: true, CanonicalEndTags: true, CanonicalText: true}
	octets, err := d.WriteToBytes()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSecond, err)
	}
	return octets, nil
}

func sortAttributes(e *etree.Element) {
	rank := func(a etree.Attr) (int, string) {
		switch {
		case a.Space == "" && a.Key == "xmlns":
			return 0, ""
		case a.Space == "xmlns":
			return 1, ""
		case a.Space == "":
			return 2, ""
		}
		return 3, lookUpPrefix(e, a.Space)
	}
	slices.SortStableFunc(e.Attr, func(a, b etree.Attr) int {
		i, left := rank(a)
		j, right := rank(b)
		return cmp.Or(cmp.Compare(i, j), cmp.Compare(left, right), cmp.Compare(a.Key, b.Key))
	})
	for _, c := range e.ChildElements() {
		sortAttributes(c)
	}
}

// canonicalizePlain returns the exclusive canonical form without PrefixList.
func canonicalizePlain(e *etree.Element) ([]byte, error) {
	return canonicalize(e, dsig.ExclusiveC14N, "")
}

// verifySignature verifies a signature with a certificate: the digest of every reference, and the signature value.
func (s *secondReader) verifySignature(signature *etree.Element, certificate *x509.Certificate) error {
	info := signatureChild(signature, "SignedInfo")
	method := signatureChild(info, "CanonicalizationMethod")
	value, err := decodeBase64(signatureChild(signature, "SignatureValue"))
	if err != nil {
		return err
	}
	if info == nil {
		return fmt.Errorf("%w: no SignedInfo", errSecond)
	}
	for _, reference := range info.ChildElements() {
		if reference.Tag != "Reference" {
			continue
		}
		if err = s.verifyReference(signature, reference, certificate); err != nil {
			return err
		}
	}
	octets, err := canonicalizeBy(info, method)
	if err != nil {
		return err
	}
	return verifyValue(certificate.PublicKey, algorithmURI(signatureChild(info, "SignatureMethod")), octets, value)
}

func (s *secondReader) verifyReference(signature, reference *etree.Element, certificate *x509.Certificate) error {
	sum, err := s.computeDigest(signature, reference, certificate)
	if err != nil {
		return err
	}
	want, err := decodeBase64(signatureChild(reference, "DigestValue"))
	if err != nil {
		return err
	}
	if !bytes.Equal(sum, want) {
		return fmt.Errorf("%w: digest of %q", errSecond, reference.SelectAttrValue("URI", ""))
	}
	return nil
}

// signatureChild returns the first child with a local name in the namespace of XML Signature.
func signatureChild(e *etree.Element, local string) *etree.Element {
	if e != nil {
		for _, c := range e.ChildElements() {
			if c.Tag == local && c.NamespaceURI() == dsig.Namespace {
				return c
			}
		}
	}
	return nil
}

func algorithmURI(e *etree.Element) string {
	if e == nil {
		return ""
	}
	return e.SelectAttrValue("Algorithm", "")
}

// canonicalizeBy returns an element in the canonical form of a method or a transform.
func canonicalizeBy(e, method *etree.Element) ([]byte, error) {
	if e == nil || method == nil {
		return nil, fmt.Errorf("%w: no canonical form", errSecond)
	}
	return canonicalize(e, algorithmURI(method), readPrefixList(method))
}

func readPrefixList(method *etree.Element) string {
	list := ""
	if method != nil {
		for _, c := range method.ChildElements() {
			list = c.SelectAttrValue("PrefixList", "")
		}
	}
	return list
}

// decodeBase64 decodes the text of an element, ignoring comments and white space.
func decodeBase64(e *etree.Element) ([]byte, error) {
	if e == nil {
		return nil, fmt.Errorf("%w: nothing to decode", errSecond)
	}
	octets, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(characterData(e)), ""))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSecond, err)
	}
	return octets, nil
}

func characterData(e *etree.Element) string {
	var b strings.Builder
	for _, t := range e.Child {
		if text, ok := t.(*etree.CharData); ok {
			b.WriteString(text.Data)
		}
	}
	return b.String()
}

// computeDigest computes the digest that a reference should contain.
func (s *secondReader) computeDigest(signature, reference *etree.Element, certificate *x509.Certificate) ([]byte, error) {
	id, local := strings.CutPrefix(reference.SelectAttrValue("URI", ""), "#")
	e := s.findByID(id)
	if !local || e == nil {
		return nil, fmt.Errorf("%w: nothing is %q", errSecond, id)
	}
	// Read these first: an enveloped-signature transform detaches the signature, and its content, from its namespaces.
	transforms, hash := signatureChild(reference, "Transforms"), hashByURI(algorithmURI(signatureChild(reference, "DigestMethod")))
	if transforms == nil {
		return nil, fmt.Errorf("%w: no transforms", errSecond)
	}
	parent, at := signature.Parent(), signature.Index()
	var octets []byte
	var err error
	for _, transform := range transforms.ChildElements() {
		if err != nil {
			break
		}
		switch algorithmURI(transform) {
		case dsig.Enveloped:
			parent.RemoveChild(signature)
		case dsig.STRTransform:
			octets, err = s.readTokenTransform(e, transform, certificate)
		default:
			octets, err = canonicalizeBy(e, transform)
		}
	}
	if signature.Parent() == nil {
		parent.InsertChildAt(at, signature)
	}
	if err != nil {
		return nil, err
	}
	if octets == nil || hash == 0 {
		return nil, fmt.Errorf("%w: no digest", errSecond)
	}
	h := hash.New()
	h.Write(octets)
	return h.Sum(nil), nil
}

// readTokenTransform returns the result of the STR-Transform for a reference (SOAP Message Security section 8.3): the
// referenced token, or one derived from the identified certificate.
func (s *secondReader) readTokenTransform(holder, transform *etree.Element, certificate *x509.Certificate) ([]byte, error) {
	list := ""
	for _, parameters := range transform.ChildElements() {
		list = readPrefixList(signatureChild(parameters, "CanonicalizationMethod"))
	}
	inner := onlyChild(holder, func(*etree.Element) bool { return true })
	if inner != nil && inner.Tag == "Reference" {
		token := s.findByID(strings.TrimPrefix(inner.SelectAttrValue("URI", ""), "#"))
		if token == nil {
			return nil, fmt.Errorf("%w: no token", errSecond)
		}
		octets, err := canonicalize(token, dsig.ExclusiveC14N, list+" #default")
		if err != nil || lookUpPrefix(token, "") != "" {
			return octets, err
		}
		return slices.Insert(octets, bytes.IndexAny(octets, " >"), []byte(` xmlns=""`)...), nil
	}
	prefix := cmp.Or(holder.Space, "wsse")
	return fmt.Appendf(nil, `<%s:BinarySecurityToken xmlns="" xmlns:%[1]s="%s" ValueType="%s#X509v3">%s</%[1]s:BinarySecurityToken>`,
		prefix, soap.NamespaceSecurity, tokenProfile, encodeBase64(certificate.Raw)), nil
}

func hashByURI(name string) crypto.Hash {
	switch name {
	case dsig.SHA256, dsig.RSASHA256, dsig.PSSSHA256, dsig.ECDSASHA256:
		return crypto.SHA256
	case dsig.SHA384, dsig.RSASHA384, dsig.PSSSHA384, dsig.ECDSASHA384:
		return crypto.SHA384
	case dsig.SHA512, dsig.RSASHA512, dsig.PSSSHA512, dsig.ECDSASHA512:
		return crypto.SHA512
	}
	return 0
}

func verifyValue(key crypto.PublicKey, algorithm string, octets, value []byte) error {
	hash := hashByURI(algorithm)
	if hash == 0 {
		return fmt.Errorf("%w: algorithm %q", errSecond, algorithm)
	}
	h := hash.New()
	h.Write(octets)
	good := false
	switch key := key.(type) {
	case *rsa.PublicKey:
		if strings.HasSuffix(algorithm, "-MGF1") {
			good = rsa.VerifyPSS(key, hash, h.Sum(nil), value, nil) == nil
		} else {
			good = strings.Contains(algorithm, "#rsa-") && rsa.VerifyPKCS1v15(key, hash, h.Sum(nil), value) == nil
		}
	case *ecdsa.PublicKey:
		half := len(value) / 2
		good = strings.Contains(algorithm, "#ecdsa-") &&
			ecdsa.Verify(key, h.Sum(nil), new(big.Int).SetBytes(value[:half]), new(big.Int).SetBytes(value[half:]))
	}
	if !good {
		return fmt.Errorf("%w: signature value", errSecond)
	}
	return nil
}

// signedStatement is the content of a signed message as seen by the second opinion: the canonical Body and Timestamp.
type signedStatement struct{ body, timestamp string }

// readStatement returns the content of the message.
func (p *secondParts) readStatement() (signedStatement, error) {
	if p.body == nil || p.content == nil || p.timestamp == nil || p.signature == nil {
		return signedStatement{}, fmt.Errorf("%w: a part is missing or there twice", errSecond)
	}
	body, err := canonicalizePlain(p.body)
	if err != nil {
		return signedStatement{}, err
	}
	timestamp, err := canonicalizePlain(p.timestamp)
	return signedStatement{string(body), string(timestamp)}, err
}

// checkDispatched compares the canonical form of what Verify returns with that of the Body content that the second
// opinion found, byte by byte.
func (p *secondParts) checkDispatched(v *wsse.Verified) error {
	content, err := canonicalizePlain(p.content)
	if err != nil {
		return err
	}
	if own := (xmldoc.C14N{Exclusive: true}).Append(nil, v.Body()); !bytes.Equal(own, content) {
		return fmt.Errorf("dispatched is\n%s\nwhere the second opinion sees\n%s", own, content)
	}
	return nil
}
