package xmldoc

import (
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

const (
	commentStart     = "<!--"
	cdataStart       = "<![CDATA["
	cdataEnd         = "]]>"
	instructionStart = "<?"
	instructionEnd   = "?>"
	doctypeStart     = "<!DOCTYPE"
)

// Parse parses a document. The error is a *problem.Error of kind Malformed, whose Detail contains the position as
// "line:column" and never any content. Parse copies the bytes and does not retain b.
func Parse(b []byte, l Limits) (*Document, error) {
	l = l.clampToRepresentation()
	if len(b) > l.Bytes {
		return nil, problem.New(XMLTooLarge, problem.DetailLimit.With(l.Bytes))
	}
	text, found, err := decodeToUTF8(b, l.Bytes)
	if err != nil {
		return nil, err
	}
	if at, code := checkCharacters(text); code != "" {
		return nil, newParseError(code, text, at)
	}
	p := newParser(string(text), l)
	if err = p.parseDocument(found); err != nil {
		return nil, err
	}
	return p.doc, nil
}

// parser is the state of one call of Parse.
type parser struct {
	doc    *Document
	source string
	pos    int
	limits Limits

	openElement      int32 // the innermost open element, -1 outside the root
	depth            int
	lastNode         int32 // the last node; the text after it belongs to it
	instructionCount int
	expansionBytes   int               // bytes of declarations that exclusive canonical form can add
	utilityNamespace int32             // the namespace of wsu:Id, 0 until it is declared
	bindings         []binding         // by prefix index
	shadowed         []shadowedBinding // the bindings that the open elements replaced, innermost last
}

// binding is the namespace that a prefix is bound to at the current position.
type binding struct {
	namespace  int32 // unbound if there is none
	declaredBy int32 // the element that declared it last
}

const unbound int32 = -1

type shadowedBinding struct {
	prefix int32
	binding
}

func newParser(s string, l Limits) *parser {
	// Sized for typical signed messages; larger documents grow the slices.
	expected := min(len(s)/64+linearSearchLimit, 4096)
	d := &Document{
		source:             s,
		nodes:              make([]node, 0, expected),
		attributes:         make([]attribute, 0, expected/2),
		declarations:       make([]namespaceDeclaration, 0, linearSearchLimit),
		identifiedElements: make([]identifiedElement, 0, linearSearchLimit),
	}
	d.prefixes.values = append(make([]string, 0, linearSearchLimit), "", "xml")
	d.namespaces.values = append(make([]string, 0, linearSearchLimit), "", XMLNamespace)
	return &parser{
		doc: d, source: s, limits: l, openElement: -1,
		bindings: append(make([]binding, 0, linearSearchLimit), binding{indexNone, -1}, binding{indexXML, -1}),
		shadowed: make([]shadowedBinding, 0, linearSearchLimit),
	}
}

// errorAt returns the error for an offset.
func (p *parser) errorAt(code problem.Code, at int) error { return newParseError(code, p.source, at) }

// receivedError returns the error for an offset, with what was received there.
func (p *parser) receivedError(code problem.Code, at int, received string) error {
	return newParseError(code, p.source, at, problem.DetailReceived.With(texts.Excerpt(received)))
}

// referenceError returns the error for a reference that cannot be read.
func (p *parser) referenceError(code problem.Code, at int) error {
	if code != XMLEntityUnknown {
		return p.errorAt(code, at)
	}
	return p.receivedError(code, at, p.source[at:scanNCName(p.source, at+1)+1])
}

// limitError returns the error for an exceeded limit.
func (p *parser) limitError(code problem.Code, at, limit int) error {
	return newParseError(code, p.source, at, problem.DetailLimit.With(limit))
}

// endError returns the error for a truncated document.
func (p *parser) endError() error { return p.errorAt(XMLUnexpectedEnd, len(p.source)) }

// hasPrefix reports whether the rest of the source starts with literal.
func (p *parser) hasPrefix(literal string) bool { return strings.HasPrefix(p.source[p.pos:], literal) }

// skipSpace skips white space and reports whether there was any.
func (p *parser) skipSpace() bool {
	from := p.pos
	for p.pos < len(p.source) && byteClasses[p.source[p.pos]]&spaceByte != 0 {
		p.pos++
	}
	return p.pos > from
}

// parseDocument parses production document, without doctypedecl.
func (p *parser) parseDocument(found encoding) error {
	if err := p.parseXMLDeclaration(found); err != nil {
		return err
	}
	if err := p.parseMisc(); err != nil {
		return err
	}
	if p.pos == len(p.source) {
		return p.errorAt(XMLEmpty, p.pos)
	}
	if err := p.parseStartTag(); err != nil {
		return err
	}
	for p.openElement >= 0 {
		if err := p.parseContent(); err != nil {
			return err
		}
	}
	if err := p.parseMisc(); err != nil {
		return err
	}
	if p.pos < len(p.source) {
		return p.errorAt(XMLContentOutsideRoot, p.pos)
	}
	return nil
}

// parseMisc reads the comments, processing instructions and white space allowed before and after the root, up to the
// end or to other markup. They become no nodes, since they belong to no element.
func (p *parser) parseMisc() error {
	for {
		p.skipSpace()
		var err error
		switch {
		case p.pos == len(p.source):
			return nil
		case p.hasPrefix(commentStart):
			err = p.parseComment()
		case p.hasPrefix(instructionStart):
			err = p.parseInstruction()
		case p.hasPrefix(cdataStart), p.source[p.pos] != '<', p.hasPrefix("</"):
			err = p.errorAt(XMLContentOutsideRoot, p.pos)
		case p.hasPrefix("<!"):
			err = p.unknownMarkupError()
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (p *parser) unknownMarkupError() error {
	if p.hasPrefix(doctypeStart) {
		return p.errorAt(XMLDoctype, p.pos)
	}
	return p.errorAt(XMLMarkupUnknown, p.pos)
}

// parseContent reads text and the piece of markup after it.
func (p *parser) parseContent() error {
	if err := p.parseText(); err != nil {
		return err
	}
	if p.pos+1 >= len(p.source) {
		return p.endError()
	}
	switch p.source[p.pos+1] {
	case '/':
		return p.parseEndTag()
	case '?':
		return p.parseInstruction()
	case '!':
		switch {
		case p.hasPrefix(commentStart):
			return p.parseComment()
		case p.hasPrefix(cdataStart):
			return p.parseCDATA()
		}
		return p.unknownMarkupError()
	}
	return p.parseStartTag()
}

// parseText reads character data up to the next markup.
func (p *parser) parseText() error {
	length := strings.IndexByte(p.source[p.pos:], '<')
	if length < 0 {
		return p.endError()
	}
	span := p.source[p.pos : p.pos+length]
	if !isCanonicalText(span) {
		for i := 0; i < length; {
			switch span[i] {
			case '&':
				_, after, code := parseReference(span, i)
				if code != "" {
					return p.referenceError(code, p.pos+i)
				}
				i = after
			case '>':
				if i >= 2 && span[i-2:i] == "]]" {
					return p.errorAt(XMLSectionEndInText, p.pos+i-2)
				}
				i++
			default:
				i++
			}
		}
		p.markTextForEdit()
	}
	p.pos += length
	return nil
}

// isCanonicalText reports whether a span of text is its own canonical form.
func isCanonicalText(span string) bool {
	const long = 64 // the length from which three fast searches beat one slow scan
	if len(span) >= long {
		return strings.IndexByte(span, '&') < 0 && strings.IndexByte(span, '>') < 0 && strings.IndexByte(span, '\r') < 0
	}
	for i := range len(span) {
		if byteClasses[span[i]]&textStopByte != 0 {
			return false
		}
	}
	return true
}

// markTextForEdit records that the text just read differs from its canonical form.
func (p *parser) markTextForEdit() {
	if p.lastNode == p.openElement {
		p.doc.nodes[p.lastNode].flags |= editTextInside
	} else {
		p.doc.nodes[p.lastNode].flags |= editTextAfter
	}
}

// appendNode appends a node that starts at an offset.
func (p *parser) appendNode(k nodeKind, start int) (*node, error) {
	if err := p.checkNodeCount(1, start); err != nil {
		return nil, err
	}
	i := int32(len(p.doc.nodes))
	p.doc.nodes = append(
		ensureCapacity(p, p.doc.nodes, "<"), node{start: int32(start), afterSubtree: i + 1, parent: p.openElement, kind: k},
	)
	p.lastNode = i
	return &p.doc.nodes[i], nil
}

// ensureCapacity grows a full list once, for all entries still to come. Every node and every attribute has its mark in
// the rest of the source, so counting the marks bounds the memory by the input, and Limits.Nodes bounds it as well.
func ensureCapacity[T any](p *parser, list []T, mark string) []T {
	if len(list) < cap(list) {
		return list
	}
	return slices.Grow(list, max(1, min(strings.Count(p.source[p.pos:], mark)+1, p.limits.Nodes-len(list))))
}

// checkNodeCount returns an error if the given number of further nodes would exceed the limit.
func (p *parser) checkNodeCount(more, at int) error {
	if len(p.doc.nodes)+len(p.doc.attributes)+len(p.doc.declarations)+more > p.limits.Nodes {
		return p.limitError(XMLTooManyNodes, at, p.limits.Nodes)
	}
	return nil
}

// parseComment parses production Comment.
func (p *parser) parseComment() error {
	start := p.pos
	body := start + len(commentStart)
	i := strings.Index(p.source[body:], "--")
	if i < 0 || body+i+2 >= len(p.source) {
		return p.endError()
	}
	if p.source[body+i+2] != '>' {
		return p.errorAt(XMLCommentMalformed, body+i)
	}
	p.pos = body + i + 3
	return p.appendLeaf(commentNode, start)
}

// parseCDATA parses production CDSect.
func (p *parser) parseCDATA() error {
	start := p.pos
	body := start + len(cdataStart)
	i := strings.Index(p.source[body:], cdataEnd)
	if i < 0 {
		return p.endError()
	}
	p.pos = body + i + len(cdataEnd)
	return p.appendLeaf(cdataNode, start)
}

// appendLeaf appends a node for markup without children that has just been read, if it is inside the root.
func (p *parser) appendLeaf(k nodeKind, start int) error {
	if p.openElement < 0 {
		return nil
	}
	n, err := p.appendNode(k, start)
	if err != nil {
		return err
	}
	n.end = int32(p.pos)
	return nil
}

// parseInstruction parses production PI. The target has no colon (Namespaces in XML section 7).
func (p *parser) parseInstruction() error {
	start := p.pos
	p.instructionCount++
	target := start + len(instructionStart)
	after := scanNCName(p.source, target)
	switch {
	case after == target:
		return p.errorAt(XMLNameMalformed, target)
	case strings.EqualFold(p.source[target:after], "xml"):
		return p.errorAt(XMLInstructionReserved, start)
	case p.instructionCount > p.limits.Instructions:
		return p.limitError(XMLInstruction, start, p.limits.Instructions)
	case after-target > p.limits.Name:
		return p.limitError(XMLNameTooLong, target, p.limits.Name)
	}
	i := strings.Index(p.source[after:], instructionEnd)
	if i < 0 {
		return p.endError()
	}
	data := p.source[after : after+i]
	p.pos = after + i + len(instructionEnd)
	if data != "" && byteClasses[data[0]]&spaceByte == 0 {
		return p.errorAt(XMLInstructionMalformed, after)
	}
	if err := p.appendLeaf(instructionNode, start); err != nil || p.openElement < 0 {
		return err
	}
	n := &p.doc.nodes[p.lastNode]
	n.nameLength = uint16(after - target)
	if data != "" &&
		(data[0] != ' ' || len(data) == 1 || byteClasses[data[1]]&spaceByte != 0 || strings.Contains(data, "\r")) {
		n.flags |= editInstruction
	}
	return nil
}
