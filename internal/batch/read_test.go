package batch_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/batch"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// testOptions are the options of a run on 2026-11-21.
func testOptions(tb testing.TB) batch.Options {
	tb.Helper()
	today, err := ident.ParseDate("2026-11-21")
	if err != nil {
		tb.Fatal(err)
	}
	return batch.Options{Save: "Final", Today: today}
}

const header = "input_reference;specialist_ssin;operation_date;patient_ssin;prescriber_nihii;prescription_date;notification_code;quantity"

// validRow is a row for header.
func validRow(reference string) string {
	return reference + ";78031412250;2026-11-20;48022907379;17800389480;2026-11-02;000071200176;1"
}

func joinLines(all ...string) string { return strings.Join(all, "\r\n") + "\r\n" }

// wantImplantation is the content of validRow("A-1").
func wantImplantation() ctr.Implantation {
	return ctr.Implantation{Specialist: ctr.Professional{SSIN: "78031412250"}, OperationDate: "2026-11-20", Patient: "48022907379",
		Prescriber: ctr.Professional{NIHII: "17800389480"}, PrescriptionDate: "2026-11-02",
		Implant: []ctr.NotifiedImplant{{NotificationCode: "000071200176", Quantity: 1}}}
}

// TestHabits reads the same notification in the formats that programs and spreadsheets write.
func TestHabits(t *testing.T) {
	row := validRow("A-1")
	replaced := func(old, replacement string) string {
		return joinLines(header, strings.Replace(row, old, replacement, 1))
	}
	cases := []struct{ name, text string }{
		{"as it should be", joinLines(header, row)},
		{"no last line end", header + "\n" + row},
		{"old line ends", header + "\r" + row + "\r"},
		{"byte order mark", "\xef\xbb\xbf" + joinLines(header, row)},
		{"commas", strings.ReplaceAll(joinLines(header, row), ";", ",")},
		{"separator named", "sep=;\r\n" + joinLines(header, row)},
		{"all quoted", `"` + strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(joinLines(header, row)), ";", `";"`), "\r\n", "\"\r\n\"") + "\"\r\n"},
		{"other order", joinLines("quantity;operation_date;input_reference;specialist_ssin;patient_ssin;prescriber_nihii;prescription_date;notification_code",
			"1;2026-11-20;A-1;78031412250;48022907379;17800389480;2026-11-02;000071200176")},
		{"capitals and spaces in the header", joinLines(strings.ToUpper(strings.ReplaceAll(header, "_", " ")), row)},
		{"spaces and hard spaces", replaced("48022907379", " \u00a048022907379 ")},
		{"apostrophe", replaced("48022907379", "'48022907379")},
		{"formula of a text", replaced("000071200176", `="000071200176"`)},
		{"quoted formula of a text", replaced("000071200176", `"=""000071200176"""`)},
		{"zeros dropped in front of a code", replaced("000071200176", "71200176")},
		{"days first", replaced("2026-11-20", "20/11/2026")},
		{"short days", replaced("2026-11-02", "2/11/2026")},
		{"midnight", replaced("2026-11-20", "20/11/2026 0:00")},
		{"midnight with seconds", replaced("2026-11-20", "2026-11-20 00:00:00")},
		{"no quantity is one", replaced("176;1", "176;")},
		{"cells missing at the end", replaced("176;1", "176")},
		{"empty columns and rows", joinLines(header+";;", row+";;", ";;;;;;;;;", "", "")},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := batch.Read([]byte(c.text), testOptions(t))
			if len(f.RowErrors) > 0 || len(f.Notifications) != 1 || len(f.Rows) != 1 {
				t.Fatalf("faults %v, %d rows, %d notifications", f.RowErrors, len(f.Rows), len(f.Notifications))
			}
			n := f.Notifications[0]
			if n.Reference != "A-1" || n.Save != "Final" || !reflect.DeepEqual(n.Rows, []int{2}) || !reflect.DeepEqual(n.Implantation, wantImplantation()) {
				t.Errorf("%+v", n)
			}
		})
	}
}

