package xmldoc

import (
	"slices"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/problem"
)

const (
	commentStart     = "<!--"
	sectionStart     = "<![CDATA["
	sectionEnd       = "]]>"
	instructionStart = "<?"
	instructionEnd   = "?>"
	doctypeStart     = "<!DOCTYPE"
)

// Parse parses a document. The error is a *problem.Error of kind Malformed, whose Detail contains the position as
// "line:column" and never any content. Parse copies the bytes and does not retain b.
func Parse(b []byte, l Limits) (*Document, error) {
	l = l.within()
	if len(b) > l.Bytes {
		return nil, problem.New(problem.XMLTooLarge, "limit "+strconv.Itoa(l.Bytes))
	}
	text, found, err := decode(b, l.Bytes)
	if err != nil {
		return nil, err
	}
	if at, code := checkCharacters(text); code != "" {
		return nil, refuse(code, text, at)
	}
	p := newParser(string(text), l)
	if err = p.document(found); err != nil {
		return nil, err
	}
	return p.d, nil
}

// parser is the state of one call of Parse.
type parser struct {
	d      *Document
	s      string
	pos    int
	limits Limits

	open         int32 // the innermost open element, -1 outside the root
	depth        int
	last         int32 // the last node; the text after it belongs to it
	instructions int
	expansion    int       // bytes of declarations that exclusive canonical form can add
	utility      int32     // the namespace of wsu:Id, 0 until it is declared
	bindings     []binding // by prefix index
	shadowed     []shadow  // the bindings that the open elements replaced, innermost last
}

// binding is the namespace that a prefix is bound to at the current position.
type binding struct {
	space int32 // unbound if there is none
	by    int32 // the element that declared it last
}

const unbound int32 = -1

type shadow struct {
	prefix int32
	binding
}

func newParser(s string, l Limits) *parser {
	// Sized for typical signed messages; larger documents grow the slices.
	expected := min(len(s)/64+few, 4096)
	d := &Document{
		source:       s,
		nodes:        make([]node, 0, expected),
		attributes:   make([]attribute, 0, expected/2),
		declarations: make([]declaration, 0, few),
		identified:   make([]identified, 0, few),
	}
	d.prefixes.list = append(make([]string, 0, few), "", "xml")
	d.spaces.list = append(make([]string, 0, few), "", XMLNamespace)
	return &parser{
		d: d, s: s, limits: l, open: -1,
		bindings: append(make([]binding, 0, few), binding{none, -1}, binding{xmlName, -1}),
		shadowed: make([]shadow, 0, few),
	}
}

// errorAt returns the error for an offset.
func (p *parser) fail(code problem.Code, at int) error { return refuse(code, p.s, at) }

// limitError returns the error for an exceeded limit.
func (p *parser) exceeded(code problem.Code, at, limit int) error {
	return refuse(code, p.s, at, "limit", strconv.Itoa(limit))
}

// endError returns the error for a truncated document.
func (p *parser) end() error { return p.fail(problem.XMLUnexpectedEnd, len(p.s)) }

// hasPrefix reports whether the rest of the source starts with literal.
func (p *parser) at(literal string) bool { return strings.HasPrefix(p.s[p.pos:], literal) }

// skipSpace skips white space and reports whether there was any.
func (p *parser) skipSpace() bool {
	from := p.pos
	for p.pos < len(p.s) && class[p.s[p.pos]]&spaceByte != 0 {
		p.pos++
	}
	return p.pos > from
}

// parseDocument parses production document, without doctypedecl.
func (p *parser) document(found encoding) error {
	if err := p.declaration(found); err != nil {
		return err
	}
	if err := p.misc(); err != nil {
		return err
	}
	if p.pos == len(p.s) {
		return p.fail(problem.XMLEmpty, p.pos)
	}
	if err := p.startTag(); err != nil {
		return err
	}
	for p.open >= 0 {
		if err := p.content(); err != nil {
			return err
		}
	}
	if err := p.misc(); err != nil {
		return err
	}
	if p.pos < len(p.s) {
		return p.fail(problem.XMLContentOutsideRoot, p.pos)
	}
	return nil
}

