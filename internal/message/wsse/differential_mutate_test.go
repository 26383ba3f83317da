package wsse_test

import (
	"crypto/elliptic"
	"encoding/base64"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/soap"
)

// mutant is a message under mutation. A mutation that does not find its target leaves the text unchanged.
type mutant struct {
	draw
	text    string
	donor   string // another signed message
	applied []string
}

// mutation is a way to change a message. It occurs weight times in the list, so that common ones are applied more
// often.
type mutation struct {
	name   string
	weight int
	apply  func(*mutant)
}

func mutations() []mutation {
	var all []mutation
	for _, m := range slices.Concat(byteMutations(), tagMutations(), valueMutations(), treeMutations()) {
		for range m.weight {
			all = append(all, m)
		}
	}
	return all
}

// mutate applies one to four mutations.
func (m *mutant) mutate(all []mutation) {
	for range 1 + m.IntN(2)*m.IntN(4) {
		chosen := all[m.IntN(len(all))]
		chosen.apply(m)
		m.applied = append(m.applied, chosen.name)
	}
}

func byteMutations() []mutation {
	return []mutation{
		{"flip a bit", 1, func(m *mutant) { m.replaceByte(func(c byte) byte { return c ^ 1<<m.IntN(8) }) }},
		{"set an octet", 1, func(m *mutant) { m.replaceByte(func(byte) byte { return m.randomByte() }) }},
		{"insert an octet", 1, func(m *mutant) { at := m.randomOffset(); m.text = splice(m.text, at, at, string(m.randomByte())) }},
		{"delete a span", 1, func(m *mutant) { start, end := m.randomSpan(); m.text = splice(m.text, start, end, "") }},
		{"repeat a span", 1, func(m *mutant) {
			start, end := m.randomSpan()
			at := m.randomOffset()
			m.text = splice(m.text, at, at, m.text[start:end])
		}},
		{"move a span", 1, func(m *mutant) {
			start, end := m.randomSpan()
			span := m.text[start:end]
			m.text = splice(m.text, start, end, "")
			at := m.randomOffset()
			m.text = splice(m.text, at, at, span)
		}},
		{"cut the end off", 1, func(m *mutant) { m.text = m.text[:m.randomOffset()] }},
	}
}

func (m *mutant) randomOffset() int { return m.IntN(len(m.text) + 1) }

func (m *mutant) randomSpan() (start, end int) {
	start = m.randomOffset()
	return start, min(len(m.text), start+1+m.IntN(pickFrom(m.draw, 2, 16, 200)))
}

func (m *mutant) randomByte() byte {
	const markup = "<>&\"'=/:#;!?[]- \t\r\n\x00\x80\xC3\xFF"
	if m.oneIn(3) {
		return byte(m.IntN(256))
	}
	return markup[m.IntN(len(markup))]
}

func (m *mutant) replaceByte(with func(byte) byte) {
	if at := m.randomOffset(); at < len(m.text) {
		m.text = splice(m.text, at, at+1, string([]byte{with(m.text[at])}))
	}
}

