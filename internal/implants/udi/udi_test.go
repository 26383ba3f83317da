package udi_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/implants/udi"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// mustParseDay parses a day in a test table; the empty text gives the zero day.
func mustParseDay(t *testing.T, s string) ident.Date {
	t.Helper()
	if s == "" {
		return ident.Date{}
	}
	d, err := ident.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// withHIBCCheck appends the check character, computed independently of the package.
func withHIBCCheck(data string) string {
	const characters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"
	sum := 0
	for _, c := range data {
		sum += strings.IndexRune(characters, c)
	}
	return data + characters[sum%43:sum%43+1]
}

var acceptedUDIs = []struct {
	in                        string
	issuer                    udi.Issuer
	di, lot, serial           string
	expiry, manufactured, out string // out empty: the input itself
}{
	// GS1, human readable.
	{"(01)05410000001047(17)291231(10)L2201(21)S-000917", udi.GS1, "05410000001047", "L2201", "S-000917", "2029-12-31", "", ""},
	{"(01)51022222233336(11)141231(17)150707(10)A213B1(21)1234", udi.GS1, "51022222233336", "A213B1", "1234", "2015-07-07", "2014-12-31", ""},
	{"(01)02102222233339", udi.GS1, "02102222233339", "", "", "", "", ""},
	{" (01) 05410000001047 (21) S1 \r\n", udi.GS1, "05410000001047", "", "S1", "", "", "(01)05410000001047(21)S1"},
	{"(21)1(10)2(01)05410000001047", udi.GS1, "05410000001047", "2", "1", "", "", "(01)05410000001047(10)2(21)1"},
	{"(01)05410000001047(17)280200(11)270200", udi.GS1, "05410000001047", "", "", "2028-02-29", "2027-02-28", "(01)05410000001047(11)270228(17)280229"},
	{"(01)05410000001047(17)500101(11)510101", udi.GS1, "05410000001047", "", "", "2050-01-01", "1951-01-01", "(01)05410000001047(11)510101(17)500101"},
	{"(01)05410000001047(240)REF/1(241)C2(250)X(22)V(20)01(30)5(37)00000012(13)200101(15)300100", udi.GS1, "05410000001047", "", "", "", "", "(01)05410000001047"},
	{`(01)05410000001047(10)!"%&'*+,-./:;<=>?)_a`, udi.GS1, "05410000001047", `!"%&'*+,-./:;<=>?)_a`, "", "", "", ""},
	{"(01)05410000001047(10)A(01)05410000001047(10)A", udi.GS1, "05410000001047", "A", "", "", "", "(01)05410000001047(10)A"},
	{"]d2(01)05410000001047", udi.GS1, "05410000001047", "", "", "", "", "(01)05410000001047"},

	// GS1, element strings.
	{"]d2010541000000104717291231" + "10L2201\x1d21S-000917", udi.GS1, "05410000001047", "L2201", "S-000917", "2029-12-31", "", "(01)05410000001047(17)291231(10)L2201(21)S-000917"},
	{"]C101054100000010471729123110L2201\x1d21S-000917\x1d", udi.GS1, "05410000001047", "L2201", "S-000917", "2029-12-31", "", "(01)05410000001047(17)291231(10)L2201(21)S-000917"},
	{"]Q301054100000010471729123110L2201␝21S-000917", udi.GS1, "05410000001047", "L2201", "S-000917", "2029-12-31", "", "(01)05410000001047(17)291231(10)L2201(21)S-000917"},
	{"]e0\x1d0105410000001047\x1d17291231\x1d10L2201", udi.GS1, "05410000001047", "L2201", "", "2029-12-31", "", "(01)05410000001047(17)291231(10)L2201"},
	{"\x1d0105410000001047", udi.GS1, "05410000001047", "", "", "", "", "(01)05410000001047"},
	{"␝0105410000001047\n", udi.GS1, "05410000001047", "", "", "", "", "(01)05410000001047"},
	{"01054100000010471729123121S-000917", udi.GS1, "05410000001047", "", "S-000917", "2029-12-31", "", "(01)05410000001047(17)291231(21)S-000917"},
	{"0105410000001047240REF\x1d10A(21)B\x1d21C", udi.GS1, "05410000001047", "A(21)B", "C", "", "", "010541000000104710A(21)B␝21C"},

	// HIBC.
	{"+A123BJC5D6E71G", udi.HIBCC, "+A123BJC5D6E71", "", "", "", "", ""},
	{"*+A123BJC5D6E71G*", udi.HIBCC, "+A123BJC5D6E71", "", "", "", "", "+A123BJC5D6E71G"},
	{"]C0+A123BJC5D6E71G", udi.HIBCC, "+A123BJC5D6E71", "", "", "", "", "+A123BJC5D6E71G"},
	{"+A123BJC5D6E71/$$52001510X3C", udi.HIBCC, "+A123BJC5D6E71", "10X3", "", "2020-01-15", "", withHIBCCheck("+A123BJC5D6E71/$10X3/14D20200115")},
	{withHIBCCheck("+H123PARTNO1234567890120/$$420020216LOT123456789012345/SXYZ456789012345678/16D20130202"), udi.HIBCC, "+H123PARTNO1234567890120", "LOT123456789012345", "XYZ456789012345678", "2020-02-02", "2013-02-02",
		withHIBCCheck("+H123PARTNO1234567890120/$LOT123456789012345/SXYZ456789012345678/16D20130202/14D20200202")},
	{withHIBCCheck("+A123BJC5D6E71/$LOT-1.2"), udi.HIBCC, "+A123BJC5D6E71", "LOT-1.2", "", "", "", ""},
	{withHIBCCheck("+A123BJC5D6E71/$+SER"), udi.HIBCC, "+A123BJC5D6E71", "", "SER", "", "", withHIBCCheck("+A123BJC5D6E71/SSER")},
	{withHIBCCheck("+A123BJC5D6E71/$$+0230SER"), udi.HIBCC, "+A123BJC5D6E71", "", "SER", "2030-02-28", "", withHIBCCheck("+A123BJC5D6E71/SSER/14D20300228")},
	{withHIBCCheck("+A123BJC5D6E71/$$+7SER"), udi.HIBCC, "+A123BJC5D6E71", "", "SER", "", "", withHIBCCheck("+A123BJC5D6E71/SSER")},
	{withHIBCCheck("+A123BJC5D6E71/$$2022928LOT"), udi.HIBCC, "+A123BJC5D6E71", "LOT", "", "2028-02-29", "", withHIBCCheck("+A123BJC5D6E71/$LOT/14D20280229")},
	{withHIBCCheck("+A123BJC5D6E71/$$3280229"), udi.HIBCC, "+A123BJC5D6E71", "", "", "2028-02-29", "", withHIBCCheck("+A123BJC5D6E71/14D20280229")},
	{withHIBCCheck("+A123BJC5D6E71/$$62836612LOT"), udi.HIBCC, "+A123BJC5D6E71", "LOT", "", "2028-12-31", "", withHIBCCheck("+A123BJC5D6E71/$LOT/14D20281231")},
	{withHIBCCheck("+A123BJC5D6E71/$$8053280229LOT"), udi.HIBCC, "+A123BJC5D6E71", "LOT", "", "2028-02-29", "", withHIBCCheck("+A123BJC5D6E71/$LOT/14D20280229")},
	{withHIBCCheck("+A123BJC5D6E71/$$9000051228LOT"), udi.HIBCC, "+A123BJC5D6E71", "LOT", "", "2028-12-31", "", withHIBCCheck("+A123BJC5D6E71/$LOT/14D20281231")},
	{withHIBCCheck("+A123BJC5D6E71/$$805"), udi.HIBCC, "+A123BJC5D6E71", "", "", "", "", withHIBCCheck("+A123BJC5D6E71")},
	{withHIBCCheck("+A123BJC5D6E71/28060LOT/Q12"), udi.HIBCC, "+A123BJC5D6E71", "LOT", "", "2028-02-29", "", withHIBCCheck("+A123BJC5D6E71/$LOT/14D20280229")},
	{withHIBCCheck("+A123BJC5D6E71/14D20760630"), udi.HIBCC, "+A123BJC5D6E71", "", "", "2076-06-30", "", ""},

	// ICCBBA.
	{"=/A9999XYZ100T0944=,000025=A99971312345600=>014032=}013032&,1000000000000XYZ123", udi.ICCBBA, "A9999XYZ100T0944", "000000000000XYZ123", "000025", "2014-02-01", "2013-02-01",
		"=/A9999XYZ100T0944=,000025=>014032=}013032&,1000000000000XYZ123"},
	{"=)1TE123456A&)RZ12345678", udi.ICCBBA, "1TE123456A", "RZ12345678", "", "", "", ""},
	{"=)1TE123456A &)RZ12345678 ", udi.ICCBBA, "1TE123456A", "RZ12345678", "", "", "", "=)1TE123456A&)RZ12345678"},
	{"&)RZ12345678=)1TE123456A=}999365=>024366", udi.ICCBBA, "1TE123456A", "RZ12345678", "", "2024-12-31", "1999-12-31", "=)1TE123456A=>024366=}999365&)RZ12345678"},
}

func TestParse(t *testing.T) {
	for _, c := range acceptedUDIs {
		want := udi.UDI{Issuer: c.issuer, DI: c.di, Lot: c.lot, Serial: c.serial, Expiry: mustParseDay(t, c.expiry), Manufactured: mustParseDay(t, c.manufactured)}
		got, err := udi.Parse(c.in)
		if err != nil || got != want || got.IsZero() {
			t.Errorf("%q\n got %+v, %v\nwant %+v", c.in, got, err, want)
			continue
		}
		out := c.out
		if out == "" {
			out = c.in
		}
		if got.String() != out {
			t.Errorf("%q is written %q, want %q", c.in, got, out)
		}
		if again, err := udi.Parse(got.String()); err != nil || again != got {
			t.Errorf("%q reads as %+v, %v", got, again, err)
		}
	}
}

// TestSpaceAsCheckCharacter finds a product whose check character is a space, printed as an underscore.
func TestSpaceAsCheckCharacter(t *testing.T) {
	for unit := range 10 {
		for last := range 26 {
			data := "+A123BJC5D6E" + string(rune('A'+last)) + string(rune('0'+unit))
			full := withHIBCCheck(data)
			if !strings.HasSuffix(full, " ") {
				continue
			}
			for _, form := range []string{full, data + "_", "*" + full + "*"} {
				if got, err := udi.Parse(form); err != nil || got.DI != data || got.String() != data+"_" {
					t.Errorf("%q is %+v, %v", form, got, err)
				}
			}
			return
		}
	}
	t.Fatal("no such product")
}

func TestDevicesOfTheDevelopmentData(t *testing.T) {
	for _, gtin := range []string{
		"05410000000125", "05410000000293", "02102222233339", "05410000000361", "05410000001047", "05410000001115",
		"05410000001283", "05410000002037", "05410000002105", "05410000003027", "05410000004017", "05410000005007",
	} {
		got, err := udi.Parse("(01)" + gtin)
		if err != nil || got.DI != gtin {
			t.Errorf("%s: %+v, %v", gtin, got, err)
		}
		for i := range len(gtin) {
			for digit := byte('0'); digit <= '9'; digit++ {
				if wrong := gtin[:i] + string(digit) + gtin[i+1:]; wrong != gtin {
					checkRefused(t, "(01)"+wrong, udi.UDIGTINCheck, "")
					checkRefused(t, "01"+wrong, udi.UDIGTINCheck, "")
				}
			}
		}
	}
}

func checkRefused(t *testing.T, s string, code problem.Code, reason string) {
	t.Helper()
	got, err := udi.Parse(s)
	refusal, typed := errors.AsType[*problem.Error](err)
	if !typed || refusal.Code != code || refusal.Kind != problem.RuleViolated || !strings.Contains(refusal.Detail.String(), reason) {
		t.Errorf("%q is refused with %v, want %s %s", s, err, code, reason)
	}
	if !got.IsZero() || got.String() != "" {
		t.Errorf("%q is refused and gives %+v", s, got)
	}
}

// TestFindingUDINeverAllOrNothing reads every carrier of testdata/carriers.tsv.
func TestFindingUDINeverAllOrNothing(t *testing.T) {
	for _, c := range readCarriers(t) {
		t.Run(c.name, func(t *testing.T) {
			got, err := udi.Parse(c.text)
			text := strings.Join(
				[]string{got.DI, got.Lot, got.Serial, got.Expiry.String(), got.Manufactured.String()}, " | ",
			)
			if want := strings.Join(c.want, " | "); text != want {
				t.Errorf("%q\n got %s\nwant %s", c.text, text, want)
			}
			checkReason(t, err, c.code, c.reason)
			if err == nil {
				if again, err := udi.Parse(got.String()); err != nil || again != got {
					t.Errorf("%q reads as %+v, %v", got, again, err)
				}
			}
		})
	}
}

func checkReason(t *testing.T, err error, code problem.Code, reason string) {
	t.Helper()
	if code == "" {
		if err != nil {
			t.Errorf("refused with %v", err)
		}
		return
	}
	refusal, typed := errors.AsType[*problem.Error](err)
	if !typed || refusal.Code != code || refusal.Kind != problem.RuleViolated ||
		!strings.Contains(refusal.Detail.String(), reason) {
		t.Errorf("refused with %v, want %s %s", err, code, reason)
	}
}

// carrier is a text, the values in it (device identifier, lot, serial number, expiry, manufactured), and what is told
// about the rest.
type carrier struct {
	name, text string
	want       []string
	code       problem.Code
	reason     string
}

func readCarriers(t testing.TB) []carrier {
	t.Helper()
	data, err := os.ReadFile("testdata/carriers.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var carriers []carrier
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if strings.HasPrefix(cells[0], "#") {
			continue
		}
		text, err := strconv.Unquote(`"` + cells[1] + `"`)
		if err != nil || len(cells) != 9 {
			t.Fatalf("%s: %v, %d cells", cells[0], err, len(cells))
		}
		carriers = append(carriers, carrier{cells[0], text, cells[2:7], problem.Code(cells[7]), cells[8]})
	}
	return carriers
}

// makeValue returns a value of a format of the table, made of the given digit and letter; long asks for all optional
// characters.
func makeValue(format string, long bool) string {
	var b strings.Builder
	for _, m := range regexp.MustCompile(`(\[?)([nxyz])(\.\.)?([0-9]+)`).FindAllStringSubmatch(format, -1) {
		n, _ := strconv.Atoi(m[4])
		switch {
		case m[1] != "" && !long:
			n = 0
		case m[3] != "" && !long:
			n = 1
		}
		sign := "1"
		if m[2] != "n" {
			sign = "C"
		}
		b.WriteString(strings.Repeat(sign, n))
	}
	return b.String()
}

// TestEveryApplicationIdentifierIsPassedOver puts each identifier of the table between the elements that the register
// keeps, with its shortest and its longest value.
func TestEveryApplicationIdentifierIsPassedOver(t *testing.T) {
	want := udi.UDI{Issuer: udi.GS1, DI: "02102222233339", Lot: "K77-A", Serial: "SN/4012", Expiry: mustParseDay(t, "2031-05-31")}
	count := 0
	for _, row := range udi.TableOfIdentifiers() {
		if slices.Contains([]string{"01", "10", "11", "17", "21"}, row.First) {
			continue
		}
		for _, identifier := range []string{row.First, row.Last} {
			for _, long := range []bool{false, true} {
				value, separator := makeValue(row.Format, long), "\x1d"
				if row.IsPredefined {
					separator = ""
				}
				element := identifier + value
				for _, text := range []string{
					"(01)02102222233339(17)310531(10)K77-A(" + identifier + ")" + value + "(21)SN/4012",
					"(" + identifier + ")" + value + "(01)02102222233339(17)310531(10)K77-A(21)SN/4012",
					"010210222223333917310531" + element + separator + "10K77-A\x1d21SN/4012",
					element + separator + "01021022222333391731053110K77-A\x1d21SN/4012",
					"01021022222333391731053110K77-A\x1d21SN/4012\x1d" + element,
					"01021022222333391731053110K77-A^" + element + strings.ReplaceAll(separator, "\x1d", "^") + "21SN/4012",
				} {
					count++
					if got, err := udi.Parse(text); err != nil || got != want {
						t.Errorf("%q\n got %+v, %v", text, got, err)
					}
				}
			}
		}
	}
	if count < 2000 {
		t.Errorf("only %d carriers", count)
	}
}

// TestParseDI reads every spelling of a device identifier as the same one.
func TestParseDI(t *testing.T) {
	for _, c := range []struct {
		want  []string
		texts []string
	}{
		{[]string{"05410000001047"}, []string{
			"05410000001047", "5410000001047", "(01)05410000001047", "(01)5410000001047", "0105410000001047",
			" 5410000001047 ", "5 410000 001047", "541-0000-00104-7", "]E05410000001047", "[01]05410000001047",
			"(01)05410000001047(10)L2201", "01054100000010471729123110L2201^21S-000917", "https://id.example/01/05410000001047",
		}},
		{[]string{"00000096385074"}, []string{"96385074", "(01)96385074", "00000096385074"}},
		{[]string{"00614141007349"}, []string{"614141007349", "0614141007349", "(01)614141007349"}},
		{[]string{"+A123BJC5D6E71"}, []string{
			"+A123BJC5D6E71", "+A123BJC5D6E71G", "*+A123BJC5D6E71G*", "+a123bjc5d6e71g", " +A123BJC5D6E71G ", "]A0+A123BJC5D6E71G",
			withHIBCCheck("+A123BJC5D6E71/$LOT"),
		}},
		{[]string{"A9999XYZ100T0944"}, []string{"A9999XYZ100T0944", "=/A9999XYZ100T0944", "=/A9999XYZ100T0944=,000025"}},
		{[]string{"1TE123456A"}, []string{"1TE123456A", "=)1TE123456A"}},
	} {
		for _, text := range c.texts {
			if got, err := udi.ParseDI(text); err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%q is %q, %v; want %q", text, got, err, c.want)
			}
		}
	}
	for _, c := range []struct {
		text string
		code problem.Code
	}{
		{"", udi.UDIUnparsable}, {"knee", udi.UDIUnparsable}, {"05410000001048", udi.UDIGTINCheck}, {"5410000001048", udi.UDIGTINCheck},
		{"(01)05410000001048", udi.UDIGTINCheck}, {"(10)L1", udi.UDIUnparsable}, {"123456789", udi.UDIUnparsable},
		{"+A123BJC5D6E71H", udi.UDIUnparsable}, {"(01)05410000001047(10)A B", udi.UDIUnparsable},
		{"05410000090133,05410000090140", udi.UDIUnparsable}, {"=/A9999XYZ100T09", udi.UDIUnparsable},
	} {
		got, err := udi.ParseDI(c.text)
		if checkReason(t, err, c.code, ""); got != nil {
			t.Errorf("%q is %q", c.text, got)
		}
	}
}

