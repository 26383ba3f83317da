package xmldoc_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// refusals are documents that must be rejected, with the code and the position.
var refusals = []struct {
	name, doc string
	code      problem.Code
	place     string
}{
	{"nothing", "", xmldoc.XMLEmpty, "1:1"},
	{"white space only", " \r\n ", xmldoc.XMLEmpty, "2:2"},
	{"comment only", "<!-- -->", xmldoc.XMLEmpty, "1:9"},
	{"declaration only", `<?xml version="1.0"?>`, xmldoc.XMLEmpty, "1:22"},

	{"UTF-32 with byte order mark", "\xFF\xFE\x00\x00<\x00\x00\x00", xmldoc.XMLEncodingUnsupported, "1:1"},
	{"UTF-32 big endian with byte order mark", "\x00\x00\xFE\xFF\x00\x00\x00<", xmldoc.XMLEncodingUnsupported, "1:1"},
	{"UTF-32", "<\x00\x00\x00", xmldoc.XMLEncodingUnsupported, "1:1"},
	{"UTF-32 big endian", "\x00\x00\x00<", xmldoc.XMLEncodingUnsupported, "1:1"},
	{"UCS-4 in order 2143", "\x00\x00<\x00", xmldoc.XMLEncodingUnsupported, "1:1"},
	{"UCS-4 in order 3412", "\x00<\x00\x00", xmldoc.XMLEncodingUnsupported, "1:1"},
	{"EBCDIC", "\x4C\x6F\xA7\x94", xmldoc.XMLEncodingUnsupported, "1:1"},
	{"UTF-7", "+/v8-<a/>", xmldoc.XMLEncodingUnsupported, "1:1"},
	{"Latin 1", `<?xml version="1.0" encoding="ISO-8859-1"?><a/>`, xmldoc.XMLEncodingUnsupported, "1:42"},
	{"unknown encoding", `<?xml version="1.0" encoding="x-1"?><a/>`, xmldoc.XMLEncodingUnsupported, "1:35"},
	{"declared UTF-16, is UTF-8", `<?xml version="1.0" encoding="UTF-16"?><a/>`, xmldoc.XMLEncodingMismatch, "1:38"},
	{"declared UTF-16LE, is UTF-8", `<?xml version="1.0" encoding="utf-16le"?><a/>`, xmldoc.XMLEncodingMismatch, "1:40"},
	{"declared UTF-8, is UTF-16", encodeUTF16("\ufeff"+`<?xml version="1.0" encoding="UTF-8"?><a/>`, false), xmldoc.XMLEncodingMismatch, "1:37"},
	{"UTF-16 unmarked and undeclared", encodeUTF16(`<?xml version="1.0"?><a/>`, false), xmldoc.XMLEncodingMismatch, "1:20"},
	{"UTF-16 unmarked, no declaration", encodeUTF16(`<?pi?><a/>`, true), xmldoc.XMLEncodingMismatch, "1:1"},
	{"UTF-16 unmarked, declared without order", encodeUTF16(`<?xml version="1.0" encoding="UTF-16"?><a/>`, false), xmldoc.XMLEncodingMismatch, "1:38"},
	{"UTF-16LE declared UTF-16BE", encodeUTF16(`<?xml version="1.0" encoding="UTF-16BE"?><a/>`, false), xmldoc.XMLEncodingMismatch, "1:40"},
	{"UTF-16 half a unit", encodeUTF16("\ufeff<a/>", true) + "\x00", xmldoc.XMLEncodingInvalid, "1:5"},
	{"UTF-16 high surrogate at the end", encodeUTF16("\ufeff<a>", false) + "\x00\xD8", xmldoc.XMLEncodingInvalid, "1:4"},
	{"UTF-16 two high surrogates", encodeUTF16("\ufeff<a>", true) + "\xD8\x00\xD8\x00", xmldoc.XMLEncodingInvalid, "1:4"},
	{"UTF-16 low surrogate alone", encodeUTF16("\ufeff<a>", true) + "\xDC\x00\x00<", xmldoc.XMLEncodingInvalid, "1:4"},
	{"bad continuation", "<a>\xC3(</a>", xmldoc.XMLEncodingInvalid, "1:4"},
	{"bad octet after eight good ones", "<a>12345\xFF</a>", xmldoc.XMLEncodingInvalid, "1:9"},
	{"overlong", "<a>\xC0\x80</a>", xmldoc.XMLEncodingInvalid, "1:4"},
	{"surrogate in UTF-8", "<a>\xED\xA0\x80</a>", xmldoc.XMLEncodingInvalid, "1:4"},
	{"beyond Unicode", "<a>\xF4\x90\x80\x80</a>", xmldoc.XMLEncodingInvalid, "1:4"},
	{"cut character", "<a/>\n\xE2\x82", xmldoc.XMLEncodingInvalid, "2:1"},

	{"version missing", `<?xml encoding="UTF-8"?><a/>`, xmldoc.XMLDeclarationMalformed, "1:6"},
	{"version unquoted", `<?xml version=1.0?><a/>`, xmldoc.XMLDeclarationMalformed, "1:15"},
	{"version without equals sign", `<?xml version "1.0"?><a/>`, xmldoc.XMLDeclarationMalformed, "1:15"},
	{"version not closed", `<?xml version="1.0?><a/>`, xmldoc.XMLUnexpectedEnd, "1:25"},
	{"no space before encoding", `<?xml version="1.0"encoding="UTF-8"?><a/>`, xmldoc.XMLDeclarationMalformed, "1:20"},
	{"standalone before encoding", `<?xml version="1.0" standalone="no" encoding="UTF-8"?><a/>`, xmldoc.XMLDeclarationMalformed, "1:37"},
	{"standalone maybe", `<?xml version="1.0" standalone="maybe"?><a/>`, xmldoc.XMLDeclarationMalformed, "1:39"},
	{"standalone Yes", `<?xml version="1.0" standalone="Yes"?><a/>`, xmldoc.XMLDeclarationMalformed, "1:37"},
	{"encoding empty", `<?xml version="1.0" encoding=""?><a/>`, xmldoc.XMLDeclarationMalformed, "1:32"},
	{"encoding with a space", `<?xml version="1.0" encoding=" UTF-8"?><a/>`, xmldoc.XMLDeclarationMalformed, "1:38"},
	{"unknown pseudo-attribute", `<?xml version="1.0" a="b"?><a/>`, xmldoc.XMLDeclarationMalformed, "1:21"},
	{"declaration closed by >", `<?xml version="1.0"><a/>`, xmldoc.XMLDeclarationMalformed, "1:20"},
	{"version 1.1", `<?xml version="1.1"?><a/>`, xmldoc.XMLVersionUnsupported, "1:20"},
	{"version 2.0", `<?xml version='2.0'?><a/>`, xmldoc.XMLVersionUnsupported, "1:20"},

	{"doctype", `<!DOCTYPE a><a/>`, xmldoc.XMLDoctype, "1:1"},
	{"doctype with entities", "<?xml version=\"1.0\"?>\n<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", xmldoc.XMLDoctype, "2:1"},
	{"doctype inside", `<a><!DOCTYPE a></a>`, xmldoc.XMLDoctype, "1:4"},
	{"doctype after the root", `<a/><!DOCTYPE a>`, xmldoc.XMLDoctype, "1:5"},
	{"doctype in small letters", `<!doctype a><a/>`, xmldoc.XMLMarkupUnknown, "1:1"},
	{"element declaration", `<a><!ELEMENT a ANY></a>`, xmldoc.XMLMarkupUnknown, "1:4"},
	{"half a CDATA start", `<a><![CDATA x]]></a>`, xmldoc.XMLMarkupUnknown, "1:4"},

	{"NUL", "<a>\x00</a>", xmldoc.XMLCharacterForbidden, "1:4"},
	{"control character", "<a>12345678\x0b</a>", xmldoc.XMLCharacterForbidden, "1:12"},
	{"control character behind a line feed", "<a>\n\x1f</a>", xmldoc.XMLCharacterForbidden, "2:1"},
	{"control character in a comment", "<!--\x08--><a/>", xmldoc.XMLCharacterForbidden, "1:5"},
	{"U+FFFE", "<a>\ufffe</a>", xmldoc.XMLCharacterForbidden, "1:4"},
	{"U+FFFF", "<a b='\uffff'/>", xmldoc.XMLCharacterForbidden, "1:7"},
	{"byte order mark twice", "\ufeff\ufeff<a/>", xmldoc.XMLContentOutsideRoot, "1:1"},
	{"reference to NUL", "<a>&#0;</a>", xmldoc.XMLReferenceForbidden, "1:4"},
	{"reference to a control character", "<a b='&#x1F;'/>", xmldoc.XMLReferenceForbidden, "1:7"},
	{"reference to a surrogate", "<a>&#xD800;</a>", xmldoc.XMLReferenceForbidden, "1:4"},
	{"reference to the last surrogate", "<a>&#57343;</a>", xmldoc.XMLReferenceForbidden, "1:4"},
	{"reference to U+FFFE", "<a>&#xFFFE;</a>", xmldoc.XMLReferenceForbidden, "1:4"},
	{"reference beyond Unicode", "<a>&#x110000;</a>", xmldoc.XMLReferenceForbidden, "1:4"},
	{"reference that would overflow", "<a>&#4294967361;</a>", xmldoc.XMLReferenceForbidden, "1:4"},
	{"reference that would overflow far", "<a>&#x10000000000000041;</a>", xmldoc.XMLReferenceForbidden, "1:4"},
	{"reference without digits", "<a>&#;</a>", xmldoc.XMLReferenceMalformed, "1:4"},
	{"hexadecimal without digits", "<a>&#x;</a>", xmldoc.XMLReferenceMalformed, "1:4"},
	{"hexadecimal with X", "<a>&#X41;</a>", xmldoc.XMLReferenceMalformed, "1:4"},
	{"letters in a decimal", "<a>&#4A;</a>", xmldoc.XMLReferenceMalformed, "1:4"},
	{"sign", "<a>&#-65;</a>", xmldoc.XMLReferenceMalformed, "1:4"},
	{"reference without semicolon", "<a>&#65</a>", xmldoc.XMLReferenceMalformed, "1:4"},
	{"ampersand alone", "<a>b & c</a>", xmldoc.XMLReferenceMalformed, "1:6"},
	{"ampersand at the end of a value", "<a b='&'/>", xmldoc.XMLReferenceMalformed, "1:7"},
	{"entity without semicolon", "<a>&amp</a>", xmldoc.XMLReferenceMalformed, "1:4"},
	{"entity outside the value", "<a b='&amp'/>", xmldoc.XMLReferenceMalformed, "1:7"},
	{"unknown entity", "<a>&nbsp;</a>", xmldoc.XMLEntityUnknown, "1:4"},
	{"entity in capitals", "<a b='&LT;'/>", xmldoc.XMLEntityUnknown, "1:7"},

	{"name starts with a digit", "<1/>", xmldoc.XMLNameMalformed, "1:2"},
	{"name starts with a full stop", "<a><.b/></a>", xmldoc.XMLNameMalformed, "1:5"},
	{"name starts with a multiplication sign", "<\u00d7/>", xmldoc.XMLNameMalformed, "1:2"},
	{"name starts with a combining mark", "<\u0300/>", xmldoc.XMLNameMalformed, "1:2"},
	{"space before the name", "< a/>", xmldoc.XMLNameMalformed, "1:2"},
	{"less-than sign in text", "<a>1 < 2</a>", xmldoc.XMLNameMalformed, "1:7"},
	{"two colons", "<a:b:c xmlns:a='urn:a'/>", xmldoc.XMLNameMalformed, "1:5"},
	{"colon first", "<:a/>", xmldoc.XMLNameMalformed, "1:2"},
	{"colon last", "<a:/>", xmldoc.XMLNameMalformed, "1:4"},
	{"local name starts with a digit", "<a:1 xmlns:a='urn:a'/>", xmldoc.XMLNameMalformed, "1:4"},
	{"attribute name malformed", "<a 1='2'/>", xmldoc.XMLNameMalformed, "1:4"},
	{"xmlns with nothing after the colon", "<a xmlns:='urn:a'/>", xmldoc.XMLNameMalformed, "1:10"},
	{"instruction without target", "<a><? ?></a>", xmldoc.XMLNameMalformed, "1:6"},

	{"slash alone", "<a / >", xmldoc.XMLTagMalformed, "1:5"},
	{"end tag with an attribute", "<a></a b='c'>", xmldoc.XMLTagMalformed, "1:8"},
	{"character after the name", "<a$/>", xmldoc.XMLAttributeMalformed, "1:3"},
	{"attribute without value", "<a b/>", xmldoc.XMLAttributeMalformed, "1:5"},
	{"attribute without quotes", "<a b=c/>", xmldoc.XMLAttributeMalformed, "1:6"},
	{"no space between attributes", "<a b='1'c='2'/>", xmldoc.XMLAttributeMalformed, "1:9"},
	{"less-than sign in a value", "<a b='<'/>", xmldoc.XMLAttributeLessThan, "1:7"},
	{"value not closed", "<a b='1><c/></a>", xmldoc.XMLAttributeLessThan, "1:9"},

	{"attribute twice", "<a b='1' b='2'/>", xmldoc.XMLAttributeDuplicate, "1:10"},
	{"attribute twice by expanded name", "<a xmlns:p='urn:a' xmlns:q='urn:a' p:b='1' c='2' q:b='3'/>", xmldoc.XMLAttributeDuplicate, "1:50"},
	{"attribute twice by written-out namespace", "<a xmlns:p='urn:a' xmlns:q='urn:&#97;' q:b='1' p:b='3'/>", xmldoc.XMLAttributeDuplicate, "1:48"},
	{"declaration twice", "<a xmlns:p='urn:a' xmlns:p='urn:b'/>", xmldoc.XMLAttributeDuplicate, "1:20"},
	{"default declaration twice", "<a xmlns='urn:a' xmlns='urn:a'/>", xmldoc.XMLAttributeDuplicate, "1:18"},
	{"declaration of xml twice", "<a xmlns:xml='" + xmldoc.XMLNamespace + "' xmlns:xml='" + xmldoc.XMLNamespace + "'/>", xmldoc.XMLAttributeDuplicate, "1:53"},

	{"prefix of an element undeclared", "<p:a/>", xmldoc.XMLPrefixUndeclared, "1:2"},
	{"prefix of an attribute undeclared", "<a p:b='1'/>", xmldoc.XMLPrefixUndeclared, "1:4"},
	{"prefix out of scope", "<a><b xmlns:p='urn:a'/><p:c/></a>", xmldoc.XMLPrefixUndeclared, "1:25"},
	{"element with prefix xmlns", "<xmlns:a/>", xmldoc.XMLNamespaceReserved, "1:2"},
	{"xmlns declared", "<a xmlns:xmlns='urn:a'/>", xmldoc.XMLNamespaceReserved, "1:4"},
	{"xmlns declared rightly", "<a xmlns:xmlns='" + xmldoc.XMLNSNamespace + "'/>", xmldoc.XMLNamespaceReserved, "1:4"},
	{"namespace of xmlns bound", "<a xmlns:p='" + xmldoc.XMLNSNamespace + "'/>", xmldoc.XMLNamespaceReserved, "1:4"},
	{"namespace of xmlns as default", "<a xmlns='" + xmldoc.XMLNSNamespace + "'/>", xmldoc.XMLNamespaceReserved, "1:4"},
	{"xml rebound", "<a xmlns:xml='urn:a'/>", xmldoc.XMLNamespaceReserved, "1:4"},
	{"xml unbound", "<a xmlns:xml=''/>", xmldoc.XMLNamespaceReserved, "1:4"},
	{"namespace of xml bound", "<a xmlns:p='" + xmldoc.XMLNamespace + "'/>", xmldoc.XMLNamespaceReserved, "1:4"},
	{"namespace of xml as default", "<a xmlns='http://www.w3.org/XML/1998/n&#97;mespace'/>", xmldoc.XMLNamespaceReserved, "1:4"},
	{"prefix unbound", "<a xmlns:p=''/>", xmldoc.XMLNamespaceEmpty, "1:4"},
	{"relative namespace", "<a xmlns='foo'/>", xmldoc.XMLNamespaceNotAbsolute, "1:4"},
	{"relative namespace with a colon", "<a xmlns:p='./a:b'/>", xmldoc.XMLNamespaceNotAbsolute, "1:4"},
	{"namespace without scheme", "<a xmlns=':a'/>", xmldoc.XMLNamespaceNotAbsolute, "1:4"},
	{"namespace with a space", "<a xmlns='urn:a b'/>", xmldoc.XMLNamespaceNotAbsolute, "1:4"},
	{"namespace with a scheme that is none", "<a xmlns='_a:b'/>", xmldoc.XMLNamespaceNotAbsolute, "1:4"},
	{"namespace with two fragments", "<a xmlns='urn:a#b#c'/>", xmldoc.XMLNamespaceNotAbsolute, "1:4"},
	{"namespace with a port that is none", "<a xmlns='http://a:b/'/>", xmldoc.XMLNamespaceNotAbsolute, "1:4"},
	{"namespace with two users", "<a xmlns='http://a@b@c/'/>", xmldoc.XMLNamespaceNotAbsolute, "1:4"},
	{"namespace with brackets", "<a xmlns='http://[::1]/'/>", xmldoc.XMLNamespaceNotAbsolute, "1:4"},
	{"namespace with a cut percent", "<a xmlns='urn:%4'/>", xmldoc.XMLNamespaceNotAbsolute, "1:4"},
	{"namespace with a bad percent", "<a xmlns='urn:%zz'/>", xmldoc.XMLNamespaceNotAbsolute, "1:4"},

	{"section end in text", "<a>]]></a>", xmldoc.XMLSectionEndInText, "1:4"},
	{"section end behind a section", "<a><![CDATA[]]>]]></a>", xmldoc.XMLSectionEndInText, "1:16"},
	{"two hyphens in a comment", "<a><!-- -- --></a>", xmldoc.XMLCommentMalformed, "1:9"},
	{"hyphen before the end of a comment", "<!-- ---><a/>", xmldoc.XMLCommentMalformed, "1:6"},
	{"instruction without space", "<a><?b$?></a>", xmldoc.XMLInstructionMalformed, "1:7"},
	{"instruction with a colon", "<a><?b:c d?></a>", xmldoc.XMLInstructionMalformed, "1:7"},
	{"declaration after a space", ` <?xml version="1.0"?><a/>`, xmldoc.XMLInstructionReserved, "1:2"},
	{"declaration inside", `<a><?xml version="1.0"?></a>`, xmldoc.XMLInstructionReserved, "1:4"},
	{"instruction XmL", `<a><?XmL?></a>`, xmldoc.XMLInstructionReserved, "1:4"},
	{"instruction xml without space", `<?xml?><a/>`, xmldoc.XMLInstructionReserved, "1:1"},

	{"text before the root", "x<a/>", xmldoc.XMLContentOutsideRoot, "1:1"},
	{"text after the root", "<a/>\nx", xmldoc.XMLContentOutsideRoot, "2:1"},
	{"reference after the root", "<a/>&#32;", xmldoc.XMLContentOutsideRoot, "1:5"},
	{"second root", "<a/><b/>", xmldoc.XMLContentOutsideRoot, "1:5"},
	{"section before the root", "<![CDATA[]]><a/>", xmldoc.XMLContentOutsideRoot, "1:1"},
	{"section after the root", "<a/><![CDATA[]]>", xmldoc.XMLContentOutsideRoot, "1:5"},
	{"end tag first", "</a>", xmldoc.XMLContentOutsideRoot, "1:1"},
	{"one end tag too many", "<a></a></a>", xmldoc.XMLContentOutsideRoot, "1:8"},

	{"wrong end tag", "<a><b></a></b>", xmldoc.XMLEndTagMismatch, "1:7"},
	{"longer end tag", "<a></ab>", xmldoc.XMLEndTagMismatch, "1:4"},
	{"shorter end tag", "<ab></a>", xmldoc.XMLEndTagMismatch, "1:5"},
	{"end tag with another prefix", "<p:a xmlns:p='urn:a' xmlns:q='urn:a'></q:a>", xmldoc.XMLEndTagMismatch, "1:38"},
	{"space in the end tag", "<a></ a>", xmldoc.XMLEndTagMismatch, "1:4"},

	{"cut in the name", "<a", xmldoc.XMLUnexpectedEnd, "1:3"},
	{"cut before the name", "<", xmldoc.XMLUnexpectedEnd, "1:2"},
	{"cut after a prefix", "<a:", xmldoc.XMLUnexpectedEnd, "1:4"},
	{"cut in a tag", "<a ", xmldoc.XMLUnexpectedEnd, "1:4"},
	{"cut after a slash", "<a/", xmldoc.XMLUnexpectedEnd, "1:4"},
	{"cut after an attribute's name", "<a b", xmldoc.XMLUnexpectedEnd, "1:5"},
	{"cut after an equals sign", "<a b=", xmldoc.XMLUnexpectedEnd, "1:6"},
	{"cut in a value", "<a b='", xmldoc.XMLUnexpectedEnd, "1:7"},
	{"cut in the text", "<a>b", xmldoc.XMLUnexpectedEnd, "1:5"},
	{"cut after a less-than sign", "<a><", xmldoc.XMLUnexpectedEnd, "1:5"},
	{"cut in an end tag", "<abc></ab", xmldoc.XMLUnexpectedEnd, "1:10"},
	{"cut after an end tag's name", "<a></a", xmldoc.XMLUnexpectedEnd, "1:7"},
	{"cut in a comment", "<a><!-- ", xmldoc.XMLUnexpectedEnd, "1:9"},
	{"cut after two hyphens", "<a><!-- --", xmldoc.XMLUnexpectedEnd, "1:11"},
	{"cut in a section", "<a><![CDATA[]]", xmldoc.XMLUnexpectedEnd, "1:15"},
	{"cut in an instruction", "<a><?b", xmldoc.XMLUnexpectedEnd, "1:7"},
	{"not closed", "<a>\r\n<b/>\r<b/>\n", xmldoc.XMLUnexpectedEnd, "4:1"},

	{"Id twice", "<a Id='x'><b Id='x'/></a>", xmldoc.XMLIdentifierDuplicate, "1:14"},
	{"Id and ID", "<a Id='x'><b ID='x'/></a>", xmldoc.XMLIdentifierDuplicate, "1:14"},
	{"id and xml:id", "<a id='x'><b xml:id='x'/></a>", xmldoc.XMLIdentifierDuplicate, "1:14"},
	{"wsu:Id and Id", "<a xmlns:u='" + xmldoc.UtilityNamespace + "' u:Id='x'><b Id='x'/></a>", xmldoc.XMLIdentifierDuplicate, "1:109"},
	{"Id written with a reference", "<a Id='x'><b Id='&#x78;'/></a>", xmldoc.XMLIdentifierDuplicate, "1:14"},
	{"Id with white space around it", "<a Id='x'><b Id=' x&#10;'/></a>", xmldoc.XMLIdentifierDuplicate, "1:14"},
	{"both on one element", "<a Id='x' id='x'/>", xmldoc.XMLIdentifierDuplicate, "1:11 received again: x"},
	{"two of one namespace beside wsu:Id", "<a xmlns:u='" + xmldoc.UtilityNamespace + "' Id='x' id='x' u:Id='x'/>", xmldoc.XMLIdentifierDuplicate, "1:104 received again: x"},
	{"wsu:Id of a child", "<a xmlns:u='" + xmldoc.UtilityNamespace + "' Id='Body' u:Id='Body'><b u:Id='Body'/></a>", xmldoc.XMLIdentifierDuplicate, "1:122 received again: Body"},
	{"declared ASCII, is not", `<?xml version='1.0' encoding='ASCII'?><a>é</a>`, xmldoc.XMLEncodingMismatch, "1:42 the declaration says ASCII, the bytes are UTF-8"},
	{"declared US-ASCII, is not", `<?xml version="1.0" encoding="us-ascii"?>` + "\n<a b='\u00ff'/>", xmldoc.XMLEncodingMismatch, "2:7"},
	{"declared ASCII, is UTF-16", encodeUTF16("\ufeff"+`<?xml version="1.0" encoding="ASCII"?><a/>`, false), xmldoc.XMLEncodingMismatch, "1:37 the declaration says ASCII, the bytes are UTF-16"},
}

