package operator

import (
	"bytes"
	"encoding/csv"
	"os"
	"strings"
	"testing"
)

// TestFormulasInExports writes the texts with which the portal is attacked, and reads the cells as a spreadsheet does.
func TestFormulasInExports(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../service/testdata/hostile-texts.txt")
	if err != nil {
		t.Fatal(err)
	}
	rows := [][]string{{"\t=1+1"}, {"\r=1+1"}, {"\n=1+1"}, {"=1+1\n=2"}, {"a;=1+1"}, {"a\";\"=1+1"}, {""}}
	for line := range strings.Lines(string(data)) {
		rows = append(rows, []string{strings.TrimSpace(line)})
	}
	var b bytes.Buffer
	if err = writeCSV(&b, []string{"text"}, rows); err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(&b)
	r.Comma = ';'
	read, err := r.ReadAll()
	if err != nil || len(read) < 40 {
		t.Fatalf("%d rows, %v", len(read), err)
	}
	escaped := 0
	for _, cells := range read[1:] {
		if len(cells) != 1 || cells[0] != "" && strings.ContainsAny(cells[0][:1], "=+-@\t\r\n") || strings.HasPrefix(cells[0], "＝") {
			t.Errorf("%q is computed", cells)
		}
		if strings.HasPrefix(cells[0], "'") {
			escaped++
		}
	}
	if escaped < 11 {
		t.Errorf("only %d cells are escaped", escaped)
	}
}