// TestSpellingsOfRandomIdentifiers reads every spelling of 2,000 random identifiers as the same one.
func TestSpellingsOfRandomIdentifiers(t *testing.T) {
	random := rand.New(rand.NewPCG(12, 9))
	for range 2000 {
		short := fmt.Sprintf("%0*d", []int{7, 11, 12, 13}[random.IntN(4)], random.Int64N(1e7))
		if random.IntN(2) == 0 {
			short = fmt.Sprintf("%013d", random.Int64N(1e13))
		}
		short = withGTINCheck(short)
		gtin := strings.Repeat("0", 14-len(short)) + short
		middle := len(short) / 2
		for _, spelling := range []string{
			gtin, short, "(01)" + gtin, "(01)" + short, "01" + gtin, "]d201" + gtin, " " + short + "\u00a0",
			short[:middle] + " " + short[middle:], short[:middle] + "-" + short[middle:], "(01) " + short[:middle] + " " + short[middle:],
			"(01)" + gtin + "(10)L1", "01" + gtin + "10L1^21S1", "http://example.org/01/" + gtin + "/10/L1",
		} {
			if got, err := udi.ParseDI(spelling); err != nil || len(got) != 1 || got[0] != gtin {
				t.Errorf("%q is %q, %v, want %q", spelling, got, err, gtin)
			}
		}
		hibc := fmt.Sprintf("+%c%03d%X%d", 'A'+random.IntN(26), random.IntN(1000), random.Int64N(1e9), random.IntN(10))
		full := withHIBCCheck(hibc)
		for _, spelling := range []string{
			hibc, full, "*" + full + "*", strings.ToLower(full), "]A0" + full, " " + full, withHIBCCheck(hibc + "/$LOT"),
			strings.TrimSuffix(full, " "), strings.ReplaceAll(full, " ", "_"),
		} {
			if got, err := udi.ParseDI(spelling); err != nil || !slices.Contains(got, hibc) {
				t.Errorf("%q is %q, %v, want %q", spelling, got, err, hibc)
			}
		}
	}
}

