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
	d := e.d
	omit := int32(-1)
	if c.Omit.d == d {
		omit = c.Omit.i
	}
	buffers := d.scratch.Swap(nil)
	if buffers == nil {
		buffers = &scratch{states: make([]state, len(d.prefixes.list)), rendered: make([]rendering, 0, few)}
	}
	clear(buffers.states)
	w := canonical{
		d: d, s: d.source, dst: dst, top: e.i, omit: omit, exclusive: c.Exclusive,
		copied: d.nodes[e.i].start, scratch: scratch{buffers.states, buffers.rendered[:0]},
	}
	if c.Exclusive {
		w.list(c.PrefixList)
	}
	w.subtree()
	*buffers = w.scratch
	d.scratch.Store(buffers)
	return w.dst
}

// canonicaliser is the state of one canonicalisation. It copies the source unchanged, except for the spans that differ
// from the canonical form.
type canonical struct {
	d         *Document
	s         string
	dst       []byte
	copied    int32 // the offset up to which the source has been processed
	top       int32
	omit      int32
	exclusive bool
	listed    bool // some prefix of PrefixList is declared in the document
	scratch
}

// scratch holds the buffers that one canonicalisation leaves for the next.
type scratch struct {
	states   []state     // by prefix index
	rendered []rendering // the declarations written by the open elements, innermost last
}

// prefixState is the state of one prefix in the output.
type state struct {
	space  int32 // the namespace the output declares for it in this scope; 0 is none
	listed bool  // it is in PrefixList
	seen   bool  // its binding in scope at the top element has been found
}

// renderedNamespace is a namespace declaration in the output: its prefix, the element that carries it, and the
// namespace that the prefix had before.
type rendering struct {
	prefix, by, before int32
}

// markInclusivePrefixes marks the prefixes of PrefixList.
func (w *canonical) list(prefixes []string) {
	for _, prefix := range prefixes {
		if prefix == "#default" {
			prefix = ""
		} else if prefix == "" {
			continue
		}
		if i, ok := w.d.prefixes.find(prefix); ok {
			w.states[i].listed = true
			w.listed = true
		}
	}
}

// isInclusive reports whether a prefix is treated as in the inclusive form.
func (w *canonical) inclusive(prefix int32) bool { return !w.exclusive || w.states[prefix].listed }

// writeSubtree walks the nodes in document order.
func (w *canonical) subtree() {
	nodes := w.d.nodes
	open := w.top
	w.startTag(open)
	for i := w.top + 1; i < nodes[w.top].past; {
		n := &nodes[i]
		for open != n.parent {
			w.endTag(open)
			open = nodes[open].parent
		}
		switch {
		case i == w.omit || n.kind == comment:
			w.skip(n)
		case n.kind == element:
			w.startTag(i)
			open = i
			i++
			continue
		case n.kind == section:
			w.upTo(n.start)
			w.dst = appendSection(w.dst, w.d.sectionText(n), canonicalText)
			w.copied = n.end
		case n.flags&editSelf != 0:
			w.instruction(n)
		}
		w.textAfter(n)
		i = n.past
	}
	for ; open != w.top; open = nodes[open].parent {
		w.endTag(open)
	}
	w.closeTag(&nodes[w.top])
	w.upTo(nodes[w.top].end)
}

// copyUpTo copies the source up to offset.
func (w *canonical) upTo(offset int32) {
	w.dst = append(w.dst, w.s[w.copied:offset]...)
	w.copied = offset
}

func (w *canonical) skip(n *node) {
	w.upTo(n.start)
	w.copied = n.end
}

// writeText writes text that differs from its canonical form.
func (w *canonical) text(from int32) {
	w.upTo(from)
	w.dst, w.copied = appendText(w.dst, w.s, from, canonicalText)
}

func (w *canonical) textAfter(n *node) {
	if n.flags&editAfter != 0 {
		w.text(n.end)
	}
}

// writeInstruction writes a processing instruction with one space between target and data, and line ends normalised.
func (w *canonical) instruction(n *node) {
	target := n.start + int32(len(instructionStart))
	after := target + int32(n.name)
	w.upTo(after)
	data := strings.TrimLeft(w.s[after:n.end-int32(len(instructionEnd))], " \t\r\n")
	if data != "" {
		w.dst = appendLines(append(w.dst, ' '), data)
	}
	w.dst = append(w.dst, instructionEnd...)
	w.copied = n.end
}

// writeStartTag renders the element's namespaces, and writes the tag if it differs from the source.
func (w *canonical) startTag(i int32) {
	n := &w.d.nodes[i]
	before := len(w.rendered)
	if i == w.top {
		w.namespacesInForce(i)
	} else if n.nDeclared > 0 && (w.listed || !w.exclusive) {
		for _, decl := range (Element{w.d, i}).declarations() {
			if w.inclusive(decl.prefix) {
				w.render(i, decl.prefix, decl.space)
			}
		}
	}
	if w.exclusive {
		w.visiblyUtilized(i, n)
	}
	inherits := i == w.top && !w.exclusive && n.parent >= 0
	if n.flags&editTag != 0 || n.nDeclared > 0 || len(w.rendered) > before || inherits {
		w.upTo(n.start + 1 + int32(n.name))
		w.namespaces(before)
		if inherits {
			w.inheritedAttributes(i)
		} else {
			w.attributes((Element{w.d, i}).attributes())
		}
		w.dst = append(w.dst, '>')
		w.copied = n.inner
	} else if n.flags&emptyTag != 0 {
		w.upTo(n.inner - 2)
		w.dst = append(w.dst, '>')
		w.copied = n.inner
	}
	if n.flags&editInside != 0 {
		w.text(n.inner)
	}
}

