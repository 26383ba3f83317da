// Package xmldoc parses a document once, into a bounded tree of offsets into its source, and writes the canonical form
// of any subtree. Parse is the entry point; C14N writes the canonical form.
//
// It is separate because it is the only parser of signed documents: the nodes that a signature covers, that the schema
// checks and that the register decodes are the same. Go's encoding/xml accepts documents that are not well-formed and
// drops what canonicalisation needs, so signatures must not rely on it.
//
// Specifications: XML 1.0 (fifth edition), non-validating, without DTD (section 2.8 is rejected) and therefore without
// entities other than the five of section 4.6; section 2.11 for line ends, 3.3.3 for attribute values, 4.3.3 and
// appendix F for encodings. Namespaces in XML 1.0 (third edition). Canonical XML 1.0, and Exclusive XML
// Canonicalization 1.0, both without comments.
//
// Markup becomes nodes in document order. Text has no nodes: it is the source between two nodes. Flags of a node record
// where its source differs from its canonical form, so that canonicalisation copies long spans of the source and edits
// only the rest.
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

// Document is a parsed document. It is immutable and safe for concurrent use.
type Document struct {
	source       string
	nodes        []node
	attributes   []attribute
	declarations []declaration
	prefixes     names // declared prefixes; index 0 is the empty prefix, 1 is xml
	spaces       names // declared namespace names; index 0 is "no namespace", 1 is the xml namespace
	identified   []identified
	identifiers  map[string]int32        // indices into identifiedElements by value; nil up to linearSearchLimit
	scratch      atomic.Pointer[scratch] // buffers for the next canonicalisation; nil while one is using them
}

// Fixed indices in the tables of prefixes and namespace names.
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
	// editStartTag: the start tag is not in canonical form, apart from its namespace declarations.
	editTag flags = 1 << iota
	// editEndTag: the end tag contains white space.
	editEnd
	// editTextInside: the text after the start tag is not in canonical form.
	editInside
	// editTextAfter: the text after the node is not in canonical form.
	editAfter
	// editInstruction: the processing instruction is not in canonical form.
	editSelf
	// emptyElementTag: the element is an empty-element tag.
	emptyTag
)

// node is one piece of markup: an element, comment, CDATA section or processing instruction. Nodes are in document
// order, so the descendants of node i are the nodes between i and afterSubtree.
type node struct {
	start, end   int32 // the offsets of the whole node
	past         int32 // the first node after its descendants
	parent       int32 // -1 for the root
	inner, outer int32 // the offsets of its content: after the start tag, up to the end tag
	prefix       int32
	space        int32
	attributes   int32 // the first of its attributes, which are in canonical order
	declarations int32 // the first of its namespace declarations, which are in canonical order
	nAttributes  uint16
	nDeclared    uint16
	name         uint16 // the length of the qualified name or target, in bytes
	kind         kind
	flags        flags
}

type attribute struct {
	name       int32 // the offset of the qualified name
	start, end int32 // the offsets of the value, without quotes
	prefix     int32
	space      int32
	length     uint16 // of the qualified name, in bytes
	flags      valueFlags
}

type valueFlags uint8

const (
	// valueNeedsDecoding: the value contains references, or white space to normalise.
	decodeValue valueFlags = 1 << iota
	// valueNeedsEscaping: the value contains a quotation mark that its canonical form must escape.
	escapeValue
	// attributeNeedsRewriting: the space before the name, the equals sign or the quotes are not in canonical form.
	editAttribute
)

type declaration struct {
	prefix, space int32
}

// identifiedElement is an element that has an identifying attribute, with the attribute's value.
type identified struct {
	value string
	node  int32
}

// linearSearchLimit is the number of strings up to which a linear search is faster than a map.
const few = 16

// stringTable numbers distinct strings.
type names struct {
	list  []string
	index map[string]int32 // nil up to linearSearchLimit
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

// Root returns the root element.
func (d *Document) Root() Element { return Element{d, 0} }

// Source returns the text of the document in UTF-8, without byte order mark. Offsets are byte offsets into it.
func (d *Document) Source() string { return d.source }

// ElementByID returns the element whose wsu:Id, xml:id, or Id, ID or id without namespace, has the given value. Values
// are compared without surrounding white space; an empty value identifies no element.
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

// addIdentifier records an identifier and reports whether it is new.
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
