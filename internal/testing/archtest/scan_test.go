package archtest_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/openctr/ctr"

// sourceFile is a parsed Go file.
type sourceFile struct {
	name string // path inside the module
	pkg  string // path of its package inside the module
	test bool   // whether it is a _test file or in a test-only package
	tree *ast.File
	set  *token.FileSet
}

func parseSource(set *token.FileSet, name string, text any) (sourceFile, error) {
	tree, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
	if err != nil {
		return sourceFile{}, err
	}
	pkg := path.Dir(name)
	test := strings.HasSuffix(name, "_test.go") || matchesAny(testOnlyPackages, pkg)
	return sourceFile{name, pkg, test, tree, set}, nil
}

// parseModule parses every Go file of the module, whatever its build constraints.
func parseModule(t *testing.T, root string) []sourceFile {
	t.Helper()
	var files []sourceFile
	set := token.NewFileSet()
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != "." && (strings.ContainsAny(entry.Name()[:1], "._") || entry.Name() == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		file, err := parseSource(set, name, text)
		files = append(files, file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// positionOf returns the file and line of a node.
func (s sourceFile) positionOf(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.name, s.set.Position(n.Pos()).Line)
}

// importedPackage is one import of a file: its path, its name in the file, and its position.
type importedPackage struct{ path, name, position string }

func (s sourceFile) importedPackages() []importedPackage {
	all := make([]importedPackage, 0, len(s.tree.Imports))
	for _, spec := range s.tree.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has already rejected it
		}
		name := path.Base(imported)
		if strings.HasPrefix(name, "v") && len(name) == 2 {
			name = path.Base(path.Dir(imported)) // the package name of math/rand/v2 is rand
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		all = append(all, importedPackage{imported, name, s.positionOf(spec)})
	}
	return all
}

// qualifiedIdentifiers yields every package.Name in the file, with the import path of the package.
func (s sourceFile) qualifiedIdentifiers() iter.Seq2[*ast.SelectorExpr, string] {
	paths := map[string]string{}
	for _, d := range s.importedPackages() {
		paths[d.name] = d.path
	}
	return func(yield func(*ast.SelectorExpr, string) bool) {
		for n := range ast.Preorder(s.tree) {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				continue
			}
			left, ok := selector.X.(*ast.Ident)
			if ok && paths[left.Name] != "" && !yield(selector, paths[left.Name]) {
				return
			}
		}
	}
}

func matchesPattern(pattern, pkg string) bool {
	if pattern == "..." || pattern == pkg {
		return true
	}
	below, ok := strings.CutSuffix(pattern, "/...")
	return ok && (pkg == below || strings.HasPrefix(pkg, below+"/"))
}

func matchesAny(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matchesPattern(p, pkg) })
}

// cutModulePath removes the module path from an import path.
func cutModulePath(imported string) (string, bool) {
	if imported == module {
		return ".", true
	}
	return strings.CutPrefix(imported, module+"/")
}

func findLayer(table []layer, pkg string) *layer {
	for i := range table {
		if matchesPattern(table[i].packages, pkg) {
			return &table[i]
		}
	}
	return nil
}