// encodeUTF16 encodes text as UTF-16.
func encodeUTF16(s string, bigEndian bool) string {
	var b []byte
	put := func(unit rune) {
		if bigEndian {
			b = append(b, byte(unit>>8), byte(unit))
		} else {
			b = append(b, byte(unit), byte(unit>>8))
		}
	}
	for _, r := range s {
		if r >= 0x10000 {
			put(0xD800 + (r-0x10000)>>10)
			r = 0xDC00 + (r-0x10000)&0x3FF
		}
		put(r)
	}
	return string(b)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d, err := xmldoc.Parse([]byte(c.doc), testLimits())
			requireRefusal(t, d, err, c.code, c.place)
		})
	}
}

// isAtPlace reports whether a detail begins with a place; what was received may follow.
func isAtPlace(detail, place string) bool {
	return detail == place || strings.HasPrefix(detail, place+" ")
}

func requireRefusal(t *testing.T, d *xmldoc.Document, err error, code problem.Code, public string) {
	t.Helper()
	if d != nil || err == nil {
		t.Fatalf("document %v, error %v", d, err)
	}
	e, ok := errors.AsType[*problem.Error](err)
	if !ok || e.Code != code || !isAtPlace(e.Detail.String(), public) || e.Kind != problem.Malformed {
		t.Errorf("got %v (%v), want %s: %s", err, e.Kind, code, public)
	}
}

