package xmldoc_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/testing/costtest"
)

func mustParse(t *testing.T, doc string) *xmldoc.Document {
	t.Helper()
	d, err := xmldoc.Parse([]byte(doc), testLimits())
	if err != nil {
		t.Fatalf("%v\n%q", err, doc)
	}
	return d
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	const canonical = "<a>é😀</a>"
	const text = "<a>é😀</a>"
	for name, doc := range map[string]string{
		"UTF-8":                              text,
		"UTF-8 with byte order mark":         "\ufeff" + text,
		"declared":                           `<?xml version="1.0" encoding="UTF-8"?>` + text,
		"declared in small letters, marked":  "\ufeff<?xml version='1.0' encoding='utf-8' standalone='no' ?>\r\n" + text,
		"standalone":                         "<?xml\n version = '1.0'\tstandalone=\"yes\"?>" + text,
		"UTF-16, marked":                     encodeUTF16("\ufeff"+text, false),
		"UTF-16 big endian, marked":          encodeUTF16("\ufeff"+text, true),
		"UTF-16, marked and declared":        encodeUTF16("\ufeff<?xml version='1.0' encoding='UTF-16'?>"+text, false),
		"UTF-16BE, marked and declared":      encodeUTF16("\ufeff<?xml version='1.0' encoding='utf-16'?>"+text, true),
		"UTF-16LE, unmarked and declared":    encodeUTF16("<?xml version='1.0' encoding='UTF-16LE'?>"+text, false),
		"UTF-16BE, unmarked and declared":    encodeUTF16("<?xml version='1.0' encoding='UTF-16BE'?>"+text, true),
		"comments and instructions around":   "<!-- a --> <?b c?>\n" + text + "<?d?><!---->\r\n ",
		"line ends around":                   "\r\n\r\t " + text + "\r",
		"instruction whose name starts xml":  "<?xml-stylesheet href='a'?>" + text,
		"comment that looks like markup":     "<!-- <a> & ]]> <?b -->" + text,
		"leading zeros in a reference":       "<a>&#00000000000000233;&#x0000000000001F600;</a>",
		"last characters before and after":   "<a>é😀</a>",
		"instruction that looks like markup": "<?b <a> & -- ? > ?>" + text,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := xmldoc.C14N{Exclusive: true}.Append(nil, mustParse(t, doc).Root())
			if string(got) != canonical {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestAcceptedMarkup(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{
		"<a>\ud7ff\ue000\ufffd\U0010ffff\u007f\u0085&#xD7FF;&#xE000;&#xFFFD;&#x10FFFF;&#9;&#10;&#13;</a>",
		"<_/>", "<é·\u0301\u203f-.1/>", "<\U000effff/>", "<xml/>", "<xmlns/>", "<a xmlnsx='1' xml='2'/>",
		"<a b='>' c=\"'\" d='\"' e=']]>'/>",
		"<a>]]&gt; ]] > ]></a>",
		"<a><![CDATA[]]]]><![CDATA[>]]></a>",
		"<a><![CDATA[<b>&c; ]] ]>]]></a>",
		"<a><!----><!-- - --><?b?><?b ?>?></a>",
		"<a xml:lang='' xml:anything='1'/>",
		"<a xmlns:xml='" + xmldoc.XMLNamespace + "'/>",
		"<a xmlns=''/>", "<a xmlns='urn:a'><b xmlns=''/></a>",
		"<a xmlns='urn:a' xmlns:p='urn:a' b='1' p:b='2'/>",
		"<a xmlns:p='urn:a' xmlns:q='urn:b' p:b='1' q:b='2' b='3'/>",
		"<p:a xmlns:p='urn:a'/>", "<a p:b='' xmlns:p='urn:a'/>",
		"<a xmlns:p='urn:a'><b xmlns:p='urn:b'/><p:c/></a>",
		"<a xmlns='http://u:p@h.example:80/a?b=c%20d#e&amp;f/?'/>",
		"<a Id='x'><b Id='y'/><c id='X'/><d Id=''/><d Id=''/></a>",
		"<a xmlns:p='urn:a' p:Id='x' Id='x'/>",
	} {
		if _, err := xmldoc.Parse([]byte(doc), testLimits()); err != nil {
			t.Errorf("%q: %v", doc, err)
		}
	}
}

func TestNavigation(t *testing.T) {
	t.Parallel()
	d := mustParse(t, "<?xml version='1.0'?>\n<a xmlns='urn:a' xmlns:p='urn:p'>x<!-- --><p:b c='1'/><![CDATA[y]]><b><c/></b><?i?><p:b/>z</a>")
	root := d.Root()
	var names []string
	for c := range root.Children() {
		names = append(names, c.Prefix()+"|"+c.Space()+"|"+c.Local())
		if c.Parent() != root || c.Document() != d || !c.IsWithin(root) || root.IsWithin(c) {
			t.Errorf("%s is not placed under the root", c.Local())
		}
	}
	if want := []string{"p|urn:p|b", "|urn:a|b", "p|urn:p|b"}; !slices.Equal(names, want) {
		t.Errorf("children %q, want %q", names, want)
	}
	first := root.FirstChild()
	second := root.Child("urn:a", "b")
	switch {
	case !first.Is("urn:p", "b"), first.Is("urn:a", "b"), first.Is("urn:p", "c"):
		t.Error("Is")
	case root.Child("urn:p", "b") != first, first.NextSibling() != second, first == second:
		t.Error("the first p:b is not the first child, or b not after it")
	case !second.NextSibling().NextSibling().IsZero(), !first.FirstChild().IsZero(), !root.NextSibling().IsZero(), !root.Parent().IsZero():
		t.Error("something follows the last")
	case !root.Child("urn:a", "p").IsZero():
		t.Error("found what is not there")
	case second.FirstChild().Parent().Parent() != root, !second.FirstChild().IsWithin(root), !root.IsWithin(root), first.IsWithin(second):
		t.Error("Within or Parent")
	case mustParse(t, d.Source()).Root() == root, mustParse(t, d.Source()).Root().IsWithin(root):
		t.Error("an element of another document is the same")
	}
	for c := range root.Children() {
		if c == first {
			break // the iterator must stop
		}
	}
	start, end := second.Offset()
	if got := d.Source()[start:end]; got != "<b><c/></b>" {
		t.Errorf("offsets give %q", got)
	}
	start, end = first.Offset()
	if got := d.Source()[start:end]; got != "<p:b c='1'/>" {
		t.Errorf("offsets give %q", got)
	}
	start, end = root.Offset()
	if got := d.Source()[start:end]; !strings.HasPrefix(got, "<a ") || !strings.HasSuffix(got, "</a>") {
		t.Errorf("offsets give %q", got)
	}
}

func TestOffsetsPointIntoTheConvertedSource(t *testing.T) {
	t.Parallel()
	d := mustParse(t, encodeUTF16("\ufeff<é><b/></é>", false))
	start, end := d.Root().FirstChild().Offset()
	if d.Source() != "<é><b/></é>" || d.Source()[start:end] != "<b/>" {
		t.Errorf("%q from %d to %d", d.Source(), start, end)
	}
}

func TestZeroElement(t *testing.T) {
	t.Parallel()
	var e xmldoc.Element
	if !e.IsZero() || e.Document() != nil || e.Space()+e.Local()+e.Prefix() != "" || e.Is("", "") || e.IsWithin(e) || e.DeclaresWithin(e, "xml") ||
		!e.Parent().IsZero() || !e.FirstChild().IsZero() || !e.NextSibling().IsZero() || !e.Child("", "").IsZero() {
		t.Error("the zero element is something")
	}
	if _, ok := e.Attr("", ""); ok {
		t.Error("the zero element has an attribute")
	}
	if _, ok := e.Text(); ok {
		t.Error("the zero element has text")
	}
	if _, ok := e.LookupNamespace(""); ok {
		t.Error("the zero element has a namespace")
	}
	for range e.Attrs() {
		t.Error("the zero element has attributes")
	}
	for range e.Children() {
		t.Error("the zero element has children")
	}
	if start, end := e.Offset(); start != 0 || end != 0 {
		t.Error("the zero element is somewhere")
	}
	if got := (xmldoc.C14N{}).Append([]byte("x"), e); string(got) != "x" {
		t.Errorf("the zero element has the canonical form %q", got)
	}
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	e := mustParse(t, "<a z='1' xmlns:q='urn:a' q:y='&lt;2' b=' \t\r\n\r3&#9;&#xD;&#10; ' xml:lang=\"nl\" xmlns='urn:d'/>").Root()
	var got []xmldoc.Attr
	for a := range e.Attrs() {
		got = append(got, a)
	}
	want := []xmldoc.Attr{
		{Local: "b", Value: "    3\t\r\n "},
		{Local: "z", Value: "1"},
		{Space: xmldoc.XMLNamespace, Local: "lang", Prefix: "xml", Value: "nl"},
		{Space: "urn:a", Local: "y", Prefix: "q", Value: "<2"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	for range e.Attrs() {
		break // the iterator must stop
	}
	for _, a := range want {
		if value, ok := e.Attr(a.Space, a.Local); !ok || value != a.Value {
			t.Errorf("Attr gives %q, %v for %q", value, ok, a.Local)
		}
	}
	for _, name := range [][2]string{{"", "y"}, {"urn:d", "z"}, {"", "xmlns"}, {"urn:a", "z"}, {xmldoc.XMLNSNamespace, "q"}} {
		if value, ok := e.Attr(name[0], name[1]); ok {
			t.Errorf("Attr finds %q for %q", value, name)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		doc, text string
		ok        bool
	}{
		{"<a/>", "", true},
		{"<a></a>", "", true},
		{"<a>plain</a>", "plain", true},
		{"<a>a&amp;b &gt; > c&#x41;&apos;&quot;&lt;</a>", "a&b > > cA'\"<", true},
		{"<a>a\r\nb\rc\n&#13;&#10;</a>", "a\nb\nc\n\r\n", true},
		{"<a>user<!-- -->@<?i?>host</a>", "user@host", true},
		{"<a><![CDATA[<b>&amp;\r\n]]>]<![CDATA[]]>&amp;</a>", "<b>&amp;\n]&", true},
		{"<a>text<b/></a>", "", false},
		{"<a><b/></a>", "", false},
	} {
		if text, ok := mustParse(t, c.doc).Root().Text(); text != c.text || ok != c.ok {
			t.Errorf("%q gives %q, %v", c.doc, text, ok)
		}
	}
}

func TestNamespacesInForce(t *testing.T) {
	t.Parallel()
	d := mustParse(t, "<a xmlns='urn:a' xmlns:p='urn:p'><b xmlns:q='urn:q' Id='b'><c xmlns='' xmlns:p='urn:p2' Id='c'/></b></a>")
	a := d.Root()
	b, _ := d.ElementByID("b")
	c, _ := d.ElementByID("c")
	for _, x := range []struct {
		e             xmldoc.Element
		prefix, space string
		ok            bool
	}{
		{a, "", "urn:a", true}, {b, "", "urn:a", true}, {c, "", "", true},
		{a, "p", "urn:p", true}, {b, "p", "urn:p", true}, {c, "p", "urn:p2", true},
		{a, "q", "", false}, {c, "q", "urn:q", true}, {c, "r", "", false},
		{c, "xml", xmldoc.XMLNamespace, true}, {c, "xmlns", "", false},
		{mustParse(t, "<a/>").Root(), "", "", true},
	} {
		if space, ok := x.e.LookupNamespace(x.prefix); space != x.space || ok != x.ok {
			t.Errorf("%q at %s is %q, %v", x.prefix, x.e.Local(), space, ok)
		}
	}
	for _, x := range []struct {
		e, top xmldoc.Element
		prefix string
		want   bool
	}{
		{c, c, "p", true}, {c, c, "q", false}, {c, b, "q", true}, {c, b, "", true}, {b, b, "", false}, {b, a, "", true},
		{b, b, "p", false}, {b, a, "p", true}, {c, a, "r", false}, {c, c, "xml", true}, {b, c, "p", false},
	} {
		if got := x.e.DeclaresWithin(x.top, x.prefix); got != x.want {
			t.Errorf("%q at %s within %s: %v", x.prefix, x.e.Local(), x.top.Local(), got)
		}
	}
}

func TestByID(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("<r xmlns:u='" + xmldoc.UtilityNamespace + "' xmlns:o='urn:other' Id=''>")
	for i, name := range []string{"Id", "ID", "id", "u:Id", "xml:id", "iD", "u:ID", "xml:Id", "o:Id"} {
		b.WriteString("<e" + string(rune('0'+i)) + " " + name + "='v" + string(rune('0'+i)) + "'/>")
	}
	few := b.String() + "<s Id=' sp&#x61;ced '/></r>"
	many := b.String() + "<s Id=' sp&#x61;ced '/>"
	for i := range 40 {
		many += "<m Id='m" + strings.Repeat("x", i) + "'/>"
	}
	for _, doc := range []string{few, many + "</r>"} {
		d := mustParse(t, doc)
		for i := range 9 {
			e, ok := d.ElementByID("v" + string(rune('0'+i)))
			if ok != (i < 5) || ok && e.Local() != "e"+string(rune('0'+i)) {
				t.Errorf("v%d gives %q, %v", i, e.Local(), ok)
			}
		}
		if e, ok := d.ElementByID("spaced"); !ok || e.Local() != "s" {
			t.Error("white space around an id is not taken away")
		}
		for _, id := range []string{"", "nobody"} {
			if e, ok := d.ElementByID(id); ok || !e.IsZero() {
				t.Errorf("%q gives an element", id)
			}
		}
	}
}

// TestManyNamesAreStillFound exceeds linearSearchLimit, so that maps are used.
func TestManyNamesAreStillFound(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 60 {
		p := "p" + strings.Repeat("x", i)
		b.WriteString(" xmlns:" + p + "='urn:" + p + "' " + p + ":a='" + p + "'")
	}
	d := mustParse(t, "<r"+b.String()+"/>")
	for i := range 60 {
		p := "p" + strings.Repeat("x", i)
		if value, ok := d.Root().Attr("urn:"+p, "a"); !ok || value != p {
			t.Fatalf("%s gives %q", p, value)
		}
	}
}

func TestParseKeepsNothingOfItsInput(t *testing.T) {
	t.Parallel()
	input := []byte("<a b='c'>text</a>")
	d, err := xmldoc.Parse(input, testLimits())
	if err != nil {
		t.Fatal(err)
	}
	clear(input)
	if text, _ := d.Root().Text(); text != "text" {
		t.Errorf("%q", text)
	}
}

// TestMemoryIsProportionalToInput covers every shape, including rejected ones.
func TestMemoryIsProportionalToInput(t *testing.T) {
	wide := testLimits()
	wide.Nodes, wide.Attributes, wide.Declarations, wide.Namespaces, wide.Depth, wide.Expansion = 1<<30, 1<<30, 1<<30, 1<<30, 1<<30, 1<<30
	inputs := benchmarkInputs()
	inputs["tags"] = "<a>" + strings.Repeat("<a/>", 100_000) + "</a>"
	inputs["nesting"] = strings.Repeat("<a>", 100_000) + strings.Repeat("</a>", 100_000)
	inputs["less-than signs"] = strings.Repeat("<", 1_000_000)
	inputs["open tags"] = strings.Repeat("<a>", 300_000)
	inputs["equals signs"] = "<a>" + strings.Repeat("=", 1_000_000) + "</a>"
	inputs["UTF-16"] = encodeUTF16("\ufeff<a>"+strings.Repeat("\u4e00", 300_000)+"</a>", true)
	for name, input := range inputs {
		data := []byte(input)
		cost := costtest.Measure(t, func() { _, _ = xmldoc.Parse(data, wide) }) // rejected documents must not cost more either
		// 48 bytes for the four of "<a/>", and the slack of grown slices.
		if cost.Bytes > 64<<10+60*uint64(len(data)) {
			t.Errorf("%s: %d octets of input allocate %d", name, len(data), cost.Bytes)
		}
	}
}

// TestCostsAreLinear has the shapes that take quadratic parsers minutes, without limits other than the size. The CPU
// time allowed is a hundred times that needed.
func TestCostsAreLinear(t *testing.T) {
	wide := testLimits()
	wide.Nodes, wide.Attributes, wide.Declarations, wide.Namespaces, wide.Depth = 1<<30, 1<<16, 1<<16, 1<<30, 1<<30
	const many = 50_000
	list := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.ReplaceAll(format, "#", strconv.Itoa(i)))
		}
		return b.String()
	}
	var prefixes []string
	for i := range many {
		prefixes = append(prefixes, "p"+strconv.Itoa(i))
	}
	declarations := list(" xmlns:p#='urn:p#'", many)
	for name, doc := range map[string]string{
		"attributes":               "<a" + list(" a#=''", many) + "/>",
		"declarations":             "<a" + declarations + "/>",
		"declarations, all used":   "<a" + declarations + list(" p#:a=''", many) + "/>",
		"declarations, nested":     list("<a xmlns:p#='urn:p#'>", many) + strings.Repeat("</a>", many),
		"declarations, many below": "<a" + declarations + ">" + list("<p#:b/>", many) + "</a>",
		"redeclarations":           "<a>" + list("<a xmlns:p='urn:p#' xmlns='urn:p#'>", many) + strings.Repeat("</a>", many) + "</a>",
		"inherited attributes":     list("<a xml:a#=''>", many) + "<top Id='top'/>" + strings.Repeat("</a>", many),
		"identifiers":              "<a>" + list("<a Id='i#'/>", many) + "</a>",
		"comments":                 "<a>" + strings.Repeat("<!---->&#13;", many) + "</a>",
		"sections":                 "<a>" + strings.Repeat("<![CDATA[]]>]]&gt;", many) + "</a>",
		"references":               "<a>" + strings.Repeat("&amp;", many) + "</a>",
		"zeros in a reference":     "<a>&#" + strings.Repeat("0", 10*many) + "65;</a>",
	} {
		began := costtest.CPUTime(t)
		d, err := xmldoc.Parse([]byte(doc), wide)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		top, ok := d.ElementByID("top")
		if !ok {
			top = d.Root()
		}
		for _, form := range []xmldoc.C14N{{}, {Exclusive: true}, {Exclusive: true, PrefixList: prefixes}} {
			form.Append(nil, top)
		}
		_, _ = top.Text()
		if took := costtest.CPUTime(t) - began; took > costtest.CPULimit(10*time.Second) {
			t.Errorf("%s takes %v of CPU time", name, took)
		}
	}
}

func TestInsideIsWhatStandsBetweenTheTags(t *testing.T) {
	for source, want := range map[string]string{
		`<a/>`: "", `<a></a>`: "", `<a x=">">b<c/> </a>`: "b<c/> ", "<a\n><!--c--></a\n>": "<!--c-->",
	} {
		d, err := xmldoc.Parse([]byte(source), xmldoc.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		if start, end := d.Root().ContentOffset(); d.Source()[start:end] != want {
			t.Errorf("%s: %q", source, d.Source()[start:end])
		}
	}
	if start, end := (xmldoc.Element{}).ContentOffset(); start != 0 || end != 0 {
		t.Error("no element has an inside")
	}
}