// closeElement writes the end tag of an element below the top, restores the namespaces that its declarations replaced,
// and writes the text after it.
func (w *canonical) endTag(i int32) {
	n := &w.d.nodes[i]
	w.closeTag(n)
	for top := len(w.rendered) - 1; top >= 0 && w.rendered[top].by == i; top-- {
		w.states[w.rendered[top].prefix].space = w.rendered[top].before
		w.rendered = w.rendered[:top]
	}
	w.textAfter(n)
}

// writeEndTag writes the end tag if the source has none or a different one.
func (w *canonical) closeTag(n *node) {
	if n.flags&(emptyTag|editEnd) == 0 {
		return
	}
	w.upTo(n.outer)
	w.dst = append(w.dst, "</"...)
	w.dst = append(w.dst, w.s[n.start+1:n.start+1+int32(n.name)]...)
	w.dst = append(w.dst, '>')
	w.copied = n.end
}

// renderNamespace records that the element must declare the prefix, unless an ancestor in the output already does.
func (w *canonical) render(by, prefix, space int32) {
	s := &w.states[prefix]
	if s.space == space || prefix == xmlName {
		return
	}
	w.rendered = append(w.rendered, rendering{prefix, by, s.space})
	s.space = space
}

// renderVisiblyUtilized renders the namespaces that the names of the element and its attributes use (Exclusive XML
// Canonicalization section 3).
func (w *canonical) visiblyUtilized(i int32, n *node) {
	w.render(i, n.prefix, n.space)
	for j := n.attributes; j < n.attributes+int32(n.nAttributes); j++ {
		if a := &w.d.attributes[j]; a.prefix != none {
			w.render(i, a.prefix, a.space)
		}
	}
}

// renderNamespacesInScope renders, at the top element, the inclusively treated namespaces in scope there, including
// those that its ancestors declare.
func (w *canonical) namespacesInForce(top int32) {
	if w.exclusive && !w.listed {
		return
	}
	for i := top; i >= 0; i = w.d.nodes[i].parent {
		for _, decl := range (Element{w.d, i}).declarations() {
			if s := &w.states[decl.prefix]; w.inclusive(decl.prefix) && !s.seen {
				s.seen = true
				w.render(top, decl.prefix, decl.space)
			}
		}
	}
}

// writeNamespaces writes the declarations that the element has rendered, ordered by prefix.
func (w *canonical) namespaces(from int) {
	rendered := w.rendered[from:]
	names := w.d.prefixes.list
	if len(rendered) > 1 {
		slices.SortFunc(rendered, func(a, b rendering) int { return strings.Compare(names[a.prefix], names[b.prefix]) })
	}
	for _, r := range rendered {
		w.dst = append(w.dst, " xmlns"...)
		if r.prefix != none {
			w.dst = append(append(w.dst, ':'), names[r.prefix]...)
		}
		w.dst = append(w.dst, `="`...)
		// The ampersand is the only character a URI may contain that an attribute value must escape.
		w.dst = append(w.dst, strings.ReplaceAll(w.d.spaces.list[w.states[r.prefix].space], "&", "&amp;")...)
		w.dst = append(w.dst, '"')
	}
}

func (w *canonical) attributes(attributes []attribute) {
	for i := range attributes {
		a := &attributes[i]
		if a.flags == 0 {
			w.dst = append(w.dst, w.s[a.name-1:a.end+1]...)
			continue
		}
		w.dst = append(append(w.dst, ' '), w.s[a.name:a.name+int32(a.length)]...)
		w.dst = append(w.dst, `="`...)
		w.dst = appendValue(w.dst, w.s[a.start:a.end], canonicalValue)
		w.dst = append(w.dst, '"')
	}
}

// writeInheritedAttributes writes the attributes of the top element of an inclusive form, and those in the xml
// namespace that it inherits: for each name, the nearest ancestor's (Canonical XML 1.0 section 2.4).
func (w *canonical) inheritedAttributes(top int32) {
	d := w.d
	attributes := slices.Clone((Element{d, top}).attributes())
	seen := make(map[string]bool)
	for i := top; i >= 0; i = d.nodes[i].parent {
		for _, a := range (Element{d, i}).attributes() {
			if a.space != xmlName {
				continue
			}
			if local := d.local(a.name, a.length, a.prefix); !seen[local] {
				seen[local] = true
				if i != top {
					attributes = append(attributes, a)
				}
			}
		}
	}
	slices.SortFunc(attributes, d.compareAttributes)
	w.attributes(attributes)
}