// TestLimits tests each limit with the largest accepted document and with one just beyond.
func TestLimits(t *testing.T) {
	t.Parallel()
	set := func(change func(*xmldoc.Limits)) xmldoc.Limits {
		l := testLimits()
		change(&l)
		return l
	}
	list := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for _, c := range []struct {
		name     string
		limits   xmldoc.Limits
		accepted string
		refused  string
		code     problem.Code
		public   string
	}{
		{"bytes", set(func(l *xmldoc.Limits) { l.Bytes = 8 }), "<abcde/>", "<abcdef/>", xmldoc.XMLTooLarge, "limit 8"},
		{"bytes grown in UTF-8", set(func(l *xmldoc.Limits) { l.Bytes = 56 }),
			encodeUTF16("\ufeff<a>"+strings.Repeat("\u4e00", 16)+"</a>", true), encodeUTF16("\ufeff<a>"+strings.Repeat("\u4e00", 20)+"</a>", true),
			xmldoc.XMLTooLarge, "limit 56"},
		{"depth", set(func(l *xmldoc.Limits) { l.Depth = 2 }), "<a><b/><b/></a>", "<a><b><c/></b></a>", xmldoc.XMLTooDeep, "1:7 limit 2"},
		{"depth zero", set(func(l *xmldoc.Limits) { l.Depth = 0 }), "", "<a/>", xmldoc.XMLTooDeep, "1:1 limit 0"},
		{"elements", set(func(l *xmldoc.Limits) { l.Nodes = 3 }), "<a><b/><b/></a>", "<a><b/><b/><b/></a>", xmldoc.XMLTooManyNodes, "1:12 limit 3"},
		{"comments", set(func(l *xmldoc.Limits) { l.Nodes = 3 }), "<a><!-- --><!-- --></a>", "<a><!-- --><!-- --><!-- --></a>", xmldoc.XMLTooManyNodes, "1:20 limit 3"},
		{"sections", set(func(l *xmldoc.Limits) { l.Nodes = 2 }), "<a><![CDATA[]]></a>", "<a><![CDATA[]]><![CDATA[]]></a>", xmldoc.XMLTooManyNodes, "1:16 limit 2"},
		{"attributes of the document", set(func(l *xmldoc.Limits) { l.Nodes = 3 }), "<a b='' c=''/>", "<a b='' c='' d=''/>", xmldoc.XMLTooManyNodes, "1:14 limit 3"},
		{"declarations of the document", set(func(l *xmldoc.Limits) { l.Nodes = 2 }), "<a xmlns:a='urn:a'/>", "<a xmlns:a='urn:a' xmlns:b='urn:b'/>", xmldoc.XMLTooManyNodes, "1:20 limit 2"},
		{"attributes", set(func(l *xmldoc.Limits) { l.Attributes = 2 }), "<a xmlns='urn:a' b='' c=''/>", "<a b='' c='' d=''/>", xmldoc.XMLTooManyAttributes, "1:14 limit 2"},
		{"declarations", set(func(l *xmldoc.Limits) { l.Declarations = 1 }), "<a xmlns='urn:a' b=''/>", "<a xmlns='urn:a' xmlns:b='urn:b'/>", xmldoc.XMLTooManyNamespaces, "1:18 limit 1"},
		{"namespaces in force", set(func(l *xmldoc.Limits) { l.Namespaces = 2 }),
			"<a xmlns='urn:a'><b xmlns='urn:b'/><b xmlns='urn:b'/></a>",
			"<a xmlns='urn:a'><b xmlns='urn:b'><c xmlns='urn:c'/></b></a>", xmldoc.XMLTooManyNamespaces, "1:38 limit 2"},
		{"expansion", set(func(l *xmldoc.Limits) { l.Expansion = 12 }),
			"<r xmlns:p='urn:p'><p:a><p:b p:c=''/></p:a><p:a xml:lang=''/></r>", "<r xmlns:p='urn:p'><p:a/><p:a/><p:a/></r>", xmldoc.XMLNamespaceExpansion, "1:32 limit 12"},
		{"expansion by attributes", set(func(l *xmldoc.Limits) { l.Expansion = 12 }),
			"<r xmlns:p='urn:p' p:a='' p:b=''/>", "<r xmlns:p='urn:p' p:a=''><s p:a=''/><s p:a=''/></r>", xmldoc.XMLNamespaceExpansion, "1:41 limit 12"},
		{"element name", set(func(l *xmldoc.Limits) { l.Name = 5 }), "<abcde/>", "<abcdef/>", xmldoc.XMLNameTooLong, "1:2 limit 5"},
		{"attribute name", set(func(l *xmldoc.Limits) { l.Name = 6 }), "<a xml:ab=''/>", "<a xml:abc=''/>", xmldoc.XMLNameTooLong, "1:4 limit 6"},
		{"namespace name", set(func(l *xmldoc.Limits) { l.Name = 5 }), "<a xmlns='urn:a'/>", "<a xmlns='urn:ab'/>", xmldoc.XMLNameTooLong, "1:11 limit 5"},
		{"target", set(func(l *xmldoc.Limits) { l.Name = 3 }), "<a><?abc?></a>", "<a><?abcd?></a>", xmldoc.XMLNameTooLong, "1:6 limit 3"},
		{"instructions", set(func(l *xmldoc.Limits) { l.Instructions = 1 }), "<?b?><a/>", "<?b?><a><?b?></a>", xmldoc.XMLInstruction, "1:9 limit 1"},
		{"no instructions by default", xmldoc.DefaultLimits(), "<a/>", "<a/><?b?>", xmldoc.XMLInstruction, "1:5 limit 0"},
		{"default depth", xmldoc.DefaultLimits(), strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100),
			strings.Repeat("<a>", 101), xmldoc.XMLTooDeep, "1:301 limit 100"},
		{"100,000 attributes", xmldoc.DefaultLimits(), "<a" + list(" a%d=''", 256) + "/>", "<a" + list(" a%d=''", 100_000) + "/>", xmldoc.XMLTooManyAttributes, "1:1942 limit 256"},
		{"20,000 declarations", xmldoc.DefaultLimits(), "<a" + list(" xmlns:a%d='urn:a'", 64) + "/>", "<a" + list(" xmlns:a%d='urn:a'", 20_000) + "/>", xmldoc.XMLTooManyNamespaces, "1:1146 limit 64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.accepted != "" {
				if _, err := xmldoc.Parse([]byte(c.accepted), c.limits); err != nil {
					t.Errorf("at the limit: %v", err)
				}
			}
			d, err := xmldoc.Parse([]byte(c.refused), c.limits)
			requireRefusal(t, d, err, c.code, c.public)
		})
	}
}

