package xmldoc

import (
	"cmp"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/problem"
)

// scanQualifiedName reads a QName. It returns the offset after it and the length of its prefix, 0 if there is none.
func (p *parser) qualifiedName(start int) (after, prefix int, err error) {
	after = ncName(p.s, start)
	if after == start {
		return 0, 0, p.badName(start)
	}
	if after < len(p.s) && p.s[after] == ':' {
		prefix = after - start
		local := after + 1
		after = ncName(p.s, local)
		if after == local || after < len(p.s) && p.s[after] == ':' {
			return 0, 0, p.badName(after)
		}
	}
	if after-start > p.limits.Name {
		return 0, 0, p.exceeded(problem.XMLNameTooLong, start, p.limits.Name)
	}
	return after, prefix, nil
}

func (p *parser) badName(at int) error {
	if at == len(p.s) {
		return p.end()
	}
	return p.fail(problem.XMLNameMalformed, at)
}

// parseStartTag parses productions STag and EmptyElemTag.
func (p *parser) startTag() error {
	start := p.pos
	if p.depth >= p.limits.Depth {
		return p.exceeded(problem.XMLTooDeep, start, p.limits.Depth)
	}
	after, prefix, err := p.qualifiedName(start + 1)
	if err != nil {
		return err
	}
	n, err := p.add(element, start)
	if err != nil {
		return err
	}
	p.pos = after
	n.name = uint16(after - start - 1)
	n.attributes, n.declarations = int32(len(p.d.attributes)), int32(len(p.d.declarations))
	if err = p.attributes(n); err != nil {
		return err
	}
	n.prefix, n.space, err = p.resolve(start+1, prefix)
	if err != nil {
		return err
	}
	if err = p.expand(n, start); err != nil {
		return err
	}
	if err = p.finishAttributes(n); err != nil {
		return err
	}
	p.depth++
	p.open = p.last
	n.inner = int32(p.pos)
	if n.flags&emptyTag != 0 {
		p.closeElement(p.pos)
	}
	return nil
}

// parseAttributes reads the rest of a start tag.
func (p *parser) attributes(n *node) error {
	for {
		before := p.pos
		spaced := p.skipSpace()
		if p.pos == len(p.s) {
			return p.end()
		}
		switch c := p.s[p.pos]; {
		case c == '>' || c == '/':
			if spaced {
				n.flags |= editTag
			}
			return p.tagEnd(n)
		case !spaced:
			return p.fail(problem.XMLAttributeMalformed, p.pos)
		}
		if err := p.attribute(n, before); err != nil {
			return err
		}
	}
}

func (p *parser) tagEnd(n *node) error {
	if p.s[p.pos] == '/' {
		p.pos++
		n.flags |= emptyTag
		if p.pos == len(p.s) {
			return p.end()
		}
		if p.s[p.pos] != '>' {
			return p.fail(problem.XMLTagMalformed, p.pos)
		}
	}
	p.pos++
	return nil
}

// parseAttribute parses production Attribute. The white space before it starts at the offset before.
func (p *parser) attribute(n *node, before int) error {
	start := p.pos
	after, prefix, err := p.qualifiedName(start)
	if err != nil {
		return err
	}
	p.pos = after
	p.skipSpace()
	equals := p.pos
	if equals == len(p.s) {
		return p.end()
	}
	if p.s[equals] != '=' {
		return p.fail(problem.XMLAttributeMalformed, equals)
	}
	p.pos++
	p.skipSpace()
	// The prefix field holds the length of the prefix until the whole tag has been read.
	a := attribute{name: int32(start), length: uint16(after - start), prefix: int32(prefix)}
	if err = p.attributeValue(&a); err != nil {
		return err
	}
	if p.s[before] != ' ' || start != before+1 || equals != after || int(a.start) != after+2 || p.s[after+1] != '"' {
		a.flags |= editAttribute
	}
	if name := p.s[start:after]; strings.HasPrefix(name, "xmlns") && (len(name) == 5 || prefix == 5) {
		return p.declare(n, &a, strings.TrimPrefix(name[5:], ":"))
	}
	if n.nAttributes++; int(n.nAttributes) > p.limits.Attributes {
		return p.exceeded(problem.XMLTooManyAttributes, start, p.limits.Attributes)
	}
	if a.flags != 0 {
		n.flags |= editTag
	}
	p.d.attributes = append(room(p, p.d.attributes, "="), a)
	return p.count(0, start)
}

