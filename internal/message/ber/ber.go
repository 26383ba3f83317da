// Package ber reads BER (X.690 section 8), which PKCS #12 files and CMS messages are written in: ToDER converts small
// structures for parsers of DER, Read takes a large message apart without a copy.
//
// It is separate because both formats need the same bounds on depth and length, whatever the bytes say.
package ber

import (
	"slices"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"
)

// MaxDepth bounds the nesting of elements: a certificate bag has six levels, a deeply chopped string a few more.
const MaxDepth = 24

const (
	constructed = 0x20
	longForm    = 0x1f // of a tag: it continues in the next bytes, which neither format needs
)

// ToDER converts one element of BER: definite lengths in their shortest form, and strings in one piece. It does not
// open strings, so that a MAC over their content holds. It reports false for anything else, also for bytes behind the
// element. Its work and its output are linear in the input.
func ToDER(data []byte) ([]byte, bool) {
	c := converter{rest: data}
	out, _, ok := c.convertElement(0)
	return out, ok && len(c.rest) == 0
}

type converter struct{ rest []byte }

// convertElement converts the next element, and returns it whole and its content only.
func (c *converter) convertElement(depth int) (whole, content []byte, ok bool) {
	if depth > MaxDepth || len(c.rest) < 2 {
		return nil, nil, false
	}
	tag := c.rest[0]
	c.rest = c.rest[1:]
	length, indefinite, ok := c.readLength()
	switch {
	case !ok || tag&longForm == longForm:
		return nil, nil, false
	case tag&constructed == 0:
		if indefinite {
			return nil, nil, false
		}
		content, c.rest = c.rest[:length], c.rest[length:]
	default:
		if content, ok = c.convertContent(tag, length, indefinite, depth); !ok {
			return nil, nil, false
		}
		if isStringTag(tag) {
			tag &^= constructed
		}
	}
	var b cryptobyte.Builder
	b.AddASN1(tags.Tag(tag), func(inner *cryptobyte.Builder) { inner.AddBytes(content) })
	whole, err := b.Bytes()
	return whole, content, err == nil
}

// convertContent converts the elements within a constructed element. Of the segments of a string it joins the contents.
func (c *converter) convertContent(tag byte, length int, indefinite bool, depth int) ([]byte, bool) {
	inner := c
	if !indefinite {
		inner = &converter{rest: c.rest[:length]}
		c.rest = c.rest[length:]
	}
	var content []byte
	for {
		switch {
		case indefinite && len(inner.rest) >= 2 && inner.rest[0] == 0 && inner.rest[1] == 0:
			inner.rest = inner.rest[2:]
			return content, true
		case !indefinite && len(inner.rest) == 0:
			return content, true
		case len(inner.rest) == 0:
			return nil, false
		case isStringTag(tag) && inner.rest[0]&^constructed != tag&^constructed:
			return nil, false // a segment has the type of its string (X.690 §8.7.3.2)
		}
		whole, segment, ok := inner.convertElement(depth + 1)
		if !ok {
			return nil, false
		}
		if isStringTag(tag) {
			content = append(content, segment...)
		} else {
			content = append(content, whole...)
		}
	}
}

// readLength reads a length, which is at most that of the rest (X.690 §8.1.3).
func (c *converter) readLength() (length int, indefinite, ok bool) {
	first := c.rest[0]
	c.rest = c.rest[1:]
	switch {
	case first < 0x80:
		return int(first), false, int(first) <= len(c.rest)
	case first == 0x80:
		return 0, true, true
	}
	n := int(first & 0x7f)
	if n > len(c.rest) {
		return 0, false, false
	}
	for _, b := range c.rest[:n] {
		if length = length<<8 | int(b); length > len(c.rest) {
			return 0, false, false
		}
	}
	c.rest = c.rest[n:]
	return length, false, length <= len(c.rest)
}

// stringTags are the types of strings that BER may chop: OCTET STRING and the character strings.
var stringTags = []tags.Tag{
	tags.OCTET_STRING, tags.UTF8String, tags.PrintableString, tags.T61String, tags.IA5String, tags.GeneralString,
	tags.Tag(30), // BMPString
}

func isStringTag(tag byte) bool { return slices.Contains(stringTags, tags.Tag(tag&^constructed)) }
