package schema_test

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/xmldoc"
)

// plainDocuments is the number of messages that are validated with and without the library.
const plainDocuments = 20_000

// TestPlainlyValidIsValid checks that the library accepts whatever the fast validator accepts. About half of the corpus
// is valid, as TestAgreesWithLibxml2 asserts, and the fast validator recognises nearly all of that half.
func TestPlainlyValidIsValid(t *testing.T) {
	s := contractSchema(t)
	plain := 0
	for _, text := range generateCorpus(t, plainDocuments) {
		e := mustParse(t, text)
		if !s.IsPlainlyValid(e) {
			continue
		}
		plain++
		if err := s.CheckWithLibrary(e); err != nil {
			t.Errorf("taken for valid, but the library says %v\n%s", err, text)
		}
	}
	t.Logf("%d documents, %d recognised without the library", plainDocuments, plain)
	if plain < plainDocuments*2/5 {
		t.Errorf("%d of %d documents were recognised: the comparison says little", plain, plainDocuments)
	}
}

func TestGoldenRequestsArePlain(t *testing.T) {
	s := contractSchema(t)
	for _, name := range findFiles(t, "testdata/golden/*-request*.xml") {
		if text := readGolden(t, filepath.Base(name)); !strings.Contains(text, "XMLSchema-instance") && !s.IsPlainlyValid(mustParse(t, text)) {
			t.Errorf("%s needs the library", name)
		}
	}
}

// TestUnusualIsNotPlain checks that unusual values are left to the library, which accepts the first half and rejects
// the second.
func TestUnusualIsNotPlain(t *testing.T) {
	s := contractSchema(t)
	text := readGolden(t, "notifyImplant-request.xml")
	for name, change := range map[string]struct {
		old, new string
		valid    bool
	}{
		"comment between":     {"<ctr:Patient>", "<!-- the patient --><ctr:Patient>", true},
		"comment in a value":  {">Left<", "><!-- side -->Left<", true},
		"section":             {">Left<", "><![CDATA[Left]]><", true},
		"space by reference":  {"<ctr:Patient>", "&#32;<ctr:Patient>", true},
		"space in a number":   {"<ctr:Quantity>", "<ctr:Quantity> ", true},
		"zone":                {"</ctr:OperationDate>", "Z</ctr:OperationDate>", true},
		"text between":        {"<ctr:Patient>", "x<ctr:Patient>", false},
		"text in a section":   {"<ctr:Patient>", "<![CDATA[x]]><ctr:Patient>", false},
		"text before comment": {"<ctr:Patient>", "x<!-- --><ctr:Patient>", false},
		"text last":           {"</ctrp:Implantation>", "x</ctrp:Implantation>", false},
		"text first":          {"<ctrp:Implantation>", "<ctrp:Implantation>x>", false},
		"no such day":         {"<ctr:OperationDate>2026-11-", "<ctr:OperationDate>2026-02-30</ctr:OperationDate><ctr:OperationDate>2026-11-", false},
		"twice":               {"<ctr:Side>Left</ctr:Side>", "<ctr:Side>Left</ctr:Side><ctr:Side>Left</ctr:Side>", false},
	} {
		t.Run(name, func(t *testing.T) {
			e := mustParse(t, replaceAll(t, text, change.old, change.new))
			if s.IsPlainlyValid(e) {
				t.Error("taken for plain")
			}
			if err := s.CheckWithLibrary(e); (err == nil) != change.valid {
				t.Errorf("the library says %v", err)
			}
		})
	}
}

// TestCompileRefusesWhatPlainCannotSee checks that schemas with constructs outside the model do not compile.
func TestCompileRefusesWhatPlainCannotSee(t *testing.T) {
	const head = `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:t" targetNamespace="urn:t"`
	for name, text := range map[string]string{
		"abstract":             head + `><xs:complexType name="t" abstract="true"/></xs:schema>`,
		"mixed":                head + `><xs:complexType name="t" mixed="true"/></xs:schema>`,
		"mixed extension":      head + `><xs:complexType name="b" mixed="true"/><xs:complexType name="t"><xs:complexContent mixed="true"><xs:extension base="b"/></xs:complexContent></xs:complexType></xs:schema>`,
		"block":                head + ` blockDefault="extension"><xs:complexType name="t"/></xs:schema>`,
		"qualified attributes": head + ` attributeFormDefault="qualified"><xs:complexType name="t"><xs:attribute name="a" type="xs:int"/></xs:complexType></xs:schema>`,
		"prohibited":           head + `><xs:complexType name="t"><xs:attribute name="a" type="xs:int" use="prohibited"/></xs:complexType></xs:schema>`,
		"derived inside":       head + `><xs:complexType name="t"><xs:sequence><xs:element name="e" type="u" minOccurs="0"/></xs:sequence></xs:complexType><xs:complexType name="u"><xs:complexContent><xs:extension base="t"/></xs:complexContent></xs:complexType></xs:schema>`,
	} {
		t.Run(name, func(t *testing.T) {
			if s, err := schema.Compile(fstest.MapFS{"t.xsd": {Data: []byte(text)}}, "t.xsd", nil); err == nil || s != nil {
				t.Errorf("compiled: %v", s)
			}
		})
	}
}

