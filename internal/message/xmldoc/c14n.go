package xmldoc

import (
	"slices"
	"strings"
)

// C14N selects a canonical form of a subtree, always without comments. The zero value is Canonical XML 1.0.
type C14N struct {
	// Exclusive selects Exclusive XML Canonicalization 1.0.
	Exclusive bool
	// PrefixList is the InclusiveNamespaces PrefixList of the exclusive form: these prefixes are treated as in the
	// inclusive form. "#default" denotes the default namespace. Undeclared prefixes have no effect.
	PrefixList []string
	// Omit is left out with its descendants if it is in the subtree: the signature, for the enveloped-signature
	// transform (XML Signature section 6.6.4).
	Omit Element
}

// Append appends the canonical form of the subtree of e to dst. It is safe for concurrent use.
func (c C14N) Append(dst []byte, e Element) []byte {
	if e.IsZero() || e == c.Omit {
		return dst
	}
	d := e.doc
	omit := int32(-1)
	if c.Omit.doc == d {
		omit = c.Omit.index
	}
	buffers := d.scratch.Swap(nil)
	if buffers == nil {
		buffers = &scratch{
			prefixStates: make([]prefixState, len(d.prefixes.values)),
			rendered:     make([]renderedNamespace, 0, linearSearchLimit),
		}
	}
	clear(buffers.prefixStates)
	w := canonicaliser{
		doc: d, source: d.source, dst: dst, top: e.index, omit: omit, exclusive: c.Exclusive,
		copied: d.nodes[e.index].start, scratch: scratch{buffers.prefixStates, buffers.rendered[:0]},
	}
	if c.Exclusive {
		w.markInclusivePrefixes(c.PrefixList)
	}
	w.writeSubtree()
	*buffers = w.scratch
	d.scratch.Store(buffers)
	return w.dst
}

// canonicaliser is the state of one canonicalisation. It copies the source unchanged, except for the spans that differ
// from the canonical form.
type canonicaliser struct {
	doc                  *Document
	source               string
	dst                  []byte
	copied               int32 // the offset up to which the source has been processed
	top                  int32
	omit                 int32
	exclusive            bool
	hasInclusivePrefixes bool // some prefix of PrefixList is declared in the document
	scratch
}

// scratch holds the buffers that one canonicalisation leaves for the next.
type scratch struct {
	prefixStates []prefixState       // by prefix index
	rendered     []renderedNamespace // the declarations written by the open elements, innermost last
}

// prefixState is the state of one prefix in the output.
type prefixState struct {
	namespace    int32 // the namespace the output declares for it in this scope; 0 is none
	inPrefixList bool  // it is in PrefixList
	bindingFound bool  // its binding in scope at the top element has been found
}

// renderedNamespace is a namespace declaration in the output: its prefix, the element that carries it, and the
// namespace that the prefix had before.
type renderedNamespace struct {
	prefix, element, previous int32
}

// markInclusivePrefixes marks the prefixes of PrefixList.
func (w *canonicaliser) markInclusivePrefixes(prefixes []string) {
	for _, prefix := range prefixes {
		if prefix == "#default" {
			prefix = ""
		} else if prefix == "" {
			continue
		}
		if i, ok := w.doc.prefixes.findIndex(prefix); ok {
			w.prefixStates[i].inPrefixList = true
			w.hasInclusivePrefixes = true
		}
	}
}

// isInclusive reports whether a prefix is treated as in the inclusive form.
func (w *canonicaliser) isInclusive(prefix int32) bool {
	return !w.exclusive || w.prefixStates[prefix].inPrefixList
}

// writeSubtree walks the nodes in document order.
func (w *canonicaliser) writeSubtree() {
	nodes := w.doc.nodes
	open := w.top
	w.writeStartTag(open)
	for i := w.top + 1; i < nodes[w.top].afterSubtree; {
		n := &nodes[i]
		for open != n.parent {
			w.closeElement(open)
			open = nodes[open].parent
		}
		switch {
		case i == w.omit || n.kind == commentNode:
			w.skipNode(n)
		case n.kind == elementNode:
			w.writeStartTag(i)
			open = i
			i++
			continue
		case n.kind == cdataNode:
			w.copyUpTo(n.start)
			w.dst = appendCDATA(w.dst, w.doc.cdataText(n), appendCanonicalTextRune)
			w.copied = n.end
		case n.flags&editInstruction != 0:
			w.writeInstruction(n)
		}
		w.writeTextAfter(n)
		i = n.afterSubtree
	}
	for ; open != w.top; open = nodes[open].parent {
		w.closeElement(open)
	}
	w.writeEndTag(&nodes[w.top])
	w.copyUpTo(nodes[w.top].end)
}

