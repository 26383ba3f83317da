package xmldoc

import (
	"cmp"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// scanQualifiedName reads a QName. It returns the offset after it and the length of its prefix, 0 if there is none.
func (p *parser) scanQualifiedName(start int) (after, prefix int, err error) {
	after = scanNCName(p.source, start)
	if after == start {
		return 0, 0, p.nameError(start)
	}
	if after < len(p.source) && p.source[after] == ':' {
		prefix = after - start
		local := after + 1
		after = scanNCName(p.source, local)
		if after == local || after < len(p.source) && p.source[after] == ':' {
			return 0, 0, p.nameError(after)
		}
	}
	if after-start > p.limits.Name {
		return 0, 0, p.limitError(XMLNameTooLong, start, p.limits.Name)
	}
	return after, prefix, nil
}

func (p *parser) nameError(at int) error {
	if at == len(p.source) {
		return p.endError()
	}
	return p.errorAt(XMLNameMalformed, at)
}

// parseStartTag parses productions STag and EmptyElemTag.
func (p *parser) parseStartTag() error {
	start := p.pos
	if p.depth >= p.limits.Depth {
		return p.limitError(XMLTooDeep, start, p.limits.Depth)
	}
	after, prefix, err := p.scanQualifiedName(start + 1)
	if err != nil {
		return err
	}
	n, err := p.appendNode(elementNode, start)
	if err != nil {
		return err
	}
	p.pos = after
	n.nameLength = uint16(after - start - 1)
	n.firstAttribute, n.firstDeclaration = int32(len(p.doc.attributes)), int32(len(p.doc.declarations))
	if err = p.parseAttributes(n); err != nil {
		return err
	}
	n.prefix, n.namespace, err = p.resolvePrefix(start+1, prefix)
	if err != nil {
		return err
	}
	if err = p.countElementExpansion(n, start); err != nil {
		return err
	}
	if err = p.finishAttributes(n); err != nil {
		return err
	}
	p.depth++
	p.openElement = p.lastNode
	n.contentStart = int32(p.pos)
	if n.flags&emptyElementTag != 0 {
		p.closeElement(p.pos)
	}
	return nil
}

// parseAttributes reads the rest of a start tag.
func (p *parser) parseAttributes(n *node) error {
	for {
		before := p.pos
		spaced := p.skipSpace()
		if p.pos == len(p.source) {
			return p.endError()
		}
		switch c := p.source[p.pos]; {
		case c == '>' || c == '/':
			if spaced {
				n.flags |= editStartTag
			}
			return p.parseStartTagEnd(n)
		case !spaced:
			return p.errorAt(XMLAttributeMalformed, p.pos)
		}
		if err := p.parseAttribute(n, before); err != nil {
			return err
		}
	}
}

func (p *parser) parseStartTagEnd(n *node) error {
	if p.source[p.pos] == '/' {
		p.pos++
		n.flags |= emptyElementTag
		if p.pos == len(p.source) {
			return p.endError()
		}
		if p.source[p.pos] != '>' {
			return p.errorAt(XMLTagMalformed, p.pos)
		}
	}
	p.pos++
	return nil
}

// parseAttribute parses production Attribute. The white space before it starts at the offset before.
func (p *parser) parseAttribute(n *node, before int) error {
	start := p.pos
	after, prefix, err := p.scanQualifiedName(start)
	if err != nil {
		return err
	}
	p.pos = after
	p.skipSpace()
	equals := p.pos
	if equals == len(p.source) {
		return p.endError()
	}
	if p.source[equals] != '=' {
		return p.errorAt(XMLAttributeMalformed, equals)
	}
	p.pos++
	p.skipSpace()
	// The prefix field holds the length of the prefix until the whole tag has been read.
	a := attribute{nameStart: int32(start), nameLength: uint16(after - start), prefix: int32(prefix)}
	if err = p.parseAttributeValue(&a); err != nil {
		return err
	}
	if p.source[before] != ' ' || start != before+1 || equals != after || int(a.valueStart) != after+2 ||
		p.source[after+1] != '"' {
		a.flags |= attributeNeedsRewriting
	}
	if name := p.source[start:after]; strings.HasPrefix(name, "xmlns") && (len(name) == 5 || prefix == 5) {
		return p.declareNamespace(n, &a, strings.TrimPrefix(name[5:], ":"))
	}
	if n.attributeCount++; int(n.attributeCount) > p.limits.Attributes {
		return p.limitError(XMLTooManyAttributes, start, p.limits.Attributes)
	}
	if a.flags != 0 {
		n.flags |= editStartTag
	}
	p.doc.attributes = append(ensureCapacity(p, p.doc.attributes, "="), a)
	return p.checkNodeCount(0, start)
}

// parseAttributeValue parses production AttValue.
func (p *parser) parseAttributeValue(a *attribute) error {
	if p.pos == len(p.source) {
		return p.endError()
	}
	quote := p.source[p.pos]
	if quote != '"' && quote != '\'' {
		return p.errorAt(XMLAttributeMalformed, p.pos)
	}
	a.valueStart = int32(p.pos + 1)
	s := p.source
	for i := p.pos + 1; i < len(s); {
		c := s[i]
		if byteClasses[c]&valueStopByte == 0 {
			i++
			continue
		}
		switch c {
		case quote:
			a.valueEnd = int32(i)
			p.pos = i + 1
			return nil
		case '<':
			return p.errorAt(XMLAttributeLessThan, i)
		case '&':
			_, after, code := parseReference(s, i)
			if code != "" {
				return p.referenceError(code, i)
			}
			a.flags |= valueNeedsDecoding
			i = after
			continue
		case '"':
			a.flags |= valueNeedsEscaping
		case '\'':
		default:
			a.flags |= valueNeedsDecoding
		}
		i++
	}
	return p.endError()
}

// declareNamespace adds a namespace declaration (Namespaces in XML sections 2.2 and 3).
func (p *parser) declareNamespace(n *node, a *attribute, prefix string) error {
	at := int(a.nameStart)
	if int(a.valueEnd-a.valueStart) > p.limits.Name {
		return p.limitError(XMLNameTooLong, int(a.valueStart), p.limits.Name)
	}
	uri := p.doc.attributeValue(a)
	space, known := p.doc.namespaces.findIndex(uri)
	if code := checkNamespaceDeclaration(prefix, uri, known); code != "" {
		return p.receivedError(code, at, declarationName(prefix)+`="`+uri+`"`)
	}
	if int(n.declarationCount) >= p.limits.Declarations {
		return p.limitError(XMLTooManyNamespaces, at, p.limits.Declarations)
	}
	if len(p.shadowed) >= p.limits.Namespaces {
		return p.limitError(XMLTooManyNamespaces, at, p.limits.Namespaces)
	}
	id, declared := p.doc.prefixes.findIndex(prefix)
	if !declared {
		id = p.doc.prefixes.addValue(prefix)
		p.bindings = append(p.bindings, binding{unbound, -1})
	}
	if p.bindings[id].declaredBy == p.lastNode {
		return p.receivedError(XMLAttributeDuplicate, at, declarationName(prefix))
	}
	if !known {
		space = p.doc.namespaces.addValue(uri)
		if uri == UtilityNamespace {
			p.utilityNamespace = space
		}
	}
	p.shadowed = append(p.shadowed, shadowedBinding{id, p.bindings[id]})
	p.bindings[id] = binding{space, p.lastNode}
	p.doc.declarations = append(p.doc.declarations, namespaceDeclaration{id, space})
	n.declarationCount++
	return p.checkNodeCount(0, at)
}

// declarationName returns the name of the attribute that declares a prefix, or the default namespace.
func declarationName(prefix string) string {
	if prefix == "" {
		return "xmlns"
	}
	return "xmlns:" + prefix
}

// checkNamespaceDeclaration returns the error code, or "", for binding a prefix to a namespace name. A known namespace
// name has already been found to be absolute.
func checkNamespaceDeclaration(prefix, uri string, known bool) problem.Code {
	switch {
	case prefix == "xmlns", uri == XMLNSNamespace, (prefix == "xml") != (uri == XMLNamespace):
		return XMLNamespaceReserved
	case uri == "" && prefix != "":
		return XMLNamespaceEmpty
	case !known && !isAbsoluteURI(uri):
		return XMLNamespaceNotAbsolute
	}
	return ""
}

// resolvePrefix returns the index of the prefix at start, of the given length, and of the namespace it is bound to.
func (p *parser) resolvePrefix(start, length int) (prefix, space int32, err error) {
	name := p.source[start : start+length]
	if name == "xmlns" {
		return 0, 0, p.receivedError(XMLNamespaceReserved, start, "xmlns:")
	}
	prefix, known := p.doc.prefixes.findIndex(name)
	if !known || p.bindings[prefix].namespace == unbound {
		return 0, 0, p.receivedError(XMLPrefixUndeclared, start, name+":")
	}
	return prefix, p.bindings[prefix].namespace, nil
}

// countElementExpansion counts the declaration that exclusive canonical form may write at an element. It writes none if
// the parent has the same prefix and namespace.
func (p *parser) countElementExpansion(n *node, at int) error {
	if p.openElement >= 0 {
		if parent := &p.doc.nodes[p.openElement]; parent.prefix == n.prefix && parent.namespace == n.namespace {
			return nil
		}
	}
	return p.addExpansion(n.prefix, n.namespace, at)
}

// countAttributeExpansion does the same for an attribute with a prefix.
func (p *parser) countAttributeExpansion(n *node, a *attribute) error {
	if a.prefix == indexXML || a.prefix == n.prefix {
		return nil
	}
	return p.addExpansion(a.prefix, a.namespace, int(a.nameStart))
}

func (p *parser) addExpansion(prefix, space int32, at int) error {
	p.expansionBytes += len(p.doc.prefixes.values[prefix]) + len(p.doc.namespaces.values[space])
	if p.expansionBytes > p.limits.Expansion {
		return p.limitError(XMLNamespaceExpansion, at, p.limits.Expansion)
	}
	return nil
}

// finishAttributes runs after a start tag has been read. It resolves the prefixes, sorts attributes and declarations in
// canonical order (Canonical XML 1.0 section 2.2), and rejects duplicate attributes and identifiers.
func (p *parser) finishAttributes(n *node) error {
	d := p.doc
	if n.declarationCount > 1 {
		slices.SortFunc(d.declarations[n.firstDeclaration:], func(a, b namespaceDeclaration) int {
			return strings.Compare(d.prefixes.values[a.prefix], d.prefixes.values[b.prefix])
		})
	}
	all := d.attributes[n.firstAttribute:]
	for i := range all {
		a := &all[i]
		if a.prefix == 0 {
			continue // an attribute without prefix is in no namespace
		}
		var err error
		if a.prefix, a.namespace, err = p.resolvePrefix(int(a.nameStart), int(a.prefix)); err != nil {
			return err
		}
		if err = p.countAttributeExpansion(n, a); err != nil {
			return err
		}
	}
	if len(all) > 1 && !slices.IsSortedFunc(all, d.compareAttributes) {
		n.flags |= editStartTag
		slices.SortFunc(all, d.compareAttributes)
	}
	for i := range all {
		if i > 0 && d.compareAttributes(all[i-1], all[i]) == 0 {
			second := max(all[i-1].nameStart, all[i].nameStart)
			name := p.source[second : second+int32(all[i].nameLength)]
			return p.receivedError(XMLAttributeDuplicate, int(second), name)
		}
		if local := d.localName(all[i].nameStart, all[i].nameLength, all[i].prefix); !strings.EqualFold(local, "id") {
			continue
		}
		if !p.recordIdentifier(&all[i]) {
			value := texts.Excerpt(strings.Trim(d.attributeValue(&all[i]), " \t\r\n"))
			return newParseError(XMLIdentifierDuplicate, p.source, int(all[i].nameStart), repeatedID.With(value))
		}
	}
	return nil
}

func (d *Document) compareAttributes(a, b attribute) int {
	if a.namespace != b.namespace {
		return cmp.Compare(d.namespaces.values[a.namespace], d.namespaces.values[b.namespace])
	}
	return cmp.Compare(
		d.localName(a.nameStart, a.nameLength, a.prefix),
		d.localName(b.nameStart, b.nameLength, b.prefix),
	)
}

// isIDAttribute reports whether an attribute with the local name id, in any case, identifies its element.
func (p *parser) isIDAttribute(a *attribute) bool {
	local := p.doc.localName(a.nameStart, a.nameLength, a.prefix)
	switch a.namespace {
	case indexNone:
		return local == "Id" || local == "ID" || local == "id"
	case indexXML:
		return local == "id"
	case p.utilityNamespace:
		return local == "Id"
	}
	return false
}

// recordIdentifier records an identifier and reports whether it is new. An attribute that only another reader may take
// for an identifier, and an empty one, which identifies no element, may repeat. So may the value of Id as wsu:Id of the
// same element, which some toolkits write: whichever of the two is looked up, it is this element.
func (p *parser) recordIdentifier(a *attribute) bool {
	id := strings.Trim(p.doc.attributeValue(a), " \t\r\n")
	if id == "" || !p.isIDAttribute(a) {
		p.doc.lookalikes = append(p.doc.lookalikes, identifiedElement{id, p.lastNode, a.namespace})
		return true
	}
	return p.doc.addIdentifier(id, p.lastNode, a.namespace)
}

// parseEndTag parses production ETag.
func (p *parser) parseEndTag() error {
	start := p.pos
	n := &p.doc.nodes[p.openElement]
	name := p.source[n.start+1 : n.start+1+int32(n.nameLength)]
	rest := p.source[start+2:]
	if !strings.HasPrefix(rest, name) {
		if strings.IndexByte(rest, '>') < 0 {
			return p.endError()
		}
		return p.endTagError(start, name)
	}
	p.pos = start + 2 + len(name)
	if p.skipSpace() {
		n.flags |= editEndTag
	}
	switch {
	case p.pos == len(p.source):
		return p.endError()
	case p.source[p.pos] == '>':
		p.pos++
		p.closeElement(start)
		return nil
	case n.flags&editEndTag != 0:
		return p.errorAt(XMLTagMalformed, p.pos)
	}
	return p.endTagError(start, name)
}

// endTagError returns the error for an end tag that is not that of the open element.
func (p *parser) endTagError(start int, name string) error {
	rest := p.source[start:min(len(p.source), start+maxShownTag)]
	if end := strings.IndexByte(rest, '>'); end >= 0 {
		rest = rest[:end+1]
	}
	return newParseError(XMLEndTagMismatch, p.source, start,
		problem.DetailReceivedExpected.With(texts.Excerpt(rest), texts.Excerpt("</"+name+">")))
}

// maxShownTag bounds the bytes of an end tag that an error repeats.
const maxShownTag = 256

// closeElement closes the open element, whose content ends at outer, and undoes its namespace declarations.
func (p *parser) closeElement(outer int) {
	n := &p.doc.nodes[p.openElement]
	n.contentEnd, n.end = int32(outer), int32(p.pos)
	n.afterSubtree = int32(len(p.doc.nodes))
	for range n.declarationCount {
		top := len(p.shadowed) - 1
		p.bindings[p.shadowed[top].prefix] = p.shadowed[top].binding
		p.shadowed = p.shadowed[:top]
	}
	p.depth--
	p.lastNode, p.openElement = p.openElement, n.parent
}
