package wsse_test

import (
	"strings"
)

// pieceKind is a kind of markup, or text.
type pieceKind byte

const (
	textPiece pieceKind = iota
	startTag
	endTag
	emptyTag
	otherMarkup // comments, CDATA sections, processing instructions, document types
)

// markupToken is one token of a message.
type markupToken struct {
	kind       pieceKind
	start, end int
}

// tokenize splits a text into tokens. It never fails, because a mutant need not be XML.
func tokenize(text string) []markupToken {
	var pieces []markupToken
	for at := 0; at < len(text); {
		p := markupToken{start: at}
		if text[at] == '<' {
			p.kind, p.end = scanMarkup(text, at)
		} else {
			p.end = len(text)
			if next := strings.IndexByte(text[at:], '<'); next >= 0 {
				p.end = at + next
			}
		}
		pieces = append(pieces, p)
		at = p.end
	}
	return pieces
}

func scanMarkup(text string, at int) (kind pieceKind, end int) {
	until := func(mark string, from int) int {
		if from < len(text) {
			if found := strings.Index(text[from:], mark); found >= 0 {
				return from + found + len(mark)
			}
		}
		return len(text)
	}
	rest := text[at:]
	switch {
	case strings.HasPrefix(rest, "<!--"):
		return otherMarkup, until("-->", at+4)
	case strings.HasPrefix(rest, "<![CDATA["):
		return otherMarkup, until("]]>", at+9)
	case strings.HasPrefix(rest, "<?"):
		return otherMarkup, until("?>", at+2)
	case strings.HasPrefix(rest, "<!"):
		return otherMarkup, until(">", at)
	case strings.HasPrefix(rest, "</"):
		return endTag, until(">", at)
	}
	var quote byte
	for end = at + 1; end < len(text); end++ {
		switch c := text[end]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			if text[end-1] == '/' {
				return emptyTag, end + 1
			}
			return startTag, end + 1
		}
	}
	return startTag, end
}

// elementSpan locates an element in the text.
type elementSpan struct {
	start, inner, outer, end int // offsets of the element (start, end) and of its content (inner, outer)
	name                     string
	parent                   int // index of the parent, -1 at the root
}

func (n elementSpan) local() string { return n.name[strings.IndexByte(n.name, ':')+1:] }

func (n elementSpan) prefix() string { return n.name[:max(strings.IndexByte(n.name, ':'), 0)] }

// findElements returns the elements in document order, without unmatched tags.
func findElements(text string) []elementSpan {
	var all []elementSpan
	var open []int
	for _, p := range tokenize(text) {
		tag := text[p.start:p.end]
		switch p.kind {
		case startTag, emptyTag:
			n := elementSpan{start: p.start, inner: p.end, outer: p.end, end: -1, name: tagName(tag[1:]), parent: -1}
			if len(open) > 0 {
				n.parent = open[len(open)-1]
			}
			if p.kind == emptyTag {
				n.end = p.end
			} else {
				open = append(open, len(all))
			}
			all = append(all, n)
		case endTag:
			if len(open) > 0 && all[open[len(open)-1]].name == tagName(tag[2:]) {
				n := &all[open[len(open)-1]]
				n.outer, n.end = p.start, p.end
				open = open[:len(open)-1]
			}
		default:
		}
	}
	if len(open) > 0 { // not well-formed: return only the closed elements
		return closedElements(all)
	}
	return all
}

func closedElements(all []elementSpan) []elementSpan {
	var kept []elementSpan
	for _, n := range all {
		if n.end >= 0 {
			n.parent = -1
			for i := len(kept) - 1; i >= 0; i-- {
				if kept[i].end >= n.end {
					n.parent = i
					break
				}
			}
			kept = append(kept, n)
		}
	}
	return kept
}

func tagName(tag string) string {
	if end := strings.IndexAny(tag, " \t\r\n/>"); end >= 0 {
		return tag[:end]
	}
	return tag
}

// attributeSpan locates an attribute of a tag; start includes the white space before it.
type attributeSpan struct {
	start, end           int
	name                 string
	valueStart, valueEnd int
}

// findAttributes returns the attributes of the tag at an offset, including namespace declarations.
func findAttributes(text string, at int) []attributeSpan {
	var all []attributeSpan
	i := at + 1 + len(tagName(text[at+1:]))
	for i < len(text) {
		a := attributeSpan{start: i}
		for i < len(text) && strings.IndexByte(" \t\r\n", text[i]) >= 0 {
			i++
		}
		equals := strings.IndexAny(text[i:], "=<>/")
		if equals < 0 || text[i+equals] != '=' {
			return all
		}
		a.name = strings.TrimSpace(text[i : i+equals])
		i += equals + 1
		for i < len(text) && strings.IndexByte(" \t\r\n", text[i]) >= 0 {
			i++
		}
		if i >= len(text) || text[i] != '"' && text[i] != '\'' {
			return all
		}
		a.valueStart = i + 1
		length := strings.IndexByte(text[a.valueStart:], text[i])
		if length < 0 {
			return all
		}
		a.valueEnd = a.valueStart + length
		a.end = a.valueEnd + 1
		i = a.end
		all = append(all, a)
	}
	return all
}

// attributeValue returns the value of an attribute as written, and whether it exists.
func attributeValue(text string, at int, name string) (string, bool) {
	for _, a := range findAttributes(text, at) {
		if a.name == name {
			return text[a.valueStart:a.valueEnd], true
		}
	}
	return "", false
}

// extractWithNamespaces returns an element with the namespaces in scope declared on it, so that it has the same meaning
// elsewhere.
func extractWithNamespaces(text string, all []elementSpan, i int) string {
	element := text[all[i].start:all[i].end]
	var own []string
	for _, a := range findAttributes(text, all[i].start) {
		own = append(own, a.name)
	}
	seen := "\x00" + strings.Join(own, "\x00") + "\x00"
	var declarations strings.Builder
	for outer := all[i].parent; outer >= 0; outer = all[outer].parent {
		for _, a := range findAttributes(text, all[outer].start) {
			if (a.name == "xmlns" || strings.HasPrefix(a.name, "xmlns:")) && !strings.Contains(seen, "\x00"+a.name+"\x00") {
				seen += a.name + "\x00"
				declarations.WriteString(" " + text[a.start+1:a.end])
			}
		}
	}
	after := 1 + len(all[i].name)
	return element[:after] + declarations.String() + element[after:]
}

// splice replaces a span.
func splice(text string, start, end int, with string) string { return text[:start] + with + text[end:] }
