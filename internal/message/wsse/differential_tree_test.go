package wsse_test

import (
	"regexp"
	"strings"
)

// treeMutations move whole elements, as in wrapping attacks, and combine elements of two messages.
func treeMutations() []mutation {
	return []mutation{
		{"move an element", 2, func(m *mutant) { m.moveElement(true) }},
		{"copy an element", 2, func(m *mutant) { m.moveElement(false) }},
		{"delete an element", 1, func(m *mutant) {
			if n, ok := m.node(); ok {
				m.text = splice(m.text, n.start, n.end, "")
			}
		}},
		{"wrap an element", 1, func(m *mutant) {
			if n, ok := m.node(); ok {
				m.text = splice(m.text, n.start, n.end, m.wrapped(m.text[n.start:n.end]))
			}
		}},
		{"unwrap an element", 1, func(m *mutant) {
			if n, ok := m.node(); ok {
				m.text = splice(m.text, n.start, n.end, m.text[n.inner:n.outer])
			}
		}},
		{"swap two elements", 1, (*mutant).swapElements},
		{"swap neighbours", 2, (*mutant).swapNeighbours},
		{"replace by the other message's", 4, (*mutant).transplant},
		{"insert the other message's", 2, (*mutant).graft},
		{"wrapping attack", 8, (*mutant).wrappingAttack},
		{"second part", 2, (*mutant).secondPart},
		{"envelope in the other", 1, (*mutant).nest},
		{"add a header", 2, func(m *mutant) {
			all := nodes(m.text)
			if i := m.named(all, "Header"); i >= 0 {
				at := pickInt(m, all[i].inner, all[i].outer)
				m.text = splice(m.text, at, at, pick(m.draw, "<w:To xmlns:w='urn:addressing'>x</w:To>", "<h/>", "<h xmlns='urn:h'><Body/></h>", "<h xmlns='"+wsseSpace+"'/>"))
			}
		}},
	}
}

func pickInt(m *mutant, list ...int) int { return list[m.IntN(len(list))] }

// attackedElements are the elements that attacks target.
var important = []string{"Body", "Timestamp", "BinarySecurityToken", "Signature", "SignedInfo", "KeyInfo", "SecurityTokenReference", "Security", "Header", "Request", "Reference", "SignatureValue", "DigestValue"}

// pickElement picks an element, usually an attacked one.
func (m *mutant) someNode(all []node) int {
	if m.chance(3) {
		return m.IntN(len(all))
	}
	return m.named(all, important...)
}

// wrapElement puts an element inside another one.
func (m *mutant) wrapped(element string) string {
	name := pick(m.draw, "x", "w:x", "Body", "Object")
	open := pick(m.draw, "<"+name+">", "<"+name+" xmlns='urn:w' xmlns:w='urn:w'>", "<"+name+" xmlns='http://www.w3.org/2000/09/xmldsig#' xmlns:w='urn:w'>")
	return open + element + "</" + name + ">"
}

// pickInsertionOffset picks an offset inside, before or after another element.
func (m *mutant) place(all []node) int {
	i := m.someNode(all)
	if i < 0 {
		return 0
	}
	return pickInt(m, all[i].start, all[i].inner, all[i].outer, all[i].end)
}

// cutElement returns an element, usually with the namespaces in scope.
func (m *mutant) take(text string, all []node, i int) string {
	if m.chance(4) {
		return text[all[i].start:all[i].end]
	}
	return carried(text, all, i)
}

func (m *mutant) moveElement(away bool) {
	all := nodes(m.text)
	if len(all) == 0 {
		return
	}
	i := m.someNode(all)
	if i < 0 {
		return
	}
	element := m.take(m.text, all, i)
	if m.chance(3) {
		element = m.wrapped(element)
	}
	if away {
		m.text = splice(m.text, all[i].start, all[i].end, "")
		all = nodes(m.text)
	} else if m.chance(2) {
		element = m.disguised(element)
	}
	if len(all) > 0 {
		at := m.place(all)
		m.text = splice(m.text, at, at, element)
	}
}

func (m *mutant) swapElements() {
	all := nodes(m.text)
	if len(all) < 2 {
		return
	}
	i, j := m.someNode(all), m.someNode(all)
	if i > j {
		i, j = j, i
	}
	if i < 0 || all[i].end > all[j].start { // one contains the other
		return
	}
	first, second := m.take(m.text, all, i), m.take(m.text, all, j)
	m.text = splice(splice(m.text, all[j].start, all[j].end, first), all[i].start, all[i].end, second)
}

// swapNeighbours swaps two siblings.
func (m *mutant) swapNeighbours() {
	all := nodes(m.text)
	if len(all) == 0 {
		return
	}
	i := m.someNode(all)
	if i < 0 {
		return
	}
	for j := i + 1; j < len(all); j++ {
		if all[j].start >= all[i].end && all[j].parent == all[i].parent {
			first, second := m.text[all[i].start:all[i].end], m.text[all[j].start:all[j].end]
			m.text = splice(splice(m.text, all[j].start, all[j].end, first), all[i].start, all[i].end, second)
			return
		}
	}
}

