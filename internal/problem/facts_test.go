package problem_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/problem"
)

func TestFacts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ english, dutch string }{
		{"", ""},
		{"http://www.w3.org/2000/09/xmldsig#rsa-sha1", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"},
		{"element Body URI #id-1", "element Body URI #id-1"},
		{"3:17 limit 64", "3:17 grens 64"},
		{"at most 4194304 octets", "hoogstens 4194304 bytes"},
		{"Created 2026-11-21T10:00:00Z - good until 2026-11-21T10:05:00Z - service time 2026-11-21T10:06:00Z",
			"Created 2026-11-21T10:00:00Z - geldig tot 2026-11-21T10:05:00Z - tijd van de dienst 2026-11-21T10:06:00Z"},
		{"valid until 2026-11-21T10:00:00Z - service time 2026-11-21T10:06:00Z", "geldig tot 2026-11-21T10:00:00Z - tijd van de dienst 2026-11-21T10:06:00Z"},
		{"expected: a date as YYYY-MM-DD", "verwacht: een datum als YYYY-MM-DD"},
		{"expected: a text that matches [0-9]+ of 1 to 20 characters", "verwacht: een tekst volgens [0-9]+ van 1 tot 20 tekens"},
		{"expected: a whole number of 1 or more and no elements", "verwacht: een geheel getal van 1 of meer en geen elementen"},
		{"missing: ctr:Patient; expected content: ctr:Patient, ctr:Implant+", "ontbreekt: ctr:Patient; verwachte inhoud: ctr:Patient, ctr:Implant+"},
		{"It has 8 characters instead of 8 or 11.", "Het telt 8 tekens in plaats van 8 of 11."},
		{"element SecurityTokenReference in namespace http://www.w3.org/2000/09/xmldsig# - gSOAP: without SOAP_XML_DEFAULTNS",
			"element SecurityTokenReference in naamruimte http://www.w3.org/2000/09/xmldsig# - gSOAP: zonder SOAP_XML_DEFAULTNS"},
		{"element BinarySecurityToken - WSS4J: appendBSTElementToHeader before addReferencesToSign",
			"element BinarySecurityToken - WSS4J: appendBSTElementToHeader vóór addReferencesToSign"},
		{"it is empty - CXF, WSS4J with MTOM: storeBytesInAttachment=false", "het is leeg - CXF, WSS4J met MTOM: storeBytesInAttachment=false"},
		{"element ", "element "}, // a value is never empty
	} {
		e := problem.New(problem.InternalError, c.english)
		if got := e.Facts(problem.NL); got != c.dutch {
			t.Errorf("%q: %q, want %q", c.english, got, c.dutch)
		}
		if got := e.Facts(problem.EN); got != c.english {
			t.Errorf("%q in English: %q", c.english, got)
		}
	}
}

// words matches English prose, but not a value or the name of an element or algorithm.
var words = regexp.MustCompile(`(^|[ (])(the|a|an|it|its|is|not|no|must|of|at|than|with|other|from|until|expected|valid|good|service|limit|element|attribute|parameter|only|twice)([ ,:)]|$)`)

// TestFactsAreSaidInAllLanguages reads the sources and checks that every English detail of a refusal has translations.
func TestFactsAreSaidInAllLanguages(t *testing.T) {
	t.Parallel()
	// Errors about an operator's files appear on the operator's terminal, in English; internal failures go to the log.
	operator := regexp.MustCompile(`p12|crl|ocsp|revoked|directory|fetch`)
	for _, root := range []string{"../message", "../soapdoor", "../implants"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || operator.MatchString(filepath.Base(path)) {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			for _, fact := range facts(file) {
				e := problem.New(problem.InternalError, fact)
				if words.MatchString(fact) && e.Facts(problem.FR) == fact {
					t.Errorf("%s: %q is said in English only", path, fact)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// makers are the functions that create refusals, with the index of their first detail argument.
var makers = map[string]int{
	"New": 1, "Wrap": 2, "refuse": 2, "misbuilt": 1, "malformed": 0, "malformedName": 0, "subjectForm": 0, "unparsable": 0, "report": 3,
}

// facts returns the details in the calls of makers, with a digit for each value.
func facts(file *ast.File) []string {
	var all []string
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		name, ofPackage := called(call)
		first, makes := makers[name]
		if !makes || (name == "New" || name == "Wrap") && ofPackage != "problem" || len(call.Args) <= first {
			return true
		}
		var said []string
		for _, argument := range call.Args[first:] {
			text, _ := fact(argument)
			said = append(said, text)
		}
		all = append(all, strings.Join(said, " "))
		return true
	})
	return all
}

func called(call *ast.CallExpr) (name, of string) {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name, ""
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			return f.Sel.Name, x.Name
		}
		return f.Sel.Name, ""
	}
	return "", ""
}

// fact formats an argument as it would appear, with a 7 for each value known only at run time.
func fact(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		left, leftIs := fact(e.X)
		right, rightIs := fact(e.Y)
		return left + right, leftIs || rightIs
	case *ast.CallExpr:
		if name, of := called(e); of == "fmt" && name == "Sprintf" {
			format, ok := fact(e.Args[0])
			return strings.NewReplacer("%d", "7", "%s", "7").Replace(format), ok
		}
	}
	return "7", false
}
