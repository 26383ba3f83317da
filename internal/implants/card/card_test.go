package card_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/card"
)

func mustRender(t *testing.T, c implants.CardContent) []byte {
	t.Helper()
	b, err := card.Render(c, card.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCardsSayWhatTheyShould(t *testing.T) {
	always := []string{
		"Jeanne Leroy", "48.02.29-073.79", "1948-02-29", "Centraal traceringsregister", "Registre central de traçabilité",
		"Zentrales Rückverfolgungsregister", "Central tracing register", "niet de implantaatkaart van de fabrikant",
		"ne remplace pas la carte d’implant du fabricant", "nicht den Implantationsausweis des",
		"does not replace the manufacturer’s implant card", "Fabrikant · Fabricant · Hersteller · Manufacturer", "1/1",
	}
	knee := []string{
		"Total Knee System, femoral", "component, left, size 5", "Total Knee System, tibial insert 9", "Ardenne Orthopaedics SA",
		"TKS-FL5", "TKS-TI9", "000071200176", "000071200275", "(01)05410000001047(17)291231", "(10)L2201", "(21)S-000917", "L2201",
		"S-000917", "2029-12-31", "2030-06-30", "Links · Gauche · Left", "left knee",
	}
	operation := []string{"Anna Claes", "1-78003-89-480", "Ziekenhuis Sint-Elooi"}
	implantTitles := []string{"Implantaatkaart", "Carte d’implant", "Implantatkarte", "Implant card"}
	tests := []struct {
		name         string
		content      implants.CardContent
		want, absent []string
	}{
		{"implantation", implantationCard(),
			concatenate(always, knee, operation, implantTitles, []string{"Implantatie · Implantation", "2026-11-03", "20261104 00012 39",
				"202611040001239", "Aantal", "2026-11-04 13:20 UTC"}),
			[]string{"Explantatie", "Resterend", "Patiëntkaart"}},
		{"explantation", explantationCard(),
			concatenate(always, operation, implantTitles, []string{"Explantatie · Explantation", "2027-02-17", "L2388", "Verwijderd",
				"Resterend", "Restant", "Verbleibend", "Remaining", "Plaats, geplaatst op", "2026-11-03"}),
			[]string{"Implantatie ·", "infection"}},
		{"patient card", patientCard(),
			concatenate(always, knee, operation, []string{"Patiëntkaart", "Carte patient", "Patientenkarte", "Patient card",
				"2026-11-03 Implantatie · Implantation", "2027-02-17 Explantatie · Explantation", "2027-05-09 Implantatie",
				"20261104 00012 39", "Luc Dubois (1-69002-69-730) · Clinique du Parc Léopold", "Dual-chamber pacemaker", "PM77120"}),
			[]string{"Implantaatkaart ", "infection"}},
		{"nothing placed", implants.CardContent{Patient: leroy},
			concatenate(always, []string{"Geen implantaten in het register · Aucun implant dans le registre · Keine Implantate im Register"}),
			[]string{"Aantal"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := saveFile(t, mustRender(t, tt.content))
			if got := countPages(t, file); got != 1 {
				t.Errorf("%d pages", got)
			}
			text := extractText(t, file)
			for _, s := range tt.want {
				if !strings.Contains(text, s) {
					t.Errorf("%q is not on the card", s)
				}
			}
			for _, s := range tt.absent {
				if strings.Contains(text, s) {
					t.Errorf("%q is on the card", s)
				}
			}
			if t.Failed() {
				t.Log(text)
			}
		})
	}
}

func TestRemainingIsShownWhereItTellsSomething(t *testing.T) {
	c := implantationCard()
	c.Surgeries[0].Implants[1].Remaining = 0
	if text := extractText(t, saveFile(t, mustRender(t, c))); !strings.Contains(text, "Resterend") {
		t.Error("an implantation of which something was removed does not say what remains")
	}
}

func TestDeviceThatTheListDoesNotKnow(t *testing.T) {
	c := explantationCard()
	i := &c.Surgeries[0].Implants[0]
	*i = implants.CardImplant{Quantity: 1}
	i.UDI = "]d2010541000000111517300630\x1d10L2388\x1d"
	text := extractText(t, saveFile(t, mustRender(t, c)))
	for _, s := range []string{"Niet in de lijst van implantaten", "Absent de la liste des implants", "Nicht in der Implantatliste",
		"Not on the list of implants", "(01)05410000001115(17)300630"} {
		if !strings.Contains(text, s) {
			t.Errorf("%q is not on the card:\n%s", s, text)
		}
	}
}

func TestEightLinesFitOnOnePage(t *testing.T) {
	if got := countPages(t, saveFile(t, mustRender(t, implantationWithLines(8)))); got != 1 {
		t.Errorf("%d pages", got)
	}
}

func TestFiftyLinesGoOnOnFurtherPages(t *testing.T) {
	for name, c := range map[string]implants.CardContent{"implant card": implantationWithLines(50), "patient card": withoutNumber(implantationWithLines(50))} {
		t.Run(name, func(t *testing.T) {
			file := saveFile(t, mustRender(t, c))
			text := extractText(t, file)
			if got := strings.Count(text, "Total Knee System"); got != 50 {
				t.Errorf("%d lines are on the card", got)
			}
			sheets := strings.Split(strings.TrimSuffix(text, "\f"), "\f")
			if len(sheets) < 4 || len(sheets) > 7 {
				t.Errorf("%d pages", len(sheets))
			}
			for i, sheet := range sheets {
				for _, s := range []string{string(rune('1'+i)) + "/" + string(rune('0'+len(sheets))), "Jeanne Leroy", "Aantal",
					"Total Knee System", "Hersteller", "keep both"} {
					if !strings.Contains(sheet, s) {
						t.Errorf("page %d lacks %q", i+1, s)
					}
				}
			}
			checkMargins(t, file)
		})
	}
}

func withoutNumber(c implants.CardContent) implants.CardContent {
	c.Number = patientCard().Number
	return c
}

func TestLongValuesWrapInsideTheirColumns(t *testing.T) {
	for name, s := range map[string]string{
		"words":        strings.Repeat("Polytetrafluoroethylene reinforced ", 20),
		"one word":     strings.Repeat("Wm", 400),
		"wide letters": strings.Repeat("⸻", 300),
		"brackets":     strings.Repeat("(", 300),
		"hyphens":      strings.Repeat("W-", 300),
		"marks":        "e" + strings.Repeat("\u0301", 300),
	} {
		t.Run(name, func(t *testing.T) {
			for _, c := range []implants.CardContent{implantationCard(), withoutNumber(explantationCard())} {
				fillFreeTexts(&c, s)
				checkMargins(t, saveFile(t, mustRender(t, c)))
			}
		})
	}
}

// fillFreeTexts sets every free text of a card to s.
func fillFreeTexts(c *implants.CardContent, s string) {
	c.Organisation, c.Patient.FirstName, c.Patient.LastName = s, s, s
	device := *femoral
	device.Name, device.Manufacturer, device.Reference = s, s, s
	for i := range c.Surgeries {
		o := &c.Surgeries[i]
		o.Organisation, o.Specialist.FirstName, o.Specialist.LastName = s, s, s
		for j := range o.Implants {
			p := &o.Implants[j]
			p.UDI, p.Lot, p.Serial, p.Location, p.Reason, p.Device = s, s, s, s, s, &device
		}
	}
}

func TestNamesOfEveryAlphabet(t *testing.T) {
	tests := []struct{ name, given, want string }{
		{"Polish", "Łódź Wałęsa", "Łódź Wałęsa"},
		{"Greek", "Ελλη Παπαδοπούλου", "Ελλη Παπαδοπούλου"},
		{"Cyrillic", "Юлия Щербакова", "Юлия Щербакова"},
		{"Turkish", "Işıl Gökçe Şahin İnce", "Işıl Gökçe Şahin İnce"},
		{"Vietnamese", "Nguyễn Thị Hạnh", "Nguyễn Thị Hạnh"},
		{"Azeri", "Əliyev Rəşad", "Əliyev Rəşad"},
		{"French, decomposed", "Rene\u0301 Franc\u0327ois", "René François"},
		{"German, decomposed", "Mu\u0308ller", "Müller"},
		{"Vietnamese, decomposed", "Nguye\u0302\u0303n Hu\u031bo\u031b\u0300ng", "Nguyễn Hường"},
		{"Czech, decomposed", "Dvor\u030ca\u0301k", "Dvořák"},
		{"Greek, decomposed", "Παπαδοπου\u0301λου", "Παπαδοπούλου"},
		{"Korean, decomposed", "\u1100\u1175\u11b7", "김"},
		{"apostrophe", "D’Hondt (O'Neill) \\ 100 %", "D’Hondt (O'Neill) \\ 100 %"},
		{"control characters", "An\x00na\x1b[31m\r\n\tCla\u0085es\u2028", "An na [31m Cla es"},
		{"bidirectional override", "A\u202e\u2066\u200fB\u061cC\u202c", "ABC"},
		{"invisible", "zero\u200b\u200dwidth\ufeff\u00ad soft", "zero\u200dwidth soft"},
		{"invalid UTF-8", "a\xff\xfeb", "a\ufffd\ufffdb"},
		{"beyond the basic plane", "x𝒳😀y", "x𝒳😀y"},
		{"noncharacters", "a\uffff\ufffeb", "a\ufffd\ufffdb"},
		{"not in the font", "山田 太郎", "山田 太郎"},
		{"private use", "a\ue000b", "ab"},
		{"white space only", " \t\n", "–"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := implantationCard()
			c.Patient.FirstName, c.Patient.LastName = tt.given, ""
			text := extractText(t, saveFile(t, mustRender(t, c)))
			if !strings.Contains(text, tt.want) {
				t.Errorf("%q is not on the card:\n%s", tt.want, text)
			}
		})
	}
}

func TestSameContentGivesSameBytes(t *testing.T) {
	for _, content := range []func() implants.CardContent{implantationCard, explantationCard, patientCard, func() implants.CardContent { return implantationWithLines(50) }} {
		want := mustRender(t, content())
		elsewhere := content()
		elsewhere.IssuedAt = elsewhere.IssuedAt.In(time.FixedZone("far away", 9*3600))
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				got, err := card.Render(elsewhere, card.Options{})
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("another rendering differs (%v)", err)
				}
			})
		}
		all.Wait()
	}
}

