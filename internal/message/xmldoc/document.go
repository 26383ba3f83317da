// Package xmldoc reads octets, once, into a bounded tree that keeps offsets into its source, and writes the canonical
// form of any subtree.
//
// It is separate because everything that is signed is read by it and by nothing else: what a signature covers, what
// the schema checks and what the register decodes are the same nodes. Go's encoding/xml accepts documents that are not
// well-formed and loses what canonicalisation needs, so it must not stand below a signature.
//
// Specifications: XML 1.0 (fifth edition), non-validating, without DTD (section 2.8 is refused) and hence without any
// entity but the five of section 4.6; section 2.11 for line ends, 3.3.3 for attribute values, 4.3.3 and appendix F for
// encodings. Namespaces in XML 1.0 (third edition). Canonical XML 1.0, and Exclusive XML Canonicalization 1.0, both
// without comments.
//
// Markup becomes nodes in document order; text has none, it is what lies between two of them. A node remembers whether
// its source differs from its canonical form, so that canonicalisation copies long spans of the source and edits only
// the rest.
package xmldoc

import "sync/atomic"

// The namespaces that the specifications themselves bind.
const (
	// XMLNamespace is the namespace of the prefix xml.
	XMLNamespace = "http://www.w3.org/XML/1998/namespace"
	// XMLNSNamespace is the namespace of the prefix xmlns.
	XMLNSNamespace = "http://www.w3.org/2000/xmlns/"
	// UtilityNamespace is the namespace of wsu:Id.
	UtilityNamespace = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
)

// Document is a parsed document. What it says never changes, and many goroutines may read it at once.
type Document struct {
	source       string
	nodes        []node
	attributes   []attribute
	declarations []declaration
	prefixes     names // declared prefixes; 0 is the empty one, 1 is xml
	spaces       names // declared namespace names; 0 is "no namespace", 1 is that of xml
	identified   []identified
	identifiers  map[string]int32        // by value into identified, once there are more than a few
	scratch      atomic.Pointer[scratch] // for the next canonicalisation, while none is at work
}

// Fixed places in the tables of prefixes and namespace names.
const (
	none    int32 = 0
	xmlName int32 = 1
)

type kind uint8

const (
	element kind = iota
	comment
	section
	instruction
)

type flags uint8

const (
	// editTag: the start tag is not in canonical form, namespaces apart.
	editTag flags = 1 << iota
	// editEnd: the end tag holds white space.
	editEnd
	// editInside: the text after the start tag is not in canonical form.
	editInside
	// editAfter: the text after the node is not in canonical form.
	editAfter
	// editSelf: the processing instruction is not in canonical form.
	editSelf
	// emptyTag: the element is an empty-element tag.
	emptyTag
)

// node is one piece of markup: an element, comment, CDATA section or processing instruction. Nodes lie in document
// order, so that the descendants of node i are those between i and past.
type node struct {
	start, end   int32 // all of it in the source
	past         int32 // the first node after it and its descendants
	parent       int32 // -1 for the root
	inner, outer int32 // its content: after the start tag, up to the end tag
	prefix       int32
	space        int32
	attributes   int32 // its first attribute; they lie in canonical order
	declarations int32 // its first namespace declaration; they lie in canonical order
	nAttributes  uint16
	nDeclared    uint16
	name         uint16 // length of the qualified name, or of the target
	kind         kind
	flags        flags
}

type attribute struct {
	name       int32 // where the qualified name starts
	start, end int32 // the value, without quotes
	prefix     int32
	space      int32
	length     uint16 // of the qualified name
	flags      valueFlags
}

type valueFlags uint8

const (
	// decodeValue: the value holds references or white space to be normalised.
	decodeValue valueFlags = 1 << iota
	// escapeValue: the value holds a quotation mark that its canonical form must escape.
	escapeValue
	// editAttribute: name, equals sign and quotes are not written as the canonical form has them.
	editAttribute
)

type declaration struct {
	prefix, space int32
}

// identified is a value of one of the attributes that identify elements.
type identified struct {
	value string
	node  int32
}

// few is up to where a linear search beats a map.
const few = 16

// names gives each distinct string a small number.
type names struct {
	list  []string
	index map[string]int32 // once there are more than a few
}

func (n *names) find(s string) (int32, bool) {
	if n.index != nil {
		i, ok := n.index[s]
		return i, ok
	}
	for i, known := range n.list {
		if known == s {
			return int32(i), true
		}
	}
	return 0, false
}

func (n *names) add(s string) int32 {
	i := int32(len(n.list))
	n.list = append(n.list, s)
	switch {
	case n.index != nil:
		n.index[s] = i
	case len(n.list) > few:
		n.index = make(map[string]int32, 2*len(n.list))
		for at, known := range n.list {
			n.index[known] = int32(at)
		}
	}
	return i
}

// Root returns the document's element.
func (d *Document) Root() Element { return Element{d, 0} }

// Source returns the text of the document in UTF-8, without byte order mark. Offsets point into it.
func (d *Document) Source() string { return d.source }

// ByID returns the element whose wsu:Id, xml:id or un-namespaced Id, ID or id is the given value. Values are compared
// without the white space around them; an empty value identifies nothing.
func (d *Document) ByID(id string) (Element, bool) {
	if i, ok := d.lookupIdentifier(id); ok {
		return Element{d, d.identified[i].node}, true
	}
	return Element{}, false
}

func (d *Document) lookupIdentifier(id string) (int32, bool) {
	if d.identifiers != nil {
		i, ok := d.identifiers[id]
		return i, ok
	}
	for i := range d.identified {
		if d.identified[i].value == id {
			return int32(i), true
		}
	}
	return 0, false
}

// identify records an identifier and reports whether it is new.
func (d *Document) identify(id string, n int32) bool {
	if _, taken := d.lookupIdentifier(id); taken {
		return false
	}
	i := int32(len(d.identified))
	d.identified = append(d.identified, identified{id, n})
	switch {
	case d.identifiers != nil:
		d.identifiers[id] = i
	case len(d.identified) > few:
		d.identifiers = make(map[string]int32, 2*len(d.identified))
		for at := range d.identified {
			d.identifiers[d.identified[at].value] = int32(at)
		}
	}
	return true
}
