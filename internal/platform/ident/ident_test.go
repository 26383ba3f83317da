package ident_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// identifier is the common interface of the types of this package.
type identifier interface {
	IsZero() bool
	Digits() string
	String() string
}

// eraseType converts a parse function to one that returns an identifier.
func eraseType[T identifier](parse func(string) (T, error)) func(string) (identifier, error) {
	return func(s string) (identifier, error) { return parse(s) }
}

var parsers = map[string]func(string) (identifier, error){
	"SSIN":               eraseType(ident.ParseSSIN),
	"NIHII":              eraseType(ident.ParseNIHII),
	"CBE":                eraseType(ident.ParseCBE),
	"EHP":                eraseType(ident.ParseEHP),
	"NotificationCode":   eraseType(ident.ParseNotificationCode),
	"NotificationNumber": eraseType(ident.ParseNotificationNumber),
}

var invalidCodes = map[string]problem.Code{
	"SSIN":               ident.SSINInvalid,
	"NIHII":              ident.NIHIIInvalid,
	"CBE":                ident.CBEInvalid,
	"EHP":                ident.EHPInvalid,
	"NotificationCode":   ident.ImplantCodeInvalid,
	"NotificationNumber": ident.NotificationNumberInvalid,
}

// sampleNumbers are published or invented numbers with valid check digits.
var sampleNumbers = map[string][]string{
	// The invented people of the development data: two bis numbers, one born after 1999.
	"SSIN": {
		"78031412250", "69092234126", "85073003328", "72010120721", "81050511813", "91021706490", "66061141504",
		"84061205236", "48022907379", "05041801691", "12451200933", "55230002134", "39083015514",
	},
	"NIHII": {
		"17800389480", "16900269730", "18500724001", "27200184000", "38100511001", "16600658140",
		"71000436", "71012413", "21500346", "76123422", "71022212", "71022212000", "19997341",
	},
	"CBE":                {"0403227020", "0411802018", "0812345603", "0501234533", "0820563481"},
	"EHP":                {"1990001916", "1990000035", "1990000728", "1990000134"},
	"NotificationCode":   {"000060479203", "000060479302", "000060479401", "000050381897", "000006968360", "999999999949", "000071200176", "000090041140"},
	"NotificationNumber": {"202009303633052", "202003233421948", "202004013441015", "202004013441411", "202009223623591", "202009223623987", newNumberText(20261121, "00001"), newNumberText(20261121, "100000"), newNumberText(20261121, "999999999")},
}

// newNumberText computes a notification number independently of the package.
func newNumberText(day int, running string) string {
	base := strconv.Itoa(day) + running
	n, err := strconv.ParseUint(base, 10, 64)
	if err != nil {
		panic(err)
	}
	return base + fmt.Sprintf("%02d", 97-n%97)
}

func TestSamplesAreAcceptedAndKept(t *testing.T) {
	for name, numbers := range sampleNumbers {
		for _, s := range numbers {
			got, err := parsers[name](s)
			if err != nil {
				t.Errorf("%s %s: %v", name, s, err)
				continue
			}
			if got.IsZero() || got.Digits() != s {
				t.Errorf("%s %s became %q", name, s, got.Digits())
			}
		}
	}
}

// TestEveryWrongDigitIsRefused changes each digit to every other digit. It omits the NIHII: its qualification has no
// check number, and with two moduli some errors pass. An SSIN may become a valid one of the other century, which its
// two check numbers cannot prevent.
func TestEveryWrongDigitIsRefused(t *testing.T) {
	for _, name := range []string{"SSIN", "CBE", "EHP", "NotificationCode", "NotificationNumber"} {
		for _, s := range sampleNumbers[name] {
			for i := range len(s) {
				for digit := byte('0'); digit <= '9'; digit++ {
					wrong := s[:i] + string(digit) + s[i+1:]
					if wrong == s || name == "SSIN" && ssinCentury(wrong) == 39-ssinCentury(s) {
						continue
					}
					checkRefused(t, name, wrong)
				}
			}
		}
	}
}

// ssinCentury returns the century whose check number an SSIN has: 19, 20, or 0 for neither.
func ssinCentury(s string) int {
	switch s {
	case newSSINText(s[:9], 0):
		return 19
	case newSSINText(s[:9], 2):
		return 20
	}
	return 0
}

func TestOtherFormsAreRefused(t *testing.T) {
	for name, numbers := range sampleNumbers {
		for _, s := range numbers {
			for _, wrong := range []string{
				"", " ", s + " ", " " + s, s + "\n", s[1:] + "x", "-" + s[1:], s + s + s, s[:4] + "." + s[4:],
				strings.ReplaceAll(s, "0", "\u0660"), s[:len(s)-1] + "\x00",
			} {
				if wrong != s {
					checkRefused(t, name, wrong)
				}
			}
		}
	}
}