// transplant replaces an element by one of the same name from the donor.
func (m *mutant) transplant() {
	all, others := nodes(m.text), nodes(m.donor)
	if len(all) == 0 || len(others) == 0 {
		return
	}
	i := m.someNode(all)
	if i < 0 {
		return
	}
	j := m.named(others, all[i].local())
	if j < 0 {
		return
	}
	element := m.take(m.donor, others, j)
	if id := idOf(m.text, all[i]); id != "" && m.chance(2) {
		element = withID(element, id) // the identifier that this message references
	}
	m.text = splice(m.text, all[i].start, all[i].end, element)
}

// graftForeign inserts an element of the donor anywhere.
func (m *mutant) graft() {
	all, others := nodes(m.text), nodes(m.donor)
	if len(all) == 0 || len(others) == 0 {
		return
	}
	if j := m.someNode(others); j >= 0 {
		at := m.place(all)
		m.text = splice(m.text, at, at, m.take(m.donor, others, j))
	}
}

// elementID returns the identifier of an element, or "".
func idOf(text string, n node) string {
	for _, a := range attrs(text, n.start) {
		if isID(a) {
			return text[a.valueStart:a.valueEnd]
		}
	}
	return ""
}

// setID replaces the identifier of an element that has one.
func withID(element, id string) string {
	for _, a := range attrs(element, 0) {
		if isID(a) {
			return splice(element, a.valueStart, a.valueEnd, id)
		}
	}
	return element
}

// removeIDs removes the identifiers of an element and its descendants, or of the descendants only.
func withoutIDs(element string, insideOnly bool) string {
	all := nodes(element)
	for i := len(all) - 1; i >= 0 && (i > 0 || !insideOnly); i-- {
		identifiers := attrs(element, all[i].start)
		for j := len(identifiers) - 1; j >= 0; j-- {
			if isID(identifiers[j]) {
				element = splice(element, identifiers[j].start, identifiers[j].end, "")
			}
		}
	}
	return element
}

var digit = regexp.MustCompile(`>([^<]*)[0-9]([^<]*)<`)

// forgeContent changes the content of an element.
func (m *mutant) forged(element string) string {
	switch m.IntN(4) {
	case 0:
		return strings.Replace(element, "48022907379", "00000000097", 1)
	case 1:
		return digit.ReplaceAllString(element, ">${1}7${2}<")
	case 2:
		return strings.Replace(element, "</", "<forged/></", 1)
	}
	return element
}

// disguiseIDs changes the identifiers of a copied element, which affects lookups by identifier. A repeated identifier
// is refused at once, so most copies contain none.
func (m *mutant) disguised(element string) string {
	if !m.chance(4) {
		element = withoutIDs(element, true)
	}
	switch m.IntN(6) {
	case 0:
		return withoutIDs(element, false)
	case 1:
		return withID(element, "other")
	case 2:
		return strings.Replace(element, "Id=", "ID=", 1)
	case 3:
		return strings.Replace(element, "Id=", "xml:id=", 1)
	case 4:
		return regexp.MustCompile(`(\w+:)?Id=`).ReplaceAllString(element, "Id=")
	}
	return element
}

// wrapSigned moves a signed element elsewhere and puts a forged one in its place.
func (m *mutant) wrappingAttack() {
	all := nodes(m.text)
	i := m.named(all, pick(m.draw, "Body", "Body", "Body", "Timestamp", "Timestamp", "BinarySecurityToken", "Signature", "Security", "SignedInfo", "Request"))
	if i < 0 {
		return
	}
	signed := carried(m.text, all, i)
	m.text = splice(m.text, all[i].start, all[i].end, m.disguised(m.forged(m.text[all[i].start:all[i].end])))
	if m.chance(3) {
		signed = m.wrapped(signed)
	}
	if all = nodes(m.text); len(all) == 0 {
		return
	}
	at := m.place(all)
	if into := m.named(all, pick(m.draw, "Header", "Header", "Header", "To", "Note", "Security", "Signature", "KeyInfo", "Reference", "SecurityTokenReference", "Body", "Request", "Envelope", "X509Data", "Transform")); into >= 0 && !m.chance(3) {
		at = pickInt(m, all[into].inner, all[into].outer)
	}
	m.text = splice(m.text, at, at, signed)
}

// duplicatePart adds a forged second copy of a part that may occur once, before or after it.
func (m *mutant) secondPart() {
	all := nodes(m.text)
	i := m.named(all, "Body", "Security", "Header", "Timestamp", "Signature", "BinarySecurityToken", "SignedInfo", "KeyInfo", "Envelope", "Request")
	if i < 0 {
		return
	}
	at := pickInt(m, all[i].start, all[i].end)
	m.text = splice(m.text, at, at, m.disguised(m.forged(m.text[all[i].start:all[i].end])))
}

// nestMessages inserts the whole message into the donor, or the donor into it.
func (m *mutant) nest() {
	outer, inner := m.text, m.donor
	if m.chance(2) {
		outer, inner = inner, outer
	}
	if strings.HasPrefix(inner, "<?xml") {
		inner = inner[strings.Index(inner, "?>")+2:]
	}
	all := nodes(outer)
	if i := m.named(all, "Header", "Body", "Request", "KeyInfo", "Security"); i >= 0 {
		at := pickInt(m, all[i].inner, all[i].outer)
		m.text = splice(outer, at, at, inner)
	}
}
