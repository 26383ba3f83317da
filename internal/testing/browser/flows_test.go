package browser_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/testing/browser"
)

// runEverywhere runs a test with and without scripts, on a desk and on a phone. Names of screenshots differ.
func runEverywhere(t *testing.T, language string, test func(t *testing.T, tab *browser.Tab, name func(step string) string)) {
	t.Helper()
	axe, dir := readAxe(t), pictures(t)
	for _, withScripts := range []bool{true, false} {
		for _, size := range []browser.Size{browser.Desktop, browser.Phone} {
			t.Run(fmt.Sprintf("scripts %t, %d px", withScripts, size.Width), func(t *testing.T) {
				tab := browser.NewTab(t, browser.Options{
					Size: size, Language: language, WithScripts: withScripts, Axe: axe, Pictures: dir,
				})
				test(t, tab, func(step string) string { return fmt.Sprintf("%s-%d-%t", step, size.Width, withScripts) })
			})
		}
	}
}

// notify registers an implantation as Anna Claes, who reads English, and returns its number.
func notify(t *testing.T, tab *browser.Tab, origin, serial string) string {
	t.Helper()
	tab.Open(origin + "/portal/implantations/new?lang=en")
	tab.Fill("Operation date", "20/11/2026")
	tab.Fill("Patient (national number)", "48022907379")
	tab.Fill("Prescriber", "17800389480")
	tab.Fill("Prescription date", "02/11/2026")
	tab.Fill("Notification code", "000071200176")
	tab.Fill("UDI", "(01)05410000001047(17)291231(10)L2201(21)"+serial)
	tab.Click("button", "Continue")
	tab.WaitFor("heading", "Check your answers")
	tab.Click("button", "Confirm")
	tab.WaitFor("heading", "The notification is registered")
	number := regexp.MustCompile(`\d{15}`).FindString(tab.URL())
	if number == "" {
		t.Fatalf("no number:\n%s", tab.Text())
	}
	return number
}

// TestEditNotification: a specialist corrects a notification, goes back and sends the same form again.
func TestEditNotification(t *testing.T) {
	browser.Require(t)
	origin := start(t)
	runEverywhere(t, "en", func(t *testing.T, tab *browser.Tab, name func(string) string) {
		t.Helper()
		signIn(tab, origin, "Anna Claes", "Doctor")
		tab.WaitFor("heading", "Welcome")
		number := notify(t, tab, origin, name("E"))
		page := origin + "/portal/notifications/" + number
		tab.Open(page)
		tab.Click("link", "Edit")
		tab.WaitFor("heading", "Edit notification "+number)
		tab.Check(name("edit"))
		tab.Fill("Operation date", "31/12/2099")
		tab.Click("button", "Continue")
		tab.WaitFor("heading", "There is a problem")
		tab.Check(name("edit-mistakes"))
		tab.Fill("Operation date", "19/11/2026")
		tab.Fill("Comment", "the day before")
		tab.Click("button", "Add implant")
		tab.WaitFor("heading", "Implant 2")
		tab.Check(name("edit-two-implants"))
		tab.Press("Operation date", "\r") // must not remove the first implant
		tab.WaitFor("heading", "Implant 2")
		tab.ClickLast("button", "Remove")
		tab.Click("button", "Continue")
		tab.WaitFor("heading", "Check your answers")
		tab.Check(name("edit-check"))
		tab.Click("button", "Confirm")
		tab.WaitFor("heading", "The change is registered")
		tab.Check(name("edit-registered"))
		tab.BackAndResend()
		tab.WaitFor("heading", "Check your answers")
		tab.Click("button", "Confirm")
		tab.WaitFor("heading", "Notification "+number)
		if text := tab.Text(); !strings.Contains(text, "19/11/2026") || strings.Count(text, "Changed\t") != 1 {
			t.Errorf("the page has another content or history:\n%s", text)
		}
		tab.Check(name("edited"))
	})
}