func tagMutations() []mutation {
	return []mutation{
		{"another prefix in one tag", 1, (*mutant).prefixOne},
		{"another prefix everywhere", 2, (*mutant).prefixAll},
		{"swap attributes", 2, (*mutant).swapAttributes},
		{"other quotes", 2, func(m *mutant) {
			m.onAttribute(func(a attributeSpan, value string) (int, int, string) {
				quote := pickFrom(m.draw, `"`, `'`)
				return a.valueStart - 1, a.end, quote + strings.ReplaceAll(value, quote, "&#34;") + quote
			})
		}},
		{"space in a tag", 2, func(m *mutant) {
			m.onAttribute(func(a attributeSpan, _ string) (int, int, string) {
				return a.start, a.start, pickFrom(m.draw, "\n", " ", "\t\r\n")
			})
		}},
		{"remove an attribute", 1, func(m *mutant) {
			m.onAttribute(func(a attributeSpan, _ string) (int, int, string) { return a.start, a.end, "" })
		}},
		{"repeat an attribute", 1, func(m *mutant) {
			m.onAttribute(func(a attributeSpan, _ string) (int, int, string) { return a.end, a.end, m.text[a.start:a.end] })
		}},
		{"copy an attribute", 1, (*mutant).copyAttribute},
		{"add a declaration", 3, (*mutant).addDeclaration},
		{"remove a declaration", 1, (*mutant).removeDeclaration},
		{"declare at the root", 1, (*mutant).hoistDeclaration},
		{"insert between tags", 4, (*mutant).insertMarkup},
		{"empty tag or two", 2, (*mutant).toggleEmptyTag},
		{"delete a tag", 1, func(m *mutant) { p := m.randomTag(); m.text = splice(m.text, p.start, p.end, "") }},
		{"repeat a tag", 1, func(m *mutant) { p := m.randomTag(); m.text = splice(m.text, p.end, p.end, m.text[p.start:p.end]) }},
		{"move a tag", 1, func(m *mutant) {
			p := m.randomTag()
			tag := m.text[p.start:p.end]
			m.text = splice(m.text, p.start, p.end, "")
			to := m.randomTag().start
			m.text = splice(m.text, to, to, tag)
		}},
		{"another name", 1, func(m *mutant) {
			if n, ok := m.randomElement(); ok {
				m.text = renameElement(m.text, n, qualifiedName(n.prefix(), pickFrom(m.draw, "Body", "Timestamp", "Signature", "Security", "Header", "x")))
			}
		}},
		{"document type", 1, func(m *mutant) {
			m.text = pickFrom(m.draw, `<!DOCTYPE x>`, `<!DOCTYPE x [<!ENTITY e "48022907379">]>`, `<!DOCTYPE x [<!ATTLIST m:Request Id ID #IMPLIED>]>`, `<?pi?>`, `<?xml version="1.1"?>`) + m.text
		}},
	}
}

// randomTag picks a tag, or an empty one at the start of the text.
func (m *mutant) randomTag() markupToken {
	all := tokenize(m.text)
	for range 8 {
		if len(all) == 0 {
			break
		}
		if p := all[m.IntN(len(all))]; p.kind != textPiece {
			return p
		}
	}
	return markupToken{}
}

// randomElement picks an element.
func (m *mutant) randomElement() (elementSpan, bool) {
	all := findElements(m.text)
	if len(all) == 0 {
		return elementSpan{}, false
	}
	return all[m.IntN(len(all))], true
}

// randomElementNamed picks an element with one of the local names and returns its index, or -1.
func (m *mutant) randomElementNamed(all []elementSpan, locals ...string) int {
	var found []int
	for i, n := range all {
		if slices.Contains(locals, n.local()) {
			found = append(found, i)
		}
	}
	if len(found) == 0 {
		return -1
	}
	return found[m.IntN(len(found))]
}

// randomAttribute picks an attribute or a namespace declaration.
func (m *mutant) randomAttribute(is func(attributeSpan) bool) (attributeSpan, bool) {
	in := findElements(m.text)
	for range min(12, 12*len(in)) {
		n := in[m.IntN(len(in))]
		all := slices.DeleteFunc(findAttributes(m.text, n.start), func(a attributeSpan) bool { return is != nil && !is(a) })
		if len(all) > 0 {
			return all[m.IntN(len(all))], true
		}
	}
	return attributeSpan{}, false
}

// onAttribute replaces a span that change computes from a random attribute.
func (m *mutant) onAttribute(change func(a attributeSpan, value string) (start, end int, with string)) {
	if a, ok := m.randomAttribute(nil); ok {
		start, end, with := change(a, m.text[a.valueStart:a.valueEnd])
		m.text = splice(m.text, start, end, with)
	}
}

// renameElement renames an element in both its tags.
func renameElement(text string, n elementSpan, to string) string {
	if n.outer < n.end {
		text = splice(text, n.outer+2, n.outer+2+len(n.name), to)
	}
	return splice(text, n.start+1, n.start+1+len(n.name), to)
}

func (m *mutant) prefixOne() {
	n, ok := m.randomElement()
	if !ok {
		return
	}
	to := pickFrom(m.draw, "wsse", "wsu", "wsu2", "ds", "soap", "S", "p", "q", "new", "")
	declared := ""
	if m.oneIn(2) {
		space := wsseSpace
		all := findElements(m.text)
		for i := range all {
			if all[i].start == n.start {
				space = resolvePrefix(m.text, all, i, n.prefix())
			}
		}
		declared = " xmlns:" + to + `="` + space + `"`
		if to == "" {
			declared = ` xmlns="` + space + `"`
		}
	}
	after := n.start + 1 + len(n.name)
	m.text = renameElement(splice(m.text, after, after, declared), elementSpan{
		start: n.start, outer: n.outer + len(declared), end: n.end + len(declared), name: n.name,
	}, qualifiedName(to, n.local()))
}

