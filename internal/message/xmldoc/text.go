package xmldoc

import (
	"strings"
	"unicode/utf8"
)

// Parse has checked the spans that these functions receive: references are complete and allowed, and text inside the
// root always ends at a "<".

// runeAppender appends one character, either unchanged (utf8.AppendRune) or in canonical form.
type runeAppender func(dst []byte, r rune) []byte

// appendText appends the text that starts at an offset. It also returns the offset of the markup that ends the text.
func appendText(dst []byte, source string, from int32, character runeAppender) ([]byte, int32) {
	copied := int(from)
	for i := copied; ; {
		c := source[i]
		if byteClasses[c]&textStopByte == 0 {
			i++
			continue
		}
		dst = append(dst, source[copied:i]...)
		switch c {
		case '<':
			return dst, int32(i)
		case '&':
			var r rune
			r, i, _ = parseReference(source, i)
			dst = character(dst, r)
		case '\r':
			dst, i = append(dst, '\n'), skipLineEnd(source, i)
		default:
			dst, i = character(dst, rune(c)), i+1
		}
		copied = i
	}
}

// appendCDATA appends the content of a CDATA section, in which there are no references.
func appendCDATA(dst []byte, text string, character runeAppender) []byte {
	copied := 0
	for i := 0; i < len(text); {
		c := text[i]
		if byteClasses[c]&textStopByte == 0 {
			i++
			continue
		}
		dst = append(dst, text[copied:i]...)
		if c == '\r' {
			dst, i = append(dst, '\n'), skipLineEnd(text, i)
		} else {
			dst, i = character(dst, rune(c)), i+1
		}
		copied = i
	}
	return append(dst, text[copied:]...)
}

// appendValue appends an attribute value, normalised: literal white space becomes a space, white space written as a
// reference is kept (XML 1.0 section 3.3.3).
func appendValue(dst []byte, raw string, character runeAppender) []byte {
	copied := 0
	for i := 0; i < len(raw); {
		c := raw[i]
		if byteClasses[c]&valueStopByte == 0 {
			i++
			continue
		}
		dst = append(dst, raw[copied:i]...)
		switch c {
		case '&':
			var r rune
			r, i, _ = parseReference(raw, i)
			dst = character(dst, r)
		case '\r':
			dst, i = append(dst, ' '), skipLineEnd(raw, i)
		case '\t', '\n':
			dst, i = append(dst, ' '), i+1
		default:
			dst, i = character(dst, rune(c)), i+1
		}
		copied = i
	}
	return append(dst, raw[copied:]...)
}

// appendNormalisedLines appends text that has neither references nor escapes, with line ends normalised.
func appendNormalisedLines(dst []byte, text string) []byte {
	for {
		i := strings.IndexByte(text, '\r')
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(append(dst, text[:i]...), '\n')
		text = text[skipLineEnd(text, i):]
	}
}

// skipLineEnd returns the offset after the line end that starts with the carriage return at i (XML 1.0 section 2.11).
func skipLineEnd(s string, i int) int {
	i++
	if i < len(s) && s[i] == '\n' {
		i++
	}
	return i
}

// appendCanonicalTextRune appends a character of text (Canonical XML 1.0 section 2.3).
func appendCanonicalTextRune(dst []byte, r rune) []byte {
	switch r {
	case '&':
		return append(dst, "&amp;"...)
	case '<':
		return append(dst, "&lt;"...)
	case '>':
		return append(dst, "&gt;"...)
	case '\r':
		return append(dst, "&#xD;"...)
	}
	return utf8.AppendRune(dst, r)
}

// appendCanonicalValueRune appends a character of an attribute value (Canonical XML 1.0 section 2.3).
func appendCanonicalValueRune(dst []byte, r rune) []byte {
	switch r {
	case '&':
		return append(dst, "&amp;"...)
	case '<':
		return append(dst, "&lt;"...)
	case '"':
		return append(dst, "&quot;"...)
	case '\t':
		return append(dst, "&#x9;"...)
	case '\n':
		return append(dst, "&#xA;"...)
	case '\r':
		return append(dst, "&#xD;"...)
	}
	return utf8.AppendRune(dst, r)
}

// attributeValue returns the normalised value of an attribute.
func (d *Document) attributeValue(a *attribute) string {
	raw := d.source[a.valueStart:a.valueEnd]
	if a.flags&valueNeedsDecoding == 0 {
		return raw
	}
	return string(appendValue(make([]byte, 0, len(raw)), raw, utf8.AppendRune))
}

// cdataText returns the content of a CDATA section, with line ends as in the source.
func (d *Document) cdataText(n *node) string {
	return d.source[n.start+int32(len(cdataStart)) : n.end-int32(len(cdataEnd))]
}