// parseAttributeValue parses production AttValue.
func (p *parser) attributeValue(a *attribute) error {
	if p.pos == len(p.s) {
		return p.end()
	}
	quote := p.s[p.pos]
	if quote != '"' && quote != '\'' {
		return p.fail(problem.XMLAttributeMalformed, p.pos)
	}
	a.start = int32(p.pos + 1)
	s := p.s
	for i := p.pos + 1; i < len(s); {
		c := s[i]
		if class[c]&valueStop == 0 {
			i++
			continue
		}
		switch c {
		case quote:
			a.end = int32(i)
			p.pos = i + 1
			return nil
		case '<':
			return p.fail(problem.XMLAttributeLessThan, i)
		case '&':
			_, after, code := reference(s, i)
			if code != "" {
				return p.fail(code, i)
			}
			a.flags |= decodeValue
			i = after
			continue
		case '"':
			a.flags |= escapeValue
		case '\'':
		default:
			a.flags |= decodeValue
		}
		i++
	}
	return p.end()
}

// declareNamespace adds a namespace declaration (Namespaces in XML sections 2.2 and 3).
func (p *parser) declare(n *node, a *attribute, prefix string) error {
	at := int(a.name)
	if int(a.end-a.start) > p.limits.Name {
		return p.exceeded(problem.XMLNameTooLong, int(a.start), p.limits.Name)
	}
	uri := p.d.value(a)
	space, known := p.d.spaces.find(uri)
	if code := checkDeclaration(prefix, uri, known); code != "" {
		return p.fail(code, at)
	}
	if int(n.nDeclared) >= p.limits.Declarations {
		return p.exceeded(problem.XMLTooManyNamespaces, at, p.limits.Declarations)
	}
	if len(p.shadowed) >= p.limits.Namespaces {
		return p.exceeded(problem.XMLTooManyNamespaces, at, p.limits.Namespaces)
	}
	id, declared := p.d.prefixes.find(prefix)
	if !declared {
		id = p.d.prefixes.add(prefix)
		p.bindings = append(p.bindings, binding{unbound, -1})
	}
	if p.bindings[id].by == p.last {
		return p.fail(problem.XMLAttributeDuplicate, at)
	}
	if !known {
		space = p.d.spaces.add(uri)
		if uri == UtilityNamespace {
			p.utility = space
		}
	}
	p.shadowed = append(p.shadowed, shadow{id, p.bindings[id]})
	p.bindings[id] = binding{space, p.last}
	p.d.declarations = append(p.d.declarations, declaration{id, space})
	n.nDeclared++
	return p.count(0, at)
}

// checkNamespaceDeclaration returns the error code, or "", for binding a prefix to a namespace name. A known namespace
// name has already been found to be absolute.
func checkDeclaration(prefix, uri string, known bool) problem.Code {
	switch {
	case prefix == "xmlns", uri == XMLNSNamespace, (prefix == "xml") != (uri == XMLNamespace):
		return problem.XMLNamespaceReserved
	case uri == "" && prefix != "":
		return problem.XMLNamespaceEmpty
	case !known && !isAbsolute(uri):
		return problem.XMLNamespaceNotAbsolute
	}
	return ""
}

// resolvePrefix returns the index of the prefix at start, of the given length, and of the namespace it is bound to.
func (p *parser) resolve(start, length int) (prefix, space int32, err error) {
	name := p.s[start : start+length]
	if name == "xmlns" {
		return 0, 0, p.fail(problem.XMLNamespaceReserved, start)
	}
	prefix, known := p.d.prefixes.find(name)
	if !known || p.bindings[prefix].space == unbound {
		return 0, 0, p.fail(problem.XMLPrefixUndeclared, start)
	}
	return prefix, p.bindings[prefix].space, nil
}

// countElementExpansion counts the declaration that exclusive canonical form may write at an element. It writes none if
// the parent has the same prefix and namespace.
func (p *parser) expand(n *node, at int) error {
	if p.open >= 0 {
		if parent := &p.d.nodes[p.open]; parent.prefix == n.prefix && parent.space == n.space {
			return nil
		}
	}
	return p.addExpansion(n.prefix, n.space, at)
}

// countAttributeExpansion does the same for an attribute with a prefix.
func (p *parser) expandAttribute(n *node, a *attribute) error {
	if a.prefix == xmlName || a.prefix == n.prefix {
		return nil
	}
	return p.addExpansion(a.prefix, a.space, int(a.name))
}

