package operator_test

import (
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/devkit/devdata"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/operator"
)

func TestDevelopmentDataIsRead(t *testing.T) {
	want := map[string]int{"persons": 13, "professionals": 6, "organisations": 4, "affiliations": 7, "mandates": 2, "therapeutic-links": 3, "devices": 12}
	var all implants.SourceEntries
	for _, kind := range operator.Kinds() {
		file, err := devdata.Files.Open(kind + ".csv")
		if err != nil {
			t.Fatal(err)
		}
		n, err := operator.ReadCSV(kind, file, &all)
		if err != nil || n != want[kind] {
			t.Errorf("%s: %d entries (want %d), error %v", kind, n, want[kind], err)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(all.Persons) != 13 || all.Persons[0].LastName != "Claes" || len(all.Devices) != 12 || all.Devices[4].UDIDIs[0] != "05410000001047" {
		t.Errorf("%d persons, %d devices", len(all.Persons), len(all.Devices))
	}
}

func TestEveryErrorNamesLineAndColumn(t *testing.T) {
	file := "ssin;first_name;last_name;birth_date;death_date\n" +
		"78031412250;Anna;Claes;1978-03-14;\n" +
		"78031412251;Anna;;1978-03-14;\n" +
		"69092234126;Luc;Dubois;1969-09-32;\n" +
		"69092234126;Luc\x1d;Dubois;1969-09-22;\n"
	var all implants.SourceEntries
	_, err := operator.ReadCSV("persons", strings.NewReader(file), &all)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"line 3, column ssin: SSIN_INVALID", "line 3, column last_name: is empty", "line 4, column birth_date: DATE_INVALID",
		"line 5, column first_name: holds a control character"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not told in:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "78031412251") {
		t.Error("a person's number is told")
	}
	if len(all.Persons) != 0 {
		t.Error("a faulty file added entries")
	}
}

func TestHeader(t *testing.T) {
	for name, want := range map[string]string{
		"":                          "no header line",
		"ssin;colour\n":             `the name of column 2 is unknown`,
		"ssin;first_name\n":         `column "last_name" is missing`,
		"\ufeffssin;first_name;x\n": `the name of column 3 is unknown`,
	} {
		if _, err := operator.ReadCSV("persons", strings.NewReader(name), &implants.SourceEntries{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", name, err, want)
		}
	}
	if _, err := operator.ReadCSV("surgeons", strings.NewReader(""), &implants.SourceEntries{}); err == nil || !strings.Contains(err.Error(), "the kinds are: persons") {
		t.Errorf("unknown kind: %v", err)
	}
}