func TestTheClockIsNotOnTheCard(t *testing.T) {
	for want, issued := range map[string]time.Time{"2026-11-04T13:20:07Z": implantationCard().IssuedAt, "1970-01-01T00:00:00Z": {}} {
		c := implantationCard()
		c.IssuedAt = issued
		b := mustRender(t, c)
		for _, key := range []string{"<xmp:CreateDate>", "<xmp:ModifyDate>"} {
			if !bytes.Contains(b, []byte(key+want)) {
				t.Errorf("%s is not %s", key, want)
			}
		}
	}
}

func TestFileNameHoldsNoPersonsNumber(t *testing.T) {
	if got := card.FileName(implantationCard()); got != "implant-card-202611040001239.pdf" {
		t.Error(got)
	}
	if got := card.FileName(patientCard()); got != "patient-card.pdf" {
		t.Error(got)
	}
}

func FuzzRender(f *testing.F) {
	f.Add("Łódź", "(01)05410000001047(10)A(21)B", 3)
	f.Add("\x00\xff𝒳", strings.Repeat("W", 700), 0)
	f.Add("", "]d2\x1d", 60)
	f.Fuzz(func(t *testing.T, s, u string, lines int) {
		c := implantationWithLines(max(0, min(lines, 60)))
		fillFreeTexts(&c, s)
		for i := range c.Surgeries[0].Implants {
			c.Surgeries[0].Implants[i].UDI = u
		}
		b, err := card.Render(c, card.Options{})
		if err != nil || !bytes.HasPrefix(b, []byte("%PDF-")) {
			t.Errorf("%d bytes, %v", len(b), err)
		}
	})
}

func concatenate(parts ...[]string) []string {
	var all []string
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func saveFile(t *testing.T, b []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "card.pdf")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
