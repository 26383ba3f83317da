package xmldoc_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

func fuzzSeeds() []string {
	all := []string{newSignedMessage(6500), "<a/>", "<!-- --><?b c?><a>d</a>"}
	for _, c := range refusals {
		all = append(all, c.doc)
	}
	for seed := range uint64(50) {
		text, _ := newCorpusGenerator(seed).writeDocument()
		all = append(all, text)
	}
	return all
}

// FuzzParse checks that an error comes without a document, and that the canonical form of an accepted document is
// accepted and is its own canonical form.
func FuzzParse(f *testing.F) {
	for _, s := range fuzzSeeds() {
		f.Add([]byte(s))
	}
	l := testLimits()
	l.Bytes, l.Nodes = 64<<10, 4096
	// A canonical form can be longer than its document, and repeat declarations.
	again := testLimits()
	again.Bytes, again.Nodes, again.Declarations, again.Namespaces, again.Expansion = 1<<30, 1<<30, 1<<16, 1<<16, 1<<30
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := xmldoc.Parse(data, l)
		if err != nil {
			if d != nil || len(data) <= l.Bytes && !errors.Is(err, problem.Malformed) {
				t.Fatalf("document %v, error %v", d, err)
			}
			return
		}
		if len(data) > l.Bytes || len(d.Source()) > l.Bytes {
			t.Fatal("larger than the limit")
		}
		for _, form := range []xmldoc.C14N{{}, {Exclusive: true}} {
			requireFixedPoint(t, form, d.Root(), again)
		}
		for _, e := range allElements(d) {
			readEverything(t, e)
		}
	})
}

func requireFixedPoint(t *testing.T, form xmldoc.C14N, e xmldoc.Element, l xmldoc.Limits) {
	t.Helper()
	once := form.Append(nil, e)
	d, err := xmldoc.Parse(once, l)
	if err != nil {
		t.Fatalf("the canonical form %q is refused: %v", once, err)
	}
	if twice := form.Append(nil, d.Root()); !bytes.Equal(once, twice) {
		t.Fatalf("not a fixed point (exclusive %v, prefixes %q):\n%q\n%q", form.Exclusive, form.PrefixList, once, twice)
	}
}

// readEverything calls each accessor, and checks that their results agree.
func readEverything(t *testing.T, e xmldoc.Element) {
	t.Helper()
	start, end := e.Offset()
	source := e.Document().Source()[start:end]
	if !strings.HasPrefix(source, "<") || !strings.HasSuffix(source, ">") || !e.Is(e.Space(), e.Local()) {
		t.Fatalf("%q is not an element", source)
	}
	if space, ok := e.LookupNamespace(e.Prefix()); !ok || space != e.Space() {
		t.Fatalf("prefix %q is %q, the element is in %q", e.Prefix(), space, e.Space())
	}
	if _, ok := e.Text(); ok != e.FirstChild().IsZero() {
		t.Fatalf("text %v of %q", ok, source)
	}
	for a := range e.Attrs() {
		if value, ok := e.Attr(a.Space, a.Local); !ok || value != a.Value {
			t.Fatalf("attribute %q of %q is %q", a.Local, source, value)
		}
	}
}

// FuzzExclusive checks that the exclusive form of any subtree, with any PrefixList, is its own canonical form.
func FuzzExclusive(f *testing.F) {
	for i, s := range fuzzSeeds() {
		f.Add([]byte(s), []string{"", "a", "#default", "a b #default", "soap xsi zz"}[i%5], uint16(i))
	}
	l := testLimits()
	l.Bytes, l.Nodes = 64<<10, 4096
	again := testLimits()
	again.Bytes, again.Nodes, again.Declarations, again.Namespaces, again.Expansion = 1<<30, 1<<30, 1<<16, 1<<16, 1<<30
	f.Fuzz(func(t *testing.T, data []byte, prefixes string, top uint16) {
		d, err := xmldoc.Parse(data, l)
		if err != nil {
			return
		}
		all := allElements(d)
		e := all[int(top)%len(all)]
		requireFixedPoint(t, xmldoc.C14N{Exclusive: true, PrefixList: strings.Fields(prefixes)}, e, again)
		requireFixedPoint(t, xmldoc.C14N{}, e, again)
	})
}
