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
			if n, ok := m.randomElement(); ok {
				m.text = splice(m.text, n.start, n.end, "")
			}
		}},
		{"wrap an element", 1, func(m *mutant) {
			if n, ok := m.randomElement(); ok {
				m.text = splice(m.text, n.start, n.end, m.wrapElement(m.text[n.start:n.end]))
			}
		}},
		{"unwrap an element", 1, func(m *mutant) {
			if n, ok := m.randomElement(); ok {
				m.text = splice(m.text, n.start, n.end, m.text[n.inner:n.outer])
			}
		}},
		{"swap two elements", 1, (*mutant).swapElements},
		{"swap neighbours", 2, (*mutant).swapNeighbours},
		{"replace by the other message's", 4, (*mutant).transplant},
		{"insert the other message's", 2, (*mutant).graftForeign},
		{"wrapping attack", 8, (*mutant).wrapSigned},
		{"second part", 2, (*mutant).duplicatePart},
		{"envelope in the other", 1, (*mutant).nestMessages},
		{"add a header", 2, func(m *mutant) {
			all := findElements(m.text)
			if i := m.randomElementNamed(all, "Header"); i >= 0 {
				at := pickIntFrom(m, all[i].inner, all[i].outer)
				m.text = splice(m.text, at, at, pickFrom(m.draw, "<w:To xmlns:w='urn:addressing'>x</w:To>", "<h/>", "<h xmlns='urn:h'><Body/></h>", "<h xmlns='"+wsseSpace+"'/>"))
			}
		}},
	}
}

func pickIntFrom(m *mutant, list ...int) int { return list[m.IntN(len(list))] }

// attackedElements are the elements that attacks target.
var attackedElements = []string{"Body", "Timestamp", "BinarySecurityToken", "Signature", "SignedInfo", "KeyInfo", "SecurityTokenReference", "Security", "Header", "Request", "Reference", "SignatureValue", "DigestValue"}

// pickElement picks an element, usually an attacked one.
func (m *mutant) pickElement(all []elementSpan) int {
	if m.oneIn(3) {
		return m.IntN(len(all))
	}
	return m.randomElementNamed(all, attackedElements...)
}

// wrapElement puts an element inside another one.
func (m *mutant) wrapElement(element string) string {
	name := pickFrom(m.draw, "x", "w:x", "Body", "Object")
	open := pickFrom(m.draw, "<"+name+">", "<"+name+" xmlns='urn:w' xmlns:w='urn:w'>", "<"+name+" xmlns='http://www.w3.org/2000/09/xmldsig#' xmlns:w='urn:w'>")
	return open + element + "</" + name + ">"
}

// pickInsertionOffset picks an offset inside, before or after another element.
func (m *mutant) pickInsertionOffset(all []elementSpan) int {
	i := m.pickElement(all)
	if i < 0 {
		return 0
	}
	return pickIntFrom(m, all[i].start, all[i].inner, all[i].outer, all[i].end)
}

// cutElement returns an element, usually with the namespaces in scope.
func (m *mutant) cutElement(text string, all []elementSpan, i int) string {
	if m.oneIn(4) {
		return text[all[i].start:all[i].end]
	}
	return extractWithNamespaces(text, all, i)
}

func (m *mutant) moveElement(away bool) {
	all := findElements(m.text)
	if len(all) == 0 {
		return
	}
	i := m.pickElement(all)
	if i < 0 {
		return
	}
	element := m.cutElement(m.text, all, i)
	if m.oneIn(3) {
		element = m.wrapElement(element)
	}
	if away {
		m.text = splice(m.text, all[i].start, all[i].end, "")
		all = findElements(m.text)
	} else if m.oneIn(2) {
		element = m.disguiseIDs(element)
	}
	if len(all) > 0 {
		at := m.pickInsertionOffset(all)
		m.text = splice(m.text, at, at, element)
	}
}

func (m *mutant) swapElements() {
	all := findElements(m.text)
	if len(all) < 2 {
		return
	}
	i, j := m.pickElement(all), m.pickElement(all)
	if i > j {
		i, j = j, i
	}
	if i < 0 || all[i].end > all[j].start { // one contains the other
		return
	}
	first, second := m.cutElement(m.text, all, i), m.cutElement(m.text, all, j)
	m.text = splice(splice(m.text, all[j].start, all[j].end, first), all[i].start, all[i].end, second)
}

// swapNeighbours swaps two siblings.
func (m *mutant) swapNeighbours() {
	all := findElements(m.text)
	if len(all) == 0 {
		return
	}
	i := m.pickElement(all)
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
	all, others := findElements(m.text), findElements(m.donor)
	if len(all) == 0 || len(others) == 0 {
		return
	}
	i := m.pickElement(all)
	if i < 0 {
		return
	}
	j := m.randomElementNamed(others, all[i].local())
	if j < 0 {
		return
	}
	element := m.cutElement(m.donor, others, j)
	if id := elementID(m.text, all[i]); id != "" && m.oneIn(2) {
		element = setID(element, id) // the identifier that this message references
	}
	m.text = splice(m.text, all[i].start, all[i].end, element)
}