// resolvePrefix returns the namespace of a prefix at an element, as written.
func resolvePrefix(text string, all []elementSpan, i int, prefix string) string {
	attribute := "xmlns"
	if prefix != "" {
		attribute += ":" + prefix
	}
	for ; i >= 0; i = all[i].parent {
		if space, ok := attributeValue(text, all[i].start, attribute); ok {
			return space
		}
	}
	return ""
}

// prefixAll renames a prefix in all tags, including its declarations.
func (m *mutant) prefixAll() {
	n, ok := m.randomElement()
	if !ok || n.prefix() == "" {
		return
	}
	from, to := regexp.QuoteMeta(n.prefix()), pickFrom(m.draw, "new", "wsse", "ds", "soapenv", "p", "é")
	// An earlier mutation may have left invalid UTF-8, which is no valid pattern.
	if everywhere, err := regexp.Compile(`(</?|\sxmlns:|\s)` + from + `([:=])`); err == nil {
		m.text = everywhere.ReplaceAllString(m.text, "${1}"+to+"${2}")
	}
}

func (m *mutant) swapAttributes() {
	n, ok := m.randomElement()
	if !ok {
		return
	}
	all := findAttributes(m.text, n.start)
	if len(all) < 2 {
		return
	}
	i := m.IntN(len(all) - 1)
	a, b := all[i], all[i+1]
	m.text = splice(m.text, a.start, b.end, m.text[b.start:b.end]+m.text[a.start:a.end])
}

// copyAttribute copies an attribute to another element.
func (m *mutant) copyAttribute() {
	a, found := m.randomAttribute(nil)
	n, ok := m.randomElement()
	if found && ok {
		after := n.start + 1 + len(n.name)
		m.text = splice(m.text, after, after, " "+m.text[a.start+1:a.end])
	}
}

func (m *mutant) addDeclaration() {
	n, ok := m.randomElement()
	if !ok {
		return
	}
	after := n.start + 1 + len(n.name)
	prefix := pickFrom(m.draw, "", ":new", ":wsu", ":wsse", ":ds", ":p", ":soap", ":xml", ":xmlns", ":unused")
	space := pickFrom(m.draw, "", "urn:new", "urn:new", wsuSpace, wsseSpace, dsig.Namespace, soap.Namespace11, soap.Namespace12,
		"http://www.w3.org/XML/1998/namespace", "relative", "urn:one")
	m.text = splice(m.text, after, after, " xmlns"+prefix+`="`+space+`"`)
}

func isDeclaration(a attributeSpan) bool {
	return a.name == "xmlns" || strings.HasPrefix(a.name, "xmlns:")
}

func (m *mutant) removeDeclaration() {
	if a, ok := m.randomAttribute(isDeclaration); ok {
		m.text = splice(m.text, a.start, a.end, "")
	}
}

// hoistDeclaration moves or copies a namespace declaration to the root.
func (m *mutant) hoistDeclaration() {
	a, ok := m.randomAttribute(isDeclaration)
	all := findElements(m.text)
	if !ok || len(all) == 0 {
		return
	}
	declaration := " " + m.text[a.start+1:a.end]
	after := all[0].start + 1 + len(all[0].name)
	if m.oneIn(2) && a.start > after {
		m.text = splice(m.text, a.start, a.end, "")
	}
	if _, there := attributeValue(m.text, all[0].start, a.name); !there {
		m.text = splice(m.text, after, after, declaration)
	}
}

// insertMarkup inserts something between two tokens, or into a text.
func (m *mutant) insertMarkup() {
	what := pickFrom(m.draw, "\n", " ", "\t", "\r\n", "<!-- note -->", "<!---->", "<!-- <a b='c'> -->", "<![CDATA[]]>", "<![CDATA[ ]]>", "<?pi x?>", "&#32;", "&#13;", "&amp;", "&#0;", "x",
		"<x/>", "<!-- -- -->", "\uFEFF", "\u0085", "é")
	all := tokenize(m.text)
	if len(all) == 0 {
		return
	}
	p := all[m.IntN(len(all))]
	at := p.start
	if p.kind == textPiece && m.oneIn(2) {
		at += m.IntN(p.end - p.start + 1)
	}
	m.text = splice(m.text, at, at, what)
}

