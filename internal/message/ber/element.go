package ber

import tags "golang.org/x/crypto/cryptobyte/asn1"

// Element is one element in place: its slices are parts of what was read.
type Element struct {
	Tag     tags.Tag // the identifier octet: class, constructed, number
	Content []byte   // without the end-of-contents octets
	Raw     []byte   // all of it
}

// Read returns the first element of data and what follows it. It reports false if there is none. Its work is bounded
// by the length of data for an indefinite length, and constant for a definite one, whose content it does not look at.
func Read(data []byte) (e Element, rest []byte, ok bool) {
	header, content, whole, ok := measureElement(data, 0)
	if !ok {
		return Element{}, nil, false
	}
	return Element{tags.Tag(data[0]), data[header : header+content], data[:whole]}, data[whole:], true
}

// measureElement returns the lengths of an element's header, of its content, and of the whole.
func measureElement(data []byte, depth int) (header, content, whole int, ok bool) {
	if len(data) < 2 || depth > MaxDepth || data[0]&longForm == longForm {
		return 0, 0, 0, false
	}
	c := converter{rest: data[1:]}
	content, indefinite, ok := c.readLength()
	header = len(data) - len(c.rest)
	switch {
	case !ok, indefinite && data[0]&constructed == 0:
		return 0, 0, 0, false
	case !indefinite:
		return header, content, header + content, true
	}
	for rest := c.rest; len(rest) >= 2; {
		if rest[0] == 0 && rest[1] == 0 {
			content = len(data) - len(rest) - header
			return header, content, header + content + 2, true
		}
		_, _, inner, ok := measureElement(rest, depth+1)
		if !ok {
			break
		}
		rest = rest[inner:]
	}
	return 0, 0, 0, false
}

// Children returns the elements within an element, at most limit of them.
func (e Element) Children(limit int) ([]Element, bool) {
	var all []Element
	for rest := e.Content; len(rest) > 0; {
		child, after, ok := Read(rest)
		if !ok || len(all) == limit || e.Tag&constructed == 0 {
			return nil, false
		}
		all, rest = append(all, child), after
	}
	return all, true
}

// JoinOctets returns the content of an OCTET STRING, or of one with an implicit tag. It joins the segments of a
// constructed one in place and without an allocation: the element cannot be read again.
func (e Element) JoinOctets() ([]byte, bool) {
	if e.Tag&constructed == 0 {
		return e.Content, true
	}
	joined, ok := joinSegments(e.Content[:0], e.Content, 0)
	return joined, ok
}

// joinSegments appends the contents of segments to joined, whose end is never behind the next segment.
func joinSegments(joined, rest []byte, depth int) ([]byte, bool) {
	for len(rest) > 0 {
		segment, after, ok := Read(rest)
		switch {
		case !ok || depth > MaxDepth || segment.Tag&^constructed != tags.OCTET_STRING:
			return nil, false
		case segment.Tag&constructed == 0:
			joined = append(joined, segment.Content...)
		default:
			if joined, ok = joinSegments(joined, segment.Content, depth+1); !ok {
				return nil, false
			}
		}
		rest = after
	}
	return joined, true
}
