package dsig_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// Each vector tests one rule of the specifications; docs/vectors.md describes how they were made.
const (
	formVectors      = "testdata/vectors/c14n"
	signatureVectors = "testdata/vectors/signatures"
)

// TestFormVectors compares the canonical form of the element with the Id "target", or of the root, omitting the element
// with the Id "omit". The expected bytes are written by hand from the specifications.
func TestFormVectors(t *testing.T) {
	t.Parallel()
	for _, file := range vectors(t, formVectors, "*.txt") {
		t.Run(name(file), func(t *testing.T) {
			t.Parallel()
			fact, sections := readVector(t, file)
			if !strings.Contains(fact, "\nSpecification: ") {
				t.Error("it does not say which fact of which specification it stands for")
			}
			var d *xmldoc.Document
			for _, s := range sections {
				if s.name == "input" {
					d = parseVector(t, s.text)
					continue
				}
				method, list, _ := strings.Cut(s.name, " ")
				form := xmldoc.C14N{Exclusive: method == "exclusive", PrefixList: strings.Fields(list)}
				if method != "exclusive" && method != "inclusive" {
					t.Fatalf("a section %q", s.name)
				}
				form.Omit, _ = d.ElementByID("omit")
				target, ok := d.ElementByID("target")
				if !ok {
					target = d.Root()
				}
				if got := string(form.Append(nil, target)); got != s.text {
					t.Errorf("%s:\ngot  %q\nwant %q", s.name, got, s.text)
				}
			}
		})
	}
}

// TestSignatureVectors verifies signatures made by xmlsec1, and refuses them after any change.
func TestSignatureVectors(t *testing.T) {
	t.Parallel()
	for _, file := range vectors(t, signatureVectors, "*.xml") {
		t.Run(name(file), func(t *testing.T) {
			t.Parallel()
			text := readFile(t, file)
			if err := verifyVector(t, text); err != nil {
				t.Fatal(err)
			}
			for what, change := range map[string]edit{
				"SignedInfo": {"<SignedInfo>", `<SignedInfo xmlns:p="urn:p" p:a="b">`},
				"digest":     {"<DigestValue>", "<DigestValue>\n"},
			} {
				if err := verifyVector(t, apply(t, text, []edit{change})); code(err) != dsig.SignatureInvalid {
					t.Errorf("with another %s: %v", what, err)
				}
			}
			inside := regexp.MustCompile(`bolts|t:word`).ReplaceAllString(text, "screws")
			if err := verifyVector(t, inside); code(err) != dsig.DigestMismatch {
				t.Errorf("with another content: %v", err)
			}
		})
	}
}

// TestRefusedForms uses the forms in interoperability corpora that the profile excludes.
func TestRefusedForms(t *testing.T) {
	t.Parallel()
	const (
		exclusive = `<Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>`
		enveloped = `<Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>`
	)
	text := readFile(t, filepath.Join(signatureVectors, "enveloped-rsa.xml"))
	for name, c := range map[string]struct {
		old, replacement string
		want             problem.Code
	}{
		"XPath with here()": {enveloped, `<Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><XPath>` +
			`count(ancestor-or-self::Signature | here()/ancestor::Signature[1]) &gt; 1</XPath></Transform>`, dsig.TransformUnsupported},
		"XPath Filter 2.0": {enveloped, `<Transform Algorithm="http://www.w3.org/2002/06/xmldsig-filter2">` +
			`<XPath xmlns="http://www.w3.org/2002/06/xmldsig-filter2" Filter="subtract">//Signature</XPath></Transform>`, dsig.TransformUnsupported},
		"XSLT":                    {enveloped, `<Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/>`, dsig.TransformUnsupported},
		"base64":                  {enveloped, `<Transform Algorithm="http://www.w3.org/2000/09/xmldsig#base64"/>`, dsig.TransformUnsupported},
		"with comments":           {exclusive, strings.Replace(exclusive, "#", "#WithComments", 1), dsig.TransformUnsupported},
		"inclusive":               {exclusive, `<Transform Algorithm="` + dsig.InclusiveC14N + `"/>`, dsig.TransformUnsupported},
		"inclusive, version 1.1":  {exclusive, `<Transform Algorithm="http://www.w3.org/2006/12/xml-c14n11"/>`, dsig.TransformUnsupported},
		"no canonical form":       {exclusive, "", dsig.TransformMissing},
		"the whole document":      {`URI="#order"`, `URI=""`, dsig.ReferenceEmpty},
		"XPointer to the root":    {`URI="#order"`, `URI="#xpointer(/)"`, dsig.ReferencePointer},
		"XPointer to an id":       {`URI="#order"`, `URI="#xpointer(id('order'))"`, dsig.ReferencePointer},
		"another document":        {`URI="#order"`, `URI="order.xml"`, dsig.ReferenceExternal},
		"an Object":               {"</Signature>", "<Object/></Signature>", dsig.SignatureStructure},
		"SignedInfo of version 2": {`<CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>`, `<CanonicalizationMethod Algorithm="http://www.w3.org/2010/xml-c14n2"/>`, dsig.CanonicalizationUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := verifyVector(t, apply(t, text, []edit{{c.old, c.replacement}}))
			if got := code(err); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// verifyVector verifies the signature of a document with the certificate in it.
func verifyVector(t *testing.T, text string) error {
	t.Helper()
	d := parse(t, text)
	signature := find(d.Root(), "Signature")[0]
	keys := candidateKeys(signature)
	if len(keys) != 1 {
		t.Fatalf("%d keys", len(keys))
	}
	s, err := dsig.Parse(signature, dsig.Policy{}, byID{d})
	if err != nil {
		return fmt.Errorf("opening: %w", err)
	}
	if _, err = s.Verify(keys[0]); err != nil {
		return fmt.Errorf("verifying: %w", err)
	}
	return nil
}

func code(err error) problem.Code {
	if err == nil {
		return ""
	}
	return problem.From(err).Code
}

func vectors(t *testing.T, dir, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors in %s: %v", dir, err)
	}
	return files
}

func name(file string) string {
	return strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// section is a part of a vector file: an input, or the bytes of the canonical form that its heading names.
type section struct{ name, text string }

var heading = regexp.MustCompile(`(?m)^-- (.+) --\n`)

// readVector splits a file at its headings. Trailing empty lines are not part of a section.
func readVector(t *testing.T, file string) (fact string, sections []section) {
	t.Helper()
	text := readFile(t, file)
	places := heading.FindAllStringSubmatchIndex(text, -1)
	if len(places) < 2 {
		t.Fatal("there must be an input and a form of it")
	}
	for i, at := range places {
		end := len(text)
		if i+1 < len(places) {
			end = places[i+1][0]
		}
		sections = append(sections, section{text[at[2]:at[3]], strings.TrimRight(text[at[1]:end], "\n")})
	}
	if sections[0].name != "input" {
		t.Fatal("an input must come first")
	}
	return text[:places[0][0]], sections
}

// parseVector parses an input, in which ␍ represents a carriage return, so that it is visible and survives editing
// tools.
func parseVector(t *testing.T, text string) *xmldoc.Document {
	t.Helper()
	d, err := xmldoc.Parse([]byte(strings.ReplaceAll(text, "␍", "\r")), corpusLimits())
	if err != nil {
		t.Fatal(err)
	}
	return d
}
