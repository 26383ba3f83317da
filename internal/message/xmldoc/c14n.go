package xmldoc

import (
	"slices"
	"strings"
)

// C14N says which canonical form of a subtree is wanted. Comments are never part of it. The zero value is Canonical
// XML 1.0.
type C14N struct {
	// Exclusive selects Exclusive XML Canonicalization 1.0.
	Exclusive bool
	// PrefixList is the InclusiveNamespaces PrefixList of the exclusive form: these prefixes are treated as in the
	// inclusive form. "#default" stands for the default namespace. Prefixes that are not declared have no effect.
	PrefixList []string
	// Omit is left out with all it contains, if it stands in the subtree: the signature, for the enveloped-signature
	// transform (XML Signature section 6.6.4).
	Omit Element
}

// Append appends the canonical octets of the subtree of e. It may be called by many goroutines at once.
func (c C14N) Append(dst []byte, e Element) []byte {
	if e.IsZero() || e == c.Omit {
		return dst
	}
	d := e.d
	omit := int32(-1)
	if c.Omit.d == d {
		omit = c.Omit.i
	}
	memory := d.scratch.Swap(nil)
	if memory == nil {
		memory = &scratch{states: make([]state, len(d.prefixes.list)), rendered: make([]rendering, 0, few)}
	}
	clear(memory.states)
	w := canonical{
		d: d, s: d.source, dst: dst, top: e.i, omit: omit, exclusive: c.Exclusive,
		copied: d.nodes[e.i].start, scratch: scratch{memory.states, memory.rendered[:0]},
	}
	if c.Exclusive {
		w.list(c.PrefixList)
	}
	w.subtree()
	*memory = w.scratch
	d.scratch.Store(memory)
	return w.dst
}

// canonical is the state of one canonicalisation. The source is copied as it is but for the places that differ from
// the canonical form, which are written anew.
type canonical struct {
	d         *Document
	s         string
	dst       []byte
	copied    int32 // how far the source has been dealt with
	top       int32
	omit      int32
	exclusive bool
	listed    bool // some prefix is listed
	scratch
}

// scratch is the memory that one canonicalisation leaves to the next.
type scratch struct {
	states   []state     // by prefix
	rendered []rendering // what the open elements have rendered, innermost last
}

// state is what the output knows about a prefix.
type state struct {
	space  int32 // the namespace last rendered for it around here; 0 is none
	listed bool  // it stands in the PrefixList
	seen   bool  // its binding in force at the top has been found
}

// rendering is a namespace declaration of the output, with what it replaces.
type rendering struct {
	prefix, by, before int32
}

// list marks the prefixes of the PrefixList.
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

// inclusive reports whether a prefix is treated as in the inclusive form.
func (w *canonical) inclusive(prefix int32) bool { return !w.exclusive || w.states[prefix].listed }

// subtree walks the nodes in document order.
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

// upTo copies the source up to an offset.
func (w *canonical) upTo(offset int32) {
	w.dst = append(w.dst, w.s[w.copied:offset]...)
	w.copied = offset
}

func (w *canonical) skip(n *node) {
	w.upTo(n.start)
	w.copied = n.end
}

// text writes text that differs from its canonical form.
func (w *canonical) text(from int32) {
	w.upTo(from)
	w.dst, w.copied = appendText(w.dst, w.s, from, canonicalText)
}

func (w *canonical) textAfter(n *node) {
	if n.flags&editAfter != 0 {
		w.text(n.end)
	}
}

// instruction writes a processing instruction: one space between target and data, line ends normalised.
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

// startTag renders namespaces, and writes the tag when it differs from its source.
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

// endTag ends an element within the subtree.
func (w *canonical) endTag(i int32) {
	n := &w.d.nodes[i]
	w.closeTag(n)
	for top := len(w.rendered) - 1; top >= 0 && w.rendered[top].by == i; top-- {
		w.states[w.rendered[top].prefix].space = w.rendered[top].before
		w.rendered = w.rendered[:top]
	}
	w.textAfter(n)
}

// closeTag writes an end tag that the source does not have, or not so.
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

// render notes that the element must declare the prefix, unless the elements around it did.
func (w *canonical) render(by, prefix, space int32) {
	s := &w.states[prefix]
	if s.space == space || prefix == xmlName {
		return
	}
	w.rendered = append(w.rendered, rendering{prefix, by, s.space})
	s.space = space
}

// visiblyUtilized renders the namespaces that the names of the element and its attributes use (Exclusive XML
// Canonicalization section 3).
func (w *canonical) visiblyUtilized(i int32, n *node) {
	w.render(i, n.prefix, n.space)
	for j := n.attributes; j < n.attributes+int32(n.nAttributes); j++ {
		if a := &w.d.attributes[j]; a.prefix != none {
			w.render(i, a.prefix, a.space)
		}
	}
}

// namespacesInForce renders at the top what is treated inclusively, from wherever it is declared.
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

// namespaces writes what the element has rendered, in order of prefix.
func (w *canonical) namespaces(from int) {
	mine := w.rendered[from:]
	names := w.d.prefixes.list
	if len(mine) > 1 {
		slices.SortFunc(mine, func(a, b rendering) int { return strings.Compare(names[a.prefix], names[b.prefix]) })
	}
	for _, r := range mine {
		w.dst = append(w.dst, " xmlns"...)
		if r.prefix != none {
			w.dst = append(append(w.dst, ':'), names[r.prefix]...)
		}
		w.dst = append(w.dst, `="`...)
		// Of the characters that a value must escape, a URI can hold the ampersand only.
		w.dst = append(w.dst, strings.ReplaceAll(w.d.spaces.list[w.states[r.prefix].space], "&", "&amp;")...)
		w.dst = append(w.dst, '"')
	}
}

func (w *canonical) attributes(all []attribute) {
	for i := range all {
		a := &all[i]
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

// inheritedAttributes writes the attributes of the top of an inclusive form, to which come the nearest attributes of
// the namespace xml around it (Canonical XML 1.0 section 2.4).
func (w *canonical) inheritedAttributes(top int32) {
	d := w.d
	all := slices.Clone((Element{d, top}).attributes())
	seen := make(map[string]bool)
	for i := top; i >= 0; i = d.nodes[i].parent {
		for _, a := range (Element{d, i}).attributes() {
			if a.space != xmlName {
				continue
			}
			if local := d.local(a.name, a.length, a.prefix); !seen[local] {
				seen[local] = true
				if i != top {
					all = append(all, a)
				}
			}
		}
	}
	slices.SortFunc(all, d.compareAttributes)
	w.attributes(all)
}
