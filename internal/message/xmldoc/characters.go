package xmldoc

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/problem"
)

// The byte classes of the scanners, as a bit set. Non-ASCII bytes belong to no class; the name scanner decodes them.
const (
	spaceByte     uint8 = 1 << iota // XML 1.0 production S
	nameStartByte                   // starts an NCName
	nameByte                        // continues an NCName
	textStopByte                    // ends a span of text that is copied unchanged
	valueStopByte                   // the same for an attribute value
	uriByte                         // may occur in a URI (RFC 3986)
	schemeByte                      // may occur in the scheme of a URI
	digitByte
)

var byteClasses = newByteClasses()

func newByteClasses() (t [256]uint8) {
	add := func(bit uint8, bytes string) {
		for i := range len(bytes) {
			t[bytes[i]] |= bit
		}
	}
	const (
		letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		digits  = "0123456789"
	)
	add(spaceByte, " \t\r\n")
	add(nameStartByte|nameByte, letters+"_")
	add(nameByte, digits+"-.")
	add(textStopByte, "<&>\r")
	add(valueStopByte, "<&\"'\t\n\r")
	add(digitByte, digits)
	add(schemeByte, letters+digits+"+-.")
	add(uriByte, letters+digits+"-._~:/?#@!$&'()*+,;=%")
	return t
}

const (
	byteOnes     = 0x0101010101010101
	byteHighBits = 0x8080808080808080
)

// checkCharacters returns the offset of the first byte that is not valid UTF-8, or starts a character that XML does not
// allow (production Char), with the error code; the code is empty if there is none. It checks every byte once, so that
// the later scanners need not.
func checkCharacters(b []byte) (int, problem.Code) {
	for i := 0; i < len(b); {
		// Eight bytes at a time: stop at a byte above 0x7F or below 0x20. A borrow may also mark the byte after a
		// marked one, so only the lowest mark is exact; the loop finds the others again.
		if len(b)-i >= 8 {
			w := binary.LittleEndian.Uint64(b[i:])
			marks := (w | (w-byteOnes*0x20)&^w) & byteHighBits
			if marks == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(marks) / 8
		}
		c := b[i]
		switch {
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && size == 1 {
				return i, XMLEncodingInvalid
			}
			if !isXMLChar(r) {
				return i, XMLCharacterForbidden
			}
			i += size
		case c < ' ' && byteClasses[c]&spaceByte == 0:
			return i, XMLCharacterForbidden
		default:
			i++
		}
	}
	return 0, ""
}

// isXMLChar reports whether r matches production Char of XML 1.0.
func isXMLChar(r rune) bool {
	switch {
	case r < ' ':
		return r == '\t' || r == '\n' || r == '\r'
	case r < 0xD800:
		return true
	case r < 0xE000:
		return false
	}
	return r != 0xFFFE && r != 0xFFFF && r <= utf8.MaxRune
}

// nameStartRanges are the ranges of production NameStartChar beyond ASCII (XML 1.0, fifth edition, section 2.3).
var nameStartRanges = [...][2]rune{
	{0xC0, 0xD6}, {0xD8, 0xF6}, {0xF8, 0x2FF}, {0x370, 0x37D}, {0x37F, 0x1FFF}, {0x200C, 0x200D}, {0x2070, 0x218F},
	{0x2C00, 0x2FEF}, {0x3001, 0xD7FF}, {0xF900, 0xFDCF}, {0xFDF0, 0xFFFD}, {0x10000, 0xEFFFF},
}

func isNameStartChar(r rune) bool {
	for _, x := range nameStartRanges {
		if r <= x[1] {
			return r >= x[0]
		}
	}
	return false
}

func isNameChar(r rune) bool {
	return isNameStartChar(r) || r == 0xB7 || r >= 0x300 && r <= 0x36F || r == 0x203F || r == 0x2040
}