// TestEveryCodeHasACase checks that the tables cover every code.
func TestEveryCodeHasACase(t *testing.T) {
	t.Parallel()
	tested := map[problem.Code]bool{
		xmldoc.XMLTooLarge: true, xmldoc.XMLTooDeep: true, xmldoc.XMLTooManyNodes: true, xmldoc.XMLTooManyAttributes: true,
		xmldoc.XMLTooManyNamespaces: true, xmldoc.XMLNameTooLong: true, xmldoc.XMLNamespaceExpansion: true, xmldoc.XMLInstruction: true, // TestLimits
	}
	for _, c := range refusals {
		tested[c.code] = true
	}
	for _, e := range problem.Registered() {
		if strings.HasPrefix(string(e.Code), "XML_") && !tested[e.Code] {
			t.Errorf("%s has no case", e.Code)
		}
	}
}

// TestRefusalsSayNothingOfTheContent searches the error texts for a secret in the document. Only names that do not fit,
// and an identifier that is there twice, are repeated, because nobody finds them without, and never the number of a
// person.
func TestRefusalsSayNothingOfTheContent(t *testing.T) {
	t.Parallel()
	const secret = "geheim"
	for _, doc := range []string{
		"<geheim", "<a b='geheim' b='geheim'/>", "<a>geheim</b>", "<a>&b;geheim</a>", "<b:a c='geheim'/>",
		"<a>geheim]]></a>", "<a/>geheim",
		`<?xml version="1.0" encoding="geheim"?><a/>`, "<?geheim?><a/>", "<!geheim><a/>",
	} {
		_, err := xmldoc.Parse([]byte(doc), xmldoc.DefaultLimits())
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%q gives %v", doc, err)
		}
	}
	for doc, want := range map[string]string{
		"<a></b>":                 "received </b>; expected </a>",
		"<a></b78031412250 c='d'": "",
		"<a></b78031412250>":      "received </b…>; expected </a>",
		"<a></ab>":                "received </ab>; expected </a>",
		"<a b='1' b='2'/>":        "received b",
		"<a xmlns:b='urn:c' xmlns:d='urn:c' b:e='1' d:e='2'/>": "received d:e",
		"<a xmlns:b='urn:c' xmlns:b='urn:c'/>":                 "received xmlns:b",
		"<b78031412250:a/>":                                    "received b…:",
		"<a>&nbsp;</a>":                                        "received &nbsp",
		"<a b='&uuml;'/>":                                      "received &uuml",
		"<a xmlns='c'/>":                                       `received xmlns="c"`,
		"<a xmlns:b=''/>":                                      `received xmlns:b=""`,
		`<?xml version="1.1"?><a/>`:                            "received 1.1",
	} {
		_, err := xmldoc.Parse([]byte(doc), xmldoc.DefaultLimits())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "78031412250") {
			t.Errorf("%q gives %v, want %q", doc, err, want)
		}
	}
	_, err := xmldoc.Parse([]byte("<a Id='id-78031412250'><a Id='id-78031412250'/></a>"), xmldoc.DefaultLimits())
	if err == nil || strings.Contains(err.Error(), "78031412250") || !strings.Contains(err.Error(), "id-…") {
		t.Errorf("%v", err)
	}
}
