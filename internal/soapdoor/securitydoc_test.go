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

const (
	securityPage = "../../docs/security.md"
	profileHead  = "| requirement | cases | fault and code of a violation |\n| --- | --- | --- |\n"
	toolkitsHead = "| toolkit | default | response of the service | setting to change | proof |\n| --- | --- | --- | --- | --- |\n"
)

// profileRow is a requirement of the security profile: a record of testdata/security/profile.txt.
type profileRow struct {
	requirement  string
	tests, cases []string
	faults       []profileFault
}

// profileFault is a fault code with the codes that it is given for. A code that ends in … stands for all with that
// prefix.
type profileFault struct {
	name  string
	codes []string
}

// toolkitRow is a default of a toolkit: a record of testdata/security/toolkits.txt.
type toolkitRow struct{ toolkit, preset, response, setting, proof string }

// TestSecurityDocument checks that the tables of docs/security.md are those made from the data, that they name existing
// tests, cases and codes, and that each refusal of a case is one of the codes of its row, or of another row that names
// the case.
func TestSecurityDocument(t *testing.T) {
	t.Parallel()
	profile, toolkits := readProfile(t), readToolkits(t)
	requireTable(t, "profile", formatProfile(profile))
	requireTable(t, "toolkits", formatToolkits(toolkits))
	declared := declaredTests(t)
	cases := 0
	for _, row := range profile {
		for _, name := range row.tests {
			if !declared[name] {
				t.Errorf("there is no %s", name)
			}
		}
		codes := row.refusalCodes(t)
		for _, name := range row.cases {
			cases++
			wantDocumented(t, name, codes)
		}
	}
	if cases < 50 || len(toolkits) < 15 {
		t.Errorf("only %d cases and %d toolkits are named", cases, len(toolkits))
	}
	for _, row := range toolkits {
		documentedCodes(t, row.response)
	}
}

// readRecords reads a file of records, separated by empty lines, with one field per line, and calls f for each field. A
// record begins with its first field.
func readRecords(t *testing.T, name, first string, begin func(), f func(key, value string) bool) {
	t.Helper()
	octets, err := os.ReadFile(filepath.Join("testdata", "security", name))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(octets)) {
		line = strings.TrimSuffix(line, "\n")
		key, value, ok := strings.Cut(line, ": ")
		if line == "" {
			continue
		}
		if key == first {
			begin()
		}
		if !ok || !f(key, value) {
			t.Fatalf("%s: %q", name, line)
		}
	}
}

func readProfile(t *testing.T) (all []profileRow) {
	t.Helper()
	readRecords(t, "profile.txt", "requirement", func() { all = append(all, profileRow{}) }, func(key, value string) bool {
		row := &all[len(all)-1]
		switch key {
		case "requirement":
			row.requirement = value
		case "tests":
			row.tests = strings.Fields(value)
		case "cases":
			row.cases = strings.Fields(value)
		case "fault":
			words := strings.Fields(value)
			row.faults = append(row.faults, profileFault{words[0], words[1:]})
		default:
			return false
		}
		return true
	})
	return all
}

func readToolkits(t *testing.T) (all []toolkitRow) {
	t.Helper()
	readRecords(t, "toolkits.txt", "toolkit", func() { all = append(all, toolkitRow{}) }, func(key, value string) bool {
		row := &all[len(all)-1]
		field, ok := map[string]*string{"toolkit": &row.toolkit, "default": &row.preset, "response": &row.response,
			"setting": &row.setting, "proof": &row.proof}[key]
		if ok {
			*field = value
		}
		return ok
	})
	return all
}

func formatProfile(all []profileRow) string {
	var w strings.Builder
	w.WriteString(profileHead)
	for _, row := range all {
		var cases, faults []string
		for _, name := range row.cases {
			cases = append(cases, "`"+name+".txtar`")
		}
		proof := strings.Join(cases, " ")
		if len(row.tests) > 0 {
			proof = "`" + strings.Join(row.tests, "` and `") + "`; " + proof
		}
		for _, f := range row.faults {
			faults = append(faults, "`"+f.name+"` "+strings.Join(f.codes, ", "))
		}
		w.WriteString("| " + row.requirement + " | " + proof + " | " + strings.Join(faults, "; ") + " |\n")
	}
	return w.String()
}

func formatToolkits(all []toolkitRow) string {
	var w strings.Builder
	w.WriteString(toolkitsHead)
	for _, row := range all {
		w.WriteString("| " + strings.Join([]string{row.toolkit, row.preset, row.response, row.setting, row.proof}, " | ") + " |\n")
	}
	return w.String()
}

// requireTable requires a table in docs/security.md between its markers. With -update it writes the table.
func requireTable(t *testing.T, name, want string) {
	t.Helper()
	octets, err := os.ReadFile(securityPage)
	if err != nil {
		t.Fatal(err)
	}
	page := string(octets)
	_, rest, hasStart := strings.Cut(page, "<!-- "+name+": ")
	_, rest, hasLine := strings.Cut(rest, "\n\n")
	table, _, hasEnd := strings.Cut(rest, "\n<!-- end of "+name+" -->")
	switch {
	case !hasStart || !hasLine || !hasEnd:
		t.Fatalf("docs/security.md has no markers for %s", name)
	case table == want:
	case *update:
		if err := os.WriteFile(securityPage, []byte(strings.Replace(page, table, want, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("docs/security.md is not made from testdata/security/%s.txt; run this test with -update", name)
	}
}

// declaredTests returns the names of the tests of this package.
func declaredTests(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, file := range files {
		octets, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range testDeclaration.FindAllSubmatch(octets, -1) {
			all[string(found[1])] = true
		}
	}
	return all
}

var (
	testDeclaration = regexp.MustCompile(`(?m)^func (Test\w+)\(t `)
	documentedCode  = regexp.MustCompile(`\b[A-Z][A-Z0-9]+(_[A-Z0-9]+)*(_…)?`)
)

// refusalCodes returns the codes of a row. Each must be given with the fault code of the row.
func (row profileRow) refusalCodes(t *testing.T) []problem.Code {
	t.Helper()
	var all []problem.Code
	for _, f := range row.faults {
		for _, code := range documentedCodes(t, strings.Join(f.codes, " ")) {
			name := "soap:Client"
			if entry, _ := problem.Lookup(code); entry.WSSFault != "" {
				name = "wsse:" + entry.WSSFault
			}
			if f.name != name {
				t.Errorf("docs/security.md: the fault code of %s is %s, not %s", code, name, f.name)
			}
			all = append(all, code)
		}
	}
	return all
}

// documentedCodes returns the codes in a text, each of which must exist; one that ends in … stands for all with that
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
		for _, e := range problem.Registered() {
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