// TestParseDIFindsBothReadingsOfADigit gives primary data without check character whose last digit is the check
// character of the digits before it: both are the identifier that may be meant.
func TestParseDIFindsBothReadingsOfADigit(t *testing.T) {
	for unit := range 100 {
		shorter := fmt.Sprintf("+A123B%02d", unit)
		longer := withHIBCCheck(shorter)
		if last := longer[len(longer)-1]; last < '0' || last > '9' {
			continue
		}
		got, err := udi.ParseDI(longer)
		if err != nil || !slices.Equal(got, []string{shorter, longer}) {
			t.Errorf("%s is %q, %v", longer, got, err)
		}
	}
}

func TestIssuersHaveNames(t *testing.T) {
	for issuer, want := range map[udi.Issuer]string{udi.GS1: "GS1", udi.HIBCC: "HIBCC", udi.ICCBBA: "ICCBBA", 0: "", 9: ""} {
		if issuer.String() != want {
			t.Errorf("issuer %d is %q", issuer, issuer)
		}
	}
}

func FuzzUDI(f *testing.F) {
	for _, c := range acceptedUDIs {
		f.Add(c.in)
	}
	for _, c := range readCarriers(f) {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := udi.Parse(s)
		checkValues(t, s, got)
		if err != nil {
			refusal, typed := errors.AsType[*problem.Error](err)
			if !typed || (refusal.Code == udi.UDIPartlyRead) != (got.DI != "") {
				t.Errorf("%q is refused with %v and gives %+v", s, err, got)
			}
		}
		if got.DI == "" {
			if err == nil || got.String() != "" {
				t.Errorf("%q gives %+v, %v", s, got, err)
			}
			return
		}
		if again, err := udi.Parse(got.String()); err != nil || again != got {
			t.Errorf("%q gives %+v, written %q, which gives %+v, %v", s, got, got, again, err)
		}
		if (got.Issuer == udi.HIBCC) != strings.HasPrefix(got.DI, "+") {
			t.Errorf("%q is of %s", s, got.Issuer)
		}
		if forms, err := udi.ParseDI(got.DI); err != nil || !slices.Contains(forms, got.DI) {
			t.Errorf("%q gives %q, which is read as %q, %v", s, got.DI, forms, err)
		}
	})
}

