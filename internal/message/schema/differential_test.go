package schema_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// differentialDocuments is the number of messages that the differential test compares.
const differentialDocuments = 3000

// tree is a mutable copy of an element, for the mutations.
type tree struct {
	name     string
	attrs    [][2]string
	text     string
	children []*tree
}

func newTree(e xmldoc.Element, root bool) *tree {
	t := &tree{name: qualifyName(e.Prefix(), e.Local())}
	if root {
		t.attrs = [][2]string{
			{"xmlns:ctrp", "urn:be:fgov:ehealth:ctr:protocol:v1"}, {"xmlns:ctr", "urn:be:fgov:ehealth:ctr:core:v1"},
			{"xmlns:cc", "urn:be:fgov:ehealth:commons:core:v2"}, {"xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"},
		}
	}
	for a := range e.Attrs() {
		t.attrs = append(t.attrs, [2]string{qualifyName(a.Prefix, a.Local), a.Value})
	}
	for child := range e.Children() {
		t.children = append(t.children, newTree(child, false))
	}
	t.text, _ = e.Text()
	return t
}

func qualifyName(prefix, local string) string {
	if prefix == "" {
		return local
	}
	return prefix + ":" + local
}

var xmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\t", "&#9;", "\n", "&#10;", "\r", "&#13;")

func (t *tree) writeTo(b *strings.Builder) {
	b.WriteString("<" + t.name)
	for _, a := range t.attrs {
		fmt.Fprintf(b, ` %s="%s"`, a[0], xmlEscaper.Replace(a[1]))
	}
	b.WriteString(">" + xmlEscaper.Replace(t.text))
	for _, child := range t.children {
		child.writeTo(b)
	}
	b.WriteString("</" + t.name + ">")
}

func (t *tree) listNodes() []*tree {
	list := []*tree{t}
	for _, child := range t.children {
		list = append(list, child.listNodes()...)
	}
	return list
}

func (t *tree) cloneTree() *tree {
	c := &tree{name: t.name, text: t.text, attrs: slices.Clone(t.attrs)}
	for _, child := range t.children {
		c.children = append(c.children, child.cloneTree())
	}
	return c
}

// mutationValues are values that are valid in some places and invalid in others.
var mutationValues = []string{
	"", " ", "x", "78031412250", " 78031412250 ", "7803141225", "780314122501", "７８０３１４１２２５０", "78031412250\n", "17800389", "1780038948", "17800389480",
	"000071200176", "00007120017", "202611210000101", "20261121000010", "2026112100001012345", "20261121000010123456",
	"2026-11-20", "2026-11-20Z", "2026-11-20+01:00", "2026-11-20+14:00", "2026-11-20+14:01", "2026-11-20+15:00", "2026-02-29", "2024-02-29", "1900-02-29", "2000-02-29",
	"2026-13-01", "2026-00-10", "2026-11-31", "20261120", "2026-11-20T00:00:00", "12026-11-20", "02026-11-20", "-0001-01-01", " 2026-11-20\t", "2026-1-2", "2026-11-20z",
	"2026-11-21T10:00:00Z", "2026-11-21T10:00:00", "2026-11-21T10:00:00.123456789+01:00", "2026-11-21T24:00:00Z", "2026-11-21T24:00:01Z", "2026-11-21T10:60:00Z", "2026-11-21T10:00Z", "2026-11-21 10:00:00Z", "2026-11-21T10:00:60Z", "2026-11-21T10:00:00.Z",
	"0", "1", "99", "100", "-1", "+1", "01", "1.0", "1e2", "0x1", "2147483647", "2147483648", "-2147483648", " 7 ", "1 2", "--1", "_1", "1_0", "-0", "+", "",
	"Final", "Draft", "final", "Final ", "Left", "None", "left", "Implantation", "Explantation", "Withdrawn", "Active", "Stent", "true", "false", "TRUE", "yes",
	"aGVsbG8=", "aGVsbG8", "aGVs bG8=", "aGVsbG9=", "====", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	"en", "nl-BE", "english language", "toolonglanguage", "n1", "_8f0c", "8f0c", "a:b", "a b", "-a", "é1", "urn:be:fgov:person:ssin", "http://host/a b", "SSIN", "%zz", "<&>\"'",
	strings.Repeat("é", 64), strings.Repeat("x", 65), strings.Repeat("𝄞", 250), strings.Repeat("x", 251), strings.Repeat("line\n", 400), strings.Repeat("x", 2001),
}

