package xmldoc_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/openctr/ctr/internal/message/xmldoc"
)

// TestCanonicalForm has documents modelled on the examples of Canonical XML 1.0 section 3 and of Exclusive XML
// Canonicalization sections 2 and 3, and the cases in which implementations are known to differ. The subtree is that of
// the element with the Id "top", or else of the root; the element with the Id "omit" is left out.
func TestCanonicalForm(t *testing.T) {
	t.Parallel()
	inclusive, exclusive := xmldoc.C14N{}, xmldoc.C14N{Exclusive: true}
	with := func(prefixes ...string) xmldoc.C14N { return xmldoc.C14N{Exclusive: true, PrefixList: prefixes} }
	for _, c := range []struct {
		name, doc string
		form      xmldoc.C14N
		want      string
	}{
		{"what surrounds the root", "<?xml version=\"1.0\"?>\n<?pi?><!-- --><doc>Hello<!-- there --></doc><!-- -->\n", inclusive, "<doc>Hello</doc>"},
		{"white space in content", "<doc>\n   <a> \r\n</a>\r</doc>", inclusive, "<doc>\n   <a> \n</a>\n</doc>"},
		{"start and end tags", "<doc><a/><b   ></b><c  x='1'\n y = \"2\"  /><d></d\t></doc>", inclusive,
			"<doc><a></a><b></b><c x=\"1\" y=\"2\"></c><d></d></doc>"},
		{"order", "<e a:attr='out' b:attr='sorted' attr2='all' attr=\"I'm\" xmlns:b='http://www.ietf.org' xmlns:a='http://www.w3.org' xmlns='http://example.org'/>", inclusive,
			`<e xmlns="http://example.org" xmlns:a="http://www.w3.org" xmlns:b="http://www.ietf.org" attr="I'm" attr2="all" b:attr="sorted" a:attr="out"></e>`},
		{"order of capitals and beyond ASCII", "<e é='1' z='2' Z='3' _='4' \U00010000='5' \ufffd='6'/>", inclusive,
			"<e Z=\"3\" _=\"4\" z=\"2\" é=\"1\" \ufffd=\"6\" \U00010000=\"5\"></e>"},
		{"order of xml:lang beside xsi:type", "<e xsi:type='t' xml:lang='nl' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'/>", exclusive,
			`<e xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="t" xml:lang="nl"></e>`},
		{"order is by namespace, not by prefix", "<e a:x='1' b:x='2' xmlns:a='urn:z' xmlns:b='urn:y'/>", exclusive,
			`<e xmlns:a="urn:z" xmlns:b="urn:y" b:x="2" a:x="1"></e>`},
		{"superfluous declarations", "<a xmlns='urn:a' xmlns:p='urn:p'><b xmlns='urn:a' xmlns:p='urn:p'><c xmlns='' xmlns:p='urn:q'><d xmlns=''/></c></b></a>", inclusive,
			`<a xmlns="urn:a" xmlns:p="urn:p"><b><c xmlns="" xmlns:p="urn:q"><d></d></c></b></a>`},
		{"superfluous undeclaration", "<a xmlns=''><b xmlns=''/></a>", inclusive, "<a><b></b></a>"},
		{"declaration of xml", "<a xmlns:xml='" + xmldoc.XMLNamespace + "' xml:lang='fr'/>", inclusive, `<a xml:lang="fr"></a>`},
		{"characters of text", "<t>&#x32;&lt;&gt;&amp;&quot;&apos;>\"'&#13;&#10;&#9;\t]]&gt;</t>", inclusive, "<t>2&lt;&gt;&amp;\"'&gt;\"'&#xD;\n\t\t]]&gt;</t>"},
		{"characters of a value", "<t a='\"&lt;>&gt;&amp;&apos;&quot;&#9;&#10;&#13;&#32;é&#x1F600;'/>", inclusive,
			"<t a=\"&quot;&lt;>>&amp;'&quot;&#x9;&#xA;&#xD; é😀\"></t>"},
		{"white space of a value", "<t a='1\t2\n3\r\n4\r5\r\r\n6\n\r7'/>", inclusive, `<t a="1 2 3 4 5  6  7"></t>`},
		{"sections", "<t><![CDATA[value>\"0\" && value<\"10\" ?\r\n\r&#13;]]>x<![CDATA[]]></t>", inclusive,
			"<t>value&gt;\"0\" &amp;&amp; value&lt;\"10\" ?\n\n&amp;#13;x</t>"},
		{"comments between text", "<t>a<!-- > -->&gt;<!-- -->\r<!-- -->\n</t>", inclusive, "<t>a&gt;\n\n</t>"},
		{"instructions", "<t><?a?><?b ?><?c  d ?><?e\r\nf\r\ng\rh?><?i &amp; <j>?></t>", inclusive, "<t><?a?><?b?><?c d ?><?e f\ng\nh?><?i &amp; <j>?></t>"},
		{"ampersand in a namespace name", "<a xmlns='urn:a?b=1&amp;c=2' xmlns:p='urn:p&#39;'/>", inclusive, `<a xmlns="urn:a?b=1&amp;c=2" xmlns:p="urn:p'"></a>`},

		{"subtree takes its namespaces along", "<r xmlns='urn:r' xmlns:a='urn:a' xmlns:b='urn:b'><a:e xmlns:b='urn:b2' Id='top'><f/></a:e></r>", inclusive,
			`<a:e xmlns="urn:r" xmlns:a="urn:a" xmlns:b="urn:b2" Id="top"><f></f></a:e>`},
		{"subtree takes only what it uses", "<r xmlns='urn:r' xmlns:a='urn:a' xmlns:b='urn:b'><a:e xmlns:c='urn:c' Id='top'><f/></a:e></r>", exclusive,
			`<a:e xmlns:a="urn:a" Id="top"><f xmlns="urn:r"></f></a:e>`},
		{"default namespace undeclared around", "<r xmlns='urn:r'><m xmlns=''><e Id='top'/></m></r>", inclusive, `<e Id="top"></e>`},
		{"attributes of xml are inherited", "<r xml:lang='nl' xml:space='preserve' xml:x='1'><m xml:lang='fr' xml:id='m'><e xml:x='2' a='3' Id='top'><f/></e></m></r>", inclusive,
			`<e Id="top" a="3" xml:id="m" xml:lang="fr" xml:space="preserve" xml:x="2"><f></f></e>`},
		{"attributes of xml are not inherited", "<r xml:lang='nl'><e Id='top'/></r>", exclusive, `<e Id="top"></e>`},
		{"inherited value is escaped", "<r xml:lang='a\n\"&#10;'><e Id='top'/></r>", inclusive, `<e Id="top" xml:lang="a &quot;&#xA;"></e>`},

		{"rendered where first used", "<a:r xmlns:a='urn:a' xmlns:b='urn:b'><a:x b:y='1'><b:z/></a:x><b:z/></a:r>", exclusive,
			`<a:r xmlns:a="urn:a"><a:x xmlns:b="urn:b" b:y="1"><b:z></b:z></a:x><b:z xmlns:b="urn:b"></b:z></a:r>`},
		{"redeclared alike", "<a:r xmlns:a='urn:a'><a:s xmlns:a='urn:a'/></a:r>", exclusive, `<a:r xmlns:a="urn:a"><a:s></a:s></a:r>`},
		{"redeclared otherwise and back", "<a:r xmlns:a='urn:a'><a:s xmlns:a='urn:b'><a:t xmlns:a='urn:a'/></a:s><a:u/></a:r>", exclusive,
			`<a:r xmlns:a="urn:a"><a:s xmlns:a="urn:b"><a:t xmlns:a="urn:a"></a:t></a:s><a:u></a:u></a:r>`},
		{"default undeclared where used", "<r xmlns='urn:r'><e xmlns=''><f/><g xmlns='urn:r'/></e></r>", exclusive,
			`<r xmlns="urn:r"><e xmlns=""><f></f><g xmlns="urn:r"></g></e></r>`},
		{"default undeclared, not used", "<r xmlns='urn:r'><p:e xmlns='' xmlns:p='urn:p' a='1'><f xmlns='urn:r'/></p:e></r>", exclusive,
			`<r xmlns="urn:r"><p:e xmlns:p="urn:p" a="1"><f></f></p:e></r>`},
		{"attribute without prefix does not use the default", "<p:r xmlns='urn:r' xmlns:p='urn:p' a='1'/>", exclusive, `<p:r xmlns:p="urn:p" a="1"></p:r>`},
		{"prefix in a value is not used", "<r xmlns:p='urn:p' type='p:t'/>", exclusive, `<r type="p:t"></r>`},

		{"empty list", "<r xmlns:p='urn:p' xmlns='urn:r'><e Id='top'/></r>", with(), `<e xmlns="urn:r" Id="top"></e>`},
		{"listed", "<r xmlns:p='urn:p' xmlns:q='urn:q'><e Id='top'/></r>", with("p", "zz"), `<e xmlns:p="urn:p" Id="top"></e>`},
		{"listed twice", "<r xmlns:p='urn:p'><e Id='top'/></r>", with("p", "p"), `<e xmlns:p="urn:p" Id="top"></e>`},
		{"listed and redeclared", "<r xmlns:p='urn:p'><e Id='top'><f xmlns:p='urn:p'/><g xmlns:p='urn:p2'><p:h/></g></e></r>", with("p"),
			`<e xmlns:p="urn:p" Id="top"><f></f><g xmlns:p="urn:p2"><p:h></p:h></g></e>`},
		{"listed, declared below", "<e><f xmlns:p='urn:p'/></e>", with("p"), `<e><f xmlns:p="urn:p"></f></e>`},
		{"listed, nearest binding", "<r xmlns:p='urn:1'><m xmlns:p='urn:2'><e Id='top'/></m></r>", with("p"), `<e xmlns:p="urn:2" Id="top"></e>`},
		{"#default", "<r xmlns='urn:r'><p:e xmlns:p='urn:p' Id='top'><f/></p:e></r>", with("#default"),
			`<p:e xmlns="urn:r" xmlns:p="urn:p" Id="top"><f></f></p:e>`},
		{"#default, none in force", "<p:e xmlns:p='urn:p'/>", with("#default"), `<p:e xmlns:p="urn:p"></p:e>`},
		{"#default, undeclared below", "<r xmlns='urn:r'><p:e xmlns:p='urn:p' xmlns=''/></r>", with("#default"),
			`<r xmlns="urn:r"><p:e xmlns="" xmlns:p="urn:p"></p:e></r>`},
		{"#default, undeclared around", "<r xmlns='urn:r'><m xmlns=''><e Id='top'/></m></r>", with("#default"), `<e Id="top"></e>`},
		{"empty string is not #default", "<p:r xmlns='urn:r' xmlns:p='urn:p'/>", with(""), `<p:r xmlns:p="urn:p"></p:r>`},
		{"xml listed", "<r xmlns:xml='" + xmldoc.XMLNamespace + "'/>", with("xml", "xmlns"), `<r></r>`},
		{"the list does not matter to the inclusive form", "<r xmlns:p='urn:p' xmlns:q='urn:q'/>", xmldoc.C14N{PrefixList: []string{"p"}}, `<r xmlns:p="urn:p" xmlns:q="urn:q"></r>`},

		{"omitted", "<r> <e Id='omit'>x<f/></e>&#13;<g/></r>", exclusive, "<r> &#xD;<g></g></r>"},
		{"omitted, empty tag", "<r><e Id='omit'/>\r\n</r>", exclusive, "<r>\n</r>"},
		{"omitted at the end, deep", "<r><s><e Id='omit'><f/></e></s></r>", inclusive, "<r><s></s></r>"},
		{"omitted with its namespaces", "<r xmlns:p='urn:p'><p:e Id='omit'/><p:f/></r>", exclusive, `<r><p:f xmlns:p="urn:p"></p:f></r>`},
		{"omitted outside the subtree", "<r><e Id='omit'/><f Id='top'/></r>", exclusive, `<f Id="top"></f>`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := mustParse(t, c.doc)
			top, ok := d.ElementByID("top")
			if !ok {
				top = d.Root()
			}
			c.form.Omit, _ = d.ElementByID("omit")
			if got := string(c.form.Append([]byte("before "), top)); got != "before "+c.want {
				t.Errorf("\ngot  %q\nwant %q", got, "before "+c.want)
			}
		})
	}
}

