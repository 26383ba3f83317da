package dsig_test

import (
	"bytes"
	"crypto"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

var corpusDir = flag.String("corpus", "", "a directory with other people's signatures, for TestCorpus")

// TestCorpus checks the signatures in a checkout of a third-party corpus, which is never part of this project. It
// prints a line for each, and fails if one that should verify does not. See docs/vectors.md.
func TestCorpus(t *testing.T) {
	if *corpusDir == "" {
		t.Skip("make vectors DIR=… runs this over a corpus of signatures")
	}
	s := newSurvey(t.Output())
	if err := s.checkCorpus(os.DirFS(*corpusDir)); err != nil {
		t.Fatal(err)
	}
	s.printTotals()
	if s.signatures() == 0 {
		t.Error("there is no signature in that directory")
	}
	if n := s.found[failed]; n > 0 {
		t.Errorf("%d signatures failed", n)
	}
}

// TestSurvey builds a corpus from our own frozen signatures, and damages some of them.
func TestSurvey(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile(filepath.Join(signatureVectors, "enveloped-rsa.xml"))
	if err != nil {
		t.Fatal(err)
	}
	edited := func(old, replacement string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(apply(t, string(good), []edit{{old, replacement}}))}
	}
	_, document, _ := strings.Cut(string(good), "?>")
	s := newSurvey(io.Discard)
	if err = s.checkCorpus(fstest.MapFS{
		"good.xml":               {Data: good},
		"text.java":              {Data: append([]byte("// "), good...)},
		"template.tmpl":          {Data: []byte(`<ds:SignatureValue/>`)},
		"link":                   {Data: []byte("good.xml"), Mode: fs.ModeSymlink},
		"doctype.xml":            edited("<order", "<!DOCTYPE order><order"),
		"altered.xml":            edited("bolts", "bullets"),
		"a/tampered.xml":         edited("bolts", "bullets"),
		"signedinfo-changed.xml": edited(`URI="#order"`, `URI=""`),
		"c14n/in.xml":            {Data: []byte("<a><b /></a>")},
		"c14n/c14n-0.txt":        {Data: []byte("<b></b>")},
		"c14n/other_c14n.xml":    {Data: []byte("<c></c>")},
		"ill-formed.xml":         edited("</order>", ""),
		"not-the-key-in-it.xml":  edited("<X509Certificate>", "<X509Certificate>AAAA"),
		"a/another/enclosed.xml": {Data: []byte("<all>" + document + "</all>")},
	}); err != nil {
		t.Fatal(err)
	}
	want := map[verdict]int{verified: 2, unsupported: 2, rejected: 1, failed: 3, reproduced: 1, underived: 1}
	if !maps.Equal(s.found, want) {
		t.Errorf("%v, want %v", s.found, want)
	}
}

// verdict is the result for a signature, or for a file with the expected bytes of a corpus.
type verdict string

const (
	verified    verdict = "verified"    // Parse and Verify accept it
	unsupported verdict = "unsupported" // refused by policy; every value that can be computed agrees
	rejected    verdict = "spurned"     // invalid according to the corpus, and refused
	failed      verdict = "failed"      // wrongly refused, or a computed value differs from its creator's
	reproduced  verdict = "reproduced"  // expected bytes that a document beside them yields
	underived   verdict = "underived"   // expected bytes whose derivation is unknown here
)

var verdicts = []verdict{verified, unsupported, rejected, failed, reproduced, underived}

// corpusSurvey counts the results in a corpus, and writes a line about each.
type corpusSurvey struct {
	w        io.Writer
	found    map[verdict]int
	refusals map[problem.Code]int
	agreed   agreement // the sum
	values   int       // signature values that agree
}

func newSurvey(w io.Writer) *corpusSurvey {
	return &corpusSurvey{w: w, found: map[verdict]int{}, refusals: map[problem.Code]int{}}
}