// TestFaults checks that each error has its row, column and reason, and excludes its notification.
func TestFaults(t *testing.T) {
	row := validRow("A-1")
	replaced := func(old, replacement string) string {
		return joinLines(header, strings.Replace(row, old, replacement, 1))
	}
	with := func(column string, cells ...string) string {
		all := []string{header + ";" + column}
		for _, cell := range cells {
			all = append(all, row+";"+cell)
		}
		return joinLines(all...)
	}
	cases := []struct{ name, text, want string }{
		{"nothing", "", "the file: it holds no row to send"},
		{"only a header", joinLines(header), "the file: it holds no row to send"},
		{"UTF-16", "\xff\xfei\x00", "the file: it is UTF-16"},
		{"a workbook", "PK\x03\x04", "the file: it is a workbook"},
		{"neither encoding", joinLines(header, row, "\x81"), "row 3: it is neither UTF-8 nor Windows-1252"},
		{"another separator", "sep=|\n" + joinLines(header, row), "the file: its first line names a separator"},
		{"unknown column", with("colour", "red"), `row 1: column 9 has a name that means nothing here; the columns are input_reference, `},
		{"column twice", with("quantity", "1"), "row 1, column quantity: it is there twice"},
		{"no header", joinLines(row, validRow("A-2")), "row 1: there is no header: the first row must have the names of the columns"},
		{"UTF-16 without mark", strings.Join(strings.Split(joinLines(header, row), ""), "\x00"), "the file: it is UTF-16"},
		{"NUL inside", joinLines(header, row, "A\x00"), "row 3: it has NUL octets"},
		{"97 is no enterprise", with("pharmacy_cbe", "97"), "row 2, column pharmacy_cbe: CBE_INVALID: "},
		{"196 is no code", replaced("000071200176", "196"), "row 2, column notification_code: IMPLANT_CODE_INVALID: "},
		{"zero lost in front of a UDI", with("udi", "105410000001047"), "row 2, column udi: a spreadsheet dropped the zero in front"},
		{"column missing", joinLines("input_reference;udi", "A;B"), "row 1, column specialist_ssin or specialist_nihii: it is missing"},
		{"a control in a comment", with("comment", "a\u202eb"), "row 2, column comment: TEXT_CONTROL_CHARACTERS: "},
		{"a control in a location", with("location", "a\u202ab"), "row 2, column location: TEXT_CONTROL_CHARACTERS: "},
		{"a control in a lot", with("lot", "a\u2066b"), "row 2, column lot: TEXT_CONTROL_CHARACTERS: "},
		{"cell beyond", joinLines(header, row+";left"), "row 2: cell 9 stands below no column name"},
		{"open quote", joinLines(header, `"`+row, validRow("A-2")), "row 2: a quoted cell of this row is not closed"},
		{"text behind a quote", joinLines(header, `"A"-1`+strings.TrimPrefix(row, "A-1")), "row 2: there is text behind the closing quote"},
		{"no reference", replaced("A-1", ""), "row 2, column input_reference: it is empty"},
		{"long reference", replaced("A-1", strings.Repeat("é", 65)), "row 2, column input_reference: it has 65 characters, and 64 are the most"},
		{"SSIN", replaced("48022907379", "48022907378"), "row 2, column patient_ssin: SSIN_INVALID: "},
		{"SSIN cut", replaced("48022907379", "8022907379"), "It has 10 digits: a spreadsheet drops zeros in front."},
		{"power of ten", replaced("78031412250", "7,80314E+10"), "row 2, column specialist_ssin: SSIN_INVALID: "},
		{"power of ten, said", replaced("78031412250", "7,80314E+10"), "A spreadsheet made a power of ten of it"},
		{"NIHII", replaced("17800389480", "17800389481x"), "row 2, column prescriber_nihii: NIHII_INVALID: "},
		{"code", replaced("000071200176", "000071200177"), "row 2, column notification_code: IMPLANT_CODE_INVALID: "},
		{"CBE", with("pharmacy_cbe", "0403227021"), "row 2, column pharmacy_cbe: CBE_INVALID: "},
		{"no such day", replaced("2026-11-20", "31/11/2026"), "row 2, column operation_date: this is not a date as 2026-11-20 or 20/11/2026"},
		{"month first", replaced("2026-11-20", "11/20/2026"), "row 2, column operation_date: this is not a date"},
		{"two digits", replaced("2026-11-20", "20/11/26"), "row 2, column operation_date: this is not a date"},
		{"a time of day", replaced("2026-11-20", "2026-11-20 10:00"), "row 2, column operation_date: this is not a date"},
		{"a zone", replaced("2026-11-20", "2026-11-20Z"), "row 2, column operation_date: this is not a date"},
		{"no day", replaced("2026-11-20", ""), "row 2, column operation_date: it is empty"},
		{"no specialist", replaced("78031412250", ""), "row 2, column specialist_ssin: specialist_ssin and specialist_nihii are both empty"},
		{"two numbers", with("prescriber_ssin", "78031412250"), "row 2, column prescriber_nihii: give prescriber_ssin or prescriber_nihii, not both"},
		{"two pharmacists", with("pharmacist_ssin;pharmacist_nihii", "72010120721;27200184000"), "column pharmacist_nihii: give pharmacist_ssin or"},
		{"future", replaced("2026-11-20", "2026-11-22"), "row 2, column operation_date: OPERATION_IN_FUTURE: "},
		{"long ago", replaced("2026-11-20", "1949-12-31"), "row 2, column operation_date: OPERATION_BEFORE_1950: "},
		{"prescription", replaced("2026-11-02", "2026-11-21"), "row 2, column prescription_date: PRESCRIPTION_AFTER_OPERATION: "},
		{"delivery", with("delivery_date", "2026-11-21"), "row 2, column delivery_date: DELIVERY_AFTER_OPERATION: "},
		{"quantity", replaced("176;1", "176;100"), "row 2, column quantity: QUANTITY_OUT_OF_RANGE: "},
		{"half", replaced("176;1", "176;1,5"), "row 2, column quantity: QUANTITY_OUT_OF_RANGE: "},
		{"side", with("side", "links"), "row 2, column side: this is not Left, Right, Bilateral or None"},
		{"neither code nor UDI", replaced("000071200176", ""), "row 2, column notification_code: IMPLANT_NOT_IDENTIFIED: "},
		{"lot", with("udi;lot", "(01)05410000001047(10)L1;L2"), "row 2, column lot: LOT_CONTRADICTS_UDI: "},
		{"serial", with("udi;serial", "(01)05410000001047(21)S1;S2"), "row 2, column serial: SERIAL_CONTRADICTS_UDI: "},
		{"expiry", with("udi;expiry_date", "(01)05410000001047(17)291231;30/12/2029"), "row 2, column expiry_date: EXPIRY_CONTRADICTS_UDI: "},
		{"line end in a lot", with("lot", "\"a\nb\""), "row 2, column lot: it holds a control character or a line end"},
		{"other patient", joinLines(header, row, strings.Replace(row, "48022907379", "78031412250", 1)),
			"row 3, column patient_ssin: it differs from that of row 2, which has the same input_reference"},
		{"too many", header + strings.Repeat("\n"+row, 51), "row 52, column input_reference: there are 51 rows with this reference"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := batch.Read([]byte(c.text), testOptions(t))
			var all []string
			for _, fault := range f.RowErrors {
				all = append(all, fault.String())
			}
			if output := strings.Join(all, "\n"); !strings.Contains(output, c.want) || strings.Contains(output, "4802290737") {
				t.Errorf("said %s\nwant %s", output, c.want)
			}
			if len(f.Notifications) > 0 {
				t.Errorf("still to be sent: %+v", f.Notifications[0])
			}
		})
	}
}

