package xmldoc_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/openctr/ctr/internal/message/xmldoc"
)

// goxmldsigForm returns the canonical form by goxmldsig.
func goxmldsigForm(doc string, form xmldoc.C14N) ([]byte, error) {
	d := etree.NewDocument()
	if err := d.ReadFromString(doc); err != nil {
		return nil, fmt.Errorf("etree: %w", err)
	}
	c := dsig.MakeC14N10RecCanonicalizer()
	if form.Exclusive {
		c = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(strings.Join(form.PrefixList, " "))
	}
	data, err := c.Canonicalize(d.Root())
	if err != nil {
		return nil, fmt.Errorf("goxmldsig: %w", err)
	}
	return data, nil
}

// TestAgreesWithGoxmldsig compares the two on documents that goxmldsig can handle.
func TestAgreesWithGoxmldsig(t *testing.T) {
	t.Parallel()
	for seed := range uint64(1000) {
		c := newCorpusGenerator(3_000_000 + seed)
		c.plain = true
		doc, _ := c.writeDocument()
		for _, form := range []xmldoc.C14N{{}, {Exclusive: true}} {
			want, err := goxmldsigForm(doc, form)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if got := form.Append(nil, mustParse(t, doc).Root()); !bytes.Equal(got, want) {
				t.Fatalf("seed %d, exclusive %v:\n%q\nours      %q\ngoxmldsig %q", seed, form.Exclusive, doc, got, want)
			}
		}
	}
}

// TestKnownDifferencesFromGoxmldsig lists, by class, where goxmldsig deviates from the specifications. The expected
// form is that of libxml2. When a case starts to agree, add its class to the generated documents above.
func TestKnownDifferencesFromGoxmldsig(t *testing.T) {
	t.Parallel()
	const instance = "http://www.w3.org/2001/XMLSchema-instance"
	exclusive := xmldoc.C14N{Exclusive: true}
	for _, c := range []struct {
		class, doc string
		form       xmldoc.C14N
	}{
		{"attributes with different prefixes are sorted by local name first", "<e xml:lang='nl' xsi:type='t' xmlns:xsi='" + instance + "'/>", exclusive},
		{"literal line feed in an attribute value becomes a reference", "<e a='1\n2'/>", exclusive},
		{"literal tab in an attribute value becomes a reference", "<e a='1\t2'/>", exclusive},
		{"#default in the PrefixList is not known", "<e><p:f xmlns='urn:d' xmlns:p='urn:p'/></e>", xmldoc.C14N{Exclusive: true, PrefixList: []string{"#default"}}},
		{"declaration of the prefix xml stays", "<e xmlns:xml='" + xmldoc.XMLNamespace + "'/>", xmldoc.C14N{}},
		{"line ends in an instruction stay", "<e><?p 1\r\r2?></e>", exclusive},
	} {
		got := c.form.Append(nil, mustParse(t, c.doc).Root())
		want, err := goxmldsigForm(c.doc, c.form)
		if err == nil && bytes.Equal(got, want) {
			t.Errorf("no longer a difference: %s", c.class)
		}
	}
}