func (s *corpusSurvey) signatures() int {
	return s.found[verified] + s.found[unsupported] + s.found[rejected] + s.found[failed]
}

// printf writes a line. Writing the output of a test does not fail.
func (s *corpusSurvey) printf(format string, values ...any) {
	_, _ = fmt.Fprintf(s.w, format+"\n", values...)
}

func (s *corpusSurvey) printResult(v verdict, name, detail string) {
	s.found[v]++
	s.printf("%-11s %s: %s", v, name, detail)
}

// checkCorpus checks every file. It opens no pipe, follows no link, and reads no more of a file than the service would.
func (s *corpusSurvey) checkCorpus(corpus fs.FS) error {
	return fs.WalkDir(corpus, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil || info.Size() > int64(corpusLimits().Bytes) {
			return err
		}
		octets, err := fs.ReadFile(corpus, name)
		if err != nil {
			return err
		}
		s.checkFile(name, octets)
		if !expectedFileName.MatchString(path.Base(name)) {
			return nil
		}
		how, err := findDerivation(corpus, name, octets)
		switch {
		case err != nil:
			return err
		case how == "":
			s.printResult(underived, name, "no element of a document beside it has these octets in a form that we know")
		default:
			s.printResult(reproduced, name, how)
		}
		return nil
	})
}

// checkFile checks every signature of a file that begins like XML.
func (s *corpusSurvey) checkFile(name string, octets []byte) {
	if !signedFile.Match(octets) || !xmlBeginning.Match(octets) {
		return
	}
	d, err := xmldoc.Parse(octets, corpusLimits())
	if err != nil {
		s.addResult(refusal(name, err))
		return
	}
	for i, signature := range find(d.Root(), "Signature") {
		j := judgeSignature(name, d, signature)
		if i > 0 {
			j.name = fmt.Sprintf("%s[%d]", name, i+1)
		}
		s.addResult(j)
	}
}

func (s *corpusSurvey) addResult(j signatureResult) {
	s.printResult(j.verdict, j.name, j.String())
	if j.code != "" {
		s.refusals[j.code]++
	}
	s.agreed.digests += j.digests
	s.agreed.references += j.references
	if j.value {
		s.values++
	}
}

// printTotals writes the sums.
func (s *corpusSurvey) printTotals() {
	for _, v := range verdicts {
		s.printf("%6d %s", s.found[v], v)
	}
	for _, code := range slices.SortedFunc(maps.Keys(s.refusals), func(a, b problem.Code) int { return s.refusals[b] - s.refusals[a] }) {
		s.printf("%6d refused with %s", s.refusals[code], code)
	}
	s.printf("%6d of %d digests, and %d signature values, came out as their makers have them", s.agreed.digests, s.agreed.references, s.values)
}

// xmlBeginning matches the beginning of XML, with or without a byte order mark.
var xmlBeginning = regexp.MustCompile(`^(?:\x{FEFF})?\s*<`)

// signedFile matches a file with a signature, but not a template of one.
var signedFile = regexp.MustCompile(`<(?:[\w.-]+:)?SignatureValue[^<>]*>(?:\s|<!--.*?-->|&#13;|&#xD;)*[0-9A-Za-z+/]`)

// corpusLimits are limits for documents, which may contain processing instructions.
func corpusLimits() xmldoc.Limits {
	limits := xmldoc.DefaultLimits()
	limits.Instructions = 100
	return limits
}

// signatureResult is a verdict with its reasons.
type signatureResult struct {
	verdict
	agreement
	name, reason string
	code         problem.Code
}

func (j signatureResult) String() string {
	text := j.agreement.String()
	if j.reason != "" {
		text = j.reason + "; " + text
	}
	return text
}