func TestOmittedTopLeavesNothing(t *testing.T) {
	t.Parallel()
	root := mustParse(t, "<a>b</a>").Root()
	if got := (xmldoc.C14N{Omit: root}).Append(nil, root); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

func TestElementsOfOtherDocumentsAreNotOmitted(t *testing.T) {
	t.Parallel()
	other := mustParse(t, "<a><b/></a>").Root().FirstChild()
	if got := (xmldoc.C14N{Omit: other}).Append(nil, mustParse(t, "<a><b/></a>").Root()); string(got) != "<a><b></b></a>" {
		t.Errorf("%q", got)
	}
}

// TestManyAtOnce lets the race detector verify that a document is only read.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	d := mustParse(t, newSignedMessage(6500))
	want := string(xmldoc.C14N{Exclusive: true}.Append(nil, d.Root()))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				if got := string(xmldoc.C14N{Exclusive: true}.Append(nil, d.Root())); got != want {
					t.Error("differs")
				}
				_, _ = d.ElementByID("TS-1")
			}
		})
	}
	group.Wait()
}

// TestFormsDoNotAllocate checks that canonicalisation of typical messages into a large enough buffer does not allocate.
func TestFormsDoNotAllocate(t *testing.T) {
	d := mustParse(t, newSignedMessage(6500))
	body, _ := d.ElementByID("id-1")
	prefixes := []string{"soapenv", "#default"}
	buffer := make([]byte, 0, 16<<10)
	for name, form := range map[string]xmldoc.C14N{"exclusive": {Exclusive: true}, "with prefixes": {Exclusive: true, PrefixList: prefixes}} {
		if n := testing.AllocsPerRun(20, func() { buffer = form.Append(buffer[:0], body) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestReadingDoesNotAllocate(t *testing.T) {
	d := mustParse(t, newSignedMessage(6500))
	id := strings.Clone("id-1")
	if n := testing.AllocsPerRun(20, func() {
		body, _ := d.ElementByID(id)
		request := body.FirstChild()
		if _, ok := request.Attr("", "Id"); !ok || !request.Is("urn:be:fgov:ehealth:ctr:protocol:v1", "NotifyImplantRequest") {
			t.Error("not the request")
		}
		for c := range request.Children() {
			_, _ = c.Text()
		}
		_, _ = request.LookupNamespace("ctrp")
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