var elementNames = []string{
	"ctr:SSIN", "ctr:NIHII", "ctr:CBE", "ctr:UDI", "ctr:Quantity", "ctr:Implant", "ctr:Patient", "ctr:Comment", "ctr:Unregistered", "ctr:ImplantId", "ctr:LotNumber", "ctr:Message",
	"ctrp:Author", "ctrp:Save", "ctrp:Criteria", "ctrp:ByPatient", "ctrp:Patient", "ctrp:Of", "ctrp:UDI", "ctrp:Warning", "cc:Id", "cc:Name", "cc:Patient", "cc:Status", "cc:StatusCode", "cc:StatusDetail", "Quantity", "ctr:Unknown",
	"ctrp:SearchRequest", "ctrp:NotifyImplantResponse",
}

var attributeNames = []string{"Id", "IssueInstant", "InResponseTo", "Offset", "MaxElements", "Type", "Value", "Code", "Path", "xml:lang", "xml:space", "ctr:Id", "Unknown", "xsi:nil", "xsi:type", "xsi:schemaLocation", "xsi:other"}

var typeNames = []string{"ctr:SSINType", "ctr:NIHIIType", "ctr:ProfessionalType", "ctr:PharmacyType", "ctr:NotifiedImplantType", "ctr:ImplantationType", "ctr:QuantityType", "ctrp:SearchRequestType", "ctrp:SearchCriteriaType", "ctr:Nothing", "SSINType"}