// graftForeign inserts an element of the donor anywhere.
func (m *mutant) graftForeign() {
	all, others := findElements(m.text), findElements(m.donor)
	if len(all) == 0 || len(others) == 0 {
		return
	}
	if j := m.pickElement(others); j >= 0 {
		at := m.pickInsertionOffset(all)
		m.text = splice(m.text, at, at, m.cutElement(m.donor, others, j))
	}
}

// elementID returns the identifier of an element, or "".
func elementID(text string, n elementSpan) string {
	for _, a := range findAttributes(text, n.start) {
		if isID(a) {
			return text[a.valueStart:a.valueEnd]
		}
	}
	return ""
}

// setID replaces the identifier of an element that has one.
func setID(element, id string) string {
	for _, a := range findAttributes(element, 0) {
		if isID(a) {
			return splice(element, a.valueStart, a.valueEnd, id)
		}
	}
	return element
}

// removeIDs removes the identifiers of an element and its descendants, or of the descendants only.
func removeIDs(element string, insideOnly bool) string {
	all := findElements(element)
	for i := len(all) - 1; i >= 0 && (i > 0 || !insideOnly); i-- {
		identifiers := findAttributes(element, all[i].start)
		for j := len(identifiers) - 1; j >= 0; j-- {
			if isID(identifiers[j]) {
				element = splice(element, identifiers[j].start, identifiers[j].end, "")
			}
		}
	}
	return element
}

var digitPattern = regexp.MustCompile(`>([^<]*)[0-9]([^<]*)<`)

// forgeContent changes the content of an element.
func (m *mutant) forgeContent(element string) string {
	switch m.IntN(4) {
	case 0:
		return strings.Replace(element, "48022907379", "00000000097", 1)
	case 1:
		return digitPattern.ReplaceAllString(element, ">${1}7${2}<")
	case 2:
		return strings.Replace(element, "</", "<forged/></", 1)
	}
	return element
}

// disguiseIDs changes the identifiers of a copied element, which affects lookups by identifier. A repeated identifier
// is refused at once, so most copies contain none.
func (m *mutant) disguiseIDs(element string) string {
	if !m.oneIn(4) {
		element = removeIDs(element, true)
	}
	switch m.IntN(6) {
	case 0:
		return removeIDs(element, false)
	case 1:
		return setID(element, "other")
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
func (m *mutant) wrapSigned() {
	all := findElements(m.text)
	i := m.randomElementNamed(all, pickFrom(m.draw, "Body", "Body", "Body", "Timestamp", "Timestamp", "BinarySecurityToken", "Signature", "Security", "SignedInfo", "Request"))
	if i < 0 {
		return
	}
	signed := extractWithNamespaces(m.text, all, i)
	m.text = splice(m.text, all[i].start, all[i].end, m.disguiseIDs(m.forgeContent(m.text[all[i].start:all[i].end])))
	if m.oneIn(3) {
		signed = m.wrapElement(signed)
	}
	if all = findElements(m.text); len(all) == 0 {
		return
	}
	at := m.pickInsertionOffset(all)
	if into := m.randomElementNamed(all, pickFrom(m.draw, "Header", "Header", "Header", "To", "Note", "Security", "Signature", "KeyInfo", "Reference", "SecurityTokenReference", "Body", "Request", "Envelope", "X509Data", "Transform")); into >= 0 && !m.oneIn(3) {
		at = pickIntFrom(m, all[into].inner, all[into].outer)
	}
	m.text = splice(m.text, at, at, signed)
}

// duplicatePart adds a forged second copy of a part that may occur once, before or after it.
func (m *mutant) duplicatePart() {
	all := findElements(m.text)
	i := m.randomElementNamed(all, "Body", "Security", "Header", "Timestamp", "Signature", "BinarySecurityToken", "SignedInfo", "KeyInfo", "Envelope", "Request")
	if i < 0 {
		return
	}
	at := pickIntFrom(m, all[i].start, all[i].end)
	m.text = splice(m.text, at, at, m.disguiseIDs(m.forgeContent(m.text[all[i].start:all[i].end])))
}

// nestMessages inserts the whole message into the donor, or the donor into it.
func (m *mutant) nestMessages() {
	outer, inner := m.text, m.donor
	if m.oneIn(2) {
		outer, inner = inner, outer
	}
	if strings.HasPrefix(inner, "<?xml") {
		inner = inner[strings.Index(inner, "?>")+2:]
	}
	all := findElements(outer)
	if i := m.randomElementNamed(all, "Header", "Body", "Request", "KeyInfo", "Security"); i >= 0 {
		at := pickIntFrom(m, all[i].inner, all[i].outer)
		m.text = splice(outer, at, at, inner)
	}
}
