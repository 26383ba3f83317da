package catalogue_test

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// requirements are the sections of OWASP ASVS 5.0 with the number of their requirements of level 1 and 2, which come
// before those of level 3.
const requirements = `1.1:2 1.2:9 1.3:11 1.4:3 1.5:2 2.1:3 2.2:3 2.3:4 2.4:1 3.2:2 3.3:4 3.4:6 3.5:5 3.7:2 4.1:3 4.2:1 4.3:2
4.4:4 5.1:1 5.2:3 5.3:2 5.4:3 6.1:3 6.2:12 6.3:4 6.4:4 6.5:5 6.6:3 6.8:4 7.1:3 7.2:4 7.3:2 7.4:5 7.5:2 7.6:2 8.1:2 8.2:3
8.3:1 8.4:1 9.1:3 9.2:4 10.1:2 10.2:2 10.3:4 10.4:11 10.5:5 10.6:2 10.7:3 11.1:2 11.2:3 11.3:3 11.4:4 11.5:1 11.6:1 12.1:3
12.2:2 12.3:4 13.1:1 13.2:5 13.3:2 13.4:5 14.1:2 14.2:4 14.3:3 15.1:3 15.2:3 15.3:7 16.1:1 16.2:5 16.3:4 16.4:3 16.5:3 17.1:1
17.2:4 17.3:2`

var (
	testName     = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")
	testFunction = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(t \*testing\.T\)`)
)

// TestPortalSecurityDocument checks that docs/portal-security.md has every requirement of level 1 and 2 once, and names
// only tests that exist.
func TestPortalSecurityDocument(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/portal-security.md")
	if err != nil {
		t.Fatal(err)
	}
	missing := map[string]bool{}
	for _, section := range strings.Fields(requirements) {
		name, text, _ := strings.Cut(section, ":")
		count := 0
		if _, err = fmt.Sscan(text, &count); err != nil {
			t.Fatal(err)
		}
		for i := range count {
			missing[fmt.Sprintf("%s.%d", name, i+1)] = true
		}
	}
	if len(missing) != 253 {
		t.Fatalf("%d requirements", len(missing))
	}
	for line := range strings.Lines(string(data)) {
		row, ok := strings.CutPrefix(line, "| ")
		cells := strings.Split(row, " | ")
		if !ok || len(cells) != 4 || strings.Trim(cells[0], "0123456789., –") != "" {
			continue
		}
		for _, id := range listIDs(t, cells[0]) {
			if !missing[id] {
				t.Errorf("%s stands there twice, or is none of level 1 and 2", id)
			}
			delete(missing, id)
		}
		if state := cells[2]; !slices.Contains([]string{"met", "operator", "partly", "open", "n/a"}, state) || len(cells[3]) < 5 {
			t.Errorf("%s: %q without a reason", cells[0], state)
		}
	}
	for id := range missing {
		t.Errorf("%s is missing", id)
	}
	existing := listTests(t)
	named := testName.FindAllStringSubmatch(string(data), -1)
	if len(named) < 50 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, name := range named {
		if !existing[name[1]] {
			t.Errorf("there is no test %s", name[1])
		}
	}
}

// listIDs returns the requirements of a cell such as "6.1.2, 6.2.1–6.2.12".
func listIDs(t *testing.T, cell string) (all []string) {
	t.Helper()
	for entry := range strings.SplitSeq(cell, ", ") {
		first, last, isRange := strings.Cut(entry, "–")
		if !isRange {
			all = append(all, entry)
			continue
		}
		var chapter, section, from, to int
		if _, err := fmt.Sscanf(first, "%d.%d.%d", &chapter, &section, &from); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscanf(last, fmt.Sprintf("%d.%d.%%d", chapter, section), &to); err != nil {
			t.Fatal(err)
		}
		for i := from; i <= to; i++ {
			all = append(all, fmt.Sprintf("%d.%d.%d", chapter, section, i))
		}
	}
	return all
}

// listTests returns the names of all tests of the module.
func listTests(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := fs.ReadFile(root, path)
		for _, found := range testFunction.FindAllSubmatch(data, -1) {
			all[string(found[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
