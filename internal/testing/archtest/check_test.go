package archtest_test

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// findViolations returns the violations in the files, one line each, sorted.
func findViolations(files []sourceFile) []string {
	var broken []string
	say := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	for _, f := range files {
		checkImports(f, say)
		if f.test {
			checkPauses(f, say)
		} else {
			checkIdentifiers(f, say)
		}
	}
	checkSingleCall(files, say)
	slices.Sort(broken)
	return slices.Compact(broken)
}

type reportFunc func(format string, args ...any)

func checkImports(f sourceFile, say reportFunc) {
	row := findLayer(productionImports, f.pkg)
	if matchesAny(testOnlyPackages, f.pkg) {
		row = &layer{packages: f.pkg}
	}
	if row == nil {
		say("%s: package %s is in no row of the import table: add it, with a decision record", f.name, f.pkg)
		return
	}
	for _, d := range f.importedPackages() {
		imported, ours := cutModulePath(d.path)
		if b := findBan(f, imported); b != nil {
			say("%s: %s must not import %s: %s", d.position, f.pkg, imported, b.reason)
			continue
		}
		switch {
		case ours:
			checkModuleImport(f, row, d.position, imported, say)
		case strings.Contains(strings.Split(d.path, "/")[0], "."):
			checkThirdPartyImport(f, d, say)
		}
	}
}

func findBan(f sourceFile, imported string) *importBan {
	for i, b := range importBans {
		if (!f.test || b.tests) && matchesAny(b.packages, f.pkg) && !matchesAny(b.except, f.pkg) && matchesAny(b.imports, imported) {
			return &importBans[i]
		}
	}
	return nil
}

func checkModuleImport(f sourceFile, row *layer, at, imported string, say reportFunc) {
	if !f.test && matchesAny(testOnlyPackages, imported) {
		say("%s: %s must not import %s: it is for tests only", at, f.pkg, imported)
		return
	}
	if imported == f.pkg || matchesAny(row.imports, imported) {
		return
	}
	if imported == "internal/texts" && slices.Contains(row.imports, "internal/problem") {
		return
	}
	if f.test && matchesAny(append(findLayer(testImports, f.pkg).imports, "internal/problem", "internal/texts"), imported) {
		return
	}
	say("%s: %s may not import %s: its row of the import table has %s", at, f.pkg, imported, joinOrNothing(row.imports))
}

func checkThirdPartyImport(f sourceFile, d importedPackage, say reportFunc) {
	for _, l := range libraryRules {
		if d.path != l.module && !strings.HasPrefix(d.path, l.module+"/") {
			continue
		}
		if !matchesAny(l.users, f.pkg) && (!f.test || !matchesAny(l.tests, f.pkg)) {
			say("%s: %s must not import %s: %s", d.position, f.pkg, d.path, l.reason)
		}
		return
	}
	say("%s: %s imports %s, which is not in the table of libraries: add it, with a decision record", d.position, f.pkg, d.path)
}

// checkIdentifiers checks the identifiers in a production file against nameRules and identifierRules.
func checkIdentifiers(f sourceFile, say reportFunc) {
	for _, d := range f.importedPackages() {
		for _, r := range nameRules {
			if r.names == nil && r.pkg == d.path && !matchesAny(r.users, f.pkg) {
				say("%s: %s must not import %s: %s", d.position, f.pkg, d.path, r.reason)
			}
		}
	}
	for selector, imported := range f.qualifiedIdentifiers() {
		for _, r := range nameRules {
			if r.pkg == imported && slices.Contains(r.names, selector.Sel.Name) && !matchesAny(r.users, f.pkg) {
				say("%s: %s must not use %s.%s: %s", f.positionOf(selector), f.pkg, imported, selector.Sel.Name, r.reason)
			}
		}
	}
	for n := range ast.Preorder(f.tree) {
		name, ok := n.(*ast.Ident)
		if !ok {
			continue
		}
		for _, w := range identifierRules {
			if w.name == name.Name && !matchesAny(w.users, f.pkg) {
				say("%s: %s must not name %s: %s", f.positionOf(name), f.pkg, w.name, w.reason)
			}
		}
	}
}

// checkPauses checks a test file against pauseRule.
func checkPauses(f sourceFile, say reportFunc) {
	hasVirtualClock := slices.ContainsFunc(f.importedPackages(), func(d importedPackage) bool { return d.path == pauseRule.unless })
	if hasVirtualClock || matchesAny(pauseRule.users, f.pkg) {
		return
	}
	for selector, imported := range f.qualifiedIdentifiers() {
		if imported == pauseRule.pkg && slices.Contains(pauseRule.names, selector.Sel.Name) {
			say("%s: %s must not use %s.%s: %s", f.positionOf(selector), f.pkg, imported, selector.Sel.Name, pauseRule.reason)
		}
	}
}

// checkSingleCall checks that the function of singleCallRule is called exactly once. It does nothing if the files do
// not include the caller's package.
func checkSingleCall(files []sourceFile, say reportFunc) {
	var present bool
	var calls []string
	for _, f := range files {
		if f.test || f.pkg != singleCallRule.caller {
			continue
		}
		present = true
		for selector, imported := range f.qualifiedIdentifiers() {
			if pkg, ours := cutModulePath(imported); ours && pkg == singleCallRule.pkg && selector.Sel.Name == singleCallRule.name {
				calls = append(calls, f.positionOf(selector))
			}
		}
	}
	if present && len(calls) != 1 {
		say("%s must call %s.%s exactly once, but the calls are %s: %s", singleCallRule.caller, singleCallRule.pkg, singleCallRule.name, joinOrNothing(calls), singleCallRule.reason)
	}
}

func joinOrNothing(all []string) string {
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Join(all, ", ")
}