func FuzzPlainlyValidIsValid(f *testing.F) {
	for _, name := range findFiles(f, "testdata/golden/*.xml") {
		f.Add(readGolden(f, filepath.Base(name)))
	}
	s := contractSchema(f)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := xmldoc.Parse([]byte(text), xmldoc.DefaultLimits())
		if err != nil || !s.IsPlainlyValid(d.Root()) {
			return
		}
		if err := s.CheckWithLibrary(d.Root()); err != nil {
			t.Errorf("taken for valid, but the library says %v", err)
		}
	})
}

// TestPlainOnOtherSchemas has a schema for constructs that the contract does not use: nested groups, counts, empty
// content, facets of every kind.
func TestPlainOnOtherSchemas(t *testing.T) {
	const text = `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:t" targetNamespace="urn:t" elementFormDefault="qualified">
<xs:element name="r" type="T"/>
<xs:complexType name="T"><xs:sequence>
 <xs:element name="e" type="Empty" minOccurs="0"/>
 <xs:choice minOccurs="2" maxOccurs="3"><xs:element name="a" type="A"/><xs:sequence><xs:element name="b" type="xs:boolean"/><xs:element name="c" type="C" minOccurs="0"/></xs:sequence></xs:choice>
 <xs:sequence minOccurs="0" maxOccurs="unbounded"><xs:element name="d" type="xs:date"/><xs:element name="i" type="xs:int" minOccurs="0" maxOccurs="2"/></xs:sequence>
</xs:sequence><xs:attribute name="x" type="xs:ID"/><xs:attribute name="u" type="xs:anyURI"/></xs:complexType>
<xs:complexType name="Empty"/>
<xs:simpleType name="A"><xs:restriction base="W"><xs:enumeration value="one"/></xs:restriction></xs:simpleType>
<xs:simpleType name="W"><xs:restriction base="xs:string"><xs:enumeration value="one"/><xs:enumeration value="two"/></xs:restriction></xs:simpleType>
<xs:simpleType name="C"><xs:restriction base="xs:string"><xs:pattern value="[a-c].\d"/></xs:restriction></xs:simpleType>
</xs:schema>`
	s, err := schema.Compile(fstest.MapFS{"t.xsd": {Data: []byte(text)}}, "t.xsd", nil)
	if err != nil {
		t.Fatal(err)
	}
	for content, plain := range map[string]bool{
		"<a>one</a><a>one</a>":                                        true,
		"<a>two</a><a>one</a>":                                        false,
		"<e/><b>true</b><b>0</b>":                                     true,
		"<e></e><b>true</b><b>0</b>":                                  true,
		"<e> </e><b>true</b><b>0</b>":                                 false,
		"<b> true</b><b>0</b>":                                        false, // though valid
		"<b>true</b><c>a-1</c><a>one</a>":                             false, // a pattern left to the library
		"<a>one</a>":                                                  false,
		"<a>one</a><a>one</a><a>one</a>":                              true,
		"<a>one</a><a>one</a><a>one</a><a>one</a>":                    false,
		"<a>one</a><b>1</b><d>2026-11-21</d><i>1</i><i>-2</i>":        true,
		"<a>one</a><b>1</b><d>2026-11-21</d><d>2024-02-29</d>":        true,
		"<a>one</a><b>1</b><d>2026-11-21</d><i>1</i><i>2</i><i>3</i>": false,
		"<a>one</a><b>1</b><d>2026-02-29</d>":                         false,
		"<a>one</a><b>1</b><i>1</i>":                                  false,
		"<a>one</a><b>1</b><e/>":                                      false,
		"":                                                            false,
	} {
		for attributes, fine := range map[string]bool{"": true, ` x="n" u="urn:a:b"`: true, ` x="1"`: false, ` u=" urn:a"`: false, ` y=""`: false} {
			e := mustParse(t, `<r xmlns="urn:t"`+attributes+`>`+content+`</r>`)
			got, libraryErr := s.IsPlainlyValid(e), s.CheckWithLibrary(e)
			if got && libraryErr != nil || got != (plain && fine) {
				t.Errorf("%q %s: plain %v, the library says %v", attributes, content, got, libraryErr)
			}
		}
	}
}

func TestPlainRoot(t *testing.T) {
	if contractSchema(t).IsPlainlyValid(mustParse(t, `<a/>`)) {
		t.Error("an element that is not declared")
	}
}