// parseMisc reads the comments, processing instructions and white space allowed before and after the root, up to the
// end or to other markup. They become no nodes, since they belong to no element.
func (p *parser) misc() error {
	for {
		p.skipSpace()
		var err error
		switch {
		case p.pos == len(p.s):
			return nil
		case p.at(commentStart):
			err = p.comment()
		case p.at(instructionStart):
			err = p.instruction()
		case p.at(sectionStart), p.s[p.pos] != '<', p.at("</"):
			err = p.fail(problem.XMLContentOutsideRoot, p.pos)
		case p.at("<!"):
			err = p.unknownMarkup()
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (p *parser) unknownMarkup() error {
	if p.at(doctypeStart) {
		return p.fail(problem.XMLDoctype, p.pos)
	}
	return p.fail(problem.XMLMarkupUnknown, p.pos)
}

// parseContent reads text and the piece of markup after it.
func (p *parser) content() error {
	if err := p.text(); err != nil {
		return err
	}
	if p.pos+1 >= len(p.s) {
		return p.end()
	}
	switch p.s[p.pos+1] {
	case '/':
		return p.endTag()
	case '?':
		return p.instruction()
	case '!':
		switch {
		case p.at(commentStart):
			return p.comment()
		case p.at(sectionStart):
			return p.section()
		}
		return p.unknownMarkup()
	}
	return p.startTag()
}

// parseText reads character data up to the next markup.
func (p *parser) text() error {
	length := strings.IndexByte(p.s[p.pos:], '<')
	if length < 0 {
		return p.end()
	}
	span := p.s[p.pos : p.pos+length]
	if !isPlain(span) {
		for i := 0; i < length; {
			switch span[i] {
			case '&':
				_, after, code := reference(span, i)
				if code != "" {
					return p.fail(code, p.pos+i)
				}
				i = after
			case '>':
				if i >= 2 && span[i-2:i] == "]]" {
					return p.fail(problem.XMLSectionEndInText, p.pos+i-2)
				}
				i++
			default:
				i++
			}
		}
		p.markText()
	}
	p.pos += length
	return nil
}

// isCanonicalText reports whether a span of text is its own canonical form.
func isPlain(span string) bool {
	const long = 64 // the length from which three fast searches beat one slow scan
	if len(span) >= long {
		return strings.IndexByte(span, '&') < 0 && strings.IndexByte(span, '>') < 0 && strings.IndexByte(span, '\r') < 0
	}
	for i := range len(span) {
		if class[span[i]]&textStop != 0 {
			return false
		}
	}
	return true
}

// markTextForEdit records that the text just read differs from its canonical form.
func (p *parser) markText() {
	if p.last == p.open {
		p.d.nodes[p.last].flags |= editInside
	} else {
		p.d.nodes[p.last].flags |= editAfter
	}
}

// appendNode appends a node that starts at an offset.
func (p *parser) add(k kind, start int) (*node, error) {
	if err := p.count(1, start); err != nil {
		return nil, err
	}
	i := int32(len(p.d.nodes))
	p.d.nodes = append(room(p, p.d.nodes, "<"), node{start: int32(start), past: i + 1, parent: p.open, kind: k})
	p.last = i
	return &p.d.nodes[i], nil
}

// ensureCapacity grows a full list once, for all entries still to come. Every node and every attribute has its mark in
// the rest of the source, so counting the marks bounds the memory by the input, and Limits.Nodes bounds it as well.
func room[T any](p *parser, list []T, mark string) []T {
	if len(list) < cap(list) {
		return list
	}
	return slices.Grow(list, max(1, min(strings.Count(p.s[p.pos:], mark)+1, p.limits.Nodes-len(list))))
}

// checkNodeCount returns an error if the given number of further nodes would exceed the limit.
func (p *parser) count(more, at int) error {
	if len(p.d.nodes)+len(p.d.attributes)+len(p.d.declarations)+more > p.limits.Nodes {
		return p.exceeded(problem.XMLTooManyNodes, at, p.limits.Nodes)
	}
	return nil
}

// parseComment parses production Comment.
func (p *parser) comment() error {
	start := p.pos
	body := start + len(commentStart)
	i := strings.Index(p.s[body:], "--")
	if i < 0 || body+i+2 >= len(p.s) {
		return p.end()
	}
	if p.s[body+i+2] != '>' {
		return p.fail(problem.XMLCommentMalformed, body+i)
	}
	p.pos = body + i + 3
	return p.leaf(comment, start)
}

// parseCDATA parses production CDSect.
func (p *parser) section() error {
	start := p.pos
	body := start + len(sectionStart)
	i := strings.Index(p.s[body:], sectionEnd)
	if i < 0 {
		return p.end()
	}
	p.pos = body + i + len(sectionEnd)
	return p.leaf(section, start)
}

// appendLeaf appends a node for markup without children that has just been read, if it is inside the root.
func (p *parser) leaf(k kind, start int) error {
	if p.open < 0 {
		return nil
	}
	n, err := p.add(k, start)
	if err != nil {
		return err
	}
	n.end = int32(p.pos)
	return nil
}

// parseInstruction parses production PI. The target has no colon (Namespaces in XML section 7).
func (p *parser) instruction() error {
	start := p.pos
	p.instructions++
	target := start + len(instructionStart)
	after := ncName(p.s, target)
	switch {
	case after == target:
		return p.fail(problem.XMLNameMalformed, target)
	case strings.EqualFold(p.s[target:after], "xml"):
		return p.fail(problem.XMLInstructionReserved, start)
	case p.instructions > p.limits.Instructions:
		return p.exceeded(problem.XMLInstruction, start, p.limits.Instructions)
	case after-target > p.limits.Name:
		return p.exceeded(problem.XMLNameTooLong, target, p.limits.Name)
	}
	i := strings.Index(p.s[after:], instructionEnd)
	if i < 0 {
		return p.end()
	}
	data := p.s[after : after+i]
	p.pos = after + i + len(instructionEnd)
	if data != "" && class[data[0]]&spaceByte == 0 {
		return p.fail(problem.XMLInstructionMalformed, after)
	}
	if err := p.leaf(instruction, start); err != nil || p.open < 0 {
		return err
	}
	n := &p.d.nodes[p.last]
	n.name = uint16(after - target)
	if data != "" && (data[0] != ' ' || len(data) == 1 || class[data[1]]&spaceByte != 0 || strings.Contains(data, "\r")) {
		n.flags |= editSelf
	}
	return nil
}