func checkRefused(t *testing.T, name, s string) {
	t.Helper()
	got, err := parsers[name](s)
	checkParseRefused(t, name, s, got, err)
}

func checkParseRefused(t *testing.T, name, s string, got identifier, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s %q was accepted", name, s)
		return
	}
	refusal, typed := errors.AsType[*problem.Error](err)
	if !typed || refusal.Code != invalidCodes[name] || refusal.Kind != problem.RuleViolated {
		t.Errorf("%s %q was refused with %v", name, s, err)
	}
	if !got.IsZero() || got.Digits() != "" {
		t.Errorf("%s %q was refused and gave a value", name, s)
	}
	if len(s) > 4 && strings.Contains(err.Error(), s) {
		t.Errorf("the refusal repeats the number: %v", err)
	}
}

func TestReasons(t *testing.T) {
	for _, c := range []struct{ name, number, reason string }{
		{"SSIN", "7803141225", "10 characters instead of 11"},
		{"SSIN", "7803141225x", "other than digits"},
		{"SSIN", "78031412251", "check digits"},
		{"SSIN", newSSINText("781314122", 0), "not a date of birth"},
		{"SSIN", newSSINText("786014122", 0), "not a date of birth"},
		{"SSIN", newSSINText("780332122", 0), "not a date of birth"},
		{"SSIN", newSSINText("780431122", 0), "a day that does not exist"},
		{"SSIN", newSSINText("490229122", 0), "a day that does not exist"},
		{"SSIN", newSSINText("000229122", 0), "a day that does not exist"}, // 1900 was no leap year
		{"SSIN", newSSINText("780314000", 0), "sequence number"},
		{"SSIN", newSSINText("780314999", 0), "sequence number"},
		{"NIHII", "7100043", "7 characters instead of 8 or 11"},
		{"NIHII", "710004360", "9 characters instead of 8 or 11"},
		{"NIHII", "7100043x", "other than digits"},
		{"NIHII", "71000437", "neither modulo 97 nor modulo 89"},
		{"CBE", "040322702", "9 characters instead of 10"},
		{"CBE", "BE03227020", "other than digits"},
		{"CBE", "2000000077", "neither 0 nor 1"},
		{"CBE", "0403227021", "check digits"},
		{"EHP", "19900019161", "11 characters instead of 10"},
		{"EHP", "199000191x", "other than digits"},
		{"EHP", "1990001917", "check digits"},
		{"NotificationCode", "60479203", "8 characters instead of 12"},
		{"NotificationCode", "00006047920x", "other than digits"},
		{"NotificationCode", "000060479204", "check digits"},
		{"NotificationNumber", "20200930363305", "14 characters instead of 15 to 19"},
		{"NotificationNumber", "20200930363305x", "other than digits"},
		{"NotificationNumber", "202009303633053", "check digits"},
		{"NotificationNumber", newNumberText(20200931, "36330"), "a day that exists"},
		{"NotificationNumber", newNumberText(20200930, "036330"), "padded"},
		{"NotificationNumber", newNumberText(20200930, "1000000000"), "20 characters"},
	} {
		_, err := parsers[c.name](c.number)
		if err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s %s: %v, want %q", c.name, c.number, err, c.reason)
		}
		checkRefused(t, c.name, c.number)
	}
}

// newSSINText appends the check number to nine digits; prefix is 0 for births before 2000 and 2 from then on.
func newSSINText(base string, prefix uint64) string {
	n, err := strconv.ParseUint(base, 10, 64)
	if err != nil {
		panic(err)
	}
	return base + fmt.Sprintf("%02d", 97-(prefix*1_000_000_000+n)%97)
}

func TestBirthDate(t *testing.T) {
	for _, c := range []struct{ number, want string }{
		{"78031412250", "1978-03-14"},
		{"48022907379", "1948-02-29"},
		{"05041801691", "2005-04-18"},
		{"12451200933", "2012-05-12"}, // bis number, month + 40
		{"55230002134", ""},           // bis number, month + 20, day unknown
		{newSSINText("781214001", 0), "1978-12-14"},
		{newSSINText("783214001", 0), "1978-12-14"},
		{newSSINText("785214001", 0), "1978-12-14"},
		{newSSINText("782114997", 0), "1978-01-14"},
		{newSSINText("784114997", 0), "1978-01-14"},
		{newSSINText("000229122", 2), "2000-02-29"}, // the check number excludes 1900
		{newSSINText("991231122", 0), "1999-12-31"},
		{newSSINText("000101122", 0), "1900-01-01"},
		{newSSINText("000101122", 2), "2000-01-01"},
		{newSSINText("400000122", 0), ""},
		{newSSINText("402000122", 0), ""},
		{newSSINText("404000122", 0), ""},
		{newSSINText("400031122", 0), ""}, // the day is a counter if the month is unknown
	} {
		number, err := ident.ParseSSIN(c.number)
		if err != nil {
			t.Errorf("%s: %v", c.number, err)
			continue
		}
		date, known := number.BirthDate()
		if known != (c.want != "") || date.String() != c.want {
			t.Errorf("%s was born %q (%v), want %q", c.number, date, known, c.want)
		}
	}
	if date, known := (ident.SSIN{}).BirthDate(); known || !date.IsZero() {
		t.Errorf("no number was born on %s", date)
	}
}

