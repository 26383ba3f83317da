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

import (
	"slices"
	"sync/atomic"
)

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
	source             string
	nodes              []node
	attributes         []attribute
	declarations       []namespaceDeclaration
	prefixes           stringTable // declared prefixes; index 0 is the empty prefix, 1 is xml
	namespaces         stringTable // declared namespace names; index 0 is "no namespace", 1 is the xml namespace
	identifiedElements []identifiedElement
	identifiers        map[string]int32        // indices into identifiedElements by value; nil up to linearSearchLimit
	lookalikes         []identifiedElement     // attributes that another reader may take for an identifier
	scratch            atomic.Pointer[scratch] // buffers for the next canonicalisation; nil while one is using them
}

// Fixed indices in the tables of prefixes and namespace names.
const (
	indexNone int32 = 0
	indexXML  int32 = 1
)

type nodeKind uint8

const (
	elementNode nodeKind = iota
	commentNode
	cdataNode
	instructionNode
)

type nodeFlags uint8

const (
	// editStartTag: the start tag is not in canonical form, apart from its namespace declarations.
	editStartTag nodeFlags = 1 << iota
	// editEndTag: the end tag contains white space.
	editEndTag
	// editTextInside: the text after the start tag is not in canonical form.
	editTextInside
	// editTextAfter: the text after the node is not in canonical form.
	editTextAfter
	// editInstruction: the processing instruction is not in canonical form.
	editInstruction
	// emptyElementTag: the element is an empty-element tag.
	emptyElementTag
)

// node is one piece of markup: an element, comment, CDATA section or processing instruction. Nodes are in document
// order, so the descendants of node i are the nodes between i and afterSubtree.
type node struct {
	start, end               int32 // the offsets of the whole node
	afterSubtree             int32 // the first node after its descendants
	parent                   int32 // -1 for the root
	contentStart, contentEnd int32 // the offsets of its content: after the start tag, up to the end tag
	prefix                   int32
	namespace                int32
	firstAttribute           int32 // the first of its attributes, which are in canonical order
	firstDeclaration         int32 // the first of its namespace declarations, which are in canonical order
	attributeCount           uint16
	declarationCount         uint16
	nameLength               uint16 // the length of the qualified name or target, in bytes
	kind                     nodeKind
	flags                    nodeFlags
}

type attribute struct {
	nameStart            int32 // the offset of the qualified name
	valueStart, valueEnd int32 // the offsets of the value, without quotes
	prefix               int32
	namespace            int32
	nameLength           uint16 // of the qualified name, in bytes
	flags                valueFlags
}

type valueFlags uint8

const (
	// valueNeedsDecoding: the value contains references, or white space to normalise.
	valueNeedsDecoding valueFlags = 1 << iota
	// valueNeedsEscaping: the value contains a quotation mark that its canonical form must escape.
	valueNeedsEscaping
	// attributeNeedsRewriting: the space before the name, the equals sign or the quotes are not in canonical form.
	attributeNeedsRewriting
)

type namespaceDeclaration struct {
	prefix, namespace int32
}

// identifiedElement is an element that has an identifying attribute, with the attribute's value.
type identifiedElement struct {
	value     string
	node      int32
	namespace int32 // of the attribute
}

// linearSearchLimit is the number of strings up to which a linear search is faster than a map.
const linearSearchLimit = 16

// stringTable numbers distinct strings.
type stringTable struct {
	values []string
	index  map[string]int32 // nil up to linearSearchLimit
}

func (n *stringTable) findIndex(s string) (int32, bool) {
	if n.index != nil {
		i, ok := n.index[s]
		return i, ok
	}
	for i, known := range n.values {
		if known == s {
			return int32(i), true
		}
	}
	return 0, false
}

func (n *stringTable) addValue(s string) int32 {
	i := int32(len(n.values))
	n.values = append(n.values, s)
	switch {
	case n.index != nil:
		n.index[s] = i
	case len(n.values) > linearSearchLimit:
		n.index = make(map[string]int32, 2*len(n.values))
		for at, known := range n.values {
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
func (d *Document) ElementByID(id string) (Element, bool) {
	if i, ok := d.lookupIdentifier(id); ok {
		return Element{d, d.identifiedElements[i].node}, true
	}
	return Element{}, false
}

// HasOneIdentifier reports whether every reader finds e by its identifier: e has one attribute with the local name id,
// in any case and namespace, and no other such attribute of the document has the same value. Tools differ in which of
// them they take for identifiers, and some compare the local name alone.
func (e Element) HasOneIdentifier() bool {
	id := ""
	for i := range e.doc.identifiedElements {
		if known := &e.doc.identifiedElements[i]; known.node == e.index {
			if id != "" {
				return false
			}
			id = known.value
		}
	}
	return id != "" && !slices.ContainsFunc(e.doc.lookalikes, func(other identifiedElement) bool {
		return other.node == e.index || other.value == id
	})
}

func (d *Document) lookupIdentifier(id string) (int32, bool) {
	if d.identifiers != nil {
		i, ok := d.identifiers[id]
		return i, ok
	}
	for i := range d.identifiedElements {
		if d.identifiedElements[i].value == id {
			return int32(i), true
		}
	}
	return 0, false
}

// addIdentifier records an identifier and reports whether it is new, or was given to the same element in an attribute
// of another namespace.
func (d *Document) addIdentifier(id string, n, namespace int32) bool {
	if at, taken := d.lookupIdentifier(id); taken {
		earlier := d.identifiedElements[at]
		return earlier.node == n && earlier.namespace != namespace
	}
	i := int32(len(d.identifiedElements))
	d.identifiedElements = append(d.identifiedElements, identifiedElement{id, n, namespace})
	switch {
	case d.identifiers != nil:
		d.identifiers[id] = i
	case len(d.identifiedElements) > linearSearchLimit:
		d.identifiers = make(map[string]int32, 2*len(d.identifiedElements))
		for at := range d.identifiedElements {
			d.identifiers[d.identifiedElements[at].value] = int32(at)
		}
	}
	return true
}