// TestBeforeUDI checks that an implant needs a code before the date from which a UDI suffices.
func TestBeforeUDI(t *testing.T) {
	text := joinLines("input_reference;specialist_ssin;operation_date;patient_ssin;prescriber_nihii;prescription_date;udi",
		"A;78031412250;25/05/2023;48022907379;17800389480;25/05/2023;(01)05410000001047", "B;78031412250;26/05/2023;48022907379;17800389480;25/05/2023;(01)05410000001047")
	f := batch.Read([]byte(text), testOptions(t))
	if len(f.RowErrors) != 1 || f.RowErrors[0].Code != "IMPLANT_CODE_REQUIRED" || f.RowErrors[0].Row != 2 || len(f.Notifications) != 1 {
		t.Errorf("%v, %d", f.RowErrors, len(f.Notifications))
	}
}

// TestDrafts checks that a draft may break the rules but must contain valid numbers.
func TestDrafts(t *testing.T) {
	o := testOptions(t)
	o.Save = "Draft"
	text := joinLines(header, strings.Replace(validRow("A"), "000071200176", "", 1), strings.Replace(validRow("B"), "2026-11-20", "2027-01-01", 1),
		strings.Replace(validRow("C"), "48022907379", "48022907378", 1))
	f := batch.Read([]byte(text), o)
	if len(f.Notifications) != 2 || len(f.RowErrors) != 1 || f.RowErrors[0].Row != 4 {
		t.Errorf("%v, %d", f.RowErrors, len(f.Notifications))
	}
}

// TestGroups checks that rows with one reference form one notification, adjacent or not, and that an error in one row
// excludes only its own notification.
func TestGroups(t *testing.T) {
	text := joinLines(header+";comment;location;pharmacist_nihii;pharmacy_nihii;side", validRow("A")+";'s avonds;'t been;27200184000;21500346;left", validRow("B"), "A;;;;;;000071200275;2", "",
		strings.Replace(validRow("B"), "000071200176", "1", 1), validRow("C")+";\"one\r\ntwo\"")
	f := batch.Read([]byte(text), testOptions(t))
	if len(f.RowErrors) != 1 || f.RowErrors[0].Row != 6 || len(f.Rows) != 5 || len(f.Notifications) != 2 {
		t.Fatalf("%v, %d rows, %d notifications", f.RowErrors, len(f.Rows), len(f.Notifications))
	}
	want := wantImplantation()
	want.Comment = "'s avonds"
	want.Implant[0].Location, want.Implant[0].Side = "'t been", "Left"
	want.Implant[0].Pharmacist, want.Implant[0].Pharmacy = &ctr.Professional{NIHII: "27200184000"}, &ctr.Pharmacy{NIHII: "21500346"}
	want.Implant = append(want.Implant, ctr.NotifiedImplant{NotificationCode: "000071200275", Quantity: 2})
	if a := f.Notifications[0]; !reflect.DeepEqual(a.Implantation, want) || !reflect.DeepEqual(a.Rows, []int{2, 4}) {
		t.Errorf("%+v", a)
	}
	if c := f.Notifications[1]; c.Reference != "C" || c.Implantation.Comment != "one\ntwo" {
		t.Errorf("%+v", c)
	}
}

