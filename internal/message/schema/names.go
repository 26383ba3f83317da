package schema

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// contractPrefix returns the prefix, with its colon, that the contract uses for a namespace. Paths use the contract's
// prefixes, not those of the message, so that they can be looked up in the contract.
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

// maxNameBytes is the maximum length of a local name in a path; longer names are cut.
const longestName = 64

// formatStep formats a name as a step of an XPath. For a namespace outside the contract it tests the local name only.
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

// formatPath formats the XPath of an element at or below top. A step has a position only if several siblings have the
// same name.
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

// resolveQName expands a qualified name with the namespaces in scope at e.
func resolve(e xmldoc.Element, qualified string) (qname, bool) {
	prefix, local, found := strings.Cut(qualified, ":")
	if !found {
		prefix, local = "", qualified
	}
	space, ok := e.LookupNamespace(prefix)
	return qname{space, local}, ok || prefix == ""
}

// checkXSITypes rejects each xsi:type whose prefix has a different meaning in canonical form than in the document.
//
// Exclusive canonicalisation writes a namespace declaration only where an element or attribute name uses its prefix.
// The signature therefore does not cover a prefix that is used only in the value of xsi:type, and an intermediary could
// bind it to another namespace.
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

// nextElement returns the next element below top in document order, or the zero Element.
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

// findVisibleNamespace returns the namespace of a prefix at an element of the canonical form: that of the nearest name
// with the prefix, at e or an ancestor up to top.
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

// findStrayText returns the elements at or below top that directly contain text other than white space. It scans the
// canonical form, in which "<" is always markup, every element has an end tag, and there are neither comments nor CDATA
// sections.
func strayText(canonical []byte, top xmldoc.Element) map[xmldoc.Element]bool {
	stray := map[xmldoc.Element]bool{}
	var open xmldoc.Element // the innermost element not yet closed
	for next := top; ; {
		text, markup, found := bytes.Cut(canonical, []byte{'<'})
		if !found {
			return stray
		}
		// A carriage return is also white space; canonical form writes it as a reference.
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

// skipStartTag returns what follows a start tag. Attribute values may contain ">".
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

// formatContentModel formats a content model in DTD notation, with counts where DTDs have no operator.
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
