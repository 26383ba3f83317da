package schema

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// prefixOf returns the prefix under which the contract writes a namespace. Paths use these whatever prefixes a caller
// chose, so that one look at the contract explains them.
func prefixOf(space string) (string, bool) {
	switch space {
	case "urn:be:fgov:ehealth:ctr:protocol:v1":
		return "ctrp:", true
	case "urn:be:fgov:ehealth:ctr:core:v1":
		return "ctr:", true
	case "urn:be:fgov:ehealth:commons:protocol:v2":
		return "cp:", true
	case "urn:be:fgov:ehealth:commons:core:v2":
		return "cc:", true
	case "urn:be:fgov:ehealth:errors:soa:v1":
		return "soa:", true
	case "urn:be:fgov:ehealth:errors:core:v1":
		return "ec:", true
	case xsdNamespace:
		return "xs:", true
	case xsiNamespace:
		return "xsi:", true
	case xmldoc.XMLNamespace:
		return "xml:", true
	case "":
		return "", true
	}
	return "", false
}

// longestName is how much of a name that is not ours a path repeats.
const longestName = 64

// step writes a name as a step of a path. A name in a namespace that the contract does not know is written in the form
// that XPath has for it, without the namespace.
func step(n qname) string {
	if prefix, ok := prefixOf(n.space); ok && len(n.local) <= longestName {
		return prefix + n.local
	}
	if len(n.local) > longestName {
		return "*[starts-with(local-name(),'" + strings.ToValidUTF8(n.local[:longestName], "") + "')]"
	}
	return "*[local-name()='" + n.local + "']"
}

func nameOf(e xmldoc.Element) qname { return qname{e.Space(), e.Local()} }

// pathTo writes the XPath of an element at or below top. A step has a position only where its name occurs several
// times among the children of one element.
func pathTo(top, e xmldoc.Element) string {
	if e == top {
		return "/" + step(nameOf(e))
	}
	path := pathTo(top, e.Parent()) + "/" + step(nameOf(e))
	position, count := 0, 0
	for sibling := range e.Parent().Children() {
		if sibling.Is(e.Space(), e.Local()) {
			count++
		}
		if sibling == e {
			position = count
		}
	}
	if count > 1 {
		path += "[" + strconv.Itoa(position) + "]"
	}
	return path
}

// resolve expands a qualified name with the namespaces in scope.
func resolve(e xmldoc.Element, qualified string) (qname, bool) {
	prefix, local, found := strings.Cut(qualified, ":")
	if !found {
		prefix, local = "", qualified
	}
	space, ok := e.LookupNamespace(prefix)
	return qname{space, local}, ok || prefix == ""
}

// checkXSITypes refuses each xsi:type whose prefix does not mean in the canonical form what it means in the document.
//
// Exclusive canonicalisation writes a namespace declaration only where an element or attribute name uses its prefix. A
// prefix used in the value of xsi:type alone is therefore not covered by the signature, and could be bound to another
// namespace by whoever carries the message.
func checkXSITypes(top xmldoc.Element) error {
	x := explanation{top: top}
	for e := top; !e.IsZero() && !x.full(); e = following(top, e) {
		v, ok := e.Attr(xsiNamespace, "type")
		if !ok {
			continue
		}
		n, known := resolve(e, strings.Trim(v, " \t\r\n"))
		prefix, _, found := strings.Cut(strings.Trim(v, " \t\r\n"), ":")
		if !found {
			prefix = ""
		}
		if space, visible := visibleNamespace(top, e, prefix); !known || space != n.space || !visible && prefix != "" {
			x.report(problem.SchemaXSIPrefix, e, "/@xsi:type")
		}
	}
	return problem.List(problem.SchemaRefused, x.found)
}

// following returns the next element below top in document order.
func following(top, e xmldoc.Element) xmldoc.Element {
	if child := e.FirstChild(); !child.IsZero() {
		return child
	}
	for ; e != top; e = e.Parent() {
		if sibling := e.NextSibling(); !sibling.IsZero() {
			return sibling
		}
	}
	return xmldoc.Element{}
}

// visibleNamespace returns what a prefix means at an element of the canonical form: the meaning it had where a name
// used it last, on the way up to top.
func visibleNamespace(top, e xmldoc.Element, prefix string) (string, bool) {
	for {
		if e.Prefix() == prefix {
			return e.Space(), true
		}
		for a := range e.Attrs() {
			if a.Prefix == prefix && prefix != "" {
				return a.Space, true
			}
		}
		if e == top {
			return "", false
		}
		e = e.Parent()
	}
}

// strayText finds the elements at or below top that hold text directly. It reads the canonical form, in which a
// less-than sign is markup, every element has an end tag, and there are neither comments nor CDATA sections.
func strayText(canonical []byte, top xmldoc.Element) map[xmldoc.Element]bool {
	stray := map[xmldoc.Element]bool{}
	var open xmldoc.Element // the innermost element not yet closed
	for next := top; ; {
		text, markup, found := bytes.Cut(canonical, []byte{'<'})
		if !found {
			return stray
		}
		// A carriage return is white space too, written as a reference in canonical form.
		if len(bytes.TrimSpace(bytes.ReplaceAll(text, []byte("&#xD;"), nil))) > 0 && !open.IsZero() {
			stray[open] = true
		}
		switch {
		case bytes.HasPrefix(markup, []byte{'?'}):
			_, canonical, _ = bytes.Cut(markup, []byte("?>"))
		case bytes.HasPrefix(markup, []byte{'/'}):
			_, canonical, _ = bytes.Cut(markup, []byte{'>'})
			if open == top || open.IsZero() {
				return stray
			}
			open = open.Parent()
		default:
			canonical = afterTag(markup)
			if next.IsZero() {
				return stray
			}
			open, next = next, following(top, next)
		}
	}
}

// afterTag passes over a start tag, whose attribute values may hold greater-than signs.
func afterTag(markup []byte) []byte {
	quoted := false
	for i, c := range markup {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '>' && !quoted:
			return markup[i+1:]
		}
	}
	return nil
}

// grammar writes a content model in the notation of a DTD, with counts where that has none.
func grammar(p *particle) string {
	if p == nil {
		return ""
	}
	return strings.TrimSuffix(strings.TrimPrefix(p.grammar(), "("), ")")
}

func (p *particle) grammar() string {
	var s string
	switch p.kind {
	case elementParticle:
		s = step(p.name)
	case anyParticle:
		s = "any element"
	case sequenceParticle, choiceParticle:
		all := make([]string, 0, len(p.parts))
		for _, part := range p.parts {
			all = append(all, part.grammar())
		}
		separator := ", "
		if p.kind == choiceParticle {
			separator = " | "
		}
		s = strings.Join(all, separator)
		if len(p.parts) > 1 {
			s = "(" + s + ")"
		}
	}
	switch {
	case p.min == 1 && p.max == 1:
		return s
	case p.min == 0 && p.max == 1:
		return s + "?"
	case p.min == 0 && p.max == unbounded:
		return s + "*"
	case p.min == 1 && p.max == unbounded:
		return s + "+"
	}
	return s + "{" + strconv.Itoa(p.min) + ".." + strconv.Itoa(p.max) + "}"
}