// judgeSignature checks a signature with Parse and Verify; if they refuse it, the values that can be computed with our
// canonical forms must still agree with its creator's.
func judgeSignature(name string, d *xmldoc.Document, signature xmldoc.Element) signatureResult {
	j := signatureResult{verdict: verified, name: name}
	keys := candidateKeys(signature.Child(dsig.Namespace, "KeyInfo"))
	s, err := dsig.Parse(signature, dsig.Policy{AllowSHA1: true}, byID{d})
	switch {
	case err != nil:
		j = refusal(name, err)
	case len(keys) == 0:
		j.verdict, j.reason = unsupported, "the file does not hold the key"
	default:
		if err = verifyWithAny(s, keys); err != nil {
			j = refusal(name, err)
		}
	}
	j.agreement = recomputeSignature(d, signature, keys)
	if len(j.wrong) > 0 {
		j.verdict = verdictOnFailure(name)
	}
	return j
}

func verifyWithAny(s *dsig.Signature, keys []crypto.PublicKey) error {
	var err error
	for _, key := range keys {
		if _, err = s.Verify(key); err == nil {
			return nil
		}
	}
	return err
}

// refusal returns unsupported if the policy is the reason.
func refusal(name string, err error) signatureResult {
	p := problem.From(err)
	j := signatureResult{verdict: unsupported, name: name, code: p.Code, reason: strings.TrimSpace(fmt.Sprintf("%s %s %s", p.Code, p.Path, p.Detail))}
	if !slices.Contains(policyRefusals, p.Code) {
		j.verdict = verdictOnFailure(name)
	}
	return j
}

// verdictOnFailure returns the verdict on a signature that does not verify.
func verdictOnFailure(name string) verdict {
	if invalidName.MatchString(path.Base(name)) || slices.ContainsFunc(invalidFiles, func(end string) bool { return strings.HasSuffix(name, end) }) {
		return rejected
	}
	return failed
}

// policyRefusals are the refusals of features that corpora use and the profile excludes. Any other refusal is a
// failure.
var policyRefusals = []problem.Code{
	xmldoc.XMLDoctype, xmldoc.XMLEncodingUnsupported, xmldoc.XMLNamespaceNotAbsolute, xmldoc.XMLIdentifierDuplicate,
	dsig.SignatureStructure, dsig.CanonicalizationUnsupported, dsig.SignatureUnsupported, dsig.SignatureHMAC,
	dsig.DigestUnsupported, dsig.TransformUnsupported, dsig.TransformMissing, dsig.TransformsTooMany,
	dsig.ReferencesTooMany, dsig.ReferenceEmpty, dsig.ReferenceExternal, dsig.ReferencePointer, wsse.ReferenceUnknown,
	dsig.ReferenceTarget, dsig.ReferenceTwice, dsig.SignatureKeyUnsupported, dsig.SignatureKeyMismatch,
}

// invalidName matches the names that corpora give to signatures that must not verify.
var invalidName = regexp.MustCompile(`(?i)tamper|bad|fail|invalid|wrong|broken|forged`)

// invalidFiles are further files that do not verify, though their name does not say so; all are in Santuario. White
// space was removed from the first, and stylesheets that must not be run were added to the others, after signing.
var invalidFiles = []string{
	"interop/c14n/Y4/signatureStripped.xml",
	"javax/xml/crypto/dsig/signature1.xml", "javax/xml/crypto/dsig/signature2.xml", "javax/xml/crypto/dsig/signature3.xml",
}

// agreement counts the computed values of a signature that agree with its creator's.
type agreement struct {
	value      bool // the signature value
	digests    int
	references int
	wrong      []string // the values that differ
}

func (a agreement) String() string {
	text := fmt.Sprintf("%d of %d digests", a.digests, a.references)
	if a.value {
		text += " and the signature value"
	}
	text += " agree"
	if len(a.wrong) > 0 {
		text += ", disagree: " + strings.Join(a.wrong, ", ")
	}
	return text
}

