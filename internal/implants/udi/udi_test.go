package udi_test

import (
	"errors"
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

func TestRefusals(t *testing.T) {
	const gtin = "(01)05410000001047"
	for _, c := range []struct{ in, reason string }{
		{"", "empty"},
		{" \r\n", "empty"},
		{"]d2", "empty"},
		{strings.Repeat("(", 251), "longer than 250"},
		{"L2201", "none of the signs"},
		{"é", "none of the signs"},
		{"\x00", "none of the signs"},

		{"(01)2102222233336", "right length"},
		{"(01)051022222233336", "right length"},
		{"(01)", "right length"},
		{"(01)0541000000104A", "character"},
		{"(10)L1", "no device identifier"},
		{gtin + "(10)", "right length"},
		{gtin + "(10)" + strings.Repeat("L", 21), "right length"},
		{gtin + "(10)A B", "character"},
		{gtin + "(10)A#B", "character"},
		{gtin + "(10)é", "character"},
		{gtin + "(10)A\x1dB", "character"},
		{gtin + "(10)A(B)", "application identifier"},
		{gtin + "(10)A(B", "application identifier"},
		{gtin + "(10)A(10)B", "two different values"},
		{gtin + "(99)X", "application identifier"},
		{gtin + "(", "application identifier"},
		{gtin + "()", "application identifier"},
		{gtin + "(17)29123", "right length"},
		{gtin + "(17)291232", "not a day"},
		{gtin + "(17)291300", "not a day"},
		{gtin + "(17)290000", "not a day"},
		{gtin + "(15)290231", "not a day"},
		{gtin + "(30)1A", "character"},

		{"05410000001047", "application identifier"},
		{"0105410000001047" + "99X", "application identifier"},
		{"0105410000001047" + "1729123", "right length"},
		{"0105410000001047" + "17", "right length"},
		{"0105410000001047" + "1", "application identifier"},
		{"0105410000001047" + "10", "right length"},
		{"0105410000001047" + "10A\x1d\x1d21B", "application identifier"},
		{"0105410000001047" + "10" + strings.Repeat("L", 20) + "21S", "right length"},
		{"10L1", "no device identifier"},
		{"\x1d", "no device identifier"},

		{"+", "does not begin"},
		{"*", "does not begin"},
		{"*A*", "does not begin"},
		{"+A123BJC5D6E71H", "check character"},
		{"+A123bJC5D6E71G", "character that HIBC"},
		{"+A123BJC5D6E71\x00G", "character that HIBC"},
		{"+A123BJC5D6E71G*", "check character"},
		{withHIBCCheck("+$$52001510X3G"), "secondary"},
		{withHIBCCheck("+20015LOTG"), "secondary"},
		{withHIBCCheck("++A123BJC"), "secondary"},
		{withHIBCCheck("+"), "labeler"},
		{withHIBCCheck("+A1231"), "labeler"},
		{withHIBCCheck("+A123BJC5D6E7X"), "labeler"},
		{withHIBCCheck("+A123BJ-5D6E71"), "labeler"},
		{withHIBCCheck("+A123" + strings.Repeat("P", 19) + "1"), "labeler"},
		{withHIBCCheck("+A123BJC5D6E71/"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/$"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/$+"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/$$"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/$$$LOT"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/$LOT/$LOU"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/$A B"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/$" + strings.Repeat("L", 19)), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/$$1328LOT"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/$$2022930LOT"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/$$3280230LOT"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/$$328023"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/$$527366LOT"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/$$527000LOT"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/$$8"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/$$8AA7LOT"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/$$7A$B"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/$$3280229/14D20280301"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/14D2028022"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/14D00000229"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/16D20280230"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/S"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/Q"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/Q1A"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/X"), "secondary data"},
		{withHIBCCheck("+A123BJC5D6E71/XXXXXX"), "secondary data"},

		{"=/A9999XYZ100T094", "structure"},
		{"=/A9999XYZ100T09-4", "structure"},
		{"=/A9999XYZ100T0944=>014366", "structure"},
		{"=/A9999XYZ100T0944=>014000", "structure"},
		{"=/A9999XYZ100T0944=>01403A", "structure"},
		{"=/A9999XYZ100T0944=,000025=,000026", "structure"},
		{"=/A9999XYZ100T0944X", "structure"},
		{"=/A9999XYZ100T0944=)1TE123456A", "structure"},
		{"=,000025", "no device identifier"},
		{"&", "structure"},
		{"=", "structure"},
	} {
		checkRefused(t, c.in, udi.UDIUnparsable, c.reason)
	}
	checkRefused(t, "(01)02102222233336", udi.UDIGTINCheck, "")
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
	f.Fuzz(func(t *testing.T, s string) {
		got, err := udi.Parse(s)
		if err != nil {
			refusal, typed := errors.AsType[*problem.Error](err)
			if !typed || refusal.Code != udi.UDIUnparsable && refusal.Code != udi.UDIGTINCheck || !got.IsZero() {
				t.Errorf("%q is refused with %v and gives %+v", s, err, got)
			}
			return
		}
		if got.DI == "" || len(got.String()) > 250 {
			t.Errorf("%q gives %+v, written %q", s, got, got)
		}
		if again, err := udi.Parse(got.String()); err != nil || again != got {
			t.Errorf("%q gives %+v, written %q, which gives %+v, %v", s, got, got, again, err)
		}
		if (got.Issuer == udi.HIBCC) != strings.HasPrefix(got.DI, "+") {
			t.Errorf("%q is of %s", s, got.Issuer)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		if _, err := udi.Parse("(01)05410000001047(17)291231(10)L2201(21)S-000917"); err != nil {
			b.Fatal(err)
		}
	}
}
