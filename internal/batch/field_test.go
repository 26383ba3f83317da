package batch_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/batch"
)

// textColumns are the columns with any text, and one of each other kind.
var textColumns = []string{
	"input_reference", "udi", "lot", "serial", "comment", "location", "notification_code", "patient_ssin",
	"prescriber_nihii", "pharmacy_cbe", "operation_date", "expiry_date", "quantity", "side",
}

// damagedValues are what spreadsheets and programs leave of a value.
var damagedValues = []string{
	// Powers of ten.
	"1,23457E+14", "9.00001E+11", "1E+14", "2.0260412345678e13", "-1.5e-07", "5,41E+12", "1E-05", "7,80314e+10",
	// Errors of formulas: English, Dutch, French, German, LibreOffice.
	"#N/A", "#NAME?", "#VALUE!", "#REF!", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#GETTING_DATA",
	"#NB", "#NAAM?", "#WAARDE!", "#VERW!", "#DEEL/0!", "#GETAL!", "#LEEG!", "#OVERLOOP!",
	"#NOM?", "#VALEUR!", "#NOMBRE!", "#NUL!", "#PROPAGATION!", "#n/a",
	"#NV", "#WERT!", "#BEZUG!", "#ZAHL!", "#ÜBERLAUF!", "#NULL!",
	"Err:502", "Err:508",
	// Columns that were too narrow.
	"###", "########", "##############",
}

// TestFindingSpreadsheetDamage puts each damaged value into each column: an error with row and column, nothing to send,
// and the value is not repeated.
func TestFindingSpreadsheetDamage(t *testing.T) {
	for _, column := range textColumns {
		for _, value := range damagedValues {
			f := batch.Read([]byte(joinLines(withCell(column, value)...)), testOptions(t))
			text := fmt.Sprint(f.RowErrors)
			if !strings.Contains(text, "row 2, column "+column+": ") || len(f.Notifications) > 0 {
				t.Errorf("%s %q: %s, %d to send", column, value, text, len(f.Notifications))
			}
			if strings.Contains(text, value+" ") || strings.Contains(text, `"`+value) {
				t.Errorf("%s: the error repeats %q: %s", column, value, text)
			}
		}
	}
	for _, value := range []string{"12E5", "E+12", "1E10", "22E03", "A#12", "#12", "L-1.5E2", "#", "##", "1,5", "2.5", "AB(C)D", "12-E+4"} {
		f := batch.Read([]byte(joinLines(withCell("lot", value)...)), testOptions(t))
		if len(f.RowErrors) > 0 || len(f.Notifications) != 1 || f.Notifications[0].Implantation.Implant[0].LotNumber != value {
			t.Errorf("the lot %q: %v", value, f.RowErrors)
		}
	}
}

// withCell returns a header and a row in which one column has the value.
func withCell(column, value string) []string {
	names, cells := strings.Split(header, ";"), strings.Split(validRow("A-1"), ";")
	for i, name := range names {
		if name == column {
			cells[i] = `"` + value + `"`
			return []string{header, strings.Join(cells, ";")}
		}
	}
	return []string{header + ";" + column, validRow("A-1") + `;"` + value + `"`}
}

// TestDamagedJSON finds what programs write for numbers, and keys that are there twice.
func TestDamagedJSON(t *testing.T) {
	const object = `{"input_reference":"A","specialist_ssin":"78031412250","operation_date":"2026-11-20",` +
		`"patient_ssin":48022907379,"prescriber_nihii":"17800389480","prescription_date":"2026-11-02","notification_code":71200176%s}`
	o := testOptions(t)
	o.JSONLines = true
	for members, want := range map[string]string{
		``:                                      "",
		`,"lot":"L1"`:                           "",
		`,"lot":2201`:                           "",
		`,"lot":null`:                           "",
		`,"lot":2.0260412345678e13`:             "row 1, column lot: it is a number with decimals or a power of ten",
		`,"serial":1E+14`:                       "row 1, column serial: it is a number with decimals",
		`,"lot":2201.0`:                         "row 1, column lot: it is a number with decimals",
		`,"lot":"1.5E+13"`:                      "row 1, column lot: a spreadsheet made a power of ten of it",
		`,"lot":"#N/A"`:                         "row 1, column lot: it is the error of a spreadsheet's formula",
		`,"lot":"L1","lot":"L2"`:                "row 1, column lot: the key is there twice",
		`,"lot":"L1","lot":"L1"`:                "row 1, column lot: the key is there twice",
		`,"patient_ssin":"48022907379"`:         "row 1, column patient_ssin: the key is there twice",
		`,"48022907379":1`:                      "row 1: one of its keys means nothing here",
		`,"lot":["L1"]`:                         "row 1, column lot: it is neither a text nor a number",
		`,"lot":{"a":1,"a":2}`:                  "row 1, column lot: it is neither a text nor a number",
		`,"lot":"L1"} {"a":1`:                   "row 1: it is not one JSON object on one line",
		`,"lot"`:                                "row 1: it is not one JSON object on one line",
		`,"udi":"010541000000104710L\u001d21S"`: "",
	} {
		f := batch.Read([]byte(fmt.Sprintf(object, members)), o)
		text := fmt.Sprint(f.RowErrors)
		if want == "" && len(f.RowErrors) > 0 || !strings.Contains(text, want) || (len(f.Notifications) == 1) != (want == "") {
			t.Errorf("%s: %s, %d to send", members, text, len(f.Notifications))
		}
		if strings.Contains(text, "48022907379") {
			t.Errorf("the error repeats a number: %s", text)
		}
	}
}

