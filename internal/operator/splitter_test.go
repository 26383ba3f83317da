package operator_test

import (
	"bytes"
	"testing"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/operator"
)

// FuzzChildren compares the splitter with the parser of whole documents: a document that the parser accepts is split
// into exactly its children, and the parser accepts each of them.
func FuzzChildren(f *testing.F) {
	for _, seed := range []string{
		listXML(fullHeader(1), productXML(knee, "Knee &amp; leg", "")),
		`<a/>`, `<a></a>`, `<a><b/><c>x</c></a>`, `<!-- <a> --><a x='>' y="/>"><b z="<!--'"/><!-- </a> --><c><![CDATA[</c>]]></c ></a><!----> `,
		`<?xml version="1.0"?><a xmlns:p="urn:p"><p:b><p:b><p:c/></p:b></p:b><?x <b?></a>`, `<a><b></a></b>`, `<a>x<b/></a>`, `<!DOCTYPE a><a/>`,
		"\ufeff<a>\r\n<b\n/>\r</a\t>", `<a><b>]]</b></a>`, `<a><b/>`, `<a/><b/>`, `<a><b c="&gt;"></b></a>`,
	} {
		f.Add([]byte(seed))
	}
	limits := xmldoc.DefaultLimits()
	limits.Instructions = 100
	f.Fuzz(func(t *testing.T, document []byte) {
		children, err := operator.SplitChildren(document)
		whole, refusal := xmldoc.Parse(document, limits)
		if refusal != nil || bytes.IndexByte(document, 0) >= 0 { // only messages may be UTF-16
			return
		}
		var want []xmldoc.Element
		between := false
		root := whole.Root()
		at, _ := root.ContentOffset()
		_, ends := root.ContentOffset()
		for child := range root.Children() {
			start, end := child.Offset()
			between = between || containsText(whole.Source()[at:start])
			at = end
			want = append(want, child)
		}
		if between || containsText(whole.Source()[at:ends]) {
			return // the splitter rejects text between the entries
		}
		if err != nil || len(children) != len(want) {
			t.Fatalf("%q is cut into %d (%v), and has %d", document, len(children), err, len(want))
		}
		for i, child := range children {
			parsed, err := xmldoc.Parse(child, limits)
			if err != nil {
				t.Fatalf("%q of %q: %v", child, document, err)
			}
			one := parsed.Root().FirstChild()
			start, end := one.Offset()
			from, to := want[i].Offset()
			if parsed.Source()[start:end] != whole.Source()[from:to] || one.Space() != want[i].Space() {
				t.Fatalf("%q of %q is another entry", child, document)
			}
		}
	})
}

// containsText reports whether the source between two elements has anything but space.
func containsText(s string) bool { return len(bytes.Trim([]byte(s), " \t\r\n")) > 0 }