var separatorInValue = regexp.MustCompile("(?i)[^!\"%&'()*+,./0-9:;<=>?A-Z_a-z-]|[<(](gs|fnc1|1d|0x1d|029)[>)]|%1d")

// checkValues fails if a value holds a character or a text that stands for a separator, or is longer than any standard
// allows.
func checkValues(t *testing.T, s string, u udi.UDI) {
	t.Helper()
	for _, value := range []string{u.DI, u.Lot, u.Serial} {
		if separatorInValue.MatchString(value) || len(value) > 24 {
			t.Errorf("%q gives the value %q", s, value)
		}
	}
}

// FuzzDeviceIdentifierIsFound breaks everything around a device identifier that stands where its standard puts it.
func FuzzDeviceIdentifierIsFound(f *testing.F) {
	for _, garbage := range []string{"", "10L1", "17299999", "^21S", "(10)(17)", "/$L", "=,1", "1", "$$", "]", "\x1d", "17AB01"} {
		f.Add(uint64(0), garbage)
		f.Add(uint64(541000000104), garbage)
	}
	f.Fuzz(func(t *testing.T, seed uint64, garbage string) {
		if len(garbage) > 300 || strings.Contains(garbage, "01") {
			return // a second device identifier would contradict the first
		}
		gtin := withGTINCheck(fmt.Sprintf("%013d", seed%1e13))
		hibc := fmt.Sprintf("+Z%05d", seed%1e5)
		isbt := fmt.Sprintf("A%09dT%05d", seed%1e9, seed%1e5)
		for _, c := range []struct{ di, text string }{
			{gtin, "01" + gtin + garbage},
			{gtin, "]d201" + gtin + garbage},
			{gtin, "(01)" + gtin + "(10)" + garbage},
			{gtin, "(10)" + strings.ReplaceAll(garbage, "(", "") + "(01)" + gtin},
			{gtin, "01" + gtin + "\x1d" + garbage},
			{hibc, withHIBCCheck(hibc) + " "},
			{hibc, hibc + "/" + garbage},
			{isbt, "=/" + isbt + garbage},
		} {
			if strings.HasPrefix(c.di, "A") && (strings.Contains(garbage, "=/") || strings.Contains(garbage, "=)")) {
				continue
			}
			got, _ := udi.Parse(c.text)
			if got.DI != c.di {
				t.Errorf("%q gives %q, want %q", c.text, got.DI, c.di)
			}
			checkValues(t, c.text, got)
		}
	})
}

// withGTINCheck appends the check digit, computed independently of the package.
func withGTINCheck(digits string) string {
	sum := 0
	for i, c := range digits {
		weight := 1
		if (len(digits)-i)%2 == 1 {
			weight = 3
		}
		sum += weight * int(c-'0')
	}
	return digits + strconv.Itoa((10-sum%10)%10)
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		if _, err := udi.Parse("(01)05410000001047(17)291231(10)L2201(21)S-000917"); err != nil {
			b.Fatal(err)
		}
	}
}