// TestPatientReadsWhoLooked: a patient reads who used their data, in German, also on later pages.
func TestPatientReadsWhoLooked(t *testing.T) {
	browser.Require(t)
	origin := start(t)
	runEverywhere(t, "de", func(t *testing.T, tab *browser.Tab, name func(string) string) {
		t.Helper()
		signIn(tab, origin, "Anna Claes", "Doctor")
		tab.WaitFor("heading", "Welcome")
		number := notify(t, tab, origin, name("W"))
		for range 20 {
			tab.Open(origin + "/portal/notifications/" + number)
		}
		tab.Click("button", "Sign out")
		tab.WaitFor("heading", "Anmelden")
		signIn(tab, origin, "Jeanne Leroy", "")
		tab.WaitFor("heading", "My implants")
		tab.Open(origin + "/portal/me?lang=de")
		tab.Click("link", "Wer hat meine Daten angesehen?")
		tab.WaitFor("heading", "Wer hat meine Daten angesehen?")
		tab.Check(name("access-log"))
		tab.Click("link", "Weiter")
		tab.WaitFor("link", "Zurück")
		if text := tab.Text(); !strings.Contains(text, "Hat eine Operation registriert") || !strings.Contains(text, "Anna Claes") {
			t.Errorf("the second page lacks the first use:\n%s", text)
		}
		tab.Check(name("access-log-2"))
	})
}

// TestFindCodeByWords: a surgeon who does not know the code of an implant finds it by its name, in Dutch, and keeps what
// they typed.
func TestFindCodeByWords(t *testing.T) {
	browser.Require(t)
	origin := start(t)
	runEverywhere(t, "nl", func(t *testing.T, tab *browser.Tab, name func(string) string) {
		t.Helper()
		signIn(tab, origin, "Anna Claes", "Doctor")
		tab.WaitFor("heading", "Welcome")
		tab.Open(origin + "/portal/implantations/new?lang=nl")
		tab.Fill("Patiënt (INSZ)", "48022907379")
		tab.Click("DisclosureTriangle", "De code zoeken met woorden")
		tab.Fill("Naam, referentie, fabrikant of verdeler", "knee nothing")
		tab.Click("button", "Zoeken")
		tab.WaitForText("Geen implantaat in de lijst bevat al deze woorden.")
		tab.Fill("Naam, referentie, fabrikant of verdeler", "knee ardenne")
		tab.Click("button", "Zoeken")
		tab.WaitFor("button", "Selecteren Total Knee System, femoral component, left, size 5")
		tab.Check(name("find-code"))
		tab.Click("button", "Selecteren Total Knee System, femoral component, left, size 5")
		tab.WaitForText("Verdeler") // of the description below the code
		if code, patient := tab.Value("Notificatiecode implantaat"), tab.Value("Patiënt (INSZ)"); code != "000071200176" || patient != "48022907379" {
			t.Errorf("the code is %q, the patient %q", code, patient)
		}
		tab.Check(name("code-found"))
	})
}

// TestPlacedElsewhere: a surgeon removes an implant that the register does not know, in French.
func TestPlacedElsewhere(t *testing.T) {
	browser.Require(t)
	origin := start(t)
	runEverywhere(t, "fr", func(t *testing.T, tab *browser.Tab, name func(string) string) {
		t.Helper()
		signIn(tab, origin, "Anna Claes", "Doctor")
		tab.WaitFor("heading", "Welcome")
		tab.Open(origin + "/portal/explantations/new?lang=fr")
		tab.Fill("Date de l’opération", "25/11/2026")
		tab.Fill("Patient (NISS)", "48.02.29-073.79")
		tab.Click("button", "Afficher les implants du patient")
		tab.Click("button", "Implant placé ailleurs")
		tab.WaitFor("heading", "Implant placé ailleurs 1")
		tab.Check(name("elsewhere"))
		tab.Click("button", "Continuer")
		tab.WaitFor("heading", "Il y a un problème")
		tab.Check(name("elsewhere-mistakes"))
		tab.Fill("Numéro de lot", "ABROAD-7")
		tab.Fill("Raison du retrait", "usure")
		tab.Click("button", "Continuer")
		tab.WaitFor("heading", "Vérifiez vos réponses")
		tab.Check(name("elsewhere-check"))
		tab.Click("button", "Confirmer")
		tab.WaitFor("heading", "La notification est enregistrée")
		tab.Check(name("elsewhere-registered"))
		if text := tab.Text(); !strings.Contains(text, "ABROAD-7") {
			t.Errorf("the page lacks the implant:\n%s", text)
		}
	})
}
