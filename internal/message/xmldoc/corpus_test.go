package xmldoc_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// corpusGenerator generates well-formed documents that are hard to canonicalise. It is deterministic for a seed.
type corpusGenerator struct {
	*rand.Rand
	b        strings.Builder
	elements int
	comments bool // write comments
	plain    bool // only what goxmldsig is known to handle
}

func newCorpusGenerator(seed uint64) *corpusGenerator {
	return &corpusGenerator{Rand: rand.New(rand.NewPCG(seed, 20261121)), comments: true}
}

// pickOne returns a random one of the strings.
func (c *corpusGenerator) pickOne(all ...string) string { return all[c.IntN(len(all))] }

// writeDocument returns a document and the number of its elements.
func (c *corpusGenerator) writeDocument() (string, int) {
	c.b.Reset()
	c.elements = 0
	c.b.WriteString(c.pickOne("", "\ufeff", `<?xml version="1.0"?>`, "<?xml version='1.0' encoding='utf-8' standalone=\"yes\" ?>\r\n"))
	c.writeElement(map[string]string{}, 0)
	c.b.WriteString(c.pickOne("", "\n", "\r\n  "))
	return c.b.String(), c.elements
}

var (
	corpusPrefixes = []string{"", "a", "b", "ab", "B", "xsi", "é", "a-1", "soap"}
	// No ampersand: libxml2, at least up to 2.9.14, writes it unescaped into the declaration.
	corpusSpaces = []string{"urn:a", "urn:b", "urn:B", "http://example.org/", "urn:x?y=1;z='2'", "http://www.w3.org/2001/XMLSchema-instance", "urn:&#x61;"}
)

// writeElement writes an element; scope holds the namespaces in scope at its parent, by prefix.
func (c *corpusGenerator) writeElement(scope map[string]string, depth int) {
	c.elements++
	scope = maps.Clone(scope)
	var items []string
	declared := map[string]bool{}
	for range c.IntN(4) {
		prefix := c.pickOne(corpusPrefixes...)
		if declared[prefix] {
			continue
		}
		declared[prefix] = true
		space := c.pickOne(corpusSpaces...)
		switch {
		case prefix == "" && c.IntN(3) == 0 && !c.plain:
			space = ""
			items = append(items, "xmlns=\"\"")
		case prefix == "":
			items = append(items, "xmlns"+c.pickEquals()+c.quoteValue(space))
		default:
			items = append(items, "xmlns:"+prefix+c.pickEquals()+c.quoteValue(space))
		}
		scope[prefix] = resolveSpelling(space)
	}
	if c.IntN(12) == 0 && !c.plain {
		items = append(items, `xmlns:xml="http://www.w3.org/XML/1998/namespace"`)
	}
	prefixes := slices.Sorted(maps.Keys(scope))
	name := c.pickOne("e", "E", "élément", "x.y-z_1")
	if len(prefixes) > 0 {
		if p := c.pickOne(prefixes...); p != "" {
			name = p + ":" + name
		}
	}
	items = append(items, c.newAttributes(scope, prefixes)...)
	c.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	c.b.WriteString("<" + name)
	for _, item := range items {
		c.b.WriteString(c.pickSpace() + item)
	}
	c.b.WriteString(c.pickOne("", "", "", " ", "\r\n"))
	if c.IntN(4) == 0 {
		c.b.WriteString("/>")
		return
	}
	c.b.WriteString(">")
	for range c.IntN(6) {
		if c.IntN(2) == 0 && depth < 6 && c.elements < 40 {
			c.writeElement(scope, depth+1)
		} else {
			c.writeContent()
		}
	}
	c.b.WriteString("</" + name + c.pickOne("", "", "", " ", "\r\n\t") + ">")
}

// resolveSpelling returns the namespace name for the spelling that the generator writes.
func resolveSpelling(space string) string {
	return strings.NewReplacer("&amp;", "&", "&#x61;", "a").Replace(space)
}

