package xmldoc_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// corpusGenerator generates well-formed documents that are hard to canonicalise. It is deterministic for a seed.
type corpus struct {
	*rand.Rand
	b        strings.Builder
	elements int
	comments bool // write comments
	plain    bool // only what goxmldsig is known to handle
}

func newCorpus(seed uint64) *corpus {
	return &corpus{Rand: rand.New(rand.NewPCG(seed, 20261121)), comments: true}
}

// pickOne returns a random one of the strings.
func (c *corpus) one(all ...string) string { return all[c.IntN(len(all))] }

// writeDocument returns a document and the number of its elements.
func (c *corpus) document() (string, int) {
	c.b.Reset()
	c.elements = 0
	c.b.WriteString(c.one("", "\ufeff", `<?xml version="1.0"?>`, "<?xml version='1.0' encoding='utf-8' standalone=\"yes\" ?>\r\n"))
	c.element(map[string]string{}, 0)
	c.b.WriteString(c.one("", "\n", "\r\n  "))
	return c.b.String(), c.elements
}

var (
	corpusPrefixes = []string{"", "a", "b", "ab", "B", "xsi", "é", "a-1", "soap"}
	// No ampersand: libxml2, at least up to 2.9.14, writes it unescaped into the declaration.
	corpusSpaces = []string{"urn:a", "urn:b", "urn:B", "http://example.org/", "urn:x?y=1;z='2'", "http://www.w3.org/2001/XMLSchema-instance", "urn:&#x61;"}
)

// writeElement writes an element; scope holds the namespaces in scope at its parent, by prefix.
func (c *corpus) element(scope map[string]string, depth int) {
	c.elements++
	scope = maps.Clone(scope)
	var items []string
	declared := map[string]bool{}
	for range c.IntN(4) {
		prefix := c.one(corpusPrefixes...)
		if declared[prefix] {
			continue
		}
		declared[prefix] = true
		space := c.one(corpusSpaces...)
		switch {
		case prefix == "" && c.IntN(3) == 0 && !c.plain:
			space = ""
			items = append(items, "xmlns=\"\"")
		case prefix == "":
			items = append(items, "xmlns"+c.equals()+c.quoted(space))
		default:
			items = append(items, "xmlns:"+prefix+c.equals()+c.quoted(space))
		}
		scope[prefix] = resolved(space)
	}
	if c.IntN(12) == 0 && !c.plain {
		items = append(items, `xmlns:xml="http://www.w3.org/XML/1998/namespace"`)
	}
	prefixes := slices.Sorted(maps.Keys(scope))
	name := c.one("e", "E", "élément", "x.y-z_1")
	if len(prefixes) > 0 {
		if p := c.one(prefixes...); p != "" {
			name = p + ":" + name
		}
	}
	items = append(items, c.attributes(scope, prefixes)...)
	c.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	c.b.WriteString("<" + name)
	for _, item := range items {
		c.b.WriteString(c.gap() + item)
	}
	c.b.WriteString(c.one("", "", "", " ", "\r\n"))
	if c.IntN(4) == 0 {
		c.b.WriteString("/>")
		return
	}
	c.b.WriteString(">")
	for range c.IntN(6) {
		if c.IntN(2) == 0 && depth < 6 && c.elements < 40 {
			c.element(scope, depth+1)
		} else {
			c.content()
		}
	}
	c.b.WriteString("</" + name + c.one("", "", "", " ", "\r\n\t") + ">")
}

// resolveSpelling returns the namespace name for the spelling that the generator writes.
func resolved(space string) string {
	return strings.NewReplacer("&amp;", "&", "&#x61;", "a").Replace(space)
}

func (c *corpus) attributes(scope map[string]string, prefixes []string) []string {
	var items []string
	seen := map[string]bool{}
	if c.plain {
		prefixes = prefixes[:min(len(prefixes), 1)]
	}
	for range c.IntN(5) {
		local := c.one("x", "y", "type", "lang", "é")
		name, expanded := local, local
		if c.IntN(2) == 0 && len(prefixes) > 0 {
			if p := c.one(prefixes...); p != "" {
				name, expanded = p+":"+local, scope[p]+" "+local
			}
		}
		if c.IntN(4) == 0 && !c.plain {
			local = c.one("lang", "space", "base", "other")
			name, expanded = "xml:"+local, "xml "+local
		}
		if !seen[expanded] {
			seen[expanded] = true
			items = append(items, name+c.equals()+c.quoted(c.text(true)))
		}
	}
	if c.IntN(8) == 0 && !c.plain {
		items = append(items, fmt.Sprintf("xml:id=\"i%d\"", c.elements))
	}
	return items
}

func (c *corpus) equals() string { return c.one("=", "=", "=", " = ", "\n=", "=\t") }
func (c *corpus) gap() string    { return c.one(" ", " ", " ", "  ", "\n", "\r\n", "\t") }

// quoteValue quotes a value with either kind of quotes.
func (c *corpus) quoted(value string) string {
	quote := c.one(`"`, `"`, "'")
	other := map[string]string{`"`: "&quot;", "'": "&apos;"}[quote]
	return quote + strings.ReplaceAll(value, quote, other) + quote
}

// randomText returns characters in all their possible spellings.
func (c *corpus) text(value bool) string {
	var b strings.Builder
	for range c.IntN(6) {
		b.WriteString(c.one("word", "é", "😀", "&#x1F600;", "&amp;", "&lt;", "&gt;", ">", "&quot;", "&apos;", `"`, "'", "&#38;",
			"&#60;", "&#x3e;", "]]", "&#x20;", " ", "  ", "a&#0000065;b", "\u0085", "\u2028", "\u007f", "&#xA0;", "&#x85;"))
		if !c.plain || !value {
			b.WriteString(c.one("", "", "\n", "\t"))
		}
		if !c.plain {
			b.WriteString(c.one("", "", "", "\r", "\r\n", "&#xD;", "&#13;&#10;", "\r\r\n", "&#9;", "&#xA;", "\n\r"))
		}
	}
	s := b.String()
	if !value {
		s = strings.ReplaceAll(s, "]]>", "]]&gt;")
	}
	return s
}

func (c *corpus) content() {
	switch c.IntN(6) {
	case 0:
		section := strings.ReplaceAll(c.text(false), "]]", "]")
		if c.plain {
			section = "section"
		}
		c.b.WriteString("<![CDATA[" + section + c.one("", "<a>&amp;", "]", "]] >") + "]]>")
		// The following text must not look like the end of another section.
		c.b.WriteString(" ")
	case 1:
		if c.comments {
			c.b.WriteString("<!--" + strings.ReplaceAll(c.text(false), "-", "") + c.one("", "<e>", "- - ") + "-->")
			return
		}
		c.b.WriteString("no comment")
	case 2:
		c.b.WriteString("<?" + c.one("t", "xml-stylesheet", "pi-é"))
		if c.plain {
			c.b.WriteString(c.one("", " data"))
		} else if c.IntN(3) > 0 {
			c.b.WriteString(c.gap() + c.one("", "data", "a=\"b\" ", "? > <e>", "&amp;\r\n&#xD;", "\r", "x\r\ry") + c.one("", " "))
		} else {
			c.b.WriteString(c.one("", " ", "\r\n"))
		}
		c.b.WriteString("?>")
	default:
		c.b.WriteString(c.text(false) + " ")
	}
}