// recomputeSignature computes as much of a signature as possible, whether it is accepted or not.
func recomputeSignature(d *xmldoc.Document, signature xmldoc.Element, keys []crypto.PublicKey) (a agreement) {
	signedInfo := signature.Child(dsig.Namespace, "SignedInfo")
	for c := range signedInfo.Children() {
		if !c.Is(dsig.Namespace, "Reference") {
			continue
		}
		a.references++
		uri, _ := c.Attr("", "URI")
		name, _ := c.Child(dsig.Namespace, "DigestMethod").Attr("", "Algorithm")
		octets, ok := referencedBytes(d, signature, c)
		hash := hashes[name[strings.LastIndexByte(name, '#')+1:]]
		if !ok || !hash.Available() {
			continue
		}
		h := hash.New()
		h.Write(octets)
		if bytes.Equal(h.Sum(nil), decodeBase64Text(c.Child(dsig.Namespace, "DigestValue"))) {
			a.digests++
		} else {
			a.wrong = append(a.wrong, fmt.Sprintf("the digest of %q", uri))
		}
	}
	method, _ := signedInfo.Child(dsig.Namespace, "SignatureMethod").Attr("", "Algorithm")
	form, ok := canonicalFormFor(signedInfo.Child(dsig.Namespace, "CanonicalizationMethod"), signedInfo, true)
	if !ok || len(keys) == 0 {
		return a
	}
	octets, value := form.Append(nil, signedInfo), decodeBase64Text(signature.Child(dsig.Namespace, "SignatureValue"))
	tried := false
	for _, key := range keys {
		good, known := verifiesWith(method, key, octets, value)
		tried = tried || known
		a.value = a.value || good
	}
	if tried && !a.value {
		a.wrong = append(a.wrong, "the signature value")
	}
	return a
}

// referencedBytes returns the digest input of a same-document reference, if its transforms need no XPath.
func referencedBytes(d *xmldoc.Document, signature, reference xmldoc.Element) ([]byte, bool) {
	uri, given := reference.Attr("", "URI")
	e, comments, ok := findTarget(d, uri)
	if !given || !ok {
		return nil, false
	}
	form, canonical := xmldoc.C14N{}, false
	for t := range reference.Child(dsig.Namespace, "Transforms").Children() {
		name, _ := t.Attr("", "Algorithm")
		switch {
		case canonical:
			return nil, false
		case name == dsig.Enveloped:
			form.Omit = signature
		default:
			omit := form.Omit
			if form, canonical = canonicalFormFor(t, e, comments); !canonical {
				return nil, false
			}
			form.Omit = omit
		}
	}
	return form.Append(nil, e), true
}

// xpointerPattern matches the XPointers that every verifier must support (XML Signature section 4.4.3.3).
var xpointerPattern = regexp.MustCompile(`^#xpointer\((?:(/)|id\(['"]([^'"]*)['"]\))\)$`)

// findTarget finds the target of a reference, and whether it includes comments.
func findTarget(d *xmldoc.Document, uri string) (e xmldoc.Element, comments, ok bool) {
	match := xpointerPattern.FindStringSubmatch(uri)
	switch {
	case uri == "" || match != nil && match[1] == "/":
		start, end := d.Root().Offset()
		// Processing instructions around the root are signed too, but our canonical forms cover elements only.
		outside := strings.TrimPrefix(d.Source()[:start], "<?xml ") + d.Source()[end:]
		return d.Root(), match != nil, !strings.Contains(outside, "<?")
	case match != nil:
		e, ok = d.ElementByID(match[2])
		return e, true, ok
	case strings.HasPrefix(uri, "#"):
		e, ok = d.ElementByID(uri[1:])
		return e, false, ok
	}
	return e, false, false
}