func (m *mutant) toggleEmptyTag() {
	n, ok := m.randomElement()
	switch {
	case !ok:
	case n.inner == n.end:
		m.text = splice(m.text, n.end-2, n.end, "></"+n.name+">")
	case n.inner == n.outer:
		m.text = splice(m.text, n.inner-1, n.end, "/>")
	}
}

func valueMutations() []mutation {
	return []mutation{
		{"a character as reference", 3, (*mutant).writeCharacterReference},
		{"a text as section", 2, func(m *mutant) {
			if p, ok := m.randomText(); ok {
				text := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(m.text[p.start:p.end])
				m.text = splice(m.text, p.start, p.end, "<![CDATA["+text+"]]>")
			}
		}},
		{"another text", 1, func(m *mutant) {
			if p, ok := m.randomText(); ok {
				m.text = splice(m.text, p.start, p.end, pickFrom(m.draw, "", "1", "00000000097", " "+m.text[p.start:p.end], "2026-11-21T10:00:09Z"))
			}
		}},
		{"another id", 1, (*mutant).changeID},
		{"swap ids", 1, (*mutant).swapIDs},
		{"another kind of id", 1, (*mutant).changeIDKind},
		{"another URI", 1, (*mutant).changeURI},
		{"another algorithm", 1, (*mutant).changeAlgorithm},
		{"another PrefixList", 1, func(m *mutant) {
			m.setAttributeNamed("PrefixList", pickFrom(m.draw, "", "#default", "soap", "p q", " ", "#default #default", "wsu\twsse", "m r undeclared"))
		}},
		{"another type", 1, func(m *mutant) {
			m.setAttributeNamed("ValueType", pickFrom(m.draw, "", tokenProfile+"#X509v3", tokenProfile+"#X509PKIPathv1", tokenProfile+"#X509SubjectKeyIdentifier"))
		}},
		{"another actor", 1, func(m *mutant) {
			m.setAttributeNamed(pickFrom(m.draw, "actor", "role", "mustUnderstand"), pickFrom(m.draw, "", "0", "1", "urn:other", "http://schemas.xmlsoap.org/soap/actor/next", soap.Namespace12+"/role/none"))
		}},
		{"fold base64", 2, (*mutant).refoldBase64},
		{"the other signature of ECDSA", 1, (*mutant).negateECDSA},
	}
}

// randomText picks a text token.
func (m *mutant) randomText() (markupToken, bool) {
	all := tokenize(m.text)
	for range 12 {
		if len(all) == 0 {
			break
		}
		if p := all[m.IntN(len(all))]; p.kind == textPiece {
			return p, true
		}
	}
	return markupToken{}, false
}

// writeCharacterReference replaces a character of a text or of an attribute value by a character reference.
func (m *mutant) writeCharacterReference() {
	start, end := 0, 0
	if p, ok := m.randomText(); ok {
		start, end = p.start, p.end
	}
	if a, ok := m.randomAttribute(nil); ok && m.oneIn(2) {
		start, end = a.valueStart, a.valueEnd
	}
	if start == end {
		return
	}
	at := start + m.IntN(end-start)
	if c := m.text[at]; c != '&' && c != ';' && c < 0x80 {
		m.text = splice(m.text, at, at+1, fmt.Sprintf(pickFrom(m.draw, "&#%d;", "&#x%x;", "&#x00%X;"), c))
	}
}

func isID(a attributeSpan) bool {
	return strings.EqualFold(a.name[strings.IndexByte(a.name, ':')+1:], "id")
}

func (m *mutant) changeID() {
	a, ok := m.randomAttribute(isID)
	other, found := m.randomAttribute(isID)
	if ok && found {
		m.text = splice(m.text, a.valueStart, a.valueEnd, pickFrom(m.draw, m.text[other.valueStart:other.valueEnd], "new", "", " "+m.text[a.valueStart:a.valueEnd]+" "))
	}
}

