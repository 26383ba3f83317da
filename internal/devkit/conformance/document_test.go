package conformance

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the lists in docs/conformance.md")

// TestDocument: docs/conformance.md lists exactly the requirements of the code.
func TestDocument(t *testing.T) {
	t.Parallel()
	const path = "../../../docs/conformance.md"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var clients, servers []Requirement
	for _, d := range clientRequirements() {
		clients = append(clients, d.Requirement)
	}
	for _, s := range serverTests() {
		servers = append(servers, s.Requirement)
	}
	want := string(data)
	for name, list := range map[string][]Requirement{"clients": clients, "servers": servers} {
		begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->"
		before, rest, found := strings.Cut(want, begin)
		_, after, ended := strings.Cut(rest, end)
		if !found || !ended {
			t.Fatalf("there is no place for %s", name)
		}
		var table strings.Builder
		table.WriteString("| | requirement | where it stands |\n| --- | --- | --- |\n")
		for _, q := range list {
			fmt.Fprintf(&table, "| %s | %s | %s |\n", q.ID, q.Sentence, q.Source)
		}
		want = before + begin + table.String() + end + after
	}
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(data) {
		t.Error("docs/conformance.md is out of step: go test ./internal/devkit/conformance -run TestDocument -update")
	}
}