// TestFormsOfFiles reads the forms in which programs write tables.
func TestFormsOfFiles(t *testing.T) {
	plain := joinLines(header, validRow("A-1"))
	tab := strings.ReplaceAll(plain, ";", "\t")
	for name, c := range map[string]struct {
		text      string
		row       int
		separator string
	}{
		"tabs":                          {tab, 2, "\t"},
		"tabs, named":                   {"sep=\t\n" + tab, 2, "\t"},
		"semicolons, named":             {"sep=;\r\n" + plain, 2, ";"},
		"named in capitals":             {"SEP=;\n" + plain, 2, ";"},
		"named in quotes":               {"\"sep=;\"\n" + plain, 2, ";"},
		"named, and written back":       {"sep=;;;;;;;;\n" + plain, 2, ";"},
		"a title":                       {"Implantaties van november 2026;;;;;;;\n" + plain, 3, ";"},
		"a title without separators":    {"Implants, November 2026\n\n" + plain, 4, ";"},
		"a title, then commas":          {"Implants\n" + strings.ReplaceAll(plain, ";", ","), 3, ","},
		"a title, then tabs":            {"Implants; of November\n" + tab, 3, "\t"},
		"trailing NULs":                 {plain + "\x00\x00\x00", 2, ";"},
		"the end of a DOS file":         {plain + "\x1a", 2, ";"},
		"quoted names":                  {`"` + strings.ReplaceAll(header, ";", `";"`) + "\"\n" + validRow("A-1") + "\n", 2, ";"},
		"byte order mark":               {"\ufeff" + plain, 2, ";"},
		"numbers as people write them":  {strings.NewReplacer("48022907379", "48.02.29-073.79", "17800389480", "1-78003-89-480", "000071200176", "0000 7120 0176").Replace(plain), 2, ";"},
		"line ends of an old Macintosh": {strings.ReplaceAll(plain, "\r\n", "\r"), 2, ";"},
		"a title and Windows line ends": {"Implants\r\n" + plain, 3, ";"},
		"a byte order mark before sep=": {"\ufeffsep=;\n" + plain, 2, ";"},
	} {
		f := batch.Read([]byte(c.text), testOptions(t))
		if len(f.RowErrors) > 0 || len(f.Notifications) != 1 || len(f.Rows) != 1 {
			t.Errorf("%s: %v, %d rows", name, f.RowErrors, len(f.Rows))
			continue
		}
		n := f.Notifications[0]
		if f.Rows[0].Number != c.row || f.Separator != c.separator || n.Implantation.Patient != "48022907379" ||
			n.Implantation.Prescriber.NIHII != "17800389480" || n.Implantation.Implant[0].NotificationCode != "000071200176" {
			t.Errorf("%s: row %d, separator %q, %+v", name, f.Rows[0].Number, f.Separator, n)
		}
	}
	scan := batch.Read([]byte(joinLines(withCell("udi", "010541000000104710L1\x1d21S1")...)), testOptions(t))
	if len(scan.RowErrors) > 0 || scan.Notifications[0].Implantation.Implant[0].UDI != "010541000000104710L1␝21S1" {
		t.Errorf("a scanner's separator: %v", scan.RowErrors)
	}
}

// TestFindingNoHeader gives files without a header: no cell is repeated.
func TestFindingNoHeader(t *testing.T) {
	for name, text := range map[string]string{
		"rows":             joinLines(validRow("R1"), validRow("R2")),
		"rows, tabs":       strings.ReplaceAll(joinLines(validRow("R1"), validRow("R2")), ";", "\t"),
		"one column":       joinLines("48022907379", "78031412250"),
		"persons as names": joinLines(strings.Replace(header, "patient_ssin", "48022907379", 1), validRow("R1")),
		"a name in quotes": joinLines(`"48022907379";lot;"17800389480"`, "a;b;c"),
		"a header beyond":  strings.Repeat("48022907379;17800389480\n", 12) + joinLines(header, validRow("R1")),
	} {
		f := batch.Read([]byte(text), testOptions(t))
		said := fmt.Sprint(f.RowErrors)
		if len(f.RowErrors) == 0 || len(f.Notifications) > 0 {
			t.Errorf("%s: accepted", name)
		}
		for _, number := range []string{"48022907379", "78031412250", "17800389480"} {
			if strings.Contains(said, number) {
				t.Errorf("%s: the error repeats a number: %s", name, said)
			}
		}
	}
}
