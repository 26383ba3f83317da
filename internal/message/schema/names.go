package schema

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Prefixes maps the namespaces of a contract to the prefixes of its documents. Paths use them, not those of the
// message, so that they can be looked up in the contract.
type Prefixes map[string]string

// findPrefix returns the prefix of a namespace, with its colon.
func (p Prefixes) findPrefix(namespace string) (string, bool) {
	switch namespace {
	case xsdNamespace:
		return "xs:", true
	case xsiNamespace:
		return "xsi:", true
	case xmldoc.XMLNamespace:
		return "xml:", true
	case "":
		return "", true
	}
	prefix, ok := p[namespace]
	return prefix + ":", ok
}

// maxNameBytes is the maximum length of a local name in a path; longer names are cut.
const maxNameBytes = 64

// formatStep formats a name as a step of an XPath. For a namespace outside the contract it tests the local name only.
func (p Prefixes) formatStep(n expandedName) string {
	if prefix, ok := p.findPrefix(n.namespace); ok && len(n.local) <= maxNameBytes {
		return prefix + n.local
	}
	if len(n.local) > maxNameBytes {
		return "*[starts-with(local-name(),'" + strings.ToValidUTF8(n.local[:maxNameBytes], "") + "')]"
	}
	return "*[local-name()='" + n.local + "']"
}

func elementName(e xmldoc.Element) expandedName { return expandedName{e.Space(), e.Local()} }

// formatPath formats the XPath of an element at or below top. A step has a position only if several siblings have the
// same name.
func (p Prefixes) formatPath(top, e xmldoc.Element) string {
	if e == top {
		return "/" + p.formatStep(elementName(e))
	}
	path := p.formatPath(top, e.Parent()) + "/" + p.formatStep(elementName(e))
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
func resolveQName(e xmldoc.Element, qualified string) (expandedName, bool) {
	prefix, local, found := strings.Cut(qualified, ":")
	if !found {
		prefix, local = "", qualified
	}
	space, ok := e.LookupNamespace(prefix)
	return expandedName{space, local}, ok || prefix == ""
}

// resolveXSITypes returns the prefixes that the values of xsi:type use, or the refusal of those that it cannot resolve.
//
// Exclusive canonicalisation writes a namespace declaration only where an element or attribute name uses its prefix.
// The signature therefore does not cover a prefix that is used only in the value of xsi:type (unless it is in a
// PrefixList), and an intermediary could bind it to another namespace. It gains nothing by that if the local name,
// which is signed, names one type only: then any other binding leads to a refusal. See decision 0047.
func (s *Schema) resolveXSITypes(top xmldoc.Element) ([]string, error) {
	x := explainer{prefixes: s.prefixes, top: top}
	var used []string
	for e := top; !e.IsZero() && !x.isFull(); e = nextElement(top, e) {
		v, ok := e.Attr(xsiNamespace, "type")
		if !ok {
			continue
		}
		qualified := strings.Trim(v, " \t\r\n")
		prefix, _, found := strings.Cut(qualified, ":")
		if !found {
			prefix = ""
		}
		n, known := resolveQName(e, qualified)
		space, visible := findVisibleNamespace(top, e, prefix)
		isCovered := visible && space == n.namespace
		received, receivedPrefix := texts.Excerpt(qualified), texts.Excerpt(prefix)
		switch {
		case !known:
			x.addViolation(SchemaXSIPrefix, e, "/@xsi:type", prefixUndeclared.With(received, receivedPrefix))
		case !isCovered && !s.model.isOnlyTypeOfItsName(n):
			x.addViolation(SchemaXSIPrefix, e, "/@xsi:type", prefixUncovered.With(received, receivedPrefix))
		}
		if prefix == "" {
			prefix = "#default"
		}
		if !slices.Contains(used, prefix) {
			used = append(used, prefix)
		}
	}
	return used, problem.List(SchemaRefused, x.violations)
}

// isOnlyTypeOfItsName reports whether no type of another namespace with the same local name could stand in the place of
// the named one: a type that is derived from the same one, or a built-in one, whose names begin with a small letter. A
// name without a type leads to a refusal anyway.
func (m *model) isOnlyTypeOfItsName(n expandedName) bool {
	named := m.types[n]
	isBuiltin := n.namespace == xsdNamespace
	if named == nil && !isBuiltin {
		return true
	}
	if !isBuiltin && n.local[0] >= 'a' && n.local[0] <= 'z' {
		return false
	}
	for other, d := range m.types {
		if other.local == n.local && other != n && (named == nil || named.sharesBase(d)) {
			return false
		}
	}
	return true
}

func (d *typeDefinition) sharesBase(other *typeDefinition) bool {
	for ; d != nil; d = d.base {
		if other.derivesFrom(d) {
			return true
		}
	}
	return false
}

// nextElement returns the next element below top in document order, or the zero Element.
func nextElement(top, e xmldoc.Element) xmldoc.Element {
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
func findVisibleNamespace(top, e xmldoc.Element, prefix string) (string, bool) {
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
func findStrayText(canonical []byte, top xmldoc.Element) map[xmldoc.Element]bool {
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
			canonical = skipStartTag(markup)
			if next.IsZero() {
				return stray
			}
			open, next = next, nextElement(top, next)
		}
	}
}

// skipStartTag returns what follows a start tag. Attribute values may contain ">".
func skipStartTag(markup []byte) []byte {
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
func (p Prefixes) formatContentModel(content *particle) string {
	if content == nil {
		return ""
	}
	return strings.TrimSuffix(strings.TrimPrefix(p.formatGrammar(content), "("), ")")
}

func (p Prefixes) formatGrammar(content *particle) string {
	var s string
	switch content.kind {
	case elementParticle:
		s = p.formatStep(content.name)
	case anyParticle:
		s = "any element"
	case sequenceParticle, choiceParticle:
		all := make([]string, 0, len(content.particles))
		for _, part := range content.particles {
			all = append(all, p.formatGrammar(part))
		}
		separator := ", "
		if content.kind == choiceParticle {
			separator = " | "
		}
		s = strings.Join(all, separator)
		if len(content.particles) > 1 {
			s = "(" + s + ")"
		}
	}
	switch {
	case content.min == 1 && content.max == 1:
		return s
	case content.min == 0 && content.max == 1:
		return s + "?"
	case content.min == 0 && content.max == unbounded:
		return s + "*"
	case content.min == 1 && content.max == unbounded:
		return s + "+"
	}
	return s + "{" + strconv.Itoa(content.min) + ".." + strconv.Itoa(content.max) + "}"
}
