package xmldoc

import (
	"iter"
	"unicode/utf8"
)

// Element is a handle on one element of a Document. Handles are comparable: two are equal if they refer to the same
// node of the same document. The zero Element refers to no element; its methods return zero values.
type Element struct {
	doc   *Document
	index int32
}

// Attr is one attribute, not a namespace declaration. Value is normalised (XML 1.0 section 3.3.3).
type Attr struct {
	Space, Local, Prefix, Value string
}

// IsZero reports whether e is the zero Element.
func (e Element) IsZero() bool { return e.doc == nil }

// Document returns the document that e belongs to, nil for the zero Element.
func (e Element) Document() *Document { return e.doc }

func (e Element) node() *node { return &e.doc.nodes[e.index] }

// Space returns the namespace name, or "" if e is in no namespace.
func (e Element) Space() string {
	if e.doc == nil {
		return ""
	}
	return e.doc.namespaces.values[e.node().namespace]
}

// Prefix returns the prefix as written, or "" if there is none.
func (e Element) Prefix() string {
	if e.doc == nil {
		return ""
	}
	return e.doc.prefixes.values[e.node().prefix]
}

// Local returns the local name.
func (e Element) Local() string {
	if e.doc == nil {
		return ""
	}
	n := e.node()
	return e.doc.localName(n.start+1, n.nameLength, n.prefix)
}

// localName returns the local part of the qualified name at start, given its length and prefix.
func (d *Document) localName(start int32, length uint16, prefix int32) string {
	name := d.source[start : start+int32(length)]
	if prefix == indexNone {
		return name
	}
	return name[len(d.prefixes.values[prefix])+1:]
}

// Is reports whether e has the given expanded name.
func (e Element) Is(space, local string) bool {
	return e.doc != nil && e.Local() == local && e.Space() == space
}

// Parent returns the parent element, or the zero Element for the root.
func (e Element) Parent() Element {
	if e.doc == nil || e.node().parent < 0 {
		return Element{}
	}
	return Element{e.doc, e.node().parent}
}

// findElementFrom returns the first element among node i and its following siblings, before the node past.
func (d *Document) findElementFrom(i, past int32) Element {
	for ; i < past; i = d.nodes[i].afterSubtree {
		if d.nodes[i].kind == elementNode {
			return Element{d, i}
		}
	}
	return Element{}
}

// FirstChild returns the first child element.
func (e Element) FirstChild() Element {
	if e.doc == nil {
		return Element{}
	}
	return e.doc.findElementFrom(e.index+1, e.node().afterSubtree)
}

// NextSibling returns the next element with the same parent.
func (e Element) NextSibling() Element {
	if e.doc == nil || e.node().parent < 0 {
		return Element{}
	}
	n := e.node()
	return e.doc.findElementFrom(n.afterSubtree, e.doc.nodes[n.parent].afterSubtree)
}

// Children yields the child elements in document order.
func (e Element) Children() iter.Seq[Element] {
	return func(yield func(Element) bool) {
		for c := e.FirstChild(); !c.IsZero(); c = c.NextSibling() {
			if !yield(c) {
				return
			}
		}
	}
}

// Descendants yields the elements below e in document order.
func (e Element) Descendants() iter.Seq[Element] {
	return func(yield func(Element) bool) {
		if e.doc == nil {
			return
		}
		for i := e.index + 1; i < e.node().afterSubtree; i++ {
			if e.doc.nodes[i].kind == elementNode && !yield(Element{e.doc, i}) {
				return
			}
		}
	}
}

// Child returns the first child element with the given expanded name, or the zero Element.
func (e Element) Child(space, local string) Element {
	for c := e.FirstChild(); !c.IsZero(); c = c.NextSibling() {
		if c.Is(space, local) {
			return c
		}
	}
	return Element{}
}

// sortedAttributes returns the attributes of e in canonical order.
func (e Element) sortedAttributes() []attribute {
	n := e.node()
	return e.doc.attributes[n.firstAttribute : n.firstAttribute+int32(n.attributeCount)]
}

// Attr returns the normalised value of the attribute with the given expanded name, and whether there is one. It
// allocates only if the value contains references or white space to normalise.
func (e Element) Attr(space, local string) (string, bool) {
	if e.doc == nil {
		return "", false
	}
	all := e.sortedAttributes()
	for i := range all {
		a := &all[i]
		if e.doc.localName(a.nameStart, a.nameLength, a.prefix) == local &&
			e.doc.namespaces.values[a.namespace] == space {
			return e.doc.attributeValue(a), true
		}
	}
	return "", false
}