// scanNCName returns the offset after the NCName that starts at i, or i if none starts there.
func scanNCName(s string, i int) int {
	if i == len(s) {
		return i
	}
	if c := s[i]; c >= utf8.RuneSelf {
		r, size := utf8.DecodeRuneInString(s[i:])
		if !isNameStartChar(r) {
			return i
		}
		i += size
	} else if byteClasses[c]&nameStartByte == 0 {
		return i
	} else {
		i++
	}
	for i < len(s) {
		c := s[i]
		if byteClasses[c]&nameByte != 0 {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			return i
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if !isNameChar(r) {
			return i
		}
		i += size
	}
	return i
}

// parseReference reads the reference whose ampersand is at i. It returns the character and the offset after the
// semicolon, or an error code.
func parseReference(s string, i int) (rune, int, problem.Code) {
	rest := s[i+1:]
	if strings.HasPrefix(rest, "#") {
		return parseCharacterReference(s, i+2)
	}
	switch {
	case strings.HasPrefix(rest, "amp;"):
		return '&', i + 5, ""
	case strings.HasPrefix(rest, "lt;"):
		return '<', i + 4, ""
	case strings.HasPrefix(rest, "gt;"):
		return '>', i + 4, ""
	case strings.HasPrefix(rest, "quot;"):
		return '"', i + 6, ""
	case strings.HasPrefix(rest, "apos;"):
		return '\'', i + 6, ""
	}
	if end := scanNCName(s, i+1); end > i+1 && end < len(s) && s[end] == ';' {
		return 0, i, XMLEntityUnknown
	}
	return 0, i, XMLReferenceMalformed
}

// parseCharacterReference reads the digits, which start at i, and the semicolon of a character reference.
func parseCharacterReference(s string, i int) (rune, int, problem.Code) {
	base := rune(10)
	if i < len(s) && s[i] == 'x' {
		base = 16
		i++
	}
	from := i
	var r rune
	for ; i < len(s); i++ {
		value := hexDigitValue(s[i])
		if value >= base {
			break
		}
		// The number of digits is not limited, so the value is capped just above Unicode.
		r = min(r*base+value, utf8.MaxRune+1)
	}
	if i == from || i == len(s) || s[i] != ';' {
		return 0, i, XMLReferenceMalformed
	}
	if !isXMLChar(r) {
		return 0, i, XMLReferenceForbidden
	}
	return r, i + 1, ""
}

func hexDigitValue(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return rune(c-'A') + 10
	}
	return 16
}

// isAbsoluteURI reports whether a namespace name is a URI with a scheme (RFC 3986 section 3, without bracketed
// addresses). Relative namespace names are deprecated, and have no canonical form (Canonical XML 1.0 section 1.3).
func isAbsoluteURI(uri string) bool {
	for i := range len(uri) {
		if byteClasses[uri[i]]&uriByte == 0 ||
			uri[i] == '%' && (i+2 >= len(uri) || hexDigitValue(uri[i+1]) > 15 || hexDigitValue(uri[i+2]) > 15) {
			return false
		}
	}
	name, rest, ok := strings.Cut(uri, ":")
	if !ok || name == "" || !isASCIILetter(name[0]) || !hasOnlyClass(name, schemeByte) {
		return false
	}
	rest, fragment, _ := strings.Cut(rest, "#")
	if strings.Contains(fragment, "#") {
		return false
	}
	authority, ok := strings.CutPrefix(rest, "//")
	if !ok {
		return true
	}
	if end := strings.IndexAny(authority, "/?"); end >= 0 {
		authority = authority[:end]
	}
	if _, after, found := strings.Cut(authority, "@"); found {
		authority = after
	}
	host, port, ok := strings.Cut(authority, ":")
	return !strings.Contains(host, "@") && (!ok || port != "" && hasOnlyClass(port, digitByte))
}

func isASCIILetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// hasOnlyClass reports whether every byte of s belongs to a class.
func hasOnlyClass(s string, want uint8) bool {
	for i := range len(s) {
		if byteClasses[s[i]]&want == 0 {
			return false
		}
	}
	return true
}
