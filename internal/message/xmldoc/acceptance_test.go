package xmldoc_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// mutationSnippets are fragments that are likely to break a document.
var mutationSnippets = []string{
	"<", ">", "&", ";", "\"", "'", "/", "=", " ", "!", "?", "-", "--", "]]>", "]", ":", "#", "x", "&#", "&amp;", "&lt;", "&#0;", "&#xD800;",
	"&#xFFFF;", "&nbsp;", "<!--", "-->", "<![CDATA[", "<?", "?>", "<?xml version='1.0'?>", "</", "/>", "<a>", "</a>", "<a/>", " xmlns=''",
	" xmlns:p=''", " xmlns:p='urn:p'", " xmlns='urn:a'", " xmlns:xml='urn:x'", " xmlns:xmlns='urn:x'", " x='1'", " xml:lang='nl'", "p:", "xml:",
	"xmlns:", "\x00", "\x0b", "\xff", "\xc3", "\xed\xa0\x80", "\uffff", "\u00d7", "\u0300", "\u037e", "\u00b7", "é", "😀", "\ufeff", "<!DOCTYPE e>",
	"<p:a xmlns:p='urn:p'>", " a:x='1'", " b:x='1'", "urn:a", "http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2000/xmlns/", "1.1", "utf-16",
}

// mutateDocument changes a document in one to three places.
func mutateDocument(r *rand.Rand, doc string) string {
	for range 1 + r.IntN(3) {
		at := r.IntN(len(doc) + 1)
		to := min(len(doc), at+r.IntN(6))
		switch r.IntN(5) {
		case 0:
			doc = doc[:at] + doc[to:]
		case 1:
			doc = doc[:at] + mutationSnippets[r.IntN(len(mutationSnippets))] + doc[to:]
		case 2:
			doc = doc[:at] + mutationSnippets[r.IntN(len(mutationSnippets))] + doc[at:]
		case 3:
			from := r.IntN(len(doc) + 1)
			doc = doc[:at] + doc[from:min(len(doc), from+r.IntN(20))] + doc[at:]
		case 4:
			// Insert at a name or a tag, which random offsets rarely hit.
			if i := strings.IndexAny(doc[at:], "<=:&\"'>"); i >= 0 {
				doc = doc[:at+i+1] + mutationSnippets[r.IntN(len(mutationSnippets))] + doc[at+i+1:]
			}
		}
	}
	return doc
}

// stricterThanLibxml2 are the intended rejections of documents that libxml2 accepts: the code, and a pattern that such
// documents match.
var stricterThanLibxml2 = []struct {
	code problem.Code
	doc  *regexp.Regexp
	why  string
}{
	{xmldoc.XMLDoctype, regexp.MustCompile(`<!DOCTYPE`), "no DTD at all"},
	{xmldoc.XMLNamespaceNotAbsolute, regexp.MustCompile(`xmlns`), "libxml2 warns of a relative one, and refuses to canonicalise it"},
	{xmldoc.XMLIdentifierDuplicate, regexp.MustCompile(`(?i)id`), "identifiers are no part of XML 1.0 without a DTD"},
	{xmldoc.XMLEncodingUnsupported, regexp.MustCompile(`encoding|^\+/v`), "UTF-8 and UTF-16 only"},
	{xmldoc.XMLEncodingMismatch, regexp.MustCompile(`encoding|\x00`), "libxml2 believes the octets where the declaration differs"},
	{xmldoc.XMLCharacterForbidden, regexp.MustCompile(`>\s*\x00`), "libxml2 stops reading at NUL"},
	{xmldoc.XMLEncodingInvalid, regexp.MustCompile(`\x00$`), "libxml2 overlooks half a character at the end"},
	{xmldoc.XMLVersionUnsupported, regexp.MustCompile(`version\s*=\s*['"]1\.`), "libxml2 reads any version 1 as 1.0"},
	{xmldoc.XMLNamespaceReserved, regexp.MustCompile(`</?xmlns:|\sxmlns:.*=`), "libxml2 takes an element whose prefix is xmlns"},
	{xmldoc.XMLAttributeDuplicate, regexp.MustCompile(`(?s)xmlns:xml.*xmlns:xml`), "libxml2 passes over declarations of xml"},
	{xmldoc.XMLNameMalformed, regexp.MustCompile(`xmlns:[^\s=]*:`), "libxml2 declares a prefix with a colon"},
}

func isKnownStricter(err error, doc []byte) bool {
	for _, s := range stricterThanLibxml2 {
		if s.code == problem.From(err).Code && s.doc.Match(doc) {
			return true
		}
	}
	return false
}

// TestNothingIsAcceptedThatLibxml2Refuses compares the two parsers on broken documents, in both directions.
func TestNothingIsAcceptedThatLibxml2Refuses(t *testing.T) {
	t.Parallel()
	const documents = 12_000
	var questions []oracleRequest
	var refused []error
	ask := func(doc string) {
		_, err := xmldoc.Parse([]byte(doc), testLimits())
		questions = append(questions, oracleRequest{Doc: []byte(doc)})
		refused = append(refused, err)
	}
	for _, c := range refusals {
		ask(c.doc)
	}
	for seed := range uint64(documents) {
		c := newCorpusGenerator(2_000_000 + seed)
		doc, _ := c.writeDocument()
		if len(doc) > 600 {
			doc = "<e xmlns:a='urn:a' xmlns:b='urn:a' a:x='1' y='2'><a:f b:x='&lt;'>t<!-- c --><?p i?></a:f><g xmlns='urn:g'/>&#x41;</e>"
		}
		ask(mutateDocument(c.Rand, doc))
	}
	accepted, failures := 0, 0
	for i, a := range runLibxml2(t, questions) {
		err := refused[i]
		if err == nil {
			accepted++
		}
		switch {
		case err == nil && !a.OK:
			t.Errorf("accepted, but libxml2 refuses %q", questions[i].Doc)
			failures++
		case err != nil && a.OK && !isKnownStricter(err, questions[i].Doc):
			t.Errorf("%v, but libxml2 accepts %q", err, questions[i].Doc)
			failures++
		}
		if failures > 10 {
			t.FailNow()
		}
	}
	if accepted < documents/20 || accepted > documents*19/20 {
		t.Errorf("%d of %d accepted: the documents tell little", accepted, documents)
	}
}