func (p *parser) addExpansion(prefix, space int32, at int) error {
	p.expansion += len(p.d.prefixes.list[prefix]) + len(p.d.spaces.list[space])
	if p.expansion > p.limits.Expansion {
		return p.exceeded(problem.XMLNamespaceExpansion, at, p.limits.Expansion)
	}
	return nil
}

// finishAttributes runs after a start tag has been read. It resolves the prefixes, sorts attributes and declarations in
// canonical order (Canonical XML 1.0 section 2.2), and rejects duplicate attributes and identifiers.
func (p *parser) finishAttributes(n *node) error {
	d := p.d
	if n.nDeclared > 1 {
		slices.SortFunc(d.declarations[n.declarations:], func(a, b declaration) int {
			return strings.Compare(d.prefixes.list[a.prefix], d.prefixes.list[b.prefix])
		})
	}
	all := d.attributes[n.attributes:]
	for i := range all {
		a := &all[i]
		if a.prefix == 0 {
			continue // an attribute without prefix is in no namespace
		}
		var err error
		if a.prefix, a.space, err = p.resolve(int(a.name), int(a.prefix)); err != nil {
			return err
		}
		if err = p.expandAttribute(n, a); err != nil {
			return err
		}
	}
	if len(all) > 1 && !slices.IsSortedFunc(all, d.compareAttributes) {
		n.flags |= editTag
		slices.SortFunc(all, d.compareAttributes)
	}
	for i := range all {
		if i > 0 && d.compareAttributes(all[i-1], all[i]) == 0 {
			return p.fail(problem.XMLAttributeDuplicate, int(max(all[i-1].name, all[i].name)))
		}
		if p.identifies(&all[i]) && !p.identify(&all[i]) {
			return p.fail(problem.XMLIdentifierDuplicate, int(all[i].name))
		}
	}
	return nil
}

func (d *Document) compareAttributes(a, b attribute) int {
	if a.space != b.space {
		return cmp.Compare(d.spaces.list[a.space], d.spaces.list[b.space])
	}
	return cmp.Compare(d.local(a.name, a.length, a.prefix), d.local(b.name, b.length, b.prefix))
}

// isIDAttribute reports whether an attribute identifies its element.
func (p *parser) identifies(a *attribute) bool {
	local := p.d.local(a.name, a.length, a.prefix)
	if len(local) != 2 {
		return false
	}
	switch a.space {
	case none:
		return local == "Id" || local == "ID" || local == "id"
	case xmlName:
		return local == "id"
	case p.utility:
		return local == "Id"
	}
	return false
}

// recordIdentifier records an identifier and reports whether it is new. An empty value identifies no element.
func (p *parser) identify(a *attribute) bool {
	id := strings.Trim(p.d.value(a), " \t\r\n")
	return id == "" || p.d.identify(id, p.last)
}

// parseEndTag parses production ETag.
func (p *parser) endTag() error {
	start := p.pos
	n := &p.d.nodes[p.open]
	name := p.s[n.start+1 : n.start+1+int32(n.name)]
	rest := p.s[start+2:]
	if !strings.HasPrefix(rest, name) {
		if strings.IndexByte(rest, '>') < 0 {
			return p.end()
		}
		return p.fail(problem.XMLEndTagMismatch, start)
	}
	p.pos = start + 2 + len(name)
	if p.skipSpace() {
		n.flags |= editEnd
	}
	switch {
	case p.pos == len(p.s):
		return p.end()
	case p.s[p.pos] == '>':
		p.pos++
		p.closeElement(start)
		return nil
	case n.flags&editEnd != 0:
		return p.fail(problem.XMLTagMalformed, p.pos)
	}
	return p.fail(problem.XMLEndTagMismatch, start)
}

// closeElement closes the open element, whose content ends at outer, and undoes its namespace declarations.
func (p *parser) closeElement(outer int) {
	n := &p.d.nodes[p.open]
	n.outer, n.end = int32(outer), int32(p.pos)
	n.past = int32(len(p.d.nodes))
	for range n.nDeclared {
		top := len(p.shadowed) - 1
		p.bindings[p.shadowed[top].prefix] = p.shadowed[top].binding
		p.shadowed = p.shadowed[:top]
	}
	p.depth--
	p.last, p.open = p.open, n.parent
}