func (c *corpusGenerator) newAttributes(scope map[string]string, prefixes []string) []string {
	var items []string
	seen := map[string]bool{}
	if c.plain {
		prefixes = prefixes[:min(len(prefixes), 1)]
	}
	for range c.IntN(5) {
		local := c.pickOne("x", "y", "type", "lang", "é")
		name, expanded := local, local
		if c.IntN(2) == 0 && len(prefixes) > 0 {
			if p := c.pickOne(prefixes...); p != "" {
				name, expanded = p+":"+local, scope[p]+" "+local
			}
		}
		if c.IntN(4) == 0 && !c.plain {
			local = c.pickOne("lang", "space", "base", "other")
			name, expanded = "xml:"+local, "xml "+local
		}
		if !seen[expanded] {
			seen[expanded] = true
			items = append(items, name+c.pickEquals()+c.quoteValue(c.randomText(true)))
		}
	}
	if c.IntN(8) == 0 && !c.plain {
		items = append(items, fmt.Sprintf("xml:id=\"i%d\"", c.elements))
	}
	return items
}

func (c *corpusGenerator) pickEquals() string { return c.pickOne("=", "=", "=", " = ", "\n=", "=\t") }
func (c *corpusGenerator) pickSpace() string {
	return c.pickOne(" ", " ", " ", "  ", "\n", "\r\n", "\t")
}

// quoteValue quotes a value with either kind of quotes.
func (c *corpusGenerator) quoteValue(value string) string {
	quote := c.pickOne(`"`, `"`, "'")
	other := map[string]string{`"`: "&quot;", "'": "&apos;"}[quote]
	return quote + strings.ReplaceAll(value, quote, other) + quote
}

// randomText returns characters in all their possible spellings.
func (c *corpusGenerator) randomText(value bool) string {
	var b strings.Builder
	for range c.IntN(6) {
		b.WriteString(c.pickOne("word", "é", "😀", "&#x1F600;", "&amp;", "&lt;", "&gt;", ">", "&quot;", "&apos;", `"`, "'", "&#38;",
			"&#60;", "&#x3e;", "]]", "&#x20;", " ", "  ", "a&#0000065;b", "\u0085", "\u2028", "\u007f", "&#xA0;", "&#x85;"))
		if !c.plain || !value {
			b.WriteString(c.pickOne("", "", "\n", "\t"))
		}
		if !c.plain {
			b.WriteString(c.pickOne("", "", "", "\r", "\r\n", "&#xD;", "&#13;&#10;", "\r\r\n", "&#9;", "&#xA;", "\n\r"))
		}
	}
	s := b.String()
	if !value {
		s = strings.ReplaceAll(s, "]]>", "]]&gt;")
	}
	return s
}

func (c *corpusGenerator) writeContent() {
	switch c.IntN(6) {
	case 0:
		section := strings.ReplaceAll(c.randomText(false), "]]", "]")
		if c.plain {
			section = "section"
		}
		c.b.WriteString("<![CDATA[" + section + c.pickOne("", "<a>&amp;", "]", "]] >") + "]]>")
		// The following text must not look like the end of another section.
		c.b.WriteString(" ")
	case 1:
		if c.comments {
			c.b.WriteString("<!--" + strings.ReplaceAll(c.randomText(false), "-", "") + c.pickOne("", "<e>", "- - ") + "-->")
			return
		}
		c.b.WriteString("no comment")
	case 2:
		c.b.WriteString("<?" + c.pickOne("t", "xml-stylesheet", "pi-é"))
		if c.plain {
			c.b.WriteString(c.pickOne("", " data"))
		} else if c.IntN(3) > 0 {
			c.b.WriteString(c.pickSpace() + c.pickOne("", "data", "a=\"b\" ", "? > <e>", "&amp;\r\n&#xD;", "\r", "x\r\ry") + c.pickOne("", " "))
		} else {
			c.b.WriteString(c.pickOne("", " ", "\r\n"))
		}
		c.b.WriteString("?>")
	default:
		c.b.WriteString(c.randomText(false) + " ")
	}
}