// copyUpTo copies the source up to offset.
func (w *canonicaliser) copyUpTo(offset int32) {
	w.dst = append(w.dst, w.source[w.copied:offset]...)
	w.copied = offset
}

func (w *canonicaliser) skipNode(n *node) {
	w.copyUpTo(n.start)
	w.copied = n.end
}

// writeText writes text that differs from its canonical form.
func (w *canonicaliser) writeText(from int32) {
	w.copyUpTo(from)
	w.dst, w.copied = appendText(w.dst, w.source, from, appendCanonicalTextRune)
}

func (w *canonicaliser) writeTextAfter(n *node) {
	if n.flags&editTextAfter != 0 {
		w.writeText(n.end)
	}
}

// writeInstruction writes a processing instruction with one space between target and data, and line ends normalised.
func (w *canonicaliser) writeInstruction(n *node) {
	target := n.start + int32(len(instructionStart))
	after := target + int32(n.nameLength)
	w.copyUpTo(after)
	data := strings.TrimLeft(w.source[after:n.end-int32(len(instructionEnd))], " \t\r\n")
	if data != "" {
		w.dst = appendNormalisedLines(append(w.dst, ' '), data)
	}
	w.dst = append(w.dst, instructionEnd...)
	w.copied = n.end
}

// writeStartTag renders the element's namespaces, and writes the tag if it differs from the source.
func (w *canonicaliser) writeStartTag(i int32) {
	n := &w.doc.nodes[i]
	before := len(w.rendered)
	if i == w.top {
		w.renderNamespacesInScope(i)
	} else if n.declarationCount > 0 && (w.hasInclusivePrefixes || !w.exclusive) {
		for _, decl := range (Element{w.doc, i}).ownDeclarations() {
			if w.isInclusive(decl.prefix) {
				w.renderNamespace(i, decl.prefix, decl.namespace)
			}
		}
	}
	if w.exclusive {
		w.renderVisiblyUtilized(i, n)
	}
	inherits := i == w.top && !w.exclusive && n.parent >= 0
	if n.flags&editStartTag != 0 || n.declarationCount > 0 || len(w.rendered) > before || inherits {
		w.copyUpTo(n.start + 1 + int32(n.nameLength))
		w.writeNamespaces(before)
		if inherits {
			w.writeInheritedAttributes(i)
		} else {
			w.writeAttributes((Element{w.doc, i}).sortedAttributes())
		}
		w.dst = append(w.dst, '>')
		w.copied = n.contentStart
	} else if n.flags&emptyElementTag != 0 {
		w.copyUpTo(n.contentStart - 2)
		w.dst = append(w.dst, '>')
		w.copied = n.contentStart
	}
	if n.flags&editTextInside != 0 {
		w.writeText(n.contentStart)
	}
}

// closeElement writes the end tag of an element below the top, restores the namespaces that its declarations replaced,
// and writes the text after it.
func (w *canonicaliser) closeElement(i int32) {
	n := &w.doc.nodes[i]
	w.writeEndTag(n)
	for top := len(w.rendered) - 1; top >= 0 && w.rendered[top].element == i; top-- {
		w.prefixStates[w.rendered[top].prefix].namespace = w.rendered[top].previous
		w.rendered = w.rendered[:top]
	}
	w.writeTextAfter(n)
}

// writeEndTag writes the end tag if the source has none or a different one.
func (w *canonicaliser) writeEndTag(n *node) {
	if n.flags&(emptyElementTag|editEndTag) == 0 {
		return
	}
	w.copyUpTo(n.contentEnd)
	w.dst = append(w.dst, "</"...)
	w.dst = append(w.dst, w.source[n.start+1:n.start+1+int32(n.nameLength)]...)
	w.dst = append(w.dst, '>')
	w.copied = n.end
}

