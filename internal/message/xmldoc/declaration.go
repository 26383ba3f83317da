package xmldoc

import (
	"strings"

	"github.com/openctr/ctr/internal/problem"
)

// parseXMLDeclaration parses production XMLDecl, if there is one. A document in UTF-16 without byte order mark must
// have a declaration that names its encoding.
func (p *parser) declaration(found encoding) error {
	const start = "<?xml"
	if !p.at(start) || len(p.s) > len(start) && class[p.s[len(start)]]&spaceByte == 0 {
		if found == utf16Little || found == utf16Big {
			return p.fail(problem.XMLEncodingMismatch, 0)
		}
		return nil
	}
	p.pos = len(start)
	version, ok, err := p.pseudoAttribute("version")
	if err != nil {
		return err
	}
	if !ok {
		return p.fail(problem.XMLDeclarationMalformed, p.pos)
	}
	if version != "1.0" {
		return p.fail(problem.XMLVersionUnsupported, p.pos)
	}
	if err = p.encodingDeclaration(found); err != nil {
		return err
	}
	standalone, ok, err := p.pseudoAttribute("standalone")
	if err != nil {
		return err
	}
	if ok && standalone != "yes" && standalone != "no" {
		return p.fail(problem.XMLDeclarationMalformed, p.pos)
	}
	p.skipSpace()
	if !p.at(instructionEnd) {
		return p.fail(problem.XMLDeclarationMalformed, p.pos)
	}
	p.pos += len(instructionEnd)
	return nil
}

func (p *parser) encodingDeclaration(found encoding) error {
	name, ok, err := p.pseudoAttribute("encoding")
	switch {
	case err != nil:
		return err
	case !ok && (found == utf16Little || found == utf16Big):
		return p.fail(problem.XMLEncodingMismatch, p.pos)
	case !ok:
		return nil
	case !isEncodingName(name):
		return p.fail(problem.XMLDeclarationMalformed, p.pos)
	}
	if code := found.agrees(name); code != "" {
		return p.fail(code, p.pos)
	}
	return nil
}

// isEncodingName reports whether s matches production EncName.
func isEncodingName(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 || class[s[i]]&nameByte == 0 {
			return false
		}
	}
	return s != "" && class[s[0]]&nameStartByte != 0 && s[0] != '_'
}

// parsePseudoAttribute reads white space, the name and a quoted value. If the name does not follow, it reads nothing.
func (p *parser) pseudoAttribute(name string) (value string, found bool, err error) {
	before := p.pos
	if !p.skipSpace() || !p.at(name) {
		p.pos = before
		return "", false, nil
	}
	p.pos += len(name)
	p.skipSpace()
	if !p.at("=") {
		return "", false, p.fail(problem.XMLDeclarationMalformed, p.pos)
	}
	p.pos++
	p.skipSpace()
	if !p.at(`"`) && !p.at(`'`) {
		return "", false, p.fail(problem.XMLDeclarationMalformed, p.pos)
	}
	quote := p.s[p.pos]
	p.pos++
	length := strings.IndexByte(p.s[p.pos:], quote)
	if length < 0 {
		return "", false, p.end()
	}
	value = p.s[p.pos : p.pos+length]
	p.pos += length + 1
	return value, true, nil
}