func TestSameHolder(t *testing.T) {
	parse := func(s string) ident.NIHII {
		n, err := ident.ParseNIHII(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	long, other, short := parse("17800389480"), parse("17800389001"), parse("17800389")
	if long == other || !long.SameHolder(other) || !long.SameHolder(short) || !short.SameHolder(long) {
		t.Error("the qualification changes the holder")
	}
	if long.Base() != short || long.Base().Digits() != "17800389" || short.Base() != short {
		t.Errorf("base %s", long.Base().Digits())
	}
	if long.SameHolder(parse("71000436")) || long.SameHolder(ident.NIHII{}) || (ident.NIHII{}).SameHolder(ident.NIHII{}) {
		t.Error("different or absent numbers have one holder")
	}
}

func TestEqualNumbersAreEqualValues(t *testing.T) {
	a, errA := ident.ParseSSIN("78031412250")
	b, errB := ident.ParseSSIN(strings.Clone("78031412250"))
	c, errC := ident.ParseSSIN("69092234126")
	if errA != nil || errB != nil || errC != nil {
		t.Fatal(errA, errB, errC)
	}
	if a != b || a == c || map[ident.SSIN]int{a: 1}[b] != 1 {
		t.Error("numbers do not compare by their digits")
	}
}

// valueHolder has numbers in fields where package fmt cannot call their methods.
type valueHolder struct {
	ssin  ident.SSIN
	nihii ident.NIHII
	many  []ident.SSIN
	key   map[ident.SSIN]*ident.NIHII
	Open  ident.SSIN
}

func TestNumbersOfPersonsAreMasked(t *testing.T) {
	person, errPerson := ident.ParseSSIN("78031412250")
	doctor, errDoctor := ident.ParseNIHII("17800389480")
	if errPerson != nil || errDoctor != nil {
		t.Fatal(errPerson, errDoctor)
	}
	var formats []string
	for _, verb := range "vsqxXdcUtbofegG" {
		for _, flags := range []string{"", "+", "#", "-20", "020", ".3", " "} {
			formats = append(formats, "%"+flags+string(verb))
		}
	}
	for _, format := range formats {
		if got := fmt.Sprintf(format, person) + fmt.Sprintf(format, doctor); got != "SSIN(*50)NIHII(*89)" {
			t.Errorf("%s prints %s", format, got)
		}
	}
	if got := person.String() + doctor.String() + fmt.Sprint(ident.SSIN{}, ident.NIHII{}); got != "SSIN(*50)NIHII(*89)SSIN() NIHII()" {
		t.Errorf("they print as %s", got)
	}

	// %p, %! and a number as the width make package fmt print a value without calling its methods.
	formats = append(formats, "%p", "%w", "%T", "%!", "%*d")
	h := valueHolder{person, doctor, []ident.SSIN{person}, map[ident.SSIN]*ident.NIHII{person: &doctor}, person}
	var printed strings.Builder
	for _, value := range []any{person, doctor, &person, &doctor, h, &h, []any{person, doctor}, struct{ ident.SSIN }{person}} {
		for _, format := range formats {
			fmt.Fprintf(&printed, format, value)
		}
		fmt.Fprintln(&printed, value)
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Errorf("json of %T: %v", value, err)
		}
		printed.Write(encoded)
		for _, handler := range []slog.Handler{slog.NewTextHandler(&printed, nil), slog.NewJSONHandler(&printed, nil)} {
			slog.New(handler).Info("event", "value", value, slog.Group("group", "value", value))
		}
	}
	for _, part := range []string{"78031412", "17800389"} {
		for _, form := range []string{part, fmt.Sprintf("%x", part), fmt.Sprintf("% x", part), strings.Trim(fmt.Sprintf("%d", []byte(part)), "[]")} {
			if strings.Contains(strings.ToLower(printed.String()), form) {
				t.Errorf("a number was printed as %s", form)
			}
		}
	}
}

func TestPublicNumbersPrintInFull(t *testing.T) {
	for _, name := range []string{"CBE", "EHP", "NotificationCode", "NotificationNumber"} {
		for _, s := range sampleNumbers[name] {
			value, err := parsers[name](s)
			if err != nil {
				t.Fatal(err)
			}
			encoded, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(value) + value.String() + string(encoded); got != s+s+`"`+s+`"` {
				t.Errorf("%s %s prints %s", name, s, got)
			}
		}
	}
}

func TestNewNotificationNumber(t *testing.T) {
	day := mustParseDate(t, "2020-09-30")
	for _, c := range []struct {
		running uint64
		want    string
	}{
		{36330, "202009303633052"},
		{1, newNumberText(20200930, "00001")},
		{99_999, newNumberText(20200930, "99999")},
		{100_000, newNumberText(20200930, "100000")},
		{999_999_999, newNumberText(20200930, "999999999")},
	} {
		made, err := ident.NewNotificationNumber(day, c.running)
		if err != nil || made.Digits() != c.want || made.Day() != day {
			t.Errorf("running %d: %s of %s, %v, want %s", c.running, made, made.Day(), err, c.want)
		}
		if read, err := ident.ParseNotificationNumber(made.Digits()); err != nil || read != made {
			t.Errorf("%s reads as %s, %v", made, read, err)
		}
	}
	for _, c := range []struct {
		day     ident.Date
		running uint64
	}{{ident.Date{}, 1}, {day, 1_000_000_000}, {day, 1<<64 - 1}} {
		made, err := ident.NewNotificationNumber(c.day, c.running)
		if !errors.Is(err, problem.Internal) || !made.IsZero() {
			t.Errorf("%s, %d made %s, %v", c.day, c.running, made, err)
		}
	}
	if day := (ident.NotificationNumber{}).Day(); !day.IsZero() {
		t.Errorf("no number has the day %s", day)
	}
}

func mustParseDate(t *testing.T, s string) ident.Date {
	t.Helper()
	d, err := ident.ParseDate(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return d
}

// TestZeroValues checks every method on absent numbers.
func TestZeroValues(t *testing.T) {
	for _, zero := range []identifier{
		ident.SSIN{}, ident.NIHII{}, ident.CBE{}, ident.EHP{}, ident.NotificationCode{}, ident.NotificationNumber{},
	} {
		if !zero.IsZero() || zero.Digits() != "" {
			t.Errorf("%T is not absent", zero)
		}
	}
	if got := (ident.NIHII{}).Base(); !got.IsZero() {
		t.Errorf("the base of no number is %s", got)
	}
}

func FuzzSSIN(f *testing.F) {
	fuzzParser(f, "SSIN", func(t *testing.T, s string) {
		t.Helper()
		number, err := ident.ParseSSIN(s)
		if err != nil {
			return
		}
		if born, known := number.BirthDate(); known && (born.Year()%100 != int(s[0]-'0')*10+int(s[1]-'0') || born.Year() < 1900 || born.Year() > 2099) {
			t.Errorf("%s was born %s", s, born)
		}
		if mask := fmt.Sprint(number); mask != "SSIN(*"+s[9:]+")" {
			t.Errorf("masked as %s", mask)
		}
	})
}

func FuzzNIHII(f *testing.F) {
	fuzzParser(f, "NIHII", func(t *testing.T, s string) {
		t.Helper()
		number, err := ident.ParseNIHII(s)
		if err == nil && (!number.SameHolder(number.Base()) || fmt.Sprint(number) != "NIHII(*"+s[6:8]+")") {
			t.Errorf("%s has base %s", s, number.Base().Digits())
		}
	})
}

func FuzzCBE(f *testing.F) { fuzzParser(f, "CBE", nil) }

func FuzzEHP(f *testing.F) { fuzzParser(f, "EHP", nil) }

func FuzzNotificationCode(f *testing.F) { fuzzParser(f, "NotificationCode", nil) }

func FuzzNotificationNumber(f *testing.F) {
	fuzzParser(f, "NotificationNumber", func(t *testing.T, s string) {
		t.Helper()
		number, err := ident.ParseNotificationNumber(s)
		if err != nil {
			return
		}
		running, err := strconv.ParseUint(s[8:len(s)-2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ident.NewNotificationNumber(number.Day(), running); err != nil || again != number {
			t.Errorf("%s made anew is %s, %v", s, again, err)
		}
	})
}

// fuzzParser checks properties of every type: an error comes with the zero value, and a parsed number keeps its digits.
func fuzzParser(f *testing.F, name string, more func(*testing.T, string)) {
	for _, s := range sampleNumbers[name] {
		f.Add(s)
		f.Add(s[1:])
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parsers[name](s)
		if err != nil {
			checkParseRefused(t, name, s, got, err)
		} else if got.Digits() != s || got.IsZero() {
			t.Errorf("%q became %q", s, got.Digits())
		}
		if more != nil {
			more(t, s)
		}
	})
}

func BenchmarkParseSSIN(b *testing.B) {
	for b.Loop() {
		if _, err := ident.ParseSSIN("78031412250"); err != nil {
			b.Fatal(err)
		}
	}
}
