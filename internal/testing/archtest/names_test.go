package archtest_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// maxOneWordShare is the largest share of production functions, in percent, whose names are one lower-case word. A name
// such as "take" says neither what it does nor to what; CONTRIBUTING.md has the rules.
const maxOneWordShare = 5

// maxPackageLines is the largest number of lines of production code in one package.
const maxPackageLines = 3000

// retiredNames are the private vocabulary that docs/glossary.md replaces. No function, method, type, constant or
// package-level variable may have such a name again.
var retiredNames = []string{
	"room", "newRoom", "visit", "places", "giveBack", "paced", "owed", "pacing", "lane", "rest", "rested", "restRatio",
	"standing", "strangers", "others", "turn", "takeTurn", "prove", "packs", "concluded", "conclude", "on", "place",
	"checkInstead", "checks", "Of", "PendingAsked", "Carried", "Discarding", "Replacement", "Found", "Described",
	"Recanted", "placing", "removing", "heading", "head", "forgive", "told", "placed", "wrapped", "unwrapped",
	"elsewhere", "former", "transact", "transacted", "keepProved", "Touched", "touched", "Spend", "spend", "Hold",
	"holds", "mark", "Public", "At", "Sub", "In", "Leaves", "Seen", "said", "session", "hand", "take", "mine",
	"runApart", "one", "many", "each", "all", "subject", "party", "acquaintances", "known", "meet", "met", "colleague",
	"about", "establish", "memory", "question", "remembered", "who", "kept", "settle", "settled", "patience", "books",
	"sayEvery", "saidError", "digitsOf", "methodOf", "MethodOf", "errand", "Still", "demands", "trials",
}

// TestNames counts one-word names, finds retired ones, and measures packages. `make names` shows what it counts.
func TestNames(t *testing.T) {
	report := countNames(parseModule(t, "../../.."))
	t.Log(report.String())
	for _, line := range report.violations() {
		t.Error(line)
	}
}

func TestNamesRefuses(t *testing.T) {
	var files []sourceFile
	for name, text := range map[string]string{
		"internal/a/a.go":      "package a\nfunc take() {}\nfunc acquireSlot() {}\ntype room struct{}\n",
		"internal/a/a_test.go": "package a\nfunc hand() {}\n",
		"internal/b/b.go":      "package b\n" + strings.Repeat("// \n", maxPackageLines),
	} {
		file, err := parseSource(token.NewFileSet(), name, text)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	want := []string{
		"50.0 % of 2 production functions have a one-word lower-case name: at most 5 % may",
		"internal/a/a.go:2: take is a retired name: see docs/glossary.md",
		"internal/a/a.go:4: room is a retired name: see docs/glossary.md",
		"internal/b has 3001 lines of production code: at most 3000 may be in one package",
	}
	if got := countNames(files).violations(); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

type nameCount struct{ oneWord, total, lines int }

// nameReport is what countNames found in production files, by package.
type nameReport struct {
	packages map[string]nameCount
	retired  []string
}

func countNames(files []sourceFile) nameReport {
	report := nameReport{packages: map[string]nameCount{}}
	for _, f := range files {
		if f.test {
			continue
		}
		count := report.packages[f.pkg]
		count.lines += f.set.File(f.tree.FileStart).LineCount()
		for name := range declaredNames(f.tree) {
			if slices.Contains(retiredNames, name.Name) {
				report.retired = append(report.retired, fmt.Sprintf("%s: %s is a retired name: see docs/glossary.md", f.positionOf(name), name.Name))
			}
		}
		for _, declaration := range f.tree.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			count.total++
			if !strings.ContainsFunc(function.Name.Name, func(r rune) bool { return !unicode.IsLower(r) }) {
				count.oneWord++
			}
		}
		report.packages[f.pkg] = count
	}
	slices.Sort(report.retired)
	return report
}

// declaredNames yields the names of functions, methods, types, constants and variables declared in a file.
func declaredNames(file *ast.File) iter.Seq[*ast.Ident] {
	return func(yield func(*ast.Ident) bool) {
		for _, declaration := range file.Decls {
			var names []*ast.Ident
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				names = append(names, d.Name)
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.TypeSpec:
						names = append(names, s.Name)
					case *ast.ValueSpec:
						names = append(names, s.Names...)
					}
				}
			}
			for _, name := range names {
				if !yield(name) {
					return
				}
			}
		}
	}
}

func (r nameReport) sum() nameCount {
	var all nameCount
	for c := range maps.Values(r.packages) {
		all.oneWord, all.total, all.lines = all.oneWord+c.oneWord, all.total+c.total, all.lines+c.lines
	}
	return all
}

func (r nameReport) violations() []string {
	var all []string
	sum := r.sum()
	if 100*sum.oneWord > maxOneWordShare*sum.total {
		all = append(all, fmt.Sprintf("%.1f %% of %d production functions have a one-word lower-case name: at most %d %% may",
			100*float64(sum.oneWord)/float64(sum.total), sum.total, maxOneWordShare))
	}
	all = append(all, r.retired...)
	for _, pkg := range slices.Sorted(maps.Keys(r.packages)) {
		if lines := r.packages[pkg].lines; lines > maxPackageLines {
			all = append(all, fmt.Sprintf("%s has %d lines of production code: at most %d may be in one package", pkg, lines, maxPackageLines))
		}
	}
	return all
}

// String lists the packages, those with the most one-word names first.
func (r nameReport) String() string {
	var b strings.Builder
	sum := r.sum()
	fmt.Fprintf(&b, "%d of %d production functions (%.1f %%) have a one-word lower-case name; %d lines of production code\n",
		sum.oneWord, sum.total, 100*float64(sum.oneWord)/float64(max(sum.total, 1)), sum.lines)
	packages := slices.SortedFunc(maps.Keys(r.packages), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.packages[b].oneWord, r.packages[a].oneWord), cmp.Compare(a, b))
	})
	for _, pkg := range packages {
		c := r.packages[pkg]
		fmt.Fprintf(&b, "  %3d of %4d  %5d lines  %s\n", c.oneWord, c.total, c.lines, pkg)
	}
	return b.String()
}