// Attrs yields the attributes, without namespace declarations, in canonical order: by namespace name, then local name.
func (e Element) Attrs() iter.Seq[Attr] {
	return func(yield func(Attr) bool) {
		if e.doc == nil {
			return
		}
		all := e.sortedAttributes()
		for i := range all {
			a := &all[i]
			if !yield(Attr{
				Space:  e.doc.namespaces.values[a.namespace],
				Local:  e.doc.localName(a.nameStart, a.nameLength, a.prefix),
				Prefix: e.doc.prefixes.values[a.prefix],
				Value:  e.doc.attributeValue(a),
			}) {
				return
			}
		}
	}
}

// Text returns the whole character content of e. It includes CDATA sections and skips comments and processing
// instructions, so that a comment cannot hide part of a value. It returns false if e has child elements.
func (e Element) Text() (string, bool) {
	if e.doc == nil || !e.FirstChild().IsZero() {
		return "", false
	}
	n := e.node()
	if n.afterSubtree == e.index+1 && n.flags&editTextInside == 0 {
		return e.doc.source[n.contentStart:n.contentEnd], true
	}
	text := make([]byte, 0, n.contentEnd-n.contentStart)
	text, _ = appendText(text, e.doc.source, n.contentStart, utf8.AppendRune)
	for i := e.index + 1; i < n.afterSubtree; i++ {
		c := &e.doc.nodes[i]
		if c.kind == cdataNode {
			text = appendCDATA(text, e.doc.cdataText(c), utf8.AppendRune)
		}
		text, _ = appendText(text, e.doc.source, c.end, utf8.AppendRune)
	}
	return string(text), true
}

// LookupNamespace returns the namespace name that the prefix is bound to at e, and whether it is bound. The empty
// prefix always is; its namespace name is "" without a default namespace.
func (e Element) LookupNamespace(prefix string) (string, bool) {
	if e.doc == nil {
		return "", false
	}
	if prefix == "xml" {
		return XMLNamespace, true
	}
	for n := e; !n.IsZero(); n = n.Parent() {
		if space, ok := n.declaredNamespace(prefix); ok {
			return e.doc.namespaces.values[space], true
		}
	}
	return "", prefix == ""
}

// declaredNamespace returns the namespace that a declaration at e itself binds the prefix to.
func (e Element) declaredNamespace(prefix string) (int32, bool) {
	for _, decl := range e.ownDeclarations() {
		if e.doc.prefixes.values[decl.prefix] == prefix {
			return decl.namespace, true
		}
	}
	return indexNone, false
}

func (e Element) ownDeclarations() []namespaceDeclaration {
	n := e.node()
	return e.doc.declarations[n.firstDeclaration : n.firstDeclaration+int32(n.declarationCount)]
}

// DeclaresWithin reports whether the binding of the prefix in scope at e is declared at e or at an ancestor up to and
// including top. A signature over top in exclusive canonical form does not protect a binding declared further out. The
// prefix xml cannot be rebound, so it always counts as declared.
func (e Element) DeclaresWithin(top Element, prefix string) bool {
	if !e.IsWithin(top) {
		return false
	}
	if prefix == "xml" {
		return true
	}
	for n := e; ; n = n.Parent() {
		if _, ok := n.declaredNamespace(prefix); ok {
			return true
		}
		if n == top {
			return false
		}
	}
}

// IsWithin reports whether e is top or a descendant of it.
func (e Element) IsWithin(top Element) bool {
	return e.doc != nil && e.doc == top.doc && top.index <= e.index && e.index < top.node().afterSubtree
}

// Offset returns the start and end of e in the document's Source.
func (e Element) Offset() (start, end int) {
	if e.doc == nil {
		return 0, 0
	}
	n := e.node()
	return int(n.start), int(n.end)
}

// ContentOffset returns the start and end, in Source, of the content between the tags of e. They are equal for an
// empty-element tag.
func (e Element) ContentOffset() (start, end int) {
	if e.doc == nil {
		return 0, 0
	}
	n := e.node()
	return int(n.contentStart), int(n.contentEnd)
}