// TestWindows checks that data that is not UTF-8 is read as Windows-1252, and that the encoding is reported.
func TestWindows(t *testing.T) {
	f := batch.Read([]byte(joinLines(header+";location", validRow("A-1")+";gauche \x96 c\xf4t\xe9 \x80")), testOptions(t))
	if len(f.RowErrors) > 0 || f.Encoding != "Windows-1252" || f.Separator != ";" || f.Notifications[0].Implantation.Implant[0].Location != "gauche – côté €" {
		t.Errorf("%+v", f)
	}
}

// TestJSONLines reads the same notification as a JSON object.
func TestJSONLines(t *testing.T) {
	object := `{"input_reference":"A-1","specialist_ssin":"78031412250","operation_date":"2026-11-20","patient_ssin":48022907379,` +
		`"prescriber_nihii":"17800389480","prescription_date":"2026-11-02","notification_code":"000071200176","quantity":1,"comment":null}`
	o := testOptions(t)
	o.JSONLines = true
	f := batch.Read([]byte(object+"\n\n"), o)
	if len(f.RowErrors) > 0 || len(f.Notifications) != 1 || !reflect.DeepEqual(f.Notifications[0].Implantation, wantImplantation()) {
		t.Fatalf("%+v", f)
	}
	cases := map[string]string{
		"[]": "row 1: it is not one JSON object", "null": "row 1: it is not one JSON object", "{} {}": "row 1: it is not one JSON object",
		"{": "row 1: it is not one JSON object", "{}": "row 1, column input_reference: it is empty",
		`{"colour":"red"}`: `row 1: one of its keys means nothing here`, `{"quantity":true}`: "row 1, column quantity: it is neither a text nor a number",
	}
	for text, want := range cases {
		if f := batch.Read([]byte(text), o); len(f.RowErrors) != 1 || !strings.HasPrefix(f.RowErrors[0].String(), want) || len(f.Notifications) > 0 {
			t.Errorf("%s: %v", text, f.RowErrors)
		}
	}
}

// FuzzRead checks that no file causes a panic, that notifications to send have a reference and rows, and that the
// results have one line per row, in order.
func FuzzRead(f *testing.F) {
	f.Add([]byte(joinLines(header, validRow("A"))), false)
	f.Add([]byte("sep=,\n\"a\"\"b,=\"c\n"), false)
	f.Add([]byte(joinLines(header, validRow("A"), "", "\"\n\";"+validRow("A"))), false)
	f.Add([]byte(`{"input_reference":"A"}`), true)
	o := testOptions(f)
	none, err := batch.ReadJournal(filepath.Join(f.TempDir(), "nothing"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte, jsonLines bool) {
		o.JSONLines = jsonLines
		file := batch.Read(data, o)
		for _, n := range file.Notifications {
			if n.Reference == "" || len(n.Rows) == 0 || len(n.Rows) != len(n.Implantation.Implant) {
				t.Errorf("%+v", n)
			}
		}
		first, last := 2, 0
		if jsonLines {
			first = 1
		}
		if len(file.Rows) > 0 {
			last = file.Rows[len(file.Rows)-1].Number - first + 1
		}
		reader := csv.NewReader(bytes.NewReader(file.ResultsCSV(none)))
		reader.Comma = ';'
		records, err := reader.ReadAll()
		if err != nil || len(records) != 1+last {
			t.Fatalf("%d records for %d rows, %v", len(records), last, err)
		}
		for i, record := range records[1:] {
			if record[0] != strconv.Itoa(first+i) {
				t.Errorf("line %d is about row %s", i, record[0])
			}
		}
	})
}

// validFile is a file with count valid notifications.
func validFile(tb testing.TB, count int) *batch.File {
	tb.Helper()
	all := []string{header}
	for i := range count {
		all = append(all, validRow(fmt.Sprintf("A-%d", i)))
	}
	f := batch.Read([]byte(joinLines(all...)), testOptions(tb))
	if len(f.RowErrors) > 0 || len(f.Notifications) != count {
		tb.Fatalf("%v", f.RowErrors)
	}
	return f
}
