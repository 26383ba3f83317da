package archtest_test

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// findViolations returns the violations in the files, one line each, sorted.
func check(files []source) []string {
	var broken []string
	say := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	for _, f := range files {
		checkImports(f, say)
		if !f.test {
			checkNames(f, say)
		}
	}
	checkOnce(files, say)
	slices.Sort(broken)
	return slices.Compact(broken)
}

type sayer func(format string, args ...any)

func checkImports(f source, say sayer) {
	row := find(production, f.pkg)
	if slices.Contains(helpers, f.pkg) {
		row = &layer{packages: f.pkg}
	}
	if row == nil {
		say("%s: package %s is in no row of the import table: add it, with a decision record", f.name, f.pkg)
		return
	}
	for _, d := range f.imports() {
		imported, ours := inside(d.path)
		if b := banned(f, imported); b != nil {
			say("%s: %s must not import %s: %s", d.at, f.pkg, imported, b.reason)
			continue
		}
		switch {
		case ours:
			checkOurs(f, row, d.at, imported, say)
		case strings.Contains(strings.Split(d.path, "/")[0], "."):
			checkLibrary(f, d, say)
		}
	}
}

func banned(f source, imported string) *ban {
	for i, b := range never {
		if (!f.test || b.tests) && among(b.packages, f.pkg) && !among(b.except, f.pkg) && among(b.imports, imported) {
			return &never[i]
		}
	}
	return nil
}

func checkOurs(f source, row *layer, at, imported string, say sayer) {
	if !f.test && slices.Contains(helpers, imported) {
		say("%s: %s must not import %s: it is for tests only", at, f.pkg, imported)
		return
	}
	if imported == f.pkg || among(row.imports, imported) {
		return
	}
	if f.test && among(append(find(tests, f.pkg).imports, "internal/problem"), imported) {
		return
	}
	say("%s: %s may not import %s: its row of the import table has %s", at, f.pkg, imported, list(row.imports))
}

func checkLibrary(f source, d dependency, say sayer) {
	for _, l := range libraries {
		if d.path != l.module && !strings.HasPrefix(d.path, l.module+"/") {
			continue
		}
		if !among(l.users, f.pkg) && (!f.test || !among(l.tests, f.pkg)) {
			say("%s: %s must not import %s: %s", d.at, f.pkg, d.path, l.reason)
		}
		return
	}
	say("%s: %s imports %s, which is not in the table of libraries: add it, with a decision record", d.at, f.pkg, d.path)
}

// checkIdentifiers checks the identifiers in a production file against nameRules and identifierRules.
func checkNames(f source, say sayer) {
	for _, d := range f.imports() {
		for _, r := range processNames {
			if r.names == nil && r.pkg == d.path && !among(r.users, f.pkg) {
				say("%s: %s must not import %s: %s", d.at, f.pkg, d.path, r.reason)
			}
		}
	}
	for selector, imported := range f.selections() {
		for _, r := range processNames {
			if r.pkg == imported && slices.Contains(r.names, selector.Sel.Name) && !among(r.users, f.pkg) {
				say("%s: %s must not use %s.%s: %s", f.at(selector), f.pkg, imported, selector.Sel.Name, r.reason)
			}
		}
	}
	for n := range ast.Preorder(f.tree) {
		name, ok := n.(*ast.Ident)
		if !ok {
			continue
		}
		for _, w := range words {
			if w.name == name.Name && !among(w.users, f.pkg) {
				say("%s: %s must not name %s: %s", f.at(name), f.pkg, w.name, w.reason)
			}
		}
	}
}

// checkSingleCall checks that the function of singleCallRule is called exactly once. It does nothing if the files do
// not include the caller's package.
func checkOnce(files []source, say sayer) {
	var present bool
	var calls []string
	for _, f := range files {
		if f.test || f.pkg != once.caller {
			continue
		}
		present = true
		for selector, imported := range f.selections() {
			if pkg, ours := inside(imported); ours && pkg == once.pkg && selector.Sel.Name == once.name {
				calls = append(calls, f.at(selector))
			}
		}
	}
	if present && len(calls) != 1 {
		say("%s must call %s.%s exactly once, but the calls are %s: %s", once.caller, once.pkg, once.name, list(calls), once.reason)
	}
}

func list(all []string) string {
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Join(all, ", ")
}
