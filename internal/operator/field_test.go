package operator_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/operator"
	"github.com/openctr/ctr/internal/testing/storetest"
)

const (
	personsHeader       = "ssin;first_name;last_name;birth_date;death_date\n"
	professionalsHeader = "ssin;nihii;profession;speciality;valid_from;valid_to\n"
	affiliationsHeader  = "organisation_nihii;ssin;role;valid_from;valid_to\n"
	replacesHeader      = "ssin;first_name;last_name;birth_date;death_date;replaces\n"
)

// TestFindingImportsCheckEveryValue imports files with a fault in a coded value, a list, a date or a header. The error
// names line and column, and nothing that stands in the file.
func TestFindingImportsCheckEveryValue(t *testing.T) {
	device := func(category, di, status string) string {
		return deviceHeader + "\n000071200176;Heup;R1;Mfr;Dis;D.01.02.03.04;" + category + ";" + di + ";" + status + ";2015-01-01;\n"
	}
	for name, c := range map[string]struct{ kind, content, want string }{
		"unknown profession":           {"professionals", professionalsHeader + "78031412250;17800389480;Surgeon;;2010-01-01;\n", "line 2, column profession: is not Physician, Dentist or Pharmacist"},
		"no profession":                {"professionals", professionalsHeader + "78031412250;17800389480;;;2010-01-01;\n", "line 2, column profession: is not"},
		"unknown role":                 {"affiliations", affiliationsHeader + "71000436;78031412250;boss;2010-01-01;\n", "line 2, column role: is not Specialist,"},
		"unknown status":               {"devices", device("Stent", "", "Withdrawn"), "line 2, column status: is not Active, Deleted or Recalled"},
		"unknown category":             {"devices", device("Knee", "", "Active"), "line 2, column category: is not Stent,"},
		"wrong check digit":            {"devices", device("Stent", "05410000001048", "Active"), "line 2, column udi_di: holds a text that is no device identifier: UDI_GTIN_CHECK"},
		"wrong check digit of two":     {"devices", device("Stent", "05410000001047,05410000001048", "Active"), "line 2, column udi_di"},
		"9 digits":                     {"devices", device("Stent", "541000000", "Active"), "line 2, column udi_di"},
		"a power of ten":               {"devices", device("Stent", "5.41E+13", "Active"), "line 2, column udi_di"},
		"a lot":                        {"devices", device("Stent", "(10)L2201", "Active"), "line 2, column udi_di"},
		"wrong HIBC check":             {"devices", device("Stent", "+A123BJC5D6E71H", "Active"), "line 2, column udi_di"},
		"death before birth":           {"persons", personsHeader + "78031412250;Jan;Peeters;1978-03-14;1970-01-01\n", "line 2, column death_date: is before birth_date"},
		"no header":                    {"persons", "78031412250;Jan;Peeters;1978-03-14;\n", "line 1 is no header"},
		"header of another file":       {"persons", "nihii;cbe;type;name\n", "line 1 is no header"},
		"commas":                       {"persons", strings.ReplaceAll(personsHeader, ";", ",") + "78031412250,Jan,Peeters,1978-03-14,\n", "line 1 is no header, or not separated by semicolons"},
		"header in part":               {"persons", "ssin;first_name;Peeters;78031412250;\n", "the name of column 3 is unknown"},
		"UTF-16":                       {"persons", "\xff\xfes\x00s\x00", "the file is UTF-16"},
		"UTF-16 without mark":          {"persons", "s\x00s\x00i\x00n\x00", "the file is UTF-16"},
		"workbook":                     {"persons", "PK\x03\x04", "the file is a workbook"},
		"one number of two":            {"professionals", professionalsHeader + "78031412250;17800389480;Physician;;2010-01-01;\n69092234126;17800389001;Physician;;2010-01-01;\n", "line 3, column nihii: on another line it is the number of another person"},
		"a number replaced by itself":  {"persons", replacesHeader + "78031412250;Jan;Peeters;;;78031412250\n", "line 2, column replaces: is the same number"},
		"a circle of two":              {"persons", replacesHeader + "78031412250;A;B;;;69092234126\n69092234126;A;B;;;78031412250\n", "line 3, column replaces: the replacements of this file go in a circle"},
		"a circle of three":            {"persons", replacesHeader + "78031412250;A;B;;;69092234126\n69092234126;A;B;;;85073003328\n85073003328;A;B;;;78031412250\n", "line 4, column replaces: the replacements of this file go in a circle"},
		"one number replaced by two":   {"persons", replacesHeader + "78031412250;A;B;;;69092234126\n85073003328;A;B;;;69092234126\n", "line 3, column replaces: another line replaces this number too"},
		"a quote that is never closed": {"persons", personsHeader + "78031412250;\"Jan;Peeters;1978-03-14;\n", "not readable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newImportFixture(t, storetest.NewSQLiteBackend(t).Open(t))
			_, err := i.DryRun(t.Context(), i.newExtract(c.kind, "", c.content))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want %s", err, c.want)
			}
			for _, secret := range []string{"78031412250", "69092234126", "17800389480", "Peeters", "Jan"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error repeats %s: %v", secret, err)
				}
			}
		})
	}
}

