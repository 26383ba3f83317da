package soapdoor_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/problem"
)

var (
	documentedCase = regexp.MustCompile("`([a-z0-9-]+)\\.txtar`")
	documentedCode = regexp.MustCompile(`\b[A-Z][A-Z0-9]+(_[A-Z0-9]+)*(_…)?`)
)

// TestSecurityDocument checks that the tables of docs/security.md name existing codes and cases, and that each refusal
// of a case is one of the codes of its row, or of another row that names the case.
func TestSecurityDocument(t *testing.T) {
	t.Parallel()
	octets, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for row := range strings.Lines(string(octets)) {
		cells := strings.Split(row, "|")
		switch {
		case !strings.HasPrefix(row, "|") || strings.Contains(row, "---"):
		case len(cells) == 5: // the profile: requirement, cases, fault and code
			codes := documentedFaults(t, cells[3])
			for _, named := range documentedCase.FindAllStringSubmatch(cells[2], -1) {
				cases++
				wantDocumented(t, named[1], codes)
			}
		case len(cells) == 7: // the toolkits: toolkit, default, answer, setting, proof
			documentedCodes(t, cells[3])
		}
	}
	if cases < 50 {
		t.Errorf("only %d cases are named", cases)
	}
}

// documentedFaults returns the codes in a cell, which follow the fault code that they must have.
func documentedFaults(t *testing.T, cell string) []problem.Code {
	t.Helper()
	var all []problem.Code
	for group := range strings.SplitSeq(cell, ";") {
		for _, code := range documentedCodes(t, group) {
			fault := "soap:Client"
			if name, ok := problem.WSSFault(code); ok {
				fault = "wsse:" + name
			}
			if !strings.Contains(group, "`"+fault+"`") {
				t.Errorf("docs/security.md: the fault code of %s is %s, not as in %q", code, fault, strings.TrimSpace(group))
			}
			all = append(all, code)
		}
	}
	return all
}

// documentedCodes returns the codes in a cell, each of which must exist; one that ends in … stands for all with that
// prefix.
func documentedCodes(t *testing.T, cell string) []problem.Code {
	t.Helper()
	var all []problem.Code
	for _, found := range documentedCode.FindAllString(cell, -1) {
		beginning, many := strings.CutSuffix(found, "…")
		if !strings.Contains(beginning, "_") { // a word such as XOP
			continue
		}
		before := len(all)
		for _, e := range problem.Catalog() {
			if string(e.Code) == found || many && strings.HasPrefix(string(e.Code), beginning) {
				all = append(all, e.Code)
			}
		}
		if len(all) == before {
			t.Errorf("docs/security.md: %s is no code of the catalogue", found)
		}
	}
	return all
}

// wantDocumented requires every refusal of a case among the codes of its row. A case may also show that something is
// accepted.
func wantDocumented(t *testing.T, name string, codes []problem.Code) {
	t.Helper()
	for _, s := range readCase(t, filepath.Join("testdata", "cases", name+".txtar")).steps {
		for _, p := range s.problems {
			if !slices.Contains(codes, p.code) {
				t.Errorf("docs/security.md: %s is refused with %s, and its row names %v", name, p.code, codes)
			}
		}
	}
}