func pickOne[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// mutateTree makes one random change.
func mutateTree(r *rand.Rand, root *tree) {
	t := pickOne(r, root.listNodes())
	switch r.IntN(13) {
	case 0, 1, 2: // a value
		if len(t.children) == 0 {
			t.text = pickOne(r, mutationValues)
		}
	case 3: // an attribute's value
		if i := r.IntN(len(t.attrs) + 1); i < len(t.attrs) && !strings.HasPrefix(t.attrs[i][0], "xmlns") {
			t.attrs[i][1] = pickOne(r, mutationValues)
		}
	case 4: // remove a child
		if n := len(t.children); n > 0 {
			i := r.IntN(n)
			t.children = slices.Delete(t.children, i, i+1)
		}
	case 5: // repeat a child, up to sixty times
		if n := len(t.children); n > 0 {
			i := r.IntN(n)
			for range 1 + r.IntN(2)*r.IntN(60) {
				t.children = slices.Insert(t.children, i, t.children[i].cloneTree())
			}
		}
	case 6: // swap two children
		if n := len(t.children); n > 1 {
			i, j := r.IntN(n), r.IntN(n)
			t.children[i], t.children[j] = t.children[j], t.children[i]
		}
	case 7:
		t.name = pickOne(r, elementNames)
	case 8: // add a child
		child := &tree{name: pickOne(r, elementNames), text: pickOne(r, mutationValues)}
		t.children = slices.Insert(t.children, r.IntN(len(t.children)+1), child)
	case 9:
		if len(t.attrs) > 0 {
			if i := r.IntN(len(t.attrs)); !strings.HasPrefix(t.attrs[i][0], "xmlns") {
				t.attrs = slices.Delete(t.attrs, i, i+1)
			}
		}
	case 10:
		t.setAttribute(pickOne(r, attributeNames), pickOne(r, mutationValues))
	case 11: // text beside elements
		t.text += pickOne(r, []string{" ", "\n", "\r", "x", " x "})
	case 12:
		t.setAttribute("xsi:type", pickOne(r, typeNames))
	}
}

func (t *tree) setAttribute(name, value string) {
	for i := range t.attrs {
		if t.attrs[i][0] == name {
			t.attrs[i][1] = value
			return
		}
	}
	t.attrs = append(t.attrs, [2]string{name, value})
}

// generateCorpus generates messages, the same on every run.
func generateCorpus(t *testing.T, documents int) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/golden/*.xml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden messages: %v", err)
	}
	r := rand.New(rand.NewPCG(51, 4))
	var corpus []string
	for len(corpus) < documents {
		root := newTree(mustParse(t, readGolden(t, filepath.Base(pickOne(r, files)))), true)
		for range r.IntN(4) {
			mutateTree(r, root)
		}
		var b strings.Builder
		root.writeTo(&b)
		if _, err := xmldoc.Parse([]byte(b.String()), xmldoc.DefaultLimits()); err == nil { // Parse rejects a duplicate Id
			corpus = append(corpus, b.String())
		}
	}
	return corpus
}

// xmllintVerdicts validates every document with xmllint, many per process.
func xmllintVerdicts(t *testing.T, corpus []string) []bool {
	t.Helper()
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		skipWithoutXmllint(t)
	}
	folder := t.TempDir()
	names := make([]string, len(corpus))
	for i, text := range corpus {
		names[i] = filepath.Join(folder, fmt.Sprintf("%05d.xml", i))
		if err := os.WriteFile(names[i], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	schemas := writeSchemas(t)
	verdicts := map[string]bool{}
	for some := range slices.Chunk(names, 500) {
		args := append([]string{"--noout", "--nonet", "--schema", filepath.Join(schemas, "ctr-protocol-1_0.xsd")}, some...)
		out, _ := exec.Command(xmllint, args...).CombinedOutput() // fails if any document is invalid
		for line := range strings.Lines(string(out)) {
			line = strings.TrimSpace(line)
			if name, ok := strings.CutSuffix(line, " validates"); ok {
				verdicts[name] = true
			} else if name, ok := strings.CutSuffix(line, " fails to validate"); ok {
				verdicts[name] = false
			}
		}
	}
	all := make([]bool, len(names))
	for i, name := range names {
		v, ok := verdicts[name]
		if !ok {
			t.Fatalf("xmllint has no verdict on %s", corpus[i])
		}
		all[i] = v
	}
	return all
}

// difference is a class of documents on which this package and libxml2 disagree, with the reason.
type difference struct {
	why  string
	ours bool // our verdict
	of   func(text string) bool
}

var differences = []difference{
	{"white space after a date or a number: whiteSpace is collapse (part 2, section 4.3.6), libxml2 keeps it", true,
		regexp.MustCompile(`>\s*[0-9TZ:.+-]+(\s|&#(9|10|13);)+<`).MatchString},
	{"a character that base64 does not have: libxml2 passes over it", false,
		regexp.MustCompile(`<ctr:(Content|Digest)>[A-Za-z0-9+/= ]*[^A-Za-z0-9+/= <]`).MatchString},
	{"an empty xml:lang: the library brings the declaration of the XML specification, which allows it", true,
		regexp.MustCompile(`xml:lang="\s*"`).MatchString},
	{"the prefix of an xsi:type that no name in sight uses: the signature does not cover its meaning", false,
		regexp.MustCompile(`xsi:type="ctrp?:`).MatchString},
	{"an xsi:schemaLocation that is not a list of pairs (part 1, section 2.6.3): libxml2 does not look", false,
		regexp.MustCompile(`xsi:schemaLocation="`).MatchString},
}

func TestAgreesWithLibxml2(t *testing.T) {
	s := contractSchema(t)
	corpus := generateCorpus(t, differentialDocuments)
	valid, unexplained := 0, 0
	known := map[string]int{}
	for i, theirs := range xmllintVerdicts(t, corpus) {
		_, err := s.Check(mustParse(t, corpus[i]))
		ours := err == nil
		if explained := s.Explain(mustParse(t, corpus[i])); ours && len(explained) > 0 {
			t.Errorf("valid, but the explanation finds %v\n%s", explained, corpus[i])
		}
		if ours {
			valid++
		} else if e := problem.From(err); e.Code == schema.SchemaRefused && len(e.Causes) == 0 {
			unexplained++
			t.Logf("refused without an explanation: %v\n%s", err, corpus[i])
		}
		if ours == theirs {
			continue
		}
		at := slices.IndexFunc(differences, func(d difference) bool { return d.ours == ours && d.of(corpus[i]) })
		if at < 0 {
			t.Errorf("we say %v, libxml2 says %v: %v\n%s", ours, theirs, err, corpus[i])
			continue
		}
		known[differences[at].why]++
	}
	t.Logf("%d documents, %d valid, %d refused without an explanation, known differences %v", len(corpus), valid, unexplained, known)
	if valid < differentialDocuments/10 || valid > differentialDocuments*9/10 {
		t.Errorf("%d of %d documents are valid: the corpus is lopsided", valid, len(corpus))
	}
	if unexplained > 0 {
		t.Errorf("%d refusals are not explained", unexplained)
	}
}
