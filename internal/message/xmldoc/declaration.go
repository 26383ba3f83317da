package xmldoc

import (
	"slices"
	"strings"
)

// parseXMLDeclaration parses production XMLDecl, if there is one. A document in UTF-16 without byte order mark must
// have a declaration that names its encoding.
func (p *parser) parseXMLDeclaration(found encoding) error {
	const start = "<?xml"
	if !p.hasPrefix(start) || len(p.source) > len(start) && byteClasses[p.source[len(start)]]&spaceByte == 0 {
		if found == encodingUTF16LE || found == encodingUTF16BE {
			return p.errorAt(XMLEncodingMismatch, 0)
		}
		return nil
	}
	p.pos = len(start)
	version, ok, err := p.parsePseudoAttribute("version")
	if err != nil {
		return err
	}
	if !ok {
		return p.errorAt(XMLDeclarationMalformed, p.pos)
	}
	if version != "1.0" {
		return p.receivedError(XMLVersionUnsupported, p.pos, version)
	}
	if err = p.parseEncodingDeclaration(found); err != nil {
		return err
	}
	standalone, ok, err := p.parsePseudoAttribute("standalone")
	if err != nil {
		return err
	}
	if ok && standalone != "yes" && standalone != "no" {
		return p.errorAt(XMLDeclarationMalformed, p.pos)
	}
	p.skipSpace()
	if !p.hasPrefix(instructionEnd) {
		return p.errorAt(XMLDeclarationMalformed, p.pos)
	}
	p.pos += len(instructionEnd)
	return nil
}

func (p *parser) parseEncodingDeclaration(found encoding) error {
	name, ok, err := p.parsePseudoAttribute("encoding")
	switch {
	case err != nil:
		return err
	case !ok && (found == encodingUTF16LE || found == encodingUTF16BE):
		return p.errorAt(XMLEncodingMismatch, p.pos)
	case !ok:
		return nil
	case !isEncodingName(name):
		return p.errorAt(XMLDeclarationMalformed, p.pos)
	}
	if code := found.checkDeclaredName(name); code != "" {
		if !isCommonEncoding(name) {
			return p.errorAt(code, p.pos)
		}
		return newParseError(code, p.source, p.pos, declaredEncoding.With(name, found.String()))
	}
	if at := strings.IndexFunc(p.source, func(r rune) bool { return r >= 0x80 }); at >= 0 && isASCIIName(name) {
		return newParseError(XMLEncodingMismatch, p.source, at, declaredEncoding.With(name, found.String()))
	}
	return nil
}

// isCommonEncoding reports whether a name is one of those in use; a refusal repeats nothing else.
func isCommonEncoding(name string) bool {
	name = strings.ToUpper(name)
	return len(name) <= 20 && slices.ContainsFunc([]string{
		"ASCII", "US-ASCII", "ANSI", "UTF", "UCS", "UNICODE", "ISO-", "ISO8859", "LATIN", "WINDOWS-", "CP", "IBM",
		"MACINTOSH",
	}, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// isEncodingName reports whether s matches production EncName.
func isEncodingName(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 || byteClasses[s[i]]&nameByte == 0 {
			return false
		}
	}
	return s != "" && byteClasses[s[0]]&nameStartByte != 0 && s[0] != '_'
}

// parsePseudoAttribute reads white space, the name and a quoted value. If the name does not follow, it reads nothing.
func (p *parser) parsePseudoAttribute(name string) (value string, found bool, err error) {
	before := p.pos
	if !p.skipSpace() || !p.hasPrefix(name) {
		p.pos = before
		return "", false, nil
	}
	p.pos += len(name)
	p.skipSpace()
	if !p.hasPrefix("=") {
		return "", false, p.errorAt(XMLDeclarationMalformed, p.pos)
	}
	p.pos++
	p.skipSpace()
	if !p.hasPrefix(`"`) && !p.hasPrefix(`'`) {
		return "", false, p.errorAt(XMLDeclarationMalformed, p.pos)
	}
	quote := p.source[p.pos]
	p.pos++
	length := strings.IndexByte(p.source[p.pos:], quote)
	if length < 0 {
		return "", false, p.endError()
	}
	value = p.source[p.pos : p.pos+length]
	p.pos += length + 1
	return value, true, nil
}