func (m *mutant) swapIDs() {
	a, ok := m.randomAttribute(isID)
	b, found := m.randomAttribute(isID)
	if !ok || !found || a.start == b.start {
		return
	}
	if a.start > b.start {
		a, b = b, a
	}
	first, second := m.text[a.valueStart:a.valueEnd], m.text[b.valueStart:b.valueEnd]
	m.text = splice(splice(m.text, b.valueStart, b.valueEnd, first), a.valueStart, a.valueEnd, second)
}

func (m *mutant) changeIDKind() {
	if a, ok := m.randomAttribute(isID); ok {
		kind := pickFrom(m.draw, " Id=", " ID=", " id=", " xml:id=", " wsu:Id=", ` xmlns:new="`+wsuSpace+`" new:Id=`, ` xmlns:new="urn:new" new:Id=`)
		m.text = splice(m.text, a.start, a.valueStart-1, kind)
	}
}

func (m *mutant) changeURI() {
	uri, ok := m.randomAttribute(func(a attributeSpan) bool { return a.name == "URI" })
	id, found := m.randomAttribute(isID)
	if ok && found {
		to := "#" + m.text[id.valueStart:id.valueEnd]
		m.text = splice(m.text, uri.valueStart, uri.valueEnd, pickFrom(m.draw, to, to, "", "#", "#xpointer(/)", "#xpointer(id('id-1'))", "cid:1", "http://127.0.0.1:1/", " "+to))
	}
}

func (m *mutant) changeAlgorithm() {
	m.setAttributeNamed("Algorithm", pickFrom(m.draw, dsig.ExclusiveC14N, dsig.ExclusiveC14N+"WithComments", dsig.InclusiveC14N, dsig.Enveloped, dsig.STRTransform, dsig.SHA1, dsig.SHA256, dsig.SHA512,
		dsig.RSASHA256, dsig.ECDSASHA256, dsig.ECDSASHA384, dsig.PSSSHA256, "http://www.w3.org/TR/1999/REC-xpath-19991116", "http://www.w3.org/2000/09/xmldsig#base64", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256", "http://www.w3.org/2006/12/xml-c14n11"))
}

// setAttributeNamed sets the value of an attribute with a local name.
func (m *mutant) setAttributeNamed(local, to string) {
	if a, ok := m.randomAttribute(func(a attributeSpan) bool { return a.name[strings.IndexByte(a.name, ':')+1:] == local }); ok {
		m.text = splice(m.text, a.valueStart, a.valueEnd, to)
	}
}

// refoldBase64 changes the line breaks of a base64 text, or its last, incomplete group.
func (m *mutant) refoldBase64() {
	all := findElements(m.text)
	i := m.randomElementNamed(all, "DigestValue", "SignatureValue", "BinarySecurityToken", "X509Certificate", "KeyIdentifier")
	if i < 0 || all[i].inner == all[i].outer {
		return
	}
	at := all[i].inner + m.IntN(all[i].outer-all[i].inner+1)
	switch m.IntN(6) {
	case 0:
		m.text = splice(m.text, all[i].outer, all[i].outer, pickFrom(m.draw, "=", "A", "===="))
	case 1:
		m.text = splice(m.text, all[i].inner, all[i].outer, strings.TrimRight(m.text[all[i].inner:all[i].outer], "= \n"))
	default:
		m.text = splice(m.text, at, at, pickFrom(m.draw, "\n", " ", "\r\n", "&#10;", "<!-- -->"))
	}
}

// negateECDSA replaces s of an ECDSA value by n-s, which is equally valid. That needs no private key.
func (m *mutant) negateECDSA() {
	all := findElements(m.text)
	i := m.randomElementNamed(all, "SignatureValue")
	if i < 0 {
		return
	}
	text := strings.ReplaceAll(m.text[all[i].inner:all[i].outer], "&#13;", "")
	octets, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return
	}
	order := elliptic.P256().Params().N
	switch len(octets) {
	case 64:
	case 96:
		order = elliptic.P384().Params().N
	default:
		return
	}
	s := octets[len(octets)/2:]
	if other := new(big.Int).Sub(order, new(big.Int).SetBytes(s)); other.Sign() > 0 {
		other.FillBytes(s)
		m.text = splice(m.text, all[i].inner, all[i].outer, encodeBase64(octets))
	}
}