// TestImportsAgreeWithTheRegister refuses what contradicts entries that are stored.
func TestImportsAgreeWithTheRegister(t *testing.T) {
	t.Parallel()
	forEachEngine(t, func(t *testing.T, b storetest.Backend) {
		t.Helper()
		i := newImportFixture(t, b.Open(t))
		commit := func(kind, content string) {
			t.Helper()
			if _, err := i.Commit(t.Context(), i.newExtract(kind, "", content)); err != nil {
				t.Fatal(err)
			}
		}
		commit("persons", replacesHeader+"78031412250;A;B;;;69092234126\n85073003328;C;D;;;\n")
		commit("professionals", professionalsHeader+"78031412250;17800389480;physician;;2010-01-01;\n")
		i.checkRejected(i.newExtract("persons", "", replacesHeader+"69092234126;A;B;;;78031412250\n"), "in the register this number replaces")
		i.checkRejected(i.newExtract("professionals", "", professionalsHeader+"85073003328;17800389480;Dentist;;2012-01-01;\n"),
			"line 2, column nihii: in the register it is the number of another person")
		// The former number of the same person is the same person.
		commit("professionals", professionalsHeader+"69092234126;1-78003-89-480;PHYSICIAN;;2012-01-01;\n")
	})
}

// TestImportsUnderstandWhatPeopleWrite imports files as spreadsheets and PowerShell write them.
func TestImportsUnderstandWhatPeopleWrite(t *testing.T) {
	quoted := func(header string) string {
		return `"` + strings.ReplaceAll(strings.TrimSpace(header), ";", `";"`) + "\"\n"
	}
	for name, c := range map[string]struct{ kind, content string }{
		"byte order mark and quotes": {"persons", "\ufeff" + quoted(personsHeader) + "78031412250;Jan;Peeters;1978-03-14;\n"},
		"byte order mark":            {"persons", "\ufeff" + personsHeader + "78031412250;Jan;Peeters;1978-03-14;\n"},
		"CR LF":                      {"persons", strings.ReplaceAll("\ufeff"+quoted(personsHeader)+"78031412250;Jan;Peeters;1978-03-14;\n", "\n", "\r\n")},
		"everything quoted":          {"persons", "\ufeff" + quoted(personsHeader) + `"78031412250";"Jan";"Peeters";"1978-03-14";""` + "\n"},
		"punctuation":                {"persons", personsHeader + "78.03.14-122.50;Jan;Peeters;1978-03-14;\n"},
		"lower case":                 {"professionals", professionalsHeader + "78031412250;1/78003/89/480;physician;;2010-01-01;\n"},
		"enterprise number":          {"organisations", "nihii;cbe;type;name\n71000436;BE 0403.227.020;Hospital;Ziekenhuis\n"},
		"role in lower case":         {"affiliations", affiliationsHeader + "71000436;78031412250;specialist;2010-01-01;\n"},
	} {
		var all implants.SourceEntries
		if n, err := operator.ReadCSV(c.kind, strings.NewReader(c.content), &all); n != 1 || err != nil {
			t.Errorf("%s: %d, %v", name, n, err)
		}
		if len(all.Persons) == 1 && (all.Persons[0].SSIN.Digits() != "78031412250" || all.Persons[0].LastName != "Peeters") ||
			len(all.Practices) == 1 && (all.Practices[0].Profession != "Physician" || all.Practices[0].NIHII.Digits() != "17800389480") ||
			len(all.Affiliations) == 1 && all.Affiliations[0].Role != "Specialist" {
			t.Errorf("%s: %+v", name, all)
		}
	}
	for list, want := range map[string][]string{
		"5410000001047":                                   {"05410000001047"},
		"(01)05410000001047":                              {"05410000001047"},
		"05410000001047,05410000001115":                   {"05410000001047", "05410000001115"},
		"5410000001047 | 05410000001115 , 05410000001047": {"05410000001047", "05410000001115"},
		"+A123BJC5D6E71G +B456KNEE739":                    {"+A123BJC5D6E71", "+B456KNEE739"},
		"=/A9999XYZ100T0944":                              {"A9999XYZ100T0944"},
		"":                                                nil,
	} {
		var all implants.SourceEntries
		content := deviceHeader + "\n000071200176;Heup;R1;Mfr;Dis;D.01.02.03.04;stent;" + list + ";recalled;2015-01-01;\n"
		if _, err := operator.ReadCSV("devices", strings.NewReader(content), &all); err != nil || len(all.Devices) != 1 ||
			!slices.Equal(all.Devices[0].UDIDIs, want) || all.Devices[0].Category != "Stent" || all.Devices[0].Status != implants.DeviceRecalled {
			t.Errorf("%q: %v, %+v", list, err, all.Devices)
		}
	}
}
