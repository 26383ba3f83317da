package udi_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/implants/udi"
)

var update = flag.Bool("update", false, "write the tables of docs/udi.md")

const (
	beginTable = "<!-- made by go test ./internal/implants/udi -run TestDocument -update -->\n"
	endTable   = "<!-- end -->\n"
)

// TestDocumentHasEveryIdentifier compares the tables of docs/udi.md with those of the code.
func TestDocumentHasEveryIdentifier(t *testing.T) {
	const name = "../../../docs/udi.md"
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	pieces := strings.Split(string(data), beginTable)
	if len(pieces) != 3 {
		t.Fatalf("%s has %d tables", name, len(pieces)-1)
	}
	text := pieces[0]
	for i, table := range []string{tableOfIdentifiers(), tableOfStructures()} {
		_, after, _ := strings.Cut(pieces[i+1], endTable)
		text += beginTable + table + endTable + after
	}
	if *update {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if text != string(data) {
		t.Error("docs/udi.md differs from the tables: go test ./internal/implants/udi -run TestDocument -update")
	}
}

func tableOfIdentifiers() string {
	var b strings.Builder
	b.WriteString("| identifier | value | length | separator behind it | content | kept as |\n| --- | --- | --- | --- | --- | --- |\n")
	kept := map[string]string{"01": "device identifier", "10": "lot number", "11": "date of manufacture", "17": "expiry date", "21": "serial number"}
	for _, row := range udi.TableOfIdentifiers() {
		identifier, separator := row.First, "needed"
		if row.Last != row.First {
			identifier += " to " + row.Last
		}
		if row.IsPredefined {
			separator = "–"
		}
		shortest, longest := makeValue(row.Format, false), makeValue(row.Format, true)
		length := fmt.Sprint(len(longest))
		if len(shortest) < len(longest) {
			length = fmt.Sprintf("%d to %d", len(shortest), len(longest))
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s | %s |\n", identifier, row.Format, length, separator, row.Title, kept[row.First])
	}
	return b.String()
}

func tableOfStructures() string {
	var b strings.Builder
	b.WriteString("| data identifier | characters | content |\n| --- | ---: | --- |\n")
	for _, row := range udi.StructuresOfISBT() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", row.First, row.Format, row.Title)
	}
	return b.String()
}