// canonicalFormFor reads a canonicalisation method. Forms with comments and those of version 1.1 are supported where
// the result does not differ.
func canonicalFormFor(method, e xmldoc.Element, comments bool) (xmldoc.C14N, bool) {
	name, _ := method.Attr("", "Algorithm")
	plain := strings.TrimSuffix(strings.TrimSuffix(name, "WithComments"), "#")
	start, end := e.Offset()
	if strings.HasSuffix(name, "WithComments") && comments && strings.Contains(e.Document().Source()[start:end], "<!--") {
		return xmldoc.C14N{}, false
	}
	switch plain {
	case strings.TrimSuffix(dsig.ExclusiveC14N, "#"):
		list, _ := method.Child(dsig.ExclusiveC14N, "InclusiveNamespaces").Attr("", "PrefixList")
		return xmldoc.C14N{Exclusive: true, PrefixList: strings.Fields(list)}, true
	case dsig.InclusiveC14N:
		return xmldoc.C14N{}, true
	case "http://www.w3.org/2006/12/xml-c14n11":
		for p := e.Parent(); !p.IsZero(); p = p.Parent() {
			for attr := range p.Attrs() {
				if attr.Space == xmldoc.XMLNamespace {
					return xmldoc.C14N{}, false
				}
			}
		}
		return xmldoc.C14N{}, true
	}
	return xmldoc.C14N{}, false
}

// expectedFileName matches corpora's names for files with canonical bytes.
var expectedFileName = regexp.MustCompile(`^c14n-\d+\.txt$|_c14n(?:ized)?(?:_exclusive)?\.xml$`)

// findDerivation returns the element and form that yield the bytes. It tries all, because corpora state them only in
// the code of their tests.
func findDerivation(corpus fs.FS, name string, octets []byte) (string, error) {
	const most = 1 << 20 // bytes of a document whose elements are all tried
	beside, err := fs.Glob(corpus, path.Join(path.Dir(name), "*.xml"))
	if err != nil {
		return "", err
	}
	for _, source := range beside {
		info, infoErr := fs.Lstat(corpus, source)
		if infoErr != nil || !info.Mode().IsRegular() || info.Size() > most || expectedFileName.MatchString(path.Base(source)) {
			continue
		}
		var text []byte
		if text, err = fs.ReadFile(corpus, source); err != nil {
			return "", err
		}
		d, parseErr := xmldoc.Parse(text, corpusLimits())
		if parseErr != nil {
			continue // checked as a file of its own, if it is signed
		}
		if how := canonicalFormWith(d, octets); how != "" {
			return how + " in " + path.Base(source), nil
		}
	}
	return "", nil
}

// canonicalFormWith tries the plain forms and those that the signatures of the document use.
func canonicalFormWith(d *xmldoc.Document, octets []byte) string {
	forms := []xmldoc.C14N{{}, {Exclusive: true}}
	const most = 32
	for _, e := range append(find(d.Root(), "Transform"), find(d.Root(), "CanonicalizationMethod")...) {
		if form, ok := canonicalFormFor(e, d.Root(), false); ok && len(forms) < most {
			forms = append(forms, form)
		}
	}
	for _, e := range append(descendants(d.Root()), d.Root()) {
		name := e.Local()
		if e.Prefix() != "" {
			name = e.Prefix() + ":" + name
		}
		if !bytes.HasPrefix(octets, []byte("<"+name)) {
			continue
		}
		for _, form := range forms {
			if bytes.Equal(form.Append(nil, e), octets) {
				return fmt.Sprintf("%s, exclusive %t, PrefixList %q", name, form.Exclusive, form.PrefixList)
			}
		}
	}
	return ""
}

// descendants returns the elements below an element, in document order.
func descendants(e xmldoc.Element) []xmldoc.Element {
	var all []xmldoc.Element
	for c := range e.Children() {
		all = append(append(all, c), descendants(c)...)
	}
	return all
}

func find(root xmldoc.Element, local string) []xmldoc.Element {
	return slices.DeleteFunc(append([]xmldoc.Element{root}, descendants(root)...), func(e xmldoc.Element) bool { return !e.Is(dsig.Namespace, local) })
}