// renderNamespace records that the element must declare the prefix, unless an ancestor in the output already does.
func (w *canonicaliser) renderNamespace(by, prefix, space int32) {
	s := &w.prefixStates[prefix]
	if s.namespace == space || prefix == indexXML {
		return
	}
	w.rendered = append(w.rendered, renderedNamespace{prefix, by, s.namespace})
	s.namespace = space
}

// renderVisiblyUtilized renders the namespaces that the names of the element and its attributes use (Exclusive XML
// Canonicalization section 3).
func (w *canonicaliser) renderVisiblyUtilized(i int32, n *node) {
	w.renderNamespace(i, n.prefix, n.namespace)
	for j := n.firstAttribute; j < n.firstAttribute+int32(n.attributeCount); j++ {
		if a := &w.doc.attributes[j]; a.prefix != indexNone {
			w.renderNamespace(i, a.prefix, a.namespace)
		}
	}
}

// renderNamespacesInScope renders, at the top element, the inclusively treated namespaces in scope there, including
// those that its ancestors declare.
func (w *canonicaliser) renderNamespacesInScope(top int32) {
	if w.exclusive && !w.hasInclusivePrefixes {
		return
	}
	for i := top; i >= 0; i = w.doc.nodes[i].parent {
		for _, decl := range (Element{w.doc, i}).ownDeclarations() {
			if s := &w.prefixStates[decl.prefix]; w.isInclusive(decl.prefix) && !s.bindingFound {
				s.bindingFound = true
				w.renderNamespace(top, decl.prefix, decl.namespace)
			}
		}
	}
}

// writeNamespaces writes the declarations that the element has rendered, ordered by prefix.
func (w *canonicaliser) writeNamespaces(from int) {
	rendered := w.rendered[from:]
	names := w.doc.prefixes.values
	if len(rendered) > 1 {
		slices.SortFunc(
			rendered, func(a, b renderedNamespace) int { return strings.Compare(names[a.prefix], names[b.prefix]) },
		)
	}
	for _, r := range rendered {
		w.dst = append(w.dst, " xmlns"...)
		if r.prefix != indexNone {
			w.dst = append(append(w.dst, ':'), names[r.prefix]...)
		}
		w.dst = append(w.dst, `="`...)
		// The ampersand is the only character a URI may contain that an attribute value must escape.
		w.dst = append(
			w.dst, strings.ReplaceAll(w.doc.namespaces.values[w.prefixStates[r.prefix].namespace], "&", "&amp;")...,
		)
		w.dst = append(w.dst, '"')
	}
}

func (w *canonicaliser) writeAttributes(attributes []attribute) {
	for i := range attributes {
		a := &attributes[i]
		if a.flags == 0 {
			w.dst = append(w.dst, w.source[a.nameStart-1:a.valueEnd+1]...)
			continue
		}
		w.dst = append(append(w.dst, ' '), w.source[a.nameStart:a.nameStart+int32(a.nameLength)]...)
		w.dst = append(w.dst, `="`...)
		w.dst = appendValue(w.dst, w.source[a.valueStart:a.valueEnd], appendCanonicalValueRune)
		w.dst = append(w.dst, '"')
	}
}

// writeInheritedAttributes writes the attributes of the top element of an inclusive form, and those in the xml
// namespace that it inherits: for each name, the nearest ancestor's (Canonical XML 1.0 section 2.4).
func (w *canonicaliser) writeInheritedAttributes(top int32) {
	d := w.doc
	attributes := slices.Clone((Element{d, top}).sortedAttributes())
	seen := make(map[string]bool)
	for i := top; i >= 0; i = d.nodes[i].parent {
		for _, a := range (Element{d, i}).sortedAttributes() {
			if a.namespace != indexXML {
				continue
			}
			if local := d.localName(a.nameStart, a.nameLength, a.prefix); !seen[local] {
				seen[local] = true
				if i != top {
					attributes = append(attributes, a)
				}
			}
		}
	}
	slices.SortFunc(attributes, d.compareAttributes)
	w.writeAttributes(attributes)
}
