package xmldoc

import (
	"iter"
	"unicode/utf8"
)

// Element is a handle on one element of a Document. Handles are comparable: two are equal if they refer to the same
// node of the same document. The zero Element refers to no element; its methods return zero values.
type Element struct {
	d *Document
	i int32
}

// Attr is one attribute, not a namespace declaration. Value is normalised (XML 1.0 section 3.3.3).
type Attr struct {
	Space, Local, Prefix, Value string
}

// IsZero reports whether e is the zero Element.
func (e Element) IsZero() bool { return e.d == nil }

// Document returns the document that e belongs to, nil for the zero Element.
func (e Element) Document() *Document { return e.d }

func (e Element) node() *node { return &e.d.nodes[e.i] }

// Space returns the namespace name, or "" if e is in no namespace.
func (e Element) Space() string {
	if e.d == nil {
		return ""
	}
	return e.d.spaces.list[e.node().space]
}

// Prefix returns the prefix as written, or "" if there is none.
func (e Element) Prefix() string {
	if e.d == nil {
		return ""
	}
	return e.d.prefixes.list[e.node().prefix]
}

// Local returns the local name.
func (e Element) Local() string {
	if e.d == nil {
		return ""
	}
	n := e.node()
	return e.d.local(n.start+1, n.name, n.prefix)
}

// localName returns the local part of the qualified name at start, given its length and prefix.
func (d *Document) local(start int32, length uint16, prefix int32) string {
	name := d.source[start : start+int32(length)]
	if prefix == none {
		return name
	}
	return name[len(d.prefixes.list[prefix])+1:]
}

// Is reports whether e has the given expanded name.
func (e Element) Is(space, local string) bool {
	return e.d != nil && e.Local() == local && e.Space() == space
}

// Parent returns the parent element, or the zero Element for the root.
func (e Element) Parent() Element {
	if e.d == nil || e.node().parent < 0 {
		return Element{}
	}
	return Element{e.d, e.node().parent}
}

// findElementFrom returns the first element among node i and its following siblings, before the node past.
func (d *Document) elementFrom(i, past int32) Element {
	for ; i < past; i = d.nodes[i].past {
		if d.nodes[i].kind == element {
			return Element{d, i}
		}
	}
	return Element{}
}

// FirstChild returns the first child element.
func (e Element) FirstChild() Element {
	if e.d == nil {
		return Element{}
	}
	return e.d.elementFrom(e.i+1, e.node().past)
}

// NextSibling returns the next element with the same parent.
func (e Element) NextSibling() Element {
	if e.d == nil || e.node().parent < 0 {
		return Element{}
	}
	n := e.node()
	return e.d.elementFrom(n.past, e.d.nodes[n.parent].past)
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
func (e Element) attributes() []attribute {
	n := e.node()
	return e.d.attributes[n.attributes : n.attributes+int32(n.nAttributes)]
}

// Attr returns the normalised value of the attribute with the given expanded name, and whether there is one. It
// allocates only if the value contains references or white space to normalise.
func (e Element) Attr(space, local string) (string, bool) {
	if e.d == nil {
		return "", false
	}
	all := e.attributes()
	for i := range all {
		a := &all[i]
		if e.d.local(a.name, a.length, a.prefix) == local && e.d.spaces.list[a.space] == space {
			return e.d.value(a), true
		}
	}
	return "", false
}

// Attrs yields the attributes, without namespace declarations, in canonical order: by namespace name, then local name.
func (e Element) Attrs() iter.Seq[Attr] {
	return func(yield func(Attr) bool) {
		if e.d == nil {
			return
		}
		all := e.attributes()
		for i := range all {
			a := &all[i]
			if !yield(Attr{
				Space:  e.d.spaces.list[a.space],
				Local:  e.d.local(a.name, a.length, a.prefix),
				Prefix: e.d.prefixes.list[a.prefix],
				Value:  e.d.value(a),
			}) {
				return
			}
		}
	}
}

// Text returns the whole character content of e. It includes CDATA sections and skips comments and processing
// instructions, so that a comment cannot hide part of a value. It returns false if e has child elements.
func (e Element) Text() (string, bool) {
	if e.d == nil || !e.FirstChild().IsZero() {
		return "", false
	}
	n := e.node()
	if n.past == e.i+1 && n.flags&editInside == 0 {
		return e.d.source[n.inner:n.outer], true
	}
	text := make([]byte, 0, n.outer-n.inner)
	text, _ = appendText(text, e.d.source, n.inner, utf8.AppendRune)
	for i := e.i + 1; i < n.past; i++ {
		c := &e.d.nodes[i]
		if c.kind == section {
			text = appendSection(text, e.d.sectionText(c), utf8.AppendRune)
		}
		text, _ = appendText(text, e.d.source, c.end, utf8.AppendRune)
	}
	return string(text), true
}

// LookupNamespace returns the namespace name that the prefix is bound to at e, and whether it is bound. The empty
// prefix always is; its namespace name is "" without a default namespace.
func (e Element) LookupNamespace(prefix string) (string, bool) {
	if e.d == nil {
		return "", false
	}
	if prefix == "xml" {
		return XMLNamespace, true
	}
	for n := e; !n.IsZero(); n = n.Parent() {
		if space, ok := n.declared(prefix); ok {
			return e.d.spaces.list[space], true
		}
	}
	return "", prefix == ""
}

// declaredNamespace returns the namespace that a declaration at e itself binds the prefix to.
func (e Element) declared(prefix string) (int32, bool) {
	for _, decl := range e.declarations() {
		if e.d.prefixes.list[decl.prefix] == prefix {
			return decl.space, true
		}
	}
	return none, false
}

func (e Element) declarations() []declaration {
	n := e.node()
	return e.d.declarations[n.declarations : n.declarations+int32(n.nDeclared)]
}

// DeclaresWithin reports whether the binding of the prefix in scope at e is declared at e or at an ancestor up to and
// including top. A signature over top in exclusive canonical form does not protect a binding declared further out. The
// prefix xml cannot be rebound, so it always counts as declared.
func (e Element) DeclaresWithin(top Element, prefix string) bool {
	if !e.Within(top) {
		return false
	}
	if prefix == "xml" {
		return true
	}
	for n := e; ; n = n.Parent() {
		if _, ok := n.declared(prefix); ok {
			return true
		}
		if n == top {
			return false
		}
	}
}

// IsWithin reports whether e is top or a descendant of it.
func (e Element) Within(top Element) bool {
	return e.d != nil && e.d == top.d && top.i <= e.i && e.i < top.node().past
}

// Offset returns the start and end of e in the document's Source.
func (e Element) Offset() (start, end int) {
	if e.d == nil {
		return 0, 0
	}
	n := e.node()
	return int(n.start), int(n.end)
}

// ContentOffset returns the start and end, in Source, of the content between the tags of e. They are equal for an
// empty-element tag.
func (e Element) Inside() (start, end int) {
	if e.d == nil {
		return 0, 0
	}
	n := e.node()
	return int(n.inner), int(n.outer)
}
